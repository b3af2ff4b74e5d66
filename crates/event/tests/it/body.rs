//! What can be asked of a body without knowing its kind.

use event::{
    Event, Family, Kind, Quantity,
    body::Body,
    choices::Side,
    wire::{event_from_json, serde_json::Value},
};

use crate::golden;

/// What a golden's body says under a name that its kind always has.
fn said(golden: &golden::Golden, name: &str) -> Option<String> {
    let has = golden.kind.fields().iter().any(|one| one.name == name && one.label.is_empty());
    has.then(|| golden.json["body"][name].as_str().unwrap().to_owned())
}

#[test]
fn instrument_account_and_order_of_a_body_are_those_it_names() {
    for golden in golden::all() {
        let body = Event::decode(&golden.bytes).unwrap().body;
        let instrument = body.instrument().map(|one| one.to_string());
        assert_eq!(instrument, said(&golden, "instrument"), "{:?}", golden.kind);
        let order = body.order().map(|one| one.to_string());
        assert_eq!(order, said(&golden, "order"), "{:?}", golden.kind);
        let account = body.account().map(|one| one.to_string());
        let named = golden.json["body"].get("account").and_then(Value::as_str);
        assert_eq!(account.as_deref(), named, "{:?}", golden.kind);
    }
}

#[test]
fn a_family_is_found_by_its_number_and_named_as_in_subjects() {
    let names: Vec<_> = Family::ALL.iter().map(|family| family.as_str()).collect();
    let expected = [
        "market",
        "signal",
        "order",
        "execution",
        "account",
        "risk",
        "alert",
        "recon",
        "control",
        "ops",
    ];
    assert_eq!(names, expected);
    let known: Vec<_> = (0..=u8::MAX).filter_map(Family::of_number).collect();
    assert_eq!(known, Family::ALL);
    for family in Family::ALL {
        assert_eq!(Family::of_number(family as u8), Some(family));
        assert!(Kind::ALL.iter().any(|kind| kind.family() == family), "{}", family.as_str());
    }
}

#[test]
fn life_cycle_kinds_are_those_that_say_the_system_ran() {
    let life = [Kind::AgentStarted, Kind::AgentStopped, Kind::Heartbeat];
    for kind in Kind::ALL {
        assert_eq!(kind.is_lifecycle(), life.contains(kind), "{kind:?}");
    }
}

fn of_golden(kind: Kind) -> Body {
    let golden = golden::all().into_iter().find(|golden| golden.kind == kind).unwrap();
    event_from_json(&golden.json).unwrap().body
}

#[test]
fn an_update_skips_what_its_venues_chain_leaves_out() {
    let Body::BookDelta(mut delta) = of_golden(Kind::BookDelta) else { panic!("a delta") };
    delta.first_sequence = 10;
    delta.previous_sequence = None;
    let skips =
        |delta: &event::market::BookDelta| [8, 9, 10, 11].map(|seen| delta.skips_after(seen));
    assert_eq!(skips(&delta), [true, false, false, false]);
    delta.first_sequence = 0;
    assert!(!delta.skips_after(u64::MAX) && !delta.skips_after(0));
    delta.first_sequence = 10;
    delta.previous_sequence = Some(10);
    assert_eq!(skips(&delta), [true, true, false, true]);
}

#[test]
fn a_side_has_a_sign_and_an_execution_its_signed_quantity() {
    assert_eq!((Side::Buy.sign(), Side::Sell.sign()), (1, -1));
    assert_eq!((Side::Buy.opposite(), Side::Sell.opposite()), (Side::Sell, Side::Buy));
    let Body::OrderExecuted(mut executed) = of_golden(Kind::OrderExecuted) else { panic!() };
    executed.last_quantity = Quantity::new(25, 1).unwrap();
    for side in [Side::Buy, Side::Sell] {
        executed.side = side;
        let signed = executed.signed_quantity().unwrap();
        assert_eq!(signed, Quantity::new(25 * side.sign(), 1).unwrap());
    }
}
