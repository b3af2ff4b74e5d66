//! What the broker writes down. Its state is the fold of these entries and of nothing else, so a
//! broker opened again, or read as it was at an earlier moment, is the same fold.
//!
//! An entry holds what was decided (prices, fees, names, times of delivery), not why: a
//! configuration that changes later does not change what happened.

use event::{
    AccountId, Amount, Currency, DecodeError, InstrumentId, Label, OrderId, Price, Quantity,
    Source, Timestamp,
    books::{Balance, OpeningPosition},
    choices::{
        AttemptAction, BookingKind, BrokerOrderState, Liquidity, OrderType, Side, TimeInForce,
    },
    market::{InstrumentDefined, TradingStatusChanged},
    message,
    wire::{Message, bad_value},
};

use crate::Moment;

message! {
    /// The account began.
    Opened {
        /// The account.
        1 account: AccountId,
        /// Cash.
        2 balances: Vec<Balance>,
        /// Positions.
        3 positions: Vec<OpeningPosition>,
    }

    /// An order is in the book.
    Taken {
        /// Our name for it, or the one everybody derives for an order that began at the broker.
        1 order: OrderId,
        /// Whether it began at the broker.
        2 external: bool,
        /// Whether no report tells of it.
        3 silent: bool,
        /// The client's name for it.
        4 client_order_id: Option<Label>,
        /// The broker's name for it.
        5 venue_order: Label,
        /// In what.
        6 instrument: InstrumentId,
        /// Which way.
        7 side: Side,
        /// How priced.
        8 order_type: OrderType,
        /// How much.
        9 quantity: Quantity,
        /// The limit.
        10 limit_price: Option<Price>,
        /// How long it rests.
        11 time_in_force: TimeInForce,
        /// Not to be acted on after this.
        12 expires: Timestamp,
        /// It meets no market record before this instant.
        13 live_at: Timestamp,
        /// Nor one of this source, at the tape position it was made at,
        14 after_source: Option<Source>,
        /// up to this sequence.
        15 after_seq: u64,
    }

    /// A call was answered.
    Answered {
        /// The order.
        1 order: OrderId,
        /// The attempt.
        2 attempt: u32,
        /// The broker's name for the order, when it was accepted.
        3 venue_order: Option<Label>,
        /// The code, when it was refused.
        4 code: Option<Label>,
        /// The broker's words; what came instead of an answer when there is no code.
        5 reason: String,
    }

    /// An order has met a quote and rests: what executes from here on adds liquidity.
    Rested {
        /// The order.
        1 order: OrderId,
    }

    /// Some of an order was executed.
    Executed {
        /// The order.
        1 order: OrderId,
        /// The broker's name for the execution.
        2 exec_id: Label,
        /// Price.
        3 price: Price,
        /// Quantity.
        4 quantity: Quantity,
        /// Fee.
        5 fee: Amount,
        /// The fee's currency.
        6 fee_currency: Currency,
        /// Added or took liquidity.
        7 liquidity: Liquidity,
        /// When.
        8 at: Timestamp,
        /// When its report is delivered; absent when it is withheld.
        9 delivered_at: Option<Timestamp>,
        /// Whether the report is delivered twice.
        10 twice: bool,
        /// When it will be taken back.
        11 bust_at: Option<Timestamp>,
        /// When it will be corrected.
        12 correct_at: Option<Timestamp>,
    }

    /// The rest of an order ended.
    Ended {
        /// The order.
        1 order: OrderId,
        /// Cancelled or expired.
        2 state: BrokerOrderState,
        /// In words.
        3 reason: String,
        /// When.
        4 at: Timestamp,
        /// Whether this keeps the oldest promise of the order.
        5 promised: bool,
    }

    /// A cancel or a replace was promised.
    Promised {
        /// The order.
        1 order: OrderId,
        /// Which of the two.
        2 action: AttemptAction,
        /// When it takes effect.
        3 live_at: Timestamp,
        /// The new total quantity.
        4 quantity: Quantity,
        /// The new limit.
        5 limit_price: Option<Price>,
        /// The proposal that asked.
        6 proposal: Option<OrderId>,
        /// It is kept by no market record of this source, at the tape position it was made at,
        7 after_source: Option<Source>,
        /// up to this sequence.
        8 after_seq: u64,
    }

    /// The oldest promise of an order took effect as a replace.
    Replaced {
        /// The order.
        1 order: OrderId,
        /// The broker's name for it from now on.
        2 venue_order: Label,
        /// When.
        3 at: Timestamp,
    }

    /// The oldest promise of an order came too late.
    TooLate {
        /// The order.
        1 order: OrderId,
        /// In words.
        2 reason: String,
        /// When.
        3 at: Timestamp,
    }

    /// An execution was taken back.
    Busted {
        /// The execution.
        1 exec_id: Label,
        /// The broker's name for the bust.
        2 bust_id: Label,
        /// In words.
        3 reason: String,
        /// When.
        4 at: Timestamp,
    }

    /// An execution was corrected.
    Corrected {
        /// The execution.
        1 exec_id: Label,
        /// The broker's name for the correction.
        2 correction_id: Label,
        /// Price from now on.
        3 price: Price,
        /// Fee from now on.
        4 fee: Amount,
        /// In words.
        5 reason: String,
        /// When.
        6 at: Timestamp,
    }

    /// Cash moved outside any execution.
    Booked {
        /// The broker's name for it.
        1 booking_id: Label,
        /// What it is.
        2 kind: BookingKind,
        /// The currency.
        3 currency: Currency,
        /// Signed change of cash.
        4 amount: Amount,
        /// The instrument, for funding.
        5 instrument: Option<InstrumentId>,
        /// In words.
        6 reason: String,
        /// When.
        7 at: Timestamp,
        /// When it is told of and listed.
        8 delivered_at: Timestamp,
    }

    /// A funding interval of an instrument was passed, whether or not anything was paid.
    IntervalPassed {
        /// The perpetual.
        1 instrument: InstrumentId,
        /// The interval's number since 1970.
        2 interval: i64,
    }

    /// A UTC day began; from the second one on, with a statement of cash.
    DayBegan {
        /// The day's first instant.
        1 at: Timestamp,
        /// Whether cash is stated.
        2 stated: bool,
    }

    /// A scripted action is done.
    ScriptDone {
        /// Its place in the script, from 0.
        1 action: u32,
    }

    /// What a frame begins with.
    Head {
        /// The session clock.
        1 time: Timestamp,
        /// The tape position.
        2 position: u64,
        /// What the broker was doing.
        3 step: u32,
        /// Who emitted the market record.
        4 source: Option<Source>,
        /// Its place in what the source emitted.
        5 source_seq: u64,
    }
}

/// What the broker was doing when it wrote a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Taking in a market record.
    Market(Printed),
    /// Letting time pass.
    Passing,
    /// Answering a call.
    Call,
    /// Beginning an account, or learning of an instrument.
    Setup,
    /// Showing what it holds, after this market record of the position, if it was shown one.
    Shown(Option<Printed>),
}

/// A market record, by its place in what its source emitted: records of one tape position are told
/// apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) source: Source,
    pub(crate) source_seq: u64,
}

impl Step {
    fn head(self, moment: Moment) -> Head {
        let Moment { time, position } = moment;
        let head = |step| Head { time, position, step, source: None, source_seq: 0 };
        match self {
            Self::Market(Printed { source, source_seq }) => {
                Head { source: Some(source), source_seq, ..head(1) }
            }
            Self::Passing => head(2),
            Self::Call => head(3),
            Self::Setup => head(4),
            Self::Shown(after) => Head {
                source: after.map(|record| record.source),
                source_seq: after.map_or(0, |record| record.source_seq),
                ..head(5)
            },
        }
    }

    fn of(head: &Head) -> Result<Self, DecodeError> {
        match (head.step, head.source) {
            (1, Some(source)) => Ok(Self::Market(Printed { source, source_seq: head.source_seq })),
            (2, None) => Ok(Self::Passing),
            (3, None) => Ok(Self::Call),
            (4, None) => Ok(Self::Setup),
            (5, after) => {
                Ok(Self::Shown(after.map(|source| Printed { source, source_seq: head.source_seq })))
            }
            (step, _) => Err(bad_value("step", format!("{step} is no step"))),
        }
    }
}

macro_rules! entries {
    ($($tag:literal $variant:ident($type:ty),)*) => {
        /// One entry of the record.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Entry {
            $( $variant($type), )*
        }

        impl Entry {
            fn put(&self, out: &mut Vec<u8>) {
                let mut bytes = Vec::new();
                let tag: u8 = match self {
                    $( Self::$variant(entry) => { entry.encode(&mut bytes); $tag } )*
                };
                out.push(tag);
                out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                out.extend_from_slice(&bytes);
            }

            fn read(tag: u8, bytes: &[u8]) -> Result<Self, DecodeError> {
                match tag {
                    $( $tag => <$type>::decode(bytes).map(Self::$variant), )*
                    _ => Err(bad_value("entry", format!("{tag} is no kind of entry"))),
                }
            }
        }

        $( impl From<$type> for Entry {
            fn from(entry: $type) -> Self { Self::$variant(entry) }
        } )*
    };
}

entries! {
    1 Opened(Opened),
    2 Defined(InstrumentDefined),
    3 StatusChanged(TradingStatusChanged),
    4 Taken(Taken),
    5 Answered(Answered),
    6 Rested(Rested),
    7 Executed(Executed),
    8 Ended(Ended),
    9 Promised(Promised),
    10 Replaced(Replaced),
    11 TooLate(TooLate),
    12 Busted(Busted),
    13 Corrected(Corrected),
    14 Booked(Booked),
    15 IntervalPassed(IntervalPassed),
    16 DayBegan(DayBegan),
    17 ScriptDone(ScriptDone),
}

/// One step of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) moment: Moment,
    pub(crate) step: Step,
    pub(crate) entries: Vec<Entry>,
}

impl Frame {
    /// The frame's payload: its head, then tag, length and bytes of each entry.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut head = Vec::new();
        self.step.head(self.moment).encode(&mut head);
        let mut out = (head.len() as u32).to_le_bytes().to_vec();
        out.extend_from_slice(&head);
        self.entries.iter().for_each(|entry| entry.put(&mut out));
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (head, mut rest) = split(bytes)?;
        let head = Head::decode(head)?;
        let step = Step::of(&head)?;
        let mut entries = Vec::new();
        while let Some((&tag, tail)) = rest.split_first() {
            let (bytes, tail) = split(tail)?;
            entries.push(Entry::read(tag, bytes)?);
            rest = tail;
        }
        let moment = Moment { time: head.time, position: head.position };
        Ok(Self { moment, step, entries })
    }
}

/// A length, that many bytes, and what follows them.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let (len, rest) = bytes.split_first_chunk::<4>().ok_or(DecodeError::Truncated)?;
    rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or(DecodeError::Truncated)
}
