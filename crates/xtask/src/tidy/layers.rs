//! Arrows point down: a crate depends on the floors below its own.
//!
//! ```text
//!   6   matbackprop-python   matbackprop-candle   matbackprop-burn
//!   5   matbackprop   web
//!   4   experiments
//!   3   training   bench-coco   bench-bsds
//!   2   models   pictures
//!   1   o2p   ncuts   gpu
//!   0   matbackprop-core   segmentation
//! ```
//!
//! Crates are called as in code: a package whose name is taken on the registry has another there, `matbackprop-models`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::finding::Finding;

const FLOORS: [&[&str]; 7] = [
    &["matbackprop-core", "segmentation"],
    &["o2p", "ncuts", "gpu"],
    &["models", "pictures"],
    &["training", "bench-coco", "bench-bsds"],
    &["experiments"],
    &["matbackprop", "web"],
    &[
        "matbackprop-python",
        "matbackprop-candle",
        "matbackprop-burn",
    ],
];

/// Beside the house: targets of cargo-fuzz, which feed readers on all floors.
const FUZZ: &str = "matbackprop-fuzz";
/// Beside the house too: support shared by tests on all floors, for tests alone.
const TEST_SUPPORT: [&str; 2] = ["test-support", "test-support-needs"];
/// Packages that have no floor.
const BESIDE: [&str; 3] = ["xtask", TEST_SUPPORT[0], TEST_SUPPORT[1]];

/// Tensors, and the crates that know them.
const TENSORS: (&str, [&str; 2]) = ("dfdx", ["models", "training"]);
/// Linear algebra: the libraries, and the crates that may not know them, nor one that does.
const LINEAR_ALGEBRA: [&str; 4] = ["faer", "matbackprop-core", "ncuts", "o2p"];
const WITHOUT_LINEAR_ALGEBRA: [&str; 4] = ["segmentation", "pictures", "bench-bsds", "bench-coco"];
/// NVIDIA's libraries: the crate that knows them, and through whom.
const DRIVERS: (&str, &str) = ("gpu", "cudarc");
/// Below `models` there are no pictures and no weight files either.
const FILE_CRATES: [&str; 2] = ["image", "safetensors"];

/// Takes all texts; reads the manifests of packages among them.
pub fn check(texts: &[(&str, String)]) -> Result<Vec<Finding>> {
    let mut packages = Vec::new();
    let mut in_code = BTreeMap::new();
    for (path, text) in texts {
        if *path != "Cargo.toml" && !path.ends_with("/Cargo.toml") {
            continue;
        }
        let manifest: Table = toml::from_str(text).with_context(|| format!("reading {path}"))?;
        let name_in = |table: &str| {
            let name = manifest.get(table).and_then(|table| table.get("name"));
            name.and_then(Value::as_str).map(str::to_owned)
        };
        if let Some(package) = name_in("package") {
            let name = name_in("lib").unwrap_or_else(|| package.clone());
            in_code.insert(package, name.clone());
            packages.push((*path, text, name, manifest));
        }
    }
    let members: Vec<&str> = packages
        .iter()
        .map(|(_, _, name, _)| name.as_str())
        .collect();
    let mut findings = Vec::new();
    for (path, text, name, manifest) in &packages {
        if *name == FUZZ {
            continue;
        }
        for mut dependency in dependencies(manifest) {
            if let Some(name) = in_code.get(&dependency.package) {
                dependency.package.clone_from(name);
            }
            if let Some((what, expected)) = judge(name, &dependency, &members) {
                findings.push(Finding::new(
                    path,
                    line_of(text, &dependency.key),
                    what,
                    expected,
                ));
            }
        }
        if !BESIDE.contains(&name.as_str()) && floor(name).is_none() {
            findings.push(Finding::new(
                path,
                line_of(text, "name"),
                format!("package `{name}` has no floor"),
                "its line in the picture of crates/xtask/src/tidy/layers.rs",
            ));
        }
    }
    Ok(findings)
}

struct Dependency {
    /// The key in the manifest.
    key: String,
    /// The package it stands for; a crate of ours by its name in code.
    package: String,
    /// From `[dev-dependencies]`.
    for_tests: bool,
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&name))
}

/// The error of a dependency, and the expected one.
fn judge(name: &str, dependency: &Dependency, members: &[&str]) -> Option<(String, String)> {
    let package = dependency.package.as_str();
    let what = format!("`{name}` depends on `{package}`");
    if WITHOUT_LINEAR_ALGEBRA.contains(&name) && LINEAR_ALGEBRA.contains(&package) {
        return Some((
            what,
            "a scorer that compiles without linear algebra".to_owned(),
        ));
    }
    if TEST_SUPPORT.contains(&package) {
        let allowed = dependency.for_tests || TEST_SUPPORT.contains(&name);
        return (!allowed).then(|| (what, "it among [dev-dependencies]".to_owned()));
    }
    if members.contains(&package) {
        return match (floor(name), floor(package)) {
            (Some(own), Some(other)) if other < own => None,
            _ => Some((what, "a crate of a lower floor".to_owned())),
        };
    }
    let own = floor(name)?;
    if package == TENSORS.0 && !TENSORS.1.contains(&name) {
        return Some((what, "tensors in `models` and `training` alone".to_owned()));
    }
    if package == DRIVERS.1 && name != DRIVERS.0 {
        return Some((what, format!("NVIDIA's libraries in `{}` alone", DRIVERS.0)));
    }
    if FILE_CRATES.contains(&package) && own < 2 && !dependency.for_tests {
        return Some((what, "files and pictures from `models` upward".to_owned()));
    }
    None
}

/// Every dependency of a manifest: plain, for tests, for builds, for one platform.
fn dependencies(manifest: &Table) -> Vec<Dependency> {
    let mut found = Vec::new();
    let platforms = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values().filter_map(Value::as_table));
    for table in std::iter::once(manifest).chain(platforms) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(entries) = table.get(section).and_then(Value::as_table) else {
                continue;
            };
            for (key, value) in entries {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
                found.push(Dependency {
                    key: key.clone(),
                    package: package.to_owned(),
                    for_tests: section == "dev-dependencies",
                });
            }
        }
    }
    found
}

/// The line that begins with the key, or the first.
fn line_of(text: &str, key: &str) -> usize {
    text.lines()
        .position(|line| {
            line.strip_prefix(key)
                .is_some_and(|rest| rest.starts_with([' ', '.', '=']))
        })
        .map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n{rest}\n")
    }

    fn found(manifests: &[(&'static str, String)]) -> Vec<String> {
        check(manifests)
            .expect("manifests that parse")
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    fn core() -> (&'static str, String) {
        ("crates/a/Cargo.toml", manifest("matbackprop-core", ""))
    }

    #[test]
    fn arrows_down_pass() {
        let ncuts = manifest("ncuts", "[dependencies]\nmatbackprop-core.workspace = true");
        let models = manifest(
            "models",
            "[dependencies]\ndfdx = \"0.13\"\nimage = \"0.25\"\nncuts = { path = \"../b\" }",
        );
        let all = [
            core(),
            ("crates/b/Cargo.toml", ncuts),
            ("crates/c/Cargo.toml", models),
            ("Cargo.toml", "[workspace]\nmembers = []\n".to_owned()),
        ];
        assert!(found(&all).is_empty());
    }

    #[test]
    fn arrows_up_and_sideways_do_not() {
        let ncuts = manifest("ncuts", "");
        let o2p = manifest("o2p", "[dev-dependencies]\nncuts = { path = \"../b\" }");
        let up = manifest("matbackprop-core", "[dependencies]\nncuts.workspace = true");
        let all = [
            ("crates/a/Cargo.toml", up),
            ("crates/b/Cargo.toml", ncuts),
            ("crates/c/Cargo.toml", o2p),
        ];
        let found = found(&all);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            found[0],
            "crates/a/Cargo.toml:4: `matbackprop-core` depends on `ncuts`, expected a crate of a lower floor"
        );
        assert!(found[1].starts_with("crates/c/Cargo.toml:4: `o2p` depends on `ncuts`"));
    }

    #[test]
    fn a_package_of_another_name_has_the_floor_of_its_crate() {
        let lib = "[lib]\nname = \"gpu\"";
        let gpu = manifest("matbackprop-gpu", lib);
        let models = manifest("models", "[dependencies]\ngpu.workspace = true");
        let by_package = "[dependencies]\ng = { package = \"matbackprop-gpu\", path = \"../g\" }";
        let ncuts = manifest("ncuts", by_package);
        let found = found(&[
            ("crates/g/Cargo.toml", gpu),
            ("crates/m/Cargo.toml", models),
            ("crates/n/Cargo.toml", ncuts),
        ]);
        assert_eq!(
            found,
            ["crates/n/Cargo.toml:4: `ncuts` depends on `gpu`, expected a crate of a lower floor"]
        );
    }

    #[test]
    fn tensors_stay_in_models_and_drivers_in_gpu() {
        let bench = manifest("bench-bsds", "[dependencies]\ndfdx = \"0.13\"");
        let renamed = manifest(
            "ncuts",
            "[target.'cfg(unix)'.dependencies]\ngpu = { package = \"cudarc\", version = \"0\" }",
        );
        let models = manifest("models", "[dependencies]\ncudarc.workspace = true");
        let gpu = manifest("gpu", "[dependencies]\ncudarc.workspace = true");
        let all = [
            ("crates/b/Cargo.toml", bench),
            ("crates/c/Cargo.toml", renamed),
            ("crates/d/Cargo.toml", models),
            ("crates/e/Cargo.toml", gpu),
        ];
        let found = found(&all);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].starts_with("crates/c/Cargo.toml:4: `ncuts` depends on `cudarc`"));
        assert!(found[2].starts_with("crates/d/Cargo.toml:4: `models` depends on `cudarc`"));
    }

    #[test]
    fn pictures_below_models_only_in_tests() {
        let plain = manifest("ncuts", "[dependencies]\nimage = \"0.25\"");
        let tests = manifest("o2p", "[dev-dependencies]\nimage = \"0.25\"");
        assert_eq!(found(&[("crates/b/Cargo.toml", plain)]).len(), 1);
        assert!(found(&[("crates/c/Cargo.toml", tests)]).is_empty());
    }

    #[test]
    fn scorers_compile_without_linear_algebra() {
        let scorer = manifest("bench-bsds", "[dependencies]\nncuts.workspace = true");
        let pictures = manifest("pictures", "[dev-dependencies]\nfaer.workspace = true");
        let all = [
            ("crates/b/Cargo.toml", scorer),
            ("crates/n/Cargo.toml", manifest("ncuts", "")),
            ("crates/p/Cargo.toml", pictures),
        ];
        let found = found(&all);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`bench-bsds` depends on `ncuts`"));
        assert!(found[1].contains("`pictures` depends on `faer`"));
    }

    #[test]
    fn test_support_is_for_tests() {
        let test_support = manifest(
            TEST_SUPPORT[0],
            "[dependencies]\ntest-support-needs.workspace = true",
        );
        let tests = manifest("o2p", "[dev-dependencies]\ntest-support.workspace = true");
        let plain = manifest("ncuts", "[dependencies]\ntest-support.workspace = true");
        assert!(found(&[("crates/a/Cargo.toml", test_support)]).is_empty());
        assert!(found(&[("crates/b/Cargo.toml", tests)]).is_empty());
        assert_eq!(
            found(&[("crates/c/Cargo.toml", plain)]),
            [
                "crates/c/Cargo.toml:4: `ncuts` depends on `test-support`, expected it among [dev-dependencies]"
            ]
        );
    }

    #[test]
    fn a_new_crate_needs_a_floor_and_xtask_none() {
        let strange = manifest("strange", "");
        assert_eq!(
            found(&[("crates/s/Cargo.toml", strange)]),
            [
                "crates/s/Cargo.toml:2: package `strange` has no floor, expected its line in the picture of crates/xtask/src/tidy/layers.rs"
            ]
        );
        assert!(found(&[("crates/xtask/Cargo.toml", manifest("xtask", ""))]).is_empty());
        let fuzz = manifest(FUZZ, "[dependencies]\nmatbackprop-core.workspace = true");
        assert!(found(&[core(), ("crates/fuzz/Cargo.toml", fuzz)]).is_empty());
        let xtask = manifest("xtask", "[dependencies]\nmatbackprop-core.workspace = true");
        assert_eq!(
            found(&[core(), ("crates/xtask/Cargo.toml", xtask)]).len(),
            1
        );
    }
}
