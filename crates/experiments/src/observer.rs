//! Progress and messages of long work.

use crate::error::Result;

/// Where a line of progress was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nowhere: the next one may come soon.
    Nowhere,
    /// As a line of its own, which stays.
    Line,
    /// On a bar, where the next one takes its place.
    Bar,
}

/// Receives the progress of long work, and messages for people beside its results.
///
/// Every method has a default that does nothing: `&mut ()` is an observer too. Work that several processes share is
/// observed by each of them; the caller lets the first alone print.
///
/// # Example
/// ```
/// use experiments::Observer;
///
/// /// Collects messages.
/// struct Messages(Vec<String>);
///
/// impl Observer for Messages {
///     fn message(&mut self, line: &str) {
///         self.0.push(line.to_owned());
///     }
/// }
/// ```
pub trait Observer {
    /// A message beside the results.
    fn message(&mut self, line: &str) {
        let _ = line;
    }

    /// A message about numbers that may not say what they seem to: of records that were left out, or files that can hardly
    /// be meant. It is shown where other messages are not.
    fn warning(&mut self, line: &str) {
        self.message(line);
    }

    /// A message for those who ask for more: which weights, which device.
    fn detail(&mut self, line: &str) {
        let _ = line;
    }

    /// A job of `total` parts begins; it may lie inside the one that began before.
    fn begin(&mut self, what: &'static str, total: u64) {
        let _ = (what, total);
    }

    /// `done` parts of the job that began last are done; `note` says more, and is asked for only where it is shown.
    fn advance(&mut self, done: u64, note: &dyn Fn() -> String) -> Shown {
        let _ = (done, note);
        Shown::Nowhere
    }

    /// The job that began last is over.
    fn end(&mut self) {}

    /// A training is about to take its first step: from here on [`Observer::stops`] is asked after each.
    ///
    /// # Errors
    /// Those of the observer; the training ends with them.
    fn training_begins(&mut self) -> Result<()> {
        Ok(())
    }

    /// Whether the training should write a checkpoint and stop.
    fn stops(&mut self) -> bool {
        false
    }
}

impl Observer for () {}
