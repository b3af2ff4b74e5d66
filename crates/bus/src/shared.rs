//! One writer, called from several threads.
//!
//! Whoever finds the writer free writes; calls that come meanwhile wait, and the next to write takes all of
//! them along. So the write in progress is the window in which calls gather: there is no timer, no thread in
//! between, and who is alone waits for nobody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{BusError, Position, Unit};

/// What one call of commit is answered: for every unit the positions of its outputs.
pub type Answer = Result<Vec<Vec<Position>>, BusError>;

/// Who writes calls, several at once.
pub trait Commits {
    /// Commits the units of every call, and answers each.
    fn commit(&mut self, calls: &[&[Unit]]) -> Vec<Answer>;
}

/// A writer, and the calls that wait for it.
#[derive(Debug)]
pub struct SharedWriter<W> {
    writer: Mutex<W>,
    waiting: Mutex<Vec<Call>>,
}

/// A call that waits for whoever writes next.
#[derive(Debug)]
struct Call {
    units: Vec<Unit>,
    answer: Arc<Mutex<Option<Answer>>>,
}

impl<W: Commits> SharedWriter<W> {
    /// Shares a writer.
    #[must_use]
    pub fn new(writer: W) -> Self {
        Self { writer: Mutex::new(writer), waiting: Mutex::default() }
    }

    /// The writer, once nobody writes.
    pub fn lock(&self) -> MutexGuard<'_, W> {
        // Who only looks finds at worst what a panic left half taken in; nobody writes on it.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits units together with every call that waits.
    ///
    /// # Errors
    /// [`BusError`]; [`BusError::Poisoned`] once a thread has panicked while it had the writer: what it left
    /// taken in and not written would be taken for stored.
    pub fn commit(&self, units: Vec<Unit>) -> Answer {
        let answer = Arc::new(Mutex::new(None));
        self.waiting().push(Call { units, answer: Arc::clone(&answer) });
        let mut writer = self.lock();
        // Whoever held the writer before may have taken this call along.
        if let Some(answer) = take(&answer) {
            return answer;
        }
        if self.writer.is_poisoned() {
            return Err(BusError::Poisoned);
        }
        let waiting = std::mem::take(&mut *self.waiting());
        let calls: Vec<&[Unit]> = waiting.iter().map(|call| call.units.as_slice()).collect();
        give(&waiting, writer.commit(&calls));
        take(&answer).unwrap_or(Err(BusError::Poisoned))
    }

    /// As [`SharedWriter::commit`], for who has the writer already.
    ///
    /// # Errors
    /// [`BusError`].
    pub fn commit_with(&self, writer: &mut W, units: &[Unit]) -> Answer {
        if self.writer.is_poisoned() {
            return Err(BusError::Poisoned);
        }
        let waiting = std::mem::take(&mut *self.waiting());
        if waiting.is_empty() {
            return writer.commit(&[units]).pop().unwrap_or(Err(BusError::Poisoned));
        }
        let mut calls = vec![units];
        calls.extend(waiting.iter().map(|call| call.units.as_slice()));
        let mut answers = writer.commit(&calls).into_iter();
        let own = answers.next().unwrap_or(Err(BusError::Poisoned));
        give(&waiting, answers);
        own
    }

    /// How many calls wait for whoever writes next.
    #[must_use]
    pub fn calls_waiting(&self) -> usize {
        self.waiting().len()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Call>> {
        // A list, changed in one step.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give(waiting: &[Call], answers: impl IntoIterator<Item = Answer>) {
    for (call, answer) in waiting.iter().zip(answers) {
        *call.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }
}

fn take(answer: &Mutex<Option<Answer>>) -> Option<Answer> {
    answer.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use event::Source;

    use super::*;

    /// Notes how many calls it was given at once; a unit of source `x/panic` ends the thread.
    #[derive(Default)]
    struct Noting(Vec<usize>);

    impl Commits for Noting {
        fn commit(&mut self, calls: &[&[Unit]]) -> Vec<Answer> {
            self.0.push(calls.len());
            assert!(calls.iter().all(|units| units[0].source.as_str() != "x/panic"), "as asked");
            calls.iter().map(|units| Ok(vec![Vec::new(); units.len()])).collect()
        }
    }

    fn units(source: &str, count: usize) -> Vec<Unit> {
        vec![Unit::of_roots(Source::new(source).unwrap(), Vec::new()); count]
    }

    #[test]
    fn calls_that_wait_are_written_together_and_each_is_given_its_own_answer() {
        let shared = SharedWriter::new(Noting::default());
        let mut held = shared.lock();
        std::thread::scope(|scope| {
            let callers: Vec<_> = (1..=5)
                .map(|count| {
                    let shared = &shared;
                    (count, scope.spawn(move || shared.commit(units("x/call", count))))
                })
                .collect();
            while shared.calls_waiting() < 5 {
                std::thread::yield_now();
            }
            let own = shared.commit_with(&mut held, &units("x/own", 7)).unwrap();
            assert_eq!(own.len(), 7);
            drop(held);
            for (count, caller) in callers {
                assert_eq!(caller.join().unwrap().unwrap().len(), count);
            }
        });
        assert_eq!(shared.lock().0, [6], "all at once");
        assert_eq!(shared.commit(units("x/alone", 1)).unwrap().len(), 1);
        assert_eq!(shared.lock().0, [6, 1]);
    }

    #[test]
    fn nobody_writes_on_what_a_panic_left() {
        let shared = SharedWriter::new(Noting::default());
        let held = shared.lock();
        let (panicked, told) = std::thread::scope(|scope| {
            let first = scope.spawn(|| shared.commit(units("x/panic", 1)));
            let second = scope.spawn(|| shared.commit(units("x/call", 1)));
            while shared.calls_waiting() < 2 {
                std::thread::yield_now();
            }
            drop(held);
            let ended = [first.join(), second.join()];
            let panicked = ended.iter().filter(|ended| ended.is_err()).count();
            let told =
                ended.into_iter().flatten().all(|ended| matches!(ended, Err(BusError::Poisoned)));
            (panicked, told)
        });
        assert_eq!((panicked, told), (1, true));
        assert!(matches!(shared.commit(units("x/next", 1)), Err(BusError::Poisoned)));
        let mut writer = shared.lock();
        let own = shared.commit_with(&mut writer, &units("x/own", 1));
        assert!(matches!(own, Err(BusError::Poisoned)));
        assert_eq!(writer.0.len(), 1, "nothing more was written");
    }
}
