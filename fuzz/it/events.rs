//! Events, their JSON form, what engines store beside them, and the fold's snapshot.

use std::{fs, path::Path};

use bus::{Cut, Position, Progress, Run, Stream, TimerRequested, Topology, Unit};
use event::{
    Envelope, Event, EventId, Label, Source, Timestamp,
    wire::{event_from_json, event_to_json, root_from_json, serde_json::Value},
};
use fuzz::Target;
use projection::Books;

/// The golden files of one form.
fn goldens(form: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/golden/v1");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == form)).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

pub(crate) fn events() -> Vec<Event> {
    goldens("bin").iter().map(|bytes| Event::decode(bytes).unwrap()).collect()
}

#[test]
fn no_bytes_upset_the_reader_of_events() {
    Target::new("events", goldens("bin")).run(|bytes| {
        let envelope = Envelope::decode(bytes);
        let Ok(event) = Event::decode(bytes) else { return false };
        assert_eq!(envelope, Ok(event.envelope()));
        assert_eq!(Event::decode(&event.encode()), Ok(event.clone()));
        // What was read can be shown, and what is shown can be read.
        let shown = event_to_json(&event);
        assert_eq!(event_from_json(&shown), Ok(event), "{shown}");
        true
    });
}

#[test]
fn no_text_upsets_the_reader_of_the_json_form() {
    let mut corpus = goldens("json");
    corpus.push(
        br#"{"source":"desk","source_seq":1,"key":"BINANCE-SPOT:BTCUSDT","time":"2024-08-09T00:00:00Z","kind":"MarketTrade","body":{"instrument":"BINANCE-SPOT:BTCUSDT","price":"61837.63","quantity":"0.02","trade_id":"1","venue_sequence":1}}"#
            .to_vec(),
    );
    Target { memory_bytes: 4 << 20, ..Target::new("json events", corpus) }.run(|bytes| {
        let Ok(value) = event::wire::serde_json::from_slice::<Value>(bytes) else { return false };
        let root = root_from_json(&value).is_ok();
        let Ok(event) = event_from_json(&value) else { return root };
        assert_eq!(Event::decode(&event.encode()), Ok(event));
        true
    });
}

fn progress() -> Progress {
    let unit = Unit {
        source: Source::new("risk/A").unwrap(),
        outputs: Vec::new(),
        consumed: vec![Run::through(41), Run { stream: 3, partition: 2, first: 7, last: 90 }],
        timers: vec![TimerRequested {
            request: 3,
            name: Label::new("wake").unwrap(),
            due: Timestamp(1_723_161_904_000_000_000),
        }],
        mark: Some(12),
        epoch: 3,
        claim: 5,
    };
    Progress::of(&unit, 17).unwrap()
}

#[test]
fn no_bytes_upset_the_reader_of_progress_records() {
    Target::new("progress records", vec![progress().to_bytes()]).run(|bytes| {
        let Ok(progress) = Progress::from_bytes(bytes) else { return false };
        assert_eq!(Progress::from_bytes(&progress.to_bytes()), Ok(progress));
        true
    });
}

#[test]
fn no_bytes_upset_the_reader_of_cuts() {
    let mut cut = Cut::at_index(9);
    let corpus = vec![cut.to_bytes(), {
        cut.advance(&Position {
            incarnation: 7,
            stream: Stream::Order,
            partition: 3,
            sequence: 4,
            index: 11,
            event_id: EventId([5; 16]),
        });
        cut.to_bytes()
    }];
    Target::new("cuts", corpus).run(|bytes| {
        let Ok(cut) = Cut::from_bytes(bytes) else { return false };
        assert_eq!(Cut::from_bytes(&cut.to_bytes()), Ok(cut));
        true
    });
}

#[test]
fn no_bytes_upset_the_reader_of_the_folds_snapshot() {
    let mut books = Books::new();
    let mut corpus = vec![books.snapshot()];
    for event in events() {
        let _ = books.apply(&event);
        corpus.push(books.snapshot());
    }
    Target { memory_bytes: 4 << 20, ..Target::new("snapshots of the fold", corpus) }.run(|bytes| {
        let Ok(books) = Books::restore(bytes) else { return false };
        assert_eq!(Books::restore(&books.snapshot()), Ok(books));
        true
    });
}

#[test]
fn no_bytes_upset_what_derives_a_header() {
    let topology = Topology::shipped();
    Target::new("records", goldens("bin")).run(|bytes| {
        bus::Record::of_bytes(bytes::Bytes::copy_from_slice(bytes), &topology).is_ok()
    });
}
