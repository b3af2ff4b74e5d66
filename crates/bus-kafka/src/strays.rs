//! Finds what others wrote into the topics of a bus.
//!
//! It reads every topic, and the order topic says what of it is ours: whatever stands in a partition,
//! is decided, and is named by no entry up to the end that the order topic had by then, was written by
//! somebody else. An event and the entry that names it are of one transaction, so nothing of ours is
//! taken for a stranger's, however the partitions come in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use event::Timestamp;

use crate::{
    KafkaBusError,
    client::{Cluster, Consumer},
    feed::{Feed, Keys, Look, Taken},
    names::Topic,
    order::{FOREIGN, ForeignEntry, Lane, LaneKey, MEND, OURS, OrderEntry, Seen, UNIT},
};

/// How long one look waits where something must come.
const LOOK: Duration = Duration::from_millis(20);
/// Messages of a partition looked at before the others have their turn.
const TURN: usize = 1_000;

/// A message that nobody of ours wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stray {
    pub(crate) lane: LaneKey,
    pub(crate) offset: i64,
    /// When the servers stored it.
    pub(crate) stored_at: Timestamp,
}

struct Reading {
    feed: Feed,
    /// Whether its end was reached, as far as was known then.
    at_end: bool,
}

/// Reads every topic for what nobody of ours wrote.
pub(crate) struct Strays {
    cluster: Arc<Cluster>,
    /// Says how far the order topic is decided.
    decided: Consumer,
    /// Says how far it goes.
    observer: Consumer,
    incarnation: u64,
    order: Feed,
    lanes: BTreeMap<LaneKey, Reading>,
    marks: Marks,
    has_looked: bool,
    looks: usize,
    /// What no entry named when it was looked last.
    waiting: BTreeSet<(LaneKey, i64)>,
}

impl std::fmt::Debug for Strays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Strays").finish_non_exhaustive()
    }
}

/// What was met on one side and not yet on the other.
#[derive(Debug, Default)]
struct Marks {
    /// Where looking began, by partition.
    from: BTreeMap<LaneKey, i64>,
    /// Stands in a partition, and no entry names it so far.
    unnamed: BTreeMap<(LaneKey, i64), Timestamp>,
    /// Is named by an entry at this offset of the order topic, and was not met so far.
    unmet: BTreeMap<(LaneKey, i64), i64>,
}

impl Marks {
    fn named(&mut self, at: i64, lane: LaneKey, offset: i64) {
        let is_before = self.from.get(&lane).is_some_and(|from| offset < *from);
        if !is_before && self.unnamed.remove(&(lane, offset)).is_none() {
            let _ = self.unmet.insert((lane, offset), at);
        }
    }

    fn met(&mut self, lane: LaneKey, offset: i64, stored_at: Timestamp) {
        if self.unmet.remove(&(lane, offset)).is_none() {
            let _ = self.unnamed.insert((lane, offset), stored_at);
        }
    }

    /// What lies below this offset is settled in every partition.
    fn settled(&self, lane: LaneKey, next: i64) -> i64 {
        let mut first = next;
        for ((of, offset), _) in self.unnamed.range((lane, i64::MIN)..=(lane, i64::MAX)) {
            debug_assert_eq!(*of, lane);
            first = first.min(*offset);
        }
        if lane == ORDER {
            // An entry is read again as long as not all it names was met.
            first = self.unmet.values().copied().fold(first, i64::min);
        }
        first
    }
}

const ORDER: LaneKey = (Topic::Order, 0);

impl Strays {
    /// Begins where others were looked for last, or at the beginning.
    pub(crate) fn new(
        cluster: &Arc<Cluster>,
        incarnation: u64,
        seen: Option<&Seen>,
    ) -> Result<Self, KafkaBusError> {
        let consumer = Arc::new(cluster.consumer()?);
        let mut marks = Marks::default();
        for lane in seen.iter().flat_map(|seen| &seen.lanes) {
            marks.from.extend(lane.place());
        }
        let mut lanes = vec![(Topic::Offers, 0)];
        for spec in cluster.topology.streams() {
            let of = |partition| (Topic::Of(spec.stream), i32::from(partition));
            lanes.extend((0..spec.partitions).map(of));
        }
        let begin = |lane: LaneKey| {
            let (topic, partition) = lane;
            let mut feed =
                Feed::new(&consumer, cluster.names.topic(topic), partition, Keys::Matter);
            feed.seek(cluster, marks.from.get(&lane).copied().unwrap_or(0))?;
            Ok::<_, KafkaBusError>(Reading { feed, at_end: false })
        };
        let order = begin(ORDER)?.feed;
        let read = lanes.into_iter().map(|lane| Ok::<_, KafkaBusError>((lane, begin(lane)?)));
        Ok(Self {
            cluster: Arc::clone(cluster),
            decided: cluster.consumer()?,
            observer: cluster.observer()?,
            incarnation,
            order,
            lanes: read.collect::<Result<_, _>>()?,
            marks,
            has_looked: false,
            looks: 0,
            waiting: BTreeSet::new(),
        })
    }

    /// What was found so far, in the order of each partition; the first look goes to the end of
    /// everything.
    pub(crate) fn look(&mut self) -> Result<Vec<Stray>, KafkaBusError> {
        let mut patience = self.cluster.patience().as_millis() / LOOK.as_millis() + 1;
        loop {
            let mut rests = true;
            // Whether its client still fetches is asked of one partition after the other.
            let asked = self.looks % self.lanes.len().max(1);
            self.looks += 1;
            for (number, (lane, reading)) in self.lanes.iter_mut().enumerate() {
                for _ in 0..TURN {
                    let found = match number == asked {
                        true => reading.feed.look(&self.cluster, Duration::ZERO)?,
                        false => reading.feed.glance(&self.cluster, Duration::ZERO)?,
                    };
                    match found {
                        Look::Message(taken) if &*taken.key == MEND => {}
                        Look::Message(taken) => {
                            self.marks.met(*lane, taken.offset, taken.stored_at);
                        }
                        Look::End => reading.at_end = true,
                        Look::Nothing => break,
                    }
                }
                rests &= reading.at_end;
            }
            loop {
                match self.order.look(&self.cluster, Duration::ZERO)? {
                    Look::Message(taken) => self.take_order(&taken)?,
                    Look::End => {}
                    Look::Nothing => break,
                }
            }
            if rests {
                break;
            }
            patience -= 1;
            if patience == 0 {
                return Err(self.unreachable("topics cannot be read to their end"));
            }
            std::thread::park_timeout(LOOK);
        }
        // What is ours is named by the next look at the latest, as a rule: only what was not is worth
        // asking the servers about.
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        let waits = self.marks.unnamed.keys().any(|place| self.waiting.contains(place));
        let found = if is_first || waits { self.judge()? } else { Vec::new() };
        self.waiting = self.marks.unnamed.keys().copied().collect();
        Ok(found)
    }

    /// Which of what no entry names so far is named by none.
    fn judge(&mut self) -> Result<Vec<Stray>, KafkaBusError> {
        if self.marks.unnamed.is_empty() {
            return Ok(Vec::new());
        }
        let order = self.cluster.names.order();
        let reach = |consumer: &Consumer| {
            let reach = self.cluster.reach(consumer, order, 0);
            reach.map(|(_, end)| end).map_err(|error| self.cluster.sorted(&error))
        };
        let end = reach(&self.observer)?;
        if reach(&self.decided)? < end {
            // Something before the end is not decided; it may name them.
            return Ok(Vec::new());
        }
        // An end that was met before `end` was asked for may have been another.
        let next = self.order.next();
        self.order.seek(&self.cluster, next)?;
        let candidates: BTreeSet<_> = self.marks.unnamed.keys().copied().collect();
        let mut patience = self.cluster.patience().as_millis() / LOOK.as_millis() + 1;
        while self.order.next() < end {
            match self.order.look(&self.cluster, LOOK)? {
                Look::Message(taken) => self.take_order(&taken)?,
                Look::End => break,
                Look::Nothing => patience -= 1,
            }
            if patience == 0 {
                return Err(self.unreachable("the order cannot be read to its end"));
            }
        }
        let strays = candidates.into_iter().filter_map(|place| {
            let stored_at = self.marks.unnamed.remove(&place)?;
            let (lane, offset) = place;
            Some(Stray { lane, offset, stored_at })
        });
        Ok(strays.collect())
    }

    fn take_order(&mut self, taken: &Taken) -> Result<(), KafkaBusError> {
        let at = taken.offset;
        match &*taken.key {
            UNIT => {
                // What cannot be read stops whoever walks.
                let Ok(entry) = OrderEntry::from_bytes(&taken.payload) else { return Ok(()) };
                if entry.incarnation != self.incarnation {
                    return Err(self.order.gone(at));
                }
                for spot in entry.spots().unwrap_or_default() {
                    let lane = (Topic::Of(spot.stream), i32::from(spot.partition));
                    self.marks.named(at, lane, spot.offset);
                }
            }
            FOREIGN => {
                let entry = ForeignEntry::from_bytes(&taken.payload).ok();
                if let Some((lane, offset)) = entry.and_then(|entry| entry.lane?.place()) {
                    self.marks.named(at, lane, offset);
                }
            }
            ours if ours.starts_with(OURS) => {}
            _ => self.marks.met(ORDER, at, taken.stored_at),
        }
        Ok(())
    }

    /// Up to where everything is settled.
    pub(crate) fn seen(&self) -> Seen {
        let order = (ORDER, self.order.next());
        let lanes = self.lanes.iter().map(|(lane, reading)| (*lane, reading.feed.next()));
        let settled = |(lane, next)| Lane::at(lane, self.marks.settled(lane, next));
        Seen {
            incarnation: self.incarnation,
            lanes: std::iter::once(order).chain(lanes).map(settled).collect(),
        }
    }

    fn unreachable(&self, why: &str) -> KafkaBusError {
        let brokers = self.cluster.options.brokers.clone();
        KafkaBusError::Unreachable { brokers, why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use bus::Stream;

    use super::*;

    const LANE: LaneKey = (Topic::Of(Stream::Market), 3);
    const NOW: Timestamp = Timestamp(5);

    #[test]
    fn what_is_named_and_met_is_ours_whichever_comes_first() {
        let mut marks = Marks::default();
        marks.met(LANE, 4, NOW);
        marks.named(9, LANE, 4);
        marks.named(9, LANE, 5);
        marks.met(LANE, 5, NOW);
        assert!(marks.unnamed.is_empty() && marks.unmet.is_empty());
    }

    #[test]
    fn looking_goes_on_before_the_first_that_is_not_settled() {
        let mut marks = Marks::default();
        marks.met(LANE, 4, NOW);
        assert_eq!((marks.settled(LANE, 8), marks.settled(ORDER, 20)), (4, 20));
        marks.named(9, LANE, 8);
        assert_eq!((marks.settled(LANE, 8), marks.settled(ORDER, 20)), (4, 9));
        let _ = marks.from.insert(LANE, 7);
        marks.named(10, LANE, 6);
        assert_eq!(marks.unmet.len(), 1, "what lies before where looking began was settled then");
    }
}
