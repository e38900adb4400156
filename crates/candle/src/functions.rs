//! The rules that networks ask for, by the names that the field knows them by.

use crate::operation::{apply, apply_and_transpose};
use candle_core::{D, DType, Device, Error, Result, Tensor};
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
///
/// # Example
/// ```
/// # fn main() -> candle_core::Result<()> {
/// use candle_core::{Device, Var};
///
/// // Features of rank one: most eigenvalues are equal.
/// let f = Var::new(&[[1f64, 2., 2.]], &Device::Cpu)?;
/// let loss = matbackprop_candle::gram_log(&f, 1e-3)?.sum_all()?;
/// let grads = loss.backward()?;
/// let gradient = grads.get(&f).expect("a gradient").to_vec2::<f64>()?;
/// assert!(gradient[0].iter().all(|x| x.is_finite()));
/// # Ok(())
/// # }
/// ```
pub fn gram_log(features: &Tensor, epsilon: f64) -> Result<Tensor> {
    let function = Ridge::new(Log, epsilon).map_err(Error::wrap)?;
    single(GramFunctionRule(function), features)
}

/// U, S and Vᵀ of A = U diag(S) Vᵀ, thin; in the order of `torch.linalg.svd`.
///
/// # Shapes
/// A (…, m, n); with r = min(m, n): U (…, m, r), S (…, r), nonincreasing, Vᵀ (…, r, n).
///
/// # Errors
/// Entries that are not finite. On the way back a loss that tells vectors of equal singular values apart: the message says
/// which rule has the gradient. A loss that does not, as one of S, of a projector or of a polar factor, passes there.
/// [`svd_with_gaps`] has other choices.
pub fn svd(a: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
    svd_with_gaps(a, GapPolicy::default())
}

/// [`svd`] with another meaning of a closed gap between singular values.
///
/// # Errors
/// See [`svd`] and [`GapPolicy`]; a floor or width out of range.
pub fn svd_with_gaps(a: &Tensor, gaps: GapPolicy) -> Result<(Tensor, Tensor, Tensor)> {
    let rule = Stacked::new(ThinSvdRule { gaps });
    let [u, values, vt] = expected(apply_and_transpose(rule, &[a], Some(2))?)?;
    Ok((u, values.squeeze(D::Minus1)?, vt))
}

/// Eigenvalues, ascending, and eigenvectors, in columns, of symmetric A.
///
/// # Shapes
/// A (…, n, n); values (…, n), vectors (…, n, n).
///
/// # Errors
/// A that is not square, not symmetric up to rounding, or not finite. On the way back a loss that tells vectors of equal
/// eigenvalues apart: the message says which rule has the gradient. [`eigh_with_gaps`] has other choices.
pub fn eigh(a: &Tensor) -> Result<(Tensor, Tensor)> {
    eigh_with_gaps(a, GapPolicy::default())
}

/// [`eigh`] with another meaning of a closed gap between eigenvalues.
///
/// # Errors
/// See [`eigh`] and [`GapPolicy`]; a floor or width out of range.
pub fn eigh_with_gaps(a: &Tensor, gaps: GapPolicy) -> Result<(Tensor, Tensor)> {
    let [values, vectors] = outputs(SymEigRule { gaps }, &[a])?;
    Ok((values.squeeze(D::Minus1)?, vectors))
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
/// Entries that are not finite; on the way back A without full rank.
pub fn polar(a: &Tensor) -> Result<(Tensor, Tensor)> {
    let [w, h] = outputs(PolarRule, &[a])?;
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
pub fn projector(a: &Tensor) -> Result<Tensor> {
    let tolerance = RankTolerance::default();
    single(ProjectorRule { tolerance }, a)
}

/// The loss of normalised cuts: how far the affinity FFᵀ is from cutting the picture as its annotations do.
///
/// # Shapes
/// F (…, n, d), a row a pixel, meant to be ≥ 0; labels, integers, (…, n) for one annotation or (…, m, n) for m of them;
/// result (…): the mean over annotations of ½ ‖Π_A − P‖².
///
/// # Conventions
/// `epsilon` belongs to the regularised criterion, a share of the largest eigenvalue, 10⁻⁴ being usual; `None` takes the hard
/// projector. Dead features, equal ones and pixels without features are no special case.
///
/// # Errors
/// Labels of another type or shape; ε that is not above 0; features of which no pixel has a positive degree.
pub fn ncuts_loss(features: &Tensor, labels: &Tensor, epsilon: Option<f64>) -> Result<Tensor> {
    const OP: &str = "ncuts_loss";
    let [leading @ .., n, _] = features.dims() else {
        candle_core::bail!("{OP}: expected features with two axes or more, found fewer");
    };
    let of_one = [leading, &[*n]].concat();
    let annotations = if labels.dims() == of_one {
        1
    } else {
        match labels.dims() {
            [before @ .., m, last] if before == leading && last == n => *m,
            found => candle_core::bail!(
                "{OP}: expected labels of shape {of_one:?}, or with an axis of annotations before the last, found {found:?}"
            ),
        }
    };
    let numbers = numbered(OP, labels)?;
    let shape = [leading, &[annotations, *n]].concat();
    let numbers = Tensor::from_vec(numbers, shape, &Device::Cpu)?.to_dtype(features.dtype())?;
    let criterion = match epsilon {
        Some(epsilon) => Criterion::Regularised { epsilon },
        None => Criterion::HardProjector {
            rank_tolerance: RankTolerance::default(),
        },
    };
    let rule = NcutsRule {
        criterion,
        metric: false,
    };
    let [loss] = outputs(rule, &[features, &numbers])?;
    loss.reshape(leading)
}

/// The labels as numbers from zero in their order, which f32 holds too.
fn numbered(op: &str, labels: &Tensor) -> Result<Vec<f64>> {
    if !labels.dtype().is_int() {
        let found = labels.dtype();
        candle_core::bail!("{op}: expected integers as labels, found {found:?}");
    }
    let ids = labels.flatten_all()?.to_dtype(DType::I64)?;
    let ids = ids.to_vec1::<i64>()?;
    let mut names = ids.clone();
    names.sort_unstable();
    names.dedup();
    let places = ids.iter().map(|id| names.partition_point(|name| name < id));
    Ok(places.map(|place| place as f64).collect())
}

/// Second-order pooling: the half of log(FᵀF / n + ε I), √2 off the diagonal, its signed root and length one.
///
/// # Shapes
/// F (…, n, d), a row a position; result (…, d (d + 1) / 2), the upper triangle row by row.
///
/// # Conventions
/// [`VechRule::default`] takes the signed root with δ = 10⁻³ and brings to length one; either can be left out.
///
/// # Errors
/// See [`gram_log`] and [`VechRule`].
///
/// # Example
/// ```
/// # fn main() -> candle_core::Result<()> {
/// use candle_core::{Device, Tensor};
/// use matbackprop_candle::{VechRule, second_order_pool};
///
/// // Eight pictures of 49 positions and 16 channels.
/// let features = Tensor::randn(0f32, 1., (8, 49, 16), &Device::Cpu)?;
/// let pooled = second_order_pool(&features, 1e-3, VechRule::default())?;
/// assert_eq!(pooled.dims(), [8, 136]);
/// # Ok(())
/// # }
/// ```
pub fn second_order_pool(features: &Tensor, epsilon: f64, vech: VechRule) -> Result<Tensor> {
    let [.., n, _] = features.dims() else {
        candle_core::bail!("second_order_pool: expected two axes or more, found fewer");
    };
    // The mean of the positions' squares: each feature over √n.
    let scaled = features.affine(1.0 / (*n as f64).sqrt(), 0.0)?;
    let log = gram_log(&scaled, epsilon)?;
    single(vech, &log)?.squeeze(D::Minus2)
}

fn single<R: StackRule + Send + 'static>(rule: R, a: &Tensor) -> Result<Tensor> {
    let [output] = outputs(rule, &[a])?;
    Ok(output)
}

fn outputs<R: StackRule + Send + 'static, const N: usize>(
    rule: R,
    inputs: &[&Tensor],
) -> Result<[Tensor; N]> {
    expected(apply(Stacked::new(rule), inputs)?)
}

fn expected<const N: usize>(outputs: Vec<Tensor>) -> Result<[Tensor; N]> {
    let outputs = <[Tensor; N]>::try_from(outputs);
    outputs.map_err(|found| {
        let found = found.len();
        Error::msg(format!("expected a rule of {N} outputs, found {found}"))
    })
}
