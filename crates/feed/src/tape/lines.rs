//! A file's lines, in memory that does not grow with the file.

use std::{fs::File, io, ops::Range};

use super::bytes::{Piece, Unpacked};
use crate::fault::{Excerpt, Taking};

/// Longest line that is read as a record; a book of fifty thousand levels fits.
pub(crate) const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The bytes at this place of the buffer, without the line's end.
    Whole(Range<usize>),
    /// Longer than [`LINE_BYTES_MAX`].
    Long(Excerpt),
    /// What is left of a line where the input could not be followed any further; the last.
    Cut(Excerpt, String),
}

/// Splits a file into lines.
pub(super) struct Lines {
    unpacked: Unpacked,
    buffer: Vec<u8>,
    /// The bytes not given as lines yet.
    unread: Range<usize>,
    bytes_read: u64,
    ended: bool,
}

impl Lines {
    pub(super) fn new(file: File) -> Self {
        Self {
            unpacked: Unpacked::new(file),
            buffer: vec![0; BUFFER_BYTES],
            unread: 0..0,
            bytes_read: 0,
            ended: false,
        }
    }

    /// Bytes read so far, before compression.
    pub(super) const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The bytes of a line, until the next one is asked for.
    pub(super) fn bytes(&self, place: &Range<usize>) -> &[u8] {
        self.buffer.get(place.clone()).unwrap_or_default()
    }

    /// The next line; `None` at the end.
    pub(super) fn step(&mut self) -> io::Result<Option<Line>> {
        let mut searched = 0;
        loop {
            let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
            let fresh = unread.get(searched..).unwrap_or_default();
            if let Some(length) = memchr::memchr(b'\n', fresh) {
                let start = self.unread.start;
                let end = start + searched + length;
                self.unread.start = end + 1;
                return Ok(Some(Line::Whole(start..end)));
            }
            searched = unread.len();
            if searched > LINE_BYTES_MAX {
                return self.long().map(Some);
            }
            match self.fill()? {
                Piece::Bytes(_) => {}
                Piece::End => {
                    let rest = core::mem::replace(&mut self.unread, 0..0);
                    return Ok((!rest.is_empty()).then_some(Line::Whole(rest)));
                }
                Piece::Broken(why) => return Ok(self.cut(Taking::default(), why)),
            }
        }
    }

    /// Makes room behind what is unread, and reads there.
    fn fill(&mut self) -> io::Result<Piece> {
        if self.ended {
            return Ok(Piece::End);
        }
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let room = self.buffer.get_mut(self.unread.end..).unwrap_or_default();
        let piece = self.unpacked.read(room)?;
        if let Piece::Bytes(read) = piece {
            self.unread.end += read;
            self.bytes_read += read as u64;
        }
        Ok(piece)
    }

    /// Steps over a line that is too long, keeping its beginning.
    fn long(&mut self) -> io::Result<Line> {
        let mut taking = Taking::default();
        loop {
            let unread = self.buffer.get(self.unread.clone()).unwrap_or_default();
            let end = memchr::memchr(b'\n', unread);
            let length = end.unwrap_or(unread.len());
            taking.push(unread.get(..length).unwrap_or_default());
            self.unread.start += length;
            if end.is_some() {
                self.unread.start += 1;
                return Ok(Line::Long(taking.finish()));
            }
            match self.fill()? {
                Piece::Bytes(_) => {}
                Piece::End => return Ok(Line::Long(taking.finish())),
                Piece::Broken(why) => {
                    self.ended = true;
                    return Ok(Line::Cut(taking.finish(), why));
                }
            }
        }
    }

    fn cut(&mut self, mut taking: Taking, why: String) -> Option<Line> {
        self.ended = true;
        let rest = core::mem::replace(&mut self.unread, 0..0);
        taking.push(self.bytes(&rest));
        Some(Line::Cut(taking.finish(), why))
    }
}
