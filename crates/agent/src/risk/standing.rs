//! The gate's state as bytes.

use alloc::vec::Vec;

use event::{
    BreakId, InstrumentId, Label, LimitSetId, Source, Timestamp,
    books::Limit,
    choices::{BookingKind, Phase},
    message, nested,
};
use guard::RateWindow;

use super::{
    Exposure, Limits, Markets, Risk, Sent,
    equity::{Equity, EquityState},
    exposure::{Held, Reservation},
    market::Market,
};
use crate::{
    Agent, RestoreError, Seen,
    executions::{EarlyTerms, Executed, Executions},
    state,
};

message! {
    /// Approvals counted for one order rate.
    Rate {
        /// For one instrument, or all.
        1 instrument: Option<InstrumentId>,
        /// When they were.
        2 times: Vec<Timestamp>,
    }

    /// A calendar's phase.
    PhaseOf {
        /// The calendar.
        1 calendar: Label,
        /// Its phase.
        2 phase: Phase,
    }

    /// The gate's state.
    Standing {
        /// The limits' name.
        1 limit_set: Option<LimitSetId>,
        /// The limits.
        2 limits: Vec<Limit>,
        /// Instruments.
        3 markets: Vec<Market>,
        /// Feeds that are not live.
        4 feeds_down: Vec<Source>,
        /// Positions.
        5 held: Vec<Held>,
        /// Orders that may still execute.
        6 reserved: Vec<Reservation>,
        /// Executions known.
        7 executions: Vec<Executed>,
        /// Executions taken back.
        8 busted: Vec<Label>,
        /// Profit.
        9 equity: EquityState,
        /// Order rates.
        10 rates: Vec<Rate>,
        /// Orders approved lately.
        11 recent: Vec<Sent>,
        /// Phases.
        12 phases: Vec<PhaseOf>,
        /// Confirmed critical breaks.
        13 open_breaks: Vec<BreakId>,
        /// Cash bookings known whose kind was not kept; each counts as a fee and as funding.
        14 bookings: Vec<Label>,
        /// Whether all trading is halted.
        15 halted_all: bool,
        /// Whether this account is halted.
        16 halted_account: bool,
        /// Whether the account was opened.
        17 opened: bool,
        /// Whether the drawdown limit was passed today.
        18 breached: bool,
        /// When equity is valued next.
        19 next_valuation: Timestamp,
        /// The last order fact.
        20 facts_seen: Option<Seen>,
        /// The last limits.
        21 limits_seen: Option<Seen>,
        /// Corrections ahead of their executions.
        22 early: Vec<EarlyTerms>,
        /// Corrections known.
        23 corrections: Vec<Label>,
        /// Fees known.
        24 fees: Vec<Label>,
        /// Funding known.
        25 funding: Vec<Label>,
    }
}

nested!(Rate, PhaseOf);

impl Risk {
    pub(super) fn save(&self) -> Vec<u8> {
        let rate = |(scope, window): (&Option<InstrumentId>, &RateWindow)| Rate {
            instrument: *scope,
            times: window.times(),
        };
        let phase =
            |(calendar, phase): (&Label, &Phase)| PhaseOf { calendar: *calendar, phase: *phase };
        let booked = |kind| {
            let of_kind = self.bookings.iter().filter(|(known, _)| *known == kind);
            of_kind.map(|(_, booking)| *booking).collect()
        };
        let standing = Standing {
            limit_set: self.limits.set,
            limits: self.limits.all.clone(),
            markets: self.markets.markets(),
            feeds_down: self.markets.down(),
            held: self.exposure.held(),
            reserved: self.exposure.reserved(),
            executions: self.executions.known(),
            busted: self.executions.busted(),
            early: self.executions.early(),
            corrections: self.executions.corrections(),
            equity: self.equity.state(),
            rates: self.rates.iter().map(rate).collect(),
            recent: self.recent.iter().cloned().collect(),
            phases: self.phases.iter().map(phase).collect(),
            open_breaks: self.open_breaks.iter().copied().collect(),
            bookings: Vec::new(),
            fees: booked(BookingKind::Fee),
            funding: booked(BookingKind::Funding),
            halted_all: self.halted_all,
            halted_account: self.halted_account,
            opened: self.opened,
            breached: self.breached,
            next_valuation: self.next_valuation,
            facts_seen: self.facts_seen.clone(),
            limits_seen: self.limits_seen.clone(),
        };
        state::save(self.version(), &standing)
    }

    pub(super) fn load(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        let from: Standing = state::load(self.version(), snapshot)?;
        self.limits = Limits { set: from.limit_set, all: from.limits };
        self.markets = Markets::restored(from.markets, from.feeds_down);
        self.exposure = Exposure::restored(from.held, from.reserved);
        self.executions =
            Executions::restored(from.executions, from.busted, from.early, from.corrections);
        self.equity = Equity::restored(from.equity);
        self.rates = self
            .limits
            .rates()
            .map(|(scope, count, window_ns)| (scope, RateWindow::new(count, window_ns)))
            .collect();
        for rate in from.rates {
            if let Some(window) = self.rates.get_mut(&rate.instrument) {
                window.restore(&rate.times);
            }
        }
        self.recent = from.recent.into();
        self.phases = from.phases.into_iter().map(|one| (one.calendar, one.phase)).collect();
        self.open_breaks = from.open_breaks.into_iter().collect();
        let fees = from.fees.iter().chain(&from.bookings);
        let funding = from.funding.iter().chain(&from.bookings);
        self.bookings = fees
            .map(|booking| (BookingKind::Fee, *booking))
            .chain(funding.map(|booking| (BookingKind::Funding, *booking)))
            .collect();
        self.halted_all = from.halted_all;
        self.halted_account = from.halted_account;
        self.opened = from.opened;
        self.breached = from.breached;
        self.next_valuation = from.next_valuation;
        self.facts_seen = from.facts_seen;
        self.limits_seen = from.limits_seen;
        Ok(())
    }
}
