//! From what enters to roots: ids, sequences and times are minted here and nowhere else.

use alloc::collections::BTreeMap;

use event::{
    Body, Digest, Event, EventId, Key, Source, Timestamp,
    id::{digest_of, file_root_id, lifecycle_id},
};

use crate::root_event;

/// Numbers what each source emits: from 1, without gaps, across restarts.
#[derive(Clone, Debug, Default)]
pub struct Numbering {
    last: BTreeMap<Source, u64>,
}

impl Numbering {
    /// Takes note of an event that is in the log.
    pub fn observe(&mut self, source: Source, source_seq: u64) {
        let last = self.last.entry(source).or_default();
        *last = source_seq.max(*last);
    }

    /// The last number of a source.
    #[must_use]
    pub fn last(&self, source: Source) -> u64 {
        self.last.get(&source).copied().unwrap_or(0)
    }

    /// The last number of every source, for a snapshot; [`Numbering::observe`] takes it back.
    pub fn iter(&self) -> impl Iterator<Item = (Source, u64)> + '_ {
        self.last.iter().map(|(source, last)| (*source, *last))
    }

    /// A root of a recorded file.
    pub fn file_root(&mut self, place: FilePlace, time: Timestamp, root: RootParts) -> Event {
        let id = file_root_id(place.digest, place.record, place.part);
        self.root(id, place.source, time, root)
    }

    /// A root that configuration supplies; `number` is its place in it.
    pub fn config_root(
        &mut self,
        source: Source,
        config: Digest,
        number: u64,
        time: Timestamp,
        body: Body,
    ) -> Event {
        let Digest(full) =
            digest_of("config-root", &[source.as_bytes(), &config.0, &number.to_le_bytes()]);
        let mut id = [0; 16];
        id.iter_mut().zip(full).for_each(|(slot, byte)| *slot = byte);
        let key = body.key();
        self.root(EventId(id), source, time, RootParts { event_time: None, key, body })
    }

    /// A life-cycle event of a worker.
    pub fn worker_root(&mut self, worker: Source, time: Timestamp, body: Body) -> Event {
        let id = lifecycle_id(worker, self.last(worker) + 1);
        let key = body.key();
        self.root(id, worker, time, RootParts { event_time: None, key, body })
    }

    fn root(&mut self, id: EventId, source: Source, time: Timestamp, root: RootParts) -> Event {
        let RootParts { event_time, key, body } = root;
        let last = self.last.entry(source).or_default();
        *last += 1;
        root_event(id, source, *last, time, event_time, key, body)
    }
}

/// What a root carries beside its identity.
#[derive(Clone, Debug)]
pub struct RootParts {
    /// The venue's own time, where it told one.
    pub event_time: Option<Timestamp>,
    /// The entity whose order matters.
    pub key: Key,
    /// What happened.
    pub body: Body,
}

/// Where in a file a root stands.
#[derive(Clone, Copy, Debug)]
pub struct FilePlace {
    /// The source of the file's records.
    pub source: Source,
    /// The digest of the file's decompressed bytes.
    pub digest: Digest,
    /// The record's number in the file.
    pub record: u64,
    /// The part within the record.
    pub part: u32,
}
