//! The principal square root of a general square matrix.

use crate::decompose::RealSchur;
use crate::error::{Error, Result};
use crate::guard::{ensure_shape, ensure_square, within_range};
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::{SylvesterMap, ensure_regular, root_of_triangle};
use faer::{Mat, MatRef, Scale};

const OP: &str = "matrix square root";

/// X with X² = A and eigenvalues of positive real part, of a square A that need not be symmetric.
///
/// ```text
/// forward   A = Q T Qᵀ,  R² = T,  X = Q R Qᵀ
/// vjp       Xᵀ Ā + Ā Xᵀ = X̄
/// jvp       X Ẋ + Ẋ X = Ȧ
/// ```
///
/// # Shapes
/// A, X and their cotangents: n × n.
///
/// # Conventions
/// There is one such X where no eigenvalue of A is zero or a negative number; pairs of complex ones may lie anywhere else.
/// Repeated eigenvalues and missing eigenvectors cost nothing. How well X is known, and how close its derivative comes to
/// its end as eigenvalues come to zero or to the negative numbers, is the
/// [reciprocal condition](Self::reciprocal_condition) of the map M: Y ↦ X Y + Y X. For a symmetric A,
/// [`MatrixFunction`](crate::MatrixFunction) with [`Sqrt`](crate::Sqrt), which has values of singular A too.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`ShapeMismatch`](crate::Error::ShapeMismatch);
/// [`OutsideDomain`](crate::Error::OutsideDomain) with a negative eigenvalue: of A + ε I it is larger;
/// [`Singular`](crate::Error::Singular) where the reciprocal condition does not exceed 16 n ε, as at a zero eigenvalue;
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// About 25 n³ operations for the Schur factors, n³ for the root of T, 10 n³ a solve, and some ten such solves for the
/// condition; 5 n² numbers stored.
///
/// # Source
/// Björck and Hammarling, 1983; Higham, "Computing real square roots of a real matrix", 1987; by halves as Deadman,
/// Higham and Ralha, 2013.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::MatrixSqrt;
///
/// // Half of a turn by a right angle.
/// let root = MatrixSqrt::forward(mat![[0.0, -1.0], [1.0, 0.0]].as_ref())?;
/// let half = std::f64::consts::FRAC_1_SQRT_2;
/// assert!((root.value() - mat![[half, -half], [half, half]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MatrixSqrt {
    map: SylvesterMap,
    value: Mat<f64>,
}

impl MatrixSqrt {
    /// The root of A by its Schur form.
    ///
    /// # Errors
    /// See [`MatrixSqrt`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        let n = ensure_square(OP, a)?;
        let (scale, root_of_scale) = even_power_of_two(power_of_two_scale(a));
        let schur = RealSchur::new(OP, Scaled::new(a, scale).as_ref())?;
        let floor = n as f64 * f64::EPSILON * schur.triangle.norm_l2();
        let mut root = schur.triangle;
        root_of_triangle(root.as_mut(), floor).map_err(|value| Error::OutsideDomain {
            op: OP,
            value: value * scale,
        })?;
        let x = &schur.vectors * &root * schur.vectors.transpose();
        let factors = (schur.vectors, root);
        let map = SylvesterMap::new(factors.clone(), factors, root_of_scale);
        ensure_regular(OP, 2 * n, map.reciprocal_condition())?;
        Ok(Self {
            map,
            value: within_range(OP, Scale(root_of_scale) * x)?,
        })
    }

    /// U and the root R of the triangle, of A / scale.
    pub(crate) fn factors(&self) -> [MatRef<'_, f64>; 2] {
        let [u, root, ..] = self.map.factors();
        [u, root]
    }

    /// The way back alone, from [`factors`](Self::factors) of A; root and condition number are not there.
    pub(crate) fn from_factors(a: MatRef<'_, f64>, [u, root]: [Mat<f64>; 2]) -> Self {
        let (_, root_of_scale) = even_power_of_two(power_of_two_scale(a));
        let factors = (u, root);
        Self {
            value: Mat::zeros(a.nrows(), a.ncols()),
            map: SylvesterMap::from_factors(factors.clone(), factors, root_of_scale),
        }
    }

    /// The root X, n × n.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.value.as_ref()
    }

    /// An estimate, mostly within a factor of three and never too small, of 1 / (‖M⁻¹‖ 2‖X‖).
    pub fn reciprocal_condition(&self) -> f64 {
        self.map.reciprocal_condition()
    }

    /// Ā from X̄.
    ///
    /// # Errors
    /// See [`MatrixSqrt`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless X̄ is n × n.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, value_bar, self.value.shape())?;
        self.map.solve_transposed(OP, value_bar)
    }

    /// Ẋ from Ȧ.
    ///
    /// # Errors
    /// See [`MatrixSqrt`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, a_dot, self.value.shape())?;
        self.map.solve(OP, a_dot)
    }
}

/// A power of four from a power of two, and its root; 1 stays.
fn even_power_of_two(scale: f64) -> (f64, f64) {
    let half = (scale.log2() / 2.0).trunc() as i32;
    (2f64.powi(2 * half), 2f64.powi(half))
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::function::{MatrixFunction, Sqrt};
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::mat;

    fn of(a: &Mat<f64>) -> MatrixSqrt {
        MatrixSqrt::forward(a.as_ref()).unwrap()
    }

    /// 1 × 1, general, complex pairs on either side, a Jordan block, a multiple of one, symmetric.
    fn cases() -> Vec<Mat<f64>> {
        let shifted = |n: usize, shift: f64| {
            gaussian(n, n, n as u64) + Scale(shift) * Mat::<f64>::identity(n, n)
        };
        vec![
            mat![[0.49]],
            shifted(4, 4.0),
            shifted(7, 6.0),
            mat![[-1.0, 4.0], [-2.0, -1.0]],
            mat![[0.0, -1.0], [1.0, 0.0]],
            mat![[4.0, 1.0, 0.0], [0.0, 4.0, 1.0], [0.0, 0.0, 4.0]],
            Scale(9.0) * Mat::<f64>::identity(3, 3),
            symmetric_with_spectrum(&[1.0, 1.0, 3.0, 0.3], 1),
        ]
    }

    #[test]
    fn a_shear_by_hand() {
        // The root of (4 4; 0 4) is (2 1; 0 2).
        let rule = of(&mat![[4.0, 4.0], [0.0, 4.0]]);
        assert!((rule.value() - mat![[2.0, 1.0], [0.0, 2.0]]).norm_max() < 1e-15);
        // X Ẋ + Ẋ X = E₁₁ + E₂₂ for Ẋ = (¼ −⅛; 0 ¼): the root of (5 4; 0 5) to first order.
        let dot = rule.jvp(Mat::<f64>::identity(2, 2).as_ref()).unwrap();
        assert!((dot - mat![[0.25, -0.125], [0.0, 0.25]]).norm_max() < 1e-15);
        // The gradient of x₁₂: ⟨E₁₂, L(E₁₂)⟩ = ¼, ⟨E₁₂, L(E₁₁)⟩ = ⟨E₁₂, L(E₂₂)⟩ = −1/16.
        let a_bar = rule.vjp(mat![[0.0, 1.0], [0.0, 0.0]].as_ref()).unwrap();
        assert!((a_bar[(0, 1)] - 0.25).abs() < 1e-15);
        assert!((a_bar[(0, 0)] + 0.0625).abs() < 1e-15);
        assert!((a_bar[(1, 1)] + 0.0625).abs() < 1e-15);
    }

    #[test]
    fn squares_to_its_input() {
        for a in cases() {
            let rule = of(&a);
            let error = (rule.value() * rule.value() - &a).norm_l2() / a.norm_l2();
            assert!(error < 1e-14 / rule.reciprocal_condition(), "{error:e}");
            assert!(rule.reciprocal_condition() > 1e-3);
        }
        for n in [20, 65, 130] {
            let a = gaussian(n, n, 1) + Scale(3.0 * (n as f64).sqrt()) * Mat::<f64>::identity(n, n);
            let rule = of(&a);
            let error = (rule.value() * rule.value() - &a).norm_l2() / a.norm_l2();
            assert!(error < 1e-13, "{n}: {error:e}");
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        for a in cases() {
            let rule = of(&a);
            let value = |a: MatRef<'_, f64>| Ok::<_, Error>(MatrixSqrt::forward(a)?.value);
            let check = GradientCheck {
                step: 3e-5,
                ..GradientCheck::default()
            };
            check_vjp(value, |bar| rule.vjp(bar), a.as_ref(), &check).unwrap();
            check_jvp(value, |dot| rule.jvp(dot), a.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for a in cases() {
            let n = a.nrows();
            let (bar, dot) = (gaussian(n, n, 1), gaussian(n, n, 2));
            let rule = of(&a);
            let pulled = rule.vjp(bar.as_ref()).unwrap();
            let pushed = rule.jvp(dot.as_ref()).unwrap();
            let forward = inner(bar.as_ref(), pushed.as_ref());
            let back = inner(pulled.as_ref(), dot.as_ref());
            let size = pulled.norm_l2() * dot.norm_l2();
            assert!((forward - back).abs() < 1e-13 * size, "{forward} {back}");
        }
    }

    #[test]
    fn agrees_with_the_function_of_a_symmetric_matrix() {
        let a = symmetric_with_spectrum(&[1.0, 1.0, 3.0, 0.3], 1);
        let (general, e) = (of(&a), gaussian(4, 4, 1));
        let symmetric = MatrixFunction::forward(a.as_ref(), Sqrt).unwrap();
        assert!((general.value() - symmetric.value()).norm_max() < 1e-14);
        let e = &e + e.transpose();
        let (dot, other) = (general.jvp(e.as_ref()), symmetric.jvp(e.as_ref()));
        assert!((dot.unwrap() - other.unwrap()).norm_max() < 1e-14);
    }

    #[test]
    fn the_rule_scales_with_its_input() {
        for a in cases() {
            let n = a.nrows();
            let bar = gaussian(n, n, 1);
            let plain = of(&a);
            let plain_bar = plain.vjp(bar.as_ref()).unwrap();
            for power in [-250, -249, 249, 250] {
                let (root, size) = (2f64.powi(power), 2f64.powi(2 * power));
                let rule = of(&(Scale(size) * &a));
                let error = (Scale(root.recip()) * rule.value() - plain.value()).norm_l2();
                assert!(error < 1e-13 * plain.value().norm_l2(), "{power}");
                let error = (Scale(root) * rule.vjp(bar.as_ref()).unwrap() - &plain_bar).norm_l2();
                assert!(error < 1e-13 * plain_bar.norm_l2(), "{power}");
            }
        }
        for size in [5e-324, 1e-310, 1e300, f64::MAX] {
            let root = of(&mat![[size]]).value()[(0, 0)];
            assert!((root / size.sqrt() - 1.0).abs() < 1e-15, "{size:e}");
        }
    }

    #[test]
    fn the_gradient_grows_as_an_eigenvalue_closes_until_it_is_refused() {
        for smallest in [1e-2, 1e-6, 1e-12] {
            let rule = of(&mat![[1.0, 0.0], [0.0, smallest]]);
            let a_bar = rule.vjp(mat![[0.0, 0.0], [0.0, 1.0]].as_ref()).unwrap();
            assert!((a_bar[(1, 1)] * 2.0 * smallest.sqrt() - 1.0).abs() < 1e-15);
        }
        for a in [
            mat![[0.0]],
            Mat::zeros(3, 3),
            mat![[1.0, 1.0], [0.0, 0.0]],
            mat![[0.0, 1.0], [0.0, 0.0]],
            // Eigenvalues −1 ± 10⁻⁸ i·10⁻⁸: the root's are ± i within rounding.
            mat![[-1.0, 1.0], [-1e-32, -1.0]],
        ] {
            let error = MatrixSqrt::forward(a.as_ref()).unwrap_err();
            assert!(
                matches!(error, Error::Singular { reciprocal_condition, floor, .. }
                    if reciprocal_condition <= floor),
                "{error}"
            );
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| MatrixSqrt::forward(a.as_ref());
        let rule = of(&mat![[1e-300]]);
        let (wrong, nan) = (Mat::zeros(2, 2), mat![[f64::NAN]]);
        let large = mat![[1e200]];
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { rows: 2, columns: 3, .. },
            forward(Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { op: OP },
            forward(mat![[-4.0]]) => Error::OutsideDomain { op: OP, value: -4.0 },
            forward(mat![[1.0, 3.0], [0.0, -1e300]]) => Error::OutsideDomain { value: -1e300, .. },
            forward(mat![[-1.0, 0.0], [0.0, -1.0]]) => Error::OutsideDomain { value: -1.0, .. },
            rule.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.vjp(nan.as_ref()) => Error::NotFinite { .. },
            rule.jvp(nan.as_ref()) => Error::NotFinite { .. },
            rule.vjp(large.as_ref()) => Error::Overflow { op: OP },
            rule.jvp(large.as_ref()) => Error::Overflow { op: OP },
        }
    }
}
