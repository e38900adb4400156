//! `data/manifest.toml`, read and checked.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// All data sets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    #[serde(rename = "set")]
    pub sets: Vec<DataSet>,
}

/// Which root a set's folder lies under.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    Repository,
    DataFolder,
}

/// One data set: its source, its place, and its expected size and digest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    pub name: String,
    pub what: String,
    pub page: String,
    pub version: String,
    pub licence: String,
    pub may_be_committed: bool,
    pub place: Place,
    pub folder: String,
    /// Commands for a shell; empty where the repository holds the set.
    #[serde(default)]
    pub fetch: String,
    #[serde(default, rename = "file")]
    pub files: Vec<FileEntry>,
    #[serde(default, rename = "files")]
    pub groups: Vec<GroupEntry>,
}

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

/// All files of one extension below a folder, under one digest (see `digest::of_folder`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    pub path: String,
    pub extension: String,
    pub count: u64,
    pub bytes: u64,
    pub sha256: String,
}

impl Manifest {
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("reading {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let manifest: Self = toml::from_str(text)?;
        for (index, set) in manifest.sets.iter().enumerate() {
            set.check()
                .with_context(|| format!("data set `{}`", set.name))?;
            if manifest.sets[..index].iter().any(|s| s.name == set.name) {
                bail!("data set `{}` stands twice, expected once", set.name);
            }
        }
        Ok(manifest)
    }
}

impl DataSet {
    /// Number of files and of bytes.
    pub fn size(&self) -> (u64, u64) {
        let single: u64 = self.files.iter().map(|file| file.bytes).sum();
        let grouped: u64 = self.groups.iter().map(|group| group.bytes).sum();
        let count: u64 = self.groups.iter().map(|group| group.count).sum();
        (self.files.len() as u64 + count, single + grouped)
    }

    /// Whether anything of the set lies in `folder`, which several sets may share.
    pub fn is_here(&self, folder: &Path) -> bool {
        let singles = self.files.iter().map(|file| &file.path);
        let groups = self.groups.iter().map(|group| &group.path);
        singles.chain(groups).any(|path| folder.join(path).exists())
    }

    fn check(&self) -> Result<()> {
        ensure!(
            !self.files.is_empty() || !self.groups.is_empty(),
            "names no file, expected at least one"
        );
        ensure!(
            self.place == Place::Repository || !self.fetch.trim().is_empty(),
            "lies outside the repository but has no `fetch`, expected commands"
        );
        let digests = self
            .files
            .iter()
            .map(|file| (&file.path, &file.sha256))
            .chain(self.groups.iter().map(|group| (&group.path, &group.sha256)));
        for (path, sha256) in digests {
            let hexadecimal = sha256
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            ensure!(
                sha256.len() == 64 && hexadecimal,
                "`{path}` has sha256 `{sha256}`, expected 64 lower-case hexadecimal digits"
            );
            let leaves = Path::new(path)
                .components()
                .any(|part| !matches!(part, std::path::Component::Normal(_)));
            ensure!(
                !leaves,
                "`{path}` leaves the set's folder, expected a relative path"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn set(extra: &str) -> String {
        format!(
            "[[set]]\nname = 'a'\nwhat = 'w'\npage = 'p'\nversion = 'v'\nlicence = 'l'\n\
             may_be_committed = true\nplace = 'repository'\nfolder = 'data/a'\n{extra}\n"
        )
    }

    fn file(path: &str, sha256: &str) -> String {
        format!("[[set.file]]\npath = '{path}'\nbytes = 5\nsha256 = '{sha256}'\n")
    }

    #[test]
    fn sizes_add_up_over_files_and_groups() {
        let group = format!(
            "[[set.files]]\npath = 'x'\nextension = 'jpg'\ncount = 3\nbytes = 70\nsha256 = '{DIGEST}'"
        );
        let text = set(&(file("b", DIGEST) + &group));
        let manifest = Manifest::parse(&text).expect("a manifest");
        assert_eq!(manifest.sets[0].size(), (4, 75));
        assert_eq!(manifest.sets[0].place, Place::Repository);
    }

    #[test]
    fn errors_are_named() {
        let one = file("b", DIGEST);
        for (text, expected) in [
            (set(""), "names no file"),
            (set(&file("b", "E3B0")), "64 lower-case"),
            (set(&file("../b", DIGEST)), "leaves the set's folder"),
            (set(&file("/b", DIGEST)), "leaves the set's folder"),
            (set(&one) + &set(&one), "stands twice"),
            (
                set(&one).replace("'repository'", "'data-folder'"),
                "no `fetch`",
            ),
            (set(&format!("colour = 'red'\n{one}")), "colour"),
        ] {
            let error = Manifest::parse(&text).expect_err(expected);
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
    }
}
