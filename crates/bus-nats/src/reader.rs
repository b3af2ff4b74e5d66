//! Readers that walk the stream, each for a thread of its own.

use std::{sync::Arc, time::Duration};

use bus::{BusError, Entry, Reader, Topology};
use tokio::task::JoinHandle;

use crate::{link::Link, message::Stored, stream, subject::Subjects, tail::Tail};

/// Entries read at once.
const READ_MAX: usize = 1000;

/// A reading that goes on beside everything else.
type Reading = JoinHandle<Result<Vec<Stored>, BusError>>;

/// A reader of one life of the stream.
#[derive(Debug)]
pub(crate) struct NatsReader {
    link: Arc<Link>,
    tail: Arc<Tail>,
    subjects: Subjects,
    topology: Topology,
    incarnation: u64,
    next: u64,
    /// What comes after what was read, underway.
    ahead: Option<(u64, Reading)>,
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
        Self {
            link,
            tail,
            subjects,
            topology,
            incarnation,
            next: 0,
            ahead: None,
            last: None,
            losses,
        }
    }

    /// What stands from `next` on; what comes after it is asked for meanwhile.
    fn read(&mut self) -> Result<Vec<Stored>, BusError> {
        let first = self.next + 1;
        let ahead = self.ahead.take().filter(|(of, _)| *of == first);
        let mut read = match ahead {
            // A reading that did not end, as at a shutdown, is done again.
            Some((_, reading)) => match self.link.run(reading) {
                Ok(read) => read?,
                Err(_) => self.link.run(self.link.get_from(first, READ_MAX))?,
            },
            None => self.link.run(self.link.get_from(first, READ_MAX))?,
        };
        if read.is_empty() && self.next < self.tail.next_index() {
            // A replica may be behind its leader, or this was asked before it was stored.
            read = self.link.run(self.link.get_from(first, READ_MAX))?;
            if read.is_empty() {
                read.extend(self.link.run(self.link.get_at(first))?);
            }
        }
        if let Some(last) = read.last().filter(|_| read.len() == READ_MAX) {
            let (link, first) = (Arc::clone(&self.link), last.sequence + 1);
            let reading = async move { link.get_from(first, READ_MAX).await };
            self.ahead = Some((first, self.link.spawn(reading)));
        }
        Ok(read)
    }

    /// After an outage the stream may be another, or end before what was read.
    fn check(&mut self) -> Result<(), BusError> {
        let losses = self.link.losses();
        if losses == self.losses {
            return Ok(());
        }
        self.ahead = None;
        let now = self.link.run(stream::state(&self.link))?;
        let same = match &self.last {
            None => true,
            Some(last) => {
                let there = self.link.run(self.link.get_at(last.sequence))?;
                there.is_some_and(|there| there.is_same(last))
            }
        };
        if now.incarnation == self.incarnation && same {
            self.losses = losses;
            return Ok(());
        }
        Err(self.rewound())
    }

    fn rewound(&self) -> BusError {
        let entry = self
            .last
            .as_ref()
            .map(|last| last.entry(&self.subjects, &self.topology, self.incarnation));
        match entry {
            Some(Ok(Entry::Event(event))) => BusError::StreamRewound {
                stream: event.position.stream,
                checkpoint: Box::new(event.position),
            },
            _ => {
                let stream = self.link.options.prefix.clone();
                crate::NatsError::Recreated { stream }.into()
            }
        }
    }
}

impl Reader for NatsReader {
    fn incarnation(&self) -> u64 {
        self.incarnation
    }

    fn seek(&mut self, index: u64) -> Result<(), BusError> {
        (self.next, self.last) = (index, None);
        Ok(())
    }

    fn next_entries(&mut self) -> Result<Vec<Entry>, BusError> {
        self.check()?;
        let read = self.read()?;
        let mut entries = Vec::with_capacity(read.len());
        for message in read {
            match message.entry(&self.subjects, &self.topology, self.incarnation) {
                Ok(entry) => entries.push(entry),
                // Whoever has quarantined it seeks to the entry behind it.
                Err(foreign) if entries.is_empty() => return Err(foreign.into()),
                // Said once everything before it is read.
                Err(_) => break,
            }
            self.next = message.sequence;
            self.last = Some(message);
        }
        Ok(entries)
    }

    fn wait(&mut self, index: u64, patience: Duration) -> Result<u64, BusError> {
        Ok(self.tail.wait(index, patience)?)
    }
}
