//! Where everything stood, so that opening reads the end of the log and not all of it.
//!
//! The file is disposable: absent, damaged or of another log, everything is read instead.

use std::{collections::BTreeMap, path::Path};

use bus::{Ledger, Progress, Sequencer, Stream};
use event::{EventId, message, nested, wire::Blob, wire::Message as _};
use segment::{Access, Disk, crc32c};

const NAME: &str = "checkpoint";

message! {
    /// A partition and its last sequence.
    Partition {
        /// The stream's number.
        1 stream: u32,
        /// The partition.
        2 partition: u32,
        /// Its last sequence.
        3 sequence: u64,
    }

    /// Where everything stood.
    Checkpoint {
        /// The log's incarnation.
        1 incarnation: u64,
        /// The index after the last entry it covers.
        2 next_index: u64,
        /// An event below that index, to recognise the log by.
        3 known_index: u64,
        /// Its id.
        4 known_id: EventId,
        /// Every partition.
        5 partitions: Vec<Partition>,
        /// Every source: a progress record's bytes.
        6 sources: Vec<Blob>,
    }
}

nested!(Partition);

impl Checkpoint {
    /// Where a settled ledger stands; `known` is the last event below its next index.
    pub(crate) fn of(ledger: &Ledger, incarnation: u64, known: (u64, EventId)) -> Self {
        let partitions = ledger.sequencer().sequences().into_iter();
        Self {
            incarnation,
            next_index: ledger.sequencer().next_index(),
            known_index: known.0,
            known_id: known.1,
            partitions: partitions
                .map(|((stream, partition), sequence)| Partition {
                    stream: stream as u32,
                    partition: u32::from(partition),
                    sequence,
                })
                .collect(),
            sources: ledger.sources().map(|progress| Blob(progress.to_bytes())).collect(),
        }
    }

    /// Puts a ledger where this stands; false when it cannot.
    pub(crate) fn restore(&self, ledger: &mut Ledger) -> bool {
        let mut sequences = BTreeMap::new();
        for at in &self.partitions {
            let stream = u8::try_from(at.stream).ok().and_then(Stream::of_number);
            let (Some(stream), Ok(partition)) = (stream, u16::try_from(at.partition)) else {
                return false;
            };
            let _ = sequences.insert((stream, partition), at.sequence);
        }
        let sources = self.sources.iter().map(|bytes| Progress::from_bytes(&bytes.0));
        let Ok(sources) = sources.collect::<Result<Vec<_>, _>>() else { return false };
        for progress in &sources {
            ledger.restore_source(progress);
        }
        ledger.restore_sequencer(Sequencer::after(self.next_index, sequences));
        true
    }

    /// Writes it beside the segments. A failure leaves none, or one that does not match its
    /// checksum, and costs nothing but time at the next start.
    pub(crate) fn save(&self, disk: &dyn Disk, dir: &Path) {
        let mut bytes = vec![0; 8];
        self.encode(&mut bytes);
        let crc = u64::from(crc32c(bytes.get(8..).unwrap_or_default()));
        if let Some(slot) = bytes.get_mut(..8) {
            slot.copy_from_slice(&crc.to_le_bytes());
        }
        if let Ok(file) = disk.create(&dir.join(NAME)) {
            let _ = file.write_at(&bytes, 0);
        }
    }

    /// Reads the one beside the segments.
    pub(crate) fn load(disk: &dyn Disk, dir: &Path) -> Option<Self> {
        let file = disk.open(&dir.join(NAME), Access::Read).ok()?;
        let mut bytes = vec![0; usize::try_from(file.len().ok()?).ok()?];
        let read = file.read_at(&mut bytes, 0).ok()?;
        let (crc, body) = bytes.get(..read)?.split_first_chunk::<8>()?;
        if u64::from_le_bytes(*crc) != u64::from(crc32c(body)) {
            return None;
        }
        Self::decode(body).ok()
    }
}
