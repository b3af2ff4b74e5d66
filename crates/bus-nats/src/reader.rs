//! Readers that walk the stream, each for a thread of its own.

use std::{sync::Arc, time::Duration};

use bus::{BusError, Entry, Reader, Topology};

use crate::{
    NatsError,
    feed::{Decoded, Feed, Reading},
    link::Link,
    message::Stored,
    stream,
    subject::Subjects,
    tail::Tail,
};

/// Entries read at once; who is further behind is fed.
const READ_MAX: usize = 1000;

/// A reader of one life of the stream.
#[derive(Debug)]
pub(crate) struct NatsReader {
    link: Arc<Link>,
    tail: Arc<Tail>,
    reading: Arc<Reading>,
    next: u64,
    feed: Option<Feed>,
    /// What stands right before `next`, once that was read.
    last: Option<Stored>,
    /// How often the connection had been lost when the stream was last looked at.
    losses: u64,
}

impl NatsReader {
    pub(crate) fn new(
        link: Arc<Link>,
        tail: Arc<Tail>,
        topology: Topology,
        incarnation: u64,
    ) -> Self {
        let subjects = Subjects::new(&link.options.prefix);
        let losses = link.losses();
        let reading = Arc::new(Reading { subjects, topology, incarnation });
        Self { link, tail, reading, next: 0, feed: None, last: None, losses }
    }

    /// What stands from `next` on.
    fn read(&mut self) -> Result<Vec<Decoded>, BusError> {
        let first = self.next + 1;
        let behind = self.tail.next_index().saturating_sub(self.next);
        if self.feed.is_none() && behind > READ_MAX as u64 {
            self.feed = Some(Feed::from(&self.link, &self.reading, first));
        }
        if let Some(mut feed) = self.feed.take().filter(|_| behind > 0) {
            if let Some(fed) = self.link.run(feed.next(first)) {
                self.feed = Some(feed);
                return Ok(fed);
            }
            // Something disturbed it, and that may have been another stream in this one's place.
            self.verify()?;
        }
        let mut read = self.link.run(self.link.get_from(first, READ_MAX))?;
        if read.is_empty() && behind > 0 {
            // A replica may be behind its leader.
            read.extend(self.link.run(self.link.get_at(first))?);
        }
        Ok(read.into_iter().map(|message| self.reading.decode(message)).collect())
    }

    /// After an outage the stream may be another, or end before what was read.
    fn check(&mut self) -> Result<(), BusError> {
        let losses = self.link.losses();
        if losses != self.losses {
            self.feed = None;
            self.verify()?;
            self.losses = losses;
        }
        Ok(())
    }

    /// Whether this is still the stream that was read, with what was read last.
    fn verify(&self) -> Result<(), BusError> {
        let now = self.link.run(stream::state(&self.link))?;
        let same = match &self.last {
            None => true,
            Some(last) => {
                let there = self.link.run(self.link.get_at(last.sequence))?;
                there.is_some_and(|there| there.is_same(last))
            }
        };
        if now.incarnation == self.reading.incarnation && same {
            return Ok(());
        }
        Err(self.rewound())
    }

    fn rewound(&self) -> BusError {
        match self.last.clone().map(|last| self.reading.decode(last)) {
            Some((_, Entry::Event(event))) => BusError::StreamRewound {
                stream: event.position.stream,
                checkpoint: Box::new(event.position),
            },
            _ => {
                let stream = self.link.options.prefix.clone();
                NatsError::Recreated { stream }.into()
            }
        }
    }
}

impl Reader for NatsReader {
    fn incarnation(&self) -> u64 {
        self.reading.incarnation
    }

    fn seek(&mut self, index: u64) -> Result<(), BusError> {
        (self.next, self.last) = (index, None);
        Ok(())
    }

    fn next_entries(&mut self) -> Result<Vec<Entry>, BusError> {
        self.check()?;
        let read = self.read()?;
        let mut entries = Vec::with_capacity(read.len());
        for (message, entry) in read {
            entries.push(entry);
            self.next = message.sequence;
            self.last = Some(message);
        }
        Ok(entries)
    }

    fn wait(&mut self, index: u64, patience: Duration) -> Result<u64, BusError> {
        Ok(self.tail.wait(index, patience)?)
    }
}
