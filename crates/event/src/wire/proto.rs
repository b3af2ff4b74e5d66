//! The `.proto` text, written from the declarations so that the two cannot differ.

use alloc::string::String;
use core::fmt::Write as _;

use super::{Choice, FieldText, Message};
use crate::{
    Basis, InputCut, Kind, Observed,
    body::{books::*, choices::*, market::*},
};

const HEAD: &str = "\
// Written by `cargo xtask schemas` from crates/event. Do not edit.
//
// Rules. A tag is never reused. Fields are added, never changed. Money: `price` fields are sint64 in
// 1e-9 of the quote currency; a Quantity is mantissa x 10^-scale; ledger amounts are decimal text of
// at most 18 places. Times are nanoseconds since 1970 UTC. Ids are 16 bytes, digests 32. An event's
// body holds at most 60 KiB: a larger book snapshot is split into parts.
syntax = \"proto3\";
package blotter.v1;

";

const ENVELOPE: &str = "\
// One event: the same bytes on every engine.
message Event {
  // Identity.
  bytes event_id = 1;
  // W3C trace id, inherited from the root.
  bytes trace_id = 2;
  // The event that triggered this one; absent for a root.
  optional bytes cause_id = 3;
  // Who emitted it.
  string source = 4;
  // From 1, without gaps, within the source.
  uint64 source_seq = 5;
  // The entity whose order matters.
  string key = 6;
  // Stamped by ingress for a root, logical for a derived event.
  sint64 time = 7;
  // When the venue says it happened.
  optional sint64 event_time = 8;
  // What a decision rested on.
  optional Basis basis = 9;
  oneof body {
";

/// The whole schema as protobuf text.
#[must_use]
pub fn proto_text() -> String {
    let mut out = String::from(HEAD);
    out.push_str(ENVELOPE);
    for kind in Kind::ALL {
        let name = kind.as_str();
        let _ = writeln!(out, "    {name} {} = {};", snake(name), *kind as u16);
    }
    out.push_str("  }\n}\n\n");
    out.push_str("// Mantissa x 10^-scale.\nmessage Quantity {\n  sint64 mantissa = 1;\n  uint32 scale = 2;\n}\n");
    message::<Basis>(&mut out);
    message::<InputCut>(&mut out);
    message::<Observed>(&mut out);
    message::<Level>(&mut out);
    message::<TickTier>(&mut out);
    message::<Balance>(&mut out);
    message::<OpeningPosition>(&mut out);
    message::<Limit>(&mut out);
    message::<BrokerOrder>(&mut out);
    message::<BrokerExecution>(&mut out);
    message::<BrokerPosition>(&mut out);
    message::<BrokerBooking>(&mut out);
    for kind in Kind::ALL {
        fields(&mut out, kind.as_str(), kind.fields());
    }
    choice::<Side>(&mut out);
    choice::<Payoff>(&mut out);
    choice::<TradingState>(&mut out);
    choice::<FeedState>(&mut out);
    choice::<AnomalyKind>(&mut out);
    choice::<OrderType>(&mut out);
    choice::<TimeInForce>(&mut out);
    choice::<Liquidity>(&mut out);
    choice::<AttemptAction>(&mut out);
    choice::<RiskRule>(&mut out);
    choice::<Severity>(&mut out);
    choice::<BreakCode>(&mut out);
    choice::<Resolution>(&mut out);
    choice::<Phase>(&mut out);
    choice::<OperatorVerb>(&mut out);
    choice::<BookingKind>(&mut out);
    choice::<BrokerOrderState>(&mut out);
    choice::<QuarantineReason>(&mut out);
    out
}

fn message<M: Message>(out: &mut String) {
    fields(out, M::NAME, M::FIELDS);
}

fn fields(out: &mut String, name: &str, fields: &[FieldText]) {
    let _ = writeln!(out, "\nmessage {name} {{");
    for field in fields {
        for line in field.doc {
            let _ = writeln!(out, "  // {}", line.trim());
        }
        let FieldText { label, proto, name, tag, .. } = field;
        let _ = writeln!(out, "  {label}{proto} {name} = {tag};");
    }
    out.push_str("}\n");
}

fn choice<C: Choice>(out: &mut String) {
    let prefix = snake(C::NAME).to_uppercase();
    let _ = writeln!(out, "\nenum {} {{\n  {prefix}_UNSPECIFIED = 0;", C::NAME);
    for (name, number) in C::VARIANTS {
        let _ = writeln!(out, "  {prefix}_{name} = {number};");
    }
    out.push_str("}\n");
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
