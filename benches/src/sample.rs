//! Events of one size, and a log to put them in.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use bus::{Record, Topology, Unit};
use bus_log::LogBus;
use event::{
    Body, Digest, Event, InstrumentId, Label, Price, Quantity, Source, Timestamp,
    id::{file_root_id, root_trace},
    market::MarketTrade,
};
use segment::{Options, RealDisk};

/// Bytes of every event: canonical bytes of a trade with a sale condition that fills them up.
pub const BODY_BYTES: usize = 256;

/// A unit of `count` trades of sixteen instruments, from sequence `first` on.
///
/// # Errors
/// When an event would not have the size all have.
pub fn ticks(first: u64, count: u64) -> anyhow::Result<Unit> {
    let source = Source::new("file/0123456789ab")?;
    let topology = Topology::shipped();
    let instruments = (0..16)
        .map(|n| InstrumentId::new(&format!("BINANCE-SPOT:PAIR{n:02}")))
        .collect::<Result<Vec<_>, _>>()?;
    let outputs = (first..first + count)
        .map(|seq| {
            let instrument = instruments.get(seq as usize % 16).copied().context("sixteen")?;
            let event = padded(|pad| tick(source, seq, instrument, pad))?;
            Ok(Record::of_event(Arc::new(event), &topology))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(outputs.iter().all(|record| record.bytes().len() == BODY_BYTES));
    Ok(Unit::of_roots(source, outputs))
}

fn padded(make: impl Fn(usize) -> anyhow::Result<Event>) -> anyhow::Result<Event> {
    let bare = make(1)?.encode().len();
    let mut pad = BODY_BYTES.saturating_sub(bare) + 1;
    // Lengths of nested messages may take one byte more once they grow.
    while make(pad)?.encode().len() > BODY_BYTES && pad > 1 {
        pad -= 1;
    }
    make(pad)
}

fn tick(source: Source, seq: u64, instrument: InstrumentId, pad: usize) -> anyhow::Result<Event> {
    let id = file_root_id(Digest([1; 32]), seq, 0);
    let body = MarketTrade {
        instrument,
        price: Price(60_000_000_000_000 + (seq % 4096) as i64 * 10_000_000),
        quantity: Quantity::whole(1),
        trade_id: Label::new(&format!("T{seq:012}"))?,
        aggressor: None,
        conditions: vec!["x".repeat(pad)],
        venue_sequence: 1 << 40 | seq,
    };
    Ok(Event {
        event_id: id,
        trace_id: root_trace(id),
        cause_id: None,
        source,
        source_seq: seq,
        key: instrument.into(),
        time: Timestamp(1_723_161_904_000_000_000 + seq as i64),
        event_time: None,
        basis: None,
        body: Body::from(body),
    })
}

/// A log whose segments are zero-filled before anything is measured, as the bare file is.
///
/// # Errors
/// [`bus::BusError`].
pub fn open_log(dir: &Path, capacity: u64) -> anyhow::Result<LogBus> {
    let options = Options {
        incarnation: 1,
        first_segment_bytes: capacity,
        segment_bytes: capacity,
        background: false,
        ..Options::default()
    };
    let clock = || Timestamp(1_732_000_000_000_000_000);
    Ok(LogBus::open_on(Arc::new(RealDisk), dir, options, clock)?.bus)
}
