//! What is durable already, for the few times somebody asks.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bus::{BusError, Delivered, Stored};
use event::{EventId, Source};

use crate::{
    claims::Claims,
    client::Cluster,
    looks::Looks,
    walker::{Step, Walked, Walker},
    waypoints::{Place, Waypoints},
};

const LOOK: Duration = Duration::from_millis(20);

/// Looks for events along the order topic, from the waypoint before them; the events of a unit
/// found are kept until another is asked for.
#[derive(Debug)]
pub(crate) struct Finder {
    cluster: Arc<Cluster>,
    incarnation: u64,
    claims: Arc<Claims>,
    waypoints: Arc<Mutex<Waypoints>>,
    state: Mutex<State>,
    durable_next: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    walker: Option<Walker>,
    last: Option<(Box<Walked>, Vec<Delivered>)>,
}

/// What is looked for in a unit.
type Wanted<'a> = &'a dyn Fn(&Walked) -> bool;

impl Finder {
    pub(crate) fn new(
        cluster: &Arc<Cluster>,
        incarnation: u64,
        claims: &Arc<Claims>,
        waypoints: &Arc<Mutex<Waypoints>>,
    ) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            incarnation,
            claims: Arc::clone(claims),
            waypoints: Arc::clone(waypoints),
            state: Mutex::default(),
            durable_next: AtomicU64::new(0),
        }
    }

    pub(crate) fn set_durable_next(&self, index: u64) {
        self.durable_next.store(index, Ordering::Release);
    }

    fn waypoints(&self) -> MutexGuard<'_, Waypoints> {
        self.waypoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event with this id, from the beginning.
    pub(crate) fn by_id(&self, id: EventId) -> Result<Option<Delivered>, BusError> {
        let mut state = self.state();
        self.walk_from(&mut state, Place::default())?;
        while let Some(unit) = self.next(&mut state)? {
            let events = self.events(&mut state, &unit)?;
            if let Some(found) = events.into_iter().find(|found| found.position.event_id == id) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every use begins by going somewhere, so a walk left anywhere is good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events of the first unit from `from` on that is `wanted`.
    fn unit(&self, from: Place, wanted: Wanted<'_>) -> Result<Vec<Delivered>, BusError> {
        let mut state = self.state();
        if let Some((unit, events)) = &state.last
            && wanted(unit)
        {
            return Ok(events.clone());
        }
        // Repeats come in order, so the next one is often behind the last.
        let goes_on = state.last.as_ref().is_some_and(|(unit, _)| unit.place.index >= from.index)
            && state.walker.as_ref().is_some_and(|walker| walker.place().index >= from.index);
        if goes_on && let Some(unit) = self.search(&mut state, wanted)? {
            return self.keep(&mut state, unit);
        }
        self.walk_from(&mut state, from)?;
        match self.search(&mut state, wanted)? {
            Some(unit) => self.keep(&mut state, unit),
            None => Ok(Vec::new()),
        }
    }

    fn keep(&self, state: &mut State, unit: Box<Walked>) -> Result<Vec<Delivered>, BusError> {
        let events = self.events(state, &unit)?;
        state.last = Some((unit, events.clone()));
        Ok(events)
    }

    fn search(
        &self,
        state: &mut State,
        wanted: Wanted<'_>,
    ) -> Result<Option<Box<Walked>>, BusError> {
        while let Some(unit) = self.next(state)? {
            if wanted(&unit) {
                return Ok(Some(unit));
            }
        }
        Ok(None)
    }

    fn walk_from(&self, state: &mut State, place: Place) -> Result<(), BusError> {
        match &mut state.walker {
            Some(walker) => walker.seek(place)?,
            None => {
                state.walker =
                    Some(Walker::new(&self.cluster, self.incarnation, &self.claims, place)?)
            }
        }
        Ok(())
    }

    /// The next durable unit.
    fn next(&self, state: &mut State) -> Result<Option<Box<Walked>>, BusError> {
        let Some(walker) = &mut state.walker else { return Ok(None) };
        let mut looks = Looks::of(&self.cluster);
        while walker.place().index < self.durable_next() {
            match walker.step(LOOK)? {
                Step::Unit(unit) => return Ok(Some(unit)),
                Step::End | Step::Nothing => looks.in_vain_for_order(&self.cluster)?,
            }
        }
        Ok(None)
    }

    fn events(&self, state: &mut State, unit: &Walked) -> Result<Vec<Delivered>, BusError> {
        state.walker.as_mut().map_or(Ok(Vec::new()), |walker| walker.events(unit))
    }
}

impl Stored for Finder {
    fn find(&self, source: Source, source_seq: u64) -> Result<Option<Delivered>, BusError> {
        let Some(from) = self.waypoints().before_seq(source, source_seq) else { return Ok(None) };
        let events = self.unit(from, &|unit| {
            let first = unit.entry.first_seq;
            unit.entry.source == source && (first..first + unit.events).contains(&source_seq)
        })?;
        Ok(events.into_iter().find(|found| found.record.header().source_seq == source_seq))
    }

    fn at(&self, index: u64) -> Result<Option<Delivered>, BusError> {
        if index >= self.durable_next() {
            return Ok(None);
        }
        let from = self.waypoints().before_index(index);
        let events =
            self.unit(from, &|unit| (unit.place.index..unit.next_index()).contains(&index))?;
        Ok(events.into_iter().find(|found| found.position.index == index))
    }

    fn durable_next(&self) -> u64 {
        self.durable_next.load(Ordering::Acquire)
    }
}
