//! What the fold met that cannot be right.

use alloc::string::{String, ToString};

use event::{
    AccountId, InstrumentId, Label, MoneyError, OrderId, body::Kind, books::AlertRaised,
    choices::Severity,
};

use crate::OrderState;

/// What the fold met that cannot be right; the assembly turns it into an alert.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// An order met an event that must not happen to it there; its state stays, executions count.
    #[error("order {order} is {from} and met {kind:?}", kind = .kind)]
    IllegalTransition {
        /// The order.
        order: OrderId,
        /// Where it stood.
        from: OrderState,
        /// What it met.
        kind: Kind,
    },
    /// An event about an order nothing was known of.
    #[error("order {order} is not known and met {kind:?}", kind = .kind)]
    UnknownOrder {
        /// The order.
        order: OrderId,
        /// What it met.
        kind: Kind,
    },
    /// An order executed more than its quantity.
    #[error("order {order} executed {cumulative} of {quantity}")]
    Overfilled {
        /// The order.
        order: OrderId,
        /// What it executed.
        cumulative: event::Amount,
        /// Its quantity.
        quantity: event::Amount,
    },
    /// An execution told again; it counts once.
    #[error("execution {exec_id} was told again and counts once")]
    DuplicateExecution {
        /// The execution.
        exec_id: Label,
    },
    /// An execution told again with other terms; the first stand.
    #[error("execution {exec_id} was told again with other terms; the first stand")]
    ConflictingExecution {
        /// The execution.
        exec_id: Label,
    },
    /// A bust or a correction of an execution nothing is known of; it is kept for when it comes.
    #[error("execution {exec_id} is not known and met {kind:?}", kind = .kind)]
    UnknownExecution {
        /// The execution.
        exec_id: Label,
        /// What it met.
        kind: Kind,
    },
    /// A fee, funding or transfer told again; it counts once.
    #[error("booking {booking} was told again and counts once")]
    DuplicateBooking {
        /// The booking.
        booking: Label,
    },
    /// An execution in an instrument without a definition: its quantity counts, its money waits.
    #[error("instrument {instrument} is not defined; the money of its executions waits")]
    UnknownInstrument {
        /// The instrument.
        instrument: InstrumentId,
    },
    /// An amount left the range of its type and was not booked.
    #[error("{kind:?} was not booked: {error}", kind = .kind)]
    NotBooked {
        /// What carried it.
        kind: Kind,
        /// Why.
        error: MoneyError,
    },
}

impl Finding {
    /// The alert's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::IllegalTransition { .. } => "IllegalTransition",
            Self::UnknownOrder { .. } => "UnknownOrder",
            Self::Overfilled { .. } => "Overfilled",
            Self::DuplicateExecution { .. } => "DuplicateExecution",
            Self::ConflictingExecution { .. } => "ConflictingExecution",
            Self::UnknownExecution { .. } => "UnknownExecution",
            Self::DuplicateBooking { .. } => "DuplicateBooking",
            Self::UnknownInstrument { .. } => "UnknownInstrument",
            Self::NotBooked { .. } => "NotBooked",
        }
    }

    /// How loud: a repeat is expected and counted, what touches money is critical.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::DuplicateExecution { .. } | Self::DuplicateBooking { .. } => Severity::Info,
            Self::IllegalTransition { .. }
            | Self::UnknownOrder { .. }
            | Self::UnknownExecution { .. } => Severity::Warning,
            Self::Overfilled { .. }
            | Self::ConflictingExecution { .. }
            | Self::UnknownInstrument { .. }
            | Self::NotBooked { .. } => Severity::Critical,
        }
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::IllegalTransition { order, .. }
            | Self::UnknownOrder { order, .. }
            | Self::Overfilled { order, .. } => order.to_string(),
            Self::DuplicateExecution { exec_id }
            | Self::ConflictingExecution { exec_id }
            | Self::UnknownExecution { exec_id, .. } => exec_id.to_string(),
            Self::DuplicateBooking { booking } => booking.to_string(),
            Self::UnknownInstrument { instrument } => instrument.to_string(),
            Self::NotBooked { kind, .. } => kind.as_str().into(),
        }
    }

    /// The alert that makes it visible on the bus.
    #[must_use]
    pub fn alert(&self, account: Option<AccountId>) -> Option<AlertRaised> {
        Some(AlertRaised {
            alert: Label::new(self.name()).ok()?,
            severity: self.severity(),
            subject: self.subject(),
            detail: self.to_string(),
            account,
        })
    }
}
