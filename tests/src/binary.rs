//! The program under test, built once per test process.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

/// The repository.
#[must_use]
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder of the repository").into()
}

/// The `blotter` binary. `BLOTTER_BIN` names one to test instead, as a release does.
pub fn blotter() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        std::env::var_os("BLOTTER_BIN").map_or_else(|| build(["--bin", "blotter"]), PathBuf::from)
    })
}

/// The program of an author who added an agent of their own: the example, built here as one of the
/// package it depends on.
pub fn large_trades() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build(["--example", "large-trades"]))
}

fn build(target: [&str; 2]) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        // The selection of packages that the suites have, so that nothing is built twice.
        .args(["build", "--quiet", "--workspace", "--features", "blotter/kafka"])
        .args(target)
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "blotter does not build");
    let text = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
    let built = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    built
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("cargo says where the binary is")
}
