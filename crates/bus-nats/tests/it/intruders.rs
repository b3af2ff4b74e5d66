//! Others in the stream: a second writer, somebody who deletes it, an older copy of it, and bytes
//! that are none of ours.

use std::time::Duration;

use bus::{
    Bus, BusError, Cut, Entry, ErrorClass, Unit,
    conformance::{market, order_unit, source, tick},
};
use bus_nats::{Happened, NatsBus, NatsError, Options, Writers};
use servers::{NatsServer, Settings};

use crate::{
    history::{History, all, unit},
    rig::{admin, options, publish},
};

fn engine_error(error: &BusError) -> &NatsError {
    NatsError::of(error).unwrap_or_else(|| panic!("not the engine's own: {error}"))
}

#[test]
fn of_two_writers_that_believe_to_be_alone_one_stops() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut first = NatsBus::open(options.clone()).unwrap();
    let mut second = NatsBus::open(options).unwrap();
    let _ = first.commit(&[unit("risk/A", 0)]).unwrap();
    for _ in 0..2 {
        let refused = second.commit(&[unit("risk/B", 0)]).unwrap_err();
        assert!(matches!(engine_error(&refused), NatsError::Fenced { .. }), "{refused}");
        assert_eq!(refused.class(), ErrorClass::Fatal);
    }
    let _ = first.commit(&[unit("risk/A", 1)]).unwrap();
    assert_eq!(all(&mut first).len(), 8);
}

#[test]
fn of_two_workers_on_one_task_the_one_that_wakes_late_is_stopped() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = Options { writers: Writers::Many, ..options(&server.url()) };
    let mut late = NatsBus::open(options.clone()).unwrap();
    let _ = late.commit(&[unit("risk/A", 0)]).unwrap();
    let mut other = NatsBus::open(options).unwrap();
    let _ = other.commit(&[unit("risk/A", 1)]).unwrap();
    // It decides otherwise than the one that took over.
    let mine = order_unit("risk/A", 4..=6, 77);
    let refused = late.commit(std::slice::from_ref(&mine)).unwrap_err();
    assert!(matches!(engine_error(&refused), NatsError::Fenced { .. }), "{refused}");
    assert!(late.commit(&[mine]).is_err(), "it stays stopped");
    let _ = other.commit(&[unit("risk/A", 2)]).unwrap();
    assert_eq!(all(&mut other).len(), 12);
}

#[test]
fn a_worker_that_wakes_late_and_decides_the_same_is_told_where_it_is() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = Options { writers: Writers::Many, ..options(&server.url()) };
    let mut late = NatsBus::open(options.clone()).unwrap();
    let mut other = NatsBus::open(options).unwrap();
    let there = other.commit(&[unit("risk/A", 0)]).unwrap();
    assert_eq!(late.commit(&[unit("risk/A", 0)]).unwrap(), there);
    assert_eq!(all(&mut late).len(), 4);
}

#[test]
fn workers_on_tasks_of_their_own_write_side_by_side() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = Options { writers: Writers::Many, ..options(&server.url()) };
    let histories: Vec<History> = std::thread::scope(|scope| {
        let workers: Vec<_> = ["risk/A", "risk/B", "trader/A", "trader/B"]
            .map(|task| {
                let options = options.clone();
                scope.spawn(move || {
                    let mut bus = NatsBus::open(options).unwrap();
                    let mut history = History::default();
                    history.load(&mut bus, task, 100, &std::sync::mpsc::channel().0).unwrap();
                    history
                })
            })
            .into_iter()
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut bus = NatsBus::open(options).unwrap();
    for history in &histories {
        history.check(&mut bus);
    }
    assert_eq!(bus.next_index(), 4 * 100 * 4);
    assert_eq!(bus.high_water(source("trader/B")), 300);
}

#[test]
fn a_stream_deleted_and_made_anew_under_a_running_bus_stops_it() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let _ = bus.commit(&[unit("risk/A", 0)]).unwrap();
    let _ = admin(&server.url(), &format!("STREAM.DELETE.{}", options.prefix), &().into());
    let refused = bus.commit(&[unit("risk/A", 1)]).unwrap_err();
    assert!(matches!(engine_error(&refused), NatsError::Recreated { .. }), "{refused}");
    let mut anew = NatsBus::open(options).unwrap();
    let _ = anew.commit(&[unit("risk/A", 0)]).unwrap();
    for _ in 0..2 {
        let refused = bus.commit(&[unit("risk/A", 1)]).unwrap_err();
        assert_eq!(refused.class(), ErrorClass::Fatal);
    }
    assert_eq!(all(&mut anew).len(), 4);
}

#[test]
fn a_store_set_back_under_a_running_bus_stops_writer_and_readers() {
    let mut server = NatsServer::start(Settings::default()).unwrap();
    let mut bus = NatsBus::open(options(&server.url())).unwrap();
    let copy = tempfile::tempdir().unwrap();
    let _ = bus.commit(&[unit("risk/A", 0)]).unwrap();
    server.copy_store(copy.path()).unwrap();
    let _ = bus.commit(&[unit("risk/A", 1)]).unwrap();
    let mut reader = bus.reader().unwrap();
    assert_eq!(reader.next_entries().unwrap().len(), 8);
    let mut cut = Cut::default();
    assert_eq!(bus.next(&mut cut, 100).unwrap().len(), 6);
    server.stop().unwrap();
    server.restore_store(copy.path()).unwrap();
    server.start_again().unwrap();
    let refused = bus.commit(&[unit("risk/A", 2)]).unwrap_err();
    assert!(matches!(refused, BusError::StreamRewound { .. }), "{refused}");
    assert!(matches!(bus.next(&mut cut, 100), Err(BusError::StreamRewound { .. })));
    let ended = reader.next_entries();
    assert!(
        matches!(&ended, Err(error) if error.class() == ErrorClass::Fatal),
        "the reader went on: {ended:?}"
    );
}

#[test]
fn whoever_changes_or_deletes_the_stream_is_told_on() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let bus = NatsBus::open(options.clone()).unwrap();
    let told = bus.advisories().unwrap();
    let info = admin(&server.url(), &format!("STREAM.INFO.{}", options.prefix), &().into());
    let mut config = info["config"].clone();
    config["description"] = "mine now".into();
    let _ = admin(&server.url(), &format!("STREAM.UPDATE.{}", options.prefix), &config);
    let _ = admin(&server.url(), &format!("STREAM.DELETE.{}", options.prefix), &().into());
    for happened in [Happened::Updated, Happened::Deleted] {
        let advisory = told.next(Duration::from_secs(10)).unwrap();
        assert_eq!(advisory.happened, happened, "{advisory:?}");
        assert!(advisory.is_alarm());
        assert!(advisory.account.contains(&options.prefix));
    }
}

#[test]
fn nothing_can_be_deleted_or_purged_from_the_stream() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let _ = bus.commit(&[unit("risk/A", 0)]).unwrap();
    for (what, question) in [
        ("STREAM.MSG.DELETE", serde_json::json!({ "seq": 2 })),
        ("STREAM.PURGE", serde_json::json!({})),
    ] {
        let what = format!("{what}.{}", options.prefix);
        let answer = crate::rig::ask(&server.url(), &what, &question);
        assert!(answer.get("error").is_some(), "{answer}");
    }
    assert_eq!(all(&mut bus).len(), 4);
}

#[test]
fn a_unit_larger_than_a_batch_is_refused_and_a_call_may_be_larger() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let mut bus = NatsBus::open(options(&server.url())).unwrap();
    let refused = bus.commit(&[market(1..=1000)]).unwrap_err();
    assert!(matches!(engine_error(&refused), NatsError::UnitTooLarge { messages: 1001, .. }));
    assert_eq!(refused.class(), ErrorClass::Reject);
    assert_eq!(bus.next_index(), 0);
    let units: Vec<Unit> = (0..4).map(|n| market(n * 999 + 1..=n * 999 + 999)).collect();
    let positions = bus.commit(&units).unwrap();
    assert!(positions.iter().flatten().zip(1..).all(|(p, n)| p.index == n - 1 + (n - 1) / 999));
    assert_eq!(all(&mut bus).len(), 4000);
}

#[test]
fn a_reader_far_behind_is_fed_everything_once_and_sees_what_is_none_of_ours() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let _ = bus.commit(&[market(1..=900), market(901..=1800), market(1801..=2700)]).unwrap();
    drop(bus);
    publish(&server.url(), &format!("{}.x", options.prefix), b"hello");
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let _ = bus.commit(&[market(2701..=3600), market(3601..=4500)]).unwrap();
    let mut entries = Vec::new();
    while entries.len() < 4506 {
        entries.extend(bus.read(entries.len() as u64, 1000).unwrap());
    }
    let mut reader = bus.reader().unwrap();
    let mut fed = Vec::new();
    while fed.len() < 4506 {
        fed.extend(reader.next_entries().unwrap());
    }
    assert!(fed == entries, "fed and read differ");
    let indexes = fed.iter().map(Entry::index);
    assert!(indexes.eq(0..4506));
    assert!(matches!(&fed[2703], Entry::Foreign(foreign) if foreign.bytes == "hello"));
    assert!(reader.next_entries().unwrap().is_empty());

    // Fed from another life of the stream, it stops.
    reader.seek(0).unwrap();
    let before = reader.next_entries().unwrap().len();
    let _ = admin(&server.url(), &format!("STREAM.DELETE.{}", options.prefix), &().into());
    let mut anew = NatsBus::open(options).unwrap();
    let _ = anew.commit(&[market(1..=900), market(901..=1800), market(1801..=2700)]).unwrap();
    let ended = (before..4505).find_map(|_| reader.next_entries().err());
    assert_eq!(ended.map(|error| error.class()), Some(ErrorClass::Fatal));
}

#[test]
fn beside_others_a_call_larger_than_a_batch_is_placed_where_it_landed() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = Options { writers: Writers::Many, ..options(&server.url()) };
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let mut other = NatsBus::open(options).unwrap();
    let _ = other.commit(&[unit("risk/B", 0)]).unwrap();
    let mut units: Vec<Unit> = (0..3).map(|n| market(n * 999 + 1..=n * 999 + 999)).collect();
    let positions = bus.commit(&units).unwrap();
    let entries = all(&mut bus);
    assert_eq!(entries.len(), 3004);
    for position in positions.iter().flatten() {
        let Some(Entry::Event(there)) = entries.get(position.index as usize) else {
            panic!("nothing is at {position:?}")
        };
        assert_eq!(there.position, *position);
    }
    // The second batch of a call is refused, the first is stored: all of it may be offered again.
    units = (3..5).map(|n| market(n * 999 + 1..=n * 999 + 999)).collect();
    units.push(order_unit("risk/A", 5..=5, 1));
    assert!(bus.commit(&units).is_err());
    let _ = units.pop();
    let _ = bus.commit(&units).unwrap();
    assert_eq!(all(&mut bus).len(), 5004);
}

#[test]
fn an_event_larger_than_the_servers_limit_is_refused_with_its_size() {
    let settings = Settings { lines: "max_payload: 4096\n".into(), ..Settings::default() };
    let server = NatsServer::start(settings).unwrap();
    let mut bus = NatsBus::open(options(&server.url())).unwrap();
    let mut bytes = tick(1).encode().to_vec();
    // Field 1000, which nobody knows yet, of 5000 bytes.
    bytes.extend_from_slice(&[0xc2, 0x3e, 0x88, 0x27]);
    bytes.resize(bytes.len() + 5000, 7);
    let large = bus::Record::of_bytes(bytes.into(), bus.topology()).unwrap();
    let large = Unit::of_roots(source("file/090909090909"), vec![large]);
    let refused = bus.commit(&[large]).unwrap_err();
    assert!(matches!(engine_error(&refused), NatsError::EventTooLarge { limit: 4096, .. }));
    let _ = bus.commit(&[market(1..=1)]).unwrap();
}

#[test]
fn a_source_is_found_by_number_however_long_its_history() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let options = options(&server.url());
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let units: Vec<Unit> = (0..300).map(|number| unit("risk/A", number)).collect();
    let first = bus.commit(&units).unwrap();
    let _ = bus.commit(&[market(1..=900)]).unwrap();
    drop(bus);
    let mut bus = NatsBus::open(options).unwrap();
    for number in [0, 1, 7, 150, 298, 299] {
        let again = bus.commit(&[unit("risk/A", number)]).unwrap();
        assert_eq!(again[0], first[number as usize]);
    }
    let events = all(&mut bus).into_iter().filter(|entry| matches!(entry, Entry::Event(_)));
    assert_eq!(events.count(), 1800);
}
