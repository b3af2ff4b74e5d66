//! Every changed byte and every cut of latch and command ring; and their first version.

use std::{fs, os::unix::fs::FileExt, path::Path};

use event::{EventId, choices::OperatorVerb};

use super::command;
use crate::control::{CommandJournal, ControlError, HaltLatch, LatchState};

/// Says how much was tried, for the table of what was proven.
fn told(proof: &str, of: &str, count: usize) {
    println!("{{\"proof\":\"{proof}\",\"of\":\"{of}\",\"count\":{count}}}");
}

fn halted(state: &LatchState) -> bool {
    matches!(state, LatchState::Halted { .. })
}

#[test]
fn no_changed_byte_and_no_cut_opens_a_halted_latch() {
    let dir = tempfile::tempdir().unwrap();
    HaltLatch::make(dir.path()).unwrap().halt(EventId([7; 16]), "too wild").unwrap();
    let path = dir.path().join("latch");
    let whole = fs::read(&path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for (at, byte) in whole.iter().enumerate() {
        for bit in 0..8 {
            file.write_all_at(&[byte ^ (1 << bit)], at as u64).unwrap();
            assert!(halted(&HaltLatch::peek(dir.path()).unwrap()), "bit {bit} of byte {at}");
        }
        file.write_all_at(&[*byte], at as u64).unwrap();
    }
    for at in (0..whole.len()).rev() {
        file.set_len(at as u64).unwrap();
        assert!(halted(&HaltLatch::peek(dir.path()).unwrap()), "cut at {at}");
    }
    told("changed bytes", "latch", whole.len() * 8);
    told("truncations", "latch", whole.len());
}

#[test]
fn a_slot_that_is_found_in_the_place_of_another_does_not_open_the_latch() {
    let dir = tempfile::tempdir().unwrap();
    HaltLatch::make(dir.path()).unwrap().halt(EventId([7; 16]), "too wild").unwrap();
    let path = dir.path().join("latch");
    let whole = fs::read(&path).unwrap();
    for (from, to) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
        let mut bytes = whole.clone();
        bytes.copy_within(from * 512..(from + 1) * 512, to * 512);
        fs::write(&path, bytes).unwrap();
        assert!(halted(&HaltLatch::peek(dir.path()).unwrap()), "slot {from} as slot {to}");
    }
}

#[test]
fn no_changed_byte_and_no_cut_of_the_ring_loses_or_alters_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let ring = CommandJournal::open(dir.path()).unwrap();
    let commands = ["one", "two"].map(|reason| ring.append(command(reason)).unwrap());
    let path = dir.path().join("commands");
    let whole = fs::read(&path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let (mut changes, mut cuts) = (0, 0);
    let is_sound = |what: &str| match ring.after(0) {
        Ok(found) => assert_eq!(found, commands, "{what}"),
        Err(error) => assert!(
            matches!(error, ControlError::Damaged { .. } | ControlError::Io { .. }),
            "{what}: {error}"
        ),
    };
    // Slot 0 says what was logged; 1 and 2 hold the commands.
    for at in 512..512 * 3 {
        for bit in 0..8 {
            file.write_all_at(&[whole[at] ^ (1 << bit)], at as u64).unwrap();
            is_sound(&format!("bit {bit} of byte {at}"));
            changes += 1;
        }
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    for at in (512..512 * 3).rev() {
        file.set_len(at).unwrap();
        assert!(ring.after(0).is_err(), "cut at {at}");
        cuts += 1;
    }
    told("changed bytes", "command ring", changes);
    told("truncations", "command ring", cuts);
}

#[test]
fn version_1_of_latch_and_ring_is_read_as_it_was() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/v1/data/control");
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [("latch", 2048), ("commands", 512 * 1025)] {
        let mut content = fs::read(golden.join(name)).unwrap();
        content.resize(bytes, 0);
        fs::write(dir.path().join(name), content).unwrap();
    }
    let reason = "op: golden".to_owned();
    assert_eq!(HaltLatch::peek(dir.path()).unwrap(), LatchState::Halted { reason });
    let commands = CommandJournal::open(dir.path()).unwrap().after(0).unwrap();
    let [halt] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((halt.number, halt.verb, halt.account), (1, OperatorVerb::Halt, None));
    assert_eq!((halt.actor.as_str(), halt.reason.as_str()), ("op", "golden"));
}
