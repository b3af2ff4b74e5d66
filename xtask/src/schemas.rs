//! The `.proto` text and the golden bytes.

use std::fs;

use anyhow::{Context as _, Result};
use event::{
    Event, Kind,
    wire::{event_from_json, proto_text},
};

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
    let mut written = 0;
    for kind in Kind::ALL {
        let name = kind.as_str();
        let json = fs::read(folder.join(format!("{name}.json")))
            .with_context(|| format!("schemas/golden/v1/{name}.json: write the example first"))?;
        let event: Event = serde_json::from_slice(&json)
            .map_err(anyhow::Error::from)
            .and_then(|value| Ok(event_from_json(&value)?))
            .with_context(|| format!("schemas/golden/v1/{name}.json"))?;
        let bytes = event.encode();
        let path = folder.join(format!("{name}.bin"));
        if !path.exists() {
            fs::write(&path, &bytes)?;
            written += 1;
        } else if fs::read(&path)? != bytes {
            anyhow::bail!(
                "{name}.bin differs from its JSON; golden bytes are frozen: restore the example, or \
                 delete the .bin by hand if no log holds this kind yet"
            );
        }
    }
    eprintln!("{written} golden files written, {} verified", Kind::ALL.len());
    Ok(())
}
