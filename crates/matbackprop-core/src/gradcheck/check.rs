//! Directional central differences of fourth order.

use crate::error::{Error, Result};
use crate::gaussian::gaussian;
use crate::guard::ensure_shape;
use crate::symmetric::{inner, sym};
use faer::{Mat, MatRef, Scale};

/// The neighbours of an input that are inputs too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Perturbation {
    /// Any matrix of the shape.
    General,
    /// Symmetric matrices.
    Symmetric,
}

/// How a derivative is checked.
///
/// ```text
/// f′(x)·ẋ ≈ ( 8 (f(x + hẋ) − f(x − hẋ)) − (f(x + 2hẋ) − f(x − 2hẋ)) ) / 12h,   error O(h⁴)
/// ```
///
/// # Conventions
/// ẋ has standard normal entries times the largest magnitude in x, so `step` = h is relative. An error is relative to
/// the larger of the two numbers compared, or, where both are small by cancellation, to 10⁻³ of the norms multiplied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientCheck {
    /// Relative step h.
    pub step: f64,
    /// Largest accepted relative error.
    pub tolerance: f64,
    /// Number of random directions.
    pub directions: usize,
    /// Seed of the directions and cotangents.
    pub seed: u64,
    /// Where the directions point.
    pub perturbation: Perturbation,
}

impl Default for GradientCheck {
    /// Step 1e-4, tolerance 1e-8, three directions, general perturbations.
    fn default() -> Self {
        Self {
            step: 1e-4,
            tolerance: 1e-8,
            directions: 3,
            seed: 0,
            perturbation: Perturbation::General,
        }
    }
}

impl GradientCheck {
    /// The default among symmetric matrices.
    pub fn symmetric() -> Self {
        Self {
            perturbation: Perturbation::Symmetric,
            ..Self::default()
        }
    }

    /// Seeds away from the small ones that tests give their inputs: a direction must not be the input's own noise.
    fn stream(&self, index: u64) -> u64 {
        0xd1ec_7104_0000_0000 ^ (self.seed << 8) ^ index
    }

    fn direction(&self, x: MatRef<'_, f64>, direction: usize) -> Mat<f64> {
        let size = if x.norm_max() > 0.0 {
            x.norm_max()
        } else {
            1.0
        };
        let noise = gaussian(x.nrows(), x.ncols(), self.stream(2 * direction as u64));
        let noise = match self.perturbation {
            Perturbation::General => noise,
            Perturbation::Symmetric => sym(noise.as_ref()),
        };
        Scale(size) * noise
    }

    fn cotangent(&self, y: MatRef<'_, f64>, direction: usize) -> Mat<f64> {
        gaussian(y.nrows(), y.ncols(), self.stream(2 * direction as u64 + 1))
    }

    /// f′(x)·ẋ by differences.
    fn difference<E>(
        &self,
        f: &impl Fn(MatRef<'_, f64>) -> std::result::Result<Mat<f64>, E>,
        x: MatRef<'_, f64>,
        x_dot: MatRef<'_, f64>,
    ) -> std::result::Result<Mat<f64>, E> {
        let h = self.step;
        let at = |t: f64| f((x + Scale(t) * x_dot).as_ref());
        let near = at(h)? - at(-h)?;
        let far = at(2.0 * h)? - at(-2.0 * h)?;
        Ok(Scale((12.0 * h).recip()) * (Scale(8.0) * near - far))
    }

    fn judge(&self, op: &'static str, direction: usize, difference: f64, size: f64) -> Result<()> {
        let relative_error = if difference == 0.0 {
            0.0
        } else {
            difference / size
        };
        // Written so that NaN fails.
        if relative_error <= self.tolerance {
            Ok(())
        } else {
            Err(Error::GradientMismatch {
                op,
                direction,
                relative_error,
                tolerance: self.tolerance,
            })
        }
    }
}

/// Holds a pullback against differences: ⟨ȳ, f′(x)·ẋ⟩ = ⟨x̄, ẋ⟩ for random ȳ and ẋ, x̄ = `vjp(ȳ)`.
///
/// # Errors
/// [`Error::GradientMismatch`] at the first direction whose error exceeds the tolerance;
/// [`Error::ShapeMismatch`] unless x̄ has the shape of x; any error of `f` and `vjp`.
///
/// # Cost
/// Four evaluations of `f` a direction.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::{Mat, MatRef};
/// use matbackprop_core::gradcheck::{GradientCheck, check_vjp, gaussian};
///
/// // y = xᵀx, x̄ = x (ȳ + ȳᵀ)
/// let x = gaussian(4, 3, 1);
/// let f = |x: MatRef<'_, f64>| Ok::<_, matbackprop_core::Error>(x.transpose() * x);
/// let vjp = |y_bar: MatRef<'_, f64>| Ok(&x * (y_bar + y_bar.transpose()));
/// check_vjp(f, vjp, x.as_ref(), &GradientCheck::default())
/// # }
/// ```
pub fn check_vjp<E: From<Error>>(
    f: impl Fn(MatRef<'_, f64>) -> std::result::Result<Mat<f64>, E>,
    vjp: impl Fn(MatRef<'_, f64>) -> std::result::Result<Mat<f64>, E>,
    x: MatRef<'_, f64>,
    check: &GradientCheck,
) -> std::result::Result<(), E> {
    let y = f(x)?;
    for direction in 0..check.directions {
        let x_dot = check.direction(x, direction);
        let y_bar = check.cotangent(y.as_ref(), direction);
        let y_dot = check.difference(&f, x, x_dot.as_ref())?;
        let x_bar = vjp(y_bar.as_ref())?;
        ensure_shape("check_vjp", x_bar.as_ref(), x.shape())?;
        let expected = inner(y_bar.as_ref(), y_dot.as_ref());
        let found = inner(x_bar.as_ref(), x_dot.as_ref());
        let norms = y_bar.norm_l2() * y_dot.norm_l2() + x_bar.norm_l2() * x_dot.norm_l2();
        let size = expected.abs().max(found.abs()).max(1e-3 * norms);
        check.judge("check_vjp", direction, (expected - found).abs(), size)?;
    }
    Ok(())
}

/// Holds a pushforward against differences: f′(x)·ẋ = `jvp(ẋ)` for random ẋ, in the Frobenius norm.
///
/// # Errors
/// As [`check_vjp`].
pub fn check_jvp<E: From<Error>>(
    f: impl Fn(MatRef<'_, f64>) -> std::result::Result<Mat<f64>, E>,
    jvp: impl Fn(MatRef<'_, f64>) -> std::result::Result<Mat<f64>, E>,
    x: MatRef<'_, f64>,
    check: &GradientCheck,
) -> std::result::Result<(), E> {
    for direction in 0..check.directions {
        let x_dot = check.direction(x, direction);
        let expected = check.difference(&f, x, x_dot.as_ref())?;
        let found = jvp(x_dot.as_ref())?;
        ensure_shape("check_jvp", found.as_ref(), expected.shape())?;
        let size = expected.norm_l2().max(found.norm_l2());
        check.judge("check_jvp", direction, (&expected - &found).norm_l2(), size)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    /// y = x³ entrywise, x̄ = 3x² ȳ.
    fn cube(x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)].powi(3)))
    }

    fn slope(x: MatRef<'_, f64>, bar: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
            3.0 * x[(i, j)].powi(2) * bar[(i, j)]
        })
    }

    #[test]
    fn accepts_the_derivative_at_any_size() {
        for size in [1e-20, 1.0, 1e20] {
            let x = Scale(size) * gaussian(3, 4, 9);
            let check = GradientCheck {
                tolerance: 1e-10,
                ..GradientCheck::default()
            };
            check_vjp(
                cube,
                |y_bar| Ok(slope(x.as_ref(), y_bar)),
                x.as_ref(),
                &check,
            )
            .unwrap();
            check_jvp(
                cube,
                |x_dot| Ok(slope(x.as_ref(), x_dot)),
                x.as_ref(),
                &check,
            )
            .unwrap();
        }
    }

    #[test]
    fn catches_an_error_of_one_in_a_million() {
        let x = gaussian(3, 4, 9);
        let wrong = |bar: MatRef<'_, f64>| Ok(Scale(1.0 + 1e-6) * slope(x.as_ref(), bar));
        let check = GradientCheck::default();
        let error = check_vjp(cube, wrong, x.as_ref(), &check).unwrap_err();
        assert!(
            matches!(
                error,
                Error::GradientMismatch {
                    op: "check_vjp",
                    direction: 0,
                    ..
                }
            ),
            "{error}"
        );
        let error = check_jvp(cube, wrong, x.as_ref(), &check).unwrap_err();
        assert!(
            matches!(
                error,
                Error::GradientMismatch {
                    op: "check_jvp",
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn nan_and_wrong_shapes_fail() {
        let x = mat![[1.0, 2.0]];
        let check = GradientCheck::default();
        let nan = |_: MatRef<'_, f64>| Ok(mat![[f64::NAN, 0.0]]);
        assert!(matches!(
            check_vjp(cube, nan, x.as_ref(), &check),
            Err(Error::NotFinite { .. })
        ));
        let transposed = |_: MatRef<'_, f64>| Ok(mat![[1.0], [2.0]]);
        assert!(matches!(
            check_jvp(cube, transposed, x.as_ref(), &check),
            Err(Error::ShapeMismatch { .. })
        ));
    }

    #[test]
    fn symmetric_directions_stay_symmetric() {
        // f refuses matrices that are not symmetric.
        let f = |x: MatRef<'_, f64>| {
            if x == x.transpose() {
                cube(x)
            } else {
                Err(Error::NotFinite { op: "f" })
            }
        };
        let x = mat![[1.0, 0.5], [0.5, -2.0]];
        check_vjp(
            f,
            |y_bar| Ok(slope(x.as_ref(), y_bar)),
            x.as_ref(),
            &GradientCheck::symmetric(),
        )
        .unwrap();
        let error = check_vjp(
            f,
            |y_bar| Ok(slope(x.as_ref(), y_bar)),
            x.as_ref(),
            &GradientCheck::default(),
        );
        assert_eq!(error, Err(Error::NotFinite { op: "f" }));
    }
}
