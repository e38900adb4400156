//! Several processes: whether the machine can build and run them.

use std::path::PathBuf;

use crate::workspace;

/// Folders of libraries on Linux, below which clang's is looked for, at most two folders deep.
const LIBRARIES: [&str; 3] = ["/usr/lib", "/usr/lib64", "/usr/local/lib"];

/// The first missing tool or library for building and running several processes.
pub fn lacking() -> Option<&'static str> {
    let programs = ["mpicc", "mpirun"].into_iter();
    let mut absent = programs.filter(|name| workspace::in_path(name).is_none());
    absent
        .next()
        .or_else(|| (!has_clang()).then_some("libclang"))
}

/// Whether clang is there as a library, or will be found in a way of its own.
fn has_clang() -> bool {
    if !cfg!(target_os = "linux") || std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let entries = |folder: &PathBuf| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let is_clang = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libclang") && name.contains(".so")
    };
    let mut folders = LIBRARIES.map(PathBuf::from).to_vec();
    for _ in 0..3 {
        let found: Vec<PathBuf> = folders.iter().flat_map(entries).collect();
        if found.iter().any(is_clang) {
            return true;
        }
        folders = found.into_iter().filter(|path| path.is_dir()).collect();
    }
    false
}
