//! The compiler for browsers, where there is one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::workspace;

pub const TARGET: &str = "wasm32-unknown-unknown";
/// A compiler for browsers alone, where the ordinary one lacks the target.
const COMPILER: &str = "MATBACKPROP_WASM_RUSTC";

/// A compiler that has the target's standard library.
pub struct Compiler {
    /// None for the ordinary one.
    other: Option<OsString>,
}

impl Compiler {
    /// The compiler of this machine; `Ok(None)`, with a word about it, where none has the target.
    pub fn find(root: &Path) -> Result<Option<Self>> {
        let other = std::env::var_os(COMPILER).filter(|path| !path.is_empty());
        let compiler = other
            .clone()
            .or_else(|| std::env::var_os("RUSTC"))
            .unwrap_or_else(|| "rustc".into());
        if has_target(root, &compiler)? {
            return Ok(Some(Self { other }));
        }
        eprintln!(
            "{} has no standard library for {TARGET}. To install it:\n     \
             rustup target add {TARGET}\n   \
             or, where that is not to be had, ci/setup-wasm.sh, which says what to do next",
            compiler.display()
        );
        Ok(None)
    }

    /// Cargo with this compiler, and the folder that it builds into.
    pub fn cargo(&self, root: &Path) -> (Command, PathBuf) {
        // A folder of its own: two compilers in one folder build everything in turn.
        let folder = workspace::target_folder(root).join("wasm");
        let mut command = workspace::cargo(root);
        command.env("CARGO_TARGET_DIR", &folder);
        if let Some(other) = &self.other {
            command.env("RUSTC", other);
        }
        (command, folder)
    }
}

/// Whether the compiler's folder for the target holds a library.
fn has_target(root: &Path, compiler: &OsString) -> Result<bool> {
    let output = Command::new(compiler)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", compiler.display()))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(output.status.success() && holds_std(&folder))
}

fn holds_std(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let stem = name.strip_suffix(".rlib").unwrap_or_default();
        stem == "libstd" || stem.starts_with("libstd-")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_there_with_its_standard_library() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!holds_std(&folder.path().join("absent")));
        assert!(!holds_std(folder.path()));
        std::fs::write(folder.path().join("libstd_detect-1a2b.rlib"), "").expect("a file");
        assert!(!holds_std(folder.path()));
        for name in ["libstd-1a2b.rlib", "libstd.rlib"] {
            let file = folder.path().join(name);
            std::fs::write(&file, "").expect("a file");
            assert!(holds_std(folder.path()), "{name}");
            std::fs::remove_file(file).expect("a file to remove");
        }
    }

    #[test]
    fn a_compiler_that_is_not_there_is_an_error() {
        let root = workspace::root().expect("a workspace");
        assert!(has_target(&root, &"no-such-compiler".into()).is_err());
    }
}
