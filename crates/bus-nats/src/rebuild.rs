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
    let look = Look { link, subjects: &subjects, topology, incarnation: state.incarnation };
    let of_sources = sources.iter().map(|&(source, is_progress)| {
        let subject = match is_progress {
            true => subjects.of_progress(source),
            false => subjects.of_source(source),
        };
        async move { Ok::<_, BusError>((source, look.last(subject).await?)) }
    });
    let of_sources = futures_util::stream::iter(of_sources).buffered(QUESTIONS);
    for (source, (end, last)) in of_sources.try_collect::<Vec<_>>().await? {
        let fence = found.last_of.entry(source).or_default();
        *fence = end.max(*fence);
        match last {
            Some((_, Entry::Event(event))) => {
                let seq = event.record.header().source_seq;
                found.ledger.note_event(&event.position, source, seq);
            }
            Some((message, Entry::Progress { progress, .. })) => {
                found.ledger.restore_source(&message.sum(&progress));
            }
            Some((_, Entry::Foreign(_))) | None => {}
        }
    }
    let of_partitions = partitions.iter().map(|&(stream, partition)| {
        let subject = subjects.of_partition(stream, partition);
        async move { Ok::<_, BusError>(((stream, partition), look.last(subject).await?.1)) }
    });
    let of_partitions = futures_util::stream::iter(of_partitions).buffered(QUESTIONS);
    let mut sequences = BTreeMap::new();
    for (place, last) in of_partitions.try_collect::<Vec<_>>().await? {
        if let Some((message, _)) = last {
            let _ = sequences.insert(place, message.partition_sequence());
        }
    }
    found.ledger.restore_sequencer(Sequencer::after(state.last, sequences));
    read_recent(link, topology, state, &subjects, &mut found).await?;
    Ok(found)
}

/// Looks for the ends of subjects.
#[derive(Clone, Copy)]
struct Look<'a> {
    link: &'a Link,
    subjects: &'a Subjects,
    topology: &'a Topology,
    incarnation: u64,
}

impl Look<'_> {
    /// The sequence of the last message on a subject, and the last entry of ours there.
    async fn last(self, subject: String) -> Result<(u64, Option<(Stored, Entry)>), BusError> {
        let which = Which { last_by_subj: Some(subject.clone()), ..Which::default() };
        let Some(last) = self.link.get(&which).await? else { return Ok((0, None)) };
        let end = last.sequence;
        if let Some(entry) = last.own(self.subjects, self.topology, self.incarnation) {
            return Ok((end, Some((last, entry))));
        }
        // Behind what is none of ours: further and further back, until something is.
        let mut window = 1024;
        loop {
            let first = end.saturating_sub(window).max(1);
            if let Some(found) = self.last_between(&subject, first, end).await? {
                return Ok((end, Some(found)));
            }
            if first == 1 {
                return Ok((end, None));
            }
            window *= 8;
        }
    }

    async fn last_between(
        self,
        subject: &str,
        first: u64,
        end: u64,
    ) -> Result<Option<(Stored, Entry)>, BusError> {
        let (mut seq, mut found) = (first, None);
        loop {
            let next_by_subj = Some(subject.to_string());
            let which = Which { seq: Some(seq), next_by_subj, last_by_subj: None };
            let next = self.link.get(&which).await?.filter(|next| next.sequence < end);
            let Some(message) = next else { return Ok(found) };
            seq = message.sequence + 1;
            if let Some(entry) = message.own(self.subjects, self.topology, self.incarnation) {
                found = Some((message, entry));
            }
        }
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
            if let Entry::Event(event) = message.entry(subjects, topology, state.incarnation) {
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
