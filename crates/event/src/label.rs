//! Short names held inline: no allocation, ordered, cheap to copy.

use core::fmt;

/// Longest label in bytes.
pub const LABEL_BYTES_MAX: usize = 39;

/// A short name: 1 to 39 bytes of `A-Z a-z 0-9 _ - : / @ + #`.
///
/// The characters a NATS subject or a Kafka topic treats specially (`.`, `*`, `>`, space) are
/// left out, so a label is always one token of a subject.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    bytes: [u8; LABEL_BYTES_MAX],
    len: u8,
}

/// Why text is not a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Nothing, or more than 39 bytes.
    #[error("a name holds 1 to 39 bytes, this one has {found}")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// A byte outside the alphabet.
    #[error("byte 0x{byte:02x} at {at} is not one of A-Z a-z 0-9 _ - : / @ + #")]
    Character {
        /// The offending byte.
        byte: u8,
        /// Its offset.
        at: usize,
    },
}

impl Label {
    /// Checks and copies `text`.
    ///
    /// # Errors
    /// [`LabelError`] when the length or a character is outside the rule.
    pub fn new(text: &str) -> Result<Self, LabelError> {
        Self::of_bytes(text.as_bytes())
    }

    /// Checks and copies bytes: every byte of the alphabet is ASCII, so what passes is text.
    pub(crate) fn of_bytes(source: &[u8]) -> Result<Self, LabelError> {
        let mut bytes = [0; LABEL_BYTES_MAX];
        let room = bytes.get_mut(..source.len()).filter(|room| !room.is_empty());
        room.ok_or(LabelError::Length { found: source.len() })?.copy_from_slice(source);
        match source.iter().position(|&byte| !ALPHABET[usize::from(byte)]) {
            Some(at) => Err(LabelError::Character { byte: source[at], at }),
            None => Ok(Self { bytes, len: source.len() as u8 }),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only label bytes are ever stored, all of them ASCII.
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The text's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// Which bytes a label may hold. A table, since every name of every event passes through it.
const ALPHABET: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        allowed[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b':' | b'/' | b'@' | b'+' | b'#');
        byte += 1;
    }
    allowed
};

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

macro_rules! named_labels {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Label);

        impl $name {
            /// Checks and copies `text`.
            ///
            /// # Errors
            /// [`LabelError`] when the length or a character is outside the rule.
            pub fn new(text: &str) -> Result<Self, LabelError> {
                Label::new(text).map(Self)
            }

            pub(crate) fn of_bytes(bytes: &[u8]) -> Result<Self, LabelError> {
                Label::of_bytes(bytes).map(Self)
            }

            /// Takes a label already checked.
            #[must_use]
            pub const fn from_label(label: Label) -> Self {
                Self(label)
            }

            /// The label itself.
            #[must_use]
            pub const fn label(&self) -> Label {
                self.0
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }

            /// The text's bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = LabelError;
            fn from_str(text: &str) -> Result<Self, LabelError> {
                Self::new(text)
            }
        }
    )*};
}

named_labels! {
    /// An instrument on a market: `BINANCE-SPOT:BTCUSDT`, `BINANCE-COINM:BTCUSD_PERP`.
    InstrumentId,
    /// A trading account at a broker.
    AccountId,
    /// A currency or asset code: `USDT`, `BTC`, `USD`.
    Currency,
    /// Who emitted an event: a task (`risk/PAPER`), an ingress (`file/3f2a…`), a broker link
    /// (`broker/PAPER`) or a worker (`worker/tape`). Never a version, host or process.
    Source,
    /// The entity whose order matters: an instrument for market data and signals, an account for
    /// everything that follows from it.
    Key,
    /// One version of an account's limits.
    LimitSetId,
}

impl From<InstrumentId> for Key {
    fn from(id: InstrumentId) -> Self {
        Self(id.0)
    }
}

impl From<AccountId> for Key {
    fn from(id: AccountId) -> Self {
        Self(id.0)
    }
}

impl Key {
    /// The key of what concerns the system as a whole.
    #[must_use]
    pub fn system() -> Self {
        let mut bytes = [0; LABEL_BYTES_MAX];
        bytes[0] = b'-';
        Self(Label { bytes, len: 1 })
    }
}
