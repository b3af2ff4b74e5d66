//! What is refused, and how it is said.

use std::time::Duration;

use bus::{
    Bus as _, BusError, Drift, ErrorClass, Record, Topology, Unit,
    conformance::{decision, market, order_unit, source, tick},
};
use bus_kafka::{ClientSettings, Durability, KafkaBus, Names, Options};
use event::{Body, operations::TradingHalted};
use rdkafka::{
    ClientConfig,
    admin::{
        AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
};
use servers::{KafkaServer, KafkaSettings, free_port};

use crate::rig::{block_on, delete, delete_topics, open, options, wall_clock};

/// A unit with an event that no server takes by default.
pub(crate) fn too_large(task: &str) -> Unit {
    let event = decision(task, 1, &tick(1));
    let body = TradingHalted { account: None, reason: "x".repeat(1_100_000), by: task.into() };
    let record = Record::of_event(
        std::sync::Arc::new(event::Event { body: Body::from(body), ..event }),
        &Topology::shipped(),
    );
    Unit::of_roots(source(task), vec![record])
}

fn refused(options: &Options) -> BusError {
    KafkaBus::open(options.clone(), wall_clock).unwrap_err()
}

fn admin(brokers: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap()
}

#[test]
fn a_wrong_address_is_said_to_be_one() {
    let brokers = format!("127.0.0.1:{}", free_port().unwrap());
    let options = Options { patience: Duration::from_secs(2), ..options(&brokers) };
    let error = refused(&options);
    assert!(error.to_string().starts_with("E2401"), "{error}");
    assert!(error.to_string().contains(&brokers), "{error}");
    assert_eq!(error.class(), ErrorClass::Retry);
}

#[test]
fn an_event_that_is_too_large_is_rejected_and_the_next_goes_through() {
    let options = options(&KafkaServer::shared().unwrap());
    let mut bus = open(&options);
    for _ in 0..2 {
        let error = bus.commit(&[too_large("risk/A")]).unwrap_err();
        assert!(error.to_string().starts_with("E2407"), "{error}");
        assert_eq!(error.class(), ErrorClass::Reject);
    }
    // The client lets it through, the server's topic does not take it.
    let names = Names::new(&options.prefix);
    let config = AlterConfig::new(ResourceSpecifier::Topic(names.of(event::Family::Control)))
        .set("max.message.bytes", "100")
        .set("retention.ms", "-1");
    let _ =
        block_on(admin(&options.brokers).alter_configs([&config], &AdminOptions::new())).unwrap();
    // The server takes to its new configuration in its own time.
    let next = |n| order_unit("risk/A", n..=n, n);
    let error = (1..10_000).find_map(|n| bus.commit(&[next(n)]).err()).unwrap();
    assert!(error.to_string().starts_with("E2407"), "{error}");
    let end = bus.next_index();
    let answers = bus.commit(&[market(1..=2)]).unwrap();
    assert_eq!(answers[0][0].index, end);
    drop(bus);
    delete_topics(&options);
}

#[test]
fn a_partial_topology_is_refused_by_name() {
    let options = options(&KafkaServer::shared().unwrap());
    drop(open(&options));
    let names = Names::new(&options.prefix);
    let market = names.of(event::Family::Market);
    delete(&options.brokers, &[market]);
    let error = refused(&options);
    assert!(error.to_string().starts_with("E2404"), "{error}");
    assert!(error.to_string().contains(market), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
    let other = NewTopic::new(market, 3, TopicReplication::Fixed(1));
    let _ =
        block_on(admin(&options.brokers).create_topics([&other], &AdminOptions::new())).unwrap();
    let error = refused(&options);
    assert!(error.to_string().contains("partitions 3, needed is 16"), "{error}");
    // A part of a bus that is gone is never made anew as if it had not been there.
    let applied = KafkaBus::apply(options.clone()).unwrap_err();
    assert_eq!(applied.to_string(), error.to_string());
    let drift = KafkaBus::plan(options.clone()).unwrap();
    assert!(drift.iter().any(|drift| drift.object == market && !drift.is_missing()), "{drift:?}");
    delete_topics(&options);
}

#[test]
fn a_topic_that_removes_entries_by_itself_is_refused() {
    let options = options(&KafkaServer::shared().unwrap());
    drop(open(&options));
    let names = Names::new(&options.prefix);
    let config = AlterConfig::new(ResourceSpecifier::Topic(names.order()))
        .set("retention.ms", "1000")
        .set("retention.bytes", "-1");
    let _ =
        block_on(admin(&options.brokers).alter_configs([&config], &AdminOptions::new())).unwrap();
    let error = refused(&options);
    assert!(error.to_string().contains("retention.ms 1000, needed is -1"), "{error}");
    let drift = KafkaBus::plan(options.clone()).unwrap();
    let [Drift { object, setting: "retention.ms", found, .. }] = &drift[..] else {
        panic!("{drift:?}")
    };
    assert_eq!((object.as_str(), found.as_str()), (names.order(), "1000"));
    delete_topics(&options);
}

#[test]
fn servers_that_may_lose_what_they_acknowledged_are_refused_unless_accepted() {
    let lazy = options(&KafkaServer::shared().unwrap());
    let strict = Options { accept_lazy: false, ..lazy.clone() };
    let error = refused(&strict);
    assert!(error.to_string().starts_with("E2405"), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert_eq!(open(&lazy).durability(), Durability::Lazy);
    delete_topics(&lazy);
    let settings = KafkaSettings { sync_always: true, ..KafkaSettings::default() };
    let server = KafkaServer::start(settings).unwrap();
    let strict = Options { brokers: server.brokers(), ..strict };
    assert_eq!(open(&strict).durability(), Durability::Fsync);
}

/// A listener that lets nobody in but `ada`.
const LETS_ADA_IN: &str = "\
listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.plaintext.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required \
username=\"server\" password=\"itself\" user_server=\"itself\" user_ada=\"s3cret\";
";

/// Who is not believed is told so at once, not after the patience there is for outages, and its
/// password is in none of the words; who is believed writes and reads.
#[test]
fn who_is_not_believed_is_told_so_and_who_is_writes() {
    let settings = KafkaSettings { lines: LETS_ADA_IN.into(), ..KafkaSettings::default() };
    let server = KafkaServer::start(settings).unwrap();
    let as_ada = |password: &str| {
        ClientSettings::default()
            .with("security.protocol", "SASL_PLAINTEXT")
            .with("sasl.mechanisms", "PLAIN")
            .with("sasl.username", "ada")
            .with("sasl.password", password)
    };
    let ada = Options { settings: as_ada("s3cret"), ..options(&server.brokers()) };
    let eve =
        Options { settings: as_ada("gue55ed"), patience: Duration::from_secs(90), ..ada.clone() };
    let error = refused(&eve);
    assert!(error.to_string().starts_with("E2402"), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(!format!("{error:?} {eve:?}").contains("gue55ed"), "{error:?}");
    let mut bus = open(&ada);
    let _ = bus.commit(&[market(1..=2)]).unwrap();
    let mut reader = KafkaBus::follow(ada.clone()).unwrap();
    assert_eq!(reader.next_entries().unwrap().len(), 3);
    assert!(KafkaBus::follow(eve).is_err());
}

/// A reader of its own process takes nothing over: the writer goes on. Where there is no bus it says
/// so, and makes none.
#[test]
fn a_reader_elsewhere_fences_nobody_and_makes_nothing() {
    let options = options(&KafkaServer::shared().unwrap());
    let error = KafkaBus::follow(options.clone()).map(drop).unwrap_err();
    assert!(error.to_string().starts_with("E2415"), "{error}");
    let error = KafkaBus::follow(options.clone()).map(drop).unwrap_err();
    assert!(error.to_string().starts_with("E2415"), "nothing was made: {error}");
    let mut bus = open(&options);
    let _ = bus.commit(&[market(1..=2)]).unwrap();
    let mut reader = KafkaBus::follow(options.clone()).unwrap();
    assert_eq!(reader.next_entries().unwrap(), bus.read(0, 100).unwrap());
    let _ = bus.commit(&[market(3..=4)]).unwrap();
    assert_eq!(reader.wait(3, Duration::from_secs(60)).unwrap(), 6);
    assert_eq!(reader.next_entries().unwrap(), bus.read(3, 100).unwrap());
    drop((bus, reader));
    delete_topics(&options);
}

#[test]
fn a_setting_the_client_does_not_take_is_named_without_its_value() {
    let lists = [("sasl.jaas.config", "s3cret"), ("security.protocol", "s3cret")];
    for (name, value) in lists {
        let settings = ClientSettings::default().with(name, value);
        let error = refused(&Options { settings, ..options("127.0.0.1:9") });
        let said = format!("{error} {error:?}");
        assert!(error.to_string().starts_with("E2413"), "{said}");
        assert!(said.contains(name) && !said.contains(value), "{said}");
    }
}
