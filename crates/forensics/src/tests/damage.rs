//! Every changed byte and every cut of a journal is seen.

use segment::{Disk as _, PowerLoss, SimDisk, check};

use super::{
    crash::{dir, open, read, take_to},
    soak, told,
};

/// A journal of a few segments, closed.
fn closed() -> (SimDisk, Vec<std::path::PathBuf>) {
    let disk = SimDisk::new();
    let mut journal = open(&disk).unwrap();
    for end in [4, 9, 13, 18, 22] {
        take_to(&mut journal, end).unwrap();
    }
    journal.close().unwrap();
    let names = disk.list(&dir()).unwrap();
    let names: Vec<_> =
        names.iter().filter(|name| name.ends_with(".seg")).map(|name| dir().join(name)).collect();
    assert!(names.len() >= 3);
    (disk, names)
}

/// The other values tried for a byte: every bit flipped, or all 255.
fn others(byte: u8) -> impl Iterator<Item = u8> {
    let all = soak();
    (1..=255_u8).filter(move |flip| all || flip.is_power_of_two()).map(move |flip| byte ^ flip)
}

#[test]
fn every_changed_byte_of_a_journal_is_seen_and_none_is_read_otherwise() {
    let (disk, names) = closed();
    let mut changes = 0;
    for name in &names {
        for (at, byte) in disk.content(name).unwrap().into_iter().enumerate() {
            for other in others(byte) {
                let changed = disk.after(PowerLoss::KeepsAll);
                changed.corrupt(name, |bytes| bytes[at] = other).unwrap();
                let seen = check(&changed, &dir());
                assert!(seen.is_err() || seen.unwrap().torn.is_some(), "byte {at} went unseen");
                // `read` holds every entry against what was taken.
                assert!(read(&changed).unwrap_or(22) == 22, "byte {at} cut the journal short");
                changes += 1;
            }
        }
    }
    told("changed bytes", "journal", changes);
}

#[test]
fn every_cut_of_a_journal_is_damage() {
    let (disk, names) = closed();
    let mut cuts = 0;
    for name in &names {
        for length in 0..disk.content(name).unwrap().len() {
            let cut = disk.after(PowerLoss::KeepsAll);
            cut.corrupt(name, |bytes| bytes.truncate(length)).unwrap();
            assert!(open(&cut).is_err() && check(&cut, &dir()).is_err(), "cut at {length}");
            cuts += 1;
        }
    }
    told("truncations", "journal", cuts);
}
