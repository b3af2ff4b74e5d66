//! Why one record is not an event.

use event::{
    Digest, MoneyError, Source,
    choices::QuarantineReason,
    operations::EventQuarantined,
    wire::{Blob, DecodeError},
};
use sha2::{Digest as _, Sha256};

/// Bytes of a quarantined record that are kept.
pub(crate) const EXCERPT_BYTES_MAX: usize = 48 * 1024;

/// Quarantines what came from elsewhere than a tape: its first 48 KiB, and what identifies all of it.
#[must_use]
pub fn quarantined(
    origin: Source,
    record: u64,
    reason: QuarantineReason,
    detail: String,
    bytes: &[u8],
) -> EventQuarantined {
    Excerpt::of(bytes).quarantined(Fault { reason, detail }, origin, record)
}

/// What is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: QuarantineReason,
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn new(reason: QuarantineReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(QuarantineReason::Malformed, detail)
    }

    pub(crate) fn number(field: &str, text: &str, error: MoneyError) -> Self {
        let reason = match error {
            MoneyError::Malformed => QuarantineReason::Malformed,
            MoneyError::TooPrecise { .. } | MoneyError::Overflow => QuarantineReason::Number,
        };
        Self::new(reason, format!("field `{field}` is `{}`: {error}", clipped(text)))
    }

    pub(crate) fn unknown_instrument(instrument: &str) -> Self {
        let detail = format!("instrument `{}` has no definition", clipped(instrument));
        Self::new(QuarantineReason::UnknownInstrument, detail)
    }
}

/// The JSON form says what is wrong in its own words; a number is told apart by them.
impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        let numeric = [
            MoneyError::Overflow,
            MoneyError::TooPrecise { places_max: 9 },
            MoneyError::TooPrecise { places_max: 18 },
        ];
        let reason = match &error {
            DecodeError::UnknownKind => QuarantineReason::UnknownKind,
            DecodeError::UnknownField { .. } => QuarantineReason::UnknownField,
            DecodeError::Value { reason, .. }
                if numeric.iter().any(|numeric| numeric.to_string() == *reason) =>
            {
                QuarantineReason::Number
            }
            _ => QuarantineReason::Malformed,
        };
        Self::new(reason, error.to_string())
    }
}

/// At most 40 characters of `text`, for a message.
pub(crate) fn clipped(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.into(),
    }
}

/// The beginning of a record, and what identifies the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) head: Vec<u8>,
    pub(crate) total: u64,
    pub(crate) digest: Digest,
}

impl Excerpt {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut taken = Taking::default();
        taken.push(bytes);
        taken.finish()
    }

    pub(crate) fn quarantined(self, fault: Fault, origin: Source, record: u64) -> EventQuarantined {
        EventQuarantined {
            origin,
            record,
            reason: fault.reason,
            detail: fault.detail,
            bytes: Blob(self.head),
            bytes_total: self.total,
            digest: self.digest,
            parked: false,
        }
    }
}

/// An excerpt being taken of a record that arrives in pieces.
#[derive(Clone, Default)]
pub(crate) struct Taking {
    head: Vec<u8>,
    total: u64,
    hasher: Sha256,
}

impl Taking {
    pub(crate) fn push(&mut self, piece: &[u8]) {
        let room = EXCERPT_BYTES_MAX.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(piece.get(..room).unwrap_or_default());
        self.total += piece.len() as u64;
        self.hasher.update(piece);
    }

    pub(crate) fn finish(self) -> Excerpt {
        let digest = Digest(self.hasher.finalize().into());
        Excerpt { head: self.head, total: self.total, digest }
    }
}
