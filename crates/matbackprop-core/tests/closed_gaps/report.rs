//! The answers that were right, refused and neither.

use crate::file::{Case, relative_error};
use faer::Mat;
use matbackprop_core::{Error, GapPolicy, Result};
use std::collections::BTreeMap;

/// Policies that promise never to answer with a wrong number.
pub fn policies() -> [(&'static str, GapPolicy); 3] {
    let zero_where_free = GapPolicy::ZeroWhereFree {
        floor: 1e-12,
        tolerance: 1e-10,
    };
    [
        ("default", GapPolicy::default()),
        ("Error", GapPolicy::Error { floor: 1e-12 }),
        ("ZeroWhereFree", zero_where_free),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Must {
    Right,
    Error,
    Either,
    /// No gradient, with the cotangents of another loss that has one: finite numbers may come back.
    Unknowable,
}

/// The counts, by rule, and every answer that is neither right nor a fitting error.
#[derive(Default)]
pub struct Report {
    counts: BTreeMap<String, [usize; 3]>,
    failures: Vec<String>,
}

impl Report {
    pub fn right(&mut self, group: &str) {
        self.counts.entry(group.to_owned()).or_default()[0] += 1;
    }

    pub fn refused(&mut self, group: &str) {
        self.counts.entry(group.to_owned()).or_default()[1] += 1;
    }

    pub fn failed(&mut self, group: &str, failure: String) {
        self.counts.entry(group.to_owned()).or_default()[2] += 1;
        self.failures.push(failure);
    }

    /// Right where it holds.
    pub fn check(&mut self, group: &str, holds: bool, failure: impl FnOnce() -> String) {
        if holds {
            self.right(group);
        } else {
            self.failed(group, failure());
        }
    }

    /// Holds an answer against a case.
    pub fn judge(
        &mut self,
        group: &str,
        case: &Case,
        policy: &str,
        must: Must,
        found: Result<Mat<f64>>,
    ) {
        let place = format!("{group}: {} [{policy}]", case.name);
        match (found, must) {
            (Ok(_), Must::Error) => {
                self.failed(group, format!("{place}: expected an error, found numbers"));
            }
            (Ok(found), Must::Unknowable) => {
                self.check(
                    &format!("{group}, unknowable"),
                    found.is_all_finite(),
                    || format!("{place}: a number that is not finite"),
                );
            }
            (Ok(found), _) => match case.error_of(found.as_ref()) {
                error if error <= case.tolerance => self.right(group),
                error => {
                    let (limit, rule) = (case.tolerance, "wrong number");
                    self.failed(
                        group,
                        format!("{place}: {rule}: error {error:.1e}, expected up to {limit:.0e}"),
                    );
                }
            },
            (Err(error), Must::Right) => {
                self.failed(group, format!("{place}: expected numbers, found {error}"));
            }
            (Err(error), _) if is_about_the_spectrum(&error) => self.refused(group),
            (Err(error), _) => {
                self.failed(group, format!("{place}: an error of another kind: {error}"));
            }
        }
    }

    pub fn finish(self) {
        for (group, [right, refused, failed]) in &self.counts {
            println!("{group}: {right} right, {refused} refused, {failed} failed");
        }
        assert!(
            self.failures.is_empty(),
            "{} answers are neither right nor a fitting error:\n{}",
            self.failures.len(),
            self.failures.join("\n")
        );
    }
}

pub fn is_about_the_spectrum(error: &Error) -> bool {
    matches!(
        error,
        Error::GapClosed { .. }
            | Error::RankDeficient { .. }
            | Error::NotDifferentiable { .. }
            | Error::OutsideDomain { .. }
    )
}

// The file.

/// Close to the expected matrix, relative, Frobenius.
pub fn check_close(
    report: &mut Report,
    group: &str,
    place: &str,
    found: Result<Mat<f64>>,
    expected: &Mat<f64>,
    limit: f64,
) {
    match found {
        Ok(found) => {
            let error = relative_error(found.as_ref(), expected.as_ref());
            report.check(group, error <= limit, || {
                format!(
                    "{group}: {place}: wrong number: error {error:.1e}, expected up to {limit:.0e}"
                )
            });
        }
        Err(error) => report.failed(
            group,
            format!("{group}: {place}: expected numbers, found {error}"),
        ),
    }
}
