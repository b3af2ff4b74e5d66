//! An interrupted run ends as an uninterrupted one: the same answers, snapshots and reports.

use event::{
    choices::{Side, TimeInForce},
    market::{MarketQuote, MarketTrade},
};
use proptest::prelude::*;

use super::{super::ledger::Ledger, *};
use crate::{Action, BuyFee, Faults, Funding, Scripted};

/// One thing a driver does.
#[derive(Clone, Debug)]
enum Act {
    /// The venue prints the events of a record; then reports are read.
    Print(Vec<Body>),
    Submit(OrderRequest),
    Cancel(CancelRequest),
    Replace(ReplaceRequest),
    /// The books are asked for.
    Snapshot,
    /// Time passes without a record.
    Pass,
}

/// An act and its moment. An act before a record of the same moment is a reaction to it: the venue
/// is shown a record once everything it led to is done.
#[derive(Clone, Debug)]
struct Timed {
    now: Moment,
    act: Act,
    /// What the source emitted before it.
    seq: u64,
}

impl Timed {
    const fn is_call(&self) -> bool {
        matches!(self.act, Act::Submit(_) | Act::Cancel(_) | Act::Replace(_))
    }
}

/// A driver that writes down what it is told, act by act.
struct Driver {
    config: PaperConfig,
    dir: TempDir,
    broker: Option<PaperBroker>,
    /// What each act led to, and the last report read then.
    log: Vec<(String, u64)>,
}

impl Driver {
    fn new(config: PaperConfig) -> Self {
        let mut driver = Self { config, dir: TempDir::new().unwrap(), broker: None, log: vec![] };
        driver.open();
        driver
    }

    fn open(&mut self) {
        self.broker = None;
        let config = self.config.clone();
        let broker = PaperBroker::open(self.dir.path(), config, &instruments()).unwrap();
        check_money(&broker);
        self.broker = Some(broker);
    }

    fn broker(&mut self) -> &mut PaperBroker {
        self.broker.as_mut().unwrap()
    }

    fn print(&mut self, timed: &Timed) {
        let Act::Print(bodies) = &timed.act else { return };
        for (source_seq, body) in (timed.seq + 1..).zip(bodies) {
            let record = Event { source_seq, ..event(timed.now.time, body.clone()) };
            self.broker().on_market(timed.now, &record).unwrap();
        }
    }

    fn act(&mut self, timed: &Timed) {
        let now = timed.now;
        let mut read = self.log.last().map_or(0, |(_, read)| *read);
        self.print(timed);
        let broker = self.broker();
        let told = match &timed.act {
            Act::Print(_) | Act::Pass => {
                if matches!(timed.act, Act::Pass) {
                    broker.advance(now).unwrap();
                }
                let reports = broker.reports(now, read, usize::MAX).unwrap();
                read = reports.last().map_or(read, |report| report.number);
                format!("{reports:?}")
            }
            Act::Submit(request) => format!("{:?}", broker.submit(now, request).unwrap()),
            Act::Cancel(request) => format!("{:?}", broker.cancel(now, request).unwrap()),
            Act::Replace(request) => format!("{:?}", broker.replace(now, request).unwrap()),
            Act::Snapshot => snapshot(broker, now),
        };
        check_money(broker);
        self.log.push((told, read));
    }

    /// Stops, loses what was written down after the first `kept` acts, and starts again: the venue
    /// prints again what it printed from act `from` on.
    fn crash(&mut self, acts: &[Timed], from: usize, kept: usize) {
        self.log.truncate(kept);
        self.open();
        acts[from..kept].iter().for_each(|timed| self.print(timed));
    }
}

fn snapshot(broker: &mut PaperBroker, now: Moment) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        broker.open_orders(now).unwrap(),
        broker.executions_since(now, 0).unwrap(),
        broker.bookings_since(now, 0).unwrap(),
        broker.positions(now).unwrap(),
        broker.balances(now).unwrap(),
    )
}

/// Cash is what the account began with, what its standing executions moved and what was booked;
/// positions are what its standing executions left. Nothing comes from anywhere else.
fn check_money(broker: &PaperBroker) {
    let books = &broker.books;
    let mut expected = Ledger::default();
    expected.begin(&books.opening.0, &books.opening.1);
    for execution in books.executions.iter().filter(|e| !e.busted) {
        expected.book(&execution.trade).unwrap();
    }
    for booking in books.bookings.values() {
        expected.move_cash(booking.currency, booking.amount).unwrap();
    }
    let balances = |ledger: &Ledger| {
        let mut balances = ledger.balances();
        balances.retain(|balance| !balance.amount.is_zero());
        balances
    };
    assert_eq!(balances(&books.ledger), balances(&expected));
    assert_eq!(books.ledger.positions().unwrap(), expected.positions().unwrap());
    for order in books.orders.values() {
        let mine = books.executions.iter().filter(|e| e.order == order.order && !e.busted);
        let done: i128 = mine.map(|e| e.quantity.amount().0).sum();
        assert_eq!(order.cumulative.0, done, "{order:?}");
        assert!(done <= order.quantity.0, "{order:?}");
    }
}

fn any_instrument() -> impl Strategy<Value = InstrumentId> {
    prop::sample::select(vec![spot(), spot(), linear(), inverse()])
}

fn any_side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn tenths(ticks: i64) -> Price {
    Price(ticks * 100_000_000)
}

prop_compose! {
    fn any_quote()(
        instrument in any_instrument(),
        bid in 990..1_010_i64,
        spread in 0..4_i64,
        sizes in (1..40_i64, 1..40_i64),
    ) -> Body {
        MarketQuote {
            instrument,
            bid_price: Some(tenths(bid)),
            bid_quantity: Quantity::new(sizes.0, 1).unwrap(),
            ask_price: Some(tenths(bid + spread)),
            ask_quantity: Quantity::new(sizes.1, 1).unwrap(),
            venue_sequence: 0,
        }.into()
    }
}

prop_compose! {
    fn any_print()(instrument in any_instrument(), at in 985..1_015_i64, size in 1..40_i64) -> Body {
        MarketTrade {
            price: tenths(at),
            quantity: Quantity::new(size, 1).unwrap(),
            ..trade(instrument, "1", "1")
        }.into()
    }
}

prop_compose! {
    fn any_order()(
        number in 1..30_u8,
        attempt in 1..3_u32,
        instrument in any_instrument(),
        side in any_side(),
        size in 1..6_i64,
        at in prop::option::weighted(0.8, 985..1_015_i64),
        immediate in prop::bool::weighted(0.3),
        life_ms in prop_oneof![Just(1_000_000_i64), 1..40_i64],
    ) -> (OrderRequest, i64) {
        let request = match at {
            Some(at) => OrderRequest { limit_price: Some(tenths(at)), ..limit(number, side, "1", "1") },
            None => market(number, side, "1"),
        };
        let time_in_force = if immediate {
            TimeInForce::ImmediateOrCancel
        } else {
            TimeInForce::GoodTillCancelled
        };
        (OrderRequest { attempt, instrument, quantity: Quantity::whole(size), time_in_force, ..request }, life_ms)
    }
}

/// An act, and how it stands to the acts before and after it.
#[derive(Clone, Debug)]
struct Drawn {
    act: Act,
    wait_ms: i64,
    /// Whether it reacts to the next record, before the venue is shown that.
    ahead: bool,
}

fn any_act() -> impl Strategy<Value = Drawn> {
    let printed = || prop_oneof![3 => any_quote(), 1 => any_print()];
    let act = prop_oneof![
        8 => prop::collection::vec(printed(), 1..4).prop_map(Act::Print),
        4 => any_order().prop_map(|(mut request, life_ms)| {
            request.expires = Timestamp(life_ms * 1_000_000);
            Act::Submit(request)
        }),
        1 => (1..30_u8, 3..6_u32).prop_map(|(n, attempt)| Act::Cancel(cancel(n, attempt))),
        1 => (1..30_u8, 6..9_u32, 1..6_i64, 985..1_015_i64).prop_map(|(n, attempt, size, at)| {
            let (quantity, limit_price) = (Quantity::whole(size), tenths(at));
            Act::Replace(ReplaceRequest { quantity, limit_price, ..replace(n, attempt, "1", "1") })
        }),
        2 => Just(Act::Snapshot),
        1 => Just(Act::Pass),
    ];
    (act, prop_oneof![Just(0), 0..6_i64], any::<bool>()).prop_map(|(act, wait_ms, ahead)| Drawn {
        act,
        wait_ms,
        ahead,
    })
}

/// Dates the acts, from shortly before midnight on.
fn dated(acts: Vec<Drawn>, apart_ns: i64) -> Vec<Timed> {
    let mut now = Moment { time: at_ms(-60), position: 0 };
    let (mut seq, mut ahead) = (0, false);
    let mut dated = Vec::new();
    for Drawn { mut act, wait_ms, ahead: reacts } in acts {
        now.time = now.time.plus_ns(wait_ms * 1_000_000 + apart_ns);
        let is_pass = matches!(act, Act::Pass);
        let is_print = matches!(act, Act::Print(_));
        if !ahead && (is_print || (reacts && !is_pass)) {
            now.position += 1;
            ahead = true;
        }
        // Time passes on its own only when the record in hand was shown.
        if is_pass && ahead {
            continue;
        }
        if let Act::Submit(request) = &mut act {
            request.expires = now.time.plus_ns(request.expires.0);
        }
        let printed = if let Act::Print(bodies) = &act { bodies.len() as u64 } else { 0 };
        dated.push(Timed { now, act, seq });
        seq += printed;
        ahead = ahead && !is_print;
    }
    dated
}

prop_compose! {
    fn any_config()(
        seed in any::<u64>(),
        rates in prop::array::uniform7(prop_oneof![Just(0_u32), Just(150_000)]),
        latency_ns in prop_oneof![Just(0), Just(3_000_000)],
        in_base in any::<bool>(),
    ) -> PaperConfig {
        let by_hand = |instrument, side| Action::ManualTrade { instrument, side, quantity: quantity("1") };
        let order = Action::ManualOrder {
            instrument: spot(), side: Side::Buy, quantity: quantity("2"), limit_price: Some(price("99.8")),
        };
        let usdt = currency("USDT");
        let script = [
            (-50, Action::LoseResponse),
            (-45, by_hand(spot(), Side::Buy)),
            (-40, Action::LateFee { currency: usdt, amount: amount("3"), delay_ns: 25_000_000 }),
            (-35, order),
            (-30, Action::Transfer { currency: usdt, amount: amount("50") }),
            (-25, Action::BustLast),
            (-20, Action::WithholdReport),
            (-15, Action::LoseRequest),
            (-10, Action::Reject),
            (-5, by_hand(inverse(), Side::Sell)),
        ];
        PaperConfig {
            balances: [(usdt, Amount::whole(3_000)), (currency("BTC"), Amount::whole(50))].into(),
            latency_ns,
            maker_fee_ppm: -150,
            taker_fee_ppm: 731,
            spot_buy_fee: if in_base { BuyFee::Base } else { BuyFee::Quote },
            funding: Funding { interval_ns: 20_000_000, rate_ppm: 333 },
            seed,
            faults: Faults {
                reject_ppm: rates[0],
                lost_response_ppm: rates[1],
                lost_request_ppm: rates[2],
                late_report_ppm: rates[3],
                late_report_ns: 7_000_000,
                duplicate_report_ppm: rates[4],
                bust_ppm: rates[5],
                correction_ppm: rates[6],
                amend_after_ns: 11_000_000,
            },
            script: script.map(|(ms, action)| Scripted { at: at_ms(ms), action }).to_vec(),
            ..PaperConfig::default()
        }
    }
}

/// Where a crash strikes, how much of the log it takes, and how far back the venue prints again.
#[derive(Clone, Debug)]
struct Crash {
    after: prop::sample::Index,
    lost: prop::sample::Index,
    reprinted: prop::sample::Index,
}

fn any_crash() -> impl Strategy<Value = Crash> {
    let index = any::<prop::sample::Index>;
    (index(), index(), index()).prop_map(|(after, lost, reprinted)| Crash {
        after,
        lost,
        reprinted,
    })
}

/// How much of its log a driver may lose.
#[derive(Clone, Copy)]
enum Durability {
    /// All of it: no two acts share a moment, so each is known by its own.
    Nothing,
    /// Only what follows the last call: what stands before a call is durable before it is made.
    BeforeCalls,
}

fn check_interrupted(
    config: &PaperConfig,
    acts: &[Timed],
    crashes: &[Crash],
    durability: Durability,
) -> Result<(), TestCaseError> {
    let mut whole = Driver::new(config.clone());
    acts.iter().for_each(|timed| whole.act(timed));
    let mut interrupted = Driver::new(config.clone());
    let mut crashes = crashes.to_vec();
    crashes.sort_by_key(|crash| crash.after.index(acts.len()));
    for crash in crashes {
        let after = crash.after.index(acts.len()) + 1;
        while interrupted.log.len() < after {
            interrupted.act(&acts[interrupted.log.len()]);
        }
        let done = interrupted.log.len();
        let durable = match durability {
            Durability::Nothing => 0,
            Durability::BeforeCalls => acts[..done].iter().rposition(Timed::is_call).unwrap_or(0),
        };
        let kept = durable + crash.lost.index(done - durable + 1);
        // The records of the last position are always printed again: what they led to is not known.
        let last = acts[..kept].last().map_or(0, |timed| timed.now.position);
        let first_of_last = acts
            .iter()
            .position(|timed| matches!(timed.act, Act::Print(_)) && timed.now.position >= last)
            .unwrap_or(kept);
        interrupted.crash(acts, crash.reprinted.index(first_of_last.min(kept) + 1), kept);
    }
    while interrupted.log.len() < acts.len() {
        interrupted.act(&acts[interrupted.log.len()]);
    }
    for (place, (left, right)) in interrupted.log.iter().zip(&whole.log).enumerate() {
        prop_assert_eq!(&left.0, &right.0, "act {}: {:?}", place, &acts[place]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn run_that_lost_any_part_of_its_log_ends_as_if_it_had_not(
        config in any_config(),
        acts in prop::collection::vec(any_act(), 20..90),
        crashes in prop::collection::vec(any_crash(), 1..5),
    ) {
        check_interrupted(&config, &dated(acts, 1), &crashes, Durability::Nothing)?;
    }

    #[test]
    fn run_whose_reactions_share_the_moment_of_their_record_restarts_too(
        config in any_config(),
        acts in prop::collection::vec(any_act(), 20..90),
        crashes in prop::collection::vec(any_crash(), 1..5),
    ) {
        check_interrupted(&config, &dated(acts, 0), &crashes, Durability::BeforeCalls)?;
    }
}
