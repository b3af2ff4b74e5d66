//! Framed, checksummed, preallocated append files over a Disk port
