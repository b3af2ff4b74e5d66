//! A file system of a few megabytes, to be filled.

use std::{path::PathBuf, process::Command};

/// A mounted file system; unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of this many megabytes on a directory, which it makes.
    ///
    /// # Panics
    /// When nothing can be mounted here: a test of a full disk needs a disk that can be full.
    #[must_use]
    pub fn mount(path: PathBuf, megabytes: u32) -> Self {
        std::fs::create_dir_all(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let disk = Self { path };
        disk.run("mount", &["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]);
        disk
    }

    /// Gives it another size.
    pub fn resize(&self, megabytes: u32) {
        self.run("mount", &["-o", &format!("remount,size={megabytes}m")]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let done = Command::new(program).args(arguments).arg(&self.path).output();
        let done = done.unwrap_or_else(|error| panic!("{program} does not run: {error}"));
        assert!(
            done.status.success(),
            "a file system of a few megabytes cannot be mounted: {}\nrun this test as root, or inside \
             `unshare --map-root-user --mount`",
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A test that failed may still hold files open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}
