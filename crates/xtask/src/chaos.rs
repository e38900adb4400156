//! `cargo xtask chaos`: faults at random, for as long as one likes.
//!
//! The faults are a test of `matbackprop`, which the check runs for some seconds; here every round is printed.

use std::path::Path;

use anyhow::{Context, Result};

use crate::members::Members;
use crate::workspace;

const TEST: &str = "chaos::faults_at_random_change_no_byte";

/// Runs the faults of a seed, of the clock where there is none; `Ok(false)` where one of them changed a result.
pub fn run(root: &Path, minutes: f64, seed: Option<u64>) -> Result<bool> {
    let members = Members::read(root)?;
    // As the check builds it, so that nothing is built twice.
    let mut test = workspace::cargo(root);
    test.arg("test").args(workspace::WITHOUT_BRIDGES);
    test.args(["--features", &members.shared_features(), "--test", "cli"]);
    test.args(["--", "--exact", TEST, "--nocapture"]);
    let seconds = (60.0 * minutes).ceil() as u64;
    test.env("MATBACKPROP_CHAOS_SECONDS", seconds.to_string());
    if let Some(seed) = seed {
        test.env("MATBACKPROP_CHAOS_SEED", seed.to_string());
    }
    let status = test.status().context("starting cargo")?;
    Ok(status.success())
}
