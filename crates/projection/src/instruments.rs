//! Instruments, each as it is from a date on.

use alloc::{collections::BTreeMap, vec::Vec};

use event::{InstrumentId, Timestamp, choices::TradingState, market::InstrumentDefined};

use crate::Contract;

/// Every definition of every instrument, by the date it holds from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Instruments {
    defined: BTreeMap<InstrumentId, Vec<InstrumentDefined>>,
    pub(crate) status: BTreeMap<InstrumentId, TradingState>,
}

impl Instruments {
    pub(crate) const fn new() -> Self {
        Self { defined: BTreeMap::new(), status: BTreeMap::new() }
    }

    /// Takes a definition; one of the same date replaces what was there. Answers whether the
    /// instrument was unknown before.
    pub(crate) fn define(&mut self, definition: &InstrumentDefined) -> bool {
        let dated = self.defined.entry(definition.instrument).or_default();
        let first = dated.is_empty();
        match dated.binary_search_by_key(&definition.effective_from, |known| known.effective_from) {
            Ok(at) => {
                if let Some(slot) = dated.get_mut(at) {
                    slot.clone_from(definition);
                }
            }
            Err(at) => dated.insert(at, definition.clone()),
        }
        first
    }

    /// The definition that holds at `at`; before the first date, the first.
    pub(crate) fn at(&self, instrument: InstrumentId, at: Timestamp) -> Option<&InstrumentDefined> {
        let dated = self.defined.get(&instrument)?;
        dated.iter().rev().find(|known| known.effective_from <= at).or_else(|| dated.first())
    }

    /// The terms that hold at `at`.
    pub(crate) fn contract(&self, instrument: InstrumentId, at: Timestamp) -> Option<Contract> {
        self.at(instrument, at).map(Contract::from)
    }

    /// The newest definition of each instrument.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &InstrumentDefined> {
        self.defined.values().filter_map(|dated| dated.last())
    }

    /// Every definition.
    pub(crate) fn all(&self) -> impl Iterator<Item = &InstrumentDefined> {
        self.defined.values().flatten()
    }
}
