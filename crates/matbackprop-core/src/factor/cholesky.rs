//! The triangular root of a symmetric positive definite matrix.

use crate::error::{Error, Result};
use crate::guard::{ensure_above, ensure_shape, within_range};
use crate::solve::{cholesky, solve_lower, solve_root, solve_upper};
use crate::symmetric::{ensure_symmetric, sym};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatRef, Par};

const OP: &str = "Cholesky";

/// The smallest jitter that is tried, ten to this power times the mean of the diagonal: below it is rounding.
const FIRST_POWER: i32 = -16;

/// A = L Lᵀ with lower triangular L, for a symmetric positive definite A.
///
/// ```text
/// forward   A = L Lᵀ
/// vjp       Ā = sym( L⁻ᵀ Φ(LᵀL̄) L⁻¹ )          Φ keeps the lower triangle, with half the diagonal
/// jvp       L̇ = L Φ( L⁻¹ sym(Ȧ) L⁻ᵀ )
/// ```
///
/// # Shapes
/// A, L, Ā: n × n.
///
/// # Conventions
/// The diagonal of L is positive, so L is unique. Ā is symmetric
/// and right for every perturbation. L̄ counts on and below the diagonal, not above it, where L is zero for any
/// A. A pivot that does not exceed n ε times its diagonal entry is taken for rounding: the bound does not
/// move when rows and columns are scaled.
///
/// [`forward_with_jitter`](Self::forward_with_jitter) factors A + j I instead where A fails, j = 10ᵏ tr(A) / n with the
/// smallest k that will do. k is taken for constant, which it is near A but where one more power is needed; the mean of the
/// diagonal is not, so that j̇ = 10ᵏ tr(Ȧ) / n, and Ā has 10ᵏ tr(Ā₀) / n more on its diagonal, Ā₀ the cotangent of A + j I.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`NotPositiveDefinite`](crate::Error::NotPositiveDefinite) with the first pivot that fails,
/// [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// n³/3 operations forward, about n³ each way after that, by triangular products and solves alone; n² numbers stored.
///
/// # Source
/// Murray, "Differentiation of the Cholesky decomposition", arXiv 1602.07527; the floor of the pivots is ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::Cholesky;
///
/// let cholesky = Cholesky::forward(mat![[4.0, 2.0], [2.0, 5.0]].as_ref())?;
/// assert_eq!(cholesky.factor(), mat![[2.0, 0.0], [1.0, 2.0]]);
/// let x = cholesky.solve(mat![[8.0], [12.0]].as_ref())?;
/// assert_eq!(x, mat![[1.0], [2.0]]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cholesky {
    factor: Mat<f64>,
    /// 10ᵏ, or zero.
    relative_jitter: f64,
    jitter: f64,
}

impl Cholesky {
    /// Factors A.
    ///
    /// # Errors
    /// See [`Cholesky`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        ensure_symmetric(OP, a)?;
        // No scale: products of entries of L never exceed the diagonal of A, and roots halve every exponent.
        Ok(Self {
            factor: cholesky(OP, sym(a).as_ref())?,
            relative_jitter: 0.0,
            jitter: 0.0,
        })
    }

    /// Factors A, or else A + j I with the smallest j of 10⁻¹⁶, 10⁻¹⁵, … times the mean of A's diagonal, up to `largest`
    /// times it.
    ///
    /// A covariance or kernel matrix that is singular within rounding has a factor with a `largest` of 10⁻⁶ or so; a
    /// matrix that is truly indefinite has none. Up to sixteen more factorisations.
    ///
    /// # Errors
    /// See [`Cholesky`], with the pivot that fails at the largest j; [`NotPositive`](crate::Error::NotPositive) unless
    /// `largest` is above zero.
    ///
    /// # Example
    /// ```
    /// # fn main() -> Result<(), matbackprop_core::Error> {
    /// use faer::mat;
    /// use matbackprop_core::Cholesky;
    ///
    /// // The eigenvalue 1 − a₁₂ is −2 · 10⁻⁹: a covariance that was rounded to nine digits.
    /// let a = mat![[1.0, 1.000000002], [1.000000002, 1.0]];
    /// assert!(Cholesky::forward(a.as_ref()).is_err());
    /// let cholesky = Cholesky::forward_with_jitter(a.as_ref(), 1e-6)?;
    /// assert_eq!(cholesky.relative_jitter(), 1e-8);
    /// # Ok(())
    /// # }
    /// ```
    pub fn forward_with_jitter(a: MatRef<'_, f64>, largest: f64) -> Result<Self> {
        ensure_above(OP, largest, 0.0)?;
        let mut failure = match Self::forward(a) {
            Err(error @ Error::NotPositiveDefinite { .. }) => error,
            found => return found,
        };
        let a = sym(a);
        let n = a.nrows();
        let mean = (0..n).map(|i| a[(i, i)] / n as f64).sum::<f64>();
        for power in FIRST_POWER.. {
            let relative_jitter = 10f64.powi(power);
            let jitter = relative_jitter * mean;
            if relative_jitter > largest || jitter <= 0.0 {
                break;
            }
            let mut lifted = a.clone();
            for i in 0..n {
                lifted[(i, i)] += jitter;
            }
            match cholesky(OP, within_range(OP, lifted)?.as_ref()) {
                Ok(factor) => {
                    return Ok(Self {
                        factor,
                        relative_jitter,
                        jitter,
                    });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The way back alone, from L and the relative jitter.
    pub(crate) fn from_factor(factor: Mat<f64>, relative_jitter: f64) -> Self {
        Self {
            factor,
            relative_jitter,
            jitter: 0.0,
        }
    }

    /// The j of A + j I = L Lᵀ: zero but after [`forward_with_jitter`](Self::forward_with_jitter).
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// The same as a share of the mean of A's diagonal: a power of ten, or zero.
    pub fn relative_jitter(&self) -> f64 {
        self.relative_jitter
    }

    /// The factor L, zero above the diagonal.
    pub fn factor(&self) -> MatRef<'_, f64> {
        self.factor.as_ref()
    }

    /// A⁻¹ B for B: n × p, in O(n² p) time; with a jitter j, (A + j I)⁻¹ B.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has n rows; [`NotFinite`](crate::Error::NotFinite);
    /// [`Overflow`](crate::Error::Overflow).
    pub fn solve(&self, b: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, b, (self.factor.nrows(), b.ncols()))?;
        let mut x = b.to_owned();
        solve_root(self.factor(), x.as_mut());
        within_range(OP, x)
    }

    /// Ā from L̄.
    ///
    /// # Errors
    /// See [`Cholesky`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless L̄ is n × n.
    pub fn vjp(&self, factor_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let n = self.factor.nrows();
        ensure_shape(OP, factor_bar, (n, n))?;
        let upper = self.factor.transpose();
        let mut core = lower_product(upper, BlockStructure::TriangularUpper, factor_bar);
        halve_diagonal(&mut core);
        solve_upper(upper, core.as_mut());
        solve_upper(upper, core.transpose_mut());
        let mut a_bar = sym(core.as_ref());
        self.add_share_of_trace(&mut a_bar);
        within_range(OP, a_bar)
    }

    /// L̇ from Ȧ, whose symmetric part counts.
    ///
    /// # Errors
    /// See [`Cholesky`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let n = self.factor.nrows();
        ensure_shape(OP, a_dot, (n, n))?;
        let l = self.factor();
        let mut core = sym(a_dot);
        self.add_share_of_trace(&mut core);
        solve_lower(l, core.as_mut());
        solve_lower(l, core.transpose_mut());
        halve_diagonal(&mut core);
        within_range(
            OP,
            lower_product(l, BlockStructure::TriangularLower, core.as_ref()),
        )
    }

    /// X ← X + 10ᵏ tr(X) / n I: the jitter moves with the mean of the diagonal.
    fn add_share_of_trace(&self, x: &mut Mat<f64>) {
        if self.relative_jitter > 0.0 {
            let n = x.nrows();
            let mean = (0..n).map(|i| x[(i, i)] / n as f64).sum::<f64>();
            for i in 0..n {
                x[(i, i)] += self.relative_jitter * mean;
            }
        }
    }
}

/// The lower triangle of T X, for a triangular T and the lower triangle of X; zero above.
fn lower_product(t: MatRef<'_, f64>, structure: BlockStructure, x: MatRef<'_, f64>) -> Mat<f64> {
    let mut product = Mat::zeros(t.nrows(), t.nrows());
    triangular::matmul(
        product.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        t,
        structure,
        x,
        BlockStructure::TriangularLower,
        1.0,
        Par::Seq,
    );
    product
}

/// Φ, where the triangle above the diagonal is zero or not read.
fn halve_diagonal(x: &mut Mat<f64>) {
    for i in 0..x.nrows() {
        x[(i, i)] *= 0.5;
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    const SPECTRA: [&[f64]; 5] = [
        &[0.7],
        &[1.0, 2.0],
        &[2.0, 2.0, 2.0],
        &[1e-2, 0.5, 1.0, 1.0, 3.0],
        &[5.0, 1.0, 1.0, 0.3, 0.2, 4.0, 2.0],
    ];

    fn factor(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
        Ok(Cholesky::forward(sym(a).as_ref())?.factor().to_owned())
    }

    #[test]
    fn two_by_two_by_hand() {
        // A = (4, 2; 2, 5): L = (2, 0; 1, 2). l₁₁ = √a₁₁, l₂₁ = a₂₁/l₁₁, l₂₂ = √(a₂₂ − l₂₁²).
        let cholesky = Cholesky::forward(mat![[4.0, 2.0], [2.0, 5.0]].as_ref()).unwrap();
        assert_eq!(cholesky.factor(), mat![[2.0, 0.0], [1.0, 2.0]]);
        // Along a₁₁: l̇₁₁ = ¼, l̇₂₁ = −l₂₁ l̇₁₁/l₁₁ = −⅛, l̇₂₂ = −l₂₁ l̇₂₁/l₂₂ = 1/16.
        let l_dot = cholesky.jvp(mat![[1.0, 0.0], [0.0, 0.0]].as_ref()).unwrap();
        assert!((l_dot - mat![[0.25, 0.0], [-0.125, 0.0625]]).norm_max() < 1e-16);
        // The gradient of l₁₁, for any entry above the diagonal of the cotangent.
        let a_bar = cholesky.vjp(mat![[1.0, 9.0], [0.0, 0.0]].as_ref()).unwrap();
        assert!((a_bar - mat![[0.25, 0.0], [0.0, 0.0]]).norm_max() < 1e-16);
    }

    #[test]
    fn agrees_with_finite_differences() {
        for spectrum in SPECTRA {
            let a = symmetric_with_spectrum(spectrum, 4);
            let cholesky = Cholesky::forward(a.as_ref()).unwrap();
            for check in [GradientCheck::symmetric(), GradientCheck::default()] {
                // Differences leave the positive definite matrices at a step near λ min.
                let check = GradientCheck {
                    step: 1e-5,
                    ..check
                };
                check_vjp(factor, |bar| cholesky.vjp(bar), a.as_ref(), &check).unwrap();
                check_jvp(factor, |dot| cholesky.jvp(dot), a.as_ref(), &check).unwrap();
            }
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for spectrum in SPECTRA {
            let n = spectrum.len();
            let cholesky =
                Cholesky::forward(symmetric_with_spectrum(spectrum, 4).as_ref()).unwrap();
            let (l_bar, a_dot) = (gaussian(n, n, 1), gaussian(n, n, 2));
            let forward = inner(
                l_bar.as_ref(),
                cholesky.jvp(a_dot.as_ref()).unwrap().as_ref(),
            );
            let a_bar = cholesky.vjp(l_bar.as_ref()).unwrap();
            assert_eq!(a_bar, a_bar.transpose());
            let back = inner(a_bar.as_ref(), a_dot.as_ref());
            let size = a_bar.norm_l2() * a_dot.norm_l2();
            assert!((forward - back).abs() < 1e-13 * size, "{forward} {back}");
        }
    }

    #[test]
    fn the_rule_scales_with_its_input_and_with_each_row() {
        let a = symmetric_with_spectrum(SPECTRA[4], 4);
        let l_bar = gaussian(7, 7, 1);
        let plain = Cholesky::forward(a.as_ref()).unwrap();
        let plain_bar = plain.vjp(l_bar.as_ref()).unwrap();
        for size in [
            2f64.powi(-1000),
            2f64.powi(-500),
            2f64.powi(500),
            2f64.powi(1000),
        ] {
            let root = size.sqrt();
            let cholesky = Cholesky::forward((Scale(size) * &a).as_ref()).unwrap();
            assert_eq!(cholesky.factor(), Scale(root) * plain.factor());
            let a_bar = cholesky.vjp(l_bar.as_ref()).unwrap();
            assert_eq!(Scale(root) * a_bar, plain_bar, "{size:e}");
        }
        // Rows from 2⁻²⁴⁰ to 2²⁴⁰.
        let d = |i: usize| 2f64.powi(80 * (i as i32 - 3));
        let scaled = Mat::from_fn(7, 7, |i, j| d(i) * a[(i, j)] * d(j));
        let cholesky = Cholesky::forward(scaled.as_ref()).unwrap();
        let expected = Mat::from_fn(7, 7, |i, j| d(i) * plain.factor()[(i, j)]);
        assert_eq!(cholesky.factor(), expected);
    }

    #[test]
    fn solves_with_the_factored_matrix() {
        let a = symmetric_with_spectrum(SPECTRA[3], 4);
        let b = gaussian(5, 2, 1);
        let x = Cholesky::forward(a.as_ref())
            .unwrap()
            .solve(b.as_ref())
            .unwrap();
        // cond(A) = 300.
        assert!((a * x - b).norm_max() < 1e-13);
    }

    #[test]
    fn the_gradient_grows_as_a_pivot_closes_until_it_is_refused() {
        let near = |gap: f64| mat![[1.0, 1.0 - gap], [1.0 - gap, 1.0]];
        let l_bar = mat![[0.0, 0.0], [0.0, 1.0]];
        for gap in [1e-2, 1e-6, 1e-10] {
            let a_bar = Cholesky::forward(near(gap).as_ref())
                .unwrap()
                .vjp(l_bar.as_ref())
                .unwrap();
            // l₂₂ = √(1 − a₂₁²): half its slope, as a₂₁ and a₁₂ share it.
            let a21 = 1.0 - gap;
            let slope = -0.5 * a21 / (1.0 - a21 * a21).sqrt();
            assert!((a_bar[(1, 0)] / slope - 1.0).abs() < 1e-16 / gap, "{gap:e}");
        }
        assert!(matches!(
            Cholesky::forward(near(1e-16).as_ref()),
            Err(Error::NotPositiveDefinite { index: 1, .. })
        ));
    }

    fn with_jitter(a: MatRef<'_, f64>, largest: f64) -> Result<Cholesky> {
        Cholesky::forward_with_jitter(a, largest)
    }

    #[test]
    fn jitter_is_the_smallest_power_of_ten_that_will_do() {
        // A = (1 1; 1 1): pivots 1 + j and (1 + j) − 1 / (1 + j) ≈ 2 j, above 2 ε: j = 10⁻¹⁵.
        let one = mat![[1.0, 1.0], [1.0, 1.0]];
        let cholesky = with_jitter(one.as_ref(), 1e-6).unwrap();
        assert_eq!(
            (cholesky.relative_jitter(), cholesky.jitter()),
            (1e-15, 1e-15)
        );
        // The smallest eigenvalue of (1 b; b 1) is 1 − b.
        for (b, expected) in [
            (1.0 + 2e-12, 1e-11),
            (1.0 + 0.5e-8, 1e-8),
            (1.0 + 2e-4, 1e-3),
        ] {
            for size in [1e-200, 1.0, 1e200] {
                let a = Scale(size) * mat![[1.0, b], [b, 1.0]];
                let cholesky = with_jitter(a.as_ref(), 1e-3).unwrap();
                assert_eq!(cholesky.relative_jitter(), expected);
                assert_eq!(cholesky.jitter(), expected * size);
                let l = cholesky.factor();
                let lifted = a + Scale(cholesky.jitter()) * Mat::<f64>::identity(2, 2);
                assert!((l * l.transpose() - lifted).norm_max() < 1e-15 * size);
            }
        }
        // None where none is needed, and the same bits.
        let a = symmetric_with_spectrum(SPECTRA[3], 4);
        let (plain, other) = (
            Cholesky::forward(a.as_ref()).unwrap(),
            with_jitter(a.as_ref(), 1.0).unwrap(),
        );
        assert_eq!((other.jitter(), other.relative_jitter()), (0.0, 0.0));
        assert_eq!(plain.factor(), other.factor());
    }

    #[test]
    fn the_gradient_goes_through_the_mean_of_the_diagonal() {
        // Jitters of 10⁻³, 10⁻² and 1, where differences keep the power.
        for spectrum in [
            &[1.0, -0.5e-3, 2.0, 0.7][..],
            &[-5e-3, 3.0, 3.0],
            &[-0.5, 3.0, 1.0, 2.0, 2.0],
        ] {
            let a = symmetric_with_spectrum(spectrum, 4);
            let cholesky = with_jitter(a.as_ref(), 1.0).unwrap();
            assert!(cholesky.relative_jitter() >= 1e-3);
            let factor =
                |a: MatRef<'_, f64>| Ok::<_, Error>(with_jitter(sym(a).as_ref(), 1.0)?.factor);
            let check = GradientCheck {
                step: 1e-6,
                tolerance: 1e-6,
                ..GradientCheck::default()
            };
            check_vjp(factor, |bar| cholesky.vjp(bar), a.as_ref(), &check).unwrap();
            check_jvp(factor, |dot| cholesky.jvp(dot), a.as_ref(), &check).unwrap();
            let n = spectrum.len();
            let (l_bar, a_dot) = (gaussian(n, n, 1), gaussian(n, n, 2));
            let pushed = cholesky.jvp(a_dot.as_ref()).unwrap();
            let pulled = cholesky.vjp(l_bar.as_ref()).unwrap();
            let forward = inner(l_bar.as_ref(), pushed.as_ref());
            let back = inner(pulled.as_ref(), a_dot.as_ref());
            let size = pulled.norm_l2() * a_dot.norm_l2();
            assert!((forward - back).abs() < 1e-12 * size, "{forward} {back}");
        }
        // By hand: L = √(a + 10⁻¹⁵ a) of one number has no need of it; of (a 0; 0 −a/4), mean 3a/8, 10⁰ has.
        let a = mat![[8.0, 0.0], [0.0, -2.0]];
        let cholesky = with_jitter(a.as_ref(), 1.0).unwrap();
        assert_eq!(cholesky.jitter(), 3.0);
        // l₁₁ = √(11): its slope by a₁₁ is (1 + ½) / 2√11, by a₂₂ ½ / 2√11.
        let a_bar = cholesky.vjp(mat![[1.0, 0.0], [0.0, 0.0]].as_ref()).unwrap();
        let unit = 0.5 / 11f64.sqrt();
        assert!((a_bar - mat![[1.5 * unit, 0.0], [0.0, 0.5 * unit]]).norm_max() < 1e-16);
    }

    #[test]
    fn jitter_has_a_bound() {
        let indefinite = mat![[1.0, 2.0], [2.0, 1.0]];
        let negative = mat![[-1.0, 0.0], [0.0, -1.0]];
        refused! {
            with_jitter(indefinite.as_ref(), 0.99)
                => Error::NotPositiveDefinite { index: 1, .. },
            with_jitter(indefinite.as_ref(), 1e-20) => Error::NotPositiveDefinite { .. },
            with_jitter(negative.as_ref(), 1.0) => Error::NotPositiveDefinite { index: 0, .. },
            with_jitter(Mat::zeros(2, 2).as_ref(), 1.0) => Error::NotPositiveDefinite { .. },
            with_jitter(indefinite.as_ref(), 0.0) => Error::NotPositive { value: 0.0, .. },
            with_jitter(indefinite.as_ref(), f64::NAN) => Error::NotPositive { .. },
            with_jitter(mat![[f64::NAN]].as_ref(), 1.0) => Error::NotFinite { .. },
            with_jitter(mat![[0.0, 1.0], [2.0, 0.0]].as_ref(), 1.0) => Error::NotSymmetric { .. },
            with_jitter(Mat::zeros(2, 3).as_ref(), 1.0) => Error::NotSquare { .. },
            with_jitter(mat![[1e308, 1.2e308], [1.2e308, 1e308]].as_ref(), 1.0)
                => Error::Overflow { op: OP },
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| Cholesky::forward(a.as_ref());
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { rows: 2, columns: 3, .. },
            forward(Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { .. },
        }
        assert_eq!(
            forward(mat![[1.0, 2.0], [2.0, 1.0]]).err(),
            Some(Error::NotPositiveDefinite {
                op: OP,
                index: 1,
                pivot: -3.0,
                floor: 2.0 * f64::EPSILON
            })
        );
        let cholesky = Cholesky::forward(mat![[1e-300]].as_ref()).unwrap();
        let wrong = Mat::zeros(2, 2);
        let large = mat![[1e200]];
        refused! {
            forward(Mat::zeros(2, 2)) => Error::NotPositiveDefinite { index: 0, pivot: 0.0, .. },
            cholesky.solve(wrong.as_ref()) => Error::ShapeMismatch { .. },
            cholesky.vjp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            cholesky.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            cholesky.solve(mat![[f64::NAN]].as_ref()) => Error::NotFinite { .. },
            cholesky.vjp(mat![[f64::INFINITY]].as_ref()) => Error::NotFinite { .. },
            cholesky.jvp(mat![[f64::NAN]].as_ref()) => Error::NotFinite { .. },
            cholesky.solve(large.as_ref()) => Error::Overflow { op: OP },
            cholesky.vjp(large.as_ref()) => Error::Overflow { op: OP },
            cholesky.jvp(large.as_ref()) => Error::Overflow { op: OP },
        }
    }
}
