//! Servers that are not there, not willing, not as they should be; and what is said then.

use std::time::Duration;

use bus::{
    Bus as _, BusError, Class, ErrorClass,
    conformance::{market, order_unit},
};
use bus_nats::{
    Granted, Identity, NatsBus, NatsError, Options, Tls,
    acl::{self, Role},
};
use event::Family;
use servers::{NatsServer, Settings, free_port};

use crate::rig::{admin, ask, is_denied, options};

fn refusal(options: Options) -> NatsError {
    let error = NatsBus::open(options).expect_err("it must not open");
    NatsError::of(&error).unwrap_or_else(|| panic!("not the engine's own: {error}")).clone()
}

#[test]
fn a_url_that_is_none_is_refused_at_once() {
    let refused = refusal(options("nats://:x:y"));
    assert!(matches!(refused, NatsError::Option { option: "url", .. }), "{refused}");
}

#[test]
fn a_prefix_that_is_no_single_token_is_refused() {
    let server = NatsServer::start(Settings::default()).unwrap();
    for prefix in ["", "a.b", "a*", "a b", ">"] {
        let refused = refusal(Options { prefix: prefix.into(), ..options(&server.url()) });
        assert!(matches!(refused, NatsError::Option { option: "prefix", .. }), "{refused}");
    }
}

#[test]
fn a_server_that_fsyncs_no_more_after_a_restart_stops_the_writer() {
    let mut server = NatsServer::start(Settings::fsync()).unwrap();
    let monitor = Some(server.monitor_url());
    let strict = Options { accept_lazy: false, monitor, ..options(&server.url()) };
    let mut bus = NatsBus::open(strict).unwrap();
    let _ = bus.commit(&[market(1..=1)]).unwrap();
    server.stop().unwrap();
    server.settings().sync_always = false;
    server.start_again().unwrap();
    for _ in 0..2 {
        let refused = bus.commit(&[market(2..=2)]).unwrap_err();
        assert!(matches!(NatsError::of(&refused), Some(NatsError::Lazy { .. })), "{refused}");
    }
}

#[test]
fn a_server_that_never_comes_is_named_without_its_password() {
    let patience = Duration::from_millis(300);
    let url = format!("nats://me:secret@127.0.0.1:{}", free_port().unwrap());
    let refused = refusal(Options { outage_patience: patience, ..options(&url) });
    assert!(matches!(refused, NatsError::Unreachable { .. }), "{refused}");
    assert_eq!(refused.class(), ErrorClass::Retry);
    let said = refused.to_string();
    assert!(said.contains("127.0.0.1") && !said.contains("secret"), "{said}");
}

#[test]
fn a_server_that_comes_later_is_waited_for() {
    let port = free_port().unwrap();
    let options = options(&format!("nats://127.0.0.1:{port}"));
    let opening = std::thread::spawn(move || NatsBus::open(options));
    let _server = NatsServer::start_at(port, Settings::default()).unwrap();
    let mut bus = opening.join().unwrap().unwrap();
    let _ = bus.commit(&[market(1..=1)]).unwrap();
}

#[test]
fn a_server_without_jetstream_is_named_as_such() {
    let settings = Settings { without_jetstream: true, ..Settings::default() };
    let server = NatsServer::start(settings).unwrap();
    let patience = Duration::from_millis(300);
    let refused = refusal(Options { outage_patience: patience, ..options(&server.url()) });
    assert!(matches!(refused, NatsError::NoJetStream { .. }), "{refused}");
}

#[test]
fn a_server_that_is_too_old_is_named_with_its_version() {
    let server = NatsServer::start(Settings { is_old: true, ..Settings::default() }).unwrap();
    let refused = refusal(options(&server.url()));
    assert!(matches!(&refused, NatsError::TooOld { found, .. } if found == "2.11.11"), "{refused}");
    assert_eq!(refused.class(), ErrorClass::Fatal);
}

#[test]
fn a_stream_configured_otherwise_is_refused_and_left_alone() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let right = options(&server.url());
    drop(NatsBus::open(right.clone()).unwrap());
    let info = admin(&server.url(), &format!("STREAM.INFO.{}", right.prefix), &().into());
    for (setting, wrong) in [
        ("retention", serde_json::json!("interest")),
        ("storage", "memory".into()),
        ("discard", "old".into()),
        ("max_age", 1_000_000_000_000_u64.into()),
        ("max_msgs", 1000.into()),
        ("max_msgs_per_subject", 5.into()),
        ("deny_delete", false.into()),
        ("deny_purge", false.into()),
        ("allow_direct", false.into()),
        ("allow_atomic", false.into()),
        ("no_ack", true.into()),
    ] {
        let wrongly = options(&server.url());
        let mut config = info["config"].clone();
        config["name"] = wrongly.prefix.clone().into();
        config["subjects"] = serde_json::json!([format!("{}.>", wrongly.prefix)]);
        config[setting] = wrong;
        if setting == "no_ack" {
            config["allow_atomic"] = false.into();
        }
        let what = format!("STREAM.CREATE.{}", wrongly.prefix);
        let made = admin(&server.url(), &what, &config);
        let NatsError::Configured { setting: named, .. } = refusal(wrongly.clone()) else {
            panic!("{setting}")
        };
        let drift = NatsBus::plan(wrongly.clone()).unwrap();
        assert!(drift.iter().any(|drift| drift.setting == setting), "{setting}: {drift:?}");
        assert!(NatsBus::apply(wrongly.clone()).is_err(), "{setting}");
        assert!(named == setting || setting == "no_ack", "{setting}, {named} was named");
        let what = format!("STREAM.INFO.{}", wrongly.prefix);
        assert_eq!(admin(&server.url(), &what, &().into())["config"], made["config"]);
    }
    assert!(NatsBus::plan(right.clone()).unwrap().is_empty());
    drop(NatsBus::open(right).unwrap());
}

#[test]
fn a_class_that_cannot_be_verified_is_lazy_and_refused_unless_accepted() {
    let (lazy, fsync) = (
        NatsServer::start(Settings::default()).unwrap(),
        NatsServer::start(Settings::fsync()).unwrap(),
    );
    let strict = |server: &NatsServer, monitor: Option<&NatsServer>| Options {
        accept_lazy: false,
        monitor: monitor.map(NatsServer::monitor_url),
        ..options(&server.url())
    };
    for (server, monitor) in [(&fsync, None), (&lazy, Some(&lazy)), (&lazy, Some(&fsync))] {
        let refused = refusal(strict(server, monitor));
        assert!(matches!(refused, NatsError::Lazy { .. }), "{refused}");
    }
    let bus = NatsBus::open(strict(&fsync, Some(&fsync))).unwrap();
    assert_eq!(bus.class(), Class::Fsync);
    let accepted = Options { accept_lazy: true, ..strict(&lazy, Some(&lazy)) };
    assert_eq!(NatsBus::open(accepted).unwrap().class(), Class::Lazy);
    let dead = Options { monitor: Some("http://127.0.0.1:1".into()), ..strict(&fsync, None) };
    assert!(matches!(refusal(dead), NatsError::Lazy { .. }));
}

fn as_user(server: &NatsServer, name: &str, password: &str, prefix: &str) -> Options {
    Options {
        prefix: prefix.into(),
        identity: Identity { user: Some((name.into(), password.into())), ..Identity::default() },
        inbox: Some(format!("_INBOX_{name}")),
        outage_patience: Duration::from_secs(5),
        ..options(&server.url())
    }
}

const fn role<'a>(name: &'a str, sources: &'a [&'a str], streams: &'a [Family]) -> Role<'a> {
    Role { name, sources, streams, makes_stream: false, offers: false }
}

const ROLES: [Role<'static>; 6] = [
    Role { offers: true, ..role("producer", &[], &[]) },
    Role { makes_stream: true, ..role("admin", &[], &[]) },
    role("reader", &[], &[]),
    role("ingress", &["file", "feed"], &[Family::Market]),
    role("agents", &["risk", "trader"], &[Family::Order, Family::Control]),
    role("gateway", &["gateway", "broker"], &[Family::Order, Family::Execution]),
];

#[test]
fn each_role_may_do_its_own_and_nothing_else() {
    let passwords: String =
        ROLES.map(|role| format!("BLOTTER_{}: \"pw\"\n", role.name.to_uppercase())).concat();
    let lines = format!("{passwords}{}", acl::authorization("BUS", &ROLES));
    let server = NatsServer::start(Settings { lines, ..Settings::default() }).unwrap();
    let open = |name: &str| NatsBus::open(as_user(&server, name, "pw", "BUS"));

    let refused = NatsBus::open(as_user(&server, "admin", "guessed", "BUS")).unwrap_err();
    assert!(matches!(NatsError::of(&refused), Some(NatsError::Denied { .. })), "{refused}");
    // Only one role makes the stream.
    let refused = open("ingress").unwrap_err();
    assert!(matches!(NatsError::of(&refused), Some(NatsError::Denied { .. })), "{refused}");
    drop(open("admin").unwrap());

    let mut ingress = open("ingress").unwrap();
    let _ = ingress.commit(&[market(1..=3)]).unwrap();
    let mut agents = open("agents").unwrap();
    let _ = agents.commit(&[order_unit("risk/A", 1..=2, 1)]).unwrap();
    // Another's source, in each direction, and a reader that writes.
    let denied: [(&str, bus::Unit); 4] = [
        ("agents", market(4..=4)),
        ("ingress", order_unit("risk/A", 3..=3, 2)),
        ("gateway", order_unit("risk/A", 3..=3, 2)),
        ("reader", market(4..=4)),
    ];
    for (name, unit) in denied {
        let mut bus = open(name).unwrap();
        let refused = bus.commit(&[unit]).unwrap_err();
        let Some(NatsError::Denied { why, .. }) = NatsError::of(&refused) else {
            panic!("{name}: {refused}")
        };
        assert!(why.contains("BUS."), "{why}");
        assert_eq!(refused.class(), ErrorClass::Fatal);
    }
    let mut reader = open("reader").unwrap();
    assert_eq!(reader.read(0, 100).unwrap().len(), 7);
    assert_eq!(reader.reader().unwrap().next_entries().unwrap().len(), 7);
    for (what, denied) in [("DELETE", true), ("PURGE", true), ("INFO", false)] {
        let subject = format!("$JS.API.STREAM.{what}.BUS");
        assert_eq!(is_denied(&server.url(), "admin", &subject), denied, "{what}");
    }
    // A producer outside offers, and sees nothing.
    for (subject, denied) in [
        ("BUS.in.alpha", false),
        ("BUS.market.1.file", true),
        ("BUS.log", true),
        ("$JS.API.STREAM.MSG.GET.BUS", true),
        ("$JS.API.CONSUMER.CREATE.BUS", true),
    ] {
        assert_eq!(is_denied(&server.url(), "producer", subject), denied, "{subject}");
    }
    // The server says itself what it lets a role do.
    for role in &ROLES {
        let granted = NatsBus::granted(as_user(&server, role.name, "pw", "BUS")).unwrap().unwrap();
        let sorted = |mut subjects: Vec<String>| {
            subjects.sort();
            Some(subjects)
        };
        let Granted { user, publishes, subscribes } = granted;
        assert_eq!(user, role.name);
        assert_eq!(publishes.and_then(sorted), sorted(role.publishes("BUS")));
        assert_eq!(subscribes.and_then(sorted), sorted(role.subscribes("BUS")));
    }
    // Who it is may stand in the URL.
    let url = format!("nats://reader:pw@127.0.0.1:{}", server.port());
    let in_url =
        Options { url, identity: Identity::default(), ..as_user(&server, "reader", "", "BUS") };
    drop(NatsBus::open(in_url).unwrap());
}

#[test]
fn a_file_with_no_key_in_it_is_named() {
    let home = tempfile::tempdir().unwrap();
    let server = NatsServer::start(Settings::default()).unwrap();
    let missing =
        Identity { credentials: Some(home.path().join("none.creds")), ..Identity::default() };
    let refused = refusal(Options { identity: missing, ..options(&server.url()) });
    assert!(matches!(refused, NatsError::Option { option: "credentials", .. }), "{refused}");
    let missing = Identity { nkey: Some(home.path().join("none.nk")), ..Identity::default() };
    let refused = refusal(Options { identity: missing, ..options(&server.url()) });
    assert!(matches!(refused, NatsError::Option { option: "nkey", .. }), "{refused}");
}

#[test]
fn a_connection_that_must_be_encrypted_is_not_made_in_the_clear() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let refused = refusal(Options {
        tls: Tls { required: true, ..Tls::default() },
        outage_patience: Duration::from_secs(2),
        ..options(&server.url())
    });
    let refuses =
        matches!(refused, NatsError::Option { option: "tls", .. } | NatsError::Unreachable { .. });
    assert!(refuses, "{refused}");
}

#[test]
fn room_that_the_server_limits_is_full_and_comes_back() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options =
        Options { max_bytes: Some(200 << 10), reserve_bytes: 64 << 10, ..options(&server.url()) };
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let full = (1..1000).find_map(|seq| bus.commit(&[market(seq..=seq)]).err()).unwrap();
    assert!(matches!(full, BusError::Full { what: "market data" }));
    let full = (1..1000).find_map(|seq| bus.commit(&[order_unit("risk/A", seq..=seq, 1)]).err());
    let full = full.unwrap();
    assert!(matches!(full, BusError::Full { what: "new events" }));
    let next = bus.next_index();
    let info = ask(&server.url(), &format!("STREAM.INFO.{}", options.prefix), &().into());
    assert_eq!(info["state"]["last_seq"].as_u64(), Some(next));
    let mut config = info["config"].clone();
    config["max_bytes"] = (1 << 20).into();
    let _ = admin(&server.url(), &format!("STREAM.UPDATE.{}", options.prefix), &config);
    let seq = bus.high_water(bus::conformance::source("file/090909090909")) + 1;
    assert_eq!(bus.commit(&[market(seq..=seq)]).unwrap()[0][0].index, next);
}
