//! Disposable snapshots of tasks and projections
