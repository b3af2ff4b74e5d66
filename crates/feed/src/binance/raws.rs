//! The fields of a frame as they stand in its JSON, before they mean anything.

use event::market::Level;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fault::Fault;

/// Declares the fields once: the borrowed serde form, the plain form, and the lookup by key.
macro_rules! raws {
    (text { $($text:ident $text_key:literal,)* } book { $($book:ident $book_key:literal,)* }) => {
        /// The fields that are known, as JSON text; `None` when absent or null.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Raws<'a> {
            $( pub(crate) $text: Option<&'a str>, )*
            $( pub(crate) $book: Option<Book<'a>>, )*
        }

        #[derive(Deserialize)]
        struct SerdeRaws<'a> {
            $( #[serde(borrow, rename = $text_key)] $text: Option<&'a RawValue>, )*
            $( #[serde(borrow, rename = $book_key)] $book: Option<&'a RawValue>, )*
        }

        impl<'a> From<SerdeRaws<'a>> for Raws<'a> {
            fn from(raws: SerdeRaws<'a>) -> Self {
                Self {
                    $( $text: raws.$text.map(RawValue::get), )*
                    $( $book: raws.$book.map(|raw| Book::Text(raw.get())), )*
                }
            }
        }

        impl<'a> Raws<'a> {
            /// Where the value of a key goes.
            #[inline]
            pub(super) fn slot(&mut self, key: &str) -> Slot<'_, 'a> {
                match key {
                    $( $text_key => Slot::Text(&mut self.$text), )*
                    $( $book_key => Slot::Book(&mut self.$book), )*
                    _ => Slot::Unknown,
                }
            }
        }
    };
}

raws! {
    text {
        kind "e",
        event_time "E",
        transaction_time "T",
        symbol "s",
        pair "ps",
        update "u",
        first_update "U",
        previous_update "pu",
        bid_quantity "B",
        ask_quantity "A",
        trade "t",
        price "p",
        quantity "q",
        buyer_is_maker "m",
        best_match "M",
        trade_type "X",
        last_update "lastUpdateId",
        snapshot_symbol "symbol",
        snapshot_pair "pair",
    }
    book {
        bid "b",
        ask "a",
        bids "bids",
        asks "asks",
    }
}

/// A field that is a price in one kind of frame and a list of levels in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Book<'a> {
    /// JSON text.
    Text(&'a str),
    /// Levels, already read.
    Levels(Vec<Level>),
}

/// Where a value goes.
pub(super) enum Slot<'r, 'a> {
    Text(&'r mut Option<&'a str>),
    Book(&'r mut Option<Book<'a>>),
    Unknown,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl<'a> Raws<'a> {
    /// Reads any JSON object, with or without the envelope of a combined stream.
    pub(super) fn read(json: &'a str) -> Result<Self, Fault> {
        let Envelope { data } = object(json)?;
        let raws = match data {
            Some(data) => object::<SerdeRaws<'a>>(data.get())?,
            None => object::<SerdeRaws<'a>>(json)?,
        };
        Ok(raws.into())
    }
}

/// Reads an object; an array would otherwise pass as one, field by field.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Fault> {
    if !json.trim_start().starts_with('{') {
        return Err(Fault::malformed("a frame is a JSON object"));
    }
    serde_json::from_str(json).map_err(|error| Fault::malformed(error.to_string()))
}
