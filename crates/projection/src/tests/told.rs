//! What the books answer is what they were told, also after a snapshot.

use alloc::{format, string::ToString, vec, vec::Vec};

use event::{
    AccountId, Amount, BreakId, EventId, InstrumentId, Key, Kind, LimitSetId, Quantity, Source,
    Timestamp,
    books::*,
    choices::*,
    market::{FeedStatusChanged, MarketTrade, TradingStatusChanged},
    operations::{EventQuarantined, SessionPhaseChanged, TradingHalted},
    wire::Message,
};

use super::journal::*;
use crate::{Books, Finding, LogDigest, Mark, Marks, Order, OrderState, Tally};

/// Asks the books, and the books restored from their snapshot.
fn asked(journal: &Journal, ask: impl Fn(&Books)) {
    ask(&journal.books);
    ask(&Books::restore(&journal.books.snapshot()).unwrap());
}

fn source(name: &str) -> Source {
    Source::new(name).unwrap()
}

fn listed(exec_id: &str, at_ns: i64) -> BrokerExecution {
    BrokerExecution {
        exec_id: label(exec_id),
        order: None,
        venue_order: label("V"),
        instrument: instrument(SPOT),
        side: Side::Buy,
        price: price("100"),
        quantity: Quantity::whole(1),
        fee: Amount::ZERO,
        fee_currency: currency("USDT"),
        executed_at: Timestamp(at_ns),
        cumulative: Quantity::whole(1),
        leaves: Quantity::ZERO,
        taker: true,
    }
}

fn snapshot(executions: Vec<BrokerExecution>) -> BrokerSnapshotTaken {
    BrokerSnapshotTaken {
        account: account(),
        query: EventId([1; 16]),
        failure: "".into(),
        orders_before: vec![],
        executions,
        positions: vec![],
        balances: vec![],
        orders_after: vec![],
        cycle: 1,
        bookings: vec![],
        executions_from: 0,
    }
}

#[test]
fn markets_feeds_and_sessions_are_as_they_were_last_said_to_be() {
    let mut journal = Journal::opened();
    for status in [TradingState::Auction, TradingState::Halted] {
        let instrument = instrument(SPOT);
        journal.note(TradingStatusChanged { instrument, status, reason: "".into() });
    }
    for state in [FeedState::Stale, FeedState::Live] {
        journal.note(FeedStatusChanged { feed: source("feed/a"), state, detail: "".into() });
    }
    for phase in [Phase::Starting, Phase::Open] {
        let calendar = label("247");
        journal.note(SessionPhaseChanged { calendar, session_date: 20_240_809, phase });
    }
    asked(&journal, |books| {
        assert_eq!(books.trading_state(instrument(SPOT)), Some(TradingState::Halted));
        assert_eq!(books.trading_state(instrument(LINEAR)), None);
        assert!(books.feeds().eq([(source("feed/a"), FeedState::Live)]));
        let phases: Vec<_> = books.sessions().map(|one| (one.calendar, one.phase)).collect();
        assert_eq!(phases, [(label("247"), Phase::Open)]);
    });
}

#[test]
fn a_definition_is_answered_by_its_date_and_the_newest_of_each_instrument_is_listed() {
    let mut journal = Journal::opened();
    let mut later = defined(LINEAR, Payoff::Linear);
    later.effective_from = Timestamp(500);
    later.multiplier = Quantity::whole(10);
    journal.note(later.clone());
    asked(&journal, |books| {
        let at = |ns| books.instrument(instrument(LINEAR), Timestamp(ns)).cloned();
        assert_eq!(at(499), Some(defined(LINEAR, Payoff::Linear)));
        assert_eq!(at(500).as_ref(), Some(&later));
        assert_eq!(books.instrument(instrument("X:NONE"), Timestamp(1)), None);
        let newest: Vec<_> = books.instruments().cloned().collect();
        assert_eq!(newest.len(), 3);
        assert!(newest.contains(&later) && newest.contains(&defined(SPOT, Payoff::Spot)));
    });
}

#[test]
fn a_record_parks_its_key_only_where_it_says_so() {
    let mut journal = Journal::opened();
    for (record, parked) in [(1, true), (2, false), (3, true)] {
        journal.note(EventQuarantined {
            origin: source("broker/PAPER"),
            record,
            reason: QuarantineReason::Malformed,
            detail: "".into(),
            bytes: event::wire::Blob(vec![1]),
            bytes_total: 1,
            digest: event::Digest([0; 32]),
            parked,
        });
    }
    asked(&journal, |books| {
        assert!(books.quarantined().eq([(QuarantineReason::Malformed, 3)]));
        assert!(books.parked().eq([(source("broker/PAPER"), 2)]));
    });
}

#[test]
fn an_account_answers_with_what_it_was_told() {
    let mut journal = Journal::opened();
    let order = journal.traded(SPOT, Side::Buy, "2", "100");
    let open = journal.working(SPOT, Side::Buy, "1");
    let _ = journal.working(SPOT, Side::Sell, "1");
    journal.note(busted(order, SPOT, "EARLY"));
    journal.note(corrected(order, SPOT, "LATER", "C", ("1", "90", "0")));
    let balances = vec![Balance { currency: currency("USDT"), amount: Amount::whole(7) }];
    journal.note(BalancesReported { account: account(), balances: balances.clone() });
    let limits = LimitsLoaded {
        account: account(),
        limit_set: LimitSetId::new("L9").unwrap(),
        limits: vec![],
    };
    journal.note(limits.clone());
    let transfer = journal.note(TransferBooked {
        account: account(),
        transfer_id: label("T"),
        currency: currency("USDT"),
        amount: Amount::whole(50),
        reason: "".into(),
    });
    asked(&journal, |books| {
        assert!(books.accounts().map(crate::Account::id).eq([account()]));
        let books = books.account(account()).unwrap();
        assert_eq!(books.reporting_currency(), Some(currency("USDT")));
        assert_eq!(books.reported_balances(), balances);
        assert_eq!(books.limits(), Some(&limits));
        let booking = books.booking(BookingKind::Transfer, label("T")).unwrap();
        assert_eq!((booking.amount, booking.event), (Amount::whole(50), transfer));
        assert_eq!(books.booking(BookingKind::Fee, label("T")), None);
        assert_eq!(books.bookings().count(), 1);
        assert_eq!((books.orders_len(), books.open_orders().count()), (3, 2));
        assert!(books.ended_orders().map(|ended| ended.order).eq([order]));
        let name = books.order(open).unwrap().venue_order.unwrap();
        assert_eq!(books.order_named(name), Some(open));
        let executions = books.executions();
        assert_eq!(books.execution(executions[0].exec_id), Some(&executions[0]));
        assert_eq!(books.execution(label("EARLY")), None);
        assert!(books.is_busted_early(label("EARLY")));
        assert!(!books.is_busted_early(label("LATER")));
        assert!(!books.is_busted_early(executions[0].exec_id));
        assert_eq!(books.positions().count(), 1);
        assert_eq!(books.cash().count(), 2);
    });
}

#[test]
fn a_halt_says_why_whose_it_is_and_since_when() {
    let mut journal = Journal::opened();
    let other = AccountId::new("OTHER").unwrap();
    journal.note(TradingHalted { account: Some(other), reason: "one".into(), by: "ada".into() });
    asked(&journal, |books| {
        assert_eq!(books.halt_all(), None);
        assert_eq!(books.account(account()).unwrap().halt(), None);
        let halt = books.account(other).unwrap().halt().unwrap();
        assert_eq!((halt.reason.as_str(), halt.by.as_str()), ("one", "ada"));
        assert_eq!(halt.since, journal.events.last().unwrap().time);
    });
    journal.note(TradingHalted { account: None, reason: "all".into(), by: "bob".into() });
    asked(&journal, |books| {
        let halt = books.halt_all().unwrap();
        assert_eq!((halt.reason.as_str(), halt.by.as_str()), ("all", "bob"));
        assert_eq!(books.account(other).unwrap().halt(), Some(halt));
    });
}

#[test]
fn a_break_lives_from_its_opening_over_confirmation_and_explanation_to_its_end() {
    let mut journal = Journal::opened();
    let (break_id, account, code) = (BreakId([3; 16]), account(), BreakCode::Cash);
    let subject = || "USDT".to_string();
    let stands = |journal: &Journal| {
        let mut seen = None;
        asked(journal, |books| {
            assert!(books.account(account).unwrap().breaks().count() < 2);
        });
        if let Some(open) = journal.books.account(account).unwrap().breaks().next() {
            assert_eq!((open.break_id, open.code), (break_id, code));
            assert_eq!((open.subject.as_str(), open.difference), ("USDT", Amount::whole(-7)));
            seen = Some((open.severity, open.cycles, open.confirmed, open.explained));
        }
        seen
    };
    journal.note(BreakOpened {
        break_id,
        account,
        code,
        subject: subject(),
        ours: "7".into(),
        broker: "0".into(),
        difference: Amount::whole(-7),
        tolerance: Amount::ZERO,
        severity: Severity::Warning,
        snapshot: EventId([1; 16]),
    });
    assert_eq!(stands(&journal), Some((Severity::Warning, 1, false, false)));
    let (cycles, severity) = (4, Severity::Critical);
    journal.note(BreakConfirmed {
        break_id,
        account,
        code,
        subject: subject(),
        cycles,
        age_ns: 1,
        severity,
    });
    assert_eq!(stands(&journal), Some((Severity::Critical, 4, true, false)));
    journal.note(BreakExplained {
        break_id,
        account,
        code,
        subject: subject(),
        explanation: "".into(),
        evidence: vec![],
    });
    assert_eq!(stands(&journal), Some((Severity::Critical, 4, true, true)));
    let adjustment = journal.note(AdjustmentBooked {
        break_id,
        account,
        instrument: None,
        quantity: Quantity::ZERO,
        cost: Amount::ZERO,
        currency: Some(currency("USDT")),
        amount: Amount::whole(-7),
        reason: "".into(),
    });
    journal.note(BreakResolved {
        break_id,
        account,
        code,
        subject: subject(),
        resolution: Resolution::Adjusted,
        detail: "".into(),
    });
    assert_eq!(stands(&journal), None);
    asked(&journal, |books| {
        let kept: Vec<_> = books.account(account).unwrap().adjustments().cloned().collect();
        assert_eq!((kept[0].event, kept[0].subject.as_str()), (adjustment, "USDT"));
        assert!(!kept[0].reversed);
    });
}

#[test]
fn a_recovered_execution_takes_its_place_by_the_brokers_clock_and_a_reported_one_does_not() {
    for recovered in [true, false] {
        let mut journal = Journal::opened();
        let order = journal.working(SPOT, Side::Buy, "1");
        journal.note(snapshot(vec![listed("A", 77)]));
        let mut told = executed(order, SPOT, Side::Buy, "A", "1", "100");
        told.recovered = recovered;
        journal.note(told);
        let time = journal.events.last().unwrap().time;
        let at = if recovered { Timestamp(77) } else { time };
        asked(&journal, |books| {
            let execution = books.account(account()).unwrap().execution(label("A")).unwrap();
            assert_eq!((execution.at, execution.recovered), (at, recovered));
        });
    }
}

#[test]
fn what_names_an_account_and_moves_nothing_of_it_leaves_the_books_alone() {
    let mut journal = Journal::opened();
    let before = journal.books.clone();
    let account = account();
    journal.note(AlertRaised {
        alert: label("A"),
        severity: Severity::Critical,
        subject: "".into(),
        detail: "".into(),
        account: Some(account),
    });
    journal.note(SnapshotRequested { account, reason: label("r"), cycle: 1 });
    journal.note(LimitBreached {
        account,
        rule: RiskRule::Position,
        instrument: None,
        limit: Amount::ZERO,
        observed: Amount::ZERO,
        detail: "".into(),
    });
    for event in journal.events.iter().rev().take(3) {
        assert!(event.body.account() == Some(account) && !Books::wants(event.body.kind()));
    }
    assert_eq!((journal.books, journal.findings), (before, vec![]));
}

#[test]
fn a_finding_becomes_an_alert_that_names_it_and_what_it_is_about() {
    let (order, exec_id, kind) = (event::OrderId([7; 16]), label("E7"), Kind::OrderCancelled);
    let error = event::MoneyError::Overflow;
    let findings = [
        Finding::IllegalTransition { order, from: OrderState::Filled, kind },
        Finding::UnknownOrder { order, kind },
        Finding::Overfilled { order, cumulative: Amount::whole(2), quantity: Amount::whole(1) },
        Finding::DuplicateExecution { exec_id },
        Finding::ConflictingExecution { exec_id },
        Finding::UnknownExecution { exec_id, kind },
        Finding::DuplicateBooking { booking: exec_id },
        Finding::UnknownInstrument { instrument: InstrumentId::new("X:E7").unwrap() },
        Finding::NotBooked { kind, error },
    ];
    for finding in findings {
        let alert = finding.alert(Some(account())).unwrap();
        let variant = format!("{finding:?}");
        assert_eq!(Some(alert.alert.as_str()), variant.split([' ', '{']).next());
        assert!(alert.subject.len() > 1 && alert.detail.contains(&alert.subject), "{alert:?}");
        assert_eq!((alert.account, alert.severity), (Some(account()), finding.severity()));
        let expected = matches!(
            finding,
            Finding::DuplicateExecution { .. } | Finding::DuplicateBooking { .. }
        );
        assert_eq!(alert.severity == Severity::Info, expected, "{variant}");
    }
}

#[test]
fn marks_follow_trades_and_quotes_and_nothing_else() {
    let mut journal = Journal::opened();
    let mut marks = Marks::new();
    assert_eq!(marks.get(instrument(SPOT)), None);
    journal.note(MarketTrade {
        instrument: instrument(SPOT),
        price: price("80"),
        quantity: Quantity::whole(1),
        trade_id: label("t"),
        aggressor: None,
        conditions: vec![],
        venue_sequence: 1,
    });
    journal.traded(SPOT, Side::Buy, "1", "70");
    for event in &journal.events {
        let before = marks.clone();
        marks.apply(event);
        let kind = event.body.kind();
        assert_eq!(Marks::wants(kind), kind == Kind::MarketTrade);
        assert_eq!(Marks::wants(kind), marks != before);
    }
    assert!(Marks::wants(Kind::MarketQuote));
    let at = journal.events.iter().find(|event| Marks::wants(event.body.kind())).unwrap().time;
    let last = Some(price("80"));
    let mark = Mark { instrument: instrument(SPOT), bid: None, ask: None, last, at };
    assert_eq!(marks.get(instrument(SPOT)), Some(&mark));
    assert!(marks.iter().eq([&mark]));
}

#[test]
fn counts_are_what_was_noted_none_and_many() {
    let mut tally = Tally::default();
    assert_eq!((tally.total(), tally.unknown(), tally.kind(Kind::MarketQuote)), (0, 0, 0));
    for kind in [Some(Kind::MarketQuote), None, None, Some(Kind::MarketQuote), None] {
        tally.note(kind);
    }
    for tally in [&tally, &Tally::restore(&tally.snapshot()).unwrap()] {
        assert_eq!((tally.total(), tally.unknown()), (5, 3));
        assert_eq!((tally.kind(Kind::MarketQuote), tally.kind(Kind::MarketTrade)), (2, 0));
        assert!(tally.kinds().eq([(Kind::MarketQuote, 2)]));
    }
}

#[test]
fn a_log_has_a_chain_per_family_and_key_with_its_count() {
    let (a, b) = (Key::new("A").unwrap(), Key::new("B").unwrap());
    let mut log = LogDigest::default();
    for (kind, key) in [
        (Some(Kind::MarketTrade), a),
        (Some(Kind::OrderProposed), a),
        (Some(Kind::MarketQuote), a),
        (Some(Kind::MarketTrade), b),
        (None, b),
    ] {
        log.note(kind, key, b"1");
    }
    let market = Kind::MarketTrade.family() as u32;
    let order = Kind::OrderProposed.family() as u32;
    let chains: Vec<_> =
        log.chains().map(|chain| (chain.family, chain.key, chain.events)).collect();
    let mut expected = vec![(0, b, 1), (market, a, 2), (market, b, 1), (order, a, 1)];
    expected.sort();
    assert_eq!((chains, log.events()), (expected, 5));
}

#[test]
fn an_order_is_the_same_order_after_its_bytes_and_after_its_json() {
    let mut journal = Journal::opened();
    let filled = journal.traded(SPOT, Side::Buy, "2", "100");
    let orders =
        [filled, journal.working(SPOT, Side::Sell, "1"), journal.submitted(SPOT, Side::Buy, "1")];
    for order in orders.map(|order| journal.order(order)) {
        let mut bytes = vec![];
        order.encode(&mut bytes);
        assert_eq!(Order::decode(&bytes).unwrap(), order);
        let json = order.to_object();
        assert_eq!(json["state"].as_str(), Some(order.state.as_str()));
        assert_eq!(Order::from_object(&json).unwrap(), order);
    }
    let mut json = journal.order(filled).to_object();
    json["state"] = "SOMEWHERE".into();
    assert!(Order::from_object(&json).is_err());
}
