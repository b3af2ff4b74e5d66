//! A broker whose books hold every fact, and the agent, whose books hold those it was told of.

use alloc::{format, string::String, string::ToString, vec::Vec};

use agent::Probe;
use event::{
    AccountId, Amount, Body, Currency, Event, EventId, InstrumentId, Label, OrderId, Price,
    Quantity, SECOND_NS, Source, Timestamp, books::*, choices::*, id::external_order_id,
    trading::*,
};
use projection::{Books, OrderState};

use super::facts::{accepted, approved, attempted, defined, proposed, submit};
use crate::{Config, Recon};

pub(super) fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}
pub(super) fn account() -> AccountId {
    AccountId::new("PAPER").unwrap()
}
pub(super) fn currency(text: &str) -> Currency {
    Currency::new(text).unwrap()
}
pub(super) fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}
pub(super) fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}
pub(super) fn instrument() -> InstrumentId {
    InstrumentId::new("X:BTCUSDT").unwrap()
}
pub(super) fn perpetual() -> InstrumentId {
    InstrumentId::new("X:BTCPERP").unwrap()
}

/// Whether the agent hears of a fact when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Now,
    Late,
}
pub(super) use Told::{Late, Now};

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// An order of ours starts to work.
    Order(Side, &'static str),
    /// An order of ours executes: which, quantity, price.
    Fill(usize, &'static str, &'static str, Told),
    /// The broker cancels an order of ours.
    Cancel(usize, Told),
    /// An order of ours is sent and no answer comes; it expires after 20 s.
    Lose(Side, &'static str, Arrives),
    /// A trade by hand at the broker.
    Manual(Side, &'static str, &'static str),
    /// An order by hand that works at the broker.
    ManualOrder(Side, &'static str),
    /// A fee outside executions.
    Fee(&'static str, &'static str, Told),
    /// Funding of the perpetual.
    Funding(&'static str, &'static str, Told),
    /// What was held back is told.
    Tell,
    /// Seconds pass.
    Wait(i64),
    /// Snapshots come out wrong from now on.
    Distort(fn(&mut BrokerSnapshotTaken)),
    /// The agent stops and starts from its snapshot.
    Restart,
}

/// Whether a lost submit reached the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrives {
    Yes,
    No,
}

pub(super) struct Desk {
    pub(super) probe: Probe<Recon>,
    pub(super) truth: Books,
    pub(super) said: Vec<Event>,
    pub(super) now_s: i64,
    pub(super) orders: Vec<OrderId>,
    pub(super) snapshots: u64,
    late: Vec<(Timestamp, Body)>,
    named: u64,
    distort: fn(&mut BrokerSnapshotTaken),
}

impl Desk {
    /// An account with 1000000 USDT, its books opened.
    pub(super) fn opened() -> Self {
        Self::with(Config::of(account()))
    }

    pub(super) fn with(config: Config) -> Self {
        let mut desk = Self {
            probe: Probe::new(Recon::new(config)).unwrap(),
            truth: Books::new(),
            said: Vec::new(),
            now_s: 0,
            orders: Vec::new(),
            snapshots: 0,
            late: Vec::new(),
            named: 0,
            distort: |_| {},
        };
        desk.fact(defined(instrument(), Payoff::Spot), Now);
        desk.fact(defined(perpetual(), Payoff::Linear), Now);
        let balances = [Balance { currency: currency("USDT"), amount: Amount::whole(1_000_000) }];
        desk.fact(
            AccountOpened {
                account: account(),
                reporting_currency: currency("USDT"),
                balances: balances.into(),
                positions: Vec::new(),
            },
            Now,
        );
        desk
    }

    pub(super) fn time(&self) -> Timestamp {
        Timestamp(self.now_s * SECOND_NS)
    }

    /// A fact is true at once; the agent hears of it now or later.
    pub(super) fn fact(&mut self, body: impl Into<Body>, told: Told) {
        let body = body.into();
        let source = Source::new("broker/PAPER").unwrap();
        let event = self.probe.root(source, self.time(), body.clone());
        let _ = self.truth.apply(&event);
        match told {
            Now => self.hear(&event),
            Late => self.late.push((self.time(), body)),
        }
    }

    fn hear(&mut self, event: &Event) {
        let said = self.probe.take(event);
        self.answer(said);
    }

    /// Notes what the agent said and answers its requests.
    fn answer(&mut self, said: Vec<Event>) {
        for event in said {
            let request = match &event.body {
                Body::SnapshotRequested(request) => Some(request.cycle),
                _ => None,
            };
            let id = event.event_id;
            self.said.push(event);
            if let Some(cycle) = request {
                self.snapshots += 1;
                let mut snapshot = self.snapshot(id, cycle);
                (self.distort)(&mut snapshot);
                let source = Source::new("gateway/PAPER").unwrap();
                let event = self.probe.root(source, self.time(), snapshot);
                self.hear(&event);
            }
        }
    }

    /// What the broker says of the truth.
    pub(super) fn snapshot(&self, query: EventId, cycle: u64) -> BrokerSnapshotTaken {
        let truth = self.truth.account(account()).unwrap();
        let ours = |order: OrderId| {
            truth.order(order).filter(|order| !order.external).map(|order| order.order)
        };
        let name = |order: OrderId| truth.order(order).unwrap().venue_order.unwrap_or(label("V"));
        let open = truth.open_orders().filter(|order| order.state.is_at_broker());
        let orders: Vec<_> = open
            .map(|order| BrokerOrder {
                order: ours(order.order),
                venue_order: name(order.order),
                instrument: order.instrument,
                side: order.side,
                state: if order.state == OrderState::PartiallyFilled {
                    BrokerOrderState::PartiallyFilled
                } else {
                    BrokerOrderState::Open
                },
                quantity: order.quantity,
                cumulative: Quantity::from_amount(order.cumulative).unwrap(),
                limit_price: order.limit_price,
            })
            .collect();
        let executions = truth.executions().iter().filter(|one| !one.busted).map(|one| {
            let order = truth.order(one.order).unwrap();
            BrokerExecution {
                exec_id: one.exec_id,
                order: ours(one.order),
                venue_order: name(one.order),
                instrument: one.instrument,
                side: order.side,
                price: one.price,
                quantity: Quantity::from_amount(one.quantity.magnitude().unwrap()).unwrap(),
                fee: one.fee,
                fee_currency: one.fee_currency,
                executed_at: one.at,
                cumulative: Quantity::from_amount(order.cumulative).unwrap(),
                leaves: Quantity::from_amount(order.remaining()).unwrap(),
                taker: true,
            }
        });
        let held = truth.positions().filter(|position| !position.quantity.is_zero());
        BrokerSnapshotTaken {
            account: account(),
            query,
            failure: String::new(),
            orders_before: orders.clone(),
            executions: executions.collect(),
            positions: held
                .map(|position| BrokerPosition {
                    instrument: position.instrument,
                    quantity: Quantity::from_amount(position.quantity).unwrap(),
                    total_cost: position.total_cost,
                })
                .collect(),
            balances: truth
                .cash()
                .map(|cash| Balance { currency: cash.currency, amount: cash.total() })
                .collect(),
            orders_after: orders,
            cycle,
            bookings: truth
                .bookings()
                .map(|one| BrokerBooking {
                    booking_id: one.booking_id,
                    booking: one.booking,
                    currency: one.currency,
                    amount: one.amount,
                    instrument: None,
                    reason: "as listed".into(),
                })
                .collect(),
            executions_from: 0,
        }
    }

    fn next_name(&mut self, prefix: &str) -> Label {
        self.named += 1;
        label(&format!("{prefix}{}", self.named))
    }

    pub(super) fn take(&mut self, step: &Step) {
        match *step {
            Step::Order(side, size) => {
                let order = self.sent(side, size);
                let venue_order = self.next_name("V");
                self.fact(accepted(order, side, size, venue_order, None), Now);
            }
            Step::Fill(which, size, at, told) => self.fill(self.orders[which], size, at, told),
            Step::Cancel(which, told) => {
                let order = self.orders[which];
                let body = OrderCancelled {
                    order,
                    account: account(),
                    instrument: instrument(),
                    cumulative: Quantity::ZERO,
                    reason: String::new(),
                };
                self.fact(body, told);
            }
            Step::Lose(side, size, arrives) => self.lose(side, size, arrives),
            Step::Manual(side, size, at) => {
                let order = self.by_hand(side, size);
                self.fill(order, size, at, Late);
            }
            Step::ManualOrder(side, size) => drop(self.by_hand(side, size)),
            Step::Fee(id, paid, told) => {
                let body = FeeCharged {
                    account: account(),
                    fee_id: label(id),
                    currency: currency("USDT"),
                    amount: amount(paid),
                    reason: String::new(),
                    exec_id: None,
                };
                self.fact(body, told);
            }
            Step::Funding(id, received, told) => {
                let body = FundingPaid {
                    account: account(),
                    funding_id: label(id),
                    instrument: perpetual(),
                    currency: currency("USDT"),
                    amount: amount(received),
                };
                self.fact(body, told);
            }
            Step::Tell => {
                for (at, body) in core::mem::take(&mut self.late) {
                    let source = Source::new("broker/PAPER").unwrap();
                    let mut event = self.probe.root(source, self.time(), body);
                    event.event_time = Some(at);
                    self.hear(&event);
                }
            }
            Step::Wait(seconds) => {
                for _ in 0..seconds {
                    self.now_s += 1;
                    let said = self.probe.advance(self.time());
                    self.answer(said);
                }
            }
            Step::Distort(distort) => self.distort = distort,
            Step::Restart => {
                let config = Config::of(account());
                self.probe.restart(Recon::new(config)).unwrap();
            }
        }
    }

    /// Proposes, approves, commands and attempts an order.
    fn sent(&mut self, side: Side, size: &str) -> OrderId {
        let source = Source::new("trader/PAPER").unwrap();
        let event = self.probe.root(source, self.time(), proposed(side, size));
        let order = OrderId::from(event.event_id);
        let _ = self.truth.apply(&event);
        self.hear(&event);
        self.fact(approved(order, side, size), Now);
        self.fact(submit(order, side, size), Now);
        let expires = self.time().plus_ns(20 * SECOND_NS);
        self.fact(attempted(order, expires), Now);
        self.orders.push(order);
        order
    }

    fn lose(&mut self, side: Side, size: &str, arrives: Arrives) {
        let order = self.sent(side, size);
        let venue_order = self.next_name("V");
        match arrives {
            Arrives::Yes => self.fact(accepted(order, side, size, venue_order, None), Late),
            Arrives::No => self.fact(
                OrderRejected {
                    order,
                    account: account(),
                    instrument: instrument(),
                    code: label("never"),
                    reason: String::new(),
                },
                Late,
            ),
        }
        self.late.clear();
        let lost = OrderUnknown {
            order,
            account: account(),
            instrument: instrument(),
            action: AttemptAction::Submit,
            attempt: 1,
            reason: "no answer".into(),
        };
        let source = Source::new("gateway/PAPER").unwrap();
        let event = self.probe.root(source, self.time(), lost);
        self.hear(&event);
    }

    fn by_hand(&mut self, side: Side, size: &str) -> OrderId {
        let venue_order = self.next_name("H");
        let order = external_order_id(account(), venue_order);
        self.fact(accepted(order, side, size, venue_order, Some(())), Late);
        self.orders.push(order);
        order
    }

    fn fill(&mut self, order: OrderId, size: &str, at: &str, told: Told) {
        let known = self.truth.order(order).unwrap().1;
        let exec_id = self.next_name("E");
        let cumulative = known.cumulative.plus(quantity(size).amount()).unwrap();
        let leaves = known.quantity.amount().minus(cumulative).unwrap();
        let body = OrderExecuted {
            order,
            account: account(),
            instrument: known.instrument,
            exec_id,
            side: known.side,
            last_price: Price::parse(at).unwrap(),
            last_quantity: quantity(size),
            cumulative: Quantity::from_amount(cumulative).unwrap(),
            leaves: Quantity::from_amount(leaves).unwrap(),
            fee: amount("0.5"),
            fee_currency: currency("USDT"),
            liquidity: Liquidity::Taker,
            trade_date: self.time().utc_date(),
            external: known.external,
            recovered: false,
        };
        self.fact(body, told);
    }

    /// What the agent said beside its requests, orders by the place they were begun in.
    pub(super) fn transcript(&self) -> Vec<String> {
        let said = self.said.iter().filter_map(|event| {
            let line = match &event.body {
                Body::SnapshotRequested(_) => return None,
                Body::BreakOpened(b) => format!("opened {} {}", b.code, b.subject),
                Body::BreakConfirmed(b) => format!("confirmed {} {}", b.code, b.subject),
                Body::BreakExplained(b) => format!("explained {} {}", b.code, b.subject),
                Body::BreakResolved(b) => {
                    format!("resolved {} {} {}", b.code, b.subject, b.resolution)
                }
                Body::OrderExecuted(b) => format!("executed {} of {}", b.exec_id, b.order),
                Body::AdjustmentBooked(b) => format!("adjusted {}", b.amount),
                Body::AdjustmentReversed(b) => format!("reversed {}", b.amount),
                Body::AlertRaised(b) => format!("alert {}", b.alert),
                body => {
                    let order = body.order().map(|order| order.to_string());
                    format!("{} {}", body.kind().as_str(), order.unwrap_or_default())
                }
            };
            let mut line = line;
            for (at, order) in self.orders.iter().enumerate() {
                line = line.replace(&order.to_string(), &format!("#{at}"));
            }
            Some(line)
        });
        said.collect()
    }

    /// Whether the agent's books hold what the broker's do.
    pub(super) fn agrees(&self) -> bool {
        let ours = self.probe.agent().books().account(account()).unwrap();
        let truth = self.truth.account(account()).unwrap();
        let cash = |account: &projection::Account| {
            let held = account.cash().filter(|cash| !cash.total().is_zero());
            held.map(|cash| (cash.currency, cash.total())).collect::<Vec<_>>()
        };
        let held = |account: &projection::Account| {
            let held = account.positions().filter(|held| !held.quantity.is_zero());
            held.map(|p| (p.instrument, p.quantity, p.total_cost)).collect::<Vec<_>>()
        };
        cash(ours) == cash(truth) && held(ours) == held(truth)
    }
}

/// Runs a case and holds what the agent said against what it should.
pub(super) fn check(name: &str, steps: &[Step], expected: &[&str]) -> Desk {
    let mut desk = Desk::opened();
    for step in steps {
        desk.take(step);
    }
    assert_eq!(desk.transcript(), expected, "{name}");
    desk
}
