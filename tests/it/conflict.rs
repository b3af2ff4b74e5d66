//! One writer, one input, one configuration; and bytes that are not what was written.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tests::{Desk, tape::Tape};

const START_NS: u64 = 1_723_161_904_000_000_000;

fn desk(quotes: u64) -> Desk {
    let desk = Desk::new();
    desk.write("tape.ws", Tape::spot("BTCUSDT", START_NS).leaning(quotes).bytes());
    desk
}

#[test]
fn a_second_writer_is_refused_while_a_run_holds_the_directory_and_readers_are_not() {
    let desk = desk(6_000);
    let mut running = desk.start_run("data", &["tape.ws"]);
    assert!(desk.reaches(&mut running, "data", 300));
    running.pause();
    let second = ["run", "--json", "--data", "data", "--input", "tape.ws"];
    let _ = desk.run(&second).exits(5).says("E2206");
    let readers: [&[&str]; 4] = [&["state"], &["tail"], &["replay"], &["verify"]];
    for reader in readers {
        let _ = desk.run(&[reader, &["--data", "data"]].concat()).exits(0);
    }
    running.go_on();
    let paused = running.summary(0);
    let undisturbed = desk.run_tapes("other", &["tape.ws"]);
    assert_eq!(paused["log_digest"], undisturbed["log_digest"]);
}

#[test]
fn readers_that_come_while_a_run_starts_do_not_stand_in_its_way() {
    let desk = desk(400);
    let whole = desk.run_tapes("data", &["tape.ws"]);
    for _ in 0..8 {
        let running = desk.start(&["run", "--json", "--data", "data", "--input", "tape.ws"]);
        for _ in 0..4 {
            let _ = desk.run(&["state", "--data", "data"]).exits(0);
        }
        assert_eq!(running.summary(0)["log_digest"], whole["log_digest"]);
    }
}

#[test]
fn another_input_or_configuration_on_the_same_directory_is_refused_by_name() {
    let desk = desk(40);
    desk.write("other.ws", Tape::spot("BTCUSDT", START_NS).leaning(41).bytes());
    desk.write("other.toml", "[strategy]\nenter_ppm = 400000\n");
    let whole = desk.run_tapes("data", &["tape.ws"]);
    let run = ["run", "--json", "--data", "data", "--input"];
    let ask = |more: &[&str]| desk.run(&[&run[..], more].concat());
    let said = ask(&["other.ws"]).exits(5).says("E7203").says("input tape.ws");
    assert!(said.stderr.contains("other.ws"));
    let _ = ask(&["tape.ws", "other.ws"]).exits(5).says("E7203");
    let _ = ask(&["tape.ws", "--config", "other.toml"]).exits(5).says("bound to configuration");
    assert_eq!(desk.run_tapes("data", &["tape.ws"])["log_digest"], whole["log_digest"]);
}

#[test]
fn the_same_tape_under_another_name_or_packing_is_the_same_input() {
    let desk = desk(40);
    let tape = Tape::spot("BTCUSDT", START_NS).leaning(40);
    desk.write("again.ws.gz", tape.gzip());
    let whole = desk.run_tapes("data", &["tape.ws"]);
    assert_eq!(desk.run_tapes("data", &["again.ws.gz"])["log_digest"], whole["log_digest"]);
}

#[test]
fn a_file_where_the_directory_should_be_stands_in_the_way() {
    let desk = desk(40);
    desk.write("data", "a file");
    let run = ["run", "--data", "data", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(3).says("E7201 data");
}

#[test]
fn a_directory_that_cannot_be_written_stands_in_the_way() {
    let desk = desk(40);
    let sealed = desk.path("sealed");
    fs::create_dir(&sealed).unwrap();
    // Permissions do not bind root, a read-only mount does; without the right to mount there are
    // permissions.
    let read_only = ReadOnly::over(&sealed);
    let run = ["run", "--data", "sealed/data", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(3).says("E7201 sealed/data");
    drop(read_only);
    let _ = desk.run(&run).exits(0);
}

/// A directory made read-only until this is dropped.
struct ReadOnly {
    folder: PathBuf,
    mounted: bool,
}

impl ReadOnly {
    fn over(folder: &Path) -> Self {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs"]).arg(folder);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            mode(folder, "555");
        }
        Self { folder: folder.into(), mounted }
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        if self.mounted {
            assert!(Command::new("umount").arg(&self.folder).status().unwrap().success());
        } else {
            mode(&self.folder, "755");
        }
    }
}

fn mode(folder: &Path, mode: &str) {
    assert!(Command::new("chmod").arg(mode).arg(folder).status().unwrap().success());
}

/// Flips one byte in the middle of what is written in the first segment of a log or journal.
fn flip(folder: &Path) {
    let mut segments: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    segments.sort();
    let file = File::options().read(true).write(true).open(&segments[0]).unwrap();
    let bytes = fs::read(&segments[0]).unwrap();
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    let at = written / 2;
    file.write_all_at(&[bytes[at] ^ 0x10], at as u64).unwrap();
}

#[test]
fn a_byte_that_changed_in_the_log_is_found_and_stops_everything_that_writes() {
    let desk = desk(1_200);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    flip(&desk.path("data/log"));
    let run = ["run", "--data", "data", "--input", "tape.ws"];
    let _ = desk.run(&run).exits(6).says("E2004").says("damaged at byte");
    let _ = desk.run(&["publish", "--data", "data"]).exits(6).says("E2004");
    let verified = desk.run(&["verify", "--json", "--data", "data"]).exits(6).summary();
    assert_eq!(verified["sound"], false);
    assert!(verified["findings"][0].as_str().unwrap().contains("E2004"), "{verified}");
}

#[test]
fn a_byte_that_changed_in_the_journal_is_found_by_every_reader() {
    let desk = desk(1_200);
    let _ = desk.run_tapes("data", &["tape.ws"]);
    flip(&desk.path("data/journal"));
    let readers: [&[&str]; 4] =
        [&["verify"], &["state"], &["replay", "--agents"], &["tail", "--from", "0"]];
    for reader in readers {
        let _ = desk.run(&[reader, &["--data", "data"]].concat()).exits(6);
    }
}
