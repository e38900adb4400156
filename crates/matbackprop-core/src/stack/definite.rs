//! Distances and means of many positive definite matrices.

use super::least_squares::has_shape;
use super::matrix_function::{column, list, square};
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::{number, number_of, zeros_like};
use crate::definite::{
    AffineInvariantDistance, DistanceCotangent, DistanceTangent, KarcherMean, LogEuclideanDistance,
    LogEuclideanMean, MeanCotangent,
};
use crate::error::Result;
use crate::function::{Exp, Log, MatrixFunction, ScalarFunction};
use faer::{Mat, MatRef};

const LOG_EUCLIDEAN: &str = "log-Euclidean distance";
const AFFINE: &str = "affine-invariant distance";
const LOG_EUCLIDEAN_MEAN: &str = "log-Euclidean mean";
const KARCHER_MEAN: &str = "Karcher mean";

/// [`LogEuclideanDistance`] of every pair of two stacks: ‖log A − log B‖ and its square.
///
/// # Shapes
/// Inputs A and B, n × n; outputs distance and squared distance, 1 × 1. Kept: λ, n × 1, and V, n × n, of A, the same of B,
/// and log A − log B, n × n.
///
/// # Errors
/// Those of [`LogEuclideanDistance`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LogEuclideanDistanceRule;

impl LogEuclideanDistanceRule {
    fn restored(saved: Saved<'_>) -> Result<LogEuclideanDistance> {
        if !saved.has_factors() {
            return LogEuclideanDistance::forward(saved.inputs[0], saved.inputs[1]);
        }
        let logs = [0, 2].map(|first| eigen_restored(saved, first, Log));
        Ok(LogEuclideanDistance::from_logs(logs, saved.factor(4)))
    }
}

impl StackRule for LogEuclideanDistanceRule {
    fn op(&self) -> &'static str {
        LOG_EUCLIDEAN
    }

    fn inputs(&self) -> usize {
        2
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = side_of_all(LOG_EUCLIDEAN, inputs)?;
        Ok(Shapes {
            outputs: vec![(1, 1), (1, 1)],
            kept: vec![(n, 1), (n, n), (n, 1), (n, n), (n, n)],
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let distance = LogEuclideanDistance::forward(inputs[0], inputs[1])?;
        let mut kept: Vec<Mat<f64>> = distance.logs().iter().flat_map(eigenpairs).collect();
        kept.push(distance.difference().to_owned());
        Ok(Forward {
            outputs: vec![number(distance.value()), number(distance.squared())],
            kept,
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        distance_vjp(saved, bars, |value_bar, squared_bar| {
            Self::restored(saved)?.vjp(value_bar, squared_bar)
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        Ok(distance_dots(Self::restored(saved)?.jvp(dots[0], dots[1])?))
    }
}

/// [`AffineInvariantDistance`] of every pair of two stacks: ‖log(A^−½ B A^−½)‖ and its square.
///
/// # Shapes
/// Inputs A and B, n × n; outputs distance and squared distance, 1 × 1. Kept: ln λ, n × 1, of A⁻¹B, and V and Z, n × n, with
/// VᵀAV = I and ZᵀBZ = I.
///
/// # Errors
/// Those of [`AffineInvariantDistance`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AffineInvariantDistanceRule;

impl AffineInvariantDistanceRule {
    fn restored(saved: Saved<'_>) -> Result<AffineInvariantDistance> {
        if !saved.has_factors() {
            return AffineInvariantDistance::forward(saved.inputs[0], saved.inputs[1]);
        }
        let (values, v, z) = (list(saved.kept[0]), saved.factor(1), saved.factor(2));
        Ok(AffineInvariantDistance::from_factors(values, v, z))
    }
}

impl StackRule for AffineInvariantDistanceRule {
    fn op(&self) -> &'static str {
        AFFINE
    }

    fn inputs(&self) -> usize {
        2
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = side_of_all(AFFINE, inputs)?;
        Ok(Shapes {
            outputs: vec![(1, 1), (1, 1)],
            kept: vec![(n, 1), (n, n), (n, n)],
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let distance = AffineInvariantDistance::forward(inputs[0], inputs[1])?;
        let (values, v, z) = distance.factors();
        Ok(Forward {
            outputs: vec![number(distance.value()), number(distance.squared())],
            kept: vec![column(values), v.to_owned(), z.to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        distance_vjp(saved, bars, |value_bar, squared_bar| {
            Self::restored(saved)?.vjp(value_bar, squared_bar)
        })
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        Ok(distance_dots(Self::restored(saved)?.jvp(dots[0], dots[1])?))
    }
}

/// [`LogEuclideanMean`] of the matrices at the same place of several stacks: exp Σ wᵢ log Aᵢ.
///
/// # Shapes
/// Inputs `matrices` stacks of n × n, and their weights, `matrices` × 1; weights for all places are a stack whose stride is
/// zero. Output n × n. Kept: λ, n × 1, and V, n × n, of each matrix, those of the mean's logarithm, and log Aᵢ less that,
/// n × n, of each.
///
/// # Errors
/// Those of [`LogEuclideanMean`].
#[derive(Clone, Copy, Debug)]
pub struct LogEuclideanMeanRule {
    /// How many matrices each mean has.
    pub matrices: usize,
}

impl LogEuclideanMeanRule {
    fn restored(&self, saved: Saved<'_>) -> Result<LogEuclideanMean> {
        let (matrices, weights) = saved.inputs.split_at(self.matrices);
        let weights = list(weights[0]);
        if !saved.has_factors() {
            return LogEuclideanMean::forward(matrices, Some(&weights));
        }
        let count = self.matrices;
        let logs = (0..count).map(|i| eigen_restored(saved, 2 * i, Log));
        let deviations = (0..count).map(|i| saved.factor(2 * count + 2 + i));
        let mean = eigen_restored(saved, 2 * count, Exp);
        LogEuclideanMean::from_parts(logs.collect(), deviations.collect(), mean, &weights)
    }
}

impl StackRule for LogEuclideanMeanRule {
    fn op(&self) -> &'static str {
        LOG_EUCLIDEAN_MEAN
    }

    fn inputs(&self) -> usize {
        self.matrices + 1
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = shapes_of_mean(LOG_EUCLIDEAN_MEAN, inputs)?;
        let mut kept = [(n, 1), (n, n)].repeat(self.matrices + 1);
        kept.extend(vec![(n, n); self.matrices]);
        Ok(Shapes {
            outputs: vec![(n, n)],
            kept,
        })
    }

    fn takes_symmetric_at(&self, input: usize) -> bool {
        input < self.matrices
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let (matrices, weights) = inputs.split_at(self.matrices);
        let mean = LogEuclideanMean::forward(matrices, Some(&list(weights[0])))?;
        let (logs, deviations, exp) = mean.parts();
        let mut kept: Vec<Mat<f64>> = logs.iter().flat_map(eigenpairs).collect();
        kept.extend(eigenpairs(exp));
        kept.extend(deviations.iter().cloned());
        Ok(Forward {
            outputs: vec![mean.value().to_owned()],
            kept,
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        match bars[0] {
            None => Ok(zeros_like(saved.inputs)),
            Some(bar) => Ok(mean_bars(self.restored(saved)?.vjp(bar)?)),
        }
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let mean = self.restored(saved)?;
        mean_dots(saved, dots, |dots, weights| mean.jvp(Some(dots), weights))
    }
}

/// [`KarcherMean`] of the matrices at the same place of several stacks.
///
/// # Shapes
/// As [`LogEuclideanMeanRule`]. Kept: L, n × n, a root of the mean M = L Lᵀ, from which the way back makes no step.
///
/// # Errors
/// Those of [`KarcherMean`].
#[derive(Clone, Copy, Debug)]
pub struct KarcherMeanRule {
    /// How many matrices each mean has.
    pub matrices: usize,
}

impl KarcherMeanRule {
    fn restored(&self, saved: Saved<'_>) -> Result<KarcherMean> {
        let (matrices, weights) = saved.inputs.split_at(self.matrices);
        let weights = list(weights[0]);
        if !saved.has_factors() {
            return KarcherMean::forward(matrices, Some(&weights));
        }
        KarcherMean::from_root(matrices, &weights, saved.factor(0))
    }
}

impl StackRule for KarcherMeanRule {
    fn op(&self) -> &'static str {
        KARCHER_MEAN
    }

    fn inputs(&self) -> usize {
        self.matrices + 1
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = shapes_of_mean(KARCHER_MEAN, inputs)?;
        Ok(Shapes {
            outputs: vec![(n, n)],
            kept: vec![(n, n)],
        })
    }

    fn takes_symmetric_at(&self, input: usize) -> bool {
        input < self.matrices
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let (matrices, weights) = inputs.split_at(self.matrices);
        let mean = KarcherMean::forward(matrices, Some(&list(weights[0])))?;
        Ok(Forward {
            outputs: vec![mean.value().to_owned()],
            kept: vec![mean.root().to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        match bars[0] {
            None => Ok(zeros_like(saved.inputs)),
            Some(bar) => Ok(mean_bars(self.restored(saved)?.vjp(bar)?)),
        }
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let mean = self.restored(saved)?;
        mean_dots(saved, dots, |dots, weights| mean.jvp(Some(dots), weights))
    }
}

/// λ and V.
fn eigenpairs<F: ScalarFunction>(function: &MatrixFunction<F>) -> [Mat<f64>; 2] {
    [column(function.values()), function.vectors().to_owned()]
}

/// From λ and V, kept one behind the other.
fn eigen_restored<F: ScalarFunction>(
    saved: Saved<'_>,
    first: usize,
    function: F,
) -> MatrixFunction<F> {
    let (values, vectors) = (list(saved.kept[first]), saved.factor(first + 1));
    MatrixFunction::from_eigenpairs(values, vectors, function)
}

/// The side of matrices that all have the same.
fn side_of_all(op: &'static str, inputs: &[Shape]) -> Result<usize> {
    let n = square(op, inputs[0])?;
    for &shape in inputs {
        has_shape(op, shape, (n, n))?;
    }
    Ok(n)
}

/// The side of matrices with weights behind them.
fn shapes_of_mean(op: &'static str, inputs: &[Shape]) -> Result<usize> {
    let count = inputs.len() - 1;
    has_shape(op, inputs[count], (count, 1))?;
    side_of_all(op, &inputs[..count.max(1)])
}

fn distance_vjp(
    saved: Saved<'_>,
    bars: &[Option<MatRef<'_, f64>>],
    vjp: impl FnOnce(f64, f64) -> Result<DistanceCotangent>,
) -> Result<Vec<Mat<f64>>> {
    if bars[0].is_none() && bars[1].is_none() {
        return Ok(zeros_like(saved.inputs));
    }
    let bar = vjp(number_of(bars[0]), number_of(bars[1]))?;
    Ok(vec![bar.a, bar.b])
}

fn distance_dots(dot: DistanceTangent) -> Vec<Mat<f64>> {
    vec![number(dot.distance), number(dot.squared)]
}

fn mean_bars(bar: MeanCotangent) -> Vec<Mat<f64>> {
    let mut bars = bar.matrices;
    bars.push(column(&bar.weights));
    bars
}

fn mean_dots(
    saved: Saved<'_>,
    dots: &[Option<MatRef<'_, f64>>],
    jvp: impl FnOnce(&[MatRef<'_, f64>], Option<&[f64]>) -> Result<Mat<f64>>,
) -> Result<Vec<Mat<f64>>> {
    let zeros = zeros_like(saved.inputs);
    let (of_matrices, of_weights) = dots.split_at(dots.len() - 1);
    let pairs = of_matrices.iter().zip(&zeros);
    let filled: Vec<_> = pairs
        .map(|(dot, zero)| dot.unwrap_or(zero.as_ref()))
        .collect();
    let weights = of_weights[0].map(list);
    Ok(vec![jvp(&filled, weights.as_deref())?])
}
