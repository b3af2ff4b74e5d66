//! Files of every kind, sound and unsound.

mod damage;
mod json;
mod merge;
mod opening;
mod recorded;

use std::{io::Write as _, path::PathBuf};

use event::{choices::QuarantineReason, operations::EventQuarantined};
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use super::{Outcome, TapeReader, TapeRecord};
use crate::{FeedError, Instruments, binance::tests::FRAMES};

/// A directory of tapes that goes away with the test.
struct Tapes {
    directory: TempDir,
    paths: Vec<PathBuf>,
}

impl Tapes {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), paths: Vec::new() }
    }

    fn of(content: impl AsRef<[u8]>) -> Self {
        Self::new().with(content)
    }

    fn with(mut self, content: impl AsRef<[u8]>) -> Self {
        let path = self.directory.path().join(format!("{}.anything", self.paths.len()));
        std::fs::write(&path, content).unwrap();
        self.paths.push(path);
        self
    }

    fn open(&self) -> Result<TapeReader, FeedError> {
        TapeReader::open(&self.paths, &Instruments::shipped().unwrap())
    }

    fn read(&self) -> Vec<TapeRecord> {
        self.open().unwrap().map(Result::unwrap).collect()
    }
}

fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Lines of every shape of frame that names its symbol, at ascending times.
fn tape_text(lines: u64) -> String {
    let named: Vec<_> = FRAMES.iter().filter(|frame| frame.contains("BTC")).take(8).collect();
    let line = |at: u64| format!("{} {}\n", 1_000 + at, named[at as usize % named.len()]);
    (0..lines).map(line).collect()
}

fn quarantined(record: &TapeRecord) -> &EventQuarantined {
    match &record.outcome {
        Outcome::Quarantine(fault) => fault,
        other => panic!("not quarantined: {other:?}"),
    }
}

fn reasons(records: &[TapeRecord]) -> Vec<Option<QuarantineReason>> {
    let reason = |record: &TapeRecord| match &record.outcome {
        Outcome::Quarantine(fault) => Some(fault.reason),
        _ => None,
    };
    records.iter().map(reason).collect()
}
