//! Rotations from shadows: a network sees ten landmarks of a turned body from one side, and says how it is turned.
//!
//! ```text
//! x and y of ten landmarks, with noise ─► 64 tanh ─► I + 3 × 3 numbers ─► closest rotation ─► ½ ‖R̂ − R‖²
//! ```
//!
//! Once the closest rotation is in the network and on the tape, once it comes after training alone. All weights of the last
//! layer start at zero: each matrix is I at first, where singular values are equal and the gradient through an SVD is NaN.
//!
//! ```text
//! cargo run --release -p matbackprop-burn --example rotations
//! ```

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use burn_tensor::{Tensor, TensorData};
use matbackprop_burn::core::stack::{RotationRule, Stacked};
use matbackprop_burn::{MatrixBackend, Result, apply};

type Plain = NdArray<f32>;
type Taped = Autodiff<Plain>;

const LANDMARKS: usize = 10;
const HIDDEN: usize = 64;
const STEPS: usize = 400;
const NOISE: f32 = 0.05;

fn main() -> Result<()> {
    let body = Random(5).normals(LANDMARKS * 3);
    let (train, truths) = views::<Taped>(300, 1, &body);
    let (test, test_truths) = views::<Plain>(1000, 2, &body);
    for inside in [false, true] {
        let name = if inside {
            "rotation in the network"
        } else {
            "rotation afterwards"
        };
        let mut network = Network::new();
        for step in 1..=STEPS {
            let mut found = scores(&network.weights, train.clone());
            if inside {
                found = rotations(found)?;
            }
            let loss = (found - truths.clone()).powf_scalar(2.0).sum();
            let loss = loss.mul_scalar(0.5 / 300.0);
            if step % 100 == 0 {
                let loss = loss.clone().into_scalar();
                println!("{name}: step {step}, loss {loss:.4}");
            }
            network.descend(&loss, step);
        }
        let weights = network.weights.map(|weights| weights.inner());
        let found = rotations(scores(&weights, test.clone()))?;
        let degrees = mean_angle(found, test_truths.clone());
        println!("{name}: {degrees:.2} degrees off, 1000 unseen views");
    }
    Ok(())
}

/// The rotation closest to each matrix.
fn rotations<B: MatrixBackend>(matrices: Tensor<B, 3>) -> Result<Tensor<B, 3>> {
    Ok(apply(Stacked::new(RotationRule), [matrices])?.remove(0))
}

fn scores<B: MatrixBackend>(weights: &[Tensor<B, 2>; 3], views: Tensor<B, 2>) -> Tensor<B, 3> {
    let [first, bias, last] = weights;
    let hidden = (views.matmul(first.clone()) + bias.clone()).tanh();
    let numbers = hidden.matmul(last.clone());
    let count = numbers.dims()[0];
    numbers.reshape([count, 3, 3]) + Tensor::<B, 2>::eye(3, &last.device()).unsqueeze()
}

/// Weights, and Adam's two averages of each.
struct Network {
    weights: [Tensor<Taped, 2>; 3],
    averages: [[Tensor<Plain, 2>; 2]; 3],
}

impl Network {
    fn new() -> Self {
        let device = Default::default();
        let inputs = 2 * LANDMARKS;
        let mut first = Random(7).normals(inputs * HIDDEN);
        first.iter_mut().for_each(|x| *x *= 0.2);
        let first = Tensor::from_data(TensorData::new(first, [inputs, HIDDEN]), &device);
        let (bias, last) = ([1, HIDDEN], [HIDDEN, 9]);
        let weights = [
            first,
            Tensor::zeros(bias, &device),
            Tensor::zeros(last, &device),
        ];
        let zeros = |x: &Tensor<Taped, 2>| [0, 1].map(|_| x.clone().inner().zeros_like());
        Self {
            averages: weights.each_ref().map(zeros),
            weights: weights.map(Tensor::require_grad),
        }
    }

    /// A step of Adam.
    fn descend(&mut self, loss: &Tensor<Taped, 1>, step: usize) {
        let mut grads = loss.backward();
        let decay = |rate: f32| 1.0 - rate.powi(step as i32);
        for (weights, [mean, square]) in self.weights.iter_mut().zip(&mut self.averages) {
            let Some(gradient) = weights.grad_remove(&mut grads) else {
                continue;
            };
            *mean = mean.clone().mul_scalar(0.9) + gradient.clone().mul_scalar(0.1);
            let squares = gradient.clone() * gradient;
            *square = square.clone().mul_scalar(0.99) + squares.mul_scalar(0.01);
            let size = square.clone().div_scalar(decay(0.99)).sqrt() + 1e-8;
            let change = mean.clone().mul_scalar(0.01 / decay(0.9)) / size;
            *weights = Tensor::from_inner(weights.clone().inner() - change).require_grad();
        }
    }
}

/// Mean angle between rotations, in degrees.
fn mean_angle(found: Tensor<Plain, 3>, truths: Tensor<Plain, 3>) -> f32 {
    let products = (found * truths).into_data();
    let products: Vec<f32> = products.iter::<f32>().collect();
    let traces = products.chunks(9).map(|own| own.iter().sum::<f32>());
    let angles = traces.map(|trace| ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos());
    let angles: Vec<f32> = angles.map(f32::to_degrees).collect();
    angles.iter().sum::<f32>() / angles.len() as f32
}

/// What is seen of the body in every position, and its rotation.
fn views<B: MatrixBackend>(count: usize, seed: u64, body: &[f32]) -> (Tensor<B, 2>, Tensor<B, 3>) {
    let mut random = Random(seed);
    let (mut seen, mut truths) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let rotation = rotation(&random.normals(4));
        for point in body.chunks(3) {
            for row in rotation.iter().take(2) {
                let at: f32 = row.iter().zip(point).map(|(r, x)| r * x).sum();
                seen.push(at + NOISE * random.normal());
            }
        }
        truths.extend(rotation.concat());
    }
    let device = Default::default();
    let seen = TensorData::new(seen, [count, 2 * LANDMARKS]);
    let truths = TensorData::new(truths, [count, 3, 3]);
    (
        Tensor::from_data(seen, &device),
        Tensor::from_data(truths, &device),
    )
}

/// Of a quaternion of any length: uniform, where that is normal.
fn rotation(q: &[f32]) -> [[f32; 3]; 3] {
    let length = q.iter().map(|x| x * x).sum::<f32>().sqrt();
    let [w, x, y, z] = [0, 1, 2, 3].map(|i| q[i] / length);
    [
        [
            1.0 - 2.0 * (y * y + z * z),
            2.0 * (x * y - w * z),
            2.0 * (x * z + w * y),
        ],
        [
            2.0 * (x * y + w * z),
            1.0 - 2.0 * (x * x + z * z),
            2.0 * (y * z - w * x),
        ],
        [
            2.0 * (x * z - w * y),
            2.0 * (y * z + w * x),
            1.0 - 2.0 * (x * x + y * y),
        ],
    ]
}

/// The same numbers on every machine: xorshift, and Box and Muller.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    fn normal(&mut self) -> f32 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos()
    }

    fn normals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.normal()).collect()
    }
}
