//! What is refused, and how it is said.

use std::time::Duration;

use bus::{
    Bus as _, BusError, ErrorClass, Record, Topology, Unit,
    conformance::{decision, market, order_unit, source, tick},
};
use bus_kafka::{Durability, KafkaBus, Names, Options};
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
