//! What a decision rested on, gathered while it is made.

use alloc::{string::ToString, vec::Vec};
use core::fmt::Display;

use event::{
    Basis, Event, EventId, InputCut, Label, LimitSetId, Observed, Source, message, nested,
};

/// Most other events a basis names.
const RELATED_MAX: usize = 16;

message! {
    /// The last event seen of one source.
    Seen {
        /// The source.
        1 source: Source,
        /// Its sequence.
        2 source_seq: u64,
    }
}

nested!(Seen);

impl Seen {
    /// Where `event` stands in its source.
    #[must_use]
    pub const fn of(event: &Event) -> Self {
        Self { source: event.source, source_seq: event.source_seq }
    }
}

/// Builds a [`Basis`].
///
/// ```
/// use agent::Evidence;
/// let basis = Evidence::default().observed("bid", "61837.63").basis();
/// assert_eq!(basis.observed[0].value, "61837.63");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    cut: Vec<InputCut>,
    observed: Vec<Observed>,
    related: Vec<EventId>,
    limit_set: Option<LimitSetId>,
}

impl Evidence {
    /// How far a source had been read. Of several places in one source the furthest stands; the
    /// cut is in order of sources.
    #[must_use]
    pub fn seen(mut self, seen: Option<&Seen>) -> Self {
        let Some(seen) = seen else { return self };
        let (source, source_seq) = (seen.source, seen.source_seq);
        match self.cut.binary_search_by_key(&source, |cut| cut.source) {
            Ok(at) => {
                if let Some(cut) = self.cut.get_mut(at) {
                    cut.source_seq = cut.source_seq.max(source_seq);
                }
            }
            Err(at) => self.cut.insert(at, InputCut { source, source_seq }),
        }
        self
    }

    /// A value looked at. A name that is no label is left out.
    #[must_use]
    pub fn observed(mut self, name: &str, value: impl Display) -> Self {
        if let Ok(name) = Label::new(name) {
            self.observed.push(Observed { name, value: value.to_string() });
        }
        self
    }

    /// A value looked at, where there is one.
    #[must_use]
    pub fn observed_if(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.observed(name, value),
            None => self,
        }
    }

    /// Another event it rested on; those past the sixteenth are left out.
    #[must_use]
    pub fn related(mut self, event: Option<EventId>) -> Self {
        if let Some(event) = event
            && self.related.len() < RELATED_MAX
        {
            self.related.push(event);
        }
        self
    }

    /// The limits it was held against.
    #[must_use]
    pub const fn limits(mut self, limit_set: Option<LimitSetId>) -> Self {
        self.limit_set = limit_set;
        self
    }

    /// The basis.
    #[must_use]
    pub fn basis(self) -> Basis {
        Basis {
            cut: self.cut,
            state: None,
            observed: self.observed,
            limit_set: self.limit_set,
            related: self.related,
        }
    }
}
