//! A few eigenpairs of a large symmetric operator.

use crate::decompose::{Search, leading_pairs};
use crate::error::{Error, Result};
use crate::guard::{ensure_length, ensure_shape, values_within_range, within_range};
use crate::products::times_diagonal;
use crate::scale::{of_order_one, times_power_of_two};
use crate::solve::minres;
use crate::symmetric::SymmetricProduct;
use crate::symmetric_operator::{
    SymmetricOperator, apply_scaled, apply_to_columns, ensure_side, project_out,
};
use faer::{Mat, MatRef, Scale};

pub(super) const OP: &str = "leading eigenpairs";

/// Of the random vectors, the same in every call.
const SEED: u64 = 0x6c65_6164;

/// The k leading eigenvalues of A with their eigenvectors V, by products with A alone.
///
/// ```text
/// forward   A V = V Λ,  VᵀV = I                                    P = V Vᵀ
/// vjp       Ā = sym( (V diag(λ̄) + 2 Y) Vᵀ ),   (λᵢ I − A) yᵢ = (I − P) sym(P̄) vᵢ,  Vᵀ yᵢ = 0
/// jvp       λ̇ᵢ = vᵢᵀ Ȧ vᵢ,  Ṗ = 2 sym(Y Vᵀ),   (λᵢ I − A) yᵢ = (I − P) Ȧ vᵢ,  Vᵀ yᵢ = 0
/// ```
///
/// and to second order by the same solves, see [`vjp_of_vjp`](Self::vjp_of_vjp).
///
/// Ā comes as factors: where A depends on parameters θ, θ̄ = ⟨Ā, ∂A/∂θ⟩ is a sum of lᵀ (∂A/∂θ) r over their columns
/// l, r. P̄ is given as factors too, P̄ = L Rᵀ. Nothing is n × n.
///
/// # Shapes
/// A: n × n, as a [`SymmetricOperator`]; V, Y: n × k; λ: k values; L, R: n × p.
///
/// # Conventions
/// [`Leading`] says which values lead; the leading one comes first. Equal values are found as often as they occur. Signs
/// of vectors, and rotations among those of equal values, are free; only their projector P has a gradient here, whatever
/// the gaps among kept values. λ̄ that distinguishes equal values brings their limiting subgradient, see
/// [`GapPolicy`](crate::GapPolicy). Starts are drawn from a fixed seed: the same operator gives the same bits.
///
/// Residuals ‖A v − λ v‖ are up to [`tolerance`](LanczosOptions::tolerance) times ‖A‖: values are right to its square
/// over the gap, and rounding; vectors, and Ā of P̄, to about the tolerance over the gap to the values left out.
///
/// # Errors
/// [`Empty`](crate::Error::Empty); [`OutOfRange`](crate::Error::OutOfRange) unless 1 ≤ k ≤ n and the tolerance lies in
/// (0, 1); [`NotFinite`](crate::Error::NotFinite) for an operator whose products are not;
/// [`NotConverged`](crate::Error::NotConverged) for a search or a solve that takes too many products, and for an operator
/// that is not symmetric; [`ShapeMismatch`](crate::Error::ShapeMismatch), [`Overflow`](crate::Error::Overflow);
/// [`GapClosed`](crate::Error::GapClosed) where P̄ or Ṗ is asked for and the last value is within a hundred tolerances
/// of the next one: P jumps there.
///
/// # Cost
/// Products with A and O(n (k + 20)) time each, their number growing as gaps close; 2 k + 40 vectors of n numbers for a
/// time, k + 1 stored. Back and ahead: k solves, as many products each as √(‖A‖ / gap) or, where values left out lie on
/// both sides, ‖A‖ / gap.
///
/// # Source
/// Wu, Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM Journal on Matrix Analysis and
/// Applications 22, 2000; Paige, Saunders, "Solution of sparse indefinite systems of linear equations", SIAM Journal on
/// Numerical Analysis 12, 1975, for the solves. The search for equal values and the factored way back are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use matbackprop_core::{LanczosOptions, Leading, LeadingEigenpairs, SymmetricOperator};
///
/// /// diag(weights) + 1 1ᵀ.
/// struct Shifted(Vec<f64>);
///
/// impl SymmetricOperator for Shifted {
///     fn side(&self) -> usize {
///         self.0.len()
///     }
///
///     fn apply(&self, x: &[f64], out: &mut [f64]) {
///         let sum: f64 = x.iter().sum();
///         for ((out, x), weight) in out.iter_mut().zip(x).zip(&self.0) {
///             *out = weight * x + sum;
///         }
///     }
/// }
///
/// let operator = Shifted((0..2000).map(|i| f64::from(i % 7)).collect());
/// let pairs = LeadingEigenpairs::forward(operator, 1, Leading::Largest, LanczosOptions::default())?;
/// // Near the mean weight plus n.
/// assert!((pairs.values()[0] - 2003.0).abs() < 0.1);
/// // The gradient with respect to a weight is the square of the vector there.
/// let a_bar = pairs.vjp(Some(&[1.0]), None)?;
/// let first = a_bar.left()[(0, 0)] * a_bar.right()[(0, 0)];
/// assert!((first - pairs.vectors()[(0, 0)].powi(2)).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LeadingEigenpairs<A> {
    operator: A,
    values: Vec<f64>,
    next: Option<f64>,
    vectors: Mat<f64>,
    /// Of A / 2^`exponent`.
    relative: Vec<f64>,
    exponent: i32,
    /// ‖A‖ / 2^`exponent`.
    norm: f64,
    /// Between the last value and the next, by what makes them lead; relative to ‖A‖.
    border: f64,
    options: LanczosOptions,
}

/// Which eigenvalues lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leading {
    /// The largest: λ₁ ≥ λ₂ ≥ ….
    Largest,
    /// The smallest: λ₁ ≤ λ₂ ≤ ….
    Smallest,
    /// The largest in magnitude: |λ₁| ≥ |λ₂| ≥ ….
    LargestMagnitude,
}

impl Leading {
    /// The larger, the more leading.
    pub(super) fn key(self) -> fn(f64) -> f64 {
        match self {
            Self::Largest => |value| value,
            Self::Smallest => |value| -value,
            Self::LargestMagnitude => f64::abs,
        }
    }
}

/// How exactly [`LeadingEigenpairs`] are found, and for how long they are looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LanczosOptions {
    /// Largest accepted residual ‖A v − λ v‖, relative to ‖A‖, in (0, 1).
    pub tolerance: f64,
    /// The most products with A in one search, and in one solve.
    pub products: usize,
}

impl Default for LanczosOptions {
    /// 1e-12, and a hundred thousand.
    fn default() -> Self {
        Self {
            tolerance: 1e-12,
            products: 100_000,
        }
    }
}

/// The result of [`LeadingEigenpairs::jvp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeadingEigenpairsTangent {
    /// λ̇.
    pub values: Vec<f64>,
    /// Ṗ as factors.
    pub projector: SymmetricProduct,
}

impl<A: SymmetricOperator> LeadingEigenpairs<A> {
    /// Finds the `count` leading pairs.
    ///
    /// # Errors
    /// See [`LeadingEigenpairs`].
    pub fn forward(
        operator: A,
        count: usize,
        leading: Leading,
        options: LanczosOptions,
    ) -> Result<Self> {
        let n = operator.side();
        if n == 0 {
            return Err(Error::Empty {
                op: OP,
                rows: 0,
                columns: 0,
            });
        }
        ensure_between(count as f64, 1.0, n as f64 + 1.0)?;
        ensure_between(options.tolerance, f64::MIN_POSITIVE, 1.0)?;
        let key = leading.key();
        let search = Search {
            op: OP,
            key,
            tolerance: options.tolerance,
            products: options.products,
            seed: SEED,
        };
        let found = leading_pairs(&operator, count, search)?;
        let border = found.next.map_or(f64::INFINITY, |next| {
            let gap = key(found.values[count - 1]) - key(next);
            if found.norm > 0.0 {
                gap / found.norm
            } else {
                0.0
            }
        });
        let scaled = |values: &[f64]| {
            let values = Mat::from_fn(values.len(), 1, |i, _| values[i]);
            let values = times_power_of_two(values, found.exponent);
            values_within_range(OP, values.col_as_slice(0).to_vec())
        };
        Ok(Self {
            values: scaled(&found.values)?,
            next: match found.next {
                Some(next) => Some(scaled(&[next])?[0]),
                None => None,
            },
            operator,
            vectors: found.vectors,
            relative: found.values,
            exponent: found.exponent,
            norm: found.norm,
            border,
            options,
        })
    }

    /// The k values, the leading one first.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// V, n × k, in the order of the values.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    /// The leading one of the values left out; none where k = n.
    pub fn next_value(&self) -> Option<f64> {
        self.next
    }

    /// The operator.
    pub fn operator(&self) -> &A {
        &self.operator
    }

    /// Ā as factors, n × k each, from λ̄ and P̄ = L Rᵀ; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`LeadingEigenpairs`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a cotangent does not fit.
    pub fn vjp(
        &self,
        values_bar: Option<&[f64]>,
        projector_bar: Option<(MatRef<'_, f64>, MatRef<'_, f64>)>,
    ) -> Result<SymmetricProduct> {
        let (n, k) = self.vectors.shape();
        let mut left = Mat::zeros(n, k);
        if let Some(values_bar) = values_bar {
            ensure_length(OP, values_bar, k)?;
            left += times_diagonal(self.vectors.as_ref(), values_bar);
        }
        if let Some(bar) = projector_bar {
            let (times_s, unit) = self.projector_cotangent(bar)?;
            let y = self.solved(times_s(self.vectors.as_ref()))?;
            left += times_power_of_two(Scale(2.0) * y, unit - self.exponent);
        }
        SymmetricProduct::new(within_range(OP, left)?, self.vectors.clone())
    }

    /// λ̇ and Ṗ from Ȧ.
    ///
    /// # Errors
    /// See [`LeadingEigenpairs`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: &impl SymmetricOperator) -> Result<LeadingEigenpairsTangent> {
        let v = &self.vectors;
        let moved = self.moved(a_dot)?;
        let (moved, unit) = of_order_one(moved.as_ref());
        let y = self.solved(moved.into_owned())?;
        let y = times_power_of_two(Scale(2.0) * y, unit - self.exponent);
        Ok(LeadingEigenpairsTangent {
            values: self.values_jvp(a_dot)?,
            projector: SymmetricProduct::new(within_range(OP, y)?, v.clone())?,
        })
    }

    /// λ̇ alone, which asks for no gap.
    ///
    /// # Errors
    /// As [`jvp`](Self::jvp).
    pub fn values_jvp(&self, a_dot: &impl SymmetricOperator) -> Result<Vec<f64>> {
        let moved = self.moved(a_dot)?;
        let dots = (0..moved.ncols()).map(|j| self.vectors.col(j).transpose() * moved.col(j));
        values_within_range(OP, dots.collect())
    }

    /// X ↦ sym(P̄) X / 2ᵉ and e, for P̄ = L Rᵀ.
    pub(super) fn projector_cotangent<'a>(
        &self,
        (l, r): (MatRef<'a, f64>, MatRef<'a, f64>),
    ) -> Result<(impl Fn(MatRef<'_, f64>) -> Mat<f64> + use<'a, A>, i32)> {
        ensure_shape(OP, l, (self.vectors.nrows(), l.ncols()))?;
        ensure_shape(OP, r, l.shape())?;
        let ((l, l_unit), (r, r_unit)) = (of_order_one(l), of_order_one(r));
        let times = move |x: MatRef<'_, f64>| {
            let (l, r) = (l.as_ref(), r.as_ref());
            Scale(0.5) * (l * (r.transpose() * x) + r * (l.transpose() * x))
        };
        Ok((times, l_unit + r_unit))
    }

    /// The values of A / 2ᵉ, and its norm.
    pub(super) fn relative(&self) -> (&[f64], f64) {
        (&self.relative, self.norm)
    }

    /// e, which brings A / 2ᵉ to order one.
    pub(super) fn exponent(&self) -> i32 {
        self.exponent
    }

    /// A gap up to this is closed, relative to ‖A‖.
    pub(super) fn floor(&self) -> f64 {
        100.0 * self.options.tolerance.max(f64::EPSILON)
    }

    /// Ȧ V.
    pub(super) fn moved(&self, a_dot: &impl SymmetricOperator) -> Result<Mat<f64>> {
        ensure_side(OP, a_dot, self.vectors.nrows())?;
        apply_to_columns(OP, a_dot, 0, &self.vectors)
    }

    /// Y for A / 2^`exponent`: (λᵢ I − A) yᵢ = (I − P) xᵢ beside V.
    pub(super) fn solved(&self, mut x: Mat<f64>) -> Result<Mat<f64>> {
        let (n, k) = x.shape();
        if n == k {
            return Ok(Mat::zeros(n, k));
        }
        let floor = self.floor();
        if self.border <= floor {
            return Err(Error::GapClosed {
                op: OP,
                i: k - 1,
                j: k,
                gap: self.border,
                floor,
                instead: "the projector jumps there: take a count that ends at a gap",
            });
        }
        let v = self.vectors.as_ref();
        let tolerance = (0.1 * self.options.tolerance).max(16.0 * f64::EPSILON);
        let mut y = Mat::zeros(n, k);
        for j in 0..k {
            let b = x.col_as_slice_mut(j);
            project_out(b, v);
            let times = |x: &[f64], out: &mut [f64]| {
                apply_scaled(OP, &self.operator, self.exponent, x, out)?;
                for (out, x) in out.iter_mut().zip(x) {
                    *out = self.relative[j] * x - *out;
                }
                project_out(out, v);
                Ok(())
            };
            let size = 2.0 * self.norm;
            let solution = minres(OP, times, b, size, tolerance, self.options.products)?;
            y.col_as_slice_mut(j).copy_from_slice(&solution);
        }
        Ok(y)
    }
}

fn ensure_between(value: f64, low: f64, high: f64) -> Result<()> {
    if (low..high).contains(&value) {
        Ok(())
    } else {
        Err(Error::OutOfRange {
            op: OP,
            value,
            low,
            high,
        })
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gap::GapPolicy;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::spectral::SymEig;
    use crate::symmetric::{inner, sym};
    use crate::symmetric_operator::DenseOperator;
    use faer::mat;

    const OPTIONS: LanczosOptions = LanczosOptions {
        tolerance: 1e-13,
        products: 10_000,
    };

    fn pairs(
        a: MatRef<'_, f64>,
        count: usize,
        leading: Leading,
    ) -> Result<LeadingEigenpairs<DenseOperator<'_>>> {
        LeadingEigenpairs::forward(DenseOperator::new(a)?, count, leading, OPTIONS)
    }

    /// Of sides from 1 to 60, equal values on either side of the border; a border gap of 0.3 at least.
    fn cases() -> Vec<(Mat<f64>, usize, Leading)> {
        let many: Vec<f64> = (0..60)
            .map(|i| (1.7 * f64::from(i)).sin())
            .chain([2.0, 2.0, 1.5, -3.0, -2.2])
            .collect();
        let few = [3.0, 3.0, 1.0, 1.0, -2.0, -4.0];
        vec![
            (symmetric_with_spectrum(&[0.7], 1), 1, Leading::Largest),
            (symmetric_with_spectrum(&few, 2), 2, Leading::Largest),
            (symmetric_with_spectrum(&few, 2), 4, Leading::Largest),
            (symmetric_with_spectrum(&few, 2), 1, Leading::Smallest),
            (
                symmetric_with_spectrum(&few, 2),
                3,
                Leading::LargestMagnitude,
            ),
            (symmetric_with_spectrum(&few, 2), 6, Leading::Largest),
            (symmetric_with_spectrum(&many, 3), 3, Leading::Largest),
            (symmetric_with_spectrum(&many, 3), 2, Leading::Smallest),
            (
                symmetric_with_spectrum(&many, 3),
                5,
                Leading::LargestMagnitude,
            ),
        ]
    }

    /// The dense projector and values by all eigenpairs.
    fn dense(a: MatRef<'_, f64>, count: usize, leading: Leading) -> (Vec<f64>, Mat<f64>) {
        let eigen = SymEig::forward(a, GapPolicy::default()).unwrap();
        let mut order: Vec<usize> = (0..a.nrows()).collect();
        let key = |i: &usize| match leading {
            Leading::Largest => -eigen.values()[*i],
            Leading::Smallest => eigen.values()[*i],
            Leading::LargestMagnitude => -eigen.values()[*i].abs(),
        };
        order.sort_by(|i, j| key(i).total_cmp(&key(j)));
        let v = Mat::from_fn(a.nrows(), count, |i, j| eigen.vectors()[(i, order[j])]);
        let values = order[..count].iter().map(|&i| eigen.values()[i]).collect();
        (values, &v * v.transpose())
    }

    #[test]
    fn two_by_two_by_hand() {
        // A = diag(3, 1), P = e₁e₁ᵀ: Ȧ = (5, 4; 4, 7) turns v by 4 / (3 − 1).
        let a = mat![[3.0, 0.0], [0.0, 1.0]];
        let found = pairs(a.as_ref(), 1, Leading::Largest).unwrap();
        assert!((found.values()[0] - 3.0).abs() < 1e-15);
        assert!((found.next_value().unwrap() - 1.0).abs() < 1e-15);
        let a_dot = mat![[5.0, 4.0], [4.0, 7.0]];
        let dot = found
            .jvp(&DenseOperator::new(a_dot.as_ref()).unwrap())
            .unwrap();
        assert!((dot.values[0] - 5.0).abs() < 1e-14);
        let expected = mat![[0.0, 2.0], [2.0, 0.0]];
        let p_dot = dot.projector.to_dense().unwrap();
        assert!((p_dot - expected).norm_max() < 1e-13);
        // Of λ₁ + p₁₂: Ā = e₁e₁ᵀ and ¼ off the diagonal.
        let (l, r) = (mat![[1.0], [0.0]], mat![[0.0], [1.0]]);
        let a_bar = found.vjp(Some(&[1.0]), Some((l.as_ref(), r.as_ref())));
        let a_bar = a_bar.unwrap().to_dense().unwrap();
        assert!((a_bar - mat![[1.0, 0.25], [0.25, 0.0]]).norm_max() < 1e-13);
    }

    #[test]
    fn agrees_with_all_eigenpairs() {
        for (a, count, leading) in cases() {
            let found = pairs(a.as_ref(), count, leading).unwrap();
            let (values, projector) = dense(a.as_ref(), count, leading);
            for (found, expected) in found.values().iter().zip(&values) {
                assert!((found - expected).abs() < 1e-13, "{leading:?} {count}");
            }
            let v = found.vectors();
            assert!((v * v.transpose() - projector).norm_max() < 1e-11);
            let one = Mat::<f64>::identity(count, count);
            assert!((v.transpose() * v - one).norm_max() < 1e-14);
        }
    }

    #[test]
    fn agrees_with_finite_differences_of_all_eigenpairs() {
        let check = GradientCheck::symmetric();
        for (a, count, leading) in cases() {
            let n = a.nrows();
            let found = pairs(a.as_ref(), count, leading).unwrap();
            let one = Mat::<f64>::identity(n, n);
            let projector =
                |a: MatRef<'_, f64>| Ok::<_, Error>(dense(sym(a).as_ref(), count, leading).1);
            let vjp = |bar: MatRef<'_, f64>| found.vjp(None, Some((bar, one.as_ref())))?.to_dense();
            let jvp = |a_dot: MatRef<'_, f64>| {
                found.jvp(&DenseOperator::new(a_dot)?)?.projector.to_dense()
            };
            if count == n {
                let zero = vjp(gaussian(n, n, 1).as_ref()).unwrap();
                assert_eq!(zero, Mat::<f64>::zeros(n, n));
                continue;
            }
            check_vjp(projector, vjp, a.as_ref(), &check).unwrap();
            check_jvp(projector, jvp, a.as_ref(), &check).unwrap();
            // The sum of the values is smooth, also where they are equal.
            let sum = |a: MatRef<'_, f64>| {
                let (values, _) = dense(sym(a).as_ref(), count, leading);
                Ok::<_, Error>(mat![[values.iter().sum::<f64>()]])
            };
            let vjp =
                |bar: MatRef<'_, f64>| found.vjp(Some(&vec![bar[(0, 0)]; count]), None)?.to_dense();
            check_vjp(sum, vjp, a.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_is_the_transpose_of_vjp() {
        for (a, count, leading) in cases() {
            let n = a.nrows();
            let found = pairs(a.as_ref(), count, leading).unwrap();
            let (l, r) = (gaussian(n, 2, 1), gaussian(n, 2, 2));
            let values_bar = vec![0.5; count];
            let a_dot = sym(gaussian(n, n, 3).as_ref());
            let bar = found.vjp(Some(&values_bar), Some((l.as_ref(), r.as_ref())));
            let bar = bar.unwrap().to_dense().unwrap();
            let dot = found
                .jvp(&DenseOperator::new(a_dot.as_ref()).unwrap())
                .unwrap();
            let p_dot = dot.projector.to_dense().unwrap();
            let ahead = inner((&l * r.transpose()).as_ref(), p_dot.as_ref())
                + 0.5 * dot.values.iter().sum::<f64>();
            let behind = inner(bar.as_ref(), a_dot.as_ref());
            let size = bar.norm_l2() * a_dot.norm_l2();
            assert!((ahead - behind).abs() <= 1e-12 * size, "{ahead} {behind}");
        }
    }

    #[test]
    fn the_rule_scales_with_the_operator() {
        let a = symmetric_with_spectrum(&[3.0, 3.0, 1.0, 1.0, -2.0, -4.0], 2);
        let plain = pairs(a.as_ref(), 2, Leading::Largest).unwrap();
        let bar = gaussian(6, 1, 1);
        let way_back = |found: &LeadingEigenpairs<DenseOperator<'_>>, bar: &Mat<f64>| {
            let product = found.vjp(None, Some((bar.as_ref(), bar.as_ref())));
            product.unwrap().to_dense().unwrap()
        };
        let plain_bar = way_back(&plain, &bar);
        for size in [1e-300, 1e-150, 1e150, 1e300] {
            let a = Scale(size) * &a;
            let found = pairs(a.as_ref(), 2, Leading::Largest).unwrap();
            assert!((found.values()[0] / size - 3.0).abs() < 1e-13, "{size:e}");
            let bar = Scale(size.sqrt()) * &bar;
            let found = way_back(&found, &bar);
            assert!((found - &plain_bar).norm_max() < 1e-11, "{size:e}");
        }
    }

    #[test]
    fn a_large_operator_with_a_known_spectrum() {
        // The path graph: λⱼ = 2 − 2 cos(π j / n).
        struct Path(usize);
        impl SymmetricOperator for Path {
            fn side(&self) -> usize {
                self.0
            }

            fn apply(&self, x: &[f64], out: &mut [f64]) {
                out.fill(0.0);
                for i in 1..self.0 {
                    let difference = x[i] - x[i - 1];
                    out[i] += difference;
                    out[i - 1] -= difference;
                }
            }
        }
        let n = 300;
        let found = LeadingEigenpairs::forward(Path(n), 3, Leading::Smallest, OPTIONS).unwrap();
        for (j, value) in found.values().iter().enumerate() {
            let expected = 2.0 - 2.0 * (std::f64::consts::PI * j as f64 / n as f64).cos();
            assert!((value - expected).abs() < 1e-13, "{j}: {value} {expected}");
        }
        // The gradient of λ₂ with respect to the weight of an edge is its difference, squared.
        let a_bar = found.vjp(Some(&[0.0, 1.0, 0.0]), None).unwrap();
        let edge = |i: usize| {
            let y = Mat::from_fn(n, 1, |row, _| f64::from(row == i) - f64::from(row == i + 1));
            a_bar.quadratic_form(y.as_ref()).unwrap()
        };
        let analytic = |i: usize| {
            let angle = std::f64::consts::PI / n as f64;
            let at = |i: usize| (angle * (i as f64 + 0.5)).cos();
            2.0 / n as f64 * (at(i) - at(i + 1)).powi(2)
        };
        for i in [0, 100, 149] {
            assert!((edge(i) - analytic(i)).abs() < 1e-10 * analytic(149), "{i}");
        }
    }

    #[test]
    fn a_closed_border_is_refused_and_an_open_one_is_not() {
        let a = symmetric_with_spectrum(&[3.0, 3.0, 1.0, -3.0], 2);
        let bar = gaussian(4, 1, 1);
        let back = |count, leading| {
            pairs(a.as_ref(), count, leading)?.vjp(None, Some((bar.as_ref(), bar.as_ref())))
        };
        let a_dot = DenseOperator::new(a.as_ref()).unwrap();
        let parted = pairs(a.as_ref(), 1, Leading::Largest).unwrap();
        refused! {
            back(1, Leading::Largest) => Error::GapClosed { i: 0, j: 1, .. },
            back(2, Leading::LargestMagnitude) => Error::GapClosed { i: 1, j: 2, .. },
            parted.jvp(&a_dot) => Error::GapClosed { .. },
        }
        assert!(back(2, Leading::Largest).is_ok());
        assert!(parted.vjp(Some(&[1.0]), None).is_ok());
        assert!((parted.values_jvp(&a_dot).unwrap()[0] - 3.0).abs() < 1e-13);
        let zero = Mat::<f64>::zeros(3, 3);
        let found = pairs(zero.as_ref(), 1, Leading::Largest).unwrap();
        assert_eq!(found.values(), [0.0]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        /// A x with a matrix that is not symmetric.
        struct Skew;
        impl SymmetricOperator for Skew {
            fn side(&self) -> usize {
                80
            }

            fn apply(&self, x: &[f64], out: &mut [f64]) {
                for i in 0..80 {
                    out[i] = f64::from(i as u32) * x[i] + x[(i + 1) % 80];
                }
            }
        }
        /// A matrix of this side and entry.
        struct Full(usize, f64);
        impl SymmetricOperator for Full {
            fn side(&self) -> usize {
                self.0
            }

            fn apply(&self, x: &[f64], out: &mut [f64]) {
                out.fill(x.iter().sum::<f64>() * self.1);
            }
        }
        let options = LanczosOptions::default();
        let forward = |a: Full, count, options| {
            LeadingEigenpairs::forward(a, count, Leading::Largest, options)
        };
        let with = |tolerance| LanczosOptions {
            tolerance,
            ..options
        };
        let hasty = LanczosOptions {
            products: 60,
            ..options
        };
        let brief = LanczosOptions {
            products: 2000,
            ..options
        };
        let many: Vec<f64> = (0..200).map(|i| f64::from(i).sin()).collect();
        let many = symmetric_with_spectrum(&many, 1);
        let many = DenseOperator::new(many.as_ref()).unwrap();
        let found = forward(Full(3, 1.0), 1, options).unwrap();
        let (wrong, right) = (gaussian(2, 1, 1), gaussian(3, 1, 1));
        refused! {
            forward(Full(0, 1.0), 1, options) => Error::Empty { .. },
            forward(Full(3, 1.0), 0, options) => Error::OutOfRange { .. },
            forward(Full(3, 1.0), 4, options) => Error::OutOfRange { .. },
            forward(Full(3, 1.0), 1, with(0.0)) => Error::OutOfRange { .. },
            forward(Full(3, 1.0), 1, with(f64::NAN)) => Error::OutOfRange { .. },
            forward(Full(3, f64::NAN), 1, options) => Error::NotFinite { .. },
            LeadingEigenpairs::forward(many, 9, Leading::Largest, hasty) => Error::NotConverged { .. },
            LeadingEigenpairs::forward(Skew, 2, Leading::Largest, brief) => Error::NotConverged { .. },
            found.vjp(Some(&[1.0, 2.0]), None) => Error::ShapeMismatch { .. },
            found.vjp(Some(&[f64::NAN]), None) => Error::NotFinite { .. },
            found.vjp(None, Some((wrong.as_ref(), right.as_ref()))) => Error::ShapeMismatch { .. },
            found.vjp(None, Some((right.as_ref(), wrong.as_ref()))) => Error::ShapeMismatch { .. },
            found.jvp(&Full(2, 1.0)) => Error::ShapeMismatch { .. },
            found.jvp(&Full(3, f64::NAN)) => Error::NotFinite { .. },
        }
    }
}
