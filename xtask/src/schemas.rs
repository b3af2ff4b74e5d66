//! The `.proto` text and the golden bytes.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use event::wire::{event_from_json, proto_text};

use crate::root;

/// Writes `schemas/proto/blotter/v1/event.proto`.
pub(crate) fn write() -> Result<()> {
    let path = root().join("schemas/proto/blotter/v1/event.proto");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, proto_text()).with_context(|| format!("writing {}", path.display()))
}

/// Writes the bytes of goldens that have none. Bytes that exist are never overwritten: a difference
/// is an error, for it would be one in every log ever written.
pub(crate) fn bless() -> Result<()> {
    let folder = root().join("schemas/golden/v1");
    let (mut verified, mut written) = (0, 0);
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|form| form == "json") {
            match bless_one(&path).with_context(|| path.display().to_string())? {
                Blessed::Written => written += 1,
                Blessed::Verified => verified += 1,
            }
        }
    }
    eprintln!("{written} golden files written, {verified} verified");
    Ok(())
}

enum Blessed {
    Written,
    Verified,
}

fn bless_one(path: &Path) -> Result<Blessed> {
    let bytes = event_from_json(&serde_json::from_slice(&fs::read(path)?)?)?.encode();
    let frozen = path.with_extension("bin");
    if !frozen.exists() {
        fs::write(&frozen, &bytes)?;
        return Ok(Blessed::Written);
    }
    if fs::read(&frozen)? != bytes {
        bail!(
            "its golden bytes are others, and they are frozen: restore the example, and put what is \
             new into one of its own, as OrderExecuted-2.json"
        );
    }
    Ok(Blessed::Verified)
}
