//! Who we are to a server, and who it is to us: certificates, nkeys and credentials on the genuine server.

use std::{fs, time::Duration};

use bus::{Bus as _, ErrorClass, conformance::market};
use bus_nats::{Identity, NatsBus, NatsError, Options, Tls};
use nkeys::KeyPair;
use serde_json::{Value, json};
use servers::{Authority, Certificate, NatsServer, Settings};

use crate::rig::options;

/// How long a refusal may take: it is said at once, not when the patience for outages is over.
const AT_ONCE: Duration = Duration::from_secs(60);

fn refusal(options: Options) -> NatsError {
    let options = Options { outage_patience: AT_ONCE * 2, ..options };
    let (say, said) = std::sync::mpsc::channel();
    let _ = std::thread::spawn(move || say.send(NatsBus::open(options).map(drop)));
    let error = said.recv_timeout(AT_ONCE).expect("an answer").expect_err("it must not open");
    NatsError::of(&error).unwrap_or_else(|| panic!("not the engine's own: {error}")).clone()
}

fn opens(options: Options) {
    let mut bus = NatsBus::open(options).unwrap();
    let _ = bus.commit(&[market(1..=3)]).unwrap();
    assert_eq!(bus.read(0, 10).unwrap().len(), 4);
}

fn start(lines: String) -> NatsServer {
    NatsServer::start(Settings { lines, ..Settings::default() }).unwrap()
}

fn tls_block(of: &Certificate, more: &str) -> String {
    let Certificate { certificate, key } = of;
    format!("tls {{\ncert_file: {certificate:?}\nkey_file: {key:?}\n{more}\n}}\n")
}

#[test]
fn a_server_is_believed_by_whom_its_authority_is_trusted() {
    let (ours, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let server = start(tls_block(&ours.issue("127.0.0.1").unwrap(), ""));
    let trusting = |authorities: Vec<_>| Options {
        tls: Tls { required: true, authorities, ..Tls::default() },
        ..options(&server.url())
    };
    opens(trusting(vec![ours.certificate()]));
    for authorities in [vec![other.certificate()], vec![]] {
        let refused = refusal(trusting(authorities));
        assert!(matches!(refused, NatsError::Option { option: "tls", .. }), "{refused}");
        assert_eq!(refused.class(), ErrorClass::Fatal);
        assert!(refused.to_string().contains("certificate"), "{refused}");
    }
    // Its certificate is another host's.
    let elsewhere = start(tls_block(&ours.issue("desk.example").unwrap(), ""));
    let refused = refusal(Options { url: elsewhere.url(), ..trusting(vec![ours.certificate()]) });
    assert!(matches!(refused, NatsError::Option { option: "tls", .. }), "{refused}");
    let missing = ours.certificate().with_extension("none");
    let refused = refusal(trusting(vec![missing]));
    assert!(matches!(refused, NatsError::Option { option: "tls", .. }), "{refused}");
}

#[test]
fn a_server_that_asks_for_a_certificate_takes_one_of_its_authority() {
    let (ours, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let verify = format!("ca_file: {:?}\nverify: true", ours.certificate());
    let server = start(tls_block(&ours.issue("127.0.0.1").unwrap(), &verify));
    let showing = |of: Option<Certificate>| Options {
        tls: Tls {
            required: true,
            authorities: vec![ours.certificate()],
            certificate: of.map(|of| (of.certificate, of.key)),
            ..Tls::default()
        },
        ..options(&server.url())
    };
    opens(showing(Some(ours.issue("desk").unwrap())));
    for of in [None, Some(other.issue("desk").unwrap())] {
        let refused = refusal(showing(of));
        let says =
            matches!(refused, NatsError::Option { option: "tls", .. } | NatsError::Denied { .. });
        assert!(says, "{refused}");
        assert_eq!(refused.class(), ErrorClass::Fatal);
    }
}

#[test]
fn an_nkey_that_the_server_knows_opens_and_another_does_not() {
    let home = tempfile::tempdir().unwrap();
    let (ours, other) = (KeyPair::new_user(), KeyPair::new_user());
    let server =
        start(format!("authorization {{ users = [ {{ nkey: {} }} ] }}\n", ours.public_key()));
    let signing = |of: &KeyPair| {
        let file = home.path().join(of.public_key());
        fs::write(&file, of.seed().unwrap() + "\n").unwrap();
        let identity = Identity { nkey: Some(file), ..Identity::default() };
        Options { identity, ..options(&server.url()) }
    };
    opens(signing(&ours));
    for stranger in [signing(&other), options(&server.url())] {
        let refused = refusal(stranger);
        assert!(matches!(refused, NatsError::Denied { .. }), "{refused}");
        assert!(!refused.to_string().contains(&other.seed().unwrap()), "{refused}");
    }
    let garbled = home.path().join("garbled");
    fs::write(&garbled, "no seed").unwrap();
    let identity = Identity { nkey: Some(garbled), ..Identity::default() };
    let refused = refusal(Options { identity, ..options(&server.url()) });
    assert!(matches!(refused, NatsError::Option { option: "nkey", .. }), "{refused}");
}

/// Bytes as a JWT has them.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digit = |sextet: u32| char::from(DIGITS[(sextet & 63) as usize]);
    let group = |three: &[u8]| {
        let word = three.iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        let digits = [18, 12, 6, 0].map(|shift| digit(word >> shift));
        digits.into_iter().take(three.len() + 1)
    };
    bytes.chunks(3).flat_map(group).collect()
}

/// What `issuer` says of `subject`, signed.
fn token(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let head = json!({ "typ": "JWT", "alg": "ed25519-nkey" }).to_string();
    let body = json!({
        "jti": subject.public_key(),
        "iat": 1_700_000_000,
        "iss": issuer.public_key(),
        "sub": subject.public_key(),
        "name": "desk",
        "nats": claims,
    });
    let said = format!("{}.{}", base64(head.as_bytes()), base64(body.to_string().as_bytes()));
    let signature = issuer.sign(said.as_bytes()).unwrap();
    format!("{said}.{}", base64(&signature))
}

#[test]
fn credentials_of_an_account_open_and_those_of_another_do_not() {
    let home = tempfile::tempdir().unwrap();
    let operator = KeyPair::new_operator();
    let (desk, system, stranger) =
        (KeyPair::new_account(), KeyPair::new_account(), KeyPair::new_account());
    let unlimited = ["subs", "data", "payload", "imports", "exports", "conn", "leaf"];
    let store = ["mem_storage", "disk_storage", "streams", "consumer"];
    let mut limits: serde_json::Map<_, _> =
        unlimited.into_iter().chain(store).map(|name| (name.into(), json!(-1))).collect();
    let _ = limits.insert("wildcards".into(), true.into());
    let account = |of: &KeyPair, limits: Value| {
        token(&operator, of, &json!({ "type": "account", "version": 2, "limits": limits }))
    };
    let of_operator = token(&operator, &operator, &json!({ "type": "operator", "version": 2 }));
    for name in store {
        let _ = limits.insert(name.into(), json!(-1));
    }
    let of_desk = account(&desk, limits.clone().into());
    for name in store {
        let _ = limits.insert(name.into(), json!(0));
    }
    let of_system = account(&system, limits.into());
    let server = start(format!(
        "operator: {of_operator}\nsystem_account: {}\nresolver: MEMORY\n\
         resolver_preload: {{\n{}: {of_desk}\n{}: {of_system}\n}}\n",
        system.public_key(),
        desk.public_key(),
        system.public_key(),
    ));
    let user_of = |account: &KeyPair| {
        let user = KeyPair::new_user();
        let claims = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
        let file = home.path().join(user.public_key());
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            token(account, &user, &claims),
            user.seed().unwrap(),
        );
        fs::write(&file, text).unwrap();
        let identity = Identity { credentials: Some(file), ..Identity::default() };
        Options { identity, ..options(&server.url()) }
    };
    opens(user_of(&desk));
    let refused = refusal(user_of(&stranger));
    assert!(matches!(refused, NatsError::Denied { .. }), "{refused}");
    // An account may be known and have no room for streams.
    let refused = refusal(Options { answer_patience: Duration::from_secs(1), ..user_of(&system) });
    assert!(matches!(refused, NatsError::NoJetStream { .. }), "{refused}");
}
