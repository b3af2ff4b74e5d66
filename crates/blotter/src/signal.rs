//! SIGINT and SIGTERM as a flag: the record in hand is finished, then the run ends.

use std::sync::{Arc, atomic::AtomicBool};

/// A flag that the first signal sets; a second one ends the process at once.
///
/// # Errors
/// The handlers could not be installed.
pub(crate) fn stop_flag() -> std::io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The order matters: the check that ends the process stands before the flag is set.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
