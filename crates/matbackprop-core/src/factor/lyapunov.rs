//! A symmetric linear equation between matrices.

use crate::decompose::RealSchur;
use crate::error::Result;
use crate::guard::{ensure_shape, ensure_square, within_range};
use crate::products::add_product;
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::{SylvesterMap, ensure_regular};
use crate::symmetric::{ensure_symmetric, sym};
use faer::{Mat, MatRef, Scale};

const OP: &str = "Lyapunov equation";

/// The symmetric X of A X + X Aᵀ = C, for a symmetric C and any A.
///
/// ```text
/// forward   A X + X Aᵀ = C
/// vjp       Aᵀ C̄ + C̄ A = sym(X̄),  Ā = −2 C̄ X
/// jvp       A Ẋ + Ẋ Aᵀ = sym(Ċ) − Ȧ X − X Ȧᵀ
/// ```
///
/// # Shapes
/// A, C, X and their cotangents: n × n.
///
/// # Conventions
/// C̄ is symmetric. In control, A X + X Aᵀ + Q = 0 is the same with C = −Q; the stationary covariance of
/// dx = −A x dt + dw has C = I. There is one X where no two eigenvalues of A, nor one twice, add up to zero; X is positive
/// definite where C is and all of them have positive real parts. Repeated eigenvalues cost nothing. Where A = H^½ is
/// symmetric positive definite, X is the derivative of the square root at H along C. For a C that is not symmetric there is
/// [`Sylvester`](crate::Sylvester) with B = Aᵀ.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) of C beyond rounding, [`ShapeMismatch`](crate::Error::ShapeMismatch),
/// [`Singular`](crate::Error::Singular) where the [reciprocal condition](Self::reciprocal_condition) does not exceed
/// 16 n ε: two eigenvalues add up to zero within rounding; [`NoConvergence`](crate::Error::NoConvergence),
/// [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// About 25 n³ operations for the Schur factors, 10 n³ a solve, and some ten such solves for the condition; 5 n² numbers
/// stored. An A that is symmetric to the last bit goes by its eigenvalues, in a third of the time.
///
/// # Source
/// Bartels and Stewart, 1972, as [`Sylvester`](crate::Sylvester), with one Schur form for both sides.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::Lyapunov;
///
/// let (a, c) = (mat![[1.0, 1.0], [0.0, 2.0]], mat![[4.0, 3.0], [3.0, 4.0]]);
/// let lyapunov = Lyapunov::forward(a.as_ref(), c.as_ref())?;
/// let x = lyapunov.solution();
/// assert!((&a * x + x * a.transpose() - c).norm_max() < 1e-14);
/// // The gradient of x₂₂ = c₂₂ / 2 a₂₂.
/// let bar = lyapunov.vjp(mat![[0.0, 0.0], [0.0, 1.0]].as_ref())?;
/// assert!((bar.c - mat![[0.0, 0.0], [0.0, 0.25]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Lyapunov {
    map: SylvesterMap,
    solution: Mat<f64>,
}

/// The result of [`Lyapunov::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LyapunovCotangent {
    /// Ā, n × n.
    pub a: Mat<f64>,
    /// C̄, n × n, symmetric.
    pub c: Mat<f64>,
}

impl Lyapunov {
    /// Factors A, and solves for C.
    ///
    /// # Errors
    /// See [`Lyapunov`].
    pub fn forward(a: MatRef<'_, f64>, c: MatRef<'_, f64>) -> Result<Self> {
        let n = ensure_square(OP, a)?;
        ensure_shape(OP, c, (n, n))?;
        ensure_symmetric(OP, c)?;
        let scale = power_of_two_scale(a);
        let schur = RealSchur::new(OP, Scaled::new(a, scale).as_ref())?;
        let back = schur.transposed();
        let map = SylvesterMap::new(
            (schur.vectors, schur.triangle),
            (back.vectors, back.triangle),
            scale,
        );
        ensure_regular(OP, 2 * n, map.reciprocal_condition())?;
        let solution = sym(map.solve(OP, sym(c).as_ref())?.as_ref());
        Ok(Self { map, solution })
    }

    /// U and T of A / scale, and X.
    pub(crate) fn factors(&self) -> [MatRef<'_, f64>; 3] {
        let [u, t, ..] = self.map.factors();
        [u, t, self.solution.as_ref()]
    }

    /// The way back alone, from [`factors`](Self::factors) of A; the condition number is not there.
    pub(crate) fn from_factors(
        a: MatRef<'_, f64>,
        [vectors, triangle, solution]: [Mat<f64>; 3],
    ) -> Self {
        let schur = RealSchur { vectors, triangle };
        let back = schur.transposed();
        let map = SylvesterMap::from_factors(
            (schur.vectors, schur.triangle),
            (back.vectors, back.triangle),
            power_of_two_scale(a),
        );
        Self { map, solution }
    }

    /// The solution X, n × n, symmetric.
    pub fn solution(&self) -> MatRef<'_, f64> {
        self.solution.as_ref()
    }

    /// How well X is known: its relative error is about ε over this number, an estimate that is mostly within a factor of
    /// three and never too small, of 1 / (‖M⁻¹‖ 2‖A‖) for the map M: X ↦ A X + X Aᵀ.
    pub fn reciprocal_condition(&self) -> f64 {
        self.map.reciprocal_condition()
    }

    /// Ā and C̄ from X̄, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`Lyapunov`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless X̄ is n × n.
    pub fn vjp(&self, solution_bar: MatRef<'_, f64>) -> Result<LyapunovCotangent> {
        ensure_shape(OP, solution_bar, self.map.shape())?;
        let c = self.map.solve_transposed(OP, sym(solution_bar).as_ref())?;
        let c = sym(c.as_ref());
        let a = within_range(OP, Scale(-2.0) * (&c * &self.solution))?;
        Ok(LyapunovCotangent { a, c })
    }

    /// Ẋ from Ȧ and Ċ, whose symmetric part counts; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`Lyapunov`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        c_dot: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        let (n, _) = self.map.shape();
        let mut moved = match c_dot {
            Some(c_dot) => {
                ensure_shape(OP, c_dot, (n, n))?;
                sym(c_dot)
            }
            None => Mat::zeros(n, n),
        };
        if let Some(a_dot) = a_dot {
            ensure_shape(OP, a_dot, (n, n))?;
            add_product(moved.as_mut(), -1.0, a_dot, &self.solution);
            add_product(moved.as_mut(), -1.0, &self.solution, a_dot.transpose());
        }
        let moved = within_range(OP, moved)?;
        Ok(sym(self.map.solve(OP, moved.as_ref())?.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::factor::Sylvester;
    use crate::function::{MatrixFunction, Sqrt};
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::mat;

    /// 1 × 1, complex pairs, a Jordan block, repeated and all equal, symmetric, of either sign.
    fn cases() -> Vec<Mat<f64>> {
        let shifted = |n: usize, shift: f64| {
            gaussian(n, n, n as u64) + Scale(shift) * Mat::<f64>::identity(n, n)
        };
        vec![
            mat![[0.7]],
            mat![[-0.7]],
            mat![[1.0, -3.0], [2.0, 1.0]],
            shifted(5, 4.0),
            shifted(8, -5.0),
            mat![[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 2.0]],
            Scale(2.0) * Mat::<f64>::identity(3, 3),
            symmetric_with_spectrum(&[1.0, 1.0, 3.0, 0.3], 1),
            symmetric_with_spectrum(&[1.0, 2.0, -3.0], 1),
        ]
    }

    fn symmetric(n: usize, seed: u64) -> Mat<f64> {
        sym(gaussian(n, n, seed).as_ref())
    }

    fn of(a: &Mat<f64>, c: &Mat<f64>) -> Result<Lyapunov> {
        Lyapunov::forward(a.as_ref(), c.as_ref())
    }

    #[test]
    fn two_by_two_by_hand() {
        // X = I for C = A + Aᵀ. C̄ of X̄ = E₂₂: Aᵀ C̄ + C̄ A = E₂₂ has C̄ = E₂₂ / 4; Ā = −2 C̄.
        let a = mat![[1.0, 1.0], [0.0, 2.0]];
        let rule = of(&a, &mat![[2.0, 1.0], [1.0, 4.0]]).unwrap();
        assert!((rule.solution() - Mat::<f64>::identity(2, 2)).norm_max() < 1e-15);
        let bar = rule.vjp(mat![[0.0, 0.0], [0.0, 1.0]].as_ref()).unwrap();
        assert!((bar.c - mat![[0.0, 0.0], [0.0, 0.25]]).norm_max() < 1e-16);
        assert!((bar.a - mat![[0.0, 0.0], [0.0, -0.5]]).norm_max() < 1e-16);
        // Along Ȧ = A: Ẋ = −X.
        let dot = rule.jvp(Some(a.as_ref()), None).unwrap();
        assert!((dot + Mat::<f64>::identity(2, 2)).norm_max() < 1e-15);
    }

    #[test]
    fn solves_the_equation_as_the_general_rule_does() {
        for a in cases() {
            let n = a.nrows();
            let x = symmetric(n, 9);
            let c = sym((&a * &x + &x * a.transpose()).as_ref());
            let rule = of(&a, &c).unwrap();
            assert_eq!(rule.solution(), rule.solution().transpose());
            let condition = rule.reciprocal_condition();
            assert!(condition > 1e-3, "{condition:e}");
            let bound = 16.0 * n as f64 * f64::EPSILON / condition * x.norm_l2();
            assert!((rule.solution() - &x).norm_l2() < bound);
            let general = Sylvester::forward(a.as_ref(), a.transpose(), c.as_ref()).unwrap();
            assert!((general.solution() - &x).norm_l2() < bound);
            let bar = symmetric(n, 1);
            let (own, other) = (
                rule.vjp(bar.as_ref()).unwrap(),
                general.vjp(bar.as_ref()).unwrap(),
            );
            assert!((&own.c - other.c).norm_l2() < bound * own.c.norm_l2());
            let both = other.a + other.b.transpose();
            assert!((&own.a - both).norm_l2() < bound * own.a.norm_l2());
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        for a in cases() {
            let n = a.nrows();
            let c = symmetric(n, 9);
            let rule = of(&a, &c).unwrap();
            let of_a =
                |a: MatRef<'_, f64>| Ok::<_, Error>(Lyapunov::forward(a, c.as_ref())?.solution);
            let of_c = |c: MatRef<'_, f64>| {
                Ok::<_, Error>(Lyapunov::forward(a.as_ref(), sym(c).as_ref())?.solution)
            };
            let check = GradientCheck::default();
            check_vjp(of_a, |bar| Ok(rule.vjp(bar)?.a), a.as_ref(), &check).unwrap();
            check_vjp(of_c, |bar| Ok(rule.vjp(bar)?.c), c.as_ref(), &check).unwrap();
            check_jvp(of_a, |dot| rule.jvp(Some(dot), None), a.as_ref(), &check).unwrap();
            check_jvp(of_c, |dot| rule.jvp(None, Some(dot)), c.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for a in cases() {
            let n = a.nrows();
            let rule = of(&a, &symmetric(n, 9)).unwrap();
            let (bar, a_dot, c_dot) = (gaussian(n, n, 1), gaussian(n, n, 2), gaussian(n, n, 3));
            let pulled = rule.vjp(bar.as_ref()).unwrap();
            assert_eq!(pulled.c, pulled.c.transpose());
            let pushed = rule
                .jvp(Some(a_dot.as_ref()), Some(c_dot.as_ref()))
                .unwrap();
            let forward = inner(bar.as_ref(), pushed.as_ref());
            let back =
                inner(pulled.a.as_ref(), a_dot.as_ref()) + inner(pulled.c.as_ref(), c_dot.as_ref());
            let size = n as f64 * (pulled.a.norm_l2() + pulled.c.norm_l2());
            assert!((forward - back).abs() < 1e-12 * size, "{forward} {back}");
            assert_eq!(rule.jvp(None, None).unwrap(), Mat::<f64>::zeros(n, n));
        }
    }

    #[test]
    fn is_the_derivative_of_the_square_root() {
        let root = symmetric_with_spectrum(&[1.0, 1.0, 0.5, 2.0], 3);
        let c = symmetric(4, 1);
        let square = sym((&root * &root).as_ref());
        let function = MatrixFunction::forward(square.as_ref(), Sqrt).unwrap();
        let expected = function.jvp(c.as_ref()).unwrap();
        let rule = of(&root, &c).unwrap();
        assert!((rule.solution() - expected).norm_max() < 1e-14);
    }

    #[test]
    fn the_rule_scales_with_its_input() {
        for a in cases() {
            let n = a.nrows();
            let (c, bar) = (symmetric(n, 9), symmetric(n, 1));
            let plain = of(&a, &c).unwrap();
            let plain_bar = plain.vjp(bar.as_ref()).unwrap();
            for size in [2f64.powi(-500), 2f64.powi(500)] {
                let rule = of(&(Scale(size) * &a), &c).unwrap();
                let error = (Scale(size) * rule.solution() - plain.solution()).norm_l2();
                assert!(error < 1e-12 * plain.solution().norm_l2(), "{size:e}");
                let scaled = rule.vjp(bar.as_ref()).unwrap();
                let error = (Scale(size) * (Scale(size) * scaled.a) - &plain_bar.a).norm_l2();
                assert!(error < 1e-12 * plain_bar.a.norm_l2(), "{size:e}");
            }
        }
    }

    #[test]
    fn eigenvalues_that_add_up_to_zero_are_refused_with_the_condition() {
        for gap in [1e-3, 1e-9, 1e-12] {
            let a = mat![[1.0, 0.0], [0.0, gap - 1.0]];
            let rule = of(&a, &Mat::full(2, 2, 1.0)).unwrap();
            let expected = 1.0 / (1.0 + (gap - 1.0));
            assert!((rule.solution()[(0, 1)] / expected - 1.0).abs() < 1e-15);
            assert!(rule.reciprocal_condition() < gap);
        }
        for a in [
            mat![[0.0]],
            Mat::zeros(3, 3),
            mat![[0.0, -2.0], [2.0, 0.0]],
            symmetric_with_spectrum(&[1.0, -1.0, 3.0], 2),
        ] {
            let error = of(&a, &Mat::full(a.nrows(), a.nrows(), 1.0)).unwrap_err();
            assert!(
                matches!(error, Error::Singular { op: OP, reciprocal_condition, floor }
                    if reciprocal_condition <= floor),
                "{error}"
            );
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let one = mat![[1.0]];
        let wrong = Mat::zeros(2, 3);
        let nan = mat![[f64::NAN]];
        let turn = mat![[1.0, -1.0], [1.0, 1.0]];
        refused! {
            of(&wrong, &one) => Error::NotSquare { rows: 2, columns: 3, .. },
            of(&Mat::zeros(0, 0), &one) => Error::Empty { .. },
            of(&one, &wrong) => Error::ShapeMismatch { expected: (1, 1), .. },
            of(&turn, &turn) => Error::NotSymmetric { op: OP, .. },
            of(&nan, &one) => Error::NotFinite { op: OP },
            of(&one, &nan) => Error::NotFinite { op: OP },
            of(&mat![[1e-200]], &mat![[1e200]]) => Error::Overflow { op: OP },
        }
        let rule = of(&mat![[1e-200]], &one).unwrap();
        refused! {
            rule.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.jvp(Some(wrong.as_ref()), None) => Error::ShapeMismatch { .. },
            rule.jvp(None, Some(wrong.as_ref())) => Error::ShapeMismatch { .. },
            rule.vjp(nan.as_ref()) => Error::NotFinite { .. },
            rule.jvp(Some(nan.as_ref()), None) => Error::NotFinite { .. },
            rule.jvp(None, Some(nan.as_ref())) => Error::NotFinite { .. },
            rule.vjp(one.as_ref()) => Error::Overflow { op: OP },
            rule.jvp(Some(one.as_ref()), None) => Error::Overflow { op: OP },
        }
    }
}
