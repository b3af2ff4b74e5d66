//! Files and lines that only this crate reads, given changed bytes.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
    path::Path,
};

use ::fuzz::Target;
use event::{Digest, EventId, Timestamp, choices::OperatorVerb};

use crate::{
    config::{Layers, SHIPPED, Settings},
    control::{CommandJournal, HaltLatch, LatchState, OperatorCommand},
    data_dir::{Binding, DataDir},
    pipeline::{Submission, read_published},
};

/// Puts bytes in place of a file's content.
fn put(path: &Path, bytes: &[u8]) {
    // In place: a file system may sync one that is emptied first.
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}

#[test]
fn no_bytes_upset_the_reader_of_the_latch_and_none_but_good_ones_open_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latch");
    let latch = HaltLatch::make(dir.path()).unwrap();
    latch.halt(EventId([7; 16]), "too wild").unwrap();
    let halted = fs::read(&path).unwrap();
    Target::new("latch", vec![halted]).run(|bytes| {
        put(&path, bytes);
        let state = HaltLatch::peek(dir.path()).unwrap();
        // Slots of zeros were never written; those of a halted latch were.
        assert!(state != LatchState::Open || bytes.iter().all(|&byte| byte == 0), "it opened");
        state != LatchState::Open
    });
}

#[test]
fn no_bytes_upset_the_reader_of_the_command_ring() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("commands");
    let ring = CommandJournal::open(dir.path()).unwrap();
    for verb in [OperatorVerb::Halt, OperatorVerb::CancelAll, OperatorVerb::Resume] {
        let command = OperatorCommand {
            number: 0,
            id: EventId([7; 16]),
            verb,
            account: Some("PAPER".parse().unwrap()),
            actor: "op".into(),
            reason: "too wild".into(),
            given_at: Timestamp(5),
        };
        let _ = ring.append(command).unwrap();
    }
    let written = fs::read(&path).unwrap()[..512 * 6].to_vec();
    Target::new("command ring", vec![written]).run(|bytes| {
        put(&path, bytes);
        ring.after(0).is_ok() & ring.after(2).is_ok()
    });
}

#[test]
fn no_text_upsets_the_reader_of_settings() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let corpus = vec![SHIPPED.as_bytes().to_vec()];
    Target { memory_bytes: 4 << 20, ..Target::new("settings", corpus) }.run(|bytes| {
        put(file.path(), bytes);
        let layers = Layers::stack(SHIPPED, Some(file.path()), std::iter::empty());
        layers.is_ok_and(|layers| Settings::of(&layers).is_ok())
    });
}

#[test]
fn no_text_upsets_the_reader_of_a_binding() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::new(dir.path());
    let binding = Binding {
        config: Digest([3; 32]),
        mode: "tape".into(),
        inputs: vec![(Digest([4; 32]), "one.ws".into()), (Digest([5; 32]), "two.ws".into())],
        bus: "nats://127.0.0.1:4222/DESK".parse().unwrap_or_default(),
    };
    data.bind(&binding).unwrap();
    let path = dir.path().join("binding");
    let corpus = vec![fs::read(&path).unwrap()];
    Target::new("binding", corpus).run(|bytes| {
        put(&path, bytes);
        data.binding().is_ok()
    });
}

#[test]
fn no_line_upsets_the_reader_of_published_lines() {
    let lines = include_str!("../../../fuzz/corpus/lines").lines();
    let corpus = lines.map(|line| line.as_bytes().to_vec()).collect();
    Target { memory_bytes: 4 << 20, ..Target::new("published lines", corpus) }.run(|bytes| {
        let Ok(line) = std::str::from_utf8(bytes) else { return false };
        let submission = read_published(line, &Default::default(), Timestamp(1));
        !matches!(submission, Submission::Refused(_))
    });
}
