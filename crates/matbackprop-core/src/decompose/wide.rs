//! Sums over long columns, by the widest registers.

use pulp::Simd;

/// Columns that go together, so that a vector is fetched and put back a quarter as often.
pub(super) const TOGETHER: usize = 4;

/// Registers that are summed one after the other: equal terms are rounded alike, and longer sums of them drift.
const BAND: usize = 32;

/// Columns of numbers, one every `stride`, of which the rows from `first` on are meant.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) numbers: &'a [f64],
    pub(super) stride: usize,
    pub(super) first: usize,
}

impl<'a> Columns<'a> {
    /// Rows `first`, …, `first + len − 1` of column j.
    #[inline(always)]
    fn column(self, j: usize, len: usize) -> &'a [f64] {
        &self.numbers[j * self.stride + self.first..][..len]
    }

    #[inline(always)]
    fn four(self, j: usize, len: usize) -> [&'a [f64]; TOGETHER] {
        std::array::from_fn(|c| self.column(j + c, len))
    }
}

/// y += Σⱼ weightsⱼ columnⱼ.
#[inline(always)]
pub(super) fn add_columns<S: Simd>(simd: S, columns: Columns<'_>, weights: &[f64], y: &mut [f64]) {
    let len = y.len();
    let (fours, rest) = weights.as_chunks::<TOGETHER>();
    for (block, weights) in fours.iter().enumerate() {
        let parts = columns.four(block * TOGETHER, len).map(S::as_simd_f64s);
        let wide = weights.map(|weight| simd.splat_f64s(weight));
        let (y_wide, y_rest) = S::as_mut_simd_f64s(y);
        let heads = parts.map(|part| &part.0[..y_wide.len()]);
        for (i, y) in y_wide.iter_mut().enumerate() {
            let mut sum = *y;
            for c in 0..TOGETHER {
                sum = simd.mul_add_e_f64s(heads[c][i], wide[c], sum);
            }
            *y = sum;
        }
        for (i, y) in y_rest.iter_mut().enumerate() {
            for c in 0..TOGETHER {
                *y += parts[c].1[i] * weights[c];
            }
        }
    }
    for (j, weight) in (fours.len() * TOGETHER..).zip(rest) {
        for (y, x) in y.iter_mut().zip(columns.column(j, len)) {
            *y += x * weight;
        }
    }
}

/// y += a x + b z, for the pairs (x, a) and (z, b).
#[inline(always)]
pub(super) fn add_two<S: Simd>(simd: S, [(x, a), (z, b)]: [(&[f64], f64); 2], y: &mut [f64]) {
    let ((x_wide, x_rest), (z_wide, z_rest)) = (S::as_simd_f64s(x), S::as_simd_f64s(z));
    let (y_wide, y_rest) = S::as_mut_simd_f64s(y);
    let (a_wide, b_wide) = (simd.splat_f64s(a), simd.splat_f64s(b));
    for ((y, x), z) in y_wide.iter_mut().zip(x_wide).zip(z_wide) {
        let sum = simd.mul_add_e_f64s(*x, a_wide, *y);
        *y = simd.mul_add_e_f64s(*z, b_wide, sum);
    }
    for ((y, x), z) in y_rest.iter_mut().zip(x_rest).zip(z_rest) {
        *y += x * a + z * b;
    }
}

/// productsⱼ = columnⱼᵀ x.
#[inline(always)]
pub(super) fn column_products<S: Simd>(
    simd: S,
    columns: Columns<'_>,
    x: &[f64],
    products: &mut [f64],
) {
    let len = x.len();
    let (x_wide, x_rest) = S::as_simd_f64s(x);
    let (fours, rest) = products.as_chunks_mut::<TOGETHER>();
    let count = fours.len() * TOGETHER;
    for (block, products) in fours.iter_mut().enumerate() {
        let parts = columns.four(block * TOGETHER, len).map(S::as_simd_f64s);
        for c in 0..TOGETHER {
            products[c] = parts[c].1.iter().zip(x_rest).map(|(a, x)| a * x).sum();
        }
        for first in (0..x_wide.len()).step_by(BAND) {
            let x = &x_wide[first..(first + BAND).min(x_wide.len())];
            let heads = parts.map(|part| &part.0[first..][..x.len()]);
            let mut sums = [simd.splat_f64s(0.0); TOGETHER];
            for (i, x) in x.iter().enumerate() {
                for c in 0..TOGETHER {
                    sums[c] = simd.mul_add_e_f64s(heads[c][i], *x, sums[c]);
                }
            }
            for c in 0..TOGETHER {
                products[c] += simd.reduce_sum_f64s(sums[c]);
            }
        }
    }
    for (j, product) in (count..).zip(rest) {
        *product = dot(simd, columns.column(j, len), x);
    }
}

/// xᵀ y.
#[inline(always)]
pub(super) fn dot<S: Simd>(simd: S, x: &[f64], y: &[f64]) -> f64 {
    let ((x_wide, x_rest), (y_wide, y_rest)) = (S::as_simd_f64s(x), S::as_simd_f64s(y));
    let mut total: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    for (x, y) in x_wide.chunks(4 * BAND).zip(y_wide.chunks(4 * BAND)) {
        // Four sums hide the time that one addition takes.
        let mut sums = [simd.splat_f64s(0.0); 4];
        let (x_fours, x_last) = x.as_chunks::<4>();
        let (y_fours, y_last) = y.as_chunks::<4>();
        for (x, y) in x_fours.iter().zip(y_fours) {
            for c in 0..4 {
                sums[c] = simd.mul_add_e_f64s(x[c], y[c], sums[c]);
            }
        }
        for (x, y) in x_last.iter().zip(y_last) {
            sums[0] = simd.mul_add_e_f64s(*x, *y, sums[0]);
        }
        let halves = [
            simd.add_f64s(sums[0], sums[1]),
            simd.add_f64s(sums[2], sums[3]),
        ];
        total += simd.reduce_sum_f64s(simd.add_f64s(halves[0], halves[1]));
    }
    total
}

/// y = A x for a symmetric A of which the lower triangle is read, once: A's first entry is row and column `first`.
#[inline(always)]
pub(super) fn symmetric_product<S: Simd>(simd: S, a: Columns<'_>, x: &[f64], y: &mut [f64]) {
    let n = x.len();
    y.fill(0.0);
    let entry = |i: usize, j: usize| a.numbers[(a.first + j) * a.stride + a.first + i];
    let mut j = 0;
    while j + TOGETHER <= n {
        // The triangle at the head of the four columns.
        for c in j..j + TOGETHER {
            y[c] += entry(c, c) * x[c];
            for r in c + 1..j + TOGETHER {
                y[r] += entry(r, c) * x[c];
                y[c] += entry(r, c) * x[r];
            }
        }
        let start = j + TOGETHER;
        let columns = Columns {
            first: a.first + start,
            ..a
        };
        let parts = columns.four(a.first + j, n - start).map(S::as_simd_f64s);
        let weights: [f64; TOGETHER] = std::array::from_fn(|c| x[j + c]);
        let wide = weights.map(|weight| simd.splat_f64s(weight));
        let mut sums = [simd.splat_f64s(0.0); TOGETHER];
        let (x_wide, x_rest) = S::as_simd_f64s(&x[start..]);
        let (head, tail) = y.split_at_mut(start);
        let (y_wide, y_rest) = S::as_mut_simd_f64s(tail);
        let heads = parts.map(|part| &part.0[..x_wide.len()]);
        for (i, (x, y)) in x_wide.iter().zip(y_wide.iter_mut()).enumerate() {
            let mut sum = *y;
            for c in 0..TOGETHER {
                let entry = heads[c][i];
                sum = simd.mul_add_e_f64s(entry, wide[c], sum);
                sums[c] = simd.mul_add_e_f64s(entry, *x, sums[c]);
            }
            *y = sum;
        }
        for c in 0..TOGETHER {
            let mut total = simd.reduce_sum_f64s(sums[c]);
            for ((entry, x), y) in parts[c].1.iter().zip(x_rest).zip(y_rest.iter_mut()) {
                *y += entry * weights[c];
                total += entry * x;
            }
            head[j + c] += total;
        }
        j = start;
    }
    for c in j..n {
        y[c] += entry(c, c) * x[c];
        for r in c + 1..n {
            y[r] += entry(r, c) * x[c];
            y[c] += entry(r, c) * x[r];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use crate::symmetric::sym;
    use pulp::WithSimd;

    #[test]
    fn products_agree_with_the_library() {
        struct Check;
        impl WithSimd for Check {
            type Output = ();
            fn with_simd<S: Simd>(self, simd: S) {
                for (n, k) in [(1, 1), (7, 3), (8, 4), (40, 9), (67, 16)] {
                    let a = gaussian(n, k, 1);
                    let numbers: Vec<f64> =
                        (0..k).flat_map(|j| a.col_as_slice(j).to_vec()).collect();
                    let columns = Columns {
                        numbers: &numbers,
                        stride: n,
                        first: 0,
                    };
                    let (x, weights) = (gaussian(n, 1, 2), gaussian(k, 1, 3));
                    let mut y = vec![1.0; n];
                    add_columns(simd, columns, weights.col_as_slice(0), &mut y);
                    let expected = &a * &weights;
                    for i in 0..n {
                        assert!((y[i] - 1.0 - expected[(i, 0)]).abs() < 1e-13);
                    }
                    let (z, mut y) = (gaussian(n, 1, 4), vec![1.0; n]);
                    let pair = [(x.col_as_slice(0), 2.0), (z.col_as_slice(0), -3.0)];
                    add_two(simd, pair, &mut y);
                    for i in 0..n {
                        let expected = 1.0 + 2.0 * x[(i, 0)] - 3.0 * z[(i, 0)];
                        assert!((y[i] - expected).abs() < 1e-14);
                    }
                    let mut products = vec![0.0; k];
                    column_products(simd, columns, x.col_as_slice(0), &mut products);
                    let expected = a.transpose() * &x;
                    for j in 0..k {
                        assert!((products[j] - expected[(j, 0)]).abs() < 1e-13);
                    }
                }
                assert_eq!(dot(simd, &[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), 32.0);
                for n in [1, 3, 4, 5, 8, 13, 40, 67] {
                    let (a, x) = (sym(gaussian(n, n, 1).as_ref()), gaussian(n, 1, 2));
                    // The other triangle must not be read.
                    let numbers: Vec<f64> = (0..n * n)
                        .map(|place| match (place % n, place / n) {
                            (i, j) if i >= j => a[(i, j)],
                            _ => f64::NAN,
                        })
                        .collect();
                    let lower = Columns {
                        numbers: &numbers,
                        stride: n,
                        first: 0,
                    };
                    let mut y = vec![7.0; n];
                    symmetric_product(simd, lower, x.col_as_slice(0), &mut y);
                    let expected = &a * &x;
                    for i in 0..n {
                        assert!((y[i] - expected[(i, 0)]).abs() < 1e-14 * n as f64, "{n}");
                    }
                }
            }
        }
        pulp::Arch::new().dispatch(Check);
    }
}
