//! Step `package` of the check: every published crate as a registry gets it, and a build of those files alone.
//!
//! ```text
//!   cargo package ─▶ NAME-VERSION.crate ─▶ unpacked side by side ─▶ a workspace of them ─▶ cargo check
//! ```
//!
//! Cargo's own verification builds each package in a workspace of its own, with other profiles and all dependencies again.
//! The one workspace here has the profiles, the features and the lock file of ours, so that the dependencies which clippy
//! checked serve again. What is proven is the same: the crates find all their files, and each other, and nothing else. Of the
//! bridges the files are looked at, and no framework is built.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use crate::bridges::BRIDGES;
use crate::members::Members;
use crate::workspace;

/// Files that every package holds.
const FILES: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];
/// Keys that every package's manifest has.
const KEYS: [&str; 7] = [
    "description",
    "license",
    "readme",
    "keywords",
    "categories",
    "rust-version",
    "edition",
];

/// Packages, and checks what is in them; `Ok(false)` where something is missing or does not build.
pub fn run(root: &Path, members: &Members, features: &str) -> Result<bool> {
    let packages = members.published();
    // What the bridges stand on is built for the step `bridges` alone; their files are looked at here.
    let with_bridges: Vec<&str> = packages.iter().copied().chain(BRIDGES).collect();
    let names = with_bridges.iter().flat_map(|name| ["--package", name]);
    let status = workspace::cargo(root)
        .args(["package", "--quiet", "--no-verify", "--offline"])
        // The check runs before a commit; and what is not known, as the address of a repository, is left out.
        .args(["--allow-dirty", "--no-metadata"])
        .args(names)
        .status()
        .context("starting cargo package")?;
    if !status.success() {
        return Ok(false);
    }
    let manifest = read_manifest(&root.join("Cargo.toml"))?;
    let version = manifest["workspace"]["package"]["version"].as_str();
    let version = version.context("expected a version in [workspace.package]")?;
    let folder = workspace::target_folder(root).join("package");
    let unpacked = folder.join("unpacked");
    if unpacked.exists() {
        std::fs::remove_dir_all(&unpacked).with_context(|| unpacked.display().to_string())?;
    }
    std::fs::create_dir_all(&unpacked).with_context(|| unpacked.display().to_string())?;
    let mut complete = true;
    for name in &with_bridges {
        let file = folder.join(format!("{name}-{version}.crate"));
        let crate_folder = unpack(&file, &unpacked, &format!("{name}-{version}"))?;
        for missing in missing(&crate_folder)? {
            eprintln!("package {name}: expected {missing}, found none");
            complete = false;
        }
        let bytes = std::fs::metadata(&file)?.len();
        eprintln!("package {name}: {:.1} KB", bytes as f64 / 1e3);
    }
    let joined = joined(&manifest, &packages, version);
    std::fs::write(unpacked.join("Cargo.toml"), toml::to_string(&joined)?)?;
    std::fs::copy(root.join("Cargo.lock"), unpacked.join("Cargo.lock"))?;
    let status = workspace::cargo(&unpacked)
        .args(["check", "--workspace", "--offline"])
        .args(["--features", features, "--target-dir"])
        .arg(workspace::target_folder(root))
        .status()
        .context("starting cargo check of the packages")?;
    Ok(complete && status.success())
}

fn read_manifest(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

/// Unpacks a package below `place`, into the folder `name` that it holds.
fn unpack(file: &Path, place: &Path, name: &str) -> Result<PathBuf> {
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(file)
        .arg("-C")
        .arg(place)
        .stdin(Stdio::null())
        .status()
        .context("starting tar")?;
    let folder = place.join(name);
    if !status.success() || !folder.is_dir() {
        bail!("{}: expected a package with {name}", file.display());
    }
    Ok(folder)
}

/// The files and keys that a package lacks.
fn missing(folder: &Path) -> Result<Vec<String>> {
    let manifest = read_manifest(&folder.join("Cargo.toml"))?;
    let files = FILES.iter().filter(|file| !folder.join(file).is_file());
    let mut missing: Vec<String> = files.map(|file| format!("the file {file}")).collect();
    let package = manifest.get("package").and_then(Value::as_table);
    let keys = KEYS
        .iter()
        .filter(|key| !package.is_some_and(|package| package.contains_key(**key)));
    missing.extend(keys.map(|key| format!("`{key}` in the manifest")));
    Ok(missing)
}

/// The manifest of a workspace of all packages, each of which finds the others there and not in the registry.
fn joined(ours: &Table, packages: &[&str], version: &str) -> Table {
    let folder = |name: &&str| format!("{name}-{version}");
    let members: Vec<Value> = packages.iter().map(|name| folder(name).into()).collect();
    let mut workspace = Table::new();
    workspace.insert("resolver".to_owned(), ours["workspace"]["resolver"].clone());
    workspace.insert("members".to_owned(), members.into());
    let patches = packages.iter().map(|name| {
        let path = Table::from_iter([("path".to_owned(), folder(name).into())]);
        ((*name).to_owned(), path.into())
    });
    let registry = Table::from_iter([("crates-io".to_owned(), Table::from_iter(patches).into())]);
    let mut joined = Table::new();
    joined.insert("workspace".to_owned(), workspace.into());
    joined.insert("patch".to_owned(), registry.into());
    // Other profiles would build the dependencies again.
    if let Some(profiles) = ours.get("profile") {
        joined.insert("profile".to_owned(), profiles.clone());
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_package_lacks_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("README.md", "").expect("a file");
        write("LICENSE-MIT", "").expect("a file");
        let manifest = "[package]\nname = \"a\"\ndescription = \"\"\nlicense = \"MIT\"\nreadme = \"README.md\"\n\
             keywords = []\nedition = \"2024\"\nrust-version = \"1.89\"\n";
        write("Cargo.toml", manifest).expect("a file");
        assert_eq!(
            missing(folder.path()).expect("a manifest"),
            ["the file LICENSE-APACHE", "`categories` in the manifest"]
        );
    }

    #[test]
    fn packages_find_each_other_and_keep_the_profiles() {
        let ours: Table = toml::from_str(
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/a\"]\n[profile.dev]\nopt-level = 1\n",
        )
        .expect("a manifest");
        let joined = joined(&ours, &["a", "b"], "0.1.0");
        assert_eq!(
            joined["patch"]["crates-io"]["b"]["path"].as_str(),
            Some("b-0.1.0")
        );
        assert_eq!(joined["workspace"]["members"][0].as_str(), Some("a-0.1.0"));
        assert_eq!(joined["profile"], ours["profile"]);
    }

    #[test]
    fn a_file_that_is_no_package_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a-0.1.0.crate");
        std::fs::write(&file, "no archive").expect("a file");
        let error = unpack(&file, folder.path(), "a-0.1.0").expect_err("no package");
        assert!(error.to_string().contains("a-0.1.0.crate"), "{error}");
    }
}
