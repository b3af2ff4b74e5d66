//! Market data in: recorded files, JSON lines and the generated day
