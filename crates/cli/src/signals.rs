//! Ctrl-C, the polite request to end, and a terminal or connection that goes away.

use crate::failure::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Lets the first SIGINT, SIGTERM or SIGHUP set the flag that is returned; a second one ends the program at once with 130.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Handlers run in this order, so the first signal finds the flag still down.
        flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::from_error("cannot listen to signals", &error))?;
    }
    Ok(stop)
}
