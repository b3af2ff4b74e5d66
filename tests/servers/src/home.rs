//! Where a server keeps its files.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory that goes away with the server, except after a failed test.
#[derive(Debug)]
pub struct Home {
    dir: Option<TempDir>,
    path: PathBuf,
}

impl Home {
    /// A new one, named after what runs in it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn new(name: &str) -> std::io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(&format!("blotter-{name}-")).tempdir()?;
        Ok(Self { path: dir.path().to_path_buf(), dir: Some(dir) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Home {
    #[expect(clippy::print_stderr, reason = "whoever reads the failure looks here next")]
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(dir) = self.dir.take()
        {
            eprintln!("server's logs and store: {}", dir.keep().display());
        }
    }
}
