//! Stacks of small matrices forward and back, one thread: microseconds a matrix are a 512th of the times.

use divan::{AllocProfiler, Bencher};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::stack::{
    GramFunctionRule, MatrixFunctionRule, Number, PolarRule, Stack, StackMut, StackRule, Stacked,
    SymEigRule, ThinSvdRule,
};
use matbackprop_core::{GapPolicy, Log, Ridge};

/// The system's allocator, counted.
#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Matrices of a stack.
const COUNT: usize = 512;
const SIDES: [usize; 7] = [2, 3, 8, 16, 22, 32, 64];

/// Random matrices of a shape.
fn random<T: Number>(shape: (usize, usize), seed: u64) -> Stack<T> {
    let all = gaussian(COUNT * shape.0, shape.1, seed);
    Stack::from_fn(COUNT, shape, |b, i, j| {
        T::rounded(all[(b * shape.0 + i, j)])
    })
}

/// Covariance matrices of 4 n observations.
fn covariances<T: Number>(n: usize) -> Stack<T> {
    let x = random::<f64>((4 * n, n), 1);
    let x = x.as_ref();
    Stack::from_fn(COUNT, (n, n), |b, i, j| {
        T::rounded(
            (0..4 * n)
                .map(|k| x.entry(b, k, i) * x.entry(b, k, j))
                .sum(),
        )
    })
}

/// Forward and back into stacks that are there.
fn both<R: StackRule, T: Number>(bencher: Bencher<'_, '_>, rule: R, input: &Stack<T>) {
    let shape = input.as_ref().shape();
    let shapes = rule.shapes(&[shape]).expect("shapes of the rule");
    let stacked = Stacked::new(rule);
    let mut outputs: Vec<Stack<T>> = shapes
        .outputs
        .iter()
        .map(|&s| Stack::zeros(COUNT, s))
        .collect();
    let mut kept: Vec<Stack<f64>> = shapes
        .kept
        .iter()
        .map(|&s| Stack::zeros(COUNT, s))
        .collect();
    let bars: Vec<Stack<T>> = shapes.outputs.iter().map(|&s| random(s, 2)).collect();
    let mut x_bar = Stack::<T>::zeros(COUNT, shape);
    bencher.bench_local(|| {
        let mut outputs: Vec<StackMut<'_, T>> = outputs.iter_mut().map(Stack::as_mut).collect();
        {
            let mut kept: Vec<_> = kept.iter_mut().map(Stack::as_mut).collect();
            stacked
                .forward_into(&[input.as_ref()], &mut outputs, &mut kept)
                .expect("forward");
        }
        let kept: Vec<_> = kept.iter().map(Stack::as_ref).collect();
        let bars: Vec<_> = bars.iter().map(|bar| Some(bar.as_ref())).collect();
        stacked
            .vjp_into(&[input.as_ref()], &kept, &bars, &mut [x_bar.as_mut()])
            .expect("back");
    });
}

const ANY_GAP: GapPolicy = GapPolicy::Error { floor: 0.0 };

#[divan::bench(args = SIDES, types = [f64, f32])]
fn log_of_gram<T: Number>(bencher: Bencher<'_, '_>, n: usize) {
    let log = Ridge::new(Log, 1e-3).expect("a ridge");
    both(bencher, GramFunctionRule(log), &random::<T>((4 * n, n), 1));
}

#[divan::bench(args = SIDES, types = [f64, f32])]
fn log_of_definite<T: Number>(bencher: Bencher<'_, '_>, n: usize) {
    both(bencher, MatrixFunctionRule(Log), &covariances::<T>(n));
}

#[divan::bench(args = SIDES, types = [f64, f32])]
fn sym_eig<T: Number>(bencher: Bencher<'_, '_>, n: usize) {
    both(bencher, SymEigRule { gaps: ANY_GAP }, &covariances::<T>(n));
}

#[divan::bench(args = SIDES, types = [f64, f32])]
fn thin_svd<T: Number>(bencher: Bencher<'_, '_>, n: usize) {
    both(
        bencher,
        ThinSvdRule { gaps: ANY_GAP },
        &random::<T>((n, n), 1),
    );
}

#[divan::bench(args = SIDES, types = [f64, f32])]
fn polar<T: Number>(bencher: Bencher<'_, '_>, n: usize) {
    both(bencher, PolarRule, &random::<T>((n, n), 1));
}
