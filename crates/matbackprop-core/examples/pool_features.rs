//! Second-order pooling of your own features, beside mean pooling: a learned reduction of channels, the logarithm of the
//! second moment, a linear classifier; trained by gradient through the rule on stacks.
//!
//! `cargo run --release -p matbackprop-core --example pool_features -- features.csv`
//!
//! A row of the file is a position of an image: `image,label,x1,…,xd`, with whole numbers for image and label, labels from 0;
//! a first row of names is skipped. All images have as many positions. Channels are brought to a mean square of one; every
//! fourth image is held out. Without a file: two textures whose channels have the same means and variances, and other
//! covariances.

use std::collections::BTreeMap;

use faer::{Mat, MatRef, Scale};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::stack::{GramFunctionRule, Stack, Stacked};
use matbackprop_core::{Log, Ridge};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// From the cotangent of pooled rows to that of X W.
type WayBack<'a> = Box<dyn Fn(MatRef<'_, f64>) -> Outcome<Stack<f64>> + 'a>;

/// Channels that are left, where there are more.
const REDUCED: usize = 4;
const STEPS: usize = 200;
const RATE: f64 = 0.5;

/// Positions × channels of every image, and its class; FᵀF is the mean over positions.
struct Images {
    features: Vec<Mat<f64>>,
    labels: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pooling {
    Mean,
    LogMoment,
}

/// Scores = pooled(X W) G + o.
struct Network {
    pooling: Pooling,
    w: Mat<f64>,
    g: Mat<f64>,
    o: Mat<f64>,
}

fn main() -> Outcome<()> {
    let images = match std::env::args().nth(1) {
        Some(path) => read(&std::fs::read_to_string(path)?)?,
        None => textures(),
    }
    .scaled();
    let (held_out, training) = images.split();
    for pooling in [Pooling::Mean, Pooling::LogMoment] {
        let mut network = Network::new(pooling, &images);
        for step in 0..=STEPS {
            let loss = network.step(&training)?;
            if step % 50 == 0 {
                println!("{pooling:?}, step {step:3}: loss {loss:.4}");
            }
        }
        let [seen, new] = [&training, &held_out].map(|x| network.accuracy(x));
        println!(
            "{pooling:?}: {:.1} % of the training images right, {:.1} % of the images held out",
            100.0 * seen?,
            100.0 * new?
        );
    }
    Ok(())
}

impl Network {
    fn new(pooling: Pooling, images: &Images) -> Self {
        let channels = images.features[0].ncols();
        let classes = images.labels.iter().max().map_or(0, |last| last + 1);
        let reduced = channels.min(REDUCED);
        let pooled = match pooling {
            Pooling::Mean => reduced,
            Pooling::LogMoment => reduced * reduced,
        };
        Self {
            pooling,
            w: Scale((channels as f64).sqrt().recip()) * gaussian(channels, reduced, 99),
            g: Mat::zeros(pooled, classes),
            o: Mat::zeros(1, classes),
        }
    }

    /// One step of gradient descent; the loss before it.
    fn step(&mut self, images: &Images) -> Outcome<f64> {
        let reduced = self.reduced(images);
        let (pooled, back) = self.pooled(&reduced)?;
        let shares = softmax(&self.scores(&pooled));
        let count = images.labels.len() as f64;
        let right = |b: usize, class: usize| f64::from(u8::from(images.labels[b] == class));
        let loss = (0..images.labels.len())
            .map(|b| -shares[(b, images.labels[b])].ln() / count)
            .sum();

        // The same list read upward.
        let (rows, classes) = shares.shape();
        let scores_bar = Mat::from_fn(rows, classes, |b, k| (shares[(b, k)] - right(b, k)) / count);
        let reduced_bar = back((&scores_bar * self.g.transpose()).as_ref())?;
        let mut w_bar = Mat::zeros(self.w.nrows(), self.w.ncols());
        for (b, x) in images.features.iter().enumerate() {
            w_bar += x.transpose() * matrix(&reduced_bar, b);
        }
        self.g -= Scale(RATE) * (pooled.transpose() * &scores_bar);
        self.o -= Scale(RATE) * (Mat::<f64>::ones(1, rows) * &scores_bar);
        self.w -= Scale(RATE) * w_bar;
        Ok(loss)
    }

    fn accuracy(&self, images: &Images) -> Outcome<f64> {
        let scores = self.scores(&self.pooled(&self.reduced(images))?.0);
        let right = images.labels.iter().enumerate().filter(|&(b, &label)| {
            let others = (0..scores.ncols()).filter(|&k| k != label);
            others
                .into_iter()
                .all(|k| scores[(b, label)] > scores[(b, k)])
        });
        Ok(right.count() as f64 / images.labels.len() as f64)
    }

    fn scores(&self, pooled: &Mat<f64>) -> Mat<f64> {
        pooled * &self.g + Mat::<f64>::ones(pooled.nrows(), 1) * &self.o
    }

    /// X W of every image, as a stack.
    fn reduced(&self, images: &Images) -> Stack<f64> {
        let all: Vec<Mat<f64>> = images.features.iter().map(|x| x * &self.w).collect();
        Stack::from_fn(all.len(), all[0].shape(), |b, i, j| all[b][(i, j)])
    }

    /// One row an image, and the way back to X W.
    fn pooled<'a>(&self, reduced: &'a Stack<f64>) -> Outcome<(Mat<f64>, WayBack<'a>)> {
        let f = reduced.as_ref();
        let (count, (n, d)) = (f.count(), f.shape());
        if self.pooling == Pooling::Mean {
            // Features are over √n already.
            let share = (n as f64).sqrt().recip();
            let sum = |b: usize, j: usize| (0..n).map(|i| f.entry(b, i, j)).sum::<f64>();
            let means = Mat::from_fn(count, d, |b, j| share * sum(b, j));
            let back = move |bar: MatRef<'_, f64>| {
                Ok(Stack::from_fn(count, (n, d), |b, _, j| share * bar[(b, j)]))
            };
            return Ok((means, Box::new(back)));
        }
        // log(FᵀF + εI) of all images in one call.
        let log = Stacked::new(GramFunctionRule(Ridge::new(Log, 1e-3)?));
        let forward = log.forward(&[f])?;
        let logs = forward.outputs[0].as_ref();
        let rows = Mat::from_fn(count, d * d, |b, k| logs.entry(b, k / d, k % d));
        let back = move |bar: MatRef<'_, f64>| {
            let bars = Stack::from_fn(count, (d, d), |b, i, j| bar[(b, i * d + j)]);
            let mut f_bar = log.vjp(&[f], &forward.kept(), &[Some(bars.as_ref())])?;
            Ok(f_bar.remove(0))
        };
        Ok((rows, Box::new(back)))
    }
}

fn matrix(stack: &Stack<f64>, b: usize) -> Mat<f64> {
    let stack = stack.as_ref();
    let (rows, columns) = stack.shape();
    Mat::from_fn(rows, columns, |i, j| stack.entry(b, i, j))
}

fn softmax(scores: &Mat<f64>) -> Mat<f64> {
    let (rows, classes) = scores.shape();
    // exp(sₖ) / Σⱼ exp(sⱼ), by differences that do not overflow.
    let share = |b: usize, k: usize| {
        let terms = (0..classes).map(|j| (scores[(b, j)] - scores[(b, k)]).exp());
        terms.sum::<f64>().recip()
    };
    Mat::from_fn(rows, classes, share)
}

impl Images {
    /// Every channel with a mean square of one, over √positions.
    fn scaled(self) -> Self {
        let (n, d) = self.features[0].shape();
        let count = n as f64 * self.features.len() as f64;
        let square = |j: usize| {
            let columns = self.features.iter().map(|x| x.col(j).squared_norm_l2());
            columns.sum::<f64>() / count
        };
        let sizes: Vec<f64> = (0..d).map(|j| (square(j) * n as f64).sqrt()).collect();
        let over = |x: f64, size: f64| if size > 0.0 { x / size } else { 0.0 };
        let scaled = |x: &Mat<f64>| Mat::from_fn(n, d, |i, j| over(x[(i, j)], sizes[j]));
        Self {
            features: self.features.iter().map(scaled).collect(),
            labels: self.labels,
        }
    }

    fn split(&self) -> (Self, Self) {
        let part = |held_out: bool| {
            let kept = (0..self.labels.len()).filter(|b| (b % 4 == 3) == held_out);
            let (features, labels) = kept
                .map(|b| (self.features[b].clone(), self.labels[b]))
                .unzip();
            Self { features, labels }
        };
        (part(true), part(false))
    }
}

/// Noise of eight channels with mean 1 and variance 1. Channels 2 and 5 rise together, or one falls as the other rises.
fn textures() -> Images {
    const POSITIONS: usize = 49;
    // Every fourth image is of either texture.
    let labels: Vec<usize> = (0..200).map(|b| (b + b / 4) % 2).collect();
    let image = |(b, &label): (usize, &usize)| {
        let mut x = gaussian(POSITIONS, 8, b as u64);
        let sign = if label == 0 { 0.6 } else { -0.6 };
        for i in 0..POSITIONS {
            x[(i, 5)] = sign * x[(i, 2)] + 0.8 * x[(i, 5)];
        }
        x + Mat::<f64>::ones(POSITIONS, 8)
    };
    Images {
        features: labels.iter().enumerate().map(image).collect(),
        labels,
    }
}

fn read(text: &str) -> Outcome<Images> {
    let mut images: BTreeMap<usize, (usize, Vec<Vec<f64>>)> = BTreeMap::new();
    for (line, row) in text
        .lines()
        .enumerate()
        .filter(|(_, row)| !row.trim().is_empty())
    {
        let cells: Result<Vec<f64>, _> = row.split(',').map(|cell| cell.trim().parse()).collect();
        match cells {
            Ok(cells) if cells.len() > 2 => {
                let image = images.entry(cells[0] as usize).or_default();
                image.0 = cells[1] as usize;
                image.1.push(cells[2..].to_vec());
            }
            Err(_) if line == 0 => {}
            _ => {
                let place = line + 1;
                return Err(
                    format!("line {place}: expected image,label,x1,…,xd, found {row}").into(),
                );
            }
        }
    }
    let first = images.values().next().ok_or("expected at least one row")?;
    let (n, d) = (first.1.len(), first.1[0].len());
    let fits = |x: &Vec<Vec<f64>>| x.len() == n && x.iter().all(|row| row.len() == d);
    if let Some((name, _)) = images.iter().find(|(_, (_, x))| !fits(x)) {
        return Err(format!("image {name}: expected {n} positions of {d} channels").into());
    }
    let of = |x: &Vec<Vec<f64>>| Mat::from_fn(n, d, |i, j| x[i][j]);
    Ok(Images {
        features: images.values().map(|(_, x)| of(x)).collect(),
        labels: images.values().map(|(label, _)| *label).collect(),
    })
}
