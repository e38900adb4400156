//! One number for every pair of arguments, by the widest arithmetic the machine has.

use faer::Mat;
use pulp::Arch;

/// The n × n matrix of `pair(pᵢ, pⱼ)`, where `parts[k][i]` is the kth number of pᵢ.
///
/// The inner loop has no call and no branch if `pair` has none, and `pair` is inlined; the compiler makes it wide.
pub(super) fn all_pairs<const K: usize>(
    n: usize,
    parts: impl Fn(usize) -> [f64; K],
    pair: impl Fn([f64; K], [f64; K]) -> f64,
) -> Mat<f64> {
    // Each kind of number beside its like, as the wide loads want it.
    let mut columns: [Vec<f64>; K] = std::array::from_fn(|_| Vec::with_capacity(n));
    for i in 0..n {
        for (column, part) in columns.iter_mut().zip(parts(i)) {
            column.push(part);
        }
    }
    let mut all = Mat::zeros(n, n);
    Arch::new().dispatch(
        #[inline(always)]
        || {
            for j in 0..n {
                let column = all.as_mut().col_mut(j);
                let second: [f64; K] = std::array::from_fn(|k| columns[k][j]);
                let Some(column) = column.try_as_col_major_mut() else {
                    unreachable!("an owned matrix has contiguous columns");
                };
                let out = column.as_slice_mut();
                let firsts: [&[f64]; K] = std::array::from_fn(|k| &columns[k][..out.len()]);
                for i in 0..out.len() {
                    let first: [f64; K] = std::array::from_fn(|k| firsts[k][i]);
                    out[i] = pair(first, second);
                }
            }
        },
    );
    all
}
