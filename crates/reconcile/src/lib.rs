//! Our books against the broker's: breaks, their life, adjustments
