//! Way forth and way back through candle, beside the rule alone on the same numbers: medians of rounds that take turns.

use candle_core::{Device, Result, Tensor, Var, WithDType};
use matbackprop_candle as bridge;
use matbackprop_candle::core::stack::{
    GramFunctionRule, Number, PolarRule, ProjectorRule, Stack, StackRule, Stacked, ThinSvdRule,
};
use matbackprop_candle::core::{Log, Ridge};
use std::time::Instant;

const ROUNDS: usize = 15;

fn main() -> Result<()> {
    println!("milliseconds of one call forth and back\n");
    println!(
        "| function | input | type | rule | candle | more |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (count, shape) in [(32, (64, 64)), (16, (169, 256))] {
        of_type::<f64>(count, shape)?;
        of_type::<f32>(count, shape)?;
    }
    Ok(())
}

fn of_type<T: Number + WithDType>(count: usize, shape: (usize, usize)) -> Result<()> {
    let mut state = 1u64;
    let a = Stack::<T>::from_fn(count, shape, |_, _, _| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        T::rounded((state >> 11) as f64 / (1u64 << 53) as f64 - 0.5)
    });
    let log = Ridge::new(Log, 1e-3).map_err(candle_core::Error::wrap)?;
    compare("gram_log", &a, GramFunctionRule(log), |x| {
        Ok(vec![bridge::gram_log(x, 1e-3)?])
    })?;
    compare("svd", &a, ThinSvdRule::default(), |x| {
        let (u, s, vt) = bridge::svd(x)?;
        Ok(vec![u, s, vt])
    })?;
    compare("polar", &a, PolarRule, |x| {
        let (w, h) = bridge::polar(x)?;
        Ok(vec![w, h])
    })?;
    compare("projector", &a, ProjectorRule::default(), |x| {
        Ok(vec![bridge::projector(x)?])
    })
}

fn compare<T: Number + WithDType, R: StackRule>(
    name: &str,
    a: &Stack<T>,
    rule: R,
    function: impl Fn(&Tensor) -> Result<Vec<Tensor>>,
) -> Result<()> {
    let (count, (rows, columns)) = (a.as_ref().count(), a.as_ref().shape());
    let shape = (count, rows, columns);
    let x = Var::from_tensor(&Tensor::from_slice(a.numbers(), shape, &Device::Cpu)?)?;
    let rule = Stacked::new(rule);
    let shapes = rule.rule().shapes(&[(rows, columns)]);
    let shapes = shapes.map_err(candle_core::Error::wrap)?;
    let ones = shapes.outputs.iter();
    let ones: Vec<_> = ones
        .map(|&shape| Stack::from_fn(count, shape, |_, _, _| T::rounded(1.0)))
        .collect();
    let alone = || -> Result<()> {
        let run = || {
            let forward = rule.forward(&[a.as_ref()])?;
            let bars: Vec<_> = ones.iter().map(|stack| Some(stack.as_ref())).collect();
            rule.vjp(&[a.as_ref()], &forward.kept(), &bars)
        };
        std::hint::black_box(run().map_err(candle_core::Error::wrap)?);
        Ok(())
    };
    let bridged = || -> Result<()> {
        let outputs = function(&x)?;
        let mut sums = outputs.iter().map(Tensor::sum_all);
        let mut loss = sums.next().unwrap_or_else(|| x.sum_all())?;
        for sum in sums {
            loss = (loss + sum?)?;
        }
        std::hint::black_box(loss.backward()?);
        Ok(())
    };
    let (mut of_rule, mut of_candle) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (rule, candle) = (milliseconds(&alone)?, milliseconds(&bridged)?);
        // The first round finds caches and threads asleep.
        if round > 0 {
            of_rule.push(rule);
            of_candle.push(candle);
        }
    }
    let (rule, candle) = (median(of_rule), median(of_candle));
    let more = 100.0 * (candle / rule - 1.0);
    println!(
        "| {name} | {count} × {rows} × {columns} | {:?} | {rule:.2} | {candle:.2} | {more:.0} % |",
        T::DTYPE
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
