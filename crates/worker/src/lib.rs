//! The loop as a state machine: an input, then its effects
