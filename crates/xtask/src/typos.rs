//! Step `typos` of the check: spelling, in code and in prose.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::workspace;

const PROGRAM: &str = "typos";
const CONFIG: &str = "ci/typos.toml";

/// `Ok(None)` where typos is not there.
pub fn run(root: &Path) -> Result<Option<bool>> {
    let Some(program) = workspace::in_path(PROGRAM) else {
        eprintln!("typos is not there; `ci/setup-lints.sh` brings it");
        return Ok(None);
    };
    let status = Command::new(program)
        .args(["--config", CONFIG, "--format", "brief"])
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .context("starting typos")?;
    Ok(Some(status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_where_they_are_looked_for() {
        let root = workspace::root().expect("a workspace");
        assert!(root.join(CONFIG).is_file());
    }
}
