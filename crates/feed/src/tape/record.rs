//! What the reader delivers: one record per source line.

use event::{Body, Digest, Key, Source, Timestamp, operations::EventQuarantined};

/// One line of a tape, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeRecord {
    /// Its place in the merge of all inputs, from 0.
    pub ordinal: u64,
    /// The ingress: `file/` and the first twelve digits of the file's digest.
    pub source: Source,
    /// SHA-256 of the file's decompressed bytes.
    pub file_digest: Digest,
    /// Its place in its file, from 0. With the digest and a part's place among
    /// [`roots`](Self::roots) it makes the id of a root: [`event::id::file_root_id`].
    pub record: u64,
    /// When it was received, as the line says; may run backwards. A line that does not say has the
    /// time of the record before it.
    pub receive_time: Timestamp,
    /// The latest receive time of this record and all before it in the merge; never runs backwards.
    pub time: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One event.
    Root(RootBody),
    /// A book snapshot too large for one event, in its parts.
    Parts(Vec<RootBody>),
    /// An operator's command.
    Command(RootBody),
    /// No event: the bytes and why.
    Quarantine(EventQuarantined),
}

/// An event that waits for its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootBody {
    /// When the venue says it happened.
    pub event_time: Option<Timestamp>,
    /// What happened.
    pub body: Body,
    /// The entity whose order matters.
    pub key: Key,
    /// Who numbered it, and its number, where a producer did.
    pub producer: Option<(Source, u64)>,
}

impl TapeRecord {
    /// The events of this record, commands among them, in the order of their parts; none when it
    /// was quarantined.
    #[must_use]
    pub fn roots(&self) -> &[RootBody] {
        match &self.outcome {
            Outcome::Root(root) | Outcome::Command(root) => core::slice::from_ref(root),
            Outcome::Parts(parts) => parts,
            Outcome::Quarantine(_) => &[],
        }
    }
}

impl RootBody {
    pub(crate) fn new(event_time: Option<Timestamp>, body: impl Into<Body>) -> Self {
        let body = body.into();
        Self { event_time, key: body.key(), body, producer: None }
    }
}

/// Splits a recorded line into its receive time and the rest; without a time, all is rest.
#[inline]
pub(super) fn receive_ns(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (head, rest) = line.split_at(digits);
    let value = head
        .iter()
        .try_fold(0_i64, |value, byte| value.checked_mul(10)?.checked_add(i64::from(byte - b'0')));
    match (value, rest.strip_prefix(b" ")) {
        (Some(ns), Some(json)) if !head.is_empty() => (Some(Timestamp(ns)), json),
        _ => (None, line),
    }
}
