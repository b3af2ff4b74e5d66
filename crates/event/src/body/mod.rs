//! Bodies: what happened, one struct per kind.

pub mod books;
pub mod choices;
pub mod market;
pub mod operations;
pub mod trading;

use alloc::boxed::Box;

use books::*;
use choices::*;
use market::*;
use operations::*;
use trading::*;

use crate::{
    AccountId, DecodeError, InstrumentId, Key, OrderId, Quantity,
    wire::{Message, Raw, bytes_of, put_nested},
};

crate::nested!(
    Level,
    TickTier,
    Balance,
    OpeningPosition,
    Limit,
    BrokerOrder,
    BrokerExecution,
    BrokerPosition,
    BrokerBooking,
);

/// The families of kinds; a stream per family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// Market data, by instrument.
    Market = 1,
    /// Signals, by instrument.
    Signal = 2,
    /// Orders, by account.
    Order = 3,
    /// Executions, by account.
    Execution = 4,
    /// Account bookings, by account.
    Account = 5,
    /// Limits and breaches, by account.
    Risk = 6,
    /// Alerts.
    Alert = 7,
    /// Reconciliation, by account.
    Recon = 8,
    /// Control of trading and timers.
    Control = 9,
    /// The system's own life.
    Ops = 10,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 10] = [
        Self::Market,
        Self::Signal,
        Self::Order,
        Self::Execution,
        Self::Account,
        Self::Risk,
        Self::Alert,
        Self::Recon,
        Self::Control,
        Self::Ops,
    ];

    /// The name, as in subjects and counts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Market => "market",
            Self::Signal => "signal",
            Self::Order => "order",
            Self::Execution => "execution",
            Self::Account => "account",
            Self::Risk => "risk",
            Self::Alert => "alert",
            Self::Recon => "recon",
            Self::Control => "control",
            Self::Ops => "ops",
        }
    }

    /// The family of a number in a record header.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|family| *family as u8 == number)
    }
}

macro_rules! bodies {
    (@held $kind:ident) => { $kind };
    (@held $kind:ident boxed) => { Box<$kind> };
    ($( $family:ident { $( $tag:literal $kind:ident $($boxed:ident)?, )* } )*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body { $($(
            #[doc = concat!("See [`", stringify!($kind), "`].")]
            $kind(bodies!(@held $kind $($boxed)?)),
        )*)* }

        /// The kind of a body. Its number is its tag in the `oneof`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Kind { $($(
            #[doc = concat!("See [`", stringify!($kind), "`].")]
            $kind = $tag,
        )*)* }

        impl Kind {
            /// Every kind, in order of its number.
            pub const ALL: &'static [Self] = &[$($( Self::$kind, )*)*];

            /// The kind with this number.
            #[must_use]
            pub const fn of_number(number: u16) -> Option<Self> {
                match number { $($( $tag => Some(Self::$kind), )*)* _ => None }
            }

            /// The kind's name in the schema.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($( Self::$kind => stringify!($kind), )*)* }
            }

            /// The kind's family.
            #[must_use]
            pub const fn family(self) -> Family {
                match self { $($( Self::$kind => Family::$family, )*)* }
            }

            /// The fields of the kind's message.
            #[must_use]
            pub const fn fields(self) -> &'static [crate::wire::FieldText] {
                match self { $($( Self::$kind => <$kind as Message>::FIELDS, )*)* }
            }
        }

        impl Body {
            /// The body's kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $($( Self::$kind(_) => Kind::$kind, )*)* }
            }

            pub(crate) fn put(&self, out: &mut alloc::vec::Vec<u8>) {
                match self { $($(
                    Self::$kind(body) => put_nested(out, $tag, |out| body.encode(out)),
                )*)* }
            }

            /// Reads the `oneof` member with this tag, `None` when it is no body of ours.
            pub(crate) fn read(tag: u32, raw: Raw<'_>) -> Result<Option<Self>, DecodeError> {
                Ok(Some(match tag {
                    $($( $tag => Self::$kind($kind::decode(bytes_of(raw, "body")?)?.into()), )*)*
                    _ => return Ok(None),
                }))
            }

            /// Reads the `oneof` member with this tag from canonical bytes.
            pub(crate) fn read_canonical(tag: u32, bytes: &[u8]) -> Option<Self> {
                match tag {
                    $($( $tag => $kind::decode_canonical(bytes).map(Self::from), )*)*
                    _ => None,
                }
            }

            /// The JSON form of the body alone.
            #[must_use]
            pub fn to_object(&self) -> serde_json::Value {
                match self { $($( Self::$kind(body) => body.to_object(), )*)* }
            }

            /// Reads the JSON form of a body of this kind.
            ///
            /// # Errors
            /// [`DecodeError`].
            pub fn from_object(kind: Kind, value: &serde_json::Value) -> Result<Self, DecodeError> {
                Ok(match kind { $($( Kind::$kind => $kind::from_object(value)?.into(), )*)* })
            }
        }

        $($( impl From<$kind> for Body {
            #[inline]
            fn from(body: $kind) -> Self { Self::$kind(body.into()) }
        } )*)*
    };
}

// Tags 1 to 15 are the envelope's; a family has a block of twenty. The largest of the rare ones are
// boxed, or every event that is moved would be as large as they are.
bodies! {
    Market {
        20 MarketTrade,
        21 MarketQuote,
        22 BookDelta,
        23 BookSnapshot,
        24 InstrumentDefined boxed,
        25 TradingStatusChanged,
        26 FeedStatusChanged,
        27 MarketAnomalyDetected,
    }
    Signal {
        40 SignalEmitted,
    }
    Order {
        60 OrderProposed,
        61 OrderApproved,
        62 OrderDenied,
        63 SubmitOrder,
        64 CancelOrder,
        65 ReplaceOrder,
        66 SubmitAttempted,
        67 OrderAccepted,
        68 OrderRejected,
        69 OrderReplaced,
        70 CancelRejected,
        71 OrderCancelled,
        72 OrderExpired,
        73 OrderLapsed,
        74 OrderUnknown,
    }
    Execution {
        80 OrderExecuted,
        81 ExecutionBusted,
        82 ExecutionCorrected boxed,
    }
    Account {
        100 AccountOpened,
        101 BalancesReported,
        102 FeeCharged,
        103 FundingPaid,
        104 TransferBooked,
    }
    Risk {
        120 LimitsLoaded,
        121 LimitBreached,
    }
    Alert {
        140 AlertRaised,
    }
    Recon {
        160 SnapshotRequested,
        161 BrokerSnapshotTaken,
        162 BreakOpened,
        163 BreakConfirmed,
        164 BreakExplained,
        165 BreakResolved,
        166 AdjustmentBooked,
        167 AdjustmentReversed,
    }
    Control {
        180 TimerFired,
        181 SessionPhaseChanged,
        182 OperatorCommanded,
        183 TradingHalted,
        184 TradingResumed,
        185 ResumeRefused,
    }
    Ops {
        200 AgentStarted,
        201 AgentStopped,
        202 Heartbeat,
        203 EventQuarantined,
    }
}

impl Kind {
    /// Life-cycle kinds say that the system ran, not what happened to the business; digests leave
    /// them out, so a restart changes no digest.
    #[must_use]
    pub const fn is_lifecycle(self) -> bool {
        matches!(self, Self::AgentStarted | Self::AgentStopped | Self::Heartbeat)
    }
}

impl Body {
    /// The instrument the body is about, where it is about one.
    #[must_use]
    pub const fn instrument(&self) -> Option<InstrumentId> {
        Some(match self {
            Self::MarketTrade(b) => b.instrument,
            Self::MarketQuote(b) => b.instrument,
            Self::BookDelta(b) => b.instrument,
            Self::BookSnapshot(b) => b.instrument,
            Self::InstrumentDefined(b) => b.instrument,
            Self::TradingStatusChanged(b) => b.instrument,
            Self::MarketAnomalyDetected(b) => b.instrument,
            Self::SignalEmitted(b) => b.instrument,
            Self::OrderProposed(b) => b.instrument,
            Self::OrderApproved(b) => b.instrument,
            Self::OrderDenied(b) => b.instrument,
            Self::SubmitOrder(b) => b.instrument,
            Self::CancelOrder(b) => b.instrument,
            Self::ReplaceOrder(b) => b.instrument,
            Self::SubmitAttempted(b) => b.instrument,
            Self::OrderAccepted(b) => b.instrument,
            Self::OrderRejected(b) => b.instrument,
            Self::OrderReplaced(b) => b.instrument,
            Self::CancelRejected(b) => b.instrument,
            Self::OrderCancelled(b) => b.instrument,
            Self::OrderExpired(b) => b.instrument,
            Self::OrderLapsed(b) => b.instrument,
            Self::OrderUnknown(b) => b.instrument,
            Self::OrderExecuted(b) => b.instrument,
            Self::ExecutionBusted(b) => b.instrument,
            Self::ExecutionCorrected(b) => b.instrument,
            Self::FundingPaid(b) => b.instrument,
            _ => return None,
        })
    }
}

impl Body {
    /// The account the body is about, where it is about one.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        Some(match self {
            Self::OrderProposed(b) => b.account,
            Self::OrderApproved(b) => b.account,
            Self::OrderDenied(b) => b.account,
            Self::SubmitOrder(b) => b.account,
            Self::CancelOrder(b) => b.account,
            Self::ReplaceOrder(b) => b.account,
            Self::SubmitAttempted(b) => b.account,
            Self::OrderAccepted(b) => b.account,
            Self::OrderRejected(b) => b.account,
            Self::OrderReplaced(b) => b.account,
            Self::CancelRejected(b) => b.account,
            Self::OrderCancelled(b) => b.account,
            Self::OrderExpired(b) => b.account,
            Self::OrderLapsed(b) => b.account,
            Self::OrderUnknown(b) => b.account,
            Self::OrderExecuted(b) => b.account,
            Self::ExecutionBusted(b) => b.account,
            Self::ExecutionCorrected(b) => b.account,
            Self::AccountOpened(b) => b.account,
            Self::BalancesReported(b) => b.account,
            Self::FeeCharged(b) => b.account,
            Self::FundingPaid(b) => b.account,
            Self::TransferBooked(b) => b.account,
            Self::LimitsLoaded(b) => b.account,
            Self::LimitBreached(b) => b.account,
            Self::SnapshotRequested(b) => b.account,
            Self::BrokerSnapshotTaken(b) => b.account,
            Self::BreakOpened(b) => b.account,
            Self::BreakConfirmed(b) => b.account,
            Self::BreakExplained(b) => b.account,
            Self::BreakResolved(b) => b.account,
            Self::AdjustmentBooked(b) => b.account,
            Self::AdjustmentReversed(b) => b.account,
            Self::AlertRaised(b) => return b.account,
            Self::OperatorCommanded(b) => return b.account,
            Self::TradingHalted(b) => return b.account,
            Self::TradingResumed(b) => return b.account,
            Self::ResumeRefused(b) => return b.account,
            _ => return None,
        })
    }

    /// The order the body is about, where it is about one (a proposal's order is its event's id).
    #[must_use]
    pub const fn order(&self) -> Option<OrderId> {
        Some(match self {
            Self::OrderApproved(b) => b.order,
            Self::OrderDenied(b) => b.order,
            Self::SubmitOrder(b) => b.order,
            Self::CancelOrder(b) => b.order,
            Self::ReplaceOrder(b) => b.order,
            Self::SubmitAttempted(b) => b.order,
            Self::OrderAccepted(b) => b.order,
            Self::OrderRejected(b) => b.order,
            Self::OrderReplaced(b) => b.order,
            Self::CancelRejected(b) => b.order,
            Self::OrderCancelled(b) => b.order,
            Self::OrderExpired(b) => b.order,
            Self::OrderLapsed(b) => b.order,
            Self::OrderUnknown(b) => b.order,
            Self::OrderExecuted(b) => b.order,
            Self::ExecutionBusted(b) => b.order,
            Self::ExecutionCorrected(b) => b.order,
            _ => return None,
        })
    }

    /// The entity whose order matters for this body: its account, else its instrument, else the
    /// whole system (`-`).
    #[must_use]
    pub fn key(&self) -> Key {
        match (self.account(), self.instrument()) {
            (Some(account), _) => account.into(),
            (None, Some(instrument)) => instrument.into(),
            (None, None) => Key::system(),
        }
    }
}

impl BookDelta {
    /// Whether this update leaves out sequences after `last_seen`, by the venue's own chain.
    #[must_use]
    pub const fn skips_after(&self, last_seen: u64) -> bool {
        match self.previous_sequence {
            Some(previous) => previous != last_seen,
            None => self.first_sequence > last_seen.saturating_add(1),
        }
    }
}

impl OrderExecuted {
    /// The executed quantity, positive for a buy and negative for a sell.
    ///
    /// # Errors
    /// [`crate::MoneyError::Overflow`] at the end of the range.
    pub fn signed_quantity(&self) -> Result<Quantity, crate::MoneyError> {
        match self.side {
            Side::Buy => Ok(self.last_quantity),
            Side::Sell => self.last_quantity.negated(),
        }
    }
}
