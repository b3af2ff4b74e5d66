//! What strangers write into the topics of a bus, once somebody looks.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bus::{
    Bus, Cut, Entry, Foreign, Unit,
    conformance::{market, order_unit, record, source, tick},
};
use bus_kafka::{KafkaBus, Names, Options};
use event::Family;
use servers::KafkaServer;

use crate::{
    history::History,
    rig::{delete_topics, open, options, publish},
};

fn foreign(entries: &[Entry]) -> Vec<&Foreign> {
    fn of(entry: &Entry) -> Option<&Foreign> {
        match entry {
            Entry::Foreign(foreign) => Some(foreign),
            _ => None,
        }
    }
    entries.iter().filter_map(of).collect()
}

fn unit(task: &str, number: u64) -> Unit {
    let first = number * 3 + 1;
    order_unit(task, first..=first + 2, number + 1)
}

fn all(bus: &mut dyn Bus) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        let more = bus.read(entries.len() as u64, 500).unwrap();
        if more.is_empty() {
            return entries;
        }
        entries.extend(more);
    }
}

/// Looks until so many were found, and once more.
fn adopts(bus: &mut KafkaBus, expected: u64) {
    let mut found = 0;
    while found < expected {
        found += bus.adopt().unwrap();
    }
    for _ in 0..2 {
        found += bus.adopt().unwrap();
    }
    assert_eq!(found, expected);
}

#[test]
fn what_strangers_write_into_any_topic_is_given_one_place() {
    let options = options(&KafkaServer::shared().unwrap());
    let names = Names::new(&options.prefix);
    let mut bus = open(&options);
    let _ = bus.commit(&[market(1..=5)]).unwrap();
    for partition in 0..16 {
        publish(&options, names.of(Family::Market), partition, "who", b"\x0a\x10 not an event");
    }
    publish(&options, names.order(), 0, "who", &[7; 900_000]);
    // An event like ours, in its own partition, and named by no entry.
    let event = record(tick(6));
    let partition = i32::from(event.header().partition);
    publish(&options, names.of(Family::Market), partition, "SIM:I1", event.bytes());
    publish(&options, names.offers(), 0, "alpha", b"an offer");
    let _ = bus.commit(&[market(6..=9)]).unwrap();
    adopts(&mut bus, 19);
    let answers = bus.commit(&[unit("risk/A", 0)]).unwrap();
    assert_eq!(answers[0][0].index, 11 + 19);
    let entries = all(&mut bus);
    assert!(entries.iter().map(Entry::index).eq(0..34));
    let found = foreign(&entries);
    assert!(found.iter().map(|found| found.index).eq(11..30));
    let offers: Vec<_> = found.iter().filter(|found| found.is_offered()).collect();
    assert_eq!((offers.len(), &offers[0].bytes[..]), (1, &b"an offer"[..]));
    assert_eq!(offers[0].place, format!("{} partition 0 at 0", names.offers()));
    let of_order: Vec<_> = found.iter().filter(|f| f.place.starts_with(names.order())).collect();
    assert_eq!((of_order.len(), of_order[0].bytes.len()), (1, 900_000));
    let mut reader = bus.reader().unwrap();
    let mut followed = Vec::new();
    while followed.len() < entries.len() {
        followed.extend(reader.next_entries().unwrap());
    }
    assert!(followed == entries, "followed and read differ");
    assert_eq!(bus.next(&mut Cut::default(), 100).unwrap().len(), 12);
    // Whoever opens it next, after a crash or not, finds the same and nothing more.
    drop((bus, reader));
    for ends_well in [true, false] {
        let mut bus = open(&options);
        assert!(all(&mut bus) == entries, "opened anew it differs");
        adopts(&mut bus, 0);
        if ends_well {
            bus.close().unwrap();
        }
    }
    delete_topics(&options);
}

#[test]
fn two_that_find_the_same_give_it_one_place() {
    let options = options(&KafkaServer::shared().unwrap());
    let names = Names::new(&options.prefix);
    let open_as = |name: &str| open(&Options { name: name.into(), ..options.clone() });
    let mut buses = [open_as("one"), open_as("two")];
    for round in 0..3 {
        for number in 0..4 {
            publish(&options, names.offers(), 0, "alpha", &[round, number]);
        }
        std::thread::scope(|scope| {
            for bus in &mut buses {
                let _ = scope.spawn(|| {
                    // Whoever is later may find that the other gave all of it a place.
                    while foreign(&all(bus)).len() < (usize::from(round) + 1) * 4 {
                        let _ = bus.adopt().unwrap();
                        let _ = bus.claim(source("worker/probe")).unwrap();
                    }
                });
            }
        });
    }
    let entries = all(&mut buses[0]);
    let expected: Vec<[u8; 2]> = (0..3).flat_map(|r| (0..4).map(move |n| [r, n])).collect();
    assert!(
        foreign(&entries).iter().map(|found| &found.bytes[..]).eq(expected.iter().map(|e| &e[..]))
    );
    let _ = buses[1].commit(&[unit("risk/A", 0)]).unwrap();
    assert!(all(&mut buses[1])[..entries.len()] == entries, "two names read differently");
    delete_topics(&options);
}

#[test]
fn beside_writers_at_work_nothing_of_theirs_is_taken_for_a_strangers() {
    let options = options(&KafkaServer::shared().unwrap());
    let names = Names::new(&options.prefix);
    let open_as = |name: &str| open(&Options { name: name.into(), ..options.clone() });
    let mut watcher = open_as("watcher");
    let over = Arc::new(AtomicBool::new(false));
    let (histories, found) = std::thread::scope(|scope| {
        let ended = Arc::clone(&over);
        let watcher = &mut watcher;
        let watch = scope.spawn(move || {
            let mut found = 0;
            while !ended.load(Ordering::Acquire) {
                found += watcher.adopt().unwrap();
            }
            found
        });
        let writers = [("first", "risk/A"), ("second", "risk/B")].map(|(name, task)| {
            let mut bus = open_as(name);
            scope.spawn(move || {
                let mut history = History::default();
                for number in 0..40 {
                    history.offer(&unit(task, number), |units| bus.commit(&units));
                }
                history
            })
        });
        publish(&options, names.of(Family::Control), 0, "who", b"hello");
        let histories = writers.map(|writer| writer.join().unwrap());
        over.store(true, Ordering::Release);
        (histories, watch.join().unwrap())
    });
    adopts(&mut watcher, 1 - found);
    drop(watcher);
    let mut bus = open(&options);
    History::check(&histories.iter().collect::<Vec<_>>(), &mut bus);
    let entries = all(&mut bus);
    let found = foreign(&entries);
    assert_eq!((found.len(), &found[0].bytes[..]), (1, &b"hello"[..]));
    assert_eq!(entries.len(), 2 * 40 * 4 + 1);
    delete_topics(&options);
}
