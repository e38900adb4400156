//! Digests of the contents of files, each file read once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use models::fnv_1a;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::files::write_whole;

/// A file that changed so shortly before it was read may change again within the same tick of its clock.
const FRESH: Duration = Duration::from_secs(3);

/// What changes with every write to a file, by the system's own marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    modified: Duration,
    /// When the system changed its entry, which no program can set back; 0 where the system has none.
    changed: i128,
}

impl Stamp {
    fn of(path: &Path) -> std::io::Result<Self> {
        let about = std::fs::metadata(path)?;
        let modified = about.modified()?.duration_since(SystemTime::UNIX_EPOCH);
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt as _;
            i128::from(about.ctime()) * 1_000_000_000 + i128::from(about.ctime_nsec())
        };
        #[cfg(not(unix))]
        let changed = 0;
        Ok(Self {
            bytes: about.len(),
            modified: modified.unwrap_or_default(),
            changed,
        })
    }

    /// Whether the file has been left alone for a while.
    fn is_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let changed = Duration::from_nanos(u64::try_from(self.changed).unwrap_or(0));
        let last = self.modified.max(changed);
        now.is_ok_and(|now| now.saturating_sub(last) > FRESH)
    }
}

/// A file that was read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    path: PathBuf,
    stamp: Stamp,
    digest: u64,
    /// Whether the file was settled when it was read: else it is read again another time.
    #[serde(skip, default = "yes")]
    settled: bool,
}

fn yes() -> bool {
    true
}

/// Digests of files' bytes, by [`fnv_1a`]. Each file is read once; those that have not changed since an earlier training
/// in the same folder are not read at all.
#[derive(Debug, Default)]
pub(crate) struct FileDigests(RefCell<HashMap<PathBuf, Known>>);

impl FileDigests {
    /// The digest of a file.
    ///
    /// # Errors
    /// Those of the file.
    pub fn of(&self, path: &Path) -> std::io::Result<u64> {
        if let Some(known) = self.0.borrow().get(path) {
            return Ok(known.digest);
        }
        let stamp = Stamp::of(path)?;
        let digest = fnv_1a(std::fs::read(path)?.into_iter());
        let known = Known {
            path: path.to_owned(),
            settled: stamp.is_settled() && Stamp::of(path)? == stamp,
            stamp,
            digest,
        };
        self.0.borrow_mut().insert(path.to_owned(), known);
        Ok(digest)
    }

    /// Takes those that an earlier training wrote into its folder, of files that are as they were.
    pub fn recall(&self, run: &Path) {
        // Without the file, or where a line is damaged, files are read.
        let Ok(file) = std::fs::File::open(place(run)) else {
            return;
        };
        let lines = BufReader::new(file).lines().map_while(|line| line.ok());
        let known = lines.filter_map(|line| serde_json::from_str::<Known>(&line).ok());
        let as_it_was =
            known.filter(|known| Stamp::of(&known.path).ok().as_ref() == Some(&known.stamp));
        let mut all = self.0.borrow_mut();
        all.extend(as_it_was.map(|known| (known.path.clone(), known)));
    }

    /// Writes them into the folder of a training.
    ///
    /// # Errors
    /// Those of the file.
    pub fn keep(&self, run: &Path) -> Result<()> {
        let all = self.0.borrow();
        let mut settled: Vec<&Known> = all.values().filter(|known| known.settled).collect();
        settled.sort_by(|a, b| a.path.cmp(&b.path));
        let mut text = Vec::new();
        for known in settled {
            // A path that is no text is read again.
            let Ok(line) = serde_json::to_vec(known) else {
                continue;
            };
            text.extend_from_slice(&line);
            text.push(b'\n');
        }
        write_whole(&place(run), &text)
    }
}

fn place(run: &Path) -> PathBuf {
    run.join("digests.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_changed_are_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "first").unwrap();
        std::fs::write(&two, "second").unwrap();
        let digests = FileDigests::default();
        let before = [&one, &two].map(|path| digests.of(path).unwrap());
        assert_eq!(before[0], fnv_1a("first".bytes()));
        // What was written just now may change again unseen: it is not kept.
        digests.keep(folder.path()).unwrap();
        assert_eq!(std::fs::read(place(folder.path())).unwrap(), b"");
        for known in digests.0.borrow_mut().values_mut() {
            known.settled = true;
        }
        digests.keep(folder.path()).unwrap();
        // A digest that no reading would give shows that none took place.
        let text = std::fs::read_to_string(place(folder.path())).unwrap();
        let altered = text.replace(&format!("\"digest\":{}", before[0]), "\"digest\":7");
        assert_ne!(text, altered);
        std::fs::write(place(folder.path()), altered + "{\"pat").unwrap();
        std::fs::write(&two, "2econd").unwrap();
        let again = FileDigests::default();
        again.recall(folder.path());
        assert_eq!(again.of(&one).unwrap(), 7);
        assert_eq!(again.of(&two).unwrap(), fnv_1a("2econd".bytes()));
        assert!(again.of(&folder.path().join("none")).is_err());
    }
}
