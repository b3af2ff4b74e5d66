//! The books as of a moment, and a run that begins again, on a log of one size and on one ten times as
//! long: neither may grow with the log, because a snapshot stands near every moment.
//!
//! It starts the program that ships, built for release, or the one that `BLOTTER` names. A ratio of one
//! means that ten times the log costs no more.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use benches::{Better, median, report, stopwatch};

/// Rounds, each of a moment of its own: how far the next snapshot is differs from moment to moment.
const ROUNDS: u64 = 15;
/// Quotes of the short tape: long enough for several snapshots.
const QUOTES: u64 = 40_000;
const TIMES: u64 = 10;
const START_NS: u64 = 1_723_161_904_000_000_000;

fn main() -> Result<()> {
    let program = program()?;
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let short = Run::made(&program, home.path(), "short", QUOTES)?;
    let long = Run::made(&program, home.path(), "long", QUOTES * TIMES)?;
    let ask = |run: &Run, at: u64| run.ask(&["state", "--as-of", &at.to_string()]);
    let again = |run: &Run| run.ask(&["run", "--input", "tape.ws"]);
    let mut figures: [Vec<f64>; 4] = Default::default();
    // By turns, so that what else the machine does falls on all alike; the first round warms up.
    for round in 0..=ROUNDS {
        let moment = |run: &Run| (run.entries - 2) * round / ROUNDS;
        let found = [
            ask(&short, moment(&short))?,
            ask(&long, moment(&long))?,
            again(&short)?,
            again(&long)?,
        ];
        if round > 0 {
            figures.iter_mut().zip(found).for_each(|(all, one)| all.push(one));
        }
    }
    let [moment, moment_long, start, start_long] = figures.map(|all| median(&all));
    let ms = |name, long, short| report(name, "ms", Better::Lower, long, ("a tenth of it", short));
    ms("as_of", moment_long, moment);
    ms("begin_again", start_long, start);
    Ok(())
}

/// A tape that was run to its end.
struct Run {
    program: PathBuf,
    dir: PathBuf,
    entries: u64,
}

impl Run {
    fn made(program: &Path, home: &Path, name: &str, quotes: u64) -> Result<Self> {
        let dir = home.join(name);
        fs::create_dir(&dir)?;
        fs::write(dir.join("tape.ws"), tape(quotes)?)?;
        let mut run = Self { program: program.into(), dir, entries: 0 };
        let _ = run.ask(&["run", "--input", "tape.ws"])?;
        let last = run.said(&["tail", "--json"])?;
        let index = last.split("\"index\":").last().and_then(|rest| rest.split([',', '}']).next());
        run.entries = index.context("a last index")?.trim().parse()?;
        ensure!(run.entries > quotes, "every quote is in the log");
        // What a question leaves behind for the next one is there before anything is measured.
        let _ = run.ask(&["state"])?;
        Ok(run)
    }

    /// How long the program takes, in milliseconds.
    fn ask(&self, arguments: &[&str]) -> Result<f64> {
        let took = stopwatch(|| self.said(arguments).map(drop))?;
        Ok(took.as_secs_f64() * 1e3)
    }

    fn said(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        let command = command.args(arguments).args(["--data", "data"]).current_dir(&self.dir);
        let output = command.stdin(Stdio::null()).output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {error}");
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The program that ships.
fn program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("BLOTTER") {
        return Ok(fs::canonicalize(named)?);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let build = ["build", "--quiet", "--release", "--package", "blotter"];
    ensure!(Command::new(cargo).args(build).current_dir(&root).status()?.success(), "it builds");
    Ok(fs::canonicalize(root.join("target/release/blotter"))?)
}

/// Quotes that lean one way for a while and then the other, and trades that fill what is sent: the
/// shipped strategy signals at every turn.
fn tape(quotes: u64) -> Result<String> {
    let mut lines = String::new();
    let cents = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    for quote in 0..quotes {
        let at = START_NS + quote * 250_000_000;
        let bid = 6_177_350 + (quote % 400).abs_diff(200) * 5;
        let (bid, ask) = (cents(bid), cents(bid + 1));
        let (bids, asks) = if quote / 60 % 2 == 0 { ("3.0", "0.2") } else { ("0.2", "3.0") };
        let number = 2 * quote + 1;
        writeln!(
            lines,
            r#"{at} {{"stream":"btcusdt@bookTicker","data":{{"u":{number},"s":"BTCUSDT","b":"{bid}","B":"{bids}","a":"{ask}","A":"{asks}"}}}}"#
        )?;
        if quote % 4 == 3 {
            let (price, seller_took) = if quote % 8 == 3 { (ask, false) } else { (bid, true) };
            let (at, trade) = (at + 1_000_000, number + 1);
            let ms = at / 1_000_000;
            writeln!(
                lines,
                r#"{at} {{"stream":"btcusdt@trade","data":{{"e":"trade","E":{ms},"s":"BTCUSDT","t":{trade},"p":"{price}","q":"0.5","T":{ms},"m":{seller_took}}}}}"#
            )?;
        }
    }
    Ok(lines)
}
