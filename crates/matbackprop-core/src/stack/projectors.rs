//! Projectors of many matrices, as matrices.

use super::matrix_function::column;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::{image, number, number_of, padded, twice};
use super::thin_svd::not_empty;
use crate::error::Result;
use crate::gap::GapPolicy;
use crate::products::gram;
use crate::rank::RankTolerance;
use crate::scale::power_of_two_scale;
use crate::subspace::{LeadingProjector, Projector, RegularisedProjector};
use faer::{Mat, MatRef};

const RANGE: &str = "projector";
const REGULARISED: &str = "regularised projector";
const LEADING: &str = "leading projector";

/// [`Projector`] of every matrix of a stack: Π = A A⁺.
///
/// # Shapes
/// Input m × n; output Π, m × m. Kept, with k = min(m, n): Q, m × k, zeros in the columns beyond the rank, and N, n × k,
/// with A⁺ = N Qᵀ / s for s = [`power_of_two_scale`]`(A)`; NaN where the tolerance drops more than rounding, and the way
/// back decomposes A again.
///
/// # Errors
/// Those of [`Projector`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ProjectorRule {
    /// Which singular values count.
    pub tolerance: RankTolerance,
}

impl ProjectorRule {
    fn restored(&self, saved: Saved<'_>) -> Result<Projector> {
        let a = saved.inputs[0];
        if !saved.has_factors() {
            return Projector::forward(a, self.tolerance);
        }
        let rank = saved.kept[0].col_iter().filter(|x| x.norm_max() > 0.0);
        let rank = rank.count();
        let [basis, coefficients] = [0, 1].map(|k| saved.kept[k].subcols(0, rank).to_owned());
        let scale = power_of_two_scale(a);
        Ok(Projector::from_factors(basis, coefficients, scale))
    }
}

impl StackRule for ProjectorRule {
    fn op(&self) -> &'static str {
        RANGE
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(RANGE, inputs[0])?;
        let k = m.min(n);
        Ok(Shapes {
            outputs: vec![(m, m)],
            kept: vec![(m, k), (n, k)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let (m, n) = inputs[0].shape();
        let k = m.min(n);
        let projector = Projector::forward(inputs[0], self.tolerance)?;
        let kept = match projector.factors() {
            Some((q, n)) => vec![padded(q, k), padded(n, k)],
            None => vec![Mat::full(m, k, f64::NAN), Mat::full(n, k, f64::NAN)],
        };
        Ok(Forward {
            outputs: vec![gram(projector.basis().transpose())],
            kept,
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            self.restored(saved)?.vjp(bar)
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let m = saved.inputs[0].nrows();
        image(dots[0], (m, m), |dot| {
            self.restored(saved)?.jvp(dot)?.to_dense()
        })
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        let (m, n) = a.shape();
        twice((bars[0], (m, m)), (z[0], (m, n)), |bar, z| {
            let second = Projector::forward(a, self.tolerance)?.vjp_of_vjp(bar, z)?;
            Ok((second.projector_bar_bar.to_dense()?, second.a_bar))
        })
    }
}

/// [`RegularisedProjector`] of every matrix of a stack: P = A (AᵀA + εI)⁻¹ Aᵀ.
///
/// # Shapes
/// Input m × n; output P, m × m. Kept, with k = min(m, n) and B = A / [`power_of_two_scale`]`(A)`: Y, m × k, K, k × k, and
/// M, n × k, with P = Y K Yᵀ and (BᵀB + εI / s²)⁻¹ Bᵀ = M Yᵀ.
///
/// # Errors
/// Those of [`RegularisedProjector`].
#[derive(Clone, Copy, Debug)]
pub struct RegularisedProjectorRule {
    /// In units of σ².
    pub epsilon: f64,
}

impl RegularisedProjectorRule {
    fn restored(&self, saved: Saved<'_>) -> Result<RegularisedProjector> {
        let a = saved.inputs[0];
        if !saved.has_factors() {
            return RegularisedProjector::forward(a, self.epsilon);
        }
        let factors = [0, 1, 2].map(|k| saved.factor(k));
        let scale = power_of_two_scale(a);
        Ok(RegularisedProjector::from_factors(factors, scale))
    }
}

impl StackRule for RegularisedProjectorRule {
    fn op(&self) -> &'static str {
        REGULARISED
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(REGULARISED, inputs[0])?;
        let k = m.min(n);
        Ok(Shapes {
            outputs: vec![(m, m)],
            kept: vec![(m, k), (k, k), (n, k)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let m = inputs[0].nrows();
        let projector = RegularisedProjector::forward(inputs[0], self.epsilon)?;
        Ok(Forward {
            outputs: vec![projector.project(Mat::identity(m, m).as_ref())?],
            kept: projector.factors().map(|x| x.to_owned()).into(),
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        image(bars[0], saved.inputs[0].shape(), |bar| {
            self.restored(saved)?.vjp(bar)
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let m = saved.inputs[0].nrows();
        image(dots[0], (m, m), |dot| {
            self.restored(saved)?.jvp(dot)?.to_dense()
        })
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        let (m, n) = a.shape();
        twice((bars[0], (m, m)), (z[0], (m, n)), |bar, z| {
            let second = RegularisedProjector::forward(a, self.epsilon)?.vjp_of_vjp(bar, z)?;
            Ok((second.projector_bar_bar.to_dense()?, second.a_bar))
        })
    }
}

/// [`LeadingProjector`] of every matrix of a stack: P = U₁U₁ᵀ of the `count` leading singular vectors.
///
/// # Shapes
/// Input m × n; output P, m × m. Kept, with k = min(m, n): U, m × k, σ / σ₁, k × 1, V, n × k, and σ₁, 1 × 1.
///
/// # Errors
/// Those of [`LeadingProjector`].
#[derive(Clone, Copy, Debug)]
pub struct LeadingProjectorRule {
    /// How many vectors; no more than the rank.
    pub count: usize,
    /// The meaning of a closed gap between them and the others.
    pub gaps: GapPolicy,
}

impl LeadingProjectorRule {
    fn restored(&self, saved: Saved<'_>) -> Result<LeadingProjector> {
        let Some(svd) = saved.svd() else {
            return LeadingProjector::forward(saved.inputs[0], self.count, self.gaps);
        };
        let largest = number_of(Some(saved.kept[3]));
        LeadingProjector::from_factors(svd, largest, self.count, self.gaps)
    }
}

impl StackRule for LeadingProjectorRule {
    fn op(&self) -> &'static str {
        LEADING
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(LEADING, inputs[0])?;
        let k = m.min(n);
        Ok(Shapes {
            outputs: vec![(m, m)],
            kept: vec![(m, k), (k, 1), (n, k), (1, 1)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let projector = LeadingProjector::forward(inputs[0], self.count, self.gaps)?;
        let (u, relative, v, largest) = projector.factors();
        Ok(Forward {
            outputs: vec![gram(projector.basis().transpose())],
            kept: vec![
                u.to_owned(),
                column(relative),
                v.to_owned(),
                number(largest),
            ],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let (m, n) = saved.inputs[0].shape();
        image(bars[0], (m, n), |bar| {
            let identity = Mat::identity(m, m);
            self.restored(saved)?.vjp_factored(bar, identity.as_ref())
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let m = saved.inputs[0].nrows();
        image(dots[0], (m, m), |dot| {
            self.restored(saved)?.jvp(dot)?.to_dense()
        })
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        let (m, n) = a.shape();
        twice((bars[0], (m, m)), (z[0], (m, n)), |bar, z| {
            let leading = LeadingProjector::forward(a, self.count, self.gaps)?;
            let second = leading.vjp_of_vjp(bar, z)?;
            Ok((second.projector_bar_bar.to_dense()?, second.a_bar))
        })
    }
}
