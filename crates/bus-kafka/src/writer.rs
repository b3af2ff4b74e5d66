//! The one who writes under a name: units in, one transaction, answers out.

mod adopt;
mod batch;
mod settle;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bus::{Admission, Answer, BusError, Commits, Ledger, Position, Unit};
use event::Timestamp;

use crate::{
    KafkaBusError,
    claims::Claims,
    client::{Cluster, Consumer},
    finder::Finder,
    mender::{self, Current},
    order::{GENESIS, Genesis, Seen},
    strays::Strays,
    tail::Tail,
    topics::{self, Durability},
    transaction::{Failed, Outgoing, Transactions},
    walker::{Beginning, Walker, read_genesis},
    waypoints::{Place, Waypoints},
};
use batch::Batch;

/// Bytes after which a transaction is ended before more is taken in.
const BATCH_BYTES: usize = 8 << 20;
/// Events after which it is.
const BATCH_EVENTS: usize = 50_000;

pub(crate) struct Writer {
    cluster: Arc<Cluster>,
    observer: Consumer,
    pub(crate) incarnation: u64,
    pub(crate) durability: Durability,
    pub(crate) ledger: Ledger,
    pub(crate) finder: Finder,
    pub(crate) claims: Arc<Claims>,
    pub(crate) waypoints: Arc<Mutex<Waypoints>>,
    pub(crate) tail: Arc<Tail>,
    /// Places whose event stands at an earlier one already.
    pub(crate) repeats: BTreeSet<u64>,
    /// Bytes of events that are stored, and how many may be.
    stored_bytes: u64,
    pub(crate) room_bytes: Option<u64>,
    wall_clock: fn() -> Timestamp,
    /// None while it is not known what became of the last transaction.
    transactions: Current,
    /// How far the order topic is in the ledger.
    place: Place,
    /// Where the next entry of the order topic stands when nobody else writes meanwhile: then its
    /// place in the total order is known without reading it back.
    expected: Option<i64>,
    /// Walks over what others wrote.
    walker: Option<Walker>,
    /// Looks for what others wrote, once somebody asked for it.
    strays: Option<Strays>,
    /// How far it was looked for.
    seen: Option<Seen>,
    /// Whether another took the name over.
    fenced: bool,
    closed: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Where the events of a unit stand, or that its source was claimed before it.
pub(crate) type Places = Result<Vec<Position>, BusError>;

/// Calls on their way to one transaction.
struct Group<'a> {
    batch: Batch<'a>,
    /// For every call the positions of its units so far, or why it is refused.
    answers: Vec<Answer>,
}

impl Writer {
    /// Takes the name over and learns where every source stands.
    pub(crate) fn open(
        cluster: &Arc<Cluster>,
        wall_clock: fn() -> Timestamp,
    ) -> Result<Self, BusError> {
        let observer = cluster.observer()?;
        topics::ensure(cluster, &observer)?;
        let taken_over = Transactions::take_over(cluster)?;
        let durability = topics::durability(cluster, &observer)?;
        let incarnation = genesis(cluster, &taken_over, wall_clock)?;
        let transactions = Current::default();
        transactions.set(taken_over);
        let (claims, waypoints) = (Arc::default(), Arc::default());
        let mut writer = Self {
            finder: Finder::new(cluster, incarnation, &claims, &waypoints),
            cluster: Arc::clone(cluster),
            observer,
            incarnation,
            durability,
            ledger: Ledger::new(incarnation),
            claims,
            waypoints,
            tail: Arc::default(),
            repeats: BTreeSet::new(),
            stored_bytes: 0,
            room_bytes: cluster.options.room_bytes,
            wall_clock,
            transactions,
            place: Place::default(),
            expected: None,
            walker: None,
            strays: None,
            seen: None,
            fenced: false,
            closed: false,
        };
        mender::start(cluster, &writer.transactions, wall_clock)?;
        let _ = writer.read_to_end(&[])?;
        Ok(writer)
    }

    fn waypoints(&self) -> MutexGuard<'_, Waypoints> {
        self.waypoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn why_not(&self) -> Option<KafkaBusError> {
        if self.closed {
            Some(KafkaBusError::Closed)
        } else if self.fenced {
            Some(KafkaBusError::Fenced { name: self.cluster.options.name.clone() })
        } else {
            None
        }
    }

    /// Settles what the last call left undecided.
    fn be_ready(&mut self) -> Result<(), BusError> {
        if self.transactions.get().is_some_and(|current| current.is_in_doubt()) {
            self.transactions.clear();
        }
        if self.transactions.get().is_none() {
            let _ = self.take_over_again(&[])?;
        }
        Ok(())
    }

    /// Takes a call's units into the batch; on an error nothing of it stays there.
    fn take<'a>(
        &mut self,
        number: usize,
        units: &'a [Unit],
        group: &mut Group<'a>,
    ) -> Result<(), BusError> {
        self.check_room(units, &group.batch)?;
        let mut mark = (self.ledger.savepoint(), group.batch.len());
        for (slot, unit) in units.iter().enumerate() {
            loop {
                let mut positions = Vec::with_capacity(unit.outputs.len());
                match self.ledger.admit(unit, &self.finder, &mut positions) {
                    Ok(Admission::Stores { repeats, progress }) => {
                        group.batch.push(number, slot, unit, repeats, positions, progress);
                        break;
                    }
                    Ok(Admission::Repeat) => {
                        set(&mut group.answers, number, slot, positions);
                        break;
                    }
                    Ok(Admission::AfterFlush) => {
                        let flushed = self.flush(group);
                        // Whatever came of it, there is nothing before this unit to take back.
                        mark = (self.ledger.savepoint(), 0);
                        flushed?;
                    }
                    Err(error) => {
                        self.ledger.roll_back(mark.0);
                        group.batch.truncate(mark.1);
                        return Err(error);
                    }
                }
            }
        }
        if group.batch.bytes() > BATCH_BYTES || group.batch.events() > BATCH_EVENTS {
            self.flush(group)?;
        }
        Ok(())
    }

    /// Market data is refused first.
    fn check_room(&self, units: &[Unit], batch: &Batch<'_>) -> Result<(), BusError> {
        let Some(room) = self.room_bytes else { return Ok(()) };
        let offered = units.iter().flat_map(|unit| &unit.outputs);
        let offered: usize = offered.map(|record| record.bytes().len()).sum();
        let needed = self.stored_bytes + (batch.bytes() + offered) as u64;
        if units.iter().any(Unit::holds_market_data) {
            if needed > room {
                return Err(BusError::Full { what: "market data" });
            }
        } else if needed > room.saturating_add(room / 8) {
            return Err(BusError::Full { what: "new events" });
        }
        Ok(())
    }

    /// Makes the batch durable and answers the calls complete in it.
    fn flush<'a>(&mut self, group: &mut Group<'a>) -> Result<(), BusError> {
        let batch = group.batch.take();
        if batch.len() == 0 {
            return Ok(());
        }
        let before = batch.before();
        let written = self.write(&batch);
        let settled = match written {
            Ok(stored) => {
                self.ledger.roll_back(before);
                self.settle(&batch, stored)
            }
            Err(failed) => {
                self.ledger.roll_back(before);
                self.after(failed, &batch)
            }
        };
        group.batch = Batch::new(self.ledger.savepoint());
        match settled {
            Ok(places) => {
                for (taken, places) in batch.units().iter().zip(places) {
                    match places {
                        Ok(positions) => {
                            set(&mut group.answers, taken.call, taken.slot, positions);
                        }
                        Err(fenced) => {
                            if let Some(answer) = group.answers.get_mut(taken.call) {
                                *answer = Err(fenced);
                            }
                        }
                    }
                }
                Ok(())
            }
            Err(error) => {
                // One call is told the reason in full, the others what follows from it.
                let follows = follows_from(&error);
                let mut told = Some(error);
                for taken in batch.units() {
                    if let Some(answer @ Ok(_)) = group.answers.get_mut(taken.call) {
                        *answer = Err(told.take().unwrap_or_else(|| follows.clone().into()));
                    }
                }
                Err(told.unwrap_or_else(|| follows.into()))
            }
        }
    }

    /// Shuts down; nothing is accepted from then on.
    pub(crate) fn close(&mut self) {
        self.leave_word();
        self.closed = true;
        self.strays = None;
        self.transactions.clear();
        self.tail.close();
    }
}

impl Commits for Writer {
    /// Commits calls: those that are sound share a transaction, the others are refused one by one.
    fn commit(&mut self, calls: &[&[Unit]]) -> Vec<Answer> {
        let ready = match self.why_not() {
            Some(error) => Err(error.into()),
            None => self.be_ready(),
        };
        if let Err(error) = ready {
            // One call is told the reason in full, the others what follows from it.
            let mut told = Some(error);
            let follows = || KafkaBusError::Undecided { why: "the call before failed".into() };
            let tell = |_| Err(told.take().unwrap_or_else(|| follows().into()));
            return calls.iter().map(tell).collect();
        }
        let answers = calls.iter().map(|units| Ok(vec![Vec::new(); units.len()])).collect();
        let mut group = Group { batch: Batch::new(self.ledger.savepoint()), answers };
        for (number, units) in calls.iter().enumerate() {
            if let Err(error) = self.take(number, units, &mut group)
                && let Some(answer) = group.answers.get_mut(number)
            {
                *answer = Err(error);
            }
        }
        let _ = self.flush(&mut group);
        group.answers
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.cluster.stuck.close();
        self.transactions.clear();
    }
}

/// What calls of a transaction that failed are told, beside the first.
fn follows_from(error: &BusError) -> KafkaBusError {
    match error {
        BusError::Engine { source, .. } => source.downcast_ref::<KafkaBusError>().cloned(),
        _ => None,
    }
    .unwrap_or_else(|| KafkaBusError::Undecided { why: error.to_string() })
}

fn set(answers: &mut [Answer], call: usize, slot: usize, positions: Vec<Position>) {
    if let Some(Ok(units)) = answers.get_mut(call)
        && let Some(unit) = units.get_mut(slot)
    {
        *unit = positions;
    }
}

/// The life of the bus; begins one where the order topic is empty.
fn genesis(
    cluster: &Cluster,
    transactions: &Transactions,
    wall_clock: fn() -> Timestamp,
) -> Result<u64, KafkaBusError> {
    let mut found = read_genesis(cluster, Beginning::MayLack)?;
    if found.is_none() {
        let fresh = std::hash::BuildHasher::hash_one(
            &std::hash::RandomState::new(),
            (wall_clock().0, std::process::id()),
        );
        let incarnation = cluster.options.incarnation.unwrap_or(fresh);
        let payload = Genesis::new(incarnation, &cluster.topology).to_bytes();
        let first = Outgoing {
            topic: cluster.names.order(),
            partition: 0,
            key: GENESIS,
            payload: &payload,
            stored_at_ms: wall_clock().0 / 1_000_000,
        };
        match transactions.run(cluster, &[first], |_| Vec::new()) {
            Ok(_) => {}
            Err(Failed::Aborted(error) | Failed::Undecided(error)) => return Err(error),
        }
        // Where two began one at once, the first of them counts.
        found = read_genesis(cluster, Beginning::IsCommitted)?;
    }
    let Some(found) = found else {
        let why = "the order topic has no beginning".into();
        return Err(KafkaBusError::Undecided { why });
    };
    found.of_life(cluster)
}

impl Writer {
    /// How far the order topic goes, decided or not.
    fn end_of_order(&self) -> Result<i64, KafkaBusError> {
        let topic = self.cluster.names.order();
        let watermarks = self.cluster.reach(&self.observer, topic, 0);
        Ok(watermarks.map_err(|error| self.cluster.sorted(&error))?.1)
    }
}
