//! Operator commands in the order they were given, waiting to be logged.

use std::path::{Path, PathBuf};

use event::{AccountId, EventId, Timestamp, choices::OperatorVerb};
use serde_json::{Value, json};

use super::{
    ControlError,
    slots::{Slots, replace},
};

/// What an operator asked for, durable before anything else happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperatorCommand {
    /// Its number, from 1: its `source_seq` as an event of source `operator`.
    pub number: u64,
    /// Its identity, a UUIDv7.
    pub id: EventId,
    /// What.
    pub verb: OperatorVerb,
    /// For one account; absent means all.
    pub account: Option<AccountId>,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When it was given, by the wall clock.
    pub given_at: Timestamp,
}

/// The journal of commands: a ring of slots, never overwriting one that is not logged.
#[derive(Debug)]
pub(crate) struct CommandJournal {
    slots: Slots,
}

/// What became of a damaged journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mended {
    /// Commands that wait for a run, as before.
    pub(crate) waiting: usize,
    /// Where the damaged file is.
    pub(crate) kept: PathBuf,
}

/// Commands that can wait at once.
const COMMANDS: u64 = 1024;

impl CommandJournal {
    /// Opens the journal in `dir`, making it when it is not there.
    ///
    /// # Errors
    /// [`ControlError::Io`].
    pub(crate) fn open(dir: &Path) -> Result<Self, ControlError> {
        // Slot 0 holds how far the log has taken commands over.
        Slots::open(&dir.join("commands"), COMMANDS + 1).map(|slots| Self { slots })
    }

    /// Whether there is a journal in `dir`.
    #[must_use]
    pub(crate) fn is_there(dir: &Path) -> bool {
        dir.join("commands").exists()
    }

    /// Puts a sound journal in the place of a damaged one. The log holds every command up to `logged`;
    /// those after it that can be read are kept, in their order, and the damaged file beside it.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn mend(dir: &Path, logged: u64) -> Result<Mended, ControlError> {
        let damaged = Self::open(dir)?;
        damaged.slots.lock()?;
        let mut waiting: Vec<OperatorCommand> = (1..=COMMANDS)
            .filter_map(|slot| damaged.slots.read(slot).ok().flatten())
            .filter(|(number, _)| *number > logged)
            .filter_map(|(number, text)| parse(number, &text))
            .collect();
        waiting.sort_by_key(|command| command.number);
        let mut slots = vec![(0, logged, "logged".to_owned())];
        for (number, command) in (logged + 1..).zip(&mut waiting) {
            // The log takes them without a gap, so what was lost leaves none.
            command.number = number;
            slots.push((slot_of(number), number, text_of(command)));
        }
        let kept = replace(damaged.slots.path(), COMMANDS + 1, &slots)?;
        damaged.slots.unlock();
        Ok(Mended { waiting: waiting.len(), kept })
    }

    /// Appends a command and makes it durable; its number is set here.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn append(
        &self,
        mut command: OperatorCommand,
    ) -> Result<OperatorCommand, ControlError> {
        self.slots.lock()?;
        let result = self.append_locked(&mut command);
        self.slots.unlock();
        result.map(|()| command)
    }

    /// Commands after `number`, in order.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn after(&self, number: u64) -> Result<Vec<OperatorCommand>, ControlError> {
        let mut commands = Vec::new();
        for next in number + 1..=number + COMMANDS {
            let slot = slot_of(next);
            match self.slots.read(slot)? {
                Some((found, text)) if found == next => {
                    let command = parse(next, &text).ok_or_else(|| ControlError::Damaged {
                        path: self.slots.path().to_path_buf(),
                        slot,
                    })?;
                    commands.push(command);
                }
                _ => break,
            }
        }
        Ok(commands)
    }

    /// Says that every command up to `number` is in the log, so its slot may be used again.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(crate) fn logged(&self, number: u64) -> Result<(), ControlError> {
        if self.logged_to()? < number {
            self.slots.write(0, number, "logged")?;
        }
        Ok(())
    }

    fn logged_to(&self) -> Result<u64, ControlError> {
        Ok(self.slots.read(0)?.map_or(0, |(number, _)| number))
    }

    fn append_locked(&self, command: &mut OperatorCommand) -> Result<(), ControlError> {
        let logged = self.logged_to()?;
        let waiting = self.after(logged)?;
        let last = waiting.last().map_or(logged, |command| command.number);
        command.number = last + 1;
        if command.number > logged + COMMANDS {
            return Err(ControlError::Full { path: self.slots.path().to_path_buf() });
        }
        debug_assert_eq!(self.slots.count(), COMMANDS + 1);
        self.slots.write(slot_of(command.number), command.number, &text_of(command))
    }
}

const fn slot_of(number: u64) -> u64 {
    1 + (number - 1) % COMMANDS
}

fn text_of(command: &OperatorCommand) -> String {
    json!({
        "id": command.id.to_string(),
        "verb": command.verb.as_str(),
        "account": command.account.map(|account| account.to_string()),
        "actor": command.actor,
        "reason": command.reason,
        "at": command.given_at.0.to_string(),
    })
    .to_string()
}

fn parse(number: u64, text: &str) -> Option<OperatorCommand> {
    let value: Value = serde_json::from_str(text).ok()?;
    let text_at = |name: &str| value.get(name).and_then(Value::as_str);
    Some(OperatorCommand {
        number,
        id: text_at("id")?.parse().ok()?,
        verb: text_at("verb")?.parse().ok()?,
        account: match text_at("account") {
            Some(account) => Some(account.parse().ok()?),
            None => None,
        },
        actor: text_at("actor")?.to_owned(),
        reason: text_at("reason")?.to_owned(),
        given_at: text_at("at")?.parse().ok()?,
    })
}
