//! Entries of the order topic.

use bus::{Progress, Stream, Topology, Unit};
use event::{
    DecodeError, Source, Timestamp, message, nested,
    wire::{Blob, Message as _, bad_value, put_varint},
};

use crate::{KafkaBusError, client::Cluster, names::Topic};

/// The key of a unit's entry.
pub(crate) const UNIT: &[u8] = b"blotter.unit.1";
/// The key of an entry that says which life of the bus this is.
pub(crate) const GENESIS: &[u8] = b"blotter.genesis.1";
/// The key of a message that says nothing; see `Transactions::mend`.
pub(crate) const MEND: &[u8] = b"blotter.mend.1";
/// The key of an entry that gives what others wrote a place.
pub(crate) const FOREIGN: &[u8] = b"blotter.foreign.1";
/// The key of a message that says up to where others were looked for. It takes no place.
pub(crate) const SEEN: &[u8] = b"blotter.seen.1";
/// What the keys of all our entries begin with.
pub(crate) const OURS: &[u8] = b"blotter.";

message! {
    /// Events of one unit that stand behind each other in a partition.
    Lane {
        /// The stream's number.
        1 stream: u32,
        /// The partition.
        2 partition: u32,
        /// The offset of the first.
        3 offset: u64,
    }

    /// A unit: where its events are, and what it says beside them.
    OrderEntry {
        /// Which life of the bus it is of.
        1 incarnation: u64,
        /// Whose.
        2 source: Source,
        /// The place of the first event in the source's sequence; what the source goes on with
        /// where there is none.
        3 first_seq: u64,
        /// When it was stored, by the writer's wall clock.
        4 stored_at: Timestamp,
        /// Bytes of its events.
        5 bytes: u64,
        /// Where its events are.
        6 lanes: Vec<Lane>,
        /// Pairs of a lane's number and how many events of it come next.
        7 turns: Blob,
        /// Its progress record.
        8 progress: Option<Blob>,
        /// Which claim of the source it is written under.
        9 epoch: u64,
        /// The claim it makes itself; zero where it makes none.
        10 claims: u64,
    }

    /// What others wrote: where it is.
    ForeignEntry {
        /// Which life of the bus it is of.
        1 incarnation: u64,
        /// When it was stored: by the servers where it was offered, else when it was found.
        2 stored_at: Timestamp,
        /// Where it is: topic, partition and offset.
        3 lane: Option<Lane>,
    }

    /// Up to where others were looked for.
    Seen {
        /// Which life of the bus it is of.
        1 incarnation: u64,
        /// The offset that is to be looked at next, in every partition that was looked at.
        2 lanes: Vec<Lane>,
    }

    /// A stream and how many partitions it has.
    Partitions {
        /// The stream's number.
        1 stream: u32,
        /// Its partitions.
        2 partitions: u32,
    }

    /// The first entry: which life of the bus begins.
    Genesis {
        /// Another number is another history.
        1 incarnation: u64,
        /// The streams.
        2 streams: Vec<Partitions>,
    }
}

nested!(Lane, Partitions);

/// Where an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) stream: Stream,
    pub(crate) partition: u16,
    pub(crate) offset: i64,
}

/// A place in a topic.
pub(crate) type LaneKey = (Topic, i32);

impl Lane {
    pub(crate) fn at((topic, partition): LaneKey, offset: i64) -> Self {
        let (partition, offset) = (partition as u32, offset as u64);
        Self { stream: topic.number(), partition, offset }
    }

    /// The place it names; `None` where it names none.
    pub(crate) fn place(&self) -> Option<(LaneKey, i64)> {
        let topic = Topic::of_number(self.stream)?;
        let (partition, offset) = (self.partition.try_into().ok()?, self.offset.try_into().ok()?);
        Some(((topic, partition), offset))
    }
}

impl ForeignEntry {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(48);
        self.encode(&mut out);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(bytes)
    }
}

impl Seen {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(bytes)
    }
}

impl OrderEntry {
    /// The entry of a unit whose events from `repeats` on are stored at `offsets`.
    pub(crate) fn of(
        unit: &Unit,
        repeats: usize,
        offsets: &[i64],
        progress: Option<&Progress>,
        incarnation: u64,
        stored_at: Timestamp,
        next_seq: u64,
    ) -> Self {
        let fresh = unit.outputs.get(repeats..).unwrap_or_default();
        let mut lanes: Vec<(Lane, u64)> = Vec::new();
        let mut turns: Vec<(u64, u64)> = Vec::new();
        for (record, offset) in fresh.iter().zip(offsets) {
            let header = record.header();
            let (stream, partition) = (header.stream as u32, u32::from(header.partition));
            let offset = *offset as u64;
            let goes_on = lanes.iter_mut().rposition(|(lane, length)| {
                (lane.stream, lane.partition) == (stream, partition)
                    && lane.offset + *length == offset
            });
            let at = goes_on.unwrap_or(lanes.len());
            match lanes.get_mut(at) {
                Some((_, length)) => *length += 1,
                None => lanes.push((Lane { stream, partition, offset }, 1)),
            }
            match turns.last_mut() {
                Some((lane, count)) if *lane == at as u64 => *count += 1,
                _ => turns.push((at as u64, 1)),
            }
        }
        let mut packed = Vec::with_capacity(turns.len() * 2);
        for (lane, count) in turns {
            put_varint(&mut packed, lane);
            put_varint(&mut packed, count);
        }
        Self {
            incarnation,
            source: unit.source,
            first_seq: fresh.first().map_or(next_seq, |record| record.header().source_seq),
            stored_at,
            bytes: fresh.iter().map(|record| record.bytes().len() as u64).sum(),
            lanes: lanes.into_iter().map(|(lane, _)| lane).collect(),
            turns: Blob(packed),
            progress: progress.map(|progress| Blob(progress.to_bytes())),
            epoch: unit.epoch,
            claims: if unit.is_claim() { unit.epoch } else { 0 },
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        self.encode(&mut out);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(bytes)
    }

    /// Where its events are, in order.
    pub(crate) fn spots(&self) -> Result<Vec<Spot>, DecodeError> {
        let mut next: Vec<Spot> = Vec::with_capacity(self.lanes.len());
        for lane in &self.lanes {
            let stream = u8::try_from(lane.stream).ok().and_then(Stream::of_number);
            let stream = stream.ok_or_else(|| bad_value("stream", "no stream has this number"))?;
            let partition = u16::try_from(lane.partition);
            let partition = partition.map_err(|_| bad_value("partition", "above 65535"))?;
            let offset = i64::try_from(lane.offset);
            let offset = offset.map_err(|_| bad_value("offset", "above what offsets reach"))?;
            next.push(Spot { stream, partition, offset });
        }
        let mut spots = Vec::new();
        let mut packed = self.turns.0.as_slice();
        while !packed.is_empty() {
            let (lane, count) = (take_varint(&mut packed)?, take_varint(&mut packed)?);
            let lane = usize::try_from(lane).ok().and_then(|at| next.get_mut(at));
            let lane = lane.ok_or_else(|| bad_value("turns", "no such lane"))?;
            if count > EVENTS_MAX {
                return Err(bad_value("turns", "more events than a unit holds"));
            }
            for _ in 0..count {
                spots.push(*lane);
                lane.offset += 1;
            }
        }
        Ok(spots)
    }

    /// How many events it has.
    pub(crate) fn events(&self) -> Result<u64, DecodeError> {
        let mut packed = self.turns.0.as_slice();
        let mut events = 0;
        while !packed.is_empty() {
            let _ = take_varint(&mut packed)?;
            events += take_varint(&mut packed)?.min(EVENTS_MAX);
        }
        Ok(events)
    }
}

/// More than any unit holds: what says otherwise is damage.
const EVENTS_MAX: u64 = 1 << 24;

fn take_varint(packed: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = packed.split_first().ok_or_else(|| bad_value("turns", "cut short"))?;
        *packed = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(bad_value("turns", "a number without an end"))
}

impl Genesis {
    /// The number of the life that begins here, where its streams are those we know.
    pub(crate) fn of_life(&self, cluster: &Cluster) -> Result<u64, KafkaBusError> {
        let expected = Self::new(self.incarnation, &cluster.topology);
        if *self == expected {
            return Ok(self.incarnation);
        }
        Err(KafkaBusError::Configured {
            topic: cluster.names.order().into(),
            setting: "streams",
            found: format!("{:?}", self.streams),
            needed: format!("{:?}", expected.streams),
        })
    }

    pub(crate) fn new(incarnation: u64, topology: &Topology) -> Self {
        let streams = topology.streams().iter().map(|spec| Partitions {
            stream: spec.stream as u32,
            partitions: u32::from(spec.partitions),
        });
        Self { incarnation, streams: streams.collect() }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(bytes)
    }
}
