//! Executions, busts and corrections: what they do to orders, positions and cash.

use alloc::{boxed::Box, vec::Vec};

use event::{
    Amount, Currency, Event, InstrumentId, Kind, MoneyError, OrderId, Price, Timestamp,
    books::BrokerSnapshotTaken,
    choices::Side,
    trading::{ExecutionBusted, ExecutionCorrected, OrderExecuted},
};

use super::{Account, orders::begin};
use crate::{
    Contract, Execution, Finding, Order, Position,
    cash::{Cash, Line},
    execution::Terms,
    instruments::Instruments,
};

impl Account {
    pub(crate) fn executed(
        &mut self,
        event: &Event,
        told: &OrderExecuted,
        instruments: &Instruments,
        findings: &mut Vec<Finding>,
    ) {
        let listed_at = self.executions.listed.get(&told.exec_id).copied();
        let execution = execution_of(event, told, listed_at.filter(|_| told.recovered));
        if let Some(known) = self.executions.get(execution.exec_id) {
            findings.push(repeated(known, &execution));
            return;
        }
        let execution = self.executions.take(execution, told.side);
        if execution.busted {
            return;
        }
        self.book(&execution, event, instruments, findings);
        let turnover = turnover_of(&execution, findings);
        let size = Amount(execution.quantity.0.saturating_abs());
        let filled = (size, turnover, 1);
        if !self.change(told.order, |order| fill(order, filled, event, findings))
            && let Some(mut order) = begin(event, told.order, findings)
        {
            fill(&mut order, filled, event, findings);
            self.put_order(Box::new(order));
        }
    }

    /// Learns when the broker says executions happened that nothing told of yet: a fact recovered
    /// from a snapshot carries the time of its recovery, and takes its place by this one.
    pub(crate) fn listed(&mut self, snapshot: &BrokerSnapshotTaken) {
        for listed in &snapshot.executions {
            if self.executions.get(listed.exec_id).is_none() {
                let _ = self.executions.listed.insert(listed.exec_id, listed.executed_at);
            }
        }
    }

    pub(crate) fn busted(
        &mut self,
        event: &Event,
        bust: &ExecutionBusted,
        instruments: &Instruments,
        findings: &mut Vec<Finding>,
    ) {
        let Some(execution) = self.executions.get_mut(bust.exec_id) else {
            let _ = self.executions.early.insert(bust.exec_id, None);
            let exec_id = bust.exec_id;
            findings.push(Finding::UnknownExecution { exec_id, kind: Kind::ExecutionBusted });
            return;
        };
        if execution.busted {
            return;
        }
        execution.busted = true;
        let taken_back = execution.clone();
        self.move_cash(taken_back.fee_currency, Line::Fees, taken_back.fee, event, findings);
        self.fold_again(taken_back.instrument, event, instruments, findings);
        let size = Amount(taken_back.quantity.0.saturating_abs().saturating_neg());
        let turnover = Amount(turnover_of(&taken_back, findings).0.saturating_neg());
        let _ = self.change(taken_back.order, |order| {
            fill(order, (size, turnover, -1), event, findings);
        });
    }

    pub(crate) fn corrected(
        &mut self,
        event: &Event,
        correction: &ExecutionCorrected,
        instruments: &Instruments,
        findings: &mut Vec<Finding>,
    ) {
        if !self.executions.corrections.insert(correction.correction_id) {
            return;
        }
        let quantity = correction.quantity.amount();
        let terms = Terms { price: correction.price, quantity, fee: correction.fee };
        let exec_id = correction.exec_id;
        let side = self.executions.get(exec_id).map_or(Side::Buy, |known| self.side_of(known));
        let Some(execution) = self.executions.get_mut(exec_id) else {
            // A bust that came before stands: what was taken back cannot be corrected.
            let _ = self.executions.early.entry(exec_id).or_insert(Some(terms));
            findings.push(Finding::UnknownExecution { exec_id, kind: Kind::ExecutionCorrected });
            return;
        };
        if execution.busted {
            return;
        }
        let before = execution.clone();
        execution.correct(&terms, side);
        let after = execution.clone();
        let fee = Amount(before.fee.0.saturating_sub(after.fee.0));
        self.move_cash(before.fee_currency, Line::Fees, fee, event, findings);
        self.fold_again(before.instrument, event, instruments, findings);
        let was = turnover_of(&before, findings).0;
        let turnover = Amount(turnover_of(&after, findings).0.saturating_sub(was));
        let size = Amount(
            after.quantity.0.saturating_abs().saturating_sub(before.quantity.0.saturating_abs()),
        );
        let _ = self.change(before.order, |order| {
            fill(order, (size, turnover, 0), event, findings);
        });
    }

    /// Which way an execution went; one corrected to nothing has no sign, and its order says.
    fn side_of(&self, execution: &Execution) -> Side {
        match execution.quantity.signum() {
            0 => self.order(execution.order).map_or(Side::Buy, |order| order.side),
            1 => Side::Buy,
            _ => Side::Sell,
        }
    }

    /// Books the money and the position of an execution told just now.
    fn book(
        &mut self,
        execution: &Execution,
        event: &Event,
        instruments: &Instruments,
        findings: &mut Vec<Finding>,
    ) {
        let instrument = execution.instrument;
        let contract = instruments.contract(instrument, execution.at);
        if contract.is_none() {
            findings.push(Finding::UnknownInstrument { instrument });
        }
        let before = self.position_or_flat(instrument);
        let is_overtaken = execution.at < before.folded_through
            || execution.at == before.folded_through && self.has_place_before_another(execution);
        if is_overtaken {
            self.fold_again(instrument, event, instruments, findings);
        } else {
            let mut after = before.clone();
            match apply(&mut after, execution, contract.as_ref()) {
                Ok(()) => self.replace_position(&before, after, contract.as_ref(), event, findings),
                Err(error) => findings.push(Finding::NotBooked { kind: event.body.kind(), error }),
            }
        }
        let fee = Amount(execution.fee.0.saturating_neg());
        self.move_cash(execution.fee_currency, Line::Fees, fee, event, findings);
    }

    /// Folds a position again from everything that made it, and moves cash by the difference.
    pub(crate) fn fold_again(
        &mut self,
        instrument: InstrumentId,
        event: &Event,
        instruments: &Instruments,
        findings: &mut Vec<Finding>,
    ) {
        let before = self.position_or_flat(instrument);
        let mut after = Position::flat(instrument);
        after.funding = before.funding;
        for made in self.made_of(instrument) {
            let mut next = after.clone();
            let booked = match made {
                Made::Posting(posting) => {
                    let contract = instruments.contract(instrument, posting.at);
                    posting.apply(&mut next, contract.as_ref())
                }
                Made::Execution(execution) => {
                    let contract = instruments.contract(instrument, execution.at);
                    apply(&mut next, execution, contract.as_ref())
                }
            };
            match booked {
                Ok(()) => after = next,
                Err(error) => findings.push(Finding::NotBooked { kind: event.body.kind(), error }),
            }
        }
        let contract = instruments.contract(instrument, event.time);
        self.replace_position(&before, after, contract.as_ref(), event, findings);
    }

    /// What made a position, by the broker's clock.
    fn made_of(&self, instrument: InstrumentId) -> Vec<Made<'_>> {
        let postings = self.postings.iter().filter(|posting| posting.instrument == instrument);
        let told = self.executions.told.iter();
        let told = told.filter(|one| one.instrument == instrument && !one.busted);
        let mut made: Vec<_> =
            postings.map(Made::Posting).chain(told.map(Made::Execution)).collect();
        made.sort_by(|one, other| one.place().cmp(&other.place()));
        made
    }

    /// Whether something of the very instant of this execution, told before it, has its place behind
    /// it.
    fn has_place_before_another(&self, execution: &Execution) -> bool {
        let place = Made::Execution(execution).place();
        let is_there = |instrument, at| instrument == execution.instrument && at == execution.at;
        let mut told = self.executions.told.iter().filter(|one| is_there(one.instrument, one.at));
        told.any(|one| Made::Execution(one).place() > place)
            || self.postings.iter().any(|posting| is_there(posting.instrument, posting.at))
    }

    /// Puts a position in place of what it was, and moves cash by what its executions moved.
    pub(crate) fn replace_position(
        &mut self,
        before: &Position,
        mut after: Position,
        contract: Option<&Contract>,
        event: &Event,
        findings: &mut Vec<Finding>,
    ) {
        if let Some(contract) = contract {
            let settle = Amount(after.settle_flow.0.saturating_sub(before.settle_flow.0));
            let base = Amount(after.base_flow.0.saturating_sub(before.base_flow.0));
            self.move_cash(contract.settle, Line::Trades, settle, event, findings);
            self.move_cash(contract.base, Line::Trades, base, event, findings);
        }
        after.touched = before.touched.max(event.time);
        let _ = self.positions.insert(after.instrument, after);
    }

    pub(crate) fn position_or_flat(&self, instrument: InstrumentId) -> Position {
        self.positions.get(&instrument).cloned().unwrap_or_else(|| Position::flat(instrument))
    }

    pub(crate) fn move_cash(
        &mut self,
        currency: Currency,
        line: Line,
        amount: Amount,
        event: &Event,
        findings: &mut Vec<Finding>,
    ) {
        if amount.is_zero() {
            return;
        }
        let cash = self.cash.entry(currency).or_insert_with(|| Cash::none(currency));
        if let Err(error) = cash.moved(line, amount, event.time) {
            findings.push(Finding::NotBooked { kind: event.body.kind(), error });
        }
    }
}

/// Changes an order's executed quantity, turnover and number of executions.
fn fill(
    order: &mut Order,
    (quantity, turnover, executions): (Amount, Amount, i32),
    event: &Event,
    findings: &mut Vec<Finding>,
) {
    order.touched = order.touched.max(event.time);
    let step = order.filled(quantity, turnover, executions);
    order.step(step, event.body.kind(), findings);
    if order.cumulative > order.quantity.amount() && quantity.0 > 0 {
        findings.push(Finding::Overfilled {
            order: order.order,
            cumulative: order.cumulative,
            quantity: order.quantity.amount(),
        });
    }
}

/// One of the things a position is made of.
enum Made<'a> {
    Posting(&'a super::Posting),
    Execution(&'a Execution),
}

impl<'a> Made<'a> {
    /// Its place among all of them: by the broker's clock; of one instant executions by their names,
    /// which count up at a broker, and postings behind them. What was told when does not matter, so
    /// that a late report and a listing make the same books.
    fn place(&self) -> (Timestamp, u8, u64, &'a str) {
        match self {
            Self::Execution(one) => {
                let name = one.exec_id.as_str();
                (one.at, 0, name.len() as u64, name)
            }
            Self::Posting(one) => (one.at, 1, one.after, ""),
        }
    }
}

/// Books an execution into a position; without terms only its quantity counts.
fn apply(
    position: &mut Position,
    execution: &Execution,
    contract: Option<&Contract>,
) -> Result<(), MoneyError> {
    position.folded_through = position.folded_through.max(execution.at);
    let Some(contract) = contract else { return position.adjust(execution.quantity, Amount::ZERO) };
    position.execute(contract, execution.quantity, execution.price)?;
    if !execution.fee.is_zero() {
        position.note_fee(execution.fee_currency, execution.fee)?;
        if contract.moves_base() && execution.fee_currency == contract.base {
            position.pay_in_base(contract, execution.fee, execution.price)?;
        }
    }
    Ok(())
}

impl super::Posting {
    pub(crate) fn apply(
        &self,
        position: &mut Position,
        contract: Option<&Contract>,
    ) -> Result<(), MoneyError> {
        position.folded_through = position.folded_through.max(self.at);
        position.adjust(self.quantity, self.cost)?;
        if let Some(fee) = &self.fee {
            position.note_fee(fee.currency, fee.amount)?;
        }
        match contract {
            Some(contract) if !self.base_fee.is_zero() => {
                position.note_fee(contract.base, self.base_fee)?;
                position.pay_in_base(contract, self.base_fee, self.price)
            }
            _ => Ok(()),
        }
    }
}

fn execution_of(event: &Event, told: &OrderExecuted, listed_at: Option<Timestamp>) -> Execution {
    let size = told.last_quantity.amount().0;
    let at: Timestamp = listed_at.or(event.event_time).unwrap_or(event.time);
    let (order, price): (OrderId, Price) = (told.order, told.last_price);
    Execution {
        exec_id: told.exec_id,
        order,
        instrument: told.instrument,
        quantity: Amount(size.saturating_mul(i128::from(told.side.sign()))),
        price,
        fee: told.fee,
        fee_currency: told.fee_currency,
        at,
        event: event.event_id,
        busted: false,
        recovered: told.recovered,
        corrected: false,
    }
}

/// An execution told again is a repeat; one with other terms is worse, unless a correction made
/// the terms that stand.
fn repeated(known: &Execution, again: &Execution) -> Finding {
    let exec_id = known.exec_id;
    let same_place = known.order == again.order && known.instrument == again.instrument;
    let same_terms = (known.quantity, known.price, known.fee, known.fee_currency)
        == (again.quantity, again.price, again.fee, again.fee_currency);
    if same_place && (same_terms || known.corrected) {
        Finding::DuplicateExecution { exec_id }
    } else {
        Finding::ConflictingExecution { exec_id }
    }
}

/// Quantity × price, without sign of the quantity; zero, and said so, where it leaves the range.
fn turnover_of(execution: &Execution, findings: &mut Vec<Finding>) -> Amount {
    let size = Amount(execution.quantity.0.saturating_abs());
    size.scaled(i128::from(execution.price.0), 1_000_000_000).unwrap_or_else(|error| {
        findings.push(Finding::NotBooked { kind: Kind::OrderExecuted, error });
        Amount::ZERO
    })
}
