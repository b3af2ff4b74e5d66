//! Two logs walked in step: where each (family, key) first differs.
//!
//! An engine keeps order within a key and not between keys, so two logs of the same history may
//! interleave their keys in other ways. Per chain, what one log is ahead is remembered by hash until
//! the other has it too; once a chain differs it is remembered no more. Memory is the distance by
//! which two logs interleave, never their length.

use std::collections::{BTreeMap, VecDeque};

use event::{Digest, Event, Family, Key, id::digest_of};

use super::Indexed;

/// Which of the two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The first named.
    One,
    /// The other.
    Other,
}

/// A family and a key.
pub(crate) type Chain = (Family, Key);

/// The first place where a chain differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FirstDifference {
    /// Its place in the chain, from 1.
    pub(crate) ordinal: u64,
    /// Where in the first log, when it has an event there.
    pub(crate) one: Option<u64>,
    /// Where in the other.
    pub(crate) other: Option<u64>,
}

/// Chains under comparison.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    going: BTreeMap<Chain, Going>,
    /// The log that has no more, if one has ended.
    ended: Option<Side>,
    differ: BTreeMap<Chain, FirstDifference>,
}

/// A chain that has not differed yet.
#[derive(Debug, Default)]
struct Going {
    matched: u64,
    ahead: Option<(Side, VecDeque<(u64, Digest)>)>,
}

impl Chains {
    /// Chains of which both logs have had this many events, the same.
    pub(crate) fn after(matched: impl Iterator<Item = (Chain, u64)>) -> Self {
        let going = |(chain, matched)| (chain, Going { matched, ahead: None });
        Self { going: matched.map(going).collect(), ..Self::default() }
    }

    /// Takes the next event of one of the logs.
    pub(crate) fn take(&mut self, side: Side, indexed: &Indexed, bytes: &[u8]) {
        let Event { body, key, .. } = &indexed.event;
        let kind = body.kind();
        let chain = (kind.family(), *key);
        // What restarts add changes no digest, and is no difference here either.
        if kind.is_lifecycle() || self.differ.contains_key(&chain) {
            return;
        }
        let going = self.going.entry(chain).or_default();
        let hash = digest_of("event", &[bytes]);
        match &mut going.ahead {
            None if self.ended.is_some_and(|ended| ended != side) => {
                let ordinal = going.matched + 1;
                self.close(chain, ordinal, side, Some(indexed.index), None);
            }
            Some((ahead, waiting)) if *ahead != side => {
                let Some((index, theirs)) = waiting.pop_front() else { return };
                if waiting.is_empty() {
                    going.ahead = None;
                }
                if theirs == hash {
                    going.matched += 1;
                } else {
                    let ordinal = going.matched + 1;
                    self.close(chain, ordinal, side, Some(indexed.index), Some(index));
                }
            }
            Some((_, waiting)) => waiting.push_back((indexed.index, hash)),
            none => *none = Some((side, VecDeque::from([(indexed.index, hash)]))),
        }
    }

    /// This log has no more: what the other one is ahead, it lacks.
    pub(crate) fn end(&mut self, side: Side) {
        self.ended = Some(side);
        let lacking = self.going.iter().filter_map(|(chain, going)| {
            let (ahead, waiting) = going.ahead.as_ref().filter(|(ahead, _)| *ahead != side)?;
            Some((*chain, going.matched + 1, *ahead, waiting.front()?.0))
        });
        for (chain, ordinal, ahead, index) in lacking.collect::<Vec<_>>() {
            self.close(chain, ordinal, ahead, Some(index), None);
        }
    }

    /// Where each chain that differs first does, once both logs have [ended](Self::end).
    pub(crate) fn finish(self) -> BTreeMap<Chain, FirstDifference> {
        self.differ
    }

    fn close(
        &mut self,
        chain: Chain,
        ordinal: u64,
        side: Side,
        here: Option<u64>,
        there: Option<u64>,
    ) {
        let (one, other) = match side {
            Side::One => (here, there),
            Side::Other => (there, here),
        };
        let _ = self.going.remove(&chain);
        let _ = self.differ.insert(chain, FirstDifference { ordinal, one, other });
    }
}

#[cfg(test)]
mod tests {
    use event::{
        Body, Event, Source, Timestamp, books::AlertRaised, choices::Severity, id::foreign_id,
    };

    use super::{Chains, FirstDifference, Indexed, Side};

    /// An event of the chain `key`, saying `word`.
    fn said(index: u64, key: &str, word: &str) -> Indexed {
        let source = Source::new("test").unwrap();
        let body = Body::from(AlertRaised {
            alert: event::Label::new("A").unwrap(),
            severity: Severity::Info,
            subject: key.into(),
            detail: word.into(),
            account: None,
        });
        let key = event::Key::from_label(event::Label::new(key).unwrap());
        let id = foreign_id(source, 1);
        Indexed { index, event: worker::root_event(id, source, 1, Timestamp(0), None, key, body) }
    }

    /// Logs as words, each `key:word`; the first differences as `key@ordinal one other`.
    fn compared(one: &str, other: &str) -> Vec<String> {
        let parse = |text: &str| -> Vec<Indexed> {
            let words = text.split_whitespace().filter_map(|word| word.split_once(':'));
            (0..).zip(words).map(|(index, (key, word))| said(index, key, word)).collect()
        };
        let (ones, others) = (parse(one), parse(other));
        let mut chains = Chains::default();
        for at in 0..ones.len().max(others.len()) {
            for (side, log) in [(Side::One, &ones), (Side::Other, &others)] {
                if let Some(indexed) = log.get(at) {
                    chains.take(side, indexed, &Event::encode(&indexed.event));
                } else if at == log.len() {
                    chains.end(side);
                }
            }
        }
        chains.end(Side::One);
        chains.end(Side::Other);
        let place = |side: Option<u64>| side.map_or("-".into(), |index: u64| index.to_string());
        let words = |((_, key), at): (super::Chain, FirstDifference)| {
            format!("{key}@{} {} {}", at.ordinal, place(at.one), place(at.other))
        };
        chains.finish().into_iter().map(words).collect()
    }

    #[test]
    fn keys_that_interleave_otherwise_are_no_difference() {
        assert_eq!(compared("a:1 a:2 b:1 b:2", "b:1 a:1 b:2 a:2"), [""; 0]);
    }

    #[test]
    fn each_chain_is_named_once_where_it_first_differs() {
        let one = "a:1 b:1 a:2 b:2 a:3 b:3";
        assert_eq!(compared(one, "a:1 b:1 a:x b:2 a:y b:z"), ["a@2 2 2", "b@3 5 5"]);
        assert_eq!(compared(one, "b:x b:1 a:1 b:2 a:2 a:z"), ["a@3 4 5", "b@1 1 0"]);
    }

    #[test]
    fn what_one_log_lacks_is_a_difference() {
        assert_eq!(compared("a:1 b:1", "a:1 b:1 a:2"), ["a@2 - 2"]);
        assert_eq!(compared("a:1 b:1 c:1", "a:1"), ["b@1 1 -", "c@1 2 -"]);
        assert_eq!(compared("", "a:1 a:2"), ["a@1 - 0"]);
    }

    #[test]
    fn places_count_from_what_both_had_before() {
        let a = said(7, "a", "x");
        let chain = (a.event.body.kind().family(), a.event.key);
        let mut chains = Chains::after([(chain, 41)].into_iter());
        chains.end(Side::One);
        chains.take(Side::Other, &a, b"");
        let differ = chains.finish();
        assert_eq!(differ[&chain], FirstDifference { ordinal: 42, one: None, other: Some(7) });
    }
}
