//! The gateway as bytes, for a disposable snapshot: everything it knows where nothing is under way.

use event::{
    DecodeError, EventId, InstrumentId, Label, OrderId, Price, Quantity, Timestamp, TraceId,
    choices::{AttemptAction, OrderType, Side, TimeInForce},
    message, nested,
    wire::{Message as _, bad_value},
};

use crate::{
    Gateway,
    link::{Change, Link, NewTerms, PendingAttempt, Terms, Wish},
    past::Past,
};

message! {
    /// What is asked of the broker: a submit has a side, a replace a proposal, a cancel neither.
    SavedWish {
        /// Which way, for a submit.
        1 side: Option<Side>,
        /// How priced, for a submit.
        2 order_type: Option<OrderType>,
        /// How much.
        3 quantity: Option<Quantity>,
        /// The limit.
        4 limit_price: Option<Price>,
        /// How long it rests, for a submit.
        5 time_in_force: Option<TimeInForce>,
        /// The proposal, for a replace.
        6 proposal: Option<OrderId>,
    }

    /// An attempt under way.
    SavedAttempt {
        /// What it does.
        1 action: AttemptAction,
        /// Its number.
        2 attempt: u32,
        /// When it expires.
        3 expires: Timestamp,
        /// What was asked.
        4 wish: Option<SavedWish>,
    }

    /// An attempt to change an order.
    SavedChange {
        /// What it does.
        1 action: AttemptAction,
        /// Its number.
        2 attempt: u32,
        /// The proposal that asked for it.
        3 proposal: Option<OrderId>,
    }

    /// An order.
    SavedLink {
        /// The order.
        1 order: OrderId,
        /// Its instrument.
        2 instrument: InstrumentId,
        /// Number of the last attempt.
        3 attempts: u32,
        /// Attempts under way.
        4 pending: Vec<SavedAttempt>,
        /// Changes attempted.
        5 changes: Vec<SavedChange>,
        /// Whether the broker has, or had it.
        6 sent: bool,
        /// Whether it ended.
        7 terminal: bool,
        /// Whether its outcome is unknown.
        8 unknown: bool,
        /// Whether it is owed a cancel.
        9 cancel_owed: bool,
        /// The attempt its facts descend from.
        10 origin: Option<EventId>,
        /// That attempt's trace.
        11 origin_trace: Option<TraceId>,
        /// Whether it was to be cancelled before it was sent.
        12 withdrawn: bool,
    }

    /// An order by the broker's name.
    SavedName {
        /// The broker's name.
        1 venue_order: Label,
        /// Ours.
        2 order: OrderId,
    }

    /// A command that led to nothing yet.
    SavedCommand {
        /// The command.
        1 command: EventId,
        /// What it asks.
        2 wish: SavedWish,
    }

    /// A halt that led to nothing yet.
    SavedSweep {
        /// The halt.
        1 halt: EventId,
        /// The orders it concerns.
        2 orders: Vec<OrderId>,
    }

    /// The gateway.
    Saved {
        /// Last number of its own events.
        1 source_seq: u64,
        /// Last number of the broker's facts.
        2 broker_seq: u64,
        /// Orders.
        3 links: Vec<SavedLink>,
        /// Orders by the broker's names.
        4 names: Vec<SavedName>,
        /// Commands that led to nothing yet.
        5 commands: Vec<SavedCommand>,
        /// Halts that led to nothing yet.
        6 sweeps: Vec<SavedSweep>,
        /// Commands that led to something.
        7 answered: Vec<EventId>,
        /// Facts of the broker that are in the log.
        8 facts: Vec<EventId>,
        /// Events folded.
        9 folded: Vec<EventId>,
        /// Executions in the log.
        10 executions: Vec<Label>,
        /// Whether trading is halted.
        11 halted: bool,
        /// Whether the books are open.
        12 opened: bool,
        /// How far reports were read.
        13 report_mark: u64,
        /// How far executions were listed.
        14 execution_cursor: u64,
        /// How far bookings were listed.
        15 booking_cursor: u64,
    }
}

nested!(SavedWish, SavedAttempt, SavedChange, SavedLink, SavedName, SavedCommand, SavedSweep);

impl Gateway {
    /// Everything it knows; `None` while it still goes through the log again.
    #[must_use]
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        if !self.past.is_empty() {
            return None;
        }
        let saved = Saved {
            source_seq: self.source_seq,
            broker_seq: self.broker_seq,
            links: self.links.iter().map(|(order, link)| save_link(*order, link)).collect(),
            names: self
                .venue_orders
                .iter()
                .map(|(&venue_order, &order)| SavedName { venue_order, order })
                .collect(),
            commands: self
                .commands
                .iter()
                .map(|(&command, &wish)| SavedCommand { command, wish: save_wish(wish) })
                .collect(),
            sweeps: self
                .sweeps
                .iter()
                .map(|(&halt, orders)| SavedSweep {
                    halt,
                    orders: orders.iter().copied().collect(),
                })
                .collect(),
            answered: self.answered.iter().copied().collect(),
            facts: self.facts.iter().copied().collect(),
            folded: self.folded.iter().copied().collect(),
            executions: self.executions.iter().copied().collect(),
            halted: self.halted,
            opened: self.opened,
            report_mark: self.report_mark,
            execution_cursor: self.execution_cursor,
            booking_cursor: self.booking_cursor,
        };
        let mut out = Vec::new();
        saved.encode(&mut out);
        Some(out)
    }

    /// Takes back what [`Gateway::snapshot`] gave.
    ///
    /// # Errors
    /// [`DecodeError`]; the gateway is then as it was.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), DecodeError> {
        let saved = Saved::decode(snapshot)?;
        let links: Result<_, DecodeError> = saved.links.into_iter().map(load_link).collect();
        let commands: Result<_, DecodeError> = saved
            .commands
            .into_iter()
            .map(|saved| Ok((saved.command, load_wish(saved.wish)?)))
            .collect();
        (self.links, self.commands) = (links?, commands?);
        (self.source_seq, self.broker_seq) = (saved.source_seq, saved.broker_seq);
        self.venue_orders =
            saved.names.into_iter().map(|name| (name.venue_order, name.order)).collect();
        self.sweeps = saved
            .sweeps
            .into_iter()
            .map(|sweep| (sweep.halt, sweep.orders.into_iter().collect()))
            .collect();
        self.answered = saved.answered.into_iter().collect();
        self.facts = saved.facts.into_iter().collect();
        self.folded = saved.folded.into_iter().collect();
        self.executions = saved.executions.into_iter().collect();
        (self.halted, self.opened) = (saved.halted, saved.opened);
        self.report_mark = saved.report_mark;
        self.execution_cursor = saved.execution_cursor;
        self.booking_cursor = saved.booking_cursor;
        self.past = Past::default();
        Ok(())
    }
}

fn save_link(order: OrderId, link: &Link) -> SavedLink {
    let attempt = |pending: &PendingAttempt| SavedAttempt {
        action: pending.action,
        attempt: pending.attempt,
        expires: pending.expires,
        wish: pending.wish.map(save_wish),
    };
    let change = |change: &Change| SavedChange {
        action: change.action,
        attempt: change.attempt,
        proposal: change.proposal,
    };
    SavedLink {
        order,
        instrument: link.instrument,
        attempts: link.attempts,
        pending: link.pending.iter().map(attempt).collect(),
        changes: link.changes.iter().map(change).collect(),
        sent: link.sent,
        terminal: link.terminal,
        unknown: link.unknown,
        cancel_owed: link.cancel_owed,
        origin: link.origin.map(|(event, _)| event),
        origin_trace: link.origin.map(|(_, trace)| trace),
        withdrawn: link.withdrawn,
    }
}

fn load_link(saved: SavedLink) -> Result<(OrderId, Link), DecodeError> {
    let attempt = |saved: SavedAttempt| -> Result<_, DecodeError> {
        let SavedAttempt { action, attempt, expires, wish } = saved;
        let wish = wish.map(load_wish).transpose()?;
        Ok(PendingAttempt { action, attempt, expires, wish })
    };
    let change = |saved: SavedChange| Change {
        action: saved.action,
        attempt: saved.attempt,
        proposal: saved.proposal,
    };
    let pending: Result<_, DecodeError> = saved.pending.into_iter().map(attempt).collect();
    let link = Link {
        instrument: saved.instrument,
        attempts: saved.attempts,
        pending: pending?,
        changes: saved.changes.into_iter().map(change).collect(),
        sent: saved.sent,
        terminal: saved.terminal,
        unknown: saved.unknown,
        cancel_owed: saved.cancel_owed,
        withdrawn: saved.withdrawn,
        origin: saved.origin.zip(saved.origin_trace),
    };
    Ok((saved.order, link))
}

const fn save_wish(wish: Wish) -> SavedWish {
    match wish {
        Wish::Submit(terms) => SavedWish {
            side: Some(terms.side),
            order_type: Some(terms.order_type),
            quantity: Some(terms.quantity),
            limit_price: terms.limit_price,
            time_in_force: Some(terms.time_in_force),
            proposal: None,
        },
        Wish::Replace(terms) => SavedWish {
            side: None,
            order_type: None,
            quantity: Some(terms.quantity),
            limit_price: Some(terms.limit_price),
            time_in_force: None,
            proposal: Some(terms.proposal),
        },
        Wish::Cancel => SavedWish {
            side: None,
            order_type: None,
            quantity: None,
            limit_price: None,
            time_in_force: None,
            proposal: None,
        },
    }
}

fn load_wish(saved: SavedWish) -> Result<Wish, DecodeError> {
    let SavedWish { side, order_type, quantity, limit_price, time_in_force, proposal } = saved;
    match (side, order_type, quantity, limit_price, time_in_force, proposal) {
        (Some(side), Some(order_type), Some(quantity), limit_price, Some(time_in_force), None) => {
            Ok(Wish::Submit(Terms { side, order_type, quantity, limit_price, time_in_force }))
        }
        (None, None, Some(quantity), Some(limit_price), None, Some(proposal)) => {
            Ok(Wish::Replace(NewTerms { quantity, limit_price, proposal }))
        }
        (None, None, None, None, None, None) => Ok(Wish::Cancel),
        _ => Err(bad_value("wish", "neither a submit, a cancel nor a replace")),
    }
}
