//! What others do to the topics of a bus.

use std::time::Duration;

use bus::{
    Bus as _, BusError, Cut, ErrorClass,
    conformance::{market, order_unit},
};
use bus_kafka::{KafkaBus, Names, Options};
use event::Family;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};
use servers::KafkaServer;

use crate::rig::{block_on, delete, delete_topics, open, options, publish, wall_clock};

/// Bytes of others in our topics belong to no unit: as long as nobody looks for them they take no place,
/// and they are delivered to nobody.
#[test]
fn what_strangers_write_is_delivered_to_nobody() {
    let options = options(&KafkaServer::shared().unwrap());
    let names = Names::new(&options.prefix);
    let mut bus = open(&options);
    let mut reader = bus.reader().unwrap();
    let _ = bus.commit(&[market(1..=5)]).unwrap();
    for partition in 0..16 {
        publish(&options, names.of(Family::Market), partition, "who", b"\x0a\x10 not an event");
    }
    publish(&options, names.order(), 0, "who", b"not an entry");
    let answers = bus.commit(&[market(6..=9)]).unwrap();
    assert_eq!(answers[0][0].index, 6);
    let mut followed = Vec::new();
    while followed.len() < 11 {
        followed.extend(reader.next_entries().unwrap());
    }
    assert_eq!(followed, bus.read(0, 100).unwrap());
    assert_eq!(bus.next(&mut Cut::default(), 100).unwrap().len(), 9);
    drop((bus, reader));
    assert_eq!(open(&options).next_index(), 11);
    delete_topics(&options);
}

/// An entry of a version to come is not stepped over: what it says is not known.
#[test]
fn an_entry_of_a_newer_version_stops_the_reader() {
    let options = options(&KafkaServer::shared().unwrap());
    let names = Names::new(&options.prefix);
    let mut bus = open(&options);
    let _ = bus.commit(&[market(1..=1)]).unwrap();
    publish(&options, names.order(), 0, "blotter.unit.2", b"whatever");
    drop(bus);
    let error = KafkaBus::open(options.clone(), wall_clock).unwrap_err();
    assert!(error.to_string().starts_with("E2408"), "{error}");
    assert!(error.to_string().contains("upgrade"), "{error}");
    delete_topics(&options);
}

fn make_again(options: &Options, stream: Family, partitions: i32) {
    let names = Names::new(&options.prefix);
    let topic = names.of(stream);
    delete(&options.brokers, &[topic]);
    let again = NewTopic::new(topic, partitions, TopicReplication::Fixed(1))
        .set("retention.ms", "-1")
        .set("retention.bytes", "-1");
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &options.brokers).create().unwrap();
    let _ = block_on(admin.create_topics([&again], &AdminOptions::new())).unwrap();
}

/// A topic made anew under the eyes of the order: its events are missed, never stepped over.
#[test]
fn a_topic_that_was_made_anew_is_noticed() {
    let options =
        Options { patience: Duration::from_secs(5), ..options(&KafkaServer::shared().unwrap()) };
    let mut bus = open(&options);
    let _ = bus.commit(&[order_unit("risk/A", 1..=6, 1)]).unwrap();
    drop(bus);
    make_again(&options, Family::Control, 4);
    let error = KafkaBus::open(options.clone(), wall_clock).unwrap_err();
    assert!(error.to_string().starts_with("E2409"), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
    // Filled again with something else, as far as it was.
    let names = Names::new(&options.prefix);
    for partition in 0..4 {
        for _ in 0..6 {
            let other = bus::conformance::record(bus::conformance::tick(1));
            publish(&options, names.of(Family::Control), partition, "who", other.bytes());
        }
    }
    let error = KafkaBus::open(options.clone(), wall_clock).unwrap_err();
    assert!(error.to_string().starts_with("E2408"), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
    delete_topics(&options);
}

/// Events that were removed below a cut are missed, never stepped over.
#[test]
fn events_that_were_removed_are_noticed() {
    let options = options(&KafkaServer::shared().unwrap());
    let names = Names::new(&options.prefix);
    let mut bus = open(&options);
    let _ = bus.commit(&[order_unit("risk/A", 1..=6, 1)]).unwrap();
    let mut reader = bus.reader().unwrap();
    let mut cut = Cut::default();
    let seen = bus.next(&mut cut, 2).unwrap();
    let partition = i32::from(seen[1].position.partition);
    let mut below = TopicPartitionList::new();
    below.add_partition_offset(names.of(Family::Control), partition, Offset::Offset(2)).unwrap();
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &options.brokers).create().unwrap();
    let _ = block_on(admin.delete_records(&below, &AdminOptions::new())).unwrap();
    let error = reader.next_entries().unwrap_err();
    assert!(error.to_string().starts_with("E2409"), "{error}");
    drop((bus, reader));
    let error: BusError = KafkaBus::open(options.clone(), wall_clock).unwrap_err();
    assert!(error.to_string().starts_with("E2409"), "{error}");
    delete_topics(&options);
}
