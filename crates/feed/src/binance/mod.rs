//! Recorded Binance frames: spot, USD-M and COIN-M futures; trades, best quotes, book updates and
//! REST book snapshots, bare or in a combined stream's envelope.
//!
//! The market is read from the content. A field that is not known is passed over; one that is
//! missing, or of another type than the venue documents, faults the frame.
//!
//! Source: Binance Spot and Derivatives web-socket documentation, "Trade", "Individual Symbol Book
//! Ticker", "Diff. Book Depth", and REST "Order Book".

mod frame;
mod number;
mod raws;
mod scan;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use frame::{Content, Frame};
use raws::Raws;

use crate::fault::Fault;

/// Reads one frame.
///
/// Frames as the venue writes them, without spaces or escapes, take a direct path; whatever that
/// path does not recognise is read by the general JSON reader, which decides.
pub(crate) fn parse(json: &str) -> Result<Frame<'_>, Fault> {
    let raws = match scan::scan(json) {
        Some(raws) => raws,
        None => Raws::read(json)?,
    };
    frame::frame(raws)
}
