//! Names that are one token of every subject and topic.

use event::{AccountId, InstrumentId, Key, LABEL_BYTES_MAX, Label, LabelError};
use proptest::prelude::*;

proptest! {
    #[test]
    fn name_within_the_alphabet_reads_back(text in "[A-Za-z0-9_:/@+#-]{1,39}") {
        let label = Label::new(&text).unwrap();
        prop_assert_eq!(label.as_str(), text.as_str());
        prop_assert_eq!(label.to_string(), text);
    }

    #[test]
    fn order_of_labels_is_the_order_of_their_text(one in "[A-Z]{1,39}", other in "[A-Z]{1,39}") {
        prop_assert_eq!(Label::new(&one).unwrap().cmp(&Label::new(&other).unwrap()), one.cmp(&other));
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,60}") {
        if let Ok(label) = Label::new(&text) {
            prop_assert_eq!(label.as_str(), text.as_str());
        }
    }
}

#[test]
fn length_is_1_to_39_bytes() {
    assert_eq!(Label::new(""), Err(LabelError::Length { found: 0 }));
    assert!(Label::new(&"x".repeat(LABEL_BYTES_MAX)).is_ok());
    assert_eq!(Label::new(&"x".repeat(40)), Err(LabelError::Length { found: 40 }));
}

#[test]
fn characters_an_engine_treats_specially_are_refused() {
    for (text, byte) in [("a.b", b'.'), ("a*b", b'*'), ("a>b", b'>'), ("a b", b' '), ("a\0b", 0)] {
        assert_eq!(Label::new(text), Err(LabelError::Character { byte, at: 1 }), "{text:?}");
    }
    assert!(Label::new("é").is_err());
}

#[test]
fn keys_of_an_account_and_an_instrument_keep_their_text() {
    let account: Key = AccountId::new("PAPER").unwrap().into();
    let instrument: Key = InstrumentId::new("BINANCE-SPOT:BTCUSDT").unwrap().into();
    assert_eq!((account.as_str(), instrument.as_str()), ("PAPER", "BINANCE-SPOT:BTCUSDT"));
    assert_eq!(Key::system().as_str(), "-");
    assert_eq!(Key::new("-"), Ok(Key::system()));
}

#[test]
fn a_label_is_debugged_as_its_text() {
    assert_eq!(format!("{:?}", Label::new("A:B").unwrap()), "\"A:B\"");
}

#[test]
fn every_byte_is_a_labels_or_is_not() {
    for byte in 0..=127_u8 {
        let text = char::from(byte).to_string();
        let allowed = byte.is_ascii_alphanumeric() || b"_-:/@+#".contains(&byte);
        assert_eq!(Label::new(&text).is_ok(), allowed, "{byte}");
    }
}
