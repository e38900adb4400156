//! The files of a folder that people mean: not those that a system left there.

use std::cmp::Reverse;
use std::collections::BTreeMap;
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

/// What a folder holds in place of an image's file, for messages: a file of the image's name with another ending, files
/// with the name in theirs, the folders inside that hold one, or how many files of each ending there are.
pub(crate) fn found_instead(folder: &Path, id: &str) -> String {
    const SHOWN: usize = 3;
    let Ok(paths) = entries(folder) else {
        return "none; there is no such folder".to_owned();
    };
    if let Some(path) = paths.iter().find(|path| stem(path) == Some(id)) {
        return name(path);
    }
    let with_id = |paths: &[PathBuf]| {
        let alike = paths
            .iter()
            .filter(|path| path.is_file() && has_word(&name(path), id));
        alike.map(|path| name(path)).take(SHOWN).collect::<Vec<_>>()
    };
    let alike = with_id(&paths);
    if !alike.is_empty() {
        return format!("{} under other names", alike.join(", "));
    }
    let folders: Vec<_> = paths.iter().filter(|path| path.is_dir()).collect();
    let inside = folders.iter().filter_map(|inner| {
        let file = with_id(&entries(inner).unwrap_or_default())
            .into_iter()
            .next()?;
        Some(format!("{}/{file}", name(inner)))
    });
    let inside: Vec<_> = inside.take(SHOWN).collect();
    if !inside.is_empty() {
        return format!("{}: give the folder of the maps itself", inside.join(", "));
    }
    format!("none; {}", contents(&paths))
}

/// A path's last part.
fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Whether a name has the word in it, in letters of any case: no letter or digit goes on beside it.
fn has_word(name: &str, word: &str) -> bool {
    let (name, word) = (name.to_ascii_lowercase(), word.to_ascii_lowercase());
    let goes_on = |beside: Option<char>| beside.is_some_and(char::is_alphanumeric);
    name.match_indices(&word).any(|(start, _)| {
        let (before, after) = (&name[..start], &name[start + word.len()..]);
        !goes_on(before.chars().next_back()) && !goes_on(after.chars().next())
    })
}

/// How many files of each ending, and folders, there are.
fn contents(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 4;
    let mut counts = BTreeMap::<String, usize>::new();
    for path in paths {
        let kind = match ending(path) {
            _ if path.is_dir() => "folder".to_owned(),
            Some(ending) => format!(".{ending} file"),
            None => "file without an ending".to_owned(),
        };
        *counts.entry(kind).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let shown = counts.iter().take(SHOWN).map(|(kind, count)| match count {
        1 => format!("1 {kind}"),
        _ => format!(
            "{count} {}",
            kind.replacen("file", "files", 1)
                .replace("folder", "folders")
        ),
    });
    match shown.collect::<Vec<_>>() {
        shown if shown.is_empty() => "the folder is empty".to_owned(),
        shown => format!("the folder holds {}", shown.join(", ")),
    }
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
    fn what_is_there_in_place_of_a_file_is_named() {
        for (files, found) in [
            (&["7.jpg", "8.png"][..], "7.jpg"),
            (
                &["pred_7.png", "17.png", "7-ucm2.mat"],
                "7-ucm2.mat, pred_7.png under other names",
            ),
            (&["Im7.png"], "none; the folder holds 1 .png file"),
            (
                &["fused/7.png", "avg/7.png"],
                "avg/7.png, fused/7.png: give the folder of the maps itself",
            ),
            (
                &["1.npy", "2.NPY", "a.csv", "b/1.png"],
                "none; the folder holds 2 .npy files, 1 .csv file, 1 folder",
            ),
            (&["all"], "none; the folder holds 1 file without an ending"),
            (&[".DS_Store"], "none; the folder is empty"),
        ] {
            assert_eq!(found_instead(folder_with(files).path(), "7"), found);
        }
        let absent = found_instead(Path::new("no such folder"), "7");
        assert_eq!(absent, "none; there is no such folder");
        assert!(has_word("Sky_A.png", "sky_a") && !has_word("skya.png", "sky"));
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
