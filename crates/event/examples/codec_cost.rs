//! What our encoding costs beside prost's, on the golden trade:
//! `cargo run --release -p event --example codec_cost`.
//!
//! The figures of docs/decisions/0001 come from here. Times are the fastest of several rounds, which
//! is what the code costs when the machine does nothing else.

#![allow(clippy::unwrap_used, reason = "a measurement stops when its input is not there")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads a clock")]

use std::{hint::black_box, time::Instant};

use event::{Envelope, Event};
use prost::Message as _;

/// The envelope and the trade as prost's derive has them.
#[derive(Clone, PartialEq, prost::Message)]
struct ProstEvent {
    #[prost(bytes = "vec", tag = "1")]
    event_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "3")]
    cause_id: Option<Vec<u8>>,
    #[prost(string, tag = "4")]
    source: String,
    #[prost(uint64, tag = "5")]
    source_seq: u64,
    #[prost(string, tag = "6")]
    key: String,
    #[prost(sint64, tag = "7")]
    time: i64,
    #[prost(sint64, optional, tag = "8")]
    event_time: Option<i64>,
    #[prost(message, optional, tag = "20")]
    trade: Option<ProstTrade>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProstTrade {
    #[prost(string, tag = "1")]
    instrument: String,
    #[prost(sint64, tag = "2")]
    price: i64,
    #[prost(message, optional, tag = "3")]
    quantity: Option<ProstQuantity>,
    #[prost(string, tag = "4")]
    trade_id: String,
    #[prost(int32, optional, tag = "5")]
    aggressor: Option<i32>,
    #[prost(string, repeated, tag = "6")]
    conditions: Vec<String>,
    #[prost(uint64, tag = "7")]
    venue_sequence: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ProstQuantity {
    #[prost(sint64, tag = "1")]
    mantissa: i64,
    #[prost(uint32, tag = "2")]
    scale: u32,
}

fn main() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/golden/v1/MarketTrade.bin");
    let bytes = std::fs::read(folder).unwrap();
    let mut ours = Event::decode(&bytes).unwrap();
    // Conditions are free text; a crypto trade has none.
    let event::Body::MarketTrade(trade) = &mut ours.body else { return };
    trade.conditions.clear();
    let bytes = ours.encode();
    let theirs = ProstEvent::decode(bytes.clone()).unwrap();
    assert_eq!(theirs.encode_to_vec(), bytes, "both write the same bytes");

    println!("{} bytes; ns per event, fastest of 20 rounds of 100 000", bytes.len());
    let mut out = Vec::with_capacity(512);
    measure("encode, ours", || {
        out.clear();
        ours.encode_into(&mut out);
        black_box(&out);
    });
    measure("encode, prost", || {
        out.clear();
        let _ = theirs.encode(&mut out);
        black_box(&out);
    });
    measure("decode, ours, into domain types", || {
        let _ = black_box(Event::decode(black_box(&bytes)));
    });
    measure("decode, prost, into its message", || {
        let _ = black_box(ProstEvent::decode(black_box(&bytes[..])));
    });
    measure("envelope alone, ours", || {
        let _ = black_box(Envelope::decode(black_box(&bytes)));
    });
}

fn measure(what: &str, mut step: impl FnMut()) {
    const STEPS: u32 = 100_000;
    let fastest = (0..20)
        .map(|_| {
            let began = Instant::now();
            (0..STEPS).for_each(|_| step());
            began.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!("{:>8.1}  {what}", fastest.as_secs_f64() * 1e9 / f64::from(STEPS));
}
