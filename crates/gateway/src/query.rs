//! Asking the broker what it holds, in an order that shows whether it moved meanwhile.

use broker::{Broker, BrokerError, Moment};
use event::{Event, EventId, books::BrokerSnapshotTaken, id::broker_fact_id};

use crate::Gateway;

impl Gateway {
    /// Reads orders, executions, positions and cash, then orders again, and records all of it
    /// before anything is compared. A failed read makes a snapshot that compares nothing.
    pub(crate) fn take_snapshot(
        &mut self,
        request: &Event,
        cycle: u64,
        broker: &mut dyn Broker,
        now: Moment,
    ) -> Option<Event> {
        let mut snapshot = BrokerSnapshotTaken {
            account: self.account,
            query: request.event_id,
            failure: String::new(),
            orders_before: Vec::new(),
            executions: Vec::new(),
            positions: Vec::new(),
            balances: Vec::new(),
            orders_after: Vec::new(),
            cycle,
            bookings: Vec::new(),
            executions_from: self.execution_cursor,
        };
        if let Err(error) = self.read_into(&mut snapshot, broker, now) {
            snapshot.failure = error.to_string();
        }
        let id = self.snapshot_fact(request.event_id);
        let origin = Some((request.event_id, request.trace_id));
        self.broker_event(id, origin, now.time, None, snapshot)
    }

    /// Id of the snapshot that answers a request.
    pub(crate) fn snapshot_fact(&self, request: EventId) -> EventId {
        broker_fact_id(self.account, "snapshot", &request.0)
    }

    fn read_into(
        &self,
        snapshot: &mut BrokerSnapshotTaken,
        broker: &mut dyn Broker,
        now: Moment,
    ) -> Result<(), BrokerError> {
        snapshot.orders_before = broker.open_orders(now)?;
        snapshot.executions = broker.executions_since(now, self.execution_cursor)?.0;
        snapshot.bookings = broker.bookings_since(now, self.booking_cursor)?.0;
        snapshot.positions = broker.positions(now)?;
        snapshot.balances = broker.balances(now)?;
        snapshot.orders_after = broker.open_orders(now)?;
        Ok(())
    }

    /// Moves the cursors past what a good snapshot listed, less an overlap: an execution listed
    /// once is not evidence enough, the cycle that confirms must list it again.
    pub(crate) fn note_cursors(&mut self, snapshot: &BrokerSnapshotTaken) {
        if !snapshot.failure.is_empty() {
            return;
        }
        let listed = snapshot.executions.len() as u64;
        self.execution_cursor =
            self.execution_cursor.max((snapshot.executions_from + listed).saturating_sub(OVERLAP));
        self.bookings_listed(snapshot.bookings.len() as u64);
    }

    fn bookings_listed(&mut self, listed: u64) {
        self.booking_cursor =
            self.booking_cursor.max((self.booking_cursor + listed).saturating_sub(OVERLAP));
    }
}

/// How many executions and bookings every snapshot lists again.
const OVERLAP: u64 = 64;
