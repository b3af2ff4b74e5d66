//! Settings, instruments and the data directory, as the command line names them.

use event::{Digest, id::digest_of};
use feed::Instruments;

use super::args::Common;
use crate::{
    config::{Layers, SHIPPED, Settings},
    data_dir::DataDir,
    engine::Engine,
    exit::{Exit, Failure, OrExit as _, OrItsExit as _},
};

/// What most commands begin with.
pub(super) struct Setting {
    pub(super) dir: DataDir,
    pub(super) layers: Layers,
    pub(super) settings: Settings,
    pub(super) instruments: Instruments,
    pub(super) engine: Engine,
}

impl Setting {
    /// Digest of everything that is set and reaches events: settings and instruments.
    pub(super) fn digest(&self) -> Digest {
        let parts = [self.settings.digest.0, self.instruments.digest().0];
        digest_of("configuration", &[&parts[0], &parts[1]])
    }
}

/// Reads settings and instruments.
pub(super) fn read(common: &Common) -> Result<Setting, Failure> {
    let setting = over(common, SHIPPED)?;
    let _ = Settings::in_range(&setting.layers).or_its_exit()?;
    Ok(setting)
}

/// Reads the settings that the data directory was run with.
///
/// # Errors
/// When flags and environment make them others.
pub(super) fn of_directory(common: &Common) -> Result<Setting, Failure> {
    let dir = DataDir::new(&common.data);
    dir.must_hold_data().or_its_exit()?;
    let recorded = dir.settings().or_exit(Exit::Environment)?;
    let setting = over(common, recorded.as_deref().unwrap_or(SHIPPED))?;
    let bound = dir.binding().or_its_exit()?;
    if bound.is_some_and(|bound| bound.config != setting.digest()) {
        return Err(Failure::new(
            Exit::Conflict,
            format!(
                "E7505 {} was not run with these settings and instruments; give the --config and \
                 --instruments it was run with, or try others with --with",
                dir.root().display()
            ),
        ));
    }
    Ok(setting)
}

/// Stacks flags and environment over a base.
fn over(common: &Common, base: &str) -> Result<Setting, Failure> {
    let layers = Layers::stack(base, common.config.as_deref(), std::env::vars()).or_its_exit()?;
    let settings = Settings::of(&layers).or_exit(Exit::Usage)?;
    let mut instruments = Instruments::shipped().or_exit(Exit::Environment)?;
    if let Some(path) = &common.instruments {
        instruments.overlay_file(path).or_its_exit()?;
    }
    let (dir, engine) = (DataDir::new(&common.data), Engine::Embedded);
    Ok(Setting { dir, layers, settings, instruments, engine })
}
