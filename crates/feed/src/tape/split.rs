//! Bodies that do not fit in one event.

use event::{
    Body,
    choices::QuarantineReason,
    market::{BookDelta, BookSnapshot, Level},
    wire::Message,
};

use crate::fault::Fault;

/// Most bytes of an encoded body.
pub(crate) const BODY_BYTES_MAX: usize = 60 * 1024;
/// More than the fields of a snapshot beside its levels take.
const HEAD_BYTES: usize = 128;
/// More than one level takes, whatever its numbers.
const LEVEL_BYTES_MAX: usize = 32;

/// Splits a snapshot into parts that fit; the levels keep their order.
pub(crate) fn parts_of(snapshot: BookSnapshot) -> Vec<Body> {
    if (snapshot.bids.len() + snapshot.asks.len()) * LEVEL_BYTES_MAX + HEAD_BYTES <= BODY_BYTES_MAX
    {
        return vec![snapshot.into()];
    }
    let BookSnapshot { instrument, last_sequence, bids, asks, .. } = snapshot;
    let blank = || BookSnapshot {
        instrument,
        last_sequence,
        bids: Vec::new(),
        asks: Vec::new(),
        part: 0,
        parts: 0,
    };
    let (mut parts, mut filled) = (vec![blank()], HEAD_BYTES);
    let sides = bids.into_iter().map(|level| (true, level));
    for (is_bid, level) in sides.chain(asks.into_iter().map(|level| (false, level))) {
        let length = level_bytes(&level);
        if filled + length > BODY_BYTES_MAX {
            parts.push(blank());
            filled = HEAD_BYTES;
        }
        filled += length;
        if let Some(part) = parts.last_mut() {
            if is_bid { part.bids.push(level) } else { part.asks.push(level) }
        }
    }
    let count = parts.len() as u32;
    let numbered = parts.into_iter().zip(0..).map(|(mut part, number)| {
        (part.part, part.parts) = (number, count);
        part.into()
    });
    numbered.collect()
}

/// Refuses a book update that does not fit: it is atomic, so it has no parts.
pub(crate) fn check_delta(delta: &BookDelta) -> Result<(), Fault> {
    if (delta.bids.len() + delta.asks.len()) * LEVEL_BYTES_MAX + HEAD_BYTES <= BODY_BYTES_MAX {
        return Ok(());
    }
    let mut encoded = Vec::new();
    delta.encode(&mut encoded);
    if encoded.len() <= BODY_BYTES_MAX {
        return Ok(());
    }
    let detail =
        format!("a book update of {} bytes; an event holds {BODY_BYTES_MAX}", encoded.len());
    Err(Fault::new(QuarantineReason::TooLarge, detail))
}

/// Bytes of a level in its book: itself, its tag and its length.
fn level_bytes(level: &Level) -> usize {
    let mut encoded = Vec::with_capacity(LEVEL_BYTES_MAX);
    level.encode(&mut encoded);
    encoded.len() + 2
}
