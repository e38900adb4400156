//! Orthonormal columns times a triangle.

use crate::decompose::thin_qr;
use crate::error::Result;
use crate::guard::{ensure_matrix, ensure_shape, within_range};
use crate::scale::power_of_two_scale;
use crate::solve::{solve_lower, solve_upper};
use faer::{Mat, MatRef};
use std::cmp::Ordering;

const OP: &str = "QR";

/// A = Q R with orthonormal columns in Q and an upper triangular R; tall, square or wide.
///
/// ```text
/// forward   A = Q R,  k = min(m, n);  wide: A = (A₁ | A₂) = Q (R₁ | R₂), Q R₁ = A₁
/// vjp       Ā₁ = ( (I − QQᵀ) Q̄ + Q Z ) R₁⁻ᵀ,  Ā₂ = Q R̄₂             M = R̄₁R₁ᵀ,  X = QᵀQ̄ + R₂R̄₂ᵀ
///           Zᵢⱼ = Mᵢⱼ for i ≤ j,  Mⱼᵢ + Xᵢⱼ − Xⱼᵢ for i > j
/// jvp       Q̇ = (I − QQᵀ) Ȧ₁R₁⁻¹ + Q Ω,  Ṙ = QᵀȦ − Ω R                C = QᵀȦ₁R₁⁻¹
///           Ωᵢⱼ = Cᵢⱼ for i > j,  −Cⱼᵢ for i < j,  0 on the diagonal
/// ```
///
/// # Shapes
/// A, Ā: m × n; Q, Q̄: m × k; R, R̄: k × n. R₁ is the k × k triangle; tall and square matrices have no A₂ and R₂.
///
/// # Conventions
/// The diagonal of R₁ is positive, so both factors are unique, and smooth wherever the first k columns are independent.
/// R̄ counts on and above the diagonal, not below it, where R is zero for any A. A column counts as
/// dependent by the sine of its angle to the columns before it, which does not change with the sizes of columns.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`RankDeficient`](crate::Error::RankDeficient) with the first of the k columns whose sine does not exceed
/// 16 (m + 1) ε, [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// O(m n k) time; m k + k n numbers stored.
///
/// # Source
/// Walter, Lehmann, "Algorithmic differentiation of linear algebra functions", arXiv 1001.1654, for tall matrices;
/// Roberts, Roberts, "QR and LQ decomposition matrix backpropagation algorithms for square, wide, and deep matrices",
/// arXiv 2009.10071, for wide ones. There Ā₁ = (Q̄ + Q copy(M − X)) R₁⁻ᵀ: we write out the terms that cancel in it, so
/// that R₁⁻¹ does not multiply its rounding. The floor of the diagonal is ours, and A₂ is not stored: Q R₂ stands for
/// it.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::Qr;
///
/// let qr = Qr::forward(mat![[3.0, 1.0], [4.0, 8.0]].as_ref())?;
/// assert!((qr.r() - mat![[5.0, 7.0], [0.0, 4.0]]).norm_max() < 1e-14);
/// // The gradient of r₁₁ = ‖a₁‖ is a₁ / ‖a₁‖.
/// let a_bar = qr.vjp(None, Some(mat![[1.0, 0.0], [0.0, 0.0]].as_ref()))?;
/// assert!((a_bar - mat![[0.6, 0.0], [0.8, 0.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Qr {
    q: Mat<f64>,
    r: Mat<f64>,
}

/// The result of [`Qr::jvp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QrTangent {
    /// Q̇, m × k.
    pub q: Mat<f64>,
    /// Ṙ, k × n, upper triangular.
    pub r: Mat<f64>,
}

impl Qr {
    /// Decomposes A.
    ///
    /// # Errors
    /// See [`Qr`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        ensure_matrix(OP, a)?;
        let k = a.nrows().min(a.ncols());
        // A D⁻¹ = Q (R D⁻¹): columns of order one change no digit of Q, and their sizes go to R.
        let sizes: Vec<f64> = (0..a.ncols())
            .map(|j| power_of_two_scale(a.subcols(j, 1)))
            .collect();
        let scaled = Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] * sizes[j].recip());
        let (q, triangle) = thin_qr(OP, scaled.subcols(0, k))?;
        let rest = q.transpose() * scaled.subcols(k, a.ncols() - k);
        let r = Mat::from_fn(k, a.ncols(), |i, j| {
            sizes[j]
                * if j < k {
                    triangle[(i, j)]
                } else {
                    rest[(i, j - k)]
                }
        });
        Ok(Self {
            q,
            r: within_range(OP, r)?,
        })
    }

    /// From the factors themselves.
    pub(crate) fn from_factors(q: Mat<f64>, r: Mat<f64>) -> Self {
        Self { q, r }
    }

    /// Q, m × k, orthonormal columns.
    pub fn q(&self) -> MatRef<'_, f64> {
        self.q.as_ref()
    }

    /// R, k × n, upper triangular with a positive diagonal.
    pub fn r(&self) -> MatRef<'_, f64> {
        self.r.as_ref()
    }

    /// R₁, k × k.
    fn triangle(&self) -> MatRef<'_, f64> {
        self.r.subcols(0, self.q.ncols())
    }

    /// R₂, k × (n − k).
    fn rest(&self) -> MatRef<'_, f64> {
        let k = self.q.ncols();
        self.r.subcols(k, self.r.ncols() - k)
    }

    /// Ā from Q̄ and R̄; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`Qr`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        q_bar: Option<MatRef<'_, f64>>,
        r_bar: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        let (q, r1, r2) = (self.q(), self.triangle(), self.rest());
        let (m, k) = q.shape();
        let n = self.r.ncols();
        if let Some(q_bar) = q_bar {
            ensure_shape(OP, q_bar, (m, k))?;
        }
        if let Some(r_bar) = r_bar {
            ensure_shape(OP, r_bar, (k, n))?;
        }

        let mut a_bar = Mat::zeros(m, n);
        let (mut big_m, mut x) = (Mat::zeros(k, k), Mat::zeros(k, k));
        if let Some(r_bar) = r_bar {
            let (r1_bar, r2_bar) = (r_bar.subcols(0, k), r_bar.subcols(k, n - k));
            a_bar.subcols_mut(k, n - k).copy_from(q * r2_bar);
            big_m = r1_bar * r1.transpose();
            x = r2 * r2_bar.transpose();
        }
        let inside = q_bar.map(|q_bar| q.transpose() * q_bar);
        if let Some(inside) = &inside {
            x += inside;
        }
        let z = Mat::from_fn(k, k, |i, j| {
            if i <= j {
                big_m[(i, j)]
            } else {
                big_m[(j, i)] + (x[(i, j)] - x[(j, i)])
            }
        });
        let mut first = q * z;
        if let (Some(q_bar), Some(inside)) = (q_bar, inside)
            && m > k
        {
            first += q_bar - q * inside;
        }
        // X R₁⁻ᵀ = (R₁⁻¹ Xᵀ)ᵀ
        solve_upper(r1, first.transpose_mut());
        a_bar.subcols_mut(0, k).copy_from(first);
        within_range(OP, a_bar)
    }

    /// Q̇ and Ṙ from Ȧ.
    ///
    /// # Errors
    /// See [`Qr`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is m × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<QrTangent> {
        let (q, r1) = (self.q(), self.triangle());
        let (m, k) = q.shape();
        ensure_shape(OP, a_dot, (m, self.r.ncols()))?;
        let mut moved = a_dot.subcols(0, k).to_owned();
        // X R₁⁻¹ = (R₁⁻ᵀ Xᵀ)ᵀ
        solve_lower(r1.transpose(), moved.transpose_mut());
        let c = q.transpose() * &moved;
        let omega = Mat::from_fn(k, k, |i, j| match i.cmp(&j) {
            Ordering::Less => -c[(j, i)],
            Ordering::Equal => 0.0,
            Ordering::Greater => c[(i, j)],
        });

        let mut q_dot = q * &omega;
        if m > k {
            q_dot += moved - q * c;
        }
        let mut r_dot = q.transpose() * a_dot - omega * &self.r;
        for j in 0..k {
            // Zero by the choice of Ω, up to rounding.
            r_dot.col_mut(j).subrows_mut(j + 1, k - j - 1).fill(0.0);
        }
        Ok(QrTangent {
            q: within_range(OP, q_dot)?,
            r: within_range(OP, r_dot)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    const CASES: &[(usize, usize, &[f64])] = &[
        (1, 1, &[0.7]),
        (5, 1, &[2.0]),
        (1, 4, &[2.0]),
        (4, 4, &[3.0, 2.0, 2.0, 0.4]),
        (7, 3, &[3.0, 1.0, 1.0]),
        (3, 6, &[3.0, 1.0, 0.5]),
    ];

    /// Q above R, beside zeros where one is the narrower.
    fn stacked(q: MatRef<'_, f64>, r: MatRef<'_, f64>) -> Mat<f64> {
        let mut both = Mat::zeros(q.nrows() + r.nrows(), r.ncols());
        both.submatrix_mut(0, 0, q.nrows(), q.ncols()).copy_from(q);
        both.subrows_mut(q.nrows(), r.nrows()).copy_from(r);
        both
    }

    fn parts(qr: &Qr, bar: &Mat<f64>) -> (Mat<f64>, Mat<f64>) {
        let (m, k) = qr.q().shape();
        (
            bar.submatrix(0, 0, m, k).to_owned(),
            bar.subrows(m, k).to_owned(),
        )
    }

    #[test]
    fn a_rotation_by_hand() {
        // a₁ = (3, 4): q₁ = (0.6, 0.8), r₁₁ = 5; a₂ = (1, 8): r₁₂ = 7, a₂ − 7 q₁ = (−3.2, 2.4) = 4 q₂.
        let qr = Qr::forward(mat![[3.0, 1.0], [4.0, 8.0]].as_ref()).unwrap();
        assert!((qr.q() - mat![[0.6, -0.8], [0.8, 0.6]]).norm_max() < 1e-15);
        assert!((qr.r() - mat![[5.0, 7.0], [0.0, 4.0]]).norm_max() < 1e-14);
        // Turning a₁ by ȧ₁ = 5 q₂ turns q₁ towards q₂ and q₂ away: ṙ₁₂ = q₂·a₂ = 4, ṙ₂₂ = −q₁·a₂ = −7.
        let turning = Scale(5.0) * mat![[-0.8, 0.0], [0.6, 0.0]];
        let tangent = qr.jvp(turning.as_ref()).unwrap();
        assert!((tangent.q - mat![[-0.8, -0.6], [0.6, -0.8]]).norm_max() < 1e-15);
        assert!((tangent.r - mat![[0.0, 4.0], [0.0, -7.0]]).norm_max() < 1e-14);
        // r₂₂ = q₂·a₂ with q₂ fixed by a₁: ā₂ = q₂, ā₁ = −(7/5) q₂; R̄ below the diagonal is not read.
        let a_bar = qr
            .vjp(None, Some(mat![[0.0, 0.0], [9.0, 1.0]].as_ref()))
            .unwrap();
        assert!((a_bar - mat![[1.12, -0.8], [-0.84, 0.6]]).norm_max() < 1e-15);
    }

    #[test]
    fn reconstructs_its_input() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let qr = Qr::forward(a.as_ref()).unwrap();
            assert!((qr.q() * qr.r() - a).norm_max() < 1e-14, "{m} × {n}");
            for j in 0..*n.min(m) {
                assert!(qr.r()[(j, j)] > 0.0);
                assert!((j + 1..qr.r().nrows()).all(|i| qr.r()[(i, j)] == 0.0));
            }
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 2);
            let qr = Qr::forward(a.as_ref()).unwrap();
            let check = GradientCheck {
                step: 1e-5,
                ..GradientCheck::default()
            };
            let both = |a: MatRef<'_, f64>| {
                let qr = Qr::forward(a)?;
                Ok::<_, Error>(stacked(qr.q(), qr.r()))
            };
            let both_vjp = |bar: MatRef<'_, f64>| {
                let (q_bar, r_bar) = parts(&qr, &bar.to_owned());
                qr.vjp(Some(q_bar.as_ref()), Some(r_bar.as_ref()))
            };
            let both_jvp = |a_dot: MatRef<'_, f64>| {
                let tangent = qr.jvp(a_dot)?;
                Ok(stacked(tangent.q.as_ref(), tangent.r.as_ref()))
            };
            check_vjp(both, both_vjp, a.as_ref(), &check).unwrap();
            check_jvp(both, both_jvp, a.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn cotangents_together_are_the_sum_of_each_alone() {
        for (m, n, spectrum) in CASES {
            let qr = Qr::forward(with_spectrum(*m, *n, spectrum, 2).as_ref()).unwrap();
            let (q_bar, r_bar) = (
                gaussian(*m, spectrum.len(), 1),
                gaussian(spectrum.len(), *n, 2),
            );
            let (q_bar, r_bar) = (Some(q_bar.as_ref()), Some(r_bar.as_ref()));
            let sum = qr.vjp(q_bar, None).unwrap() + qr.vjp(None, r_bar).unwrap();
            assert!((qr.vjp(q_bar, r_bar).unwrap() - sum).norm_max() < 1e-13);
            assert_eq!(qr.vjp(None, None).unwrap(), Mat::<f64>::zeros(*m, *n));
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for (m, n, spectrum) in CASES {
            let qr = Qr::forward(with_spectrum(*m, *n, spectrum, 2).as_ref()).unwrap();
            let k = spectrum.len();
            let (q_bar, r_bar) = (gaussian(*m, k, 1), gaussian(k, *n, 2));
            let a_dot = gaussian(*m, *n, 3);
            let tangent = qr.jvp(a_dot.as_ref()).unwrap();
            let forward = inner(q_bar.as_ref(), tangent.q.as_ref())
                + inner(r_bar.as_ref(), tangent.r.as_ref());
            let a_bar = qr.vjp(Some(q_bar.as_ref()), Some(r_bar.as_ref())).unwrap();
            let back = inner(a_bar.as_ref(), a_dot.as_ref());
            let size = a_bar.norm_l2() * a_dot.norm_l2();
            assert!(
                (forward - back).abs() < 1e-13 * size,
                "{m} × {n}: {forward} {back}"
            );
        }
    }

    #[test]
    fn the_rule_scales_with_its_input_and_with_each_column() {
        for (m, n, spectrum) in CASES {
            let a = with_spectrum(*m, *n, spectrum, 6);
            let bar = gaussian(*m, spectrum.len(), 1);
            let plain = Qr::forward(a.as_ref()).unwrap();
            let plain_bar = plain.vjp(Some(bar.as_ref()), None).unwrap();
            for size in [2f64.powi(-500), 2f64.powi(500)] {
                let qr = Qr::forward((Scale(size) * &a).as_ref()).unwrap();
                let a_bar = Scale(size) * qr.vjp(Some(bar.as_ref()), None).unwrap();
                assert!((qr.q() - plain.q()).norm_max() < 1e-14);
                assert!((a_bar - &plain_bar).norm_max() <= 1e-13 * plain_bar.norm_max());
            }
            let size = |j: usize| 2f64.powi(if j.is_multiple_of(2) { 500 } else { -500 });
            let mixed = Mat::from_fn(*m, *n, |i, j| a[(i, j)] * size(j));
            let qr = Qr::forward(mixed.as_ref()).unwrap();
            let a_bar = qr.vjp(Some(bar.as_ref()), None).unwrap();
            let back = Mat::from_fn(*m, *n, |i, j| a_bar[(i, j)] * size(j));
            assert!((qr.q() - plain.q()).norm_max() < 1e-14);
            assert!((back - &plain_bar).norm_max() <= 1e-13 * plain_bar.norm_max());
        }
    }

    #[test]
    fn the_gradient_grows_as_two_columns_meet_and_loses_no_digit_until_they_are_refused() {
        let near = |angle: f64| mat![[1.0, 1.0], [0.0, angle]];
        let bar = mat![[0.0, 1.0], [0.0, 0.0]];
        for angle in [1e-3, 1e-9, 1e-13] {
            let qr = Qr::forward(near(angle).as_ref()).unwrap();
            let a_bar = qr.vjp(Some(bar.as_ref()), None).unwrap();
            // q₂ is the normal of a₁, at any angle: it depends on a₁ alone, q̇₂ = −ȧ₂₁ (1, 0).
            assert!((a_bar[(1, 0)] + 1.0).abs() < 1e-15, "{angle:e}");
            assert_eq!(a_bar.col(1).norm_max(), 0.0, "{angle:e}");
            // In space q₂ turns about a₁ by ȧ₃₂ / angle.
            let tall = mat![[1.0, 1.0], [0.0, angle], [0.0, 0.0]];
            let bar = mat![[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]];
            let qr = Qr::forward(tall.as_ref()).unwrap();
            let a_bar = qr.vjp(Some(bar.as_ref()), None).unwrap();
            assert!((a_bar[(2, 1)] * angle - 1.0).abs() < 1e-15, "{angle:e}");
        }
        let error = Qr::forward(near(1e-16).as_ref()).map(|_| ()).unwrap_err();
        assert!(matches!(
            error,
            Error::RankDeficient {
                index: 1,
                value: 1e-16,
                ..
            }
        ));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| Qr::forward(a.as_ref());
        refused! {
            forward(Mat::zeros(3, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { .. },
            forward(Mat::zeros(3, 2)) => Error::RankDeficient { index: 0, value: 0.0, .. },
        }
        // Full rank, and still dependent in its first two columns.
        let qr = Qr::forward(gaussian(4, 2, 1).as_ref()).unwrap();
        let (wrong, nan) = (Mat::zeros(3, 3), Mat::full(4, 2, f64::NAN));
        let tiny = Qr::forward(mat![[1e-150, 0.0], [0.0, 1e-150]].as_ref()).unwrap();
        let turning = mat![[0.0, 0.0], [1e200, 0.0]];
        refused! {
            forward(mat![[1.0, 2.0, 0.0], [1.0, 2.0, 1.0]])
                => Error::RankDeficient { index: 1, .. },
            qr.vjp(Some(wrong.as_ref()), None) => Error::ShapeMismatch { .. },
            qr.vjp(None, Some(wrong.as_ref())) => Error::ShapeMismatch { .. },
            qr.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            qr.vjp(Some(nan.as_ref()), None) => Error::NotFinite { .. },
            qr.vjp(None, Some(nan.subrows(0, 2))) => Error::NotFinite { .. },
            qr.jvp(nan.as_ref()) => Error::NotFinite { .. },
            tiny.vjp(Some(turning.as_ref()), None) => Error::Overflow { op: OP },
            tiny.jvp(turning.as_ref()) => Error::Overflow { op: OP },
            Qr::forward(Mat::full(2, 1, f64::MAX).as_ref()) => Error::Overflow { op: OP },
        }
    }
}
