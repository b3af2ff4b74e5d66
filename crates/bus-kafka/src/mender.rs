//! Ends what a server that was killed forgot to end.
//!
//! A node that restarts while its registration of before has not expired takes partitions without a
//! leader for deleted ones, and leaves out the marker of a transaction that is decided. What was written
//! there, and all behind it, stays undecided for readers until the same producer ends another transaction
//! in the same partition; so one is ended in each that holds something undecided, with a message that says
//! nothing. Whoever looks in vain for what is stored says so, on whichever thread, and nobody has to be
//! there to write.
//!
//! How the other transaction ends is how the forgotten one ends. So each partition has one of its own, which
//! is over in a moment, and only where there is somebody to lead it.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use event::Timestamp;
use rdkafka::consumer::Consumer as _;

use crate::{
    KafkaBusError,
    client::{Cluster, Consumer},
    transaction::Transactions,
};

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether something that is stored cannot be read.
#[derive(Debug, Default)]
pub(crate) struct Stuck {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    told: bool,
    closed: bool,
}

impl Stuck {
    fn state(&self) -> MutexGuard<'_, State> {
        // Two plain values, each changed in one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that something is looked for in vain.
    pub(crate) fn tell(&self) {
        self.state().told = true;
        self.changed.notify_all();
    }

    /// Ends who mends.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Waits until something is looked for in vain; false once nobody is there to mend it.
    fn is_told(&self) -> bool {
        let waiting = self.state();
        let told = self.changed.wait_while(waiting, |state| !state.told && !state.closed);
        let mut state = told.unwrap_or_else(PoisonError::into_inner);
        state.told = false;
        !state.closed
    }

    fn pause(&self) {
        let _ = self.changed.wait_timeout_while(self.state(), PAUSE, |state| !state.closed);
    }
}

/// The transactions of a bus, if it is known what became of the last one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Current(Arc<Mutex<Option<Arc<Transactions>>>>);

impl Current {
    fn slot(&self) -> MutexGuard<'_, Option<Arc<Transactions>>> {
        // One value, changed in one step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self) -> Option<Arc<Transactions>> {
        self.slot().clone()
    }

    pub(crate) fn set(&self, transactions: Transactions) {
        *self.slot() = Some(Arc::new(transactions));
    }

    /// Lets go of them; nothing is mended with them any more.
    pub(crate) fn clear(&self) {
        let ended = self.slot().take();
        if let Some(ended) = ended {
            ended.retire();
        }
    }
}

/// Mends every partition that holds something undecided.
fn mend(
    cluster: &Cluster,
    transactions: &Transactions,
    at: Timestamp,
) -> Result<(), KafkaBusError> {
    let (committed, observer) = (cluster.consumer()?, cluster.observer()?);
    let (order, names) = (cluster.names.order(), &cluster.names);
    let streams = cluster.topology.streams().iter().flat_map(|spec| {
        (0..i32::from(spec.partitions)).map(|partition| (names.of(spec.stream), partition))
    });
    for place @ (topic, partition) in std::iter::once((order, 0)).chain(streams) {
        let end_as_seen_by =
            |of: &Consumer| of.fetch_watermarks(topic, partition, PAUSE).map(|(_, end)| end);
        // What cannot be asked cannot be mended either; nor what we may not write to.
        if let (Ok(decided), Ok(end)) = (end_as_seen_by(&committed), end_as_seen_by(&observer))
            && decided < end
        {
            let _ = transactions.mend(cluster, place, at);
        }
    }
    Ok(())
}

/// Mends whenever it is told to, until the bus is closed.
pub(crate) fn start(
    cluster: &Arc<Cluster>,
    current: &Current,
    wall_clock: fn() -> Timestamp,
) -> Result<(), KafkaBusError> {
    let (cluster, current) = (Arc::clone(cluster), current.clone());
    let mending = move || {
        while cluster.stuck.is_told() {
            if let Some(transactions) = current.get() {
                // What goes wrong shows in the next call that writes, and it is told again.
                let _ = mend(&cluster, &transactions, wall_clock());
            }
            cluster.stuck.pause();
        }
    };
    let started = std::thread::Builder::new().name("kafka-mend".into()).spawn(mending);
    started.map(drop).map_err(|error| KafkaBusError::Settings { why: error.to_string() })
}
