//! A replica of a task: it follows what another process decides, and takes the task over when it stands
//! still.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use event::{Digest, Source};
use worker::Task;

use super::{
    super::PipelineError,
    clock::SessionClock,
    distributor::Handed,
    elsewhere::{in_words, nanos},
    seat::{Loss, Seat, recovered, timer_of},
    shared::{PATIENCE, Shared},
    tenure::Tenure,
    watch::Told,
    work::StandsBy,
};
use crate::app::Factory;

/// How long a claim may wait before its name is taken away from whom it is claimed from: a worker that
/// died in the middle of a unit may have left it undecided.
const CLAIM_PATIENCE: Duration = Duration::from_secs(2);

/// A replica on its thread.
pub(super) struct Standby {
    standby: worker::Standby,
    make: Factory,
    config: Digest,
    stands_by: StandsBy,
    shared: Arc<Shared>,
    clock: Arc<SessionClock>,
    tell: fn(Told<'_>),
}

impl Standby {
    /// Replicas that know where the log says that their tasks are: it is read once for all of them.
    pub(super) fn all(
        makes: &[Factory],
        config: Digest,
        stands_by: &StandsBy,
        shared: &Arc<Shared>,
        clock: &Arc<SessionClock>,
        tell: fn(Told<'_>),
    ) -> Result<Vec<Self>, PipelineError> {
        let tasks = makes.iter().map(|make| Task::new(make())).collect::<Result<Vec<_>, _>>()?;
        let (seats, known) = recovered(tasks, shared)?;
        let standby = |(seat, make): (worker::Seat, &Factory)| Self {
            standby: worker::Standby::new(seat, known, nanos(stands_by.patience)),
            make: Arc::clone(make),
            config,
            stands_by: stands_by.clone(),
            shared: Arc::clone(shared),
            clock: Arc::clone(clock),
            tell,
        };
        Ok(seats.into_iter().zip(makes).map(standby).collect())
    }

    /// The task.
    pub(super) const fn task(&self) -> Source {
        self.standby.seat().source()
    }

    /// Follows the task, and decides it once it was taken over.
    pub(super) fn start(self, received: Receiver<Handed>) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || shared.answer_for(|| self.work(&received)))
    }

    fn work(mut self, received: &Receiver<Handed>) -> Result<(), PipelineError> {
        let Some(tenure) = self.follow(received)? else { return Ok(()) };
        let Self { standby, make, config, shared, clock, tell, .. } = self;
        let (seat, waiting) = standby.take_over();
        tell(Told::Holds(seat.source(), tenure.epoch()));
        Seat::seated(seat, make, tenure, Loss::IsTold(tell), shared, clock)
            .go_on(config, waiting, received)
    }

    /// Follows until the task is this process's: it was claimed, and all that stands before the claim was
    /// read. `None` when the end comes first.
    fn follow(&mut self, received: &Receiver<Handed>) -> Result<Option<Tenure>, PipelineError> {
        let task = self.task();
        let mut tenure: Option<Tenure> = None;
        while !self.shared.has_failed() {
            let handed = received.recv_timeout(PATIENCE);
            self.standby.at(self.clock.elapsed());
            match handed {
                Ok(Handed::Event(delivery)) => {
                    self.standby.event(delivery.index, &delivery.event);
                    self.shared.dealt_with();
                }
                Ok(Handed::Progress { index, progress }) => {
                    let asked = progress.timers().map(|timer| timer_of(task, timer));
                    self.standby.progress(index, progress.through(), asked);
                    self.shared.dealt_with();
                    if tenure.is_some_and(|tenure| tenure.epoch() <= progress.epoch) {
                        return Ok(tenure);
                    }
                }
                Err(RecvTimeoutError::Timeout) if !self.shared.has_ended() => {}
                Err(_) => return Ok(None),
            }
            if let Some(owed) = self.standby.overdue().filter(|_| tenure.is_none()) {
                (self.tell)(Told::TakesOver(task, &in_words(&owed)));
                tenure = Some(self.claim()?);
            }
        }
        Ok(None)
    }

    fn claim(&self) -> Result<Tenure, PipelineError> {
        let (claimed, waits) = channel::<()>();
        let fence = Arc::clone(&self.stands_by.fence);
        let helping = std::thread::spawn(move || {
            if waits.recv_timeout(CLAIM_PATIENCE) == Err(RecvTimeoutError::Timeout) {
                fence();
            }
        });
        let tenure = Tenure::claim(self.task(), &self.shared);
        drop(claimed);
        let _ = helping.join();
        tenure
    }
}
