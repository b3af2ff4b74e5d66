//! Damaged files: all that can be read is delivered, and what is left is quarantined once.

use event::{Digest, choices::QuarantineReason};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{FRAMES, Tapes, gzip, quarantined, reasons, tape_text};
use crate::{TapeRecord, fault::EXCERPT_BYTES_MAX, tape::lines::LINE_BYTES_MAX};

#[test]
fn members_that_follow_each_other_are_one_file() {
    let (one, two) = (tape_text(5), tape_text(3));
    let (head, tail) = one.split_at(100);
    let mut packed = gzip(head);
    packed.extend(gzip(tail));
    packed.extend(gzip(""));
    packed.extend(gzip(&two));
    assert_eq!(Tapes::of(packed).read(), Tapes::of(one + &two).read());
}

#[test]
fn zeros_after_the_last_member_are_padding() {
    let mut packed = gzip(tape_text(3));
    packed.extend([0; 100_000]);
    assert_eq!(reasons(&Tapes::of(&packed).read()), [None; 3]);
    packed.extend(gzip(tape_text(2)));
    assert_eq!(reasons(&Tapes::of(&packed).read()), [None; 5]);
}

#[test]
fn what_is_no_gzip_after_a_member_is_reported_not_dropped() {
    let mut packed = gzip(tape_text(3));
    packed.extend(b"garbage");
    let records = Tapes::of(packed).read();
    assert_eq!(reasons(&records)[..3], [None; 3]);
    assert_eq!(records.len(), 4);
    let fault = quarantined(&records[3]);
    assert_eq!(fault.reason, QuarantineReason::Truncated);
    assert_eq!(fault.detail, "what follows gzip member 1 is not gzip");
}

#[test]
fn a_wrong_checksum_is_reported_after_the_lines_it_covers() {
    let mut packed = gzip(tape_text(3));
    let checksum = packed.len() - 8;
    packed[checksum] ^= 1;
    let records = Tapes::of(packed).read();
    assert_eq!(reasons(&records)[..3], [None; 3]);
    let fault = quarantined(&records[3]);
    assert_eq!((fault.reason, fault.bytes_total), (QuarantineReason::Truncated, 0));
    assert!(fault.detail.starts_with("gzip member 1 is corrupt"), "{}", fault.detail);
}

/// The lines of `text` that are whole in its first `readable` bytes, and one record for the cut.
fn check_cut(records: &[TapeRecord], text: &str) {
    let (last, whole) = records.split_last().unwrap();
    let expected = Tapes::of(text).read();
    assert!(whole.len() <= expected.len());
    for (found, expected) in whole.iter().zip(&expected) {
        assert_eq!(found.outcome, expected.outcome);
    }
    let fault = quarantined(last);
    assert_eq!(fault.reason, QuarantineReason::Truncated);
    let rest: String = text.split_inclusive('\n').skip(whole.len()).collect();
    assert!(rest.as_bytes().starts_with(&fault.bytes.0), "the bytes are those of the cut line");
    assert!(!fault.bytes.0.contains(&b'\n'));
}

#[test]
fn a_truncated_file_gives_its_whole_lines_and_one_record_more() {
    let text = tape_text(2_000);
    let packed = gzip(&text);
    let records = Tapes::of(&packed[..packed.len() * 9 / 10]).read();
    assert!(records.len() > 1_000, "{}", records.len());
    check_cut(&records, &text);
    let fault = quarantined(records.last().unwrap());
    assert_eq!(fault.detail, "the file ends inside gzip member 1");
}

#[test]
fn a_line_longer_than_any_record_is_quarantined_by_its_beginning() {
    let long = format!("3 {{{}}}", "x".repeat(LINE_BYTES_MAX * 3));
    let text = format!("1 {}\n{long}\n4 {}\n", FRAMES[0], FRAMES[0]);
    let records = Tapes::of(gzip(&text)).read();
    assert_eq!(reasons(&records), [None, Some(QuarantineReason::TooLarge), None]);
    let fault = quarantined(&records[1]);
    assert_eq!(fault.bytes_total, long.len() as u64);
    assert_eq!(fault.digest, Digest(Sha256::digest(&long).into()));
    assert_eq!(fault.bytes.0, &long.as_bytes()[..EXCERPT_BYTES_MAX]);
    assert_eq!(records[2].record, 2);
}

#[test]
fn a_long_line_that_fits_in_memory_is_quarantined_by_its_beginning_too() {
    let long = format!("3 {{{}}}", "x".repeat(100_000));
    let records = Tapes::of(format!("1 {}\n{long}", FRAMES[0])).read();
    let fault = quarantined(&records[1]);
    assert_eq!(fault.reason, QuarantineReason::Malformed);
    assert_eq!((fault.bytes_total, fault.bytes.0.len()), (long.len() as u64, EXCERPT_BYTES_MAX));
    assert_eq!(fault.digest, Digest(Sha256::digest(&long).into()));
}

#[test]
fn lines_end_as_on_any_system() {
    let records = Tapes::of(tape_text(3).replace('\n', "\r\n")).read();
    assert_eq!(reasons(&records), [None; 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn wherever_a_file_ends_every_whole_line_is_delivered(at in any::<prop::sample::Index>()) {
        let text = tape_text(200);
        let packed = gzip(&text);
        let cut = at.index(packed.len() - 400) + 200;
        check_cut(&Tapes::of(&packed[..cut]).read(), &text);
    }

    #[test]
    fn a_flipped_bit_is_reported_or_refused_and_never_ends_in_a_panic(
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let text = tape_text(200);
        let mut packed = gzip(&text);
        let place = at.index(packed.len());
        packed[place] ^= 1 << bit;
        let tapes = Tapes::of(&packed);
        if let Ok(reader) = tapes.open() {
            let records: Vec<_> = reader.map(Result::unwrap).collect();
            let reason = reasons(&records).last().copied().flatten();
            // A few bits, of the header's time and behind the last code, mean nothing.
            let unharmed = || records == Tapes::of(&text).read();
            prop_assert!(reason == Some(QuarantineReason::Truncated) || unharmed());
        }
    }

    #[test]
    fn every_line_has_one_outcome_whatever_is_in_it(
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..4), 0..4_usize),
            0..20,
        ),
        garbage in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
    ) {
        let mut bytes = tape_text(40).into_bytes();
        for (place, with, removed) in edits {
            let start = place.index(bytes.len());
            let end = (start + removed).min(bytes.len());
            let _: Vec<_> = bytes.splice(start..end, with).collect();
        }
        for line in garbage {
            bytes.extend(line);
        }
        let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|last| last.is_empty()) {
            let _ = lines.pop();
        }
        let records = Tapes::of(gzip(&bytes)).read();
        prop_assert_eq!(records.len(), lines.len());
        for (record, line) in records.iter().zip(lines) {
            match &record.outcome {
                crate::Outcome::Quarantine(fault) => {
                    prop_assert_eq!(&fault.bytes.0[..], line);
                    prop_assert_eq!(fault.bytes_total, line.len() as u64);
                    prop_assert_eq!(fault.record, record.record);
                    prop_assert!(record.roots().is_empty());
                }
                _ => prop_assert!(!record.roots().is_empty()),
            }
        }
    }
}
