//! The page in headless Chromium, compared with the command line, and in Firefox where there is one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::tools::Tools;
use crate::members::Members;
use crate::workspace;

/// Names that Chromium goes by.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Names that Firefox goes by.
const FIREFOX: [&str; 2] = ["firefox-esr", "firefox"];
/// Photographs on which page and command line are compared with each other.
const COMPARED: [&str; 3] = ["coffee.jpg", "chelsea.jpg", "rocket.jpg"];
/// The longer side that the page segments at.
const LONGEST: &str = "640";

/// The browsers of this machine.
pub struct Browser {
    program: PathBuf,
    firefox: Option<PathBuf>,
}

impl Browser {
    /// Named by CHROMIUM and FIREFOX, or found in PATH; none, with a word about it, where there is no Chromium.
    pub fn find() -> Option<Self> {
        let found = program("CHROMIUM", &NAMES);
        let firefox = program("FIREFOX", &FIREFOX);
        if found.is_none() {
            eprintln!(
                "there is no Chromium to try the page in. To install it:\n     \
                 ci/setup-browser.sh, or name yours in CHROMIUM"
            );
        }
        if found.is_some() && firefox.is_none() {
            eprintln!("there is no Firefox: the page is tried in Chromium alone");
        }
        found.map(|program| Self { program, firefox })
    }

    /// Serves `dist` on this machine and drives the page through all exhibits; `Ok(false)` where something is wrong.
    pub fn drive(&self, root: &Path, dist: &Path, tools: &Tools) -> Result<bool> {
        let out = workspace::target_folder(root).join("web");
        let native = out.join("native");
        std::fs::create_dir_all(&native).with_context(|| native.display().to_string())?;
        if !answer_natively(root, &native)? {
            return Ok(false);
        }
        let run = |script: &str, words: &[&Path]| {
            let status = Command::new("node")
                .arg(root.join("web/tests").join(script))
                .args(words)
                .stdin(Stdio::null())
                .status();
            status.context("starting node")
        };
        let modules = tools.modules();
        let words = [dist, &native, &out, &modules, &self.program];
        if !run("page.mjs", &words)?.success() {
            return Ok(false);
        }
        match &self.firefox {
            None => Ok(true),
            Some(firefox) => {
                let found = run("firefox.mjs", &[dist, &out, &modules, firefox])?;
                Ok(found.success())
            }
        }
    }
}

/// A program that a variable names, or that goes by one of the names.
fn program(variable: &str, names: &[&str]) -> Option<PathBuf> {
    let named = std::env::var_os(variable).filter(|name| !name.is_empty());
    let candidates = match named {
        Some(name) => vec![name],
        None => names.iter().map(OsString::from).collect(),
    };
    candidates.iter().find_map(workspace::in_path)
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
        .args(["build", "--quiet", "--features", &features])
        .args(workspace::WITHOUT_BRIDGES)
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
