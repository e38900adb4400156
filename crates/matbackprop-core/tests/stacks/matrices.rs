//! Stacks of matrices, and matrices of stacks.

use faer::Mat;
use matbackprop_core::stack::{Number, Stack, StackRef};

pub fn stack_of<T: Number>(matrices: &[Mat<f64>]) -> Stack<T> {
    let shape = matrices[0].shape();
    Stack::from_fn(matrices.len(), shape, |b, i, j| {
        T::rounded(matrices[b][(i, j)])
    })
}

pub fn matrix_of<T: Number>(stack: StackRef<'_, T>, b: usize) -> Mat<f64> {
    let (rows, columns) = stack.shape();
    Mat::from_fn(rows, columns, |i, j| stack.entry(b, i, j).widened())
}
