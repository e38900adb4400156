//! Finds the resources of the tests, and writes them into `FOUND`: data sets, and a launcher of several processes.

use std::{env, path::PathBuf};

/// The data sets that tests read, inside `MATBACKPROP_DATA` or else `shared/data` beside the workspace.
const DATA_SETS: [&str; 6] = [
    "bsds-bench-fixture",
    "bsds500",
    "coco-eval-fixture",
    "coco-subset",
    "field-cases",
    "weights",
];
const LAUNCHER: &str = "mpirun";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MATBACKPROP_DATA");
    println!("cargo::rerun-if-env-changed=PATH");
    let manifest =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let data = env::var_os("MATBACKPROP_DATA")
        .map_or(manifest.join("../../../../shared/data"), PathBuf::from);
    let mut found = Vec::new();
    for name in DATA_SETS {
        let folder = data.join(name);
        // Only existing paths are watched: cargo would rebuild every time for a path that does not.
        if folder.is_dir() {
            println!("cargo::rerun-if-changed={}", folder.display());
            found.push(name);
        }
    }
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|folder| folder.join(LAUNCHER).is_file()) {
        found.push(LAUNCHER);
    }
    println!("cargo::rustc-env=FOUND={}", found.join(","));
    println!("cargo::rustc-env=KNOWN={},{LAUNCHER}", DATA_SETS.join(","));
}
