//! Tapes: recorded files as one stream of records, merged by receive time.

mod bytes;
mod input;
mod kind;
mod lines;
mod read;
mod record;
mod refused;
mod split;
mod subject;
mod survey;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use event::{Digest, Source, Timestamp};
use input::Input;
use read::Reading;
pub use record::{Outcome, RootBody, TapeRecord};
use refused::Refusals;
pub use refused::Refused;

use crate::{FeedError, Instruments};

/// Reads one or several files as one tape.
///
/// Every line gives exactly one record. Several files merge by receive time, the earlier argument
/// first when two are the same; within a file its own order stands, also where the receive clock
/// ran backwards.
///
/// What a file is follows from its content: gzip of one or several members, or plain; recorded
/// frames, JSON lines, or both.
pub struct TapeReader {
    inputs: Vec<Input>,
    reading: Reading,
    refused: Refusals,
    ordinal: u64,
    time: Timestamp,
    failed: bool,
}

impl TapeReader {
    /// Opens files and takes their digests, which reads each of them once.
    ///
    /// # Errors
    /// [`FeedError`] when a file cannot be read, is empty, is no tape, or is given twice.
    pub fn open(paths: &[PathBuf], instruments: &Instruments) -> Result<Self, FeedError> {
        let inputs =
            paths.iter().map(|path| Input::open(path)).collect::<Result<Vec<_>, FeedError>>()?;
        let mut earlier = BTreeMap::new();
        for input in &inputs {
            if let Some(earlier) = earlier.insert(input.digest(), input.path()) {
                return Err(FeedError::Repeated {
                    path: input.path().into(),
                    earlier: earlier.into(),
                });
            }
        }
        let reading = Reading { instruments: instruments.clone(), undefined: BTreeMap::new() };
        let (refused, time) = (Refusals::default(), Timestamp(i64::MIN));
        Ok(Self { inputs, reading, refused, ordinal: 0, time, failed: false })
    }

    /// The inputs, in the order given: path, source and digest.
    pub fn inputs(&self) -> impl Iterator<Item = (&Path, Source, Digest)> {
        self.inputs.iter().map(|input| (input.path(), input.source(), input.digest()))
    }

    /// The ordinal of the next record: how many were delivered or stepped over.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.ordinal
    }

    /// When the next record was received; `None` at the end.
    #[must_use]
    pub fn next_time(&self) -> Option<Timestamp> {
        self.inputs.iter().filter_map(Input::next_time).min()
    }

    /// Steps forward to a record without delivering those before it, as if they had been.
    ///
    /// Stops at the end of the tape when it is shorter; [`position`](Self::position) says where.
    ///
    /// # Errors
    /// [`FeedError`] when a file cannot be read.
    pub fn skip_to(&mut self, ordinal: u64) -> Result<(), FeedError> {
        while self.ordinal < ordinal {
            let Some((input, time)) = earliest(&mut self.inputs) else { break };
            input.skip(&mut self.reading)?;
            self.time = self.time.max(time);
            self.ordinal += 1;
        }
        Ok(())
    }

    /// Instruments that records named and no definition knows, with how many records did, by the
    /// name a definition would give them; at most a thousand.
    #[must_use]
    pub const fn undefined(&self) -> &BTreeMap<String, u64> {
        &self.reading.undefined
    }

    /// Lines delivered that would not become events: per file and reason how many, the first of them,
    /// and what was wrong with it.
    pub fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.refused.all()
    }

    fn step(&mut self) -> Result<Option<TapeRecord>, FeedError> {
        let Some((input, receive_time)) = earliest(&mut self.inputs) else { return Ok(None) };
        let record = input.records();
        let Some(outcome) = input.take(&mut self.reading)? else { return Ok(None) };
        if let Outcome::Quarantine(quarantined) = &outcome {
            self.refused.note(input.path(), quarantined);
        }
        self.time = self.time.max(receive_time);
        let ordinal = self.ordinal;
        self.ordinal += 1;
        Ok(Some(TapeRecord {
            ordinal,
            source: input.source(),
            file_digest: input.digest(),
            record,
            receive_time,
            time: self.time,
            outcome,
        }))
    }
}

/// The input whose next line was received first; of several, the first.
#[inline]
fn earliest(inputs: &mut [Input]) -> Option<(&mut Input, Timestamp)> {
    let mut first: Option<(&mut Input, Timestamp)> = None;
    for input in inputs {
        if let Some(time) = input.next_time()
            && first.as_ref().is_none_or(|(_, earliest)| time < *earliest)
        {
            first = Some((input, time));
        }
    }
    first
}

/// Gives no further record after an error.
impl Iterator for TapeReader {
    type Item = Result<TapeRecord, FeedError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let record = self.step().transpose();
        self.failed = matches!(record, Some(Err(_)));
        record
    }
}
