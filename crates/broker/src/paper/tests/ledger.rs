use event::{
    Amount, MoneyError, Price, Timestamp,
    books::{Balance, OpeningPosition},
};
use proptest::prelude::*;

use super::{
    super::ledger::{Ledger, Terms, Trade},
    *,
};

fn traded(instrument: InstrumentId, size: &str, at: &str) -> Trade {
    let terms = Terms::from(&defined(instrument));
    Trade {
        instrument,
        terms,
        quantity: amount(size),
        price: price(at),
        fee: Amount::ZERO,
        fee_currency: terms.cash,
        at: Timestamp(0),
    }
}

fn booked(trades: &[Trade]) -> Ledger {
    let mut ledger = Ledger::default();
    trades.iter().try_for_each(|trade| ledger.book(trade)).unwrap();
    ledger
}

#[test]
fn linear_profit_becomes_cash_when_it_is_closed() {
    let long = traded(linear(), "2", "100");
    let ledger = booked(&[long, traded(linear(), "-3", "110")]);
    assert_eq!(ledger.cash(currency("USDT")), amount("20"));
    let held = ledger.holding(linear());
    assert_eq!((held.quantity, held.cost), (amount("-1"), amount("-110")));
}

#[test]
fn inverse_profit_is_coin_and_each_value_is_rounded_once() {
    // 3 contracts of 100 at 30000 are exactly 0.01; at 70000 they are 0.00428571…
    let ledger = booked(&[traded(inverse(), "3", "30000"), traded(inverse(), "-3", "70000")]);
    assert_eq!(ledger.cash(currency("BTC")), amount("0.005714285714285714"));
    assert!(ledger.holding(inverse()).cost.is_zero());
    let third = booked(&[traded(inverse(), "1", "30000")]);
    assert_eq!(third.holding(inverse()).cost, amount("0.003333333333333333"));
}

#[test]
fn selling_a_third_of_a_cost_thrice_leaves_nothing() {
    let ledger = booked(&[
        traded(spot(), "3", "33.333333333"),
        traded(spot(), "-1", "40"),
        traded(spot(), "-1", "40"),
        traded(spot(), "-1", "40"),
    ]);
    assert!(ledger.holding(spot()).cost.is_zero());
    assert_eq!(ledger.cash(currency("USDT")), amount("20.000000001"));
}

prop_compose! {
    fn any_trade()(
        which in 0..3_usize,
        lots in prop_oneof![-500..=-1_i64, 1..=500_i64],
        ticks in 1..2_000_000_i64,
        fee in -5_i64..1_000,
    ) -> Trade {
        let instrument = [spot(), linear(), inverse()][which];
        let lot = defined(instrument).lot;
        let terms = Terms::from(&defined(instrument));
        Trade {
            instrument,
            terms,
            quantity: Amount(lot.amount().0 * i128::from(lots)),
            price: Price(ticks * 100_000_000),
            fee: Amount(i128::from(fee) * 1_000_000_000_000_000),
            fee_currency: terms.cash,
            at: Timestamp(0),
        }
    }
}

/// What cash, position and cost must be, whatever the order of trades:
/// spot: cash = -Σ value, and the quantity is a balance of the base currency; linear:
/// cash = cost - Σ value; inverse: cash = Σ value - cost.
fn check_identities(ledger: &Ledger, opening: &Ledger, trades: &[Trade]) -> Result<(), MoneyError> {
    for code in ["USDT", "BTC"] {
        let mut expected = opening.cash(currency(code));
        for instrument in [spot(), linear(), inverse()] {
            let terms = Terms::from(&defined(instrument));
            let mine = || trades.iter().filter(|t| t.instrument == instrument);
            let mut worth = Amount::ZERO;
            let (mut size, mut fees) = (opening.holding(instrument).quantity, Amount::ZERO);
            for trade in mine() {
                worth = worth.plus(terms.value(trade.quantity, trade.price)?)?;
                size = size.plus(trade.quantity)?;
                fees = fees.plus(trade.fee)?;
            }
            let held = ledger.holding(instrument);
            assert_eq!(held.quantity, size, "{instrument}");
            assert!(held.quantity.signum() * held.cost.signum() >= 0, "{instrument}: {held:?}");
            assert!(!held.quantity.is_zero() || held.cost.is_zero(), "{instrument}: {held:?}");
            if instrument == spot() && terms.base == currency(code) {
                let bought = held.quantity.minus(opening.holding(instrument).quantity)?;
                expected = expected.plus(bought)?;
            }
            if terms.cash != currency(code) {
                continue;
            }
            let cost = held.cost.minus(opening.holding(instrument).cost)?;
            let moved = if instrument == spot() {
                worth.negated()?
            } else if instrument == linear() {
                cost.minus(worth)?
            } else {
                worth.minus(cost)?
            };
            expected = expected.plus(moved)?.minus(fees)?;
        }
        assert_eq!(ledger.cash(currency(code)), expected, "{code}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn cash_position_and_cost_agree_after_every_trade_and_every_bust(
        trades in prop::collection::vec(any_trade(), 1..40),
        busts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let mut opening = Ledger::default();
        opening.begin(
            &[Balance { currency: currency("USDT"), amount: Amount::whole(1_000) }],
            &[OpeningPosition {
                instrument: linear(),
                quantity: quantity("0.5"),
                total_cost: amount("777"),
            }],
        );
        let mut ledger = opening.clone();
        for (count, trade) in trades.iter().enumerate() {
            ledger.book(trade).unwrap();
            check_identities(&ledger, &opening, &trades[..=count]).unwrap();
        }
        let mut standing = trades;
        for bust in busts {
            if standing.is_empty() {
                break;
            }
            let taken_back = standing.remove(bust.index(standing.len()));
            let mine = standing.iter().filter(|t| t.instrument == taken_back.instrument);
            ledger.rebook(taken_back.instrument, mine).unwrap();
            check_identities(&ledger, &opening, &standing).unwrap();
            let mut never = opening.clone();
            standing.iter().try_for_each(|trade| never.book(trade)).unwrap();
            let books = |ledger: &Ledger| (ledger.balances(), ledger.positions().unwrap());
            let zero = |b: &Balance| !b.amount.is_zero();
            let (mut left, mut right) = (books(&ledger), books(&never));
            left.0.retain(zero);
            right.0.retain(zero);
            prop_assert_eq!(left, right, "as if it had never been");
        }
    }
}
