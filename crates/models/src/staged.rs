//! Files that appear whole or not at all; and what a killed process leaves of them, removed.
//!
//! ```text
//! out/.x7Kd2q.partial/lock   locked by the process that writes, as long as it lives
//! out/.x7Kd2q.partial/0      the first file, renamed when all are whole
//! ```

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// The end of the name of a folder of unfinished files.
const ENDING: &str = ".partial";
/// The file in it that its process keeps locked.
const LOCK: &str = "lock";

/// Files written beside their places; all are renamed together, or none is left.
///
/// # Conventions
/// Unfinished files lie in a hidden folder, which goes when this is dropped. [`remove_unfinished`] removes those of this
/// process where a signal ends it. The first use of a folder by a process removes what killed processes left in it; a lock
/// tells them from processes that live.
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::io::Write as _;
///
/// # let out = tempfile::tempdir()?;
/// # let out = out.path();
/// let mut staged = models::Staged::within(out);
/// staged.file(out.join("a.txt"))?.write_all(b"whole")?;
/// assert!(!out.join("a.txt").exists());
/// staged.commit()?;
/// assert!(out.join("a.txt").exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Staged {
    /// In which the hidden folder lies.
    folder: PathBuf,
    hidden: Option<Hidden>,
    /// Of file 0, 1, …
    places: Vec<PathBuf>,
}

impl Staged {
    /// Unfinished files are to lie within this folder, which is made with the first of them.
    pub fn within(folder: &Path) -> Self {
        let folder = match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        };
        Self {
            folder: folder.to_path_buf(),
            hidden: None,
            places: Vec::new(),
        }
    }

    /// Where the files will lie, in order.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// A new file, open to be written, that will be renamed to `place`.
    ///
    /// # Errors
    /// [`Error::File`] of the folder.
    pub fn file(&mut self, place: PathBuf) -> Result<File> {
        let failed = Error::file(&self.folder);
        let made = (|| {
            let mut known = Known::lock();
            let hidden = match self.hidden.take() {
                Some(hidden) => hidden,
                None => {
                    fs::create_dir_all(&self.folder)?;
                    Hidden::within(&self.folder, &mut known)?
                }
            };
            let hidden = self.hidden.insert(hidden);
            File::create_new(hidden.path.join(self.places.len().to_string()))
        })();
        let file = made.map_err(failed)?;
        self.places.push(place);
        Ok(file)
    }

    /// Brings all files to their places, whose folders are made where they are missing, the last first: where the place of
    /// the first file is filled, all are. Returns the places in order.
    ///
    /// # Errors
    /// [`Error::File`] of a place; nothing is renamed where a folder lies in the place of a file.
    pub fn commit(self) -> Result<Vec<PathBuf>> {
        let Some(hidden) = &self.hidden else {
            return Ok(Vec::new());
        };
        // A signal waits until all are in their places.
        let _known = Known::lock();
        for place in &self.places {
            if place.is_dir() {
                return Err(Error::file(place)(ErrorKind::IsADirectory.into()));
            }
            let folder = place.parent().unwrap_or(Path::new(""));
            if !folder.as_os_str().is_empty() {
                fs::create_dir_all(folder).map_err(Error::file(folder))?;
            }
        }
        for (number, place) in self.places.iter().enumerate().rev() {
            let file = hidden.path.join(number.to_string());
            rename(&file, place).map_err(Error::file(place))?;
        }
        Ok(self.places.clone())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(hidden) = self.hidden.take() {
            let mut known = Known::lock();
            known.hidden.remove(&hidden.path);
            // Open files cannot be removed everywhere.
            drop(hidden.lock);
            // What stays is removed at the next start.
            let _ = remove(&hidden.path);
        }
    }
}

/// Renames, also to another file system: what was mounted in the folder of the outputs.
fn rename(file: &Path, place: &Path) -> io::Result<()> {
    match fs::rename(file, place) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            let folder = place.parent().unwrap_or(Path::new("."));
            let beside = tempfile::Builder::new()
                .prefix(".")
                .suffix(ENDING)
                .tempdir_in(folder)?;
            let copy = beside.path().join("0");
            fs::copy(file, &copy)?;
            fs::rename(copy, place)
        }
        renamed => renamed,
    }
}

/// A hidden folder of this process.
#[derive(Debug)]
struct Hidden {
    path: PathBuf,
    /// Locked as long as it is open.
    lock: File,
}

impl Hidden {
    fn within(folder: &Path, known: &mut Known) -> io::Result<Self> {
        if known.looked_into.insert(folder.to_path_buf()) {
            left_behind(folder);
        }
        loop {
            let made = tempfile::Builder::new()
                .prefix(".")
                .suffix(ENDING)
                .tempdir_in(folder)?;
            let path = made.path().join(LOCK);
            // Another process may take the folder for one that is left behind until the lock is held.
            let lock = match File::create_new(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                lock => lock?,
            };
            match lock.lock() {
                Ok(()) if path.exists() => {}
                Ok(()) => continue,
                // No locks here: nothing is removed for others either.
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                Err(error) => return Err(error),
            }
            let path = made.keep();
            known.hidden.insert(path.clone());
            return Ok(Self { path, lock });
        }
    }
}

/// What this process knows of hidden folders.
struct Known {
    /// Its own.
    hidden: BTreeSet<PathBuf>,
    /// Folders whose hidden ones were looked at.
    looked_into: BTreeSet<PathBuf>,
}

static KNOWN: Mutex<Known> = Mutex::new(Known {
    hidden: BTreeSet::new(),
    looked_into: BTreeSet::new(),
});

impl Known {
    fn lock() -> MutexGuard<'static, Self> {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the unfinished files of this process, which is about to end: from here on no thread can write another.
pub fn remove_unfinished() {
    let known = Known::lock();
    for path in &known.hidden {
        let _ = remove(path);
    }
    std::mem::forget(known);
}

/// Removes the hidden folders whose processes do not live.
fn left_behind(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let is_hidden = name.starts_with(b".") && name.ends_with(ENDING.as_bytes());
        if !is_hidden || path.is_symlink() || !path.is_dir() {
            continue;
        }
        match File::options().write(true).open(path.join(LOCK)) {
            Ok(lock) if lock.try_lock().is_ok() => {
                let _ = remove(&path);
            }
            // Just made, or just removed; removed only where it is empty.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let _ = fs::remove_dir(&path);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Removes a hidden folder, its lock last: what cannot be removed now can be later.
fn remove(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file.file_name().is_some_and(|name| name != LOCK) {
            fs::remove_file(file)?;
        }
    }
    fs::remove_file(path.join(LOCK))?;
    fs::remove_dir(path)
}

/// Writes beside the place and renames: the file is there whole, or as it was before.
///
/// # Errors
/// [`Error::File`]; the folder of the place has to be there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;

    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() && !folder.is_dir() {
        return Err(Error::file(path)(ErrorKind::NotFound.into()));
    }
    let mut staged = Staged::within(folder);
    let mut file = staged.file(path.to_path_buf())?;
    file.write_all(bytes).map_err(Error::file(path))?;
    file.sync_all().map_err(Error::file(path))?;
    staged.commit().map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["file"]);
        let nowhere = folder.path().join("absent").join("file");
        assert!(matches!(
            write_atomically(&nowhere, b""),
            Err(Error::File { .. })
        ));
    }

    #[test]
    fn all_files_come_to_their_places_or_none_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let places = [out.join("a"), out.join("in/b")];
        let stage = || {
            let mut staged = Staged::within(&out);
            for place in &places {
                let mut file = staged.file(place.clone()).unwrap();
                file.write_all(b"whole").unwrap();
            }
            staged
        };
        drop(stage());
        assert!(names(&out).is_empty());
        assert_eq!(stage().commit().unwrap(), places);
        assert_eq!(names(&out), ["a", "in"]);
        assert_eq!(fs::read(&places[1]).unwrap(), b"whole");
        // A folder in the place of the first: the second is not replaced either.
        fs::remove_file(&places[0]).unwrap();
        fs::create_dir(&places[0]).unwrap();
        fs::write(&places[1], "before").unwrap();
        assert!(matches!(stage().commit(), Err(Error::File { .. })));
        assert_eq!(fs::read(&places[1]).unwrap(), b"before");
        assert_eq!(names(&out), ["a", "in"]);
    }

    #[test]
    fn what_no_process_holds_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let hidden = |name: &str, files: &[&str]| {
            let path = folder.join(name);
            fs::create_dir(&path).unwrap();
            for file in files {
                fs::write(path.join(file), "half").unwrap();
            }
            path
        };
        hidden(".dead.partial", &["0", "1", LOCK]);
        hidden(".empty.partial", &[]);
        // Without a lock it is not ours.
        hidden(".other.partial", &["0"]);
        hidden("seen.partial", &["0", LOCK]);
        fs::write(folder.join(".file.partial"), "a file").unwrap();
        let live = hidden(".live.partial", &["0", LOCK]);
        let lock = File::open(live.join(LOCK)).unwrap();
        lock.lock().unwrap();
        left_behind(folder);
        let left = [
            ".file.partial",
            ".live.partial",
            ".other.partial",
            "seen.partial",
        ];
        assert_eq!(names(folder), left);
        assert_eq!(names(&live), ["0", LOCK]);
        drop(lock);
        left_behind(folder);
        assert!(!live.exists());
    }
}
