//! What others wrote into the bus, judged by the one thread that mints roots.

use std::sync::{Arc, mpsc::Receiver};

use bus::{Record, Topology, Unit};
use event::{Event, Timestamp, id::foreign_id};

use super::{
    super::{
        PipelineError,
        foreign::{Judge, Judged, Verdict, is_known},
        ingress::Numbering,
    },
    distributor::Stranger,
    shared::Shared,
};

/// Entries judged with one commit at most.
const ENTRIES_MAX: usize = 512;
/// Turns of ingress between two looks at what nobody of ours told of.
const TURNS: u32 = 10;

/// What waits, and who judges it.
pub(super) struct Strangers {
    received: Receiver<Stranger>,
    judge: Judge,
    shared: Arc<Shared>,
    topology: Topology,
    turns: u32,
}

impl Strangers {
    pub(super) fn resume(
        shared: &Arc<Shared>,
        received: Receiver<Stranger>,
    ) -> Result<Self, PipelineError> {
        let incarnation = shared.reader()?.incarnation();
        let judge = shared.with_bus(|bus| Judge::resume(incarnation, |of| bus.progress(of)))?;
        let (shared, topology) = (Arc::clone(shared), Topology::shipped());
        Ok(Self { received, judge, shared, topology, turns: 0 })
    }

    /// Looks from time to time for what others wrote where nobody of ours reads.
    pub(super) fn look(&mut self) -> Result<(), PipelineError> {
        self.turns = (self.turns + 1) % TURNS;
        if self.turns == 0 {
            let _ = self.shared.with_bus(|bus| bus.adopt())?;
        }
        Ok(())
    }

    /// Looks now.
    pub(super) fn look_at_once(&self) -> Result<(), PipelineError> {
        Ok(self.shared.with_bus(|bus| bus.adopt()).map(drop)?)
    }

    /// Judges what waits; false when nothing did. An event of it is stamped with `now`.
    pub(super) fn take_in(
        &mut self,
        numbering: &mut Numbering,
        now: Timestamp,
    ) -> Result<bool, PipelineError> {
        let mut units = Vec::new();
        let mut mark = None;
        while units.len() < ENTRIES_MAX
            && let Ok((foreign, log_time)) = self.received.try_recv()
        {
            if !self.judge.is_due(&foreign) {
                continue;
            }
            // The time of a quarantine follows from the log, so that it is the same told again.
            let told_at = if log_time == Timestamp(i64::MIN) { now } else { log_time };
            let verdict = match self.judge.judge(&foreign, numbering, now) {
                Judged::New(event) => {
                    numbering.observe(event.source, event.source_seq);
                    units.push(self.unit(*event));
                    None
                }
                Judged::Repeat(root) => {
                    // What it repeats may be among what is not stored yet.
                    self.shared.commit_all(&std::mem::take(&mut units))?;
                    let id = foreign_id(root.source, root.source_seq);
                    let stored = self.shared.with_bus(|bus| bus.lookup(id))?;
                    let stored = stored.map(|stored| stored.record.event()).transpose()?;
                    (!is_known(stored.as_deref(), &root)).then(|| Verdict::conflict(&root))
                }
                Judged::Quarantined(verdict) => Some(verdict),
            };
            if let Some(verdict) = verdict {
                let event = self.judge.quarantine(&foreign, verdict, numbering, told_at);
                units.push(self.unit(event));
            }
            mark = Some(self.judge.pass(&foreign));
        }
        if mark.is_none() {
            return Ok(false);
        }
        units.push(Unit { mark, ..Unit::of_roots(self.judge.source(), Vec::new()) });
        self.shared.commit_all(&units)?;
        Ok(true)
    }

    fn unit(&self, event: Event) -> Unit {
        let source = event.source;
        Unit::of_roots(source, vec![Record::of_event(Arc::new(event), &self.topology)])
    }
}
