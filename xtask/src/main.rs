//! Project tasks: what a person would otherwise do by hand or in a shell script.
//!
//! It builds fast because it knows only the vocabulary, never the rest of the product.

use std::{env, path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};

mod errors;
mod kinds;
mod mutants;
mod proof;
mod schemas;
mod servers;
mod sim;
mod soak;
mod streams;
mod suites;
mod tidy;

const USAGE: &str = "\
usage: cargo xtask <task>

  test [SUITE...] [--only ENGINE] [--without ENGINE]
                       every suite, or those named, against its time budget; ENGINE is nats or
                       kafka, whose suites need a server
  fuzz [--inputs N] [--seed S]
                       changed bytes for every decoder, N in all; ends in one JSON line
  soak [PART...] [--seeds N] [--from S] [--kills N] [--inputs N] [--outages N] [--seed S]
                       the long forms of everything that searches for a fault, or of the parts named
                       (sim, defences, disk, model, kills, files, fuzz, nats, kafka): 100,000 seeds,
                       1,000 kills, 10^6 inputs, ten times the outages of each server; ends in a
                       table and one JSON line
  mutants [--package P] [--shard K/N] [--file GLOB]
                       changes the pure crates place by place; fails when one survives unexplained
  sim [ARGUMENT...]    the simulator: --seeds N, --from S, --jobs N, --seed S, --shrink, --matrix,
                       --coverage
  sim --patches [--seeds N]
                       takes defences out of a copy of the tree, one by one: each must be missed
  tidy                 directions of dependencies, purity, words, files, named tests
  schemas              schemas/proto from the declarations in crates/event
  schemas --bless      the same, and golden bytes for goldens that have JSON only
  kinds                docs/kinds.md from schemas/kinds.toml
  errors               docs/errors from the error enums and docs/errors/advice.toml
  servers kafka        a genuine Apache Kafka to try things with, until interrupted
  servers nats         a genuine nats-server to try things with, until interrupted
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test", arguments @ ..] => suites::run(arguments),
        ["fuzz", rest @ ..] => soak::fuzz(rest),
        ["soak", rest @ ..] => soak::soak(rest),
        ["mutants", rest @ ..] => mutants::run(rest),
        ["sim", arguments @ ..] => sim::run(arguments),
        ["tidy"] => tidy::run(),
        ["schemas"] => schemas::write(),
        ["schemas", "--bless"] => schemas::write().and_then(|()| schemas::bless()),
        ["kinds"] => kinds::write(),
        ["errors"] => errors::write(),
        ["servers", name] => servers::run(name),
        _ => bail!("{USAGE}"),
    }
}

/// The repository.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}
