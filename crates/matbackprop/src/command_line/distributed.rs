//! One command by several processes: `mpirun -np N matbackprop …`.

use std::process::ExitCode;
use std::rc::Rc;

use anyhow::Result;
use training::Ranks;

use crate::command_line::failure;
use crate::command_line::interrupt::{Interrupt, Interrupted};
use crate::command_line::output;

/// How a command is taken up again after a rank was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "mpi"), allow(dead_code))]
pub enum RestartHint {
    /// From its last checkpoint.
    Resumed,
    /// By the same call.
    Called,
}

/// Runs a command as one of the ranks that a launcher started, or alone, and prints an error once: on the first
/// rank, unless the others do not know of it.
pub fn run(
    hint: RestartHint,
    command: impl FnOnce(&Rc<Ranks>, &Interrupt) -> Result<()>,
) -> ExitCode {
    let interrupt = Interrupt::default();
    let ranks = match join(&interrupt, hint) {
        Ok(ranks) => Rc::new(ranks),
        Err(error) => return failure::report(&error),
    };
    if !ranks.is_first() {
        output::be_silent();
    }
    let result = command(&ranks, &interrupt);
    let known = match &result {
        Ok(()) => true,
        Err(error) => ranks.have_failed() || error.is::<Interrupted>(),
    };
    let code = match &result {
        Ok(()) => failure::done(),
        Err(error) if ranks.is_first() || !known => failure::report(error),
        Err(error) => failure::code(error),
    };
    // A barrier before the end: a rank that fails alone would leave the others blocked in it.
    let ranks = Rc::into_inner(ranks).filter(|_| known);
    match ranks.map_or(Ok(()), Ranks::finalize) {
        Ok(()) => code,
        Err(error) => failure::report(&error.into()),
    }
}

#[cfg(feature = "mpi")]
fn join(interrupt: &Interrupt, hint: RestartHint) -> Result<Ranks> {
    let asked = interrupt.clone();
    let ranks = Ranks::of_mpi(
        move || asked.asked(),
        move |lost| {
            let on = match hint {
                RestartHint::Resumed => {
                    "the same command with --resume resumes from the last checkpoint"
                }
                RestartHint::Called => "the same command does it again",
            };
            output::error(&format!("{lost}; {on}"));
            experiments::files::remove_unfinished();
            std::process::exit(1);
        },
    );
    Ok(ranks?)
}

#[cfg(not(feature = "mpi"))]
fn join(_: &Interrupt, _: RestartHint) -> Result<Ranks> {
    let launched = Ranks::launched();
    if launched > 1 {
        return Err(failure::usage(format!(
            "expected one process, or a program built with --features mpi, found {launched} processes and one without"
        )));
    }
    Ok(Ranks::alone())
}
