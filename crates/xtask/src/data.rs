//! `cargo xtask data`: the data sets, their sources, and whether they are here unchanged.

mod manifest;
mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Subcommand;
use manifest::{DataSet, Manifest, Place};

/// Commands on the data sets.
#[derive(Debug, PartialEq, Subcommand)]
pub enum Action {
    /// A table: name, size, licence, whether it is here (the default).
    List,
    /// Page, version, licence, folder, and the commands that fetch it.
    Where {
        /// Of these sets; without a name, of all.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Check sizes and SHA-256 of the files here.
    ///
    /// A set that is absent counts as an error only where it is named, or belongs to the repository.
    Verify {
        /// Of these sets; without a name, of all.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

/// The two folders that data sets lie under.
struct Roots {
    repository: PathBuf,
    data_folder: PathBuf,
}

impl Roots {
    fn new(repository: &Path) -> Self {
        let data_folder = match std::env::var_os("MATBACKPROP_DATA") {
            Some(folder) if !folder.is_empty() => folder.into(),
            _ => repository.join("../shared/data"),
        };
        Self {
            repository: repository.to_path_buf(),
            // Without `..` where the folder exists, for the eye.
            data_folder: data_folder.canonicalize().unwrap_or(data_folder),
        }
    }

    fn folder_of(&self, set: &DataSet) -> PathBuf {
        let root = match set.place {
            Place::Repository => &self.repository,
            Place::DataFolder => &self.data_folder,
        };
        root.join(&set.folder)
    }
}

/// Runs one action, without one the list; `Ok(false)` where a set differs from the manifest.
pub fn run(root: &Path, action: Option<&Action>) -> Result<bool> {
    let manifest = Manifest::read(&root.join("data/manifest.toml"))?;
    let roots = Roots::new(root);
    match action.unwrap_or(&Action::List) {
        Action::List => {
            list(&manifest, &roots);
            Ok(true)
        }
        Action::Where { names } => {
            for set in select(&manifest, names)? {
                print_where(set, &roots);
            }
            Ok(true)
        }
        Action::Verify { names } => {
            let mut all_well = true;
            for set in select(&manifest, names)? {
                let required = !names.is_empty() || set.place == Place::Repository;
                let report = verify::verify(set, &roots.folder_of(set))?;
                print!("{report}");
                all_well &= report.is_well(required);
            }
            Ok(all_well)
        }
    }
}

fn select<'a>(manifest: &'a Manifest, names: &[String]) -> Result<Vec<&'a DataSet>> {
    if names.is_empty() {
        return Ok(manifest.sets.iter().collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        match manifest.sets.iter().find(|set| set.name == *name) {
            Some(set) => chosen.push(set),
            None => {
                let known: Vec<&str> = manifest.sets.iter().map(|set| set.name.as_str()).collect();
                bail!(
                    "no data set `{name}` in data/manifest.toml, expected one of {}",
                    known.join(", ")
                );
            }
        }
    }
    Ok(chosen)
}

fn list(manifest: &Manifest, roots: &Roots) {
    println!(
        "{:<26} {:>5} {:>6}  {:<4} {:<7} licence",
        "name", "files", "MB", "here", "in git"
    );
    for set in &manifest.sets {
        let (files, bytes) = set.size();
        println!(
            "{:<26} {files:>5} {:>6.1}  {:<4} {:<7} {}",
            set.name,
            bytes as f64 / 1e6,
            if set.is_here(&roots.folder_of(set)) {
                "yes"
            } else {
                "no"
            },
            if set.may_be_committed {
                "allowed"
            } else {
                "never"
            },
            set.licence
        );
    }
    println!("\ndata folder: {}", roots.data_folder.display());
}

fn print_where(set: &DataSet, roots: &Roots) {
    println!("{}: {}", set.name, set.what);
    println!("  page      {}", set.page);
    println!("  version   {}", set.version);
    println!("  licence   {}", set.licence);
    let folder = roots.folder_of(set);
    let state = if set.is_here(&folder) {
        "there"
    } else {
        "absent"
    };
    println!("  folder    {} ({state})", folder.display());
    if set.fetch.trim().is_empty() {
        println!("  fetch     nothing to do: it is part of the repository");
    } else {
        println!("  fetch     run:");
        println!(
            "    export MATBACKPROP_DATA=\"{}\"",
            roots.data_folder.display()
        );
        for line in set.fetch.trim().lines() {
            println!("    {line}");
        }
        println!("    cargo xtask data verify {}", set.name);
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    fn repository_manifest() -> (PathBuf, Manifest) {
        let root = workspace::root().expect("a workspace");
        let manifest = Manifest::read(&root.join("data/manifest.toml")).expect("a manifest");
        (root, manifest)
    }

    #[test]
    fn files_of_the_repository_match_the_manifest() {
        let (root, manifest) = repository_manifest();
        let roots = Roots::new(&root);
        for set in &manifest.sets {
            if set.place == Place::Repository {
                let report = verify::verify(set, &roots.folder_of(set)).expect("a report");
                assert!(report.is_well(true), "{report}");
            }
        }
    }

    #[test]
    fn nothing_that_may_not_be_committed_lies_in_the_repository() {
        let (_, manifest) = repository_manifest();
        for set in &manifest.sets {
            assert!(set.place == Place::DataFolder || set.may_be_committed);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let (_, manifest) = repository_manifest();
        let message = select(&manifest, &["bsds".to_owned()])
            .expect_err("no such set")
            .to_string();
        assert!(message.contains("`bsds`") && message.contains("bsds500"));
        assert_eq!(
            select(&manifest, &["samples".to_owned()])
                .expect("one set")
                .len(),
            1
        );
    }
}
