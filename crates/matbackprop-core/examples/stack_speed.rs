//! Times of rules on the stacks of a folder, as a JSON line; `benches/compare_stacks.py` makes the folder and calls this
//! in turn with PyTorch.
//!
//! `cargo run --release -p matbackprop-core --example stack_speed -- FOLDER 0.5`: half a second a measurement, three runs
//! at least. Without arguments: one small case of its own.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::stack::{
    GramFunctionRule, MatrixFunctionRule, Number, PolarRule, Stack, StackMut, StackRef, StackRule,
    Stacked, SymEigRule, ThinSvdRule,
};
use matbackprop_core::{GapPolicy, Log, Ridge};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const ANY_GAP: GapPolicy = GapPolicy::Error { floor: 0.0 };

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        let numbers = gaussian(64 * 8, 8, 1);
        let input = Stack::from_fn(64, (8, 8), |b, i, j| numbers[(8 * b + i, j)]);
        let bar = Stack::from_fn(64, (8, 8), |b, i, j| numbers[(8 * b + j, i)]);
        let line = measure(0.0, PolarRule, &input, |_, bars| copy(&bar, &mut bars[0]))?.0;
        println!("64 polar factors of 8 × 8, milliseconds: {line}");
        return Ok(());
    };
    let seconds: f64 = arguments.next().map_or(Ok(0.5), |text| text.parse())?;
    let case: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("case.json"))?)?;
    match case["bits"].as_u64() {
        Some(32) => run::<f32>(&folder, &case, seconds),
        _ => run::<f64>(&folder, &case, seconds),
    }
}

fn run<T: Number>(folder: &Path, case: &Value, seconds: f64) -> Outcome<()> {
    let read = |name: &str| read::<T>(folder, case, name);
    let input = read("A")?;
    let fixed =
        |bar: Stack<T>| move |_: &[Stack<T>], bars: &mut [Stack<T>]| copy(&bar, &mut bars[0]);
    let (line, value, gradient) = match case["kind"].as_str() {
        Some("gram_log") => {
            let rule = GramFunctionRule(Ridge::new(Log, 1e-3)?);
            measure(seconds, rule, &input, fixed(read("G")?))?
        }
        Some("spd_log") => measure(seconds, MatrixFunctionRule(Log), &input, fixed(read("G")?))?,
        Some("polar") => measure(seconds, PolarRule, &input, fixed(read("G")?))?,
        Some("sym_eig") => {
            let (c, x) = (read("c")?, read("x")?);
            // Σ cⱼ (λⱼ + (xᵀvⱼ)²), which does not see the signs of the vectors.
            let bars_of = |outputs: &[Stack<T>], bars: &mut [Stack<T>]| {
                copy(&c, &mut bars[0]);
                vectors_bar(&outputs[1], &c, &x, 2.0, &x, &outputs[1], &mut bars[1]);
            };
            measure(seconds, SymEigRule { gaps: ANY_GAP }, &input, bars_of)?
        }
        Some("thin_svd") => {
            let (c, x, y) = (read("c")?, read("x")?, read("y")?);
            // Σ cⱼ (σⱼ + (xᵀuⱼ)(yᵀvⱼ)).
            let bars_of = |outputs: &[Stack<T>], bars: &mut [Stack<T>]| {
                copy(&c, &mut bars[1]);
                vectors_bar(&outputs[0], &c, &x, 1.0, &y, &outputs[2], &mut bars[0]);
                vectors_bar(&outputs[2], &c, &y, 1.0, &x, &outputs[0], &mut bars[2]);
            };
            measure(seconds, ThinSvdRule { gaps: ANY_GAP }, &input, bars_of)?
        }
        other => return Err(format!("expected a kind of case we know, found {other:?}").into()),
    };
    write(&folder.join("ours_value"), value.as_ref())?;
    write(&folder.join("ours_gradient"), gradient.as_ref())?;
    println!("{line}");
    Ok(())
}

/// The cotangent of vectors v in Σ cⱼ factor (xᵀvⱼ)(yᵀwⱼ): cⱼ factor (yᵀwⱼ) x.
fn vectors_bar<T: Number>(
    v: &Stack<T>,
    c: &Stack<T>,
    x: &Stack<T>,
    factor: f64,
    y: &Stack<T>,
    w: &Stack<T>,
    bar: &mut Stack<T>,
) {
    let (v, c, x, y, w) = (v.as_ref(), c.as_ref(), x.as_ref(), y.as_ref(), w.as_ref());
    let mut bar = bar.as_mut();
    let (rows, columns) = v.shape();
    for b in 0..v.count() {
        for j in 0..columns {
            let along = |i: usize| y.entry(b, i, 0).widened() * w.entry(b, i, j).widened();
            let dot: f64 = (0..w.shape().0).map(along).sum();
            let factor = factor * c.entry(b, j, 0).widened() * dot;
            for i in 0..rows {
                bar.set(b, i, j, T::rounded(factor * x.entry(b, i, 0).widened()));
            }
        }
    }
}

fn copy<T: Number>(from: &Stack<T>, to: &mut Stack<T>) {
    to.clone_from(from);
}

/// Milliseconds of every run forward, and of both ways; the first output and the gradient.
fn measure<R: StackRule, T: Number>(
    seconds: f64,
    rule: R,
    input: &Stack<T>,
    bars_of: impl Fn(&[Stack<T>], &mut [Stack<T>]),
) -> Outcome<(Value, Stack<T>, Stack<T>)> {
    let (count, shape) = (input.as_ref().count(), input.as_ref().shape());
    let shapes = rule.shapes(&[shape])?;
    let stacks = |shapes: &[(usize, usize)]| -> Vec<Stack<T>> {
        shapes
            .iter()
            .map(|&shape| Stack::zeros(count, shape))
            .collect()
    };
    let (mut outputs, mut bars) = (stacks(&shapes.outputs), stacks(&shapes.outputs));
    let mut kept: Vec<Stack<f64>> = shapes
        .kept
        .iter()
        .map(|&shape| Stack::zeros(count, shape))
        .collect();
    let mut x_bar = Stack::zeros(count, shape);
    let (stacked, inputs) = (Stacked::new(rule), [input.as_ref()]);
    let mut pass = |back: bool| -> Outcome<()> {
        {
            let mut outputs: Vec<StackMut<'_, T>> = outputs.iter_mut().map(Stack::as_mut).collect();
            let mut kept: Vec<_> = kept.iter_mut().map(Stack::as_mut).collect();
            stacked.forward_into(&inputs, &mut outputs, &mut kept)?;
        }
        if back {
            bars_of(&outputs, &mut bars);
            let kept: Vec<_> = kept.iter().map(Stack::as_ref).collect();
            let bars: Vec<_> = outputs_bars(&bars, shapes.outputs.len());
            stacked.vjp_into(&inputs, &kept, &bars, &mut [x_bar.as_mut()])?;
        }
        Ok(())
    };
    let forward = times(seconds, || pass(false))?;
    let both = times(seconds, || pass(true))?;
    let line = json!({ "forward": forward, "both": both });
    Ok((line, outputs.swap_remove(0), x_bar))
}

/// Cotangents of all outputs; of two polar factors, of the first alone.
fn outputs_bars<T: Number>(bars: &[Stack<T>], outputs: usize) -> Vec<Option<StackRef<'_, T>>> {
    let given = |(k, bar): (usize, &Stack<T>)| {
        let is_zero = k > 0 && bar.numbers().iter().all(|x| x.widened() == 0.0);
        (!is_zero).then_some(())
    };
    let all = bars.iter().take(outputs).enumerate();
    all.map(|pair| given(pair).map(|()| pair.1.as_ref()))
        .collect()
}

fn times(seconds: f64, mut work: impl FnMut() -> Outcome<()>) -> Outcome<Vec<f64>> {
    work()?;
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        let begin = Instant::now();
        black_box(work()?);
        times.push(1e3 * begin.elapsed().as_secs_f64());
    }
    Ok(times)
}

/// Little-endian numbers of the bits that the case names, matrix after matrix and row after row.
fn read<T: Number>(folder: &Path, case: &Value, name: &str) -> Outcome<Stack<T>> {
    let side = |place: usize| {
        case["shapes"][name][place]
            .as_u64()
            .ok_or("expected a shape")
    };
    let (count, shape) = (side(0)? as usize, (side(1)? as usize, side(2)? as usize));
    let bytes = std::fs::read(folder.join(name))?;
    let numbers: Vec<f64> = match case["bits"].as_u64() {
        Some(32) => bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|x| f32::from_le_bytes(*x).into())
            .collect(),
        _ => bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|x| f64::from_le_bytes(*x))
            .collect(),
    };
    let expected = count * shape.0 * shape.1;
    if numbers.len() != expected {
        return Err(format!(
            "{name}: expected {expected} numbers, found {}",
            numbers.len()
        )
        .into());
    }
    let stack = StackRef::row_major(&numbers, count, shape)?;
    Ok(Stack::from_fn(count, shape, |b, i, j| {
        T::rounded(stack.entry(b, i, j))
    }))
}

/// As numbers of 64 bits.
fn write<T: Number>(path: &Path, stack: StackRef<'_, T>) -> std::io::Result<()> {
    let (rows, columns) = stack.shape();
    let places = (0..stack.count())
        .flat_map(|b| (0..rows).flat_map(move |i| (0..columns).map(move |j| (b, i, j))));
    let numbers = places.flat_map(|(b, i, j)| stack.entry(b, i, j).widened().to_le_bytes());
    std::fs::write(path, numbers.collect::<Vec<u8>>())
}
