//! Subjects: `<prefix>.<family>.<partition>.<source>`, a source being one token per part of its
//! name, so that a server can say who may write what.

use bus::{Header, Stream};
use event::Source;

/// Stands where the family does, for progress records.
const PROGRESS: &str = "progress";
/// Stands where a partition does, for progress records, and for an empty part of a name: no name
/// of a part is `$`, since a source cannot hold it.
const NONE: &str = "$";
/// Where producers outside offer events: `<prefix>.in.<their own name>`.
const OFFERS: &str = "in";
/// Everything that producers outside offer to the bus `prefix`.
pub(crate) fn offers(prefix: &str) -> String {
    format!("{prefix}.{OFFERS}.*")
}

/// Stands where family and partition do, for progress records.
pub(crate) const PROGRESS_PLACE: &str = "progress.$";

/// The subjects of one bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subjects {
    prefix: String,
}

impl Subjects {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// Everything.
    pub(crate) fn all(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// The subject of an event.
    pub(crate) fn of_event(&self, header: &Header) -> String {
        self.join(header.stream.as_str(), &header.partition.to_string(), header.source)
    }

    /// The subject of a source's progress records.
    pub(crate) fn of_progress(&self, source: Source) -> String {
        self.join(PROGRESS, NONE, source)
    }

    /// Everything of one source.
    pub(crate) fn of_source(&self, source: Source) -> String {
        self.join("*", "*", source)
    }

    /// Everything in one partition.
    pub(crate) fn of_partition(&self, stream: Stream, partition: u16) -> String {
        format!("{}.{}.{partition}.>", self.prefix, stream.as_str())
    }

    /// Whether a producer outside offers what stands there.
    pub(crate) fn is_offer(&self, subject: &str) -> bool {
        let rest = subject.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('.'));
        let name = rest.and_then(|rest| rest.strip_prefix(OFFERS)?.strip_prefix('.'));
        name.is_some_and(|name| !name.contains('.'))
    }

    fn join(&self, family: &str, partition: &str, source: Source) -> String {
        let mut subject = format!("{}.{family}.{partition}", self.prefix);
        for part in source.as_str().split('/') {
            subject.push('.');
            subject.push_str(if part.is_empty() { NONE } else { part });
        }
        subject
    }

    /// Whose entries these are, and whether they are progress records.
    pub(crate) fn read(&self, subject: &str) -> Option<(Source, bool)> {
        let mut tokens = subject.strip_prefix(&self.prefix)?.strip_prefix('.')?.splitn(3, '.');
        let (family, _partition) = (tokens.next()?, tokens.next()?);
        let source = tokens.next()?.replace('.', "/").replace(NONE, "");
        Some((Source::new(&source).ok()?, family == PROGRESS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_says_whose_it_is() {
        let subjects = Subjects::new("B");
        for name in ["feed", "file/0123", "agent/risk/A", "/", "a//b", "x/", "progress/A"] {
            let source = Source::new(name).unwrap();
            assert_eq!(subjects.read(&subjects.of_progress(source)), Some((source, true)));
            let subject = subjects.join("order", "3", source);
            assert_eq!(subjects.read(&subject), Some((source, false)));
        }
        assert_eq!(subjects.of_progress(Source::new("a//b").unwrap()), "B.progress.$.a.$.b");
        assert!(subjects.is_offer("B.in.python-alpha"));
        for other in ["B.in", "B.in.a.b", "B.inn.a", "C.in.a", "B.order.1.feed"] {
            assert!(!subjects.is_offer(other), "{other}");
        }
        for foreign in ["B", "B.order", "B.order.1", "C.order.1.feed", "B.order.1.f%d"] {
            assert_eq!(subjects.read(foreign), None, "{foreign}");
        }
    }
}
