//! `cargo xtask command-line`: the page of the command line, written from its parser.
//!
//! A test of `matbackprop` fails where the page and the parser differ. Asked to, it writes the page first.

use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace;

const PAGE: &str = "crates/matbackprop/docs/command-line.md";
const TEST: &str = "the_page_of_the_command_line_is_that_of_the_parser";

/// Builds the parser and writes its page; `Ok(false)` where the build fails.
pub fn run(root: &Path) -> Result<bool> {
    let place = root.join(PAGE);
    let before = std::fs::read(&place).unwrap_or_default();
    let status = workspace::cargo(root)
        .args(["test", "--quiet", "--package", "matbackprop"])
        .args(["--lib", TEST])
        .env("MATBACKPROP_WRITE_COMMAND_LINE", "1")
        .status()
        .context("starting cargo")?;
    if !status.success() {
        return Ok(false);
    }
    let after = std::fs::read(&place).with_context(|| format!("reading {PAGE}"))?;
    match before == after {
        true => println!("{PAGE} is up to date"),
        false => println!("{PAGE} is written"),
    }
    Ok(true)
}
