//! `cargo xtask test`: every suite against its time budget.
//!
//! The budgets are for a warm build on two cores. A suite past its budget is marked, not failed: a
//! slow machine is no defect of the tree.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    root,
    tidy::{self, Rules},
};

/// What a suite runs.
enum Work {
    /// A check of the tree, in this process.
    Tidy,
    /// Cargo, once per list of arguments.
    Cargo(Vec<Vec<String>>),
}

struct Suite {
    name: &'static str,
    budget_s: u64,
    work: Work,
}

/// Engines whose suites need a server, each with what that takes. A suite of an engine is named after it.
const ENGINES: [(&str, &str); 2] = [
    ("nats", "a nats-server, which Python's pip fetches"),
    ("kafka", "an Apache Kafka, which Maven fetches, and a JDK 17"),
];

/// Suites that run only when they are asked for by name, each with what that takes.
const ON_REQUEST: [(&str, &str); 1] =
    [("kafka-tls", "OpenSSL's headers and a build of the Kafka client of its own")];

/// What of the suites is to run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Selection {
    /// Those named; all where none is.
    only: Vec<String>,
    /// Engines whose suites do not run.
    without: Vec<String>,
}

impl Selection {
    /// Reads `[SUITE...] [--only ENGINE] [--without ENGINE]`.
    fn parse(arguments: &[&str], known: &[&str]) -> Result<Self> {
        let mut selection = Self::default();
        let mut arguments = arguments.iter();
        let engines = || ENGINES.map(|(name, _)| name).join(", ");
        while let Some(argument) = arguments.next() {
            match *argument {
                flag @ ("--only" | "--without") => {
                    let name = arguments.next().copied().unwrap_or_default();
                    if ENGINES.iter().all(|(engine, _)| *engine != name) {
                        bail!("{flag} takes an engine that needs a server: {}", engines());
                    }
                    let names =
                        if flag == "--only" { &mut selection.only } else { &mut selection.without };
                    names.push(name.into());
                }
                name if known.contains(&name) => selection.only.push(name.into()),
                unknown => bail!("no suite `{unknown}`; there are {}", known.join(", ")),
            }
        }
        Ok(selection)
    }

    fn runs(&self, suite: &str) -> bool {
        let is = |name: &String| name == suite;
        let by_default = self.only.is_empty() && ON_REQUEST.iter().all(|(name, _)| *name != suite);
        (by_default || self.only.iter().any(is)) && !self.without.iter().any(is)
    }
}

/// How a suite ended. A suite that runs no tests counts as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

fn suites() -> Result<Vec<Suite>> {
    let cargo = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
    let once = |line: &str| Work::Cargo(vec![cargo(line)]);
    let pure = Rules::read()?.pure;
    let mut suites = vec![
        Suite { name: "fmt", budget_s: 10, work: once("fmt --all -- --check -l") },
        Suite { name: "tidy", budget_s: 5, work: Work::Tidy },
        Suite {
            name: "purity",
            budget_s: 30,
            work: Work::Cargo(
                pure.iter().map(|name| cargo(&format!("check --quiet --package {name}"))).collect(),
            ),
        },
        // What ships by default, and the least there is; every other suite has all features.
        Suite {
            name: "features",
            budget_s: 60,
            work: Work::Cargo(vec![
                cargo("check --quiet --package blotter"),
                cargo("check --quiet --package blotter --no-default-features"),
            ]),
        },
        Suite {
            name: "clippy",
            budget_s: 120,
            work: once(&format!("clippy {ALL} --all-targets --quiet -- -D warnings")),
        },
        Suite {
            name: "build",
            budget_s: 240,
            work: once(&format!("test {ALL} --all-targets --no-run --quiet")),
        },
        Suite {
            name: "unit",
            budget_s: 60,
            work: once(&format!(
                "test {ALL} --exclude tests --lib --bins --test it --no-fail-fast"
            )),
        },
        // On genuine servers, which are fetched and started by the tests themselves: the engine's own
        // suite, then what people run over it.
        Suite {
            name: "nats",
            budget_s: 120,
            work: Work::Cargo(vec![
                cargo(&format!("test {ALL} --test nats --no-fail-fast")),
                cargo("test --package tests --test it --no-fail-fast -- nats::"),
            ]),
        },
        Suite {
            name: "kafka",
            budget_s: 300,
            // Its tests wait for a server more than they compute.
            work: Work::Cargo(vec![
                cargo(&format!("test {ALL} --test kafka --no-fail-fast -- --test-threads 4")),
                cargo("test --package tests --test it --no-fail-fast -- kafka::"),
            ]),
        },
        Suite {
            name: "kafka-tls",
            budget_s: 300,
            work: once("test --package bus-kafka --features tls --test kafka -- tls::"),
        },
        Suite {
            name: "doc",
            budget_s: 60,
            work: once(&format!("test {ALL} --doc --no-fail-fast")),
        },
    ];
    let sim = |arguments: &str| cargo(&format!("{} {arguments}", crate::sim::CARGO));
    suites.push(Suite {
        name: "sim",
        budget_s: 180,
        work: Work::Cargo(vec![sim("--seeds 2000 --coverage"), sim("--matrix --seeds 1000")]),
    });
    if root().join("tests/Cargo.toml").exists() {
        suites.push(Suite {
            name: "integration",
            budget_s: 120,
            work: once("test --package tests --no-fail-fast -- --skip nats:: --skip kafka::"),
        });
    }
    Ok(suites)
}

/// Every package with every feature. Packages are left out by what is run, not by what is built, so that
/// what is built is the same for all and is built once.
const ALL: &str = "--workspace --features blotter/kafka";

/// Runs every suite, or those asked for; fails when one does, after all have run.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let mut suites = suites()?;
    let known: Vec<&str> = suites.iter().map(|suite| suite.name).collect();
    let selection = Selection::parse(arguments, &known)?;
    suites.retain(|suite| selection.runs(suite.name));
    let began = now();
    let mut total = Count::default();
    for suite in &suites {
        print!("{:<12}", suite.name);
        std::io::stdout().flush()?;
        let at = now();
        let count = match &suite.work {
            Work::Tidy => tidied(),
            Work::Cargo(lines) => cargo(suite.name, lines)?,
        };
        report(suite, count, at.elapsed());
        total.passed += count.passed;
        total.failed += count.failed;
    }
    for (name, takes) in ENGINES.iter().chain(&ON_REQUEST).filter(|(name, _)| !selection.runs(name))
    {
        println!("{name:<12} NOT RUN; it takes {takes}");
    }
    println!("{:<12} {:>6.1} s", "total", began.elapsed().as_secs_f32());
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 {
        bail!("failed; the whole output of each suite is in target/xtask/");
    }
    Ok(())
}

fn report(suite: &Suite, count: Count, took: Duration) {
    let late = if took.as_secs() > suite.budget_s { ", over budget" } else { "" };
    let verdict = if count.failed > 0 { "FAILED" } else { "ok" };
    println!(
        "{verdict:<6} {:>6.1} s of {:>3} s   {} passed, {} failed{late}",
        took.as_secs_f32(),
        suite.budget_s,
        count.passed,
        count.failed,
    );
}

fn tidied() -> Count {
    println!();
    let outcome = tidy::run();
    if let Err(problems) = &outcome {
        println!("{problems:#}");
    }
    print!("{:<12}", "");
    one(outcome.is_ok())
}

const fn one(ok: bool) -> Count {
    Count { passed: ok as u64, failed: !ok as u64 }
}

/// Runs cargo, keeps its output in a file, and shows it when it fails.
fn cargo(name: &str, lines: &[Vec<String>]) -> Result<Count> {
    let mut output = Vec::new();
    let mut ok = true;
    for line in lines {
        // One pipe for both, so that the output reads as it would on a terminal.
        let (reader, writer) = std::io::pipe()?;
        let mut command = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
        let command = command.args(line).current_dir(root()).stdin(std::process::Stdio::null());
        let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
        // The command keeps the writing end open for as long as it lives.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        output.extend(BufReader::new(reader).lines().map_while(Result::ok));
        ok &= child.wait()?.success();
    }
    let folder = root().join("target/xtask");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.log")), output.join("\n"))?;
    if !ok {
        println!("\n{}", excerpt(&output).join("\n"));
        print!("{name:<12}");
    }
    let count = results(&output);
    Ok(match (ok, count.passed + count.failed) {
        (_, 0) => one(ok),
        // What does not compile, or dies, counts as a failure of its own.
        (false, _) if count.failed == 0 => Count { failed: 1, ..count },
        _ => count,
    })
}

/// What failed: the tests' own failures where tests ran, else the end of what was said.
fn excerpt(output: &[String]) -> Vec<&str> {
    const LINES_MAX: usize = 60;
    let mut inside = false;
    let failures: Vec<_> = output
        .iter()
        .map(String::as_str)
        .filter(|line| {
            inside |= *line == "failures:";
            let shown = inside;
            inside &= !line.starts_with("test result: FAILED");
            shown
        })
        .collect();
    if failures.is_empty() {
        let skipped = output.len().saturating_sub(LINES_MAX);
        return output.iter().skip(skipped).map(String::as_str).collect();
    }
    failures
}

/// The sum of the lines `test result: ok. 5 passed; 0 failed; …`.
fn results(output: &[String]) -> Count {
    let mut count = Count::default();
    for line in output.iter().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        let number = |before: &str| {
            line.split(['.', ';'])
                .filter_map(|part| part.trim().strip_suffix(before)?.trim().parse::<u64>().ok())
                .next()
                .unwrap_or(0)
        };
        count.passed += number("passed");
        count.failed += number("failed");
    }
    count
}

#[expect(clippy::disallowed_methods, reason = "a suite is held against a budget of real time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(String::from).collect()
    }

    #[test]
    fn an_engine_is_left_out_or_runs_alone() {
        let known = ["unit", "nats", "kafka", "kafka-tls"];
        let runs = |arguments: &[&str]| {
            let selection = Selection::parse(arguments, &known).unwrap();
            known.map(|name| selection.runs(name))
        };
        assert_eq!(runs(&[]), [true, true, true, false]);
        assert_eq!(runs(&["--without", "kafka"]), [true, true, false, false]);
        assert_eq!(runs(&["--only", "kafka"]), [false, false, true, false]);
        assert_eq!(runs(&["unit", "--only", "nats"]), [true, true, false, false]);
        assert_eq!(runs(&["kafka-tls"]), [false, false, false, true]);
        for wrong in [&["--only"][..], &["--without", "unit"], &["untold"]] {
            assert!(Selection::parse(wrong, &known).is_err(), "{wrong:?}");
        }
    }

    /// A suite names what it runs, so a test binary that nobody named would run nowhere.
    #[test]
    fn every_test_binary_of_the_workspace_is_of_a_suite() {
        let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec().unwrap();
        let named = suites().unwrap().iter().map(|suite| suite.lines()).collect::<String>();
        for package in &metadata.packages {
            for target in package.targets.iter().filter(|target| target.is_test()) {
                let line = format!("--test {} ", target.name);
                assert!(named.contains(&line), "{} of {}", target.name, package.name);
            }
        }
    }

    impl Suite {
        fn lines(&self) -> String {
            match &self.work {
                Work::Tidy => String::new(),
                Work::Cargo(lines) => lines.iter().map(|line| line.join(" ") + " \n").collect(),
            }
        }
    }

    #[test]
    fn results_of_all_binaries_are_added() {
        let output = lines(
            "running 2 tests\n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; finished in 0.00s\n\
             test result: FAILED. 5 passed; 3 failed; 0 ignored; 0 measured",
        );
        assert_eq!(results(&output), Count { passed: 7, failed: 3 });
    }

    #[test]
    fn failing_tests_are_shown_and_passing_ones_are_not() {
        let output = lines(
            "test a ... ok\nfailures:\nb panicked\ntest result: FAILED. 1 passed; 1 failed\nmore",
        );
        assert_eq!(
            excerpt(&output),
            ["failures:", "b panicked", "test result: FAILED. 1 passed; 1 failed"]
        );
        let long = lines(&"error\n".repeat(100));
        assert_eq!(excerpt(&long).len(), 60);
    }
}
