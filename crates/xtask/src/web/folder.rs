//! `web/dist`: everything that a server of files has to give.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::module::Module;
use crate::digest;

const WEIGHTS: &str = "ncuts_lite0_f16.safetensors";
/// Photographs that the page offers, out of `data/samples`.
const SAMPLES: [&str; 6] = [
    "coffee.jpg",
    "chelsea.jpg",
    "astronaut.jpg",
    "rocket.jpg",
    "flower.jpg",
    "china.jpg",
];

/// Deletes the folder and creates it again.
pub fn assemble(root: &Path, module: &Module) -> Result<PathBuf> {
    let dist = root.join("web/dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).with_context(|| dist.display().to_string())?;
    }
    fs::create_dir_all(dist.join("samples")).with_context(|| dist.display().to_string())?;
    let pages = root.join("web/www");
    for entry in fs::read_dir(&pages).with_context(|| pages.display().to_string())? {
        let path = entry?.path();
        copy(&path, &dist.join(path.file_name().unwrap_or_default()))?;
    }
    for sample in SAMPLES {
        copy(
            &root.join("data/samples").join(sample),
            &dist.join("samples").join(sample),
        )?;
    }
    copy(
        &root.join("data/samples/LICENSES.md"),
        &dist.join("LICENSES.md"),
    )?;
    copy(&module.wasm, &dist.join("web_bg.wasm"))?;
    copy(&module.script, &dist.join("web.js"))?;
    let weights = root.join("crates/matbackprop/weights").join(WEIGHTS);
    let bytes = fs::read(&weights).with_context(|| weights.display().to_string())?;
    fs::write(dist.join(WEIGHTS), &bytes).with_context(|| dist.display().to_string())?;
    let bundle = serde_json::json!({
        "weights": WEIGHTS,
        "bytes": bytes.len(),
        "sha256": digest::of_bytes(&bytes),
    });
    fs::write(dist.join("bundle.json"), format!("{bundle}\n"))
        .with_context(|| dist.display().to_string())?;
    let module = fs::metadata(dist.join("web_bg.wasm"))?.len();
    eprintln!(
        "web/dist: module {module} bytes, network {} bytes",
        bytes.len()
    );
    Ok(dist)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}
