//! Where the photographs of annotations lie.

use std::path::{Component, Path, PathBuf};

/// A photograph that was found.
pub struct Located {
    pub path: PathBuf,
    /// Whether it lies where its name says, and not only its last parts.
    pub as_written: bool,
}

/// The file that a name means: below the folder whatever the name says, without `./`, with `\` for `/`, and without the
/// folders of the machine that it was written on.
pub fn located(folder: &Path, name: &str) -> Option<Located> {
    let slashed = name.replace('\\', "/");
    let names = [name, slashed.as_str()];
    for one in names {
        let path = below(folder, one, 0);
        if path.is_file() {
            let mut parts = Path::new(name).components();
            let plain = parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            let as_written = one == name && plain;
            return Some(Located { path, as_written });
        }
    }
    let parts = slashed.split('/').count();
    (1..parts)
        .map(|skipped| below(folder, &slashed, skipped))
        .find(|path| path.is_file())
        .map(|path| Located {
            path,
            as_written: false,
        })
}

/// A name below the folder, without its first parts: nothing leads out of it.
pub fn below(folder: &Path, name: &str, skipped: usize) -> PathBuf {
    let mut parts = Vec::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let last = parts.len().saturating_sub(1);
    let path: PathBuf = parts[skipped.min(last)..].iter().collect();
    folder.join(path)
}
