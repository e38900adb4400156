//! One training a folder: a lock that another process meets, on this machine or on another one.
//!
//! ```text
//!                        the system's lock of run.lock
//!                        held                 free
//!   ┌──────────────────┬────────────────────┬──────────────────────────────────────────────────┐
//!   │ written here     │ refused            │ its process is gone: taken over                  │
//!   │ written elsewhere│ refused            │ its heart beats: refused (locks of this folder   │
//!   │                  │                    │ do not cross machines); still for long: taken    │
//!   └──────────────────┴────────────────────┴──────────────────────────────────────────────────┘
//! ```
//!
//! The system drops a lock with its process, however that ends. A network folder may keep locks to each machine, or know
//! none at all: there the time of the file's last change, which the holder renews, tells a training from what a lost machine
//! left. Both times come from the folder's own clock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Between two beats.
const BEAT: Duration = Duration::from_secs(15);
/// A heart that is still for so long is dead: eight beats, as network folders show changes late.
const STILL: Duration = Duration::from_secs(120);

/// What is written in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Holder {
    process: u32,
    host: String,
    /// Seconds since 1970, UTC.
    since: u64,
}

impl Holder {
    fn this_process() -> Self {
        Self {
            process: std::process::id(),
            host: host(),
            since: now(),
        }
    }

    fn read(file: &mut File) -> Option<Self> {
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }
}

/// The lock of a folder, as long as it lives.
#[derive(Debug)]
pub(super) struct RunLock {
    path: PathBuf,
    /// Holds the system's lock.
    file: File,
    /// Dropped first, then the heart stops.
    stop: Option<Sender<()>>,
    heart: Option<JoinHandle<()>>,
}

fn lock_path(folder: &Path) -> PathBuf {
    folder.join("run.lock")
}

/// Whether a training was begun in `folder` and did not end by itself: it runs, or was killed.
pub fn was_begun(folder: &Path) -> bool {
    lock_path(folder).exists()
}

impl RunLock {
    /// Takes the folder, which is there.
    ///
    /// # Errors
    /// [`Error::Locked`]; [`Error::File`].
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let path = lock_path(folder);
        let failed = |error| Error::file(&path)(error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        let locks = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                return Err(refused(folder, Holder::read(&mut file), String::new()));
            }
            // A file system without locks.
            Err(TryLockError::Error(_)) => false,
        };
        let own = Holder::this_process();
        if let Some(holder) = Holder::read(&mut file) {
            let elsewhere = holder.host != own.host;
            let may_live = match (elsewhere, locks) {
                (true, _) => beats(folder, &file).map_err(failed)?,
                (false, true) => false,
                (false, false) => is_alive(holder.process),
            };
            if may_live {
                let name = path.display();
                let advice = match elsewhere {
                    true => format!(
                        "; if that machine is gone, wait {} seconds or remove {name}",
                        STILL.as_secs()
                    ),
                    false => format!("; if that process is another program, remove {name}"),
                };
                return Err(refused(folder, Some(holder), advice));
            }
        }
        let written = || -> std::io::Result<()> {
            let mut file = &file;
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(&serde_json::to_vec(&own)?)?;
            file.sync_all()
        };
        written().map_err(failed)?;
        let beating = file.try_clone().map_err(failed)?;
        let (stop, stopped) = channel::<()>();
        let beat = move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // A beat that is missed comes again.
                let _ = beat_once(&beating);
            }
        };
        let heart = std::thread::Builder::new().name("lock".to_owned());
        Ok(Self {
            heart: Some(heart.spawn(beat).map_err(failed)?),
            stop: Some(stop),
            path,
            file,
        })
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(heart) = self.heart.take() {
            // It cannot panic.
            let _ = heart.join();
        }
        // While the lock is held: nobody else has the file. A file that stays is taken over by the next training.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// Rewrites a byte as it is: the folder's own clock marks the time, where `set_modified` would write ours.
fn beat_once(mut file: &File) -> std::io::Result<()> {
    file.rewind()?;
    file.write_all(b"{")?;
    file.sync_data()
}

/// Whether a holder renewed its file a short time ago, by the clock of the folder.
fn beats(folder: &Path, file: &File) -> std::io::Result<bool> {
    let mut probe = tempfile::tempfile_in(folder)?;
    probe.write_all(b"{")?;
    probe.sync_data()?;
    let (now, last) = (probe.metadata()?.modified()?, file.metadata()?.modified()?);
    // A change after now is a short time ago.
    Ok(now
        .duration_since(last)
        .map_or(true, |still| still <= STILL))
}

/// Whether a process of this machine runs; where that cannot be seen it may.
fn is_alive(process: u32) -> bool {
    let processes = Path::new("/proc");
    !processes.join("self").exists() || processes.join(process.to_string()).exists()
}

fn refused(folder: &Path, holder: Option<Holder>, advice: String) -> Error {
    // Between the lock and what is written into it.
    let holder = holder.unwrap_or(Holder {
        process: 0,
        host: "unknown".to_owned(),
        since: now(),
    });
    Error::Locked {
        folder: folder.to_path_buf(),
        process: holder.process,
        host: holder.host,
        age: in_words(now().saturating_sub(holder.since)),
        advice,
    }
}

/// A time that has passed, in its largest unit.
fn in_words(seconds: u64) -> String {
    let units = [
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    let unit = units.into_iter().find(|(length, _)| seconds >= *length);
    let (length, name) = unit.unwrap_or((1, "second"));
    match seconds / length {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

/// The name of this machine.
fn host() -> String {
    #[cfg(any(unix, windows))]
    let name = gethostname::gethostname().to_string_lossy().into_owned();
    #[cfg(not(any(unix, windows)))]
    let name = "unknown".to_owned();
    name
}

/// Seconds since 1970, UTC.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_behind(folder: &Path, holder: &Holder) {
        let text = serde_json::to_vec(holder).unwrap();
        std::fs::write(lock_path(folder), text).unwrap();
    }

    fn elsewhere() -> Holder {
        Holder {
            process: 17,
            host: "another-machine".to_owned(),
            since: now() - 7_300,
        }
    }

    #[test]
    fn a_folder_is_taken_once_and_free_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = RunLock::take(folder.path()).unwrap();
        let second = RunLock::take(folder.path()).unwrap_err();
        let own = Holder::this_process();
        let Error::Locked { process, host, .. } = &second else {
            panic!("{second}");
        };
        assert_eq!((*process, host), (own.process, &own.host));
        assert!(was_begun(folder.path()));
        drop(first);
        assert!(!was_begun(folder.path()));
        drop(RunLock::take(folder.path()).unwrap());
    }

    #[test]
    fn what_a_killed_process_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        left_behind(folder.path(), &Holder::this_process());
        drop(RunLock::take(folder.path()).unwrap());
        std::fs::write(lock_path(folder.path()), "{\"process").unwrap();
        drop(RunLock::take(folder.path()).unwrap());
    }

    #[test]
    fn another_machine_is_believed_as_long_as_its_heart_beats() {
        let folder = tempfile::tempdir().unwrap();
        left_behind(folder.path(), &elsewhere());
        let refused = RunLock::take(folder.path()).unwrap_err().to_string();
        let words =
            "process 17 on another-machine, begun 2 hours ago; if that machine is gone, wait 120";
        assert!(refused.contains(words), "{refused}");
        let path = lock_path(folder.path());
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let long_ago = SystemTime::now() - 2 * STILL;
        file.set_modified(long_ago).unwrap();
        drop(RunLock::take(folder.path()).unwrap());
        // A beat makes it young again.
        left_behind(folder.path(), &elsewhere());
        file.set_modified(long_ago).unwrap();
        drop(file);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).open(&path).unwrap();
        beat_once(&file).unwrap();
        assert!(RunLock::take(folder.path()).is_err());
        let text = std::fs::read(&path).unwrap();
        assert_eq!(
            serde_json::from_slice::<Holder>(&text).unwrap(),
            elsewhere()
        );
    }

    #[test]
    fn times_have_words() {
        let found = [0, 1, 59, 60, 3_599, 3_600, 90_000, 200_000].map(in_words);
        let expected = [
            "0 seconds",
            "1 second",
            "59 seconds",
            "1 minute",
            "59 minutes",
            "1 hour",
            "1 day",
            "2 days",
        ];
        assert_eq!(found, expected);
    }
}
