//! Tools from npm that build and test the page.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// In tested versions: Binaryen's optimiser, Chromium's driver, sockets to drive Firefox by, and a checker of what people
/// need who do not see, point or tell colours apart.
const PACKAGES: [&str; 4] = [
    "binaryen@132.0.0",
    "playwright-core@1.64.1",
    "ws@8.23.0",
    "axe-core@4.14.1",
];

/// A folder with all of them.
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Installs the missing tools; `Ok(None)`, with a word about it, where there is no npm.
    pub fn install(root: &Path) -> Result<Option<Self>> {
        let folder = workspace::target_folder(root).join("web-tools");
        let stamp = folder.join("installed");
        let wanted = PACKAGES.join("\n");
        if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
            return Ok(Some(Self { folder }));
        }
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let status = Command::new("npm")
            .args(["install", "--no-save", "--no-package-lock", "--no-audit"])
            .args(["--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&folder)
            .args(PACKAGES)
            .stdin(Stdio::null())
            .status();
        match status {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("there is no npm: install Node.js 20 or newer, which brings it");
                Ok(None)
            }
            Err(error) => Err(error).context("starting npm"),
            Ok(status) if !status.success() => {
                bail!("npm install {} failed", PACKAGES.join(" "))
            }
            Ok(_) => {
                std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
                Ok(Some(Self { folder }))
            }
        }
    }

    /// The optimiser, a script for Node.js.
    pub fn wasm_opt(&self) -> PathBuf {
        self.folder.join("node_modules/binaryen/bin/wasm-opt")
    }

    /// The folder of all packages.
    pub fn modules(&self) -> PathBuf {
        self.folder.join("node_modules")
    }
}
