//! Tapes of every sort, and definitions of instruments.

use std::{fs, io::Write as _};

use feed::{Instruments, TapeReader};
use flate2::{Compression, write::GzEncoder};
use fuzz::Target;

/// Frames of every shape, and a line of the JSON form.
fn lines() -> Vec<String> {
    include_str!("../corpus/lines").lines().map(String::from).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// Reads tapes to their end; says whether all of it could be read.
fn run(name: &str, corpus: Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tape");
    let instruments = Instruments::shipped().unwrap();
    // A reader keeps a buffer for each of its stages, whatever the tape.
    Target { memory_bytes: 16 << 20, ..Target::new(name, corpus) }.run(|bytes| {
        fs::write(&path, bytes).unwrap();
        let Ok(tape) = TapeReader::open(std::slice::from_ref(&path), &instruments) else {
            return false;
        };
        // To its end, whatever comes on the way.
        tape.filter(Result::is_err).count() == 0
    });
}

#[test]
fn no_bytes_upset_the_reader_of_a_tape() {
    let mut corpus: Vec<_> = lines().into_iter().map(|line| (line + "\n").into_bytes()).collect();
    corpus.push((lines().join("\n") + "\n").into_bytes());
    run("tapes", corpus);
}

#[test]
fn no_bytes_upset_the_reader_of_a_packed_tape() {
    let text = lines().join("\n") + "\n";
    let members = [gzip(text.as_bytes()), gzip(b"1 {}\n")].concat();
    // A tape of blanks is a thousand times as long as its packed form.
    run("packed tapes", vec![gzip(text.as_bytes()), members, gzip(&vec![b' '; 1 << 20])]);
}

#[test]
fn no_text_upsets_the_reader_of_instruments() {
    let shipped = include_bytes!("../../crates/feed/instruments/binance.toml").to_vec();
    let entry = shipped.split(|&byte| byte == b'[').take(4).collect::<Vec<_>>().join(&b'[');
    Target { memory_bytes: 4 << 20, ..Target::new("instruments", vec![entry, shipped]) }.run(
        |bytes| {
            let Ok(text) = std::str::from_utf8(bytes) else { return false };
            Instruments::shipped().unwrap().overlay(text, "fuzz").is_ok()
        },
    );
}
