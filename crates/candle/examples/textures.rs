//! Textures, classified by how filter responses vary together, and by their means: the same small network twice.
//!
//! ```text
//! picture ─► 5 × 5 convolution, ReLU, 3 channels ─► mean, or log of the second moment ─► linear ─► softmax
//! ```
//!
//! Four classes of noise, smoothed along one of four directions; mean and contrast are the same for all. Half a minute.
//!
//! ```text
//! cargo run --release -p matbackprop-candle --example textures
//! ```

use candle_core::{D, DType, Device, Result, Tensor, Var};
use matbackprop_candle::{VechRule, second_order_pool};

const SIDE: usize = 20;
const CHANNELS: usize = 3;
const CLASSES: usize = 4;
const STEPS: usize = 100;

fn main() -> Result<()> {
    let (train, train_labels) = pictures(120, 1)?;
    let (test, test_labels) = pictures(400, 2)?;
    for pooling in [Pooling::Mean, Pooling::SecondOrder] {
        let mut network = Network::new(pooling)?;
        for step in 1..=STEPS {
            let loss = cross_entropy(&network.scores(&train)?, &train_labels)?;
            network.descend(&loss, step)?;
            if step % 25 == 0 {
                let loss = loss.to_scalar::<f32>()?;
                println!("{pooling:?}: step {step}, loss {loss:.3}");
            }
        }
        let scores = network.scores(&test)?;
        let accuracy = accuracy(&scores, &test_labels)?;
        println!(
            "{pooling:?}: {:.1} % of 400 unseen pictures",
            100.0 * accuracy
        );
    }
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Pooling {
    Mean,
    SecondOrder,
}

/// Parameters, and Adam's two averages of each.
struct Network {
    pooling: Pooling,
    parameters: [Var; 3],
    averages: Vec<[Tensor; 2]>,
}

impl Network {
    fn new(pooling: Pooling) -> Result<Self> {
        let pooled = match pooling {
            Pooling::Mean => CHANNELS,
            Pooling::SecondOrder => CHANNELS * (CHANNELS + 1) / 2,
        };
        let mut random = Random(7);
        let parameters = [
            Var::from_tensor(&random.tensor(&[CHANNELS, 1, 5, 5], 0.3)?)?,
            Var::zeros((pooled, CLASSES), DType::F32, &Device::Cpu)?,
            Var::zeros(CLASSES, DType::F32, &Device::Cpu)?,
        ];
        let zeros = |x: &Var| Ok([x.zeros_like()?, x.zeros_like()?]);
        let averages: Result<Vec<_>> = parameters.iter().map(zeros).collect();
        Ok(Self {
            pooling,
            averages: averages?,
            parameters,
        })
    }

    fn scores(&self, pictures: &Tensor) -> Result<Tensor> {
        let [filters, weights, bias] = &self.parameters;
        let maps = pictures.conv2d(filters, 0, 1, 1, 1)?.relu()?;
        // A row a position, a column a channel.
        let features = maps.flatten_from(2)?.transpose(1, 2)?;
        let pooled = match self.pooling {
            Pooling::Mean => features.mean(1)?,
            Pooling::SecondOrder => second_order_pool(&features, 1e-3, VechRule::default())?,
        };
        pooled.matmul(weights)?.broadcast_add(bias)
    }

    /// A step of Adam.
    fn descend(&mut self, loss: &Tensor, step: usize) -> Result<()> {
        let grads = loss.backward()?;
        let decay = |rate: f64| 1.0 - rate.powi(step as i32);
        for (parameter, [mean, square]) in self.parameters.iter().zip(&mut self.averages) {
            let Some(gradient) = grads.get(parameter) else {
                continue;
            };
            *mean = ((mean.detach() * 0.9)? + (gradient * 0.1)?)?;
            *square = ((square.detach() * 0.99)? + (gradient.sqr()? * 0.01)?)?;
            let size = (square.affine(1.0 / decay(0.99), 0.0)?.sqrt()? + 1e-8)?;
            let change = mean.affine(0.03 / decay(0.9), 0.0)?.div(&size)?;
            parameter.set(&(parameter.as_tensor() - change)?)?;
        }
        Ok(())
    }
}

fn cross_entropy(scores: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let chosen = scores.gather(&labels.unsqueeze(1)?, 1)?.squeeze(1)?;
    (scores.log_sum_exp(D::Minus1)? - chosen)?.mean_all()
}

fn accuracy(scores: &Tensor, labels: &Tensor) -> Result<f32> {
    let right = scores.argmax(D::Minus1)?.eq(labels)?;
    right.to_dtype(DType::F32)?.mean_all()?.to_scalar()
}

/// Pictures of mean 0 and variance 1, and their directions.
fn pictures(count: usize, seed: u64) -> Result<(Tensor, Tensor)> {
    let mut random = Random(seed);
    let mut numbers = Vec::with_capacity(count * SIDE * SIDE);
    let labels: Vec<u32> = (0..count).map(|i| (i % CLASSES) as u32).collect();
    for label in &labels {
        let (down, right) = [(0, 1), (1, 0), (1, 1), (1, SIDE - 1)][*label as usize];
        let noise: Vec<f32> = (0..SIDE * SIDE).map(|_| random.normal()).collect();
        let at = |i: usize, j: usize| noise[(i % SIDE) * SIDE + j % SIDE];
        let mut smooth: Vec<f32> = (0..SIDE * SIDE)
            .map(|place| {
                let (i, j) = (place / SIDE, place % SIDE);
                let along: f32 = (0..3).map(|t| at(i + t * down, j + t * right)).sum();
                along + 2.5 * random.normal()
            })
            .collect();
        let count = (SIDE * SIDE) as f32;
        let mean = smooth.iter().sum::<f32>() / count;
        let variance = smooth.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
        for x in &mut smooth {
            *x = (*x - mean) / variance.sqrt();
        }
        numbers.extend(smooth);
    }
    let pictures = Tensor::from_vec(numbers, (count, 1, SIDE, SIDE), &Device::Cpu)?;
    Ok((pictures, Tensor::from_vec(labels, count, &Device::Cpu)?))
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

    fn tensor(&mut self, dims: &[usize], size: f32) -> Result<Tensor> {
        let count = dims.iter().product();
        let numbers: Vec<f32> = (0..count).map(|_| size * self.normal()).collect();
        Tensor::from_vec(numbers, dims, &Device::Cpu)
    }
}
