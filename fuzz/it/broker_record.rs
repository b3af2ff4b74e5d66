//! The paper broker's record.

use std::{path::Path, sync::Arc};

use broker::{PaperBroker, PaperConfig};
use event::AccountId;
use fuzz::Target;
use segment::{Disk, SimDisk, crc32c};

const HEAD_BYTES: usize = 20;

/// What `blotter run` left of a short tape.
fn golden() -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/v1/data/broker/PAPER/record");
    std::fs::read(path).unwrap()
}

/// Makes ordinals and checksums of all frames right, as far as their lengths make sense.
fn repair(bytes: &mut [u8]) {
    let (mut at, mut ordinal) = (8, 0_u64);
    while at + HEAD_BYTES <= bytes.len() {
        let length = u32::from_le_bytes(*bytes[at + 8..].first_chunk().unwrap()) as usize;
        let end = (at + HEAD_BYTES).saturating_add(length);
        if let Some(payload) = bytes.get(at + HEAD_BYTES..end) {
            let crc = crc32c(payload);
            bytes[at + 12..at + 16].copy_from_slice(&crc.to_le_bytes());
        }
        bytes[at..at + 8].copy_from_slice(&ordinal.to_le_bytes());
        let head = crc32c(&bytes[at..at + 16]);
        bytes[at + 16..at + 20].copy_from_slice(&head.to_le_bytes());
        (at, ordinal) = (end, ordinal + 1);
    }
}

#[test]
fn no_bytes_upset_the_reader_of_the_brokers_record() {
    let (dir, config) = (
        Path::new("/broker"),
        PaperConfig { account: AccountId::new("PAPER").unwrap(), ..PaperConfig::default() },
    );
    let target =
        Target { repair, memory_bytes: 4 << 20, ..Target::new("broker records", vec![golden()]) };
    target.run(|bytes| {
        let disk = SimDisk::new();
        disk.create_dir(dir).unwrap();
        disk.create(&dir.join("record")).unwrap().write_at(bytes, 0).unwrap();
        PaperBroker::open_on(Arc::new(disk), dir, config.clone(), &[]).is_ok()
    });
}
