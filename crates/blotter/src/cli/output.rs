//! stdout: tables for people, JSON for machines.

use std::io::{self, Write as _};

use serde_json::Value;

/// Writes one line to stdout. A reader that has gone away (`| head`) ends the process quietly.
pub(crate) fn line(text: &str) {
    let mut out = io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).is_err() {
        std::process::exit(0);
    }
}

/// Writes one compact JSON value on its own line.
pub(crate) fn json(value: &Value) {
    line(&value.to_string());
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
    let write = |cells: &[&str]| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}", width = *width))
            .collect();
        line(padded.join("  ").trim_end());
    };
    write(&headings);
    for row in rows {
        let cells: Vec<&str> = row.iter().map(String::as_str).collect();
        write(&cells);
    }
}
