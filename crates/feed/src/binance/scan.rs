//! The direct path: one pass over a frame as the venue writes it.
//!
//! Keys may come in any order. Anything out of the ordinary, be it a space, an escape, a byte
//! outside ASCII, a key twice, a nested value or a number with a sign, gives `None`, and the general
//! reader decides. So what is found here is what the general reader would find, only sooner.

use event::market::Level;

use super::{
    number::{price_of, quantity_of},
    raws::{Book, Raws, Slot},
};

/// Reads a frame, or gives up on it.
pub(super) fn scan(json: &str) -> Option<Raws<'_>> {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) & (byte != b'\\');
    if !json.bytes().fold(true, |all, byte| all & plain(byte)) {
        return None;
    }
    let mut cursor = Cursor { text: json, at: 0 };
    cursor.eat("{")?;
    let wrapped = cursor.eat("\"stream\":").is_some();
    if wrapped {
        let _ = cursor.string()?;
        cursor.eat(",\"data\":{")?;
    }
    let mut raws = Raws::default();
    loop {
        let key = cursor.string().filter(|key| *key != "data")?;
        cursor.eat(":")?;
        cursor.value(raws.slot(key))?;
        match cursor.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    if wrapped {
        cursor.eat("}")?;
    }
    (cursor.at == json.len()).then_some(raws)
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn eat(&mut self, literal: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(literal.as_bytes()).then(|| self.at += literal.len())
    }

    /// A string, without its quotes.
    #[inline]
    fn string(&mut self) -> Option<&'a str> {
        self.eat("\"")?;
        let start = self.at;
        let length = self.text.as_bytes().get(start..)?.iter().position(|&byte| byte == b'"')?;
        self.at = start + length + 1;
        self.text.get(start..start + length)
    }

    #[inline]
    fn value(&mut self, slot: Slot<'_, 'a>) -> Option<()> {
        match slot {
            Slot::Unknown => self.scalar().map(drop),
            Slot::Text(slot) => {
                let value = self.scalar()?;
                slot.replace(value).is_none().then_some(())
            }
            Slot::Book(slot) => {
                let value = match self.peek()? {
                    b'[' => Book::Levels(self.levels()?),
                    _ => Book::Text(self.scalar()?),
                };
                slot.replace(value).is_none().then_some(())
            }
        }
    }

    /// A string with its quotes, a whole number, or a truth value.
    #[inline]
    fn scalar(&mut self) -> Option<&'a str> {
        let start = self.at;
        match self.peek()? {
            b'"' => self.string().map(drop)?,
            b'0' => self.at += 1,
            b'1'..=b'9' => {
                let rest = self.text.as_bytes().get(start..)?;
                self.at += rest.iter().position(|byte| !byte.is_ascii_digit())?;
            }
            b't' => self.eat("true")?,
            b'f' => self.eat("false")?,
            _ => return None,
        }
        self.text.get(start..self.at)
    }

    /// `[["price","quantity"],...]`.
    fn levels(&mut self) -> Option<Vec<Level>> {
        self.eat("[")?;
        if self.eat("]").is_some() {
            return Some(Vec::new());
        }
        let mut levels = Vec::with_capacity(16);
        loop {
            self.eat("[")?;
            let price = price_of(self.string()?).ok()?;
            self.eat(",")?;
            let quantity = quantity_of(self.string()?).ok().filter(|size| size.signum() >= 0)?;
            self.eat("]")?;
            levels.push(Level { price, quantity });
            match self.next()? {
                b',' => {}
                b']' => return Some(levels),
                _ => return None,
            }
        }
    }
}
