//! `web/dist`: everything that a server of files has to give.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::module::Module;
use crate::digest;

const WEIGHTS: &str = "ncuts_lite0_f16.safetensors";
/// Photographs that the page offers, out of `data/samples`; it opens with the first.
const SAMPLES: [&str; 6] = [
    "coffee.jpg",
    "chelsea.jpg",
    "astronaut.jpg",
    "rocket.jpg",
    "flower.jpg",
    "china.jpg",
];

/// The one of them on which learned and untrained last layers differ most.
const COMPARED: &str = "chelsea.jpg";

/// Deletes the folder and creates it again.
pub fn assemble(root: &Path, module: &Module) -> Result<PathBuf> {
    let dist = root.join("web/dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).with_context(|| dist.display().to_string())?;
    }
    fs::create_dir_all(dist.join("samples")).with_context(|| dist.display().to_string())?;
    copy_all(&root.join("web/www"), &dist)?;
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
    find_results(root, module, &dist)?;
    list(&dist)?;
    let module = fs::metadata(dist.join("web_bg.wasm"))?.len();
    eprintln!(
        "web/dist: module {module} bytes, network {} bytes",
        bytes.len()
    );
    Ok(dist)
}

/// `first.json` and `before-after.json`: pieces of two samples, found by the module itself.
fn find_results(root: &Path, module: &Module, dist: &Path) -> Result<()> {
    // Node takes a file for a module by its ending.
    let script = module.script.with_extension("mjs");
    copy(&module.script, &script)?;
    let status = Command::new("node")
        .arg(root.join("web/build/first-result.mjs"))
        .args([&script, &module.wasm, &dist.join(WEIGHTS)])
        .args([SAMPLES[0], COMPARED].map(|name| dist.join("samples").join(name)))
        .arg(dist)
        .stdin(Stdio::null())
        .status()
        .context("starting node")?;
    ensure!(
        status.success(),
        "web/build/first-result.mjs failed: {status}"
    );
    Ok(())
}

/// `files.json`: what the service worker keeps, all but the weights and most samples, and a digest of it.
fn list(dist: &Path) -> Result<()> {
    let mut files = Vec::new();
    walk(dist, &mut |path| {
        let name = path.strip_prefix(dist).unwrap_or(path);
        files.push(name.to_string_lossy().replace('\\', "/"));
    })?;
    files.retain(|name| {
        let keeps_itself = name == WEIGHTS || name == "service-worker.js";
        let is_shown = |sample: &str| [SAMPLES[0], COMPARED].contains(&sample);
        !keeps_itself && name.strip_prefix("samples/").is_none_or(is_shown)
    });
    files.sort();
    let mut listing = String::new();
    for name in &files {
        let (_, sha256) = digest::of_file(&dist.join(name))?;
        listing += &format!("{sha256}  {name}\n");
    }
    let digest = digest::of_bytes(listing.as_bytes());
    let list = serde_json::json!({ "digest": digest, "files": files });
    fs::write(dist.join("files.json"), format!("{list}\n"))
        .with_context(|| dist.display().to_string())
}

fn walk(folder: &Path, found: &mut impl FnMut(&Path)) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found(&path);
        }
    }
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Result<()> {
    let mut files = Vec::new();
    walk(from, &mut |path| files.push(path.to_owned()))?;
    for path in files {
        let to = to.join(path.strip_prefix(from)?);
        let folder = to.parent().context("a file without a folder")?;
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        copy(&path, &to)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}
