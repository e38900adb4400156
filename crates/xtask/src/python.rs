//! Step `python` of the check: the wheel built, its Rust and its Python linted, installed, and its tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::workspace;

const CRATE: &str = "crates/python";
const PACKAGE: &str = "matbackprop-python";

/// `Ok(None)` where the virtual environment is not there.
pub fn run(root: &Path) -> Result<Option<bool>> {
    let environment = workspace::target_folder(root).join("python");
    let program = |name| environment.join("bin").join(name);
    if !["maturin", "ruff"]
        .map(program)
        .iter()
        .all(|tool| tool.is_file())
    {
        eprintln!(
            "python: target/python is not there or not whole; `ci/setup-python.sh` brings it"
        );
        return Ok(None);
    }
    let wheels = workspace::target_folder(root).join("wheels");
    if wheels.exists() {
        std::fs::remove_dir_all(&wheels).context("removing the wheels of before")?;
    }
    // In the profile of the other steps: what they compiled need not be compiled again.
    let mut build = called(root, program("maturin"));
    build.args([
        "build",
        "--profile",
        "dev",
        "--locked",
        "--auditwheel",
        "skip",
    ]);
    build.args(["--manifest-path", &format!("{CRATE}/Cargo.toml"), "--out"]);
    build.arg(&wheels).env("PYO3_PYTHON", program("python"));
    if !passed(build)? {
        return Ok(Some(false));
    }
    let mut lint = workspace::cargo(root);
    lint.args(["clippy", "--package", PACKAGE, "--", "-D", "warnings"]);
    lint.env("PYO3_PYTHON", program("python"));
    let mut install = called(root, program("python"));
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    install
        .args(["--force-reinstall", "--no-deps"])
        .args(wheel(&wheels)?);
    let mut test = called(root, program("python"));
    test.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs"]);
    test.arg(format!("{CRATE}/tests"));
    let [mut check, mut format] = [(); 2].map(|()| called(root, program("ruff")));
    check.args(["check", "--quiet", "--no-cache", CRATE]);
    format.args(["format", "--quiet", "--no-cache", "--check", CRATE]);
    for command in [check, format, lint, install, test] {
        if !passed(command)? {
            return Ok(Some(false));
        }
    }
    Ok(Some(true))
}

/// The wheel in a folder of one.
fn wheel(folder: &Path) -> Result<Option<PathBuf>> {
    let entries = std::fs::read_dir(folder).context("reading the folder of wheels")?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut wheels = paths.filter(|path| path.extension().is_some_and(|end| end == "whl"));
    Ok(wheels.next())
}

fn called(root: &Path, program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root).stdin(Stdio::null());
    command
}

fn passed(mut command: Command) -> Result<bool> {
    let status = command.status();
    let status = status.with_context(|| format!("starting {}", command.get_program().display()))?;
    Ok(status.success())
}
