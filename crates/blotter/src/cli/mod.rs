//! The command line: one file per command, one convention for all (`docs/cli.md`).

mod answer;
mod args;
mod control;
mod copy;
mod demo;
mod diff;
mod explain;
mod journal_check;
mod named;
mod output;
mod publish;
mod reconcile;
mod replay;
mod restore;
mod run;
mod setting;
mod settings;
mod state;
mod streams;
mod tail;
mod verify;
mod with;
mod work;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    App,
    exit::{Exit, Failure},
};
use args::{Arguments, Command, Common, ConfigCommand, StreamsCommand};

/// Runs the command line of this process.
pub(crate) fn main(app: &App) -> ExitCode {
    // clap ends the process itself for --help (0) and for a wrong command line (2).
    let arguments = Arguments::parse();
    match dispatch(app, &arguments.common, arguments.command) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(Failure { exit, error }) => {
            eprintln!("blotter: {}", output::calm(&error.to_string()));
            let mut said = error.to_string();
            for cause in error.chain().skip(1).map(ToString::to_string) {
                // What passes an error on says what the error says.
                if cause != said {
                    eprintln!("  because {}", output::calm(&cause));
                }
                said = cause;
            }
            ExitCode::from(exit as u8)
        }
    }
}

fn dispatch(app: &App, common: &Common, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Demo { bus, seed } => demo::demo(app, common, bus.engine(), seed),
        Command::Reconcile => reconcile::reconcile(common),
        Command::Run { bus, input, live: false, .. } => {
            run::tape(app, common, bus.engine(), &input)
        }
        Command::Run { bus, input, live: true, speed, without, patience } => {
            let shared = run::Shared { without: &without, patience };
            run::live(app, common, bus.engine(), &input, speed, &shared)
        }
        Command::Work { bus, tasks, name, standby, patience } => {
            let follows = standby.as_deref().map(|name| work::Follows { name, patience });
            work::work(app, common, &bus.engine(), &name, &tasks, follows)
        }
        Command::Replay { as_of, with: Some(change), keep, .. } => {
            let until = crate::journal::Until::parse(as_of.as_deref())?;
            with::with(app, common, until, &change, keep.as_deref())
        }
        Command::Replay { as_of, agents, .. } => {
            replay::replay(app, common, as_of.as_deref(), agents)
        }
        Command::State { as_of } => state::state(common, as_of.as_deref()),
        Command::Diff { one, other } => diff::diff(common, &one, &other),
        Command::Tail { from, follow } => tail::tail(common, from, follow),
        Command::Verify { bus } => verify::verify(common, &bus),
        Command::Restore => restore::restore(common),
        Command::Copy(ends) => copy::copy(common, &ends),
        Command::Trace { id } => explain::trace(common, &id),
        Command::Why { order } => explain::why(common, &order),
        Command::Publish { bus } => publish::publish(common, &bus),
        Command::Halt { reason, actor, account } => control::halt(common, reason, actor, account),
        Command::Resume { actor, reason, account } => {
            control::resume(common, actor, reason, account)
        }
        Command::CancelAll { reason, actor, account } => {
            control::cancel_all(common, reason, actor, account)
        }
        Command::Streams { command } => match command {
            StreamsCommand::Plan { bus } => streams::plan(common, &bus.engine()),
            StreamsCommand::Apply { bus } => streams::apply(common, &bus.engine()),
            StreamsCommand::Verify { bus } => streams::verify(common, &bus.engine()),
            StreamsCommand::Export { form, bus } => streams::export(form, &bus.engine()),
        },
        Command::Config { command } => match command {
            ConfigCommand::Show => settings::show(common),
            ConfigCommand::Instruments => settings::instruments(),
        },
    }
}
