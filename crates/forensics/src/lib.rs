//! The audit log: every event's bytes and its position, never dropped
