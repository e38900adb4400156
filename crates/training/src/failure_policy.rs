//! Limits for unreadable examples and non-finite steps before a training fails.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Steps in a row whose numbers are not finite, after which a training stops.
const UNSOUND_STEPS: u32 = 3;

/// Counts failures: steps whose loss or gradient is not finite change nothing, and examples that cannot be read
/// are left out, up to a share of all.
#[derive(Debug, Default)]
pub(super) struct FailurePolicy {
    unsound: u32,
    left_out: BTreeMap<usize, String>,
}

impl FailurePolicy {
    /// Whether an example could not be read before.
    pub(super) fn is_left_out(&self, example: usize) -> bool {
        self.left_out.contains_key(&example)
    }

    /// How many could not.
    pub(super) fn left_out(&self) -> usize {
        self.left_out.len()
    }

    /// Leaves out the example that `error` says cannot be read; returns its name and the reason.
    ///
    /// # Errors
    /// `error` itself where it is another one; [`Error::TooManyUnreadable`] where more than `share` of all
    /// `examples` would be left out.
    pub(super) fn leave_out(
        &mut self,
        error: Error,
        examples: usize,
        share: f64,
    ) -> Result<(String, String)> {
        let Some((index, name, why)) = unreadable(&error) else {
            return Err(error);
        };
        self.left_out.insert(index, name.clone());
        let found = self.left_out.len();
        if found as f64 > share * examples as f64 {
            return Err(Error::TooManyUnreadable {
                found,
                examples,
                share,
                last: Box::new(error),
            });
        }
        Ok((name, why))
    }

    /// A step whose numbers are finite.
    pub(super) fn sound(&mut self) {
        self.unsound = 0;
    }

    /// A step whose numbers are not, on these examples.
    ///
    /// # Errors
    /// [`Error::Diverged`] for the third in a row.
    pub(super) fn unsound(
        &mut self,
        step: u64,
        what: &'static str,
        found: f64,
        images: &[String],
    ) -> Result<()> {
        self.unsound += 1;
        if self.unsound < UNSOUND_STEPS {
            return Ok(());
        }
        Err(Error::Diverged {
            step,
            what,
            found,
            images: images.join(", "),
        })
    }
}

/// Place, name and reason of an example that could not be read.
pub(super) fn unreadable(error: &Error) -> Option<(usize, String, String)> {
    match error {
        Error::Step { source, .. } => unreadable(source),
        Error::Unreadable {
            index,
            name,
            source,
        } => Some((*index, name.clone(), source.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad(index: usize) -> Error {
        let source = Box::new(Error::Model(models::Error::Tape("cut short".into())));
        let name = format!("image {index}");
        Error::Unreadable {
            index,
            name,
            source,
        }
    }

    #[test]
    fn a_share_may_be_unreadable() {
        let mut policy = FailurePolicy::default();
        let (name, why) = policy.leave_out(bad(7), 100, 0.01).unwrap();
        assert_eq!(
            (name.as_str(), why.as_str()),
            ("image 7", "dfdx: cut short")
        );
        assert!(policy.is_left_out(7) && !policy.is_left_out(8));
        // The same one again is no further one.
        policy.leave_out(bad(7), 100, 0.01).unwrap();
        let stopped = policy.leave_out(bad(8), 100, 0.01).unwrap_err();
        let expected =
            "expected at most 1 % of 100 examples that cannot be read, found 2; the last: image 8";
        assert!(stopped.to_string().starts_with(expected), "{stopped}");
        // Other errors are passed on.
        let other = Error::Model(models::Error::Tape("refused".into()));
        assert!(matches!(
            policy.leave_out(other, 100, 1.0),
            Err(Error::Model(models::Error::Tape(_)))
        ));
    }

    #[test]
    fn the_third_unsound_step_in_a_row_stops() {
        let mut policy = FailurePolicy::default();
        let images = ["a".to_owned(), "b".to_owned()];
        for step in [1, 2] {
            policy.unsound(step, "loss", f64::NAN, &images).unwrap();
        }
        policy.sound();
        for step in [4, 5] {
            policy.unsound(step, "loss", f64::NAN, &images).unwrap();
        }
        let stopped = policy.unsound(6, "loss", f64::NAN, &images);
        let words = stopped.unwrap_err().to_string();
        assert!(
            words.starts_with("step 6, a, b: expected a finite loss, found NaN"),
            "{words}"
        );
    }
}
