//! The leading eigenpairs of a dense pencil, and what goes back and ahead through them alone.

use super::eigenvalue_gaps::EigenvalueGaps;
use super::leading_eigenpairs::Leading;
use crate::buffer_pool::Temporary;
use crate::decompose::LeadingEigen;
use crate::error::{Error, Result};
use crate::gap::{GapPolicy, column_norms};
use crate::guard::{ensure_length, ensure_shape, values_within_range, within_range};
use crate::products::times_diagonal;
use crate::scale::power_of_two_below;
use crate::solve::{congruence, solve_lower, solve_upper};
use crate::symmetric::skew;
use faer::{Mat, MatRef, Scale};

/// λ and V of A V = B V Λ, VᵀBV = I, B = L Lᵀ or I, for k values alone.
///
/// ```text
/// vjp   Ā =  sym( (V (diag(λ̄) + R) + Z) Vᵀ )                                T = VᵀV̄,  R = K ∘ skew(T)
///       B̄ = −sym( (V (diag(λ ∘ λ̄) + ½ (ΛR + RΛ) + ½ sym(T)) + Z Λ) Vᵀ )     (λⱼ B − A) zⱼ = (I − B V Vᵀ) v̄ⱼ,  VᵀBZ = 0
/// jvp   V̇ = V ( K ∘ (P − ½ (ΛQ + QΛ)) − ½ Q ) + Z,  (V Vᵀ)˙ = sym( (2 Z − V Q) Vᵀ )
///                                (λⱼ B − A) zⱼ = (I − B V Vᵀ) (Ȧ − λⱼ Ḃ) vⱼ
/// ```
///
/// Why nothing but Z is asked of the vectors left out: in their part, the ½ sym(T) that stretches V̄ cancels what
/// ½ (μᵢ + λⱼ) has beside λⱼ, as Kᵢⱼ (λⱼ − μᵢ) = 1.
#[derive(Clone, Debug)]
pub(super) struct KeptPairs {
    op: &'static str,
    /// Of L⁻¹AL⁻ᵀ / `scale`.
    eigen: LeadingEigen,
    /// L; none where B is I.
    root: Option<Temporary>,
    scale: f64,
    values: Vec<f64>,
    next: Option<f64>,
    vectors: Mat<f64>,
    policy: GapPolicy,
    gaps: EigenvalueGaps,
    /// Between the last value and the next, by what makes them lead, over the largest magnitude.
    border: f64,
}

/// The left factors of Ā = sym(L Vᵀ) and B̄, n × k each.
pub(super) struct LeftFactors {
    pub(super) a: Mat<f64>,
    pub(super) b: Mat<f64>,
}

/// A tangent of A or of B, as it meets V.
pub(super) struct Moved {
    /// Ȧ V.
    product: Mat<f64>,
    /// ‖Ȧ‖.
    size: f64,
}

impl KeptPairs {
    /// Of a symmetric A and of L.
    pub(super) fn new(
        (op, instead): (&'static str, &'static str),
        mut a: Temporary,
        root: Option<Temporary>,
        count: usize,
        leading: Leading,
        policy: GapPolicy,
    ) -> Result<Self> {
        policy.validate(op)?;
        ensure_count(op, count, a.as_ref().nrows())?;
        if let Some(root) = &root {
            congruence(root.as_ref(), a.as_mut());
        }
        let scale = power_of_two_below(largest_below(op, a.as_ref())?);
        if scale != 1.0 {
            a.as_mut_slice()
                .iter_mut()
                .for_each(|x| *x *= scale.recip());
        }
        let key = leading.key();
        let eigen = LeadingEigen::new(op, a, count, key)?;
        let mut vectors = eigen.vectors();
        if let Some(root) = &root {
            solve_upper(root.as_ref().transpose(), vectors.as_mut());
        }
        let (unit, largest) = (eigen.unit(), eigen.largest());
        let times_units = |values: &[f64]| {
            let values = values.iter().map(|value| value * unit * scale).collect();
            values_within_range(op, values)
        };
        let last = eigen.values().last().copied().unwrap_or_default();
        let border = |next: f64| (key(last) - key(next)) / largest;
        let gaps =
            EigenvalueGaps::beside(op, instead, policy, eigen.values(), unit * scale, largest);
        Ok(Self {
            op,
            values: times_units(eigen.values())?,
            next: match eigen.next() {
                Some(next) => times_units(&[next])?.pop(),
                None => None,
            },
            vectors: within_range(op, vectors)?,
            border: eigen.next().map_or(f64::INFINITY, border),
            eigen,
            root,
            scale,
            policy,
            gaps,
        })
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(super) fn next(&self) -> Option<f64> {
        self.next
    }

    pub(super) fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    pub(super) fn vjp(
        &self,
        values_bar: Option<&[f64]>,
        vectors_bar: Option<MatRef<'_, f64>>,
    ) -> Result<LeftFactors> {
        let (v, (n, k)) = (self.vectors(), self.vectors.shape());
        let (mut a, mut b) = (Mat::zeros(n, k), Mat::zeros(n, k));
        if let Some(values_bar) = values_bar {
            ensure_length(self.op, values_bar, k)?;
            a += times_diagonal(v, values_bar);
        }
        if let Some(vectors_bar) = vectors_bar {
            ensure_shape(self.op, vectors_bar, (n, k))?;
            let t = v.transpose() * vectors_bar;
            let sizes = column_norms(vectors_bar);
            let sizes = sizes.iter().map(|x| self.longest() * x).collect();
            let turning = self.over_gaps(skew(t.as_ref()), sizes, values_bar)?;
            let z = self.beside(vectors_bar.to_owned())?;
            let stretching = Mat::from_fn(k, k, |i, j| {
                let turned = self.mean_value(i, j) * turning[(i, j)];
                turned + 0.25 * t[(i, j)] + 0.25 * t[(j, i)]
            });
            b -= v * stretching + times_diagonal(z.as_ref(), self.eigen.values());
            a += v * (Scale(self.gaps.spread().recip()) * turning) + self.per_unit(z);
        }
        if let Some(values_bar) = values_bar {
            let products = values_bar.iter().zip(&self.values).map(|(bar, x)| bar * x);
            b -= times_diagonal(v, &products.collect::<Vec<f64>>());
        }
        let (a, b) = (within_range(self.op, a)?, within_range(self.op, b)?);
        Ok(LeftFactors { a, b })
    }

    /// Of P̄ = L Rᵀ, P = V Vᵀ: V̄ = 2 sym(P̄) V turns no kept vector into another, so R is left out.
    pub(super) fn projector_vjp(
        &self,
        l: MatRef<'_, f64>,
        r: MatRef<'_, f64>,
    ) -> Result<LeftFactors> {
        let v = self.vectors();
        ensure_shape(self.op, l, (v.nrows(), l.ncols()))?;
        ensure_shape(self.op, r, l.shape())?;
        let vectors_bar = l * (r.transpose() * v) + r * (l.transpose() * v);
        let vectors_bar = within_range(self.op, vectors_bar)?;
        let t = v.transpose() * &vectors_bar;
        let z = self.beside(vectors_bar)?;
        let b = v * (Scale(-0.5) * t) - times_diagonal(z.as_ref(), self.eigen.values());
        let (a, b) = (
            within_range(self.op, self.per_unit(z))?,
            within_range(self.op, b)?,
        );
        Ok(LeftFactors { a, b })
    }

    /// sym(Ȧ) V.
    pub(super) fn moved(&self, dot: MatRef<'_, f64>) -> Result<Moved> {
        let n = self.vectors.nrows();
        ensure_shape(self.op, dot, (n, n))?;
        let v = &self.vectors;
        Ok(Moved {
            product: Scale(0.5) * (dot * v + dot.transpose() * v),
            size: dot.norm_l2(),
        })
    }

    /// λ̇ and V̇.
    pub(super) fn jvp(
        &self,
        a_dot: Option<&Moved>,
        b_dot: Option<&Moved>,
    ) -> Result<(Vec<f64>, Mat<f64>)> {
        let (v, k) = (self.vectors(), self.values.len());
        let mut turning = Mat::zeros(k, k);
        let mut magnitude = 0.0;
        if let Some(a_dot) = a_dot {
            turning += Scale(self.gaps.spread().recip()) * (v.transpose() * &a_dot.product);
            magnitude += self.longest() * (self.longest() * a_dot.size) / self.gaps.spread();
        }
        let q = self.stretched(b_dot);
        if let Some(b_dot) = b_dot {
            turning -= Mat::from_fn(k, k, |i, j| self.mean_value(i, j) * q[(i, j)]);
            magnitude += self.longest() * (self.longest() * b_dot.size);
        }
        let kept = v * (self.over_gaps(turning, vec![magnitude; k], None)? - Scale(0.5) * q);
        let vectors = within_range(self.op, kept + self.turned_out(a_dot, b_dot)?)?;
        Ok((self.values_jvp(a_dot, b_dot)?, vectors))
    }

    /// L of Ṗ = sym(L Vᵀ), P = V Vᵀ: 2 Z − V Q, as what turns kept vectors among each other cancels.
    pub(super) fn projector_jvp(
        &self,
        a_dot: Option<&Moved>,
        b_dot: Option<&Moved>,
    ) -> Result<Mat<f64>> {
        let left = Scale(2.0) * self.turned_out(a_dot, b_dot)?;
        within_range(self.op, left - self.vectors() * self.stretched(b_dot))
    }

    /// Q = Vᵀ Ḃ V.
    fn stretched(&self, b_dot: Option<&Moved>) -> Mat<f64> {
        let k = self.values.len();
        b_dot.map_or_else(
            || Mat::zeros(k, k),
            |dot| self.vectors().transpose() * &dot.product,
        )
    }

    /// Z of the tangents.
    fn turned_out(&self, a_dot: Option<&Moved>, b_dot: Option<&Moved>) -> Result<Mat<f64>> {
        let mut x = Mat::zeros(self.vectors.nrows(), self.values.len());
        if let Some(a_dot) = a_dot {
            x += self.per_unit(a_dot.product.clone());
        }
        if let Some(b_dot) = b_dot {
            x -= times_diagonal(b_dot.product.as_ref(), self.eigen.values());
        }
        self.beside(x)
    }

    /// λ̇ alone: no gap.
    pub(super) fn values_jvp(
        &self,
        a_dot: Option<&Moved>,
        b_dot: Option<&Moved>,
    ) -> Result<Vec<f64>> {
        let along = |dot: &Moved, i: usize| self.vectors.col(i).transpose() * dot.product.col(i);
        let values = self.values.iter().enumerate().map(|(i, value)| {
            a_dot.map_or(0.0, |dot| along(dot, i)) - value * b_dot.map_or(0.0, |dot| along(dot, i))
        });
        values_within_range(self.op, values.collect())
    }

    /// Z times unit and scale: (λⱼ B − A) zⱼ = (I − B V Vᵀ) xⱼ with VᵀBZ = 0.
    fn beside(&self, mut x: Mat<f64>) -> Result<Mat<f64>> {
        let (n, k) = x.shape();
        if n == k {
            return Ok(Mat::zeros(n, k));
        }
        if let Some(floor) = self.policy.closed_up_to()
            && self.border <= floor
        {
            return Err(Error::GapClosed {
                op: self.op,
                i: k - 1,
                j: k,
                gap: self.border,
                floor,
                instead: "the kept pairs jump there: take a count that ends at a gap",
            });
        }
        let width = match self.policy {
            GapPolicy::Broadened { width } => Some(width * self.eigen.largest()),
            _ => None,
        };
        let Some(root) = &self.root else {
            return Ok(self.eigen.solve(x, width));
        };
        solve_lower(root.as_ref(), x.as_mut());
        let mut z = self.eigen.solve(x, width);
        solve_upper(root.as_ref().transpose(), z.as_mut());
        Ok(z)
    }

    /// X over unit and scale, one after the other: their product may leave the range.
    fn per_unit(&self, x: Mat<f64>) -> Mat<f64> {
        Scale(self.scale.recip()) * (Scale(self.eigen.unit().recip()) * x)
    }

    /// The largest ‖vⱼ‖: the magnification of a product with Vᵀ.
    fn longest(&self) -> f64 {
        let lengths = column_norms(self.vectors());
        lengths.into_iter().fold(0.0, f64::max)
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
        let sizes = values_within_range(self.op, sizes)?;
        self.gaps.divide(x, sizes, values_bar, 1.0)
    }
}

/// The largest magnitude in the lower triangle, if that is finite.
fn largest_below(op: &'static str, a: MatRef<'_, f64>) -> Result<f64> {
    let mut largest = 0.0;
    for (j, column) in a.col_iter().enumerate() {
        let below = column.subrows(j, a.nrows() - j);
        largest = f64::max(largest, below.norm_max());
        if !below.iter().all(|x| x.is_finite()) {
            return Err(Error::Overflow { op });
        }
    }
    Ok(largest)
}

fn ensure_count(op: &'static str, count: usize, n: usize) -> Result<()> {
    if (1..=n).contains(&count) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        op,
        value: count as f64,
        low: 1.0,
        high: n as f64 + 1.0,
    })
}
