//! Settings: layers, then types.

mod layers;
mod ranges;
mod settings;

#[cfg(test)]
mod tests;

pub(crate) use layers::{ConfigError, Layers, Origin};
pub(crate) use settings::{SHIPPED, Settings};
