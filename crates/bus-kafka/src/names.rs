//! What topics are called.

use bus::Stream;

/// The names of one bus's topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: String,
    order: String,
    streams: Vec<String>,
}

impl Names {
    /// The names that begin with `prefix`.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        let of = |stream: &Stream| format!("{prefix}.{}", stream.as_str());
        Self {
            prefix: prefix.into(),
            order: format!("{prefix}.log"),
            streams: Stream::ALL.iter().map(of).collect(),
        }
    }

    /// The topic that holds the total order.
    #[must_use]
    pub fn order(&self) -> &str {
        &self.order
    }

    /// The topic of a stream.
    #[must_use]
    pub fn of(&self, stream: Stream) -> &str {
        // Families are numbered from 1 without gaps.
        self.streams.get(stream as usize - 1).map_or("", String::as_str)
    }

    /// Every topic, that of the order first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.order()).chain(self.streams.iter().map(String::as_str))
    }

    /// What a transaction of `name` is fenced by.
    #[must_use]
    pub fn transactional_id(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }
}
