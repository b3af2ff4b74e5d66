//! Books and tasks made again from the log, and held against those that were carried.

use std::sync::Arc;

use event::Event;
use projection::Books;
use worker::Fence;

use crate::{
    invariant::{Invariant, Violation, require},
    part::{Part, Role},
    world::{SEATS, World, surprise},
};

impl World {
    /// Books folded again, with a snapshot on the way and every execution told twice, are those
    /// carried.
    pub(crate) fn books_again(&self, events: &[(u64, Arc<Event>)]) -> Result<(), Violation> {
        let mut books = Books::new();
        for (at, (_, event)) in events.iter().enumerate() {
            if at == events.len() / 2 {
                books = Books::restore(&books.snapshot()).map_err(surprise)?;
            }
            let _ = books.apply(event);
            // Gateway and bus tell an execution once; the fold must not depend on it.
            if event.body.kind() == event::Kind::OrderExecuted {
                let _ = books.apply(event);
            }
        }
        require(books.digest() == self.oracle.books.digest(), Invariant::BooksAgain, || {
            "folded again, the books are others".into()
        })
    }

    /// Every task run again says what it said, and holds what it holds; each build of it where it
    /// decided.
    pub(crate) fn tasks_again(&self, events: &[(u64, Arc<Event>)]) -> Result<(), Violation> {
        for place in SEATS..self.parts.len() {
            let source = self.task(place)?.source();
            let builds = self.oracle.builds.get(&source).cloned().unwrap_or_default();
            let mut said = events.iter().filter(|(_, event)| event.source == source);
            let mut fence = Fence { index: 0, last_seq: 0, last_timer: 0 };
            for (at, (first, build)) in builds.iter().enumerate() {
                let end = builds.get(at + 1).map_or(u64::MAX, |(next, _)| *next);
                let mut task = self.task_built(place, *build)?;
                let mut is_behind = false;
                fence.index = *first;
                for (index, event) in events {
                    if !task.wants(event) {
                        continue;
                    }
                    if index >= first && !is_behind {
                        is_behind = true;
                        task.go_on_behind(&fence);
                    }
                    let effects = task.step(event);
                    let decides = (*first..end).contains(index);
                    let Some(effects) = effects.filter(|_| decides) else { continue };
                    for again in effects.events {
                        let first = said.next();
                        let same = first.is_some_and(|(_, first)| **first == again);
                        require(same, Invariant::SameAgain, || {
                            format!("{source} on {index}: {first:?} and again {again:?}")
                        })?;
                        fence.last_seq = again.source_seq;
                    }
                    fence.last_timer += effects.timers.len() as u64;
                }
                if end < u64::MAX {
                    continue;
                }
                let Some(Part { role: Role::Seat(seat), .. }) = self.parts.get(place) else {
                    continue;
                };
                let same = seat.task().snapshot() == task.snapshot();
                require(same, Invariant::SameAgain, || {
                    format!("{source} holds another state than it holds again")
                })?;
            }
            require(said.next().is_none(), Invariant::SameAgain, || {
                format!("{source} said more than it says again")
            })?;
        }
        Ok(())
    }
}
