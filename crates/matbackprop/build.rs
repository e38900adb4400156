//! Sets `cfg(shared_data)` where the data folders of the tests are found, and with feature `mpi` `cfg(mpirun)` where its
//! launcher is: without them those tests count as ignored.
use std::{env, path::PathBuf};

/// What the tests read, inside `MATBACKPROP_DATA` or else `shared/data` beside the workspace.
const NEEDED: [&str; 5] = [
    "bsds-bench-fixture",
    "bsds500",
    "coco-eval-fixture",
    "coco-subset",
    "weights",
];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shared_data)");
    println!("cargo::rerun-if-env-changed=MATBACKPROP_DATA");
    println!("cargo::rerun-if-changed=build.rs");
    let manifest =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let data = env::var_os("MATBACKPROP_DATA")
        .map_or(manifest.join("../../../shared/data"), PathBuf::from);
    let found = NEEDED
        .map(|name| data.join(name))
        .into_iter()
        .filter(|folder| folder.is_dir());
    // Only what exists is watched: cargo would rebuild every time for a path that does not.
    let found = found
        .inspect(|folder| println!("cargo::rerun-if-changed={}", folder.display()))
        .count();
    if found == NEEDED.len() {
        println!("cargo::rustc-cfg=shared_data");
    }
    println!("cargo::rustc-check-cfg=cfg(mpirun)");
    if env::var_os("CARGO_FEATURE_MPI").is_some() {
        println!("cargo::rerun-if-env-changed=PATH");
        let path = env::var_os("PATH").unwrap_or_default();
        if env::split_paths(&path).any(|folder| folder.join("mpirun").is_file()) {
            println!("cargo::rustc-cfg=mpirun");
        }
    }
}
