//! From what operators and producers say to roots.

use event::{
    Body, Event, Source, Timestamp,
    id::foreign_id,
    operations::OperatorCommanded,
    wire::{JsonRoot, root_from_json},
};
use worker::root_event;
pub(crate) use worker::{FilePlace, Numbering, RootParts};

use crate::control::OperatorCommand;

/// The source of operator commands.
pub(crate) const OPERATOR: &str = "operator";

/// An operator's command as a root; its number was given when it became durable in the command
/// journal.
pub(crate) fn operator_root(
    numbering: &mut Numbering,
    source: Source,
    command: OperatorCommand,
    time: Timestamp,
) -> Event {
    numbering.observe(source, command.number);
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
    admit(root, numbering, time)
}

/// Reads what a producer says as the next root of its source.
pub(crate) fn admit(root: JsonRoot, numbering: &Numbering, time: Timestamp) -> Submission {
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
