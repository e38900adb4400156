//! The meaning of a closed gap between two spectral values.
//!
//! The vectors of two equal values are free to rotate into each other, so a cotangent that distinguishes them has no
//! pullback. A cotangent that does not may still have a pullback that is not zero: the limit of x / gap as both vanish.
//! In a basis in general position, which `free_basis` makes, that limit is zero where the cotangent λ̄ of the values is
//! the same for both. Only this file divides by a difference of spectral values.

use crate::error::{Error, Result};
use crate::free_basis::EQUAL;
use crate::guard::ensure_above;
use faer::{Mat, MatRef};

/// In a basis in general position, a missing part shows far above this share of a cotangent, and rounding stays below.
const SHOWN: f64 = 1e-12;

/// A numerator between vectors that are not turned counts as zero up to this share of their cotangents.
const VANISHED: f64 = 4.0 * f64::EPSILON;

/// The policy where two spectral values are too close to distinguish their vectors.
///
/// ```text
/// open gap      x / gap
/// closed gap    0 where x vanishes and λ̄ does not distinguish the two values, else Error::GapClosed
/// Broadened     x · gap / (gap² + width²)      at every gap
/// ```
///
/// where x is the antisymmetric part of the cotangent that wants to rotate the two vectors.
///
/// # Conventions
/// Gaps, `floor` and `width` are relative to the largest magnitude of a spectral value; a gap up to 48 ε, ε = 2⁻⁵²,
/// is closed for any floor, and its vectors come in general position. There, 10⁻¹² of the cotangents counts as zero;
/// over a wider closed gap, 4 ε.
///
/// A loss that does not see the free rotation, and has no gradient across it, passes: principal components of data of
/// low rank, a subspace, a polar factor. One whose gradient there the cotangents do not show, as that of
/// ⟨G, V f(Λ) Vᵀ⟩, gets [`Error::GapClosed`], which names the rules that have it.
///
/// A loss that does see the rotation has no gradient there, and is refused where its cotangents show that it does. They do
/// not always: with A = diag(2, 2, 1), a loss may have the cotangents of another one that does not see the rotation. Then
/// numbers come back that mean nothing, as the loss itself depends on which vectors were found.
///
/// A cotangent of the values alone asks for no gap. Where values are equal and it distinguishes them, as that of λ_max
/// at I does, the result is the *limiting subgradient*: the gradient at matrices arbitrarily near, whose values
/// are distinct in the order of the vectors given, V diag(λ̄) Vᵀ.
///
/// Accuracy: x / gap loses the digits that x loses, so a gradient is right to about ε / gap.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum GapPolicy {
    /// A gap not above `floor` is closed.
    Error {
        /// Smallest gap that is divided by.
        floor: f64,
    },
    /// As `Error`, with a smaller share of the largest x that counts as zero, where rounding is mistrusted.
    ///
    /// A larger share than rounding is not taken: it would let wrong results through.
    ZeroWhereFree {
        /// Smallest gap that is divided by.
        floor: f64,
        /// Largest x that counts as zero, relative to the largest entry of the dividend.
        tolerance: f64,
    },
    /// The quotient is smoothed: not the gradient, but finite everywhere; biased at gaps comparable to `width`, bounded
    /// by 1 / (2 `width`).
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
    /// Gaps up to this count as closed; above it, a quotient is the quotient. `None` where each is smoothed.
    pub(crate) fn closed_up_to(self) -> Option<f64> {
        match self {
            Self::Error { floor } | Self::ZeroWhereFree { floor, .. } => Some(floor.max(EQUAL)),
            Self::Broadened { .. } => None,
        }
    }

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
#[derive(Clone, Debug)]
pub(crate) struct GapDivider {
    /// The rule that divides.
    pub(crate) op: &'static str,
    /// The rules that have a gradient where gaps are closed.
    pub(crate) instead: &'static str,
    /// The caller's choice.
    pub(crate) policy: GapPolicy,
    /// Norms of the dividends, a value each: of the cotangents of its vectors.
    pub(crate) sizes: Vec<f64>,
    /// The norm of all that has the units of a value's cotangent.
    pub(crate) values_size: f64,
}

impl GapDivider {
    /// `numerator / gap` for the gap between values `i` and `j`.
    ///
    /// `asked` is the difference of the cotangents of the two values.
    pub(crate) fn divide(
        &self,
        i: usize,
        j: usize,
        numerator: f64,
        gap: f64,
        asked: f64,
    ) -> Result<f64> {
        match self.policy {
            GapPolicy::Error { floor } | GapPolicy::ZeroWhereFree { floor, .. } => {
                let floor = floor.max(EQUAL);
                if gap.abs() > floor {
                    Ok(numerator / gap)
                } else if numerator.abs() <= self.vanishing(i, j, gap)
                    && asked <= self.share(SHOWN) * self.values_size.min(f64::MAX)
                {
                    Ok(0.0)
                } else {
                    Err(Error::GapClosed {
                        op: self.op,
                        i,
                        j,
                        gap: gap.abs(),
                        floor,
                        instead: self.instead,
                    })
                }
            }
            // The limit of the quotient; 0 / 0 where gap² and width² both underflow.
            GapPolicy::Broadened { .. } if gap == 0.0 => Ok(0.0),
            GapPolicy::Broadened { width } => Ok(numerator * gap / (gap * gap + width * width)),
        }
    }

    /// The largest numerator over a closed gap that counts as zero.
    fn vanishing(&self, i: usize, j: usize, gap: f64) -> f64 {
        // A norm may overflow where the entries do not.
        if gap.abs() <= EQUAL {
            let all = self.sizes.iter().fold(0.0, |all: f64, size| all.max(*size));
            self.share(SHOWN) * all.min(f64::MAX)
        } else {
            self.share(VANISHED) * self.sizes[i].max(self.sizes[j]).min(f64::MAX)
        }
    }

    /// A share, or the caller's where that is smaller.
    fn share(&self, share: f64) -> f64 {
        match self.policy {
            GapPolicy::ZeroWhereFree { tolerance, .. } => share.min(tolerance),
            _ => share,
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
        asked: impl Fn(usize, usize) -> f64,
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
                        *x = self.divide(i, j, *x, gap(values[i], own), asked(i, j))? / unit;
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
                smallest > floor.max(EQUAL)
            }
            GapPolicy::Broadened { .. } => false,
        }
    }
}

/// Norms of the columns of a cotangent.
pub(crate) fn column_norms(bar: MatRef<'_, f64>) -> Vec<f64> {
    bar.col_iter().map(|column| column.norm_l2()).collect()
}

/// By how much the cotangents of two values differ; not at all where there are none.
pub(crate) fn cotangent_difference(values_bar: Option<&[f64]>) -> impl Fn(usize, usize) -> f64 {
    move |i, j| values_bar.map_or(0.0, |bar| (0.5 * bar[i] - 0.5 * bar[j]).abs())
}

/// The largest magnitude in a list; zero where there is none.
pub(crate) fn largest_magnitude(values: Option<&[f64]>) -> f64 {
    let values = values.unwrap_or_default().iter();
    values.fold(0.0, |largest: f64, x| largest.max(x.abs()))
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    fn divider(policy: GapPolicy) -> GapDivider {
        GapDivider {
            op: "test",
            instead: "other rules have",
            policy,
            sizes: vec![2.0; 4],
            values_size: 1.0,
        }
    }

    /// The bound for zero in a cotangent of size 2, over a gap that is not turned.
    const ROUNDING: f64 = 2.0 * VANISHED;

    #[test]
    fn an_open_gap_is_divided_by() {
        for policy in [
            GapPolicy::Error { floor: 0.1 },
            GapPolicy::ZeroWhereFree {
                floor: 0.1,
                tolerance: 0.0,
            },
        ] {
            assert_eq!(divider(policy).divide(0, 1, 3.0, -0.5, 1.0), Ok(-6.0));
        }
        // 3 · 0.5 / (0.25 + 0.25)
        assert_eq!(
            divider(GapPolicy::Broadened { width: 0.5 }).divide(0, 1, 3.0, 0.5, 1.0),
            Ok(3.0)
        );
    }

    #[test]
    fn a_closed_gap_gives_zero_where_nothing_is_asked_and_an_error_elsewhere() {
        let closed = Err(Error::GapClosed {
            op: "test",
            i: 0,
            j: 1,
            gap: 0.1,
            floor: 0.1,
            instead: "other rules have",
        });
        let policy = GapPolicy::Error { floor: 0.1 };
        let divide = |x, asked| divider(policy).divide(0, 1, x, -0.1, asked);
        assert_eq!(divide(0.0, 0.0), Ok(0.0));
        assert_eq!(divide(ROUNDING, SHOWN), Ok(0.0));
        assert_eq!(divide(1.1 * ROUNDING, 0.0), closed);
        assert_eq!(divide(0.0, 1.1 * SHOWN), closed);
        // Between turned vectors the cotangents of the values decide.
        let turned = |x| divider(policy).divide(0, 1, x, 1e-15, 0.0);
        assert_eq!(turned(2.0 * SHOWN), Ok(0.0));
        assert!(turned(2.1 * SHOWN).is_err());
        // A tolerance of the caller's is taken where it is the stricter one.
        for (tolerance, passes) in [(1e-3, true), (1e-20, false)] {
            let policy = GapPolicy::ZeroWhereFree {
                floor: 0.1,
                tolerance,
            };
            let divided = divider(policy).divide(0, 1, ROUNDING, 0.1, 0.0);
            assert_eq!(divided.is_ok(), passes, "{tolerance}");
            let divided = divider(policy).divide(0, 1, 1e-9, 0.1, 0.0);
            assert!(divided.is_err(), "{tolerance}");
        }
        // A gap that is none, for any floor.
        let divided = divider(GapPolicy::Error { floor: 0.0 }).divide(0, 1, 1.0, 1e-15, 0.0);
        assert!(matches!(divided, Err(Error::GapClosed { .. })));
    }

    #[test]
    fn pairs_are_divided_as_their_entries_are() {
        let values = [0.0, 1.0, 1.0 + 1e-13, 4.0];
        for policy in [
            GapPolicy::Error { floor: 1e-14 },
            GapPolicy::ZeroWhereFree {
                floor: 1e-14,
                tolerance: 10.0,
            },
            GapPolicy::Broadened { width: 0.1 },
        ] {
            let mut x = Mat::from_fn(4, 4, |i, j| (1 + i + 2 * j) as f64);
            let before = x.clone();
            let gap = |row: f64, own: f64| own - row;
            divider(policy)
                .divide_pairs(&mut x, &values, gap, 2.0, |_, _| 1.0)
                .unwrap();
            for j in 0..4 {
                for i in 0..4 {
                    let gap = values[j] - values[i];
                    let divide = |x| divider(policy).divide(i, j, x, gap, 1.0).unwrap();
                    let expected = if i == j {
                        0.0
                    } else {
                        divide(before[(i, j)]) / 2.0
                    };
                    assert_eq!(x[(i, j)], expected, "{policy:?} {i} {j}");
                }
            }
        }
        let strict = divider(GapPolicy::Error { floor: 1e-12 });
        let divide = |mut x: Mat<f64>, asked: f64| {
            strict.divide_pairs(&mut x, &values, |a, b| b - a, 1.0, |_, _| asked)
        };
        let closed = divide(Mat::ones(4, 4), 0.0);
        assert!(matches!(closed, Err(Error::GapClosed { i: 2, j: 1, .. })));
        assert_eq!(divide(Mat::zeros(4, 4), 0.0), Ok(()));
        assert!(divide(Mat::zeros(4, 4), 1.0).is_err());
    }

    #[test]
    fn broadening_is_bounded_and_zero_at_zero() {
        let broadened = divider(GapPolicy::Broadened { width: 1e-3 });
        assert_eq!(broadened.divide(0, 1, 1.0, 0.0, 0.0), Ok(0.0));
        for exponent in -300..=0 {
            let quotient = broadened
                .divide(0, 1, 1.0, 10f64.powi(exponent), 0.0)
                .unwrap();
            assert!(
                (0.0..=500.0 * (1.0 + 1e-12)).contains(&quotient),
                "{exponent}: {quotient}"
            );
        }
    }

    #[test]
    fn refuses_numbers_that_mean_nothing() {
        let policy = GapPolicy::ZeroWhereFree {
            floor: 0.0,
            tolerance: f64::NAN,
        };
        refused! {
            GapPolicy::Error { floor: -1.0 }.validate("test") => Error::OutOfRange { .. },
            policy.validate("test") => Error::OutOfRange { .. },
            GapPolicy::Broadened { width: 0.0 }.validate("test") => Error::NotPositive { .. },
        }
        assert_eq!(GapPolicy::default().validate("test"), Ok(()));
    }
}
