//! Signals: a training that is asked to stop ends its step, writes a checkpoint, and says how it is resumed. Whatever ends a
//! command, no unfinished file of it stays.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use experiments::files::remove_unfinished;
use experiments::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// How often a thread looks for signals.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Catches SIGINT and SIGTERM from [`Interrupt::listen`] on; a second signal ends the process at once.
#[derive(Clone, Default)]
pub struct Interrupt {
    /// The signal that asked, 0 for none.
    signal: Arc<AtomicUsize>,
}

/// Work that stopped because it was asked to.
#[derive(Debug)]
pub struct Interrupted {
    signal: u8,
    message: String,
}

impl Interrupt {
    /// Listens from here on: the first signal asks, the second ends the process.
    ///
    /// # Errors
    /// Those of the system.
    pub fn listen(&self) -> Result<()> {
        self.end_after(1)
    }

    /// From here on the first signal ends the process: for commands that have nothing to bring to an end.
    ///
    /// # Errors
    /// Those of the system.
    pub fn end_at_once(&self) -> Result<()> {
        self.end_after(0)
    }

    /// Leaves as many signals to those who ask; the next ends the process, without unfinished files.
    fn end_after(&self, mut left: usize) -> Result<()> {
        let (came, ending) = (Arc::default(), Arc::<AtomicBool>::default());
        for number in [SIGINT, SIGTERM] {
            // Another signal while files are removed does not wait for them.
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&ending))
                .and_then(|_| flag::register(number, Arc::clone(&came)))
                .and_then(|_| {
                    flag::register_usize(number, Arc::clone(&self.signal), number as usize)
                })
                .map_err(|error| Error::Unexpected(format!("listening for signals: {error}")))?;
        }
        let signal = Arc::clone(&self.signal);
        let watch = move || {
            loop {
                thread::sleep(POLL_INTERVAL);
                match came.swap(false, Ordering::Relaxed) {
                    true if left == 0 => break,
                    true => left -= 1,
                    false => {}
                }
            }
            ending.store(true, Ordering::Relaxed);
            remove_unfinished();
            std::process::exit(128 + signal.load(Ordering::Relaxed) as i32)
        };
        let started = thread::Builder::new().name("signals".to_owned());
        started.spawn::<_, ()>(watch).map_err(|error| {
            Error::Unexpected(format!(
                "starting the thread that waits for signals: {error}"
            ))
        })?;
        Ok(())
    }

    /// Whether a signal came.
    pub fn asked(&self) -> bool {
        self.signal.load(Ordering::Relaxed) > 0
    }

    /// The error of work that was stopped `after` some of it; `on` is how it is resumed.
    pub fn stopped(&self, after: &str, on: &str) -> anyhow::Error {
        // Where it was another rank that was asked, that is how clusters ask.
        let signal = match self.signal.load(Ordering::Relaxed) {
            0 => SIGTERM as usize,
            signal => signal,
        };
        let name = if signal == SIGTERM as usize {
            "SIGTERM"
        } else {
            "SIGINT"
        };
        Interrupted {
            signal: signal as u8,
            message: format!("stopped by {name} after {after}; {on} resumes from there"),
        }
        .into()
    }
}

impl Interrupted {
    /// The exit code, as if the signal had ended the process.
    pub fn exit_code(&self) -> u8 {
        128 + self.signal
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Interrupted {}
