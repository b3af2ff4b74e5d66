//! Settings: layers, then types.

mod layers;
mod settings;

#[cfg(test)]
mod tests;

pub use layers::{ConfigError, Layers};

#[cfg(test)]
pub use layers::Origin;
pub use settings::{SHIPPED, Settings};
