//! Calls: what the broker takes, what it refuses and why, and what it leaves without an answer.

use event::{
    Amount, InstrumentId, Label, Price, Quantity,
    choices::{AttemptAction, OrderType, Payoff, Side},
    market::InstrumentDefined,
};

use super::{
    chance::{Purpose, happens},
    config::Action,
    entry::{Answered, Promised, Taken},
    ledger::Terms,
    purse::Wish,
    session::Session,
};
use crate::{BrokerError, CancelRequest, OrderRequest, ReplaceRequest};

/// Why a call is refused: code and words.
pub(crate) type Refusal = (&'static str, &'static str);

const BAD_ORDER: Refusal =
    ("BAD_ORDER", "quantity must be positive, and a limit order needs a limit");
const EXPIRED: Refusal = ("EXPIRED", "the order arrived after it expired");
const DUPLICATE: Refusal = ("DUPLICATE_CLIENT_ORDER_ID", "client order id must be unique");
const UNKNOWN_INSTRUMENT: Refusal = ("UNKNOWN_INSTRUMENT", "the instrument is not traded here");
const MARKET_CLOSED: Refusal = ("MARKET_CLOSED", "the instrument does not trade now");
const LOT_SIZE: Refusal = ("LOT_SIZE", "quantity is not a multiple of the lot");
const PRICE_FILTER: Refusal =
    ("PRICE_FILTER", "price is not positive, or not a multiple of the tick");
const MIN_NOTIONAL: Refusal = ("MIN_NOTIONAL", "notional is below the minimum");
const INSUFFICIENT_BALANCE: Refusal = ("INSUFFICIENT_BALANCE", "account has insufficient balance");
const REFUSED: Refusal = ("REFUSED", "the venue refused the order");
const UNKNOWN_ORDER: Refusal = ("UNKNOWN_ORDER", "no such order");
const ORDER_CLOSED: Refusal = ("ORDER_CLOSED", "the order has ended");
const NOT_LIMIT: Refusal = ("BAD_ORDER", "only a limit order can be replaced");

/// What comes instead of an answer; the same whether or not the order arrived.
const NO_ANSWER: &str = "timeout while waiting for the answer";

/// What a call comes to.
enum Outcome {
    Accepted(Label),
    Refused(Refusal),
    Lost,
}

impl Session<'_> {
    /// Decides a submit.
    pub(crate) fn submit(&mut self, request: &OrderRequest) -> Result<(), BrokerError> {
        let scripted = self.take_action(|action| {
            matches!(action, Action::LoseRequest | Action::LoseResponse | Action::Reject)
        })?;
        let happens = |purpose, rate_ppm| {
            let mut whom = request.order.0.to_vec();
            whom.extend_from_slice(&request.attempt.to_le_bytes());
            happens(self.config.seed, purpose, &whom, rate_ppm)
        };
        let faults = self.config.faults;
        let never_arrives = scripted == Some(Action::LoseRequest)
            || happens(Purpose::LoseRequest, faults.lost_request_ppm);
        let is_refused =
            scripted == Some(Action::Reject) || happens(Purpose::Reject, faults.reject_ppm);
        let goes_unanswered = scripted == Some(Action::LoseResponse)
            || happens(Purpose::LoseResponse, faults.lost_response_ppm);
        let (order, attempt) = (request.order, request.attempt);
        if never_arrives {
            return self.answer(order, attempt, Outcome::Lost);
        }
        let refusal = match self.refusal(request)? {
            None if is_refused => Some(REFUSED),
            other => other,
        };
        let outcome = match refusal {
            Some(refusal) => Outcome::Refused(refusal),
            None => Outcome::Accepted(self.take(request)?),
        };
        self.answer(order, attempt, if goes_unanswered { Outcome::Lost } else { outcome })
    }

    /// Decides a cancel: it is promised, and takes effect with the latency of an order.
    pub(crate) fn cancel(&mut self, request: &CancelRequest) -> Result<(), BrokerError> {
        let outcome = match self.working(request.order) {
            Err(refusal) => Outcome::Refused(refusal),
            Ok(venue_order) => {
                self.record(Promised {
                    order: request.order,
                    action: AttemptAction::Cancel,
                    live_at: self.live_at(),
                    quantity: Quantity::ZERO,
                    limit_price: None,
                    proposal: None,
                    after_source: self.record_at.map(|record| record.source),
                    after_seq: self.record_at.map_or(0, |record| record.source_seq),
                })?;
                Outcome::Accepted(venue_order)
            }
        };
        self.answer(request.order, request.attempt, outcome)
    }

    /// Decides a replace: it is promised, and takes effect with the latency of an order.
    pub(crate) fn replace(&mut self, request: &ReplaceRequest) -> Result<(), BrokerError> {
        let outcome = match self.replacement(request)? {
            Err(refusal) => Outcome::Refused(refusal),
            Ok(venue_order) => {
                self.record(Promised {
                    order: request.order,
                    action: AttemptAction::Replace,
                    live_at: self.live_at(),
                    quantity: request.quantity,
                    limit_price: Some(request.limit_price),
                    proposal: Some(request.proposal),
                    after_source: self.record_at.map(|record| record.source),
                    after_seq: self.record_at.map_or(0, |record| record.source_seq),
                })?;
                Outcome::Accepted(venue_order)
            }
        };
        self.answer(request.order, request.attempt, outcome)
    }

    fn answer(
        &mut self,
        order: event::OrderId,
        attempt: u32,
        outcome: Outcome,
    ) -> Result<(), BrokerError> {
        let (venue_order, code, reason) = match outcome {
            Outcome::Accepted(venue_order) => (Some(venue_order), None, ""),
            Outcome::Refused((code, reason)) => (None, Some(Label::new(code)?), reason),
            Outcome::Lost => (None, None, NO_ANSWER),
        };
        self.record(Answered { order, attempt, venue_order, code, reason: reason.into() })
    }

    /// Puts an order into the book.
    fn take(&mut self, request: &OrderRequest) -> Result<Label, BrokerError> {
        let venue_order = self.books.next_venue_order()?;
        self.record(Taken {
            order: request.order,
            external: false,
            silent: false,
            client_order_id: Some(request.client_order_id),
            venue_order,
            instrument: request.instrument,
            side: request.side,
            order_type: request.order_type,
            quantity: request.quantity,
            limit_price: match request.order_type {
                OrderType::Limit => request.limit_price,
                OrderType::Market => None,
            },
            time_in_force: request.time_in_force,
            expires: request.expires,
            live_at: self.live_at(),
            after_source: self.record_at.map(|record| record.source),
            after_seq: self.record_at.map_or(0, |record| record.source_seq),
        })?;
        Ok(venue_order)
    }

    fn refusal(&self, request: &OrderRequest) -> Result<Option<Refusal>, BrokerError> {
        let limit_price = match request.order_type {
            OrderType::Market => None,
            OrderType::Limit if request.limit_price.is_none() => return Ok(Some(BAD_ORDER)),
            OrderType::Limit => request.limit_price,
        };
        if self.now.time > request.expires {
            return Ok(Some(EXPIRED));
        }
        let known = self.books.client_order_ids.contains(&request.client_order_id);
        if known || self.books.has_order(request.order) {
            return Ok(Some(DUPLICATE));
        }
        let wish = Offer {
            instrument: request.instrument,
            side: request.side,
            quantity: request.quantity.amount(),
            limit_price,
            except: None,
        };
        self.offer_refusal(&wish)
    }

    fn replacement(&self, request: &ReplaceRequest) -> Result<Result<Label, Refusal>, BrokerError> {
        let venue_order = match self.working(request.order) {
            Ok(venue_order) => venue_order,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(order) = self.books.order(request.order) else { return Ok(Err(UNKNOWN_ORDER)) };
        if order.order_type != OrderType::Limit {
            return Ok(Err(NOT_LIMIT));
        }
        let offer = Offer {
            instrument: order.instrument,
            side: order.side,
            quantity: request.quantity.amount(),
            limit_price: Some(request.limit_price),
            except: Some((order.order, order.cumulative)),
        };
        Ok(match self.offer_refusal(&offer)? {
            Some(refusal) => Err(refusal),
            None => Ok(venue_order),
        })
    }

    /// The broker's name for an order that works.
    fn working(&self, order: event::OrderId) -> Result<Label, Refusal> {
        match self.books.order(order) {
            None => Err(UNKNOWN_ORDER),
            Some(order) if !order.is_open() => Err(ORDER_CLOSED),
            Some(order) => Ok(order.venue_order),
        }
    }

    /// Why terms are refused that the instrument's rules or the account's money do not allow.
    fn offer_refusal(&self, offer: &Offer) -> Result<Option<Refusal>, BrokerError> {
        if offer.quantity.signum() <= 0 {
            return Ok(Some(BAD_ORDER));
        }
        let Some(defined) = self.books.definition(offer.instrument, self.now.time) else {
            return Ok(Some(UNKNOWN_INSTRUMENT));
        };
        if !self.books.is_trading(offer.instrument) {
            return Ok(Some(MARKET_CLOSED));
        }
        let lot = defined.lot.amount();
        if lot.signum() > 0 && offer.quantity.0 % lot.0 != 0 {
            return Ok(Some(LOT_SIZE));
        }
        let terms = Terms::from(defined);
        match offer.limit_price {
            Some(limit) if !is_on_tick(defined, limit) => Ok(Some(PRICE_FILTER)),
            Some(limit) => self.price_refusal(offer, defined, &terms, limit),
            None if terms.is_paid_in_full() && offer.side == Side::Sell => {
                // Nothing is paid for a sale, so the price asked about does not matter.
                let wish = offer.wish(Price(1))?;
                let affords = self.affords(&terms, &wish);
                let affords = affords.map_err(BrokerError::money("an order"))?;
                Ok((!affords).then_some(INSUFFICIENT_BALANCE))
            }
            // A market order is held against the account's money when its price is known.
            None => Ok(None),
        }
    }

    fn price_refusal(
        &self,
        offer: &Offer,
        defined: &InstrumentDefined,
        terms: &Terms,
        limit: Price,
    ) -> Result<Option<Refusal>, BrokerError> {
        let Ok(notional) = terms.notional(offer.quantity, limit) else {
            return Ok(Some(INSUFFICIENT_BALANCE));
        };
        if Amount(notional.0.saturating_abs()) < defined.minimum_notional {
            return Ok(Some(MIN_NOTIONAL));
        }
        // What the ledger's range does not hold, the account cannot pay.
        let affords = self.affords(terms, &offer.wish(limit)?).unwrap_or(false);
        Ok((!affords).then_some(INSUFFICIENT_BALANCE))
    }
}

/// Terms of an order, new or changed.
struct Offer {
    instrument: InstrumentId,
    side: Side,
    quantity: Amount,
    limit_price: Option<Price>,
    /// The order it changes, and what that one has executed.
    except: Option<(event::OrderId, Amount)>,
}

impl Offer {
    fn wish(&self, price: Price) -> Result<Wish, BrokerError> {
        let executed = self.except.map_or(Amount::ZERO, |(_, cumulative)| cumulative);
        let quantity = self.quantity.minus(executed).map_err(BrokerError::money("an order"))?;
        Ok(Wish {
            instrument: self.instrument,
            side: self.side,
            quantity,
            price,
            except: self.except.map(|(order, _)| order),
        })
    }
}

/// The price increment that holds at a price; zero when there is none.
pub(crate) fn tick_at(defined: &InstrumentDefined, price: Price) -> Price {
    let reached = |tier: &&event::market::TickTier| tier.from_price <= price;
    let tier = defined.ticks.iter().rev().find(reached).or_else(|| defined.ticks.first());
    tier.map_or(Price(0), |tier| tier.tick)
}

fn is_on_tick(defined: &InstrumentDefined, price: Price) -> bool {
    let positive = price.0 > 0 || defined.payoff == Payoff::Linear;
    let tick = tick_at(defined, price);
    positive && (tick.0 <= 0 || price.0 % tick.0 == 0)
}
