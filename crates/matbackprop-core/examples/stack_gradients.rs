//! Gradients of rules on the stacks of a folder; `benches/gradient_rules.py` makes the folder and holds the result, and
//! that of PyTorch, against references in many digits.
//!
//! `cargo run --release -p matbackprop-core --example stack_gradients -- FOLDER` reads the rule from `case.json`, its
//! inputs from `input0`, `input1`, … and the cotangents of its outputs from `bar0`, …, writes `gradient0`, … in 64 bits,
//! and prints the errors of matrices without a gradient as a JSON line. Without arguments: one small case of its own.

use std::path::{Path, PathBuf};

use matbackprop_core::stack::{
    AffineInvariantDistanceRule, CholeskyRule, DeterminantRule, GramFunctionRule, KarcherMeanRule,
    LeastSquaresRule, LogDetRule, LogEuclideanDistanceRule, LogEuclideanMeanRule, LyapunovRule,
    MatrixExpRule, MatrixFunctionRule, MatrixLogRule, MatrixSqrtRule, NewtonSchulzRule, Number,
    OnFailure, PolarRule, ProcrustesRule, ProjectorRule, PseudoInverseRule, QrRule,
    RegularisedLeastSquaresRule, RotationRule, SignedLogDetRule, Stack, StackRef, StackRule,
    Stacked, SylvesterRule, SymmetricPowerRule, SymmetricSolveRule, WhiteningRule,
};
use matbackprop_core::{Iterations, Log, Normalisation, Ridge, Sqrt};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What a folder holds.
struct Case {
    folder: PathBuf,
    numbers: Value,
}

fn main() -> Outcome<()> {
    let Some(folder) = std::env::args().nth(1).map(PathBuf::from) else {
        let a = Stack::from_fn(4, (2, 2), |b, i, j| if i == j { b as f64 } else { 0.0 });
        let determinant = Stacked::new(DeterminantRule);
        let forward = determinant.forward(&[a.as_ref()])?;
        let one = Stack::from_fn(4, (1, 1), |_, _, _| 1.0);
        let bars = determinant.vjp(&[a.as_ref()], &forward.kept(), &[Some(one.as_ref())])?;
        println!(
            "gradients of det(b I), b = 0, 1, 2, 3: {:?}",
            bars[0].numbers()
        );
        return Ok(());
    };
    let text = std::fs::read_to_string(folder.join("case.json"))?;
    let case = Case {
        numbers: serde_json::from_str(&text)?,
        folder,
    };
    match case.numbers["bits"].as_u64() {
        Some(32) => run::<f32>(&case),
        _ => run::<f64>(&case),
    }
}

#[allow(clippy::too_many_lines)] // A table.
fn run<T: Number>(case: &Case) -> Outcome<()> {
    let epsilon = case.numbers["epsilon"].as_f64().unwrap_or(1e-3);
    let matrices = case.numbers["matrices"].as_u64().unwrap_or(3) as usize;
    let name = case.numbers["rule"].as_str().ok_or("expected a rule")?;
    match name {
        "gram_log" => gradients::<_, T>(case, GramFunctionRule(Ridge::new(Log, epsilon)?)),
        "log" => gradients::<_, T>(case, MatrixFunctionRule(Log)),
        "sqrt" => gradients::<_, T>(case, MatrixFunctionRule(Sqrt)),
        "polar" => gradients::<_, T>(case, PolarRule),
        "rotation" => gradients::<_, T>(case, RotationRule),
        "procrustes" => gradients::<_, T>(case, ProcrustesRule::default()),
        "projector" => gradients::<_, T>(case, ProjectorRule::default()),
        "pseudo_inverse" => gradients::<_, T>(case, PseudoInverseRule::default()),
        "least_squares" => gradients::<_, T>(case, LeastSquaresRule::default()),
        "regularised_least_squares" => gradients::<_, T>(case, RegularisedLeastSquaresRule),
        "cholesky" => gradients::<_, T>(case, CholeskyRule::default()),
        "qr" => gradients::<_, T>(case, QrRule),
        "log_det" => gradients::<_, T>(case, LogDetRule),
        "signed_log_det" => gradients::<_, T>(case, SignedLogDetRule),
        "determinant" => gradients::<_, T>(case, DeterminantRule),
        "symmetric_solve" => gradients::<_, T>(case, SymmetricSolveRule),
        "sylvester" => gradients::<_, T>(case, SylvesterRule),
        "lyapunov" => gradients::<_, T>(case, LyapunovRule),
        "exp" => gradients::<_, T>(case, MatrixExpRule),
        "general_log" => gradients::<_, T>(case, MatrixLogRule),
        "general_sqrt" => gradients::<_, T>(case, MatrixSqrtRule),
        "newton_schulz" => gradients::<_, T>(
            case,
            NewtonSchulzRule {
                normalisation: Normalisation::Trace,
                iterations: Iterations::Fixed(case.numbers["steps"].as_u64().unwrap_or(5) as usize),
            },
        ),
        "power" => gradients::<_, T>(case, SymmetricPowerRule),
        "whitening" => gradients::<_, T>(case, WhiteningRule { epsilon }),
        "log_euclidean_distance" => gradients::<_, T>(case, LogEuclideanDistanceRule),
        "affine_invariant_distance" => gradients::<_, T>(case, AffineInvariantDistanceRule),
        "log_euclidean_mean" => gradients::<_, T>(case, LogEuclideanMeanRule { matrices }),
        "karcher_mean" => gradients::<_, T>(case, KarcherMeanRule { matrices }),
        other => Err(format!("expected a rule we know, found {other}").into()),
    }
}

fn gradients<R: StackRule, T: Number>(case: &Case, rule: R) -> Outcome<()> {
    let read = |name: &str, count: usize| -> Outcome<Vec<Stack<T>>> {
        let names = (0..count).map(|k| format!("{name}{k}"));
        names.map(|name| case.read(&name)).collect()
    };
    let inputs = read("input", rule.inputs())?;
    let inputs: Vec<StackRef<'_, T>> = inputs.iter().map(Stack::as_ref).collect();
    let shapes: Vec<_> = inputs.iter().map(StackRef::shape).collect();
    let bars = read("bar", rule.shapes(&shapes)?.outputs.len())?;
    let bars: Vec<_> = bars.iter().map(|bar| Some(bar.as_ref())).collect();
    let stacked = Stacked::new(rule).on_failure(OnFailure::Nan);
    let forward = stacked.forward(&inputs)?;
    let mut x_bars: Vec<Stack<T>> = inputs
        .iter()
        .map(|input| Stack::zeros(input.count(), input.shape()))
        .collect();
    let mut written: Vec<_> = x_bars.iter_mut().map(Stack::as_mut).collect();
    let failures = stacked.vjp_into(&inputs, &forward.kept(), &bars, &mut written)?;
    drop(written);
    for (k, x_bar) in x_bars.iter().enumerate() {
        write(&case.folder.join(format!("gradient{k}")), x_bar)?;
    }
    let failures: Vec<String> = failures.iter().map(ToString::to_string).collect();
    println!("{}", json!({ "refused": failures }));
    Ok(())
}

impl Case {
    /// Little-endian numbers of T's width, matrix after matrix, row after row.
    fn read<T: Number>(&self, name: &str) -> Outcome<Stack<T>> {
        let shape = self.numbers["shapes"][name].as_array();
        let shape = shape.ok_or_else(|| format!("expected the shape of {name}"))?;
        let sides: Vec<usize> = shape
            .iter()
            .filter_map(|side| side.as_u64().map(|side| side as usize))
            .collect();
        let [count, rows, columns] = sides[..] else {
            return Err(format!("{name}: expected three sides, found {sides:?}").into());
        };
        let bytes = std::fs::read(self.folder.join(name))?;
        let width = size_of::<T>();
        if bytes.len() != width * count * rows * columns {
            return Err(format!("{name}: found {} bytes for {sides:?}", bytes.len()).into());
        }
        Ok(Stack::from_fn(count, (rows, columns), |b, i, j| {
            let place = ((b * rows + i) * columns + j) * width;
            let bytes = &bytes[place..place + width];
            T::rounded(match bytes.try_into() {
                Ok(single) => f64::from(f32::from_le_bytes(single)),
                Err(_) => bytes.try_into().map_or(f64::NAN, f64::from_le_bytes),
            })
        }))
    }
}

fn write<T: Number>(path: &Path, stack: &Stack<T>) -> std::io::Result<()> {
    let numbers = stack.numbers().iter();
    let bytes = numbers.flat_map(|x| x.widened().to_le_bytes());
    std::fs::write(path, bytes.collect::<Vec<u8>>())
}
