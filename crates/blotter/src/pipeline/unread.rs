//! Lines of the tape that would not become events, as the end of a run tells them.

use feed::{Refused, TapeReader};

/// What this process read of the tape and could not use; all of it is kept, with its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unread {
    /// Per file and reason.
    pub(crate) refused: Vec<Refused>,
    /// Names that no definition knows, and how many records named them.
    pub(crate) undefined: Vec<(String, u64)>,
}

impl Unread {
    pub(crate) fn of(tape: &TapeReader) -> Self {
        let undefined = tape.undefined().iter().map(|(name, count)| (name.clone(), *count));
        Self { refused: tape.refused().cloned().collect(), undefined: undefined.collect() }
    }
}
