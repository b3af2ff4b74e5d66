//! Control of trading, timers, and the life of the system's own parts.

use alloc::string::String;

use crate::{
    AccountId, Digest, Label, Source, Timestamp,
    body::choices::{OperatorVerb, Phase, QuarantineReason},
    message,
    wire::Blob,
};

message! {
    /// A timer a task asked for went off.
    TimerFired {
        /// The task.
        1 task: Source,
        /// The request's number within the task, from 1.
        2 request: u64,
        /// When it was due.
        3 due: Timestamp,
        /// What the task called it.
        4 name: Label,
    }

    /// A session calendar entered a phase.
    SessionPhaseChanged {
        /// The calendar.
        1 calendar: Label,
        /// The session's date, as 20240809.
        2 session_date: u32,
        /// The phase from now on.
        3 phase: Phase,
    }

    /// An operator asked for something.
    OperatorCommanded {
        /// What.
        1 verb: OperatorVerb,
        /// For one account; absent means all.
        2 account: Option<AccountId>,
        /// Who.
        3 actor: String,
        /// Why.
        4 reason: String,
        /// When the emergency journal took it, where it acted before it was logged.
        5 acted_at: Option<Timestamp>,
    }

    /// Trading stops: nothing that adds exposure is approved or sent.
    TradingHalted {
        /// One account; absent means all.
        1 account: Option<AccountId>,
        /// Why.
        2 reason: String,
        /// The agent or operator that halted it.
        3 by: String,
    }

    /// Trading goes on.
    TradingResumed {
        /// One account; absent means all.
        1 account: Option<AccountId>,
        /// Who.
        2 actor: String,
        /// Why.
        3 reason: String,
    }

    /// A resume was refused.
    ResumeRefused {
        /// One account; absent means all.
        1 account: Option<AccountId>,
        /// Who asked.
        2 actor: String,
        /// Why not.
        3 reason: String,
    }

    /// A task started.
    AgentStarted {
        /// The task.
        1 task: Source,
        /// Counts starts of this task's code and configuration: the durable fence.
        2 epoch: u64,
        /// The agent's code version.
        3 version: Label,
        /// Digest of its configuration.
        4 config: Digest,
        /// Inputs below this log index were decided by the starts before, and are never decided again.
        5 fence_index: u64,
    }

    /// A task stopped.
    AgentStopped {
        /// The task.
        1 task: Source,
        /// Whether it failed.
        2 failed: bool,
        /// Why.
        3 reason: String,
        /// How often it was restarted before.
        4 restarts: u32,
    }

    /// A worker is alive.
    Heartbeat {
        /// The worker.
        1 worker: Source,
        /// Events its tasks have consumed.
        2 consumed: u64,
        /// Events not yet consumed.
        3 lag_events: u64,
    }

    /// What would not become an event: its bytes and the reason.
    EventQuarantined {
        /// Where it came from.
        1 origin: Source,
        /// Which record there, from 0.
        2 record: u64,
        /// Why.
        3 reason: QuarantineReason,
        /// In words.
        4 detail: String,
        /// The bytes, the first 48 KiB of them.
        5 bytes: Blob,
        /// How many bytes there were.
        6 bytes_total: u64,
        /// SHA-256 of all of them.
        7 digest: Digest,
        /// Whether the key of the stream is parked until reconciled.
        8 parked: bool,
    }
}
