//! The decompositions on matrices that look for trouble.

use super::bidiagonal::{bidiagonal_svd, bidiagonal_values};
use super::symmetric_eigen::{symmetric_eigen, symmetric_values};
use super::thin_svd::{singular_values_only, thin_svd};
use super::tridiagonal::{tridiagonal_eigen, tridiagonal_values};
use crate::scale::{Scaled, power_of_two_scale};
use faer::{Mat, MatRef};

/// Numbers below 2⁶⁴, one after another (Steele, Lea, Flood, 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// In [−1, 1].
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

const KINDS: usize = 14;

/// Matrices drawn of each kind and shape.
const DRAWS: u64 = 4;

/// Entry i of a list of n, diagonal or beside it, in the manner of a kind.
fn entry(kind: usize, beside: bool, i: usize, n: usize, numbers: &mut Numbers) -> f64 {
    let x = numbers.unit();
    let decades = |least: f64, x: f64| 10f64.powf(least * x.abs()).copysign(x);
    match kind {
        // Many values that agree to rounding: Wilkinson's matrices, glued.
        0 if beside => [1.0, 1e-8][usize::from(i % 21 == 20)],
        0 => (i % 21).abs_diff(10) as f64,
        1 if beside => [1.0, 1e-14][usize::from(i % 21 == 20)],
        1 => (i % 21).abs_diff(10) as f64,
        // Entries over 300 decades; over 30.
        2 => decades(-300.0, x),
        3 => decades(-30.0, x),
        // Zeros sprinkled.
        4 => x * numbers.below(2) as f64,
        // Small integers; equal entries.
        5 => numbers.below(5) as f64 - 2.0,
        6 => 1.0,
        7 => f64::from(!beside),
        // Tiny beside the diagonal; tiny on it.
        8 if beside => x * 1e-14,
        9 if !beside => x * 1e-14,
        // A block far below the rest, within reach of underflow when squared; below the normal numbers.
        10 if 2 * i > n => x * 1e-161,
        11 if 3 * i > n => x * 1e-310,
        // A middle row far below the rest.
        12 if i == n / 2 => 1e-12 * x,
        13 if i.is_multiple_of(5) => 1e-9 * x,
        _ => x,
    }
}

fn list(kind: usize, beside: bool, n: usize, numbers: &mut Numbers) -> Vec<f64> {
    (0..n).map(|i| entry(kind, beside, i, n, numbers)).collect()
}

/// The entries of A V − U diag(x), over √n max|A|, and those of UᵀU − I and VᵀV − I stay below 40 √n ε; NaN fails.
fn assert_decomposed(
    name: &str,
    a: MatRef<'_, f64>,
    u: MatRef<'_, f64>,
    x: &[f64],
    v: MatRef<'_, f64>,
) {
    let scaled = Mat::from_fn(u.nrows(), x.len(), |i, j| u[(i, j)] * x[j]);
    let largest = |a: Mat<f64>| {
        let all = a.col_iter().flat_map(|column| column.iter());
        // Unlike `f64::max`, keeps NaN.
        all.fold(0.0, |largest: f64, x| {
            if x.abs() <= largest || largest.is_nan() {
                largest
            } else {
                x.abs()
            }
        })
    };
    let n = a.nrows().max(a.ncols()) as f64;
    let size = a.norm_max().max(f64::MIN_POSITIVE) * n.sqrt();
    let tolerance = 40.0 * n.sqrt() * f64::EPSILON;
    let residual = largest(a * v - scaled) / size;
    assert!(residual <= tolerance, "{name}: residual {residual:e}");
    for q in [u, v] {
        let turned = largest(q.transpose() * q - Mat::<f64>::identity(q.ncols(), q.ncols()));
        assert!(turned <= tolerance, "{name}: orthogonality {turned:e}");
    }
}

/// Values found without vectors are those found with them, to 4 √n ε of the largest.
fn assert_same_values(name: &str, alone: &[f64], with_vectors: &[f64]) {
    assert_eq!(alone.len(), with_vectors.len(), "{name}");
    let largest = |x: &[f64]| x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let size = largest(with_vectors).max(f64::MIN_POSITIVE);
    let tolerance = 4.0 * (alone.len() as f64).sqrt() * f64::EPSILON;
    for (x, y) in alone.iter().zip(with_vectors) {
        let error = (x - y).abs() / size;
        assert!(error <= tolerance, "{name}: {x:e} for {y:e}");
    }
}

/// A in the range to which every rule brings its input before it decomposes it.
fn as_rules_give(a: &Mat<f64>) -> Mat<f64> {
    Scaled::new(a.as_ref(), power_of_two_scale(a.as_ref())).into_owned()
}

const SIDES: [usize; 14] = [1, 2, 3, 4, 7, 23, 24, 25, 26, 48, 49, 51, 75, 127];

#[test]
fn tridiagonal_matrices() {
    let mut numbers = Numbers(1);
    for n in SIDES {
        for kind in (0..DRAWS).flat_map(|_| 0..KINDS) {
            let mut d = list(kind, false, n, &mut numbers);
            let mut e = list(kind, true, n, &mut numbers);
            let t = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
                0 => d[i],
                1 => e[i.min(j)],
                _ => 0.0,
            });
            let name = format!("kind {kind}, side {n}");
            let (mut alone, mut beside) = (d.clone(), e.clone());
            let w = tridiagonal_eigen(&mut d, &mut e).expect(&name);
            tridiagonal_values(&mut alone, &mut beside).expect(&name);
            assert_same_values(&name, &alone, &d);
            assert_decomposed(&name, t.as_ref(), w.as_ref(), &d, w.as_ref());
        }
    }
}

#[test]
fn bidiagonal_matrices() {
    let mut numbers = Numbers(2);
    for n in SIDES {
        for kind in (0..DRAWS).flat_map(|_| 0..KINDS) {
            let mut d = list(kind, false, n, &mut numbers);
            let mut e = list(kind, true, n, &mut numbers);
            let b = Mat::from_fn(n, n, |i, j| match j.wrapping_sub(i) {
                0 => d[i],
                1 => e[i],
                _ => 0.0,
            });
            let name = format!("kind {kind}, side {n}");
            let (mut alone, mut beside) = (d.clone(), e.clone());
            let (u, v) = bidiagonal_svd(&mut d, &mut e).expect(&name);
            bidiagonal_values(&mut alone, &mut beside).expect(&name);
            assert_same_values(&name, &alone, &d);
            assert_decomposed(&name, b.as_ref(), u.as_ref(), &d, v.as_ref());
        }
    }
}

#[test]
fn dense_symmetric_matrices() {
    let mut numbers = Numbers(3);
    for n in [1, 2, 3, 17, 33, 64, 90] {
        for kind in (0..DRAWS).flat_map(|_| 0..KINDS) {
            let mut a = Mat::zeros(n, n);
            for j in 0..n {
                for i in j..n {
                    // The later of row and column says which block an entry lies in; blocks do not meet.
                    let apart = matches!(kind, 10 | 11) && (2 * i > n) != (2 * j > n);
                    let x = entry(kind, i != j, i, n, &mut numbers);
                    a[(i, j)] = if apart { 0.0 } else { x };
                    a[(j, i)] = a[(i, j)];
                }
            }
            let name = format!("kind {kind}, side {n}");
            let a = as_rules_give(&a);
            let (values, v) = symmetric_eigen("test", a.as_ref()).expect(&name);
            let alone = symmetric_values("test", a.as_ref()).expect(&name);
            assert_same_values(&name, &alone, &values);
            assert_decomposed(&name, a.as_ref(), v.as_ref(), &values, v.as_ref());
        }
    }
}

#[test]
fn dense_matrices() {
    let mut numbers = Numbers(4);
    for (m, n) in [
        (1, 1),
        (2, 2),
        (3, 2),
        (30, 29),
        (60, 60),
        (70, 30),
        (20, 50),
        (180, 60),
    ] {
        for kind in (0..DRAWS).flat_map(|_| 0..KINDS) {
            let a = Mat::from_fn(m, n, |i, j| {
                let apart = matches!(kind, 10 | 11) && (2 * i > m) != (2 * j > n);
                let x = entry(kind, i != j, i, m, &mut numbers);
                if apart { 0.0 } else { x }
            });
            let name = format!("kind {kind}, {m} × {n}");
            let a = as_rules_give(&a);
            let (u, values, v) = thin_svd("test", a.as_ref()).expect(&name);
            let alone = singular_values_only("test", a.as_ref()).expect(&name);
            assert_same_values(&name, &alone, &values);
            assert_decomposed(&name, a.as_ref(), u.as_ref(), &values, v.as_ref());
        }
    }
}
