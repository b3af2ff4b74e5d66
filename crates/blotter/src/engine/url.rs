//! A bus by its URL.

use std::{fmt, str::FromStr};

use super::{Access, Engine, EngineError, Remote};

/// The engine in the data directory, by name.
const EMBEDDED: &str = "embedded";
/// What names on a NATS server begin with where nobody says otherwise.
const NATS_PREFIX: &str = "BLOTTER";
/// What names of topics begin with where nobody says otherwise.
const KAFKA_PREFIX: &str = "blotter";

impl FromStr for Engine {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        if text == EMBEDDED {
            return Ok(Self::Embedded);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
        match scheme {
            "nats" => remote("nats", rest, NATS_PREFIX).map(Self::Nats),
            // Who we are stands in a file: a URL is seen by every process of the machine.
            "kafka" if rest.contains('@') => Err(EngineError::Form { scheme: "kafka" }),
            "kafka" => remote("kafka", rest, KAFKA_PREFIX).map(Self::Kafka),
            _ => Err(EngineError::Scheme { scheme: scheme.into() }),
        }
    }
}

impl Remote {
    /// The servers, each without what stands in front of `@`.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let public =
            |server: &str| server.rsplit_once('@').map_or(server, |(_, server)| server).to_owned();
        self.servers.split(',').map(public).collect()
    }

    /// The user that the URL names, where it can be a part of a subject.
    #[cfg_attr(not(feature = "nats"), expect(dead_code, reason = "only NATS has it in its URL"))]
    pub(super) fn user(&self) -> Option<&str> {
        let (identity, _) = self.servers.split(',').next()?.rsplit_once('@')?;
        // Without a password it is a token, which names nobody.
        let (user, _) = identity.split_once(':')?;
        (!user.is_empty() && user.chars().all(is_name)).then_some(user)
    }
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

fn remote(scheme: &'static str, rest: &str, default: &str) -> Result<Remote, EngineError> {
    let rest = rest.trim_end_matches('/');
    let (servers, prefix) = rest.split_once('/').unwrap_or((rest, default));
    if servers.is_empty() || prefix.is_empty() || !prefix.chars().all(is_name) {
        return Err(EngineError::Form { scheme });
    }
    let (servers, prefix) = (servers.into(), prefix.into());
    Ok(Remote { servers, prefix, access: Access::default() })
}

/// The engine's URL, without what stands in front of `@`: a secret is written nowhere.
impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, remote) = match self {
            Self::Embedded => return f.write_str(EMBEDDED),
            Self::Nats(remote) => ("nats", remote),
            Self::Kafka(remote) => ("kafka", remote),
        };
        write!(f, "{scheme}://{}/{}", remote.hosts().join(","), remote.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_is_named_by_a_url_and_shown_without_its_secret() {
        let cases = [
            ("embedded", "embedded"),
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222/BLOTTER"),
            ("nats://127.0.0.1:4222/", "nats://127.0.0.1:4222/BLOTTER"),
            ("nats://ada:secret@host:4222/DESK", "nats://host:4222/DESK"),
            ("nats://a:1,ada:secret@b:2/DESK", "nats://a:1,b:2/DESK"),
            ("kafka://127.0.0.1:9092", "kafka://127.0.0.1:9092/blotter"),
            ("kafka://a:1,b:2/desk", "kafka://a:1,b:2/desk"),
        ];
        for (text, shown) in cases {
            assert_eq!(text.parse::<Engine>().unwrap().to_string(), shown);
            assert_eq!(shown.parse::<Engine>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_user_is_read_where_it_can_be_a_part_of_a_subject() {
        let user = |text: &str| match text.parse::<Engine>() {
            Ok(Engine::Nats(remote)) => remote.user().map(str::to_owned),
            other => panic!("{other:?}"),
        };
        assert_eq!(user("nats://run:pw@host:4222,other:4222").as_deref(), Some("run"));
        for nobody in ["nats://host", "nats://token@host", "nats://a*b:pw@host", "nats://:pw@host"]
        {
            assert_eq!(user(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn what_names_no_bus_is_refused() {
        for text in [
            "",
            "host:4222",
            "http://host",
            "nats://",
            "nats://host/a.b",
            "nats://host/a b",
            "kafka://",
            "kafka://host/a/b",
            "kafka://ada:secret@host:9092",
        ] {
            assert!(text.parse::<Engine>().is_err(), "{text}");
        }
    }
}
