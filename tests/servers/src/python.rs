//! Python with the packages that a file of requirements pins.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::wheel::cache;

/// A Python that finds those packages, and what lies in some folders.
#[derive(Clone, Debug)]
pub struct Python {
    packages: PathBuf,
}

impl Python {
    /// Fetched once by `pip` and kept in the user's cache directory.
    ///
    /// # Errors
    /// When the packages cannot be fetched.
    pub fn with(requirements: &Path) -> anyhow::Result<Self> {
        let pinned = fs::read(requirements).with_context(|| requirements.display().to_string())?;
        let version = run(Command::new("python3").arg("--version"))?;
        let digest = Sha256::new().chain_update(&pinned).chain_update(version.trim()).finalize();
        let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let packages = cache()?.join(format!("python-{name}"));
        if !packages.exists() {
            let parent = packages.parent().context("a folder")?;
            fs::create_dir_all(parent)?;
            // What is half fetched is never seen under its name, also when two fetch at once.
            let staging = tempfile::tempdir_in(parent)?;
            let fetched = staging.path().join("packages");
            run(Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(["--only-binary=:all:", "--no-deps", "--target"])
                .arg(&fetched)
                .arg("-r")
                .arg(requirements))?;
            if let Err(error) = fs::rename(&fetched, &packages)
                && !packages.exists()
            {
                return Err(error.into());
            }
        }
        Ok(Self { packages })
    }

    /// A command that finds the packages and what lies in `folders`.
    ///
    /// # Errors
    /// When a folder's name cannot be said.
    pub fn command(&self, folders: &[&Path]) -> anyhow::Result<Command> {
        let paths = [self.packages.as_path()].into_iter().chain(folders.iter().copied());
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", env::join_paths(paths)?).env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }

    /// Makes the classes of a schema below `root` into `folder`.
    ///
    /// # Errors
    /// When the compiler refuses.
    pub fn compile(&self, root: &Path, schema: &str, folder: &Path) -> anyhow::Result<()> {
        let mut command = self.command(&[])?;
        command.args(["-m", "grpc_tools.protoc", "-I"]).arg(root);
        command.arg("--python_out").arg(folder).arg(schema);
        run(&mut command).map(drop)
    }
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
