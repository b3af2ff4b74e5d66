//! From source records to roots: ids, sequences and times are minted here and nowhere else.

use std::collections::BTreeMap;

use event::{
    Body, Digest, Event, EventId, Key, Source, Timestamp,
    id::{digest_of, file_root_id, foreign_id, lifecycle_id},
    operations::OperatorCommanded,
    wire::{JsonRoot, root_from_json},
};
use worker::root_event;

use crate::control::OperatorCommand;

/// The source of operator commands.
pub(crate) const OPERATOR: &str = "operator";

/// Numbers what each source emits: from 1, without gaps, across restarts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbering {
    last: BTreeMap<Source, u64>,
}

impl Numbering {
    /// Takes note of an event that is in the log.
    pub(crate) fn observe(&mut self, source: Source, source_seq: u64) {
        let last = self.last.entry(source).or_default();
        *last = source_seq.max(*last);
    }

    /// The last number of a source.
    pub(crate) fn last(&self, source: Source) -> u64 {
        self.last.get(&source).copied().unwrap_or(0)
    }

    fn next(&mut self, source: Source) -> u64 {
        let last = self.last.entry(source).or_default();
        *last += 1;
        *last
    }

    /// A root of a recorded file.
    pub(crate) fn file_root(
        &mut self,
        place: FilePlace,
        time: Timestamp,
        root: RootParts,
    ) -> Event {
        let id = file_root_id(place.digest, place.record, place.part);
        self.root(id, place.source, time, root)
    }

    /// A root that configuration supplies; `number` is its place in it.
    pub(crate) fn config_root(
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
    pub(crate) fn worker_root(&mut self, worker: Source, time: Timestamp, body: Body) -> Event {
        let id = lifecycle_id(worker, self.last(worker) + 1);
        let key = body.key();
        self.root(id, worker, time, RootParts { event_time: None, key, body })
    }

    /// An operator's command; its number was given when it became durable in the command journal.
    pub(crate) fn operator_root(
        &mut self,
        source: Source,
        command: OperatorCommand,
        time: Timestamp,
    ) -> Event {
        self.observe(source, command.number);
        let body = Body::from(OperatorCommanded {
            verb: command.verb,
            account: command.account,
            actor: command.actor,
            reason: command.reason,
            acted_at: Some(command.given_at),
        });
        let key = body.key();
        root_event(command.id, source, command.number, time, Some(command.given_at), key, body)
    }

    fn root(&mut self, id: EventId, source: Source, time: Timestamp, root: RootParts) -> Event {
        let RootParts { event_time, key, body } = root;
        root_event(id, source, self.next(source), time, event_time, key, body)
    }
}

/// What a root carries beside its identity.
#[derive(Clone, Debug)]
pub(crate) struct RootParts {
    pub(crate) event_time: Option<Timestamp>,
    pub(crate) key: Key,
    pub(crate) body: Body,
}

/// Where in a file a root stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilePlace {
    pub(crate) source: Source,
    pub(crate) digest: Digest,
    pub(crate) record: u64,
    pub(crate) part: u32,
}

/// What a published line is.
#[derive(Clone, Debug)]
pub(crate) enum Submission {
    /// The next event of its source.
    New(Box<Event>),
    /// A number the source used before: the stored event decides whether it is the same.
    Repeat(Box<JsonRoot>),
    /// Not acceptable, and why.
    Refused(String),
}

/// Reads one published line as the next root of its source.
///
/// A producer supplies source, number, key and body; a number that skips is refused so that the
/// producer learns of its own gap, and a name that Blotter's own parts use is refused.
pub(crate) fn read_published(line: &str, numbering: &Numbering, time: Timestamp) -> Submission {
    let value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => return Submission::Refused(format!("E7101 not JSON: {error}")),
    };
    let root = match root_from_json(&value) {
        Ok(root) => root,
        Err(error) => return Submission::Refused(error.to_string()),
    };
    if is_reserved(root.source) {
        return Submission::Refused(format!(
            "E7102 source `{}` is reserved; a producer's own name has no `/` and is not `operator`",
            root.source
        ));
    }
    if !is_publishable(&root.body) {
        return Submission::Refused(format!(
            "E7103 a {} is not for producers: market data, signals and alerts are",
            root.body.kind().as_str()
        ));
    }
    let last = numbering.last(root.source);
    match root.source_seq {
        0 => Submission::Refused("E7104 source_seq counts from 1".into()),
        seq if seq <= last => Submission::Repeat(Box::new(root)),
        seq if seq > last + 1 => Submission::Refused(format!(
            "E7105 source_seq {seq} of `{}` leaves a gap: the last one accepted is {last}",
            root.source
        )),
        seq => {
            let id = foreign_id(root.source, seq);
            Submission::New(Box::new(root_event(
                id,
                root.source,
                seq,
                time,
                root.event_time,
                root.key,
                root.body,
            )))
        }
    }
}

/// The source a published line names, if it can be read.
pub(crate) fn source_of(line: &str) -> Option<Source> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    value.get("source")?.as_str()?.parse().ok()
}

/// The words for a number that is stored with other content.
pub(crate) fn conflict(root: &JsonRoot) -> String {
    format!(
        "E7106 source_seq {} of `{}` is stored with other content",
        root.source_seq, root.source
    )
}

/// Whether a stored event is what the producer supplies again.
pub(crate) fn is_same(stored: &Event, root: &JsonRoot) -> bool {
    stored.source == root.source
        && stored.source_seq == root.source_seq
        && stored.key == root.key
        && stored.event_time == root.event_time
        && stored.body == root.body
}

fn is_reserved(source: Source) -> bool {
    source.as_str().contains('/') || source.as_str() == OPERATOR
}

const fn is_publishable(body: &Body) -> bool {
    use event::Family as F;
    matches!(body.kind().family(), F::Market | F::Signal | F::Alert)
}
