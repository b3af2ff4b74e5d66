//! `copy`: a bus made the same as another, wherever the two are.

use std::{path::PathBuf, str::FromStr};

use bus::{Bus, BusError, Drift, ErrorClass, Reader};
use bus_log::LogReader;
use serde_json::json;

use super::{
    args::{Common, CopyArgs},
    output,
    run::failure,
    setting,
};
use crate::{
    clock::wall_clock,
    copy::{Copied, CopyError, Side, copy as carry},
    data_dir::{Binding, DataDir},
    engine::{Access, Engine, EngineError, Role},
    exit::{Exit, Failure, OrExit as _, OrItsExit as _},
};

/// What a directory is bound to that holds a copy: every reader reads it, and no run goes on with it.
const MODE: &str = "copy";

/// A bus, by a data directory or by a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The bus of a data directory.
    Directory(PathBuf),
    /// A bus on servers.
    Servers(Box<Engine>),
}

impl FromStr for End {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        if text.contains("://") {
            return Ok(Self::Servers(Box::new(text.parse()?)));
        }
        Ok(Self::Directory(text.into()))
    }
}

/// A bus, and the directory it is of where it is of one.
struct Place {
    engine: Engine,
    dir: DataDir,
    binding: Option<Binding>,
}

/// Copies.
pub(super) fn copy(common: &Common, ends: &CopyArgs) -> Result<Exit, Failure> {
    let (from, to) = ends.access();
    let same = || Failure::new(Exit::Usage, "E7726 --from and --to are the same bus");
    if ends.from == ends.to {
        return Err(same());
    }
    let source = source(&ends.from, from)?;
    let target = target(&ends.to, to)?;
    if source.words() == target.words() {
        return Err(same());
    }
    let copied = carry(
        source.side().map_err(of_copy)?,
        target.side_there().map_err(of_copy)?,
        || Ok(target.open()?),
        || Ok(source.engine.reader(&source.dir)?),
        || Ok(target.engine.reader(&target.dir)?),
    );
    let copied = copied.map_err(of_copy)?;
    if target.engine == Engine::Embedded {
        bind(common, &source, &target)?;
    }
    tell(common, &source, &target, &copied);
    Ok(Exit::Ok)
}

fn of_copy(error: CopyError) -> Failure {
    let exit = match error {
        CopyError::Differs { .. } | CopyError::HoldsMore { .. } => Exit::Conflict,
        CopyError::CannotBeCarried { .. } | CopyError::NotTheSame { .. } => Exit::Integrity,
        CopyError::Bus(error) => return failure(error.into()),
    };
    Failure { exit, error: error.into() }
}

/// Where a copy is made from: the bus that a directory is bound to, or one on servers.
fn source(end: &End, access: Access) -> Result<Place, Failure> {
    match end {
        End::Servers(engine) => Ok(Place::on_servers(engine, access)),
        End::Directory(path) => {
            let dir = DataDir::new(path);
            dir.must_hold_data().or_its_exit()?;
            let binding = dir.binding().or_its_exit()?;
            let engine = binding.as_ref().map(|binding| binding.bus.clone()).unwrap_or_default();
            Ok(Place { engine: engine.with(access), dir, binding })
        }
    }
}

/// Where a copy is made: a directory that nothing but a copy was made in, or a bus on servers.
fn target(end: &End, access: Access) -> Result<Place, Failure> {
    match end {
        End::Servers(engine) => Ok(Place::on_servers(engine, access)),
        End::Directory(path) => {
            let dir = DataDir::new(path);
            let binding = dir.binding().or_its_exit()?;
            if let Some(bound) = binding.as_ref().filter(|bound| bound.mode != MODE) {
                return Err(Failure::new(
                    Exit::Conflict,
                    format!(
                        "E7725 {} belongs to a {} run; a copy needs a directory of its own",
                        path.display(),
                        bound.mode
                    ),
                ));
            }
            Ok(Place { engine: Engine::Embedded, dir, binding })
        }
    }
}

impl Place {
    fn on_servers(engine: &Engine, access: Access) -> Self {
        let (engine, dir) = (engine.clone().with(access), DataDir::new(&PathBuf::new()));
        Self { engine, dir, binding: None }
    }

    /// Everything that is durable in the source now.
    fn side(&self) -> Result<Side, CopyError> {
        if self.engine != Engine::Embedded {
            return Ok(match self.must_be_there()? {
                Some(reader) => Side::of(reader, u64::MAX),
                None => Side::empty(),
            });
        }
        let mut reader = LogReader::open(&self.dir.log())?;
        // What a killed writer left in the page cache counts once it is on the disk.
        let end = reader.settle()?;
        Ok(Side::of(Box::new(reader), end))
    }

    /// A reader of a bus on servers, which makes none where there is none.
    fn must_be_there(&self) -> Result<Option<Box<dyn Reader>>, BusError> {
        let drift = self.engine.plan()?;
        if let Some(drift) = drift.into_iter().next() {
            let Drift { object, setting, found, needed } = drift;
            let what = format!("{object}: {setting} is {found}, needed is {needed}");
            let source = Box::new(EngineError::NotAsNeeded { bus: self.engine.to_string(), what });
            return Err(BusError::Engine { class: ErrorClass::Fatal, source });
        }
        self.engine.reader_where_begun(&self.dir)
    }

    /// What is there of the target; `None` where it is to be made.
    fn side_there(&self) -> Result<Option<Side>, CopyError> {
        if self.engine == Engine::Embedded {
            let is_there = self.dir.log().is_dir();
            let reader = is_there.then(|| self.engine.reader(&self.dir)).transpose()?;
            return Ok(reader.map(|reader| Side::of(reader, u64::MAX)));
        }
        let drift = self.engine.plan()?;
        if !drift.is_empty() && drift.iter().all(Drift::is_missing) {
            return Ok(None);
        }
        Ok(self.must_be_there()?.map(|reader| Side::of(reader, u64::MAX)))
    }

    fn open(&self) -> Result<Box<dyn Bus>, BusError> {
        Ok(self.engine.open(&self.dir, Role::Alone, wall_clock)?.bus)
    }

    fn words(&self) -> String {
        match self.engine {
            Engine::Embedded => self.dir.root().display().to_string(),
            Engine::Nats(_) | Engine::Kafka(_) => self.engine.to_string(),
        }
    }
}

/// Keeps the directory from being run with, and lets readers know what it was run with.
fn bind(common: &Common, source: &Place, target: &Place) -> Result<(), Failure> {
    if target.binding.is_some() {
        return Ok(());
    }
    target.dir.make().or_exit(Exit::Environment)?;
    let bound = source.binding.as_ref();
    let (settings, config) = match bound {
        Some(bound) => (source.dir.settings().or_exit(Exit::Environment)?, bound.config),
        // A bus on servers does not say with which settings it was run: those named here count.
        None => {
            let setting = setting::read(common)?;
            (Some(setting.layers.to_text().or_exit(Exit::Usage)?), setting.digest())
        }
    };
    if let Some(settings) = settings {
        target.dir.keep_settings(&settings).or_exit(Exit::Environment)?;
    }
    let inputs = bound.map(|bound| bound.inputs.clone()).unwrap_or_default();
    let binding = Binding { config, mode: MODE.into(), inputs, bus: Engine::Embedded };
    target.dir.bind(&binding).or_its_exit()
}

fn tell(common: &Common, source: &Place, target: &Place, copied: &Copied) {
    let Copied { entries, events, found, log_digest } = copied;
    if common.json {
        return output::json(&json!({
            "from": source.words(),
            "to": target.words(),
            "entries": entries,
            "events": events,
            "copied": entries - found,
            "found": found,
            "log_digest": log_digest.to_string(),
        }));
    }
    output::line(&format!(
        "{} is {} to the byte: {entries} entries, {events} events, {} of them copied now; log {log_digest}",
        target.words(),
        source.words(),
        entries - found
    ));
}
