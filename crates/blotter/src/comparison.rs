//! Two moments of two logs, or of one: what each adds up to, and where they part.

use std::{cmp::Ordering, collections::BTreeMap};

use event::{Family, Kind};
use forensics::JournalReader;

use crate::{
    clock::wall_clock,
    data_dir::DataDir,
    exit::Failure,
    history::{self, Folded},
    journal::{self, Item, Until},
    query::{
        Chain, Chains, FirstDifference, Indexed, LineDifference, Side, line_differences, statement,
    },
};

/// A moment of a data directory.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    pub(crate) dir: DataDir,
    pub(crate) until: Until,
}

/// Two moments compared.
pub(crate) struct Comparison {
    pub(crate) one: Folded,
    pub(crate) other: Folded,
    /// Kinds of which there are not as many: their counts.
    pub(crate) counts: Vec<(Kind, u64, u64)>,
    /// Where each family and key that differs first does, the earliest first.
    pub(crate) first: Vec<Parting>,
    /// What the accounts differ in.
    pub(crate) lines: Vec<LineDifference>,
}

/// Where a family and key first differs, with what stands there.
pub(crate) struct Parting {
    pub(crate) chain: Chain,
    /// Its place in the chain, from 1.
    pub(crate) ordinal: u64,
    pub(crate) one: Option<Indexed>,
    pub(crate) other: Option<Indexed>,
}

impl Comparison {
    /// Compares two moments.
    pub(crate) fn of(one: &Moment, other: &Moment) -> Result<Self, Failure> {
        let folded = (history::fold(&one.dir, one.until)?, history::fold(&other.dir, other.until)?);
        let (here, there) = folded;
        let first = if here.fold.log.digest() == there.fold.log.digest() {
            Vec::new()
        } else {
            partings(&one.dir, &here, &other.dir, &there)?
        };
        let mut counts: BTreeMap<Kind, (u64, u64)> = BTreeMap::new();
        here.fold.tally.kinds().for_each(|(kind, count)| counts.entry(kind).or_default().0 = count);
        there.fold.tally.kinds().for_each(|(kind, n)| counts.entry(kind).or_default().1 = n);
        Ok(Self {
            counts: counts
                .into_iter()
                .filter(|(_, (one, other))| one != other)
                .map(|(kind, (one, other))| (kind, one, other))
                .collect(),
            first,
            lines: line_differences(&statement(&here.fold), &statement(&there.fold)),
            one: here,
            other: there,
        })
    }

    /// Whether the two are the same history: starts and stops apart, which change no digest.
    pub(crate) fn is_equal(&self) -> bool {
        self.one.fold.log.digest() == self.other.fold.log.digest()
            && self.one.fold.state_digest() == self.other.fold.state_digest()
    }
}

/// Walks both journals in step.
fn partings(
    one: &DataDir,
    here: &Folded,
    other: &DataDir,
    there: &Folded,
) -> Result<Vec<Parting>, Failure> {
    // Up to the earlier of two moments, one journal is one history.
    let earlier = if here.last <= there.last { here } else { there };
    let common = earlier.last.filter(|_| is_same(one, other));
    let (from, mut chains) = match common {
        Some(last) => (last + 1, Chains::after(counts(earlier))),
        None => (0, Chains::default()),
    };
    let mut sides = [
        Walk::open(Side::One, one, from, here.last)?,
        Walk::open(Side::Other, other, from, there.last)?,
    ];
    loop {
        let [ref mut ones, ref mut others] = sides;
        let next = match (ones.next, others.next) {
            (None, None) => break,
            (Some(_), None) => ones,
            (None, Some(_)) => others,
            (Some(one), Some(other)) if one.cmp(&other) == Ordering::Greater => others,
            (Some(_), Some(_)) => ones,
        };
        next.step(&mut chains)?;
    }
    let mut found: Vec<(Chain, FirstDifference)> = chains.finish().into_iter().collect();
    found.sort_by_key(|(_, at)| at.one.into_iter().chain(at.other).min());
    let [mut ones, mut others] = sides;
    found
        .into_iter()
        .map(|(chain, at)| {
            let FirstDifference { ordinal, one, other } = at;
            Ok(Parting { chain, ordinal, one: ones.at(one)?, other: others.at(other)? })
        })
        .collect()
}

/// How many events each chain has.
fn counts(folded: &Folded) -> impl Iterator<Item = (Chain, u64)> {
    folded.fold.log.chains().filter_map(|chain| {
        let of_number = |family: &Family| *family as u32 == chain.family;
        let family = Family::ALL.into_iter().find(of_number)?;
        Some(((family, chain.key), chain.events))
    })
}

/// One journal under way, a stretch at a time.
struct Walk {
    side: Side,
    reader: JournalReader,
    /// The next index to read; none at the end.
    next: Option<u64>,
    /// The last index, where there is one.
    last: Option<u64>,
}

/// Entries read from one journal before the other has its turn.
const STRETCH: u64 = 1024;

impl Walk {
    fn open(side: Side, dir: &DataDir, from: u64, last: Option<u64>) -> Result<Self, Failure> {
        let reader = journal::open(dir, wall_clock)?;
        Ok(Self { side, reader, next: Some(from), last })
    }

    fn step(&mut self, chains: &mut Chains) -> Result<(), Failure> {
        let (Some(next), Some(last)) = (self.next, self.last) else {
            self.next = None;
            chains.end(self.side);
            return Ok(());
        };
        let end = last.min(next + STRETCH - 1);
        if next <= last {
            let side = self.side;
            journal::walk(&mut self.reader, next, Until::Index(end), |item| {
                if let Item::Event { index, event, bytes, .. } = item {
                    chains.take(side, &Indexed { index, event }, bytes);
                }
                Ok(())
            })?;
        }
        self.next = (end < last).then_some(end + 1);
        if self.next.is_none() {
            chains.end(self.side);
        }
        Ok(())
    }

    /// The event at an index.
    fn at(&mut self, index: Option<u64>) -> Result<Option<Indexed>, Failure> {
        let Some(wanted) = index else { return Ok(None) };
        let mut found = None;
        journal::walk(&mut self.reader, wanted, Until::Index(wanted), |item| {
            if let Item::Event { index, event, .. } = item {
                found = Some(Indexed { index, event });
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn is_same(one: &DataDir, other: &DataDir) -> bool {
    let place = |dir: &DataDir| std::fs::canonicalize(dir.root()).ok();
    place(one).is_some_and(|one| Some(one) == place(other))
}
