//! Executions of one account, each counted once, and what takes them back.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use event::{
    Amount, Currency, EventId, InstrumentId, Label, OrderId, Price, Timestamp, choices::Side,
    message, nested,
};

message! {
    /// One execution, as it stands now.
    Execution {
        /// The broker's name for it.
        1 exec_id: Label,
        /// Its order.
        2 order: OrderId,
        /// Its instrument.
        3 instrument: InstrumentId,
        /// Signed quantity: positive buys.
        4 quantity: Amount,
        /// Price.
        5 price: Price,
        /// Fee paid; negative is a rebate.
        6 fee: Amount,
        /// The fee's currency.
        7 fee_currency: Currency,
        /// When, by the broker where it said so.
        8 at: Timestamp,
        /// The event that told of it.
        9 event: EventId,
        /// Taken back: it counts for nothing.
        10 busted: bool,
        /// Learnt from a broker's snapshot, not from a report.
        11 recovered: bool,
        /// Its terms are a correction's.
        12 corrected: bool,
    }

    /// A bust or a correction of an execution that has not been told of yet.
    Early {
        /// The execution.
        1 exec_id: Label,
        /// What it will stand for; `None` when it was taken back.
        2 terms: Option<Terms>,
    }

    /// When the broker says an execution happened that nothing told of yet.
    ListedAt {
        /// The execution.
        1 exec_id: Label,
        /// When.
        2 at: Timestamp,
    }

    /// What a correction makes of an execution.
    Terms {
        /// Price.
        1 price: Price,
        /// Quantity, without sign.
        2 quantity: Amount,
        /// Fee.
        3 fee: Amount,
    }
}

nested!(Execution, Early, ListedAt, Terms);

/// The executions of one account, in the order they were told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Executions {
    pub(crate) told: Vec<Execution>,
    by_id: BTreeMap<Label, usize>,
    pub(crate) early: BTreeMap<Label, Option<Terms>>,
    pub(crate) corrections: BTreeSet<Label>,
    /// When the broker says executions happened that nothing told of yet.
    pub(crate) listed: BTreeMap<Label, Timestamp>,
}

impl Executions {
    pub(crate) const fn new() -> Self {
        Self {
            told: Vec::new(),
            by_id: BTreeMap::new(),
            early: BTreeMap::new(),
            corrections: BTreeSet::new(),
            listed: BTreeMap::new(),
        }
    }

    pub(crate) fn get(&self, exec_id: Label) -> Option<&Execution> {
        self.by_id.get(&exec_id).and_then(|at| self.told.get(*at))
    }

    pub(crate) fn get_mut(&mut self, exec_id: Label) -> Option<&mut Execution> {
        self.by_id.get(&exec_id).and_then(|at| self.told.get_mut(*at))
    }

    /// Takes an execution not told of before, as corrections that came before it left it.
    pub(crate) fn take(&mut self, mut execution: Execution, side: Side) -> Execution {
        match self.early.remove(&execution.exec_id) {
            Some(Some(terms)) => execution.correct(&terms, side),
            Some(None) => execution.busted = true,
            None => {}
        }
        let _ = self.listed.remove(&execution.exec_id);
        self.push(execution.clone());
        execution
    }

    /// Keeps an execution as it stands.
    pub(crate) fn push(&mut self, execution: Execution) {
        let _ = self.by_id.insert(execution.exec_id, self.told.len());
        self.told.push(execution);
    }
}

impl Execution {
    pub(crate) fn correct(&mut self, terms: &Terms, side: Side) {
        let size = terms.quantity.0.saturating_abs();
        self.quantity = Amount(size.saturating_mul(i128::from(side.sign())));
        self.price = terms.price;
        self.fee = terms.fee;
        self.corrected = true;
    }
}
