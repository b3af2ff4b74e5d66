//! A task that another process decides, watched by the run: it halts trading when the task stands still.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::Duration,
};

use bus::{Entry, Progress};
use event::{Event, Source};
use worker::{Debt, Owed, Task, Watch};

use super::{
    super::PipelineError,
    clock::SessionClock,
    distributor::Handed,
    halting::Halting,
    seat::timer_of,
    shared::{PATIENCE, Shared},
    tenure::{Tenure, claim_of},
    watch::Told,
};
use crate::app::Factory;

/// How a task stands that another process decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hosted {
    pub(crate) task: Source,
    /// The claim it is decided under.
    pub(crate) epoch: u64,
    /// Whether the log waits for it.
    pub(crate) owes: bool,
    /// Whether it has let the log wait for too long.
    pub(crate) stands_still: bool,
}

/// How a run watches what it does not decide itself.
#[derive(Clone)]
pub(super) struct Watching {
    /// How long a task may owe something.
    pub(super) patience: Duration,
    pub(super) halting: Arc<Halting>,
    pub(super) tell: fn(Told<'_>),
}

/// A watched task.
pub(super) struct Elsewhere {
    /// Knows which events are the task's inputs, and steps over none of them.
    inputs: Task,
    watch: Watch,
    hosted: Hosted,
    /// What of the log was told to the watch already.
    known: u64,
    shared: Arc<Shared>,
    clock: Arc<SessionClock>,
    watching: Watching,
}

impl Elsewhere {
    /// Watches a task from the beginning of the log. Where nobody ever claimed it, it is claimed for
    /// nobody: from then on it is not the run's.
    pub(super) fn new(
        make: &Factory,
        shared: Arc<Shared>,
        clock: Arc<SessionClock>,
        watching: Watching,
    ) -> Result<Self, PipelineError> {
        let inputs = Task::new(make())?;
        let task = inputs.source();
        let mut epoch = claim_of(task, &shared);
        if epoch == 0 {
            epoch = Tenure::claim(task, &shared)?.epoch();
        }
        let watch = Watch::new(task, nanos(watching.patience));
        let hosted = Hosted { task, epoch, owes: false, stands_still: false };
        shared.hosted_elsewhere(hosted);
        Ok(Self { inputs, watch, hosted, known: 0, shared, clock, watching })
    }

    /// Watches a task that the run has just lost to another process.
    pub(super) fn of_lost(
        make: &Factory,
        shared: Arc<Shared>,
        clock: Arc<SessionClock>,
        watching: Watching,
    ) -> Result<Self, PipelineError> {
        let mut elsewhere = Self::new(make, Arc::clone(&shared), clock, watching)?;
        shared.each_entry(|entry| {
            let index = entry.index();
            match entry {
                Entry::Event(delivered) => elsewhere.event(index, &*delivered.record.event()?),
                Entry::Progress { progress, .. } => elsewhere.progress(&progress),
                Entry::Foreign(_) => {}
            }
            elsewhere.known = index + 1;
            Ok(true)
        })?;
        Ok(elsewhere)
    }

    /// The task.
    pub(super) const fn task(&self) -> Source {
        self.hosted.task
    }

    /// Watches until the run ends.
    pub(super) fn start(mut self, received: Receiver<Handed>) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || shared.answer_for(|| self.work(&received)))
    }

    pub(super) fn work(&mut self, received: &Receiver<Handed>) -> Result<(), PipelineError> {
        while !self.shared.has_failed() {
            let handed = received.recv_timeout(PATIENCE);
            self.watch.at(self.clock.elapsed());
            match handed {
                Ok(handed) => {
                    self.take(&handed);
                    self.show();
                    self.shared.dealt_with();
                }
                Err(RecvTimeoutError::Timeout) if !self.shared.has_ended() => self.show(),
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    fn take(&mut self, handed: &Handed) {
        match handed {
            Handed::Event(delivery) if delivery.index >= self.known => {
                self.event(delivery.index, &delivery.event);
            }
            Handed::Progress { index, progress } if *index >= self.known => {
                self.progress(progress);
            }
            _ => {}
        }
    }

    fn event(&mut self, index: u64, event: &Event) {
        self.watch.event(index, event, self.inputs.wants(event));
    }

    fn progress(&mut self, progress: &Progress) {
        let task = self.task();
        if progress.source != task {
            return;
        }
        if progress.epoch > self.hosted.epoch {
            self.hosted.epoch = progress.epoch;
            (self.watching.tell)(Told::Elsewhere(task, progress.epoch));
        }
        let asked = progress.timers().map(|timer| timer_of(task, timer));
        self.watch.progress(progress.through(), asked);
    }

    /// Says how the task stands, and halts trading once it stands still.
    fn show(&mut self) {
        let before = self.hosted;
        let overdue = self.watch.overdue();
        self.hosted.owes = self.watch.owes().is_some();
        self.hosted.stands_still = overdue.is_some();
        if let Some(owed) = overdue.filter(|_| !before.stands_still) {
            let owes = in_words(&owed);
            (self.watching.tell)(Told::StandsStill(self.task(), &owes));
            let claim = self.hosted.epoch;
            let task = self.task();
            self.watching.halting.halt(&format!(
                "{task} stands still, which another process decides under claim {claim}: {owes}"
            ));
        }
        if self.hosted != before {
            self.shared.hosted_elsewhere(self.hosted);
        }
    }
}

/// What a task owes, in words.
pub(super) fn in_words(owed: &Owed) -> String {
    let seconds = owed.for_ns / event::SECOND_NS;
    match owed.debt {
        Debt::Input(index) => format!("it has not taken entry {index} of the log for {seconds} s"),
        Debt::Timer(due) => format!("its timer of {due} has not fired for {seconds} s"),
    }
}

/// A patience as a watch counts it.
pub(super) fn nanos(patience: Duration) -> i64 {
    i64::try_from(patience.as_nanos()).unwrap_or(i64::MAX)
}
