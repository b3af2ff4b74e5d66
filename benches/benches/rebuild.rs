//! State rebuilt from a log of nine market events to one about an order: orders, positions and cash
//! on one core, against a scan of the same bytes through a memory map. The full state, with last
//! prices and so unrealised profit, stands beside it.

use std::path::Path;

use anyhow::ensure;
use benches::{
    BareFile, Better, EVENTS_PER_ORDER, median, open_log, report, scan_map, stopwatch, trading_day,
};
use bus::Bus as _;
use bus_log::LogReader;
use event::{Event, Kind};
use projection::{Books, Marks};

const ROUNDS: usize = 11;
const ORDERS: u64 = 6_000;
const CAPACITY: u64 = 160 << 20;

fn main() -> anyhow::Result<()> {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (dir, path) = (home.path().join("log"), home.path().join("bare"));
    let mut log = open_log(&dir, CAPACITY)?;
    let mut bare = BareFile::create(&path, CAPACITY)?;
    let (mut events, mut bytes) = (0_u64, 0_u64);
    for units in trading_day(ORDERS)?.chunks(64) {
        let records = || units.iter().flat_map(|unit| &unit.outputs);
        events += records().count() as u64;
        bytes += records().map(|record| record.bytes().len() as u64).sum::<u64>();
        bare.commit(records().map(|record| record.bytes().as_ref()))?;
        let _ = log.commit(units)?;
    }
    log.close()?;
    let (mut books, mut full, mut scan) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        books.push(rate(events, || rebuild(&dir, false))?);
        full.push(rate(events, || rebuild(&dir, true))?);
        scan.push(rate(events, || {
            ensure!(scan_map(&path, bare.written())? == bytes, "every byte is read");
            Ok(())
        })?);
    }
    let bare = ("bare", median(&scan));
    report("rebuild", "events/s", Better::Higher, median(&books), bare);
    report("rebuild_full", "events/s", Better::Higher, median(&full), bare);
    Ok(())
}

fn rate(events: u64, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    Ok(events as f64 / stopwatch(work)?.as_secs_f64())
}

/// Folds the log; records of kinds the fold does not want are not even decoded.
fn rebuild(dir: &Path, with_marks: bool) -> anyhow::Result<()> {
    let mut reader = LogReader::open(dir)?;
    let (mut books, mut marks) = (Books::new(), Marks::new());
    while reader.visit_batch(|raw| -> anyhow::Result<()> {
        let Some(kind) = Kind::of_number(raw.kind).filter(|_| raw.is_event) else { return Ok(()) };
        let (of_books, of_marks) = (Books::wants(kind), with_marks && Marks::wants(kind));
        if !of_books && !of_marks {
            return Ok(());
        }
        let event = Event::decode(raw.body)?;
        if of_books {
            ensure!(books.apply(&event).is_empty(), "nothing in it is illegal");
        }
        if of_marks {
            marks.apply(&event);
        }
        Ok(())
    })? {}
    let executions: usize = books.accounts().map(|account| account.executions().len()).sum();
    ensure!(
        executions as u64 == ORDERS,
        "every execution is booked ({EVENTS_PER_ORDER} events each)"
    );
    Ok(())
}
