//! The journal folded back into state, digests and differences
