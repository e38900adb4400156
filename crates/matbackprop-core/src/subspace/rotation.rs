//! The closest rotation.

use super::nearest_orthogonal::{Group, NearestOrthogonal};
use crate::error::Result;
use crate::guard::{ensure_shape, ensure_square, values_within_range, within_range};
use faer::{Mat, MatRef};

const OP: &str = "closest rotation";

/// R, the rotation (orthogonal, determinant 1) closest to a square A.
///
/// ```text
/// forward   A = U Σ Vᵀ,  s = det(U Vᵀ),  R = U S Vᵀ,  S = diag(1, …, 1, s)
/// vjp       Ā = D(R̄)
/// jvp       Ṙ = D(Ȧ)
/// with      D(X) = U S ( (Yᵢⱼ − Yⱼᵢ) / (τᵢ + τⱼ) ) Vᵀ,  Y = S UᵀX V,  τ = (σ₁, …, σₙ₋₁, s σₙ)
/// ```
///
/// The signed values τ are those of the symmetric RᵀA. R is the gradient of Σ τᵢ, so its derivative D is symmetric and
/// goes both ways. Only sums of two signed values divide: equal values cost no digit, at a rotation itself
/// D(X) = (X − R Xᵀ R) / 2, and σₙ may be zero.
///
/// # Shapes
/// A, R and their cotangents: n × n.
///
/// # Conventions
/// Closest in the Frobenius norm. Where det A ≥ 0, this is the factor W of [`Polar`](crate::Polar); where det A < 0, that
/// factor is a reflection, and R is not. R is unique, and differentiable, where τₙ₋₁ + τₙ > 0: at rank n − 1 and
/// more, unless det A < 0 and the two smallest singular values are equal. Sums up to 8 n ε of σ₁ are taken for zero.
/// Elsewhere R is one of several rotations that are equally close, and only cotangents that stay with the singular
/// vectors they share, on both sides, go back. With det A < 0, Ā is known to about ε σ₁ / (σₙ₋₁ − σₙ) of itself.
/// For n = 1, R = 1.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow); where a cotangent or tangent
/// needs a rotation that is unique, [`RankDeficient`](crate::Error::RankDeficient) with σₙ₋₁ / σ₁ if that is zero, else
/// [`GapClosed`](crate::Error::GapClosed) with (σₙ₋₁ − σₙ) / σ₁.
///
/// # Cost
/// O(n³) time; 3 n² numbers stored.
///
/// # Source
/// Umeyama, "Least-squares estimation of transformation parameters between two point patterns", IEEE Transactions on
/// Pattern Analysis and Machine Intelligence 13, 1991, lemma, for R; Levinson and others, "An analysis of SVD for deep
/// rotation estimation", NeurIPS 2020, for its derivative in three dimensions. Any dimension, and what goes back where R
/// is not unique, are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::Rotation;
///
/// // A reflection that stretches by 2: the closest rotation leaves the longer axis alone.
/// let rotation = Rotation::forward(mat![[2.0, 0.0], [0.0, -1.0]].as_ref())?;
/// assert_eq!(rotation.signed_values(), [2.0, -1.0]);
/// assert!((rotation.value() - faer::Mat::<f64>::identity(2, 2)).norm_max() < 1e-15);
/// // It turns by (ȧ₂₁ − ȧ₁₂) / (2 − 1).
/// let moved = rotation.jvp(mat![[0.0, 0.0], [1.0, 0.0]].as_ref())?;
/// assert!((moved - mat![[0.0, -1.0], [1.0, 0.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Rotation {
    nearest: NearestOrthogonal,
    value: Mat<f64>,
    signed_values: Vec<f64>,
}

impl Rotation {
    /// Decomposes A.
    ///
    /// # Errors
    /// See [`Rotation`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        ensure_square(OP, a)?;
        let nearest = NearestOrthogonal::new(OP, a, Group::Rotations, 0.0)?;
        Ok(Self {
            value: nearest.value(),
            signed_values: values_within_range(OP, nearest.signed_values().collect())?,
            nearest,
        })
    }

    /// The rotation R, n × n.
    pub fn value(&self) -> MatRef<'_, f64> {
        self.value.as_ref()
    }

    /// The signed values τ: singular values of A, nonincreasing, the last with the sign of det A.
    pub fn signed_values(&self) -> &[f64] {
        &self.signed_values
    }

    /// Is R the only rotation this close?
    pub fn is_unique(&self) -> bool {
        self.nearest.is_unique()
    }

    /// Ā from R̄.
    ///
    /// # Errors
    /// See [`Rotation`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless R̄ is n × n.
    pub fn vjp(&self, value_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, value_bar, self.value.shape())?;
        within_range(OP, self.nearest.turned(value_bar)?)
    }

    /// Ṙ from Ȧ, where R is unique.
    ///
    /// # Errors
    /// See [`Rotation`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, a_dot, self.value.shape())?;
        if !self.is_unique() {
            return Err(self.nearest.not_unique());
        }
        within_range(OP, self.nearest.turned(a_dot)?)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::factor::SignedLogDet;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::subspace::Polar;
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    /// Distinct, repeated, equal, with a zero.
    const SPECTRA: &[&[f64]] = &[
        &[3.0, 1.0],
        &[2.0, 2.0],
        &[2.0, 0.0],
        &[3.0, 2.0, 0.5],
        &[2.0, 2.0, 1.0],
        &[2.0, 1.0, 0.0],
        &[3.0, 2.0, 2.0, 0.4],
        &[5.0, 5.0, 3.0, 3.0, 1.0],
    ];

    /// With the determinant of this sign.
    fn with_sign(spectrum: &[f64], sign: f64) -> Mat<f64> {
        let n = spectrum.len();
        let mut a = with_spectrum(n, n, spectrum, 2);
        let det = SignedLogDet::forward(a.as_ref()).map_or(sign, |det| det.sign());
        if det != sign {
            a.row_mut(0).iter_mut().for_each(|x| *x = -*x);
        }
        a
    }

    /// Inputs with one closest rotation; some of determinant below zero.
    fn cases() -> Vec<Mat<f64>> {
        let signed = |&spectrum: &&[f64]| [with_sign(spectrum, 1.0), with_sign(spectrum, -1.0)];
        let mut cases: Vec<_> = SPECTRA.iter().flat_map(signed).collect();
        cases.retain(|a| Rotation::forward(a.as_ref()).unwrap().is_unique());
        // Equal to the last bit, and rotations themselves.
        cases.push(mat![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, -1.0]]);
        cases.push(Mat::identity(4, 4));
        cases.push(mat![[0.6, -0.8], [0.8, 0.6]]);
        cases
    }

    fn value(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(Rotation::forward(a)?.value().to_owned())
    }

    #[test]
    fn a_plane_by_hand() {
        // (a, b; c, d) is closest to the rotation by atan2(c − b, a + d), reflection or not.
        for a in [
            mat![[3.0, 1.0], [5.0, -1.0]],
            mat![[1.0, 4.0], [1.0, 3.0]],
            mat![[-2.0, 0.5], [0.25, -3.0]],
        ] {
            let (sine, cosine) = (a[(1, 0)] - a[(0, 1)], a[(0, 0)] + a[(1, 1)]);
            let length = f64::hypot(sine, cosine);
            let (sine, cosine) = (sine / length, cosine / length);
            let rotation = Rotation::forward(a.as_ref()).unwrap();
            let expected = mat![[cosine, -sine], [sine, cosine]];
            assert!((rotation.value() - &expected).norm_max() < 1e-15);
            // The angle moves by (cos (ċ − ḃ) − sin (ȧ + ḋ)) / length.
            let dot = rotation.jvp(mat![[1.0, 2.0], [5.0, 3.0]].as_ref()).unwrap();
            let angle = (cosine * 3.0 - sine * 4.0) / length;
            let turn = mat![[0.0, -angle], [angle, 0.0]];
            assert!((dot - expected * turn).norm_max() < 1e-15);
        }
    }

    #[test]
    fn a_reflection_in_space_agrees_with_fifty_digits() {
        // det A = −93; mpmath, differences at 80 digits.
        let a = mat![[2.0, -1.0, 3.0], [4.0, 1.0, -2.0], [1.0, -5.0, -2.0]];
        let bar = mat![[1.0, 2.0, -1.0], [0.0, 3.0, 1.0], [-2.0, 1.0, 2.0]];
        let rotation = Rotation::forward(a.as_ref()).unwrap();
        let expected = mat![
            [
                -0.2713997067475086,
                0.24046878321454193,
                -0.9319425752033673
            ],
            [
                0.9495771090674618,
                0.22483811634068118,
                -0.21852033172100008
            ],
            [
                0.15698889486982176,
                -0.944257690325947,
                -0.28936465082635804
            ]
        ];
        let error = (rotation.value() - expected).norm_max();
        assert!(error < 4e-15, "{error:e}");
        let expected = mat![
            [2.0542676374270346, 1.0058859132701208, -0.33869412253539427],
            [0.6173190114243774, -0.5799764533434795, 2.0858067776090823],
            [
                -0.18258850656868716,
                0.11806453838520979,
                -0.4843290836905526
            ]
        ];
        let error = (rotation.vjp(bar.as_ref()).unwrap() - expected).norm_max();
        assert!(error < 1e-14, "{error:e}");
    }

    #[test]
    fn the_value_is_a_rotation_and_no_other_is_closer() {
        for a in cases() {
            let n = a.nrows();
            let rotation = Rotation::forward(a.as_ref()).unwrap();
            let r = rotation.value();
            assert!((r.transpose() * r - Mat::<f64>::identity(n, n)).norm_max() < 1e-14);
            assert_eq!(SignedLogDet::forward(r).unwrap().sign(), 1.0);
            // RᵀA is symmetric, with the signed values.
            let h = r.transpose() * &a;
            assert!((&h - h.transpose()).norm_max() < 1e-14);
            let trace: f64 = (0..n).map(|i| h[(i, i)]).sum();
            assert!((trace - rotation.signed_values().iter().sum::<f64>()).abs() < 1e-13);
            for seed in 0..20 {
                let near = r + Scale(0.3) * gaussian(n, n, seed);
                let other = value(near.as_ref()).unwrap();
                assert!((&other - &a).norm_l2() >= (r - &a).norm_l2() - 1e-14);
            }
        }
    }

    #[test]
    fn is_the_polar_factor_where_that_is_a_rotation() {
        for spectrum in SPECTRA.iter().filter(|s| s[s.len() - 1] > 0.0) {
            let a = with_sign(spectrum, 1.0);
            let (rotation, polar) = (
                Rotation::forward(a.as_ref()).unwrap(),
                Polar::forward(a.as_ref()).unwrap(),
            );
            assert!((rotation.value() - polar.w()).norm_max() < 1e-14);
            let bar = gaussian(a.nrows(), a.nrows(), 1);
            let difference =
                rotation.vjp(bar.as_ref()).unwrap() - polar.vjp(Some(bar.as_ref()), None).unwrap();
            assert!(difference.norm_max() < 1e-14);
        }
    }

    #[test]
    fn at_a_rotation_the_derivative_is_the_projection_on_its_tangents() {
        for n in 1..=6 {
            let r = value(gaussian(n, n, 3).as_ref()).unwrap();
            let rotation = Rotation::forward(r.as_ref()).unwrap();
            assert!((rotation.value() - &r).norm_max() < 1e-14);
            let x = gaussian(n, n, 4);
            let expected = Scale(0.5) * (&x - &r * x.transpose() * &r);
            let found = rotation.vjp(x.as_ref()).unwrap();
            assert!((found - expected).norm_max() < 1e-14, "{n}");
        }
    }

    #[test]
    fn agrees_with_finite_differences_also_at_reflections_and_equal_values() {
        let check = GradientCheck {
            step: 1e-5,
            ..GradientCheck::default()
        };
        assert!(cases().len() > 12);
        for a in cases() {
            let rotation = Rotation::forward(a.as_ref()).unwrap();
            check_vjp(value, |bar| rotation.vjp(bar), a.as_ref(), &check).unwrap();
            check_jvp(value, |dot| rotation.jvp(dot), a.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for a in cases() {
            let n = a.nrows();
            let rotation = Rotation::forward(a.as_ref()).unwrap();
            let (bar, dot) = (gaussian(n, n, 1), gaussian(n, n, 2));
            let pushed = rotation.jvp(dot.as_ref()).unwrap();
            let pulled = rotation.vjp(bar.as_ref()).unwrap();
            let forward = inner(bar.as_ref(), pushed.as_ref());
            let back = inner(pulled.as_ref(), dot.as_ref());
            let size = pulled.norm_l2() * dot.norm_l2();
            assert!((forward - back).abs() < 1e-14 * size);
        }
    }

    #[test]
    fn one_by_one_is_one_whatever_it_is() {
        for a in [2.0, -3.0, 0.0] {
            let rotation = Rotation::forward(mat![[a]].as_ref()).unwrap();
            assert!(rotation.is_unique());
            assert_eq!(rotation.value(), mat![[1.0]]);
            assert_eq!(rotation.signed_values(), [a]);
            assert_eq!(rotation.vjp(mat![[5.0]].as_ref()).unwrap(), mat![[0.0]]);
            assert_eq!(rotation.jvp(mat![[5.0]].as_ref()).unwrap(), mat![[0.0]]);
        }
    }

    #[test]
    fn the_derivative_grows_as_two_rotations_come_as_close_until_it_is_refused() {
        let bar = mat![[0.0, 0.0], [1.0, 0.0]];
        for gap in [1.0, 1e-4, 2f64.powi(-30)] {
            let a = mat![[1.0, 0.0], [0.0, gap - 1.0]];
            let a_bar = Rotation::forward(a.as_ref())
                .unwrap()
                .vjp(bar.as_ref())
                .unwrap();
            // ε of the values, over their gap.
            let error = (a_bar[(1, 0)] * gap - 1.0).abs();
            assert!(error < 4.0 * f64::EPSILON / gap, "{gap:e}: {error:e}");
        }
        let closed = Rotation::forward(mat![[1.0, 0.0], [0.0, 1e-15 - 1.0]].as_ref()).unwrap();
        assert!(!closed.is_unique());
        refused! {
            closed.vjp(bar.as_ref()) => Error::GapClosed { op: OP, i: 0, j: 1, .. },
            closed.jvp(bar.as_ref()) => Error::GapClosed { op: OP, .. },
        }
        // With reflections among the candidates there is a gradient: (x₂₁ − x₁₂) / 2.
        let polar = Polar::forward(mat![[1.0, 0.0], [0.0, -1.0]].as_ref()).unwrap();
        assert!(polar.vjp(Some(bar.as_ref()), None).is_ok());
    }

    #[test]
    fn what_several_rotations_share_goes_back_and_nothing_else() {
        // Singular values 3, 2 and twice 0, or a reflected pair: two pairs of vectors are shared.
        let low = with_spectrum(4, 4, &[3.0, 2.0], 2);
        let reflected = with_sign(&[3.0, 2.0, 1.0, 1.0], -1.0);
        for a in [low, reflected] {
            let rotation = Rotation::forward(a.as_ref()).unwrap();
            assert!(!rotation.is_unique());
            let bar = gaussian(4, 4, 1);
            let error = rotation.vjp(bar.as_ref()).unwrap_err();
            assert!(
                matches!(error, Error::RankDeficient { index: 2, value, floor, .. } if value <= floor)
                    || matches!(error, Error::GapClosed { i: 2, j: 3, gap, floor, .. } if gap <= floor),
                "{error}"
            );
            assert!(rotation.jvp(bar.as_ref()).is_err());
            let (u, v) = rotation.nearest.free();
            let within = |x: &Mat<f64>| {
                let x = x - u * (u.transpose() * x);
                &x - (&x * v) * v.transpose()
            };
            let inside = within(&bar);
            let a_bar = rotation.vjp(inside.as_ref()).unwrap();
            // The same by Polar for the matrix without the pair.
            let polar = Polar::forward(within(&a).as_ref()).unwrap();
            let expected = polar.vjp(Some(inside.as_ref()), None).unwrap();
            assert!((a_bar - expected).norm_max() < 1e-14);
        }
        let zero = Rotation::forward(Mat::zeros(3, 3).as_ref()).unwrap();
        assert_eq!(
            zero.signed_values().iter().map(|x| x.abs()).sum::<f64>(),
            0.0
        );
        assert_eq!(SignedLogDet::forward(zero.value()).unwrap().sign(), 1.0);
        let nothing = zero.vjp(Mat::zeros(3, 3).as_ref()).unwrap();
        assert_eq!(nothing, Mat::<f64>::zeros(3, 3));
        refused! { zero.vjp(Mat::identity(3, 3).as_ref()) => Error::RankDeficient { index: 1, .. } }
    }

    #[test]
    fn units_cost_no_digit() {
        for a in cases() {
            let n = a.nrows();
            let bar = gaussian(n, n, 1);
            let plain = Rotation::forward(a.as_ref()).unwrap();
            let plain_bar = plain.vjp(bar.as_ref()).unwrap();
            for size in [2f64.powi(-500), 2f64.powi(500), 1e-150, 1e150] {
                let scaled = Rotation::forward((Scale(size) * &a).as_ref()).unwrap();
                assert!((scaled.value() - plain.value()).norm_max() < 1e-14);
                let scaled_bar = Scale(size) * scaled.vjp(bar.as_ref()).unwrap();
                // A power of ten rounds the entries, and a gap of 1/2 or more magnifies that.
                assert!(
                    (scaled_bar - &plain_bar).norm_max() < 1e-13 * plain_bar.norm_max().max(1.0)
                );
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| Rotation::forward(a.as_ref());
        let rotation = forward(gaussian(3, 3, 1)).unwrap();
        let (wrong, nan) = (Mat::zeros(2, 3), Mat::full(3, 3, f64::NAN));
        let tiny = forward(mat![[1e-150, 0.0], [0.0, 1e-150]]).unwrap();
        let turning = mat![[0.0, 0.0], [1e200, 0.0]];
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { .. },
            forward(Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { .. },
            forward(Mat::full(2, 2, f64::MAX)) => Error::Overflow { op: OP },
            rotation.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rotation.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rotation.vjp(nan.as_ref()) => Error::NotFinite { .. },
            rotation.jvp(nan.as_ref()) => Error::NotFinite { .. },
            tiny.vjp(turning.as_ref()) => Error::Overflow { op: OP },
            tiny.jvp(turning.as_ref()) => Error::Overflow { op: OP },
        }
    }
}
