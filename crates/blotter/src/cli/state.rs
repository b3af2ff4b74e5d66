//! `state`: positions, orders, cash and profit, folded from the journal.

use event::{Amount, Currency, books::Balance};
use serde_json::{Value, json};

use super::{args::Common, output};
use crate::{
    control::{HaltLatch, LatchState},
    data_dir::DataDir,
    exit::{Exit, Failure, OrExit as _},
    history,
    journal::Until,
    pipeline::Fold,
};

/// Prints the state as of an index or instant.
pub(super) fn state(common: &Common, as_of: Option<&str>) -> Result<Exit, Failure> {
    let until = Until::parse(as_of)?;
    let dir = DataDir::new(&common.data);
    let folded = history::fold(&dir, until)?;
    let latch = HaltLatch::peek(&dir.control()).or_exit(Exit::Environment)?;
    let latched = match &latch {
        LatchState::Open => None,
        LatchState::Halted { reason } => Some(reason.as_str()),
    };
    if common.json {
        let mut told = to_json(&folded.fold);
        if let Some(told) = told.as_object_mut() {
            let _ = told
                .insert("latch".into(), json!({ "halted": latched.is_some(), "reason": latched }));
        }
        output::json(&told);
    } else {
        if let Some(reason) = latched {
            output::line(&format!(
                "TRADING HALTED by the latch, every account: {}\n",
                plain(reason)
            ));
        }
        print(&folded.fold);
    }
    Ok(Exit::Ok)
}

/// Text that somebody typed, without what would move a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
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
        let orders: Vec<[String; 5]> = account
            .open_orders()
            .map(|order| {
                [
                    order.order.to_string(),
                    order.instrument.to_string(),
                    order.state.as_str().to_owned(),
                    order.quantity.to_string(),
                    order.limit_price.map_or("-".into(), |price| price.to_string()),
                ]
            })
            .collect();
        if !orders.is_empty() {
            output::line("");
            output::table(["OPEN ORDER", "INSTRUMENT", "STATE", "QUANTITY", "LIMIT"], &orders);
        }
    }
}

/// Profit split into gross, fees and funding, by currency.
pub(super) fn print_profit(fold: &Fold) {
    for account in fold.books.accounts() {
        let unrealised = fold.marks.unrealised(&fold.books, account.id()).unwrap_or_default();
        let mut realised = std::collections::BTreeMap::new();
        for position in account.positions() {
            let contract = fold.books.contract(position.instrument, position.touched);
            let Some(contract) = contract else { continue };
            let sum: &mut Amount = realised.entry(contract.settle).or_insert(Amount::ZERO);
            *sum = sum.plus(position.realised).unwrap_or(*sum);
        }
        let rows: Vec<[String; 5]> = account
            .cash()
            .map(|cash| {
                let of = |amounts: &std::collections::BTreeMap<Currency, Amount>| {
                    amounts.get(&cash.currency).copied().map_or_else(|| "0".into(), cents)
                };
                [
                    cash.currency.to_string(),
                    of(&realised),
                    of(&unrealised),
                    cents(cash.fees),
                    cents(cash.funding),
                ]
            })
            .collect();
        output::table(["CURRENCY", "GROSS REALISED", "UNREALISED", "FEES", "FUNDING"], &rows);
    }
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
                        "quantity": order.quantity.to_string(),
                    })
                })
                .collect();
            json!({
                "account": account.id().as_str(),
                "halted": fold.books.is_halted(account.id()),
                "positions": positions,
                "cash": cash,
                "open_orders": orders,
                "orders": account.orders_len(),
                "executions": account.executions().len(),
                "open_breaks": account.breaks().count(),
            })
        })
        .collect();
    json!({
        "accounts": accounts,
        "state_digest": fold.state_digest().to_string(),
        "log_digest": fold.log.digest().to_string(),
    })
}
