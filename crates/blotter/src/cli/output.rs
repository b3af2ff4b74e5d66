//! stdout: tables for people, JSON for machines.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::{
    exit::Exit,
    query::{is_unprintable, printable},
};

/// What is said when output is lost.
const LOST: &str = "E7803 the output cannot be written";

/// Writes one line to stdout. A reader that has gone away (`| head`) ends the process quietly; output
/// that is lost for any other reason is a failure.
pub(crate) fn line(text: &str) {
    write(&calm(text));
}

/// Text without what moves a terminal's cursor or turns its lines around; ends of lines stay.
pub(crate) fn calm(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

fn write(text: &str) {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            std::process::exit(Exit::Ok as i32);
        }
        Err(error) => {
            eprintln!("blotter: {LOST}: {error}");
            std::process::exit(Exit::Environment as i32);
        }
    }
}

/// Writes one compact JSON value on its own line.
pub(crate) fn json(value: &Value) {
    let mut text = value.to_string();
    // JSON leaves these as they are inside of strings, and they stand nowhere else.
    if text.chars().any(is_unprintable) {
        text = text
            .chars()
            .map(|c| if is_unprintable(c) { format!("\\u{:04x}", c as u32) } else { c.into() })
            .collect();
    }
    write(&text);
}

/// Writes rows under their headings, columns as wide as their widest cell.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(heading.chars().count())
        })
        .collect();
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.clone().map(|cell| printable(&cell))).collect();
    let write = |cells: &[&str]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}", width = *width))
            .collect();
        line(padded.join("  ").trim_end());
    };
    write(&headings);
    for row in &rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        write(&cells);
    }
}
