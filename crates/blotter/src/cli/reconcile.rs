//! `reconcile`: our books against the broker's own record, breaks by code.

use broker::{Broker as _, Moment, PaperBroker};
use event::{EventId, Timestamp, books::BrokerSnapshotTaken};
use reconcile::{Difference, Standing, Tolerances, compare};
use serde_json::{Value, json};

use super::{args::Common, output, setting};
use crate::{
    control::Publisher,
    data_dir::DataDir,
    exit::{Exit, Failure, OrExit as _, OrItsExit as _},
    journal::Until,
    pipeline::Fold,
};

/// Compares; writes nothing anywhere.
pub(super) fn reconcile(common: &Common) -> Result<Exit, Failure> {
    let found = Found::of(&setting::read(common)?.dir)?;
    found.print(common);
    Ok(if found.is_clean() { Exit::Ok } else { Exit::Breaks })
}

/// Where our books and the broker's differ.
struct Found {
    fold: Fold,
    settled: Vec<Difference>,
    /// Younger than an answer takes, so no break yet.
    in_flight: Vec<Difference>,
}

impl Found {
    fn of(dir: &DataDir) -> Result<Self, Failure> {
        let mut fold = crate::history::fold(dir, Until::End)?.fold;
        let mut snapshots = Vec::new();
        for account in fold.books.accounts() {
            let record = dir.broker(account.id().as_str());
            let mut broker = PaperBroker::open_read_only(&record).or_its_exit()?;
            snapshots.push(ask(&mut broker).or_its_exit()?);
        }
        if Publisher::is_listening(dir.root()) {
            // An attempt is in the log before the broker hears of it: books younger than what was
            // asked know every order that it shows.
            fold = crate::history::fold(dir, Until::End)?.fold;
        }
        let mut found = Vec::new();
        for snapshot in &snapshots {
            let compared = compare(&fold.books, snapshot, fold.last_time, &Tolerances::default());
            found.extend(compared.or_exit(Exit::Environment)?.differences);
        }
        let (settled, in_flight) =
            found.into_iter().partition(|difference| difference.standing == Standing::Settled);
        Ok(Self { fold, settled, in_flight })
    }

    fn is_clean(&self) -> bool {
        self.settled.is_empty() && self.fold.open_breaks() == 0
    }

    fn print(&self, common: &Common) {
        let Self { fold, settled, in_flight } = self;
        let open = fold.open_breaks();
        if common.json {
            let list = |found: &[Difference]| found.iter().map(to_json).collect::<Vec<_>>();
            output::json(&json!({
                "differences": list(settled),
                "in_flight": list(in_flight),
                "open_breaks": open,
            }));
            return;
        }
        if !settled.is_empty() {
            output::table(["CODE", "SUBJECT", "OURS", "BROKER"], &rows(settled));
        } else if in_flight.is_empty() {
            output::line("our books and the broker's agree: orders, executions, positions, cash");
        } else {
            output::line("our books and the broker's agree, but for what is in flight");
        }
        if !in_flight.is_empty() {
            output::line("");
            output::table(["IN FLIGHT", "SUBJECT", "OURS", "BROKER"], &rows(in_flight));
            output::line(
                "sent or answered within the grace before the log's last event, so no break yet; a run that \
                 goes on takes it in",
            );
        }
        if open > 0 {
            output::line(&format!(
                "{open} breaks are open; `blotter tail --from 0` tells their story"
            ));
        }
    }
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

fn rows(found: &[Difference]) -> Vec<[String; 4]> {
    let row = |difference: &Difference| {
        [
            difference.code.to_string(),
            difference.subject.clone(),
            difference.ours.clone(),
            difference.broker.clone(),
        ]
    };
    found.iter().map(row).collect()
}

fn to_json(difference: &Difference) -> Value {
    json!({
        "code": difference.code.as_str(),
        "subject": difference.subject,
        "ours": difference.ours,
        "broker": difference.broker,
    })
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, sync::atomic::AtomicBool};

    use event::Kind;
    use feed::{Instruments, TapeReader};

    use super::*;
    use crate::{
        App,
        clock::wall_clock,
        config::{Layers, SHIPPED, Settings},
        engine::Engine,
        pipeline::{TapeRun, run_tape},
        setup,
    };

    /// A run in which every answer of the broker is lost, over this many quotes that lean one way, four
    /// a second.
    fn run(dir: &DataDir, quotes: u64) {
        let mut lines = String::new();
        for quote in 1..=quotes {
            let at = 1_723_161_904_000_000_000 + quote * 250_000_000;
            writeln!(
                lines,
                r#"{at} {{"stream":"btcusdt@bookTicker","data":{{"u":{quote},"s":"BTCUSDT","b":"61773.50","B":"3","a":"61773.51","A":"0.2"}}}}"#
            )
            .unwrap();
        }
        dir.make().unwrap();
        let tape = dir.root().join("tape.ws");
        std::fs::write(&tape, lines).unwrap();
        let layers = Layers::stack(SHIPPED, None, std::iter::empty()).unwrap();
        let mut settings = Settings::of(&layers).unwrap();
        settings.paper.faults.lost_response_ppm = 1_000_000;
        let instruments = Instruments::shipped().unwrap();
        let agents = setup::agents(&App::new(), &settings);
        let run = TapeRun {
            engine: &Engine::Embedded,
            dir,
            settings: &settings,
            instruments: &instruments,
            agents: &agents,
            tape: TapeReader::open(&[tape], &instruments).unwrap(),
            wall_clock,
            stop: &AtomicBool::new(false),
        };
        let end = run_tape(run, |_, _| {}).unwrap();
        assert_eq!(end.fold.tally.kind(Kind::OrderUnknown), 1, "of {quotes} quotes");
    }

    #[test]
    fn what_is_in_flight_is_told_and_is_no_break_until_it_has_stood_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let ran = |name: &str, quotes| {
            let dir = DataDir::new(&folder.path().join(name));
            run(&dir, quotes);
            Found::of(&dir).unwrap()
        };
        let soon = ran("soon", 10);
        assert_eq!((soon.settled.len(), soon.in_flight.len()), (0, 1), "{:?}", soon.settled);
        assert!(soon.is_clean());
        let late = ran("late", 40);
        assert_eq!((late.settled.len(), late.in_flight.len()), (1, 0), "{:?}", late.in_flight);
        assert!(!late.is_clean());
    }
}
