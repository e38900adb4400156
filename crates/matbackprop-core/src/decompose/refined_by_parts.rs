//! Small singular values to their last digit at any side: the large ones are parted from the rest in twice the precision.
//!
//! A decomposition in f64 knows every singular value to ε σ₁: the column F v of a small one consists of the parts of
//! the large ones that rounding in v lets in. These are subtracted in twice the precision. The rest is a matrix of
//! fewer columns, of the size of the small values, which is decomposed in its turn.
//!
//! ```text
//! F ≈ U Σ Vᵀ,  V = (V₁ | V₂),  σ of V₂ those that matter       W₂ = F V₂              twice the precision
//! V₂ ← V₂ − V₁ Σ₁⁻¹ U₁ᵀ W₂                                     until U₁ᵀ W₂ vanishes
//! W₂ = W Zᵀ by the same method,  V₂ ← V₂ Z
//! ```
//!
//! Two products in twice the precision a part, and few parts: each spans about eight decades.

use super::sliced_product::{Pair, Slices};
use super::thin_svd::thin_svd;
use crate::error::Result;
use crate::products::temporary_product;
use faer::{Mat, MatRef};

/// The part of large columns left in small ones, relative to the largest, at which subtraction ends:
/// 2⁻¹⁰⁰ an entry.
const PARTED: f64 = 8e-31;

/// Attempts to take it away; two are usual.
const ATTEMPTS: usize = 4;

/// Columns shorter than this share of the longest are rounding in twice the precision.
const NOTHING: f64 = 1e-29;

/// W (m × n) and V (n × n) with F V = W, VᵀV = I and orthogonal columns of W, of nonincreasing length, for a finite F
/// with m ≥ n, of order one, and its decomposition U Σ Vᵀ.
///
/// `is_seen(largest, σ)` asks whether an error of ε `largest` in a value σ matters. Values of which it does not are those
/// of the decomposition; others are known to about ε of the largest of their part.
pub(crate) fn refined_by_parts(
    op: &'static str,
    f: MatRef<'_, f64>,
    svd: (Mat<f64>, Vec<f64>, Mat<f64>),
    is_seen: &dyn Fn(f64, f64) -> bool,
) -> Result<(Mat<f64>, Mat<f64>)> {
    let largest = svd.1.first().copied().unwrap_or(0.0);
    parts(op, &Pair::new(f), svd, is_seen, NOTHING * largest)
}

fn parts(
    op: &'static str,
    f: &Pair,
    (u, values, v): (Mat<f64>, Vec<f64>, Mat<f64>),
    is_seen: &dyn Fn(f64, f64) -> bool,
    nothing: f64,
) -> Result<(Mat<f64>, Mat<f64>)> {
    let (m, n) = f.high.shape();
    let largest = values[0];
    if largest <= nothing {
        return Ok((Mat::zeros(m, n), v));
    }
    // The largest is known to ε of itself.
    let known = (1..n).find(|&j| is_seen(largest, values[j])).unwrap_or(n);
    let mut w = Mat::from_fn(m, n, |i, j| {
        if j < known {
            u[(i, j)] * values[j]
        } else {
            0.0
        }
    });
    if known == n {
        return Ok((w, v));
    }
    let (small, v_small) = parted(f, u.subcols(0, known), &values[..known], v.as_ref());
    let svd = thin_svd(op, small.high.as_ref())?;
    let (w_small, z) = parts(op, &small, svd, is_seen, nothing)?;
    w.subcols_mut(known, n - known).copy_from(&w_small);
    let turned = temporary_product(v_small.as_ref(), z.as_ref());
    let mut v = v;
    v.subcols_mut(known, n - known).copy_from(turned.as_ref());
    // V₁ was orthogonal to the columns that these replace.
    let large = v.subcols(0, known);
    let shared = temporary_product(turned.as_ref().transpose(), large);
    let large = large - turned.as_ref() * shared.as_ref();
    v.subcols_mut(0, known).copy_from(&large);
    Ok((w, v))
}

/// W₂ and V₂, from U₁, Σ₁ and V.
fn parted(f: &Pair, u: MatRef<'_, f64>, values: &[f64], v: MatRef<'_, f64>) -> (Pair, Mat<f64>) {
    let (known, n) = (values.len(), v.ncols());
    let large = v.subcols(0, known);
    let mut small = Pair::new(v.subcols(known, n - known));
    let rows = Slices::of_rows(f);
    let mut shared_before = f64::INFINITY;
    let mut attempt = 0;
    loop {
        let w = rows.times(&Slices::of_columns(&small));
        let mut shared = u.transpose() * &w.high;
        let largest = shared.norm_max();
        let ended = largest <= PARTED * values[0] || largest > 0.5 * shared_before;
        if ended || attempt == ATTEMPTS {
            return (w, small.high);
        }
        // V₁ Σ₁⁻¹ U₁ᵀ W₂ is the part of V₁ that rounding has left in V₂. F multiplies it by Σ₁, which is why it shows.
        // Subtracted, it comes back as ε times itself, so that two attempts end it. An attempt that no longer halves it
        // has met rounding.
        shared_before = largest;
        for j in 0..shared.ncols() {
            for (x, value) in shared.col_as_slice_mut(j).iter_mut().zip(values) {
                *x /= -value;
            }
        }
        small.add(&(large * shared), 1.0);
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::refined_svd::refined_svd;
    use super::*;
    use crate::gradcheck::{gaussian, with_spectrum};
    use crate::products::gram;

    /// W and V where every value below `share` of the largest of its part is seen.
    fn refined(a: &Mat<f64>, share: f64) -> (Mat<f64>, Mat<f64>) {
        let svd = thin_svd("test", a.as_ref()).unwrap();
        let is_seen = |largest: f64, value: f64| value < share * largest;
        refined_by_parts("test", a.as_ref(), svd, &is_seen).unwrap()
    }

    fn lengths(w: &Mat<f64>) -> Vec<f64> {
        (0..w.ncols()).map(|j| w.col(j).norm_l2()).collect()
    }

    #[test]
    fn small_values_are_those_of_rotations_in_twice_the_precision() {
        let graded: Vec<f64> = (0..20).map(|j| 10f64.powf(-1.2 * f64::from(j))).collect();
        let stepped: Vec<f64> = (0..20).map(|j| [1.0, 1e-9, 1e-13, 1e-20][j / 5]).collect();
        for a in [
            with_spectrum(30, 20, &graded, 1),
            with_spectrum(30, 20, &stepped, 2),
            gaussian(40, 6, 3) * gaussian(6, 20, 4),
        ] {
            let (w, v) = refined(&a, 1e-3);
            let (_, _, start) = thin_svd("test", a.as_ref()).unwrap();
            let (expected, _) = refined_svd("test", a.as_ref(), start.as_ref()).unwrap();
            for (found, expected) in lengths(&w).into_iter().zip(lengths(&expected)) {
                // A thousand ε of the part's largest, over 10⁻³ of it.
                assert!(
                    (found / expected - 1.0).abs() < 1e-12,
                    "{found:e} for {expected:e}"
                );
            }
            assert!((gram(v.as_ref()) - Mat::<f64>::identity(20, 20)).norm_max() < 1e-14);
            assert!((&a * &v - &w).norm_max() < 1e-14 * a.norm_l2());
            let unit = Mat::from_fn(w.nrows(), 20, |i, j| w[(i, j)] / w.col(j).norm_l2());
            assert!((gram(unit.as_ref()) - Mat::<f64>::identity(20, 20)).norm_max() < 1e-11);
        }
    }

    #[test]
    fn exact_zeros_are_found() {
        // Whole numbers: the product is exact, and so is its rank.
        let whole =
            |m, n, seed| Mat::from_fn(m, n, |i, j| (8.0 * gaussian(m, n, seed)[(i, j)]).round());
        let a = whole(25, 4, 1) * whole(4, 18, 2);
        let (w, _) = refined(&a, 1e-3);
        let lengths = lengths(&w);
        assert!(lengths[3] > 1.0);
        assert!(
            lengths[4..]
                .iter()
                .all(|&length| length < 1e-27 * lengths[0]),
            "{lengths:?}"
        );
    }

    #[test]
    fn invisible_columns_are_left_alone() {
        let a = with_spectrum(9, 5, &[3.0, 2.0, 1e-9, 1e-10, 0.0], 4);
        let (u, values, v) = thin_svd("test", a.as_ref()).unwrap();
        let (w, turned) = refined(&a, 0.0);
        assert_eq!(turned, v);
        assert_eq!(w, Mat::from_fn(9, 5, |i, j| u[(i, j)] * values[j]));
    }
}
