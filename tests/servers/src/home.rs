//! Where a server keeps its files.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, test_kill_process};
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

    /// One that lasts as long as this process. Nothing runs when a process ends, so those of
    /// processes that are gone are removed here.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn of_process(name: &str) -> std::io::Result<Self> {
        let prefix = format!("blotter-{name}-of-");
        for found in std::fs::read_dir(std::env::temp_dir())?.flatten() {
            let file_name = found.file_name();
            let number = file_name.to_str().and_then(|name| name.strip_prefix(&prefix));
            let owner = number.and_then(|n| n.parse().ok()).and_then(Pid::from_raw);
            if owner.is_some_and(|pid| test_kill_process(pid).is_err()) {
                std::fs::remove_dir_all(found.path())?;
            }
        }
        let path = std::env::temp_dir().join(format!("{prefix}{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self { path, dir: None })
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
