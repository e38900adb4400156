//! The threads that share the arithmetic, started before anything needs them.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use anyhow::{Context as _, Result};
use rayon::ThreadPoolBuilder;

use crate::command_line::output;

/// Starts one thread a core, or as many as `RAYON_NUM_THREADS` says; fewer, with a word, where the system gives no more.
///
/// Left to itself rayon starts them at the first work, and panics where it cannot: under `ulimit -v` or `ulimit -u`, or in a
/// small container.
///
/// # Errors
/// Where the system gives none.
pub fn start() -> Result<()> {
    // The pool of all work can be tried once only: another one tries what there is.
    let tried = |threads| ThreadPoolBuilder::new().num_threads(threads).build();
    let threads = match tried(0) {
        Ok(pool) => pool.current_num_threads(),
        Err(_) => {
            let most = available_parallelism().map_or(1, NonZeroUsize::get);
            let fewer = std::iter::successors(Some(most.div_ceil(2)), |n| Some(n / 2));
            let mut fewer = fewer.take_while(|n| *n > 1);
            let given = fewer.find(|n| tried(*n).is_ok()).unwrap_or(1);
            let threads = if given == 1 {
                "one thread"
            } else {
                "fewer threads"
            };
            output::warning(&format!(
                "expected a thread for each core, found that the system gives {threads}: {given}; limits on memory (`ulimit -v`) and threads (`ulimit -u`) count"
            ));
            given
        }
    };
    let started = ThreadPoolBuilder::new().num_threads(threads).build_global();
    started.context(
        "starting a thread; limits on memory (`ulimit -v`) and threads (`ulimit -u`) count",
    )
}
