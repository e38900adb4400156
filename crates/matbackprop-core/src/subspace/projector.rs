//! The orthogonal projector onto the range of a matrix.

use super::column_range::{Basis, ColumnRange, Columns};
use super::factored_pullback::{FactorParts, factored_pullback};
use super::leading_projector::LeadingProjector;
use super::leading_second::LeadingProjectorSecond;
use super::split::Split;
use crate::decompose::thin_svd;
use crate::error::Result;
use crate::gap::GapPolicy;
use crate::guard::{ensure_matrix, ensure_shape, values_within_range, within_range};
use crate::products::gram;
use crate::rank::{Method, RankTolerance, count_above};
use crate::scale::{Scaled, power_of_two_scale};
use crate::symmetric::{SymmetricProduct, sym};
use faer::{Mat, MatRef, Scale};

const OP: &str = "projector";

/// With the Gram method all of σ² lie above this times the largest: cond(A) ≤ 10⁴.
const GRAM_FLOOR: f64 = 1e-8;

/// Π = A A⁺, stored as an orthonormal basis Q of the range of A: Π = Q Qᵀ.
///
/// ```text
/// forward   A = Q Σ Vᵀ,  σ above the tolerance only         Π = Q Qᵀ,  A⁺ = N Qᵀ,  N = V Σ⁻¹
/// vjp       Ā = 2 (I − Π) sym(Π̄) (A⁺)ᵀ
/// jvp       Π̇ = 2 sym( (I − Π) Ȧ N Qᵀ )
/// vjp of vjp   the cotangent Z of Ā goes to Π̄ as 2 sym( Zₒ N Qᵀ ), and to A as
///           2 ( (I − Π) S Zₒ N − Zₒ N C − T (QᵀZN)ᵀ − Q (Zₒ N)ᵀT ) Nᵀ + 2 Q NᵀN TᵀZ (I − A⁺A)
///           Zₒ = (I − Π) Z,  S = sym(Π̄),  C = QᵀS Q,  T = (I − Π) S Q
/// ```
///
/// For Π̄ = L Rᵀ no m × m matrix is formed: Ā = (I − Π) ( L (N QᵀR)ᵀ + R (N QᵀL)ᵀ ).
///
/// # Shapes
/// A, Ā: m × n; Q: m × r; Π, Π̄: m × m, or L, R: m × p.
///
/// # Conventions
/// A singular value counts when it exceeds [`RankTolerance`] times the largest. Those that do not, by rounding alone
/// (8 max(m, n) ε of the largest), are taken for zero, in the derivative too: Ā is then the derivative along the
/// perturbations that keep the rank; Π jumps along any other. Where the tolerance drops more than that, the dropped
/// vectors still turn the kept ones, and Π is the projector onto the leading vectors, with the derivative of
/// [`LeadingProjector`](crate::LeadingProjector). Q is free up to a rotation of its columns; Π is not. A zero matrix has
/// rank 0 and Π = 0.
///
/// # Errors
/// [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`OutOfRange`](crate::Error::OutOfRange) for a tolerance outside [0, 1),
/// [`NoConvergence`](crate::Error::NoConvergence), [`Overflow`](crate::Error::Overflow);
/// [`GapClosed`](crate::Error::GapClosed) on the way back where the tolerance parts two equal singular values.
///
/// # Cost
/// O(m n²) time for tall A; (m + n) r numbers stored, (m + n) min(m, n) where the tolerance drops more than rounding. The
/// [`Method`] is AᵀA where all columns that are not zero have cond ≤ 10⁴: up to r/4 columns Y are then projected by A and the
/// Cholesky factor of AᵀA with one correction, more of them by Q, whose one correction holds QᵀQ = I to rounding. Elsewhere,
/// and for wide A, the SVD.
///
/// # Source
/// Ionescu, Vantzos, Sminchisescu, "Training Deep Networks with Structured Layers by Matrix Backpropagation",
/// arXiv 1509.07838, section on normalised cuts. There A has full column rank; the tolerance, zero columns and the
/// factored cotangent are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{Projector, RankTolerance};
///
/// // Two proportional columns: one direction.
/// let a = mat![[1.0, 2.0], [0.0, 0.0], [1.0, 2.0]];
/// let projector = Projector::forward(a.as_ref(), RankTolerance::default())?;
/// assert_eq!(projector.rank(), 1);
/// let projected = projector.project(mat![[1.0], [1.0], [0.0]].as_ref())?;
/// assert!((projected - mat![[0.5], [0.0], [0.5]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Projector {
    /// Of A / scale.
    range: ColumnRange,
    singular_values: Vec<f64>,
    scale: f64,
    method: Method,
    /// Where values are dropped that rounding does not explain: their vectors still turn the kept ones.
    truncated: Option<LeadingProjector>,
}

/// The result of [`Projector::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProjectorSecond {
    /// The cotangent of Π̄, m × m, as factors.
    pub projector_bar_bar: SymmetricProduct,
    /// The cotangent of A, m × n.
    pub a_bar: Mat<f64>,
}

impl Projector {
    /// Finds a basis of the range of A.
    ///
    /// # Errors
    /// See [`Projector`].
    pub fn forward(a: MatRef<'_, f64>, tolerance: RankTolerance) -> Result<Self> {
        ensure_matrix(OP, a)?;
        let fraction = tolerance.fraction(a.nrows(), a.ncols())?;
        let scale = power_of_two_scale(a);
        let a = Scaled::new(a, scale);
        if fraction <= GRAM_FLOOR.sqrt()
            && let Some(projector) = Self::by_gram(a.as_ref(), scale)?
        {
            return Ok(projector);
        }
        Self::by_svd(a.as_ref(), scale, fraction)
    }

    /// From AᵀA, where the columns that are not zero are well conditioned; `None` elsewhere.
    fn by_gram(a: MatRef<'_, f64>, scale: f64) -> Result<Option<Self>> {
        let Some((columns, values)) = Columns::new(OP, a, GRAM_FLOOR)? else {
            return Ok(None);
        };
        let mut singular_values: Vec<f64> = values.iter().map(|value| value * scale).collect();
        singular_values.resize(a.nrows().min(a.ncols()), 0.0);
        Ok(Some(Self {
            range: ColumnRange::Columns(columns),
            singular_values: values_within_range(OP, singular_values)?,
            scale,
            method: Method::Gram,
            truncated: None,
        }))
    }

    fn by_svd(a: MatRef<'_, f64>, scale: f64, fraction: f64) -> Result<Self> {
        let (u, values, v) = thin_svd(OP, a)?;
        let r = count_above(&values, fraction);
        let rounding = RankTolerance::default().fraction(a.nrows(), a.ncols())?;
        let alive: Vec<bool> = a.col_iter().map(|x| x.norm_max() > 0.0).collect();
        Ok(Self {
            range: ColumnRange::Basis(Basis {
                q: u.subcols(0, r).to_owned(),
                // AᵀU Σ⁻²: a column of zeros has none of it, where V has rounding.
                n: Mat::from_fn(a.ncols(), r, |i, j| match alive[i] {
                    true => v[(i, j)] / values[j],
                    false => 0.0,
                }),
            }),
            singular_values: values_within_range(
                OP,
                values.iter().map(|value| value * scale).collect(),
            )?,
            scale,
            method: Method::Svd,
            truncated: if r < count_above(&values, rounding) {
                let gaps = GapPolicy::default();
                Some(LeadingProjector::from_svd((u, values, v), scale, r, gaps)?)
            } else {
                None
            },
        })
    }

    /// Q and N of A / scale, where rounding alone is dropped.
    pub(crate) fn factors(&self) -> Option<(MatRef<'_, f64>, MatRef<'_, f64>)> {
        let whole = self.truncated.is_none();
        whole.then(|| {
            let Basis { q, n } = self.range.basis();
            (q.as_ref(), n.as_ref())
        })
    }

    /// The way back alone, from [`factors`](Self::factors); the singular values are not there.
    pub(crate) fn from_factors(basis: Mat<f64>, coefficients: Mat<f64>, scale: f64) -> Self {
        Self {
            range: ColumnRange::Basis(Basis {
                q: basis,
                n: coefficients,
            }),
            singular_values: Vec::new(),
            scale,
            method: Method::Svd,
            truncated: None,
        }
    }

    /// Q, m × r, orthonormal columns.
    ///
    /// With the Gram method it is formed by the first call of this, of [`vjp`](Self::vjp), [`jvp`](Self::jvp) or second
    /// order, or by more than r/4 columns elsewhere: a few columns are projected through A itself.
    pub fn basis(&self) -> MatRef<'_, f64> {
        self.range.basis().q.as_ref()
    }

    /// The number of singular values above the tolerance.
    pub fn rank(&self) -> usize {
        self.range.rank()
    }

    /// All min(m, n) singular values of A, nonincreasing.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular_values
    }

    /// How the basis was found.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Π Y for Y: m × p, in O(m r p) time.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Y has m rows; [`NotFinite`](crate::Error::NotFinite).
    pub fn project(&self, y: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, y, (self.range.shape().0, y.ncols()))?;
        let (_, outside) = self.range.split(y);
        within_range(OP, y - outside)
    }

    /// Y = A C + R, C = A⁺ Y and R = (I − Π) Y, in O(m (n + r) p) time: with [`vjp_split`](Self::vjp_split), the way
    /// forward and back of Y in a few products.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Y has m rows; [`NotFinite`](crate::Error::NotFinite);
    /// [`Overflow`](crate::Error::Overflow).
    pub fn split(&self, y: MatRef<'_, f64>) -> Result<Split> {
        ensure_shape(OP, y, (self.range.shape().0, y.ncols()))?;
        let (coefficients, outside) = self.range.split(y);
        Ok(Split {
            coefficients: within_range(OP, Scale(self.scale.recip()) * coefficients)?,
            outside: within_range(OP, outside)?,
            whole: self.truncated.as_ref().map(|_| y.to_owned()),
        })
    }

    /// Ā from Π̄ = w Y Yᵀ, by the split of Y: Ā = 2 w R Cᵀ, in O(m n p) time.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless the split is one of A's shape;
    /// [`NotFinite`](crate::Error::NotFinite) of w; [`Overflow`](crate::Error::Overflow).
    pub fn vjp_split(&self, weight: f64, split: &Split) -> Result<Mat<f64>> {
        split.ensure_fits(OP, weight, self.range.shape())?;
        if let (Some(leading), Some(y)) = (&self.truncated, &split.whole) {
            return leading.vjp_factored((Scale(weight) * y).as_ref(), y.as_ref());
        }
        within_range(OP, split.pulled_back(2.0 * weight))
    }

    /// Ā from a full Π̄, m × m: for small m.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Π̄ is m × m; [`NotFinite`](crate::Error::NotFinite).
    pub fn vjp(&self, projector_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let m = self.range.shape().0;
        ensure_shape(OP, projector_bar, (m, m))?;
        if let Some(leading) = &self.truncated {
            return leading.vjp_factored(projector_bar, Mat::identity(m, m).as_ref());
        }
        let Basis { q, n } = self.range.basis();
        let pulled = sym(projector_bar) * q;
        let outside = self.outside(pulled.as_ref(), (q.transpose() * &pulled).as_ref());
        within_range(OP, Scale(2.0 / self.scale) * outside * n.transpose())
    }

    /// Ā from Π̄ = sym(L Rᵀ) stored as factors, in O(m (n + r) p) time.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless L and R are m × p;
    /// [`NotFinite`](crate::Error::NotFinite).
    pub fn vjp_factored(&self, left: MatRef<'_, f64>, right: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, left, (self.range.shape().0, left.ncols()))?;
        ensure_shape(OP, right, left.shape())?;
        if let Some(leading) = &self.truncated {
            return leading.vjp_factored(left, right);
        }
        let parts = |x: MatRef<'_, f64>| {
            let (coefficients, outside) = self.range.split(x);
            FactorParts {
                coefficients: Scale(self.scale.recip()) * coefficients,
                outside,
            }
        };
        within_range(OP, factored_pullback(&parts(left), &parts(right)))
    }

    /// Π̇ as factors, from Ȧ.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is m × n; [`NotFinite`](crate::Error::NotFinite).
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<SymmetricProduct> {
        ensure_shape(OP, a_dot, self.range.shape())?;
        if let Some(leading) = &self.truncated {
            return leading.jvp(a_dot);
        }
        let Basis { q, n } = self.range.basis();
        let moved = a_dot * n;
        let outside = self.outside(moved.as_ref(), (q.transpose() * &moved).as_ref());
        let left = within_range(OP, Scale(2.0 / self.scale) * outside)?;
        SymmetricProduct::new(left, q.clone())
    }

    /// The way back through Ā = `vjp(Π̄)`: from a cotangent Z of Ā to those of Π̄ and of A.
    ///
    /// With Π̄ held fixed, `a_bar` is the product of the Hessian of ⟨Π̄, Π⟩ with Z where A has full column rank; at low
    /// rank, the derivative of ⟨Z, Ā⟩ along the perturbations that keep it. Where the tolerance drops more than rounding,
    /// it is the Hessian's product of the projector onto the leading vectors.
    ///
    /// # Errors
    /// See [`Projector`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Π̄ is m × m and Z is m × n.
    pub fn vjp_of_vjp(
        &self,
        projector_bar: MatRef<'_, f64>,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<ProjectorSecond> {
        let m = self.range.shape().0;
        ensure_shape(OP, projector_bar, (m, m))?;
        let s = sym(projector_bar);
        self.second(|x| &s * x, a_bar_bar)
    }

    /// The same through [`vjp_factored`](Self::vjp_factored), for Π̄ = sym(L Rᵀ): no m × m matrix is formed.
    ///
    /// # Errors
    /// As [`vjp_of_vjp`](Self::vjp_of_vjp), unless L and R are m × p.
    pub fn vjp_of_vjp_factored(
        &self,
        left: MatRef<'_, f64>,
        right: MatRef<'_, f64>,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<ProjectorSecond> {
        ensure_shape(OP, left, (self.range.shape().0, left.ncols()))?;
        ensure_shape(OP, right, left.shape())?;
        let times = |x: MatRef<'_, f64>| {
            Scale(0.5) * (left * (right.transpose() * x) + right * (left.transpose() * x))
        };
        self.second(times, a_bar_bar)
    }

    /// From X ↦ sym(Π̄) X and Z.
    fn second(
        &self,
        times_s: impl Fn(MatRef<'_, f64>) -> Mat<f64>,
        z: MatRef<'_, f64>,
    ) -> Result<ProjectorSecond> {
        ensure_shape(OP, z, self.range.shape())?;
        if let Some(leading) = &self.truncated {
            let LeadingProjectorSecond {
                projector_bar_bar,
                a_bar,
            } = leading.second(times_s, z)?;
            return Ok(ProjectorSecond {
                projector_bar_bar,
                a_bar,
            });
        }
        let Basis { q, n } = self.range.basis();
        let parts = |x: Mat<f64>| {
            let inside = q.transpose() * &x;
            (self.outside(x.as_ref(), inside.as_ref()), inside)
        };
        let (z_out, z_in) = parts(z * n);
        let (t, c) = parts(times_s(q.as_ref()));
        let (s_z, _) = parts(times_s(z_out.as_ref()));
        let turned = s_z - &z_out * c - &t * z_in.transpose() - q * (z_out.transpose() * &t);
        let mut a_bar = turned * n.transpose();
        if let Some(rows) = self.outside_rows((t.transpose() * z).as_ref()) {
            a_bar += q * (gram(n.as_ref()) * rows);
        }
        let a_bar = Scale(self.scale.recip()) * (Scale(2.0 / self.scale) * a_bar);
        Ok(ProjectorSecond {
            projector_bar_bar: self.jvp(z)?,
            a_bar: within_range(OP, a_bar)?,
        })
    }

    /// X (I − A⁺A); `None` where that is zero.
    fn outside_rows(&self, x: MatRef<'_, f64>) -> Option<Mat<f64>> {
        let n = self.range.basis().n.as_ref();
        if n.ncols() == n.nrows() {
            return None;
        }
        if self.method == Method::Gram {
            // All columns but those of zeros are independent.
            let dead = |j: usize| n.row(j).norm_max() == 0.0;
            return Some(Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
                if dead(j) { x[(i, j)] } else { 0.0 }
            }));
        }
        let lengths: Vec<f64> = n.col_iter().map(|column| column.norm_l2()).collect();
        let v = Mat::from_fn(n.nrows(), n.ncols(), |i, j| n[(i, j)] / lengths[j]);
        Some(x - (x * &v) * v.transpose())
    }

    /// (I − Π) X from X and QᵀX; zero where Q is square, and the rest would be rounding over σ.
    fn outside(&self, x: MatRef<'_, f64>, inside: MatRef<'_, f64>) -> Mat<f64> {
        if self.rank() == self.range.shape().0 {
            return Mat::zeros(x.nrows(), x.ncols());
        }
        x - self.basis() * inside
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::mat;

    const DEFAULT: RankTolerance = RankTolerance::MachinePrecision;

    fn dense(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let projector = Projector::forward(a, DEFAULT)?;
        projector.project(Mat::identity(a.nrows(), a.nrows()).as_ref())
    }

    /// Tall for each method, wide, square, one row, one column.
    fn cases() -> Vec<(Mat<f64>, Method)> {
        vec![
            (with_spectrum(9, 3, &[3.0, 1.0, 0.5], 2), Method::Gram),
            (with_spectrum(9, 3, &[3.0, 1.0, 1e-5], 2), Method::Svd),
            (with_spectrum(4, 4, &[3.0, 2.0, 1.0, 0.5], 2), Method::Gram),
            (with_spectrum(3, 6, &[3.0, 1.0, 0.5], 2), Method::Svd),
            (mat![[2.0]], Method::Gram),
            (mat![[2.0], [-1.0], [0.0]], Method::Gram),
            (mat![[2.0, -1.0]], Method::Svd),
        ]
    }

    #[test]
    fn a_plane_by_hand() {
        // Span of (1, 0, 0) and (0, 3, 4)/5.
        let a = mat![[2.0, 2.0], [0.0, 3.0], [0.0, 4.0]];
        let expected = mat![[1.0, 0.0, 0.0], [0.0, 0.36, 0.48], [0.0, 0.48, 0.64]];
        assert!((dense(a.as_ref()).unwrap() - expected).norm_max() < 1e-15);
    }

    #[test]
    fn agrees_with_finite_differences_by_each_method() {
        for (a, method) in cases() {
            let projector = Projector::forward(a.as_ref(), DEFAULT).unwrap();
            assert_eq!(projector.method(), method, "{:?}", a.shape());
            let smallest = projector.singular_values()[projector.rank() - 1];
            let check = GradientCheck {
                // Rounding of Π is ε / σ: over a step of σ / 10 000 it passed the tolerance on some processors.
                step: 1e-3 * smallest.min(0.3),
                tolerance: 1e-7,
                ..GradientCheck::default()
            };
            if projector.rank() < a.nrows() {
                check_vjp(dense, |bar| projector.vjp(bar), a.as_ref(), &check).unwrap();
                let jvp = |a_dot: MatRef<'_, f64>| projector.jvp(a_dot)?.to_dense();
                check_jvp(dense, jvp, a.as_ref(), &check).unwrap();
            } else {
                // Π = I for any A.
                let a_bar = projector
                    .vjp(gaussian(a.nrows(), a.nrows(), 1).as_ref())
                    .unwrap();
                assert_eq!(a_bar.norm_max(), 0.0, "{:?}", a.shape());
            }
        }
    }

    #[test]
    fn the_second_order_of_a_line_by_hand() {
        // Π = aaᵀ/|a|² at a = (2, 0), S = (0, 1; 1, 0): Ā = (2/|a|²) (S a − (aᵀS a) a/|a|²) = 2 (y, x)/r² − 4 x y (x, y)/r⁴.
        let projector = Projector::forward(mat![[2.0], [0.0]].as_ref(), DEFAULT).unwrap();
        let (s, z) = (mat![[0.0, 1.0], [1.0, 0.0]], mat![[3.0], [5.0]]);
        let second = projector.vjp_of_vjp(s.as_ref(), z.as_ref()).unwrap();
        // ⟨Z, Ā⟩ = (6 y + 10 x)/r² − 4 x y (3 x + 5 y)/r⁴, its gradient at (2, 0).
        let expected = mat![[-10.0 / 4.0], [6.0 / 4.0 - 48.0 / 16.0]];
        assert!((second.a_bar - expected).norm_max() < 1e-15);
        let bar_bar = second.projector_bar_bar.to_dense().unwrap();
        assert!((bar_bar - mat![[0.0, 2.5], [2.5, 0.0]]).norm_max() < 1e-15);
    }

    #[test]
    fn second_order_agrees_with_finite_differences_of_the_first() {
        for (a, _) in cases().iter().filter(|(a, _)| a.nrows() > a.ncols()) {
            let (m, n) = a.shape();
            let projector = Projector::forward(a.as_ref(), DEFAULT).unwrap();
            let smallest = projector.singular_values()[n - 1];
            let check = GradientCheck {
                step: 1e-3 * smallest.min(0.3),
                tolerance: 1e-6,
                ..GradientCheck::default()
            };
            let bar = gaussian(m, m, 1);
            let of_a = |a: MatRef<'_, f64>| Projector::forward(a, DEFAULT)?.vjp(bar.as_ref());
            let back = |z: MatRef<'_, f64>| Ok(projector.vjp_of_vjp(bar.as_ref(), z)?.a_bar);
            check_vjp(of_a, back, a.as_ref(), &check).unwrap();
            let of_bar = |bar: MatRef<'_, f64>| projector.vjp(bar);
            let back = |z: MatRef<'_, f64>| {
                projector
                    .vjp_of_vjp(bar.as_ref(), z)?
                    .projector_bar_bar
                    .to_dense()
            };
            check_vjp(of_bar, back, bar.as_ref(), &check).unwrap();
            // The Hessian is symmetric.
            let (y, z) = (gaussian(m, n, 2), gaussian(m, n, 3));
            let product = |y: &Mat<f64>, z: &Mat<f64>| {
                let second = projector.vjp_of_vjp(bar.as_ref(), y.as_ref()).unwrap();
                inner(second.a_bar.as_ref(), z.as_ref())
            };
            let (forward, back) = (product(&y, &z), product(&z, &y));
            let size = bar.norm_l2() * y.norm_l2() * z.norm_l2() / smallest.powi(2);
            assert!((forward - back).abs() < 1e-13 * size, "{forward} {back}");
        }
    }

    #[test]
    fn second_order_in_factors_is_that_of_the_full_cotangent() {
        for (a, _) in cases() {
            let (m, n) = a.shape();
            let projector = Projector::forward(a.as_ref(), DEFAULT).unwrap();
            let (left, right) = (gaussian(m, 2, 1), gaussian(m, 2, 2));
            let z = gaussian(m, n, 3);
            let factored = projector
                .vjp_of_vjp_factored(left.as_ref(), right.as_ref(), z.as_ref())
                .unwrap();
            let full = projector
                .vjp_of_vjp((&left * right.transpose()).as_ref(), z.as_ref())
                .unwrap();
            let smallest = projector.singular_values()[projector.rank() - 1];
            let difference = (&factored.a_bar - full.a_bar).norm_max();
            assert!(
                difference < 1e-13 / smallest.powi(2),
                "{m} × {n}: {difference:e}"
            );
            if projector.rank() == m {
                assert_eq!(factored.a_bar.norm_max(), 0.0);
            }
        }
    }

    #[test]
    fn second_order_at_low_rank_is_that_along_it() {
        let bar = gaussian(12, 12, 8);
        let check = GradientCheck {
            tolerance: 1e-7,
            ..GradientCheck::default()
        };
        // Rank 3 by the SVD, and a dead column by the Gram matrix.
        let kept = mat![
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 1.0]
        ];
        for (c, method) in [(gaussian(3, 5, 7), Method::Svd), (kept, Method::Gram)] {
            let b = gaussian(12, 3, 6);
            let projector = Projector::forward((&b * &c).as_ref(), DEFAULT).unwrap();
            assert_eq!((projector.rank(), projector.method()), (3, method));
            let first = |a: Mat<f64>| Projector::forward(a.as_ref(), DEFAULT)?.vjp(bar.as_ref());
            let second = |z: MatRef<'_, f64>| Ok(projector.vjp_of_vjp(bar.as_ref(), z)?.a_bar);
            let of_b = |b: MatRef<'_, f64>| first(b * &c);
            check_vjp(of_b, |z| Ok(second(z)? * c.transpose()), b.as_ref(), &check).unwrap();
            let of_c = |c: MatRef<'_, f64>| first(&b * c);
            check_vjp(of_c, |z| Ok(b.transpose() * second(z)?), c.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn factors_give_what_the_full_cotangent_gives() {
        for (a, _) in cases() {
            let projector = Projector::forward(a.as_ref(), DEFAULT).unwrap();
            let (left, right) = (gaussian(a.nrows(), 2, 1), gaussian(a.nrows(), 2, 2));
            let factored = projector
                .vjp_factored(left.as_ref(), right.as_ref())
                .unwrap();
            let full = projector.vjp((&left * right.transpose()).as_ref()).unwrap();
            let smallest = projector.singular_values()[projector.rank() - 1];
            assert!(
                (&factored - full).norm_max() < 1e-13 / smallest,
                "{:?}",
                a.shape()
            );

            let a_dot = gaussian(a.nrows(), a.ncols(), 3);
            let pushed = projector.jvp(a_dot.as_ref()).unwrap().to_dense().unwrap();
            let forward = inner((left * right.transpose()).as_ref(), pushed.as_ref());
            let back = inner(factored.as_ref(), a_dot.as_ref());
            assert!(
                (forward - back).abs() < 1e-12 / smallest,
                "{:?}: {forward} {back}",
                a.shape()
            );
        }
    }

    #[test]
    fn a_split_adds_up_and_goes_back_as_its_factors() {
        let truncating = RankTolerance::Relative(0.3);
        let tall = (gaussian(60, 12, 4), DEFAULT);
        let truncated = (with_spectrum(9, 3, &[3.0, 1.0, 0.5], 2), truncating);
        let all = cases().into_iter().map(|(a, _)| (a, DEFAULT));
        for (a, tolerance) in all.chain([tall, truncated]) {
            let (m, n) = a.shape();
            let projector = Projector::forward(a.as_ref(), tolerance).unwrap();
            let smallest = projector.singular_values()[projector.rank() - 1];
            let y = gaussian(m, 3, 1);
            let split = projector.split(y.as_ref()).unwrap();
            let inside = projector.project(y.as_ref()).unwrap();
            assert!((&inside + split.outside() - &y).norm_max() < 1e-14);
            if projector.rank() == m.min(n) {
                let sum = &a * split.coefficients() + split.outside();
                assert!((sum - &y).norm_max() < 1e-14 / smallest, "{m} × {n}");
            }
            let found = projector.vjp_split(-0.5, &split).unwrap();
            let left = Scale(-0.5) * &y;
            let expected = projector.vjp_factored(left.as_ref(), y.as_ref()).unwrap();
            let difference = (found - &expected).norm_max();
            assert!(difference < 1e-13 / smallest, "{m} × {n}: {difference:e}");
        }
    }

    #[test]
    fn dead_and_duplicate_columns_change_nothing() {
        let a = gaussian(200, 20, 4);
        let plain = Projector::forward(a.as_ref(), DEFAULT).unwrap();
        // Columns 20 and 21 dead, 22 and 23 copies of 0 and 7.
        let wide = Mat::from_fn(200, 24, |i, j| match j {
            0..20 => a[(i, j)],
            20 | 21 => 0.0,
            22 => a[(i, 0)],
            _ => a[(i, 7)],
        });
        let y = gaussian(200, 3, 5);
        let projected = plain.project(y.as_ref()).unwrap();
        for (columns, method) in [(22, Method::Gram), (24, Method::Svd)] {
            let projector = Projector::forward(wide.subcols(0, columns), DEFAULT).unwrap();
            assert_eq!((projector.rank(), projector.method()), (20, method));
            let error = (projector.project(y.as_ref()).unwrap() - &projected).norm_max();
            assert!(error < 1e-13, "{columns} columns: {error:e}");
            let a_bar = projector.vjp_factored(y.as_ref(), y.as_ref()).unwrap();
            assert_eq!(
                a_bar.subcols(20, 2),
                Mat::<f64>::zeros(200, 2),
                "{columns} columns"
            );
            assert!(a_bar.norm_max() < 10.0, "{columns} columns");
        }
        assert_eq!(plain.method(), Method::Gram);
    }

    #[test]
    fn low_rank_is_differentiated_along_its_rank() {
        // A = B C has rank 4; perturbing B or C keeps it.
        let (b, c) = (gaussian(30, 4, 6), gaussian(4, 8, 7));
        let a = &b * &c;
        let projector = Projector::forward(a.as_ref(), DEFAULT).unwrap();
        assert_eq!((projector.rank(), projector.method()), (4, Method::Svd));
        let of_b = |b: MatRef<'_, f64>| dense((b * &c).as_ref());
        let vjp = |bar: MatRef<'_, f64>| Ok(projector.vjp(bar)? * c.transpose());
        check_vjp(of_b, vjp, b.as_ref(), &GradientCheck::default()).unwrap();
        // The range of B C does not depend on C.
        let bar = gaussian(30, 30, 8);
        let c_bar = b.transpose() * projector.vjp(bar.as_ref()).unwrap();
        assert!(c_bar.norm_max() < 1e-12, "{:e}", c_bar.norm_max());
    }

    #[test]
    fn both_methods_hold_orthogonality_where_they_meet() {
        for smallest in [1.0, 1e-2, 1.1e-4, 0.9e-4] {
            let a = with_spectrum(300, 6, &[1.0, 1.0, 0.5, 0.1, 0.02, smallest], 9);
            let projector = Projector::forward(a.as_ref(), DEFAULT).unwrap();
            assert_eq!(projector.method() == Method::Gram, smallest > 1e-4);
            let error = (gram(projector.basis()) - Mat::<f64>::identity(6, 6)).norm_max();
            assert!(error < 1e-14, "{smallest:e}: {error:e}");
            // A⁺ A = I up to ε cond.
            let svd = Projector::by_svd(a.as_ref(), 1.0, 1e-12).unwrap();
            let y = gaussian(300, 2, 1);
            let difference =
                projector.project(y.as_ref()).unwrap() - svd.project(y.as_ref()).unwrap();
            assert!(difference.norm_max() < 1e-13 / smallest, "{smallest:e}");
            let bars = [&projector, &svd]
                .map(|projector| projector.vjp_factored(y.as_ref(), y.as_ref()).unwrap());
            let difference = (&bars[0] - &bars[1]).norm_max() / bars[1].norm_max();
            assert!(
                difference < 1e-12 / smallest,
                "{smallest:e}: {difference:e}"
            );
        }
    }

    #[test]
    fn the_tolerance_decides_the_rank() {
        let a = with_spectrum(20, 4, &[2.0, 1.0, 1e-3, 1e-7], 3);
        for (tolerance, rank) in [
            (DEFAULT, 4),
            (RankTolerance::Relative(1e-6), 3),
            (RankTolerance::Relative(0.1), 2),
        ] {
            let projector = Projector::forward(a.as_ref(), tolerance).unwrap();
            assert_eq!(projector.rank(), rank, "{tolerance:?}");
            assert_eq!(projector.singular_values().len(), 4);
        }
    }

    #[test]
    fn the_zero_matrix_projects_to_nothing() {
        let projector = Projector::forward(Mat::zeros(4, 3).as_ref(), DEFAULT).unwrap();
        assert_eq!(projector.rank(), 0);
        let y = gaussian(4, 2, 1);
        assert_eq!(
            projector.project(y.as_ref()).unwrap(),
            Mat::<f64>::zeros(4, 2)
        );
        assert_eq!(
            projector.vjp_factored(y.as_ref(), y.as_ref()).unwrap(),
            Mat::<f64>::zeros(4, 3)
        );
        assert_eq!(
            projector
                .jvp(Mat::zeros(4, 3).as_ref())
                .unwrap()
                .to_dense()
                .unwrap(),
            Mat::<f64>::zeros(4, 4)
        );
    }

    #[test]
    fn the_projector_does_not_see_the_size_of_its_input() {
        let a = gaussian(12, 4, 1);
        let y = gaussian(12, 2, 2);
        let plain = Projector::forward(a.as_ref(), DEFAULT).unwrap();
        let plain_bar = plain.vjp_factored(y.as_ref(), y.as_ref()).unwrap();
        for size in [1e-150, 1e150] {
            let projector = Projector::forward((Scale(size) * &a).as_ref(), DEFAULT).unwrap();
            assert_eq!(projector.rank(), 4);
            let a_bar = Scale(size) * projector.vjp_factored(y.as_ref(), y.as_ref()).unwrap();
            assert!((a_bar - &plain_bar).norm_max() < 1e-13, "{size:e}");
        }
    }

    #[test]
    fn dropped_vectors_still_turn_the_kept_ones() {
        for (m, n) in [(7, 5), (5, 7), (5, 5)] {
            for (spectrum, tolerance) in [
                (&[3.0, 2.0, 0.1, 0.05, 0.02][..], 0.1),
                (&[3.0, 2.0, 2.0, 0.5, 0.5], 0.3),
                (&[3.0, 2.0, 1e-2, 1e-2, 0.0], 0.1),
            ] {
                let a = with_spectrum(m, n, spectrum, 5);
                let tolerance = RankTolerance::Relative(tolerance);
                let projector = Projector::forward(a.as_ref(), tolerance).unwrap();
                let identity = Mat::<f64>::identity(m, m);
                let value = |a: MatRef<'_, f64>| {
                    Projector::forward(a, tolerance)?.project(identity.as_ref())
                };
                let check = GradientCheck::default();
                check_vjp(value, |bar| projector.vjp(bar), a.as_ref(), &check).unwrap();
                let factored =
                    |bar: MatRef<'_, f64>| projector.vjp_factored(bar, identity.as_ref());
                check_vjp(value, factored, a.as_ref(), &check).unwrap();
                let jvp = |dot: MatRef<'_, f64>| projector.jvp(dot)?.to_dense();
                check_jvp(value, jvp, a.as_ref(), &check).unwrap();
                // And their turning turns.
                let bar = gaussian(m, m, 2);
                let of_a = |a: MatRef<'_, f64>| Projector::forward(a, tolerance)?.vjp(bar.as_ref());
                let back = |z: MatRef<'_, f64>| Ok(projector.vjp_of_vjp(bar.as_ref(), z)?.a_bar);
                check_vjp(of_a, back, a.as_ref(), &check).unwrap();
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>, t| Projector::forward(a.as_ref(), t);
        let projector = Projector::forward(gaussian(4, 2, 1).as_ref(), DEFAULT).unwrap();
        let wrong = Mat::zeros(3, 3);
        refused! {
            forward(Mat::zeros(3, 0), DEFAULT) => Error::Empty { .. },
            forward(mat![[f64::INFINITY]], DEFAULT) => Error::NotFinite { .. },
            forward(mat![[1.0]], RankTolerance::Relative(2.0)) => Error::OutOfRange { .. },
        }
        let wrong = wrong.as_ref();
        let tiny = Projector::forward(mat![[1e-150], [0.0]].as_ref(), DEFAULT).unwrap();
        let turning = mat![[0.0, 1e200], [0.0, 0.0]];
        let beyond = tiny.vjp(turning.as_ref());
        let fits_tiny = tiny.split(mat![[1.0], [1.0]].as_ref()).unwrap();
        refused! {
            projector.project(wrong) => Error::ShapeMismatch { .. },
            projector.vjp(wrong) => Error::ShapeMismatch { .. },
            projector.vjp_factored(wrong, wrong) => Error::ShapeMismatch { .. },
            projector.jvp(wrong) => Error::ShapeMismatch { .. },
            beyond => Error::Overflow { op: OP },
            projector.split(wrong) => Error::ShapeMismatch { .. },
            projector.vjp_split(1.0, &fits_tiny) => Error::ShapeMismatch { .. },
            tiny.vjp_split(f64::NAN, &fits_tiny) => Error::NotFinite { .. },
            projector.vjp_of_vjp(wrong, wrong) => Error::ShapeMismatch { .. },
            projector.vjp_of_vjp_factored(wrong, wrong, wrong) => Error::ShapeMismatch { .. },
            tiny.vjp_of_vjp(turning.as_ref(), turning.subcols(1, 1)) => Error::Overflow { op: OP },
        }
    }
}
