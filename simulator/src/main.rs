//! `simulator`: runs seeds and says which of them break an invariant.
//!
//! ```text
//! simulator [--from S] [--seeds N] [--jobs N] [--without DEFENCE] [--first]
//!                                                        the last line is JSON
//! simulator --seed S [--shrink] [--without DEFENCE]      one run, told in words
//! simulator --matrix [--seeds N]                         every defence switched off in turn;
//!                                                        the last line is JSON
//! ```
//!
//! Seeds know nothing of one another, so each core runs its own; what they gave is added up in the order
//! of the seeds, and how many cores there are changes nothing of it.

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
};

use simulator::{Coverage, Defence, Plan, Ran, Words, run, shrink};

/// Seeds after which a long run says how far it is.
const PROGRESS: u64 = 1_000;

struct Arguments {
    from: u64,
    seeds: u64,
    jobs: usize,
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

const USAGE: &str = "usage: simulator [--from S] [--seeds N] [--jobs N] [--seed S] [--without DEFENCE] \
                     [--shrink] [--matrix] [--coverage] [--first]";

fn read(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        from: 0,
        seeds: 1_000,
        jobs: std::thread::available_parallelism().map_or(1, usize::from),
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
            "--jobs" => arguments.jobs = number()?.max(1) as usize,
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

/// What the seeds of a sweep gave, added up in their order.
struct Sum {
    seeds: u64,
    deliveries: u64,
    fewest: u64,
    coverage: Coverage,
    faults: BTreeMap<&'static str, u64>,
    digest: event::Digest,
    failed: Vec<u64>,
}

impl Sum {
    fn take(&mut self, seed: u64, ran: &Ran) {
        self.seeds += 1;
        self.deliveries += ran.deliveries;
        self.fewest = self.fewest.min(ran.deliveries);
        self.coverage.add(&ran.coverage);
        for (fault, times) in &ran.faults {
            *self.faults.entry(fault.word()).or_default() += times;
        }
        let digest = ran.trace.digest();
        self.digest = event::id::digest_of("simulator-sweep", &[&self.digest.0, &digest.0]);
        if let Some(violation) = &ran.violation {
            println!("seed {seed}: {violation}");
            println!("  cargo xtask sim --seed {seed} --shrink");
            self.failed.push(seed);
        }
    }
}

/// Runs many seeds; true when all hold.
fn sweep(arguments: &Arguments) -> bool {
    let mut sum = Sum {
        seeds: 0,
        deliveries: 0,
        fewest: u64::MAX,
        coverage: Coverage::default(),
        faults: BTreeMap::new(),
        digest: event::id::digest_of("simulator-sweep", &[]),
        failed: Vec::new(),
    };
    in_order(arguments, |seed, ran| {
        sum.take(seed, &ran);
        if sum.seeds.is_multiple_of(PROGRESS) && sum.seeds < arguments.seeds {
            let Sum { seeds, deliveries, failed, .. } = &sum;
            let failed = failed.len();
            eprintln!(
                "{seeds} of {} seeds, {deliveries} deliveries, {failed} failed",
                arguments.seeds
            );
        }
        !arguments.first || sum.failed.is_empty()
    });
    let Sum { seeds, deliveries, fewest, coverage, faults, digest, failed } = sum;
    if arguments.coverage {
        for (kind, last, next, passed, died) in coverage.pairs() {
            println!("{kind:?} {last:?} -> {next:?}: passed {passed}, died {died}");
        }
        for (fault, times) in &faults {
            println!("{fault}: {times}");
        }
    }
    let unstruck = faults.values().filter(|times| **times == 0).count();
    println!(
        r#"{{"seeds":{seeds},"deliveries":{deliveries},"deliveries_least":{fewest},"faults":{},"faults_unstruck":{unstruck},"effect_pairs":{},"effect_pairs_without_crash":{},"trace_digest":"{digest}","failed":{failed:?}}}"#,
        faults.len(),
        coverage.pairs().count(),
        coverage.missing(),
    );
    failed.is_empty() && (!arguments.coverage || coverage.missing() + unstruck == 0)
}

/// Runs seeds on every core, and hands over what they gave in their order, until it says no more.
fn in_order(arguments: &Arguments, mut take: impl FnMut(u64, Ran) -> bool) {
    let (next, ends) = (AtomicU64::new(arguments.from), AtomicBool::new(false));
    let end = arguments.from + arguments.seeds;
    let (sender, ran) = mpsc::sync_channel(arguments.jobs * 4);
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            let (sender, next, ends) = (sender.clone(), &next, &ends);
            let _ = scope.spawn(move || {
                while !ends.load(Ordering::Acquire) {
                    let seed = next.fetch_add(1, Ordering::AcqRel);
                    let is_left = seed < end;
                    let plan = plan(seed, arguments.without);
                    if !is_left || sender.send((seed, run(plan, Words::None))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut early, mut due) = (BTreeMap::new(), arguments.from);
        for (seed, ran) in ran {
            let _ = early.insert(seed, ran);
            while let Some(ran) = early.remove(&due) {
                if !take(due, ran) {
                    ends.store(true, Ordering::Release);
                    return;
                }
                due += 1;
            }
        }
    });
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
    let mut unseen = Vec::new();
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
                unseen.push(defence.word());
            }
        }
    }
    println!(r#"{{"defences":{},"seeds":{seeds},"unseen":{unseen:?}}}"#, Defence::ALL.len());
    unseen.is_empty()
}
