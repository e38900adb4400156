//! A few eigenvalues and eigenvectors of a symmetric matrix, lengths measured by another.

use super::generalised_eig::GeneralisedEigTangent;
use super::kept_pairs::{KeptPairs, LeftFactors, Moved};
use super::leading_eigenpairs::Leading;
use crate::error::{Error, Result};
use crate::gap::GapPolicy;
use crate::solve::cholesky_in;
use crate::symmetric::{SymmetricProduct, ensure_symmetric, temporary_sym};
use faer::MatRef;

const OP: &str = "leading generalised eigendecomposition";

/// The rules that have a gradient at equal eigenvalues.
const INSTEAD: &str =
    "losses of V Vᵀ have their gradients where kept eigenvalues are equal (projector_vjp)";

/// The k leading pairs of A v = λ B v for a symmetric A and a symmetric positive definite B, without the others.
///
/// ```text
/// forward   A V = B V Λ,  VᵀBV = I,  V n × k
/// vjp       Ā =  sym( (V (diag(λ̄) + R) + Z) Vᵀ )                                T = VᵀV̄,  R = K ∘ skew(T)
///           B̄ = −sym( (V (diag(λ ∘ λ̄) + ½ (ΛR + RΛ) + ½ sym(T)) + Z Λ) Vᵀ )     Kᵢⱼ = 1 / (λⱼ − λᵢ),  Kᵢᵢ = 0
///           (λⱼ B − A) zⱼ = (I − B V Vᵀ) v̄ⱼ,  VᵀBZ = 0
/// jvp       λ̇ = diag(P − ΛQ),  V̇ = V ( K ∘ (P − ½ (ΛQ + QΛ)) − ½ Q ) + Z        P = Vᵀ Ȧ V,  Q = Vᵀ Ḃ V
///           (V Vᵀ)˙ = sym( (2 Z − V Q) Vᵀ ),  (λⱼ B − A) zⱼ = (I − B V Vᵀ) (Ȧ − λⱼ Ḃ) vⱼ,  VᵀBZ = 0
/// ```
///
/// Normalised cuts ask for this: the leading v of W v = λ D v, W an affinity, D the diagonal of its degrees. For all
/// pairs, [`GeneralisedEig`](crate::GeneralisedEig). A loss of P = V Vᵀ, of which B's projector onto the kept vectors is
/// P B, goes back by [`projector_vjp`](Self::projector_vjp), which divides by no gap among kept values.
///
/// # Shapes
/// A, B: n × n; V and its cotangent: n × k; λ: k values; Ā and B̄ in factors, n × k each.
///
/// # Conventions
/// [`Leading`] says which values lead; the leading one comes first. Equal values are found as often as they occur. Signs,
/// and rotations among columns of equal values, are free, and come as [`SymEig`](crate::SymEig) says; in the part of V̄
/// along lengths, sym(T), no gap divides. Ā and B̄ are symmetric.
///
/// Gaps are relative to the largest magnitude of *all* eigenvalues. [`GapPolicy::Broadened`] smooths the gaps to values
/// left out too.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has the shape of A,
/// [`NotPositiveDefinite`](crate::Error::NotPositiveDefinite) of B, [`OutOfRange`](crate::Error::OutOfRange) unless
/// 1 ≤ k ≤ n, [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`GapClosed`](crate::Error::GapClosed) as the [`GapPolicy`] says for gaps among kept values, and, where V̄ or V̇ is
/// asked for, for a closed gap between the last value and the next: the kept ones jump there. Never from a cotangent of
/// the values alone.
///
/// # Cost
/// 8/3 n³ for B = L Lᵀ, L⁻¹AL⁻ᵀ and its reduction to a tridiagonal matrix; O(n² k) from there on, back and ahead;
/// 2 n² + 2 n k numbers stored.
///
/// # Source
/// As [`GeneralisedEig`](crate::GeneralisedEig); ours is the way back without the vectors left out.
///
/// # Example
/// The smoothest vector on a path whose middle pixel weighs more, and the gradient of its value with respect to weights.
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{GapPolicy, Leading, LeadingGeneralisedEig};
///
/// let a = mat![[1.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 1.0]];
/// let b = mat![[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]];
/// let pairs = LeadingGeneralisedEig::forward(a.as_ref(), b.as_ref(), 2, Leading::Smallest, GapPolicy::default())?;
/// assert!(pairs.values()[0].abs() < 1e-15 && (pairs.values()[1] - 1.0).abs() < 1e-15);
/// // λ₂ = vᵀAv / vᵀBv with v = (1, 0, −1) / √2: b̄ᵢᵢ = −λ₂ vᵢ².
/// let bar = pairs.vjp(Some(&[0.0, 1.0]), None)?;
/// let b_bar = bar.b.to_dense()?;
/// assert!((b_bar[(0, 0)] + 0.5).abs() < 1e-14 && b_bar[(1, 1)].abs() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LeadingGeneralisedEig {
    pairs: KeptPairs,
}

/// The result of [`LeadingGeneralisedEig::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeadingGeneralisedEigCotangent {
    /// Ā as factors, n × k each.
    pub a: SymmetricProduct,
    /// B̄ as factors, n × k each.
    pub b: SymmetricProduct,
}

impl LeadingGeneralisedEig {
    /// Finds the `count` leading pairs of A in the lengths of B.
    ///
    /// # Errors
    /// See [`LeadingGeneralisedEig`].
    pub fn forward(
        a: MatRef<'_, f64>,
        b: MatRef<'_, f64>,
        count: usize,
        leading: Leading,
        gaps: GapPolicy,
    ) -> Result<Self> {
        let n = ensure_symmetric(OP, a)?;
        if b.shape() != (n, n) {
            return Err(Error::ShapeMismatch {
                op: OP,
                expected: (n, n),
                found: b.shape(),
            });
        }
        ensure_symmetric(OP, b)?;
        let mut root = temporary_sym(b);
        cholesky_in(OP, b, root.as_mut())?;
        let (names, a) = ((OP, INSTEAD), temporary_sym(a));
        let pairs = KeptPairs::new(names, a, Some(root), count, leading, gaps)?;
        Ok(Self { pairs })
    }

    /// The k values, the leading one first.
    pub fn values(&self) -> &[f64] {
        self.pairs.values()
    }

    /// V, n × k, in the order of the values; VᵀBV = I.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.pairs.vectors()
    }

    /// The leading one of the values left out; none where k = n.
    pub fn next_value(&self) -> Option<f64> {
        self.pairs.next()
    }

    /// Ā and B̄ from λ̄ and V̄; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`LeadingGeneralisedEig`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        values_bar: Option<&[f64]>,
        vectors_bar: Option<MatRef<'_, f64>>,
    ) -> Result<LeadingGeneralisedEigCotangent> {
        self.in_factors(self.pairs.vjp(values_bar, vectors_bar)?)
    }

    /// Ā and B̄ from P̄ = L Rᵀ of P = V Vᵀ, L and R n × p: no gap among kept values divides.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp).
    pub fn projector_vjp(
        &self,
        l: MatRef<'_, f64>,
        r: MatRef<'_, f64>,
    ) -> Result<LeadingGeneralisedEigCotangent> {
        self.in_factors(self.pairs.projector_vjp(l, r)?)
    }

    /// λ̇ and V̇ from Ȧ and Ḃ, whose symmetric parts count; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`LeadingGeneralisedEig`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
    ) -> Result<GeneralisedEigTangent> {
        let (a_dot, b_dot) = (self.moved(a_dot)?, self.moved(b_dot)?);
        let (values, vectors) = self.pairs.jvp(a_dot.as_ref(), b_dot.as_ref())?;
        Ok(GeneralisedEigTangent { values, vectors })
    }

    /// Ṗ of P = V Vᵀ as factors, n × k each, from Ȧ and Ḃ: no gap among kept values divides.
    ///
    /// # Errors
    /// As [`jvp`](Self::jvp).
    pub fn projector_jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
    ) -> Result<SymmetricProduct> {
        let (a_dot, b_dot) = (self.moved(a_dot)?, self.moved(b_dot)?);
        let left = self.pairs.projector_jvp(a_dot.as_ref(), b_dot.as_ref())?;
        SymmetricProduct::new(left, self.vectors().to_owned())
    }

    /// λ̇ alone, which asks for no gap.
    ///
    /// # Errors
    /// As [`jvp`](Self::jvp).
    pub fn values_jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
    ) -> Result<Vec<f64>> {
        let (a_dot, b_dot) = (self.moved(a_dot)?, self.moved(b_dot)?);
        self.pairs.values_jvp(a_dot.as_ref(), b_dot.as_ref())
    }

    fn in_factors(&self, left: LeftFactors) -> Result<LeadingGeneralisedEigCotangent> {
        let product = |left| SymmetricProduct::new(left, self.vectors().to_owned());
        Ok(LeadingGeneralisedEigCotangent {
            a: product(left.a)?,
            b: product(left.b)?,
        })
    }

    fn moved(&self, dot: Option<MatRef<'_, f64>>) -> Result<Option<Moved>> {
        dot.map(|dot| self.pairs.moved(dot)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::solve::cholesky;
    use crate::spectral::GeneralisedEig;
    use crate::symmetric::{inner, sym};
    use faer::{Mat, Scale, mat};

    const GAPS: GapPolicy = GapPolicy::Error { floor: 1e-12 };
    const ENDS: [Leading; 3] = [
        Leading::Largest,
        Leading::Smallest,
        Leading::LargestMagnitude,
    ];

    type Found = LeadingGeneralisedEig;
    type Case = (Mat<f64>, Mat<f64>, usize, Leading, Found);

    fn pairs(a: &Mat<f64>, b: &Mat<f64>, count: usize, leading: Leading) -> Result<Found> {
        Found::forward(a.as_ref(), b.as_ref(), count, leading, GAPS)
    }

    /// A and B whose pencil has these eigenvalues; B from ½ to 2.
    fn pencil(spectrum: &[f64], seed: u64) -> (Mat<f64>, Mat<f64>) {
        let n = spectrum.len();
        let lengths: Vec<f64> = (0..n).map(|i| 0.5 + 1.5 * i as f64 / n as f64).collect();
        let b = symmetric_with_spectrum(&lengths, seed + 1);
        let l = cholesky("test", b.as_ref()).unwrap();
        let a = &l * symmetric_with_spectrum(spectrum, seed) * l.transpose();
        (sym(a.as_ref()), b)
    }

    /// Spread, with repeated and with nearly equal values, some in magnitude alone.
    fn spectra(n: usize) -> Vec<Vec<f64>> {
        let of = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect();
        vec![
            of(&|i| (1.7 * i as f64).sin() + 0.01 * i as f64),
            of(&|i| (i / 2) as f64 - 1.25),
            of(&|i| (i / 3) as f64 - 2.25 + 1e-9 * i as f64),
            of(&|i| {
                if i % 2 == 0 {
                    1.0 + i as f64
                } else {
                    -(i as f64)
                }
            }),
        ]
    }

    /// By falling rank, and the gap behind the first `count`.
    fn ranked(values: &[f64], leading: Leading, count: usize) -> (Vec<usize>, f64) {
        let key = leading.key();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&i, &j| key(values[j]).total_cmp(&key(values[i])));
        let after = order
            .get(count)
            .map_or(f64::NEG_INFINITY, |&i| key(values[i]));
        let gap = key(values[order[count - 1]]) - after;
        (order, gap)
    }

    /// Every pencil with a gap behind the pairs asked for.
    fn cases() -> Vec<Case> {
        let mut cases = Vec::new();
        for n in [1, 2, 3, 6, 13, 40, 70] {
            for spectrum in spectra(n) {
                let (a, b) = pencil(&spectrum, n as u64);
                for (leading, count) in ENDS.into_iter().zip([1, 2, 4]) {
                    let count = count.min(n);
                    if ranked(&spectrum, leading, count).1 > 1e-2 {
                        let found = pairs(&a, &b, count, leading).unwrap();
                        cases.push((a.clone(), b.clone(), count, leading, found));
                    }
                }
            }
        }
        assert!(cases.len() >= 40, "{}", cases.len());
        cases
    }

    #[test]
    fn a_diagonal_pencil_by_hand() {
        // λ = (3/1, 20/4, 1/1); v₂ = (0, ½, 0), and v̇₂ by Ȧ₁₂ = 4 is v₁ 4·½ / (5 − 3).
        let a = mat![[3.0, 0.0, 0.0], [0.0, 20.0, 0.0], [0.0, 0.0, 1.0]];
        let b = mat![[1.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 1.0]];
        let found = pairs(&a, &b, 1, Leading::Largest).unwrap();
        assert_eq!(
            (found.values(), found.next_value()),
            (&[5.0][..], Some(3.0))
        );
        let v = found.vectors();
        assert_eq!(v[(1, 0)].abs(), 0.5);
        let a_dot = mat![[0.0, 4.0, 0.0], [4.0, 8.0, 0.0], [0.0, 0.0, 0.0]];
        let dot = found.jvp(Some(a_dot.as_ref()), None).unwrap();
        assert_eq!(dot.values, [2.0]);
        assert!((dot.vectors[(0, 0)] - 2.0 * v[(1, 0)]).abs() < 1e-15);
        // Ḃ alone: λ̇ = −5 · 8/4, and v₂ shortens by half of 8/4 of itself.
        let dot = found.jvp(None, Some(a_dot.as_ref())).unwrap();
        assert_eq!(dot.values, [-10.0]);
        assert!((dot.vectors[(1, 0)] + v[(1, 0)]).abs() < 1e-15);
    }

    #[test]
    fn pairs_are_the_leading_ones_of_all() {
        for (a, b, count, leading, found) in cases() {
            let (n, v) = (a.nrows(), found.vectors());
            let all = GeneralisedEig::forward(a.as_ref(), b.as_ref(), GAPS).unwrap();
            let order = ranked(all.values(), leading, count).0;
            let size = all.values().iter().fold(1.0, |x: f64, y| x.max(y.abs()));
            let tolerance = 1e-13 * size;
            // Of two values of one magnitude, rounding says which comes first.
            let key = leading.key();
            for (value, &place) in found.values().iter().zip(&order) {
                let error = key(*value) - key(all.values()[place]);
                assert!(error.abs() < tolerance, "{n} {leading:?}");
            }
            let next = order.get(count).map(|&place| key(all.values()[place]));
            let error = found.next_value().map_or(0.0, key) - next.unwrap_or(0.0);
            assert!(error.abs() < tolerance, "{n} {leading:?}");
            let w = Mat::from_fn(n, count, |i, j| all.vectors()[(i, order[j])]);
            assert!((v * v.transpose() - &w * w.transpose()).norm_max() < 1e-10);
            let unit = v.transpose() * &b * v - Mat::<f64>::identity(count, count);
            assert!(unit.norm_max() < 1e-13, "{n} {leading:?}");
            let scaled = Mat::from_fn(n, count, |i, j| v[(i, j)] * found.values()[j]);
            assert!((&a * v - &b * scaled).norm_max() < tolerance * 10.0);
        }
    }

    /// Σλ above P = V Vᵀ, by all pairs.
    fn sum_and_projector(
        a: MatRef<'_, f64>,
        b: MatRef<'_, f64>,
        count: usize,
        leading: Leading,
    ) -> Result<Mat<f64>> {
        let n = a.nrows();
        let all = GeneralisedEig::forward(sym(a).as_ref(), sym(b).as_ref(), GAPS)?;
        let order = ranked(all.values(), leading, count).0;
        let v = Mat::from_fn(n, count, |i, j| all.vectors()[(i, order[j])]);
        let sum = order[..count]
            .iter()
            .map(|&place| all.values()[place])
            .sum();
        Ok(below_sum(sum, (&v * v.transpose()).as_ref()))
    }

    /// P below a row that begins with the sum.
    fn below_sum(sum: f64, p: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(p.nrows() + 1, p.ncols(), |i, j| match (i, j) {
            (0, 0) => sum,
            (0, _) => 0.0,
            _ => p[(i - 1, j)],
        })
    }

    #[test]
    fn agrees_with_finite_differences_of_all_pairs() {
        let check = GradientCheck::symmetric();
        for (a, b, count, leading, found) in cases().iter().filter(|case| case.0.nrows() <= 13) {
            let n = a.nrows();
            let key = leading.key();
            let gap = key(found.values()[count - 1]) - found.next_value().map_or(f64::MIN, key);
            if gap < 0.3 {
                // Differences of steps that the gap allows are not exact enough.
                continue;
            }
            let one = Mat::<f64>::identity(n, n);
            let back = |bar: MatRef<'_, f64>| {
                let of_values = found.vjp(Some(&vec![bar[(0, 0)]; *count]), None)?;
                let of_projector = found.projector_vjp(bar.subrows(1, n), one.as_ref())?;
                let a = of_values.a.to_dense()? + of_projector.a.to_dense()?;
                Ok::<_, Error>((a, of_values.b.to_dense()? + of_projector.b.to_dense()?))
            };
            let ahead = |a_dot: Option<MatRef<'_, f64>>, b_dot: Option<MatRef<'_, f64>>| {
                let sum: f64 = found.values_jvp(a_dot, b_dot)?.iter().sum();
                let p_dot = found.projector_jvp(a_dot, b_dot)?.to_dense()?;
                Ok::<_, Error>(below_sum(sum, p_dot.as_ref()))
            };
            let of_a = |a: MatRef<'_, f64>| sum_and_projector(a, b.as_ref(), *count, *leading);
            let of_b = |b: MatRef<'_, f64>| sum_and_projector(a.as_ref(), b, *count, *leading);
            check_vjp(of_a, |bar| Ok::<_, Error>(back(bar)?.0), a.as_ref(), &check).unwrap();
            check_vjp(of_b, |bar| Ok::<_, Error>(back(bar)?.1), b.as_ref(), &check).unwrap();
            let by_a = |dot: MatRef<'_, f64>| ahead(Some(dot), None);
            let by_b = |dot: MatRef<'_, f64>| ahead(None, Some(dot));
            check_jvp(of_a, by_a, a.as_ref(), &check).unwrap();
            check_jvp(of_b, by_b, b.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn cotangents_of_vectors_are_those_of_all_pairs() {
        for n in [2, 6, 40, 70] {
            let (a, b) = pencil(&spectra(n)[0], n as u64);
            let all = GeneralisedEig::forward(a.as_ref(), b.as_ref(), GAPS).unwrap();
            for leading in ENDS {
                let count = 4.min(n);
                let found = pairs(&a, &b, count, leading).unwrap();
                let order = ranked(all.values(), leading, count).0;
                let (v_bar, mut all_bar) = (gaussian(n, count, 1), Mat::zeros(n, n));
                let mut values_bar = vec![0.0; n];
                for (j, &place) in order[..count].iter().enumerate() {
                    let along =
                        found.vectors().col(j).transpose() * (&b * all.vectors().col(place));
                    let column = Scale(f64::signum(along)) * v_bar.col(j);
                    all_bar.col_mut(place).copy_from(column);
                    values_bar[place] = j as f64 + 0.5;
                }
                let kept_bar: Vec<f64> = (0..count).map(|j| j as f64 + 0.5).collect();
                let bar = found.vjp(Some(&kept_bar), Some(v_bar.as_ref())).unwrap();
                let expected = all.vjp(Some(&values_bar), Some(all_bar.as_ref())).unwrap();
                for (found, expected) in [(bar.a, expected.a), (bar.b, expected.b)] {
                    let error = (found.to_dense().unwrap() - &expected).norm_l2();
                    assert!(
                        error <= 1e-10 * expected.norm_l2(),
                        "{n} {leading:?}: {error:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn jvp_is_the_transpose_of_vjp() {
        for policy in [GAPS, GapPolicy::Broadened { width: 0.1 }] {
            for (n, count) in [(6, 2), (60, 5)] {
                let (a, b) = pencil(&spectra(n)[0], 2);
                let found =
                    Found::forward(a.as_ref(), b.as_ref(), count, Leading::Smallest, policy)
                        .unwrap();
                let dots = [3, 4].map(|seed| sym(gaussian(n, n, seed).as_ref()));
                let (v_bar, values_bar) = (gaussian(n, count, 1), vec![0.7; count]);
                let bar = found.vjp(Some(&values_bar), Some(v_bar.as_ref())).unwrap();
                let dot = found
                    .jvp(Some(dots[0].as_ref()), Some(dots[1].as_ref()))
                    .unwrap();
                let ahead = inner(v_bar.as_ref(), dot.vectors.as_ref())
                    + 0.7 * dot.values.iter().sum::<f64>();
                let behind = inner(bar.a.to_dense().unwrap().as_ref(), dots[0].as_ref())
                    + inner(bar.b.to_dense().unwrap().as_ref(), dots[1].as_ref());
                let (l, r) = (gaussian(n, 2, 5), gaussian(n, 2, 6));
                let p_bar = &l * r.transpose();
                let v_bar_of_p = (&p_bar + p_bar.transpose()) * found.vectors();
                let expected = found.vjp(None, Some(v_bar_of_p.as_ref())).unwrap();
                let by_p = found.projector_vjp(l.as_ref(), r.as_ref()).unwrap();
                for (found, expected) in [(by_p.a, expected.a), (by_p.b, expected.b)] {
                    let error = (found.left() - expected.left()).norm_max();
                    assert!(error <= 1e-11 * expected.left().norm_max(), "{n}");
                }
                let p_dot = found.projector_jvp(Some(dots[0].as_ref()), Some(dots[1].as_ref()));
                let half = &dot.vectors * found.vectors().transpose();
                let error = p_dot.unwrap().to_dense().unwrap() - (&half + half.transpose());
                assert!(error.norm_max() <= 1e-12 * half.norm_max(), "{n}");
                let size = v_bar.norm_l2() * dot.vectors.norm_l2();
                assert!((ahead - behind).abs() <= 1e-12 * size, "{ahead} {behind}");
            }
        }
    }

    #[test]
    fn the_rule_scales_with_both_matrices() {
        let (a, b) = pencil(&spectra(40)[0], 2);
        let plain = pairs(&a, &b, 3, Leading::Smallest).unwrap();
        let v_bar = gaussian(40, 3, 1);
        let expected = plain.vjp(None, Some(v_bar.as_ref())).unwrap();
        for (size_a, size_b) in [
            (1e200, 1.0),
            (1e-200, 1.0),
            (1e200, 1e200),
            (1e-200, 1e-200),
        ] {
            let (a, b) = (Scale(size_a) * &a, Scale(size_b) * &b);
            let found = pairs(&a, &b, 3, Leading::Smallest).unwrap();
            let expected_value = plain.values()[0] * (size_a / size_b);
            let error = found.values()[0] / expected_value - 1.0;
            assert!(error.abs() < 1e-13, "{size_a:e} {size_b:e}");
            // v is as long as 1 / √b; V̄ as 1 / v leaves the loss alone, so Ā a is as it was.
            let v_bar = Scale(size_b.sqrt()) * &v_bar;
            let signs: Vec<f64> = (0..3)
                .map(|j| f64::signum(found.vectors().col(j).transpose() * plain.vectors().col(j)))
                .collect();
            let v_bar = Mat::from_fn(40, 3, |i, j| v_bar[(i, j)] * signs[j]);
            let bar = found.vjp(None, Some(v_bar.as_ref())).unwrap();
            for (found, expected, size) in
                [(bar.a, &expected.a, size_a), (bar.b, &expected.b, size_b)]
            {
                let left = Mat::from_fn(40, 3, |i, j| {
                    found.left()[(i, j)] * signs[j] * size * (1.0 / size_b.sqrt())
                });
                let error = (left - expected.left()).norm_max();
                assert!(
                    error <= 1e-10 * expected.left().norm_max(),
                    "{size_a:e} {size_b:e}"
                );
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (a, b) = pencil(&[1.0, 1.0, 2.0, 3.0], 1);
        let one = pairs(&a, &b, 1, Leading::Smallest).unwrap();
        let two = pairs(&a, &b, 2, Leading::Smallest).unwrap();
        let low = mat![[1.0, 1.0], [1.0, 1.0]];
        let odd = mat![[1.0, 2.0], [0.0, 1.0]];
        let eye = Mat::<f64>::identity(2, 2);
        let bar = gaussian(4, 1, 1);
        let turning = &b * two.vectors() * mat![[0.0, 1.0], [-1.0, 0.0]];
        let of = |a: &Mat<f64>, b: &Mat<f64>, count| pairs(a, b, count, Leading::Largest);
        let nothing = GapPolicy::Broadened { width: 0.0 };
        refused! {
            of(&eye, &low, 1) => Error::NotPositiveDefinite { index: 1, .. },
            of(&eye, &(-&eye), 1) => Error::NotPositiveDefinite { index: 0, .. },
            of(&eye, &Mat::zeros(2, 2), 1) => Error::NotPositiveDefinite { .. },
            of(&odd, &eye, 1) => Error::NotSymmetric { .. },
            of(&eye, &odd, 1) => Error::NotSymmetric { .. },
            of(&eye, &mat![[1.0]], 1) => Error::ShapeMismatch { .. },
            of(&mat![[1.0, 2.0]], &eye, 1) => Error::NotSquare { .. },
            of(&Mat::zeros(0, 0), &Mat::zeros(0, 0), 1) => Error::Empty { .. },
            of(&Mat::full(2, 2, f64::NAN), &eye, 1) => Error::NotFinite { .. },
            of(&eye, &Mat::full(2, 2, f64::INFINITY), 1) => Error::NotFinite { .. },
            of(&eye, &eye, 0) => Error::OutOfRange { .. },
            of(&eye, &eye, 3) => Error::OutOfRange { .. },
            of(&(Scale(1e300) * &eye), &(Scale(1e-300) * &eye), 1) => Error::Overflow { .. },
            Found::forward(eye.as_ref(), eye.as_ref(), 1, Leading::Largest, nothing)
                => Error::NotPositive { .. },
            one.vjp(None, Some(bar.as_ref())) => Error::GapClosed { i: 0, j: 1, .. },
            one.jvp(Some(a.as_ref()), None) => Error::GapClosed { i: 0, j: 1, .. },
            two.vjp(None, Some(turning.as_ref())) => Error::GapClosed { .. },
            one.projector_vjp(bar.as_ref(), bar.as_ref()) => Error::GapClosed { .. },
            two.projector_vjp(bar.as_ref(), a.as_ref()) => Error::ShapeMismatch { .. },
            two.projector_jvp(None, Some(eye.as_ref())) => Error::ShapeMismatch { .. },
            two.vjp(Some(&[1.0]), None) => Error::ShapeMismatch { .. },
            two.vjp(None, Some(bar.as_ref())) => Error::ShapeMismatch { .. },
            two.jvp(None, Some(eye.as_ref())) => Error::ShapeMismatch { .. },
        }
        assert!(one.vjp(Some(&[1.0]), None).is_ok());
        assert!(one.values_jvp(Some(a.as_ref()), Some(b.as_ref())).is_ok());
        let smoothed = GapPolicy::Broadened { width: 1e-3 };
        let one = Found::forward(a.as_ref(), b.as_ref(), 1, Leading::Smallest, smoothed).unwrap();
        assert!(one.vjp(None, Some(bar.as_ref())).is_ok());
    }
}
