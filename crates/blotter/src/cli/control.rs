//! `halt`, `resume`, `cancel-all`: they act on files of their own, so they work with the bus
//! stopped and the disk full.

use event::{AccountId, EventId, choices::OperatorVerb};
use serde_json::{Value, json};

use super::{
    answer::{self, Answer},
    args::Common,
    output, setting,
};
use crate::{
    clock::wall_clock,
    control::{CommandJournal, HaltLatch, Mended, OperatorCommand, Publisher},
    data_dir::DataDir,
    exit::{Exit, Failure, OrExit as _, OrItsExit as _},
    journal::{self, Item, Until},
    pipeline::OPERATOR,
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
    let mut command = command(OperatorVerb::Halt, actor, reason, account)?;
    if let Some(account) = command.account.filter(|account| !is_known(common, *account)) {
        // Nothing is said of an account that is not there, which nobody could resume.
        command.account = None;
        eprintln!("there is no account {account} here; every account is halted");
    }
    let latch = HaltLatch::open(&dir.control()).or_its_exit()?;
    let words = format!("{}: {}", command.actor, command.reason);
    latch.halt(command.id, &words).or_its_exit()?;
    let recorded = match record(&dir, command.clone()) {
        Err(Failure { exit: Exit::Integrity, .. }) => {
            mend(&dir).and_then(|()| record(&dir, command))
        }
        recorded => recorded,
    };
    if recorded.is_err() {
        latch.halt_unrecorded(&words).or_its_exit()?;
        eprintln!(
            "TRADING IS HALTED: the latch is set and holds until a resume; what follows is why the \
             command itself could not be recorded"
        );
    }
    tell(common, &recorded?);
    Ok(Exit::Ok)
}

/// Asks for a resume. The latch is released by the run, once it finds the books clean; where a run is
/// active, its answer is waited for.
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
    let asked_at = answer::end_of(&dir);
    let recorded = record(&dir, command)?;
    if !recorded.running {
        tell(common, &recorded);
        return Ok(Exit::Ok);
    }
    let answer = answer::wait_for(&dir, recorded.command.id, asked_at)?;
    if common.json {
        output::json(&answer.to_json(recorded.to_json()));
    } else {
        output::line(&format!(
            "RESUME recorded as command {}: {}",
            recorded.command.number,
            answer.words()
        ));
    }
    Ok(match answer {
        Answer::Accepted | Answer::RunEnded => Exit::Ok,
        Answer::Refused(_) | Answer::Held(_) => Exit::CheckFailed,
        Answer::None => Exit::Environment,
    })
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
    tell(common, &record(&dir, command)?);
    Ok(Exit::Ok)
}

fn open(common: &Common) -> Result<DataDir, Failure> {
    let dir = DataDir::new(&common.data);
    dir.must_hold_data().or_its_exit()?;
    dir.make().or_its_exit()?;
    Ok(dir)
}

/// Bytes of a halt's words that are kept.
const REASON_BYTES_MAX: usize = 256;
/// Bytes of the name of who halts that are kept.
const ACTOR_BYTES_MAX: usize = 64;

/// The beginning of a text that takes no more than `max` bytes where it is recorded.
fn cut(text: String, max: usize) -> String {
    let mut room = max;
    let fits = |c: &char| {
        // Quotes and control characters take more, written as JSON.
        let left = room.checked_sub(json!(c).to_string().len() - 2);
        room = left.unwrap_or_default();
        left.is_some()
    };
    if json!(text).to_string().len() - 2 <= max {
        return text;
    }
    text.chars().take_while(fits).collect()
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

/// A command that is durable.
struct Recorded {
    command: OperatorCommand,
    /// Whether a run is there to take it in.
    running: bool,
}

impl Recorded {
    fn to_json(&self) -> Value {
        json!({
            "command": self.command.verb.as_str(),
            "number": self.command.number,
            "id": self.command.id.to_string(),
            "running": self.running,
        })
    }
}

/// Puts a sound ring of commands in the place of a damaged one.
fn mend(dir: &DataDir) -> Result<(), Failure> {
    if Publisher::is_listening(dir.root()) {
        return Err(Failure::new(
            Exit::Integrity,
            "E7005 the commands are damaged and a run is active that has the file open; let it end, then \
             halt again: that writes the file anew",
        ));
    }
    let Mended { waiting, kept } =
        CommandJournal::mend(&dir.control(), last_logged(dir)?).or_its_exit()?;
    eprintln!(
        "the commands were damaged and are written anew, with the {waiting} of them that no run has \
         logged and that can be read; what cannot may have been another, so give it again. The damaged \
         file is {}",
        kept.display()
    );
    Ok(())
}

/// The number of the last operator's command in the log.
fn last_logged(dir: &DataDir) -> Result<u64, Failure> {
    let mut last = 0;
    let mut reader = journal::open(dir, wall_clock)?;
    journal::walk(&mut reader, 0, Until::End, |item| {
        if let Item::Event { event, .. } = item
            && event.source.as_str() == OPERATOR
        {
            last = last.max(event.source_seq);
        }
        Ok(())
    })?;
    Ok(last)
}

fn record(dir: &DataDir, command: OperatorCommand) -> Result<Recorded, Failure> {
    // Where the file is gone, numbers go on behind those that the log has.
    let begun =
        if CommandJournal::is_there(&dir.control()) { None } else { Some(last_logged(dir)?) };
    let journal = CommandJournal::open(&dir.control()).or_its_exit()?;
    if let Some(last) = begun {
        journal.logged(last).or_its_exit()?;
    }
    let command = journal.append(command).or_its_exit()?;
    Ok(Recorded { command, running: Publisher::is_listening(dir.root()) })
}

fn tell(common: &Common, recorded: &Recorded) {
    if common.json {
        return output::json(&recorded.to_json());
    }
    let Recorded { command, running } = recorded;
    let then = match (command.verb, running) {
        (OperatorVerb::Halt, _) => "no order of any account leaves from now on",
        (_, true) => "the run takes it in at its next step",
        (_, false) => "no run is active; the next one begins with it",
    };
    output::line(&format!("{} recorded as command {}: {then}", command.verb, command.number));
}

fn login() -> String {
    std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| "operator".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::LatchState;

    #[test]
    fn a_halt_that_finds_no_room_for_its_command_halts_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_path_buf();
        let dir = DataDir::new(&data);
        dir.make().unwrap();
        let _ = forensics::Journal::open(&dir.journal(), wall_clock).unwrap().close();
        let ring = CommandJournal::open(&dir.control()).unwrap();
        let full = |verb| command(verb, "ada".into(), "again".into(), None).unwrap();
        while ring.append(full(OperatorVerb::CancelAll)).is_ok() {}
        let common = Common { data, config: None, instruments: None, json: true };
        let refused = halt(&common, "drill".into(), Some("ada".into()), None).unwrap_err();
        assert!(refused.error.to_string().starts_with("E7003"), "{}", refused.error);
        assert_eq!(refused.exit, Exit::Environment);
        let halted = LatchState::Halted { reason: "ada: drill".into() };
        assert_eq!(HaltLatch::peek(&dir.control()).unwrap(), halted);
    }

    #[test]
    fn words_are_cut_to_what_they_take_where_they_are_recorded() {
        let quoted = |text: &str| serde_json::json!(text).to_string().len() - 2;
        for text in ["a".repeat(300), "\"".repeat(300), "é".repeat(300), "\u{1}".repeat(300)] {
            let kept = cut(text.clone(), 256);
            assert!(text.starts_with(&kept) && (245..=256).contains(&quoted(&kept)), "{kept:?}");
        }
        assert_eq!(cut("a\"b".into(), 256), "a\"b");
    }
}
