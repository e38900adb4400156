//! How far a long job has come: a bar on a terminal, now and then a line elsewhere; with `--verbose` its seconds.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use experiments::{Observer, Shown};
use indicatif::{ProgressBar, ProgressStyle};

use crate::command_line::interrupt::Interrupt;
use crate::command_line::output;

/// Longest time between two lines, if there is progress.
const LONGEST_INTERVAL: Duration = Duration::from_secs(5);
/// Shortest time between two lines.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

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
        let seen = std::io::stderr().is_terminal() && output::shows_progress();
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
            && output::shows_progress();
        if due {
            let note = note();
            let colon = if note.is_empty() { "" } else { ": " };
            output::say(&format!("{} {done}/{}{colon}{note}", self.what, self.total));
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

/// A line is due at the end, at each new tenth, and after the longest interval. Two lines are the shortest interval
/// apart, except the last.
fn is_due(done: u64, total: u64, last_tenth: u64, since: Duration) -> bool {
    done == total
        || since >= LONGEST_INTERVAL
        || (since >= SHORTEST_INTERVAL && tenth(done, total) > last_tenth)
}

fn tenth(done: u64, total: u64) -> u64 {
    10 * done / total.max(1)
}

/// Shows a command's work on standard error, and stops it when this process is asked to stop.
///
/// Jobs may lie inside one another. Inside a bar nothing is shown: a second bar would write over the first; lines come
/// below one another.
#[derive(Default)]
pub struct Terminal {
    jobs: Vec<Job>,
    interrupt: Interrupt,
}

/// A job that has begun.
struct Job {
    what: &'static str,
    began: Instant,
    done: u64,
    progress: Option<Progress>,
}

impl Job {
    /// `step: 1200 in 84.31 s`.
    fn in_words(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        format!("{}: {} in {seconds:.2} s", self.what, self.done)
    }
}

impl Terminal {
    /// Of a training, which `interrupt` may stop.
    pub fn stopped_by(interrupt: &Interrupt) -> Self {
        Self {
            jobs: Vec::new(),
            interrupt: interrupt.clone(),
        }
    }

    /// What is shown of the jobs, the outermost first.
    fn shown(&self) -> impl DoubleEndedIterator<Item = &Progress> {
        self.jobs.iter().filter_map(|job| job.progress.as_ref())
    }

    /// Does something that writes to the terminal, with the bar out of the way.
    fn aside(&self, write: impl FnOnce()) {
        match self.shown().next_back() {
            Some(progress) => progress.aside(write),
            None => write(),
        }
    }
}

impl Observer for Terminal {
    fn message(&mut self, line: &str) {
        self.aside(|| output::note(line));
    }

    fn warning(&mut self, line: &str) {
        self.aside(|| output::warning(line));
    }

    fn detail(&mut self, line: &str) {
        self.aside(|| output::detail(line));
    }

    fn begin(&mut self, what: &'static str, total: u64) {
        let below_a_bar = self.shown().any(Progress::is_bar);
        self.jobs.push(Job {
            what,
            began: Instant::now(),
            done: 0,
            progress: (!below_a_bar).then(|| Progress::new(what, total)),
        });
    }

    fn advance(&mut self, done: u64, note: &dyn Fn() -> String) -> Shown {
        let Some(job) = self.jobs.last_mut() else {
            return Shown::Nowhere;
        };
        job.done = done;
        match &mut job.progress {
            Some(progress) => match progress.advance(done, note) {
                false => Shown::Nowhere,
                true if progress.is_bar() => Shown::Bar,
                true => Shown::Line,
            },
            None => Shown::Nowhere,
        }
    }

    fn end(&mut self) {
        if let Some(job) = self.jobs.pop() {
            let line = job.in_words();
            drop(job);
            self.detail(&line);
        }
    }

    fn training_begins(&mut self) -> experiments::Result<()> {
        self.interrupt.listen()
    }

    fn stops(&mut self) -> bool {
        self.interrupt.asked()
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
}
