//! The life of an order, as a table.

use event::wire::{DecodeError, Raw, Scalar, Vec, bad_value, serde_json::Value};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OrderState {
    /// An agent wants it.
    Proposed = 1,
    /// The risk gate refused it: terminal.
    Denied = 2,
    /// Approved, its exposure reserved.
    Approved = 3,
    /// Commanded to be sent.
    Commanded = 4,
    /// An attempt is durable and has no answer.
    Submitted = 5,
    /// The broker works it, nothing executed.
    Working = 6,
    /// The broker works what is left of it.
    PartiallyFilled = 7,
    /// Executed in all: terminal.
    Filled = 8,
    /// The rest was cancelled: terminal, though a late execution still applies.
    Cancelled = 9,
    /// The broker refused it: terminal.
    Rejected = 10,
    /// The rest expired: terminal, though a late execution still applies.
    Expired = 11,
    /// Never sent: terminal.
    Lapsed = 12,
    /// The outcome of its attempt is not known; it holds its exposure.
    Unknown = 13,
    /// A proposal to change another order, whose terms that order took over: terminal.
    Absorbed = 14,
    /// A proposal to change another order, which came to nothing: terminal.
    Released = 15,
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The risk gate approved it.
    Approve,
    /// The risk gate refused it.
    Deny,
    /// It is commanded to be sent.
    Command,
    /// The gateway is about to send it.
    Attempt,
    /// The broker works it.
    Accept,
    /// An execution leaves some of it.
    Fill,
    /// An execution leaves nothing of it.
    FillAll,
    /// An execution was taken back or made smaller.
    Unfill,
    /// The broker refused it.
    Reject,
    /// The broker cancelled the rest.
    Cancel,
    /// The broker expired the rest.
    Expire,
    /// It was not sent.
    Lapse,
    /// The outcome of sending it is not known.
    Lose,
    /// A cancel or a replace is asked for, attempted, refused, not sent, or lost.
    Change,
    /// The broker changed its terms.
    Replace,
    /// As a proposal to change another order: that order took its terms over.
    Absorb,
    /// As a proposal to change another order: it came to nothing.
    Release,
}

use OrderState as S;
use Step as T;

/// Every legal transition; what is not here becomes a finding and leaves the state as it is.
///
/// Facts cross: a cancel may come before the risk gate has answered, an acknowledgement after a fill, a
/// refusal to cancel after the end, an execution after a cancel, and a fact recovered from a snapshot is
/// met again when its report arrives. Those are legal and stand here.
///
/// Source: FIX 4.4 volume 4, appendix D, "Order State Change Matrices".
pub const TRANSITIONS: &[(OrderState, Step, OrderState)] = &[
    (S::Proposed, T::Approve, S::Approved),
    (S::Proposed, T::Deny, S::Denied),
    (S::Proposed, T::Change, S::Proposed),
    (S::Denied, T::Change, S::Denied),
    (S::Approved, T::Change, S::Approved),
    (S::Approved, T::Command, S::Commanded),
    (S::Approved, T::Absorb, S::Absorbed),
    (S::Approved, T::Release, S::Released),
    (S::Commanded, T::Attempt, S::Submitted),
    (S::Commanded, T::Lapse, S::Lapsed),
    (S::Commanded, T::Change, S::Commanded),
    (S::Lapsed, T::Change, S::Lapsed),
    (S::Submitted, T::Attempt, S::Submitted),
    (S::Submitted, T::Accept, S::Working),
    (S::Submitted, T::Fill, S::PartiallyFilled),
    (S::Submitted, T::FillAll, S::Filled),
    (S::Submitted, T::Reject, S::Rejected),
    (S::Submitted, T::Cancel, S::Cancelled),
    (S::Submitted, T::Expire, S::Expired),
    (S::Submitted, T::Lose, S::Unknown),
    (S::Submitted, T::Change, S::Submitted),
    (S::Unknown, T::Accept, S::Working),
    (S::Unknown, T::Fill, S::PartiallyFilled),
    (S::Unknown, T::FillAll, S::Filled),
    (S::Unknown, T::Reject, S::Rejected),
    (S::Unknown, T::Cancel, S::Cancelled),
    (S::Unknown, T::Expire, S::Expired),
    (S::Unknown, T::Lose, S::Unknown),
    (S::Unknown, T::Change, S::Unknown),
    (S::Working, T::Accept, S::Working),
    (S::Working, T::Fill, S::PartiallyFilled),
    (S::Working, T::FillAll, S::Filled),
    (S::Working, T::Unfill, S::Working),
    (S::Working, T::Reject, S::Rejected),
    (S::Working, T::Cancel, S::Cancelled),
    (S::Working, T::Expire, S::Expired),
    (S::Working, T::Lose, S::Working),
    (S::Working, T::Change, S::Working),
    (S::Working, T::Replace, S::Working),
    (S::PartiallyFilled, T::Accept, S::PartiallyFilled),
    (S::PartiallyFilled, T::Fill, S::PartiallyFilled),
    (S::PartiallyFilled, T::FillAll, S::Filled),
    (S::PartiallyFilled, T::Unfill, S::PartiallyFilled),
    (S::PartiallyFilled, T::Reject, S::Rejected),
    (S::PartiallyFilled, T::Cancel, S::Cancelled),
    (S::PartiallyFilled, T::Expire, S::Expired),
    (S::PartiallyFilled, T::Lose, S::PartiallyFilled),
    (S::PartiallyFilled, T::Change, S::PartiallyFilled),
    (S::PartiallyFilled, T::Replace, S::PartiallyFilled),
    (S::Filled, T::Accept, S::Filled),
    (S::Filled, T::Fill, S::Filled),
    (S::Filled, T::FillAll, S::Filled),
    (S::Filled, T::Unfill, S::Filled),
    (S::Filled, T::Lose, S::Filled),
    (S::Filled, T::Change, S::Filled),
    (S::Cancelled, T::Accept, S::Cancelled),
    (S::Cancelled, T::Fill, S::Cancelled),
    (S::Cancelled, T::FillAll, S::Filled),
    (S::Cancelled, T::Unfill, S::Cancelled),
    (S::Cancelled, T::Cancel, S::Cancelled),
    (S::Cancelled, T::Lose, S::Cancelled),
    (S::Cancelled, T::Change, S::Cancelled),
    (S::Expired, T::Fill, S::Expired),
    (S::Expired, T::FillAll, S::Filled),
    (S::Expired, T::Unfill, S::Expired),
    (S::Expired, T::Expire, S::Expired),
    (S::Expired, T::Change, S::Expired),
    (S::Rejected, T::Reject, S::Rejected),
    (S::Rejected, T::Change, S::Rejected),
];

impl OrderState {
    /// Every state, in order of its number.
    pub const ALL: [Self; 15] = [
        Self::Proposed,
        Self::Denied,
        Self::Approved,
        Self::Commanded,
        Self::Submitted,
        Self::Working,
        Self::PartiallyFilled,
        Self::Filled,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
        Self::Lapsed,
        Self::Unknown,
        Self::Absorbed,
        Self::Released,
    ];

    /// Where `step` leads from here, `None` when it must not happen here.
    #[must_use]
    pub fn after(self, step: Step) -> Option<Self> {
        TRANSITIONS.iter().find(|(from, by, _)| (*from, *by) == (self, step)).map(|row| row.2)
    }

    /// Whether nothing more is expected of the order.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        !matches!(
            self,
            Self::Proposed
                | Self::Approved
                | Self::Commanded
                | Self::Submitted
                | Self::Working
                | Self::PartiallyFilled
                | Self::Unknown
        )
    }

    /// Whether the order takes part in exposure: approved and not ended.
    #[must_use]
    pub const fn holds_exposure(self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Proposed)
    }

    /// Whether the broker may be working it.
    #[must_use]
    pub const fn is_at_broker(self) -> bool {
        matches!(self, Self::Submitted | Self::Working | Self::PartiallyFilled | Self::Unknown)
    }

    /// The name, as in breaks and on the terminal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "PROPOSED",
            Self::Denied => "DENIED",
            Self::Approved => "APPROVED",
            Self::Commanded => "COMMANDED",
            Self::Submitted => "SUBMITTED",
            Self::Working => "OPEN",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Cancelled => "CANCELLED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::Lapsed => "LAPSED",
            Self::Unknown => "UNKNOWN",
            Self::Absorbed => "ABSORBED",
            Self::Released => "RELEASED",
        }
    }
}

impl core::fmt::Display for OrderState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Scalar for OrderState {
    const PROTO: &'static str = "OrderState";
    fn put_always(&self, tag: u32, out: &mut Vec<u8>) {
        u32::from(*self as u8).put_always(tag, out);
    }
    fn read(raw: Raw<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let number = u32::read(raw, field)?;
        Self::ALL
            .into_iter()
            .find(|state| u32::from(*state as u8) == number)
            .ok_or_else(|| bad_value(field, "no state of an order"))
    }
    fn json(&self) -> Value {
        self.as_str().into()
    }
    fn of_json(value: &Value, field: &'static str) -> Result<Self, DecodeError> {
        Self::ALL
            .into_iter()
            .find(|state| value.as_str() == Some(state.as_str()))
            .ok_or_else(|| bad_value(field, "no state of an order"))
    }
}
