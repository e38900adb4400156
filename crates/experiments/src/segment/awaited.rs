//! What may keep its reader waiting for ever: standard input, and pipes that have names.

use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How often a reader that waits asks whether it should stop.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What `read` answers; none where the work is stopped before it does.
///
/// A separate thread reads, since the system restarts a read that a signal interrupts. If the work is stopped, the thread is
/// left behind, and ends with the process.
///
/// # Errors
/// Those of the system, where it gives no thread.
pub fn awaited<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
    stopped: &dyn Fn() -> bool,
) -> io::Result<Option<T>> {
    let (sender, receiver) = mpsc::channel();
    // Sending fails if the work was stopped and the receiver is gone.
    let read = move || drop(sender.send(read()));
    let reader = thread::Builder::new().spawn(read)?;
    loop {
        match receiver.recv_timeout(POLL_INTERVAL) {
            Ok(found) => return Ok(Some(found)),
            Err(RecvTimeoutError::Timeout) if stopped() => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match reader.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => return Ok(None),
            },
        }
    }
}

/// Whether a file may keep its reader waiting: a pipe or a device.
pub fn may_wait(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| !data.is_file() && !data.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_and_a_stop_ends_the_wait() {
        assert_eq!(awaited(|| 7, &|| false).unwrap(), Some(7));
        let slow = || {
            thread::sleep(3 * POLL_INTERVAL);
            8
        };
        assert_eq!(awaited(slow, &|| false).unwrap(), Some(8));
        // It never answers.
        let (_kept, never) = mpsc::channel::<u8>();
        assert_eq!(awaited(move || never.recv(), &|| true).unwrap(), None);
    }

    #[test]
    fn a_panic_of_the_reader_goes_on() {
        let caught = std::panic::catch_unwind(|| awaited(|| panic!("odd file"), &|| false));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "odd file");
    }

    #[test]
    fn files_and_folders_do_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.png");
        std::fs::write(&file, "a").unwrap();
        assert!(!may_wait(&file) && !may_wait(folder.path()));
        assert!(!may_wait(&folder.path().join("absent")));
        #[cfg(unix)]
        assert!(may_wait(Path::new("/dev/null")));
    }
}
