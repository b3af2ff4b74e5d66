//! Tasks run again over recorded inputs.

use std::collections::{BTreeMap, VecDeque};

use event::{Event, Source, TraceId};
use worker::{Fence, Task};

/// The first place where a run again differs from the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("E9001 {task} diverges at its event {source_seq}, journal index {index}, trace {trace}")]
pub struct Divergence {
    /// The task.
    pub task: Source,
    /// The sequence, within the task, of the event that differs.
    pub source_seq: u64,
    /// The journal index where the difference shows.
    pub index: u64,
    /// The trace it lies in.
    pub trace: TraceId,
    /// What the journal holds; `None` when the task emits something the journal does not hold.
    pub recorded: Option<Box<Event>>,
    /// What the task emits now; `None` when it emits nothing there.
    pub reran: Option<Box<Event>>,
}

/// What a run again compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Inputs delivered.
    pub delivered: u64,
    /// Events compared, all of them equal.
    pub compared: u64,
    /// Events of an earlier version or configuration, which the code of today need not say.
    pub earlier: u64,
}

/// Tasks run again.
pub struct Rerun {
    tasks: Vec<Runner>,
    by_source: BTreeMap<Source, usize>,
    tally: Tally,
}

struct Runner {
    task: Task,
    /// Where the code of today began to decide.
    fence: Option<Fence>,
    is_behind_fence: bool,
    /// Minted and not yet met in the journal, with the index of what triggered them.
    minted: VecDeque<(u64, Event)>,
}

impl Rerun {
    /// Runs these fresh tasks again. What lies below a task's fence it is told, as it was when it took
    /// over, and not asked to say again.
    #[must_use]
    pub fn new(tasks: Vec<Task>, fences: &BTreeMap<Source, Fence>) -> Self {
        let by_source = tasks.iter().enumerate().map(|(at, task)| (task.source(), at)).collect();
        let runner = |task: Task| Runner {
            fence: fences.get(&task.source()).copied(),
            is_behind_fence: false,
            task,
            minted: VecDeque::new(),
        };
        let tasks = tasks.into_iter().map(runner).collect();
        Self { tasks, by_source, tally: Tally::default() }
    }

    /// Whether the events of this source are emitted by a task that is run again.
    #[must_use]
    pub fn covers(&self, source: Source) -> bool {
        self.by_source.contains_key(&source)
    }

    /// Takes the next event of the journal: compares it when a task emitted it, then delivers it.
    ///
    /// # Errors
    /// The first [`Divergence`].
    pub fn event(
        &mut self,
        index: u64,
        bytes: &[u8],
        event: &Event,
    ) -> Result<(), Box<Divergence>> {
        if let Some(runner) =
            self.by_source.get(&event.source).and_then(|at| self.tasks.get_mut(*at))
        {
            if runner.fence.is_some_and(|fence| event.source_seq <= fence.last_seq) {
                self.tally.earlier += 1;
            } else {
                runner.compare(index, bytes, event)?;
                self.tally.compared += 1;
            }
        }
        for runner in &mut self.tasks {
            if runner.task.wants(event) {
                self.tally.delivered += 1;
                runner.deliver(index, event);
            }
        }
        Ok(())
    }

    /// Ends the run. `consumed` says through which index the record shows each task to have
    /// decided: what a task mints beyond that the record had no chance to hold.
    ///
    /// # Errors
    /// [`Divergence`] when a task emits, within what it had consumed, what the journal lacks.
    pub fn finish(self, consumed: &BTreeMap<Source, u64>) -> Result<Tally, Box<Divergence>> {
        for runner in &self.tasks {
            let source = runner.task.source();
            let through = consumed.get(&source).copied();
            if let Some((index, minted)) = runner.minted.front()
                && through.is_some_and(|through| *index <= through)
            {
                return Err(Box::new(Divergence {
                    task: source,
                    source_seq: minted.source_seq,
                    index: *index,
                    trace: minted.trace_id,
                    recorded: None,
                    reran: Some(Box::new(minted.clone())),
                }));
            }
        }
        Ok(self.tally)
    }
}

impl Runner {
    fn compare(&mut self, index: u64, bytes: &[u8], event: &Event) -> Result<(), Box<Divergence>> {
        let minted = self.minted.pop_front().map(|(_, minted)| minted);
        if minted.as_ref().is_some_and(|minted| minted.encode() == bytes) {
            return Ok(());
        }
        Err(Box::new(Divergence {
            task: event.source,
            source_seq: event.source_seq,
            index,
            trace: event.trace_id,
            recorded: Some(Box::new(event.clone())),
            reran: minted.map(Box::new),
        }))
    }

    fn deliver(&mut self, index: u64, event: &Event) {
        let is_decided = self.fence.is_some_and(|fence| index < fence.index);
        if let Some(fence) = self.fence.filter(|_| !is_decided && !self.is_behind_fence) {
            self.is_behind_fence = true;
            self.task.go_on_behind(&fence);
        }
        if let Some(effects) = self.task.step(event).filter(|_| !is_decided) {
            self.minted.extend(effects.events.into_iter().map(|minted| (index, minted)));
        }
    }
}
