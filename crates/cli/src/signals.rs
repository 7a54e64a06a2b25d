//! Ctrl-C, the polite request to end, and a terminal or connection that goes away.

use crate::failure::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::os::raw::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What comes so soon after the first signal is the same request once more: `timeout` and terminals send a signal to
/// the process and to its group.
const SAME_REQUEST: Duration = Duration::from_millis(500);

/// Lets the first SIGINT, SIGTERM or SIGHUP set the flag that is returned; a later one ends the program at once with 130.
/// A SIGHUP that was ignored when the program was started, as by `nohup`, stays ignored.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let failed = |error| Failure::from_error("cannot listen to signals", &error);
    let stop = Arc::new(AtomicBool::new(false));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let heard =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| *signal != SIGHUP || !is_ignored(&status, SIGHUP));
    let mut signals = Signals::new(heard).map_err(failed)?;
    let flag = Arc::clone(&stop);
    let listen = move || {
        let mut first = None::<Instant>;
        for _ in signals.forever() {
            let first = first.get_or_insert_with(Instant::now);
            // Most signals that come at once are one request; the flag is set again without harm.
            if flag.swap(true, Ordering::Relaxed) && first.elapsed() > SAME_REQUEST {
                signal_hook::low_level::exit(130);
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map_err(failed)?;
    Ok(stop)
}

/// Whether a process with this `/proc/PID/status` ignores a signal. Source: proc_pid_status(5), `SigIgn`.
fn is_ignored(status: &str, signal: c_int) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = u32::try_from(signal - 1).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or(0);
    mask & bit != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_seen_in_the_mask_of_the_process() {
        assert!(is_ignored("Name:\tx\nSigIgn:\t0000000000000001\n", SIGHUP));
        assert!(!is_ignored("Name:\tx\nSigIgn:\t0000000000001000\n", SIGHUP));
        assert!(!is_ignored("", SIGHUP));
    }
}
