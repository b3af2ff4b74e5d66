//! The event: its envelope, its basis, and its bytes.

use alloc::{string::String, vec::Vec};

use bytes::Bytes;

use crate::{
    Digest, EventId, Key, Label, LimitSetId, Source, Timestamp, TraceId,
    body::{Body, Kind},
    message, nested,
    wire::{DecodeError, Field, Fields, bytes_of},
};

message! {
    /// How far a decision had read one source.
    InputCut {
        /// The source.
        1 source: Source,
        /// Its last sequence read.
        2 source_seq: u64,
    }

    /// One value a decision looked at.
    Observed {
        /// What it is.
        1 name: Label,
        /// Its value, as text.
        2 value: String,
    }

    /// What else a decision rested on, beside the event that triggered it.
    Basis {
        /// How far each input had been read. Sources and their own sequences are used, not bus
        /// positions, so the bytes are the same on every engine.
        1 cut: Vec<InputCut>,
        /// Digest of the deciding task's state.
        2 state: Option<Digest>,
        /// The values it looked at.
        3 observed: Vec<Observed>,
        /// The limits it was held against.
        4 limit_set: Option<LimitSetId>,
        /// Other events it rested on, at most 16.
        5 related: Vec<EventId>,
    }
}

nested!(InputCut, Observed, Basis);

/// An immutable fact, or a command, which is recorded as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its identity.
    pub event_id: EventId,
    /// Everything that descends from one root shares its trace.
    pub trace_id: TraceId,
    /// The event that triggered this one; absent for a root.
    pub cause_id: Option<EventId>,
    /// Who emitted it.
    pub source: Source,
    /// Its place in what the source emitted: from 1, without gaps, across restarts.
    pub source_seq: u64,
    /// The entity whose order matters.
    pub key: Key,
    /// When: stamped by ingress for a root, logical for a derived event.
    pub time: Timestamp,
    /// When the venue says it happened.
    pub event_time: Option<Timestamp>,
    /// What a decision rested on.
    pub basis: Option<Basis>,
    /// What happened.
    pub body: Body,
}

/// Tags of the envelope's fields.
mod tag {
    pub(super) const EVENT_ID: u32 = 1;
    pub(super) const TRACE_ID: u32 = 2;
    pub(super) const CAUSE_ID: u32 = 3;
    pub(super) const SOURCE: u32 = 4;
    pub(super) const SOURCE_SEQ: u32 = 5;
    pub(super) const KEY: u32 = 6;
    pub(super) const TIME: u32 = 7;
    pub(super) const EVENT_TIME: u32 = 8;
    pub(super) const BASIS: u32 = 9;
}

/// What can be read of an event without its body: enough to route, order and deduplicate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Its identity.
    pub event_id: EventId,
    /// Its trace.
    pub trace_id: TraceId,
    /// What triggered it.
    pub cause_id: Option<EventId>,
    /// Who emitted it.
    pub source: Source,
    /// Its place in what the source emitted.
    pub source_seq: u64,
    /// The entity whose order matters.
    pub key: Key,
    /// When.
    pub time: Timestamp,
    /// The body's kind; `None` for a kind this version does not know.
    pub kind: Option<Kind>,
}

impl Event {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(256);
        self.encode_into(&mut out);
        Bytes::from(out)
    }

    /// Appends the canonical bytes.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        self.event_id.put(tag::EVENT_ID, out);
        self.trace_id.put(tag::TRACE_ID, out);
        self.cause_id.put(tag::CAUSE_ID, out);
        self.source.put(tag::SOURCE, out);
        self.source_seq.put(tag::SOURCE_SEQ, out);
        self.key.put(tag::KEY, out);
        self.time.put(tag::TIME, out);
        self.event_time.put(tag::EVENT_TIME, out);
        self.basis.put(tag::BASIS, out);
        self.body.put(out);
    }

    /// Reads protobuf bytes.
    ///
    /// # Errors
    /// [`DecodeError`]; [`DecodeError::UnknownKind`] when the body is of a kind a newer version
    /// made.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match Self::decode_canonical(bytes) {
            Some(event) => Ok(event),
            None => Self::decode_any(bytes),
        }
    }

    /// Reads the canonical bytes, field after field; `None` when they are not canonical.
    fn decode_canonical(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let fields = &mut fields;
        let event_id = Field::take(fields, tag::EVENT_ID, "event_id")?;
        let trace_id = Field::take(fields, tag::TRACE_ID, "trace_id")?;
        let cause_id = Field::take(fields, tag::CAUSE_ID, "cause_id")?;
        let source = Field::take(fields, tag::SOURCE, "source")?;
        let source_seq = Field::take(fields, tag::SOURCE_SEQ, "source_seq")?;
        let key = Field::take(fields, tag::KEY, "key")?;
        let time = Field::take(fields, tag::TIME, "time")?;
        let event_time = Field::take(fields, tag::EVENT_TIME, "event_time")?;
        let basis = Field::take(fields, tag::BASIS, "basis")?;
        let (tag, raw) = fields.step().ok()??;
        let body = Body::read_canonical(tag, bytes_of(raw, "body").ok()?)?;
        fields.is_done().then_some(Self {
            event_id,
            trace_id,
            cause_id,
            source,
            source_seq,
            key,
            time,
            event_time,
            basis,
            body,
        })
    }

    /// Reads fields in any order, and says what is wrong with them.
    fn decode_any(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts::default();
        let mut body = None;
        let mut fields = Fields::new(bytes);
        while let Some((tag, raw)) = fields.step()? {
            if !parts.merge(tag, raw)?
                && let Some(read) = Body::read(tag, raw)?
            {
                body = Some(read);
            }
        }
        let body = body.ok_or(DecodeError::UnknownKind)?;
        Ok(Self {
            event_id: Field::finish(parts.event_id, "event_id")?,
            trace_id: Field::finish(parts.trace_id, "trace_id")?,
            cause_id: parts.cause_id,
            source: Field::finish(parts.source, "source")?,
            source_seq: Field::finish(parts.source_seq, "source_seq")?,
            key: Field::finish(parts.key, "key")?,
            time: Field::finish(parts.time, "time")?,
            event_time: parts.event_time,
            basis: parts.basis,
            body,
        })
    }

    /// The envelope alone.
    #[must_use]
    pub const fn envelope(&self) -> Envelope {
        Envelope {
            event_id: self.event_id,
            trace_id: self.trace_id,
            cause_id: self.cause_id,
            source: self.source,
            source_seq: self.source_seq,
            key: self.key,
            time: self.time,
            kind: Some(self.body.kind()),
        }
    }
}

impl Envelope {
    /// Reads the envelope and steps over basis and body.
    ///
    /// # Errors
    /// [`DecodeError`] when the envelope itself is damaged; an unknown body is no error here.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut parts = Parts::default();
        let mut kind = None;
        let mut fields = Fields::new(bytes);
        while let Some((tag, raw)) = fields.step()? {
            if tag == tag::BASIS || parts.merge(tag, raw)? {
                continue;
            }
            if let Some(known) = u16::try_from(tag).ok().and_then(Kind::of_number) {
                kind = Some(known);
            }
        }
        Ok(Self {
            event_id: Field::finish(parts.event_id, "event_id")?,
            trace_id: Field::finish(parts.trace_id, "trace_id")?,
            cause_id: parts.cause_id,
            source: Field::finish(parts.source, "source")?,
            source_seq: Field::finish(parts.source_seq, "source_seq")?,
            key: Field::finish(parts.key, "key")?,
            time: Field::finish(parts.time, "time")?,
            kind,
        })
    }
}

#[derive(Default)]
struct Parts {
    event_id: Option<EventId>,
    trace_id: Option<TraceId>,
    cause_id: Option<EventId>,
    source: Option<Source>,
    source_seq: Option<u64>,
    key: Option<Key>,
    time: Option<Timestamp>,
    event_time: Option<Timestamp>,
    basis: Option<Basis>,
}

impl Parts {
    /// Takes a field of the envelope; false when the tag is none of its.
    fn merge(&mut self, tag: u32, raw: crate::wire::Raw<'_>) -> Result<bool, DecodeError> {
        match tag {
            tag::EVENT_ID => EventId::merge(&mut self.event_id, raw, "event_id")?,
            tag::TRACE_ID => TraceId::merge(&mut self.trace_id, raw, "trace_id")?,
            tag::CAUSE_ID => EventId::merge(&mut self.cause_id, raw, "cause_id")?,
            tag::SOURCE => Source::merge(&mut self.source, raw, "source")?,
            tag::SOURCE_SEQ => u64::merge(&mut self.source_seq, raw, "source_seq")?,
            tag::KEY => Key::merge(&mut self.key, raw, "key")?,
            tag::TIME => Timestamp::merge(&mut self.time, raw, "time")?,
            tag::EVENT_TIME => Timestamp::merge(&mut self.event_time, raw, "event_time")?,
            tag::BASIS => Basis::merge(&mut self.basis, raw, "basis")?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
