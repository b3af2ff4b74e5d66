//! Reads the log once, decodes every event once, and hands it to every thread in order.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use bus::Entry;
use worker::Delivery;

use super::{
    super::PipelineError,
    shared::{PATIENCE, Shared},
};

/// Deliveries that may wait for a thread; the distributor waits beyond that.
const WAITING_MAX: usize = 4096;

/// A bounded queue to one thread.
pub(super) fn queue() -> (SyncSender<Delivery>, Receiver<Delivery>) {
    sync_channel(WAITING_MAX)
}

/// Starts handing out the log from its beginning.
pub(super) fn start(shared: Arc<Shared>, queues: Vec<SyncSender<Delivery>>) -> JoinHandle<()> {
    std::thread::spawn(move || shared.answer_for(|| distribute(&shared, &queues)))
}

fn distribute(shared: &Shared, queues: &[SyncSender<Delivery>]) -> Result<(), PipelineError> {
    let mut reader = shared.reader()?;
    reader.seek(0)?;
    let mut next = 0;
    while !shared.has_ended() {
        if reader.wait(next, PATIENCE)? <= next {
            continue;
        }
        for entry in reader.next_entries()? {
            let index = entry.index();
            if let Entry::Event(delivered) = entry {
                let delivery = Delivery {
                    index,
                    event: delivered.record.event()?,
                    bytes: delivered.record.bytes().clone(),
                };
                for queue in queues {
                    shared.handed_out();
                    if queue.send(delivery.clone()).is_err() {
                        return gone(shared);
                    }
                }
            }
            next = index + 1;
        }
        shared.distributed_to(next);
    }
    Ok(())
}

/// A thread takes nothing more: that is how a run ends, and a loss before its end.
fn gone(shared: &Shared) -> Result<(), PipelineError> {
    if shared.has_ended() { Ok(()) } else { Err(PipelineError::ThreadLost) }
}
