//! Settings.
mod layers;
pub use layers::*;

#[cfg(test)]
mod tests;
