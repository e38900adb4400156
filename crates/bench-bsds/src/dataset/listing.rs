//! The files of a folder that people mean: not those that a system left there.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Endings of pictures, the first where an image has several: programs that write a map as PNG and JPEG put the map
/// into the PNG, and a sheet of all their outputs into the JPEG.
const PICTURES: [&str; 9] = [
    "png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "pgm",
];

/// Everything in a folder, in the order of names.
///
/// Names that begin with a dot are passed over, those of macOS (`._101.jpg`, `.DS_Store`) among them, and `__MACOSX`.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |source| Error::Io {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if !name.starts_with(b".") && name != b"__MACOSX" {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The ending of a file's name in small letters.
pub(crate) fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

/// A file's name without its ending.
pub(crate) fn stem(path: &Path) -> Option<&str> {
    path.file_stem()?.to_str()
}

/// The place of a picture's ending among those that are read, the preferred first.
pub(crate) fn picture_rank(path: &Path) -> Option<usize> {
    let ending = ending(path)?;
    PICTURES.iter().position(|other| *other == ending)
}

/// The name of a file in a folder that is an image's except for its ending, or `none`; for messages.
pub(crate) fn file_of_image(folder: &Path, id: &str) -> String {
    let paths = entries(folder).unwrap_or_default();
    let found = paths.iter().find(|path| stem(path) == Some(id));
    let name = found.and_then(|path| path.file_name());
    name.map_or("none".to_owned(), |name| {
        name.to_string_lossy().into_owned()
    })
}

/// The folder of this name, in other letters of case where none is written so.
pub(crate) fn folder_named(parent: &Path, name: &str) -> PathBuf {
    let exact = parent.join(name);
    if exact.is_dir() {
        return exact;
    }
    let alike = |path: &PathBuf| {
        let found = path.file_name().and_then(|found| found.to_str());
        path.is_dir() && found.is_some_and(|found| found.eq_ignore_ascii_case(name))
    };
    let found = entries(parent)
        .ok()
        .and_then(|paths| paths.into_iter().find(alike));
    found.unwrap_or(exact)
}

/// The folder itself, or where it holds one folder and nothing that is `wanted`, that one, and so on.
pub(crate) fn innermost(folder: &Path, wanted: impl Fn(&Path) -> bool) -> PathBuf {
    let mut folder = folder.to_owned();
    // Deeper than anybody lays out a data set; a link to the folder itself ends here.
    for _ in 0..8 {
        let Ok(paths) = entries(&folder) else { break };
        let mut folders = paths.iter().filter(|path| path.is_dir());
        let (Some(only), None) = (folders.next(), folders.next()) else {
            break;
        };
        if paths.iter().any(|path| wanted(path)) {
            break;
        }
        folder = only.clone();
    }
    folder
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A folder of empty files.
    pub fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn what_a_system_left_is_passed_over() {
        let folder = folder_with(&["b.jpg", "._b.jpg", ".DS_Store", "__MACOSX/._b.jpg", "a.png"]);
        let names: Vec<_> = entries(folder.path())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["a.png", "b.jpg"]);
    }

    #[test]
    fn an_only_folder_is_entered_and_no_other() {
        let picture = |path: &Path| picture_rank(path).is_some();
        let nested = folder_with(&["rgbr/real/1.png", "readme.txt"]);
        assert!(innermost(nested.path(), picture).ends_with("rgbr/real"));
        let two = folder_with(&["a/1.png", "b/1.png"]);
        assert_eq!(innermost(two.path(), picture), two.path());
        let beside = folder_with(&["1.png", "a/1.png"]);
        assert_eq!(innermost(beside.path(), picture), beside.path());
    }

    #[test]
    fn case_does_not_matter() {
        let folder = folder_with(&["GroundTruth/val/1.MAT"]);
        let found = folder_named(folder.path(), "groundTruth");
        assert!(found.is_dir(), "{}", found.display());
        assert_eq!(ending(Path::new("1.MAT")).as_deref(), Some("mat"));
        assert_eq!(picture_rank(Path::new("1.PNG")), Some(0));
        assert_eq!(picture_rank(Path::new("Thumbs.db")), None);
    }
}
