//! The examples that something is measured on before the first step.

use crate::error::{Error, Result};

/// Evenly spaced examples of a set. Those that cannot be read are left out: a step that meets one reports it.
pub(super) struct CalibrationExamples {
    every: usize,
    total: usize,
    readable: usize,
    /// Why the last of those could not be read.
    unreadable: Option<Error>,
}

impl CalibrationExamples {
    /// At most `most` of `examples`.
    pub(super) fn new(examples: usize, most: usize) -> Self {
        let every = examples.div_ceil(most);
        Self {
            every,
            total: examples.div_ceil(every.max(1)),
            readable: 0,
            unreadable: None,
        }
    }

    /// Calls `read` for each example, in order; `observer` gets the progress as (done, total). An error for which
    /// `is_of_data` holds leaves its example out.
    pub(super) fn read<'a, X>(
        &'a mut self,
        observer: &'a mut dyn FnMut(usize, usize),
        is_of_data: fn(&Error) -> bool,
        mut read: impl FnMut(usize) -> Result<X> + 'a,
    ) -> impl Iterator<Item = Result<X>> + 'a {
        (0..self.total).filter_map(move |count| {
            let found = read(count * self.every);
            observer(count + 1, self.total);
            match found {
                Err(error) if is_of_data(&error) => {
                    self.unreadable = Some(error);
                    None
                }
                found => {
                    self.readable += 1;
                    Some(found)
                }
            }
        })
    }

    /// The result of the calibration.
    ///
    /// # Errors
    /// Where no example could be read, why; else that of `measured`.
    pub(super) fn conclude<T>(self, measured: Result<T>) -> Result<T> {
        match self.unreadable {
            Some(error) if self.readable == 0 => Err(error),
            _ => measured,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(index: usize) -> Error {
        Error::Setting {
            name: "image",
            expected: "one",
            found: index.to_string(),
        }
    }

    #[test]
    fn examples_are_evenly_spaced_and_unreadable_ones_left_out() {
        let mut examples = CalibrationExamples::new(10, 4);
        let mut done = Vec::new();
        let mut observer = |count, total| done.push((count, total));
        let odd = |index: usize| {
            if index == 3 {
                Err(bad(index))
            } else {
                Ok(index)
            }
        };
        let read: Result<Vec<usize>> = examples.read(&mut observer, |_| true, odd).collect();
        assert_eq!(read.unwrap(), [0, 6, 9]);
        assert_eq!(done, [(1, 4), (2, 4), (3, 4), (4, 4)]);
        assert!(examples.conclude(Ok(())).is_ok());
    }

    #[test]
    fn where_nothing_is_readable_the_reason_is_the_error() {
        let mut examples = CalibrationExamples::new(2, 50);
        let all = |index| Err::<usize, _>(bad(index));
        let none = examples.read(&mut |_, _| (), |_| true, all).count();
        assert_eq!(none, 0);
        let refused = examples.conclude(Ok(())).unwrap_err();
        assert!(refused.to_string().contains("found 1"), "{refused}");
        // Any other error ends it.
        let mut examples = CalibrationExamples::new(2, 50);
        let first = examples.read(&mut |_, _| (), |_| false, all).next();
        assert!(first.unwrap().is_err());
    }
}
