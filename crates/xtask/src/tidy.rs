//! `cargo xtask tidy`: our own lint over the files of the repository.
//!
//! ```text
//!   files ─▶ text ─▶ length                 Rust
//!        │       ├─▶ lints · layers         manifests
//!        │       ├─▶ words · paths          every text
//!        │       └─▶ links · named_tests    Markdown
//!        └─▶ modules · weight               paths, sizes
//! ```
//!
//! Findings of compilers and other programs are left to them: unfinished code, missing documentation and unsafe code to
//! rustc and clippy, spelling to typos.
//!
//! A rule takes text and gives findings; it touches no file, so that its tests are strings.

mod finding;
mod layers;
mod length;
mod links;
mod lints;
mod modules;
mod named_tests;
mod paths;
mod weight;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use finding::Finding;

use crate::workspace;

/// Prints each finding; `Ok(true)` where there is none.
pub fn run(root: &Path) -> Result<bool> {
    let files = workspace::files(root)?;
    let findings = collect(root, &files)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => eprintln!("tidy: {} files, nothing found", files.len()),
        1 => eprintln!("tidy: {} files, 1 finding", files.len()),
        count => eprintln!("tidy: {} files, {count} findings", files.len()),
    }
    Ok(findings.is_empty())
}

fn collect(root: &Path, files: &[String]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut sizes = Vec::new();
    let mut texts = Vec::new();
    for path in files {
        // Another name of a file that is read itself.
        if root.join(path).is_symlink() {
            continue;
        }
        let content = std::fs::read(root.join(path)).with_context(|| format!("reading {path}"))?;
        sizes.push((path.as_str(), content.len() as u64));
        // Files that are not UTF-8 are no text: pictures, weights.
        if let Ok(text) = String::from_utf8(content) {
            texts.push((path.as_str(), text));
        }
    }
    let words = words::List::read(root)?;
    let tree = links::Tree::new(files, &texts);
    let by_path: BTreeMap<&str, &str> = texts
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    for (path, text) in &texts {
        if path.ends_with(".rs") {
            findings.extend(length::check(path, text));
            findings.extend(modules::check(path));
        }
        if path.ends_with(".md") {
            findings.extend(links::check(path, text, &tree));
            findings.extend(named_tests::check(path, text, &by_path));
        }
        findings.extend(lints::check(path, text));
        findings.extend(paths::check(path, text));
        findings.extend(words.check(path, text));
    }
    findings.extend(weight::check(&sizes));
    findings.extend(layers::check(&texts)?);
    findings.sort();
    Ok(findings)
}
