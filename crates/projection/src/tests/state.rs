//! Digests, snapshots, halts, marks, counts and the log's digest.

use event::{
    Amount, Key, Kind, Quantity,
    choices::{Payoff, QuarantineReason, Side},
    market::{MarketQuote, MarketTrade},
    operations::{EventQuarantined, Heartbeat, TradingHalted, TradingResumed},
};

use super::journal::*;
use crate::{Books, LogDigest, Marks, SnapshotError, Tally};

fn quote(bid: &str, ask: &str) -> MarketQuote {
    MarketQuote {
        instrument: instrument(SPOT),
        bid_price: Some(price(bid)),
        bid_quantity: Quantity::whole(1),
        ask_price: Some(price(ask)),
        ask_quantity: Quantity::whole(1),
        venue_sequence: 1,
    }
}

fn heartbeat() -> Heartbeat {
    let worker = event::Source::new("worker/tape").unwrap();
    Heartbeat { worker, consumed: 1, lag_events: 0 }
}

#[test]
fn a_quote_changes_the_state_only_through_last_prices() {
    let mut journal = Journal::opened();
    let (books, mut marks) = (journal.books.digest(), Marks::new());
    let before = journal.books.state_digest(&marks);
    journal.note(quote("99", "101"));
    marks.apply(journal.events.last().unwrap());
    assert_eq!(journal.books.digest(), books);
    assert_ne!(journal.books.state_digest(&marks), before);
}

#[test]
fn life_cycle_events_change_no_digest() {
    let mut journal = Journal::opened();
    let (mut log, mut marks) = (LogDigest::default(), Marks::new());
    let before = (journal.books.state_digest(&marks), log.digest());
    journal.note(heartbeat());
    let event = journal.events.last().unwrap();
    marks.apply(event);
    log.note(Some(event.body.kind()), event.key, &event.encode());
    assert_eq!((journal.books.state_digest(&marks), log.digest()), before);
}

#[test]
fn kinds_the_books_do_not_want_change_nothing() {
    let mut journal = Journal::opened();
    let digest = journal.books.digest();
    journal.note(quote("1", "2"));
    journal.note(heartbeat());
    assert!(journal.events.iter().rev().take(2).all(|e| !Books::wants(e.body.kind())));
    assert_eq!(journal.books.digest(), digest);
}

#[test]
fn a_snapshot_of_another_version_or_with_a_flipped_bit_is_refused() {
    let mut journal = Journal::opened();
    journal.traded(SPOT, Side::Buy, "1", "10");
    let snapshot = journal.books.snapshot();
    assert_eq!(Books::restore(&snapshot).unwrap(), journal.books);
    let mut newer = snapshot.clone();
    newer[1] = 9;
    assert_eq!(Books::restore(&newer), Err(SnapshotError::Version { found: 9 }));
    for at in 2..snapshot.len() {
        let mut flipped = snapshot.clone();
        flipped[at] ^= 1;
        assert!(Books::restore(&flipped).is_err(), "byte {at}");
    }
}

#[test]
fn a_halt_of_all_accounts_halts_those_not_seen_yet_and_one_account_can_resume() {
    let mut journal = Journal::opened();
    let other = event::AccountId::new("OTHER").unwrap();
    journal.note(TradingHalted { account: None, reason: "r".into(), by: "op".into() });
    assert!(journal.books.is_halted(account()) && journal.books.is_halted(other));
    let (actor, reason) = ("op".into(), "checked".into());
    journal.note(TradingResumed { account: Some(account()), actor, reason });
    assert!(!journal.books.is_halted(account()) && journal.books.is_halted(other));
    let restored = Books::restore(&journal.books.snapshot()).unwrap();
    assert!(!restored.is_halted(account()) && restored.is_halted(other));
    let (actor, reason) = ("op".into(), "checked".into());
    journal.note(TradingResumed { account: None, actor, reason });
    assert!(!journal.books.is_halted(other));
}

#[test]
fn quarantined_records_are_counted_by_reason() {
    let mut journal = Journal::opened();
    let origin = event::Source::new("file/1").unwrap();
    journal.note(EventQuarantined {
        origin,
        record: 3,
        reason: QuarantineReason::Malformed,
        detail: "".into(),
        bytes: event::wire::Blob(alloc::vec![1]),
        bytes_total: 1,
        digest: event::Digest([0; 32]),
        parked: true,
    });
    assert!(journal.books.quarantined().eq([(QuarantineReason::Malformed, 1)]));
    assert!(journal.books.parked().eq([(origin, 1)]));
}

#[test]
fn a_definition_holds_from_its_date() {
    let mut journal = Journal::opened();
    let mut later = defined(LINEAR, Payoff::Linear);
    later.effective_from = event::Timestamp(1_000_000);
    later.multiplier = Quantity::whole(10);
    journal.note(later);
    let at = |ns| journal.books.contract(instrument(LINEAR), event::Timestamp(ns)).unwrap();
    assert_eq!(at(-5).multiplier_mantissa, 1);
    assert_eq!(at(999_999).multiplier_mantissa, 1);
    assert_eq!(at(1_000_000).multiplier_mantissa, 10);
}

#[test]
fn worth_is_the_middle_of_the_quote_and_else_the_last_trade() {
    let mut journal = Journal::opened();
    journal.traded(SPOT, Side::Buy, "2", "90");
    let (mut marks, position) = (Marks::new(), journal.position(SPOT));
    assert_eq!(marks.worth(&journal.books, &position).unwrap(), None);
    marks.apply(&journal.event(MarketTrade {
        instrument: instrument(SPOT),
        price: price("80"),
        quantity: Quantity::whole(1),
        trade_id: label("t"),
        aggressor: None,
        conditions: alloc::vec![],
        venue_sequence: 1,
    }));
    let unrealised = |marks: &Marks| {
        let worth = marks.unrealised(&journal.books, account()).unwrap();
        worth[&currency("USDT")]
    };
    assert_eq!(unrealised(&marks), Amount::whole(-20));
    marks.apply(&journal.event(quote("99", "102")));
    assert_eq!(unrealised(&marks), Amount::whole(21));
    assert_eq!(Marks::restore(&marks.snapshot()).unwrap(), marks);
}

#[test]
fn the_logs_digest_depends_on_order_within_a_key_and_not_between_keys() {
    let (a, b) = (Key::new("A").unwrap(), Key::new("B").unwrap());
    let of = |rows: &[(Key, &[u8])]| {
        let mut log = LogDigest::default();
        rows.iter().for_each(|(key, bytes)| log.note(Some(Kind::MarketTrade), *key, bytes));
        log
    };
    let one = of(&[(a, b"1"), (b, b"2"), (a, b"3")]);
    assert_eq!(one.digest(), of(&[(a, b"1"), (a, b"3"), (b, b"2")]).digest());
    assert_ne!(one.digest(), of(&[(a, b"3"), (a, b"1"), (b, b"2")]).digest());
    assert_ne!(one.digest(), of(&[(a, b"1"), (b, b"2"), (b, b"3")]).digest());
    let mut resumed = LogDigest::restore(&of(&[(a, b"1"), (b, b"2")]).snapshot()).unwrap();
    resumed.note(Some(Kind::MarketTrade), a, b"3");
    assert_eq!((resumed.digest(), resumed.events()), (one.digest(), 3));
}

#[test]
fn counts_are_by_kind_and_family_and_survive_a_snapshot() {
    let mut tally = Tally::default();
    for kind in [Some(Kind::MarketQuote), Some(Kind::MarketTrade), Some(Kind::Heartbeat), None] {
        tally.note(kind);
    }
    assert_eq!(tally.family(event::Family::Market), 2);
    assert_eq!((tally.total(), tally.unknown(), tally.kind(Kind::Heartbeat)), (4, 1, 1));
    assert_eq!(Tally::restore(&tally.snapshot()).unwrap(), tally);
}
