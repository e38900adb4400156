//! `matbackprop report`.

use anyhow::Result;

use crate::arguments::ReportArguments;
use crate::output;
use crate::progress::Terminal;

/// Draws the page of a run, and prints its place.
pub fn run(arguments: &ReportArguments) -> Result<()> {
    let page = experiments::report(&arguments.settings(), &mut Terminal::default())?;
    output::print_done(&format!("page      {}", page.display()))
}
