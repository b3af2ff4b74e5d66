//! `halt`, `resume`, `cancel-all`: they act on files of their own, so they work with the bus
//! stopped and the disk full.

use event::{AccountId, EventId, choices::OperatorVerb};
use serde_json::json;

use super::{args::Common, output, setting};
use crate::{
    clock::wall_clock,
    control::{CommandJournal, HaltLatch, OperatorCommand, socket_path},
    data_dir::DataDir,
    exit::{Exit, Failure, OrExit as _},
};

/// Halts: the latch first, then the record of who and why.
pub(super) fn halt(
    common: &Common,
    reason: String,
    actor: Option<String>,
    account: Option<String>,
) -> Result<Exit, Failure> {
    let dir = open(common)?;
    let actor = actor.unwrap_or_else(login);
    // A halt is never refused for its words.
    let (actor, reason) = (cut(actor, ACTOR_BYTES_MAX), cut(reason, REASON_BYTES_MAX));
    let command = command(OperatorVerb::Halt, actor, reason, account)?;
    if let Some(account) = command.account.filter(|account| !is_known(common, *account)) {
        eprintln!("there is no account {account} here; the latch stops every account all the same");
    }
    let latch = HaltLatch::open(&dir.control()).or_exit(Exit::Environment)?;
    let words = format!("{}: {}", command.actor, command.reason);
    latch.halt(command.id, &words).or_exit(Exit::Environment)?;
    let recorded = record(common, &dir, command);
    if recorded.is_err() {
        latch.halt_unrecorded(&words).or_exit(Exit::Environment)?;
        eprintln!(
            "TRADING IS HALTED: the latch is set and holds until a resume; what follows is why the \
             command itself could not be recorded"
        );
    }
    recorded
}

/// Asks for a resume. The latch is released by the run, once it finds the books clean.
pub(super) fn resume(
    common: &Common,
    actor: String,
    reason: String,
    account: Option<String>,
) -> Result<Exit, Failure> {
    if actor.trim().is_empty() || reason.trim().is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "E7301 a resume needs an actor and a reason: \
             blotter resume --actor NAME --reason \"why it is safe\"",
        ));
    }
    let dir = open(common)?;
    let command = command(OperatorVerb::Resume, actor, reason, account)?;
    must_know(common, &command)?;
    record(common, &dir, command)
}

/// Asks for every open order to be cancelled.
pub(super) fn cancel_all(
    common: &Common,
    reason: String,
    actor: Option<String>,
    account: Option<String>,
) -> Result<Exit, Failure> {
    let dir = open(common)?;
    let actor = actor.unwrap_or_else(login);
    let command = command(OperatorVerb::CancelAll, actor, reason, account)?;
    must_know(common, &command)?;
    record(common, &dir, command)
}

fn open(common: &Common) -> Result<DataDir, Failure> {
    let dir = DataDir::new(&common.data);
    dir.must_hold_data().or_exit(Exit::NotFound)?;
    dir.make().or_exit(Exit::Environment)?;
    Ok(dir)
}

/// Bytes of a halt's words that are kept.
const REASON_BYTES_MAX: usize = 256;
/// Bytes of the name of who halts that are kept.
const ACTOR_BYTES_MAX: usize = 64;

fn cut(mut text: String, max: usize) -> String {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Whether the account is one of those that are set. Settings that cannot be read know all: an
/// operator is not kept waiting for them.
fn is_known(common: &Common, account: AccountId) -> bool {
    setting::read(common).is_ok_and(|setting| setting.settings.account.name == account)
        || setting::read(common).is_err()
}

fn must_know(common: &Common, command: &OperatorCommand) -> Result<(), Failure> {
    match command.account {
        Some(account) if !is_known(common, account) => Err(Failure::new(
            Exit::NotFound,
            format!(
                "E7303 there is no account {account}; `blotter config show` names the one there is"
            ),
        )),
        _ => Ok(()),
    }
}

fn command(
    verb: OperatorVerb,
    actor: String,
    reason: String,
    account: Option<String>,
) -> Result<OperatorCommand, Failure> {
    let account = match account {
        Some(name) => Some(AccountId::new(&name).or_exit(Exit::Usage)?),
        None => None,
    };
    let id = EventId(*uuid::Uuid::now_v7().as_bytes());
    Ok(OperatorCommand { number: 0, id, verb, account, actor, reason, given_at: wall_clock() })
}

fn record(common: &Common, dir: &DataDir, command: OperatorCommand) -> Result<Exit, Failure> {
    let verb = command.verb;
    let journal = CommandJournal::open(&dir.control()).or_exit(Exit::Environment)?;
    let command = journal.append(command).or_exit(Exit::Environment)?;
    let running = socket_path(dir.root()).exists();
    if common.json {
        output::json(&json!({
            "command": verb.as_str(),
            "number": command.number,
            "id": command.id.to_string(),
            "running": running,
        }));
    } else {
        let then = match (verb, running) {
            (OperatorVerb::Halt, _) => "no order of any account leaves from now on",
            (_, true) => "the run takes it in at its next step",
            (_, false) => "no run is active; the next one begins with it",
        };
        output::line(&format!("{verb} recorded as command {}: {then}", command.number));
    }
    Ok(Exit::Ok)
}

fn login() -> String {
    std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "operator".into())
}
