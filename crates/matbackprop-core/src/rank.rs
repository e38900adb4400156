//! How many singular values count, and by which method they were found.

use crate::error::{Error, Result};

/// The singular values above this times the largest count towards a rank.
///
/// # Conventions
/// Features that were rounded to f32 carry noise at 1e-7 of the largest singular value: to see their rank rather than
/// the noise, ask for `Relative(1e-6)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")
)]
#[non_exhaustive]
pub enum RankTolerance {
    /// 8 · max(m, n) · ε with ε = 2⁻⁵²: the rounding error of a decomposition, with room to spare.
    #[default]
    MachinePrecision,
    /// The fraction itself, in [0, 1).
    Relative(f64),
}

impl RankTolerance {
    /// The fraction for an m × n matrix.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless the fraction lies in [0, 1).
    pub fn fraction(self, m: usize, n: usize) -> Result<f64> {
        match self {
            Self::MachinePrecision => Ok((8.0 * m.max(n) as f64 * f64::EPSILON).min(0.5)),
            Self::Relative(value) if (0.0..1.0).contains(&value) => Ok(value),
            Self::Relative(value) => Err(Error::OutOfRange {
                op: "rank tolerance",
                value,
                low: 0.0,
                high: 1.0,
            }),
        }
    }
}

/// How a spectrum was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// From AᵀA: fast, and taken only where squaring costs no accuracy that matters.
    Gram,
    /// From the singular value decomposition of A.
    Svd,
    /// From that decomposition, corrected in twice the precision: every singular value to its last digit, however small.
    Refined,
}

/// The number of values above `fraction` times the largest; none of a zero matrix.
pub(crate) fn count_above(singular_values: &[f64], fraction: f64) -> usize {
    let largest = singular_values.iter().copied().fold(0.0, f64::max);
    singular_values
        .iter()
        .filter(|&&value| value > fraction * largest)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_values_above_the_fraction() {
        assert_eq!(count_above(&[4.0, 2.0, 1.0], 0.25), 2);
        assert_eq!(count_above(&[4.0, 2.0, 1.0], 0.0), 3);
        assert_eq!(count_above(&[0.0, 0.0], 0.0), 0);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn names_in_files_are_in_kebab_case() {
        let of = |text| serde_json::from_str::<RankTolerance>(text).unwrap();
        assert_eq!(
            of(r#""machine-precision""#),
            RankTolerance::MachinePrecision
        );
        assert_eq!(of(r#"{"relative": 1e-6}"#), RankTolerance::Relative(1e-6));
        let policy = crate::GapPolicy::ZeroWhereFree {
            floor: 1e-9,
            tolerance: 0.5,
        };
        let text = r#"{"zero-where-free":{"floor":1e-9,"tolerance":0.5}}"#;
        assert_eq!(serde_json::to_string(&policy).unwrap(), text);
        assert_eq!(
            serde_json::from_str::<crate::GapPolicy>(text).unwrap(),
            policy
        );
    }

    #[test]
    fn the_default_grows_with_the_matrix() {
        let fraction = RankTolerance::default().fraction(2400, 128).unwrap();
        assert_eq!(fraction, 8.0 * 2400.0 * f64::EPSILON);
        for value in [-0.1, 1.0, f64::NAN] {
            assert!(matches!(
                RankTolerance::Relative(value).fraction(1, 1),
                Err(Error::OutOfRange { .. })
            ));
        }
    }
}
