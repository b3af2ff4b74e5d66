//! Directories written by each version on disk stay readable; damaged and newer ones are refused.
//!
//! `tests/golden/v1` holds what `blotter run` left of a short tape, without the zeros its files end
//! with. `BLOTTER_BLESS=1` writes what is said of it anew; the directory itself is never written
//! again, since old directories do not change.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tests::Desk;

const SEGMENT: &str = "00000000000000000000.seg";

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1")
}

/// The files of a data directory, and how large each was with its zeros.
const FILES: [(&str, usize); 7] = [
    ("binding", 0),
    ("broker/PAPER/record", 0),
    ("control/commands", 512 * 1025),
    ("control/latch", 2048),
    ("journal/00000000000000000000.seg", 4 << 20),
    ("log/00000000000000000000.seg", 4 << 20),
    ("log/checkpoint", 0),
];

/// A desk with the golden directory on it, whole again.
fn desk() -> Desk {
    let desk = Desk::new();
    for (name, bytes) in FILES {
        let mut content = fs::read(golden().join("data").join(name)).unwrap();
        content.resize(content.len().max(bytes), 0);
        fs::create_dir_all(desk.path("data").join(name).parent().unwrap()).unwrap();
        let _ = desk.write(&format!("data/{name}"), content);
    }
    desk
}

/// A desk whose directory had one of its files changed.
fn changed(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Desk {
    let desk = desk();
    let path = desk.path("data").join(name);
    let mut content = fs::read(&path).unwrap();
    change(&mut content);
    fs::write(path, content).unwrap();
    desk
}

fn ask(desk: &Desk, question: &str) -> Value {
    let mut said = desk.run(&[question, "--json", "--data", "data"]).exits(0).summary();
    let _ = said.as_object_mut().unwrap().remove("events_per_second");
    said
}

#[test]
fn version_1_is_read_as_it_was() {
    let desk = desk();
    let said: Vec<(&str, Value)> = ["verify", "replay", "state", "reconcile"]
        .into_iter()
        .map(|question| (question, ask(&desk, question)))
        .collect();
    let path = golden().join("said.json");
    if std::env::var_os("BLOTTER_BLESS").is_some() {
        let text = said.iter().fold(String::new(), |text, (question, said)| {
            text + &json!({"question": question, "said": said}).to_string() + "\n"
        });
        fs::write(&path, &text).unwrap();
    }
    // An answer may say more than it did, never something else. A state digest is of one version of
    // the fold, and changes with it.
    for (line, (question, said)) in fs::read_to_string(path).unwrap().lines().zip(&said) {
        let expected: Value = serde_json::from_str(line).unwrap();
        assert_eq!(expected["question"], *question);
        assert!(says(said, &expected["said"]), "{question}: {said}");
    }
    let tail = desk.events("data");
    assert_eq!(tail.len() as u64, said[0].1["events"].as_u64().unwrap());
}

/// Whether an answer says all of another, perhaps more.
fn says(said: &Value, expected: &Value) -> bool {
    match (said, expected) {
        (Value::Object(said), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| said.get(name).is_some_and(|one| says(one, value)))
        }
        (Value::Array(said), Value::Array(expected)) => {
            said.len() == expected.len()
                && said.iter().zip(expected).all(|(one, other)| says(one, other))
        }
        (said, expected) => said == expected,
    }
}

/// Every reader ends with `code` and says `words`; so does a run.
fn refused(desk: &Desk, commands: &[&str], code: i32, words: &str) {
    for command in commands {
        let said = desk.run(&[command, "--data", "data"]).exits(code);
        assert!((said.stdout.clone() + &said.stderr).contains(words), "{command}: {}", said.stderr);
    }
}

#[test]
fn a_damaged_directory_is_refused_as_damaged() {
    let readers = ["verify", "replay", "state", "tail", "reconcile"];
    let journal = changed(&format!("journal/{SEGMENT}"), |bytes| bytes[20_000] ^= 0x10);
    refused(&journal, &readers, 6, "E2004");
    let cut = changed(&format!("journal/{SEGMENT}"), |bytes| bytes.truncate(40_000));
    refused(&cut, &readers, 6, "E2004");
    let foreign = changed(&format!("journal/{SEGMENT}"), |bytes| bytes[0] ^= 1);
    refused(&foreign, &readers, 6, "E2002");
    // Readers read the journal; the log is `verify`'s and a writer's.
    let log = changed(&format!("log/{SEGMENT}"), |bytes| bytes[20_000] ^= 0x10);
    refused(&log, &["verify", "publish"], 6, "E2004");
    let broker = changed("broker/PAPER/record", |bytes| bytes[300] ^= 0x10);
    refused(&broker, &["reconcile"], 6, "E9002");
}

#[test]
fn a_directory_of_a_newer_version_is_refused_as_newer() {
    let readers = ["verify", "replay", "state", "tail", "reconcile"];
    let journal = changed(&format!("journal/{SEGMENT}"), |bytes| newer(bytes));
    refused(&journal, &readers, 3, "E2003");
    let log = changed(&format!("log/{SEGMENT}"), |bytes| newer(bytes));
    refused(&log, &["verify", "publish"], 3, "E2003");
    let broker = changed("broker/PAPER/record", |bytes| bytes[7] = b'2');
    refused(&broker, &["reconcile"], 3, "E9012");
}

#[test]
fn a_changed_byte_anywhere_in_log_or_journal_is_told_by_verify() {
    for folder in ["log", "journal"] {
        let name = format!("{folder}/{SEGMENT}");
        let desk = desk();
        let path = desk.path("data").join(&name);
        let whole = fs::read(&path).unwrap();
        // The head, every part of a batch, the close record and the zeros behind it.
        for at in
            [0, 9, 40, 64, 70, 100, 200, 5_003, 33_333, 60_000, 63_160, 77_000, 100_000, 4_194_303]
        {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x04;
            fs::write(&path, bytes).unwrap();
            let said = desk.run(&["verify", "--json", "--data", "data"]);
            let summary = said.clone();
            match said.code {
                Some(0) => assert_ne!(summary.summary()["torn"], json!([]), "{name} {at}"),
                code => assert!(matches!(code, Some(3 | 6)), "{name} {at}: {code:?}"),
            }
        }
    }
}

#[test]
fn a_log_that_ends_before_its_journal_is_told_by_verify() {
    // What is behind the fortieth kilobyte never reached the disk, as far as the log can tell.
    let desk = changed(&format!("log/{SEGMENT}"), |bytes| {
        let end = batch_beginning_near(bytes, 40_000);
        bytes[end..].fill(0);
    });
    let said = desk.run(&["verify", "--json", "--data", "data"]).exits(6).summary();
    assert!(said["findings"][0].as_str().unwrap().contains("the log ends before index"), "{said}");
}

fn batch_beginning_near(bytes: &[u8], at: usize) -> usize {
    (at..).find(|at| at % 8 == 0 && bytes[*at..].starts_with(b"BTCH")).unwrap()
}

/// Makes a segment one of format 2, its checksum right.
fn newer(bytes: &mut [u8]) {
    bytes[8] = 2;
    bytes[12..16].fill(0);
    let mut crc = !0_u32;
    for byte in &bytes[..64] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
        }
    }
    bytes[12..16].copy_from_slice(&(!crc).to_le_bytes());
}
