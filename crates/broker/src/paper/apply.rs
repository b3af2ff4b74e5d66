//! What each entry of the record does to the broker's state, and which report it makes.

use event::{
    Label, OrderId, Timestamp,
    books::BrokerBooking,
    choices::{BookingKind, BrokerOrderState},
};

use super::{
    books::{Amendment, Books},
    entry::{
        Answered, Booked, Busted, Corrected, Ended, Entry, Executed, Promised, Replaced, Taken,
        TooLate,
    },
    ledger::Terms,
    order::{PaperExecution, PaperOrder, Promise, Since, quantity},
};
use crate::{Answer, BrokerError, Fact, Moment};

impl Books {
    /// Folds one entry, made at `made`.
    pub(crate) fn apply(&mut self, made: Moment, entry: &Entry) -> Result<(), BrokerError> {
        match entry {
            Entry::Opened(opened) => self.open_account(opened),
            Entry::Defined(defined) => {
                let known = self.definitions.entry(defined.instrument).or_default();
                let after = known.partition_point(|d| d.effective_from <= defined.effective_from);
                known.insert(after, defined.clone());
            }
            Entry::StatusChanged(status) => {
                let _ = self.trading.insert(status.instrument, status.status);
            }
            Entry::Taken(taken) => self.taken(made, taken)?,
            Entry::Answered(answered) => self.answered(answered),
            Entry::Rested(rested) => self.order_mut(rested.order)?.rested = true,
            Entry::Executed(executed) => self.executed(made, executed)?,
            Entry::Ended(ended) => self.ended(made, ended)?,
            Entry::Promised(promised) => self.promised(made, promised),
            Entry::Replaced(replaced) => self.replaced(made, replaced)?,
            Entry::TooLate(late) => self.too_late(made, late)?,
            Entry::Busted(busted) => self.busted(made, busted)?,
            Entry::Corrected(corrected) => self.corrected(made, corrected)?,
            Entry::Booked(booked) => self.booked(made, booked)?,
            Entry::IntervalPassed(passed) => {
                let _ = self.intervals.insert(passed.instrument, passed.interval);
            }
            Entry::DayBegan(day) => {
                self.day = Some(day.at);
                if day.stated {
                    let balances = self.ledger.balances();
                    self.tell(made, day.at, Fact::Balances { balances });
                }
            }
            Entry::ScriptDone(done) => {
                let _ = self.script_done.insert(done.action);
            }
        }
        Ok(())
    }

    fn tell(&mut self, made: Moment, at: Timestamp, fact: Fact) {
        self.mail.post(made, at, made.time, fact);
    }

    fn taken(&mut self, made: Moment, taken: &Taken) -> Result<(), BrokerError> {
        self.names.venue_orders += 1;
        let order = PaperOrder::new(taken, made, self.names.venue_orders);
        if let Some(client_order_id) = taken.client_order_id {
            let _ = self.client_order_ids.insert(client_order_id);
        }
        self.open.entry(order.instrument).or_default().push(order.order);
        if order.external && !order.silent {
            let fact = Fact::ExternalAccepted {
                venue_order: order.venue_order,
                instrument: order.instrument,
                side: order.side,
                quantity: taken.quantity,
                limit_price: order.limit_price,
            };
            self.tell(made, made.time, fact);
        }
        let _ = self.orders.insert(order.order, order);
        Ok(())
    }

    fn answered(&mut self, answered: &Answered) {
        let reason = answered.reason.clone();
        let answer = match (answered.venue_order, answered.code) {
            (Some(venue_order), _) => Answer::Accepted { venue_order },
            (None, Some(code)) => Answer::Rejected { code, reason },
            (None, None) => Answer::NoAnswer { reason },
        };
        let _ = self.answers.insert((answered.order, answered.attempt), answer);
    }

    fn executed(&mut self, made: Moment, executed: &Executed) -> Result<(), BrokerError> {
        self.fill(executed.order, executed.quantity.amount())?;
        let unknown = |what| BrokerError::Unknown { what };
        let order = self.order(executed.order).ok_or(unknown("an order"))?;
        let defined =
            self.definition(order.instrument, executed.at).ok_or(unknown("an instrument"))?;
        let execution = PaperExecution::new(executed, order, Terms::from(defined))?;
        self.ledger.book(&execution.trade).map_err(BrokerError::money("an execution"))?;
        let place = self.executions.len();
        let amendments =
            [(executed.bust_at, Amendment::Bust), (executed.correct_at, Amendment::Correct)];
        for (due, amendment) in amendments {
            if let Some(due) = due {
                let _ = self.amendments.insert((due, place), amendment);
            }
        }
        if let Some(delivered_at) = executed.delivered_at {
            for _ in 0..=u8::from(executed.twice) {
                self.mail.post(made, executed.at, delivered_at, execution.fact());
            }
        }
        let _ = self.execution_at.insert(execution.exec_id, place);
        self.executions.push(execution);
        Ok(())
    }

    fn ended(&mut self, made: Moment, ended: &Ended) -> Result<(), BrokerError> {
        if ended.promised {
            let _ = self.keep_promise(ended.order)?;
        }
        self.close(ended.order, ended.state)?;
        let order = self.order_mut(ended.order)?;
        let (ours, venue_order, instrument) = (order.ours(), order.venue_order, order.instrument);
        let cumulative = quantity(order.cumulative)?;
        let reason = ended.reason.clone();
        let fact = match ended.state {
            BrokerOrderState::Expired => {
                Fact::Expired { order: ours, venue_order, instrument, cumulative, reason }
            }
            _ => Fact::Cancelled { order: ours, venue_order, instrument, cumulative, reason },
        };
        self.tell(made, ended.at, fact);
        Ok(())
    }

    fn promised(&mut self, made: Moment, promised: &Promised) {
        let promise = Promise {
            order: promised.order,
            action: promised.action,
            since: Since::new(made.position, promised.after_source, promised.after_seq),
            quantity: promised.quantity.amount(),
            limit_price: promised.limit_price,
            proposal: promised.proposal,
        };
        let _ = self.promises.insert((promised.live_at, self.names.promises), promise);
        self.names.promises += 1;
    }

    fn replaced(&mut self, made: Moment, replaced: &Replaced) -> Result<(), BrokerError> {
        self.names.venue_orders += 1;
        let arrival = self.names.venue_orders;
        let promise = self.keep_promise(replaced.order)?;
        let order = self.order_mut(replaced.order)?;
        order.venue_order = replaced.venue_order;
        order.quantity = promise.quantity;
        order.limit_price = promise.limit_price;
        // New terms go to the end of the queue, and may meet the market as a new order would.
        order.arrival = arrival;
        order.rested = false;
        let (venue_order, instrument) = (order.venue_order, order.instrument);
        if let (Some(limit_price), Some(proposal)) = (promise.limit_price, promise.proposal) {
            let fact = Fact::Replaced {
                order: replaced.order,
                venue_order,
                instrument,
                quantity: quantity(promise.quantity)?,
                limit_price,
                proposal,
            };
            self.tell(made, replaced.at, fact);
        }
        Ok(())
    }

    fn too_late(&mut self, made: Moment, late: &TooLate) -> Result<(), BrokerError> {
        let Promise { action, proposal, .. } = self.keep_promise(late.order)?;
        let order = self.order_mut(late.order)?;
        let fact = Fact::CancelRejected {
            order: late.order,
            venue_order: order.venue_order,
            instrument: order.instrument,
            action,
            reason: late.reason.clone(),
            proposal,
        };
        self.tell(made, late.at, fact);
        Ok(())
    }

    fn busted(&mut self, made: Moment, busted: &Busted) -> Result<(), BrokerError> {
        self.names.amendments += 1;
        let (place, execution) = self.execution_mut(busted.exec_id)?;
        execution.busted = true;
        let (order, ours) = (execution.order, execution.ours);
        let (venue_order, instrument) = (execution.venue_order, execution.instrument());
        let size = execution.quantity.amount();
        self.amendments.retain(|(_, amended), _| *amended != place);
        self.fill(order, size.negated().map_err(BrokerError::money("a bust"))?)?;
        self.rebook(instrument)?;
        let fact = Fact::Busted {
            order: ours,
            venue_order,
            instrument,
            exec_id: busted.exec_id,
            bust_id: busted.bust_id,
            reason: busted.reason.clone(),
        };
        self.tell(made, busted.at, fact);
        Ok(())
    }

    fn corrected(&mut self, made: Moment, corrected: &Corrected) -> Result<(), BrokerError> {
        self.names.amendments += 1;
        let (place, execution) = self.execution_mut(corrected.exec_id)?;
        execution.trade.price = corrected.price;
        execution.trade.fee = corrected.fee;
        let fact = Fact::Corrected {
            order: execution.ours,
            venue_order: execution.venue_order,
            instrument: execution.instrument(),
            exec_id: corrected.exec_id,
            correction_id: corrected.correction_id,
            price: corrected.price,
            quantity: execution.quantity,
            fee: corrected.fee,
            reason: corrected.reason.clone(),
        };
        let instrument = execution.instrument();
        self.amendments
            .retain(|(_, amended), what| *amended != place || *what != Amendment::Correct);
        self.rebook(instrument)?;
        self.tell(made, corrected.at, fact);
        Ok(())
    }

    fn booked(&mut self, made: Moment, booked: &Booked) -> Result<(), BrokerError> {
        let Booked { booking_id, kind, currency, amount, instrument, .. } = *booked;
        self.ledger.move_cash(currency, amount).map_err(BrokerError::money("a booking"))?;
        let reason = booked.reason.clone();
        let fact = match (kind, instrument) {
            (BookingKind::Funding, Some(instrument)) => {
                Fact::Funding { funding_id: booking_id, instrument, currency, amount }
            }
            (BookingKind::Transfer, _) => {
                Fact::Transfer { transfer_id: booking_id, currency, amount, reason }
            }
            (BookingKind::Fee | BookingKind::Funding, _) => {
                let amount = amount.negated().map_err(BrokerError::money("a fee"))?;
                Fact::Fee { fee_id: booking_id, currency, amount, reason, exec_id: None }
            }
        };
        self.mail.post(made, booked.at, booked.delivered_at, fact);
        let booking = BrokerBooking {
            booking_id,
            booking: kind,
            currency,
            amount,
            instrument,
            reason: booked.reason.clone(),
        };
        let place = self.bookings.len() as u64;
        let listed_at = booked.delivered_at.max(made.time);
        let _ = self.bookings.insert((listed_at, place), booking);
        Ok(())
    }
}

impl PaperExecution {
    /// The report of it.
    fn fact(&self) -> Fact {
        Fact::Executed {
            order: self.ours,
            venue_order: self.venue_order,
            exec_id: self.exec_id,
            instrument: self.instrument(),
            side: self.side,
            price: self.trade.price,
            quantity: self.quantity,
            cumulative: self.cumulative,
            leaves: self.leaves,
            fee: self.trade.fee,
            fee_currency: self.fee_currency(),
            liquidity: self.liquidity,
            trade_date: self.trade.at.utc_date(),
        }
    }
}

impl Books {
    /// The next name of an order.
    pub(crate) fn next_venue_order(&self) -> Result<Label, BrokerError> {
        Ok(Label::new(&format!("V{}", self.names.venue_orders + 1))?)
    }

    /// The next name of an execution.
    pub(crate) fn next_execution(&self) -> Result<Label, BrokerError> {
        Ok(Label::new(&format!("X{}", self.executions.len() + 1))?)
    }

    /// The next name of a bust or a correction.
    pub(crate) fn next_amendment(&self) -> Result<Label, BrokerError> {
        Ok(Label::new(&format!("A{}", self.names.amendments + 1))?)
    }

    /// The next name of a booking.
    pub(crate) fn next_booking(&self) -> Result<Label, BrokerError> {
        Ok(Label::new(&format!("B{}", self.bookings.len() + 1))?)
    }

    /// Whether the broker holds an order of this name.
    pub(crate) fn has_order(&self, order: OrderId) -> bool {
        self.orders.contains_key(&order)
    }
}
