//! One file of a tape: its lines in order, each with its receive time, read when its turn comes.

use std::path::{Path, PathBuf};

use event::{Digest, Source, Timestamp, choices::QuarantineReason};

use super::{
    lines::{LINE_BYTES_MAX, Line, Lines},
    read::{Reading, time_of_json},
    record::{Outcome, receive_ns},
    subject::Subject,
    survey::{open, survey},
};
use crate::{
    FeedError,
    fault::{Excerpt, Fault},
};

/// A file being read.
pub(super) struct Input {
    path: PathBuf,
    source: Source,
    digest: Digest,
    bytes_total: u64,
    lines: Lines,
    subject: Subject,
    /// The line whose turn is next, and when it was received.
    head: Option<(Line, Timestamp)>,
    records: u64,
    last_time: Timestamp,
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Self, FeedError> {
        let survey = survey(path)?;
        let digest = survey.digest.to_string();
        let name = format!("file/{}", digest.get(..12).unwrap_or_default());
        let source = Source::new(&name)
            .map_err(|error| FeedError::read(path)(std::io::Error::other(error)))?;
        let mut input = Self {
            path: path.into(),
            source,
            digest: survey.digest,
            bytes_total: survey.bytes_total,
            lines: Lines::new(open(path)?.0),
            subject: survey.subject,
            head: None,
            records: 0,
            last_time: survey.first_time.unwrap_or_default(),
        };
        input.advance()?;
        Ok(input)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn source(&self) -> Source {
        self.source
    }

    pub(super) const fn digest(&self) -> Digest {
        self.digest
    }

    /// When the next line was received; `None` at the end of the file.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.head.as_ref().map(|(_, time)| *time)
    }

    /// Reads the next line and moves on.
    pub(super) fn take(&mut self, reading: &mut Reading) -> Result<Option<Outcome>, FeedError> {
        let Some((line, _)) = self.head.take() else { return Ok(None) };
        let outcome = self.outcome(line, reading);
        self.records += 1;
        self.advance()?;
        Ok(Some(outcome))
    }

    /// Steps over the next line. It is read for what later lines depend on, and only where they do.
    pub(super) fn skip(&mut self, reading: &mut Reading) -> Result<(), FeedError> {
        let Some((line, _)) = self.head.take() else { return Ok(()) };
        if let Line::Whole(place) = line {
            let bytes = self.lines.bytes(&place);
            let is_frame = bytes.first().is_some_and(u8::is_ascii_digit);
            if !(is_frame && self.subject.is_settled()) {
                let _ = read_line(bytes, &mut self.subject, reading);
            }
        }
        self.records += 1;
        self.advance()
    }

    fn outcome(&mut self, line: Line, reading: &mut Reading) -> Outcome {
        let (excerpt, fault) = match line {
            Line::Whole(place) => {
                let bytes = self.lines.bytes(&place);
                match read_line(bytes, &mut self.subject, reading) {
                    Ok(outcome) => return outcome,
                    Err(fault) => (Excerpt::of(bytes), fault),
                }
            }
            Line::Long(excerpt) => {
                let detail =
                    format!("a line of {} bytes; {LINE_BYTES_MAX} are read", excerpt.total);
                (excerpt, Fault::new(QuarantineReason::TooLarge, detail))
            }
            Line::Cut(excerpt, why) => (excerpt, Fault::new(QuarantineReason::Truncated, why)),
        };
        Outcome::Quarantine(excerpt.quarantined(fault, self.source, self.records))
    }

    fn advance(&mut self) -> Result<(), FeedError> {
        let line = self.lines.step().map_err(FeedError::read(&self.path))?;
        let Some(line) = line else {
            if self.lines.bytes_read() == self.bytes_total {
                return Ok(());
            }
            return Err(FeedError::Changed { path: self.path.clone() });
        };
        if let Line::Whole(place) = &line {
            let bytes = self.lines.bytes(place);
            let time = match bytes.first() {
                Some(b'{') => time_of_json(bytes),
                _ => receive_ns(bytes).0,
            };
            self.last_time = time.unwrap_or(self.last_time);
        }
        self.head = Some((line, self.last_time));
        Ok(())
    }

    /// Lines taken or stepped over so far.
    pub(super) const fn records(&self) -> u64 {
        self.records
    }
}

#[inline]
fn read_line(bytes: &[u8], subject: &mut Subject, reading: &mut Reading) -> Result<Outcome, Fault> {
    let line = core::str::from_utf8(bytes)
        .map_err(|error| Fault::malformed(format!("not UTF-8: {error}")))?;
    if line.starts_with('{') {
        return reading.json_line(line);
    }
    match receive_ns(bytes) {
        (Some(_), json) => {
            reading.recorded(line.get(line.len() - json.len()..).unwrap_or_default(), subject)
        }
        (None, _) if line.trim().is_empty() => Err(Fault::malformed("an empty line")),
        (None, _) => Err(Fault::malformed("the line begins with neither a receive time nor `{`")),
    }
}
