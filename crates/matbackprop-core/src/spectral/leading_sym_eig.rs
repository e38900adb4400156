//! A few eigenvalues and eigenvectors of a dense symmetric matrix.

use super::kept_pairs::KeptPairs;
use super::leading_eigenpairs::Leading;
use super::sym_eig::SymEigTangent;
use crate::error::Result;
use crate::gap::GapPolicy;
use crate::symmetric::{SymmetricProduct, ensure_symmetric, temporary_sym};
use faer::MatRef;

const OP: &str = "leading symmetric eigendecomposition";

/// The rules that have a gradient at equal eigenvalues.
const INSTEAD: &str = "losses of the projector V Vᵀ have their gradients where kept eigenvalues are equal (projector_vjp)";

/// The k leading eigenvalues of a dense symmetric A with their eigenvectors V, without the others.
///
/// ```text
/// forward   A V = V Λ,  VᵀV = I,  V n × k
/// vjp       Ā = sym( (V (diag(λ̄) + R) + Z) Vᵀ )            R = K ∘ skew(VᵀV̄),  Kᵢⱼ = 1 / (λⱼ − λᵢ),  Kᵢᵢ = 0
/// jvp       λ̇ᵢ = vᵢᵀ Ȧ vᵢ,  V̇ = V (K ∘ (Vᵀ Ȧ V)) + Z       (λⱼ I − A) zⱼ = (I − V Vᵀ) xⱼ,  VᵀZ = 0,  xⱼ = v̄ⱼ or Ȧ vⱼ
/// ```
///
/// For an operator that is known by its products, [`LeadingEigenpairs`](crate::LeadingEigenpairs); for all pairs,
/// [`SymEig`](crate::SymEig). A loss of the projector P = V Vᵀ goes back by [`projector_vjp`](Self::projector_vjp), which
/// divides by no gap among kept values.
///
/// # Shapes
/// A: n × n; V and its cotangent: n × k; λ: k values; Ā in factors, n × k each.
///
/// # Conventions
/// [`Leading`] says which values lead; the leading one comes first. Equal values are found as often as they occur. Signs,
/// and rotations among columns of equal values, are free, and come as [`SymEig`](crate::SymEig) says. Ā is symmetric.
///
/// Gaps are relative to the largest magnitude of *all* eigenvalues. [`GapPolicy::Broadened`] smooths the gaps to values
/// left out too.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding, [`OutOfRange`](crate::Error::OutOfRange) unless
/// 1 ≤ k ≤ n, [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`GapClosed`](crate::Error::GapClosed) as the [`GapPolicy`] says for gaps among kept values, and, where V̄ or V̇ is
/// asked for, for a closed gap between the last value and the next: the kept ones jump there. Never from a cotangent of
/// the values alone.
///
/// # Cost
/// 4/3 n³ for the reduction to a tridiagonal matrix, O(n² k) from there on, back and ahead; n² + 2 n k numbers stored.
///
/// # Source
/// As [`SymEig`](crate::SymEig), with the part of the vectors left out as the solution of a system, in the tridiagonal
/// form that `forward` keeps.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{GapPolicy, Leading, LeadingSymEig};
///
/// let a = mat![[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 2.0]];
/// let top = LeadingSymEig::forward(a.as_ref(), 1, Leading::Largest, GapPolicy::default())?;
/// assert!((top.values()[0] - 3.0).abs() < 1e-15 && (top.next_value().unwrap() - 2.0).abs() < 1e-15);
/// // The gradient of the largest eigenvalue is v vᵀ, v = (1, 1, 0) / √2.
/// let a_bar = top.vjp(Some(&[1.0]), None)?.to_dense()?;
/// assert!((a_bar - mat![[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LeadingSymEig {
    pairs: KeptPairs,
}

impl LeadingSymEig {
    /// Finds the `count` leading pairs.
    ///
    /// # Errors
    /// See [`LeadingSymEig`].
    pub fn forward(
        a: MatRef<'_, f64>,
        count: usize,
        leading: Leading,
        gaps: GapPolicy,
    ) -> Result<Self> {
        ensure_symmetric(OP, a)?;
        let pairs = KeptPairs::new((OP, INSTEAD), temporary_sym(a), None, count, leading, gaps)?;
        Ok(Self { pairs })
    }

    /// The k values, the leading one first.
    pub fn values(&self) -> &[f64] {
        self.pairs.values()
    }

    /// V, n × k, in the order of the values.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.pairs.vectors()
    }

    /// The leading one of the values left out; none where k = n.
    pub fn next_value(&self) -> Option<f64> {
        self.pairs.next()
    }

    /// Ā as factors, n × k each, from λ̄ and V̄; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`LeadingSymEig`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        values_bar: Option<&[f64]>,
        vectors_bar: Option<MatRef<'_, f64>>,
    ) -> Result<SymmetricProduct> {
        let left = self.pairs.vjp(values_bar, vectors_bar)?.a;
        SymmetricProduct::new(left, self.vectors().to_owned())
    }

    /// Ā as factors, n × k each, from P̄ = L Rᵀ of P = V Vᵀ, L and R n × p: no gap among kept values divides.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp).
    pub fn projector_vjp(
        &self,
        l: MatRef<'_, f64>,
        r: MatRef<'_, f64>,
    ) -> Result<SymmetricProduct> {
        let left = self.pairs.projector_vjp(l, r)?.a;
        SymmetricProduct::new(left, self.vectors().to_owned())
    }

    /// λ̇ and V̇ from Ȧ, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`LeadingSymEig`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<SymEigTangent> {
        let (values, vectors) = self.pairs.jvp(Some(&self.pairs.moved(a_dot)?), None)?;
        Ok(SymEigTangent { values, vectors })
    }

    /// Ṗ of P = V Vᵀ as factors, n × k each: no gap among kept values divides.
    ///
    /// # Errors
    /// As [`jvp`](Self::jvp).
    pub fn projector_jvp(&self, a_dot: MatRef<'_, f64>) -> Result<SymmetricProduct> {
        let left = self
            .pairs
            .projector_jvp(Some(&self.pairs.moved(a_dot)?), None)?;
        SymmetricProduct::new(left, self.vectors().to_owned())
    }

    /// λ̇ alone, which asks for no gap.
    ///
    /// # Errors
    /// As [`jvp`](Self::jvp).
    pub fn values_jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Vec<f64>> {
        self.pairs.values_jvp(Some(&self.pairs.moved(a_dot)?), None)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{gaussian, symmetric_with_spectrum};
    use crate::spectral::{LeadingGeneralisedEig, SymEig};
    use crate::symmetric::sym;
    use faer::{Mat, mat};

    const GAPS: GapPolicy = GapPolicy::Error { floor: 1e-12 };

    #[test]
    fn two_by_two_by_hand() {
        // Ȧ = (5, 4; 4, 7) turns v = e₁ by 4 / (3 − 1) towards e₂.
        let a = mat![[3.0, 0.0], [0.0, 1.0]];
        let top = LeadingSymEig::forward(a.as_ref(), 1, Leading::Largest, GAPS).unwrap();
        assert_eq!((top.values(), top.next_value()), (&[3.0][..], Some(1.0)));
        let sign = top.vectors()[(0, 0)];
        let dot = top.jvp(mat![[5.0, 4.0], [4.0, 7.0]].as_ref()).unwrap();
        assert_eq!(dot.values, [5.0]);
        assert!((dot.vectors - mat![[0.0], [2.0 * sign]]).norm_max() < 1e-15);
        let bar = top.vjp(None, Some(mat![[0.0], [sign]].as_ref())).unwrap();
        let expected = mat![[0.0, 0.25], [0.25, 0.0]];
        assert!((bar.to_dense().unwrap() - expected).norm_max() < 1e-15);
    }

    #[test]
    fn is_the_leading_part_of_all_pairs() {
        for n in [1, 2, 7, 40, 90] {
            let spectrum: Vec<f64> = (0..n)
                .map(|i| f64::from(i as u32 * i as u32) - 9.5)
                .collect();
            let a = symmetric_with_spectrum(&spectrum, 3);
            let all = SymEig::forward(a.as_ref(), GAPS).unwrap();
            for (count, leading) in [(1, Leading::Smallest), (n.min(6), Leading::Largest)] {
                let few = LeadingSymEig::forward(a.as_ref(), count, leading, GAPS).unwrap();
                let place = |j| match leading {
                    Leading::Smallest => j,
                    _ => n - 1 - j,
                };
                let v_bar = gaussian(n, count, 1);
                let mut all_bar = Mat::zeros(n, n);
                for j in 0..count {
                    let (v, w) = (few.vectors().col(j), all.vectors().col(place(j)));
                    let sign = f64::signum(v.transpose() * w);
                    all_bar
                        .col_mut(place(j))
                        .copy_from(faer::Scale(sign) * v_bar.col(j));
                }
                let expected = all.vjp(None, Some(all_bar.as_ref())).unwrap();
                let found = few.vjp(None, Some(v_bar.as_ref())).unwrap();
                let error = (found.to_dense().unwrap() - &expected).norm_l2();
                assert!(
                    error <= 1e-11 * expected.norm_l2(),
                    "{n} {count}: {error:e}"
                );
            }
        }
    }

    #[test]
    fn is_the_pencil_with_lengths_of_one() {
        let a = symmetric_with_spectrum(&[4.0, 4.0, 1.0, -1.0, -2.0, -5.0], 1);
        let one = Mat::<f64>::identity(6, 6);
        for leading in [
            Leading::Largest,
            Leading::Smallest,
            Leading::LargestMagnitude,
        ] {
            let plain = LeadingSymEig::forward(a.as_ref(), 3, leading, GAPS).unwrap();
            let pencil =
                LeadingGeneralisedEig::forward(a.as_ref(), one.as_ref(), 3, leading, GAPS).unwrap();
            assert_eq!(plain.values(), pencil.values());
            let p_bar = sym(gaussian(6, 6, 2).as_ref());
            let (l, r) = (p_bar.as_ref(), one.as_ref());
            let found = plain.projector_vjp(l, r).unwrap();
            let expected = pencil.projector_vjp(l, r).unwrap().a;
            assert!((found.left() - expected.left()).norm_max() < 1e-13);
            let dot = plain.values_jvp(p_bar.as_ref()).unwrap();
            assert_eq!(dot, pencil.values_jvp(Some(p_bar.as_ref()), None).unwrap());
            let dot = plain.projector_jvp(p_bar.as_ref()).unwrap();
            let expected = pencil.projector_jvp(Some(p_bar.as_ref()), None).unwrap();
            assert!((dot.left() - expected.left()).norm_max() < 1e-13);
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let double = mat![[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]];
        let of =
            |a: &Mat<f64>, count| LeadingSymEig::forward(a.as_ref(), count, Leading::Largest, GAPS);
        let (one, two) = (of(&double, 1).unwrap(), of(&double, 2).unwrap());
        let turns = mat![[0.0, 1.0], [-1.0, 0.0], [0.0, 0.0]];
        let a_dot = mat![[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]];
        refused! {
            of(&mat![[1.0, 2.0]], 1) => Error::NotSquare { .. },
            of(&mat![[1.0, 2.0], [0.0, 1.0]], 1) => Error::NotSymmetric { .. },
            of(&mat![[f64::NAN]], 1) => Error::NotFinite { .. },
            of(&Mat::zeros(0, 0), 1) => Error::Empty { .. },
            of(&double, 0) => Error::OutOfRange { .. },
            of(&double, 4) => Error::OutOfRange { .. },
            one.vjp(None, Some(turns.as_ref().subcols(0, 1))) => Error::GapClosed { i: 0, j: 1, .. },
            one.jvp(a_dot.as_ref()) => Error::GapClosed { i: 0, j: 1, .. },
            two.vjp(None, Some((two.vectors() * mat![[0.0, 1.0], [-1.0, 0.0]]).as_ref()))
                => Error::GapClosed { .. },
            one.projector_vjp(a_dot.as_ref(), a_dot.as_ref()) => Error::GapClosed { .. },
            two.projector_vjp(a_dot.as_ref(), turns.as_ref()) => Error::ShapeMismatch { .. },
            two.vjp(Some(&[1.0]), None) => Error::ShapeMismatch { .. },
            two.vjp(None, Some(mat![[1.0]].as_ref())) => Error::ShapeMismatch { .. },
            two.jvp(mat![[1.0]].as_ref()) => Error::ShapeMismatch { .. },
        }
        // Values alone ask for no gap, nor does a loss of the projector among kept ones.
        assert!(one.vjp(Some(&[1.0]), None).is_ok() && one.values_jvp(a_dot.as_ref()).is_ok());
        assert!(
            two.vjp(None, Some((&a_dot * two.vectors()).as_ref()))
                .is_ok()
        );
    }
}
