//! What topics are called.

use bus::Stream;

/// A topic of a bus, by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// The total order.
    Order,
    /// The events of a stream.
    Of(Stream),
    /// What producers outside offer.
    Offers,
}

impl Topic {
    /// Its number in entries of the order topic. Families are numbered from 1.
    pub(crate) const fn number(self) -> u32 {
        match self {
            Self::Order => 0,
            Self::Of(stream) => stream as u32,
            Self::Offers => 255,
        }
    }

    pub(crate) fn of_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Order),
            255 => Some(Self::Offers),
            _ => u8::try_from(number).ok().and_then(Stream::of_number).map(Self::Of),
        }
    }
}

/// The names of one bus's topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: String,
    order: String,
    streams: Vec<String>,
    offers: String,
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
            offers: format!("{prefix}.in"),
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

    /// The topic where producers outside offer events.
    #[must_use]
    pub fn offers(&self) -> &str {
        &self.offers
    }

    pub(crate) fn topic(&self, topic: Topic) -> &str {
        match topic {
            Topic::Order => self.order(),
            Topic::Of(stream) => self.of(stream),
            Topic::Offers => self.offers(),
        }
    }

    /// Every topic, that of the order first.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let streams = self.streams.iter().map(String::as_str);
        std::iter::once(self.order()).chain(streams).chain([self.offers()])
    }

    /// What a transaction of `name` is fenced by.
    #[must_use]
    pub fn transactional_id(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }
}
