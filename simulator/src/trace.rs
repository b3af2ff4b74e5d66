//! What happened, in order: every effect with its operands, and the bytes of every event stored.

use core::fmt;

use event::{Digest, Timestamp, id::digest_of};

/// The trace of a run. Two runs of one seed have the same bytes.
#[derive(Debug, Default)]
pub struct Trace {
    bytes: Vec<u8>,
    effects: u64,
    told: Option<Vec<String>>,
}

impl Trace {
    /// A trace that is also told in words when `in_words`.
    #[must_use]
    pub fn new(words: Words) -> Self {
        let told = matches!(words, Words::Kept).then(Vec::new);
        Self { told, ..Self::default() }
    }

    /// Notes an effect: its code, whose it was, a number and some bytes.
    pub(crate) fn note(&mut self, now: Timestamp, code: u8, of: usize, number: u64, bytes: &[u8]) {
        self.effects += 1;
        self.bytes.extend_from_slice(&now.0.to_le_bytes());
        self.bytes.push(code);
        self.bytes.push(of as u8);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// Tells a line of the timeline, when one is kept.
    pub(crate) fn tell(&mut self, now: Timestamp, line: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            told.push(format!("{:>14} {}", Elapsed(now), line()));
        }
    }

    /// The whole trace.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        digest_of("simulator-trace", &[&self.bytes])
    }

    /// The timeline; empty when none was kept.
    #[must_use]
    pub fn timeline(&self) -> &[String] {
        self.told.as_deref().unwrap_or_default()
    }
}

/// Whether a run is told in words as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// It is not.
    None,
    /// It is.
    Kept,
}

struct Elapsed(Timestamp);

impl fmt::Display for Elapsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0.since_ns(crate::tape::STARTS) / 1_000;
        write!(out, "{}.{:06}", us / 1_000_000, (us % 1_000_000).abs())
    }
}
