//! Functions of one tensor whose gradients are checked, and the tensors.

use candle_core::{D, DType, Device, Result, Tensor, Var};
use matbackprop_candle as bridge;
use matbackprop_candle::VechRule;
use test_support::numbers::normal;

pub type Loss = (
    &'static str,
    &'static [usize],
    fn(&Tensor) -> Result<Tensor>,
);

pub fn tensor(numbers: Vec<f64>, dims: &[usize]) -> Tensor {
    Tensor::from_vec(numbers, dims, &Device::Cpu).unwrap()
}

/// Normal numbers, the same for a seed on every machine.
pub fn gaussian(dims: &[usize], seed: u64) -> Tensor {
    tensor(normal(dims.iter().product(), seed), dims)
}

/// ⟨G, X⟩ for a G that is the same in each call.
pub fn weighed(x: &Tensor, seed: u64) -> Result<Tensor> {
    let g = gaussian(x.dims(), seed).to_dtype(x.dtype())?;
    (x * g)?.sum_all()
}

pub fn list(x: &Tensor) -> Vec<f64> {
    let x = x.flatten_all().unwrap().to_dtype(DType::F64).unwrap();
    x.to_vec1().unwrap()
}

/// The gradient of a loss.
pub fn gradient(loss: fn(&Tensor) -> Result<Tensor>, at: &Tensor) -> Result<Tensor> {
    let at = Var::from_tensor(at)?;
    let grads = loss(&at)?.backward()?;
    Ok(grads.get(&at).expect("a gradient").clone())
}

pub fn symmetric(a: &Tensor) -> Result<Tensor> {
    (a + a.t()?)?.affine(0.5, 0.0)
}

/// Every function, on batches of every shape that it has, with a loss that does not see free signs.
pub const LOSSES: [Loss; 17] = [
    ("gram_log, tall", &[2, 3, 7, 4], gram_log),
    ("gram_log, wide", &[2, 3, 6], gram_log),
    ("gram_log, one", &[1, 1], gram_log),
    ("svd, tall", &[2, 6, 3], svd),
    ("svd, wide", &[3, 2, 5], svd),
    ("svd, square", &[4, 4], svd),
    ("svd, values", &[2, 5, 4], svd_values),
    ("eigh", &[2, 2, 5, 5], eigh),
    ("eigh, values", &[3, 4, 4], eigh_values),
    ("polar, tall", &[2, 5, 3], polar),
    ("polar, wide", &[2, 3, 5], polar),
    ("polar, W alone", &[3, 4, 4], polar_w),
    ("projector, tall", &[2, 6, 3], projector),
    ("projector, one column", &[2, 4, 1], projector),
    ("ncuts_loss", &[2, 8, 3], ncuts),
    ("ncuts_loss, hard", &[8, 3], ncuts_hard),
    ("second_order_pool", &[2, 3, 9, 4], pool),
];

fn gram_log(f: &Tensor) -> Result<Tensor> {
    weighed(&bridge::gram_log(f, 1e-2)?, 11)
}

/// Of U diag(1 / S) Vᵀ and of S: signs cancel.
fn svd(a: &Tensor) -> Result<Tensor> {
    let (u, s, vt) = bridge::svd(a)?;
    let scaled = u.broadcast_div(&s.unsqueeze(D::Minus2)?)?;
    weighed(&scaled.contiguous()?.matmul(&vt.contiguous()?)?, 12)? + weighed(&s, 13)?
}

fn svd_values(a: &Tensor) -> Result<Tensor> {
    weighed(&bridge::svd(a)?.1, 14)
}

/// Of the symmetric part, V diag(λ³) Vᵀ and λ.
fn eigh(a: &Tensor) -> Result<Tensor> {
    let (values, vectors) = bridge::eigh(&symmetric(a)?)?;
    let cubes = values.powf(3.0)?.unsqueeze(D::Minus2)?;
    let scaled = vectors.broadcast_mul(&cubes)?;
    weighed(&scaled.matmul(&vectors.t()?.contiguous()?)?, 15)? + weighed(&values, 16)?
}

fn eigh_values(a: &Tensor) -> Result<Tensor> {
    weighed(&bridge::eigh(&symmetric(a)?)?.0, 17)
}

fn polar(a: &Tensor) -> Result<Tensor> {
    let (w, h) = bridge::polar(a)?;
    weighed(&w, 18)? + weighed(&h, 19)?
}

fn polar_w(a: &Tensor) -> Result<Tensor> {
    weighed(&bridge::polar(a)?.0, 18)
}

fn projector(a: &Tensor) -> Result<Tensor> {
    weighed(&bridge::projector(a)?, 20)
}

/// Two annotations of each picture, of features above zero.
fn ncuts(f: &Tensor) -> Result<Tensor> {
    let pictures: usize = f.dims()[..f.rank() - 2].iter().product();
    let labels: Vec<i64> = (0..pictures * 2 * 8)
        .map(|i| [7, -2, 900][(i / 3) % 3])
        .collect();
    let labels = Tensor::from_vec(labels, (pictures, 2, 8), &Device::Cpu)?;
    weighed(&bridge::ncuts_loss(&f.exp()?, &labels, Some(1e-2))?, 21)
}

fn ncuts_hard(f: &Tensor) -> Result<Tensor> {
    let labels = Tensor::new(&[0u32, 0, 1, 1, 1, 2, 2, 2], &Device::Cpu)?;
    bridge::ncuts_loss(&f.exp()?, &labels, None)
}

fn pool(f: &Tensor) -> Result<Tensor> {
    // A root that is smooth over a step of finite differences.
    let vech = VechRule {
        signed_square_root: Some(0.1),
        unit_norm: true,
    };
    weighed(&bridge::second_order_pool(f, 1e-2, vech)?, 22)
}
