//! The data directory: what lies where, and what the directory is bound to.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use event::Digest;

use crate::{
    control::HaltLatch,
    engine::{Engine, Role},
};

/// A data directory.
#[derive(Clone, Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
}

/// What a directory was made for. It serves nothing else: two inputs in one log would be a history
/// that never happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Digest of the settings that reach events.
    pub config: Digest,
    /// `tape` or `live`.
    pub mode: String,
    /// Each input by the digest of its content, with the name it was given by.
    pub inputs: Vec<(Digest, String)>,
    /// Where the bus is.
    pub bus: Engine,
}

impl Binding {
    /// What the directory's process is among those that write to its bus: where agents run free, some
    /// of them may do so in other processes.
    pub(crate) fn role(&self) -> Role<'static> {
        if self.mode == LIVE { Role::Run } else { Role::Alone }
    }
}

/// The mode in which agents run free.
pub(crate) const LIVE: &str = "live";

/// What the settings written down begin with.
const SETTINGS_HEAD: &str =
    "# What this directory was run with; the command line's replay reads it.\n";

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// The file system refused.
    #[error("E7201 {path}: {action}")]
    Io {
        /// Which path.
        path: PathBuf,
        /// What was attempted.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The directory holds no run.
    #[error(
        "E7202 {path} holds no data; `blotter run --input FILE --data {path}` or `blotter demo` makes some"
    )]
    Empty {
        /// The directory.
        path: PathBuf,
    },
    /// The directory is bound to something else.
    #[error(
        "E7203 {path} is bound to {what} {bound}, not {asked}; use another --data, or the same {what}"
    )]
    Bound {
        /// The directory.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What it is bound to.
        bound: String,
        /// What was asked for.
        asked: String,
    },
    /// The binding cannot be read.
    #[error("E7204 {path} is not a binding file: {reason}")]
    Binding {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl DataDir {
    /// The directory at `root`, which need not exist yet.
    #[must_use]
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    /// The directory itself.
    #[must_use]
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The bus's log: authoritative.
    #[must_use]
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The journal: authoritative.
    #[must_use]
    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// Snapshots: disposable.
    #[must_use]
    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Halt latch and operator commands.
    #[must_use]
    pub(crate) fn control(&self) -> PathBuf {
        self.root.join("control")
    }

    /// The paper broker's own record of an account. It is the broker's, not ours.
    #[must_use]
    pub(crate) fn broker(&self, account: &str) -> PathBuf {
        self.root.join("broker").join(account)
    }

    /// Makes the directory and what must be there before anything runs.
    ///
    /// # Errors
    /// [`DataDirError::Io`], as in a read-only file system.
    pub(crate) fn make(&self) -> Result<(), DataDirError> {
        let made = |path: PathBuf, source| DataDirError::Io {
            path,
            action: "the directory cannot be made",
            source,
        };
        let is_new = matches!(self.must_hold_data(), Err(DataDirError::Empty { .. }));
        for path in [self.root.clone(), self.control(), self.cache()] {
            fs::create_dir_all(&path).map_err(|source| made(path, source))?;
        }
        // Where something ran before, a latch that is not there was lost, and that is no release.
        if is_new {
            let _ = HaltLatch::make(&self.control())
                .map_err(|error| made(self.control(), io::Error::other(error)))?;
        }
        Ok(())
    }

    /// Whether a run was ever started here.
    ///
    /// # Errors
    /// [`DataDirError::Empty`] when none was; [`DataDirError::Io`] when that cannot be told.
    pub(crate) fn must_hold_data(&self) -> Result<(), DataDirError> {
        for path in [self.log(), self.journal()] {
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(DataDirError::Io { path, action: "cannot be looked at", source });
                }
            }
        }
        Err(DataDirError::Empty { path: self.root.clone() })
    }

    /// Binds the directory to `asked`, or checks that it is bound to it already.
    ///
    /// # Errors
    /// [`DataDirError::Bound`] naming the first difference.
    pub(crate) fn bind(&self, asked: &Binding) -> Result<(), DataDirError> {
        let Some(bound) = self.binding()? else { return self.write_binding(asked) };
        let differs = |what: &'static str, bound: String, asked: String| DataDirError::Bound {
            path: self.root.clone(),
            what,
            bound,
            asked,
        };
        if bound.mode != asked.mode {
            return Err(differs("mode", bound.mode, asked.mode.clone()));
        }
        self.is_bound_to(&bound.bus, &asked.bus)?;
        if bound.config != asked.config {
            return Err(differs("configuration", short(bound.config), short(asked.config)));
        }
        let digests = |binding: &Binding| -> Vec<Digest> {
            binding.inputs.iter().map(|(digest, _)| *digest).collect()
        };
        if digests(&bound) != digests(asked) {
            return Err(differs("input", names(&bound), names(asked)));
        }
        Ok(())
    }

    /// The bus of this directory: as `asked`, which may say who we are there, where that is the same.
    ///
    /// # Errors
    /// [`DataDirError::Bound`] where it is another.
    pub(crate) fn bus(&self, asked: Option<Engine>) -> Result<Engine, DataDirError> {
        let bound = self.binding()?.map(|binding| binding.bus).unwrap_or_default();
        let Some(asked) = asked else { return Ok(bound) };
        self.is_bound_to(&bound, &asked)?;
        Ok(asked)
    }

    /// Two URLs of one bus are printed alike, whoever is let in with them.
    fn is_bound_to(&self, bound: &Engine, asked: &Engine) -> Result<(), DataDirError> {
        let (bound, asked) = (bound.to_string(), asked.to_string());
        if bound == asked {
            return Ok(());
        }
        Err(DataDirError::Bound { path: self.root.clone(), what: "bus", bound, asked })
    }

    /// What the directory is bound to, if it is.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub(crate) fn binding(&self) -> Result<Option<Binding>, DataDirError> {
        let path = self.binding_path();
        match fs::read_to_string(&path) {
            Ok(text) => parse(&text)
                .map(Some)
                .map_err(|reason| DataDirError::Binding { path, reason: reason.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataDirError::Io { path, action: "cannot be read", source }),
        }
    }

    /// Writes down the settings of the first run, so that whoever looks back needs none of the flags
    /// it was started with. What is there already stays.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn keep_settings(&self, settings: &str) -> Result<(), DataDirError> {
        let path = self.settings_path();
        if path.exists() {
            return Ok(());
        }
        self.write_whole(&path, &format!("{SETTINGS_HEAD}{settings}"))
    }

    /// The settings of the first run, where it wrote them down.
    ///
    /// # Errors
    /// [`DataDirError::Io`].
    pub(crate) fn settings(&self) -> Result<Option<String>, DataDirError> {
        let path = self.settings_path();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DataDirError::Io { path, action: "cannot be read", source }),
        }
    }

    fn settings_path(&self) -> PathBuf {
        self.root.join("settings.toml")
    }

    fn binding_path(&self) -> PathBuf {
        self.root.join("binding")
    }

    fn write_binding(&self, binding: &Binding) -> Result<(), DataDirError> {
        let mut text = format!("mode {}\nconfig {}\n", binding.mode, binding.config);
        for (digest, name) in &binding.inputs {
            text.push_str(&format!("input {digest} {}\n", name.replace('\n', " ")));
        }
        if binding.bus != Engine::Embedded {
            text.push_str(&format!("bus {}\n", binding.bus));
        }
        self.write_whole(&self.binding_path(), &text)
    }

    /// Writes a file so that it is there whole or not at all.
    fn write_whole(&self, path: &Path, text: &str) -> Result<(), DataDirError> {
        let new = path.with_extension("new");
        let written = fs::write(&new, text)
            .and_then(|()| fs::File::open(&new)?.sync_all())
            .and_then(|()| fs::rename(&new, path))
            .and_then(|()| fs::File::open(&self.root)?.sync_all());
        written.map_err(|source| DataDirError::Io {
            path: path.to_path_buf(),
            action: "cannot be written",
            source,
        })
    }
}

fn parse(text: &str) -> Result<Binding, &'static str> {
    let mut lines = BTreeMap::new();
    let mut inputs = Vec::new();
    for line in text.lines() {
        let (name, rest) = line.split_once(' ').ok_or("a line without a value")?;
        if name == "input" {
            let (digest, name) = rest.split_once(' ').ok_or("an input without a name")?;
            inputs
                .push((digest.parse().map_err(|_| "an input without a digest")?, name.to_owned()));
        } else {
            let _ = lines.insert(name, rest);
        }
    }
    let config = lines.get("config").and_then(|text| text.parse().ok());
    Ok(Binding {
        config: config.ok_or("no configuration digest")?,
        mode: (*lines.get("mode").ok_or("no mode")?).to_owned(),
        inputs,
        bus: match lines.get("bus") {
            Some(url) => url.parse().map_err(|_| "a bus without a URL")?,
            None => Engine::Embedded,
        },
    })
}

/// As much of a digest as people compare.
pub(crate) fn short(digest: Digest) -> String {
    let mut text = digest.to_string();
    text.truncate(12);
    text
}

fn names(binding: &Binding) -> String {
    let names: Vec<String> = binding
        .inputs
        .iter()
        .map(|(digest, name)| format!("{name} ({})", short(*digest)))
        .collect();
    names.join(", ")
}
