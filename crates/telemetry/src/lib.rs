//! Structured logs and the metrics registry
