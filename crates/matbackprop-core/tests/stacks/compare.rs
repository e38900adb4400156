//! A stack's outputs and gradients beside those of its matrices one by one.

use crate::matrices::{matrix_of, stack_of};
use faer::{Mat, MatRef};
use matbackprop_core::Error;
use matbackprop_core::stack::{Forward, Number, OnFailure, Saved, Stack, StackRule, Stacked};

pub type Bars = Vec<Option<Mat<f64>>>;

/// Outputs of one matrix and its gradient, or the error of one of them.
fn single<R: StackRule>(rule: &R, a: MatRef<'_, f64>, bars: &Bars) -> Result<Vec<Mat<f64>>, Error> {
    let Forward { mut outputs, kept } = rule.forward(&[a])?;
    let kept: Vec<_> = kept.iter().map(Mat::as_ref).collect();
    let bars: Vec<_> = bars
        .iter()
        .map(|bar| bar.as_ref().map(Mat::as_ref))
        .collect();
    let saved = Saved {
        inputs: &[a],
        kept: &kept,
    };
    outputs.extend(rule.vjp(saved, &bars)?);
    Ok(outputs)
}

/// What does not depend on free signs: the products of outputs that a loss sees. `weights` draws cotangents from outputs.
pub struct Case<R> {
    pub name: String,
    pub rule: R,
    pub matrices: Vec<Mat<f64>>,
}

/// Outputs and gradients of a stack against those of its matrices one by one, as `seen` sees them.
pub fn compare<R: StackRule, T: Number>(
    case: &Case<R>,
    seen: impl Fn(&[Mat<f64>]) -> Vec<Mat<f64>>,
    bars_of: impl Fn(&[Mat<f64>], usize) -> Bars,
    tolerance: f64,
) {
    let Case {
        name,
        rule,
        matrices,
    } = case;
    let stacked = Stacked::new(rule).on_failure(OnFailure::Nan);
    let input = stack_of::<T>(matrices);
    let forward = stacked.forward(&[input.as_ref()]).unwrap();
    let count = matrices.len();
    let outputs: Vec<Vec<Mat<f64>>> = (0..count)
        .map(|b| {
            let all = forward.outputs.iter();
            all.map(|stack| matrix_of(stack.as_ref(), b)).collect()
        })
        .collect();
    let bars: Vec<Bars> = (0..count).map(|b| bars_of(&outputs[b], b)).collect();
    let bar_stacks: Vec<Option<Stack<T>>> = (0..bars[0].len())
        .map(|k| {
            let all: Option<Vec<Mat<f64>>> = bars.iter().map(|bars| bars[k].clone()).collect();
            all.map(|all| stack_of::<T>(&all))
        })
        .collect();
    let bar_refs: Vec<_> = bar_stacks
        .iter()
        .map(|stack| stack.as_ref().map(Stack::as_ref))
        .collect();
    let mut x_bar = Stack::<T>::zeros(count, matrices[0].shape());
    let failures = stacked
        .vjp_into(
            &[input.as_ref()],
            &forward.kept(),
            &bar_refs,
            &mut [x_bar.as_mut()],
        )
        .unwrap();
    for b in 0..count {
        let a = matrix_of(input.as_ref(), b);
        let alone = rule.forward(&[a.as_ref()]).map(|forward| forward.outputs);
        let alone_bars = alone.as_ref().map(|outputs| bars_of(outputs, b));
        let alone = alone_bars.and_then(|bars| {
            single(rule, a.as_ref(), &bars).map_err(|_| &Error::Overflow { op: "" })
        });
        let failed = failures
            .iter()
            .chain(&forward.failures)
            .any(|error| matches!(error, Error::InStack { index, .. } if *index == b));
        match alone {
            Err(_) => assert!(failed, "{name}: matrix {b} has no result alone"),
            Ok(alone) => {
                assert!(
                    !failed,
                    "{name}: matrix {b}: {failures:?} {:?}",
                    forward.failures
                );
                let (alone_outputs, alone_bar) = alone.split_at(alone.len() - 1);
                let pairs = seen(alone_outputs).into_iter().zip(seen(&outputs[b]));
                let gradient = (alone_bar[0].clone(), matrix_of(x_bar.as_ref(), b));
                for (k, (expected, found)) in pairs.chain([gradient]).enumerate() {
                    let size = expected.norm_max().max(f64::MIN_POSITIVE);
                    let error = (&expected - &found).norm_max() / size;
                    assert!(
                        error <= tolerance,
                        "{name}: matrix {b}, result {k}: {error:e}"
                    );
                }
            }
        }
    }
}
