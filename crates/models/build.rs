//! Sets `cfg(shared_data)` where the weights that tests read are found: without them those tests count as ignored.
use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(shared_data)");
    println!("cargo::rerun-if-env-changed=MATBACKPROP_DATA");
    println!("cargo::rerun-if-changed=build.rs");
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    let data = env::var_os("MATBACKPROP_DATA");
    let weights = data
        .map_or(manifest.join("../../../shared/data"), PathBuf::from)
        .join("weights");
    if weights.is_dir() {
        println!("cargo::rerun-if-changed={}", weights.display());
        println!("cargo::rustc-cfg=shared_data");
    }
}
