//! Several names on one bus.

use std::time::Duration;

use bus::{
    Bus as _, BusError, Cut, Entry,
    conformance::{market, order_unit},
};
use bus_kafka::{KafkaBus, Names, Options};
use event::Family;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use servers::KafkaServer;

use crate::{
    history::History,
    rig::{delete_topics, open, options, wall_clock},
};

/// Writers of different names share one total order, which all of them and every reader see alike.
#[test]
fn writers_of_different_names_share_one_order() {
    const UNITS: u64 = 60;
    let options = options(&KafkaServer::shared().unwrap());
    let mut first = open(&options);
    let mut reader = first.reader().unwrap();
    let writers: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .map(|name| {
            let options = Options { name: name.into(), ..options.clone() };
            std::thread::spawn(move || {
                let mut bus = open(&options);
                let mut history = History::default();
                for number in 1..=UNITS {
                    let unit = match name {
                        "a" => market(number * 3 - 2..=number * 3),
                        _ => order_unit(&format!("risk/{name}"), number..=number, number),
                    };
                    history.offer(&unit, |units| bus.commit(&units));
                }
                (history, bus)
            })
        })
        .collect();
    let mut ended: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let (histories, buses): (Vec<_>, Vec<_>) = ended.drain(..).unzip();
    // A bus learns of what others wrote when it writes, and when it is opened.
    let _ = first.commit(&[order_unit("risk/first", 1..=1, 1)]).unwrap();
    let end = first.next_index();
    assert_eq!(end, UNITS * (4 + 2 + 2) + 2);
    History::check(&histories.iter().collect::<Vec<_>>(), &mut first);
    let mut followed: Vec<Entry> = Vec::new();
    while (followed.len() as u64) < end {
        followed.extend(reader.next_entries().unwrap());
    }
    assert_eq!(followed, first.read(0, 10_000).unwrap());
    drop((buses, first));
    let mut late = open(&options);
    assert_eq!(late.next_index(), end);
    assert_eq!(late.read(0, 10_000).unwrap(), followed);
    drop((late, reader));
    delete_topics(&options);
}

/// Two names that claim one source: what stands twice is delivered once.
#[test]
fn what_two_names_stored_twice_is_delivered_once() {
    let options = options(&KafkaServer::shared().unwrap());
    let other = Options { name: "other".into(), ..options.clone() };
    let (mut one, mut two) = (open(&options), open(&other));
    let first = one.commit(&[order_unit("risk/A", 1..=2, 1)]).unwrap();
    let again = two.commit(&[order_unit("risk/A", 1..=2, 1)]).unwrap();
    assert_eq!(again, first, "answered where it stands");
    let mut cut = Cut::default();
    assert_eq!(two.next(&mut cut, 100).unwrap().len(), 2);
    assert_eq!(two.read(0, 100).unwrap().len(), 6);
    drop((one, two));
    assert_eq!(open(&options).next(&mut Cut::default(), 100).unwrap().len(), 2);
    delete_topics(&options);
}

/// Two names that tell two histories of one source: nobody goes on.
#[test]
fn two_names_with_other_bytes_for_one_place_are_a_conflict() {
    let options = options(&KafkaServer::shared().unwrap());
    let other = Options { name: "other".into(), ..options.clone() };
    let (mut one, mut two) = (open(&options), open(&other));
    let _ = one.commit(&[order_unit("risk/A", 1..=1, 1)]).unwrap();
    let error = two.commit(&[order_unit("risk/A", 1..=1, 2)]).unwrap_err();
    assert!(matches!(error, BusError::Conflict { source_seq: 1, .. }), "{error}");
    let error = two.commit(&[order_unit("risk/A", 2..=2, 2)]).unwrap_err();
    assert!(matches!(error, BusError::Conflict { source_seq: 1, .. }), "{error}");
    drop((one, two));
    let error = KafkaBus::open(options.clone(), wall_clock).unwrap_err();
    assert!(matches!(error, BusError::Conflict { source_seq: 1, .. }), "{error}");
    delete_topics(&options);
}

/// A writer that is killed within a transaction leaves it open until the servers end it, which is longer
/// than anybody's patience. Who writes behind it is answered then, and nobody gives up.
#[test]
fn what_a_writer_who_is_gone_left_open_is_waited_for() {
    let options =
        Options { patience: Duration::from_secs(2), ..options(&KafkaServer::shared().unwrap()) };
    let mut bus = open(&options);
    let mut reader = bus.reader().unwrap();
    let names = Names::new(&options.prefix);
    let gone: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &options.brokers)
        .set("transactional.id", names.transactional_id("gone"))
        .set("transaction.timeout.ms", "10000")
        .create()
        .unwrap();
    gone.init_transactions(Duration::from_secs(30)).unwrap();
    gone.begin_transaction().unwrap();
    let streams = [Family::Control, Family::Order, Family::Risk].map(|stream| names.of(stream));
    for topic in streams.into_iter().chain([names.order()]) {
        gone.send(BaseRecord::to(topic).partition(0).key("gone").payload("half")).unwrap();
    }
    gone.flush(Duration::from_secs(30)).unwrap();
    drop(gone);
    let _ = bus.commit(&[order_unit("risk/A", 1..=6, 1)]).unwrap();
    let mut read = 0;
    while read < 7 {
        read += reader.next_entries().unwrap().len();
    }
    assert_eq!(read, 7, "six events and how far they were decided");
    drop((reader, bus));
    delete_topics(&options);
}
