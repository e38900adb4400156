//! The page in headless Chromium, compared with the command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::tools::Tools;
use crate::members::Members;
use crate::workspace;

/// Names that Chromium goes by.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Photographs on which page and command line are compared with each other.
const COMPARED: [&str; 3] = ["coffee.jpg", "chelsea.jpg", "rocket.jpg"];
/// The longer side that the page segments at.
const LONGEST: &str = "640";

/// A browser of this machine.
pub struct Browser {
    program: PathBuf,
}

impl Browser {
    /// Named by CHROMIUM, or found in PATH; none, with a word about it, where there is none.
    pub fn find() -> Option<Self> {
        let named = std::env::var_os("CHROMIUM").filter(|name| !name.is_empty());
        let candidates = match named {
            Some(name) => vec![name],
            None => NAMES.iter().map(OsString::from).collect(),
        };
        let found = candidates.iter().find_map(workspace::in_path);
        if found.is_none() {
            eprintln!(
                "there is no Chromium to try the page in. To install it:\n     \
                 ci/setup-browser.sh, or name yours in CHROMIUM"
            );
        }
        found.map(|program| Self { program })
    }

    /// Serves `dist` on this machine and drives the page through all exhibits; `Ok(false)` where something is wrong.
    pub fn drive(&self, root: &Path, dist: &Path, tools: &Tools) -> Result<bool> {
        let out = workspace::target_folder(root).join("web");
        let native = out.join("native");
        std::fs::create_dir_all(&native).with_context(|| native.display().to_string())?;
        if !answer_natively(root, &native)? {
            return Ok(false);
        }
        let status = Command::new("node")
            .arg(root.join("web/tests/page.mjs"))
            .args([dist, &native, &out, &tools.playwright()])
            .arg(&self.program)
            .stdin(Stdio::null())
            .status()
            .context("starting node")?;
        Ok(status.success())
    }
}

/// Label maps by `matbackprop segment`, and embeddings, for the page's to be compared with.
fn answer_natively(root: &Path, native: &Path) -> Result<bool> {
    let photographs: Vec<PathBuf> = COMPARED
        .iter()
        .map(|name| root.join("data/samples").join(name))
        .collect();
    // The selection of the other steps, so that nothing is built twice.
    let features = Members::read(root)?.shared_features();
    let built = workspace::cargo(root)
        .args(["build", "--quiet", "--workspace", "--features", &features])
        .args(["--bin", "matbackprop", "--example", "native_answers"])
        .status()
        .context("starting cargo build")?;
    if !built.success() {
        return Ok(false);
    }
    let programs = workspace::target_folder(root).join("debug");
    let run = |program: &str, words: &[&str]| {
        Command::new(programs.join(program))
            .args(words)
            .arg(native)
            .args(&photographs)
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("starting {program}"))
    };
    let options = ["segment", "--labels", "--max-side", LONGEST, "-o"];
    if !run("matbackprop", &options)?.success() {
        return Ok(false);
    }
    let embed = run("examples/native_answers", &[])?;
    Ok(embed.success())
}
