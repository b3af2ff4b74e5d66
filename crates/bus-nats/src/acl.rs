//! Who may do what, in the server's own words.
//!
//! A role writes what its sources emit, and nothing else: a subject names the source, so the server
//! can tell. Every role reads, since a fold needs all of it. Making the stream is a role of its own,
//! and nobody may delete it, purge it or take a message out. A producer outside has a place of its own,
//! and sees nothing.

use std::fmt::Write as _;

use bus::Stream;

use crate::{
    advisory, granted,
    subject::{self, PROGRESS_PLACE},
    tail,
};

/// What somebody does on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role<'a> {
    /// The user's name.
    pub name: &'a str,
    /// What the names of its sources begin with: `risk` for `risk/PAPER`, `timer/risk` for the timers of
    /// that; `*` for whatever they are.
    pub sources: &'a [&'a str],
    /// The streams it writes.
    pub streams: &'a [Stream],
    /// Whether it makes the stream.
    pub makes_stream: bool,
    /// Whether it is a producer outside, which offers events and does nothing else.
    pub offers: bool,
}

/// The subjects that answers to a user come on begin with this.
#[must_use]
pub fn inbox_of(user: &str) -> String {
    format!("_INBOX_{user}")
}

impl Role<'_> {
    /// The subjects its answers come on begin with this.
    #[must_use]
    pub fn inbox(&self) -> String {
        inbox_of(self.name)
    }

    /// Subjects it may publish on.
    #[must_use]
    pub fn publishes(&self, prefix: &str) -> Vec<String> {
        if self.offers {
            return vec![subject::offers(prefix), granted::SUBJECT.into()];
        }
        let reads = ["STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET", "CONSUMER.CREATE"];
        let mut subjects: Vec<String> = reads.map(|what| format!("$JS.API.{what}.{prefix}")).into();
        subjects.push(format!("$JS.API.CONSUMER.MSG.NEXT.{prefix}.>"));
        // What it may do, which it may know.
        subjects.push(granted::SUBJECT.into());
        if self.makes_stream {
            subjects.push(format!("$JS.API.STREAM.CREATE.{prefix}"));
            subjects.push(format!("$JS.API.STREAM.UPDATE.{prefix}"));
        }
        for source in self.sources.iter().map(|source| source.replace('/', ".")) {
            let places = self.streams.iter().map(|stream| format!("{}.*", stream.as_str()));
            for place in places.chain([PROGRESS_PLACE.to_string()]) {
                subjects.push(format!("{prefix}.{place}.{source}"));
                subjects.push(format!("{prefix}.{place}.{source}.>"));
            }
        }
        if !self.sources.is_empty() {
            subjects.push(tail::subject(prefix));
        }
        subjects
    }

    /// Subjects it may subscribe to.
    #[must_use]
    pub fn subscribes(&self, prefix: &str) -> Vec<String> {
        let inbox = format!("{}.>", self.inbox());
        if self.offers {
            return vec![inbox];
        }
        vec![inbox, tail::subject(prefix), advisory::subject(prefix)]
    }
}

/// The `authorization` block of a server's configuration: a user per role, whose password is the
/// variable `BLOTTER_<ROLE>`, given in the server's environment or configuration.
#[must_use]
pub fn authorization(prefix: &str, roles: &[Role<'_>]) -> String {
    let mut text = String::from("authorization {\n  users = [\n");
    for role in roles {
        let list = |subjects: Vec<String>| {
            let quoted = subjects.iter().map(|subject| format!("{subject:?}"));
            quoted.collect::<Vec<_>>().join(", ")
        };
        let variable = role.name.to_ascii_uppercase();
        let _ = writeln!(
            text,
            "    {{ user: {:?}, password: $BLOTTER_{variable}, permissions: {{\n      \
             publish: {{ allow: [{}] }}\n      subscribe: {{ allow: [{}] }}\n    }} }}",
            role.name,
            list(role.publishes(prefix)),
            list(role.subscribes(prefix)),
        );
    }
    text.push_str("  ]\n}\n");
    text
}
