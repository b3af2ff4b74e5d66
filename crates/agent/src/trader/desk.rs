//! One instrument at the trader's: its terms, its market, its position, target and order.

use alloc::string::ToString;

use event::{
    Amount, Event, EventId, InstrumentId, Label, Price, Quantity, Timestamp,
    choices::{OrderType, Payoff, Side, TimeInForce},
    market::{InstrumentDefined, MarketQuote},
    message, nested,
    trading::{CancelOrder, OrderProposed, SignalEmitted},
};

use super::{
    Config, Placement, Shorting,
    working::{Turn, Working},
};
use crate::{Evidence, Outbox, Seen, contract::Contract, executions::Change};

const REPRICE: &str = "reprice";
const CANCEL: &str = "cancel";

message! {
    /// What a signal asks for.
    Target {
        /// Up is one unit long; down is one unit short, or flat.
        1 direction: Side,
        /// Whether down is flat.
        2 flat: bool,
        /// The signal.
        3 signal: EventId,
        /// Where it stands in its source.
        4 seen: Seen,
        /// The strategy that gave it.
        5 strategy: Label,
        /// Its strength.
        6 strength_ppm: u32,
    }

    /// One instrument.
    Desk {
        /// The instrument.
        1 instrument: InstrumentId,
        /// Its terms, once defined.
        2 contract: Option<Contract>,
        /// Best bid.
        3 bid: Option<Price>,
        /// Best offer.
        4 ask: Option<Price>,
        /// The last quote.
        5 quoted: Option<Seen>,
        /// What is held.
        6 position: Amount,
        /// What is wanted.
        7 target: Option<Target>,
        /// The order under way.
        8 working: Option<Working>,
        /// The last order fact.
        9 fact_seen: Option<Seen>,
    }
}

nested!(Target, Desk);

impl Desk {
    pub(super) const fn new(instrument: InstrumentId) -> Self {
        Self {
            instrument,
            contract: None,
            bid: None,
            ask: None,
            quoted: None,
            position: Amount::ZERO,
            target: None,
            working: None,
            fact_seen: None,
        }
    }

    pub(super) fn define(&mut self, defined: &InstrumentDefined) {
        self.contract = Some(defined.into());
    }

    #[inline]
    pub(super) fn quote(&mut self, event: &Event, quote: &MarketQuote) {
        self.bid = quote.bid_price;
        self.ask = quote.ask_price;
        self.quoted = Some(Seen::of(event));
    }

    pub(super) fn signal(&mut self, event: &Event, signal: &SignalEmitted, shorting: Shorting) {
        let is_spot = self.contract.as_ref().is_some_and(|terms| terms.payoff == Payoff::Spot);
        let flat = match shorting {
            Shorting::Everywhere => false,
            Shorting::Derivatives => is_spot,
            Shorting::Nowhere => true,
        };
        self.target = Some(Target {
            direction: signal.direction,
            flat,
            signal: event.event_id,
            seen: Seen::of(event),
            strategy: signal.strategy,
            strength_ppm: signal.strength_ppm,
        });
    }

    /// Books a signed change of what is held.
    pub(super) const fn book(&mut self, quantity: Amount) {
        self.position.0 = self.position.0.saturating_add(quantity.0);
    }

    pub(super) fn execute(&mut self, event: &Event, change: &Change) {
        let from_position = self
            .contract
            .as_ref()
            .is_some_and(|terms| terms.pays_fee_from_position(change.fee_currency));
        let fee = if from_position { change.fee } else { Amount::ZERO };
        self.book(Amount(change.quantity.0.saturating_sub(fee.0)));
        self.fact_seen = Some(Seen::of(event));
        if let Some(working) = self.working.as_mut().filter(|one| one.order == change.order) {
            let signed = change.filled.0.saturating_mul(i128::from(working.side.sign()));
            working.filled.0 = working.filled.0.saturating_add(signed);
            if working.is_filled() {
                self.end_order();
            }
        }
    }

    /// Takes a fact about an order in this instrument.
    pub(super) fn order_fact(
        &mut self,
        now: Timestamp,
        event: &Event,
        config: &Config,
        out: &mut Outbox,
    ) {
        self.fact_seen = Some(Seen::of(event));
        let Some(working) = self.working.as_mut() else { return };
        match working.fold(&event.body) {
            Turn::Stands => {}
            Turn::CancelFailed => {
                let name = Working::timer(working.order, CANCEL);
                out.timer(name, now.plus_ns(config.cancel_after_ns));
            }
            Turn::Ended => self.end_order(),
        }
    }

    /// The order is over, and so is its target, unless a later signal wants something else.
    fn end_order(&mut self) {
        let followed = self.working.take().map(|working| working.signal);
        if self.target.as_ref().map(|target| target.signal) == followed {
            self.target = None;
        }
    }

    /// Gives up the target; the order under way stands.
    pub(super) fn give_up(&mut self) {
        self.target = None;
    }

    /// Moves towards the target: proposes an order, or cancels one that works the other way.
    pub(super) fn act(&mut self, now: Timestamp, config: &Config, out: &mut Outbox) {
        let Some(target) = self.target.clone() else { return };
        if let Some(working) = &self.working {
            // A refusal comes back at once, and so would the next: the timer asks again.
            let asked = working.cancelling || working.cancel_refused;
            if working.side != target.direction && !asked {
                self.cancel(now, config, "signal reversed", out);
            }
            return;
        }
        let proposed = self.order(now, config, &target);
        let Some(proposed) = proposed else {
            self.target = None;
            return;
        };
        let order = out.next_order();
        self.working = Some(Working {
            order,
            side: proposed.side,
            quantity: proposed.quantity,
            filled: Amount::ZERO,
            limit_price: proposed.expected_price,
            signal: target.signal,
            accepted: false,
            repriced: config.reprice_after_ns <= 0,
            replacing: None,
            cancelling: false,
            cancel_refused: false,
        });
        let evidence = self.evidence().observed("strength_ppm", target.strength_ppm);
        out.decide(proposed, evidence.basis());
        if config.place == Placement::ImmediateOrCancel {
            return;
        }
        if config.reprice_after_ns > 0 {
            let due = now.plus_ns(config.reprice_after_ns);
            out.timer(Working::timer(order, REPRICE), due);
        }
        out.timer(Working::timer(order, CANCEL), now.plus_ns(config.cancel_after_ns));
    }

    /// The order from the position to the target; `None` when there is nothing to send.
    fn order(&self, now: Timestamp, config: &Config, target: &Target) -> Option<OrderProposed> {
        let contract = self.contract.as_ref()?;
        let side = target.direction;
        let limit_price = self.price(side, config.place)?;
        let unit = match config.units.get(&self.instrument) {
            Some(unit) => contract.floor_to_lot(unit.amount()).ok()?,
            None => contract.units(config.unit_notional, limit_price).ok()?,
        };
        let wanted = match side {
            Side::Buy => unit,
            Side::Sell if target.flat => Amount::ZERO,
            Side::Sell => unit.negated().ok()?,
        };
        let missing = wanted.minus(self.position).ok()?;
        if missing.signum() != i128::from(side.sign()) {
            return None;
        }
        let size = contract.floor_to_lot(missing.magnitude().ok()?).ok()?;
        let quantity = Quantity::from_amount(size).ok()?;
        let notional = contract.notional(size, limit_price).and_then(Amount::magnitude).ok()?;
        if quantity.is_zero() || notional < contract.minimum_notional {
            return None;
        }
        Some(OrderProposed {
            account: config.account,
            instrument: self.instrument,
            side,
            order_type: OrderType::Limit,
            quantity,
            limit_price: Some(limit_price),
            time_in_force: match config.place {
                Placement::ImmediateOrCancel => TimeInForce::ImmediateOrCancel,
                Placement::JoinTouch | Placement::CrossTouch => TimeInForce::GoodTillCancelled,
            },
            valid_until: now.plus_ns(config.validity_ns),
            expected_price: limit_price,
            strategy: target.strategy,
            replaces: None,
        })
    }

    /// The price of an order on this side.
    const fn price(&self, side: Side, place: Placement) -> Option<Price> {
        match (place, side) {
            (Placement::JoinTouch, Side::Buy) => self.bid,
            (Placement::JoinTouch, Side::Sell) => self.ask,
            (Placement::CrossTouch | Placement::ImmediateOrCancel, Side::Buy) => self.ask,
            (Placement::CrossTouch | Placement::ImmediateOrCancel, Side::Sell) => self.bid,
        }
    }

    pub(super) fn on_timer(
        &mut self,
        now: Timestamp,
        name: Label,
        halted: bool,
        config: &Config,
        out: &mut Outbox,
    ) {
        let Some(working) = &self.working else { return };
        if name == Working::timer(working.order, CANCEL) && !working.cancelling {
            self.cancel(now, config, "not filled in time", out);
        } else if name == Working::timer(working.order, REPRICE) && !halted {
            self.reprice(now, config, out);
        }
    }

    /// Asks once for a better price of an order that rests.
    fn reprice(&mut self, now: Timestamp, config: &Config, out: &mut Outbox) {
        let Some(limit_price) =
            self.working.as_ref().and_then(|working| self.price(working.side, config.reprice))
        else {
            return;
        };
        let evidence = self.evidence();
        let Some(working) = self.working.as_mut() else { return };
        let rests = working.accepted && !working.repriced && !working.cancelling;
        if !rests || limit_price == working.limit_price {
            return;
        }
        working.repriced = true;
        working.replacing = Some(out.next_order());
        let strategy = self.target.as_ref().map(|target| target.strategy);
        let proposed = OrderProposed {
            account: config.account,
            instrument: self.instrument,
            side: working.side,
            order_type: OrderType::Limit,
            quantity: working.quantity,
            limit_price: Some(limit_price),
            time_in_force: TimeInForce::GoodTillCancelled,
            valid_until: now.plus_ns(config.validity_ns),
            expected_price: limit_price,
            strategy: strategy.unwrap_or_else(|| crate::label("trader")),
            replaces: Some(working.order),
        };
        let evidence = evidence.observed("resting_at", working.limit_price);
        out.decide(proposed, evidence.basis());
    }

    fn cancel(&mut self, now: Timestamp, config: &Config, why: &str, out: &mut Outbox) {
        let evidence = self.evidence();
        let Some(working) = self.working.as_mut() else { return };
        (working.cancelling, working.cancel_refused) = (true, false);
        let cancel = CancelOrder {
            order: working.order,
            account: config.account,
            instrument: self.instrument,
            reason: why.to_string(),
            valid_until: now.plus_ns(config.validity_ns),
        };
        out.decide(cancel, evidence.observed("filled", working.filled).basis());
    }

    /// What every decision here looks at.
    fn evidence(&self) -> Evidence {
        let target = self.target.as_ref();
        let followed = self.working.as_ref().map(|working| working.signal);
        Evidence::default()
            .seen(self.quoted.as_ref())
            .seen(self.fact_seen.as_ref())
            .seen(target.map(|target| &target.seen))
            .observed_if("bid", self.bid)
            .observed_if("ask", self.ask)
            .observed("position", self.position)
            .related(followed.or(target.map(|target| target.signal)))
            .related(target.map(|target| target.signal).filter(|now| Some(*now) != followed))
    }
}
