//! The embedded engine: all streams in one physical log
