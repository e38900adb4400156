//! What a closed gap between two spectral values means.
//!
//! The vectors of two equal values are free to rotate into each other, so a cotangent that tells them apart has no
//! pullback. Only this file divides by a difference of spectral values.

use crate::error::{Error, Result};
use crate::guard::ensure_above;
use faer::Mat;

/// What to do where two spectral values are too close to tell their vectors apart.
///
/// ```text
/// open gap      x / gap
/// Broadened     x · gap / (gap² + width²)      at every gap
/// ```
///
/// where x is the antisymmetric part of the cotangent that wants to rotate the two vectors.
///
/// # Conventions
/// Gaps, `floor` and `width` are relative to the largest magnitude of a spectral value; `tolerance` to the largest
/// entry of what is divided. No policy turns an infinity into zero in silence.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GapPolicy {
    /// A gap not above `floor` is [`Error::GapClosed`].
    Error {
        /// Smallest accepted gap.
        floor: f64,
    },
    /// A gap not above `floor` contributes zero where nothing asks to rotate its two vectors, as every loss that does
    /// not see the free rotation guarantees; elsewhere it is [`Error::GapClosed`].
    ZeroWhereFree {
        /// Smallest gap that is divided by.
        floor: f64,
        /// Largest x that counts as zero.
        tolerance: f64,
    },
    /// The quotient is smoothed: biased at gaps comparable to `width`, bounded by 1 / (2 `width`) everywhere.
    Broadened {
        /// Half-width of the smoothing.
        width: f64,
    },
}

impl Default for GapPolicy {
    /// `Error` with a floor of 1e-12.
    fn default() -> Self {
        Self::Error { floor: 1e-12 }
    }
}

impl GapPolicy {
    /// Are the numbers of this policy usable?
    pub(crate) fn validate(self, op: &'static str) -> Result<()> {
        let non_negative = |value: f64| {
            if value.is_finite() && value >= 0.0 {
                Ok(())
            } else {
                Err(Error::OutOfRange {
                    op,
                    value,
                    low: 0.0,
                    high: f64::INFINITY,
                })
            }
        };
        match self {
            Self::Error { floor } => non_negative(floor),
            Self::ZeroWhereFree { floor, tolerance } => {
                non_negative(floor)?;
                non_negative(tolerance)
            }
            Self::Broadened { width } => ensure_above(op, width, 0.0),
        }
    }
}

/// Divides by gaps, the way the caller chose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GapDivider {
    /// The rule that divides.
    pub(crate) op: &'static str,
    /// The caller's choice.
    pub(crate) policy: GapPolicy,
    /// Largest entry of what is divided.
    pub(crate) magnitude: f64,
}

impl GapDivider {
    /// `numerator / gap` for the gap between values `i` and `j`.
    pub(crate) fn divide(&self, i: usize, j: usize, numerator: f64, gap: f64) -> Result<f64> {
        let closed = |floor| Error::GapClosed {
            op: self.op,
            i,
            j,
            gap: gap.abs(),
            floor,
        };
        match self.policy {
            GapPolicy::Error { floor } | GapPolicy::ZeroWhereFree { floor, .. }
                if gap.abs() > floor =>
            {
                Ok(numerator / gap)
            }
            GapPolicy::Error { floor } => Err(closed(floor)),
            GapPolicy::ZeroWhereFree { tolerance, .. }
                if numerator.abs() <= tolerance * self.magnitude =>
            {
                Ok(0.0)
            }
            GapPolicy::ZeroWhereFree { floor, .. } => Err(closed(floor)),
            // The limit of the quotient; 0 / 0 where gap² and width² both underflow.
            GapPolicy::Broadened { .. } if gap == 0.0 => Ok(0.0),
            GapPolicy::Broadened { width } => Ok(numerator * gap / (gap * gap + width * width)),
        }
    }

    /// X ← X / gap / `unit` for the gaps of each pair of `values`, row and column, with zeros on the diagonal.
    ///
    /// Columns whose gaps are all open are divided without asking entry by entry.
    pub(crate) fn divide_pairs(
        &self,
        x: &mut Mat<f64>,
        values: &[f64],
        gap: impl Fn(f64, f64) -> f64,
        unit: f64,
    ) -> Result<()> {
        for (j, &own) in values.iter().enumerate() {
            let column = x.col_as_slice_mut(j);
            column[j] = 0.0;
            let others = [0..j, j + 1..values.len()];
            for places in others {
                let (column, rows) = (&mut column[places.clone()], &values[places.clone()]);
                if self.all_open(rows.iter().map(|&row| gap(row, own))) {
                    for (x, &row) in column.iter_mut().zip(rows) {
                        *x = *x / gap(row, own) / unit;
                    }
                } else {
                    for (i, x) in places.zip(column) {
                        *x = self.divide(i, j, *x, gap(values[i], own))? / unit;
                    }
                }
            }
        }
        Ok(())
    }

    /// Does the policy divide by every one of these gaps as it is?
    fn all_open(&self, gaps: impl Iterator<Item = f64>) -> bool {
        match self.policy {
            GapPolicy::Error { floor } | GapPolicy::ZeroWhereFree { floor, .. } => {
                let mut smallest = f64::INFINITY;
                for gap in gaps {
                    let gap = gap.abs();
                    smallest = if gap < smallest { gap } else { smallest };
                }
                smallest > floor
            }
            GapPolicy::Broadened { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divider(policy: GapPolicy) -> GapDivider {
        GapDivider {
            op: "test",
            policy,
            magnitude: 2.0,
        }
    }

    #[test]
    fn an_open_gap_is_divided_by() {
        for policy in [
            GapPolicy::Error { floor: 0.1 },
            GapPolicy::ZeroWhereFree {
                floor: 0.1,
                tolerance: 0.0,
            },
        ] {
            assert_eq!(divider(policy).divide(0, 1, 3.0, -0.5), Ok(-6.0));
        }
        // 3 · 0.5 / (0.25 + 0.25)
        assert_eq!(
            divider(GapPolicy::Broadened { width: 0.5 }).divide(0, 1, 3.0, 0.5),
            Ok(3.0)
        );
    }

    #[test]
    fn a_closed_gap_is_what_the_caller_said() {
        let closed = Err(Error::GapClosed {
            op: "test",
            i: 0,
            j: 1,
            gap: 0.1,
            floor: 0.1,
        });
        assert_eq!(
            divider(GapPolicy::Error { floor: 0.1 }).divide(0, 1, 0.0, -0.1),
            closed
        );
        let zero_where_free = divider(GapPolicy::ZeroWhereFree {
            floor: 0.1,
            tolerance: 1e-3,
        });
        assert_eq!(zero_where_free.divide(0, 1, 2e-3, 0.1), Ok(0.0));
        assert_eq!(zero_where_free.divide(0, 1, 2.1e-3, 0.1), closed);
    }

    #[test]
    fn pairs_are_divided_as_their_entries_are() {
        let values = [0.0, 1.0, 1.0 + 1e-13, 4.0];
        for policy in [
            GapPolicy::Error { floor: 1e-14 },
            GapPolicy::ZeroWhereFree {
                floor: 1e-12,
                tolerance: 10.0,
            },
            GapPolicy::Broadened { width: 0.1 },
        ] {
            let mut x = Mat::from_fn(4, 4, |i, j| (1 + i + 2 * j) as f64);
            let before = x.clone();
            let gap = |row: f64, own: f64| own - row;
            divider(policy)
                .divide_pairs(&mut x, &values, gap, 2.0)
                .unwrap();
            for j in 0..4 {
                for i in 0..4 {
                    let gap = values[j] - values[i];
                    let expected = if i == j {
                        0.0
                    } else {
                        divider(policy).divide(i, j, before[(i, j)], gap).unwrap() / 2.0
                    };
                    assert_eq!(x[(i, j)], expected, "{policy:?} {i} {j}");
                }
            }
        }
        let strict = divider(GapPolicy::Error { floor: 1e-12 });
        let closed = strict.divide_pairs(&mut Mat::ones(4, 4), &values, |a, b| b - a, 1.0);
        assert!(matches!(closed, Err(Error::GapClosed { i: 2, j: 1, .. })));
    }

    #[test]
    fn broadening_is_bounded_and_zero_at_zero() {
        let broadened = divider(GapPolicy::Broadened { width: 1e-3 });
        assert_eq!(broadened.divide(0, 1, 1.0, 0.0), Ok(0.0));
        for exponent in -300..=0 {
            let quotient = broadened.divide(0, 1, 1.0, 10f64.powi(exponent)).unwrap();
            assert!(
                (0.0..=500.0 * (1.0 + 1e-12)).contains(&quotient),
                "{exponent}: {quotient}"
            );
        }
    }

    #[test]
    fn refuses_numbers_that_mean_nothing() {
        assert!(matches!(
            GapPolicy::Error { floor: -1.0 }.validate("test"),
            Err(Error::OutOfRange { .. })
        ));
        let policy = GapPolicy::ZeroWhereFree {
            floor: 0.0,
            tolerance: f64::NAN,
        };
        assert!(matches!(
            policy.validate("test"),
            Err(Error::OutOfRange { .. })
        ));
        assert!(matches!(
            GapPolicy::Broadened { width: 0.0 }.validate("test"),
            Err(Error::NotPositive { .. })
        ));
        assert_eq!(GapPolicy::default().validate("test"), Ok(()));
    }
}
