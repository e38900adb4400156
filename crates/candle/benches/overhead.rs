//! Way forth and way back through candle, beside the rule alone on the same numbers, in turn.

use candle_core::{Device, Error, Result, Tensor, Var, WithDType};
use matbackprop_candle as bridge;
use matbackprop_candle::core::stack::{
    GramFunctionRule, Number, PolarRule, ProjectorRule, Stack, StackRule, Stacked, ThinSvdRule,
};
use matbackprop_candle::core::{Log, Ridge};
use test_support::{numbers, overhead};

fn main() -> Result<()> {
    overhead::print_head("candle");
    for (count, shape) in [(32, (64, 64)), (16, (169, 256))] {
        of_type::<f64>(count, shape)?;
        of_type::<f32>(count, shape)?;
    }
    Ok(())
}

fn of_type<T: Number + WithDType>(count: usize, shape: (usize, usize)) -> Result<()> {
    let mut entries = numbers::uniform(count * shape.0 * shape.1, 1).into_iter();
    let mut entry = || T::rounded(entries.next().unwrap_or(0.5) - 0.5);
    let a = Stack::from_fn(count, shape, |_, _, _| entry());
    let log = Ridge::new(Log, 1e-3).map_err(Error::wrap)?;
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

fn leaf<T: Number + WithDType>(a: &Stack<T>) -> Result<Var> {
    let (count, (rows, columns)) = (a.as_ref().count(), a.as_ref().shape());
    let shape = (count, rows, columns);
    Var::from_tensor(&Tensor::from_slice(a.numbers(), shape, &Device::Cpu)?)
}

/// The sum of all entries of all tensors.
fn sum<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<Tensor> {
    let sums = tensors.into_iter().map(Tensor::sum_all);
    let sum = sums.reduce(|x, y| x? + y?);
    sum.unwrap_or_else(|| candle_core::bail!("expected a tensor, found none"))
}

fn compare<T: Number + WithDType, R: StackRule>(
    name: &str,
    a: &Stack<T>,
    rule: R,
    function: impl Fn(&Tensor) -> Result<Vec<Tensor>>,
) -> Result<()> {
    let (count, (rows, columns)) = (a.as_ref().count(), a.as_ref().shape());
    let x = leaf(a)?;
    let rule = Stacked::new(rule);
    let shapes = rule.rule().shapes(&[(rows, columns)]);
    let shapes = shapes.map_err(Error::wrap)?.outputs;
    let ones = shapes.iter();
    let ones: Vec<_> = ones
        .map(|&shape| Stack::from_fn(count, shape, |_, _, _| T::rounded(1.0)))
        .collect();
    let outputs = ones.iter().map(leaf).collect::<Result<Vec<_>>>()?;
    overhead::print_row(
        &format!("{name} | {count} × {rows} × {columns} | {:?}", T::DTYPE),
        || {
            let run = || {
                let forward = rule.forward(&[a.as_ref()])?;
                let bars: Vec<_> = ones.iter().map(|stack| Some(stack.as_ref())).collect();
                rule.vjp(&[a.as_ref()], &forward.kept(), &bars)
            };
            run().map_err(Error::wrap)
        },
        || sum(outputs.iter().map(Var::as_tensor))?.backward(),
        || sum(&function(&x)?)?.backward(),
    )
}
