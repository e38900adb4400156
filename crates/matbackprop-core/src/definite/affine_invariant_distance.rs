//! The distance of two positive definite matrices that no change of coordinates alters.

use super::distance::{DistanceCotangent, DistanceTangent, over_distance};
use super::relative_spectrum::RelativeSpectrum;
use crate::error::Result;
use crate::guard::{ensure_finite_values, ensure_shape, number_within_range, within_range};
use crate::products::spectral_product;
use crate::solve::{cholesky, solve_upper};
use crate::symmetric::{ensure_symmetric, sym};
use faer::{Mat, MatRef};

const OP: &str = "affine-invariant distance";

/// d = ‖log(A^−½ B A^−½)‖, and d², for symmetric positive definite A and B.
///
/// ```text
/// forward   A = L Lᵀ,  B = K Kᵀ,  L⁻¹K = U Σ Wᵀ,  ℓᵢ = 2 ln σᵢ,  d = ‖ℓ‖      the eigenvalues of A⁻¹B are σᵢ²
/// vjp       ℓ̄ = (d̄ / d + 2 s̄) ℓ,  Ā = −V diag(ℓ̄) Vᵀ,  B̄ = Z diag(ℓ̄) Zᵀ      V = L⁻ᵀU,  Z = K⁻ᵀW,  s = d²
/// jvp       ℓ̇ᵢ = zᵢᵀ Ḃ zᵢ − vᵢᵀ Ȧ vᵢ,  ṡ = 2 ⟨ℓ, ℓ̇⟩,  ḋ = ⟨ℓ, ℓ̇⟩ / d
/// ```
///
/// # Shapes
/// A, B and their cotangents: n × n, symmetric; d: a number.
///
/// # Conventions
/// d(A, B) = d(B, A) = d(XAXᵀ, XBXᵀ) = d(A⁻¹, B⁻¹) for every regular X. No two values are compared, so no gap
/// occurs: gradients are right where eigenvalues are equal. At d = 0 the distance has no gradient: `vjp` gives the
/// subgradient 0 there, and `jvp` the 0 that belongs to it; d² is smooth, with the gradient 0 there. Each ℓᵢ is right to
/// about n ε σ₁ / σₙ, and the gradient of d to that over d: where A and B are close, take d². Equal matrices have the
/// distance zero.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has the shape of A,
/// [`NotPositiveDefinite`](crate::Error::NotPositiveDefinite) of either,
/// [`RankDeficient`](crate::Error::RankDeficient) where σₙ does not exceed n ε σ₁,
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// Two Cholesky factors and a singular value decomposition; O(n³) each way after that; 2n² + n numbers stored.
///
/// # Source
/// Förstner and Moonen, "A metric for covariance matrices", 1999; Bhatia, "Positive Definite Matrices", 2007, chapter 6.
/// Singular values of L⁻¹K in place of eigenvalues of L⁻¹BL⁻ᵀ, which lose twice the digits, are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::AffineInvariantDistance;
///
/// let (a, b) = (mat![[1.0, 0.0], [0.0, 4.0]], mat![[1f64.exp(), 0.0], [0.0, 4.0]]);
/// let distance = AffineInvariantDistance::forward(a.as_ref(), b.as_ref())?;
/// assert!((distance.value() - 1.0).abs() < 1e-15);
/// // The gradient of d² = ln²(b₁ / a₁) + …: −2 / a₁ to A.
/// let bar = distance.vjp(0.0, 1.0)?;
/// assert!((bar.a - mat![[-2.0, 0.0], [0.0, 0.0]]).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AffineInvariantDistance {
    /// ℓ.
    log_values: Vec<f64>,
    v: Mat<f64>,
    z: Mat<f64>,
    distance: f64,
}

impl AffineInvariantDistance {
    /// The distance of A and B.
    ///
    /// # Errors
    /// See [`AffineInvariantDistance`].
    pub fn forward(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Self> {
        let n = ensure_symmetric(OP, a)?;
        ensure_shape(OP, b, (n, n))?;
        ensure_symmetric(OP, b)?;
        let (a, b) = (sym(a), sym(b));
        let l = cholesky(OP, a.as_ref())?;
        let k = cholesky(OP, b.as_ref())?;
        let spectrum = RelativeSpectrum::new(OP, l.as_ref(), k.as_ref())?;
        let mut v = spectrum.u;
        solve_upper(l.transpose(), v.as_mut());
        let log_values: Vec<f64> = if a == b {
            // Rounding of L⁻¹L must not make a direction.
            vec![0.0; n]
        } else {
            spectrum.log_values.iter().map(|x| 2.0 * x).collect()
        };
        Ok(Self::from_factors(
            log_values,
            within_range(OP, v)?,
            spectrum.z,
        ))
    }

    /// ln λ, V and Z.
    pub(crate) fn factors(&self) -> (&[f64], MatRef<'_, f64>, MatRef<'_, f64>) {
        (&self.log_values, self.v.as_ref(), self.z.as_ref())
    }

    /// From [`factors`](Self::factors).
    pub(crate) fn from_factors(log_values: Vec<f64>, v: Mat<f64>, z: Mat<f64>) -> Self {
        Self {
            distance: log_values.iter().map(|x| x * x).sum::<f64>().sqrt(),
            log_values,
            v,
            z,
        }
    }

    /// d.
    pub fn value(&self) -> f64 {
        self.distance
    }

    /// d².
    pub fn squared(&self) -> f64 {
        self.log_values.iter().map(|x| x * x).sum()
    }

    /// ℓ, the logarithms of the eigenvalues of A⁻¹B, nonincreasing.
    pub fn log_values(&self) -> &[f64] {
        &self.log_values
    }

    /// Ā and B̄ from the cotangents of d and of d².
    ///
    /// # Errors
    /// See [`AffineInvariantDistance`]; [`NotFinite`](crate::Error::NotFinite) of a cotangent.
    pub fn vjp(&self, value_bar: f64, squared_bar: f64) -> Result<DistanceCotangent> {
        ensure_finite_values(OP, &[value_bar, squared_bar])?;
        let of_value = |x: f64, sign: f64| {
            sign * (value_bar * over_distance(x, self.distance) + squared_bar * (2.0 * x))
        };
        let pulled = |basis: &Mat<f64>, sign: f64| {
            let bars: Vec<f64> = self.log_values.iter().map(|&x| of_value(x, sign)).collect();
            within_range(OP, spectral_product(basis.as_ref(), &bars))
        };
        Ok(DistanceCotangent {
            a: pulled(&self.v, -1.0)?,
            b: pulled(&self.z, 1.0)?,
        })
    }

    /// The tangents of d and of d² from Ȧ and Ḃ, whose symmetric parts count; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`AffineInvariantDistance`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
    ) -> Result<DistanceTangent> {
        let n = self.log_values.len();
        let mut along = 0.0;
        for (basis, dot, sign) in [(&self.v, a_dot, -1.0), (&self.z, b_dot, 1.0)] {
            if let Some(dot) = dot {
                ensure_shape(OP, dot, (n, n))?;
                let turned = sym(dot) * basis;
                for (i, &x) in self.log_values.iter().enumerate() {
                    let moved = basis.col(i).transpose() * turned.col(i);
                    along += sign * over_distance(x, self.distance) * moved;
                }
            }
        }
        Ok(DistanceTangent {
            distance: number_within_range(OP, along)?,
            squared: number_within_range(OP, 2.0 * self.distance * along)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    const SPECTRA: [[&[f64]; 2]; 4] = [
        [&[0.7], &[2.0]],
        [&[1.0, 2.0, 5.0], &[0.5, 1.0, 3.0]],
        [&[2.0, 2.0, 2.0], &[3.0, 3.0, 3.0]],
        [&[0.5, 2.0, 2.0, 2.0 + 1e-14], &[1.0, 1.0, 1.0, 4.0]],
    ];

    fn of(a: &Mat<f64>, b: &Mat<f64>) -> AffineInvariantDistance {
        AffineInvariantDistance::forward(a.as_ref(), b.as_ref()).unwrap()
    }

    fn pairs() -> impl Iterator<Item = [Mat<f64>; 2]> {
        SPECTRA
            .iter()
            .map(|[a, b]| [symmetric_with_spectrum(a, 3), symmetric_with_spectrum(b, 4)])
    }

    #[test]
    fn numbers_by_hand() {
        // d = |ln(b / a)|.
        let rule = of(&mat![[2.0]], &mat![[8.0]]);
        assert!((rule.value() - 4f64.ln()).abs() < 1e-15);
        let bar = rule.vjp(1.0, 0.0).unwrap();
        assert!((bar.a[(0, 0)] + 0.5).abs() < 1e-15);
        assert!((bar.b[(0, 0)] - 0.125).abs() < 1e-15);
        let dot = rule.jvp(None, Some(mat![[8.0]].as_ref())).unwrap();
        assert!((dot.distance - 1.0).abs() < 1e-15);
        assert!((dot.squared - 2.0 * 4f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn agrees_with_sixty_digits() {
        // By mpmath; there the gradients of d² by central differences.
        let a = mat![[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]];
        let b = mat![[2.0, -1.0, 0.5], [-1.0, 3.0, 0.0], [0.5, 0.0, 1.0]];
        let a_bar = mat![
            [0.29462971094201035, 0.5255492462795571, -0.5132080371396752],
            [0.5255492462795571, -0.3709948520705686, 0.4157701955737137],
            [-0.5132080371396752, 0.4157701955737137, 0.46936618932840063]
        ];
        let b_bar = mat![
            [-1.6991938646549394, -1.0190877590986487, 1.350463760327263],
            [
                -1.0190877590986487,
                -0.2824742149134045,
                0.048998340472465485
            ],
            [1.350463760327263, 0.048998340472465485, -2.0297344543941467]
        ];
        let rule = of(&a, &b);
        assert!((rule.value() - 1.7477545517100863).abs() < 2e-15);
        assert!((rule.squared() - 3.0546459730233253).abs() < 4e-15);
        let bar = rule.vjp(0.0, 1.0).unwrap();
        assert!((bar.a - a_bar).norm_max() < 4e-15);
        assert!((bar.b - b_bar).norm_max() < 1e-14);
    }

    #[test]
    fn agrees_with_finite_differences() {
        let check = GradientCheck {
            step: 1e-5,
            ..GradientCheck::default()
        };
        for [a, b] in pairs() {
            let rule = of(&a, &b);
            let both = |rule: AffineInvariantDistance| mat![[rule.value()], [rule.squared()]];
            let of_a = |a: MatRef<'_, f64>| {
                let rule = AffineInvariantDistance::forward(sym(a).as_ref(), b.as_ref())?;
                Ok::<_, Error>(both(rule))
            };
            let of_b = |b: MatRef<'_, f64>| {
                let rule = AffineInvariantDistance::forward(a.as_ref(), sym(b).as_ref())?;
                Ok::<_, Error>(both(rule))
            };
            let a_bar = |bar: MatRef<'_, f64>| Ok(rule.vjp(bar[(0, 0)], bar[(1, 0)])?.a);
            let b_bar = |bar: MatRef<'_, f64>| Ok(rule.vjp(bar[(0, 0)], bar[(1, 0)])?.b);
            let column = |dot: DistanceTangent| mat![[dot.distance], [dot.squared]];
            let a_dot = |dot: MatRef<'_, f64>| Ok(column(rule.jvp(Some(dot), None)?));
            let b_dot = |dot: MatRef<'_, f64>| Ok(column(rule.jvp(None, Some(dot))?));
            check_vjp(of_a, a_bar, a.as_ref(), &check).unwrap();
            check_vjp(of_b, b_bar, b.as_ref(), &check).unwrap();
            check_jvp(of_a, a_dot, a.as_ref(), &check).unwrap();
            check_jvp(of_b, b_dot, b.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for [a, b] in pairs() {
            let n = a.nrows();
            let rule = of(&a, &b);
            let (a_dot, b_dot) = (gaussian(n, n, 1), gaussian(n, n, 2));
            let bar = rule.vjp(0.3, -2.0).unwrap();
            let dot = rule
                .jvp(Some(a_dot.as_ref()), Some(b_dot.as_ref()))
                .unwrap();
            let there = 0.3 * dot.distance - 2.0 * dot.squared;
            let back =
                inner(bar.a.as_ref(), a_dot.as_ref()) + inner(bar.b.as_ref(), b_dot.as_ref());
            let size = bar.a.norm_l2() * a_dot.norm_l2() + bar.b.norm_l2() * b_dot.norm_l2();
            assert!((there - back).abs() < 1e-13 * size, "{there} {back}");
        }
    }

    #[test]
    fn a_change_of_coordinates_moves_gradients_alone() {
        for [a, b] in pairs() {
            let n = a.nrows();
            let x = gaussian(n, n, 8) + Scale(4.0) * Mat::<f64>::identity(n, n);
            let seen = |a: &Mat<f64>| sym((&x * a * x.transpose()).as_ref());
            let (plain, moved) = (of(&a, &b), of(&seen(&a), &seen(&b)));
            assert!((plain.value() - moved.value()).abs() < 1e-13);
            assert!((plain.value() - of(&b, &a).value()).abs() < 1e-14);
            let (bar, of_moved) = (plain.vjp(0.0, 1.0).unwrap(), moved.vjp(0.0, 1.0).unwrap());
            // Ā = Xᵀ Ā′ X.
            assert!((x.transpose() * of_moved.a * &x - bar.a).norm_max() < 1e-12);
            assert!((x.transpose() * of_moved.b * &x - bar.b).norm_max() < 1e-12);
        }
    }

    #[test]
    fn at_distance_zero_the_subgradient_is_zero() {
        let a = symmetric_with_spectrum(&[1.0, 2.0, 2.0], 3);
        let rule = of(&a, &a);
        assert_eq!((rule.value(), rule.squared()), (0.0, 0.0));
        let bar = rule.vjp(1.0, 1.0).unwrap();
        assert_eq!((bar.a.norm_max(), bar.b.norm_max()), (0.0, 0.0));
        let dot = rule.jvp(Some(a.as_ref()), None).unwrap();
        assert_eq!((dot.distance, dot.squared), (0.0, 0.0));
    }

    #[test]
    fn graded_matrices_and_any_size_keep_their_digits() {
        // A = diag(1, g), B = g A⁻¹: the eigenvalues of A⁻¹B are g and 1 / g, of A^−½ B A^−½ too.
        for g in [1e-8, 1e-14] {
            for size in [1e-150, 1.0, 1e150] {
                let a = Scale(size) * mat![[1.0, 0.0], [0.0, g]];
                let b = Scale(size) * mat![[g, 0.0], [0.0, 1.0]];
                let rule = of(&a, &b);
                let expected = 2f64.sqrt() * g.ln().abs();
                assert!((rule.value() / expected - 1.0).abs() < 4e-15);
                let bar = rule.vjp(0.0, 1.0).unwrap();
                let found = Scale(size) * bar.a;
                let expected = mat![[-2.0 * g.ln(), 0.0], [0.0, 2.0 * g.ln() / g]];
                for i in 0..2 {
                    assert!((found[(i, i)] / expected[(i, i)] - 1.0).abs() < 1e-14);
                }
            }
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let forward =
            |a: Mat<f64>, b: Mat<f64>| AffineInvariantDistance::forward(a.as_ref(), b.as_ref());
        let one = Mat::<f64>::identity(2, 2);
        let rule = of(&one, &mat![[2.0, 0.0], [0.0, 1.0]]);
        let steep = of(&mat![[1e-200]], &mat![[1.0]]);
        refused! {
            forward(Mat::zeros(2, 3), one.clone()) => Error::NotSquare { .. },
            forward(Mat::zeros(0, 0), Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(one.clone(), Mat::identity(3, 3)) => Error::ShapeMismatch { .. },
            forward(one.clone(), mat![[1.0, f64::NAN], [0.0, 1.0]]) => Error::NotFinite { .. },
            forward(one.clone(), mat![[1.0, 2.0], [0.0, 1.0]]) => Error::NotSymmetric { .. },
            forward(one.clone(), mat![[1.0, 0.0], [0.0, 0.0]])
                => Error::NotPositiveDefinite { index: 1, pivot: 0.0, .. },
            forward(mat![[1e-40, 0.0], [0.0, 1.0]], one.clone())
                => Error::RankDeficient { op: OP, index: 1, .. },
            rule.vjp(f64::NAN, 0.0) => Error::NotFinite { .. },
            steep.vjp(1e200, 0.0) => Error::Overflow { .. },
            rule.jvp(Some(Mat::zeros(3, 3).as_ref()), None) => Error::ShapeMismatch { .. },
        }
    }
}
