//! Least squares by the inverse on the range, at a stated rank.

use super::truncated_svd::TruncatedSvd;
use crate::error::Result;
use crate::guard::{ensure_shape, within_range};
use crate::products::add_product;
use crate::rank::RankTolerance;
use crate::scale::{exponent, of_order_one, times_power_of_two};
use faer::{Mat, MatRef};

const OP: &str = "least squares";

/// X = A⁺ B: of all that bring A X closest to B the smallest, with its residual R = B − U Uᵀ B.
///
/// ```text
/// forward   A = U Σ Vᵀ,  σ above the tolerance only              X = V Σ⁻¹ Uᵀ B,  R = (I − UUᵀ) B
/// vjp       B̄ = PᵀX̄ + (I − UUᵀ) R̄                                P = A⁺
///           Ā = −PᵀX̄ Xᵀ + R (P PᵀX̄)ᵀ + PᵀX ((I − VVᵀ) X̄)ᵀ − (I − UUᵀ) R̄ Xᵀ − R (P R̄)ᵀ
/// jvp       Ẋ = P (Ḃ − Ȧ X) + P PᵀȦᵀ R + (I − VVᵀ) ȦᵀPᵀ X
///           Ṙ = (I − UUᵀ) (Ḃ − Ȧ X) − PᵀȦᵀ R
/// ```
///
/// R is B − A X, orthogonal to the vectors that are kept. Where the tolerance drops values that are not zero, their
/// vectors still turn the kept ones, and each derivative has terms over σᵢ² − σⱼ², as that of
/// [`PseudoInverse`](crate::PseudoInverse) does. P is never formed.
///
/// # Shapes
/// A, Ā: m × n; B, R: m × p; X: n × p; tall, wide or square A of any rank.
///
/// # Conventions
/// A singular value counts when it exceeds [`RankTolerance`] times the largest; the tolerance is part of the map. Small
/// changes of A then leave the rank as it is, and the derivative is that of this map, for every direction, also where
/// dropped values are zero. It is the one of A⁺ itself where the rank is full, and along the changes that keep the rank;
/// along others A⁺ B jumps to infinity. A loss that must be smooth through changes of rank takes
/// [`RegularisedLeastSquares`](crate::RegularisedLeastSquares). Ā grows like 1/σ² as a kept value falls.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has m rows,
/// [`OutOfRange`](crate::Error::OutOfRange) for a tolerance outside [0, 1),
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`GapClosed`](crate::Error::GapClosed) on both ways between derivatives where the tolerance parts two equal
/// singular values, so that any change of A changes what is kept.
///
/// # Cost
/// O(m n min(m, n)) time, then O(m n (r + p)) each way; (m + n) (r + p) numbers stored.
///
/// # Source
/// Golub, Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
/// separate", SIAM Journal on Numerical Analysis 10, 1973; the forms by
/// residuals and the terms of dropped values are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{LeastSquares, RankTolerance};
///
/// // The line through (0, 1), (1, 3), (2, 5), with a third column that repeats the second.
/// let a = mat![[1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 2.0, 2.0]];
/// let b = mat![[1.0], [3.0], [5.0]];
/// let fit = LeastSquares::forward(a.as_ref(), b.as_ref(), RankTolerance::default())?;
/// assert_eq!(fit.rank(), 2);
/// assert!((fit.solution() - mat![[1.0], [1.0], [1.0]]).norm_max() < 1e-14);
/// assert!(fit.residual().norm_max() < 1e-14);
/// // The value at 0, as a function of the data: 5/6, 1/3, −1/6.
/// let bar = fit.vjp(Some(mat![[1.0], [0.0], [0.0]].as_ref()), None)?;
/// assert!((bar.b - mat![[5.0 / 6.0], [1.0 / 3.0], [-1.0 / 6.0]]).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LeastSquares {
    svd: TruncatedSvd,
    /// UᵀB in units of B.
    inside: Mat<f64>,
    /// B is of order one times 2 to this.
    b_exponent: i32,
    solution: Mat<f64>,
    residual: Mat<f64>,
}

/// The result of [`LeastSquares::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeastSquaresCotangent {
    /// Ā, m × n.
    pub a: Mat<f64>,
    /// B̄, m × p.
    pub b: Mat<f64>,
}

/// The result of [`LeastSquares::jvp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeastSquaresTangent {
    /// Ẋ, n × p.
    pub solution: Mat<f64>,
    /// Ṙ, m × p.
    pub residual: Mat<f64>,
}

impl LeastSquares {
    /// Decomposes A and solves for B.
    ///
    /// # Errors
    /// See [`LeastSquares`].
    pub fn forward(
        a: MatRef<'_, f64>,
        b: MatRef<'_, f64>,
        tolerance: RankTolerance,
    ) -> Result<Self> {
        Self::solved(TruncatedSvd::new(OP, a, tolerance)?, b)
    }

    /// U, σ of A / scale, and V, with zeros in place of the vectors that rounding explains.
    pub(crate) fn factors(&self) -> (Mat<f64>, Vec<f64>, Mat<f64>) {
        self.svd.factors()
    }

    /// From [`factors`](Self::factors) of A, and B.
    pub(crate) fn from_factors(
        (a, b): (MatRef<'_, f64>, MatRef<'_, f64>),
        factors: (Mat<f64>, Vec<f64>, Mat<f64>),
        tolerance: RankTolerance,
    ) -> Result<Self> {
        Self::solved(TruncatedSvd::from_factors(OP, a, factors, tolerance)?, b)
    }

    fn solved(svd: TruncatedSvd, b: MatRef<'_, f64>) -> Result<Self> {
        ensure_shape(OP, b, (svd.u.nrows(), b.ncols()))?;
        let (b, b_exponent) = of_order_one(b);
        let inside = svd.u.transpose() * b.as_ref();
        let solution = &svd.v * svd.over_values(inside.transpose(), 1).transpose();
        let solution = times_power_of_two(solution, b_exponent - exponent(svd.scale()));
        let mut solved = Self {
            inside,
            b_exponent,
            solution: within_range(OP, solution)?,
            residual: Mat::new(),
            svd,
        };
        // Twice: the second pass removes the rounding that the first left along U.
        let once = solved.beside_u(b.as_ref());
        let residual = solved.beside_u(once.as_ref());
        solved.residual = within_range(OP, times_power_of_two(residual, b_exponent))?;
        Ok(solved)
    }

    /// The solution X, n × p.
    pub fn solution(&self) -> MatRef<'_, f64> {
        self.solution.as_ref()
    }

    /// The residual R = B − A X, m × p.
    pub fn residual(&self) -> MatRef<'_, f64> {
        self.residual.as_ref()
    }

    /// The number of singular values above the tolerance.
    pub fn rank(&self) -> usize {
        self.svd.rank()
    }

    /// All min(m, n) singular values of A, nonincreasing.
    pub fn singular_values(&self) -> &[f64] {
        &self.svd.singular_values
    }

    /// Ā and B̄ from X̄ and R̄; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`LeastSquares`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        solution_bar: Option<MatRef<'_, f64>>,
        residual_bar: Option<MatRef<'_, f64>>,
    ) -> Result<LeastSquaresCotangent> {
        let (m, p) = self.residual.shape();
        let mut bar = LeastSquaresCotangent {
            a: Mat::zeros(m, self.svd.v.nrows()),
            b: Mat::zeros(m, p),
        };
        let a_exponent = exponent(self.svd.scale());
        if let Some(solution_bar) = solution_bar {
            ensure_shape(OP, solution_bar, self.solution.shape())?;
            let (x_bar, unit) = of_order_one(solution_bar);
            let of_x = self.pulled_from_solution(x_bar.as_ref())?;
            bar.a += times_power_of_two(of_x.a, unit + self.b_exponent - 2 * a_exponent);
            bar.b += times_power_of_two(of_x.b, unit - a_exponent);
        }
        if let Some(residual_bar) = residual_bar {
            ensure_shape(OP, residual_bar, (m, p))?;
            let (r_bar, unit) = of_order_one(residual_bar);
            let of_r = self.pulled_from_residual(r_bar.as_ref())?;
            bar.a += times_power_of_two(of_r.a, unit + self.b_exponent - a_exponent);
            bar.b += times_power_of_two(of_r.b, unit);
        }
        Ok(LeastSquaresCotangent {
            a: within_range(OP, bar.a)?,
            b: within_range(OP, bar.b)?,
        })
    }

    /// Ẋ and Ṙ from Ȧ and Ḃ; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`LeastSquares`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
    ) -> Result<LeastSquaresTangent> {
        let (m, p) = self.residual.shape();
        let n = self.svd.v.nrows();
        let mut dot = LeastSquaresTangent {
            solution: Mat::zeros(n, p),
            residual: Mat::zeros(m, p),
        };
        let a_exponent = exponent(self.svd.scale());
        if let Some(a_dot) = a_dot {
            ensure_shape(OP, a_dot, (m, n))?;
            let (a_dot, unit) = of_order_one(a_dot);
            let of_a = self.pushed_from_matrix(a_dot.as_ref())?;
            let unit = unit + self.b_exponent - a_exponent;
            dot.solution += times_power_of_two(of_a.solution, unit - a_exponent);
            dot.residual += times_power_of_two(of_a.residual, unit);
        }
        if let Some(b_dot) = b_dot {
            ensure_shape(OP, b_dot, (m, p))?;
            let (b_dot, unit) = of_order_one(b_dot);
            let inside = self.svd.u.transpose() * b_dot.as_ref();
            let solution = &self.svd.v * self.svd.over_values(inside.transpose(), 1).transpose();
            dot.solution += times_power_of_two(solution, unit - a_exponent);
            dot.residual += times_power_of_two(self.beside_u(b_dot.as_ref()), unit);
        }
        Ok(LeastSquaresTangent {
            solution: within_range(OP, dot.solution)?,
            residual: within_range(OP, dot.residual)?,
        })
    }

    /// Ā and B̄ from X̄, for A, B and X̄ of order one.
    fn pulled_from_solution(&self, x_bar: MatRef<'_, f64>) -> Result<LeastSquaresCotangent> {
        let (svd, residual) = (&self.svd, self.relative_residual());
        let along = svd.v.transpose() * x_bar;
        // PᵀX̄, (Σ⁻¹UᵀB)ᵀ, (Σ⁻²VᵀX̄)ᵀ.
        let b = &svd.u * svd.over_values(along.transpose(), 1).transpose();
        let coefficients = svd.over_values(self.inside.transpose(), 1);
        let mut left = residual.as_ref() * svd.over_values(along.transpose(), 2);
        add_product(left.as_mut(), -1.0, &b, &coefficients);
        let mut a = left * svd.v.transpose();
        if svd.v.nrows() > svd.rank() {
            let outside = x_bar - &svd.v * &along;
            let bent = &svd.u * svd.over_values(self.inside.transpose(), 2).transpose();
            add_product(a.as_mut(), 1.0, &bent, outside.transpose());
        }
        if svd.drops_more_than_rounding() {
            let (g_v, u_g) = (
                residual.as_ref() * along.transpose(),
                &self.inside * x_bar.transpose(),
            );
            if let Some(turned) = svd.turned_by_dropped(&g_v, &u_g)? {
                a += turned;
            }
        }
        Ok(LeastSquaresCotangent { a, b })
    }

    /// Ā and B̄ from R̄, for A, B and R̄ of order one.
    fn pulled_from_residual(&self, r_bar: MatRef<'_, f64>) -> Result<LeastSquaresCotangent> {
        let (svd, residual) = (&self.svd, self.relative_residual());
        let along = svd.u.transpose() * r_bar;
        let b = self.beside_u(r_bar);
        let mut left = -(&b * svd.over_values(self.inside.transpose(), 1));
        add_product(
            left.as_mut(),
            -1.0,
            residual.as_ref(),
            svd.over_values(along.transpose(), 1),
        );
        let mut a = left * svd.v.transpose();
        // By R = B − A X, what is left of −AᵀR̄ as a cotangent of X.
        if let Some(across) = svd.dropped_transpose_times(r_bar) {
            let bent = &svd.u * svd.over_values(self.inside.transpose(), 2).transpose();
            add_product(a.as_mut(), -1.0, &bent, across.transpose());
            let g_v = residual.as_ref() * svd.over_values(along.transpose(), -1);
            let u_g = &self.inside * across.transpose();
            if let Some(turned) = svd.turned_by_dropped(&g_v, &u_g)? {
                a -= turned;
            }
        }
        Ok(LeastSquaresCotangent { a, b })
    }

    /// Ẋ and Ṙ from Ȧ, for A, B and Ȧ of order one.
    fn pushed_from_matrix(&self, a_dot: MatRef<'_, f64>) -> Result<LeastSquaresTangent> {
        let (svd, residual) = (&self.svd, self.relative_residual());
        let residual = residual.as_ref();
        let (u, v) = (svd.u.as_ref(), svd.v.as_ref());
        let moved = a_dot * v;
        let core = u.transpose() * &moved;
        let coefficients = svd.over_values(self.inside.transpose(), 1);
        // (VᵀẊ)ᵀ, without what dropped values turn.
        let raised = residual.transpose() * &moved;
        let along = svd.over_values(raised.as_ref(), 2)
            - svd.over_values((&coefficients * core.transpose()).as_ref(), 1);
        let mut solution = v * along.transpose();
        let u_a_dot = u.transpose() * a_dot;
        if v.nrows() > svd.rank() {
            let rows = &u_a_dot - &core * v.transpose();
            let bent = svd.over_values(self.inside.transpose(), 2);
            add_product(solution.as_mut(), 1.0, rows.transpose(), bent.transpose());
        }
        let beside = self.beside_u(moved.as_ref());
        let mut residual_dot = -(beside * coefficients.transpose());
        let raised = svd.over_values(raised.as_ref(), 1);
        add_product(residual_dot.as_mut(), -1.0, u, raised.transpose());
        if svd.drops_more_than_rounding() {
            let b = residual + u * &self.inside;
            if let Some(turned) = svd.turned_by_dropped_times(&moved, &u_a_dot, b.as_ref())? {
                let along = turned.transpose() * v;
                let along = svd.over_values(along.as_ref(), -1);
                add_product(residual_dot.as_mut(), -1.0, u, along.transpose());
                solution += turned;
            }
            if let Some(dropped) = svd.dropped_times(solution.as_ref()) {
                residual_dot -= dropped;
            }
        }
        Ok(LeastSquaresTangent {
            solution,
            residual: residual_dot,
        })
    }

    /// R in units of B.
    fn relative_residual(&self) -> Mat<f64> {
        times_power_of_two(self.residual.clone(), -self.b_exponent)
    }

    /// (I − UUᵀ) X; zero where U is square, and the rest would be rounding.
    fn beside_u(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let u = &self.svd.u;
        if u.nrows() == u.ncols() {
            Mat::zeros(x.nrows(), x.ncols())
        } else {
            x - u * (u.transpose() * x)
        }
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::subspace::PseudoInverse;
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    const DEFAULT: RankTolerance = RankTolerance::MachinePrecision;

    /// Tall, wide, square, repeated values, 1 × 1, zero; lost ranks and dropped values, whose border is open.
    const CASES: &[(usize, usize, &[f64], RankTolerance)] = &[
        (1, 1, &[0.7], DEFAULT),
        (5, 1, &[2.0], DEFAULT),
        (1, 4, &[2.0], DEFAULT),
        (4, 4, &[3.0, 2.0, 2.0, 0.4], DEFAULT),
        (7, 3, &[3.0, 1.0, 1.0], DEFAULT),
        (3, 6, &[3.0, 1.0, 0.5], DEFAULT),
        (7, 5, &[2.0, 2.0, 0.5], RankTolerance::Relative(0.1)),
        (4, 6, &[2.0, 0.5], RankTolerance::Relative(0.1)),
        (5, 5, &[2.0, 1.0, 0.5, 0.5], RankTolerance::Relative(0.1)),
        (6, 4, &[2.0, 2.0, 0.3, 0.3], RankTolerance::Relative(0.4)),
        (4, 6, &[2.0, 1.5, 0.3, 0.1], RankTolerance::Relative(0.4)),
        (
            5,
            5,
            &[2.0, 1.5, 0.3, 0.3, 0.0],
            RankTolerance::Relative(0.4),
        ),
        (3, 2, &[], DEFAULT),
    ];

    fn cases() -> impl Iterator<Item = (Mat<f64>, Mat<f64>, RankTolerance, LeastSquares)> {
        CASES.iter().map(|&(m, n, spectrum, tolerance)| {
            let (a, b) = (with_spectrum(m, n, spectrum, 2), gaussian(m, 2, 5));
            let fit = LeastSquares::forward(a.as_ref(), b.as_ref(), tolerance).unwrap();
            (a, b, tolerance, fit)
        })
    }

    /// X over R: one function with both.
    fn stacked(x: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        faer::concat![[x], [r]]
    }

    #[test]
    fn a_line_by_hand() {
        // a = (3, 4), b = (1, 2): x = 11/25, r = b − a x. ẋ for ȧ = (1, 0): (ȧ·b)/25 − 2 (a·ȧ) 11/625 = −41/625.
        let (a, b) = (mat![[3.0], [4.0]], mat![[1.0], [2.0]]);
        let fit = LeastSquares::forward(a.as_ref(), b.as_ref(), DEFAULT).unwrap();
        assert!((fit.solution()[(0, 0)] - 0.44).abs() < 1e-16);
        assert!((fit.residual() - mat![[-0.32], [0.24]]).norm_max() < 1e-15);
        let dot = fit.jvp(Some(mat![[1.0], [0.0]].as_ref()), None).unwrap();
        assert!((dot.solution[(0, 0)] + 41.0 / 625.0).abs() < 1e-16);
        // ṙ = −ȧ x − a ẋ.
        let expected = mat![[-0.44 + 123.0 / 625.0], [164.0 / 625.0]];
        assert!((dot.residual - &expected).norm_max() < 1e-15);
        let bar = fit.vjp(Some(mat![[1.0]].as_ref()), None).unwrap();
        assert!((bar.b - mat![[0.12], [0.16]]).norm_max() < 1e-16);
        assert!((bar.a[(0, 0)] + 41.0 / 625.0).abs() < 1e-16);
        // Of r₁, by the same two numbers.
        let bar = fit.vjp(None, Some(mat![[1.0], [0.0]].as_ref())).unwrap();
        assert!((bar.a[(0, 0)] - expected[(0, 0)]).abs() < 1e-15);
        assert!((bar.b - mat![[0.64], [-0.48]]).norm_max() < 1e-15);
    }

    #[test]
    fn solution_and_residual_are_what_they_say() {
        for (a, b, tolerance, fit) in cases() {
            let inverse = PseudoInverse::forward(a.as_ref(), tolerance).unwrap();
            let expected = inverse.solve(b.as_ref()).unwrap();
            assert_eq!(fit.rank(), inverse.rank());
            assert!((fit.solution() - expected).norm_max() < 1e-14);
            let residual = &b - &a * fit.solution();
            assert!((fit.residual() - residual).norm_max() < 1e-14);
            assert!((inverse.u().transpose() * fit.residual()).norm_max() < 1e-15);
        }
    }

    /// Singular values 3.74, 1.95 and 1.66.
    fn three_values() -> Mat<f64> {
        mat![
            [2.0, 1.0, 0.5],
            [1.0, 3.0, -1.0],
            [0.0, 1.0, 1.5],
            [-1.0, 0.25, 0.0]
        ]
    }

    #[test]
    fn agrees_with_references_of_many_digits() {
        // Two values are kept. Central differences of the map itself, steps of 1e-25, in 90 digits by mpmath.
        let a = three_values();
        let tall = (
            a.clone(),
            mat![[1.0], [2.0], [-1.0], [0.5]],
            [
                mat![[1.0], [-2.0], [0.5]],
                mat![[0.5], [1.0], [-1.0], [2.0]],
            ],
            mat![
                [-0.024292341557608836],
                [0.5783458126946808],
                [-0.4558649774688808]
            ],
            mat![
                [1.207607035509222, -1.6295885214142485, 0.928024243885204],
                [
                    -0.5700811760150248,
                    0.9499873997268068,
                    -0.22251408437314418
                ],
                [-0.501833590989048, 0.5024675293182151, -2.0862897281680817],
                [-0.449496797204059, -0.6625842306963122, 0.7686812894211233]
            ],
            mat![
                [1.286765804964314],
                [-0.9527427720476498],
                [-0.2308706297161325],
                [1.4363980326888355]
            ],
        );
        let wide = (
            a.transpose().to_owned(),
            mat![[1.0], [2.0], [-1.0]],
            [
                mat![[1.0], [-2.0], [0.5], [0.25]],
                mat![[0.5], [1.0], [-1.0]],
            ],
            mat![
                [0.057988945990462844],
                [0.7163746736752278],
                [-0.06148436965668896],
                [0.07208319660605264]
            ],
            mat![
                [
                    0.8227739506080575,
                    -1.2326054085344396,
                    -0.07341833606711128,
                    -0.7471629663634101
                ],
                [
                    -0.5161137770277875,
                    1.0018696567221597,
                    0.09383474169520034,
                    0.7046742012432119
                ],
                [
                    -0.2290543881302713,
                    0.26895120469106515,
                    -1.4324291722645035,
                    -0.43947324697966605
                ]
            ],
            mat![
                [0.6834117370499586],
                [-0.7118404507712965],
                [0.4706034587452401]
            ],
        );
        for (a, b, [x_bar, r_bar], x, a_bar, b_bar) in [tall, wide] {
            let tolerance = RankTolerance::Relative(0.48);
            let fit = LeastSquares::forward(a.as_ref(), b.as_ref(), tolerance).unwrap();
            assert_eq!(fit.rank(), 2);
            let bar = fit.vjp(Some(x_bar.as_ref()), Some(r_bar.as_ref())).unwrap();
            assert!((fit.solution() - x).norm_max() < 1e-15);
            assert!((bar.a - a_bar).norm_max() < 3e-14);
            assert!((bar.b - b_bar).norm_max() < 3e-15);
        }
    }

    #[test]
    fn agrees_with_finite_differences_in_every_direction() {
        let check = GradientCheck {
            step: 1e-5,
            ..GradientCheck::default()
        };
        for (a, b, tolerance, fit) in cases() {
            if a.norm_max() == 0.0 {
                continue;
            }
            let (n, m) = (a.ncols(), a.nrows());
            let both = |a: MatRef<'_, f64>, b: MatRef<'_, f64>| {
                let fit = LeastSquares::forward(a, b, tolerance)?;
                Ok::<_, Error>(stacked(fit.solution(), fit.residual()))
            };
            let vjp =
                |bar: MatRef<'_, f64>| fit.vjp(Some(bar.subrows(0, n)), Some(bar.subrows(n, m)));
            let dot = |dot: LeastSquaresTangent| {
                Ok(stacked(dot.solution.as_ref(), dot.residual.as_ref()))
            };
            let of_a = |a: MatRef<'_, f64>| both(a, b.as_ref());
            let of_b = |b: MatRef<'_, f64>| both(a.as_ref(), b);
            check_vjp(of_a, |bar| Ok(vjp(bar)?.a), a.as_ref(), &check).unwrap();
            check_vjp(of_b, |bar| Ok(vjp(bar)?.b), b.as_ref(), &check).unwrap();
            check_jvp(of_a, |a| dot(fit.jvp(Some(a), None)?), a.as_ref(), &check).unwrap();
            check_jvp(of_b, |b| dot(fit.jvp(None, Some(b))?), b.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn agrees_with_the_pseudo_inverse_and_jvp_is_the_transpose() {
        for (a, b, tolerance, fit) in cases() {
            let ((m, n), p) = (a.shape(), b.ncols());
            let (x_bar, r_bar) = (gaussian(n, p, 1), gaussian(m, p, 2));
            let (a_dot, b_dot) = (gaussian(m, n, 3), gaussian(m, p, 4));
            let of_x = fit.vjp(Some(x_bar.as_ref()), None).unwrap();
            let inverse = PseudoInverse::forward(a.as_ref(), tolerance).unwrap();
            let expected = inverse.vjp_factored(x_bar.as_ref(), b.as_ref()).unwrap();
            assert!((of_x.a - expected).norm_max() < 1e-12);
            let bar = fit.vjp(Some(x_bar.as_ref()), Some(r_bar.as_ref())).unwrap();
            let dot = fit.jvp(Some(a_dot.as_ref()), Some(b_dot.as_ref())).unwrap();
            let ahead = inner(x_bar.as_ref(), dot.solution.as_ref())
                + inner(r_bar.as_ref(), dot.residual.as_ref());
            let behind =
                inner(bar.a.as_ref(), a_dot.as_ref()) + inner(bar.b.as_ref(), b_dot.as_ref());
            let size = bar.a.norm_l2() * a_dot.norm_l2() + bar.b.norm_l2() * b_dot.norm_l2();
            assert!((ahead - behind).abs() <= 1e-13 * size, "{m} × {n}");
        }
    }

    #[test]
    fn variable_projection_has_the_gradient_of_its_residual() {
        // ½‖R‖²: R̄ = R, and of Ā only −R Xᵀ is left.
        for (a, _, _, fit) in cases() {
            let bar = fit.vjp(None, Some(fit.residual())).unwrap();
            if fit.rank() == a.nrows().min(a.ncols()) || fit.rank() == 0 {
                let expected = -(fit.residual() * fit.solution().transpose());
                assert!((bar.a - expected).norm_max() < 1e-14);
            }
            assert!((bar.b - fit.residual()).norm_max() < 1e-14);
        }
    }

    #[test]
    fn the_rule_scales_with_its_inputs() {
        for (a, b, tolerance, plain) in cases() {
            let (x_bar, r_bar) = (gaussian(a.ncols(), 2, 1), gaussian(a.nrows(), 2, 2));
            let of_x = plain.vjp(Some(x_bar.as_ref()), None).unwrap();
            let of_r = plain.vjp(None, Some(r_bar.as_ref())).unwrap();
            for (size, other) in [(150, 150), (-150, -150), (150, -150), (300, 0), (0, -300)] {
                let (of_a, of_b) = (10f64.powi(size), 10f64.powi(other));
                let (a, b) = (Scale(of_a) * &a, Scale(of_b) * &b);
                let fit = LeastSquares::forward(a.as_ref(), b.as_ref(), tolerance).unwrap();
                let close = |found: &Mat<f64>, expected: &Mat<f64>, unit: f64| {
                    let scaled = Mat::from_fn(expected.nrows(), expected.ncols(), |i, j| {
                        expected[(i, j)] * unit
                    });
                    let bound = 1e-12 * unit * (1.0 + expected.norm_max());
                    assert!((found - scaled).norm_max() <= bound, "{size} {other}");
                };
                // Cotangents that bring the result to order one, where there are such.
                let unit = of_a / of_b * of_a;
                if (1e-300..1e300).contains(&unit) {
                    let bar = (Scale(unit) * &x_bar).to_owned();
                    let bar = fit.vjp(Some(bar.as_ref()), None).unwrap();
                    close(&bar.a, &of_x.a, 1.0);
                    let b_unit = of_a / of_b;
                    if b_unit < 1e300 {
                        close(&bar.b, &of_x.b, b_unit);
                    }
                }
                let unit = of_a / of_b;
                if (1e-300..1e300).contains(&unit) {
                    let bar = (Scale(unit) * &r_bar).to_owned();
                    let bar = fit.vjp(None, Some(bar.as_ref())).unwrap();
                    close(&bar.a, &of_r.a, 1.0);
                    close(&bar.b, &of_r.b, unit);
                }
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (a, b) = (gaussian(4, 2, 1), gaussian(4, 3, 2));
        let forward =
            |a: &Mat<f64>, b: &Mat<f64>| LeastSquares::forward(a.as_ref(), b.as_ref(), DEFAULT);
        let fit = forward(&a, &b).unwrap();
        let (wrong, nan) = (Mat::zeros(3, 3), Mat::full(4, 3, f64::NAN));
        let parted = LeastSquares::forward(
            with_spectrum(5, 4, &[2.0, 1.0 + 1e-13, 1.0, 0.5], 5).as_ref(),
            gaussian(5, 1, 1).as_ref(),
            RankTolerance::Relative(0.5 * (1.0 + 5e-14)),
        )
        .unwrap();
        let tiny = forward(&mat![[1e-200]], &mat![[1.0]]).unwrap();
        let (one, column) = (mat![[1.0]], gaussian(5, 1, 2));
        let none = RankTolerance::Relative(1.0);
        refused! {
            forward(&Mat::zeros(0, 3), &Mat::zeros(0, 3)) => Error::Empty { .. },
            forward(&mat![[f64::NAN]], &one) => Error::NotFinite { .. },
            forward(&a, &nan) => Error::NotFinite { .. },
            forward(&a, &wrong) => Error::ShapeMismatch { .. },
            LeastSquares::forward(a.as_ref(), b.as_ref(), none) => Error::OutOfRange { .. },
            forward(&mat![[1e-200]], &mat![[1e200]]) => Error::Overflow { op: OP },
            fit.vjp(Some(wrong.as_ref()), None) => Error::ShapeMismatch { .. },
            fit.vjp(None, Some(wrong.as_ref())) => Error::ShapeMismatch { .. },
            fit.vjp(None, Some(nan.as_ref())) => Error::NotFinite { .. },
            fit.jvp(Some(wrong.as_ref()), None) => Error::ShapeMismatch { .. },
            fit.jvp(None, Some(wrong.as_ref())) => Error::ShapeMismatch { .. },
            fit.jvp(None, Some(nan.as_ref())) => Error::NotFinite { .. },
            tiny.vjp(Some(one.as_ref()), None) => Error::Overflow { op: OP },
            tiny.jvp(Some(one.as_ref()), None) => Error::Overflow { op: OP },
            parted.vjp(Some(gaussian(4, 1, 1).as_ref()), None) => Error::GapClosed { i: 1, j: 2, .. },
            parted.vjp(None, Some(column.as_ref())) => Error::GapClosed { i: 1, j: 2, .. },
            parted.jvp(Some(gaussian(5, 4, 1).as_ref()), None) => Error::GapClosed { i: 1, j: 2, .. },
        }
        // Nothing of A is asked for, but nothing asks only of B.
        assert!(parted.jvp(None, Some(column.as_ref())).is_ok());
    }
}
