//! The module that browsers load.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use super::compiler::{Compiler, TARGET};
use super::tools::Tools;

const PROFILE: &str = "web";
/// SIMD is in every browser since 2023.
const FLAGS: &str = "-C target-feature=+simd128";

/// The module and the JavaScript beside it.
pub struct Module {
    pub wasm: PathBuf,
    pub script: PathBuf,
}

/// Whether matbackprop-core compiles by itself too, without its features.
pub fn check_core(root: &Path, compiler: &Compiler) -> Result<bool> {
    let (mut cargo, _) = compiler.cargo(root);
    let status = cargo
        .args(["check", "--package", "matbackprop-core", "--lib"])
        .args(["--target", TARGET, "--profile", PROFILE])
        .env("RUSTFLAGS", FLAGS)
        .status()
        .context("starting cargo check for the browser")?;
    Ok(status.success())
}

/// Compiles, makes the JavaScript, and optimises; `Ok(None)` where the build fails.
pub fn build(root: &Path, compiler: &Compiler, tools: &Tools) -> Result<Option<Module>> {
    let (mut cargo, folder) = compiler.cargo(root);
    let status = cargo
        .args(["build", "--package", "web", "--lib", "--target", TARGET])
        .args(["--profile", PROFILE])
        .env("RUSTFLAGS", FLAGS)
        .status()
        .context("starting cargo build for the browser")?;
    if !status.success() {
        return Ok(None);
    }
    let out = folder.join("page");
    let input = folder.join(TARGET).join(PROFILE).join("web.wasm");
    Bindgen::new()
        .input_path(&input)
        .web(true)?
        .typescript(false)
        .generate(&out)
        .with_context(|| format!("making the JavaScript beside {}", input.display()))?;
    let module = Module {
        wasm: out.join("web_bg.wasm"),
        script: out.join("web.js"),
    };
    let status = Command::new("node")
        .arg(tools.wasm_opt())
        .args(["-O3", "--enable-simd", "--enable-bulk-memory"])
        .args(["--enable-nontrapping-float-to-int", "--enable-sign-ext"])
        .args(["--enable-mutable-globals", "--enable-multivalue"])
        .args(["--enable-reference-types", "--strip-debug", "-o"])
        .args([&module.wasm, &module.wasm])
        .stdin(Stdio::null())
        .status()
        .context("starting wasm-opt")?;
    Ok(status.success().then_some(module))
}
