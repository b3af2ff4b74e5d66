//! Readers that follow the bus.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::{BusError, Entry, Reader};

use crate::{
    KafkaBusError,
    claims::Claims,
    client::Cluster,
    looks::Looks,
    tail::Tail,
    walker::{Step, Walked, Walker},
    waypoints::{Place, Waypoints},
};

/// How long one look waits.
const LOOK: Duration = Duration::from_millis(20);
/// Units walked to and not read, at most.
const AHEAD_MAX: usize = 256;
/// Entries after which a read is enough.
const ENTRIES_MAX: usize = 512;

/// Follows the order topic. Reads what any writer of the bus has committed.
#[derive(Debug)]
pub(crate) struct KafkaReader {
    cluster: Arc<Cluster>,
    incarnation: u64,
    walker: Walker,
    /// Units walked to and not read yet.
    ahead: VecDeque<Box<Walked>>,
    /// Entries below it are stepped over.
    from: u64,
    tail: Arc<Tail>,
    waypoints: Arc<Mutex<Waypoints>>,
}

impl KafkaReader {
    pub(crate) fn new(
        cluster: &Arc<Cluster>,
        incarnation: u64,
        claims: &Arc<Claims>,
        tail: &Arc<Tail>,
        waypoints: &Arc<Mutex<Waypoints>>,
    ) -> Result<Self, KafkaBusError> {
        Ok(Self {
            cluster: Arc::clone(cluster),
            incarnation,
            walker: Walker::new(cluster, incarnation, claims, Place::default())?,
            ahead: VecDeque::new(),
            from: 0,
            tail: Arc::clone(tail),
            waypoints: Arc::clone(waypoints),
        })
    }

    /// The place of the next entry that was not walked to.
    fn walked_to(&self) -> u64 {
        self.walker.place().index
    }

    /// The place of the next entry to read.
    fn at(&self) -> u64 {
        self.ahead.front().map_or(self.walked_to(), |unit| unit.place.index)
    }

    fn step(&mut self, wait: Duration) -> Result<bool, KafkaBusError> {
        match self.walker.step(wait)? {
            Step::Unit(unit) => {
                self.tail.raise(unit.next_index());
                if unit.next_index() > self.from {
                    self.walker.prepare(&unit)?;
                }
                self.ahead.push_back(unit);
                Ok(true)
            }
            Step::End | Step::Nothing => Ok(false),
        }
    }

    /// The next unit; `None` at the end of what there is.
    fn unit(&mut self) -> Result<Option<Box<Walked>>, BusError> {
        let mut looks = Looks::of(&self.cluster);
        loop {
            if !self.ahead.is_empty() {
                // What has arrived of the order says what to fetch next.
                while self.ahead.len() < AHEAD_MAX && self.step(Duration::ZERO)? {}
                return Ok(self.ahead.pop_front());
            }
            let is_due = self.tail.next_index() > self.walked_to();
            if !is_due && self.walker.is_at_end() {
                let _ = self.step(Duration::ZERO)?;
                if self.ahead.is_empty() {
                    return Ok(None);
                }
            } else if !self.step(LOOK)? {
                looks.in_vain_for_order(&self.cluster)?;
            }
        }
    }
}

impl Reader for KafkaReader {
    fn incarnation(&self) -> u64 {
        self.incarnation
    }

    fn seek(&mut self, index: u64) -> Result<(), BusError> {
        let waypoints = self.waypoints.lock().unwrap_or_else(PoisonError::into_inner);
        let place = waypoints.before_index(index);
        drop(waypoints);
        self.from = index;
        // What lies between here and there is stepped over, unless a waypoint is nearer.
        if index < self.at() || place.index > self.walked_to() {
            self.ahead.clear();
            self.walker.seek(place)?;
        }
        Ok(())
    }

    fn next_entries(&mut self) -> Result<Vec<Entry>, BusError> {
        let mut entries = Vec::new();
        while entries.len() < ENTRIES_MAX
            && (entries.is_empty() || !self.ahead.is_empty())
            && let Some(unit) = self.unit()?
        {
            if unit.next_index() <= self.from {
                continue;
            }
            let read = match self.walker.entries(&unit) {
                Ok(read) => read,
                Err(error) => {
                    // It is read again when it is asked for again.
                    self.ahead.push_front(unit);
                    if entries.is_empty() {
                        return Err(error);
                    }
                    return Ok(entries);
                }
            };
            entries.extend(read.into_iter().filter(|entry| entry.index() >= self.from));
            // More is taken along as long as it has arrived.
            if self.ahead.is_empty()
                && (self.tail.next_index() > self.walked_to() || !self.walker.is_at_end())
            {
                let _ = self.step(Duration::ZERO)?;
            }
        }
        Ok(entries)
    }

    fn wait(&mut self, index: u64, patience: Duration) -> Result<u64, BusError> {
        let mut looks = patience.as_millis() / LOOK.as_millis();
        loop {
            let known = self.tail.next_index().max(self.walked_to());
            if known > index || self.tail.is_closed() || looks == 0 {
                return Ok(known);
            }
            if !self.step(LOOK)? {
                looks -= 1;
            }
        }
    }
}
