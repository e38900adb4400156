//! Lines of results on standard output, and of messages on standard error.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// Whether another process speaks for this one.
static SILENT: AtomicBool = AtomicBool::new(false);

/// From here on this process prints nothing but errors.
pub fn be_silent() {
    SILENT.store(true, Ordering::Relaxed);
}

/// Whether it prints nothing.
pub fn is_silent() -> bool {
    SILENT.load(Ordering::Relaxed)
}

/// Prints a message beside the results.
pub fn note(line: &str) {
    if !is_silent() {
        eprintln!("{line}");
    }
}

/// Prints a line of results.
pub fn print(text: &str) -> Result<()> {
    if is_silent() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("writing to standard output")
}

/// Prints an object of results.
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}
