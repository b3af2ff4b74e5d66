//! The command line: one file per command, one convention for all (`docs/cli.md`).

mod args;
mod control;
mod demo;
mod diff;
mod explain;
mod output;
mod publish;
mod reconcile;
mod replay;
mod run;
mod setting;
mod settings;
mod state;
mod tail;
mod verify;
mod with;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    App,
    exit::{Exit, Failure},
};
use args::{Arguments, Command, ConfigCommand};

/// Runs the command line of this process.
pub(crate) fn main(app: &App) -> ExitCode {
    // clap ends the process itself for --help (0) and for a wrong command line (2).
    let arguments = Arguments::parse();
    match dispatch(app, arguments.command) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(Failure { exit, error }) => {
            eprintln!("blotter: {error}");
            let mut said = error.to_string();
            for cause in error.chain().skip(1).map(ToString::to_string) {
                // What passes an error on says what the error says.
                if cause != said {
                    eprintln!("  because {cause}");
                }
                said = cause;
            }
            ExitCode::from(exit as u8)
        }
    }
}

fn dispatch(app: &App, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo { common, bus, seed } => demo::demo(app, &common, bus.engine(), seed),
        Command::Reconcile { common } => reconcile::reconcile(&common),
        Command::Run { common, bus, input, live: false, .. } => {
            run::tape(app, &common, bus.engine(), &input)
        }
        Command::Run { common, bus, input, live: true, speed } => {
            run::live(app, &common, bus.engine(), &input, speed)
        }
        Command::Replay { common, as_of, with: Some(change), keep, .. } => {
            let until = crate::journal::Until::parse(as_of.as_deref())?;
            with::with(app, &common, until, &change, keep.as_deref())
        }
        Command::Replay { common, as_of, agents, .. } => {
            replay::replay(app, &common, as_of.as_deref(), agents)
        }
        Command::State { common, as_of } => state::state(&common, as_of.as_deref()),
        Command::Diff { common, one, other } => diff::diff(&common, &one, &other),
        Command::Tail { common, from, follow } => tail::tail(&common, from, follow),
        Command::Verify { common, access } => verify::verify(&common, access.access()),
        Command::Trace { common, id } => explain::trace(&common, &id),
        Command::Why { common, order } => explain::why(&common, &order),
        Command::Publish { common, access } => publish::publish(&common, access.access()),
        Command::Halt { common, reason, actor, account } => {
            control::halt(&common, reason, actor, account)
        }
        Command::Resume { common, actor, reason, account } => {
            control::resume(&common, actor, reason, account)
        }
        Command::CancelAll { common, reason, actor, account } => {
            control::cancel_all(&common, reason, actor, account)
        }
        Command::Config { command } => match command {
            ConfigCommand::Show { common } => settings::show(&common),
            ConfigCommand::Instruments => settings::instruments(),
        },
    }
}
