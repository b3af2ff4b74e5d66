//! One name, two who write under it.

use bus::{
    Bus as _, BusError, ErrorClass, Unit,
    conformance::{market, order_unit, source},
};
use bus_kafka::{KafkaBus, KafkaBusError, Options};
use servers::KafkaServer;

use crate::rig::{delete_topics, open, options};

fn is_fenced(error: &BusError) -> bool {
    assert_eq!(error.class(), ErrorClass::Fatal, "{error}");
    error.to_string().starts_with("E2406")
}

/// Who wakes late finds itself fenced, and nothing it does is ever visible.
#[test]
fn a_zombie_is_fenced_and_nothing_of_it_is_visible() {
    let options = options(&KafkaServer::shared().unwrap());
    let mut zombie = open(&options);
    let _ = zombie.commit(&[order_unit("risk/A", 1..=2, 1)]).unwrap();
    let mut heir = open(&options);
    assert_eq!(heir.high_water(source("risk/A")), 2);
    let refused = zombie.commit(&[order_unit("risk/A", 3..=3, 2)]).unwrap_err();
    assert!(is_fenced(&refused), "{refused}");
    assert!(is_fenced(&zombie.commit(&[market(1..=1)]).unwrap_err()));
    let end = heir.next_index();
    let answers = heir.commit(&[order_unit("risk/A", 3..=4, 5)]).unwrap();
    assert_eq!(answers[0][0].index, end);
    let mut reader = heir.reader().unwrap();
    reader.seek(0).unwrap();
    let entries = reader.next_entries().unwrap();
    assert_eq!(entries.len(), 6, "two units of two events and a progress record each");
    assert_eq!(entries, heir.read(0, 100).unwrap());
    drop((zombie, heir));
    delete_topics(&options);
}

/// A task that another worker took over: each has its own name, so only that task is fenced.
#[test]
fn another_name_is_not_fenced() {
    let options = options(&KafkaServer::shared().unwrap());
    let other = Options { name: "other".into(), ..options.clone() };
    let (mut one, mut two) = (open(&options), open(&other));
    let _ = one.commit(&[order_unit("risk/A", 1..=1, 1)]).unwrap();
    let _ = two.commit(&[order_unit("risk/B", 1..=1, 1)]).unwrap();
    let _again = open(&other);
    assert!(is_fenced(&two.commit(&[order_unit("risk/B", 2..=2, 1)]).unwrap_err()));
    let _ = one.commit(&[order_unit("risk/A", 2..=2, 1)]).unwrap();
    drop((one, two, _again));
    delete_topics(&options);
}

/// What the servers refuse within a transaction takes the whole of it back, and is shown to nobody;
/// what comes next goes through.
#[test]
fn an_aborted_transaction_is_shown_to_no_reader() {
    let options = options(&KafkaServer::shared().unwrap());
    let mut bus = open(&options);
    let _ = bus.commit(&[market(1..=2)]).unwrap();
    let end = bus.next_index();
    let mut reader = bus.reader().unwrap();
    reader.seek(end).unwrap();
    // The market event is on the server by the time the other is found too large.
    let big = crate::refusals::too_large("risk/A");
    let refused = bus.commit(&[market(3..=3), big]).unwrap_err();
    assert!(refused.to_string().starts_with("E2407"), "{refused}");
    assert_eq!(refused.class(), ErrorClass::Reject);
    assert!(reader.next_entries().unwrap().is_empty());
    let answers = bus.commit(&[market(3..=4)]).unwrap();
    assert_eq!(answers[0][0].index, end);
    assert_eq!(reader.next_entries().unwrap().len(), 3);
    assert_eq!(bus.read(0, 100).unwrap().len() as u64, bus.next_index());
    let fenced = KafkaBusError::Fenced { name: "writer".into() };
    assert_eq!(fenced.class(), ErrorClass::Fatal);
    drop(bus);
    delete_topics(&options);
}

/// Two processes that work on one task, each under a name of its own, so that the servers let both
/// write: the one that claimed it later is heard, wherever it is read, and the other is told.
#[test]
fn of_two_names_on_one_task_the_one_that_claimed_it_later_is_heard() {
    let options = options(&KafkaServer::shared().unwrap());
    let other = Options { name: "other".into(), ..options.clone() };
    let (mut older, mut later) = (open(&options), open(&other));
    let task = source("risk/A");
    let under = |epoch, unit| Unit { epoch, ..unit };
    let first = older.claim(task).unwrap();
    let _ = older.commit(&[under(first, order_unit("risk/A", 1..=1, 1))]).unwrap();
    let second = later.claim(task).unwrap();
    assert!(second > first);
    // What both would decide, byte for byte, and what only the older would.
    let decided = order_unit("risk/A", 2..=2, 2);
    let refused = older.commit(&[under(first, decided.clone())]).unwrap_err();
    assert!(matches!(refused, BusError::Fenced { held: 1, newest: 2, .. }), "{refused}");
    let answers = later.commit(&[under(second, decided.clone())]).unwrap();
    let refused = older.commit(&[under(first, decided)]).unwrap_err();
    assert!(matches!(refused, BusError::Fenced { .. }), "{refused}");
    // What else it writes goes on.
    let _ = older.commit(&[market(1..=3)]).unwrap();
    let stored = older.read(0, 100).unwrap();
    assert_eq!(later.read(0, 100).unwrap(), stored[..later.next_index() as usize]);
    let mut reader = KafkaBus::follow(options.clone()).unwrap();
    let mut followed = Vec::new();
    while followed.len() < stored.len() {
        followed.extend(reader.next_entries().unwrap());
    }
    assert_eq!(followed, stored);
    assert_eq!(stored.len(), 2 + 2 + 2 + 4, "two claims, two units, a market unit");
    drop((older, later, reader));
    let mut late = open(&options);
    assert_eq!(late.read(0, 100).unwrap(), stored);
    assert_eq!(late.lookup(answers[0][0].event_id).unwrap().unwrap().position, answers[0][0]);
    drop(late);
    delete_topics(&options);
}
