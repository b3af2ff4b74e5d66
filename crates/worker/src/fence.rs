//! Where the code of a task changed.

use event::{Digest, Label, Source, operations::AgentStarted};

use crate::Task;

/// The place from which the code of today decides, and where its numbers go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Inputs below this index of the log were decided by the version before, and are never decided
    /// again: not what it answered, and not what it took in silence.
    pub index: u64,
    /// The last sequence the version before emitted.
    pub last_seq: u64,
    /// The last timer it asked for.
    pub last_timer: u64,
}

/// What the log says of the starts of a task. It is told in the order of the log, and knows the last
/// change of code or configuration.
///
/// The fence lies behind the last input that the log shows as decided, not at the end of the log: what
/// a crash left undecided (a proposal, a timer that fired) is owed an answer, and the version that
/// comes next gives it.
#[derive(Clone, Debug)]
pub struct Fences {
    task: Source,
    last_seq: u64,
    last_timer: u64,
    made_of: Option<(Label, Digest)>,
    fence: Option<Fence>,
}

impl Fences {
    /// A task of which nothing is known yet.
    #[must_use]
    pub const fn of(task: Source) -> Self {
        Self { task, last_seq: 0, last_timer: 0, made_of: None, fence: None }
    }

    /// A task restored from a snapshot that this version took: everything before is behind it.
    #[must_use]
    pub fn restored(task: &Task, config: Digest) -> Self {
        Self {
            task: task.source(),
            last_seq: task.last_seq(),
            last_timer: task.last_timer(),
            made_of: Some((task.version(), config)),
            fence: None,
        }
    }

    /// Takes note of an event of the task's own, by its number.
    pub fn emitted(&mut self, source_seq: u64) {
        self.last_seq = self.last_seq.max(source_seq);
    }

    /// Takes note of a timer that the task asked for, by its number.
    pub fn asked(&mut self, request: u64) {
        self.last_timer = self.last_timer.max(request);
    }

    /// Takes note of a start that is in the log.
    pub fn started(&mut self, start: &AgentStarted) {
        if start.task != self.task {
            return;
        }
        if self.is_change(start.version, start.config) {
            let (last_seq, last_timer) = (self.last_seq, self.last_timer);
            self.fence = Some(Fence { index: start.fence_index, last_seq, last_timer });
        }
        self.made_of = Some((start.version, start.config));
    }

    /// Whether this code, or its configuration, is another than at the last start in the log.
    #[must_use]
    pub fn is_change(&self, version: Label, config: Digest) -> bool {
        self.made_of.is_some_and(|made_of| made_of != (version, config))
    }

    /// What a start of this version tells the log, once the log was gone through to its end; `through`
    /// is the last input that it shows the task to have decided.
    pub fn start(
        &mut self,
        epoch: u64,
        version: Label,
        config: Digest,
        through: Option<u64>,
    ) -> AgentStarted {
        let fence_index = through.map_or(0, |last| last + 1);
        let start = AgentStarted { task: self.task, epoch, version, config, fence_index };
        self.started(&start);
        start
    }

    /// The last change; `None` where one version made everything.
    #[must_use]
    pub const fn fence(&self) -> Option<Fence> {
        self.fence
    }
}
