//! Functions of one tensor whose gradients are checked, and the tensors.

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use burn_tensor::backend::AutodiffBackend;
use burn_tensor::{Int, Tensor, TensorData};
use matbackprop_burn::{self as bridge, MatrixBackend, Result, VechRule};
use test_support::numbers::normal;

/// 64 bits with a tape, and without.
pub type Taped = Autodiff<NdArray<f64>>;
pub type Plain = NdArray<f64>;
/// 32 bits with a tape.
pub type Taped32 = Autodiff<NdArray<f32>>;

/// A loss of a batch of matrices.
pub struct Loss<B: MatrixBackend> {
    pub name: &'static str,
    pub dims: [usize; 3],
    pub of: fn(Tensor<B, 3>) -> Result<Tensor<B, 1>>,
}

pub fn tensor<B: MatrixBackend, const D: usize>(
    numbers: Vec<f64>,
    dims: [usize; D],
) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(numbers, dims), &Default::default())
}

pub fn gaussian<B: MatrixBackend, const D: usize>(dims: [usize; D], seed: u64) -> Tensor<B, D> {
    tensor(normal(dims.iter().product(), seed), dims)
}

/// ⟨G, X⟩ for a G that is the same in each call.
pub fn weighed<B: MatrixBackend, const D: usize>(x: Tensor<B, D>, seed: u64) -> Tensor<B, 1> {
    let g = gaussian(x.dims(), seed);
    (x * g).sum()
}

pub fn list<B: MatrixBackend, const D: usize>(x: &Tensor<B, D>) -> Vec<f64> {
    x.to_data().iter::<f64>().collect()
}

/// The gradient of a loss.
pub fn gradient<B, const D: usize>(
    at: Tensor<B, D>,
    loss: impl Fn(Tensor<B, D>) -> Result<Tensor<B, 1>>,
) -> Result<Vec<f64>>
where
    B: AutodiffBackend + MatrixBackend,
{
    let at = at.require_grad();
    let grads = loss(at.clone())?.backward();
    let bar = at.grad(&grads).expect("a gradient");
    Ok(bar.to_data().iter::<f64>().collect())
}

/// A product with each column scaled.
pub fn scaled<B: MatrixBackend>(x: Tensor<B, 3>, values: Tensor<B, 2>) -> Tensor<B, 3> {
    x * values.unsqueeze_dim(1)
}

/// Every function, on batches of every shape that it has, with a loss that does not see free signs.
pub fn losses<B: MatrixBackend>() -> Vec<Loss<B>> {
    let loss = |name, dims, of| Loss { name, dims, of };
    vec![
        loss("gram_log, tall", [2, 7, 4], gram_log),
        loss("gram_log, wide", [2, 3, 6], gram_log),
        loss("gram_log, one", [1, 1, 1], gram_log),
        loss("svd, tall", [2, 6, 3], svd),
        loss("svd, wide", [3, 2, 5], svd),
        loss("svd, square", [1, 4, 4], svd),
        loss("svd, values", [2, 5, 4], |a| {
            Ok(weighed::<B, 2>(bridge::svd(a)?.1, 14))
        }),
        loss("eigh", [2, 5, 5], eigh),
        loss("eigh, values", [3, 4, 4], |a| {
            Ok(weighed::<B, 2>(bridge::eigh(symmetric(a))?.0, 17))
        }),
        loss("polar, tall", [2, 5, 3], polar),
        loss("polar, wide", [2, 3, 5], polar),
        loss("polar, W alone", [3, 4, 4], |a| {
            Ok(weighed(bridge::polar(a)?.0, 18))
        }),
        loss("projector, tall", [2, 6, 3], |a| {
            Ok(weighed(bridge::projector(a)?, 20))
        }),
        loss("projector, one column", [2, 4, 1], |a| {
            Ok(weighed(bridge::projector(a)?, 20))
        }),
        loss("ncuts_loss", [2, 8, 3], ncuts),
        loss("ncuts_loss, hard", [1, 8, 3], ncuts_hard),
        loss("second_order_pool", [2, 9, 4], pool),
    ]
}

pub fn symmetric<B: MatrixBackend>(a: Tensor<B, 3>) -> Tensor<B, 3> {
    (a.clone() + a.transpose()).mul_scalar(0.5)
}

fn gram_log<B: MatrixBackend>(f: Tensor<B, 3>) -> Result<Tensor<B, 1>> {
    Ok(weighed(bridge::gram_log(f, 1e-2)?, 11))
}

/// Of U diag(1 / S) Vᵀ and of S: signs cancel.
fn svd<B: MatrixBackend>(a: Tensor<B, 3>) -> Result<Tensor<B, 1>> {
    let (u, s, vt): (_, Tensor<B, 2>, _) = bridge::svd(a)?;
    let inverse = scaled(u, s.clone().recip()).matmul(vt);
    Ok(weighed(inverse, 12) + weighed(s, 13))
}

/// Of the symmetric part, V diag(λ³) Vᵀ and λ.
fn eigh<B: MatrixBackend>(a: Tensor<B, 3>) -> Result<Tensor<B, 1>> {
    let (values, vectors): (Tensor<B, 2>, _) = bridge::eigh(symmetric(a))?;
    let cubes = values.clone() * values.clone() * values.clone();
    let product = scaled(vectors.clone(), cubes).matmul(vectors.transpose());
    Ok(weighed(product, 15) + weighed(values, 16))
}

fn polar<B: MatrixBackend>(a: Tensor<B, 3>) -> Result<Tensor<B, 1>> {
    let (w, h) = bridge::polar(a)?;
    Ok(weighed(w, 18) + weighed(h, 19))
}

/// Two annotations of each picture, of features above zero.
fn ncuts<B: MatrixBackend>(f: Tensor<B, 3>) -> Result<Tensor<B, 1>> {
    let [pictures, n, _] = f.dims();
    let labels: Vec<i64> = (0..pictures * 2 * n)
        .map(|i| [7, -2, 900][(i / 3) % 3])
        .collect();
    let labels = TensorData::new(labels, [pictures, 2, n]);
    let labels = Tensor::<B, 3, Int>::from_data(labels, &f.device());
    Ok(weighed(
        bridge::ncuts_loss(f.exp(), labels, Some(1e-2))?,
        21,
    ))
}

fn ncuts_hard<B: MatrixBackend>(f: Tensor<B, 3>) -> Result<Tensor<B, 1>> {
    let labels = Tensor::<B, 2, Int>::from_data([[0, 0, 1, 1, 1, 2, 2, 2]], &f.device());
    bridge::ncuts_loss(f.exp(), labels, None)
}

fn pool<B: MatrixBackend>(f: Tensor<B, 3>) -> Result<Tensor<B, 1>> {
    // A root that is smooth over a step of finite differences.
    let vech = VechRule {
        signed_square_root: Some(0.1),
        unit_norm: true,
    };
    let pooled: Tensor<B, 2> = bridge::second_order_pool(f, 1e-2, vech)?;
    Ok(weighed(pooled, 22))
}
