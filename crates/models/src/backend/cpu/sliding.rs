//! Sums under a window that slides along a row of numbers, by the widest registers.

use pulp::{Arch, Simd, WithSimd};

/// Registers that are filled side by side: one addition need not wait for the last.
const TOGETHER: usize = 4;

/// One number of a window: how far from the window's begin it lies, and its weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighted {
    pub(super) start: usize,
    pub(super) weight: f32,
}

/// `sums[i] = Σ_t weight_t · numbers[start_t + i]`.
///
/// # Panics
/// When `numbers` ends before a window does.
pub(super) fn weighted_sums(arch: Arch, numbers: &[f32], taps: &[Weighted], sums: &mut [f32]) {
    arch.dispatch(WeightedSums {
        numbers,
        taps,
        sums,
    });
}

/// `products[t] += Σ_i row[i] · numbers[start_t + i]`: the cotangent of [`weighted_sums`] for the weights.
///
/// # Panics
/// When `numbers` ends before a window does.
pub(super) fn add_products(
    arch: Arch,
    numbers: &[f32],
    starts: impl Iterator<Item = usize>,
    row: &[f32],
    products: &mut [f32],
) {
    arch.dispatch(AddProducts {
        numbers,
        starts,
        row,
        products,
    });
}

/// Σ_i row[i], sixteen sums side by side.
pub(super) fn sum(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<16>();
    let mut sums = [0.0; 16];
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x);
    }
    sums.iter().chain(rest).sum()
}

struct WeightedSums<'a> {
    numbers: &'a [f32],
    taps: &'a [Weighted],
    sums: &'a mut [f32],
}

impl WithSimd for WeightedSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (wide, rest) = S::as_mut_simd_f32s(self.sums);
        let (blocks, single) = wide.as_chunks_mut::<TOGETHER>();
        let mut at = 0;
        for block in blocks {
            *block = sums_at(simd, self.numbers, self.taps, at);
            at += TOGETHER * S::F32_LANES;
        }
        for sum in single {
            [*sum] = sums_at(simd, self.numbers, self.taps, at);
            at += S::F32_LANES;
        }
        if !rest.is_empty() {
            let mut sum = simd.splat_f32s(0.0);
            for tap in self.taps {
                let x = simd.partial_load_f32s(&self.numbers[tap.start + at..][..rest.len()]);
                sum = simd.mul_add_e_f32s(x, simd.splat_f32s(tap.weight), sum);
            }
            simd.partial_store_f32s(rest, sum);
        }
    }
}

/// The sums from `at` on, N registers of them.
#[inline(always)]
fn sums_at<S: Simd, const N: usize>(
    simd: S,
    numbers: &[f32],
    taps: &[Weighted],
    at: usize,
) -> [S::f32s; N] {
    let mut sums = [simd.splat_f32s(0.0); N];
    for tap in taps {
        let weight = simd.splat_f32s(tap.weight);
        let window = &numbers[tap.start + at..][..N * S::F32_LANES];
        let (window, _) = S::as_simd_f32s(window);
        for (sum, x) in sums.iter_mut().zip(window) {
            *sum = simd.mul_add_e_f32s(*x, weight, *sum);
        }
    }
    sums
}

struct AddProducts<'a, I> {
    numbers: &'a [f32],
    starts: I,
    row: &'a [f32],
    products: &'a mut [f32],
}

impl<I: Iterator<Item = usize>> WithSimd for AddProducts<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut windows = self.starts.map(|start| &self.numbers[start..]);
        let (groups, last) = self.products.as_chunks_mut::<TOGETHER>();
        for products in groups {
            let windows = products.map(|_| windows.next().unwrap_or_default());
            add_products_of(simd, windows, self.row, products);
        }
        for (product, window) in last.iter_mut().zip(windows) {
            let product = std::array::from_mut(product);
            add_products_of(simd, [window], self.row, product);
        }
    }
}

/// The products of N windows at once, so that the row is fetched once for all of them.
#[inline(always)]
fn add_products_of<S: Simd, const N: usize>(
    simd: S,
    windows: [&[f32]; N],
    row: &[f32],
    products: &mut [f32; N],
) {
    let (wide, rest) = S::as_simd_f32s(row);
    let parts = windows.map(|window| {
        let (head, tail) = window[..row.len()].split_at(wide.len() * S::F32_LANES);
        (&S::as_simd_f32s(head).0[..wide.len()], tail)
    });
    let mut sums = [simd.splat_f32s(0.0); N];
    for (i, bar) in wide.iter().enumerate() {
        for (sum, (head, _)) in sums.iter_mut().zip(&parts) {
            *sum = simd.mul_add_e_f32s(head[i], *bar, *sum);
        }
    }
    let bar = simd.partial_load_f32s(rest);
    for ((product, sum), (_, tail)) in products.iter_mut().zip(sums).zip(parts) {
        let sum = simd.mul_add_e_f32s(simd.partial_load_f32s(tail), bar, sum);
        *product += simd.reduce_sum_f32s(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::test_values::random_values;

    #[test]
    fn sums_and_products_are_one_bilinear_form_at_any_length() {
        let arch = Arch::new();
        for n in [1, 2, 7, 16, 17, 64, 65, 150] {
            for starts in [vec![3], vec![0, 9, 4, 1], vec![2, 0, 7, 5, 3, 1]] {
                let x = random_values(n + 9, 1);
                let weights = random_values(starts.len(), 2);
                let bar = random_values(n, 3);
                let taps = starts.iter().zip(&weights);
                let taps: Vec<_> = taps
                    .map(|(&start, &weight)| Weighted { start, weight })
                    .collect();
                let mut sums = vec![f32::NAN; n];
                weighted_sums(arch, &x, &taps, &mut sums);
                for (i, sum) in sums.iter().enumerate() {
                    let by_hand: f32 = taps.iter().map(|t| t.weight * x[t.start + i]).sum();
                    // Six products of numbers below two.
                    assert!((sum - by_hand).abs() < 1e-5, "{sum} {by_hand}");
                }
                let mut products = vec![1.0; starts.len()];
                add_products(arch, &x, starts.iter().copied(), &bar, &mut products);
                for (start, product) in starts.iter().zip(products) {
                    let window = &x[*start..];
                    let by_hand: f32 = window.iter().zip(&bar).map(|(a, b)| a * b).sum();
                    // 150 products of numbers below two.
                    assert!((product - 1.0 - by_hand).abs() < 1e-4);
                }
            }
        }
    }
}
