//! What strangers write into the stream, beside what is ours.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bus::{
    Bus, BusError, Cut, Entry, ErrorClass, Foreign, Unit,
    conformance::{market, order_unit, record, tick},
};
use bus_nats::{NatsBus, Options, Writers};
use servers::{NatsServer, Settings};

use crate::{
    history::{History, all, unit},
    rig::{options, publish, publish_with},
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

#[test]
fn bytes_that_are_none_of_ours_stand_where_they_are_with_the_reason_and_stop_nobody() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let _ = bus.commit(&[unit("risk/A", 0)]).unwrap();
    drop(bus);
    let moved = record(tick(1));
    let on = |rest: &str| format!("{}.{rest}", options.prefix);
    let header = moved.header();
    let own_place = on(&format!("market.{}.file.090909090909", header.partition));
    let strangers = [
        (on("order.1.somebody"), b"hello".to_vec(), None, "no Nats-Msg-Id"),
        (on("order.1.somebody"), b"hello".to_vec(), Some("1"), "not protobuf"),
        (on("progress.$.risk.A"), b"\xff\xff".to_vec(), Some("risk/A@9"), ""),
        (on("progress.$.risk.A"), Vec::new(), Some("risk/B@9"), ""),
        // An event, on a subject where nobody looks for it.
        (on("order.1.somebody"), moved.bytes().to_vec(), Some("2"), "belongs on"),
        // In its own place, and with a header that is not its own.
        (own_place.clone(), moved.bytes().to_vec(), None, "no Nats-Msg-Id"),
        (own_place, moved.bytes().to_vec(), Some("3"), "is not its id"),
        (on("x"), Vec::new(), None, "no source has this subject"),
        (on("x"), vec![7; 900_000], None, "no source has this subject"),
    ];
    for (subject, bytes, id, _) in &strangers {
        publish_with(&server.url(), subject, *id, bytes);
    }
    publish(&server.url(), &on("in.alpha"), moved.bytes());
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let _ = bus.commit(&[unit("risk/A", 1), market(1..=1)]).unwrap();
    let entries = all(&mut bus);
    let found = foreign(&entries);
    assert_eq!(found.len(), strangers.len() + 1);
    for (place, (found, (subject, bytes, _, words))) in (4..).zip(found.iter().zip(&strangers)) {
        assert_eq!((found.index, &found.bytes[..]), (place, &bytes[..]));
        assert_eq!(found.place, format!("{subject} at {}", place + 1));
        let why = found.why.as_ref().unwrap();
        assert!(why.contains(words), "{subject}: {why}");
    }
    let offer = found.last().unwrap();
    assert!(offer.is_offered(), "{offer:?}");
    let mut reader = bus.reader().unwrap();
    let mut followed = Vec::new();
    while followed.len() < entries.len() {
        followed.extend(reader.next_entries().unwrap());
    }
    assert_eq!(followed, entries);
    assert_eq!(bus.next(&mut Cut::default(), 100).unwrap().len(), 7);
}

#[test]
fn a_writer_alone_goes_on_beside_strangers_and_knows_where_it_wrote() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let stranger = |what: &[u8]| publish(&server.url(), &format!("{}.x", options.prefix), what);
    stranger(b"first of all");
    // Several batches of one call, all of which stand further on than was believed.
    let units: Vec<_> = (0..3).map(|n| market(n * 999 + 1..=n * 999 + 999)).collect();
    let mut answers = bus.commit(&units).unwrap();
    stranger(b"between");
    answers.extend(bus.commit(&[order_unit("risk/A", 1..=2, 1)]).unwrap());
    // On the subject of a source of ours too.
    let subject = format!("{}.progress.$.risk.A", options.prefix);
    publish(&server.url(), &subject, b"not mine");
    answers.extend(bus.commit(&[order_unit("risk/A", 3..=4, 2)]).unwrap());
    let check = |bus: &mut NatsBus| {
        let entries = all(bus);
        assert_eq!(entries.len() as u64, bus.next_index());
        assert_eq!(foreign(&entries).iter().map(|f| f.index).collect::<Vec<_>>(), [0, 3001, 3005]);
        for position in answers.iter().flatten() {
            let there = entries.get(position.index as usize);
            assert!(
                matches!(there, Some(Entry::Event(there)) if there.position == *position),
                "{position:?} is {there:?}"
            );
        }
        // What was answered is recognised where it is.
        let again = bus.commit(&units).unwrap();
        assert_eq!(again.as_slice(), &answers[..3]);
    };
    check(&mut bus);
    drop(bus);
    check(&mut NatsBus::open(options.clone()).unwrap());
}

#[test]
fn of_two_writers_that_believe_to_be_alone_one_stops_also_behind_strangers() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut first = NatsBus::open(options.clone()).unwrap();
    let mut second = NatsBus::open(options.clone()).unwrap();
    publish(&server.url(), &format!("{}.x", options.prefix), b"hello");
    let _ = first.commit(&[unit("risk/A", 0)]).unwrap();
    let refused = second.commit(&[unit("risk/B", 0)]).unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Fatal, "{refused}");
}

#[test]
fn a_call_for_places_that_strangers_took_stores_nothing() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut bus = NatsBus::open(options.clone()).unwrap();
    for number in 0..3 {
        publish(&server.url(), &format!("{}.x", options.prefix), b"hello");
        let believed = bus.next_index();
        let refused = bus.commit_at(believed, &[unit("risk/A", number)]).unwrap_err();
        assert!(matches!(refused, BusError::Moved { .. }), "{refused}");
        let _ = bus.commit_at(believed + 1, &[unit("risk/A", number)]).unwrap();
    }
    assert_eq!(all(&mut bus).len(), 3 + 3 * 4);
}

#[test]
fn under_a_storm_of_strangers_nothing_of_ours_is_lost_or_doubled() {
    let server = NatsServer::start(Settings::default()).unwrap();
    for writers in [Writers::One, Writers::Many] {
        let options = Options { writers, ..options(&server.url()) };
        let mut bus = NatsBus::open(options.clone()).unwrap();
        let mut history = History::default();
        let over = Arc::new(AtomicBool::new(false));
        let written = std::thread::scope(|scope| {
            let (ended, url) = (Arc::clone(&over), server.url());
            let subject = format!("{}.in.alpha", options.prefix);
            let storm = scope.spawn(move || {
                let mut written = 0_u64;
                while !ended.load(Ordering::Acquire) {
                    publish(&url, &subject, b"again and again");
                    written += 1;
                }
                written
            });
            let loaded = history.load(&mut bus, "risk/A", 60, &std::sync::mpsc::channel().0);
            over.store(true, Ordering::Release);
            loaded.unwrap();
            storm.join().unwrap()
        });
        assert!(written > 10, "there was no storm");
        drop(bus);
        let mut bus = NatsBus::open(options).unwrap();
        history.check(&mut bus);
        assert_eq!(foreign(&all(&mut bus)).len() as u64, written);
    }
}

#[test]
fn an_id_of_ours_that_somebody_else_used_keeps_nothing_of_ours_out() {
    let server = NatsServer::start(Settings::default()).unwrap();
    for writers in [Writers::One, Writers::Many] {
        let options = Options { writers, ..options(&server.url()) };
        let mut bus = NatsBus::open(options.clone()).unwrap();
        for number in 1..=3 {
            let id = record(tick(number)).header().event_id;
            let subject = format!("{}.in.alpha", options.prefix);
            publish_with(&server.url(), &subject, Some(&id.to_string()), b"taken");
        }
        // One alone, and one of several.
        let first = Unit { mark: None, ..market(1..=1) };
        let answers = bus.commit(&[first]).unwrap();
        let _ = bus.commit(&[market(2..=3)]).unwrap();
        assert_eq!(bus.lookup(answers[0][0].event_id).unwrap().unwrap().position, answers[0][0]);
        drop(bus);
        let mut bus = NatsBus::open(options).unwrap();
        assert_eq!(bus.next(&mut Cut::default(), 100).unwrap().len(), 3);
        let again = Unit { mark: None, ..market(1..=1) };
        assert_eq!(bus.commit(&[again]).unwrap(), answers);
    }
}
