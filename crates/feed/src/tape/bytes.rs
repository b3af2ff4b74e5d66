//! The bytes of a file as they were before compression.

use std::{
    fs::File,
    io::{self, Read as _},
};

use flate2::{Decompress, FlushDecompress, Status};

const INPUT_BYTES: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The largest window gzip has, as a power of two.
const WINDOW_BITS: u8 = 15;

/// What one reading brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// So many bytes.
    Bytes(usize),
    /// The end.
    End,
    /// The input cannot be followed any further, and why. Every byte before it was given.
    Broken(String),
}

/// Reads a file, plain or gzip of one or several members.
///
/// A file read twice is given in the same pieces, so what could be read of a damaged one is the
/// same bytes both times.
pub(super) struct Unpacked {
    file: File,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    at_end: bool,
    coding: Coding,
}

enum Coding {
    Unknown,
    Plain,
    Gzip { decoder: Box<Decompress>, between: bool, members: u64 },
    Broken(String),
}

impl Unpacked {
    pub(super) fn new(file: File) -> Self {
        let input = vec![0; INPUT_BYTES].into_boxed_slice();
        Self { file, input, start: 0, end: 0, at_end: false, coding: Coding::Unknown }
    }

    /// The compressed bytes not consumed yet, at least two unless fewer are left.
    pub(super) fn ahead(&mut self) -> io::Result<&[u8]> {
        if self.end - self.start < GZIP_MAGIC.len() && !self.at_end {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < GZIP_MAGIC.len() && !self.at_end {
            let room = self.input.get_mut(self.end..).unwrap_or_default();
            match self.file.read(room) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.input.get(self.start..self.end).unwrap_or_default())
    }

    /// Reads into `out`, which is not empty.
    pub(super) fn read(&mut self, out: &mut [u8]) -> io::Result<Piece> {
        loop {
            let ahead = self.ahead()?;
            let (is_gzip, is_empty) = (ahead.starts_with(&GZIP_MAGIC), ahead.is_empty());
            match &mut self.coding {
                Coding::Unknown if is_gzip => {
                    let decoder = Box::new(Decompress::new_gzip(WINDOW_BITS));
                    self.coding = Coding::Gzip { decoder, between: false, members: 0 };
                }
                Coding::Unknown => self.coding = Coding::Plain,
                Coding::Plain => return Ok(self.copy(out)),
                Coding::Gzip { between: true, .. } if is_empty => return Ok(Piece::End),
                Coding::Gzip { decoder, between: between @ true, .. } if is_gzip => {
                    **decoder = Decompress::new_gzip(WINDOW_BITS);
                    *between = false;
                }
                Coding::Gzip { between: true, members, .. } => {
                    let members = *members;
                    if !self.skip_padding()? {
                        let why = format!("what follows gzip member {members} is not gzip");
                        self.coding = Coding::Broken(why);
                    }
                }
                Coding::Gzip { .. } => {
                    if let Some(read) = self.inflate(out) {
                        return Ok(Piece::Bytes(read));
                    }
                }
                Coding::Broken(why) => return Ok(Piece::Broken(why.clone())),
            }
        }
    }

    fn copy(&mut self, out: &mut [u8]) -> Piece {
        let from = self.input.get(self.start..self.end).unwrap_or_default();
        let length = from.len().min(out.len());
        if length == 0 {
            return Piece::End;
        }
        out.iter_mut().zip(from).for_each(|(slot, byte)| *slot = *byte);
        self.start += length;
        Piece::Bytes(length)
    }

    /// Inflates once; `None` when that gave no bytes.
    fn inflate(&mut self, out: &mut [u8]) -> Option<usize> {
        let Coding::Gzip { decoder, between, members } = &mut self.coding else { return None };
        let from = self.input.get(self.start..self.end).unwrap_or_default();
        let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
        let status = decoder.decompress(from, out, FlushDecompress::None);
        let consumed = (decoder.total_in() - before_in) as usize;
        let produced = (decoder.total_out() - before_out) as usize;
        self.start += consumed;
        match status {
            Ok(Status::StreamEnd) => {
                *between = true;
                *members += 1;
            }
            Ok(_) if consumed == 0 && produced == 0 => {
                let why = format!("the file ends inside gzip member {}", *members + 1);
                self.coding = Coding::Broken(why);
            }
            Ok(_) => {}
            Err(error) => {
                let detail = error.message().unwrap_or("not a valid stream");
                let why = format!("gzip member {} is corrupt: {detail}", *members + 1);
                self.coding = Coding::Broken(why);
            }
        }
        (produced > 0).then_some(produced)
    }

    /// Steps over zeros after a member, as tapes and tools that write in blocks leave them.
    fn skip_padding(&mut self) -> io::Result<bool> {
        loop {
            let ahead = self.ahead()?;
            let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
            let (length, all) = (ahead.len(), zeros == ahead.len());
            if length == 0 {
                return Ok(true);
            }
            self.start += zeros;
            if !all {
                return Ok(zeros > 0 && self.ahead()?.starts_with(&GZIP_MAGIC));
            }
        }
    }
}
