//! Signals: a training that is asked to stop ends its step, writes a checkpoint, and says how it is resumed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use experiments::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

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
    /// Listens from here on.
    ///
    /// # Errors
    /// Those of the system.
    pub fn listen(&self) -> Result<()> {
        let asked = Arc::new(AtomicBool::new(false));
        for number in [SIGINT, SIGTERM] {
            // In this order: the first time there is nothing yet that would end the process.
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&asked))
                .and_then(|_| flag::register(number, Arc::clone(&asked)))
                .and_then(|_| {
                    flag::register_usize(number, Arc::clone(&self.signal), number as usize)
                })
                .map_err(|error| Error::Unexpected(format!("listening for signals: {error}")))?;
        }
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
