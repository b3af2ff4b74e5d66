//! Executions, each counted once, and what takes them back.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use event::{
    Amount, Body, Currency, InstrumentId, Label, OrderId, Price,
    choices::Side,
    message, nested,
    trading::{ExecutionBusted, ExecutionCorrected, OrderExecuted},
};

message! {
    /// What one execution stands for now; a busted one stands for nothing.
    Executed {
        /// The broker's name for it.
        1 exec_id: Label,
        /// The order.
        2 order: OrderId,
        /// The instrument.
        3 instrument: InstrumentId,
        /// Signed quantity.
        4 quantity: Amount,
        /// Price.
        5 price: Price,
        /// Fee paid.
        6 fee: Amount,
        /// The fee's currency.
        7 fee_currency: Currency,
        /// Which way it went; a quantity corrected to nothing has no sign.
        8 side: Side,
    }
}

message! {
    /// Terms that corrected an execution before it was told of.
    EarlyTerms {
        /// The broker's name for the execution.
        1 exec_id: Label,
        /// Quantity, without sign.
        2 quantity: Amount,
        /// Price.
        3 price: Price,
        /// Fee paid.
        4 fee: Amount,
    }
}

nested!(Executed, EarlyTerms);

/// A change of what is held: an execution's terms, or the opposite of one that was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) order: OrderId,
    pub(crate) instrument: InstrumentId,
    pub(crate) quantity: Amount,
    pub(crate) price: Price,
    pub(crate) fee: Amount,
    pub(crate) fee_currency: Currency,
    /// What of it the order has executed more, signed as the side; terms that replace others count
    /// by what they differ.
    pub(crate) filled: Amount,
    /// Whether it takes back or corrects what was told before.
    pub(crate) takes_back: bool,
}

/// The executions of one account, by the broker's name for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Executions {
    known: BTreeMap<Label, Executed>,
    busted: BTreeSet<Label>,
    early: BTreeMap<Label, EarlyTerms>,
    corrections: BTreeSet<Label>,
}

impl Executions {
    /// What follows from a fact; nothing from one seen before, or from another kind of event.
    pub(crate) fn fold(&mut self, body: &Body) -> Vec<Change> {
        match body {
            Body::OrderExecuted(executed) => self.execute(executed),
            Body::ExecutionBusted(bust) => self.bust(bust),
            Body::ExecutionCorrected(correction) => self.correct(correction),
            _ => Vec::new(),
        }
    }

    fn execute(&mut self, executed: &OrderExecuted) -> Vec<Change> {
        let id = executed.exec_id;
        if self.known.contains_key(&id) || self.busted.contains(&id) {
            return Vec::new();
        }
        let size = executed.last_quantity.amount();
        let mut terms = Executed {
            exec_id: id,
            order: executed.order,
            instrument: executed.instrument,
            quantity: Amount(size.0.saturating_mul(i128::from(executed.side.sign()))),
            price: executed.last_price,
            fee: executed.fee,
            fee_currency: executed.fee_currency,
            side: executed.side,
        };
        if let Some(early) = self.early.remove(&id) {
            terms.correct(&early);
        }
        let change = terms.change();
        let _ = self.known.insert(id, terms);
        Vec::from([change])
    }

    fn bust(&mut self, bust: &ExecutionBusted) -> Vec<Change> {
        let _ = self.busted.insert(bust.exec_id);
        let _ = self.early.remove(&bust.exec_id);
        self.known.remove(&bust.exec_id).iter().map(Executed::reversal).collect()
    }

    /// A correction told of twice counts once: it may have been corrected since.
    fn correct(&mut self, correction: &ExecutionCorrected) -> Vec<Change> {
        let id = correction.exec_id;
        if self.busted.contains(&id) || !self.corrections.insert(correction.correction_id) {
            return Vec::new();
        }
        let early = EarlyTerms {
            exec_id: id,
            quantity: correction.quantity.amount(),
            price: correction.price,
            fee: correction.fee,
        };
        let Some(terms) = self.known.get_mut(&id) else {
            let _ = self.early.insert(id, early);
            return Vec::new();
        };
        let before = terms.quantity;
        let reversal = Change { filled: Amount::ZERO, ..terms.reversal() };
        terms.correct(&early);
        let filled = Amount(terms.quantity.0.saturating_sub(before.0));
        Vec::from([reversal, Change { filled, takes_back: true, ..terms.change() }])
    }

    /// What is known, for a snapshot.
    pub(crate) fn known(&self) -> Vec<Executed> {
        self.known.values().cloned().collect()
    }

    /// The executions taken back, for a snapshot.
    pub(crate) fn busted(&self) -> Vec<Label> {
        self.busted.iter().copied().collect()
    }

    /// The corrections ahead of their executions, for a snapshot.
    pub(crate) fn early(&self) -> Vec<EarlyTerms> {
        self.early.values().cloned().collect()
    }

    /// The corrections told of, for a snapshot.
    pub(crate) fn corrections(&self) -> Vec<Label> {
        self.corrections.iter().copied().collect()
    }

    pub(crate) fn restored(
        known: Vec<Executed>,
        busted: Vec<Label>,
        early: Vec<EarlyTerms>,
        corrections: Vec<Label>,
    ) -> Self {
        Self {
            known: known.into_iter().map(|terms| (terms.exec_id, terms)).collect(),
            busted: busted.into_iter().collect(),
            early: early.into_iter().map(|terms| (terms.exec_id, terms)).collect(),
            corrections: corrections.into_iter().collect(),
        }
    }
}

impl Executed {
    const fn correct(&mut self, terms: &EarlyTerms) {
        let size = terms.quantity.0.saturating_abs();
        self.quantity = Amount(size.saturating_mul(self.side.sign() as i128));
        self.price = terms.price;
        self.fee = terms.fee;
    }

    const fn change(&self) -> Change {
        Change {
            order: self.order,
            instrument: self.instrument,
            quantity: self.quantity,
            price: self.price,
            fee: self.fee,
            fee_currency: self.fee_currency,
            filled: self.quantity,
            takes_back: false,
        }
    }

    /// Quantities come from an `i64` and fees from decimal text, so neither is the least `i128`.
    fn reversal(&self) -> Change {
        let change = self.change();
        Change {
            quantity: Amount(change.quantity.0.saturating_neg()),
            fee: Amount(change.fee.0.saturating_neg()),
            filled: Amount(change.filled.0.saturating_neg()),
            takes_back: true,
            ..change
        }
    }
}
