//! The generated day.
