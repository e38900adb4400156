//! The inverse of a matrix on its range.

use super::truncated_svd::TruncatedSvd;
use crate::error::{Error, Result};
use crate::guard::{ensure_shape, within_range};
use crate::rank::RankTolerance;
use faer::{Mat, MatRef};

const OP: &str = "pseudo-inverse";

/// P = A⁺, stored as thin factors: P = V Σ⁻¹ Uᵀ.
///
/// ```text
/// forward   A = U Σ Vᵀ,  σ above the tolerance only                P = V Σ⁻¹ Uᵀ
/// vjp       Ā = −Pᵀ P̄ Pᵀ + (I − AP) P̄ᵀ P Pᵀ + Pᵀ P P̄ᵀ (I − PA)
///             = ( −U Σ⁻¹ CᵀΣ⁻¹ + (G V − U C) Σ⁻² ) Vᵀ + U Σ⁻² ( UᵀG − C Vᵀ )      G = P̄ᵀ,  C = UᵀG V
/// jvp       Ṗ = −P Ȧ P + P Pᵀ Ȧᵀ (I − AP) + (I − PA) Ȧᵀ Pᵀ P
/// vjp of vjp   the cotangent Z of Ā goes to P̄ as Ṗ(Z), and to A by the P, AP and PA in Ā:
///           G → −Z P G − G P Z + 2 Pᵀ sym(Gᵀ(I − AP) Z) + 2 sym(Z (I − PA) Gᵀ) Pᵀ,  pulled back as G is
///           − (I − AP) 2 sym(Z P PᵀGᵀ) Pᵀ − Pᵀ 2 sym(GᵀPᵀP Z) (I − PA)
/// ```
///
/// For P̄ = L Rᵀ no n × m matrix is formed: x = A⁺ b, say, has P̄ = x̄ bᵀ.
///
/// # Shapes
/// A, Ā: m × n; U: m × r; V: n × r; P, P̄: n × m, or L: n × p and R: m × p.
///
/// # Conventions
/// A singular value counts when it exceeds [`RankTolerance`] times the largest. Those that do not, by rounding alone
/// (8 max(m, n) ε of the largest), are taken for zero, in the derivative too: Ā is then the derivative along the
/// perturbations that keep the rank; along any other A⁺ jumps to infinity. Where the tolerance drops more than that, P is
/// the inverse on the leading vectors, and its derivative knows that the dropped vectors still turn them. A zero matrix
/// has rank 0 and P = 0.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`OutOfRange`](crate::Error::OutOfRange) for a tolerance outside [0, 1),
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`GapClosed`](crate::Error::GapClosed) on the way back where the tolerance parts two equal singular values;
/// [`CurvatureUnknown`](crate::Error::CurvatureUnknown) from second order where the tolerance drops more than rounding.
///
/// # Cost
/// O(m n min(m, n)) time, then O(m n r) each way; (m + n) r numbers stored. Nothing is m × m or n × n.
///
/// # Source
/// Golub, Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
/// separate", SIAM Journal on Numerical Analysis 10, 1973; the factored forms and the second order are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{PseudoInverse, RankTolerance};
///
/// // Two equal columns share the solution.
/// let a = mat![[1.0, 1.0], [2.0, 2.0]];
/// let inverse = PseudoInverse::forward(a.as_ref(), RankTolerance::default())?;
/// assert_eq!(inverse.rank(), 1);
/// let x = inverse.solve(mat![[1.0], [2.0]].as_ref())?;
/// assert!((x - mat![[0.5], [0.5]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PseudoInverse {
    svd: TruncatedSvd,
}

/// The result of [`PseudoInverse::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PseudoInverseSecond {
    /// The cotangent of P̄, n × m.
    pub inverse_bar_bar: Mat<f64>,
    /// The cotangent of A, m × n.
    pub a_bar: Mat<f64>,
}

/// X against the vectors of A / scale.
struct Sides {
    /// X V.
    x_v: Mat<f64>,
    /// UᵀX.
    u_x: Mat<f64>,
    /// UᵀX V.
    core: Mat<f64>,
    /// (I − UUᵀ) X V.
    columns: Mat<f64>,
    /// UᵀX (I − VVᵀ).
    rows: Mat<f64>,
}

impl PseudoInverse {
    /// Decomposes A.
    ///
    /// # Errors
    /// See [`PseudoInverse`].
    pub fn forward(a: MatRef<'_, f64>, tolerance: RankTolerance) -> Result<Self> {
        Ok(Self {
            svd: TruncatedSvd::new(OP, a, tolerance)?,
        })
    }

    /// U, σ of A / scale, and V, with zeros in place of the vectors that rounding explains.
    pub(crate) fn factors(&self) -> (Mat<f64>, Vec<f64>, Mat<f64>) {
        self.svd.factors()
    }

    /// From [`factors`](Self::factors) of A.
    pub(crate) fn from_factors(
        a: MatRef<'_, f64>,
        factors: (Mat<f64>, Vec<f64>, Mat<f64>),
        tolerance: RankTolerance,
    ) -> Result<Self> {
        Ok(Self {
            svd: TruncatedSvd::from_factors(OP, a, factors, tolerance)?,
        })
    }

    /// The pseudo-inverse P itself, n × m.
    pub fn value(&self) -> Mat<f64> {
        self.svd
            .unscaled(self.svd.over_values(self.svd.v.as_ref(), 1))
            * self.svd.u.transpose()
    }

    /// U, m × r: an orthonormal basis of the range of A.
    pub fn u(&self) -> MatRef<'_, f64> {
        self.svd.u.as_ref()
    }

    /// V, n × r: an orthonormal basis of the range of Aᵀ.
    pub fn v(&self) -> MatRef<'_, f64> {
        self.svd.v.as_ref()
    }

    /// The number of singular values above the tolerance.
    pub fn rank(&self) -> usize {
        self.svd.rank()
    }

    /// All min(m, n) singular values of A, nonincreasing.
    pub fn singular_values(&self) -> &[f64] {
        &self.svd.singular_values
    }

    /// A⁺ B for B: m × p, in O((m + n) r p) time: of all that bring A X closest to B, the smallest X.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has m rows; [`NotFinite`](crate::Error::NotFinite);
    /// [`Overflow`](crate::Error::Overflow).
    pub fn solve(&self, b: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, b, (self.svd.u.nrows(), b.ncols()))?;
        let scaled_v = self.svd.over_values(self.svd.v.as_ref(), 1);
        within_range(
            OP,
            self.svd.unscaled(scaled_v * (self.svd.u.transpose() * b)),
        )
    }

    /// Ā from a full P̄, n × m.
    ///
    /// # Errors
    /// See [`PseudoInverse`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless P̄ is n × m.
    pub fn vjp(&self, inverse_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, inverse_bar, (self.svd.v.nrows(), self.svd.u.nrows()))?;
        let g = inverse_bar.transpose();
        self.pulled(g * &self.svd.v, self.svd.u.transpose() * g)
    }

    /// Ā from P̄ = L Rᵀ stored as factors, in O((m + n) r p + m n r) time.
    ///
    /// # Errors
    /// See [`PseudoInverse`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless L is n × p and R is m × p.
    pub fn vjp_factored(&self, left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, left, (self.svd.v.nrows(), left.ncols()))?;
        ensure_shape(OP, right, (self.svd.u.nrows(), left.ncols()))?;
        self.pulled(
            right * (left.transpose() * &self.svd.v),
            (self.svd.u.transpose() * right) * left.transpose(),
        )
    }

    /// Ṗ, n × m, from Ȧ.
    ///
    /// # Errors
    /// See [`PseudoInverse`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is m × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let (u, v) = (self.svd.u.as_ref(), self.svd.v.as_ref());
        ensure_shape(OP, a_dot, (u.nrows(), v.nrows()))?;
        let (a_dot_v, u_a_dot) = (a_dot * v, u.transpose() * a_dot);
        let c = u.transpose() * &a_dot_v;
        let mut right = -(self.svd.over_values(v, 1) * self.svd.over_values(c.as_ref(), 1));
        if let Some(rows) = self.outside_rows(&u_a_dot, &c) {
            right += self.svd.over_values(rows.transpose(), 2);
        }
        let mut inverse_dot = right * u.transpose();
        if let Some(columns) = self.outside_columns(&a_dot_v, &c) {
            inverse_dot += v * self.svd.over_values(columns.as_ref(), 2).transpose();
        }
        if let Some(turned) = self.svd.turned_by_dropped(&a_dot_v, &u_a_dot)? {
            inverse_dot += turned.transpose();
        }
        within_range(OP, self.svd.unscaled(self.svd.unscaled(inverse_dot)))
    }

    /// The way back through Ā = `vjp(P̄)`: from a cotangent Z of Ā to those of P̄ and of A.
    ///
    /// With P̄ held fixed, `a_bar` is the product of the Hessian of ⟨P̄, A⁺⟩ with Z where A has full rank; at low rank, the
    /// derivative of ⟨Z, Ā⟩ along the perturbations that keep it.
    ///
    /// # Errors
    /// See [`PseudoInverse`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless P̄ is n × m and Z is m × n.
    pub fn vjp_of_vjp(
        &self,
        inverse_bar: MatRef<'_, f64>,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<PseudoInverseSecond> {
        ensure_shape(OP, inverse_bar, (self.svd.v.nrows(), self.svd.u.nrows()))?;
        ensure_shape(OP, a_bar_bar, (self.svd.u.nrows(), self.svd.v.nrows()))?;
        if self.svd.drops_more_than_rounding() {
            return Err(Error::CurvatureUnknown {
                op: "pseudo-inverse that drops more than rounding",
            });
        }
        let (g, z) = (inverse_bar.transpose(), a_bar_bar);
        let (of_g, of_z) = (self.sides(g), self.sides(z));
        let turned = self.by_inverse(g, z, &of_g, &of_z)? + self.by_ranges(&of_g, &of_z);
        let a_bar = self
            .svd
            .unscaled(self.svd.unscaled(self.svd.unscaled(turned)));
        Ok(PseudoInverseSecond {
            inverse_bar_bar: self.jvp(a_bar_bar)?,
            a_bar: within_range(OP, a_bar)?,
        })
    }

    fn sides(&self, x: MatRef<'_, f64>) -> Sides {
        let (x_v, u_x) = (x * &self.svd.v, self.svd.u.transpose() * x);
        let core = self.svd.u.transpose() * &x_v;
        let zeros = |x: &Mat<f64>| Mat::zeros(x.nrows(), x.ncols());
        Sides {
            columns: self
                .outside_columns(&x_v, &core)
                .unwrap_or_else(|| zeros(&x_v)),
            rows: self
                .outside_rows(&u_x, &core)
                .unwrap_or_else(|| zeros(&u_x)),
            core,
            x_v,
            u_x,
        }
    }

    /// The part of second order by way of P, for A / scale.
    fn by_inverse(
        &self,
        g: MatRef<'_, f64>,
        z: MatRef<'_, f64>,
        of_g: &Sides,
        of_z: &Sides,
    ) -> Result<Mat<f64>> {
        let over = |x: MatRef<'_, f64>| self.svd.over_values(x, 1);
        let twice_sym = |x: Mat<f64>| &x + x.transpose();
        let left = twice_sym(of_g.columns.transpose() * &of_z.columns);
        let right = twice_sym(&of_z.rows * of_g.rows.transpose());
        let across = z * of_g.rows.transpose() + g * of_z.rows.transpose();
        let g_v = over(self.svd.u.as_ref()) * left + over(across.as_ref())
            - over(of_z.x_v.as_ref()) * &of_g.core
            - over(of_g.x_v.as_ref()) * &of_z.core;
        let down = z.transpose() * &of_g.columns + g.transpose() * &of_z.columns;
        let u_g = over(down.as_ref()).transpose() + over(right.as_ref()) * self.svd.v.transpose()
            - over(of_z.core.as_ref()) * &of_g.u_x
            - over(of_g.core.as_ref()) * &of_z.u_x;
        self.pulled_over_scale(g_v, u_g)
    }

    /// The part of second order by way of AP and PA, for A / scale.
    fn by_ranges(&self, of_g: &Sides, of_z: &Sides) -> Mat<f64> {
        let over = |x: MatRef<'_, f64>| self.svd.over_values(x, 2);
        let columns = over(of_z.columns.as_ref()) * of_g.core.transpose()
            + over(of_g.columns.as_ref()) * of_z.core.transpose();
        let rows =
            over(of_g.core.transpose()) * &of_z.rows + over(of_z.core.transpose()) * &of_g.rows;
        -(self.svd.over_values(columns.as_ref(), 1) * self.svd.v.transpose()
            + self.svd.over_values(self.svd.u.as_ref(), 1) * rows)
    }

    /// Ā from G V, m × r, and UᵀG, r × n.
    fn pulled(&self, g_v: Mat<f64>, u_g: Mat<f64>) -> Result<Mat<f64>> {
        let a_bar = self.pulled_over_scale(g_v, u_g)?;
        within_range(OP, self.svd.unscaled(self.svd.unscaled(a_bar)))
    }

    /// The same for A / scale.
    fn pulled_over_scale(&self, g_v: Mat<f64>, u_g: Mat<f64>) -> Result<Mat<f64>> {
        let (u, v) = (self.svd.u.as_ref(), self.svd.v.as_ref());
        let c = u.transpose() * &g_v;
        let mut left = -(self.svd.over_values(u, 1) * self.svd.over_values(c.transpose(), 1));
        if let Some(columns) = self.outside_columns(&g_v, &c) {
            left += self.svd.over_values(columns.as_ref(), 2);
        }
        let mut a_bar = left * v.transpose();
        if let Some(rows) = self.outside_rows(&u_g, &c) {
            a_bar += self.svd.over_values(u, 2) * rows;
        }
        if let Some(turned) = self.svd.turned_by_dropped(&g_v, &u_g)? {
            a_bar += turned;
        }
        Ok(a_bar)
    }

    /// (I − UUᵀ) X V from X V and C = UᵀX V; `None` where U is square, and the rest would be rounding over σ².
    fn outside_columns(&self, x_v: &Mat<f64>, c: &Mat<f64>) -> Option<Mat<f64>> {
        (self.svd.u.nrows() > self.rank()).then(|| x_v - &self.svd.u * c)
    }

    /// UᵀX (I − VVᵀ) from UᵀX and C = UᵀX V; `None` where V is square.
    fn outside_rows(&self, u_x: &Mat<f64>, c: &Mat<f64>) -> Option<Mat<f64>> {
        (self.svd.v.nrows() > self.rank()).then(|| u_x - c * self.svd.v.transpose())
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    const DEFAULT: RankTolerance = RankTolerance::MachinePrecision;

    /// Tall, wide, square, rank deficient, one row, one column, 1 × 1, zero.
    const CASES: &[(usize, usize, &[f64])] = &[
        (1, 1, &[0.7]),
        (5, 1, &[2.0]),
        (1, 4, &[2.0]),
        (4, 4, &[3.0, 2.0, 2.0, 0.4]),
        (7, 3, &[3.0, 1.0, 1.0]),
        (3, 6, &[3.0, 1.0, 0.5]),
        (7, 5, &[2.0, 2.0, 0.5]),
        (4, 6, &[2.0, 0.5]),
        (5, 5, &[2.0, 1.0, 0.5, 0.5]),
        (3, 2, &[]),
    ];

    fn value(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(PseudoInverse::forward(a, DEFAULT)?.value())
    }

    #[test]
    fn a_line_by_hand() {
        // a = (3, 4): a⁺ = aᵀ / 25, and its derivative ȧᵀ/25 − 2 (a·ȧ) aᵀ/625.
        let a = mat![[3.0], [4.0]];
        let inverse = PseudoInverse::forward(a.as_ref(), DEFAULT).unwrap();
        assert!((inverse.value() - mat![[0.12, 0.16]]).norm_max() < 1e-16);
        let dot = inverse.jvp(mat![[1.0], [0.0]].as_ref()).unwrap();
        let expected = mat![[1.0 / 25.0 - 18.0 / 625.0, -24.0 / 625.0]];
        assert!((&dot - &expected).norm_max() < 1e-16);
        // The Jacobian is symmetric here.
        let a_bar = inverse.vjp(mat![[1.0, 0.0]].as_ref()).unwrap();
        assert!((a_bar.transpose() - expected).norm_max() < 1e-16);
    }

    #[test]
    fn the_second_order_by_hand() {
        // 1/a: ā = −p̄ / a², and once more 2 p̄ z / a³.
        let inverse = PseudoInverse::forward(mat![[2.0]].as_ref(), DEFAULT).unwrap();
        let second = inverse
            .vjp_of_vjp(mat![[3.0]].as_ref(), mat![[5.0]].as_ref())
            .unwrap();
        assert_eq!(second.a_bar, mat![[30.0 / 8.0]]);
        assert_eq!(second.inverse_bar_bar, mat![[-5.0 / 4.0]]);
        // a⁺ = aᵀ/r² at a = (2, 0), p̄ = (0, 1): of y/r², with z = (3, 5): −2 x y/r⁴ · 3 + (1/r² − 2 y²/r⁴) · 5.
        let inverse = PseudoInverse::forward(mat![[2.0], [0.0]].as_ref(), DEFAULT).unwrap();
        let second = inverse
            .vjp_of_vjp(mat![[0.0, 1.0]].as_ref(), mat![[3.0], [5.0]].as_ref())
            .unwrap();
        // Its gradient: x: −10 / 8; y: −12 / 16.
        assert!((second.a_bar - mat![[-1.25], [-0.75]]).norm_max() < 1e-15);
    }

    #[test]
    fn second_order_agrees_with_finite_differences_of_the_first() {
        let check = GradientCheck {
            step: 1e-5,
            tolerance: 1e-7,
            ..GradientCheck::default()
        };
        for (m, n, spectrum) in CASES {
            let r = spectrum.len();
            let a = with_spectrum(*m, *n, spectrum, 2);
            let inverse = PseudoInverse::forward(a.as_ref(), DEFAULT).unwrap();
            let bar = gaussian(*n, *m, 1);
            let first = |a: MatRef<'_, f64>| PseudoInverse::forward(a, DEFAULT)?.vjp(bar.as_ref());
            let second = |z: MatRef<'_, f64>| Ok(inverse.vjp_of_vjp(bar.as_ref(), z)?.a_bar);
            if r == *m.min(n) {
                check_vjp(first, second, a.as_ref(), &check).unwrap();
                let (y, z) = (gaussian(*m, *n, 2), gaussian(*m, *n, 3));
                let (of_y, of_z) = (second(y.as_ref()).unwrap(), second(z.as_ref()).unwrap());
                let (forward, back) = (
                    inner(of_y.as_ref(), z.as_ref()),
                    inner(of_z.as_ref(), y.as_ref()),
                );
                let size = of_y.norm_l2() * z.norm_l2() + of_z.norm_l2() * y.norm_l2();
                assert!((forward - back).abs() < 1e-13 * size, "{m} × {n}");
            } else if r > 0 {
                // Along A = B C, which keeps the rank.
                let b =
                    inverse.u() * Mat::from_fn(r, r, |i, j| if i == j { spectrum[i] } else { 0.0 });
                let c = inverse.v().transpose();
                let of_b = |b: MatRef<'_, f64>| first((b * c).as_ref());
                check_vjp(of_b, |z| Ok(second(z)? * c.transpose()), b.as_ref(), &check).unwrap();
                let of_c = |c: MatRef<'_, f64>| first((&b * c).as_ref());
                check_vjp(of_c, |z| Ok(b.transpose() * second(z)?), c, &check).unwrap();
            } else {
                assert_eq!(second(a.as_ref()).unwrap(), Mat::<f64>::zeros(*m, *n));
            }
            let of_bar = |bar: MatRef<'_, f64>| inverse.vjp(bar);
            let back =
                |z: MatRef<'_, f64>| Ok(inverse.vjp_of_vjp(bar.as_ref(), z)?.inverse_bar_bar);
            check_vjp(of_bar, back, bar.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn second_order_scales_with_the_third_power() {
        let (a, bar, z) = (
            with_spectrum(5, 3, &[3.0, 2.0, 2.0], 2),
            gaussian(3, 5, 1),
            gaussian(5, 3, 2),
        );
        let plain = PseudoInverse::forward(a.as_ref(), DEFAULT).unwrap();
        let plain = plain.vjp_of_vjp(bar.as_ref(), z.as_ref()).unwrap().a_bar;
        for size in [1e-100, 1e100] {
            let inverse = PseudoInverse::forward((Scale(size) * &a).as_ref(), DEFAULT).unwrap();
            let a_bar = inverse.vjp_of_vjp(bar.as_ref(), z.as_ref()).unwrap().a_bar;
            let back = Scale(size) * (Scale(size) * (Scale(size) * a_bar));
            assert!(
                (back - &plain).norm_max() < 1e-13 * plain.norm_max(),
                "{size:e}"
            );
        }
    }

    #[test]
    fn moore_and_penrose_hold() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let inverse = PseudoInverse::forward(a.as_ref(), DEFAULT).unwrap();
            assert_eq!(inverse.rank(), spectrum.len());
            assert_eq!(inverse.singular_values().len(), *n.min(m));
            let p = inverse.value();
            let (left, right) = (&a * &p, &p * &a);
            assert!((&left * &a - &a).norm_max() < 1e-13, "{m} × {n}");
            assert!((&right * &p - &p).norm_max() < 1e-13, "{m} × {n}");
            assert!((&left - left.transpose()).norm_max() < 1e-14, "{m} × {n}");
            assert!((&right - right.transpose()).norm_max() < 1e-14, "{m} × {n}");
            let b = gaussian(*m, 2, 1);
            let x = inverse.solve(b.as_ref()).unwrap();
            assert!((x - p * b).norm_max() < 1e-13, "{m} × {n}");
        }
    }

    #[test]
    fn agrees_with_finite_differences_at_full_rank() {
        for (m, n, spectrum) in CASES {
            if spectrum.len() < *m.min(n) {
                continue;
            }
            let a = with_spectrum(*m, *n, spectrum, 2);
            let inverse = PseudoInverse::forward(a.as_ref(), DEFAULT).unwrap();
            let check = GradientCheck {
                step: 1e-5,
                ..GradientCheck::default()
            };
            check_vjp(value, |bar| inverse.vjp(bar), a.as_ref(), &check).unwrap();
            check_jvp(value, |dot| inverse.jvp(dot), a.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn agrees_with_finite_differences_that_keep_the_rank() {
        for (m, n, r) in [(7, 5, 3), (4, 6, 2), (5, 5, 4)] {
            // A = B C with B: m × r.
            let (b, c) = (gaussian(m, r, 1), gaussian(r, n, 2));
            let tolerance = RankTolerance::Relative(1e-10);
            let of_b = |b: MatRef<'_, f64>| {
                Ok::<_, Error>(PseudoInverse::forward((b * &c).as_ref(), tolerance)?.value())
            };
            let inverse = PseudoInverse::forward((&b * &c).as_ref(), tolerance).unwrap();
            assert_eq!(inverse.rank(), r);
            let vjp = |bar: MatRef<'_, f64>| Ok(inverse.vjp(bar)? * c.transpose());
            let jvp = |b_dot: MatRef<'_, f64>| inverse.jvp((b_dot * &c).as_ref());
            let check = GradientCheck {
                step: 1e-5,
                tolerance: 1e-7,
                ..GradientCheck::default()
            };
            check_vjp(of_b, vjp, b.as_ref(), &check).unwrap();
            check_jvp(of_b, jvp, b.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn factors_give_what_the_full_cotangent_gives_and_jvp_is_the_transpose() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let inverse = PseudoInverse::forward(a.as_ref(), DEFAULT).unwrap();
            let (left, right) = (gaussian(*n, 2, 1), gaussian(*m, 2, 2));
            let bar = &left * right.transpose();
            let full = inverse.vjp(bar.as_ref()).unwrap();
            let factored = inverse.vjp_factored(left.as_ref(), right.as_ref()).unwrap();
            assert!((&full - factored).norm_max() < 1e-12, "{m} × {n}");

            let a_dot = gaussian(*m, *n, 3);
            let dot = inverse.jvp(a_dot.as_ref()).unwrap();
            let forward = inner(bar.as_ref(), dot.as_ref());
            let back = inner(full.as_ref(), a_dot.as_ref());
            let size = bar.norm_l2() * dot.norm_l2();
            assert!(
                (forward - back).abs() <= 1e-13 * size,
                "{m} × {n}: {forward} {back}"
            );
        }
    }

    #[test]
    fn the_gradient_grows_as_a_value_falls_until_it_no_longer_counts() {
        let a = |small: f64| mat![[1.0, 0.0], [0.0, small]];
        let bar = mat![[0.0, 0.0], [0.0, 1.0]];
        for small in [1e-2, 1e-7, 1e-14] {
            let inverse = PseudoInverse::forward(a(small).as_ref(), DEFAULT).unwrap();
            let a_bar = inverse.vjp(bar.as_ref()).unwrap();
            assert!(
                (a_bar[(1, 1)] * small * small + 1.0).abs() < 1e-14,
                "{small:e}"
            );
        }
        let inverse = PseudoInverse::forward(a(1e-15).as_ref(), DEFAULT).unwrap();
        assert_eq!(inverse.rank(), 1);
        assert!(inverse.vjp(bar.as_ref()).unwrap().norm_max() < 1e-15);
    }

    #[test]
    fn the_rule_scales_with_its_input() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 6);
            let bar = gaussian(*n, *m, 1);
            let plain = PseudoInverse::forward(a.as_ref(), DEFAULT).unwrap();
            let plain_bar = plain.vjp(bar.as_ref()).unwrap();
            for size in [2f64.powi(-500), 2f64.powi(500)] {
                let inverse = PseudoInverse::forward((Scale(size) * &a).as_ref(), DEFAULT).unwrap();
                let value = Scale(size) * inverse.value();
                let a_bar = Scale(size) * (Scale(size) * inverse.vjp(bar.as_ref()).unwrap());
                assert!((value - plain.value()).norm_max() < 1e-13, "{size:e}");
                assert!((a_bar - &plain_bar).norm_max() < 1e-12, "{size:e}");
            }
        }
    }

    #[test]
    fn dropped_vectors_still_turn_the_kept_ones() {
        for (m, n) in [(7, 5), (5, 7), (5, 5)] {
            for (spectrum, tolerance) in [
                (&[3.0, 2.0, 0.1, 0.05, 0.02][..], 0.1),
                (&[3.0, 2.0, 2.0, 0.5, 0.5], 0.3),
                (&[3.0, 2.0, 1e-2, 1e-2, 0.0], 0.1),
            ] {
                let a = with_spectrum(m, n, spectrum, 5);
                let tolerance = RankTolerance::Relative(tolerance);
                let inverse = PseudoInverse::forward(a.as_ref(), tolerance).unwrap();
                let value = |a: MatRef<'_, f64>| {
                    Ok::<_, Error>(PseudoInverse::forward(a, tolerance)?.value())
                };
                let check = GradientCheck::default();
                let vjp = |bar: MatRef<'_, f64>| inverse.vjp(bar);
                check_vjp(value, vjp, a.as_ref(), &check).unwrap();
                check_jvp(value, |dot| inverse.jvp(dot), a.as_ref(), &check).unwrap();
            }
        }
        let a = with_spectrum(5, 4, &[2.0, 1.0 + 1e-13, 1.0, 0.5], 5);
        let tolerance = RankTolerance::Relative(0.5 * (1.0 + 5e-14));
        let parted = PseudoInverse::forward(a.as_ref(), tolerance).unwrap();
        assert_eq!(parted.rank(), 2);
        assert!(matches!(
            parted.vjp(gaussian(4, 5, 1).as_ref()),
            Err(Error::GapClosed { i: 1, j: 2, .. })
        ));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>, t| PseudoInverse::forward(a.as_ref(), t);
        let inverse = PseudoInverse::forward(gaussian(4, 2, 1).as_ref(), DEFAULT).unwrap();
        let (wrong, nan) = (Mat::zeros(3, 3), Mat::full(4, 2, f64::NAN));
        let tiny = PseudoInverse::forward(mat![[1e-200]].as_ref(), DEFAULT).unwrap();
        let one = mat![[1.0]];
        refused! {
            forward(Mat::zeros(0, 3), DEFAULT) => Error::Empty { .. },
            forward(mat![[f64::NAN]], DEFAULT) => Error::NotFinite { .. },
            forward(mat![[1.0]], RankTolerance::Relative(-1.0)) => Error::OutOfRange { .. },
            forward(mat![[1e-310]], DEFAULT) => Error::Overflow { op: OP },
            inverse.solve(wrong.as_ref()) => Error::ShapeMismatch { .. },
            inverse.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            inverse.vjp_factored(wrong.as_ref(), wrong.as_ref()) => Error::ShapeMismatch { .. },
            inverse.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            inverse.solve(nan.as_ref()) => Error::NotFinite { .. },
            inverse.vjp(nan.transpose()) => Error::NotFinite { .. },
            inverse.vjp_factored(nan.subrows(0, 2), nan.as_ref()) => Error::NotFinite { .. },
            inverse.jvp(nan.as_ref()) => Error::NotFinite { .. },
            tiny.solve(mat![[1e200]].as_ref()) => Error::Overflow { op: OP },
            tiny.vjp(one.as_ref()) => Error::Overflow { op: OP },
            tiny.vjp_factored(one.as_ref(), one.as_ref()) => Error::Overflow { op: OP },
            tiny.jvp(one.as_ref()) => Error::Overflow { op: OP },
        }
        let inverse = PseudoInverse::forward(gaussian(4, 2, 1).as_ref(), DEFAULT).unwrap();
        let (bar, z, wrong) = (gaussian(2, 4, 1), gaussian(4, 2, 1), Mat::zeros(3, 3));
        let truncated = RankTolerance::Relative(0.5);
        let truncated =
            PseudoInverse::forward(with_spectrum(4, 2, &[2.0, 0.1], 1).as_ref(), truncated)
                .unwrap();
        let small = PseudoInverse::forward(mat![[1e-150]].as_ref(), DEFAULT).unwrap();
        refused! {
            inverse.vjp_of_vjp(wrong.as_ref(), z.as_ref()) => Error::ShapeMismatch { .. },
            inverse.vjp_of_vjp(bar.as_ref(), wrong.as_ref()) => Error::ShapeMismatch { .. },
            truncated.vjp_of_vjp(bar.as_ref(), z.as_ref()) => Error::CurvatureUnknown { .. },
            small.vjp_of_vjp(mat![[1.0]].as_ref(), mat![[1.0]].as_ref()) => Error::Overflow { op: OP },
        }
    }
}
