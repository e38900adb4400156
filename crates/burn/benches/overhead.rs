//! Way forth and way back through burn, beside the rule alone on the same numbers: medians of rounds that take turns.

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use burn_tensor::backend::AutodiffBackend;
use burn_tensor::{Element, Tensor, TensorData};
use matbackprop_burn::core::stack::{
    GramFunctionRule, Number, PolarRule, ProjectorRule, Stack, StackRule, Stacked, ThinSvdRule,
};
use matbackprop_burn::core::{Log, Ridge};
use matbackprop_burn::{self as bridge, MatrixBackend, Result};
use std::time::Instant;

const ROUNDS: usize = 15;

fn main() -> Result<()> {
    println!("milliseconds of one call forth and back\n");
    println!(
        "| function | input | type | rule | burn | more |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (count, shape) in [(32, (64, 64)), (16, (169, 256))] {
        of_type::<f64, Autodiff<NdArray<f64>>>(count, shape)?;
        of_type::<f32, Autodiff<NdArray<f32>>>(count, shape)?;
    }
    Ok(())
}

fn of_type<T, B>(count: usize, shape: (usize, usize)) -> Result<()>
where
    T: Number + Element,
    B: MatrixBackend + AutodiffBackend,
{
    let mut state = 1u64;
    let a = Stack::<T>::from_fn(count, shape, |_, _, _| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        T::rounded((state >> 11) as f64 / (1u64 << 53) as f64 - 0.5)
    });
    let log = GramFunctionRule(Ridge::new(Log, 1e-3)?);
    compare::<T, B, _>(
        "gram_log",
        &a,
        log,
        |x| Ok(bridge::gram_log(x, 1e-3)?.sum()),
    )?;
    compare::<T, B, _>("svd", &a, ThinSvdRule::default(), |x| {
        let (u, s, vt): (_, Tensor<B, 2>, _) = bridge::svd(x)?;
        Ok(u.sum() + s.sum() + vt.sum())
    })?;
    compare::<T, B, _>("polar", &a, PolarRule, |x| {
        let (w, h) = bridge::polar(x)?;
        Ok(w.sum() + h.sum())
    })?;
    compare::<T, B, _>("projector", &a, ProjectorRule::default(), |x| {
        Ok(bridge::projector(x)?.sum())
    })
}

fn compare<T, B, R>(
    name: &str,
    a: &Stack<T>,
    rule: R,
    function: impl Fn(Tensor<B, 3>) -> Result<Tensor<B, 1>>,
) -> Result<()>
where
    T: Number + Element,
    B: MatrixBackend + AutodiffBackend,
    R: StackRule,
{
    let (count, (rows, columns)) = (a.as_ref().count(), a.as_ref().shape());
    let data = TensorData::new(a.numbers().to_vec(), [count, rows, columns]);
    let x = Tensor::<B, 3>::from_data(data, &Default::default()).require_grad();
    let rule = Stacked::new(rule);
    let shapes = rule.rule().shapes(&[(rows, columns)])?;
    let ones = shapes.outputs.iter();
    let ones: Vec<_> = ones
        .map(|&shape| Stack::from_fn(count, shape, |_, _, _| T::rounded(1.0)))
        .collect();
    let alone = || -> Result<()> {
        let forward = rule.forward(&[a.as_ref()])?;
        let bars: Vec<_> = ones.iter().map(|stack| Some(stack.as_ref())).collect();
        std::hint::black_box(rule.vjp(&[a.as_ref()], &forward.kept(), &bars)?);
        Ok(())
    };
    let bridged = || -> Result<()> {
        std::hint::black_box(function(x.clone())?.backward());
        Ok(())
    };
    let (mut of_rule, mut of_burn) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (rule, burn) = (milliseconds(&alone)?, milliseconds(&bridged)?);
        // The first round finds caches and threads asleep.
        if round > 0 {
            of_rule.push(rule);
            of_burn.push(burn);
        }
    }
    let (rule, burn) = (median(of_rule), median(of_burn));
    let more = 100.0 * (burn / rule - 1.0);
    println!(
        "| {name} | {count} × {rows} × {columns} | {:?} | {rule:.2} | {burn:.2} | {more:.0} % |",
        T::dtype()
    );
    Ok(())
}

fn milliseconds(call: &impl Fn() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    call()?;
    Ok(1e3 * start.elapsed().as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
