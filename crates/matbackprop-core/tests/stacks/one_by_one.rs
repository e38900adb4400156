//! A rule for one matrix beside its stack: the same bits, in any layout, with a matrix that fails between the others.

use crate::matrices::matrix_of;
use faer::Mat;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::stack::{Number, OnFailure, Stack, StackRef, StackRule, Stacked};
use matbackprop_core::{Error, Result, inner_product};

/// Outputs, and cotangents of the inputs.
pub type Results = (Vec<Mat<f64>>, Vec<Mat<f64>>);

/// Inputs of one place, the first one drawn from a seed.
pub type Draw<'a> = &'a dyn Fn(u64) -> Vec<Mat<f64>>;

/// The single rule: from inputs and cotangents of all outputs.
pub type Alone<'a> = &'a dyn Fn(&[Mat<f64>], &[Mat<f64>]) -> Result<Results>;

const COUNT: usize = 9;
/// The place whose first input is not finite.
const BAD: usize = 5;

/// Numbers of a stack that lie three apart, and matrices some more.
struct Spread<T> {
    numbers: Vec<T>,
    shape: (usize, usize),
}

impl<T: Number> Spread<T> {
    fn new(matrices: &[Mat<f64>]) -> Self {
        let (rows, columns) = matrices[0].shape();
        let mut spread = Self {
            numbers: vec![T::NAN; matrices.len() * (3 * rows * columns + 7)],
            shape: (rows, columns),
        };
        let [next, row, column] = spread.strides();
        for (b, matrix) in matrices.iter().enumerate() {
            for i in 0..rows {
                for j in 0..columns {
                    spread.numbers[b * next + i * row + j * column] = T::rounded(matrix[(i, j)]);
                }
            }
        }
        spread
    }

    /// Columns lie one behind the other.
    fn strides(&self) -> [usize; 3] {
        let (rows, columns) = self.shape;
        [3 * rows * columns + 7, 3, 3 * rows]
    }

    fn as_ref(&self) -> StackRef<'_, T> {
        StackRef::with_strides(&self.numbers, COUNT, self.shape, self.strides()).unwrap()
    }
}

/// A stack of the same input of every place.
fn spread<T: Number>(places: &[Vec<Mat<f64>>], which: usize) -> Spread<T> {
    let matrices: Vec<Mat<f64>> = places.iter().map(|place| place[which].clone()).collect();
    Spread::new(&matrices)
}

fn rounded<T: Number>(a: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| T::rounded(a[(i, j)]).widened())
}

fn index_of(error: &Error) -> usize {
    match error {
        Error::InStack { index, .. } => *index,
        _ => usize::MAX,
    }
}

/// Outputs are those of the rule alone to rounding, cotangents to the last bit, in 64 bits and rounded once in 32; `dual`
/// is the largest relative difference of ⟨ȳ, ẏ⟩ and ⟨x̄, ẋ⟩.
pub fn same_as_alone<R: StackRule>(rule: R, draw: Draw<'_>, alone: Alone<'_>, dual: f64) {
    in_precision::<R, f64>(&rule, draw, alone, dual);
    in_precision::<R, f32>(&rule, draw, alone, 1e-4);
}

fn in_precision<R: StackRule, T: Number>(rule: &R, draw: Draw<'_>, alone: Alone<'_>, dual: f64) {
    let name = format!("{} in {} bytes", rule.op(), size_of::<T>());
    let round = |places: Vec<Mat<f64>>| places.iter().map(rounded::<T>).collect::<Vec<_>>();
    let mut places: Vec<Vec<Mat<f64>>> = (0..COUNT as u64).map(|b| round(draw(b))).collect();
    places[BAD][0].fill(f64::NAN);
    let shapes: Vec<_> = places[0].iter().map(Mat::shape).collect();
    let shapes = rule.shapes(&shapes).unwrap();
    let drawn = |seed: u64, (rows, columns)| rounded::<T>(&gaussian(rows, columns, seed));
    let bars: Vec<Vec<Mat<f64>>> = (0..COUNT as u64)
        .map(|b| {
            let seeds = shapes.outputs.iter().zip(100 * (b + 1)..);
            seeds.map(|(&shape, seed)| drawn(seed, shape)).collect()
        })
        .collect();

    let inputs: Vec<Spread<T>> = (0..places[0].len()).map(|k| spread(&places, k)).collect();
    let inputs: Vec<StackRef<'_, T>> = inputs.iter().map(Spread::as_ref).collect();
    let stacked = Stacked::new(rule);
    let refused = stacked.forward(&inputs).unwrap_err();
    assert_eq!(index_of(&refused), BAD, "{name}: {refused}");
    let stacked = stacked.on_failure(OnFailure::Nan);
    let forward = stacked.forward(&inputs).unwrap();
    assert_eq!(forward.failures.len(), 1, "{name}: {:?}", forward.failures);
    let bar_stacks: Vec<Spread<T>> = (0..bars[0].len()).map(|k| spread(&bars, k)).collect();
    let given: Vec<_> = bar_stacks.iter().map(|bar| Some(bar.as_ref())).collect();
    let x_bars = stacked.vjp(&inputs, &forward.kept(), &given).unwrap();
    let none = vec![None; bars[0].len()];
    let zeros = stacked.vjp(&inputs, &forward.kept(), &none).unwrap();
    let dots: Vec<Vec<Mat<f64>>> = (0..COUNT as u64)
        .map(|b| round(tangents(&places[0], &draw(b), &draw(b + 50))))
        .collect();
    let dot_stacks: Vec<Spread<T>> = (0..dots[0].len()).map(|k| spread(&dots, k)).collect();
    let given: Vec<_> = dot_stacks.iter().map(|dot| Some(dot.as_ref())).collect();
    let y_dots = stacked.jvp(&inputs, &forward.kept(), &given).unwrap();

    for b in 0..COUNT {
        let of = |stacks: &[Stack<T>]| -> Vec<Mat<f64>> {
            let stacks = stacks.iter();
            stacks.map(|stack| matrix_of(stack.as_ref(), b)).collect()
        };
        let (outputs, x_bar, y_dot) = (of(&forward.outputs), of(&x_bars), of(&y_dots));
        if b == BAD {
            let all = outputs.iter().chain(&x_bar).chain(&y_dot);
            assert!(all.into_iter().all(|x| x.has_nan()), "{name}");
            continue;
        }
        let (expected_outputs, expected_bars) = alone(&places[b], &bars[b]).unwrap();
        for (found, expected) in outputs.iter().zip(round(expected_outputs)) {
            // Symmetric products are formed by halves, which moves the last bit.
            let error = (found - &expected).norm_max();
            let rounding = 8.0 * T::EPSILON * expected.norm_max();
            assert!(error <= rounding, "{name}: output of {b}: {error:e}");
        }
        assert_eq!(x_bar, round(expected_bars), "{name}: cotangents of {b}");
        assert!(of(&zeros).iter().all(|x| x.norm_max() == 0.0), "{name}");
        let ([down, size], [across, other]) = (sum(&bars[b], &y_dot), sum(&x_bar, &dots[b]));
        let difference = (down - across).abs();
        assert!(
            difference <= dual * size.max(other),
            "{name}: {b}: {down:e} {across:e}"
        );
    }
}

/// Σ ⟨xᵢ, yᵢ⟩, and Σ ‖xᵢ‖ ‖yᵢ‖.
fn sum(x: &[Mat<f64>], y: &[Mat<f64>]) -> [f64; 2] {
    let terms = x.iter().zip(y).map(|(x, y)| {
        let product = inner_product(x.as_ref(), y.as_ref()).unwrap();
        [product, x.norm_l2() * y.norm_l2()]
    });
    terms.fold([0.0, 0.0], |[sum, size], [x, y]| [sum + x, size + y])
}

/// A difference of two inputs: symmetric where they are, in the shapes of the first.
fn tangents(shapes: &[Mat<f64>], a: &[Mat<f64>], b: &[Mat<f64>]) -> Vec<Mat<f64>> {
    let triples = shapes.iter().zip(a).zip(b);
    triples
        .map(|((shape, a), b)| {
            assert_eq!(shape.shape(), a.shape());
            b - a
        })
        .collect()
}
