//! What the faults meet: a call, its files, and the chance that chooses.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

#[cfg(feature = "mpi")]
use crate::call::matbackprop;
use crate::call::names_in;
use crate::{eval_bsds, small_bsds};

/// Numbers that follow from a seed: SplitMix64.
pub struct Chance(pub u64);

impl Chance {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len() as u64) as usize)
    }

    /// A moment in which a small call is under way.
    pub fn wait(&mut self) {
        std::thread::sleep(Duration::from_millis(self.below(400)));
    }
}

/// What is done again and again, and what must come of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    Training,
    /// A training by two processes of one job, where the feature `mpi` is there.
    Ranks,
    Measurement,
    Photographs,
}

/// A folder with all that a round needs.
pub struct Scene {
    pub work: Work,
    pub folder: tempfile::TempDir,
}

impl Scene {
    pub fn new(work: Work) -> Self {
        let folder = tempfile::tempdir().unwrap();
        small_bsds::write(folder.path());
        eval_bsds::perfect_segmentations(&folder.path().join("segs"));
        Self { work, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    pub fn is_training(&self) -> bool {
        matches!(self.work, Work::Training | Work::Ranks)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_matbackprop"));
        let root = self.folder.path();
        #[cfg(feature = "mpi")]
        if self.work == Work::Ranks {
            let call = matbackprop(&[]).by_ranks(2);
            command = call.command();
        }
        match self.work {
            Work::Training | Work::Ranks => {
                command
                    .args(["train", "ncuts", "--trunk", "lite0", "--from-scratch"])
                    .args(["--head", "6x1", "--epochs", "15", "--seed", "7"])
                    .args(["--checkpoint-every", "3", "--val-every", "5", "--data"])
                    .arg(root);
                if self.work != Work::Training {
                    command.args(["--batch", "2"]);
                }
                if self.out().exists() && !names_in(&self.out()).is_empty() {
                    command.arg("--resume");
                }
            }
            Work::Measurement => {
                command
                    .args(["eval", "bsds", "--split", "val", "--boundaries", "--data"])
                    .arg(root)
                    .arg("--segs")
                    .arg(self.path("segs"));
            }
            Work::Photographs => {
                command
                    .args([
                        "segment",
                        "--skip-existing",
                        "--labels",
                        "--superpixels",
                        "40",
                    ])
                    .arg(root.join("images/train"))
                    .arg(root.join("images/val"));
            }
        }
        command
            .arg(if self.work == Work::Photographs {
                "-o"
            } else {
                "--out"
            })
            .arg(self.out())
            .env("RAYON_NUM_THREADS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The files that the call is for, by name.
    pub fn results(&self) -> Vec<(String, Vec<u8>)> {
        let out = self.out();
        let names = match self.work {
            Work::Training | Work::Ranks => vec!["network.safetensors".to_owned()],
            Work::Measurement => ["images/21.json", "images/22.json"]
                .map(str::to_owned)
                .to_vec(),
            Work::Photographs => names_in(&out),
        };
        let read = |name: String| {
            let bytes = fs::read(out.join(&name)).unwrap_or_default();
            (name, bytes)
        };
        names.into_iter().map(read).collect()
    }

    /// All files of the result, the scratch ones too.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.out()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => found.push(entry.path()),
                }
            }
        }
        found.sort();
        found
    }

    pub fn input(&self) -> Vec<PathBuf> {
        let names: &[&str] = match self.work {
            Work::Training | Work::Ranks => &["images/train/11.jpg", "groundTruth/train/12.mat"],
            Work::Measurement => &["segs/21.png", "groundTruth/val/22.mat"],
            Work::Photographs => &["images/train/11.jpg", "images/val/22.jpg"],
        };
        names.iter().map(|name| self.path(name)).collect()
    }
}
