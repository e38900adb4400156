//! Step `mpi` of `cargo xtask check`: several processes that train and measure together, built and run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

/// The feature in every package that has it.
const FEATURES: &str = "training/mpi,matbackprop/mpi";
/// Folders of libraries on Linux, below which clang's is looked for, at most two folders deep.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];

/// Clippy and the tests of the feature; `Ok(None)`, with a word about it, where the machine lacks what it takes,
/// `Ok(Some(false))` where one fails.
pub fn run(root: &Path) -> Result<Option<bool>> {
    if let Some(lacking) = lacking() {
        eprintln!(
            "there is no {lacking} to build and run several ranks with. To install it:\n     \
             ci/setup-mpi.sh"
        );
        return Ok(None);
    }
    let features = format!("{},{FEATURES}", workspace::core_features(root)?);
    // The whole workspace, as in the other steps: what does not know the feature is not built again.
    let with = ["--workspace", "--features", &features];
    let calls: [(&str, &[&str]); 3] = [
        ("clippy", &["--all-targets", "--", "-D", "warnings"]),
        ("test", &["--lib", "distributed::"]),
        ("test", &["--test", "cli", "ranks::"]),
    ];
    for (command, more) in calls {
        let mut cargo = workspace::cargo(root);
        let status = cargo.arg(command).args(with).args(more).status();
        let status = status.with_context(|| format!("starting cargo {command}"))?;
        if !status.success() {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}

/// What is not there of all that is needed.
fn lacking() -> Option<&'static str> {
    let programs = ["mpicc", "mpirun"].into_iter();
    let mut absent = programs.filter(|name| workspace::in_path(name).is_none());
    absent
        .next()
        .or_else(|| (!has_clang()).then_some("libclang"))
}

/// Whether clang is there as a library, or will be found in a way of its own.
fn has_clang() -> bool {
    if !cfg!(target_os = "linux") || std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let entries = |folder: &PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let is_clang = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libclang") && name.contains(".so")
    };
    let mut folders = LIBRARIES.map(PathBuf::from).to_vec();
    for _ in 0..3 {
        let found: Vec<PathBuf> = folders.iter().flat_map(entries).collect();
        if found.iter().any(is_clang) {
            return true;
        }
        folders = found.into_iter().filter(|path| path.is_dir()).collect();
    }
    false
}
