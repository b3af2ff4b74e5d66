//! Walks the order topic, and takes the events of its entries from where they are.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bus::{BusError, Delivered, Entry, Foreign, Position, Progress, Record, Stream, Unit};
use bytes::Bytes;
use event::{EventId, Source};

use crate::{
    KafkaBusError,
    claims::Claims,
    client::{Cluster, Consumer},
    feed::{Feed, Keys, Look, Taken},
    names::Topic,
    order::{
        FOREIGN, ForeignEntry, GENESIS, Genesis, LaneKey, MEND, OURS, OrderEntry, SEEN, Seen, Spot,
        UNIT,
    },
    waypoints::Place,
};

/// A unit as it stands in the order topic.
#[derive(Clone, Debug)]
pub(crate) struct Walked {
    /// Where it stands: its own offset, and the place of its first event.
    pub(crate) place: Place,
    pub(crate) entry: OrderEntry,
    pub(crate) raw: Bytes,
    /// How many events it has.
    pub(crate) events: u64,
    /// What others wrote, where it is no unit but that.
    pub(crate) foreign: Option<Found>,
}

/// What others wrote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) lane: LaneKey,
    pub(crate) offset: i64,
}

impl Walked {
    /// The place behind it.
    pub(crate) const fn next(&self) -> Place {
        Place { offset: self.place.offset + 1, index: self.next_index() }
    }

    pub(crate) const fn next_index(&self) -> u64 {
        let beside = self.entry.progress.is_some() || self.foreign.is_some();
        self.place.index + self.events + beside as u64
    }

    /// What others wrote, as it is given a place.
    pub(crate) fn of_foreign(
        place: Place,
        entry: &ForeignEntry,
        found: Found,
        raw: Bytes,
    ) -> Result<Self, KafkaBusError> {
        let source = Source::new("bus")
            .map_err(|error| KafkaBusError::Settings { why: error.to_string() })?;
        let unit = Unit::of_roots(source, Vec::new());
        let entry = OrderEntry::of(&unit, 0, &[], None, entry.incarnation, entry.stored_at, 0);
        Ok(Self { place, entry, raw, events: 0, foreign: Some(found) })
    }

    /// Where its event `number` was accepted.
    pub(crate) const fn position(&self, number: u64, spot: Spot, event_id: EventId) -> Position {
        Position {
            incarnation: self.entry.incarnation,
            stream: spot.stream,
            partition: spot.partition,
            // Offsets count from 0, sequences from 1.
            sequence: spot.offset as u64 + 1,
            index: self.place.index + number,
            event_id,
        }
    }
}

/// What a step along the order topic finds.
#[derive(Debug)]
pub(crate) enum Step {
    /// The next unit.
    Unit(Box<Walked>),
    /// The end of what is committed.
    End,
    /// Nothing yet.
    Nothing,
}

/// A walk along the order topic.
pub(crate) struct Walker {
    cluster: Arc<Cluster>,
    consumer: Arc<Consumer>,
    order: Feed,
    lanes: BTreeMap<(Stream, u16), Feed>,
    incarnation: u64,
    claims: Arc<Claims>,
    place: Place,
    /// Whether nothing was found behind the last unit.
    at_end: bool,
    /// The last word on how far others were looked for.
    seen: Option<Seen>,
    /// Reads what others wrote.
    strange: Option<(Arc<Consumer>, BTreeMap<LaneKey, Feed>)>,
}

impl std::fmt::Debug for Walker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walker").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Walker {
    /// Begins at `place` of the bus's life `incarnation`; `claims` holds those that stand before it.
    pub(crate) fn new(
        cluster: &Arc<Cluster>,
        incarnation: u64,
        claims: &Arc<Claims>,
        place: Place,
    ) -> Result<Self, KafkaBusError> {
        let consumer = Arc::new(cluster.consumer()?);
        let mut order = Feed::new(&consumer, cluster.names.order(), 0, Keys::Matter);
        order.seek(cluster, place.offset)?;
        let cluster = Arc::clone(cluster);
        let (lanes, claims) = (BTreeMap::new(), Arc::clone(claims));
        Ok(Self {
            cluster,
            consumer,
            order,
            lanes,
            incarnation,
            claims,
            place,
            at_end: false,
            seen: None,
            strange: None,
        })
    }

    /// The place behind the last unit.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// The offset behind everything looked at, what takes no place among it.
    pub(crate) const fn reached(&self) -> i64 {
        self.order.next()
    }

    /// The last word that was met on how far others were looked for.
    pub(crate) const fn take_seen(&mut self) -> Option<Seen> {
        self.seen.take()
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// Goes to `place`.
    pub(crate) fn seek(&mut self, place: Place) -> Result<(), KafkaBusError> {
        if self.place != place {
            self.order.seek(&self.cluster, place.offset)?;
            self.place = place;
            self.at_end = false;
        }
        Ok(())
    }

    /// Looks for the next unit, for `wait` at most.
    pub(crate) fn step(&mut self, wait: Duration) -> Result<Step, KafkaBusError> {
        match self.order.look(&self.cluster, wait)? {
            Look::Message(taken) => {
                self.at_end = false;
                let unit = self.unit(taken)?;
                Ok(unit.map_or(Step::Nothing, |unit| Step::Unit(Box::new(unit))))
            }
            Look::End => {
                self.at_end = true;
                Ok(Step::End)
            }
            Look::Nothing => Ok(Step::Nothing),
        }
    }

    fn unit(&mut self, taken: Taken) -> Result<Option<Walked>, KafkaBusError> {
        let foreign = |why: String| KafkaBusError::Foreign {
            topic: self.cluster.names.order().into(),
            partition: 0,
            offset: taken.offset,
            why,
        };
        match &*taken.key {
            UNIT => {}
            GENESIS | MEND => return Ok(None),
            SEEN => {
                let seen = Seen::from_bytes(&taken.payload).ok();
                self.seen =
                    seen.filter(|seen| seen.incarnation == self.incarnation).or(self.seen.take());
                return Ok(None);
            }
            FOREIGN => return self.foreign(taken),
            newer if newer.starts_with(OURS) => {
                return Err(foreign("a newer version wrote it; upgrade".into()));
            }
            // What others wrote takes no place here. An entry behind it gives it one.
            _ => return Ok(None),
        }
        let read = OrderEntry::from_bytes(&taken.payload).and_then(|entry| {
            let events = entry.events()?;
            Ok((entry, events))
        });
        let (entry, events) = read.map_err(|error| foreign(error.to_string()))?;
        if entry.incarnation != self.incarnation {
            return Err(self.order.gone(taken.offset));
        }
        if !self.claims.admit(taken.offset, &entry) {
            return Ok(None);
        }
        let place = Place { offset: taken.offset, index: self.place.index };
        let walked = Walked { place, entry, raw: taken.payload, events, foreign: None };
        self.place = walked.next();
        Ok(Some(walked))
    }

    fn foreign(&mut self, taken: Taken) -> Result<Option<Walked>, KafkaBusError> {
        let read = ForeignEntry::from_bytes(&taken.payload);
        let place = read.as_ref().ok().and_then(|entry| entry.lane.as_ref()?.place());
        let (Ok(entry), Some((lane, offset))) = (read, place) else {
            return Err(KafkaBusError::Foreign {
                topic: self.cluster.names.order().into(),
                partition: 0,
                offset: taken.offset,
                why: "it names no place".into(),
            });
        };
        if entry.incarnation != self.incarnation {
            return Err(self.order.gone(taken.offset));
        }
        if !self.claims.adopted.admit(taken.offset, lane, offset) {
            return Ok(None);
        }
        let place = Place { offset: taken.offset, index: self.place.index };
        let walked = Walked::of_foreign(place, &entry, Found { lane, offset }, taken.payload)?;
        self.place = walked.next();
        Ok(Some(walked))
    }

    /// The bytes that others wrote.
    fn strange(&mut self, unit: &Walked, found: Found) -> Result<Entry, BusError> {
        let Found { lane: (topic, partition), offset } = found;
        let cluster = Arc::clone(&self.cluster);
        let name = cluster.names.topic(topic);
        // A client of its own: the walk itself reads the same partitions elsewhere.
        let (consumer, feeds) = match &mut self.strange {
            Some(strange) => strange,
            none => none.insert((Arc::new(cluster.consumer()?), BTreeMap::new())),
        };
        let feed = feeds.entry((topic, partition));
        let feed = feed.or_insert_with(|| Feed::new(consumer, name, partition, Keys::AreIdle));
        let bytes = feed.take(&cluster, offset)?;
        let why = (topic != Topic::Offers).then(|| "nobody of ours wrote it".into());
        Ok(Entry::Foreign(Foreign {
            index: unit.place.index,
            stored_at: unit.entry.stored_at,
            place: format!("{name} partition {partition} at {offset}"),
            why,
            bytes,
        }))
    }

    /// The entries of a unit: its events, then its progress record.
    pub(crate) fn entries(&mut self, unit: &Walked) -> Result<Vec<Entry>, BusError> {
        if let Some(found) = unit.foreign {
            return Ok(vec![self.strange(unit, found)?]);
        }
        let events = self.events(unit)?;
        let mut entries: Vec<Entry> = events.into_iter().map(Entry::Event).collect();
        if let Some(blob) = &unit.entry.progress {
            entries.push(Entry::Progress {
                index: unit.place.index + unit.events,
                stored_at: unit.entry.stored_at,
                bytes: Bytes::copy_from_slice(&blob.0),
                progress: Progress::from_bytes(&blob.0)?,
            });
        }
        Ok(entries)
    }

    /// The events of a unit.
    pub(crate) fn events(&mut self, unit: &Walked) -> Result<Vec<Delivered>, BusError> {
        let spots = unit.entry.spots()?;
        let mut events = Vec::with_capacity(spots.len());
        let cluster = Arc::clone(&self.cluster);
        for (number, spot) in (0..).zip(spots) {
            let bytes = self.lane(spot).take(&cluster, spot.offset)?;
            let misplaced = |why: String| KafkaBusError::Foreign {
                topic: cluster.names.of(spot.stream).into(),
                partition: i32::from(spot.partition),
                offset: spot.offset,
                why,
            };
            if bytes.is_empty() {
                // A topic made anew, in which somebody mended.
                return Err(misplaced("it is no event".into()).into());
            }
            let record = Record::of_bytes(bytes, &cluster.topology)?;
            let header = record.header();
            let expected = (unit.entry.source, unit.entry.first_seq + number);
            let found = (header.source, header.source_seq);
            if found != expected
                || (header.stream, header.partition) != (spot.stream, spot.partition)
            {
                // A topic made anew and filled again.
                return Err(misplaced(format!("it is {} sequence {}", found.0, found.1)).into());
            }
            let position = unit.position(number, spot, header.event_id);
            events.push(Delivered { position, stored_at: unit.entry.stored_at, record });
        }
        Ok(events)
    }

    /// Has what a unit needs on its way before it is asked for: a partition that is read for the first
    /// time takes a while to begin.
    pub(crate) fn prepare(&mut self, unit: &Walked) -> Result<(), KafkaBusError> {
        let cluster = Arc::clone(&self.cluster);
        for lane in &unit.entry.lanes {
            if let Some(((Topic::Of(stream), partition), offset)) = lane.place()
                && let Ok(partition) = u16::try_from(partition)
            {
                self.lane(Spot { stream, partition, offset }).begin(&cluster, offset)?;
            }
        }
        Ok(())
    }

    fn lane(&mut self, spot: Spot) -> &mut Feed {
        let (consumer, names) = (&self.consumer, &self.cluster.names);
        self.lanes.entry((spot.stream, spot.partition)).or_insert_with(|| {
            Feed::new(consumer, names.of(spot.stream), i32::from(spot.partition), Keys::AreIdle)
        })
    }
}

/// What is known of the order topic before its beginning is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// It may be empty.
    MayLack,
    /// It is committed, and visible as soon as its marker is written.
    IsCommitted,
}

/// Which life of the bus the order topic begins with; `None` where it is empty.
pub(crate) fn read_genesis(
    cluster: &Cluster,
    known: Beginning,
) -> Result<Option<Genesis>, KafkaBusError> {
    let consumer = Arc::new(cluster.consumer()?);
    let mut order = Feed::new(&consumer, cluster.names.order(), 0, Keys::Matter);
    order.seek(cluster, 0)?;
    const LOOK: Duration = Duration::from_millis(50);
    for _ in 0..=cluster.patience().as_millis() / LOOK.as_millis() {
        match order.look(cluster, LOOK)? {
            Look::Message(Taken { offset, key, payload, .. }) => {
                let foreign = |why: String| KafkaBusError::Foreign {
                    topic: cluster.names.order().into(),
                    partition: 0,
                    offset,
                    why,
                };
                // Strangers may have been there before anybody of ours.
                if !key.starts_with(OURS) {
                    continue;
                }
                if &*key != GENESIS {
                    return Err(foreign("the topic does not begin with a life of the bus".into()));
                }
                let read = Genesis::from_bytes(&payload);
                return read.map(Some).map_err(|error| foreign(error.to_string()));
            }
            Look::End if known == Beginning::MayLack => return Ok(None),
            Look::End | Look::Nothing => {}
        }
    }
    Err(KafkaBusError::Unreachable {
        brokers: cluster.options.brokers.clone(),
        why: "the beginning of the order topic cannot be read".into(),
    })
}
