//! Whose frames a file holds, for the book snapshots that do not say.

use crate::Market;

/// The instruments seen in a file: none, one, or more than one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Subject {
    #[default]
    Nobody,
    One(Market, Box<str>),
    Several,
}

impl Subject {
    /// Takes note of a frame that names its instrument.
    #[inline]
    pub(super) fn saw(&mut self, market: Market, symbol: &str) {
        match self {
            Self::Nobody => *self = Self::One(market, symbol.into()),
            Self::One(seen_market, seen) if *seen_market == market && **seen == *symbol => {}
            Self::One(..) => *self = Self::Several,
            Self::Several => {}
        }
    }

    /// Whether a further frame can change anything.
    pub(super) const fn is_settled(&self) -> bool {
        matches!(self, Self::Several)
    }

    /// The symbol of a snapshot of `market` that names none.
    pub(super) fn symbol_of(&self, market: Market) -> Result<&str, &'static str> {
        match self {
            Self::One(seen, symbol) if *seen == market => Ok(symbol),
            Self::One(..) => Err("a book snapshot of another market than the file's instrument"),
            Self::Nobody => Err("a book snapshot without a symbol in a file that names none"),
            Self::Several => {
                Err("a book snapshot without a symbol in a file of several instruments")
            }
        }
    }
}
