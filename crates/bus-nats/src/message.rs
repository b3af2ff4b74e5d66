//! Messages: what goes out for a unit, and what stands in the stream.

use async_nats::{
    HeaderMap, Message,
    jetstream::{self, message::StreamMessage},
};
use bus::{Delivered, Entry, Foreign, Position, Progress, Record, Topology};
use bytes::Bytes;
use event::Timestamp;

use crate::subject::Subjects;

/// The event's sequence in its partition, where its writer knew it; else the stream's counts.
pub(crate) const SEQUENCE: &str = "Blotter-Sequence";
/// The sum of a source's progress records, where the record itself says less.
pub(crate) const SUM: &str = "Blotter-Sum";
pub(crate) const MSG_ID: &str = "Nats-Msg-Id";
/// Stands behind an id that somebody else used before.
pub(crate) const AGAIN: char = '~';

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) subject: String,
    pub(crate) id: String,
    pub(crate) more: Vec<(&'static str, String)>,
    pub(crate) payload: Bytes,
}

impl Outgoing {
    /// An event's. The sequence is named by a writer who knows it.
    pub(crate) fn event(subjects: &Subjects, record: &Record, sequence: Option<u64>) -> Self {
        let header = record.header();
        Self {
            subject: subjects.of_event(header),
            id: hex(&header.event_id.0),
            more: sequence.map(|known| (SEQUENCE, known.to_string())).into_iter().collect(),
            payload: record.bytes().clone(),
        }
    }

    /// A progress record's. `place` tells it from the source's others.
    pub(crate) fn progress(
        subjects: &Subjects,
        progress: &Progress,
        sum: &Progress,
        place: u64,
    ) -> Self {
        let says_all = progress.consumed == sum.consumed && progress.mark == sum.mark;
        let more = (!says_all).then(|| (SUM, hex(&sum.to_bytes()))).into_iter().collect();
        Self {
            subject: subjects.of_progress(progress.source),
            id: format!("{}@{place}", progress.source),
            more,
            payload: Bytes::from(progress.to_bytes()),
        }
    }

    /// Its headers, without those of the batch.
    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(MSG_ID, self.id.as_str());
        for (name, value) in &self.more {
            headers.insert(*name, value.as_str());
        }
        headers
    }

    /// What it takes on the way, with room for the headers of a batch.
    pub(crate) fn sent_bytes(&self) -> usize {
        self.stored_bytes() as usize - self.subject.len()
    }

    /// What it takes in the server's store, with room for the headers of a batch.
    pub(crate) fn stored_bytes(&self) -> u64 {
        const FRAME: usize = 22 + 4 + 8;
        const BATCH_HEADERS: usize = 160;
        let more: usize = self.more.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let own = self.subject.len() + self.id.len() + more + self.payload.len();
        (FRAME + BATCH_HEADERS + own) as u64
    }
}

/// A message in the stream.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Its sequence in the stream.
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    time: Timestamp,
    headers: HeaderMap,
    pub(crate) payload: Bytes,
}

impl Stored {
    /// From the stream's leader.
    pub(crate) fn of_leader(message: StreamMessage) -> Self {
        Self {
            sequence: message.sequence,
            subject: message.subject.to_string(),
            time: Timestamp(message.time.unix_timestamp_nanos() as i64),
            headers: message.headers,
            payload: message.payload,
        }
    }

    /// From a direct get, which says in headers what it is.
    pub(crate) fn of_direct(message: Message) -> Option<Self> {
        let headers = message.headers?;
        let text = |name: &str| headers.get(name).map(|value| value.as_str().to_string());
        let time = async_nats::datetime::parse_rfc3339(&text("Nats-Time-Stamp")?).ok()?;
        Some(Self {
            sequence: text("Nats-Sequence")?.parse().ok()?,
            subject: text("Nats-Subject")?,
            time: Timestamp(time.unix_timestamp_nanos() as i64),
            payload: message.payload,
            headers,
        })
    }

    /// From a consumer, which says in the reply subject what it is.
    pub(crate) fn of_consumer(message: &jetstream::Message) -> Option<Self> {
        let info = message.info().ok()?;
        Some(Self {
            sequence: info.stream_sequence,
            subject: message.subject.to_string(),
            time: Timestamp(info.published.unix_timestamp_nanos() as i64),
            headers: message.headers.clone().unwrap_or_default(),
            payload: message.payload.clone(),
        })
    }

    pub(crate) const fn index(&self) -> u64 {
        self.sequence - 1
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.as_str())
    }

    /// The id it was sent under.
    pub(crate) fn id(&self) -> Option<&str> {
        self.header(MSG_ID).map(|id| id.trim_end_matches(AGAIN))
    }

    /// Whether this is `sent`, byte for byte.
    pub(crate) fn is(&self, sent: &Outgoing) -> bool {
        self.subject == sent.subject
            && self.payload == sent.payload
            && self.id() == Some(sent.id.as_str())
    }

    /// Whether this is what another reading found in the same place.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.sequence == other.sequence
            && self.subject == other.subject
            && self.payload == other.payload
            && self.header(MSG_ID) == other.header(MSG_ID)
    }

    /// Its sequence in its partition. What a writer said counts; one that did not know is counted
    /// by the stream, whose sequence is never lower.
    pub(crate) fn partition_sequence(&self) -> u64 {
        let said = self.header(SEQUENCE).and_then(|text| text.parse().ok());
        said.filter(|sequence| *sequence <= self.sequence).unwrap_or(self.sequence)
    }

    /// The entry it is, where it is one of ours.
    pub(crate) fn own(
        &self,
        subjects: &Subjects,
        topology: &Topology,
        incarnation: u64,
    ) -> Option<Entry> {
        self.read(subjects, topology, incarnation).ok()
    }

    /// The entry it is, whoever wrote it.
    pub(crate) fn entry(
        &self,
        subjects: &Subjects,
        topology: &Topology,
        incarnation: u64,
    ) -> Entry {
        let foreign = |why| {
            Entry::Foreign(Foreign {
                index: self.index(),
                stored_at: self.time,
                place: format!("{} at {}", self.subject, self.sequence),
                why,
                bytes: self.payload.clone(),
            })
        };
        if subjects.is_offer(&self.subject) {
            return foreign(None);
        }
        self.read(subjects, topology, incarnation).unwrap_or_else(|why| foreign(Some(why)))
    }

    /// The entry it is, or why it is none of ours.
    fn read(
        &self,
        subjects: &Subjects,
        topology: &Topology,
        incarnation: u64,
    ) -> Result<Entry, String> {
        let undecoded = |why: event::DecodeError| why.to_string();
        let (source, is_progress) =
            subjects.read(&self.subject).ok_or("no source has this subject")?;
        let id = self.id().ok_or_else(|| format!("it has no {MSG_ID}"))?;
        if is_progress {
            let progress = Progress::from_bytes(&self.payload).map_err(undecoded)?;
            if progress.source != source {
                return Err(format!("it is a progress record of {}", progress.source));
            }
            let of = id.split_once('@').map(|(of, _)| of);
            if of != Some(source.as_str()) {
                return Err(format!("its {MSG_ID} is not that of a progress record of {source}"));
            }
            return Ok(Entry::Progress {
                index: self.index(),
                stored_at: self.time,
                bytes: self.payload.clone(),
                progress,
            });
        }
        let record = Record::of_bytes(self.payload.clone(), topology).map_err(undecoded)?;
        let header = *record.header();
        if subjects.of_event(&header) != self.subject {
            let place = subjects.of_event(&header);
            return Err(format!("an event that belongs on {place}"));
        }
        if !is_hex_of(id, &header.event_id.0) {
            return Err(format!("its {MSG_ID} is not its id, {}", header.event_id));
        }
        let position = Position {
            incarnation,
            stream: header.stream,
            partition: header.partition,
            sequence: self.partition_sequence(),
            index: self.index(),
            event_id: header.event_id,
        };
        Ok(Entry::Event(Delivered { position, stored_at: self.time, record }))
    }

    /// How far the source is as of this progress record.
    pub(crate) fn sum(&self, progress: &Progress) -> Progress {
        let said = self.header(SUM).and_then(unhex);
        let mut sum = said.and_then(|bytes| Progress::from_bytes(&bytes).ok());
        if let Some(sum) = sum.as_mut().filter(|sum| sum.source == progress.source) {
            sum.timers.clone_from(&progress.timers);
            return sum.clone();
        }
        progress.clone()
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Whether `text` is these bytes; every event read is asked, so nothing is written for it.
fn is_hex_of(text: &str, bytes: &[u8]) -> bool {
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied();
    let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.eq(text.bytes().map(Some))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(nibble(*pair.first()?)? << 4 | nibble(*pair.get(1)?)?)).collect()
}
