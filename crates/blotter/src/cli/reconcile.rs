//! `reconcile`: our books against the broker's own record, breaks by code.

use broker::{Broker as _, Moment, PaperBroker};
use event::{EventId, Timestamp, books::BrokerSnapshotTaken};
use reconcile::{Difference, Tolerances, compare};
use serde_json::{Value, json};

use super::{args::Common, output, setting};
use crate::{
    exit::{Exit, Failure, OrExit as _, OrItsExit as _},
    journal::Until,
    pipeline::Fold,
};

/// Compares; writes nothing anywhere.
pub(super) fn reconcile(common: &Common) -> Result<Exit, Failure> {
    let setting = setting::read(common)?;
    let fold = crate::history::fold(&setting.dir, Until::End)?.fold;
    let mut found = Vec::new();
    for account in fold.books.accounts() {
        let dir = setting.dir.broker(account.id().as_str());
        let mut broker = PaperBroker::open_read_only(&dir).or_its_exit()?;
        let snapshot = ask(&mut broker).or_its_exit()?;
        let now = fold.last_time;
        let compared = compare(&fold.books, &snapshot, now, &Tolerances::default());
        found.extend(compared.or_exit(Exit::Environment)?.differences);
    }
    print(common, &fold, &found);
    Ok(if found.is_empty() && fold.open_breaks() == 0 { Exit::Ok } else { Exit::Breaks })
}

/// What the broker holds, in the order the gateway reads it.
fn ask(broker: &mut PaperBroker) -> Result<BrokerSnapshotTaken, broker::BrokerError> {
    let now = Moment { time: Timestamp(i64::MAX), position: u64::MAX };
    let orders_before = broker.open_orders(now)?;
    let executions = broker.executions_since(now, 0)?.0;
    let bookings = broker.bookings_since(now, 0)?.0;
    let positions = broker.positions(now)?;
    let balances = broker.balances(now)?;
    let orders_after = broker.open_orders(now)?;
    Ok(BrokerSnapshotTaken {
        account: broker.account(),
        query: EventId([0; 16]),
        failure: String::new(),
        orders_before,
        executions,
        positions,
        balances,
        orders_after,
        cycle: 0,
        bookings,
        executions_from: 0,
    })
}

fn print(common: &Common, fold: &Fold, found: &[Difference]) {
    let open = fold.open_breaks();
    if common.json {
        let breaks: Vec<Value> = found
            .iter()
            .map(|difference| {
                json!({
                    "code": difference.code.as_str(),
                    "subject": difference.subject,
                    "ours": difference.ours,
                    "broker": difference.broker,
                })
            })
            .collect();
        output::json(&json!({ "differences": breaks, "open_breaks": open }));
        return;
    }
    let rows: Vec<[String; 4]> = found
        .iter()
        .map(|difference| {
            [
                difference.code.to_string(),
                difference.subject.clone(),
                difference.ours.clone(),
                difference.broker.clone(),
            ]
        })
        .collect();
    if rows.is_empty() {
        output::line("our books and the broker's agree: orders, executions, positions, cash");
    } else {
        output::table(["CODE", "SUBJECT", "OURS", "BROKER"], &rows);
    }
    if open > 0 {
        output::line(&format!("{open} breaks are open; `blotter tail --from 0` tells their story"));
    }
}
