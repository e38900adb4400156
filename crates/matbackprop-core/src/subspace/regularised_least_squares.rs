//! Least squares with a ridge: smooth at every rank.

use crate::decompose::thin_svd;
use crate::error::Result;
use crate::guard::{
    ensure_above, ensure_finite_values, ensure_matrix, ensure_shape, number_within_range,
    values_within_range, within_range,
};
use crate::products::{add_product, times_diagonal};
use crate::scale::{Scaled, exponent, of_order_one, power_of_two_scale, times_power_of_two};
use crate::symmetric::inner;
use faer::{Mat, MatRef, mat};

const OP: &str = "regularised least squares";

/// X_ε = (AᵀA + εI)⁻¹ Aᵀ B, the minimum of ‖A X − B‖² + ε ‖X‖², with its residual R = B − A X.
///
/// ```text
/// forward   A = U Σ Vᵀ                      X = V (σⱼ / hⱼ²) Uᵀ B,  R = U (ε / hⱼ²) Uᵀ B + (I − UUᵀ) B      hⱼ² = σⱼ² + ε
/// vjp       Z = (AᵀA + εI)⁻¹ X̄              Ā = R Zᵀ − A Z Xᵀ,  B̄ = A Z,  ε̄ = −⟨Z, X⟩
/// jvp       Ẋ = (AᵀA + εI)⁻¹ ( ȦᵀR + Aᵀ(Ḃ − Ȧ X) − ε̇ X )
/// ```
///
/// # Shapes
/// A, Ā: m × n; B, R: m × p; X: n × p; tall, wide or square A of any rank, zero too.
///
/// # Conventions
/// ε > 0 has the units of σ². As ε falls, X tends to the X = A⁺ B of [`LeastSquares`](crate::LeastSquares) at full
/// tolerance. Neither AᵀA nor ε beside σ² is ever formed, so small values keep their digits; singular values themselves
/// are known to rounding of the largest, and an ε below (2⁻⁵² σ₁)² cannot be distinguished from zero.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotPositive`](crate::Error::NotPositive) for an ε that is not above zero,
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has m rows,
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// O(m n min(m, n)) time, then O(m n (k + p)) each way, k = min(m, n); (m + n) (k + p) numbers stored.
///
/// # Source
/// Hoerl, Kennard, "Ridge regression: biased estimation for nonorthogonal problems", Technometrics 12, 1970, for the
/// estimate; the derivatives by implicit differentiation, and their form by singular values, are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::RegularisedLeastSquares;
///
/// // a = 2, b = 3, ε = 1: x = a b / (a² + ε) = 6/5, and dx/db = 2/5, dx/da = (3 − 4 · 6/5) / 5, dx/dε = −6/25.
/// let fit = RegularisedLeastSquares::forward(mat![[2.0]].as_ref(), mat![[3.0]].as_ref(), 1.0)?;
/// assert!((fit.solution()[(0, 0)] - 1.2).abs() < 1e-15);
/// let bar = fit.vjp(mat![[1.0]].as_ref())?;
/// assert!((bar.b[(0, 0)] - 0.4).abs() < 1e-15);
/// assert!((bar.a[(0, 0)] + 0.36).abs() < 1e-15);
/// assert!((bar.epsilon + 0.24).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RegularisedLeastSquares {
    u: Mat<f64>,
    v: Mat<f64>,
    /// σ / h.
    cosines: Vec<f64>,
    /// 1 / h in units of A or √ε, whichever is the larger.
    reciprocals: Vec<f64>,
    /// 1 / √ε in that unit.
    reciprocal_root: f64,
    /// UᵀB in units of B.
    inside: Mat<f64>,
    /// The unit of σ and √ε is 2 to this.
    unit: i32,
    /// B is of order one times 2 to this.
    b_exponent: i32,
    solution: Mat<f64>,
    residual: Mat<f64>,
    singular_values: Vec<f64>,
}

/// The result of [`RegularisedLeastSquares::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RegularisedLeastSquaresCotangent {
    /// Ā, m × n.
    pub a: Mat<f64>,
    /// B̄, m × p.
    pub b: Mat<f64>,
    /// ε̄.
    pub epsilon: f64,
}

impl RegularisedLeastSquares {
    /// Decomposes A and solves for B.
    ///
    /// # Errors
    /// See [`RegularisedLeastSquares`].
    pub fn forward(a: MatRef<'_, f64>, b: MatRef<'_, f64>, epsilon: f64) -> Result<Self> {
        ensure_matrix(OP, a)?;
        ensure_above(OP, epsilon, 0.0)?;
        ensure_shape(OP, b, (a.nrows(), b.ncols()))?;
        let scale = scale_of_both(a, epsilon);
        let svd = thin_svd(OP, Scaled::new(a, scale).as_ref())?;
        Self::solved(svd, b, epsilon, scale)
    }

    /// U, σ and V.
    pub(crate) fn factors(&self) -> (MatRef<'_, f64>, &[f64], MatRef<'_, f64>) {
        (self.u.as_ref(), &self.singular_values, self.v.as_ref())
    }

    /// From [`factors`](Self::factors) of A, and the inputs.
    pub(crate) fn from_factors(
        (a, b): (MatRef<'_, f64>, MatRef<'_, f64>),
        epsilon: f64,
        (u, values, v): (Mat<f64>, Vec<f64>, Mat<f64>),
    ) -> Result<Self> {
        let scale = scale_of_both(a, epsilon);
        let relative = values.iter().map(|value| value / scale).collect();
        Self::solved((u, relative, v), b, epsilon, scale)
    }

    /// From U, σ and V of A / scale.
    fn solved(
        (u, values, v): (Mat<f64>, Vec<f64>, Mat<f64>),
        b: MatRef<'_, f64>,
        epsilon: f64,
        scale: f64,
    ) -> Result<Self> {
        let root = epsilon.sqrt();
        // The floor keeps 1 / h finite.
        let root = (root / scale).max(f64::MIN_POSITIVE);
        let lengths: Vec<f64> = values.iter().map(|value| value.hypot(root)).collect();
        let (b, b_exponent) = of_order_one(b);
        let inside = u.transpose() * b.as_ref();
        let mut fit = Self {
            cosines: quotients(&values, &lengths),
            reciprocals: lengths.iter().map(|length| length.recip()).collect(),
            reciprocal_root: root.recip(),
            unit: exponent(scale),
            b_exponent,
            solution: Mat::new(),
            residual: Mat::new(),
            singular_values: values_within_range(
                OP,
                values.iter().map(|value| value * scale).collect(),
            )?,
            inside,
            u,
            v,
        };
        let solution = &fit.v * fit.coefficients();
        let solution = times_power_of_two(solution, b_exponent - fit.unit);
        fit.solution = within_range(OP, solution)?;
        let sines: Vec<f64> = lengths.iter().map(|length| root / length).collect();
        let shrunk = times_diagonal(fit.inside.transpose(), &squares(&sines));
        let mut residual = &fit.u * shrunk.transpose();
        if fit.u.nrows() > fit.u.ncols() {
            residual += b.as_ref() - &fit.u * &fit.inside;
        }
        fit.residual = within_range(OP, times_power_of_two(residual, b_exponent))?;
        Ok(fit)
    }

    /// The solution X, n × p.
    pub fn solution(&self) -> MatRef<'_, f64> {
        self.solution.as_ref()
    }

    /// The residual B − A X, m × p.
    pub fn residual(&self) -> MatRef<'_, f64> {
        self.residual.as_ref()
    }

    /// All min(m, n) singular values of A, nonincreasing.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// Ā, B̄ and ε̄ from X̄.
    ///
    /// # Errors
    /// See [`RegularisedLeastSquares`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless X̄ is n × p.
    pub fn vjp(&self, solution_bar: MatRef<'_, f64>) -> Result<RegularisedLeastSquaresCotangent> {
        ensure_shape(OP, solution_bar, self.solution.shape())?;
        let (x_bar, unit) = of_order_one(solution_bar);
        let residual = self.relative_residual();
        let z = self.normal_inverse(x_bar.as_ref());
        let along = self.v.transpose() * x_bar.as_ref();
        let a_z = &self.u * self.filtered(along.as_ref());
        let coefficients = self.coefficients();
        let mut a = &residual * z.transpose();
        let moved = &a_z * coefficients.transpose();
        add_product(a.as_mut(), -1.0, &moved, self.v.transpose());
        // By VᵀZ itself: the part of Z beside V may be larger by the condition number, and its rounding along V too.
        let shrunk = times_diagonal(along.transpose(), &squares(&self.reciprocals));
        let epsilon = -inner(shrunk.transpose(), coefficients.as_ref());
        let a_unit = unit + self.b_exponent - 2 * self.unit;
        let epsilon = times_power_of_two(mat![[epsilon]], a_unit - self.unit)[(0, 0)];
        Ok(RegularisedLeastSquaresCotangent {
            a: within_range(OP, times_power_of_two(a, a_unit))?,
            b: within_range(OP, times_power_of_two(a_z, unit - self.unit))?,
            epsilon: number_within_range(OP, epsilon)?,
        })
    }

    /// Ẋ from Ȧ, Ḃ and ε̇; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`RegularisedLeastSquares`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
        epsilon_dot: f64,
    ) -> Result<Mat<f64>> {
        let (m, n) = (self.u.nrows(), self.v.nrows());
        ensure_finite_values(OP, &[epsilon_dot])?;
        let mut solution_dot = Mat::zeros(n, self.solution.ncols());
        if let Some(a_dot) = a_dot {
            ensure_shape(OP, a_dot, (m, n))?;
            let (a_dot, unit) = of_order_one(a_dot);
            let moved = (a_dot.as_ref() * &self.v) * self.coefficients();
            let inside = self.filtered((self.u.transpose() * moved).as_ref());
            let raised = a_dot.as_ref().transpose() * self.relative_residual();
            let of_a = self.normal_inverse(raised.as_ref()) - &self.v * inside;
            solution_dot += times_power_of_two(of_a, unit + self.b_exponent - 2 * self.unit);
        }
        if let Some(b_dot) = b_dot {
            ensure_shape(OP, b_dot, self.residual.shape())?;
            let (b_dot, unit) = of_order_one(b_dot);
            let inside = self.filtered((self.u.transpose() * b_dot.as_ref()).as_ref());
            solution_dot += times_power_of_two(&self.v * inside, unit - self.unit);
        }
        if epsilon_dot != 0.0 {
            let relative = mat![[epsilon_dot]];
            let (relative, unit) = of_order_one(relative.as_ref());
            let squares = squares(&self.reciprocals);
            let shrunk = times_diagonal(self.coefficients().transpose(), &squares);
            let of_epsilon =
                faer::Scale(-relative.as_ref()[(0, 0)]) * (&self.v * shrunk.transpose());
            solution_dot += times_power_of_two(of_epsilon, unit + self.b_exponent - 3 * self.unit);
        }
        within_range(OP, solution_dot)
    }

    /// VᵀX in its unit.
    fn coefficients(&self) -> Mat<f64> {
        self.filtered(self.inside.as_ref())
    }

    /// (σⱼ / hⱼ²) Y, row by row.
    fn filtered(&self, y: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(y.nrows(), y.ncols(), |i, j| {
            y[(i, j)] * self.cosines[i] * self.reciprocals[i]
        })
    }

    /// (AᵀA + εI)⁻¹ Y in its unit.
    fn normal_inverse(&self, y: MatRef<'_, f64>) -> Mat<f64> {
        let inside = self.v.transpose() * y;
        let shrunk = Mat::from_fn(inside.nrows(), inside.ncols(), |i, j| {
            inside[(i, j)] * self.reciprocals[i] * self.reciprocals[i]
        });
        let mut z = &self.v * shrunk;
        if self.v.nrows() > self.v.ncols() {
            let outside = y - &self.v * inside;
            z += Mat::from_fn(y.nrows(), y.ncols(), |i, j| {
                outside[(i, j)] * self.reciprocal_root * self.reciprocal_root
            });
        }
        z
    }

    /// R in units of B.
    fn relative_residual(&self) -> Mat<f64> {
        times_power_of_two(self.residual.clone(), -self.b_exponent)
    }
}

fn quotients(x: &[f64], y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x / y).collect()
}

fn squares(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| x * x).collect()
}

/// The power of two that brings A and √ε to order one.
fn scale_of_both(a: MatRef<'_, f64>, epsilon: f64) -> f64 {
    power_of_two_scale(mat![[a.norm_max(), epsilon.sqrt()]].as_ref())
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::rank::RankTolerance;
    use crate::subspace::LeastSquares;
    use faer::Scale;

    /// Tall, wide, square, repeated values, 1 × 1; lost ranks and zero.
    const CASES: &[(usize, usize, &[f64], f64)] = &[
        (1, 1, &[0.7], 0.1),
        (5, 1, &[2.0], 0.5),
        (1, 4, &[2.0], 0.5),
        (4, 4, &[3.0, 2.0, 2.0, 0.4], 0.1),
        (7, 3, &[3.0, 1.0, 1.0], 1.0),
        (3, 6, &[3.0, 1.0, 0.5], 0.3),
        (7, 5, &[2.0, 2.0], 0.5),
        (4, 6, &[2.0, 0.5], 0.5),
        (5, 5, &[1.0, 1.0], 0.2),
        (3, 2, &[], 1.0),
    ];

    fn cases() -> impl Iterator<Item = (Mat<f64>, Mat<f64>, f64, RegularisedLeastSquares)> {
        CASES.iter().map(|&(m, n, spectrum, epsilon)| {
            let (a, b) = (with_spectrum(m, n, spectrum, 2), gaussian(m, 2, 5));
            let fit = RegularisedLeastSquares::forward(a.as_ref(), b.as_ref(), epsilon).unwrap();
            (a, b, epsilon, fit)
        })
    }

    #[test]
    fn the_normal_equations_hold() {
        for (a, b, epsilon, fit) in cases() {
            let x = fit.solution();
            let normal = a.transpose() * (&a * x) + Scale(epsilon) * x - a.transpose() * &b;
            assert!(normal.norm_max() < 1e-13);
            assert!((fit.residual() - (&b - &a * x)).norm_max() < 1e-14);
        }
    }

    #[test]
    fn agrees_with_references_of_many_digits() {
        // ε = 2⁻²⁰, four unknowns and three equations. Central differences, steps of 1e-25, in 90 digits by mpmath.
        let a = mat![
            [2.0, 1.0, 0.0, -1.0],
            [1.0, 3.0, 1.0, 0.25],
            [0.5, -1.0, 1.5, 0.0]
        ];
        let b = mat![[1.0], [2.0], [-1.0]];
        let bar = mat![[1.0], [-2.0], [0.5], [0.25]];
        let x = mat![
            [0.1325556879629763],
            [0.7051961019464194],
            [-0.24072100359090862],
            [-0.02969246245978413]
        ];
        let a_bar = mat![
            [
                -0.01827129551438916,
                -0.24173142103981102,
                0.0662156628486367,
                0.05364524706449292
            ],
            [
                0.11662203271489394,
                0.316674956591447,
                -0.14235598450949508,
                0.0780208803439053
            ],
            [
                -0.20724905668870813,
                -0.5293514661303923,
                0.24534390813290038,
                -0.15010637265850055
            ]
        ];
        let b_bar = mat![
            [0.33191929874290005],
            [-0.47189812821059174],
            [0.7937431756619794]
        ];
        let epsilon = 2f64.powi(-20);
        let fit = RegularisedLeastSquares::forward(a.as_ref(), b.as_ref(), epsilon).unwrap();
        let bar = fit.vjp(bar.as_ref()).unwrap();
        assert!((fit.solution() - x).norm_max() < 2e-15);
        assert!((bar.b - b_bar).norm_max() < 2e-15);
        // Of R and of Z outside the range, which grow as 1/ε, one is zero here up to its rounding.
        assert!((bar.a - a_bar).norm_max() < 1e-14);
        assert!((bar.epsilon - 0.23824812742368306).abs() < 1e-14);
    }

    #[test]
    fn agrees_with_finite_differences_at_every_rank() {
        let check = GradientCheck::default();
        for (a, b, epsilon, fit) in cases() {
            let solve = |a: MatRef<'_, f64>, b: MatRef<'_, f64>, epsilon: f64| {
                let fit = RegularisedLeastSquares::forward(a, b, epsilon)?;
                Ok::<_, Error>(fit.solution().to_owned())
            };
            let of_a = |a: MatRef<'_, f64>| solve(a, b.as_ref(), epsilon);
            check_vjp(of_a, |bar| Ok(fit.vjp(bar)?.a), a.as_ref(), &check).unwrap();
            check_jvp(of_a, |a| fit.jvp(Some(a), None, 0.0), a.as_ref(), &check).unwrap();
            let of_b = |b: MatRef<'_, f64>| solve(a.as_ref(), b, epsilon);
            check_vjp(of_b, |bar| Ok(fit.vjp(bar)?.b), b.as_ref(), &check).unwrap();
            check_jvp(of_b, |b| fit.jvp(None, Some(b), 0.0), b.as_ref(), &check).unwrap();
            let of_epsilon = |e: MatRef<'_, f64>| solve(a.as_ref(), b.as_ref(), e[(0, 0)]);
            let epsilon = mat![[epsilon]];
            let vjp = |bar: MatRef<'_, f64>| Ok(mat![[fit.vjp(bar)?.epsilon]]);
            check_vjp(of_epsilon, vjp, epsilon.as_ref(), &check).unwrap();
            let jvp = |dot: MatRef<'_, f64>| fit.jvp(None, None, dot[(0, 0)]);
            check_jvp(of_epsilon, jvp, epsilon.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_is_the_transpose_of_vjp() {
        for (a, b, _, fit) in cases() {
            let (x_bar, a_dot, b_dot) = (
                gaussian(a.ncols(), 2, 1),
                gaussian(a.nrows(), a.ncols(), 2),
                gaussian(b.nrows(), 2, 3),
            );
            let bar = fit.vjp(x_bar.as_ref()).unwrap();
            let dot = fit
                .jvp(Some(a_dot.as_ref()), Some(b_dot.as_ref()), 0.7)
                .unwrap();
            let ahead = inner(x_bar.as_ref(), dot.as_ref());
            let behind = inner(bar.a.as_ref(), a_dot.as_ref())
                + inner(bar.b.as_ref(), b_dot.as_ref())
                + 0.7 * bar.epsilon;
            let size = x_bar.norm_l2() * dot.norm_l2() + bar.a.norm_l2() * a_dot.norm_l2();
            assert!((ahead - behind).abs() <= 1e-13 * size);
        }
    }

    #[test]
    fn a_small_ridge_gives_least_squares_where_the_rank_is_full() {
        // Off by ε / σ².
        for (m, n) in [(6, 3), (3, 6), (4, 4)] {
            let a = with_spectrum(m, n, &[2.0, 1.0, 0.5], 2);
            if m.min(n) > 3 {
                continue;
            }
            let (b, bar) = (gaussian(m, 2, 1), gaussian(n, 2, 2));
            let ridge = RegularisedLeastSquares::forward(a.as_ref(), b.as_ref(), 1e-18).unwrap();
            let plain =
                LeastSquares::forward(a.as_ref(), b.as_ref(), RankTolerance::default()).unwrap();
            assert!((ridge.solution() - plain.solution()).norm_max() < 1e-13);
            let plain = plain.vjp(Some(bar.as_ref()), None).unwrap();
            let ridge = ridge.vjp(bar.as_ref()).unwrap();
            assert!((ridge.b - plain.b).norm_max() < 1e-13);
            if m >= n {
                assert!((ridge.a - plain.a).norm_max() < 1e-12);
            }
        }
    }

    #[test]
    fn a_zero_matrix_by_hand() {
        // X = 0, Ẋ = ȦᵀB / ε.
        let (a, b) = (Mat::zeros(2, 2), mat![[1.0], [3.0]]);
        let fit = RegularisedLeastSquares::forward(a.as_ref(), b.as_ref(), 0.25).unwrap();
        assert_eq!(fit.solution(), Mat::<f64>::zeros(2, 1));
        let dot = fit
            .jvp(Some(mat![[1.0, 2.0], [0.0, 1.0]].as_ref()), None, 5.0)
            .unwrap();
        assert!((dot - mat![[4.0], [20.0]]).norm_max() < 1e-14);
    }

    #[test]
    fn the_rule_scales_with_its_inputs() {
        for (a, b, epsilon, plain) in cases() {
            let x_bar = gaussian(a.ncols(), 2, 1);
            let plain_bar = plain.vjp(x_bar.as_ref()).unwrap();
            for size in [1e-140, 1e140] {
                let (a, b) = (Scale(size) * &a, Scale(size) * &b);
                let epsilon = epsilon * size * size;
                let fit =
                    RegularisedLeastSquares::forward(a.as_ref(), b.as_ref(), epsilon).unwrap();
                assert!((fit.solution() - plain.solution()).norm_max() < 1e-13);
                let bar = (Scale(size) * &x_bar).to_owned();
                let bar = fit.vjp(bar.as_ref()).unwrap();
                assert!((bar.a - &plain_bar.a).norm_max() < 1e-12, "{size:e}");
                assert!((bar.b - &plain_bar.b).norm_max() < 1e-12, "{size:e}");
                assert!((bar.epsilon * size - plain_bar.epsilon).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (a, b) = (gaussian(4, 2, 1), gaussian(4, 3, 2));
        let forward = |a: &Mat<f64>, b: &Mat<f64>, epsilon: f64| {
            RegularisedLeastSquares::forward(a.as_ref(), b.as_ref(), epsilon)
        };
        let fit = forward(&a, &b, 1.0).unwrap();
        let (wrong, nan) = (Mat::zeros(3, 3), Mat::full(4, 3, f64::NAN));
        let tiny = forward(&mat![[1e-200]], &mat![[1.0]], 1e-320).unwrap();
        let one = mat![[1.0]];
        refused! {
            forward(&Mat::zeros(0, 3), &Mat::zeros(0, 3), 1.0) => Error::Empty { .. },
            forward(&mat![[f64::NAN]], &one, 1.0) => Error::NotFinite { .. },
            forward(&a, &nan, 1.0) => Error::NotFinite { .. },
            forward(&a, &wrong, 1.0) => Error::ShapeMismatch { .. },
            forward(&a, &b, 0.0) => Error::NotPositive { .. },
            forward(&a, &b, f64::NAN) => Error::NotPositive { .. },
            forward(&mat![[1e-160]], &mat![[1e200]], 1e-320) => Error::Overflow { op: OP },
            fit.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            fit.vjp(nan.subrows(0, 2)) => Error::NotFinite { .. },
            fit.jvp(Some(wrong.as_ref()), None, 0.0) => Error::ShapeMismatch { .. },
            fit.jvp(None, Some(wrong.as_ref()), 0.0) => Error::ShapeMismatch { .. },
            fit.jvp(None, Some(nan.as_ref()), 0.0) => Error::NotFinite { .. },
            fit.jvp(None, None, f64::NAN) => Error::NotFinite { .. },
            tiny.vjp(one.as_ref()) => Error::Overflow { op: OP },
            tiny.jvp(Some(one.as_ref()), None, 0.0) => Error::Overflow { op: OP },
        }
    }
}
