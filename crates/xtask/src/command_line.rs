//! `cargo xtask command-line`: the page of the command line, written from its parser.
//!
//! A test of `matbackprop` fails where the page and the parser differ.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::workspace;

const PAGE: &str = "crates/matbackprop/docs/command-line.md";

/// Builds the program and writes its page; `Ok(false)` where the build fails.
pub fn run(root: &Path) -> Result<bool> {
    let called = workspace::cargo(root)
        .args(["run", "--quiet", "--package", "matbackprop", "--"])
        .args(["man", "--markdown"])
        .stderr(Stdio::inherit())
        .output()
        .context("starting cargo")?;
    if !called.status.success() {
        return Ok(false);
    }
    let place = root.join(PAGE);
    let before = std::fs::read(&place).unwrap_or_default();
    if before == called.stdout {
        println!("{PAGE} is up to date");
        return Ok(true);
    }
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    std::fs::write(&place, called.stdout).with_context(|| format!("writing {PAGE}"))?;
    println!("{PAGE} is written");
    Ok(true)
}
