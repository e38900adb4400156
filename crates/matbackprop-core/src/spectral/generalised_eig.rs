//! Eigenvalues and eigenvectors of a symmetric matrix, lengths measured by another.

use super::eigenvalue_gaps::EigenvalueGaps;
use crate::decompose::symmetric_eigen;
use crate::error::Result;
use crate::free_basis::turn_equal;
use crate::gap::{GapPolicy, column_norms};
use crate::guard::{ensure_length, ensure_shape, values_within_range, within_range};
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::{cholesky, solve_lower, solve_upper};
use crate::symmetric::{ensure_symmetric, skew, sym};
use faer::{Mat, MatRef, Scale};

const OP: &str = "generalised eigendecomposition";

/// The rules that have a gradient at equal eigenvalues.
const INSTEAD: &str = "functions of L⁻¹AL⁻ᵀ, B = LLᵀ (Cholesky, then MatrixFunction or LeadingProjector), have their gradients where eigenvalues are equal";

/// A V = B V Λ for a symmetric A and a symmetric positive definite B.
///
/// ```text
/// forward   B = L Lᵀ,  L⁻¹ A L⁻ᵀ = Y Λ Yᵀ,  V = L⁻ᵀ Y         VᵀBV = I,  VᵀAV = Λ
/// vjp       Ā =  V ( diag(λ̄) + R ) Vᵀ                          T = VᵀV̄,  R = K ∘ skew(T)
///           B̄ = −V ( diag(λ ∘ λ̄) + ½ (ΛR + RΛ) + ½ sym(T) ) Vᵀ      Kᵢⱼ = 1 / (λⱼ − λᵢ),  Kᵢᵢ = 0
/// jvp       λ̇ = diag(P − ΛQ),  V̇ = V ( K ∘ (P − ½ (ΛQ + QΛ)) − ½ Q )     P = Vᵀ sym(Ȧ) V,  Q = Vᵀ sym(Ḃ) V
/// ```
///
/// Normalised cuts are this: W v = λ D v for an affinity W and the diagonal D of its degrees.
///
/// # Shapes
/// A, B, V and their cotangents: n × n; λ: n values.
///
/// # Conventions
/// Eigenvalues nondecreasing. Ā and B̄ are symmetric. Signs of columns of V, and rotations among columns of equal
/// eigenvalues, are free, and come as [`SymEig`](crate::SymEig) says; only losses that do not see them have a gradient
/// where eigenvalues meet. The part of V̄ along lengths, sym(T), goes back to B without
/// a gap.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has the shape of A,
/// [`NotPositiveDefinite`](crate::Error::NotPositiveDefinite) of B, [`NoConvergence`](crate::Error::NoConvergence),
/// [`Overflow`](crate::Error::Overflow); [`GapClosed`](crate::Error::GapClosed) as the [`GapPolicy`] says, never from a
/// cotangent of the values alone.
///
/// # Cost
/// O(n³) time; n² + 2 n numbers stored.
///
/// # Source
/// Differentiating A V = B V Λ and VᵀBV = I; ours is the split of V̄ into a part that turns vectors, which a gap
/// divides, and a part that stretches them, which it does not.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{GapPolicy, GeneralisedEig};
///
/// // Three pixels in a row: W v = λ D v has the constant vector at λ = 1.
/// let w = mat![[2.0, 1.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 2.0]];
/// let d = mat![[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]];
/// let eigen = GeneralisedEig::forward(w.as_ref(), d.as_ref(), GapPolicy::default())?;
/// assert!((eigen.values()[2] - 1.0).abs() < 1e-15);
/// // λ = vᵀWv / vᵀDv with v = (1, 1, 1) / 3: D̄ = −λ v vᵀ.
/// let bar = eigen.vjp(Some(&[0.0, 0.0, 1.0]), None)?;
/// assert!((bar.b + faer::Mat::full(3, 3, 1.0 / 9.0)).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GeneralisedEig {
    values: Vec<f64>,
    vectors: Mat<f64>,
    gaps: EigenvalueGaps,
}

/// The result of [`GeneralisedEig::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GeneralisedEigCotangent {
    /// Ā, n × n, symmetric.
    pub a: Mat<f64>,
    /// B̄, n × n, symmetric.
    pub b: Mat<f64>,
}

/// The result of [`GeneralisedEig::jvp`], and of [`LeadingGeneralisedEig::jvp`](crate::LeadingGeneralisedEig::jvp).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GeneralisedEigTangent {
    /// λ̇.
    pub values: Vec<f64>,
    /// V̇, of the shape of V.
    pub vectors: Mat<f64>,
}

impl GeneralisedEig {
    /// Decomposes A in the lengths of B.
    ///
    /// # Errors
    /// See [`GeneralisedEig`].
    pub fn forward(a: MatRef<'_, f64>, b: MatRef<'_, f64>, gaps: GapPolicy) -> Result<Self> {
        let n = ensure_symmetric(OP, a)?;
        ensure_shape(OP, b, (n, n))?;
        ensure_symmetric(OP, b)?;
        gaps.validate(OP)?;
        let l = cholesky(OP, sym(b).as_ref())?;
        let mut core = sym(a);
        solve_lower(l.as_ref(), core.as_mut());
        solve_lower(l.as_ref(), core.transpose_mut());
        let core = within_range(OP, core)?;
        let scale = power_of_two_scale(core.as_ref());
        let scaled = sym(Scaled::new(core.as_ref(), scale).as_ref());
        let (values, mut vectors) = symmetric_eigen(OP, scaled.as_ref())?;
        solve_upper(l.transpose(), vectors.as_mut());
        let gaps = EigenvalueGaps::new(OP, INSTEAD, gaps, &values, scale);
        turn_equal(gaps.relative(), vectors.as_mut());
        let values = values.iter().map(|value| value * scale).collect();
        Ok(Self {
            values: values_within_range(OP, values)?,
            vectors: within_range(OP, vectors)?,
            gaps,
        })
    }

    /// The way back alone, from values and vectors that `forward` gave.
    pub(crate) fn from_eigenpairs(
        values: Vec<f64>,
        vectors: Mat<f64>,
        gaps: GapPolicy,
    ) -> Result<Self> {
        gaps.validate(OP)?;
        Ok(Self {
            gaps: EigenvalueGaps::new(OP, INSTEAD, gaps, &values, 1.0),
            values,
            vectors,
        })
    }

    /// Eigenvalues, nondecreasing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Eigenvectors V, one a column, in the order of the values; VᵀBV = I.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    /// Ā and B̄ from λ̄ and V̄; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`GeneralisedEig`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        values_bar: Option<&[f64]>,
        vectors_bar: Option<MatRef<'_, f64>>,
    ) -> Result<GeneralisedEigCotangent> {
        let n = self.values.len();
        let v = self.vectors();
        if let Some(values_bar) = values_bar {
            ensure_length(OP, values_bar, n)?;
        }
        let (mut a_core, mut b_core) = (Mat::zeros(n, n), Mat::zeros(n, n));
        if let Some(vectors_bar) = vectors_bar {
            ensure_shape(OP, vectors_bar, (n, n))?;
            let t = v.transpose() * vectors_bar;
            let longest = self.longest();
            let sizes = column_norms(vectors_bar)
                .iter()
                .map(|x| longest * x)
                .collect();
            let r = self.over_gaps(skew(t.as_ref()), sizes, values_bar)?;
            b_core = Mat::from_fn(n, n, |i, j| {
                self.mean_value(i, j) * r[(i, j)] + 0.25 * t[(i, j)] + 0.25 * t[(j, i)]
            });
            a_core = Scale(self.gaps.spread().recip()) * r;
        }
        if let Some(values_bar) = values_bar {
            for i in 0..n {
                a_core[(i, i)] += values_bar[i];
                b_core[(i, i)] += self.values[i] * values_bar[i];
            }
        }
        let pulled = |core: Mat<f64>| within_range(OP, sym((v * core * v.transpose()).as_ref()));
        Ok(GeneralisedEigCotangent {
            a: pulled(a_core)?,
            b: pulled(-b_core)?,
        })
    }

    /// λ̇ and V̇ from Ȧ and Ḃ, whose symmetric parts count; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`GeneralisedEig`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
    ) -> Result<GeneralisedEigTangent> {
        let n = self.values.len();
        let v = self.vectors();
        let mut values = vec![0.0; n];
        let (mut turning, mut stretching) = (Mat::zeros(n, n), Mat::zeros(n, n));
        let mut magnitude = 0.0;
        if let Some(a_dot) = a_dot {
            ensure_shape(OP, a_dot, (n, n))?;
            let p = v.transpose() * sym(a_dot) * v;
            for i in 0..n {
                values[i] += p[(i, i)];
            }
            turning += Scale(self.gaps.spread().recip()) * p;
            magnitude += self.longest() * (self.longest() * a_dot.norm_l2()) / self.gaps.spread();
        }
        if let Some(b_dot) = b_dot {
            ensure_shape(OP, b_dot, (n, n))?;
            let q = v.transpose() * sym(b_dot) * v;
            for i in 0..n {
                values[i] -= self.values[i] * q[(i, i)];
            }
            turning -= Mat::from_fn(n, n, |i, j| self.mean_value(i, j) * q[(i, j)]);
            stretching = Scale(0.5) * q;
            magnitude += self.longest() * (self.longest() * b_dot.norm_l2());
        }
        let vectors = v * (self.over_gaps(turning, vec![magnitude; n], None)? - stretching);
        Ok(GeneralisedEigTangent {
            values: values_within_range(OP, values)?,
            vectors: within_range(OP, vectors)?,
        })
    }

    /// The largest ‖vⱼ‖: the magnification of a product with Vᵀ.
    fn longest(&self) -> f64 {
        self.vectors
            .col_iter()
            .fold(0.0, |longest: f64, column| longest.max(column.norm_l2()))
    }

    /// (λᵢ + λⱼ) / 2, relative to the spread.
    fn mean_value(&self, i: usize, j: usize) -> f64 {
        let relative = self.gaps.relative();
        0.5 * (relative[i] + relative[j])
    }

    /// X over the gaps relative to the spread, with zeros on the diagonal.
    fn over_gaps(
        &self,
        x: Mat<f64>,
        sizes: Vec<f64>,
        values_bar: Option<&[f64]>,
    ) -> Result<Mat<f64>> {
        // Against an infinite size anything would count as zero.
        let sizes = values_within_range(OP, sizes)?;
        self.gaps.divide(x, sizes, values_bar, 1.0)
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
    use crate::spectral::SymEig;
    use crate::symmetric::inner;
    use faer::mat;

    const STRICT: GapPolicy = GapPolicy::Error { floor: 1e-12 };

    /// Spectra of B; A is any symmetric matrix.
    const SPECTRA: [&[f64]; 4] = [
        &[0.7],
        &[1.0, 2.0],
        &[2.0, 2.0, 2.0],
        &[0.3, 0.5, 1.0, 1.0, 3.0],
    ];

    fn cases() -> impl Iterator<Item = (Mat<f64>, Mat<f64>, GeneralisedEig)> {
        SPECTRA.iter().map(|spectrum| {
            let n = spectrum.len();
            let a = sym(gaussian(n, n, 4).as_ref());
            let b = symmetric_with_spectrum(spectrum, 5);
            let eigen = GeneralisedEig::forward(a.as_ref(), b.as_ref(), STRICT).unwrap();
            (a, b, eigen)
        })
    }

    fn weighted(v: MatRef<'_, f64>) -> Mat<f64> {
        let scaled = Mat::from_fn(v.nrows(), v.ncols(), |i, j| v[(i, j)] * (j + 1) as f64);
        scaled * v.transpose()
    }

    /// λ above a matrix that no free sign changes: V N Vᵀ, N = diag(1, 2, …).
    fn outputs(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let eigen = GeneralisedEig::forward(sym(a).as_ref(), sym(b).as_ref(), STRICT)?;
        let (n, weighted) = (a.nrows(), weighted(eigen.vectors()));
        Ok(Mat::from_fn(n + 1, n, |i, j| match i {
            0 => eigen.values()[j],
            _ => weighted[(i - 1, j)],
        }))
    }

    /// The cotangent of V under C = V N Vᵀ: V̄ = (C̄ + C̄ᵀ) V N.
    fn pulled_back(
        eigen: &GeneralisedEig,
        y_bar: MatRef<'_, f64>,
    ) -> Result<GeneralisedEigCotangent> {
        let n = y_bar.ncols();
        let values_bar: Vec<f64> = (0..n).map(|j| y_bar[(0, j)]).collect();
        let c_bar = y_bar.subrows(1, n);
        let product = (c_bar + c_bar.transpose()) * eigen.vectors();
        let vectors_bar = Mat::from_fn(n, n, |i, j| product[(i, j)] * (j + 1) as f64);
        eigen.vjp(Some(&values_bar), Some(vectors_bar.as_ref()))
    }

    /// (λ̇, Ċ) of the same.
    fn pushed_forward(eigen: &GeneralisedEig, tangent: &GeneralisedEigTangent) -> Mat<f64> {
        let n = tangent.values.len();
        let ranked = Mat::from_fn(n, n, |i, j| tangent.vectors[(i, j)] * (j + 1) as f64);
        let half = ranked * eigen.vectors().transpose();
        Mat::from_fn(n + 1, n, |i, j| match i {
            0 => tangent.values[j],
            _ => half[(i - 1, j)] + half[(j, i - 1)],
        })
    }

    #[test]
    fn a_diagonal_pencil_by_hand() {
        // λ = (3/1, 20/4); v₁ = (1, 0), v₂ = (0, ½), up to signs.
        let (a, b) = (mat![[3.0, 0.0], [0.0, 20.0]], mat![[1.0, 0.0], [0.0, 4.0]]);
        let eigen = GeneralisedEig::forward(a.as_ref(), b.as_ref(), STRICT).unwrap();
        assert_eq!(eigen.values(), &[3.0, 5.0]);
        let v = eigen.vectors();
        assert_eq!((v[(0, 0)].abs(), v[(1, 1)].abs()), (1.0, 0.5));
        // Ȧ: λ̇₂ = 8/4; Ḃ: λ̇₁ = −3·2, and v₁ shortens by ½·2.
        let dot = eigen
            .jvp(
                Some(mat![[0.0, 0.0], [0.0, 8.0]].as_ref()),
                Some(mat![[2.0, 0.0], [0.0, 0.0]].as_ref()),
            )
            .unwrap();
        assert_eq!(dot.values, vec![-6.0, 2.0]);
        assert!((dot.vectors[(0, 0)] + v[(0, 0)]).abs() < 1e-15);
        // Ȧ off the diagonal adds v₂ (v₂ᵀȦv₁) / (λ₁ − λ₂) to v₁.
        let dot = eigen
            .jvp(Some(mat![[0.0, 4.0], [4.0, 0.0]].as_ref()), None)
            .unwrap();
        let turn = v[(0, 0)] * 4.0 * v[(1, 1)] / (3.0 - 5.0);
        assert!((dot.vectors[(1, 0)] - turn * v[(1, 1)]).abs() < 1e-15);
        let bar = eigen.vjp(Some(&[1.0, 1.0]), None).unwrap();
        assert_eq!(bar.a, mat![[1.0, 0.0], [0.0, 0.25]]);
        assert_eq!(bar.b, mat![[-3.0, 0.0], [0.0, -1.25]]);
    }

    #[test]
    fn vectors_are_orthonormal_in_the_lengths_of_b() {
        for (a, b, eigen) in cases() {
            let (n, v) = (a.nrows(), eigen.vectors());
            let unit = v.transpose() * &b * v - Mat::<f64>::identity(n, n);
            // cond(B) ≤ 10.
            assert!(unit.norm_max() < 1e-13);
            let diagonal = v.transpose() * &a * v;
            for j in 0..n {
                for i in 0..n {
                    let expected = if i == j { eigen.values()[i] } else { 0.0 };
                    assert!((diagonal[(i, j)] - expected).abs() < 1e-13);
                }
            }
            assert!(eigen.values().windows(2).all(|pair| pair[0] <= pair[1]));
        }
    }

    #[test]
    fn agrees_with_finite_differences_in_either_matrix() {
        for (a, b, eigen) in cases() {
            for check in [GradientCheck::symmetric(), GradientCheck::default()] {
                let check = GradientCheck {
                    step: 2e-5,
                    tolerance: 1e-7,
                    ..check
                };
                let of_a = |a: MatRef<'_, f64>| outputs(a, b.as_ref());
                let of_b = |b: MatRef<'_, f64>| outputs(a.as_ref(), b);
                let a_bar = |bar: MatRef<'_, f64>| Ok(pulled_back(&eigen, bar)?.a);
                let b_bar = |bar: MatRef<'_, f64>| Ok(pulled_back(&eigen, bar)?.b);
                check_vjp(of_a, a_bar, a.as_ref(), &check).unwrap();
                check_vjp(of_b, b_bar, b.as_ref(), &check).unwrap();
                let a_dot =
                    |dot: MatRef<'_, f64>| Ok(pushed_forward(&eigen, &eigen.jvp(Some(dot), None)?));
                let b_dot =
                    |dot: MatRef<'_, f64>| Ok(pushed_forward(&eigen, &eigen.jvp(None, Some(dot))?));
                check_jvp(of_a, a_dot, a.as_ref(), &check).unwrap();
                check_jvp(of_b, b_dot, b.as_ref(), &check).unwrap();
            }
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for (a, _, eigen) in cases() {
            let n = a.nrows();
            let vectors_bar = gaussian(n, n, 1);
            let values_bar: Vec<f64> = (0..n).map(|i| 1.0 - 0.3 * i as f64).collect();
            let (a_dot, b_dot) = (gaussian(n, n, 2), gaussian(n, n, 3));
            let dot = eigen
                .jvp(Some(a_dot.as_ref()), Some(b_dot.as_ref()))
                .unwrap();
            let forward = inner(vectors_bar.as_ref(), dot.vectors.as_ref())
                + values_bar
                    .iter()
                    .zip(&dot.values)
                    .map(|(bar, dot)| bar * dot)
                    .sum::<f64>();
            let bar = eigen
                .vjp(Some(&values_bar), Some(vectors_bar.as_ref()))
                .unwrap();
            assert_eq!(bar.a, bar.a.transpose());
            assert_eq!(bar.b, bar.b.transpose());
            let back =
                inner(bar.a.as_ref(), a_dot.as_ref()) + inner(bar.b.as_ref(), b_dot.as_ref());
            let size = bar.a.norm_l2() * a_dot.norm_l2() + bar.b.norm_l2() * b_dot.norm_l2();
            assert!((forward - back).abs() < 1e-13 * size, "{forward} {back}");
        }
    }

    #[test]
    fn with_unit_lengths_it_is_the_symmetric_eigendecomposition() {
        let a = symmetric_with_spectrum(&[4.0, -1.0, 0.5, 2.0], 3);
        let one = Mat::<f64>::identity(4, 4);
        let plain = SymEig::forward(a.as_ref(), STRICT).unwrap();
        let eigen = GeneralisedEig::forward(a.as_ref(), one.as_ref(), STRICT).unwrap();
        assert_eq!(eigen.values(), plain.values());
        assert_eq!(eigen.vectors(), plain.vectors());
        let bar = gaussian(4, 4, 1);
        let expected = plain.vjp(Some(&[1.0; 4]), Some(bar.as_ref())).unwrap();
        let found = eigen.vjp(Some(&[1.0; 4]), Some(bar.as_ref())).unwrap().a;
        assert!((found - expected).norm_max() < 1e-14);
    }

    #[test]
    fn a_repeated_eigenvalue_is_what_the_policy_says() {
        // A = 2 B: every λ is 2 and V Vᵀ = B⁻¹, which asks to rotate nothing. V̄ = 2 V.
        let b = symmetric_with_spectrum(&[1.0, 2.0, 5.0], 8);
        let a = Scale(2.0) * &b;
        let forward = |gaps| GeneralisedEig::forward(a.as_ref(), b.as_ref(), gaps).unwrap();
        let free = |eigen: &GeneralisedEig| Scale(2.0) * eigen.vectors().to_owned();
        let lenient = forward(STRICT);
        let bar = lenient.vjp(None, Some(free(&lenient).as_ref())).unwrap();
        assert!(bar.a.norm_max() < 1e-14);
        // The gradient of tr B⁻¹ is −B⁻².
        let squared = &b * bar.b * &b;
        assert!((squared + Mat::<f64>::identity(3, 3)).norm_max() < 1e-13);
        let rotating = gaussian(3, 3, 1);
        assert!(matches!(
            lenient.vjp(None, Some(rotating.as_ref())),
            Err(Error::GapClosed { .. })
        ));
        assert!(matches!(
            lenient.jvp(Some(rotating.as_ref()), None),
            Err(Error::GapClosed { .. })
        ));
        // A tangent that keeps A = λ B turns nothing.
        assert!(lenient.jvp(Some(b.as_ref()), None).is_ok());
        let broadened = forward(GapPolicy::Broadened { width: 1e-3 });
        let bar = broadened.vjp(None, Some(rotating.as_ref())).unwrap();
        assert!(bar.a.norm_max() < 1e4);
        // The values alone never ask for a gap.
        let bar = lenient.vjp(Some(&[1.0; 3]), None).unwrap();
        let product = &b * bar.a;
        assert!((product - Mat::<f64>::identity(3, 3)).norm_max() < 1e-14);
    }

    #[test]
    fn the_rule_scales_with_its_inputs() {
        for (a, b, plain) in cases() {
            let n = a.nrows();
            let bar = gaussian(n, n, 1);
            let plain_bar = plain.vjp(Some(&vec![1.0; n]), Some(bar.as_ref())).unwrap();
            let (tiny, large) = (2f64.powi(-400), 2f64.powi(400));
            for (of_a, of_b) in [
                (tiny, 1.0),
                (large, 1.0),
                (1.0, tiny),
                (large, large),
                (tiny, large),
            ] {
                let eigen = GeneralisedEig::forward(
                    (Scale(of_a) * &a).as_ref(),
                    (Scale(of_b) * &b).as_ref(),
                    STRICT,
                )
                .unwrap();
                // λ goes with a / b, V with 1 / √b: give their cotangents the inverse.
                let root = of_b.sqrt();
                let values_bar = vec![of_b / of_a; n];
                let vectors_bar = Scale(root) * &bar;
                let scaled = eigen
                    .vjp(Some(&values_bar), Some(vectors_bar.as_ref()))
                    .unwrap();
                let difference = Scale(of_a) * scaled.a - &plain_bar.a;
                assert!(difference.norm_max() < 1e-12 * plain_bar.a.norm_max());
                let difference = Scale(of_b) * scaled.b - &plain_bar.b;
                assert!(difference.norm_max() < 1e-12 * plain_bar.b.norm_max());
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward =
            |a: &Mat<f64>, b: &Mat<f64>| GeneralisedEig::forward(a.as_ref(), b.as_ref(), STRICT);
        let (one, nan) = (mat![[1.0]], mat![[f64::NAN]]);
        let (wide, two) = (Mat::zeros(2, 3), Mat::<f64>::identity(2, 2));
        let broken = GapPolicy::Broadened { width: 0.0 };
        let eigen = GeneralisedEig::forward(one.as_ref(), mat![[1e-200]].as_ref(), STRICT).unwrap();
        refused! {
            forward(&wide, &two) => Error::NotSquare { .. },
            forward(&Mat::zeros(0, 0), &one) => Error::Empty { .. },
            forward(&one, &two) => Error::ShapeMismatch { .. },
            forward(&nan, &one) => Error::NotFinite { .. },
            forward(&one, &nan) => Error::NotFinite { .. },
            forward(&one, &mat![[-1.0]])
                => Error::NotPositiveDefinite { op: OP, index: 0, pivot: -1.0, .. },
            forward(&mat![[1e200]], &mat![[1e-200]]) => Error::Overflow { op: OP },
            GeneralisedEig::forward(one.as_ref(), one.as_ref(), broken)
                => Error::NotPositive { .. },
        }
        for (bad, wanted) in [(wide, "1 × 1"), (nan, "finite")] {
            for error in [
                eigen.vjp(None, Some(bad.as_ref())).map(|_| ()).unwrap_err(),
                eigen.jvp(Some(bad.as_ref()), None).map(|_| ()).unwrap_err(),
                eigen.jvp(None, Some(bad.as_ref())).map(|_| ()).unwrap_err(),
            ] {
                assert!(error.to_string().contains(wanted), "{error}");
            }
        }
        refused! {
            eigen.vjp(Some(&[1.0, 2.0]), None) => Error::ShapeMismatch { .. },
            eigen.vjp(Some(&[f64::NAN]), None) => Error::NotFinite { .. },
            eigen.vjp(Some(&[1.0]), None) => Error::Overflow { .. },
            eigen.jvp(None, Some(one.as_ref())) => Error::Overflow { .. },
        }
    }
}
