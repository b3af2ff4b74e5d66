//! What is to be known before the first unit: where every source and partition stands.

use std::collections::{BTreeMap, BTreeSet};

use bus::{BusError, Entry, Ledger, Position, Sequencer, Stream, Topology};
use event::Source;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Deserialize;

use crate::{
    fetch::Which,
    link::Link,
    message::Stored,
    stream::{State, refused},
    subject::Subjects,
};

/// Entries before the end that are read so that recent ids are known.
const RECENT_ENTRIES: u64 = 20_000;
/// Questions underway at once.
const QUESTIONS: usize = 64;

/// What was found.
pub(crate) struct Found {
    pub(crate) ledger: Ledger,
    /// The sequence in the stream of each source's last message.
    pub(crate) last_of: BTreeMap<Source, u64>,
    /// The last event.
    pub(crate) known: Option<Position>,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    total: usize,
    state: Names,
}

#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    subjects: BTreeMap<String, u64>,
}

/// Everything below `state.last` goes into the ledger; what is written meanwhile may be there too.
pub(crate) async fn rebuild(
    link: &Link,
    topology: &Topology,
    state: &State,
) -> Result<Found, BusError> {
    let subjects = Subjects::new(&link.options.prefix);
    let mut found =
        Found { ledger: Ledger::new(state.incarnation), last_of: BTreeMap::new(), known: None };
    let names = names(link).await?;
    let partitions: BTreeSet<_> =
        names.iter().filter_map(|name| subjects.partition_of(name)).collect();
    let sources: BTreeSet<_> = names.iter().filter_map(|name| subjects.read(name)).collect();
    let last = |last_by_subj: String| async {
        link.get(&Which { last_by_subj: Some(last_by_subj), ..Which::default() }).await
    };
    let of_sources = sources.iter().map(|&(source, is_progress)| {
        let subject =
            if is_progress { subjects.of_progress(source) } else { subjects.of_source(source) };
        let last = last(subject);
        async move { Ok::<_, BusError>((source, last.await?)) }
    });
    let of_sources = futures_util::stream::iter(of_sources).buffered(QUESTIONS);
    for (source, message) in of_sources.try_collect::<Vec<_>>().await? {
        if let Some(message) = message {
            note(&mut found, &subjects, topology, state.incarnation, source, &message);
        }
    }
    let of_partitions = partitions.iter().map(|&(stream, partition)| {
        let last = last(subjects.of_partition(stream, partition));
        async move { Ok::<_, BusError>(((stream, partition), last.await?)) }
    });
    let of_partitions = futures_util::stream::iter(of_partitions).buffered(QUESTIONS);
    let mut sequences = BTreeMap::new();
    for (place, message) in of_partitions.try_collect::<Vec<_>>().await? {
        if let Some(message) = message {
            let _ = sequences.insert(place, message.partition_sequence());
        }
    }
    found.ledger.restore_sequencer(Sequencer::after(state.last, sequences));
    read_recent(link, topology, state, &subjects, &mut found).await?;
    Ok(found)
}

/// Takes the last message of a source for how far the source is.
fn note(
    found: &mut Found,
    subjects: &Subjects,
    topology: &Topology,
    incarnation: u64,
    source: Source,
    message: &Stored,
) {
    let last = found.last_of.entry(source).or_default();
    *last = message.sequence.max(*last);
    match message.entry(subjects, topology, incarnation) {
        Ok(Entry::Event(event)) => {
            let seq = event.record.header().source_seq;
            found.ledger.note_event(&event.position, source, seq);
        }
        Ok(Entry::Progress { progress, .. }) => {
            found.ledger.restore_source(&message.sum(&progress));
        }
        // Whoever reads the stream is told of it.
        Err(_) => {}
    }
}

async fn read_recent(
    link: &Link,
    topology: &Topology,
    state: &State,
    subjects: &Subjects,
    found: &mut Found,
) -> Result<(), BusError> {
    let mut first = state.last.saturating_sub(RECENT_ENTRIES) + 1;
    while first <= state.last {
        let read = link.get_from(first, 1000).await?;
        let Some(last) = read.last() else { break };
        first = last.sequence + 1;
        for message in &read {
            if let Ok(Entry::Event(event)) = message.entry(subjects, topology, state.incarnation) {
                found.ledger.note_recent(event.position.event_id, event.position.index);
                found.known = Some(event.position);
            }
        }
    }
    Ok(())
}

/// Every subject there is.
async fn names(link: &Link) -> Result<BTreeSet<String>, BusError> {
    let what = format!("STREAM.INFO.{}", link.options.prefix);
    let mut names = BTreeSet::new();
    loop {
        let question = serde_json::json!({ "subjects_filter": ">", "offset": names.len() });
        let page = link.api::<Info>(&what, &question).await?;
        let page = page.map_err(|why| refused(link, "to name its subjects", &why))?;
        let before = names.len();
        names.extend(page.state.subjects.into_keys());
        if names.len() >= page.total || names.len() == before {
            return Ok(names);
        }
    }
}

impl Subjects {
    /// The partition that a subject names.
    fn partition_of(&self, subject: &str) -> Option<(Stream, u16)> {
        let mut tokens = subject.split('.').skip(1);
        let family = tokens.next()?;
        let stream = Stream::ALL.iter().find(|stream| stream.as_str() == family)?;
        Some((*stream, tokens.next()?.parse().ok()?))
    }
}
