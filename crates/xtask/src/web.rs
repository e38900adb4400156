//! `cargo xtask web`: the page as a folder that any server of files can give away, and its test in a real browser.
//!
//! ```text
//!   compiler ─▶ module (cargo, wasm-bindgen, wasm-opt) ─▶ folder web/dist ─▶ browser (node, playwright-core, Chromium)
//! ```

mod browser;
mod compiler;
mod folder;
mod module;
mod tools;

use std::path::Path;

use anyhow::Result;

use browser::Browser;
use compiler::Compiler;
use tools::Tools;

/// Builds `web/dist`, and with `test` drives it; `Ok(None)`, with a word about it, where the machine lacks a tool for it,
/// `Ok(Some(false))` where a step fails.
pub fn run(root: &Path, test: bool) -> Result<Option<bool>> {
    let Some(compiler) = Compiler::find(root)? else {
        return Ok(None);
    };
    let browser = if test { Browser::find() } else { None };
    if test && browser.is_none() {
        return Ok(None);
    }
    let Some(tools) = Tools::install(root)? else {
        return Ok(None);
    };
    if test && !module::check_core(root, &compiler)? {
        return Ok(Some(false));
    }
    let Some(built) = module::build(root, &compiler, &tools)? else {
        return Ok(Some(false));
    };
    let dist = folder::assemble(root, &built)?;
    match browser {
        None => Ok(Some(true)),
        Some(browser) => browser.drive(root, &dist, &tools).map(Some),
    }
}
