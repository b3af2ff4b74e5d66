//! The path of one event, assembled: ingress, tasks, gateway, broker, log, journal.
//!
//! | file | what it holds |
//! |---|---|
//! | `ingress` | from source records to roots |
//! | `machine` | one scheduler over tasks, gateways and brokers |
//! | `stage` | units on their way to the log |
//! | `recover` | the machine as the log left it |
//! | `rest` | the machine at rest, so that a start need not deliver the whole log again |
//! | `broker_record` | the paper broker's record, which a log that knows of it cannot do without |
//! | `unread` | lines of the tape that would not become events |
//! | `fold` | what the log adds up to |
//! | `follow` | the journal, behind the log |
//! | `foreign` | what others wrote into the bus |
//! | `tape` | a whole run on recorded data, deterministic |
//! | `beside` | the same roots with other agents, in a directory of its own |
//! | `live` | the same agents free-running |

mod beside;
mod broker_record;
mod fold;
mod follow;
mod foreign;
mod ingress;
mod live;
mod machine;
mod recover;
mod rest;
mod stage;
mod tape;
mod unread;

pub(crate) use beside::{Beside, BesideRun};
pub(crate) use fold::Fold;
pub(crate) use follow::catch_up;
pub(crate) use ingress::{
    Numbering, OPERATOR, Submission, conflict, is_same, read_published, source_of,
};
pub(crate) use live::{Hosted, LiveEnd, LiveRun, StandsBy, Told, Work, run_live, work};
pub(crate) use tape::{INGRESS, TapeEnd, TapeRun, run_tape};
pub(crate) use unread::Unread;

use crate::data_dir::short;

/// Why a run cannot go on. What was accepted before is durable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PipelineError {
    /// The bus refused.
    #[error(transparent)]
    Bus(#[from] bus::BusError),
    /// The gateway or its broker failed.
    #[error(transparent)]
    Gateway(#[from] gateway::GatewayError),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] broker::BrokerError),
    /// The journal stopped.
    #[error(transparent)]
    Journal(#[from] forensics::JournalError),
    /// A control file cannot be used.
    #[error(transparent)]
    Control(#[from] crate::control::ControlError),
    /// The input cannot be read.
    #[error(transparent)]
    Feed(#[from] feed::FeedError),
    /// A name is too long.
    #[error("E7401 a name does not fit")]
    Name(#[from] event::LabelError),
    /// A task cannot be made.
    #[error(transparent)]
    Task(#[from] worker::TaskError),
    /// The engine put entries elsewhere than its single writer had placed them.
    #[error("E7402 the log goes on at {found}, not at {expected}: something else writes it")]
    Misplaced {
        /// Where it should go on.
        expected: u64,
        /// Where it goes on.
        found: u64,
    },
    /// A stored event cannot be read by this version.
    #[error("E7403 a stored event cannot be read")]
    Decode(#[from] event::DecodeError),
    /// An agent failed more often than it may be restarted.
    #[error(
        "E7405 {task} failed after {restarts} restarts; the run is halted, run again once it is mended"
    )]
    AgentFailed {
        /// The task.
        task: event::Source,
        /// Restarts in the window.
        restarts: u32,
    },
    /// A task of a run that hosts it itself.
    #[error(
        "E7408 the run on this bus decides {task} itself; start it with `run --live --without {}`",
        task_name(.task)
    )]
    NotShared {
        /// The task.
        task: event::Source,
    },
    /// A worker and the run it joins decide otherwise.
    #[error(
        "E7409 the run on this bus has other settings ({}) than this worker ({}); give both the same --config",
        short(*.theirs),
        short(*.ours)
    )]
    OtherSettings {
        /// The run's.
        theirs: event::Digest,
        /// Ours.
        ours: event::Digest,
    },
    /// A thread of a live run panicked, or would not end.
    #[error("E7406 a thread of the run was lost")]
    ThreadLost,
    /// The paper broker's record is gone, or its end is, and the log has what it reported.
    #[error(
        "E7407 {path} is gone, or a part of it, and the log holds {facts} facts of this broker; its record is \
         the only one of what is open there: restore it from a backup, or begin again with another --data"
    )]
    BrokerRecordLost {
        /// Where it should be.
        path: std::path::PathBuf,
        /// Events of the broker in the log.
        facts: u64,
    },
    /// The journal's thread ended without saying why.
    #[error("E7404 the journal's thread was lost")]
    FollowerLost,
}

/// What the command line calls a task.
fn task_name(task: &event::Source) -> &str {
    task.as_str().split('/').next().unwrap_or_default()
}
