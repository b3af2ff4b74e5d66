//! Ids are frozen: the expected values were computed outside this repository, with another
//! implementation of SHA-256, from the documented parts.

use std::collections::BTreeSet;

use event::{
    AccountId, Digest, EventId, Label, OrderId, Source, TraceId,
    id::{
        break_id, broker_fact_id, derived_id, digest_of, external_order_id, feed_root_id,
        file_root_id, foreign_id, lifecycle_id, place_id, root_trace, timer_id,
    },
};
use proptest::prelude::*;

const CAUSE: EventId = EventId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

fn source(text: &str) -> Source {
    Source::new(text).unwrap()
}

fn paper() -> AccountId {
    AccountId::new("PAPER").unwrap()
}

#[test]
fn ids_are_frozen() {
    let file = Digest(core::array::from_fn(|at| at as u8));
    for (found, expected) in [
        (derived_id(CAUSE, source("risk/PAPER"), 3), "a4d440a76435dc923e9e6aa9bae108ee"),
        (file_root_id(file, 7, 2), "165b6de720f7a7b166120154e89348e8"),
        (
            feed_root_id("BINANCE-SPOT", "trade", "BTCUSDT", 20_240_809, 3_740_000_001, 1),
            "a1035c2880edd69a1acf63837eba2f94",
        ),
        (foreign_id(source("python/alpha"), 41), "9437317b9f4648f54952f694fd6236e0"),
        (place_id(1_732_000_000, 41), "25e3eae6e0b41ce9a434b7091225277e"),
        (timer_id(source("recon/PAPER"), 12), "8ba8460d51a33ecf76fb24f61279ea92"),
        (broker_fact_id(paper(), "execution", b"X-31"), "e2a12a1c3b00af8eac8badbffa870246"),
        (
            external_order_id(paper(), Label::new("P-17").unwrap()).into(),
            "ff02fe6c6feb6bb5443d4d56ca95f1fb",
        ),
        (lifecycle_id(source("worker/tape"), 1), "b8a6bf0c8f6a4ebfcf968854c951768d"),
        (
            EventId(break_id(paper(), "POS_QTY", "BINANCE-SPOT:BTCUSDT", 20_240_809).0),
            "14229007b3c0f252cbc9c7493352f88b",
        ),
        (EventId(root_trace(CAUSE).0), "97ae50a1e96d8462bf85e509cbdd57eb"),
    ] {
        assert_eq!(found.to_string(), expected);
    }
    assert_eq!(
        digest_of("domain", &[b"ab", b"c"]).to_string(),
        "2ed4d5a03dcb88ec2db9df9babff355ce450f4f107bc246e3ed3ceea34d9743c"
    );
}

#[test]
fn parts_that_only_join_to_the_same_bytes_have_different_digests() {
    let digests: BTreeSet<_> = [
        digest_of("d", &[b"ab", b"c"]),
        digest_of("d", &[b"a", b"bc"]),
        digest_of("d", &[b"abc"]),
        digest_of("d", &[b"abc", b""]),
        digest_of("da", &[b"b", b"c"]),
    ]
    .into();
    assert_eq!(digests.len(), 5);
}

#[test]
fn every_slot_task_and_cause_has_an_id_of_its_own() {
    let mut ids = BTreeSet::new();
    for cause in [CAUSE, EventId([9; 16])] {
        for task in ["risk/PAPER", "risk/OTHER"] {
            for slot in 0..20 {
                assert!(ids.insert(derived_id(cause, source(task), slot)));
            }
        }
    }
}

#[test]
fn only_plain_hexadecimal_of_full_length_is_an_id() {
    let good = "000102030405060708090a0b0c0d0e0f";
    assert_eq!(good.parse(), Ok(CAUSE));
    let same_length = ["+00102030405060708090a0b0c0d0e0f", "00010203+405060708090a0b0c0d0e0f"];
    for bad in ["", &good[1..], &format!("{good}0"), same_length[0], same_length[1]] {
        assert!(bad.parse::<EventId>().is_err(), "{bad:?} read as an id");
    }
    assert!("00010203-405060708090a0b0c0d0e0é".parse::<EventId>().is_err());
}

proptest! {
    #[test]
    fn ids_written_read_back(bytes: [u8; 16], digest: [u8; 32]) {
        prop_assert_eq!(EventId(bytes).to_string().parse(), Ok(EventId(bytes)));
        prop_assert_eq!(TraceId(bytes).to_string().parse(), Ok(TraceId(bytes)));
        prop_assert_eq!(OrderId(bytes).to_string().parse(), Ok(OrderId(bytes)));
        prop_assert_eq!(Digest(digest).to_string().parse(), Ok(Digest(digest)));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,40}", near in "[0-9a-f+é]{31,33}") {
        let _ = (text.parse::<EventId>(), near.parse::<EventId>());
    }
}
