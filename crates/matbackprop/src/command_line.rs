//! The command line.

mod arguments;
mod distributed;
mod eval;
mod failure;
mod info;
mod interrupt;
mod manual;
mod networks;
mod output;
mod progress;
mod report;
mod reproduce;
mod segment;
mod threads;
mod train;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use arguments::{Arguments, Command, Eval, Train};
use clap::Parser;
use distributed::RestartHint;

/// Runs the program: `words` are its name and its arguments, as the system gives them.
///
/// What people ask for goes to standard output, everything else to standard error. Invalid arguments, and requests for help,
/// end the process.
///
/// # Example
/// ```no_run
/// # use std::process::ExitCode;
/// fn main() -> ExitCode {
///     matbackprop::command_line(std::env::args_os())
/// }
/// ```
pub fn command_line(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let program = program(words.first());
    output::set_color(arguments::color_asked(words.iter().cloned()));
    let Arguments {
        command, global, ..
    } = Arguments::parse_from(words);
    output::set_verbosity(global.verbosity());
    let began = Instant::now();
    let code = match threads::start() {
        Ok(()) => run(command, program),
        Err(error) => failure::report(&error),
    };
    output::detail(&format!("took {:.2} s", began.elapsed().as_secs_f64()));
    code
}

/// Where this program lies, for `reproduce`, which calls it: where its name says, as for a script of Python; else what runs.
fn program(name: Option<&OsString>) -> Option<PathBuf> {
    name.map(PathBuf::from)
        .filter(|path| path.components().count() > 1 && path.is_file())
        .or_else(|| std::env::current_exe().ok())
}

fn run(command: Command, program: Option<PathBuf>) -> ExitCode {
    let (again, resume) = (RestartHint::Called, RestartHint::Resumed);
    let result = match command {
        Command::Segment(arguments) => {
            return distributed::run(again, |ranks, interrupt| {
                segment::run(&arguments, ranks, interrupt)
            });
        }
        Command::Train(Train::Ncuts(arguments)) => {
            return distributed::run(resume, |ranks, interrupt| {
                train::ncuts(&arguments, ranks, interrupt)
            });
        }
        Command::Train(Train::Boundaries(arguments)) => {
            return distributed::run(resume, |ranks, interrupt| {
                train::boundaries(&arguments, ranks, interrupt)
            });
        }
        Command::Train(Train::O2p(arguments)) => {
            return distributed::run(resume, |ranks, interrupt| {
                train::o2p(&arguments, ranks, interrupt)
            });
        }
        Command::Eval(Eval::Bsds(arguments)) => {
            return distributed::run(again, |ranks, interrupt| {
                interrupt.end_at_once()?;
                eval::bsds(&arguments, ranks)
            });
        }
        Command::Eval(Eval::Coco(arguments)) => {
            return distributed::run(again, |ranks, interrupt| {
                interrupt.end_at_once()?;
                eval::coco(&arguments, ranks)
            });
        }
        Command::Report(arguments) => report::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments, program),
        Command::Info(arguments) => info::run(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::man(&arguments),
    };
    match result {
        Ok(()) => failure::done(),
        Err(error) => failure::report(&error),
    }
}
