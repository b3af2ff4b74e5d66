//! Reads the log once, decodes every event once, and hands it to every thread in order.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use bus::{Entry, Foreign, Progress};
use event::{Source, Timestamp};
use worker::Delivery;

use super::{
    super::PipelineError,
    clock::SessionClock,
    shared::{PATIENCE, Shared},
};

/// Deliveries that may wait for a thread; the distributor waits beyond that.
const WAITING_MAX: usize = 4096;

/// What a thread is handed.
#[derive(Clone, Debug)]
pub(super) enum Handed {
    /// An event.
    Event(Delivery),
    /// A progress record of the thread's own task.
    Progress {
        /// Its index in the log.
        index: u64,
        /// What it says.
        progress: Arc<Progress>,
    },
}

/// The way to one thread.
pub(super) struct Outlet {
    /// The task whose progress it is told.
    pub(super) task: Option<Source>,
    pub(super) queue: SyncSender<Handed>,
}

/// A bounded queue to one thread.
pub(super) fn queue() -> (SyncSender<Handed>, Receiver<Handed>) {
    sync_channel(WAITING_MAX)
}

/// What others wrote, and the time of the log where it stands.
pub(super) type Stranger = (Foreign, Timestamp);

/// Starts handing out the log from its beginning. `shows` is a clock that goes by the log; what others
/// wrote goes to `strangers`, where somebody judges it.
pub(super) fn start(
    shared: Arc<Shared>,
    outlets: Vec<Outlet>,
    shows: Option<Arc<SessionClock>>,
    strangers: Option<Sender<Stranger>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let strangers = strangers.as_ref();
        shared.answer_for(|| distribute(&shared, &outlets, shows.as_deref(), strangers));
    })
}

fn distribute(
    shared: &Shared,
    outlets: &[Outlet],
    shows: Option<&SessionClock>,
    strangers: Option<&Sender<Stranger>>,
) -> Result<(), PipelineError> {
    let mut time = Timestamp(i64::MIN);
    let mut reader = shared.reader()?;
    reader.seek(0)?;
    let mut next = 0;
    while !shared.has_ended() {
        if reader.wait(next, PATIENCE)? <= next {
            continue;
        }
        for entry in reader.next_entries()? {
            let index = entry.index();
            next = index + 1;
            let (handed, task) = match entry {
                Entry::Foreign(foreign) => {
                    // Who mints roots may have ended; then the next start finds it in the log.
                    let _ = strangers.map(|strangers| strangers.send((foreign, time)));
                    continue;
                }
                Entry::Event(delivered) => {
                    let event = delivered.record.event()?;
                    time = time.max(event.time);
                    if let Some(clock) = shows {
                        clock.show(event.time);
                    }
                    let bytes = delivered.record.bytes().clone();
                    (Handed::Event(Delivery { index, event, bytes }), None)
                }
                Entry::Progress { progress, .. } => {
                    let task = Some(progress.source);
                    (Handed::Progress { index, progress: Arc::new(progress) }, task)
                }
            };
            let wants = |outlet: &&Outlet| task.is_none() || outlet.task == task;
            for outlet in outlets.iter().filter(wants) {
                shared.handed_out();
                if outlet.queue.send(handed.clone()).is_err() {
                    return gone(shared);
                }
            }
        }
        shared.distributed_to(next);
    }
    Ok(())
}

/// A thread takes nothing more: that is how a run ends, and a loss before its end.
fn gone(shared: &Shared) -> Result<(), PipelineError> {
    if shared.has_ended() { Ok(()) } else { Err(PipelineError::ThreadLost) }
}
