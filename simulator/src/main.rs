//! `simulator`: runs seeds and says which of them break an invariant.
//!
//! ```text
//! simulator [--from S] [--seeds N] [--without DEFENCE] [--first]   the last line is JSON
//! simulator --seed S [--shrink] [--without DEFENCE]      one run, told in words
//! simulator --matrix [--seeds N]                         every defence switched off in turn
//! ```

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::{collections::BTreeMap, process::ExitCode};

use simulator::{Coverage, Defence, Plan, Ran, Words, run, shrink};

/// Seeds after which a long run says how far it is.
const PROGRESS: u64 = 1_000;

struct Arguments {
    from: u64,
    seeds: u64,
    one: Option<u64>,
    without: Option<Defence>,
    shrinks: bool,
    matrix: bool,
    coverage: bool,
    first: bool,
}

fn main() -> ExitCode {
    let arguments = match read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let holds = match (arguments.matrix, arguments.one) {
        (true, _) => matrix(arguments.from, arguments.seeds),
        (false, Some(seed)) => tell(seed, &arguments),
        (false, None) => sweep(&arguments),
    };
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const USAGE: &str = "usage: simulator [--from S] [--seeds N] [--seed S] [--without DEFENCE] \
                     [--shrink] [--matrix] [--coverage] [--first]";

fn read(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        from: 0,
        seeds: 1_000,
        one: None,
        without: None,
        shrinks: false,
        matrix: false,
        coverage: false,
        first: false,
    };
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let mut number = || {
            let next = words.next().and_then(|text| text.parse().ok());
            next.ok_or_else(|| format!("{word} needs a number"))
        };
        match word.as_str() {
            "--from" => arguments.from = number()?,
            "--seeds" => arguments.seeds = number()?,
            "--seed" => arguments.one = Some(number()?),
            "--shrink" => arguments.shrinks = true,
            "--matrix" => arguments.matrix = true,
            "--coverage" => arguments.coverage = true,
            "--first" => arguments.first = true,
            "--without" => {
                let name = words.next().unwrap_or_default();
                let known = Defence::ALL.into_iter().find(|defence| defence.word() == name);
                arguments.without = Some(known.ok_or_else(|| format!("no defence `{name}`"))?);
            }
            other => return Err(format!("`{other}` is not known")),
        }
    }
    Ok(arguments)
}

fn plan(seed: u64, without: Option<Defence>) -> Plan {
    Plan { without, ..Plan::of(seed) }
}

/// Runs many seeds; true when all hold.
fn sweep(arguments: &Arguments) -> bool {
    let (mut deliveries, mut failed) = (0, Vec::new());
    let mut fewest = u64::MAX;
    let mut coverage = Coverage::default();
    let mut faults: BTreeMap<&str, u64> = BTreeMap::new();
    let mut digest = event::id::digest_of("simulator-sweep", &[]);
    for seed in arguments.from..arguments.from + arguments.seeds {
        let ran = run(plan(seed, arguments.without), Words::None);
        deliveries += ran.deliveries;
        fewest = fewest.min(ran.deliveries);
        coverage.add(&ran.coverage);
        for (fault, times) in &ran.faults {
            *faults.entry(fault.word()).or_default() += times;
        }
        digest = event::id::digest_of("simulator-sweep", &[&digest.0, &ran.trace.digest().0]);
        if let Some(violation) = &ran.violation {
            println!("seed {seed}: {violation}");
            println!("  cargo run --profile simulator -p simulator -- --seed {seed} --shrink");
            failed.push(seed);
            if arguments.first {
                break;
            }
        }
        let done = seed + 1 - arguments.from;
        if done.is_multiple_of(PROGRESS) && done < arguments.seeds {
            eprintln!("{done} of {} seeds, {deliveries} deliveries", arguments.seeds);
        }
    }
    if arguments.coverage {
        for (kind, last, next, passed, died) in coverage.pairs() {
            println!("{kind:?} {last:?} -> {next:?}: passed {passed}, died {died}");
        }
        for (fault, times) in &faults {
            println!("{fault}: {times}");
        }
    }
    println!(
        r#"{{"seeds":{},"deliveries":{deliveries},"deliveries_least":{fewest},"effect_pairs":{},"effect_pairs_without_crash":{},"trace_digest":"{digest}","failed":{failed:?}}}"#,
        arguments.seeds,
        coverage.pairs().count(),
        coverage.missing(),
    );
    failed.is_empty() && (!arguments.coverage || coverage.missing() == 0)
}

/// Runs one seed and tells it.
fn tell(seed: u64, arguments: &Arguments) -> bool {
    let mut plan = plan(seed, arguments.without);
    if arguments.shrinks {
        plan = shrink(&plan);
    }
    let ran = run(plan.clone(), Words::Kept);
    for line in ran.trace.timeline() {
        println!("{line}");
    }
    let faults: Vec<_> = plan.rates.present().map(simulator::Fault::word).collect();
    println!("engine {}, {} records, faults {faults:?}", plan.engine.word(), plan.records);
    let Ran { deliveries, events, orders, executions, violation, .. } = ran;
    println!("{deliveries} deliveries, {events} events, {orders} orders, {executions} executions");
    if let Some(violation) = &violation {
        println!("{violation}");
    }
    violation.is_none()
}

/// Switches every defence off in turn; true when the absence of each is seen.
fn matrix(from: u64, seeds: u64) -> bool {
    let mut all = true;
    println!("{:<26} {:>10}  seen as", "without", "first seed");
    for defence in Defence::ALL {
        let seen = (from..from + seeds).find_map(|seed| {
            let violation = run(plan(seed, Some(defence)), Words::None).violation?;
            Some((seed, violation.invariant))
        });
        match seen {
            Some((seed, invariant)) => {
                println!("{:<26} {seed:>10}  {invariant}", defence.word());
            }
            None => {
                println!("{:<26} {:>10}  not within {seeds} seeds", defence.word(), "-");
                all = false;
            }
        }
    }
    all
}
