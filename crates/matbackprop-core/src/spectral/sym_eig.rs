//! Eigenvalues and eigenvectors of a symmetric matrix.

use super::eigenvalue_gaps::EigenvalueGaps;
use crate::decompose::symmetric_eigen;
use crate::error::Result;
use crate::free_basis::turn_equal;
use crate::gap::{GapPolicy, column_norms};
use crate::guard::{ensure_length, ensure_shape, values_within_range, within_range};
use crate::products::{congruence, temporary_product};
use crate::symmetric::{scaled_symmetric, skew, sym};
use faer::{Mat, MatRef};

const OP: &str = "symmetric eigendecomposition";

/// The rules that have a gradient at equal eigenvalues.
const INSTEAD: &str = "functions of a matrix (MatrixFunction, TraceFunction) and subspaces (LeadingProjector) have their gradients where eigenvalues are equal";

/// A = V Λ Vᵀ with orthogonal V.
///
/// ```text
/// forward   A = V Λ Vᵀ
/// vjp       Ā = V ( diag(λ̄) + K ∘ skew(VᵀV̄) ) Vᵀ         Kᵢⱼ = 1 / (λⱼ − λᵢ),  Kᵢᵢ = 0
/// jvp       λ̇ = diag(P),  V̇ = V ( K ∘ P )                  P = Vᵀ sym(Ȧ) V
/// ```
///
/// # Shapes
/// A, V, Ā: n × n; λ: n values.
///
/// # Conventions
/// Eigenvalues nondecreasing. Ā is symmetric. Signs of columns of V, and rotations among columns of equal eigenvalues,
/// are free; only losses that do not see them have a gradient where eigenvalues meet. Columns of equal eigenvalues come
/// in general position: of a multiple of the identity, V is not the identity. A cotangent of the values alone that
/// distinguishes equal ones brings their limiting subgradient, see [`GapPolicy`].
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`GapClosed`](crate::Error::GapClosed) as the [`GapPolicy`] says, never from a cotangent of the values alone.
///
/// # Cost
/// O(n³) time; n² + n numbers stored.
///
/// # Source
/// Ionescu, Vantzos, Sminchisescu, "Matrix Backpropagation for Deep Networks with Structured Layers", ICCV 2015,
/// proposition 2. We take only the antisymmetric part of VᵀV̄, to which the rest contributes nothing, and leave a
/// closed gap to the caller.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{GapPolicy, SymEig};
///
/// let eigen = SymEig::forward(mat![[2.0, 1.0], [1.0, 2.0]].as_ref(), GapPolicy::default())?;
/// assert!((eigen.values()[0] - 1.0).abs() < 1e-15 && (eigen.values()[1] - 3.0).abs() < 1e-15);
/// // The gradient of the largest eigenvalue is v vᵀ, here ½ everywhere.
/// let a_bar = eigen.vjp(Some(&[0.0, 1.0]), None)?;
/// assert!((a_bar - mat![[0.5, 0.5], [0.5, 0.5]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SymEig {
    values: Vec<f64>,
    vectors: Mat<f64>,
    gaps: EigenvalueGaps,
}

/// The result of [`SymEig::jvp`], and of [`LeadingSymEig::jvp`](crate::LeadingSymEig::jvp).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SymEigTangent {
    /// λ̇.
    pub values: Vec<f64>,
    /// V̇, of the shape of V.
    pub vectors: Mat<f64>,
}

impl SymEig {
    /// Decomposes A.
    ///
    /// # Errors
    /// See [`SymEig`].
    pub fn forward(a: MatRef<'_, f64>, gaps: GapPolicy) -> Result<Self> {
        gaps.validate(OP)?;
        let (a, scale) = scaled_symmetric(OP, a)?;
        let (values, mut vectors) = symmetric_eigen(OP, a.as_ref())?;
        let gaps = EigenvalueGaps::new(OP, INSTEAD, gaps, &values, scale);
        turn_equal(gaps.relative(), vectors.as_mut());
        Ok(Self {
            values: values_within_range(OP, values.iter().map(|value| value * scale).collect())?,
            vectors,
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

    /// Eigenvectors V, one a column, in the order of the values.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    /// Ā from λ̄ and V̄; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`SymEig`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        values_bar: Option<&[f64]>,
        vectors_bar: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        let n = self.values.len();
        let v = self.vectors();
        if let Some(values_bar) = values_bar {
            ensure_length(OP, values_bar, n)?;
        }
        let mut core = Mat::zeros(n, n);
        if let Some(vectors_bar) = vectors_bar {
            ensure_shape(OP, vectors_bar, (n, n))?;
            let rotation = skew(temporary_product(v.transpose(), vectors_bar).as_ref());
            core = self.over_gaps(rotation, column_norms(vectors_bar), values_bar)?;
        }
        if let Some(values_bar) = values_bar {
            for i in 0..n {
                core[(i, i)] = values_bar[i];
            }
        }
        // K ∘ skew is symmetric.
        within_range(OP, congruence(v, core.as_ref()))
    }

    /// λ̇ and V̇ from Ȧ, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`SymEig`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<SymEigTangent> {
        let n = self.values.len();
        ensure_shape(OP, a_dot, (n, n))?;
        let v = self.vectors();
        let p = v.transpose() * sym(a_dot) * v;
        let values = values_within_range(OP, (0..n).map(|i| p[(i, i)]).collect())?;
        let vectors = within_range(OP, v * self.over_gaps(p, vec![a_dot.norm_l2(); n], None)?)?;
        Ok(SymEigTangent { values, vectors })
    }

    /// K ∘ X, with zeros on the diagonal.
    fn over_gaps(
        &self,
        x: Mat<f64>,
        sizes: Vec<f64>,
        values_bar: Option<&[f64]>,
    ) -> Result<Mat<f64>> {
        self.gaps.divide(x, sizes, values_bar, self.gaps.spread())
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

    const STRICT: GapPolicy = GapPolicy::Error { floor: 1e-12 };

    /// λ above a matrix that no free sign changes: V diag(1, 2, …) Vᵀ.
    fn outputs(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let eigen = SymEig::forward(sym(a).as_ref(), STRICT)?;
        let n = a.nrows();
        let weighted = weighted(eigen.vectors());
        Ok(Mat::from_fn(n + 1, n, |i, j| {
            if i == 0 {
                eigen.values()[j]
            } else {
                weighted[(i - 1, j)]
            }
        }))
    }

    fn weighted(v: MatRef<'_, f64>) -> Mat<f64> {
        let scaled = Mat::from_fn(v.nrows(), v.ncols(), |i, j| v[(i, j)] * (j + 1) as f64);
        scaled * v.transpose()
    }

    /// The cotangent of V under C = V N Vᵀ, N = diag(1, 2, …): V̄ = (C̄ + C̄ᵀ) V N.
    fn pulled_back(eigen: &SymEig, y_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let n = y_bar.ncols();
        let values_bar: Vec<f64> = (0..n).map(|j| y_bar[(0, j)]).collect();
        let c_bar = y_bar.subrows(1, n);
        let product = (c_bar + c_bar.transpose()) * eigen.vectors();
        let vectors_bar = Mat::from_fn(n, n, |i, j| product[(i, j)] * (j + 1) as f64);
        eigen.vjp(Some(&values_bar), Some(vectors_bar.as_ref()))
    }

    #[test]
    fn two_by_two_by_hand() {
        // λ = 3 ∓ 2; the rotation angle θ of V obeys θ̇ = ȧ₁₂ / (λ₂ − λ₁) at a diagonal A.
        let eigen = SymEig::forward(mat![[1.0, 0.0], [0.0, 5.0]].as_ref(), STRICT).unwrap();
        assert_eq!(eigen.values(), &[1.0, 5.0]);
        let v = eigen.vectors().to_owned();
        let tangent = eigen.jvp(mat![[7.0, 2.0], [2.0, 9.0]].as_ref()).unwrap();
        assert_eq!(tangent.values, vec![7.0, 9.0]);
        let rotation = v.transpose() * &tangent.vectors;
        let expected = 0.5 * v[(0, 0)] * v[(1, 1)];
        assert!((rotation - mat![[0.0, expected], [-expected, 0.0]]).norm_max() < 1e-15);
    }

    #[test]
    fn agrees_with_finite_differences() {
        for eigenvalues in [
            &[0.7][..],
            &[-1.0, 2.0],
            &[3.0, -2.0, 0.0, 1.0, 1.3],
            &[1e-3, 0.3, 1.0, 2.0, 3.0, 5.0],
        ] {
            let a = symmetric_with_spectrum(eigenvalues, 11);
            let eigen = SymEig::forward(a.as_ref(), STRICT).unwrap();
            for check in [GradientCheck::symmetric(), GradientCheck::default()] {
                let check = GradientCheck {
                    tolerance: 1e-8,
                    ..check
                };
                check_vjp(
                    outputs,
                    |y_bar| pulled_back(&eigen, y_bar),
                    a.as_ref(),
                    &check,
                )
                .unwrap();
            }
        }
    }

    #[test]
    fn jvp_agrees_with_finite_differences_and_with_vjp() {
        let a = symmetric_with_spectrum(&[4.0, -1.0, 0.5, 2.0], 3);
        let eigen = SymEig::forward(a.as_ref(), STRICT).unwrap();
        let values = |a: MatRef<'_, f64>| {
            let eigen = SymEig::forward(sym(a).as_ref(), STRICT)?;
            Ok::<_, Error>(Mat::from_fn(4, 1, |i, _| eigen.values()[i]))
        };
        let values_dot = |a_dot: MatRef<'_, f64>| {
            let tangent = eigen.jvp(a_dot)?;
            Ok(Mat::from_fn(4, 1, |i, _| tangent.values[i]))
        };
        check_jvp(values, values_dot, a.as_ref(), &GradientCheck::default()).unwrap();

        let (values_bar, vectors_bar) = ([1.0, -2.0, 0.5, 3.0], gaussian(4, 4, 1));
        let a_dot = gaussian(4, 4, 2);
        let tangent = eigen.jvp(a_dot.as_ref()).unwrap();
        let a_bar = eigen
            .vjp(Some(&values_bar), Some(vectors_bar.as_ref()))
            .unwrap();
        let forward = inner(vectors_bar.as_ref(), tangent.vectors.as_ref())
            + values_bar
                .iter()
                .zip(&tangent.values)
                .map(|(bar, dot)| bar * dot)
                .sum::<f64>();
        let back = inner(a_bar.as_ref(), a_dot.as_ref());
        assert!(
            (forward - back).abs() < 1e-13 * back.abs().max(10.0),
            "{forward} {back}"
        );
    }

    #[test]
    fn a_repeated_eigenvalue_is_what_the_policy_says() {
        let a = symmetric_with_spectrum(&[2.0, 2.0, 5.0], 8);
        // V Vᵀ = I for any V: nothing asks to rotate. V̄ = 2 V.
        let free = |eigen: &SymEig| Scale(2.0) * eigen.vectors().to_owned();
        let strict = SymEig::forward(a.as_ref(), STRICT).unwrap();
        let a_bar = strict.vjp(None, Some(free(&strict).as_ref())).unwrap();
        assert!(a_bar.norm_max() < 1e-14, "{a_bar:?}");
        let rotating = gaussian(3, 3, 1);
        assert!(matches!(
            strict.vjp(None, Some(rotating.as_ref())),
            Err(Error::GapClosed {
                i: 1,
                j: 0,
                floor: 1e-12,
                ..
            })
        ));
        let broadened = SymEig::forward(a.as_ref(), GapPolicy::Broadened { width: 1e-3 }).unwrap();
        let a_bar = broadened.vjp(None, Some(rotating.as_ref())).unwrap();
        // 1 / (2 · width · λ max) bounds each quotient.
        assert!(
            a_bar.norm_max() <= 3.0 * rotating.norm_l2() * 500.0 / 5.0,
            "{a_bar:?}"
        );
        // The values alone never ask for a gap.
        let a_bar = strict.vjp(Some(&[1.0, 1.0, 1.0]), None).unwrap();
        assert!((a_bar - Mat::<f64>::identity(3, 3)).norm_max() < 1e-14);
    }

    #[test]
    fn a_rotation_hidden_from_the_cotangents_is_an_error_in_every_basis() {
        // ⟨G, V exp(Λ) Vᵀ⟩ at multiples of the identity, where V would be I: G is its own gradient, times e^λ. Where
        // G is not a multiple of I, neither V̄ nor λ̄ of that basis would show it.
        for n in [2, 3, 6] {
            let a = Scale(0.5) * Mat::<f64>::identity(n, n);
            let mut pair = Mat::zeros(n, n);
            (pair[(0, 1)], pair[(1, 0)]) = (1.0, 1.0);
            let random = sym(gaussian(n, n, 4).as_ref());
            for (g, shown) in [(pair, false), (random, false), (Mat::identity(n, n), true)] {
                let eigen = SymEig::forward(a.as_ref(), STRICT).unwrap();
                let v = eigen.vectors();
                let turned = v.transpose() * &g * v;
                let exp = 0.5f64.exp();
                let values_bar: Vec<f64> = (0..n).map(|i| exp * turned[(i, i)]).collect();
                let vectors_bar = Scale(2.0 * exp) * &g * v;
                let found = eigen.vjp(Some(&values_bar), Some(vectors_bar.as_ref()));
                match found {
                    Ok(a_bar) => {
                        assert!(shown, "{n}");
                        assert!((a_bar - Scale(exp) * &g).norm_max() < 1e-14);
                    }
                    Err(error) => {
                        assert!(!shown, "{n}: {error}");
                        assert!(error.to_string().contains("MatrixFunction"), "{error}");
                    }
                }
            }
        }
    }

    #[test]
    fn leading_vectors_of_low_rank_have_their_gradient() {
        // ⟨G, V₂V₂ᵀ⟩ of a matrix of rank two in six dimensions: four zero eigenvalues, of which nothing is asked.
        let a = symmetric_with_spectrum(&[0.0, 0.0, 0.0, 0.0, 2.0, 3.0], 8);
        let eigen = SymEig::forward(a.as_ref(), GapPolicy::default()).unwrap();
        let g = sym(gaussian(6, 6, 1).as_ref());
        let mut vectors_bar = Scale(2.0) * &g * eigen.vectors();
        vectors_bar.subcols_mut(0, 4).fill(0.0);
        let a_bar = eigen.vjp(None, Some(vectors_bar.as_ref())).unwrap();
        // Kept and dropped vectors meet over λ alone: P̄ = A⁺ G (I − P) and its transpose.
        let values = [0.0, 0.0, 0.0, 0.0, 0.5, 1.0 / 3.0];
        let inverse = crate::products::spectral_product(eigen.vectors(), &values);
        let p = eigen.vectors().subcols(4, 2) * eigen.vectors().subcols(4, 2).transpose();
        let half = inverse * &g * (Mat::<f64>::identity(6, 6) - p);
        assert!((a_bar - &half - half.transpose()).norm_max() < 1e-13);
    }

    #[test]
    fn the_rule_scales_with_its_input() {
        let a = symmetric_with_spectrum(&[4.0, -1.0, 0.5, 2.0], 3);
        let bar = gaussian(4, 4, 1);
        let plain = SymEig::forward(a.as_ref(), STRICT)
            .unwrap()
            .vjp(None, Some(bar.as_ref()))
            .unwrap();
        for size in [2f64.powi(-500), 2f64.powi(500)] {
            let eigen = SymEig::forward((Scale(size) * &a).as_ref(), STRICT).unwrap();
            let a_bar = Scale(size) * eigen.vjp(None, Some(bar.as_ref())).unwrap();
            assert!(
                (a_bar - &plain).norm_max() < 1e-14 * plain.norm_max(),
                "{size:e}"
            );
        }
    }

    #[test]
    fn the_zero_matrix_has_values_and_their_gradient() {
        let eigen = SymEig::forward(Mat::zeros(3, 3).as_ref(), STRICT).unwrap();
        assert_eq!(eigen.values(), &[0.0; 3]);
        let a_bar = eigen.vjp(Some(&[2.0; 3]), None).unwrap();
        assert!((a_bar - Scale(2.0) * Mat::<f64>::identity(3, 3)).norm_max() < 1e-14);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| SymEig::forward(a.as_ref(), STRICT);
        let broken = SymEig::forward(mat![[1.0]].as_ref(), GapPolicy::Broadened { width: -1.0 });
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { rows: 2, columns: 3, .. },
            forward(Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { .. },
        }
        assert!(matches!(broken, Err(Error::NotPositive { .. })));
        let eigen = SymEig::forward(mat![[1.0]].as_ref(), STRICT).unwrap();
        let largest = Mat::full(2, 2, f64::MAX);
        refused! {
            eigen.vjp(Some(&[1.0, 2.0]), None) => Error::ShapeMismatch { .. },
            eigen.vjp(None, Some(Mat::zeros(2, 2).as_ref())) => Error::ShapeMismatch { .. },
            eigen.jvp(mat![[f64::INFINITY]].as_ref()) => Error::NotFinite { .. },
            forward(largest.clone()) => Error::Overflow { op: OP },
        }
        let eigen = SymEig::forward(mat![[1e-150, 0.0], [0.0, 2e-150]].as_ref(), STRICT).unwrap();
        let turning = mat![[0.0, 1e200], [0.0, 0.0]];
        refused! {
            eigen.vjp(None, Some(turning.as_ref())) => Error::Overflow { op: OP },
            eigen.jvp(turning.as_ref()) => Error::Overflow { op: OP },
            eigen.jvp(largest.as_ref()) => Error::Overflow { op: OP },
        }
    }

    #[test]
    fn gaps_of_a_few_roundings_are_no_reason_for_a_wrong_zero() {
        // diag(10, 10 + k ε 10): ⟨G, √A⟩ for G between the two has Ā₁₂ = 1 / (2 √10), or is refused.
        for steps in 0..200 {
            let values = [10.0, 10.0 * (1.0 + f64::from(steps) * f64::EPSILON)];
            let a = mat![[values[0], 0.0], [0.0, values[1]]];
            let eigen = SymEig::forward(a.as_ref(), GapPolicy::default()).unwrap();
            let v = eigen.vectors();
            let g = mat![[0.0, 1.0], [1.0, 0.0]];
            let turned = v.transpose() * &g * v;
            let roots = [0, 1].map(|i| eigen.values()[i].sqrt());
            let values_bar = [0, 1].map(|i| 0.5 / roots[i] * turned[(i, i)]);
            let bar = Mat::from_fn(2, 2, |i, j| 2.0 * roots[j] * (&g * v)[(i, j)]);
            if let Ok(a_bar) = eigen.vjp(Some(&values_bar), Some(bar.as_ref())) {
                let error = (a_bar[(0, 1)] - 0.5 / 10f64.sqrt()).abs();
                assert!(error < 1e-2, "{steps}: {error:e}");
            }
        }
    }

    #[test]
    fn a_multiple_of_the_identity_on_equal_values_passes_with_its_rounding() {
        // tr log A of 0.25 I + 1 1ᵀ: λ̄ = 1 / λ carries the rounding of λ, V̄ that of log λ.
        for n in [3, 6, 12, 30] {
            let a = Mat::from_fn(n, n, |i, j| if i == j { 1.25 } else { 1.0 });
            let eigen = SymEig::forward(a.as_ref(), GapPolicy::default()).unwrap();
            let v = eigen.vectors();
            let values_bar: Vec<f64> = eigen.values().iter().map(|x| x.recip()).collect();
            let bar = Mat::from_fn(n, n, |i, j| 2.0 * eigen.values()[j].ln() * v[(i, j)]);
            let a_bar = eigen.vjp(Some(&values_bar), Some(bar.as_ref())).unwrap();
            let unit = &a * a_bar - Mat::<f64>::identity(n, n);
            assert!(unit.norm_max() < 1e-12, "{n}");
        }
    }
}
