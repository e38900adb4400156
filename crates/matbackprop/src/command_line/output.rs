//! Lines of results on standard output, and of messages on standard error.
//!
//! | | printed by | quiet | verbose |
//! |---|---|---|---|
//! | errors | [`error`] | yes | yes |
//! | warnings: what was left out, what can hardly be meant | [`warning`] | yes | yes |
//! | results asked for: tables, JSON | [`print`] | yes | yes |
//! | what was done: names of files | [`print_done`] | no | yes |
//! | messages, progress | [`note`] | no | yes |
//! | more about it | [`detail`] | no | only here |

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use anstream::ColorChoice;
use anyhow::{Context, Result};
use clap::builder::styling::{AnsiColor, Style};

use crate::command_line::arguments::ColorName;

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors, and results that were asked for.
    Quiet,
    /// Progress, messages and names of files too.
    Normal,
    /// Also which weights and device, and seconds of each stage.
    Verbose,
}

/// Whether another process speaks for this one.
static SILENT: AtomicBool = AtomicBool::new(false);
static VERBOSITY: AtomicU8 = AtomicU8::new(Verbosity::Normal as u8);

/// From here on this process prints nothing but errors.
pub fn be_silent() {
    SILENT.store(true, Ordering::Relaxed);
}

/// From here on this much is printed.
pub fn set_verbosity(verbosity: Verbosity) {
    VERBOSITY.store(verbosity as u8, Ordering::Relaxed);
}

/// Colours of everything from here on, help and errors of the parser among it.
pub fn set_color(name: ColorName) {
    let choice = match name {
        ColorName::Auto => ColorChoice::Auto,
        ColorName::Always => ColorChoice::Always,
        ColorName::Never => ColorChoice::Never,
    };
    choice.write_global();
}

/// Whether messages and progress of this process are printed.
pub fn shows_progress() -> bool {
    shows(Verbosity::Normal)
}

fn shows(least: Verbosity) -> bool {
    !SILENT.load(Ordering::Relaxed) && VERBOSITY.load(Ordering::Relaxed) >= least as u8
}

/// Prints an error, in red where there are colours.
pub fn error(line: &str) {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    anstream::eprintln!("{red}error:{red:#} {line}");
}

/// Prints that a number may not say what it seems to, or is of less than was given.
pub fn warning(line: &str) {
    if shows(Verbosity::Quiet) {
        eprintln!("{line}");
    }
}

/// Prints a message beside the results.
pub fn note(line: &str) {
    if shows(Verbosity::Normal) {
        eprintln!("{line}");
    }
}

/// Prints a message for those who ask for more.
pub fn detail(line: &str) {
    if shows(Verbosity::Verbose) {
        eprintln!("{line}");
    }
}

/// Prints a line of results that were asked for.
pub fn print(text: &str) -> Result<()> {
    match shows(Verbosity::Quiet) {
        true => write(text),
        false => Ok(()),
    }
}

/// Prints what was done, and where it lies.
pub fn print_done(text: &str) -> Result<()> {
    match shows(Verbosity::Normal) {
        true => write(text),
        false => Ok(()),
    }
}

/// Prints an object of results.
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

fn write(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .context("writing to standard output")
}
