//! `matbackprop reproduce`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use experiments::counted;
use experiments::reproduce::{Plan, reproduce};

use crate::command_line::arguments::Reproduce;
use crate::command_line::interrupt::Interrupt;
use crate::command_line::output;
use crate::command_line::progress::Terminal;

/// Runs the rows of a comparison, each by a call of this program, and prints the table.
pub fn run(arguments: &Reproduce, program: Option<PathBuf>) -> Result<()> {
    let program = program.context("this program's own place is not known")?;
    let settings = arguments.settings(program);
    if arguments.is_dry() {
        return output::print(&in_words(&Plan::new(&settings)?));
    }
    let interrupt = Interrupt::default();
    let reproduced = reproduce(&settings, &mut Terminal::stopped_by(&interrupt))?;
    if reproduced.stopped {
        let place = counted(reproduced.done, "run");
        return Err(interrupt.stopped(&place, "the same command"));
    }
    output::print(reproduced.table.trim_end())?;
    match reproduced.failed.len() {
        0 => Ok(()),
        failed => bail!("{failed} of the runs failed; the same command does them again"),
    }
}

/// A block a run: its calls as a shell reads them, or that it is done.
fn in_words(plan: &Plan) -> String {
    let mut lines = plan.left_out.clone();
    for run in plan.runs() {
        let calls = run.calls();
        let state = if calls.is_empty() { " done" } else { "" };
        lines.push(format!("{}:{state}", run.title));
        lines.extend(calls.iter().map(|call| format!("  {call}")));
    }
    lines.join("\n")
}
