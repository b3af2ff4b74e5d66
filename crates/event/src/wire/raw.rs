//! Fields as they stand in the bytes: stepping through them, and appending them.
//!
//! The canonical bytes of a message are its fields in ascending tag order, defaults left out
//! (presence follows proto3), varints minimal. Reading accepts any order; what is not protobuf is
//! an error, never a panic.
//!
//! Source: protobuf.dev, "Encoding"; proto3 language guide, "Field Presence".

use alloc::vec::Vec;

use super::DecodeError;

/// One field's payload as it stands in the bytes.
#[derive(Clone, Copy, Debug)]
pub enum Raw<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

/// Steps through the fields of a message.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next tag and payload, `None` at the end.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] or [`DecodeError::Malformed`].
    #[inline]
    pub fn step(&mut self) -> Result<Option<(u32, Raw<'a>)>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        // Tags end at 2^29 - 1, so tag and wire type fit in 32 bits.
        let head = u32::try_from(self.varint()?).map_err(|_| DecodeError::Malformed)?;
        let tag = head >> 3;
        if tag == 0 {
            return Err(DecodeError::Malformed);
        }
        let raw = self.payload(u64::from(head & 7))?;
        Ok(Some((tag, raw)))
    }

    #[inline(always)]
    fn payload(&mut self, wire_type: u64) -> Result<Raw<'a>, DecodeError> {
        Ok(match wire_type {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| DecodeError::Truncated)?;
                Raw::Bytes(self.take(len)?)
            }
            5 => Raw::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(DecodeError::Malformed),
        })
    }

    /// The payload of the next field when its tag is this one. The outer `None` says that the
    /// bytes are not protobuf. Always inlined, as is what it calls: the tag is a constant there, and
    /// what is left of it is one comparison.
    #[inline(always)]
    pub(crate) fn next_if(&mut self, tag: u32) -> Option<Option<Raw<'a>>> {
        let mut ahead = self.clone();
        if ahead.rest.is_empty() {
            return Some(None);
        }
        let head = ahead.varint().ok()?;
        if head >> 3 != u64::from(tag) {
            return Some(None);
        }
        let raw = ahead.payload(head & 7).ok()?;
        *self = ahead;
        Some(Some(raw))
    }

    /// Whether all fields were read.
    #[inline]
    pub const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        // Tags and lengths are one byte as a rule.
        if let [byte @ ..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    #[inline]
    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        if let Some(word) = self.rest.first_chunk::<8>().copied().map(u64::from_le_bytes) {
            // The first byte without its high bit is the last one.
            let ends = !word & 0x8080_8080_8080_8080;
            if ends != 0 {
                let bytes = ends.trailing_zeros() / 8 + 1;
                let word = word & (u64::MAX >> (64 - 8 * bytes));
                self.rest = self.rest.get(bytes as usize..).unwrap_or_default();
                return Ok(packed(word));
            }
        }
        self.whole_varint()
    }

    fn whole_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for (at, &byte) in self.rest.iter().enumerate() {
            if at == 9 && byte > 1 {
                return Err(DecodeError::Malformed);
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(DecodeError::Truncated)
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError::Truncated)
    }
}

/// Eight groups of seven bits, one a byte, put side by side.
#[inline]
const fn packed(word: u64) -> u64 {
    let pairs = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    (fours & 0x0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4
}

/// Appends a varint.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
fn put_head(out: &mut Vec<u8>, tag: u32, wire_type: u64) {
    put_varint(out, u64::from(tag) << 3 | wire_type);
}

/// Appends a length-delimited field.
#[inline]
pub(crate) fn put_bytes(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    put_head(out, tag, 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[inline]
pub(crate) fn put_u64(out: &mut Vec<u8>, tag: u32, value: u64) {
    put_head(out, tag, 0);
    put_varint(out, value);
}

#[inline]
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
pub(crate) const fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

/// Appends a nested message written by `body`, its length before it.
#[inline]
pub fn put_nested(out: &mut Vec<u8>, tag: u32, body: impl FnOnce(&mut Vec<u8>)) {
    put_head(out, tag, 2);
    // One byte is enough for most lengths; longer ones move the body to make room.
    let at = out.len();
    out.push(0);
    body(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        if let Some(slot) = out.get_mut(at) {
            *slot = len as u8;
        }
        return;
    }
    let mut head = Vec::with_capacity(4);
    put_varint(&mut head, len as u64);
    let _ = out.splice(at..=at, head);
}

pub(crate) fn varint_of(raw: Raw<'_>, field: &'static str) -> Result<u64, DecodeError> {
    match raw {
        Raw::Varint(value) => Ok(value),
        _ => Err(DecodeError::WireType { field }),
    }
}

/// The payload of a length-delimited field.
///
/// # Errors
/// [`DecodeError::WireType`] when it is another.
pub fn bytes_of<'a>(raw: Raw<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    match raw {
        Raw::Bytes(bytes) => Ok(bytes),
        _ => Err(DecodeError::WireType { field }),
    }
}

pub(crate) fn text_of<'a>(raw: Raw<'a>, field: &'static str) -> Result<&'a str, DecodeError> {
    core::str::from_utf8(bytes_of(raw, field)?).map_err(|_| DecodeError::value(field, "not UTF-8"))
}
