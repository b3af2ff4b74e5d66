//! Laws over random sequences of legal events, held against the model.

use alloc::{format, string::ToString, vec::Vec};

use event::{
    Amount, Body, OrderId, Price, Quantity,
    choices::Side,
    trading::{ExecutionCorrected, OrderExecuted},
};
use num_bigint::BigInt;
use proptest::prelude::*;

use super::{
    journal::*,
    model::{Terms, Trade, outcome, surviving},
};
use crate::{Books, Finding, OrderState};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Happens {
    Trade { which: usize, buy: bool, size: i64, price: i64, fee: i64, base: bool },
    Bust(prop::sample::Index),
    Correct { at: prop::sample::Index, size: i64, price: i64, fee: i64 },
    Again(prop::sample::Index),
    Cancel,
}

const NAMES: [&str; 3] = [SPOT, LINEAR, INVERSE];
const TERMS: [Terms; 3] = [Terms::Spot, Terms::Linear(1), Terms::Inverse(100)];

fn happens() -> impl Strategy<Value = Happens> {
    let size = 1_i64..5_000_000;
    let price = 1_i64..99_999_999;
    prop_oneof![
        8 => (0..3_usize, any::<bool>(), size.clone(), price.clone(), -50_i64..5_000, any::<bool>())
            .prop_map(|(which, buy, size, price, fee, base)| {
                Happens::Trade { which, buy, size, price, fee, base }
            }),
        1 => any::<prop::sample::Index>().prop_map(Happens::Bust),
        1 => (any::<prop::sample::Index>(), size, price, -50_i64..5_000)
            .prop_map(|(at, size, price, fee)| Happens::Correct { at, size, price, fee }),
        2 => any::<prop::sample::Index>().prop_map(Happens::Again),
        1 => Just(Happens::Cancel),
    ]
}

struct Told {
    which: usize,
    order: OrderId,
    exec_id: event::Label,
    trade: Trade,
    busted: bool,
}

fn raw(price: i64) -> Price {
    // Prices with two places, so that values need rounding only where a division makes them.
    Price(price * 10_000_000)
}

fn run(happenings: &[Happens]) -> (Journal, Vec<Told>) {
    let mut journal = Journal::opened();
    let mut told: Vec<Told> = Vec::new();
    for (number, happening) in happenings.iter().enumerate() {
        match happening {
            Happens::Trade { which, buy, size, price, fee, base } => {
                let side = if *buy { Side::Buy } else { Side::Sell };
                let quantity = Quantity::new(*size, 6).unwrap();
                let order = journal.working(NAMES[*which], side, &quantity.to_string());
                let base = *base && *which == 0;
                let fee = Amount(i128::from(*fee) * 1_000_000_000_000);
                let exec_id = label(&format!("E{number}"));
                journal.note(OrderExecuted {
                    exec_id,
                    last_price: raw(*price),
                    fee,
                    fee_currency: currency(if base { "BTC" } else { "USDT" }),
                    ..executed(order, NAMES[*which], side, "x", &quantity.to_string(), "1")
                });
                let signed = quantity.amount().0 * i128::from(side.sign());
                let trade =
                    Trade { quantity: signed, price: raw(*price).0, fee: fee.0, fee_in_base: base };
                told.push(Told { which: *which, order, exec_id, trade, busted: false });
            }
            Happens::Bust(at) if !told.is_empty() => {
                let one = at.get_mut(&mut told);
                one.busted = true;
                journal.note(busted(one.order, NAMES[one.which], one.exec_id.as_str()));
            }
            Happens::Correct { at, size, price, fee } if !told.is_empty() => {
                let one = at.get_mut(&mut told);
                let quantity = Quantity::new(*size, 6).unwrap();
                let fee = Amount(i128::from(*fee) * 1_000_000_000_000);
                let text = one.exec_id.to_string();
                let correction =
                    corrected(one.order, NAMES[one.which], &text, "c", ("1", "1", "0"));
                journal.note(ExecutionCorrected {
                    correction_id: label(&format!("C{number}")),
                    quantity,
                    price: raw(*price),
                    fee,
                    ..correction
                });
                if !one.busted {
                    one.trade.quantity = quantity.amount().0 * one.trade.quantity.signum();
                    one.trade.price = raw(*price).0;
                    one.trade.fee = fee.0;
                }
            }
            Happens::Again(at) => {
                let event = at.get(&journal.events).clone();
                let money = matches!(
                    event.body,
                    Body::OrderExecuted(_)
                        | Body::ExecutionBusted(_)
                        | Body::ExecutionCorrected(_)
                        | Body::AccountOpened(_)
                        | Body::InstrumentDefined(_)
                );
                if money {
                    let findings = journal.books.apply(&event);
                    let repeats =
                        |finding: &Finding| matches!(finding, Finding::DuplicateExecution { .. });
                    assert!(findings.iter().all(repeats), "{findings:?}");
                }
            }
            Happens::Cancel => {
                let order = journal.working(SPOT, Side::Buy, "1");
                journal.note(cancelled(order, SPOT));
            }
            Happens::Bust(_) | Happens::Correct { .. } => {}
        }
    }
    (journal, told)
}

fn trades_of(told: &[Told], which: usize) -> Vec<Trade> {
    let of: Vec<(Trade, bool)> = told
        .iter()
        .filter(|one| one.which == which)
        .map(|one| (one.trade.clone(), one.busted))
        .collect();
    surviving(&of)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_fold_agrees_with_the_model(happenings in prop::collection::vec(happens(), 0..40)) {
        let (journal, told) = run(&happenings);
        let (mut usdt, mut btc) = (BigInt::from(Amount::whole(1_000_000).0), BigInt::from(0));
        for which in 0..3 {
            let expected = outcome(TERMS[which], &trades_of(&told, which));
            let account = journal.books.account(account()).unwrap();
            let position = account.position(instrument(NAMES[which])).cloned()
                .unwrap_or_else(|| crate::Position::flat(instrument(NAMES[which])));
            prop_assert_eq!(BigInt::from(position.quantity.0), expected.quantity);
            prop_assert_eq!(BigInt::from(position.total_cost.0), expected.cost);
            prop_assert_eq!(BigInt::from(position.realised.0), expected.realised);
            prop_assert_eq!(
                BigInt::from(position.fees_in_base_worth.0), expected.fees_in_base_worth
            );
            match TERMS[which] {
                Terms::Inverse(_) => btc += expected.settle_cash,
                Terms::Spot | Terms::Linear(_) => usdt += expected.settle_cash,
            }
            btc += expected.base_cash;
        }
        for one in told.iter().filter(|one| !one.busted) {
            *(if one.trade.fee_in_base { &mut btc } else { &mut usdt }) -= one.trade.fee;
        }
        prop_assert_eq!(BigInt::from(journal.cash("USDT").0), usdt);
        prop_assert_eq!(BigInt::from(journal.cash("BTC").0), btc);
    }

    #[test]
    fn parts_sum_to_the_whole(happenings in prop::collection::vec(happens(), 0..40)) {
        let (journal, _) = run(&happenings);
        let account = journal.books.account(account()).unwrap();
        for cash in account.cash() {
            let parts = cash.opening.0 + cash.trades.0 + cash.fees.0 + cash.funding.0
                + cash.transfers.0 + cash.adjustments.0;
            prop_assert_eq!(cash.total().0, parts);
        }
        // What executions did to quote cash is profit, less what is still invested, less what
        // fees in the base asset were worth.
        if let Some(spot) = account.position(instrument(SPOT)) {
            prop_assert_eq!(
                spot.settle_flow.0,
                spot.realised.0 - spot.total_cost.0 - spot.fees_in_base_worth.0
            );
        }
        for name in [LINEAR, INVERSE] {
            if let Some(position) = account.position(instrument(name)) {
                prop_assert_eq!(position.settle_flow, position.realised);
            }
        }
        for order in account.ended_orders() {
            let executed: i128 = account.executions().iter()
                .filter(|e| e.order == order.order && !e.busted)
                .map(|e| e.quantity.0.abs()).sum();
            prop_assert_eq!(order.cumulative.0, executed);
        }
    }

    #[test]
    fn a_snapshot_at_any_point_changes_nothing_that_follows(
        happenings in prop::collection::vec(happens(), 0..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let (journal, _) = run(&happenings);
        let cut = cut.index(journal.events.len() + 1);
        let (mut straight, mut resumed) = (Books::new(), Books::new());
        for (at, event) in journal.events.iter().enumerate() {
            if at == cut {
                resumed = Books::restore(&resumed.snapshot()).unwrap();
            }
            prop_assert_eq!(straight.apply(event), resumed.apply(event));
        }
        prop_assert_eq!(straight.digest(), resumed.digest());
        prop_assert_eq!(straight.snapshot(), resumed.snapshot());
    }

    #[test]
    fn selling_every_lot_back_leaves_exactly_zero(
        lots in prop::collection::vec((1_i64..5_000_000, 1_i64..99_999_999), 1..12),
        price in 1_i64..99_999_999,
        which in 0..3_usize,
    ) {
        let mut journal = Journal::opened();
        for (size, price) in &lots {
            let size = Quantity::new(*size, 6).unwrap().to_string();
            journal.traded(NAMES[which], Side::Buy, &size, &raw(*price).to_string());
        }
        for (size, _) in &lots {
            let size = Quantity::new(*size, 6).unwrap().to_string();
            journal.traded(NAMES[which], Side::Sell, &size, &raw(price).to_string());
        }
        let position = journal.position(NAMES[which]);
        prop_assert_eq!((position.quantity, position.total_cost), (Amount::ZERO, Amount::ZERO));
        prop_assert_eq!(position.settle_flow, position.realised);
    }

    #[test]
    fn an_inverse_value_is_the_exact_quotient_rounded_once(
        size in -5_000_000_i64..5_000_000, price in 1_i64..i64::MAX, multiplier in 1_i64..1_000_000,
    ) {
        let contract = crate::Contract {
            payoff: event::choices::Payoff::Inverse,
            base: currency("BTC"),
            settle: currency("BTC"),
            multiplier_mantissa: multiplier,
            multiplier_scale: 0,
        };
        let quantity = Quantity::whole(size).amount();
        let value = contract.value(quantity, Price(price)).unwrap();
        let expected = Terms::Inverse(multiplier).value(&BigInt::from(quantity.0), price);
        prop_assert_eq!(BigInt::from(value.0), expected);
    }

    #[test]
    fn no_order_of_steps_revives_an_order_or_panics(
        steps in prop::collection::vec(0..crate::TRANSITIONS.len(), 0..60),
    ) {
        let mut state = OrderState::Proposed;
        for step in steps {
            let ended = state.is_terminal();
            state = state.after(crate::TRANSITIONS[step].1).unwrap_or(state);
            prop_assert!(!ended || state.is_terminal());
        }
    }
}
