//! Programs that Maven's registry carries, as jars.

use std::{collections::BTreeSet, env, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::wheel::cache;

/// A pinned set of jars: what some artifacts need to run.
#[derive(Clone, Copy, Debug)]
pub struct Jars {
    /// What it is called in the cache.
    pub name: &'static str,
    /// The artifacts, as `group:artifact:version`.
    pub artifacts: &'static [&'static str],
    /// Every jar with its SHA-256, as `sha256sum` writes it.
    pub sha256: &'static str,
}

/// What copies an artifact's jars.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies";

impl Jars {
    /// The folder with the jars, fetched once by `mvn` and kept in the user's cache directory.
    ///
    /// # Errors
    /// When they cannot be fetched or are not what was pinned.
    pub fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = cache()?.join(self.name);
        if !folder.exists() {
            self.fetch(&folder).with_context(|| self.name)?;
        }
        Ok(folder)
    }

    fn fetch(&self, folder: &std::path::Path) -> anyhow::Result<()> {
        let parent = folder.parent().context("a folder")?;
        fs::create_dir_all(parent)?;
        // What is half fetched is never seen under its name, also when two fetch at once.
        let staging = tempfile::tempdir_in(parent)?;
        fs::write(staging.path().join("pom.xml"), self.pom()?)?;
        let output = Command::new(env::var_os("MVN").unwrap_or_else(|| "mvn".into()))
            .args(["--batch-mode", COPY, "-DincludeScope=runtime", "-DoutputDirectory=jars"])
            .current_dir(staging.path())
            .output()
            .context("mvn")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stdout).trim());
        }
        let jars = staging.path().join("jars");
        self.check(&jars)?;
        match fs::rename(&jars, folder) {
            // Somebody else fetched the same meanwhile.
            Err(_) if folder.exists() => Ok(()),
            renamed => Ok(renamed?),
        }
    }

    fn pom(&self) -> anyhow::Result<String> {
        let mut dependencies = String::new();
        for artifact in self.artifacts {
            let mut parts = artifact.split(':');
            let mut next = || parts.next().context("group:artifact:version");
            dependencies += &format!(
                "<dependency><groupId>{}</groupId><artifactId>{}</artifactId>\
                 <version>{}</version></dependency>",
                next()?,
                next()?,
                next()?
            );
        }
        Ok(format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
             <groupId>blotter</groupId><artifactId>jars</artifactId><version>1</version>\
             <dependencies>{dependencies}</dependencies></project>"
        ))
    }

    /// Holds every jar against its digest; one more or one less is refused as well.
    fn check(&self, jars: &std::path::Path) -> anyhow::Result<()> {
        let mut found = BTreeSet::new();
        for jar in fs::read_dir(jars)? {
            let jar = jar?;
            let digest = Sha256::digest(fs::read(jar.path())?);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = found.insert(format!("{digest}  {}", jar.file_name().to_string_lossy()));
        }
        let pinned: BTreeSet<String> = self.sha256.lines().map(String::from).collect();
        let differing: Vec<_> = found.symmetric_difference(&pinned).collect();
        ensure!(differing.is_empty(), "fetched and pinned jars differ: {differing:#?}");
        Ok(())
    }
}
