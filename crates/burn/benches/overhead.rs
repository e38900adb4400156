//! Way forth and way back through burn, beside the rule alone on the same numbers, in turn.

use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use burn_tensor::backend::AutodiffBackend;
use burn_tensor::{Element, Tensor, TensorData};
use matbackprop_burn::core::stack::{
    GramFunctionRule, Number, PolarRule, ProjectorRule, Stack, StackRule, Stacked, ThinSvdRule,
};
use matbackprop_burn::core::{Log, Ridge};
use matbackprop_burn::{self as bridge, MatrixBackend, Result};
use test_support::{numbers, overhead};

fn main() -> Result<()> {
    overhead::print_head("burn");
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
    let mut entries = numbers::uniform(count * shape.0 * shape.1, 1).into_iter();
    let mut entry = || T::rounded(entries.next().unwrap_or(0.5) - 0.5);
    let a = Stack::from_fn(count, shape, |_, _, _| entry());
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

/// A leaf whose numbers are its own, as those of a layer: tensors of data are copied by burn with each use.
fn leaf<T: Number + Element, B: AutodiffBackend>(a: &Stack<T>) -> Tensor<B, 3> {
    let (count, (rows, columns)) = (a.as_ref().count(), a.as_ref().shape());
    let data = TensorData::new(a.numbers().to_vec(), [count, rows, columns]);
    let borrowed = Tensor::<B, 3>::from_data(data, &Default::default());
    borrowed.mul_scalar(1.0).require_grad()
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
    let x = leaf::<T, B>(a);
    let rule = Stacked::new(rule);
    let shapes = rule.rule().shapes(&[(rows, columns)])?.outputs;
    let ones = shapes.iter();
    let ones: Vec<_> = ones
        .map(|&shape| Stack::from_fn(count, shape, |_, _, _| T::rounded(1.0)))
        .collect();
    let outputs: Vec<_> = ones.iter().map(leaf::<T, B>).collect();
    overhead::print_row(
        &format!("{name} | {count} × {rows} × {columns} | {:?}", T::dtype()),
        || {
            let forward = rule.forward(&[a.as_ref()])?;
            let bars: Vec<_> = ones.iter().map(|stack| Some(stack.as_ref())).collect();
            Ok(rule.vjp(&[a.as_ref()], &forward.kept(), &bars)?)
        },
        || {
            let sums = outputs.iter().map(|x| x.clone().sum());
            Ok(sums.reduce(|x, y| x + y).map(|loss| loss.backward()))
        },
        || Ok(function(x.clone())?.backward()),
    )
}
