//! Step `bridges` of the check: the packages that bring our rules to other frameworks.
//!
//! Their frameworks are large, and no other step builds them. All packages go through one selection, so that each framework
//! is built once, and the crates that they stand on in the profile of the other steps.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{examples, workspace};

/// A package a framework. Each is among `workspace::WITHOUT_BRIDGES` too.
pub const BRIDGES: [&str; 2] = ["matbackprop-candle", "matbackprop-burn"];

/// Lints, tests, documentation, examples; `Ok(false)` at the first that fails.
pub fn run(root: &Path) -> Result<bool> {
    let selection: Vec<&str> = BRIDGES
        .iter()
        .flat_map(|name| ["--package", name])
        .collect();
    let mut lint = workspace::cargo(root);
    lint.arg("clippy").args(&selection);
    lint.args(["--all-targets", "--", "-D", "warnings"]);
    let mut test = workspace::cargo(root);
    test.arg("test").args(&selection);
    let mut doc = workspace::cargo(root);
    doc.args(["doc", "--no-deps"]).args(&selection);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    for mut command in [lint, test, doc] {
        let status = command.status().context("starting cargo for the bridges")?;
        if !status.success() {
            return Ok(false);
        }
    }
    examples::run_of(root, &selection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_step_builds_a_bridge() {
        for bridge in BRIDGES {
            assert!(workspace::WITHOUT_BRIDGES.contains(&bridge), "{bridge}");
        }
    }
}
