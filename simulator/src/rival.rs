//! Agents of the simulator's own: one that proposes beside the shipped trader, and builds of agents.

use std::collections::BTreeMap;

use agent::{Agent, Outbox, RestoreError, Scope};
use event::{
    AccountId, Body, Event, InstrumentId, Kind, Label, Price, Quantity, SECOND_NS, Timestamp,
    choices::{OrderType, Side, TimeInForce},
    trading::{OrderProposed, SignalEmitted},
};

/// Of so many signals it follows one.
const FOLLOWS: u64 = 3;

/// A second proposer on the account: on a signal it asks at once for two orders, each within every
/// limit, both together over the limit of the position. Only a gate that reserves what it approved
/// keeps the second out.
pub(crate) struct Rival {
    account: AccountId,
    build: u32,
    signals: u64,
    quotes: BTreeMap<InstrumentId, (Price, Price)>,
}

impl Rival {
    pub(crate) const fn new(account: AccountId, build: u32) -> Self {
        Self { account, build, signals: 0, quotes: BTreeMap::new() }
    }

    fn propose(&self, now: Timestamp, signal: &SignalEmitted, part: i64, out: &mut Outbox) {
        let Some((bid, ask)) = self.quotes.get(&signal.instrument) else { return };
        let price = if signal.direction == Side::Buy { *ask } else { *bid };
        // About 2,400 each, in contracts of 100 or in thousandths of a coin; never the same twice.
        let less = part + i64::from(self.build % 2);
        let quantity = if signal.instrument.as_str().contains("COINM") {
            Quantity::whole(24 - less)
        } else {
            Quantity::new(39 - less, 3).unwrap_or(Quantity::whole(1))
        };
        out.emit(OrderProposed {
            account: self.account,
            instrument: signal.instrument,
            side: signal.direction,
            order_type: OrderType::Limit,
            quantity,
            limit_price: Some(price),
            time_in_force: TimeInForce::ImmediateOrCancel,
            valid_until: now.plus_ns(SECOND_NS),
            expected_price: price,
            strategy: name("rival"),
            replaces: None,
        });
    }
}

impl Agent for Rival {
    fn name(&self) -> Label {
        name("rival")
    }

    fn version(&self) -> Label {
        name("1")
    }

    fn subscriptions(&self) -> &'static [Kind] {
        &[Kind::MarketQuote, Kind::SignalEmitted]
    }

    fn scope(&self) -> Scope {
        Scope::Account(self.account)
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        match &event.body {
            Body::MarketQuote(quote) => {
                if let (Some(bid), Some(ask)) = (quote.bid_price, quote.ask_price) {
                    let _ = self.quotes.insert(quote.instrument, (bid, ask));
                }
            }
            Body::SignalEmitted(signal) => {
                self.signals += 1;
                if self.signals.is_multiple_of(FOLLOWS) {
                    self.propose(now, signal, 0, out);
                    self.propose(now, signal, 2, out);
                }
            }
            _ => {}
        }
    }
}

/// A build of an agent: the same agent under another version.
pub(crate) struct Built {
    pub(crate) agent: Box<dyn Agent>,
    pub(crate) build: u32,
}

impl Agent for Built {
    fn name(&self) -> Label {
        self.agent.name()
    }

    fn version(&self) -> Label {
        name(&format!("{}-build-{}", self.agent.version(), self.build))
    }

    fn subscriptions(&self) -> &'static [Kind] {
        self.agent.subscriptions()
    }

    fn scope(&self) -> Scope {
        self.agent.scope()
    }

    fn on_event(&mut self, now: Timestamp, event: &Event, out: &mut Outbox) {
        self.agent.on_event(now, event, out);
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        self.agent.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), RestoreError> {
        self.agent.restore(snapshot)
    }
}

/// The build of a version that [`Built`] gave.
pub(crate) fn build_of(version: Label) -> u32 {
    version.as_str().rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A label that is one by its form.
fn name(text: &str) -> Label {
    Label::new(text).unwrap_or_else(|_| event::Key::system().label())
}
