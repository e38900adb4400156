//! A data set beside its entry in the manifest.

use std::fmt;
use std::path::Path;

use anyhow::Result;

use super::manifest::DataSet;
use crate::digest;

/// The outcome for one entry of a set.
#[derive(Debug, PartialEq)]
enum Outcome {
    Same,
    Missing,
    Changed(String),
}

/// The outcome for a whole set.
pub struct Report {
    name: String,
    folder: String,
    present: bool,
    entries: Vec<(String, Outcome)>,
}

impl Report {
    /// No entry differs; where the set is `required`, it is also there.
    pub fn is_well(&self, required: bool) -> bool {
        if !self.present {
            return !required;
        }
        self.entries
            .iter()
            .all(|(_, outcome)| *outcome == Outcome::Same)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.present {
            return writeln!(
                out,
                "{}: missing, expected in {}; `cargo xtask data where {}` says how to get it",
                self.name, self.folder, self.name
            );
        }
        let same = |entry: &&(String, Outcome)| entry.1 == Outcome::Same;
        let good = self.entries.iter().filter(same).count();
        let state = if good == self.entries.len() {
            "ok"
        } else {
            "DIFFERS"
        };
        writeln!(
            out,
            "{}: {state}, {good} of {} entries as in the manifest",
            self.name,
            self.entries.len()
        )?;
        for (path, outcome) in &self.entries {
            match outcome {
                Outcome::Same => {}
                Outcome::Missing => writeln!(out, "  missing  {path}")?,
                Outcome::Changed(how) => writeln!(out, "  changed  {path}: {how}")?,
            }
        }
        Ok(())
    }
}

/// Compares the files in `folder` with the manifest's entry.
///
/// # Errors
/// A file or folder that is there and cannot be read.
pub fn verify(set: &DataSet, folder: &Path) -> Result<Report> {
    let present = set.is_here(folder);
    let mut entries = Vec::new();
    if present {
        for file in &set.files {
            let path = folder.join(&file.path);
            let outcome = if path.is_file() {
                compare_file(&path, file.bytes, &file.sha256)?
            } else {
                Outcome::Missing
            };
            entries.push((file.path.clone(), outcome));
        }
        for group in &set.groups {
            let path = folder.join(&group.path);
            let outcome = if path.is_dir() {
                let found = digest::of_folder(&path, &group.extension)?;
                if (found.count, found.bytes) != (group.count, group.bytes) {
                    Outcome::Changed(format!(
                        "expected {} files of {} bytes, found {} of {}",
                        group.count, group.bytes, found.count, found.bytes
                    ))
                } else {
                    compare_digest(&group.sha256, &found.sha256)
                }
            } else {
                Outcome::Missing
            };
            entries.push((format!("{}/**.{}", group.path, group.extension), outcome));
        }
    }
    Ok(Report {
        name: set.name.clone(),
        folder: folder.display().to_string(),
        present,
        entries,
    })
}

/// The size first: it is free, and a broken download shows in it.
fn compare_file(path: &Path, bytes: u64, sha256: &str) -> Result<Outcome> {
    let found = std::fs::metadata(path)?.len();
    if found != bytes {
        return Ok(Outcome::Changed(format!(
            "expected {bytes} bytes, found {found}"
        )));
    }
    let (_, found) = digest::of_file(path)?;
    Ok(compare_digest(sha256, &found))
}

fn compare_digest(expected: &str, found: &str) -> Outcome {
    if expected == found {
        Outcome::Same
    } else {
        Outcome::Changed(format!("expected sha256 {expected}, found {found}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::{FileEntry, GroupEntry, Place};
    use super::*;

    /// A folder with `one.bin` and `pictures/{1,2}.jpg`, and the set that describes it.
    fn folder_and_set() -> (tempfile::TempDir, DataSet) {
        let folder = tempfile::tempdir().expect("a folder");
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures).expect("a folder");
        std::fs::write(folder.path().join("one.bin"), b"abc").expect("a file");
        std::fs::write(pictures.join("1.jpg"), b"first").expect("a file");
        std::fs::write(pictures.join("2.jpg"), b"second").expect("a file");
        let (bytes, sha256) = digest::of_file(&folder.path().join("one.bin")).expect("a digest");
        let group = digest::of_folder(&pictures, "jpg").expect("a digest");
        let set = DataSet {
            name: "trial".to_owned(),
            what: String::new(),
            page: String::new(),
            version: String::new(),
            licence: String::new(),
            may_be_committed: false,
            place: Place::DataFolder,
            folder: String::new(),
            fetch: String::new(),
            files: vec![FileEntry {
                path: "one.bin".to_owned(),
                bytes,
                sha256,
            }],
            groups: vec![GroupEntry {
                path: "pictures".to_owned(),
                extension: "jpg".to_owned(),
                count: group.count,
                bytes: group.bytes,
                sha256: group.sha256,
            }],
        };
        (folder, set)
    }

    #[test]
    fn an_unchanged_set_is_well() {
        let (folder, set) = folder_and_set();
        let report = verify(&set, folder.path()).expect("a report");
        assert!(report.is_well(true));
        assert!(report.to_string().contains("ok, 2 of 2"));
    }

    #[test]
    fn an_absent_set_is_an_error_only_where_required() {
        let (folder, set) = folder_and_set();
        let report = verify(&set, &folder.path().join("nowhere")).expect("a report");
        assert!(report.is_well(false) && !report.is_well(true));
        assert!(report.to_string().contains("trial: missing"));
    }

    #[test]
    fn a_part_that_is_missing_is_an_error_always() {
        let (folder, set) = folder_and_set();
        std::fs::remove_file(folder.path().join("one.bin")).expect("a file");
        let report = verify(&set, folder.path()).expect("a report");
        assert!(!report.is_well(false));
        assert!(report.to_string().contains("missing  one.bin"));
    }

    #[test]
    fn a_changed_size_and_a_changed_byte_are_distinguished() {
        let (folder, set) = folder_and_set();
        let path = folder.path().join("one.bin");
        std::fs::write(&path, b"ab").expect("a file");
        let text = verify(&set, folder.path()).expect("a report").to_string();
        assert!(text.contains("expected 3 bytes, found 2"), "{text}");
        std::fs::write(&path, b"abx").expect("a file");
        let report = verify(&set, folder.path()).expect("a report");
        assert!(report.to_string().contains("expected sha256 ba7816bf"));
        assert!(!report.is_well(false));
    }

    #[test]
    fn a_group_notices_one_file_too_many_and_one_changed() {
        let (folder, set) = folder_and_set();
        let extra = folder.path().join("pictures/3.jpg");
        std::fs::write(&extra, b"x").expect("a file");
        let text = verify(&set, folder.path()).expect("a report").to_string();
        assert!(text.contains("expected 2 files of 11 bytes, found 3 of 12"));
        std::fs::remove_file(&extra).expect("a file");
        std::fs::write(folder.path().join("pictures/1.jpg"), b"fursT").expect("a file");
        let text = verify(&set, folder.path()).expect("a report").to_string();
        assert!(text.contains("pictures/**.jpg: expected sha256"), "{text}");
    }
}
