//! The paper broker: a matching book, a ledger and a record of its own.
//!
//! It is what the rest of the system is reconciled against, so it shares no accounting code with
//! it. Its state is the fold of a durable record ([`record`]); whatever it hands out is in the
//! record first. Nothing in it depends on how often it was restarted:
//!
//! 1. A submit, cancel or replace is known by (order, attempt) and answered from the record.
//! 2. A market record not after the last one that changed anything changes nothing; one after it
//!    that changed nothing the first time changes nothing again, because an order or a promise
//!    meets no market record of a position before its own. Records are ordered by tape position,
//!    and those of one position by what their source numbered them.
//! 3. A report is delivered at its time of delivery, and not before the tape position it was made
//!    at; a question is answered as of its moment, even when more has happened since.
//! 4. Chance is a function of a seed and of names, never of how many draws came before.
//!
//! Cost: a market record that changes nothing is a few look-ups and writes nothing; a step that
//! changes something is one write and one sync. Memory grows with orders and executions, never
//! with market records.

mod admission;
mod apply;
mod books;
mod chance;
mod config;
mod entry;
mod ledger;
mod mail;
mod matching;
mod order;
mod passing;
mod purse;
mod record;
mod session;
mod text;
mod view;

#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc};

use event::{
    AccountId, Body, Event, Timestamp,
    books::{
        Balance, BrokerBooking, BrokerExecution, BrokerOrder, BrokerPosition, OpeningPosition,
    },
    market::InstrumentDefined,
};
use segment::{Disk, RealDisk};

use self::{
    books::Books,
    entry::{Frame, Opened, Printed, Step},
    passing::expires,
    record::Record,
    session::Session,
    view::{Past, Shown},
};
use crate::{
    Answer, Broker, BrokerError, CancelRequest, Moment, OrderRequest, ReplaceRequest, Report,
};

pub use config::{Action, BuyFee, Expiry, Faults, Funding, PaperConfig, PaperPosition, Scripted};

/// A broker that trades on paper against the market records it is shown.
#[derive(Debug)]
pub struct PaperBroker {
    config: PaperConfig,
    account: AccountId,
    books: Books,
    record: Record,
    /// What was shown before this process, for questions that are asked again.
    shown: Vec<Shown>,
    /// The last thing shown by this process: the moment, and the frames there were then.
    last_shown: Option<(Moment, u64)>,
    /// The last market record this process was shown, and its position.
    fed: Option<(u64, Printed)>,
    /// The books as they were, for the last question about an earlier moment.
    past: Option<Past>,
    /// Nothing is due by the clock before this instant; `None` when that is not known.
    wake: Option<Timestamp>,
}

impl PaperBroker {
    /// Opens the broker whose record is in `dir`, or begins one there.
    ///
    /// The opening balances and positions are those of the record once there is one. `instruments`
    /// are known from the start; others become known by `InstrumentDefined`.
    ///
    /// # Errors
    /// [`BrokerError`] when the record cannot be opened, is damaged, or is another account's.
    pub fn open(
        dir: &Path,
        config: PaperConfig,
        instruments: &[InstrumentDefined],
    ) -> Result<Self, BrokerError> {
        Self::open_on(Arc::new(RealDisk), dir, config, instruments)
    }

    /// Opens the broker whose record is in `dir` of a disk, or begins one there.
    ///
    /// # Errors
    /// As [`PaperBroker::open`].
    pub fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        config: PaperConfig,
        instruments: &[InstrumentDefined],
    ) -> Result<Self, BrokerError> {
        let record::Opened { record, frames } = Record::open(disk, dir)?;
        let mut broker = Self::of(record, &frames, config)?;
        broker.check_account(broker.config.account)?;
        broker.step(Moment::default(), Step::Setup, |session| {
            if session.books.account.is_none() {
                session.record(opened_by(session.config))?;
            }
            for defined in instruments {
                session.define(defined)?;
            }
            Ok(())
        })?;
        Ok(broker)
    }

    /// Opens the record in `dir` to look at, while another process may be writing it. Every call
    /// that would change something fails with [`BrokerError::ReadOnly`].
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn open_read_only(dir: &Path) -> Result<Self, BrokerError> {
        let record::Opened { record, frames } = Record::open_read_only(Arc::new(RealDisk), dir)?;
        let mut broker = Self::of(record, &frames, PaperConfig::default())?;
        let account = broker.books.account.ok_or(BrokerError::Unknown { what: "an account" })?;
        (broker.account, broker.config.account) = (account, account);
        Ok(broker)
    }

    /// How many reports it has ever made, delivered or not: whoever has read more of them than this has
    /// read them from another record.
    #[must_use]
    pub const fn reports_made(&self) -> u64 {
        self.books.mail.made()
    }

    fn of(record: Record, frames: &[Vec<u8>], config: PaperConfig) -> Result<Self, BrokerError> {
        let (mut books, mut shown) = (Books::default(), Vec::new());
        for (ordinal, bytes) in (0_u64..).zip(frames) {
            let frame = Frame::decode(bytes)?;
            match frame.step {
                Step::Shown(after) => {
                    shown.push(Shown { moment: frame.moment, after, frames: ordinal });
                }
                // What was shown before a call is durable with the caller, and not asked for again.
                Step::Call => while shown.pop_if(|shown| shown.moment == frame.moment).is_some() {},
                Step::Market(_) | Step::Passing | Step::Setup => {}
            }
            books.fold(&frame)?;
        }
        Ok(Self {
            account: config.account,
            config,
            books,
            record,
            shown,
            last_shown: None,
            fed: None,
            past: None,
            wake: None,
        })
    }

    fn check_account(&self, expected: AccountId) -> Result<(), BrokerError> {
        match self.books.account {
            Some(found) if found != expected => {
                let path = self.record.path().to_path_buf();
                Err(BrokerError::OtherAccount { path, expected, found })
            }
            _ => Ok(()),
        }
    }

    /// Takes in a market record, at the moment it was printed.
    ///
    /// Quotes and trades are matched, definitions and trading states are learnt, other events only
    /// let time pass. What follows from it is durable when this returns.
    ///
    /// # Errors
    /// [`BrokerError`]; the broker then takes nothing more until it is opened again.
    pub fn on_market(&mut self, now: Moment, event: &Event) -> Result<(), BrokerError> {
        if let Body::InstrumentDefined(defined) = &event.body {
            return self.define(now, defined);
        }
        let printed = Printed { source: event.source, source_seq: event.source_seq };
        self.fed = Some((now.position, printed));
        if self.books.has_taken_in(now.position, printed) || self.is_idle(now, &event.body) {
            return Ok(());
        }
        let is_due = self.is_due(now);
        self.step(now, Step::Market(printed), |session| {
            if is_due {
                session.pass()?;
                session.pass_script()?;
            }
            match &event.body {
                Body::MarketQuote(quote) => {
                    if let Some(price) = middle(quote) {
                        session.fund(quote.instrument, price)?;
                    }
                    session.on_quote(quote)
                }
                Body::MarketTrade(trade) => {
                    session.fund(trade.instrument, trade.price)?;
                    session.on_trade(trade)
                }
                Body::TradingStatusChanged(status) => session.record(status.clone()),
                _ => Ok(()),
            }
        })
    }

    /// Lets time pass without a market record: promises, expiries, amendments and the script.
    ///
    /// For the end of a tape, and for a live session whose market is quiet. In a tape it is called
    /// after the market record of its position was shown.
    ///
    /// # Errors
    /// [`BrokerError`].
    pub fn advance(&mut self, now: Moment) -> Result<(), BrokerError> {
        if self.books.has_passed(now) || !self.is_due(now) {
            return Ok(());
        }
        self.step(now, Step::Passing, |session| {
            session.pass()?;
            session.pass_script()
        })
    }

    /// Whether a market record can change nothing, so that it costs nothing.
    fn is_idle(&mut self, now: Moment, body: &Body) -> bool {
        let instrument = match body {
            Body::MarketQuote(quote) => quote.instrument,
            Body::MarketTrade(trade) => trade.instrument,
            Body::TradingStatusChanged(_) => return false,
            _ => return !self.is_due(now),
        };
        !self.is_due(now)
            && self.books.open_in(instrument).next().is_none()
            && self.books.ledger.holding(instrument).quantity.is_zero()
    }

    /// Whether something is due by the clock, or by the script.
    fn is_due(&mut self, now: Moment) -> bool {
        if self.wake.is_none() {
            let expiry = self.config.expiry;
            let ends = self.books.open().filter(|order| expires(order, expiry));
            let next_expiry = ends.map(|order| order.expires).min();
            self.wake = self.books.wake(next_expiry);
        }
        self.wake.is_none_or(|wake| now.time >= wake) || self.is_scripted(now)
    }

    fn is_scripted(&self, now: Moment) -> bool {
        let done = &self.books.script_done;
        let script = (0_u32..).zip(&self.config.script);
        script.into_iter().any(|(place, s)| s.at <= now.time && !done.contains(&place))
    }

    fn define(&mut self, now: Moment, defined: &InstrumentDefined) -> Result<(), BrokerError> {
        if self.books.knows(defined) {
            return Ok(());
        }
        self.step(now, Step::Setup, |session| session.define(defined))
    }

    /// Decides a step and makes it durable.
    fn step(
        &mut self,
        now: Moment,
        step: Step,
        decide: impl FnOnce(&mut Session<'_>) -> Result<(), BrokerError>,
    ) -> Result<(), BrokerError> {
        self.record.check_writable()?;
        let record_at = match step {
            Step::Market(printed) => Some(printed),
            Step::Call => self.last_printed(now),
            Step::Passing | Step::Setup | Step::Shown(_) => None,
        };
        let mut session = Session::new(&mut self.books, &self.config, now, record_at);
        let decided = decide(&mut session);
        let entries = session.entries;
        if let Err(error) = decided {
            self.record.poison();
            return Err(error);
        }
        if entries.is_empty() {
            return Ok(());
        }
        self.record.append(&Frame { moment: now, step, entries }.encode())?;
        self.books.note(now, step);
        self.wake = None;
        if step == Step::Call {
            self.forget_shown(now);
        }
        Ok(())
    }

    /// The last record of this position that this process was shown.
    fn last_printed(&self, now: Moment) -> Option<Printed> {
        self.fed.filter(|(position, _)| *position == now.position).map(|(_, printed)| printed)
    }

    /// Whether a call was never decided.
    fn is_new(&self, order: event::OrderId, attempt: u32) -> Result<bool, BrokerError> {
        self.record.check_sound()?;
        Ok(self.books.answer(order, attempt).is_none())
    }

    /// The answer in the record to a call, after it was decided.
    fn answered(&self, order: event::OrderId, attempt: u32) -> Result<Answer, BrokerError> {
        let answer = self.books.answer(order, attempt).cloned();
        answer.ok_or(BrokerError::Unknown { what: "an answer" })
    }
}

impl Session<'_> {
    fn define(&mut self, defined: &InstrumentDefined) -> Result<(), BrokerError> {
        if self.books.knows(defined) { Ok(()) } else { self.record(defined.clone()) }
    }
}

impl Broker for PaperBroker {
    fn account(&self) -> AccountId {
        self.account
    }

    fn submit(&mut self, now: Moment, request: &OrderRequest) -> Result<Answer, BrokerError> {
        if self.is_new(request.order, request.attempt)? {
            self.step(now, Step::Call, |session| session.submit(request))?;
        }
        self.answered(request.order, request.attempt)
    }

    fn cancel(&mut self, now: Moment, request: &CancelRequest) -> Result<Answer, BrokerError> {
        if self.is_new(request.order, request.attempt)? {
            self.step(now, Step::Call, |session| session.cancel(request))?;
        }
        self.answered(request.order, request.attempt)
    }

    fn replace(&mut self, now: Moment, request: &ReplaceRequest) -> Result<Answer, BrokerError> {
        if self.is_new(request.order, request.attempt)? {
            self.step(now, Step::Call, |session| session.replace(request))?;
        }
        self.answered(request.order, request.attempt)
    }

    fn reports(&mut self, now: Moment, after: u64, max: usize) -> Result<Vec<Report>, BrokerError> {
        self.record.check_sound()?;
        Ok(self.books.mail.read(now, after, max))
    }

    fn open_orders(&mut self, now: Moment) -> Result<Vec<BrokerOrder>, BrokerError> {
        self.as_of(now)?.list_open()
    }

    fn executions_since(
        &mut self,
        now: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerExecution>, u64), BrokerError> {
        Ok(self.as_of(now)?.list_executions(cursor))
    }

    fn bookings_since(
        &mut self,
        now: Moment,
        cursor: u64,
    ) -> Result<(Vec<BrokerBooking>, u64), BrokerError> {
        Ok(self.as_of(now)?.list_bookings(now.time, cursor))
    }

    fn positions(&mut self, now: Moment) -> Result<Vec<BrokerPosition>, BrokerError> {
        let positions = self.as_of(now)?.ledger.positions();
        positions.map_err(BrokerError::money("a position"))
    }

    fn balances(&mut self, now: Moment) -> Result<Vec<Balance>, BrokerError> {
        Ok(self.as_of(now)?.ledger.balances())
    }

    fn opening(&self) -> Result<(Vec<Balance>, Vec<OpeningPosition>), BrokerError> {
        Ok(self.books.opening.clone())
    }
}

fn opened_by(config: &PaperConfig) -> Opened {
    let balance = |(&currency, &amount): (_, _)| Balance { currency, amount };
    let position = |p: &PaperPosition| OpeningPosition {
        instrument: p.instrument,
        quantity: p.quantity,
        total_cost: p.total_cost,
    };
    Opened {
        account: config.account,
        balances: config.balances.iter().map(balance).collect(),
        positions: config.positions.iter().map(position).collect(),
    }
}

/// The middle of a quote, or the side there is.
fn middle(quote: &event::market::MarketQuote) -> Option<event::Price> {
    match (quote.bid_price, quote.ask_price) {
        (Some(bid), Some(ask)) => Some(event::Price(i64::midpoint(bid.0, ask.0))),
        (bid, ask) => bid.or(ask),
    }
}
