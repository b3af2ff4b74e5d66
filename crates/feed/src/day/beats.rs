//! When the day's story happens.

use event::Timestamp;

/// Minutes of the day, from 08:00 to 16:00.
const ENDS: i64 = 480;

/// The moments of the story, in tape time, in the order they happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beats {
    /// The first frame, 08:00.
    pub starts: Timestamp,
    /// The next spot trade is recorded twice, 09:10.
    pub duplicate: Timestamp,
    /// The broker takes an order and its response is lost, 09:40.
    pub response_lost: Timestamp,
    /// Two updates of the COIN-M book are missing, 10:15; a snapshot mends it a minute later.
    pub sequence_gap: Timestamp,
    /// The next spot trade prints eight per cent away, 10:50.
    pub price_jump: Timestamp,
    /// Quotes and trades of the USD-M feed come in another format from here, 11:42, while its book
    /// updates go on and its market falls.
    pub format_changed: Timestamp,
    /// They come as before again, 11:51.
    pub format_restored: Timestamp,
    /// The operator's `RESUME` stands on the spot tape, 12:05.
    pub operator_resumed: Timestamp,
    /// Somebody trades by hand at the broker, 13:20.
    pub manual_trade: Timestamp,
    /// The broker books a fee late, 14:30.
    pub late_fee: Timestamp,
    /// The operator's second `RESUME`, 15:05.
    pub operator_resumed_again: Timestamp,
    /// The end, 16:00.
    pub ends: Timestamp,
}

impl Beats {
    pub(super) const fn new(starts: Timestamp, minute_ns: i64) -> Self {
        Self {
            starts,
            duplicate: starts.plus_ns(70 * minute_ns),
            response_lost: starts.plus_ns(100 * minute_ns),
            sequence_gap: starts.plus_ns(135 * minute_ns),
            price_jump: starts.plus_ns(170 * minute_ns),
            format_changed: starts.plus_ns(222 * minute_ns),
            format_restored: starts.plus_ns(231 * minute_ns),
            operator_resumed: starts.plus_ns(245 * minute_ns),
            manual_trade: starts.plus_ns(320 * minute_ns),
            late_fee: starts.plus_ns(390 * minute_ns),
            operator_resumed_again: starts.plus_ns(425 * minute_ns),
            ends: starts.plus_ns(ENDS * minute_ns),
        }
    }
}
