//! Place and packages of the workspace, and calls of cargo in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The whole workspace for cargo, without the packages whose frameworks are large: each has a step of its own.
pub const WITHOUT_BRIDGES: [&str; 7] = [
    "--workspace",
    "--exclude",
    "matbackprop-python",
    "--exclude",
    "matbackprop-candle",
    "--exclude",
    "matbackprop-burn",
];

/// The folder of the workspace manifest, searched upward from this crate or the current folder.
pub fn root() -> Result<PathBuf> {
    let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::current_dir().context("reading the current folder")?,
    };
    for folder in start.ancestors() {
        let manifest = folder.join("Cargo.toml");
        if let Ok(text) = std::fs::read_to_string(&manifest)
            && text.lines().any(|line| line.trim() == "[workspace]")
        {
            return Ok(folder.to_path_buf());
        }
    }
    bail!(
        "found no Cargo.toml with [workspace] above {}, expected to run inside the workspace",
        start.display()
    )
}

/// The cargo that started us, in the workspace, without the variables it set for this crate.
pub fn cargo(root: &Path) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Where a program lies, if it lies in PATH.
pub fn in_path(name: impl AsRef<Path>) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // A path of its own stays what it is when joined to a folder.
    std::env::split_paths(&folders)
        .map(|folder| folder.join(&name))
        .find(|place| place.is_file())
}

/// Where cargo builds.
pub fn target_folder(root: &Path) -> PathBuf {
    // Absolute folders stay what they are when joined.
    root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Files of the repository, committed or about to be, relative to `root` with forward slashes, sorted.
///
/// Outside a git checkout (an unpacked archive) every file but `target` and hidden folders other
/// than our own counts.
pub fn files(root: &Path) -> Result<Vec<String>> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root)
        .stdin(Stdio::null())
        .output();
    let mut files = match listing {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout)
            .context("git lists a file name that is not UTF-8")?
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        _ => {
            let mut found = Vec::new();
            walk(root, "", &mut found)?;
            found
        }
    };
    // A file deleted but not yet committed as such is still listed.
    files.retain(|name| root.join(name).is_file());
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path, below: &str, found: &mut Vec<String>) -> Result<()> {
    let folder = root.join(below);
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() {
            name.clone()
        } else {
            format!("{below}/{name}")
        };
        if entry.file_type()?.is_dir() {
            let ours = matches!(name.as_str(), ".cargo" | ".ci");
            if name != "target" && (ours || !name.starts_with('.')) {
                walk(root, &path, found)?;
            }
        } else {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_this_crate() {
        let root = root().expect("a workspace");
        assert!(root.join("crates/xtask/src/workspace.rs").is_file());
    }

    #[test]
    fn files_are_relative_sorted_and_there() {
        let root = root().expect("a workspace");
        let files = files(&root).expect("a listing");
        assert!(files.contains(&"Cargo.toml".to_owned()));
        assert!(files.is_sorted());
        assert!(!files.iter().any(|name| name.starts_with("target/")));
    }

    #[test]
    fn walking_finds_sources_and_leaves_target_out() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a.rs", "src/b.rs", "target/c.rs", ".git/d", ".ci/run"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        let mut found = Vec::new();
        walk(folder.path(), "", &mut found).expect("a walk");
        found.sort();
        assert_eq!(found, [".ci/run", "a.rs", "src/b.rs"]);
    }
}
