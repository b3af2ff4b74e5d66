//! What a file is, told from its first bytes.

/// What formats begin with, and their names.
const MAGICS: [(&[u8], &str); 14] = [
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x28\xb5\x2f\xfd", "zstandard data, as DBN files are"),
    (b"DBN", "a DBN file"),
    (b"PAR1", "a Parquet file"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x04\x22\x4d\x18", "lz4 data"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"\x7fELF", "a program"),
];

/// The name of a format that is not read, where the first bytes give it away.
pub(super) fn foreign_format(first: &[u8]) -> Option<&'static str> {
    MAGICS.iter().find(|(magic, _)| first.starts_with(magic)).map(|(_, name)| *name)
}

/// Whether a line has the shape of a record: a receive time and an object, or an object that ends
/// where the line does, which sets JSON lines apart from a JSON document in many lines.
pub(super) fn looks_like_record(line: &[u8]) -> bool {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = line.get(digits..).unwrap_or_default().trim_ascii_start();
    rest.starts_with(b"{") && (digits > 0 || rest.trim_ascii_end().ends_with(b"}"))
}

/// What content of no known shape is, in words.
pub(super) fn describe(first: &[u8]) -> String {
    if let Some(name) = foreign_format(first) {
        return name.into();
    }
    let start = first.get(..first.len().min(256)).unwrap_or_default();
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..);
    if start.iter().all(is_text) && core::str::from_utf8(start.get(..32).unwrap_or(start)).is_ok() {
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line.get(..line.len().min(40)).unwrap_or_default());
        return format!("text that begins with `{}`", line.trim_end());
    }
    let hex: Vec<_> = start.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("binary data that begins with {}", hex.join(" "))
}
