//! A smooth stand-in for the orthogonal projector onto a range.

use super::factored_pullback::{FactorParts, factored_pullback};
use super::split::Split;
use crate::decompose::{symmetric_eigen, thin_svd};
use crate::error::Result;
use crate::guard::{
    ensure_above, ensure_finite_values, ensure_matrix, ensure_shape, number_within_range,
    values_within_range, within_range,
};
use crate::products::{add_product, gram, spectral_product, times_diagonal};
use crate::rank::{Method, RankTolerance, count_above};
use crate::scale::{Scaled, power_of_two_scale};
use crate::symmetric::{SymmetricProduct, inner, sym};
use faer::{Mat, MatRef, Scale};

pub(super) const OP: &str = "regularised projector";

/// The Gram method is taken for ε above this times σ₁²: AᵀA is known to 2⁻⁵² σ₁², so P_ε to about 10⁻¹⁰ or better.
const GRAM_FLOOR: f64 = 2e-6;

/// P_ε = A (AᵀA + εI)⁻¹ Aᵀ, smooth through every change of rank.
///
/// ```text
/// forward   A = U Σ Vᵀ                      P = U diag(p) Uᵀ,  pⱼ = σⱼ² / (σⱼ² + ε)
///           tr P = Σ pⱼ                     ‖P‖²_F = Σ pⱼ²
/// vjp       Ā = 2 (I − P) sym(P̄) A H⁻¹      H = AᵀA + εI,  P̄ + 2 q̄ P  for a cotangent q̄ of ‖P‖²_F
/// jvp       Ṗ = 2 sym( (I − P) Ȧ H⁻¹ Aᵀ )
/// ```
///
/// For P̄ = L Rᵀ no m × m matrix is formed: Ā = (I − P) ( L (H⁻¹AᵀR)ᵀ + R (H⁻¹AᵀL)ᵀ ). To second order, see
/// [`vjp_of_vjp`](Self::vjp_of_vjp).
///
/// # Shapes
/// A, Ā: m × n; P, P̄: m × m, or L, R: m × p.
///
/// # Conventions
/// ε > 0 has the units of σ². [`rank`](Self::rank) counts the singular values above a stated fraction of the largest,
/// which P_ε itself does not use. With the Gram method σ below √(2⁻⁵² n) · σ₁ is rounding: there a smaller fraction is
/// raised to that. An ε below (2⁻⁵² σ₁)² cannot be distinguished from zero.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotPositive`](crate::Error::NotPositive) for an ε that is not above zero,
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// O(m n²) time for tall A; m n + O(n²) numbers stored. The [`Method`] is AᵀA for tall A and ε ≥ 2·10⁻⁶ σ₁², else the SVD.
///
/// # Source
/// The ridge-regression hat matrix; as a criterion of normalised cuts it is ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::RegularisedProjector;
///
/// // σ² = 3 and ε = 1: p = 3/4.
/// let projector = RegularisedProjector::forward(mat![[1.0], [1.0], [1.0]].as_ref(), 1.0)?;
/// assert!((projector.trace() - 0.75).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RegularisedProjector {
    /// Y, m × r, with the range of A: A itself with the Gram method, U with the other.
    pub(super) range: Mat<f64>,
    /// K, r × r, symmetric: P = Y K Yᵀ.
    pub(super) kernel: Mat<f64>,
    /// M, n × r: H⁻¹ Aᵀ = M Yᵀ.
    pub(super) coefficients: Mat<f64>,
    /// S, r × n: (I − P) P A H⁻¹ = Y S.
    squared: Mat<f64>,
    weights: Vec<f64>,
    pub(super) singular_values: Vec<f64>,
    pub(super) scale: f64,
    /// ε / scale².
    pub(super) epsilon: f64,
    pub(super) method: Method,
}

impl RegularisedProjector {
    /// Factorises A.
    ///
    /// # Errors
    /// See [`RegularisedProjector`].
    pub fn forward(a: MatRef<'_, f64>, epsilon: f64) -> Result<Self> {
        ensure_matrix(OP, a)?;
        ensure_above(OP, epsilon, 0.0)?;
        let scale = power_of_two_scale(a);
        let a = Scaled::new(a, scale);
        // Twice, as scale² may overflow; the floor keeps 0 / (0 + ε) defined.
        let epsilon = (epsilon / scale / scale).max(f64::MIN_POSITIVE);
        let (m, n) = a.as_ref().shape();
        if m >= n {
            let (squares, v) = symmetric_eigen(OP, gram(a.as_ref()).as_ref())?;
            if epsilon >= GRAM_FLOOR * squares[n - 1] {
                return Self::by_gram(a.into_owned(), &squares, v.as_ref(), epsilon, scale);
            }
        }
        Self::by_svd(a.as_ref(), epsilon, scale)
    }

    fn by_gram(
        a: Mat<f64>,
        squares: &[f64],
        v: MatRef<'_, f64>,
        epsilon: f64,
        scale: f64,
    ) -> Result<Self> {
        // In the order of the singular values; rounding may leave squares just below zero.
        let squares: Vec<f64> = squares.iter().rev().map(|square| square.max(0.0)).collect();
        let v = v.reverse_cols();
        let weights: Vec<f64> = squares
            .iter()
            .map(|square| square / (square + epsilon))
            .collect();
        let function = |f: &dyn Fn(usize) -> f64| {
            let values: Vec<f64> = (0..squares.len()).map(f).collect();
            spectral_product(v, &values)
        };
        let inverse = function(&|j| (squares[j] + epsilon).recip());
        Ok(Self {
            squared: function(&|j| (1.0 - weights[j]) * weights[j] / (squares[j] + epsilon)),
            coefficients: inverse.clone(),
            kernel: inverse,
            range: a,
            weights,
            singular_values: values_within_range(
                OP,
                squares.iter().map(|square| square.sqrt() * scale).collect(),
            )?,
            scale,
            epsilon,
            method: Method::Gram,
        })
    }

    fn by_svd(a: MatRef<'_, f64>, epsilon: f64, scale: f64) -> Result<Self> {
        let (u, values, v) = thin_svd(OP, a)?;
        let r = values.len();
        let weights: Vec<f64> = values.iter().map(|s| s * s / (s * s + epsilon)).collect();
        let slopes: Vec<f64> = values.iter().map(|s| s / (s * s + epsilon)).collect();
        let squared: Vec<f64> = (0..r)
            .map(|j| (1.0 - weights[j]) * weights[j] * slopes[j])
            .collect();
        Ok(Self {
            range: u,
            kernel: Mat::from_fn(r, r, |i, j| if i == j { weights[j] } else { 0.0 }),
            coefficients: times_diagonal(v.as_ref(), &slopes),
            squared: times_diagonal(v.as_ref(), &squared).transpose().to_owned(),
            weights,
            singular_values: values_within_range(
                OP,
                values.iter().map(|value| value * scale).collect(),
            )?,
            scale,
            epsilon,
            method: Method::Svd,
        })
    }

    /// Y, K and M of P = Y K Yᵀ and H⁻¹Aᵀ = M Yᵀ, of A / scale.
    pub(crate) fn factors(&self) -> [MatRef<'_, f64>; 3] {
        [&self.range, &self.kernel, &self.coefficients].map(Mat::as_ref)
    }

    /// The way back of P alone, from [`factors`](Self::factors); values, norms and ε are not there.
    pub(crate) fn from_factors([range, kernel, coefficients]: [Mat<f64>; 3], scale: f64) -> Self {
        Self {
            range,
            kernel,
            coefficients,
            squared: Mat::new(),
            weights: Vec::new(),
            singular_values: Vec::new(),
            epsilon: f64::NAN,
            scale,
            method: Method::Svd,
        }
    }

    /// tr P = Σ p: how many directions count, each by its weight.
    pub fn trace(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// ‖P‖²_F = tr P² = Σ p².
    pub fn squared_norm(&self) -> f64 {
        self.weights.iter().map(|p| p * p).sum()
    }

    /// All min(m, n) singular values of A, nonincreasing.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// How many singular values exceed a fraction of the largest.
    ///
    /// # Errors
    /// [`OutOfRange`](crate::Error::OutOfRange) for a tolerance outside [0, 1).
    pub fn rank(&self, tolerance: RankTolerance) -> Result<usize> {
        let (m, n) = (self.range.nrows(), self.coefficients.nrows());
        let resolved = match self.method {
            Method::Gram => (n as f64 * f64::EPSILON).sqrt(),
            Method::Svd | Method::Refined => 0.0,
        };
        Ok(count_above(
            &self.singular_values,
            tolerance.fraction(m, n)?.max(resolved),
        ))
    }

    /// How the spectrum was found.
    pub fn method(&self) -> Method {
        self.method
    }

    /// P Y for Y: m × p, in O(m n p) time.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Y has m rows; [`NotFinite`](crate::Error::NotFinite).
    pub fn project(&self, y: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, y, (self.range.nrows(), y.ncols()))?;
        within_range(
            OP,
            &self.range * (&self.kernel * (self.range.transpose() * y)),
        )
    }

    /// Ā from a full P̄, m × m: for small m.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless P̄ is m × m; [`NotFinite`](crate::Error::NotFinite).
    pub fn vjp(&self, projector_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let m = self.range.nrows();
        ensure_shape(OP, projector_bar, (m, m))?;
        let pulled = sym(projector_bar) * &self.range;
        let outside = self.outside(pulled);
        within_range(
            OP,
            Scale(2.0 / self.scale) * outside * self.coefficients.transpose(),
        )
    }

    /// Ā from P̄ = sym(L Rᵀ) as factors, and a cotangent q̄ of ‖P‖²_F, in O(m n (n + p)) time; O(m n p) for q̄ = 0.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless L and R are m × p;
    /// [`NotFinite`](crate::Error::NotFinite).
    pub fn vjp_factored(
        &self,
        left: MatRef<'_, f64>,
        right: MatRef<'_, f64>,
        squared_norm_bar: f64,
    ) -> Result<Mat<f64>> {
        ensure_shape(OP, left, (self.range.nrows(), left.ncols()))?;
        ensure_shape(OP, right, left.shape())?;
        ensure_finite_values(OP, &[squared_norm_bar])?;
        let parts = |x: MatRef<'_, f64>| {
            let (coefficients, outside) = self.parts(x);
            FactorParts {
                coefficients,
                outside,
            }
        };
        let a_bar = factored_pullback(&parts(left), &parts(right));
        self.with_squared_norm(a_bar, squared_norm_bar)
    }

    /// Y = A C + R, C = H⁻¹AᵀY and R = (I − P) Y, in O(m n p) time: with [`vjp_split`](Self::vjp_split), the way forward
    /// and back of Y in a few products.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Y has m rows; [`NotFinite`](crate::Error::NotFinite);
    /// [`Overflow`](crate::Error::Overflow).
    pub fn split(&self, y: MatRef<'_, f64>) -> Result<Split> {
        ensure_shape(OP, y, (self.range.nrows(), y.ncols()))?;
        let (coefficients, outside) = self.parts(y);
        Ok(Split {
            coefficients: within_range(OP, coefficients)?,
            outside: within_range(OP, outside)?,
            whole: None,
        })
    }

    /// Ā from P̄ = w Y Yᵀ, by the split of Y, and a cotangent q̄ of ‖P‖²_F: Ā = 2 w R Cᵀ + 4 q̄ (I − P) P A H⁻¹.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless the split is one of A's shape;
    /// [`NotFinite`](crate::Error::NotFinite) of w and q̄; [`Overflow`](crate::Error::Overflow).
    pub fn vjp_split(&self, weight: f64, split: &Split, squared_norm_bar: f64) -> Result<Mat<f64>> {
        split.ensure_fits(OP, weight, (self.range.nrows(), self.coefficients.nrows()))?;
        ensure_finite_values(OP, &[squared_norm_bar])?;
        self.with_squared_norm(split.pulled_back(2.0 * weight), squared_norm_bar)
    }

    /// H⁻¹AᵀX and (I − P) X.
    fn parts(&self, x: MatRef<'_, f64>) -> (Mat<f64>, Mat<f64>) {
        let inside = self.range.transpose() * x;
        let mut outside = x.to_owned();
        add_product(outside.as_mut(), -1.0, &self.range, &self.kernel * &inside);
        let coefficients = Scale(self.scale.recip()) * (&self.coefficients * inside);
        (coefficients, outside)
    }

    /// Ā + 4 q̄ (I − P) P A H⁻¹.
    fn with_squared_norm(&self, mut a_bar: Mat<f64>, squared_norm_bar: f64) -> Result<Mat<f64>> {
        if squared_norm_bar != 0.0 {
            let share = 4.0 * squared_norm_bar / self.scale;
            add_product(a_bar.as_mut(), share, &self.range, &self.squared);
        }
        within_range(OP, a_bar)
    }

    /// Ṗ as factors, from Ȧ.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is m × n; [`NotFinite`](crate::Error::NotFinite).
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<SymmetricProduct> {
        ensure_shape(OP, a_dot, (self.range.nrows(), self.coefficients.nrows()))?;
        let outside = self.outside(a_dot * &self.coefficients);
        let left = within_range(OP, Scale(2.0 / self.scale) * outside)?;
        SymmetricProduct::new(left, self.range.clone())
    }

    /// The tangent of ‖P‖²_F along Ȧ: 4 ⟨(I − P) P A H⁻¹, Ȧ⟩.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is m × n; [`NotFinite`](crate::Error::NotFinite).
    pub fn squared_norm_jvp(&self, a_dot: MatRef<'_, f64>) -> Result<f64> {
        ensure_shape(OP, a_dot, (self.range.nrows(), self.coefficients.nrows()))?;
        let inside = self.range.transpose() * a_dot;
        let tangent = 4.0 / self.scale * inner(self.squared.as_ref(), inside.as_ref());
        number_within_range(OP, tangent)
    }

    /// (I − P) X.
    pub(super) fn outside(&self, x: Mat<f64>) -> Mat<f64> {
        let inside = &self.kernel * (self.range.transpose() * &x);
        x - &self.range * inside
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::subspace::Projector;
    use faer::mat;

    /// Tall for each method, rank deficient, wide, square, one row, one column, zero.
    fn cases() -> Vec<(Mat<f64>, f64, Method)> {
        vec![
            (with_spectrum(9, 3, &[3.0, 1.0, 0.5], 2), 0.1, Method::Gram),
            (with_spectrum(9, 3, &[3.0, 1.0, 2e-3], 2), 1e-6, Method::Svd),
            (with_spectrum(9, 4, &[3.0, 1.0], 2), 0.1, Method::Gram),
            (
                with_spectrum(4, 4, &[3.0, 2.0, 1.0, 0.5], 2),
                0.5,
                Method::Gram,
            ),
            (with_spectrum(3, 6, &[3.0, 1.0, 0.5], 2), 0.1, Method::Svd),
            (mat![[2.0]], 1.0, Method::Gram),
            (mat![[2.0], [-1.0], [0.0]], 1.0, Method::Gram),
            (mat![[2.0, -1.0]], 1.0, Method::Svd),
            (Mat::zeros(3, 2), 1.0, Method::Gram),
        ]
    }

    fn dense(a: MatRef<'_, f64>, epsilon: f64) -> Result<Mat<f64>> {
        RegularisedProjector::forward(a, epsilon)?
            .project(Mat::identity(a.nrows(), a.nrows()).as_ref())
    }

    #[test]
    fn a_split_adds_up_and_goes_back_as_its_factors() {
        for (a, epsilon, _) in cases() {
            let projector = RegularisedProjector::forward(a.as_ref(), epsilon).unwrap();
            let y = gaussian(a.nrows(), 2, 1);
            let split = projector.split(y.as_ref()).unwrap();
            let sum = &a * split.coefficients() + split.outside();
            // C is up to 1 / (2 √ε) of Y.
            let tolerance = 1e-14 / epsilon.sqrt();
            assert!((sum - &y).norm_max() < tolerance, "{:?}", a.shape());
            let found = projector.vjp_split(-0.5, &split, 0.25).unwrap();
            let left = Scale(-0.5) * &y;
            let expected = projector
                .vjp_factored(left.as_ref(), y.as_ref(), 0.25)
                .unwrap();
            let size = 1.0 + expected.norm_max();
            assert!((found - &expected).norm_max() < 1e-13 * size);
            assert!(projector.vjp_split(f64::NAN, &split, 0.0).is_err());
        }
    }

    #[test]
    fn a_line_by_hand() {
        // a = (3, 4): σ² = 25, p = 25/26, P = a aᵀ / 26.
        let projector = RegularisedProjector::forward(mat![[3.0], [4.0]].as_ref(), 1.0).unwrap();
        let p = dense(mat![[3.0], [4.0]].as_ref(), 1.0).unwrap();
        assert!((p - Scale(26f64.recip()) * mat![[9.0, 12.0], [12.0, 16.0]]).norm_max() < 1e-15);
        assert!((projector.trace() - 25.0 / 26.0).abs() < 1e-15);
        assert!((projector.squared_norm() - (25.0f64 / 26.0).powi(2)).abs() < 1e-15);
        assert!((projector.singular_values()[0] - 5.0).abs() < 1e-14);
    }

    #[test]
    fn agrees_with_finite_differences_by_each_method() {
        for (a, epsilon, method) in cases() {
            let projector = RegularisedProjector::forward(a.as_ref(), epsilon).unwrap();
            assert_eq!(projector.method(), method, "{:?}", a.shape());
            // P changes over σ ~ √ε.
            let check = GradientCheck {
                step: 1e-4 * epsilon.sqrt().min(0.3),
                tolerance: 1e-7,
                ..Default::default()
            };
            let full = |a: MatRef<'_, f64>| dense(a, epsilon);
            let jvp = |a_dot: MatRef<'_, f64>| projector.jvp(a_dot)?.to_dense();
            let norm = |a: MatRef<'_, f64>| {
                let projector = RegularisedProjector::forward(a, epsilon)?;
                Ok::<_, Error>(mat![[projector.squared_norm()]])
            };
            let nothing = Mat::zeros(a.nrows(), 0);
            let norm_vjp = |bar: MatRef<'_, f64>| {
                projector.vjp_factored(nothing.as_ref(), nothing.as_ref(), bar[(0, 0)])
            };
            let norm_jvp = |a_dot: MatRef<'_, f64>| Ok(mat![[projector.squared_norm_jvp(a_dot)?]]);
            if a.norm_max() > 0.0 {
                check_vjp(full, |bar| projector.vjp(bar), a.as_ref(), &check).unwrap();
                check_jvp(full, jvp, a.as_ref(), &check).unwrap();
                check_vjp(norm, norm_vjp, a.as_ref(), &check).unwrap();
                check_jvp(norm, norm_jvp, a.as_ref(), &check).unwrap();
            } else {
                // P is quadratic about zero.
                assert_eq!(projector.vjp(gaussian(3, 3, 1).as_ref()).unwrap(), a);
                assert_eq!(norm_vjp(mat![[1.0]].as_ref()).unwrap(), a);
            }
        }
    }

    #[test]
    fn factors_give_what_the_full_cotangent_gives() {
        for (a, epsilon, _) in cases() {
            let projector = RegularisedProjector::forward(a.as_ref(), epsilon).unwrap();
            let (left, right) = (gaussian(a.nrows(), 2, 1), gaussian(a.nrows(), 2, 2));
            let factored = projector
                .vjp_factored(left.as_ref(), right.as_ref(), 0.3)
                .unwrap();
            // The gradient of 0.3 ‖P‖² is 0.6 P.
            let bar = &left * right.transpose() + Scale(0.6) * dense(a.as_ref(), epsilon).unwrap();
            let full = projector.vjp(bar.as_ref()).unwrap();
            let tolerance = 1e-13 / epsilon.sqrt();
            assert!((&factored - full).norm_max() < tolerance, "{:?}", a.shape());

            let a_dot = gaussian(a.nrows(), a.ncols(), 3);
            let pushed = projector.jvp(a_dot.as_ref()).unwrap().to_dense().unwrap();
            let forward = inner((left * right.transpose()).as_ref(), pushed.as_ref())
                + 0.3 * projector.squared_norm_jvp(a_dot.as_ref()).unwrap();
            let back = inner(factored.as_ref(), a_dot.as_ref());
            assert!(
                (forward - back).abs() < 10.0 * tolerance,
                "{:?}: {forward} {back}",
                a.shape()
            );
        }
    }

    #[test]
    fn the_methods_agree_where_they_meet() {
        let a = with_spectrum(50, 4, &[1.0, 0.1, 1e-3, 0.0], 3);
        let y = gaussian(50, 3, 1);
        let gram = RegularisedProjector::forward(a.as_ref(), 2.1e-6).unwrap();
        let svd = RegularisedProjector::by_svd(a.as_ref(), 2.1e-6, 1.0).unwrap();
        assert_eq!((gram.method(), svd.method()), (Method::Gram, Method::Svd));
        let project = [&gram, &svd].map(|projector| projector.project(y.as_ref()).unwrap());
        assert!((&project[0] - &project[1]).norm_max() < 1e-9);
        let bars = [&gram, &svd].map(|p| p.vjp_factored(y.as_ref(), y.as_ref(), 1.0).unwrap());
        assert!((&bars[0] - &bars[1]).norm_max() < 1e-9 * bars[1].norm_max());
    }

    #[test]
    fn tends_to_the_hard_projector() {
        let a = with_spectrum(12, 5, &[2.0, 1.0, 0.5], 3);
        let y = gaussian(12, 2, 1);
        let hard = Projector::forward(a.as_ref(), RankTolerance::default()).unwrap();
        let smooth = RegularisedProjector::forward(a.as_ref(), 1e-14).unwrap();
        assert!(
            (smooth.project(y.as_ref()).unwrap() - hard.project(y.as_ref()).unwrap()).norm_max()
                < 1e-12
        );
        assert_eq!(smooth.rank(RankTolerance::default()).unwrap(), 3);
        assert!((smooth.trace() - 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_rank_is_counted_at_the_stated_tolerance() {
        let a = with_spectrum(30, 4, &[1.0, 0.5, 1e-3, 1e-9], 3);
        let projector = RegularisedProjector::forward(a.as_ref(), 1e-4).unwrap();
        assert_eq!(projector.method(), Method::Gram);
        for (tolerance, rank) in [(0.0, 3), (1e-2, 2), (0.6, 1)] {
            assert_eq!(
                projector.rank(RankTolerance::Relative(tolerance)).unwrap(),
                rank,
                "{tolerance:e}"
            );
        }
        assert!(matches!(
            projector.rank(RankTolerance::Relative(1.0)),
            Err(Error::OutOfRange { .. })
        ));
    }

    #[test]
    fn sizes_far_from_one_are_fine() {
        let a = gaussian(12, 4, 1);
        let y = gaussian(12, 2, 2);
        let plain = RegularisedProjector::forward(a.as_ref(), 0.5).unwrap();
        let plain_bar = plain.vjp_factored(y.as_ref(), y.as_ref(), 1.0).unwrap();
        for size in [2f64.powi(-450), 2f64.powi(450)] {
            let projector =
                RegularisedProjector::forward((Scale(size) * &a).as_ref(), 0.5 * size * size)
                    .unwrap();
            let a_bar = Scale(size) * projector.vjp_factored(y.as_ref(), y.as_ref(), 1.0).unwrap();
            assert_eq!(a_bar, plain_bar, "{size:e}");
        }
        // Either end of ε: the hard projector, and zero.
        for (size, trace) in [(1e150, 4.0), (1e-170, 0.0)] {
            let projector =
                RegularisedProjector::forward((Scale(size) * &a).as_ref(), 1e-4).unwrap();
            assert!((projector.trace() - trace).abs() < 1e-12, "{size:e}");
            let a_bar = projector.vjp_factored(y.as_ref(), y.as_ref(), 1.0).unwrap();
            assert!(a_bar.norm_max().is_finite(), "{size:e}");
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>, e| RegularisedProjector::forward(a.as_ref(), e);
        let projector = RegularisedProjector::forward(gaussian(4, 2, 1).as_ref(), 1.0).unwrap();
        let wrong = Mat::zeros(3, 3);
        refused! {
            forward(Mat::zeros(3, 0), 1.0) => Error::Empty { .. },
            forward(mat![[f64::NAN]], 1.0) => Error::NotFinite { .. },
            forward(mat![[1.0]], 0.0) => Error::NotPositive { .. },
        }
        let wrong = wrong.as_ref();
        let four = Mat::zeros(4, 1);
        let nan = projector.vjp_factored(four.as_ref(), four.as_ref(), f64::NAN);
        refused! {
            projector.project(wrong) => Error::ShapeMismatch { .. },
            projector.vjp(wrong) => Error::ShapeMismatch { .. },
            projector.vjp_factored(wrong, wrong, 0.0) => Error::ShapeMismatch { .. },
            projector.jvp(wrong) => Error::ShapeMismatch { .. },
            projector.squared_norm_jvp(wrong) => Error::ShapeMismatch { .. },
        }
        assert!(matches!(nan, Err(Error::NotFinite { .. })));
        let tiny = RegularisedProjector::forward(mat![[1e-150], [0.0]].as_ref(), 1e-300).unwrap();
        let turning = mat![[0.0, 1e200], [0.0, 0.0]];
        let beyond = tiny.vjp(turning.as_ref());
        refused! { beyond => Error::Overflow { op: OP } }
    }
}
