//! `state`: positions, orders, cash and profit, folded from the journal.

use std::collections::BTreeMap;

use event::{Amount, Currency, Kind, books::Balance};
use forensics::JournalReader;
use projection::{Account, Cash};
use serde_json::{Value, json};

use super::{args::Common, output};
use crate::{
    control::{HaltLatch, LatchState},
    data_dir::DataDir,
    exit::{Exit, Failure, OrItsExit as _},
    history::{self, Folded},
    journal::Until,
    pipeline::Fold,
    query::printable,
};

/// Prints the state as of an index or instant.
pub(super) fn state(common: &Common, as_of: Option<&str>) -> Result<Exit, Failure> {
    let until = Until::parse(as_of)?;
    let dir = DataDir::new(&common.data);
    let folded = history::fold(&dir, until)?;
    let (last_time, last) = (folded.fold.last_time, folded.last);
    tell_end(&dir, until, &folded);
    let latch = HaltLatch::peek(&dir.control()).or_its_exit()?;
    let latched = match &latch {
        LatchState::Open => None,
        LatchState::Halted { reason } => Some(reason.as_str()),
    };
    if common.json {
        let mut told = to_json(&folded.fold);
        if let Some(told) = told.as_object_mut() {
            let _ = told
                .insert("as_of".into(), json!({ "index": last, "time": last_time.to_string() }));
            let _ = told
                .insert("latch".into(), json!({ "halted": latched.is_some(), "reason": latched }));
        }
        output::json(&told);
    } else {
        if let Some(reason) = latched {
            output::line(&format!(
                "TRADING HALTED by the latch, every account: {}\n",
                printable(reason)
            ));
        }
        if let Some(last) = last {
            output::line(&format!("As of {last_time}, journal index {last}\n"));
        }
        print(&folded.fold);
        output::line("");
        print_profit(&folded.fold);
        let count = |kind| folded.fold.tally.kind(kind);
        output::line(&format!(
            "\n{} orders of {} proposals, {} executions, {} open breaks",
            count(Kind::SubmitOrder),
            count(Kind::OrderProposed),
            count(Kind::OrderExecuted),
            folded.fold.open_breaks()
        ));
    }
    Ok(Exit::Ok)
}

/// Says so when the moment asked for is not there yet.
pub(super) fn tell_end(dir: &DataDir, until: Until, folded: &Folded) {
    let Until::Time(asked) = until else { return };
    let last_time = folded.fold.last_time;
    let end = JournalReader::open(&dir.journal()).and_then(|mut reader| reader.end());
    let is_end = end.is_ok_and(|end| end == folded.last.map_or(0, |last| last + 1));
    if is_end && last_time < asked {
        eprintln!("the journal ends at {last_time}, before {asked}: this is its end");
    }
}

/// Tables for people.
pub(super) fn print(fold: &Fold) {
    for account in fold.books.accounts() {
        let id = account.id();
        let halted = if fold.books.is_halted(id) { "  TRADING HALTED" } else { "" };
        output::line(&format!("Account {id}{halted}"));
        let positions: Vec<[String; 6]> = account
            .positions()
            .filter(|position| !position.quantity.is_zero() || !position.realised.is_zero())
            .map(|position| {
                let worth = fold.marks.worth(&fold.books, position).ok().flatten();
                [
                    position.instrument.to_string(),
                    position.quantity.to_string(),
                    position.total_cost.to_string(),
                    cents(position.realised),
                    worth.map_or("-".into(), |worth| cents(worth.unrealised)),
                    fees(&position.fees),
                ]
            })
            .collect();
        output::line("");
        output::table(
            ["POSITION", "QUANTITY", "COST", "REALISED", "UNREALISED", "FEES"],
            &positions,
        );
        let cash: Vec<[String; 2]> = account
            .cash()
            .map(|cash| [cash.currency.to_string(), cash.total().to_string()])
            .collect();
        output::line("");
        output::table(["CASH", "AMOUNT"], &cash);
        let orders: Vec<[String; 7]> = account
            .open_orders()
            .map(|order| {
                [
                    order.order.to_string(),
                    order.instrument.to_string(),
                    order.state.as_str().to_owned(),
                    order.side.to_string(),
                    order.quantity.to_string(),
                    order.cumulative.to_string(),
                    order.limit_price.map_or("-".into(), |price| price.to_string()),
                ]
            })
            .collect();
        if !orders.is_empty() {
            output::line("");
            output::table(
                ["OPEN ORDER", "INSTRUMENT", "STATE", "SIDE", "QUANTITY", "FILLED", "LIMIT"],
                &orders,
            );
        }
    }
}

/// Profit split into gross, fees and funding, by currency.
pub(super) fn print_profit(fold: &Fold) {
    for account in fold.books.accounts() {
        let rows: Vec<[String; 5]> = profits(fold, account)
            .into_iter()
            .map(|profit| {
                [
                    profit.currency.to_string(),
                    cents(profit.realised),
                    cents(profit.unrealised),
                    cents(profit.fees),
                    cents(profit.funding),
                ]
            })
            .collect();
        output::table(["CURRENCY", "GROSS REALISED", "UNREALISED", "FEES", "FUNDING"], &rows);
    }
}

/// What was earned and paid in one currency.
struct Profit {
    currency: Currency,
    realised: Amount,
    unrealised: Amount,
    fees: Amount,
    funding: Amount,
}

fn profits(fold: &Fold, account: &Account) -> Vec<Profit> {
    let unrealised = fold.marks.unrealised(&fold.books, account.id()).unwrap_or_default();
    let mut realised = BTreeMap::new();
    for position in account.positions() {
        let contract = fold.books.contract(position.instrument, position.touched);
        let Some(contract) = contract else { continue };
        let sum: &mut Amount = realised.entry(contract.settle).or_insert(Amount::ZERO);
        *sum = sum.plus(position.realised).unwrap_or(*sum);
    }
    let of = |amounts: &BTreeMap<Currency, Amount>, currency| {
        amounts.get(&currency).copied().unwrap_or_default()
    };
    let profit = |cash: &Cash| Profit {
        currency: cash.currency,
        realised: of(&realised, cash.currency),
        unrealised: of(&unrealised, cash.currency),
        fees: cash.fees,
        funding: cash.funding,
    };
    account.cash().map(profit).collect()
}

fn profit(fold: &Fold, account: &Account) -> Value {
    let one = |profit: Profit| {
        let amounts = json!({
            "realised": profit.realised.to_string(),
            "unrealised": profit.unrealised.to_string(),
            "fees": profit.fees.to_string(),
            "funding": profit.funding.to_string(),
        });
        (profit.currency.to_string(), amounts)
    };
    profits(fold, account).into_iter().map(one).collect::<serde_json::Map<_, _>>().into()
}

fn fees(fees: &[Balance]) -> String {
    let words = fees.iter().map(|fee| format!("{} {}", cents(fee.amount), fee.currency));
    words.collect::<Vec<_>>().join(", ")
}

fn balances(balances: &[Balance]) -> Value {
    balances
        .iter()
        .map(|balance| (balance.currency.to_string(), json!(balance.amount.to_string())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// A profit or fee, at eight places: the rest is dust that a person does not read.
fn cents(amount: Amount) -> String {
    let unit = 10_000_000_000;
    Amount(amount.0 / unit * unit).to_string()
}

/// The same for machines, whole.
pub(super) fn to_json(fold: &Fold) -> Value {
    let accounts: Vec<Value> = fold
        .books
        .accounts()
        .map(|account| {
            let positions: Vec<Value> = account
                .positions()
                .map(|position| {
                    let worth = fold.marks.worth(&fold.books, position).ok().flatten();
                    json!({
                        "instrument": position.instrument.as_str(),
                        "quantity": position.quantity.to_string(),
                        "total_cost": position.total_cost.to_string(),
                        "realised": position.realised.to_string(),
                        "unrealised": worth.map(|worth| worth.unrealised.to_string()),
                        "fees": balances(&position.fees),
                        "funding": position.funding.to_string(),
                    })
                })
                .collect();
            let cash: serde_json::Map<String, Value> = account
                .cash()
                .map(|cash| (cash.currency.to_string(), json!(cash.total().to_string())))
                .collect();
            let orders: Vec<Value> = account
                .open_orders()
                .map(|order| {
                    json!({
                        "order": order.order.to_string(),
                        "instrument": order.instrument.as_str(),
                        "state": order.state.as_str(),
                        "side": order.side.as_str(),
                        "quantity": order.quantity.to_string(),
                        "filled": order.cumulative.to_string(),
                        "limit_price": order.limit_price.map(|price| price.to_string()),
                    })
                })
                .collect();
            json!({
                "account": account.id().as_str(),
                "halted": fold.books.is_halted(account.id()),
                "positions": positions,
                "cash": cash,
                "open_orders": orders,
                "profit": profit(fold, account),
                "executions": account.executions().len(),
                "open_breaks": account.breaks().count(),
            })
        })
        .collect();
    json!({
        "accounts": accounts,
        "proposals": fold.tally.kind(Kind::OrderProposed),
        "orders": fold.tally.kind(Kind::SubmitOrder),
        "state_digest": fold.state_digest().to_string(),
        "log_digest": fold.log.digest().to_string(),
    })
}
