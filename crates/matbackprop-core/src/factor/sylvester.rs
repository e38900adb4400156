//! A linear equation between matrices.

use crate::decompose::RealSchur;
use crate::error::Result;
use crate::guard::{ensure_shape, ensure_square, within_range};
use crate::products::add_product;
use crate::scale::power_of_two_scale;
use crate::solve::{SylvesterMap, ensure_regular};
use faer::{Mat, MatRef, Scale};

const OP: &str = "Sylvester equation";

/// X of A X + X B = C.
///
/// ```text
/// forward   A X + X B = C
/// vjp       Aᵀ C̄ + C̄ Bᵀ = X̄,  Ā = −C̄ Xᵀ,  B̄ = −Xᵀ C̄
/// jvp       A Ẋ + Ẋ B = Ċ − Ȧ X − X Ḃ
/// ```
///
/// # Shapes
/// A, Ā: m × m; B, B̄: n × n; C, X and their cotangents: m × n.
///
/// # Conventions
/// There is one X where no eigenvalue of A is the negative of one of B. How close they come is measured for the map
/// M: X ↦ A X + X B by the [reciprocal condition](Self::reciprocal_condition) 1 / (‖M⁻¹‖ (‖A‖ + ‖B‖)), between the Schur
/// bases: it also counts eigenvectors that are nearly dependent. Repeated eigenvalues of A, of B or of both cost nothing.
/// For B = Aᵀ and a symmetric C there is [`Lyapunov`](crate::Lyapunov), for B = 0 and a symmetric A
/// [`SymmetricSolve`](crate::SymmetricSolve).
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless C is m × n,
/// [`Singular`](crate::Error::Singular) where the reciprocal condition does not exceed 8 (m + n) ε: A and −B have a common
/// eigenvalue within rounding; [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// About 25 (m³ + n³) operations for the Schur factors, 5 m n (m + n) a solve, and some ten such solves for the
/// condition; 2 (m² + n²) + m n numbers stored. A or B that is symmetric to the last bit goes by its eigenvalues, in a third of
/// the time.
///
/// # Source
/// Bartels and Stewart, "Solution of the matrix equation AX + XB = C", 1972; triangles by halves as Jonsson and Kågström,
/// 2002; the estimate as Higham, 1993.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::Sylvester;
///
/// let (a, b) = (mat![[1.0, 1.0], [0.0, 2.0]], mat![[3.0]]);
/// let sylvester = Sylvester::forward(a.as_ref(), b.as_ref(), mat![[6.0], [10.0]].as_ref())?;
/// assert!((sylvester.solution() - mat![[1.0], [2.0]]).norm_max() < 1e-15);
/// // The gradient of x₁: B scales the whole of X.
/// let bar = sylvester.vjp(mat![[1.0], [0.0]].as_ref())?;
/// assert!((bar.c - mat![[0.25], [-0.05]]).norm_max() < 1e-16);
/// assert!((bar.b[(0, 0)] + 0.15).abs() < 1e-16);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Sylvester {
    map: SylvesterMap,
    solution: Mat<f64>,
}

/// The result of [`Sylvester::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SylvesterCotangent {
    /// Ā, m × m.
    pub a: Mat<f64>,
    /// B̄, n × n.
    pub b: Mat<f64>,
    /// C̄, m × n.
    pub c: Mat<f64>,
}

impl Sylvester {
    /// Factors A and B, and solves for C.
    ///
    /// # Errors
    /// See [`Sylvester`].
    pub fn forward(a: MatRef<'_, f64>, b: MatRef<'_, f64>, c: MatRef<'_, f64>) -> Result<Self> {
        let (m, n) = (ensure_square(OP, a)?, ensure_square(OP, b)?);
        ensure_shape(OP, c, (m, n))?;
        let scale = scale_of_both(a, b);
        let schur = |a: MatRef<'_, f64>| {
            RealSchur::new(OP, (Scale(scale.recip()) * a).as_ref())
                .map(|schur| (schur.vectors, schur.triangle))
        };
        let map = SylvesterMap::new(schur(a)?, schur(b)?, scale);
        ensure_regular(OP, m + n, map.reciprocal_condition())?;
        let solution = map.solve(OP, c)?;
        Ok(Self { map, solution })
    }

    /// U and T of A / scale, V and S of B / scale, and X.
    pub(crate) fn factors(&self) -> [MatRef<'_, f64>; 5] {
        let [u, t, v, s] = self.map.factors();
        [u, t, v, s, self.solution.as_ref()]
    }

    /// The way back alone, from [`factors`](Self::factors) of A and B; the condition number is not there.
    pub(crate) fn from_factors(
        (a, b): (MatRef<'_, f64>, MatRef<'_, f64>),
        [u, t, v, s, solution]: [Mat<f64>; 5],
    ) -> Self {
        Self {
            map: SylvesterMap::from_factors((u, t), (v, s), scale_of_both(a, b)),
            solution,
        }
    }

    /// The solution X, m × n.
    pub fn solution(&self) -> MatRef<'_, f64> {
        self.solution.as_ref()
    }

    /// How well X is known: its relative error is about ε over this number, an estimate that is mostly within a factor of
    /// three and never too small.
    pub fn reciprocal_condition(&self) -> f64 {
        self.map.reciprocal_condition()
    }

    /// Ā, B̄ and C̄ from X̄.
    ///
    /// # Errors
    /// See [`Sylvester`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless X̄ is m × n.
    pub fn vjp(&self, solution_bar: MatRef<'_, f64>) -> Result<SylvesterCotangent> {
        ensure_shape(OP, solution_bar, self.map.shape())?;
        let c = self.map.solve_transposed(OP, solution_bar)?;
        let a = within_range(OP, -&c * self.solution.transpose())?;
        let b = within_range(OP, -self.solution.transpose() * &c)?;
        Ok(SylvesterCotangent { a, b, c })
    }

    /// Ẋ from Ȧ, Ḃ and Ċ; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`Sylvester`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
        c_dot: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        let (m, n) = self.map.shape();
        let mut moved = match c_dot {
            Some(c_dot) => {
                ensure_shape(OP, c_dot, (m, n))?;
                c_dot.to_owned()
            }
            None => Mat::zeros(m, n),
        };
        if let Some(a_dot) = a_dot {
            ensure_shape(OP, a_dot, (m, m))?;
            add_product(moved.as_mut(), -1.0, a_dot, &self.solution);
        }
        if let Some(b_dot) = b_dot {
            ensure_shape(OP, b_dot, (n, n))?;
            add_product(moved.as_mut(), -1.0, &self.solution, b_dot);
        }
        self.map.solve(OP, within_range(OP, moved)?.as_ref())
    }
}

/// The power of two that brings the larger of A and B to order one.
fn scale_of_both(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    let larger = if a.norm_max() >= b.norm_max() { a } else { b };
    power_of_two_scale(larger)
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum, with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::mat;

    fn of(a: &Mat<f64>, b: &Mat<f64>, c: &Mat<f64>) -> Result<Sylvester> {
        Sylvester::forward(a.as_ref(), b.as_ref(), c.as_ref())
    }

    fn jordan(n: usize, value: f64) -> Mat<f64> {
        Mat::from_fn(n, n, |i, j| match j.wrapping_sub(i) {
            0 => value,
            1 => 1.0,
            _ => 0.0,
        })
    }

    /// A and B: 1 × 1, tall, wide, square; complex, defective, repeated, symmetric, a zero B.
    fn cases() -> Vec<(Mat<f64>, Mat<f64>)> {
        let shifted = |n: usize, shift: f64, seed: u64| {
            gaussian(n, n, seed) + Scale(shift) * Mat::<f64>::identity(n, n)
        };
        vec![
            (mat![[0.7]], mat![[0.5]]),
            (shifted(5, 4.0, 1), mat![[2.0]]),
            (mat![[2.0]], shifted(4, 4.0, 2)),
            (shifted(6, 5.0, 3), shifted(3, 3.0, 4)),
            (shifted(3, 3.0, 5), shifted(7, 5.0, 6)),
            (shifted(5, 0.0, 7), shifted(5, 9.0, 8)),
            (mat![[0.0, -3.0], [2.0, 0.0]], mat![[1.0, -3.0], [2.0, 1.0]]),
            (jordan(4, 1.0), jordan(3, 0.5)),
            (
                Scale(2.0) * Mat::<f64>::identity(3, 3),
                Scale(2.0) * Mat::<f64>::identity(3, 3),
            ),
            (
                symmetric_with_spectrum(&[1.0, 1.0, 3.0], 1),
                symmetric_with_spectrum(&[2.0, 0.5], 2),
            ),
            (
                with_spectrum(4, 4, &[3.0, 2.0, 1.0, 0.5], 3),
                Mat::zeros(2, 2),
            ),
        ]
    }

    #[test]
    fn two_by_one_by_hand() {
        // (1 1; 0 2) x + 3 x = (6, 10): x = (1, 2).
        let (a, b) = (mat![[1.0, 1.0], [0.0, 2.0]], mat![[3.0]]);
        let rule = of(&a, &b, &mat![[6.0], [10.0]]).unwrap();
        assert!((rule.solution() - mat![[1.0], [2.0]]).norm_max() < 1e-15);
        // (Aᵀ + 3) c̄ = (20, 10): c̄ = (5, 1); Ā = −c̄ xᵀ, B̄ = −xᵀ c̄ = −7.
        let bar = rule.vjp(mat![[20.0], [10.0]].as_ref()).unwrap();
        assert!((bar.c - mat![[5.0], [1.0]]).norm_max() < 1e-14);
        assert!((bar.a - mat![[-5.0, -10.0], [-1.0, -2.0]]).norm_max() < 1e-14);
        assert!((bar.b - mat![[-7.0]]).norm_max() < 1e-14);
        // Along Ḃ = 20: (A + 3) ẋ = −20 (1, 2), ẋ₂ = −8, ẋ₁ = (−20 + 8) / 4.
        let dot = rule.jvp(None, Some(mat![[20.0]].as_ref()), None).unwrap();
        assert!((dot - mat![[-3.0], [-8.0]]).norm_max() < 1e-14);
    }

    #[test]
    fn solves_the_equation_and_knows_its_condition() {
        for (a, b) in cases() {
            let (m, n) = (a.nrows(), b.nrows());
            let x = gaussian(m, n, 9);
            let c = &a * &x + &x * &b;
            let rule = of(&a, &b, &c).unwrap();
            let condition = rule.reciprocal_condition();
            assert!(condition > 1e-4 && condition <= 1.0, "{condition:e}");
            let error = (rule.solution() - &x).norm_l2() / x.norm_l2();
            let bound = 8.0 * (m + n) as f64 * f64::EPSILON / condition;
            assert!(error < bound, "{m} × {n}: {error:e} of {bound:e}");
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        let check = GradientCheck {
            step: 1e-4,
            ..GradientCheck::default()
        };
        for (a, b) in cases() {
            let c = gaussian(a.nrows(), b.nrows(), 9);
            let rule = of(&a, &b, &c).unwrap();
            let of_a = |a: MatRef<'_, f64>| {
                let rule = Sylvester::forward(a, b.as_ref(), c.as_ref())?;
                Ok::<_, Error>(rule.solution)
            };
            let of_b = |b: MatRef<'_, f64>| {
                let rule = Sylvester::forward(a.as_ref(), b, c.as_ref())?;
                Ok::<_, Error>(rule.solution)
            };
            let of_c = |c: MatRef<'_, f64>| {
                let rule = Sylvester::forward(a.as_ref(), b.as_ref(), c)?;
                Ok::<_, Error>(rule.solution)
            };
            check_vjp(of_a, |bar| Ok(rule.vjp(bar)?.a), a.as_ref(), &check).unwrap();
            check_vjp(of_b, |bar| Ok(rule.vjp(bar)?.b), b.as_ref(), &check).unwrap();
            check_vjp(of_c, |bar| Ok(rule.vjp(bar)?.c), c.as_ref(), &check).unwrap();
            check_jvp(
                of_a,
                |dot| rule.jvp(Some(dot), None, None),
                a.as_ref(),
                &check,
            )
            .unwrap();
            check_jvp(
                of_b,
                |dot| rule.jvp(None, Some(dot), None),
                b.as_ref(),
                &check,
            )
            .unwrap();
            check_jvp(
                of_c,
                |dot| rule.jvp(None, None, Some(dot)),
                c.as_ref(),
                &check,
            )
            .unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for (a, b) in cases() {
            let (m, n) = (a.nrows(), b.nrows());
            let rule = of(&a, &b, &gaussian(m, n, 9)).unwrap();
            let bar = gaussian(m, n, 1);
            let dots = (gaussian(m, m, 2), gaussian(n, n, 3), gaussian(m, n, 4));
            let pulled = rule.vjp(bar.as_ref()).unwrap();
            let (a_dot, b_dot, c_dot) = (dots.0.as_ref(), dots.1.as_ref(), dots.2.as_ref());
            let pushed = rule.jvp(Some(a_dot), Some(b_dot), Some(c_dot)).unwrap();
            let forward = inner(bar.as_ref(), pushed.as_ref());
            let back = inner(pulled.a.as_ref(), a_dot)
                + inner(pulled.b.as_ref(), b_dot)
                + inner(pulled.c.as_ref(), c_dot);
            let size = pulled.a.norm_l2() + pulled.b.norm_l2() + pulled.c.norm_l2();
            assert!((forward - back).abs() < 1e-12 * size, "{forward} {back}");
            assert_eq!(rule.jvp(None, None, None).unwrap(), Mat::<f64>::zeros(m, n));
        }
    }

    #[test]
    fn the_rule_scales_with_its_input() {
        for (a, b) in cases() {
            let c = gaussian(a.nrows(), b.nrows(), 9);
            let bar = gaussian(a.nrows(), b.nrows(), 1);
            let plain = of(&a, &b, &c).unwrap();
            let plain_bar = plain.vjp(bar.as_ref()).unwrap();
            for size in [2f64.powi(-500), 2f64.powi(-60), 2f64.powi(500)] {
                let rule = of(&(Scale(size) * &a), &(Scale(size) * &b), &c).unwrap();
                let error = (Scale(size) * rule.solution() - plain.solution()).norm_l2();
                assert!(error < 1e-12 * plain.solution().norm_l2(), "{size:e}");
                let scaled_bar = rule.vjp(bar.as_ref()).unwrap();
                let error = (Scale(size) * scaled_bar.c - &plain_bar.c).norm_l2();
                assert!(error < 1e-12 * plain_bar.c.norm_l2(), "{size:e}");
                let error = (Scale(size) * (Scale(size) * scaled_bar.a) - &plain_bar.a).norm_l2();
                assert!(error < 1e-12 * plain_bar.a.norm_l2(), "{size:e}");
                let rule = of(&a, &b, &(Scale(size) * &c)).unwrap();
                let error = (Scale(size.recip()) * rule.solution() - plain.solution()).norm_l2();
                assert!(error < 1e-12 * plain.solution().norm_l2(), "{size:e}");
            }
        }
        // All three at the end of the numbers: X is of order one.
        let rule = of(&mat![[1e300]], &mat![[1e300]], &mat![[1e300]]).unwrap();
        assert_eq!(rule.solution()[(0, 0)], 0.5);
    }

    #[test]
    fn a_common_eigenvalue_of_a_and_minus_b_is_refused_with_the_condition() {
        // x (1 + b) = 1 as b comes to −1.
        for gap in [1e-3, 1e-9, 1e-13] {
            let rule = of(&mat![[1.0]], &mat![[gap - 1.0]], &mat![[1.0]]).unwrap();
            let expected = 1.0 / (1.0 + (gap - 1.0));
            assert!((rule.solution()[(0, 0)] / expected - 1.0).abs() < 1e-15);
            assert!((rule.reciprocal_condition() / gap - 0.5).abs() < 1e-2);
        }
        let turn = mat![[0.0, -1.0], [1.0, 0.0]];
        let pairs = [
            (mat![[1.0]], mat![[-1.0]]),
            (mat![[1.0]], mat![[f64::EPSILON - 1.0]]),
            (turn.clone(), turn),
            (Mat::zeros(2, 2), Mat::zeros(3, 3)),
            (jordan(3, 2.0), Scale(-1.0) * jordan(2, 2.0)),
            (gaussian(6, 6, 1), Scale(-1.0) * gaussian(6, 6, 1)),
        ];
        for (a, b) in pairs {
            let error = of(&a, &b, &Mat::full(a.nrows(), b.nrows(), 1.0)).unwrap_err();
            assert!(
                matches!(error, Error::Singular { op: OP, reciprocal_condition, floor }
                    if reciprocal_condition <= floor),
                "{error}"
            );
        }
    }

    #[test]
    fn a_zero_right_side_is_a_zero_and_its_cotangent_is_not() {
        let (a, b) = &cases()[3];
        let rule = of(a, b, &Mat::zeros(6, 3)).unwrap();
        assert_eq!(rule.solution(), Mat::<f64>::zeros(6, 3));
        let bar = rule.vjp(gaussian(6, 3, 1).as_ref()).unwrap();
        assert_eq!(bar.a, Mat::<f64>::zeros(6, 6));
        assert!(bar.c.norm_max() > 1e-3);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let one = mat![[1.0]];
        let wrong = Mat::zeros(2, 3);
        let nan = mat![[f64::NAN]];
        refused! {
            of(&wrong, &one, &one) => Error::NotSquare { rows: 2, columns: 3, .. },
            of(&one, &wrong, &one) => Error::NotSquare { .. },
            of(&Mat::zeros(0, 0), &one, &one) => Error::Empty { .. },
            of(&one, &one, &wrong) => Error::ShapeMismatch { expected: (1, 1), .. },
            of(&nan, &one, &one) => Error::NotFinite { op: OP },
            of(&one, &nan, &one) => Error::NotFinite { op: OP },
            of(&one, &one, &nan) => Error::NotFinite { op: OP },
            of(&mat![[1e-200]], &mat![[1e-200]], &mat![[1e200]]) => Error::Overflow { op: OP },
        }
        let rule = of(&mat![[1e-200]], &mat![[1e-200]], &one).unwrap();
        refused! {
            rule.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.jvp(Some(wrong.as_ref()), None, None) => Error::ShapeMismatch { .. },
            rule.jvp(None, Some(wrong.as_ref()), None) => Error::ShapeMismatch { .. },
            rule.jvp(None, None, Some(wrong.as_ref())) => Error::ShapeMismatch { .. },
            rule.vjp(nan.as_ref()) => Error::NotFinite { .. },
            rule.jvp(Some(nan.as_ref()), None, None) => Error::NotFinite { .. },
            rule.jvp(None, Some(nan.as_ref()), None) => Error::NotFinite { .. },
            rule.jvp(None, None, Some(nan.as_ref())) => Error::NotFinite { .. },
            rule.vjp(one.as_ref()) => Error::Overflow { op: OP },
            rule.jvp(Some(one.as_ref()), None, None) => Error::Overflow { op: OP },
        }
    }
}
