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
/// Whether results met a closed pipe.
static UNREAD: AtomicBool = AtomicBool::new(false);
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
    say(&format!("{red}error:{red:#} {line}"));
}

/// Prints that a number may not say what it seems to, or is of less than was given.
pub fn warning(line: &str) {
    if shows(Verbosity::Quiet) {
        say(line);
    }
}

/// Prints a message beside the results.
pub fn note(line: &str) {
    if shows(Verbosity::Normal) {
        say(line);
    }
}

/// Prints a message for those who ask for more.
pub fn detail(line: &str) {
    if shows(Verbosity::Verbose) {
        say(line);
    }
}

/// Prints a line on standard error. Where nobody reads it any more, the work continues.
pub fn say(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Prints a line of results that were asked for. Where nobody reads it the work continues, and [`is_unread`] says so.
pub fn print(text: &str) -> Result<()> {
    if shows(Verbosity::Quiet) && !write(text)? {
        UNREAD.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Prints what was done, and where it lies; the files are there whether it is read or not.
pub fn print_done(text: &str) -> Result<()> {
    if shows(Verbosity::Normal) {
        write(text)?;
    }
    Ok(())
}

/// Whether results that were asked for met a closed pipe: `matbackprop eval … | head -1`.
pub fn is_unread() -> bool {
    UNREAD.load(Ordering::Relaxed)
}

/// Prints an object of results.
pub fn print_json(value: &impl serde::Serialize) -> Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// Whether there is a reader.
fn write(text: &str) -> Result<bool> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).context("writing to standard output"),
    }
}
