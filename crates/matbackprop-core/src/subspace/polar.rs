//! The closest matrix with orthonormal columns or rows.

use crate::decompose::thin_svd;
use crate::error::{Error, Result};
use crate::guard::{ensure_matrix, ensure_shape, number_within_range, within_range};
use crate::rank::{RankTolerance, count_above};
use crate::scale::{Scaled, power_of_two_scale};
use crate::symmetric::sym;
use faer::{Mat, MatRef, Scale};

const OP: &str = "polar factors";

/// A = W H for tall and square A, A = H W for wide A: orthonormal W, positive semidefinite H.
///
/// ```text
/// forward   A = U Σ Vᵀ,  W = U Vᵀ,  H = V Σ Vᵀ;  wide: H = U Σ Uᵀ
/// vjp       Ā = D(W̄) + U ( Gᵢⱼ ) Vᵀ                            Gᵢⱼ = 2 Sᵢⱼ σᵢ / (σᵢ + σⱼ),  S = Vᵀ sym(H̄) V
/// jvp       Ẇ = D(Ȧ),  Ḣ = V ( (σᵢFᵢⱼ + σⱼFⱼᵢ) / (σᵢ + σⱼ) ) Vᵀ                              F = UᵀȦV
///           wide: for H, Aᵀ = V Σ Uᵀ takes the place of A
/// vjp of vjp, for W̄ alone: the cotangent Z of Ā goes to W̄ as D(Z), and to A as
///           D(W P H − W₁H₂ − W₂H₁) − W P                    Wₓ = D(X), Hₓ = Ḣ(X) for X = W̄, Z;  P = sym(W₁ᵀW₂)
/// with      D(X) = U ( (Yᵢⱼ − Yⱼᵢ) / (σᵢ + σⱼ) ) Vᵀ + (I − UUᵀ) X V Σ⁻¹ Vᵀ + U Σ⁻¹ Uᵀ X (I − VVᵀ)      Y = UᵀXV
/// ```
///
/// W is the gradient of Σ σᵢ, so its derivative D is symmetric and goes both ways.
/// Only sums of singular values divide: equal values cost no digit, where the way through the cotangents of U and V
/// has 0 / 0.
///
/// # Shapes
/// A, W and their cotangents: m × n; H, H̄: k × k, k = min(m, n).
///
/// # Conventions
/// W is the matrix with orthonormal columns (rows, if wide) closest to A. A singular value up to 8 max(m, n) ε of the
/// largest is taken for zero. H is unique at any rank; W is unique, and differentiable, where the rank is k, and
/// else completed by vectors of the decomposition: then only cotangents that stay with the other singular vectors, on
/// both sides, go back, and only to first order. H has a kink where a singular value is zero, along the vectors of that value on both sides.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`RankDeficient`](crate::Error::RankDeficient) with the first singular value that is zero, relative to the largest,
/// where a cotangent or tangent needs it.
///
/// # Cost
/// O(m n k) time; (2 m + 2 n + k) k numbers stored at most.
///
/// # Source
/// Higham, "Functions of Matrices", SIAM 2008, chapter 8, for the factors; the derivative by singular vectors, also at
/// zero singular values, and the second are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::Polar;
///
/// // A rotation by a right angle, of a matrix that stretches by 2 and by 3.
/// let polar = Polar::forward(mat![[0.0, -3.0], [2.0, 0.0]].as_ref())?;
/// assert!((polar.w() - mat![[0.0, -1.0], [1.0, 0.0]]).norm_max() < 1e-15);
/// assert!((polar.h() - mat![[2.0, 0.0], [0.0, 3.0]]).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Polar {
    u: Mat<f64>,
    v: Mat<f64>,
    /// σ / σ₁.
    relative_values: Vec<f64>,
    largest: f64,
    rank: usize,
    floor: f64,
    w: Mat<f64>,
    h: Mat<f64>,
}

/// The result of [`Polar::jvp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PolarTangent {
    /// Ẇ, m × n.
    pub w: Mat<f64>,
    /// Ḣ, k × k, symmetric.
    pub h: Mat<f64>,
}

/// The result of [`Polar::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PolarSecond {
    /// The cotangent of W̄, m × n.
    pub w_bar_bar: Mat<f64>,
    /// The cotangent of A, m × n.
    pub a_bar: Mat<f64>,
}

impl Polar {
    /// Decomposes A.
    ///
    /// # Errors
    /// See [`Polar`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        ensure_matrix(OP, a)?;
        let floor = RankTolerance::MachinePrecision.fraction(a.nrows(), a.ncols())?;
        let scale = power_of_two_scale(a);
        let (u, values, v) = thin_svd(OP, Scaled::new(a, scale).as_ref())?;
        let w = &u * v.transpose();
        let side = if a.nrows() < a.ncols() { &u } else { &v };
        let stretched = Mat::from_fn(side.nrows(), values.len(), |i, j| side[(i, j)] * values[j]);
        let h = Scale(scale) * sym((stretched * side.transpose()).as_ref());
        let largest = if values[0] > 0.0 { values[0] } else { 1.0 };
        Ok(Self {
            relative_values: values.iter().map(|value| value / largest).collect(),
            largest: number_within_range(OP, largest * scale)?,
            rank: count_above(&values, floor),
            floor,
            w,
            h: within_range(OP, h)?,
            u,
            v,
        })
    }

    /// U, the singular values, and V.
    pub(crate) fn factors(&self) -> (MatRef<'_, f64>, Vec<f64>, MatRef<'_, f64>) {
        let values = self.relative_values.iter().map(|x| x * self.largest);
        (self.u.as_ref(), values.collect(), self.v.as_ref())
    }

    /// The way back alone, from [`factors`](Self::factors); W and H are not there.
    pub(crate) fn from_factors(u: Mat<f64>, values: Vec<f64>, v: Mat<f64>) -> Result<Self> {
        let floor = RankTolerance::MachinePrecision.fraction(u.nrows(), v.nrows())?;
        let largest = values.first().copied().unwrap_or_default();
        let largest = if largest > 0.0 { largest } else { 1.0 };
        Ok(Self {
            relative_values: values.iter().map(|value| value / largest).collect(),
            rank: count_above(&values, floor),
            largest,
            floor,
            w: Mat::zeros(u.nrows(), v.nrows()),
            h: Mat::zeros(values.len(), values.len()),
            u,
            v,
        })
    }

    /// The polar factor W, m × n.
    pub fn w(&self) -> MatRef<'_, f64> {
        self.w.as_ref()
    }

    /// The symmetric factor H, k × k.
    pub fn h(&self) -> MatRef<'_, f64> {
        self.h.as_ref()
    }

    /// How many singular values are not taken for zero.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Ā from W̄ and H̄; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`Polar`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        w_bar: Option<MatRef<'_, f64>>,
        h_bar: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        let (u, v) = (self.u.as_ref(), self.v.as_ref());
        let mut a_bar = Mat::zeros(u.nrows(), v.nrows());
        if let Some(w_bar) = w_bar {
            ensure_shape(OP, w_bar, a_bar.shape())?;
            a_bar += self.turned(w_bar)?;
        }
        if let Some(h_bar) = h_bar {
            ensure_shape(OP, h_bar, self.h.shape())?;
            let (outer, inner) = self.sides();
            let s = inner.transpose() * sym(h_bar) * inner;
            let zeros = s.nrows() - self.rank;
            let kernel = s.submatrix(self.rank, self.rank, zeros, zeros);
            self.ensure_zero(kernel, h_bar.norm_l2())?;
            let core = Mat::from_fn(s.nrows(), s.ncols(), |i, j| {
                2.0 * s[(i, j)] * self.share(i, j)
            });
            let stretched = outer * core * inner.transpose();
            if self.is_wide() {
                a_bar += stretched.transpose();
            } else {
                a_bar += stretched;
            }
        }
        within_range(OP, a_bar)
    }

    /// Ẇ and Ḣ from Ȧ, where the rank is k.
    ///
    /// # Errors
    /// See [`Polar`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is m × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<PolarTangent> {
        ensure_shape(OP, a_dot, self.w.shape())?;
        if self.rank < self.relative_values.len() {
            return Err(self.deficient());
        }
        Ok(PolarTangent {
            w: within_range(OP, self.turned(a_dot)?)?,
            h: self.h_jvp(a_dot)?,
        })
    }

    /// Ḣ alone, which exists at any rank for an Ȧ that keeps the zero singular values.
    ///
    /// # Errors
    /// As [`jvp`](Self::jvp).
    pub fn h_jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, a_dot, self.w.shape())?;
        let (outer, inner) = self.sides();
        let moved = if self.is_wide() {
            a_dot.transpose() * inner
        } else {
            a_dot * inner
        };
        let f = outer.transpose() * &moved;
        let (r, k) = (self.rank, inner.ncols());
        if r < k {
            let inside = outer.subcols(0, r) * f.submatrix(0, r, r, k - r);
            let kernel = moved.subcols(r, k - r) - inside;
            self.ensure_zero(kernel.as_ref(), a_dot.norm_l2())?;
        }
        let core = Mat::from_fn(k, k, |i, j| {
            self.share(i, j) * f[(i, j)] + self.share(j, i) * f[(j, i)]
        });
        within_range(OP, sym((inner * core * inner.transpose()).as_ref()))
    }

    /// The way back through Ā = `vjp(W̄, None)`: from a cotangent Z of Ā to those of W̄ and of A, where the rank is k.
    ///
    /// With W̄ held fixed, `a_bar` is the product of the Hessian of ⟨W̄, W⟩ with Z.
    ///
    /// # Errors
    /// See [`Polar`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless W̄ and Z are m × n.
    pub fn vjp_of_vjp(
        &self,
        w_bar: MatRef<'_, f64>,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<PolarSecond> {
        ensure_shape(OP, w_bar, self.w.shape())?;
        ensure_shape(OP, a_bar_bar, self.w.shape())?;
        if self.rank < self.relative_values.len() {
            return Err(self.deficient());
        }
        // All of A / σ₁, whose products stay in range.
        let (w, h) = (&self.w, Scale(self.largest.recip()) * &self.h);
        let w1 = self.turned_over(w_bar, 1.0)?;
        let w2 = self.turned_over(a_bar_bar, 1.0)?;
        let (h1, h2) = (self.h_jvp(w_bar)?, self.h_jvp(a_bar_bar)?);
        let (bent, moved) = if self.is_wide() {
            let p = sym((&w1 * w2.transpose()).as_ref());
            let bent = p * w;
            let moved = h * &bent - h2 * &w1 - h1 * &w2;
            (bent, moved)
        } else {
            let p = sym((w1.transpose() * &w2).as_ref());
            let bent = w * p;
            let moved = &bent * h - &w1 * h2 - &w2 * h1;
            (bent, moved)
        };
        let second = self.turned_over(moved.as_ref(), 1.0)? - bent;
        let over_largest =
            |x: Mat<f64>| Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] / self.largest);
        Ok(PolarSecond {
            w_bar_bar: within_range(OP, over_largest(w2))?,
            a_bar: within_range(OP, over_largest(over_largest(second)))?,
        })
    }

    /// D(X), where X needs no zero singular value.
    fn turned(&self, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        self.turned_over(x, self.largest)
    }

    /// D(X) of A · `largest` / σ₁.
    fn turned_over(&self, x: MatRef<'_, f64>, largest: f64) -> Result<Mat<f64>> {
        let r = self.rank;
        let (u, v) = (self.u.subcols(0, r), self.v.subcols(0, r));
        let (x_v, u_x) = (x * v, u.transpose() * x);
        let y = u.transpose() * &x_v;
        let core = Mat::from_fn(r, r, |i, j| {
            let sum = self.relative_values[i] + self.relative_values[j];
            (y[(i, j)] - y[(j, i)]) / sum / largest
        });
        let mut turned = u * core * v.transpose();
        if r < self.relative_values.len() {
            let elsewhere = x - u * &y * v.transpose();
            self.ensure_zero(elsewhere.as_ref(), x.norm_l2())?;
            return Ok(turned);
        }
        let over_values = |x: MatRef<'_, f64>| {
            Mat::from_fn(x.nrows(), r, |i, j| {
                x[(i, j)] / self.relative_values[j] / largest
            })
        };
        if u.nrows() > r {
            turned += over_values((x_v - u * &y).as_ref()) * v.transpose();
        }
        if v.nrows() > r {
            turned += u * over_values((u_x - y * v.transpose()).transpose()).transpose();
        }
        Ok(turned)
    }

    /// σᵢ / (σᵢ + σⱼ); 0 where both are zero, for which the caller has asked.
    fn share(&self, i: usize, j: usize) -> f64 {
        if i.min(j) >= self.rank {
            return 0.0;
        }
        let (own, other) = (self.relative_values[i], self.relative_values[j]);
        own / (own + other)
    }

    fn is_wide(&self) -> bool {
        self.u.nrows() < self.v.nrows()
    }

    /// The vectors on the side of W, and on that of H.
    fn sides(&self) -> (MatRef<'_, f64>, MatRef<'_, f64>) {
        let (u, v) = (self.u.as_ref(), self.v.as_ref());
        if self.is_wide() { (v, u) } else { (u, v) }
    }

    /// The part of zero singular values must be zero, up to the rounding of a matrix of this size.
    fn ensure_zero(&self, x: MatRef<'_, f64>, size: f64) -> Result<()> {
        if x.norm_max() <= self.floor * size {
            Ok(())
        } else {
            Err(self.deficient())
        }
    }

    fn deficient(&self) -> Error {
        Error::RankDeficient {
            op: OP,
            index: self.rank,
            value: self.relative_values[self.rank],
            floor: self.floor,
        }
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gap::GapPolicy;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::spectral::ThinSvd;
    use crate::symmetric::inner;
    use faer::mat;

    /// Tall, wide, square, 1 × 1; distinct values, repeated ones, all equal.
    const CASES: &[(usize, usize, &[f64])] = &[
        (1, 1, &[0.7]),
        (5, 1, &[2.0]),
        (1, 4, &[2.0]),
        (4, 4, &[3.0, 2.0, 1.0, 0.4]),
        (3, 3, &[2.0, 2.0, 1.0]),
        (3, 3, &[2.0, 2.0, 2.0]),
        (7, 3, &[2.0, 2.0, 1.0]),
        (3, 6, &[2.0, 2.0, 1.0]),
        (6, 3, &[1.5, 1.5, 1.5]),
    ];

    fn w(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(Polar::forward(a)?.w().to_owned())
    }

    fn h(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(Polar::forward(a)?.h().to_owned())
    }

    #[test]
    fn a_plane_by_hand() {
        // At A = diag(2, 3): W = I turns by (ȧ₂₁ − ȧ₁₂) / 5, and 5 ḣ₁₂ = 2 ȧ₁₂ + 3 ȧ₂₁.
        let polar = Polar::forward(mat![[2.0, 0.0], [0.0, 3.0]].as_ref()).unwrap();
        assert!((polar.w() - Mat::<f64>::identity(2, 2)).norm_max() < 1e-16);
        let dot = polar.jvp(mat![[7.0, 5.0], [15.0, 4.0]].as_ref()).unwrap();
        assert!((dot.w - mat![[0.0, -2.0], [2.0, 0.0]]).norm_max() < 1e-15);
        assert!((dot.h - mat![[7.0, 11.0], [11.0, 4.0]]).norm_max() < 1e-14);
        let a_bar = polar
            .vjp(None, Some(mat![[1.0, 5.0], [0.0, 0.0]].as_ref()))
            .unwrap();
        assert!((a_bar - mat![[1.0, 2.0], [3.0, 0.0]]).norm_max() < 1e-15);
        let a_bar = polar
            .vjp(Some(mat![[8.0, 5.0], [0.0, 9.0]].as_ref()), None)
            .unwrap();
        assert!((a_bar - mat![[0.0, 1.0], [-1.0, 0.0]]).norm_max() < 1e-15);
    }

    #[test]
    fn the_factors_are_what_they_say() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let polar = Polar::forward(a.as_ref()).unwrap();
            let (w, h) = (polar.w(), polar.h());
            let k = spectrum.len();
            let (product, unit) = if m >= n {
                (w * h, w.transpose() * w)
            } else {
                (h * w, w * w.transpose())
            };
            assert!((product - &a).norm_max() < 1e-14, "{m} × {n}");
            assert!((unit - Mat::<f64>::identity(k, k)).norm_max() < 1e-14);
            assert_eq!(h, h.transpose());
            let trace: f64 = (0..k).map(|i| h[(i, i)]).sum();
            assert!((trace - spectrum.iter().sum::<f64>()).abs() < 1e-14 * 10.0);
        }
    }

    #[test]
    fn agrees_with_finite_differences_also_where_values_are_equal() {
        let check = GradientCheck {
            step: 1e-5,
            ..GradientCheck::default()
        };
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let polar = Polar::forward(a.as_ref()).unwrap();
            if *m > 1 || *n > 1 {
                check_vjp(w, |bar| polar.vjp(Some(bar), None), a.as_ref(), &check).unwrap();
                check_jvp(w, |dot| Ok(polar.jvp(dot)?.w), a.as_ref(), &check).unwrap();
            }
            check_vjp(h, |bar| polar.vjp(None, Some(bar)), a.as_ref(), &check).unwrap();
            check_jvp(h, |dot| Ok(polar.jvp(dot)?.h), a.as_ref(), &check).unwrap();
        }
        // diag(2, 2, 1): the values are equal to the last bit.
        let a = mat![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]];
        let polar = Polar::forward(a.as_ref()).unwrap();
        check_vjp(w, |bar| polar.vjp(Some(bar), None), a.as_ref(), &check).unwrap();
        check_vjp(h, |bar| polar.vjp(None, Some(bar)), a.as_ref(), &check).unwrap();
    }

    #[test]
    fn is_what_the_way_through_the_singular_vectors_gives_where_that_exists() {
        let bar = gaussian(7, 3, 1);
        // Ū = W̄ V, V̄ = W̄ᵀ U.
        let chained = |a: &Mat<f64>| {
            let svd = ThinSvd::forward(a.as_ref(), GapPolicy::default())?;
            let u_bar = &bar * svd.v();
            let v_bar = bar.transpose() * svd.u();
            svd.vjp(Some(u_bar.as_ref()), None, Some(v_bar.as_ref()))
        };
        let direct = |a: &Mat<f64>| Polar::forward(a.as_ref())?.vjp(Some(bar.as_ref()), None);
        for spectrum in [[3.0, 2.0, 1.0], [2.0, 2.0, 1.0]] {
            let a = with_spectrum(7, 3, &spectrum, 2);
            let difference = chained(&a).unwrap() - direct(&a).unwrap();
            assert!(difference.norm_max() < 1e-14, "{spectrum:?}");
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes_and_cotangents_add_up() {
        for (m, n, spectrum) in CASES {
            let polar = Polar::forward(with_spectrum(*m, *n, spectrum, 2).as_ref()).unwrap();
            let k = spectrum.len();
            let (w_bar, h_bar) = (gaussian(*m, *n, 1), gaussian(k, k, 2));
            let (w_bar, h_bar) = (w_bar.as_ref(), h_bar.as_ref());
            let a_dot = gaussian(*m, *n, 3);
            let dot = polar.jvp(a_dot.as_ref()).unwrap();
            let forward = inner(w_bar, dot.w.as_ref()) + inner(h_bar, dot.h.as_ref());
            let a_bar = polar.vjp(Some(w_bar), Some(h_bar)).unwrap();
            let back = inner(a_bar.as_ref(), a_dot.as_ref());
            let size = a_bar.norm_l2() * a_dot.norm_l2();
            assert!((forward - back).abs() < 1e-13 * size, "{m} × {n}");
            let sum = polar.vjp(Some(w_bar), None).unwrap() + polar.vjp(None, Some(h_bar)).unwrap();
            assert!((a_bar - sum).norm_max() < 1e-13);
            assert_eq!(polar.vjp(None, None).unwrap(), Mat::<f64>::zeros(*m, *n));
        }
    }

    #[test]
    fn the_second_order_of_a_direction_by_hand() {
        // A column a = ρ u: D(X) = X⊥ / ρ, and once more −((u·z) e⊥ + (u·e) z⊥ + (e⊥·z⊥) u) / ρ².
        let (a, e, z) = (mat![[3.0], [4.0]], mat![[5.0], [0.0]], mat![[0.0], [5.0]]);
        let second = Polar::forward(a.as_ref())
            .unwrap()
            .vjp_of_vjp(e.as_ref(), z.as_ref())
            .unwrap();
        // u·e = 3, u·z = 4, e⊥ = (3.2, −2.4), z⊥ = (−2.4, 1.8), e⊥·z⊥ = −12.
        let expected = mat![[-(12.8 - 7.2 - 7.2) / 25.0], [-(-9.6 + 5.4 - 9.6) / 25.0]];
        assert!((&second.a_bar - &expected).norm_max() < 1e-15);
        assert!((second.w_bar_bar - mat![[-0.48], [0.36]]).norm_max() < 1e-15);
        // The same of the row.
        let row = Polar::forward(a.transpose()).unwrap();
        let second = row.vjp_of_vjp(e.transpose(), z.transpose()).unwrap();
        assert!((second.a_bar.transpose() - expected).norm_max() < 1e-15);
    }

    #[test]
    fn second_order_agrees_with_finite_differences_of_the_first() {
        let check = GradientCheck {
            step: 1e-5,
            tolerance: 1e-7,
            ..GradientCheck::default()
        };
        for (m, n, spectrum) in CASES.iter().filter(|(m, n, _)| m * n > 1) {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let polar = Polar::forward(a.as_ref()).unwrap();
            let bar = gaussian(*m, *n, 1);
            let of_a = |a: MatRef<'_, f64>| Polar::forward(a)?.vjp(Some(bar.as_ref()), None);
            let back = |z: MatRef<'_, f64>| Ok(polar.vjp_of_vjp(bar.as_ref(), z)?.a_bar);
            check_vjp(of_a, back, a.as_ref(), &check).unwrap();
            // Nothing is left of a cotangent of Ā but D itself, from which Ā came.
            let of_bar = |bar: MatRef<'_, f64>| polar.vjp(Some(bar), None);
            let back = |z: MatRef<'_, f64>| Ok(polar.vjp_of_vjp(bar.as_ref(), z)?.w_bar_bar);
            check_vjp(of_bar, back, bar.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn the_third_derivative_of_the_sum_of_values_is_symmetric() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let polar = Polar::forward(a.as_ref()).unwrap();
            let [x, y, z] = [1, 2, 3].map(|seed| gaussian(*m, *n, seed));
            let third = |x: &Mat<f64>, y: &Mat<f64>, z: &Mat<f64>| {
                let second = polar.vjp_of_vjp(x.as_ref(), y.as_ref()).unwrap();
                inner(second.a_bar.as_ref(), z.as_ref())
            };
            let expected = third(&x, &y, &z);
            let size = x.norm_l2() * y.norm_l2() * z.norm_l2();
            for found in [third(&y, &x, &z), third(&z, &y, &x), third(&x, &z, &y)] {
                assert!((found - expected).abs() < 1e-13 * size, "{m} × {n}");
            }
            for size in [1e-150, 1e150] {
                let scaled = Polar::forward((Scale(size) * &a).as_ref()).unwrap();
                let bar = Scale(size) * &x;
                let second = scaled
                    .vjp_of_vjp(bar.as_ref(), (Scale(size) * &y).as_ref())
                    .unwrap();
                let expected = polar.vjp_of_vjp(x.as_ref(), y.as_ref()).unwrap();
                assert!(
                    (second.a_bar - expected.a_bar).norm_max() < 1e-12,
                    "{size:e}"
                );
                assert!(
                    (second.w_bar_bar - expected.w_bar_bar).norm_max() < 1e-12,
                    "{size:e}"
                );
            }
        }
    }

    #[test]
    fn a_zero_singular_value_is_an_error_only_where_it_is_needed() {
        for (m, n) in [(6, 4), (4, 6), (4, 4)] {
            let a = with_spectrum(m, n, &[2.0, 2.0], 3);
            let polar = Polar::forward(a.as_ref()).unwrap();
            assert_eq!(polar.rank(), 2);
            let deficient = |result: Result<()>| {
                matches!(result, Err(Error::RankDeficient { op: OP, index: 2, value, floor })
                    if value <= floor)
            };
            let (w_bar, h_bar) = (gaussian(m, n, 1), gaussian(4, 4, 2));
            let nothing = polar.vjp(Some(w_bar.as_ref()), None).map(|_| ());
            assert!(deficient(nothing), "{m} × {n}");
            let nothing = polar.vjp(None, Some(h_bar.as_ref())).map(|_| ());
            assert!(deficient(nothing), "{m} × {n}");
            assert!(
                deficient(polar.jvp(w_bar.as_ref()).map(|_| ())),
                "{m} × {n}"
            );
            assert!(
                deficient(polar.h_jvp(w_bar.as_ref()).map(|_| ())),
                "{m} × {n}"
            );

            // With A = B C, ⟨A Y, W⟩ stays in the range on both sides: Σ over the values that count.
            let (b, c) = (gaussian(m, 2, 4), gaussian(2, n, 5));
            let product = &b * &c;
            let polar = Polar::forward(product.as_ref()).unwrap();
            let restricted = |x: &Mat<f64>| {
                let (u, v) = (polar.u.subcols(0, 2), polar.v.subcols(0, 2));
                u * (u.transpose() * x * v) * v.transpose()
            };
            let bar = restricted(&w_bar);
            let inside = |b: MatRef<'_, f64>| {
                let polar = Polar::forward((b * &c).as_ref())?;
                let (u, v) = (polar.u.subcols(0, 2), polar.v.subcols(0, 2));
                Ok::<_, Error>(mat![[inner(bar.as_ref(), (u * v.transpose()).as_ref())]])
            };
            let vjp = |y_bar: MatRef<'_, f64>| {
                let bar = Scale(y_bar[(0, 0)]) * &bar;
                Ok(polar.vjp(Some(bar.as_ref()), None)? * c.transpose())
            };
            let check = GradientCheck {
                step: 1e-5,
                tolerance: 1e-7,
                ..GradientCheck::default()
            };
            check_vjp(inside, vjp, b.as_ref(), &check).unwrap();

            // H itself is smooth along B: no cotangent but that of the kernel is refused.
            let h_of_b = |b: MatRef<'_, f64>| h((b * &c).as_ref());
            let h_jvp = |b_dot: MatRef<'_, f64>| polar.h_jvp((b_dot * &c).as_ref());
            check_jvp(h_of_b, h_jvp, b.as_ref(), &check).unwrap();
            let side = polar.sides().1.subcols(0, 2);
            let h_bar = side * (side.transpose() * h_bar);
            let a_bar = polar.vjp(None, Some(h_bar.as_ref())).unwrap();
            let a_dot = gaussian(m, 2, 6) * &c;
            let forward = inner(
                h_bar.as_ref(),
                polar.h_jvp(a_dot.as_ref()).unwrap().as_ref(),
            );
            let back = inner(a_bar.as_ref(), a_dot.as_ref());
            assert!(
                (forward - back).abs() < 1e-12,
                "{m} × {n}: {forward} {back}"
            );
        }
        let zero = Polar::forward(Mat::zeros(3, 2).as_ref()).unwrap();
        assert_eq!((zero.rank(), zero.h().norm_max()), (0, 0.0));
        let nothing = zero.vjp(Some(Mat::zeros(3, 2).as_ref()), None).unwrap();
        assert_eq!(nothing, Mat::<f64>::zeros(3, 2));
    }

    #[test]
    fn the_gradient_grows_as_two_values_fall_until_they_are_refused() {
        let bar = mat![[0.0, 1.0], [0.0, 0.0]];
        for small in [1e-2, 1e-8, 1e-14] {
            let a = mat![[1.0, 0.0], [0.0, small]];
            let a_bar = Polar::forward(a.as_ref())
                .unwrap()
                .vjp(Some(bar.as_ref()), None)
                .unwrap();
            assert!((a_bar[(0, 1)] * (1.0 + small) - 1.0).abs() < 1e-15);
            let tall = mat![[1.0, 0.0], [0.0, small], [0.0, 0.0]];
            let bar = mat![[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]];
            let a_bar = Polar::forward(tall.as_ref())
                .unwrap()
                .vjp(Some(bar.as_ref()), None)
                .unwrap();
            assert!((a_bar[(2, 1)] * small - 1.0).abs() < 1e-15, "{small:e}");
        }
        let refused = Polar::forward(mat![[1.0, 0.0], [0.0, 1e-15]].as_ref()).unwrap();
        refused! { refused.vjp(Some(bar.as_ref()), None) => Error::RankDeficient { index: 1, .. } }
    }

    #[test]
    fn the_rule_scales_with_its_input() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 6);
            let (w_bar, h_bar) = (
                gaussian(*m, *n, 1),
                gaussian(spectrum.len(), spectrum.len(), 2),
            );
            let plain = Polar::forward(a.as_ref()).unwrap();
            let w_plain = plain.vjp(Some(w_bar.as_ref()), None).unwrap();
            let h_plain = plain.vjp(None, Some(h_bar.as_ref())).unwrap();
            for size in [2f64.powi(-500), 2f64.powi(500)] {
                let polar = Polar::forward((Scale(size) * &a).as_ref()).unwrap();
                let w_scaled = Scale(size) * polar.vjp(Some(w_bar.as_ref()), None).unwrap();
                let h_scaled = polar.vjp(None, Some(h_bar.as_ref())).unwrap();
                assert!((polar.w() - plain.w()).norm_max() < 1e-14);
                assert!((Scale(size.recip()) * polar.h() - plain.h()).norm_max() < 1e-14);
                assert!((w_scaled - &w_plain).norm_max() < 1e-13, "{size:e}");
                assert!((h_scaled - &h_plain).norm_max() < 1e-13, "{size:e}");
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| Polar::forward(a.as_ref());
        let polar = Polar::forward(gaussian(4, 2, 1).as_ref()).unwrap();
        let (wrong, nan) = (Mat::zeros(3, 3), Mat::full(4, 2, f64::NAN));
        let tiny = Polar::forward(mat![[1e-150, 0.0], [0.0, 1e-150]].as_ref()).unwrap();
        let turning = mat![[0.0, 0.0], [1e200, 0.0]];
        refused! {
            forward(Mat::zeros(0, 3)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { .. },
            forward(Mat::full(2, 2, f64::MAX)) => Error::Overflow { op: OP },
            polar.vjp(Some(wrong.as_ref()), None) => Error::ShapeMismatch { .. },
            polar.vjp(None, Some(wrong.as_ref())) => Error::ShapeMismatch { .. },
            polar.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            polar.h_jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            polar.vjp(Some(nan.as_ref()), None) => Error::NotFinite { .. },
            polar.vjp(None, Some(nan.subrows(0, 2))) => Error::NotFinite { .. },
            polar.jvp(nan.as_ref()) => Error::NotFinite { .. },
            polar.h_jvp(nan.as_ref()) => Error::NotFinite { .. },
            tiny.vjp(Some(turning.as_ref()), None) => Error::Overflow { op: OP },
            tiny.jvp(turning.as_ref()) => Error::Overflow { op: OP },
            polar.vjp_of_vjp(wrong.as_ref(), nan.as_ref()) => Error::ShapeMismatch { .. },
            polar.vjp_of_vjp(polar.w(), wrong.as_ref()) => Error::ShapeMismatch { .. },
            polar.vjp_of_vjp(polar.w(), nan.as_ref()) => Error::NotFinite { .. },
            tiny.vjp_of_vjp(turning.as_ref(), turning.as_ref()) => Error::Overflow { op: OP },
            forward(mat![[1.0, 1.0], [1.0, 1.0]]).unwrap().vjp_of_vjp(turning.as_ref(), turning.as_ref())
                => Error::RankDeficient { index: 1, .. },
        }
    }
}
