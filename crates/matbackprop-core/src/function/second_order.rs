//! The second derivative of a function of a symmetric matrix, in its eigenbasis.

use crate::error::{Error, Result};
use crate::products::mirror_lower;
use faer::Mat;

/// Pairs further apart than this share of the largest eigenvalue take the product form, which loses the reciprocal
/// times ε.
const SEPARATION: f64 = 1.0 / 16.0;

/// A quotient of table entries that agree to more than this share is not taken.
const CANCELLATION: f64 = 1.0 / 16.0;

/// Eigenvalues and their table of f[λᵢ, λⱼ].
pub(super) struct Spectrum<'a, S> {
    pub(super) op: &'static str,
    /// f[a, b, c], where it is known.
    pub(super) second: S,
    /// λ, nondecreasing.
    pub(super) values: &'a [f64],
    pub(super) differences: &'a Mat<f64>,
}

impl<S: Fn(f64, f64, f64) -> Option<f64>> Spectrum<'_, S> {
    /// Hᵢⱼ = Σₖ f[λᵢ, λₖ, λⱼ] (Xᵢₖ Yₖⱼ + Yᵢₖ Xₖⱼ) for symmetric X and Y.
    pub(super) fn second_derivative(&self, x: &Mat<f64>, y: &Mat<f64>) -> Result<Mat<f64>> {
        let n = self.values.len();
        let largest = self.values[0].abs().max(self.values[n - 1].abs());
        self.separated_beyond(SEPARATION * largest, x, y)
    }

    fn separated_beyond(&self, separation: f64, x: &Mat<f64>, y: &Mat<f64>) -> Result<Mat<f64>> {
        let n = self.values.len();
        // f[λᵢ, λₖ, λⱼ] = (f[λᵢ, λₖ] − f[λₖ, λⱼ]) / (λᵢ − λⱼ), so H is (P∘X) Y + (P∘Y) X − X (P∘Y) − Y (P∘X) over the gaps.
        // The two products that are subtracted are the transposes of those that are added.
        let (px, py) = (self.weighted(x), self.weighted(y));
        let products = px * y + py * x;
        let mut second = vec![0.0; n];
        let mut h = Mat::zeros(n, n);
        for j in 0..n {
            for i in j..n {
                let gap = self.values[i] - self.values[j];
                h[(i, j)] = if gap > separation {
                    (products[(i, j)] - products[(j, i)]) / gap
                } else {
                    self.second_differences(j, i, &mut second)?;
                    let (x_i, x_j) = (x.col_as_slice(i), x.col_as_slice(j));
                    let (y_i, y_j) = (y.col_as_slice(i), y.col_as_slice(j));
                    (0..n)
                        .map(|k| second[k] * (x_i[k] * y_j[k] + y_i[k] * x_j[k]))
                        .sum()
                };
            }
        }
        mirror_lower(h.as_mut());
        Ok(h)
    }

    /// P ∘ X.
    pub(super) fn weighted(&self, x: &Mat<f64>) -> Mat<f64> {
        Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
            self.differences[(i, j)] * x[(i, j)]
        })
    }

    /// f[λᵢ, λₖ, λⱼ] of all k, i ≤ j: a quotient over the widest of the three gaps, of two numbers that the table has.
    fn second_differences(&self, i: usize, j: usize, second: &mut [f64]) -> Result<()> {
        let (values, between) = (self.values, self.differences[(i, j)]);
        let (with_i, with_j) = (
            self.differences.col_as_slice(i),
            self.differences.col_as_slice(j),
        );
        let of_table = |left: f64, right: f64, gap: f64| {
            let rise = right - left;
            if rise.abs() < CANCELLATION * left.abs().max(right.abs()) {
                f64::NAN
            } else {
                rise / gap
            }
        };
        for k in 0..i {
            second[k] = of_table(with_i[k], between, values[j] - values[k]);
        }
        for k in i..j {
            second[k] = of_table(with_i[k], with_j[k], values[j] - values[i]);
        }
        for k in j..second.len() {
            second[k] = of_table(between, with_j[k], values[k] - values[i]);
        }
        for k in 0..second.len() {
            // Cancellation, and 0 / 0 where all three are equal.
            if !second[k].is_finite() {
                second[k] = self.directly(values[i], values[k], values[j])?;
            }
        }
        Ok(())
    }

    fn directly(&self, a: f64, b: f64, c: f64) -> Result<f64> {
        let op = self.op;
        match (self.second)(a, b, c) {
            Some(second) if second.is_finite() => Ok(second),
            Some(_) => Err(Error::NotDifferentiable { op, value: b }),
            None => Err(Error::CurvatureUnknown { op }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::ScalarFunction;
    use crate::function::divided_difference::second;
    use crate::function::scalar::{Exp, Inverse, Log, Power, Sqrt, WithSlope};
    use crate::gradcheck::gaussian;
    use crate::symmetric::sym;

    /// The sum as it is written, every term on its own.
    fn by_definition(
        f: &dyn ScalarFunction,
        values: &[f64],
        x: &Mat<f64>,
        y: &Mat<f64>,
    ) -> Mat<f64> {
        let n = values.len();
        Mat::from_fn(n, n, |i, j| {
            (0..n)
                .map(|k| {
                    let second = f.second_divided_difference(values[i], values[k], values[j]);
                    second.unwrap() * (x[(i, k)] * y[(k, j)] + y[(i, k)] * x[(k, j)])
                })
                .sum()
        })
    }

    #[test]
    fn every_method_gives_the_sum_of_the_definition() {
        let cube = WithSlope::new(|x| x * x * x, |x| 3.0 * x * x).with_curvature(|x| 6.0 * x);
        let functions: [(&str, &dyn ScalarFunction); 6] = [
            ("log", &Log),
            ("sqrt", &Sqrt),
            ("inverse", &Inverse),
            ("exp", &Exp),
            ("power", &Power { exponent: 0.3 }),
            ("cube", &cube),
        ];
        for values in [
            &[0.7][..],
            &[1.0, 2.0, 3.0, 4.0, 5.0],
            &[2.0, 2.0, 2.0],
            &[1.0, 2.0, 2.0, 2.0 + 1e-14, 2.0 + 1e-9, 2.1, 7.0],
            &[1e-12, 2e-12, 1e-6, 0.3, 0.3 + 1e-15, 1.0],
            &[1e-3, 1e-2, 1.1e-2, 0.5, 0.6, 0.7, 1.0],
        ] {
            let n = values.len();
            let x = sym(gaussian(n, n, 1).as_ref());
            let y = sym(gaussian(n, n, 2).as_ref());
            for (name, f) in functions {
                let differences = f.divided_differences(values);
                let spectrum = Spectrum {
                    op: "test",
                    second: |a, b, c| f.second_divided_difference(a, b, c),
                    values,
                    differences: &differences,
                };
                let expected = by_definition(f, values, &x, &y);
                for separation in [SEPARATION * values[n - 1], f64::INFINITY] {
                    let found = spectrum.separated_beyond(separation, &x, &y).unwrap();
                    let error = (&found - &expected).norm_max();
                    // Sixteen times a few ε, n terms.
                    let tolerance = 2e-14 * expected.norm_max();
                    assert!(
                        error <= tolerance,
                        "{name}, {values:?}: {error:e} of {tolerance:e}"
                    );
                    assert_eq!(found, found.transpose());
                }
            }
        }
    }

    #[test]
    fn table_quotients_are_taken_over_the_widest_gap() {
        // 3 is far from the close pair: only 2, 2, 2 + 10⁻¹⁴ and their like ask for a curvature.
        let asked = std::cell::Cell::new(0);
        let f = WithSlope::new(f64::exp, f64::exp).with_curvature(|x: f64| {
            asked.set(asked.get() + 1);
            x.exp()
        });
        let values = [2.0, 3.0, 5.0];
        let differences = f.divided_differences(&values);
        let spectrum = Spectrum {
            op: "test",
            second: |a, b, c| f.second_divided_difference(a, b, c),
            values: &values,
            differences: &differences,
        };
        let mut found = [0.0; 3];
        spectrum.second_differences(0, 1, &mut found).unwrap();
        assert_eq!(asked.get(), 0);
        for (found, c) in found.iter().zip(values) {
            let expected = Exp.second_divided_difference(2.0, 3.0, c).unwrap();
            assert!(
                (found / expected - 1.0).abs() < 1e-14,
                "{found} for {expected}"
            );
            assert!(
                second(
                    |a, b| f.divided_difference(a, b),
                    |x| Some(x.exp()),
                    [2.0, 3.0, c]
                )
                .is_some()
            );
        }
        spectrum.second_differences(1, 1, &mut found).unwrap();
        assert!(asked.get() > 0);
    }

    #[test]
    fn says_what_is_missing() {
        let values = [1.0, 2.0];
        let x = Mat::<f64>::identity(2, 2);
        let f = WithSlope::new(f64::exp, f64::exp);
        let differences = f.divided_differences(&values);
        let spectrum = Spectrum {
            op: "test",
            second: |a, b, c| f.second_divided_difference(a, b, c),
            values: &values,
            differences: &differences,
        };
        assert_eq!(
            spectrum.second_derivative(&x, &x),
            Err(Error::CurvatureUnknown { op: "test" })
        );
        let f = f.with_curvature(|_| f64::INFINITY);
        let spectrum = Spectrum {
            op: "test",
            second: |a, b, c| f.second_divided_difference(a, b, c),
            values: &values,
            differences: &differences,
        };
        assert!(matches!(
            spectrum.second_derivative(&x, &x),
            Err(Error::NotDifferentiable { op: "test", .. })
        ));
    }
}
