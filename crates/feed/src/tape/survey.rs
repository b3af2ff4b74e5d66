//! The first look at a file: whether it is a tape, its digest, and what its first records say.

use std::{
    fs::{File, Metadata},
    path::Path,
};

use event::{Digest, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{
    bytes::{Piece, Unpacked},
    kind::{describe, foreign_format, looks_like_record},
    lines::{Line, Lines},
    record::receive_ns,
    subject::Subject,
};
use crate::{FeedError, binance};

/// Lines looked at before the first is delivered.
pub(super) const LOOKAHEAD_LINES: usize = 1_000;
const PIECE_BYTES: usize = 256 * 1024;

/// What is known of a file before its first record is delivered.
pub(super) struct Survey {
    pub(super) digest: Digest,
    pub(super) bytes_total: u64,
    /// The first receive time that can be read.
    pub(super) first_time: Option<Timestamp>,
    /// The instrument of the first records, if they are all of one.
    pub(super) subject: Subject,
}

/// Looks at a file.
pub(super) fn survey(path: &Path) -> Result<Survey, FeedError> {
    let (file, _) = open(path)?;
    let mut unpacked = Unpacked::new(file);
    let packed = unpacked.ahead().map_err(FeedError::read(path))?;
    if packed.is_empty() {
        return Err(FeedError::Empty { path: path.into(), found: "the file is empty" });
    }
    if let Some(name) = foreign_format(packed) {
        return Err(FeedError::Unsupported { path: path.into(), found: name.into() });
    }
    let mut piece = vec![0; PIECE_BYTES];
    let (mut hasher, mut bytes_total) = (Sha256::new(), 0);
    loop {
        match unpacked.read(&mut piece).map_err(FeedError::read(path))? {
            Piece::Bytes(length) => {
                hasher.update(piece.get(..length).unwrap_or_default());
                bytes_total += length as u64;
            }
            Piece::End if bytes_total == 0 => {
                let found = "it decompresses to nothing";
                return Err(FeedError::Empty { path: path.into(), found });
            }
            Piece::Broken(_) if bytes_total == 0 => {
                let found = "the gzip data is cut off or corrupt before its first byte";
                return Err(FeedError::Empty { path: path.into(), found });
            }
            Piece::End | Piece::Broken(_) => break,
        }
    }
    let digest = Digest(hasher.finalize().into());
    let (first_time, subject) = look_ahead(path)?;
    Ok(Survey { digest, bytes_total, first_time, subject })
}

/// Opens a regular file.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), FeedError> {
    let file = File::open(path).map_err(FeedError::read(path))?;
    let metadata = file.metadata().map_err(FeedError::read(path))?;
    if !metadata.is_file() {
        return Err(FeedError::NotAFile { path: path.into() });
    }
    Ok((file, metadata))
}

fn look_ahead(path: &Path) -> Result<(Option<Timestamp>, Subject), FeedError> {
    let mut lines = Lines::new(open(path)?.0);
    let (mut first_time, mut subject) = (None, Subject::default());
    let (mut is_tape, mut first_line) = (false, None);
    for _ in 0..LOOKAHEAD_LINES {
        let line = match lines.step().map_err(FeedError::read(path))? {
            Some(Line::Whole(place)) => lines.bytes(&place).to_vec(),
            Some(Line::Long(excerpt) | Line::Cut(excerpt, _)) => excerpt.head,
            None => break,
        };
        is_tape |= looks_like_record(&line);
        let (time, json) = receive_ns(&line);
        first_time = first_time.or(time);
        let frame = time.and(core::str::from_utf8(json).ok()).map(binance::parse);
        if let Some(Ok(frame)) = frame
            && let Some(symbol) = frame.symbol
        {
            subject.saw(frame.market, symbol);
        }
        let _ = first_line.get_or_insert(line);
    }
    if is_tape {
        return Ok((first_time, subject));
    }
    let found = describe(&first_line.unwrap_or_default());
    Err(FeedError::Unsupported { path: path.into(), found })
}
