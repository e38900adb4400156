//! Step `deny` of the check: licences, versions and sources of our dependencies, by `ci/deny.toml`; and advisories, of which
//! `ci/advisories.toml` has the last reading.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::advisories::{MOST_DAYS, Reading, SUMMARY};
use crate::workspace;

pub const CONFIG: &str = "ci/deny.toml";

/// Licences, bans and sources; then advisories, where their database can be fetched.
///
/// `Ok(None)` where cargo-deny is not there.
pub fn run(root: &Path) -> Result<Option<bool>> {
    if !is_there(root) {
        eprintln!("deny: cargo-deny is not there; `ci/setup-lints.sh` brings it");
        return Ok(None);
    }
    if !deny(root, &["check", "licenses", "bans", "sources"])? {
        return Ok(Some(false));
    }
    let last = Reading::last(root)?;
    let is_old = last.is_old()?;
    if !fetch(root)? {
        let old = if is_old { ", which is long ago" } else { "" };
        let last = last.in_words()?;
        eprintln!(
            "deny: the database of advisories cannot be fetched; the last reading is of {last}{old}"
        );
        return Ok(Some(true));
    }
    if !deny(root, &["check", "advisories"])? {
        return Ok(Some(false));
    }
    if is_old {
        let last = last.in_words()?;
        eprintln!(
            "deny: {SUMMARY}: expected a reading of the last {MOST_DAYS} days, found one of {last}; `cargo xtask advisories` writes it again"
        );
    }
    Ok(Some(!is_old))
}

/// Fetches the database of advisories; `Ok(false)` where it cannot be reached.
pub fn fetch(root: &Path) -> Result<bool> {
    deny(root, &["fetch", "db"])
}

fn is_there(root: &Path) -> bool {
    let version = workspace::cargo(root)
        .args(["deny", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

fn deny(root: &Path, arguments: &[&str]) -> Result<bool> {
    let mut command: Command = workspace::cargo(root);
    command
        .args(["deny", "--log-level", "error", "--config", CONFIG])
        .args(arguments);
    let status = command.status().context("starting cargo-deny")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_where_they_are_looked_for() {
        let root = workspace::root().expect("a workspace");
        let text = std::fs::read_to_string(root.join(CONFIG)).expect("settings");
        let settings: toml::Table = toml::from_str(&text).expect("TOML");
        for part in ["licenses", "bans", "sources", "advisories"] {
            assert!(settings.contains_key(part), "{part}");
        }
    }
}
