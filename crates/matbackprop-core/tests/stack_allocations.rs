//! A stack of small matrices allocates for the call, not for its matrices.

use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::stack::{
    GramFunctionRule, MatrixFunctionRule, Number, PolarRule, RotationRule, Stack, StackRule,
    Stacked, SymEigRule, ThinSvdRule,
};
use matbackprop_core::{Log, Ridge};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

/// The system's allocator, counted.
#[global_allocator]
static ALLOCATIONS: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Observations of a matrix: enough for Gram matrices that keep their digits.
const ROWS: usize = 24;

fn zeros<T: Number>(count: usize, shapes: &[(usize, usize)]) -> Vec<Stack<T>> {
    let stacks = shapes.iter().map(|&shape| Stack::zeros(count, shape));
    stacks.collect()
}

/// Allocations of forward and back, once the buffers of the thread are there.
fn allocations<R: StackRule, T: Number>(rule: R, count: usize, definite: bool) -> usize {
    let n = 6;
    let x = gaussian(count * ROWS, n, 1);
    let row = |b: usize, k: usize, i: usize| x[(b * ROWS + k, i)];
    let input = match definite {
        true => Stack::from_fn(count, (n, n), |b, i, j| {
            T::rounded((0..ROWS).map(|k| row(b, k, i) * row(b, k, j)).sum())
        }),
        false => Stack::from_fn(count, (ROWS, n), |b, k, i| T::rounded(row(b, k, i))),
    };
    let shape = input.as_ref().shape();
    let shapes = rule.shapes(&[shape]).unwrap();
    let (mut outputs, mut kept) = (
        zeros::<T>(count, &shapes.outputs),
        zeros::<f64>(count, &shapes.kept),
    );
    let (bars, mut x_bar) = (
        zeros::<T>(count, &shapes.outputs),
        Stack::zeros(count, shape),
    );
    let stacked = Stacked::new(rule);
    let mut both = || {
        let mut outputs: Vec<_> = outputs.iter_mut().map(Stack::as_mut).collect();
        let mut written: Vec<_> = kept.iter_mut().map(Stack::as_mut).collect();
        stacked
            .forward_into(&[input.as_ref()], &mut outputs, &mut written)
            .unwrap();
        drop(written);
        let kept: Vec<_> = kept.iter().map(Stack::as_ref).collect();
        let bars: Vec<_> = bars.iter().map(|bar| Some(bar.as_ref())).collect();
        stacked
            .vjp_into(&[input.as_ref()], &kept, &bars, &mut [x_bar.as_mut()])
            .unwrap();
    };
    both();
    let region = Region::new(ALLOCATIONS);
    both();
    let change = region.change();
    change.allocations + change.reallocations
}

#[test]
fn nothing_is_allocated_for_a_matrix() {
    fn equal<R: StackRule + Copy>(rule: R, definite: bool) {
        equal_in::<R, f64>(rule, definite);
        equal_in::<R, f32>(rule, definite);
    }

    fn equal_in<R: StackRule + Copy, T: Number>(rule: R, definite: bool) {
        let few = allocations::<R, T>(rule, 16, definite);
        // Not beyond a chunk: threads share what is larger.
        let many = allocations::<R, T>(rule, 64, definite);
        assert_eq!(many, few, "{}", rule.op());
        assert!(few < 40, "{}: {few}", rule.op());
    }

    equal(MatrixFunctionRule(Log), true);
    equal(SymEigRule::default(), true);
    equal(GramFunctionRule(Ridge::new(Log, 1e-3).unwrap()), false);
    equal(ThinSvdRule::default(), false);
    equal(PolarRule, false);
    equal(RotationRule, true);
}
