//! `matbackprop report`.

use anyhow::Result;

use crate::command_line::arguments::ReportArguments;
use crate::command_line::interrupt::Interrupt;
use crate::command_line::output;
use crate::command_line::progress::Terminal;

/// Draws the page of a run, and prints its place.
pub fn run(arguments: &ReportArguments) -> Result<()> {
    Interrupt::default().end_at_once()?;
    let page = experiments::report(&arguments.settings(), &mut Terminal::default())?;
    output::print_done(&format!("page      {}", page.display()))
}
