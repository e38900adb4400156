//! The orthogonal projector onto the leading singular vectors of a matrix.

use crate::decompose::thin_svd;
use crate::error::Result;
use crate::gap::{GapDivider, GapPolicy};
use crate::guard::{ensure_matrix, ensure_shape, values_within_range, within_range};
use crate::products::times_diagonal;
use crate::rank::{RankTolerance, count_above};
use crate::scale::{Scaled, power_of_two_scale};
use crate::symmetric::SymmetricProduct;
use faer::{Mat, MatRef, Scale};

pub(super) const OP: &str = "leading projector";

/// The rules that have a gradient at an open border.
const INSTEAD: &str =
    "the projector jumps there: take as many vectors as end at a gap, or a RegularisedProjector";

/// P = U₁ U₁ᵀ, U₁ the k leading left singular vectors of A: the leading eigenvectors of A Aᵀ.
///
/// ```text
/// forward   A = U Σ Vᵀ,  U = (U₁ | U₂)
/// vjp       N̄ = 2 sym(Y U₁ᵀ),  Y = U₂ (K ∘ U₂ᵀ S U₁) + (I − U Uᵀ) S U₁ Σ₁⁻²      N = A Aᵀ,  S = sym(P̄),  Kⱼᵢ = 1/(σᵢ² − σⱼ²)
///           Ā = 2 N̄ A
/// jvp       Ṗ = 2 sym(X U₁ᵀ),  X = U₂ (K ∘ (U₂ᵀȦV₁ Σ₁ + Σ₂ V₂ᵀȦᵀU₁)) + (I − U Uᵀ) Ȧ V₁ Σ₁⁻¹
/// ```
///
/// and to second order, see [`vjp_of_vjp`](Self::vjp_of_vjp).
///
/// # Shapes
/// A, Ā: m × n; U₁: m × k; P̄ = sym(L Rᵀ) with L, R: m × p.
///
/// # Conventions
/// Unlike [`Projector`](crate::Projector), which takes the singular values that it drops for zero, this is the truncated
/// projector of the matrix as it is. k is lowered to the rank of A at
/// [`RankTolerance::default`](crate::RankTolerance), where it is above it. Rotations inside U₁ and inside U₂ do not matter; where σ_k = σ_{k+1} the
/// projector jumps, and the [`GapPolicy`] decides on its derivative: gaps are those of σ, relative to σ₁, and a closed
/// one at the border is an error for every cotangent. Where they are broadened, they are those of σ², relative to σ₁².
/// Broadened,
/// everything is finite: a pair of equal values contributes nothing, and none more than 1 / (2 width).
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`OutOfRange`](crate::Error::OutOfRange) for the numbers of the policy, [`NoConvergence`](crate::Error::NoConvergence),
/// [`GapClosed`](crate::Error::GapClosed) on the way back as the policy says, [`Overflow`](crate::Error::Overflow);
/// [`CurvatureUnknown`](crate::Error::CurvatureUnknown) from second order where gaps are broadened.
///
/// # Cost
/// O(m n min(m, n)) time; (m + n) min(m, n) numbers stored.
///
/// # Source
/// T. Kato, Perturbation theory for linear operators, II §2; F. R. Bach, M. I. Jordan, Learning spectral clustering, with
/// application to speech separation, JMLR 2006, section 4, use it for normalised cuts.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{GapPolicy, LeadingProjector};
///
/// let a = mat![[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]];
/// let projector = LeadingProjector::forward(a.as_ref(), 1, GapPolicy::default())?;
/// assert!((projector.project(mat![[5.0], [6.0], [7.0]].as_ref())? - mat![[5.0], [0.0], [0.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LeadingProjector {
    u: Mat<f64>,
    /// σ / σ₁, nonincreasing.
    relative: Vec<f64>,
    v: Mat<f64>,
    singular_values: Vec<f64>,
    rank: usize,
    count: usize,
    gaps: GapPolicy,
}

impl LeadingProjector {
    /// Factorises A, for its `count` leading vectors.
    ///
    /// # Errors
    /// See [`LeadingProjector`].
    pub fn forward(a: MatRef<'_, f64>, count: usize, gaps: GapPolicy) -> Result<Self> {
        ensure_matrix(OP, a)?;
        gaps.validate(OP)?;
        let scale = power_of_two_scale(a);
        let svd = thin_svd(OP, Scaled::new(a, scale).as_ref())?;
        Self::from_svd(svd, scale, count, gaps)
    }

    /// U, σ / σ₁, V and σ₁.
    pub(crate) fn factors(&self) -> (MatRef<'_, f64>, &[f64], MatRef<'_, f64>, f64) {
        (
            self.u.as_ref(),
            &self.relative,
            self.v.as_ref(),
            self.largest(),
        )
    }

    /// From the parts of [`factors`](Self::factors).
    pub(crate) fn from_factors(
        (u, relative, v): (Mat<f64>, Vec<f64>, Mat<f64>),
        largest: f64,
        count: usize,
        gaps: GapPolicy,
    ) -> Result<Self> {
        Self::from_svd((u, relative, v), largest, count, gaps)
    }

    /// The same from U, Σ and V of A / scale.
    pub(super) fn from_svd(
        (u, values, v): (Mat<f64>, Vec<f64>, Mat<f64>),
        scale: f64,
        count: usize,
        gaps: GapPolicy,
    ) -> Result<Self> {
        let largest = values.first().copied().unwrap_or(0.0);
        let fraction = RankTolerance::default().fraction(u.nrows(), v.nrows())?;
        let rank = count_above(&values, fraction);
        let relative = values
            .iter()
            .map(|value| if largest > 0.0 { value / largest } else { 0.0 });
        Ok(Self {
            relative: relative.collect(),
            singular_values: values_within_range(
                OP,
                values.iter().map(|value| value * scale).collect(),
            )?,
            u,
            v,
            rank,
            count: count.min(rank),
            gaps,
        })
    }

    /// The same matrix, for another number of leading vectors: nothing is factorised again.
    #[must_use]
    pub fn with_count(&self, count: usize) -> Self {
        Self {
            count: count.min(self.rank),
            ..self.clone()
        }
    }

    /// The basis U₁, m × k: leading singular vectors.
    pub fn basis(&self) -> MatRef<'_, f64> {
        self.u.subcols(0, self.count)
    }

    /// k: the vectors asked for, or the rank of A where that is less.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The rank of A.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// All min(m, n) singular values of A, nonincreasing.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// P X for X: m × p, in O(m k p) time.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless X has m rows; [`NotFinite`](crate::Error::NotFinite).
    pub fn project(&self, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, x, (self.u.nrows(), x.ncols()))?;
        within_range(OP, self.basis() * (self.basis().transpose() * x))
    }

    /// N̄ = sym(2 Y U₁ᵀ), the cotangent of N = A Aᵀ, from P̄ = sym(L Rᵀ), in O(m (n + k) (k + p)) time.
    ///
    /// # Errors
    /// See [`LeadingProjector`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless L and R are m × p.
    pub fn square_vjp_factored(
        &self,
        left: MatRef<'_, f64>,
        right: MatRef<'_, f64>,
    ) -> Result<SymmetricProduct> {
        let size = self.largest();
        let (inside, outside) = self.relative_parts(left, right)?;
        let second = self.u.subcols(self.count, self.relative.len() - self.count);
        let y = Scale(2.0 / size / size) * (second * inside + outside);
        SymmetricProduct::new(within_range(OP, y)?, self.basis().to_owned())
    }

    /// Ā from P̄ = sym(L Rᵀ), in O(m (n + k) (k + p)) time.
    ///
    /// # Errors
    /// See [`LeadingProjector`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless L and R are m × p.
    pub fn vjp_factored(&self, left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let (inside, outside) = self.relative_parts(left, right)?;
        // A = U diag(s) Vᵀ and N̄ in units of σ₁ and σ₁⁻². Of Yᵀ A only the part in U₂ counts: U₁ᵀY is zero, and the
        // rest meets A nowhere.
        let (k, s) = (self.count, &self.relative);
        let dropped = s.len() - k;
        let leading = times_diagonal(self.v.subcols(0, k), &s[..k]);
        let turned = times_diagonal(self.v.subcols(k, dropped), &s[k..]) * &inside;
        let y = self.u.subcols(k, dropped) * inside + outside;
        let a_bar = y * leading.transpose() + self.basis() * turned.transpose();
        within_range(OP, Scale(2.0 / self.largest()) * a_bar)
    }

    /// Ṗ as factors, from Ȧ.
    ///
    /// # Errors
    /// See [`LeadingProjector`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is m × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<SymmetricProduct> {
        ensure_shape(OP, a_dot, (self.u.nrows(), self.v.nrows()))?;
        let (k, s) = (self.count, &self.relative);
        let (first, second) = (self.basis(), self.u.subcols(k, s.len() - k));
        let moved = a_dot * self.v.subcols(0, k);
        let across = second.transpose() * &moved;
        let back = (first.transpose() * a_dot) * self.v.subcols(k, s.len() - k);
        let turned = Mat::from_fn(s.len() - k, k, |j, i| {
            across[(j, i)] * s[i] + s[k + j] * back[(i, j)]
        });
        let outside = self.outside(moved.as_ref());
        let x = second * self.over_gaps(turned)?
            + Mat::from_fn(outside.nrows(), k, |row, i| outside[(row, i)] / s[i]);
        let left = within_range(OP, Scale(2.0 / self.largest()) * x)?;
        SymmetricProduct::new(left, first.to_owned())
    }

    /// σ / σ₁ of the kept values, and of the dropped ones.
    pub(super) fn relative_values(&self) -> (&[f64], &[f64]) {
        self.relative.split_at(self.count)
    }

    /// U₂ and V₂.
    pub(super) fn dropped(&self) -> (MatRef<'_, f64>, MatRef<'_, f64>) {
        let (first, dropped) = (self.count, self.relative.len() - self.count);
        (
            self.u.subcols(first, dropped),
            self.v.subcols(first, dropped),
        )
    }

    /// V₁.
    pub(super) fn kept_rows(&self) -> MatRef<'_, f64> {
        self.v.subcols(0, self.count)
    }

    /// The policy where gaps close.
    pub(super) fn gaps(&self) -> GapPolicy {
        self.gaps
    }

    /// U₂ᵀ Y and (I − U Uᵀ) Y, in units of σ₁⁻².
    pub(super) fn relative_parts(
        &self,
        left: MatRef<'_, f64>,
        right: MatRef<'_, f64>,
    ) -> Result<(Mat<f64>, Mat<f64>)> {
        ensure_shape(OP, left, (self.u.nrows(), left.ncols()))?;
        ensure_shape(OP, right, left.shape())?;
        let (k, s) = (self.count, &self.relative);
        let (first, second) = (self.basis(), self.u.subcols(k, s.len() - k));
        let pulled =
            Scale(0.5) * (left * (right.transpose() * first) + right * (left.transpose() * first));
        let inside = self.over_gaps(second.transpose() * &pulled)?;
        let outside = self.outside(pulled.as_ref());
        let outside = Mat::from_fn(outside.nrows(), k, |row, i| {
            outside[(row, i)] / (s[i] * s[i])
        });
        Ok((inside, outside))
    }

    /// K ∘ X in units of σ₁⁻², a row a dropped value, a column a leading one.
    pub(super) fn over_gaps(&self, mut x: Mat<f64>) -> Result<Mat<f64>> {
        let (k, s) = (self.count, &self.relative);
        let divider = GapDivider {
            op: OP,
            instead: INSTEAD,
            policy: self.gaps,
            sizes: vec![x.norm_max(); s.len()],
            values_size: 0.0,
        };
        // P jumps at a closed border, so no cotangent has a pullback.
        let jump = f64::INFINITY;
        let smoothed = matches!(self.gaps, GapPolicy::Broadened { .. });
        for i in 0..k {
            for j in k..s.len() {
                let (gap, sum) = (s[i] - s[j], s[i] + s[j]);
                let x = &mut x[(j - k, i)];
                *x = if smoothed {
                    divider.divide(i, j, *x, gap * sum, jump)?
                } else {
                    divider.divide(i, j, *x, gap, jump)? / sum
                };
            }
        }
        Ok(x)
    }

    /// (I − U Uᵀ) X; zero where U is square, and the rest would be rounding over σ.
    pub(super) fn outside(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        if self.u.ncols() == self.u.nrows() {
            return Mat::zeros(x.nrows(), x.ncols());
        }
        x - &self.u * (self.u.transpose() * x)
    }

    /// σ₁, or 1 for a zero matrix.
    pub(super) fn largest(&self) -> f64 {
        match self.singular_values.first() {
            Some(largest) if *largest > 0.0 => *largest,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::mat;

    const GAPS: GapPolicy = GapPolicy::Error { floor: 1e-12 };

    fn dense(a: MatRef<'_, f64>, count: usize) -> Result<Mat<f64>> {
        let projector = LeadingProjector::forward(a, count, GAPS)?;
        projector.project(Mat::identity(a.nrows(), a.nrows()).as_ref())
    }

    /// Tall, wide, square, one row, one column; rank below k; k = 0 and k = all.
    fn cases() -> Vec<(Mat<f64>, usize)> {
        vec![
            (with_spectrum(9, 4, &[3.0, 2.0, 1.0, 0.5], 2), 2),
            (with_spectrum(9, 4, &[3.0, 3.0, 1.0, 1.0], 2), 2),
            (with_spectrum(3, 6, &[3.0, 1.0, 0.5], 3), 1),
            (with_spectrum(4, 4, &[3.0, 2.0, 1.0, 0.5], 4), 3),
            (with_spectrum(5, 3, &[3.0, 2.0, 1.0], 5), 0),
            (with_spectrum(5, 3, &[3.0, 2.0, 1.0], 5), 3),
            (mat![[2.0, -1.0]], 1),
            (mat![[2.0], [-1.0], [0.0]], 1),
        ]
    }

    #[test]
    fn the_leading_axis_by_hand() {
        let a = mat![[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]];
        let expected = mat![[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]];
        assert!((dense(a.as_ref(), 1).unwrap() - expected).norm_max() < 1e-15);
        // dP for dA = t e₁ e₁ᵀ: u₁ = e₂ turns to e₁ by σ₁ t / (σ₁² − σ₂²) = 3 t / 5.
        let projector = LeadingProjector::forward(a.as_ref(), 1, GAPS).unwrap();
        let dot = projector
            .jvp(mat![[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]].as_ref())
            .unwrap()
            .to_dense()
            .unwrap();
        assert!((dot[(0, 1)] - 0.6).abs() < 1e-15 && (dot[(1, 0)] - 0.6).abs() < 1e-15);
    }

    #[test]
    fn the_way_back_is_the_derivative() {
        for (a, count) in cases() {
            for size in [1.0, 1e-3, 2e5] {
                let a = Scale(size) * &a;
                let projector = LeadingProjector::forward(a.as_ref(), count, GAPS).unwrap();
                let identity = Mat::<f64>::identity(a.nrows(), a.nrows());
                check_vjp(
                    |a| dense(a, count),
                    |bar| projector.vjp_factored(bar, identity.as_ref()),
                    a.as_ref(),
                    &GradientCheck::default(),
                )
                .unwrap_or_else(|error| panic!("{:?}, {count}: {error}", a.shape()));
            }
        }
    }

    #[test]
    fn forward_and_back_agree_and_the_square_is_that_of_the_factor() {
        for (a, count) in cases() {
            let projector = LeadingProjector::forward(a.as_ref(), count, GAPS).unwrap();
            let (m, n) = a.shape();
            let (left, right, a_dot) = (gaussian(m, 2, 1), gaussian(m, 2, 2), gaussian(m, n, 3));
            let a_bar = projector
                .vjp_factored(left.as_ref(), right.as_ref())
                .unwrap();
            let p_dot = projector.jvp(a_dot.as_ref()).unwrap().to_dense().unwrap();
            let (ahead, behind) = (
                inner((&left * right.transpose()).as_ref(), p_dot.as_ref()),
                inner(a_bar.as_ref(), a_dot.as_ref()),
            );
            assert!((ahead - behind).abs() < 1e-11, "{ahead} {behind}");
            let square = projector
                .square_vjp_factored(left.as_ref(), right.as_ref())
                .unwrap()
                .to_dense()
                .unwrap();
            assert!((Scale(2.0) * square * &a - a_bar).norm_max() < 1e-11);
        }
    }

    #[test]
    fn the_full_count_is_the_projector_onto_the_range() {
        let a = with_spectrum(7, 3, &[3.0, 1.0, 0.1], 6);
        let bar = gaussian(7, 2, 1);
        let ours = LeadingProjector::forward(a.as_ref(), 9, GAPS).unwrap();
        let theirs = crate::Projector::forward(a.as_ref(), RankTolerance::default()).unwrap();
        let [ours_bar, theirs_bar] = [
            ours.vjp_factored(bar.as_ref(), bar.as_ref()).unwrap(),
            theirs.vjp_factored(bar.as_ref(), bar.as_ref()).unwrap(),
        ];
        assert_eq!((ours.count(), ours.rank()), (3, 3));
        assert!((ours_bar - theirs_bar).norm_max() < 1e-11);
        assert_eq!(ours.with_count(1).basis().ncols(), 1);
    }

    #[test]
    fn a_closed_gap_at_the_border_is_the_callers() {
        let a = with_spectrum(8, 4, &[3.0, 1.0, 1.0, 0.5], 7);
        let bar = gaussian(8, 2, 1);
        let way_back = |gaps| {
            let projector = LeadingProjector::forward(a.as_ref(), 2, gaps).unwrap();
            projector.vjp_factored(bar.as_ref(), bar.as_ref())
        };
        assert!(matches!(
            way_back(GapPolicy::Error { floor: 1e-12 }),
            Err(Error::GapClosed { i: 1, j: 2, .. })
        ));
        let bound = bar.norm_l2().powi(2) / 1e-3;
        let found = way_back(GapPolicy::Broadened { width: 1e-3 }).unwrap();
        assert!(found.norm_max() < bound);
        // Equal values on one side of the border are no trouble.
        let projector = LeadingProjector::forward(a.as_ref(), 3, GAPS).unwrap();
        assert!(projector.vjp_factored(bar.as_ref(), bar.as_ref()).is_ok());
    }

    #[test]
    fn zero_has_no_leading_vector() {
        let zero = Mat::<f64>::zeros(4, 2);
        let projector = LeadingProjector::forward(zero.as_ref(), 2, GAPS).unwrap();
        assert_eq!((projector.count(), projector.rank()), (0, 0));
        let bar = gaussian(4, 1, 1);
        assert_eq!(
            projector.vjp_factored(bar.as_ref(), bar.as_ref()).unwrap(),
            zero
        );
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let a = gaussian(4, 2, 1);
        let wrong = GapPolicy::Broadened { width: 0.0 };
        assert!(LeadingProjector::forward(a.as_ref(), 1, wrong).is_err());
        assert!(LeadingProjector::forward(Mat::zeros(0, 2).as_ref(), 1, GAPS).is_err());
        let projector = LeadingProjector::forward(a.as_ref(), 1, GAPS).unwrap();
        let (short, long) = (gaussian(3, 1, 1), gaussian(4, 1, 1));
        assert!(projector.project(short.as_ref()).is_err());
        assert!(
            projector
                .vjp_factored(short.as_ref(), long.as_ref())
                .is_err()
        );
        assert!(
            projector
                .vjp_factored(long.as_ref(), short.as_ref())
                .is_err()
        );
        assert!(projector.jvp(long.as_ref()).is_err());
    }

    #[test]
    fn small_kept_values_keep_their_digits_on_the_way_back() {
        for (m, n, spectrum, count) in [
            (6, 4, &[1.0, 1.0, 1e-10, 1e-12][..], 3),
            (3, 3, &[1.0, 1e-8, 1e-10], 2),
            (5, 3, &[1.0, 0.5, 1e-10], 3),
        ] {
            let a = with_spectrum(m, n, spectrum, 3);
            let projector = LeadingProjector::forward(a.as_ref(), count, GAPS).unwrap();
            let (left, right, a_dot) = (gaussian(m, 2, 1), gaussian(m, 2, 2), gaussian(m, n, 3));
            let bar = projector
                .vjp_factored(left.as_ref(), right.as_ref())
                .unwrap();
            let dot = projector.jvp(a_dot.as_ref()).unwrap().to_dense().unwrap();
            let ahead = inner((&left * right.transpose()).as_ref(), dot.as_ref());
            let behind = inner(bar.as_ref(), a_dot.as_ref());
            let size = bar.norm_l2() * a_dot.norm_l2();
            assert!(
                (ahead - behind).abs() < 1e-13 * size,
                "{spectrum:?}: {ahead} {behind}"
            );
        }
    }
}
