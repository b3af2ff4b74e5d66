//! Transactions of one name: begun, filled, and ended one way or the other.

use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use event::Timestamp;
use rdkafka::{
    ClientContext, Message as _,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};

use crate::{
    KafkaBusError,
    client::{Cluster, said},
    order::MEND,
};

/// How long a mend is tried, since who writes waits meanwhile.
const MEND_PATIENCE: Duration = Duration::from_secs(5);

/// A message on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) key: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) stored_at_ms: i64,
}

/// How a transaction failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It was aborted, or never will be committed: nothing of it is visible.
    Aborted(KafkaBusError),
    /// Whether it was committed is not known.
    Undecided(KafkaBusError),
}

/// What came of the messages underway.
#[derive(Debug, Default)]
struct Delivery {
    /// Reports of an earlier batch say nothing about this one.
    generation: u32,
    pending: usize,
    offsets: Vec<i64>,
    failed: Option<KafkaError>,
}

#[derive(Debug, Default)]
struct Board {
    delivery: Mutex<Delivery>,
    changed: Condvar,
}

impl Board {
    fn delivery(&self) -> MutexGuard<'_, Delivery> {
        // Every report is taken in whole, so what is there is whole even after a panic.
        self.delivery.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, count: usize) -> u32 {
        let mut delivery = self.delivery();
        let generation = delivery.generation.wrapping_add(1);
        *delivery = Delivery { generation, pending: count, offsets: vec![-1; count], failed: None };
        generation
    }
}

/// Takes delivery reports in, on the client's own thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports(Arc<Board>);

impl ClientContext for Reports {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Reports {
    /// The batch's generation and the message's number in it.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let mut delivery = self.0.delivery();
        if ticket >> 32 != delivery.generation as usize {
            return;
        }
        match result {
            Ok(message) => {
                if let Some(offset) = delivery.offsets.get_mut(ticket & 0xffff_ffff) {
                    *offset = message.offset();
                }
            }
            Err((error, _)) => delivery.failed = Some(error.clone()),
        }
        delivery.pending = delivery.pending.saturating_sub(1);
        if delivery.pending == 0 || delivery.failed.is_some() {
            self.0.changed.notify_all();
        }
    }
}

/// The one who writes under a name.
pub(crate) struct Transactions {
    producer: ThreadedProducer<Reports>,
    reports: Reports,
    patience: Duration,
    /// One at a time: who mends does so beside who writes.
    turn: Mutex<Turn>,
}

/// How things stand between two transactions.
#[derive(Debug, Default)]
struct Turn {
    /// Nothing is mended any more.
    retired: bool,
    /// What became of a mend is not known, so the name has to be taken over anew.
    in_doubt: bool,
    /// Where the last transaction was aborted, and with it what a server may have forgotten of it.
    aborted: BTreeSet<(String, i32)>,
}

impl Turn {
    /// Takes note of how a transaction ended.
    fn note<T>(&mut self, ended: &Result<T, Failed>, messages: &[&[Outgoing<'_>]]) {
        let places = messages.iter().copied().flatten().map(|m| (m.topic.to_owned(), m.partition));
        match ended {
            Ok(_) if self.aborted.is_empty() => {}
            Ok(_) => places.for_each(|place| drop(self.aborted.take(&place))),
            Err(_) => self.aborted.extend(places),
        }
    }
}

impl std::fmt::Debug for Transactions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transactions").finish_non_exhaustive()
    }
}

impl Transactions {
    /// Takes the name over: whoever had it is fenced, and what it left undecided is decided.
    pub(crate) fn take_over(cluster: &Cluster) -> Result<Self, KafkaBusError> {
        let reports = Reports::default();
        let producer = cluster.producer(reports.clone())?;
        producer.init_transactions(cluster.patience()).map_err(|error| cluster.sorted(&error))?;
        Ok(Self { producer, reports, patience: cluster.patience(), turn: Mutex::default() })
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        // What a panic left open the next transaction aborts.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a mend left it unknown what became of it.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.turn().in_doubt
    }

    /// Mends nothing more; a mend that is underway is waited for.
    pub(crate) fn retire(&self) {
        self.turn().retired = true;
    }

    /// One transaction: `first`, then what `second` makes of the offsets of `first`. Returns the
    /// offsets of both.
    ///
    /// # Errors
    /// [`Failed`]. A call that failed before it asked to commit left nothing behind.
    pub(crate) fn run<'a>(
        &self,
        cluster: &Cluster,
        first: &[Outgoing<'_>],
        second: impl FnOnce(&[i64]) -> Vec<Outgoing<'a>>,
    ) -> Result<(Vec<i64>, Vec<i64>), Failed> {
        let (mut turn, patience) = (self.turn(), self.patience);
        let mut then = Vec::new();
        let produced = self.begin(first, patience).and_then(|events| {
            then = second(&events);
            Ok((events, self.send(&then, patience)?))
        });
        let ended = match produced {
            Err(error) => Err(self.abort(cluster, first, &error, patience)),
            Ok(offsets) => match self.commit(patience) {
                Ok(()) => Ok(offsets),
                Err(error) => Err(self.after_commit(cluster, &error, patience)),
            },
        };
        turn.note(&ended, &[first, &then]);
        ended
    }

    /// Ends a transaction in a partition with a message that says nothing, which ends what a server forgot
    /// to end there of the one before: in the same way.
    ///
    /// # Errors
    /// [`Failed`].
    pub(crate) fn mend(
        &self,
        cluster: &Cluster,
        (topic, partition): (&str, i32),
        at: Timestamp,
    ) -> Result<(), Failed> {
        let (mut turn, patience) = (self.turn(), self.patience.min(MEND_PATIENCE));
        if turn.retired || turn.in_doubt {
            return Ok(());
        }
        let stored_at_ms = at.0 / 1_000_000;
        let nothing = [Outgoing { topic, partition, key: MEND, payload: b"", stored_at_ms }];
        let was_aborted = turn.aborted.contains(&(topic.to_owned(), partition));
        let ended = match self.begin(&nothing, patience) {
            Err(error) => Err(self.abort(cluster, &nothing, &error, patience)),
            Ok(_) if was_aborted => self
                .producer
                .abort_transaction(patience)
                .map_err(|error| Failed::Undecided(cluster.sorted(&error))),
            Ok(_) => self.commit(patience).map_err(|e| self.after_commit(cluster, &e, patience)),
        };
        turn.in_doubt = matches!(ended, Err(Failed::Undecided(_)));
        if !was_aborted {
            turn.note(&ended, &[&nothing]);
        }
        ended
    }

    fn begin(&self, messages: &[Outgoing<'_>], patience: Duration) -> Result<Vec<i64>, KafkaError> {
        self.producer.begin_transaction()?;
        self.send(messages, patience)
    }

    /// Sends messages and waits until the servers have them.
    fn send(&self, messages: &[Outgoing<'_>], patience: Duration) -> Result<Vec<i64>, KafkaError> {
        let generation = self.reports.0.begin(messages.len());
        for (number, message) in messages.iter().enumerate() {
            let ticket = (generation as usize) << 32 | number;
            let mut record = BaseRecord::with_opaque_to(message.topic, ticket)
                .partition(message.partition)
                .key(message.key)
                .payload(message.payload)
                .timestamp(message.stored_at_ms);
            while let Err((error, back)) = self.producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error);
                }
                // Back-pressure: reports make room.
                record = back;
                self.await_report()?;
            }
        }
        self.await_all(patience)
    }

    fn await_report(&self) -> Result<(), KafkaError> {
        let delivery = self.reports.0.delivery();
        let before = delivery.pending;
        let (delivery, waited) = self
            .reports
            .0
            .changed
            .wait_timeout_while(delivery, Duration::from_millis(2), |d| {
                d.pending == before && d.failed.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        let _ = waited;
        delivery.failed.clone().map_or(Ok(()), Err)
    }

    fn await_all(&self, patience: Duration) -> Result<Vec<i64>, KafkaError> {
        let delivery = self.reports.0.delivery();
        let (mut delivery, waited) = self
            .reports
            .0
            .changed
            .wait_timeout_while(delivery, patience, |d| d.pending > 0 && d.failed.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = delivery.failed.take() {
            return Err(error);
        }
        if waited.timed_out() {
            return Err(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut));
        }
        Ok(std::mem::take(&mut delivery.offsets))
    }

    /// Asks to commit until there is an answer or no patience left.
    fn commit(&self, patience: Duration) -> Result<(), KafkaError> {
        // The client counts a message as underway a moment longer than its report takes; committing
        // then waits for a tenth of a second.
        while self.producer.in_flight_count() > 0 {
            std::thread::yield_now();
        }
        let mut left = 3;
        loop {
            match self.producer.commit_transaction(patience / 3) {
                Err(KafkaError::Transaction(error)) if error.is_retriable() && left > 1 => {
                    left -= 1;
                }
                ended => return ended,
            }
        }
    }

    /// What a commit that failed means.
    fn after_commit(&self, cluster: &Cluster, error: &KafkaError, patience: Duration) -> Failed {
        if let KafkaError::Transaction(reason) = error
            && reason.txn_requires_abort()
        {
            return self.abort(cluster, &[], error, patience);
        }
        match cluster.sorted(error) {
            fenced @ KafkaBusError::Fenced { .. } => Failed::Aborted(fenced),
            _ => Failed::Undecided(KafkaBusError::Undecided { why: said(error) }),
        }
    }

    /// Nothing asked for a commit yet, so whatever becomes of this, nothing becomes visible.
    fn abort(
        &self,
        cluster: &Cluster,
        first: &[Outgoing<'_>],
        error: &KafkaError,
        patience: Duration,
    ) -> Failed {
        let fatal = self.producer.client().fatal_error();
        let aborted = match &fatal {
            Some(_) => false,
            None => self.producer.abort_transaction(patience).is_ok(),
        };
        let code = error.rdkafka_error_code();
        let fatal_code = fatal.as_ref().map(|(code, _)| *code);
        let sorted = if is_too_large(code) {
            let bytes = first.iter().map(|message| message.payload.len()).max().unwrap_or(0);
            KafkaBusError::TooLarge { bytes, why: said(error) }
        } else if let Some(code) = fatal_code {
            cluster.sorted(&KafkaError::Global(code))
        } else {
            match cluster.sorted(error) {
                KafkaBusError::Unreachable { why, .. } if aborted => KafkaBusError::Aborted { why },
                other => other,
            }
        };
        match sorted {
            sorted if aborted || matches!(sorted, KafkaBusError::Fenced { .. }) => {
                Failed::Aborted(sorted)
            }
            // The next call takes the name over again, which aborts what is left of this one.
            sorted => Failed::Undecided(sorted),
        }
    }
}

const fn is_too_large(code: Option<RDKafkaErrorCode>) -> bool {
    matches!(
        code,
        Some(RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize)
    )
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::Options;

    fn message(topic: &str) -> Outgoing<'_> {
        Outgoing { topic, partition: 0, key: MEND, payload: b"", stored_at_ms: 0 }
    }

    /// A mend ends as the last transaction of its partition did, whatever became of others since.
    #[test]
    fn where_the_last_transaction_was_aborted_is_known_until_one_is_committed_there() {
        let (one, two) = ([message("one")], [message("two")]);
        let (one, two): (&[Outgoing<'_>], &[Outgoing<'_>]) = (&one, &two);
        let aborted = || Err::<(), _>(Failed::Aborted(KafkaBusError::Closed));
        let mut turn = Turn::default();
        turn.note(&Ok(()), &[one, two]);
        assert!(turn.aborted.is_empty());
        turn.note(&aborted(), &[one, two]);
        turn.note(&Ok(()), &[two]);
        assert_eq!(turn.aborted, [("one".to_owned(), 0)].into());
        turn.note(&Ok(()), &[one]);
        assert!(turn.aborted.is_empty());
    }

    /// Whoever lets go of a name, or does not know what became of a mend, writes nothing more with it.
    #[test]
    fn nothing_is_mended_by_who_has_let_go_of_the_name_or_is_in_doubt() {
        let servers = MockCluster::new(1).unwrap();
        let cluster = Cluster::new(Options::new(&servers.bootstrap_servers(), "blotter", "test"));
        let order = cluster.names.order();
        servers.create_topic(order, 1, 1).unwrap();
        let observer = cluster.observer().unwrap();
        let end = || cluster.reach(&observer, order, 0).unwrap().1;
        let transactions = Transactions::take_over(&cluster).unwrap();
        let mend = || transactions.mend(&cluster, (order, 0), Timestamp(0)).unwrap();
        mend();
        let mended = end();
        assert!(mended > 0);
        transactions.turn().in_doubt = true;
        mend();
        assert!(transactions.is_in_doubt());
        transactions.turn().in_doubt = false;
        transactions.retire();
        mend();
        assert_eq!(end(), mended);
    }
}
