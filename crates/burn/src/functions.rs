//! The rules that networks ask for, by the names that the field knows them by.

use crate::apply;
use crate::error::{Error, Result};
use crate::operation::MatrixBackend;
use burn_tensor::{Int, Tensor, TensorData, TensorPrimitive};
use matbackprop_core::stack::{
    GramFunctionRule, PolarRule, ProjectorRule, StackRule, Stacked, SymEigRule, ThinSvdRule,
};
use matbackprop_core::{GapPolicy, Log, RankTolerance, Ridge};
use ncuts::{Criterion, NcutsRule};
use o2p::VechRule;

/// log(FᵀF + ε I), from the singular values of F.
///
/// # Shapes
/// F (…, n, d) of any n and d; result (…, d, d), symmetric.
///
/// # Conventions
/// Value and gradient are right at equal singular values, low rank, dead channels and n < d, for ε from 0 up; with ε = 0, FᵀF
/// has to be regular.
///
/// # Errors
/// ε below 0 or not finite; entries that are not finite; an eigenvalue at which there is no logarithm.
pub fn gram_log<B: MatrixBackend, const D: usize>(
    features: Tensor<B, D>,
    epsilon: f64,
) -> Result<Tensor<B, D>> {
    single(GramFunctionRule(Ridge::new(Log, epsilon)?), features)
}

/// U, S and Vᵀ of A = U diag(S) Vᵀ, thin; in the order of `torch.linalg.svd`.
///
/// # Shapes
/// A (…, m, n); with r = min(m, n): U (…, m, r), S (…, r), nonincreasing, of D1 = D − 1 axes, Vᵀ (…, r, n).
///
/// # Errors
/// Entries that are not finite; another D1. On the way back a loss that tells vectors of equal singular values apart has no
/// gradient: NaN, and [`take_backward_error`](crate::take_backward_error) says which rule has it. A loss that does not, as
/// one of S, of a projector or of a polar factor, passes there. [`svd_with_gaps`] has other choices.
pub fn svd<B: MatrixBackend, const D: usize, const D1: usize>(
    a: Tensor<B, D>,
) -> Result<(Tensor<B, D>, Tensor<B, D1>, Tensor<B, D>)> {
    svd_with_gaps(a, GapPolicy::default())
}

/// [`svd`] with another meaning of a closed gap between singular values.
///
/// # Errors
/// See [`svd`] and [`GapPolicy`]; a floor or width out of range.
pub fn svd_with_gaps<B: MatrixBackend, const D: usize, const D1: usize>(
    a: Tensor<B, D>,
    gaps: GapPolicy,
) -> Result<(Tensor<B, D>, Tensor<B, D1>, Tensor<B, D>)> {
    ensure_rank("svd", D, D1)?;
    let [u, values, v] = outputs(ThinSvdRule { gaps }, [a])?;
    Ok((u, without_axis(values, D - 1), v.swap_dims(D - 2, D - 1)))
}

/// Eigenvalues, ascending, and eigenvectors, in columns, of symmetric A.
///
/// # Shapes
/// A (…, n, n); values (…, n), of D1 = D − 1 axes, vectors (…, n, n).
///
/// # Errors
/// A that is not square, not symmetric up to rounding, or not finite; another D1. On the way back a loss that tells vectors
/// of equal eigenvalues apart has no gradient: see [`svd`]. [`eigh_with_gaps`] has other choices.
pub fn eigh<B: MatrixBackend, const D: usize, const D1: usize>(
    a: Tensor<B, D>,
) -> Result<(Tensor<B, D1>, Tensor<B, D>)> {
    eigh_with_gaps(a, GapPolicy::default())
}

/// [`eigh`] with another meaning of a closed gap between eigenvalues.
///
/// # Errors
/// See [`eigh`] and [`GapPolicy`]; a floor or width out of range.
pub fn eigh_with_gaps<B: MatrixBackend, const D: usize, const D1: usize>(
    a: Tensor<B, D>,
    gaps: GapPolicy,
) -> Result<(Tensor<B, D1>, Tensor<B, D>)> {
    ensure_rank("eigh", D, D1)?;
    let [values, vectors] = outputs(SymEigRule { gaps }, [a])?;
    Ok((without_axis(values, D - 1), vectors))
}

/// W, the matrix with orthonormal columns (rows, where A is wide) that is closest to A, and H, symmetric: A = W H, or H W.
///
/// # Shapes
/// A (…, m, n); W (…, m, n), H (…, k, k) with k = min(m, n).
///
/// # Conventions
/// Defined and smooth at equal singular values, as at rotations.
///
/// # Errors
/// Entries that are not finite. On the way back A without full rank has no gradient: NaN, see [`svd`].
pub fn polar<B: MatrixBackend, const D: usize>(
    a: Tensor<B, D>,
) -> Result<(Tensor<B, D>, Tensor<B, D>)> {
    let [w, h] = outputs(PolarRule, [a])?;
    Ok((w, h))
}

/// Π = A A⁺, the orthogonal projector onto the range of A.
///
/// # Shapes
/// A (…, m, n) of any rank; Π (…, m, m).
///
/// # Conventions
/// Singular values up to the rounding of A do not count. At low rank the gradient is that along matrices of this rank, as Π
/// jumps elsewhere.
///
/// # Errors
/// Entries that are not finite.
pub fn projector<B: MatrixBackend, const D: usize>(a: Tensor<B, D>) -> Result<Tensor<B, D>> {
    let tolerance = RankTolerance::default();
    single(ProjectorRule { tolerance }, a)
}

/// The loss of normalised cuts: how far the affinity FFᵀ is from cutting the picture as its annotations do.
///
/// # Shapes
/// F (…, n, d), a row a pixel, meant to be ≥ 0; labels (…, n) for one annotation or (…, m, n) for m of them; result: a number
/// a picture in one axis, the mean over annotations of ½ ‖Π_A − P‖².
///
/// # Conventions
/// `epsilon` belongs to the regularised criterion, a share of the largest eigenvalue, 10⁻⁴ being usual; `None` takes the hard
/// projector. Dead features, equal ones and pixels without features are no special case.
///
/// # Errors
/// Labels of another shape; ε that is not above 0; features of which no pixel has a positive degree.
pub fn ncuts_loss<B: MatrixBackend, const D: usize, const L: usize>(
    features: Tensor<B, D>,
    labels: Tensor<B, L, Int>,
    epsilon: Option<f64>,
) -> Result<Tensor<B, 1>> {
    const OP: &str = "ncuts_loss";
    let dims = features.dims();
    let [leading @ .., n, _] = &dims[..] else {
        return Err(Error::TooFewAxes {
            op: OP,
            found: dims.to_vec(),
        });
    };
    let (of_one, found) = ([leading, &[*n]].concat(), labels.dims().to_vec());
    let annotations = match &found[..] {
        one if one == of_one => 1,
        [before @ .., m, last] if before == leading && last == n => *m,
        _ => {
            let expected = of_one;
            return Err(Error::Labels { expected, found });
        }
    };
    let device = features.device();
    let numbers = numbered(OP, labels)?;
    let numbers = TensorData::new(numbers, [leading, &[annotations, *n]].concat());
    let numbers = B::float_from_data(numbers.convert_dtype(features.dtype()), &device);
    let numbers = Tensor::from_primitive(TensorPrimitive::Float(numbers));
    let criterion = match epsilon {
        Some(epsilon) => Criterion::Regularised { epsilon },
        None => Criterion::HardProjector {
            rank_tolerance: RankTolerance::default(),
        },
    };
    let count: usize = leading.iter().product();
    let rule = NcutsRule {
        criterion,
        metric: false,
    };
    let [loss] = outputs(rule, [features, numbers])?;
    Ok(loss.reshape([count]))
}

/// The labels as numbers from zero in their order, which f32 holds too.
fn numbered<B: MatrixBackend, const L: usize>(
    op: &'static str,
    labels: Tensor<B, L, Int>,
) -> Result<Vec<f64>> {
    let data = labels.try_into_data();
    let data = data.map_err(|error| Error::Device {
        op,
        message: error.to_string(),
    })?;
    let ids: Vec<i64> = data.iter::<i64>().collect();
    let mut names = ids.clone();
    names.sort_unstable();
    names.dedup();
    let places = ids.iter().map(|id| names.partition_point(|name| name < id));
    Ok(places.map(|place| place as f64).collect())
}

/// Second-order pooling: the half of log(FᵀF / n + ε I), √2 off the diagonal, its signed root and length one.
///
/// # Shapes
/// F (…, n, d), a row a position; result (…, d (d + 1) / 2), of D1 = D − 1 axes, the upper triangle row by row.
///
/// # Conventions
/// [`VechRule::default`] takes the signed root with δ = 10⁻³ and brings to length one; either can be left out.
///
/// # Errors
/// See [`gram_log`] and [`VechRule`]; another D1.
///
/// # Example
/// ```
/// # fn main() -> matbackprop_burn::Result<()> {
/// use burn_ndarray::NdArray;
/// use burn_tensor::{Distribution, Tensor};
/// use matbackprop_burn::{VechRule, second_order_pool};
///
/// // Eight pictures of 49 positions and 16 channels.
/// let features = Tensor::<NdArray, 3>::random([8, 49, 16], Distribution::Default, &Default::default());
/// let pooled: Tensor<_, 2> = second_order_pool(features, 1e-3, VechRule::default())?;
/// assert_eq!(pooled.dims(), [8, 136]);
/// # Ok(())
/// # }
/// ```
pub fn second_order_pool<B: MatrixBackend, const D: usize, const D1: usize>(
    features: Tensor<B, D>,
    epsilon: f64,
    vech: VechRule,
) -> Result<Tensor<B, D1>> {
    const OP: &str = "second_order_pool";
    ensure_rank(OP, D, D1)?;
    let dims = features.dims();
    let [.., n, _] = &dims[..] else {
        return Err(Error::TooFewAxes {
            op: OP,
            found: dims.to_vec(),
        });
    };
    // The mean of the positions' squares: each feature over √n.
    let scaled = features.mul_scalar(1.0 / (*n as f64).sqrt());
    let pooled = single(vech, gram_log(scaled, epsilon)?)?;
    Ok(without_axis(pooled, D - 2))
}

fn ensure_rank(op: &'static str, axes: usize, found: usize) -> Result<()> {
    if axes < 2 {
        return Err(Error::TooFewAxes {
            op,
            found: Vec::new(),
        });
    }
    let expected = axes - 1;
    if found != expected {
        return Err(Error::Rank {
            op,
            expected,
            found,
        });
    }
    Ok(())
}

/// Without an axis of length one.
fn without_axis<B: MatrixBackend, const D: usize, const D1: usize>(
    x: Tensor<B, D>,
    axis: usize,
) -> Tensor<B, D1> {
    x.squeeze_dim(axis)
}

fn single<B: MatrixBackend, R: StackRule + Send + 'static, const D: usize>(
    rule: R,
    a: Tensor<B, D>,
) -> Result<Tensor<B, D>> {
    let [output] = outputs(rule, [a])?;
    Ok(output)
}

fn outputs<B, R, const N: usize, const D: usize, const M: usize>(
    rule: R,
    inputs: [Tensor<B, D>; N],
) -> Result<[Tensor<B, D>; M]>
where
    B: MatrixBackend,
    R: StackRule + Send + 'static,
{
    let op = rule.op();
    let outputs = <[Tensor<B, D>; M]>::try_from(apply(Stacked::new(rule), inputs)?);
    outputs.map_err(|found| Error::Inputs {
        op,
        expected: M,
        found: found.len(),
    })
}
