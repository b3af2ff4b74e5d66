//! What is a tape, and what is said of the rest.

use event::{Digest, Source};
use sha2::{Digest as _, Sha256};

use super::{FRAMES, Tapes, gzip, tape_text};
use crate::{FeedError, Instruments, TapeReader};

fn refusal(content: impl AsRef<[u8]>) -> String {
    match Tapes::of(content).open() {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_file_of_another_kind_is_refused_with_what_was_found() {
    let cases: [(&[u8], &str); 9] = [
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x28\xb5\x2f\xfd\x24\xce", "zstandard data, as DBN files are"),
        (b"DBN\x03rest", "a DBN file"),
        (b"PAR1rest", "a Parquet file"),
        (b"\x00\x01\x02\xff\xfe", "binary data that begins with 00 01 02 ff fe"),
        (b"time,price\n1,2\n", "text that begins with `time,price`"),
        (b"[1,2,3]", "text that begins with `[1,2,3]`"),
        (b"{\n  \"a\": 1\n}\n", "text that begins with `{`"),
        (b"\n\n\n", "text that begins with ``"),
    ];
    for (content, found) in cases {
        let plain = refusal(content);
        assert!(plain.starts_with("E4004 ") && plain.contains(found), "{plain}");
        assert!(plain.contains("supported are recorded Binance frames"), "{plain}");
        let packed = refusal(gzip(content));
        assert!(packed.starts_with("E4004 ") && packed.contains(found), "{packed}");
    }
}

#[test]
fn a_file_with_nothing_in_it_is_refused() {
    let cut = gzip("x").get(..5).unwrap().to_vec();
    for (content, found) in [
        (Vec::new(), "the file is empty"),
        (gzip(""), "it decompresses to nothing"),
        (cut, "cut off or corrupt before its first byte"),
    ] {
        let said = refusal(content);
        assert!(said.starts_with("E4003 ") && said.contains(found), "{said}");
    }
}

#[test]
fn a_path_that_cannot_be_read_is_named() {
    let tapes = Tapes::new();
    let instruments = Instruments::shipped().unwrap();
    let absent = tapes.directory.path().join("absent");
    let error = TapeReader::open(&[absent], &instruments).err().unwrap();
    assert!(matches!(&error, FeedError::Read { .. }), "{error}");
    assert!(error.to_string().contains("absent"), "{error}");
    let error = TapeReader::open(&[tapes.directory.path().into()], &instruments).err().unwrap();
    assert!(matches!(&error, FeedError::NotAFile { .. }), "{error}");
}

#[test]
fn the_same_content_twice_is_refused_however_it_is_packed() {
    let tapes = Tapes::of(tape_text(3)).with(gzip(tape_text(3)));
    assert!(matches!(tapes.open().err().unwrap(), FeedError::Repeated { .. }));
}

#[test]
fn no_input_is_an_empty_tape() {
    assert_eq!(Tapes::new().read(), []);
}

#[test]
fn the_source_is_named_by_the_digest_of_what_was_packed() {
    let text = tape_text(3);
    let digest = Digest(Sha256::digest(&text).into());
    let name = format!("file/{}", digest.to_string().get(..12).unwrap());
    for tapes in [Tapes::of(&text), Tapes::of(gzip(&text))] {
        let first = &tapes.read()[0];
        assert_eq!((first.file_digest, first.source), (digest, Source::new(&name).unwrap()));
    }
}

#[test]
fn one_line_without_an_end_is_a_tape() {
    assert_eq!(Tapes::of(format!("1 {}", FRAMES[0])).read().len(), 1);
}

#[test]
fn a_file_that_changes_after_its_digest_was_taken_is_fatal() {
    let tapes = Tapes::of(tape_text(20_000));
    let reader = tapes.open().unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(&tapes.paths[0]).unwrap();
    std::io::Write::write_all(&mut file, tape_text(1).as_bytes()).unwrap();
    let records: Vec<_> = reader.collect();
    let (last, rest) = records.split_last().unwrap();
    assert!(matches!(last, Err(FeedError::Changed { .. })), "{last:?}");
    assert!(rest.iter().all(Result::is_ok), "nothing comes after an error");
}
