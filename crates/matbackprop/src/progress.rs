//! How far a long job has come: a bar on a terminal, now and then a line elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// The longest silence between two lines, unless nothing happens.
const SILENCE: Duration = Duration::from_secs(5);
/// The shortest.
const BREATH: Duration = Duration::from_secs(1);

/// Progress of a job of known length, on standard error.
pub struct Progress {
    what: &'static str,
    total: u64,
    bar: Option<ProgressBar>,
    last_line: Instant,
    last_tenth: u64,
}

impl Progress {
    /// A job of `total` parts; `what` names it in every line.
    pub fn new(what: &'static str, total: u64) -> Self {
        let seen = std::io::stderr().is_terminal() && !output::is_silent();
        let bar = seen.then(|| {
            let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg}");
            let bar = ProgressBar::new(total).with_prefix(what);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            what,
            total,
            bar,
            last_line: Instant::now(),
            last_tenth: 0,
        }
    }

    /// `done` parts are done; `note` is asked for only where it is shown. Says whether it was.
    pub fn advance(&mut self, done: u64, note: impl FnOnce() -> String) -> bool {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(note());
            return true;
        }
        let due = is_due(done, self.total, self.last_tenth, self.last_line.elapsed())
            && !output::is_silent();
        if due {
            let note = note();
            let colon = if note.is_empty() { "" } else { ": " };
            eprintln!("{} {done}/{}{colon}{note}", self.what, self.total);
            self.last_line = Instant::now();
            self.last_tenth = tenth(done, self.total);
        }
        due
    }

    /// Whether it is a bar, and shows every note.
    pub fn is_bar(&self) -> bool {
        self.bar.is_some()
    }

    /// Does something that writes to the terminal, with the bar out of the way.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line is due at the end, at each new tenth, and after a silence; but never twice in a breath.
fn is_due(done: u64, total: u64, last_tenth: u64, since: Duration) -> bool {
    done == total || since >= SILENCE || (since >= BREATH && tenth(done, total) > last_tenth)
}

fn tenth(done: u64, total: u64) -> u64 {
    10 * done / total.max(1)
}

/// How long a job of steps still takes, at the pace since this call began.
pub struct Pace {
    began: Instant,
    first: u64,
    steps: u64,
}

impl Pace {
    /// A job of `steps`, `first` of them done before.
    pub fn new(first: u64, steps: u64) -> Self {
        Self {
            began: Instant::now(),
            first,
            steps,
        }
    }

    /// After `step`, in words.
    pub fn left(&self, step: u64) -> String {
        let done = (step - self.first).max(1) as f64;
        let left = self.began.elapsed().as_secs_f64() / done * (self.steps - step) as f64;
        format!("{} left", in_words(Duration::from_secs_f64(left)))
    }
}

/// A time in words: `45 s`, `12 min`, `3 h 05 min`.
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6000 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_now_and_then() {
        let ms = Duration::from_millis;
        assert!(!is_due(1, 100, 0, ms(4000)));
        assert!(is_due(1, 100, 0, ms(5000)));
        assert!(is_due(10, 100, 0, ms(1000)) && !is_due(10, 100, 1, ms(1000)));
        assert!(!is_due(10, 100, 0, ms(900)) && is_due(100, 100, 9, ms(0)));
    }

    #[test]
    fn times_in_words() {
        let words = |seconds| in_words(Duration::from_secs(seconds));
        assert_eq!(
            [words(99), words(130), words(7500)],
            ["99 s", "2 min", "2 h 05 min"]
        );
    }
}
