//! A = Q T Qᵀ of a general square matrix: orthogonal Q, T upper triangular except for blocks of complex pairs.
//!
//! ```text
//! A = P H Pᵀ             Hessenberg: zero below the first subdiagonal; by faer
//! H ← Gᵀ H G             sweeps with two shifts, until a subdiagonal entry is rounding; ours
//! (a b; c a), bc < 0     what is left of a complex pair a ± √(bc)
//! ```
//!
//! Source: Francis, 1961; the deflation test of Ahues and Tisseur, 1997; blocks in standard form as by Bai and Demmel,
//! LAPACK's `dlanv2`. faer finds the same form on its way to eigenvectors, and keeps it to itself.

use super::symmetric_eigen;
use crate::error::{Error, Result};
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::hessenberg::{hessenberg_in_place, hessenberg_in_place_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_right_in_place_scratch,
    apply_block_householder_sequence_on_the_right_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::recommended_block_size;
use faer::{Conj, Mat, MatMut, MatRef, Par};

/// Sweeps for one eigenvalue before the iteration gives up, and after how many a shift is drawn otherwise.
const SWEEPS: usize = 300;
const STUCK: usize = 10;

/// The factors of A = Q T Qᵀ.
#[derive(Clone, Debug)]
pub(crate) struct RealSchur {
    /// Q.
    pub(crate) vectors: Mat<f64>,
    /// T, exact zeros below its blocks.
    pub(crate) triangle: Mat<f64>,
}

impl RealSchur {
    /// Of a finite square A of order one; T is diagonal where A is symmetric to the last bit.
    ///
    /// # Errors
    /// [`NoConvergence`](Error::NoConvergence).
    pub(crate) fn new(op: &'static str, a: MatRef<'_, f64>) -> Result<Self> {
        if a == a.transpose() {
            let (values, vectors) = symmetric_eigen(op, a)?;
            let n = values.len();
            let triangle = Mat::from_fn(n, n, |i, j| if i == j { values[i] } else { 0.0 });
            return Ok(Self { vectors, triangle });
        }
        let mut schur = Self::hessenberg(a);
        schur.iterate(op)?;
        Ok(schur)
    }

    /// The factors of Aᵀ, from these: both reversed, T transposed.
    pub(crate) fn transposed(&self) -> Self {
        Self {
            vectors: self.vectors.as_ref().reverse_cols().to_owned(),
            triangle: self.triangle.transpose().reverse_rows_and_cols().to_owned(),
        }
    }

    /// P and H.
    fn hessenberg(a: MatRef<'_, f64>) -> Self {
        let n = a.nrows();
        let (mut h, mut vectors) = (a.to_owned(), Mat::identity(n, n));
        if n > 2 {
            let block = recommended_block_size::<f64>(n - 1, n - 1);
            let mut factors = Mat::zeros(block, n - 1);
            let scratch =
                hessenberg_in_place_scratch::<f64>(n, block, Par::Seq, Default::default()).or(
                    apply_block_householder_sequence_on_the_right_in_place_scratch::<f64>(
                        n - 1,
                        block,
                        n - 1,
                    ),
                );
            let mut buffer = MemBuffer::new(scratch);
            hessenberg_in_place(
                h.as_mut(),
                factors.as_mut(),
                Par::Seq,
                MemStack::new(&mut buffer),
                Default::default(),
            );
            apply_block_householder_sequence_on_the_right_in_place_with_conj(
                h.submatrix(1, 0, n - 1, n - 1),
                factors.as_ref(),
                Conj::No,
                vectors.submatrix_mut(1, 1, n - 1, n - 1),
                Par::Seq,
                MemStack::new(&mut buffer),
            );
            for j in 0..n {
                for i in j + 2..n {
                    h[(i, j)] = 0.0;
                }
            }
        }
        Self {
            vectors,
            triangle: h,
        }
    }

    /// Sweeps until blocks of one and two rows are left, from the last row up.
    fn iterate(&mut self, op: &'static str) -> Result<()> {
        let n = self.triangle.nrows();
        let (mut end, mut sweeps) = (n, 0);
        while end > 0 {
            let first = self.first_of_block(end - 1);
            if first > 0 {
                self.triangle[(first, first - 1)] = 0.0;
            }
            if first + 2 >= end {
                if first + 2 == end {
                    self.standardise(first);
                }
                (end, sweeps) = (first, 0);
                continue;
            }
            sweeps += 1;
            if sweeps > SWEEPS {
                return Err(Error::NoConvergence {
                    op,
                    rows: n,
                    columns: n,
                });
            }
            self.sweep(first, end - 1, sweeps);
        }
        Ok(())
    }

    /// The first row of the block that ends with this one: above it, the subdiagonal entry is rounding.
    fn first_of_block(&self, last: usize) -> usize {
        let h = &self.triangle;
        (1..=last)
            .rev()
            .find(|&k| {
                let below = h[(k, k - 1)].abs();
                if below <= f64::MIN_POSITIVE / f64::EPSILON {
                    return true;
                }
                let mut size = h[(k - 1, k - 1)].abs() + h[(k, k)].abs();
                if size == 0.0 {
                    let (before, after) = (k >= 2, k + 1 < h.nrows());
                    size = if before { h[(k - 1, k - 2)].abs() } else { 0.0 }
                        + if after { h[(k + 1, k)].abs() } else { 0.0 };
                }
                if below > f64::EPSILON * size {
                    return false;
                }
                let above = h[(k - 1, k)].abs();
                let (diagonal, apart) = (h[(k, k)].abs(), (h[(k - 1, k - 1)] - h[(k, k)]).abs());
                let sum = diagonal.max(apart) + below.max(above);
                below.min(above) * (below.max(above) / sum)
                    <= f64::EPSILON * (diagonal.min(apart) * (diagonal.max(apart) / sum))
            })
            .unwrap_or(0)
    }

    /// One sweep with two shifts over the rows `first..=last`, three or more.
    fn sweep(&mut self, first: usize, last: usize, count: usize) {
        let [shift, other] = self.shifts(first, last, count);
        let (start, mut v) = self.start(first, last, shift, other);
        let (h, n) = (&mut self.triangle, self.vectors.nrows());
        for k in start..last {
            let rows = if k + 2 <= last { 3 } else { 2 };
            if k > start {
                v = [h[(k, k - 1)], h[(k + 1, k - 1)], 0.0];
                if rows == 3 {
                    v[2] = h[(k + 2, k - 1)];
                }
            }
            let (beta, tau) = reflector(&mut v[..rows]);
            if k > start {
                h[(k, k - 1)] = beta;
                h.col_as_slice_mut(k - 1)[k + 1..k + rows].fill(0.0);
            } else if start > first {
                h[(k, k - 1)] *= 1.0 - tau;
            }
            let v = &v[..rows];
            for j in k..n {
                reflect(&mut h.col_as_slice_mut(j)[k..k + rows], v, tau);
            }
            let deepest = (k + 3).min(last) + 1;
            reflect_columns(h.submatrix_mut(0, k, deepest, rows), v, tau);
            reflect_columns(self.vectors.subcols_mut(k, rows), v, tau);
        }
    }

    /// Two shifts, real and imaginary part: the eigenvalues of the last two rows, mostly.
    fn shifts(&self, first: usize, last: usize, count: usize) -> [(f64, f64); 2] {
        let h = &self.triangle;
        let at = |i: usize, j: usize| h[(i, j)];
        // A shift that is not of these rows, where the iteration goes in a circle.
        let (mut a, mut b, mut c, mut d) = if count.is_multiple_of(2 * STUCK) {
            let size = at(last, last - 1).abs() + at(last - 1, last - 2).abs();
            let diagonal = 0.75 * size + at(last, last);
            (diagonal, -0.4375 * size, size, diagonal)
        } else if count.is_multiple_of(STUCK) {
            let size = at(first + 1, first).abs() + at(first + 2, first + 1).abs();
            let diagonal = 0.75 * size + at(first, first);
            (diagonal, -0.4375 * size, size, diagonal)
        } else {
            (
                at(last - 1, last - 1),
                at(last - 1, last),
                at(last, last - 1),
                at(last, last),
            )
        };
        let size = a.abs() + b.abs() + c.abs() + d.abs();
        if size == 0.0 {
            return [(0.0, 0.0); 2];
        }
        for entry in [&mut a, &mut b, &mut c, &mut d] {
            *entry /= size;
        }
        let mean = 0.5 * (a + d);
        let determinant = (a - mean) * (d - mean) - b * c;
        let root = determinant.abs().sqrt();
        if determinant >= 0.0 {
            return [(mean * size, root * size), (mean * size, -root * size)];
        }
        // Of two real ones, the closer to the last entry, twice.
        let closer = if (mean + root - d).abs() <= (mean - root - d).abs() {
            mean + root
        } else {
            mean - root
        };
        [(closer * size, 0.0); 2]
    }

    /// Where the sweep may start, below two subdiagonal entries that are small together, and the vector it starts with.
    fn start(
        &self,
        first: usize,
        last: usize,
        shift: (f64, f64),
        other: (f64, f64),
    ) -> (usize, [f64; 3]) {
        let h = &self.triangle;
        let mut row = last - 2;
        loop {
            let below = h[(row + 1, row)];
            let (diagonal, next) = (h[(row, row)], h[(row + 1, row + 1)]);
            let size = (diagonal - other.0).abs() + other.1.abs() + below.abs();
            let share = below / size;
            let mut v = [
                share * h[(row, row + 1)] + (diagonal - shift.0) * ((diagonal - other.0) / size)
                    - shift.1 * (other.1 / size),
                share * (diagonal + next - shift.0 - other.0),
                share * h[(row + 2, row + 1)],
            ];
            let size = v.iter().map(|x| x.abs()).sum::<f64>();
            v.iter_mut().for_each(|x| *x /= size);
            if row == first {
                return (row, v);
            }
            let around = h[(row - 1, row - 1)].abs() + diagonal.abs() + next.abs();
            let left = h[(row, row - 1)].abs() * (v[1].abs() + v[2].abs());
            if left <= f64::EPSILON * v[0].abs() * around {
                return (row, v);
            }
            row -= 1;
        }
    }

    /// Turns rows k and k + 1 until their block is triangular, or (a b; c a) with bc < 0.
    fn standardise(&mut self, k: usize) {
        let (n, t) = (self.triangle.nrows(), &mut self.triangle);
        let block = [t[(k, k)], t[(k, k + 1)], t[(k + 1, k)], t[(k + 1, k + 1)]];
        let ([a, b, c, d], (cos, sin)) = standard_block(block);
        for j in k + 2..n {
            let column = t.col_as_slice_mut(j);
            let (x, y) = (column[k], column[k + 1]);
            (column[k], column[k + 1]) = (cos * x + sin * y, cos * y - sin * x);
        }
        turn_columns(t.submatrix_mut(0, k, k, 2), cos, sin);
        turn_columns(self.vectors.subcols_mut(k, 2), cos, sin);
        (t[(k, k)], t[(k, k + 1)]) = (a, b);
        (t[(k + 1, k)], t[(k + 1, k + 1)]) = (c, d);
    }
}

/// Replaces x by v with v₀ = 1, (I − τ v vᵀ) x = β e₁; returns β and τ.
fn reflector(x: &mut [f64]) -> (f64, f64) {
    let size = x.iter().fold(0.0, |size: f64, x| size.max(x.abs()));
    if x[1..].iter().all(|&x| x == 0.0) {
        let head = x[0];
        x[0] = 1.0;
        return (head, 0.0);
    }
    let norm = size * x.iter().map(|x| (x / size).powi(2)).sum::<f64>().sqrt();
    let head = x[0];
    let beta = -norm.copysign(head);
    for x in &mut x[1..] {
        *x /= head - beta;
    }
    x[0] = 1.0;
    (beta, (beta - head) / beta)
}

/// x ← (I − τ v vᵀ) x.
#[inline]
fn reflect(x: &mut [f64], v: &[f64], tau: f64) {
    let along = tau * x.iter().zip(v).map(|(x, v)| x * v).sum::<f64>();
    for (x, v) in x.iter_mut().zip(v) {
        *x -= along * v;
    }
}

/// X ← X (I − τ v vᵀ), for two or three columns.
fn reflect_columns(x: MatMut<'_, f64>, v: &[f64], tau: f64) {
    let (first, rest) = x.split_at_col_mut(1);
    let (second, third) = rest.split_at_col_mut(1);
    let pairs = first
        .col_mut(0)
        .iter_mut()
        .zip(second.col_mut(0).iter_mut());
    if let [_, v1, v2] = *v {
        for ((x, y), z) in pairs.zip(third.col_mut(0).iter_mut()) {
            let along = tau * (*x + v1 * *y + v2 * *z);
            *x -= along;
            *y -= along * v1;
            *z -= along * v2;
        }
    } else {
        let v1 = v[1];
        for (x, y) in pairs {
            let along = tau * (*x + v1 * *y);
            *x -= along;
            *y -= along * v1;
        }
    }
}

/// Two columns x, y become cx + sy and cy − sx.
fn turn_columns(columns: MatMut<'_, f64>, cos: f64, sin: f64) {
    let (first, second) = columns.split_at_col_mut(1);
    let pairs = first
        .col_mut(0)
        .iter_mut()
        .zip(second.col_mut(0).iter_mut());
    for (x, y) in pairs {
        (*x, *y) = (cos * *x + sin * *y, cos * *y - sin * *x);
    }
}

/// (a b; c d) in standard form, and the cosine and sine that bring it there.
fn standard_block([a, b, c, d]: [f64; 4]) -> ([f64; 4], (f64, f64)) {
    if c == 0.0 {
        return ([a, b, c, d], (1.0, 0.0));
    }
    if b == 0.0 {
        return ([d, -c, 0.0, a], (0.0, 1.0));
    }
    if a == d && b.is_sign_negative() != c.is_sign_negative() {
        return ([a, b, c, d], (1.0, 0.0));
    }
    let apart = a - d;
    let half = 0.5 * apart;
    let (larger, smaller) = (b.abs().max(c.abs()), b.abs().min(c.abs()));
    let smaller = smaller * b.signum() * c.signum();
    let scale = half.abs().max(larger);
    let z = (half / scale) * half + (larger / scale) * smaller;
    if z >= 4.0 * f64::EPSILON * scale {
        // Two real eigenvalues.
        let z = half + (scale.sqrt() * z.sqrt()).copysign(half);
        let length = c.hypot(z);
        let turned = [d + z, b - c, 0.0, d - (larger / z) * smaller];
        return (turned, (z / length, c / length));
    }
    // Complex, or real and close to each other: equal diagonal entries first.
    let sum = b + c;
    let length = sum.hypot(apart);
    let cos = (0.5 * (1.0 + sum.abs() / length)).sqrt();
    let sin = -(half / (length * cos)) * sum.signum();
    let (aa, bb) = (a * cos + b * sin, b * cos - a * sin);
    let (cc, dd) = (c * cos + d * sin, d * cos - c * sin);
    let (a, b) = (aa * cos + cc * sin, bb * cos + dd * sin);
    let (c, d) = (cc * cos - aa * sin, dd * cos - bb * sin);
    let mean = 0.5 * (a + d);
    if c == 0.0 {
        return ([mean, b, c, mean], (cos, sin));
    }
    if b == 0.0 {
        return ([mean, -c, 0.0, mean], (-sin, cos));
    }
    if b.is_sign_negative() != c.is_sign_negative() {
        return ([mean, b, c, mean], (cos, sin));
    }
    let (root_b, root_c) = (b.abs().sqrt(), c.abs().sqrt());
    let half = (root_b * root_c).copysign(c);
    let over = (b + c).abs().sqrt().recip();
    let (cos_more, sin_more) = (root_b * over, root_c * over);
    (
        [mean + half, b - c, 0.0, mean - half],
        (
            cos * cos_more - sin * sin_more,
            cos * sin_more + sin * cos_more,
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{gaussian, symmetric_with_spectrum};
    use faer::mat;

    /// Holds the factors to their definition; returns T.
    fn checked(a: &Mat<f64>) -> Mat<f64> {
        let schur = RealSchur::new("test", a.as_ref()).unwrap();
        let (q, t, n) = (&schur.vectors, &schur.triangle, a.nrows());
        // LAPACK's measure, a few units; ours has a few more roundings a sweep.
        let limit = 30.0 * f64::EPSILON * n as f64;
        let orthogonal = (q.transpose() * q - Mat::<f64>::identity(n, n)).norm_l2();
        assert!(orthogonal < limit, "{n}: {orthogonal:e}");
        let error = (q * t * q.transpose() - a).norm_l2() / a.norm_l2().max(f64::MIN_POSITIVE);
        assert!(error < limit, "{n}: {error:e}");
        for j in 0..n {
            assert!((j + 2..n).all(|i| t[(i, j)] == 0.0));
            if j + 1 < n && t[(j + 1, j)] != 0.0 {
                assert_eq!(t[(j, j)], t[(j + 1, j + 1)]);
                assert!(t[(j + 1, j)] * t[(j, j + 1)] < 0.0);
                assert!(j + 2 >= n || t[(j + 2, j + 1)] == 0.0);
            }
        }
        let back = schur.transposed();
        let error =
            (&back.vectors * &back.triangle * back.vectors.transpose() - a.transpose()).norm_l2();
        assert!(error < limit * a.norm_l2().max(f64::MIN_POSITIVE));
        schur.triangle
    }

    #[test]
    fn blocks_by_hand() {
        // Eigenvalues ±i, 2 ± 3, and 1 twice without a second eigenvector.
        let t = checked(&mat![[0.0, -4.0], [0.25, 0.0]]);
        assert!((t[(0, 1)] * t[(1, 0)] + 1.0).abs() < 1e-15);
        let t = checked(&mat![[2.0, 9.0], [1.0, 2.0]]);
        assert_eq!(t[(1, 0)], 0.0);
        assert!((t[(0, 0)] * t[(1, 1)] + 5.0).abs() < 1e-14);
        let t = checked(&mat![[2.0, 1.0], [-1.0, 0.0]]);
        assert!((t[(0, 0)] - 1.0).abs() < 1e-15 && (t[(1, 1)] - 1.0).abs() < 1e-15);
        assert_eq!(checked(&mat![[3.0]]), mat![[3.0]]);
        let t = checked(&mat![[1.0, 0.0], [5.0, 2.0]]);
        assert_eq!((t[(0, 0)], t[(1, 1)]), (2.0, 1.0));
    }

    #[test]
    fn random_matrices_of_every_side() {
        for n in [1, 2, 3, 4, 5, 8, 13, 30, 70, 140, 300] {
            let a = gaussian(n, n, n as u64);
            let t = checked(&a);
            let trace = |a: &Mat<f64>| (0..n).map(|i| a[(i, i)]).sum::<f64>();
            assert!((trace(&t) - trace(&a)).abs() < 1e-12 * n as f64);
        }
    }

    #[test]
    fn awkward_matrices() {
        for n in [2, 3, 6, 17, 40] {
            // A Jordan block, a cycle (|λ| = 1 for all, where unshifted sweeps stand still), a companion matrix, zero,
            // a rank of one, rows of very different sizes.
            let jordan = Mat::from_fn(n, n, |i, j| {
                if i == j {
                    3.0
                } else if j == i + 1 {
                    1.0
                } else {
                    0.0
                }
            });
            let cycle = Mat::from_fn(n, n, |i, j| if i == (j + 1) % n { 1.0 } else { 0.0 });
            let companion = Mat::from_fn(n, n, |i, j| {
                if i == 0 {
                    -(1.0 + j as f64)
                } else if i == j + 1 {
                    1.0
                } else {
                    0.0
                }
            });
            let one = gaussian(n, 1, 1) * gaussian(1, n, 2);
            let g = gaussian(n, n, 3);
            let graded = Mat::from_fn(n, n, |i, j| g[(i, j)] * 10f64.powf(-0.5 * i as f64));
            for a in [
                jordan.transpose().to_owned(),
                jordan,
                cycle,
                companion,
                one,
                graded,
                Mat::zeros(n, n),
            ] {
                checked(&a);
            }
        }
    }

    #[test]
    fn small_whole_numbers_and_matrices_far_from_normal() {
        // Ranks lost, eigenvalues of several times without their vectors, cycles of every length.
        for seed in 0..400 {
            let n = 2 + seed as usize % 9;
            let share = 0.5 + 0.25 * (seed % 5) as f64;
            let g = gaussian(n, n, seed);
            checked(&Mat::from_fn(n, n, |i, j| (g[(i, j)] * share).round()));
            // Shifts of sizes far from each other.
            checked(&Mat::from_fn(n, n, |i, j| {
                g[(i, j)] * 10f64.powf(20.0 * (g[(j, i)] * share).tanh())
            }));
        }
        // Grcar's, and a Jordan block under a turn of its basis.
        for n in [30, 90] {
            let grcar = Mat::from_fn(n, n, |i, j| match (j + 1).wrapping_sub(i) {
                0 => -1.0,
                1..=4 => 1.0,
                _ => 0.0,
            });
            checked(&grcar);
            let (q, _) = crate::decompose::thin_qr("test", gaussian(n, n, 1).as_ref()).unwrap();
            let nilpotent = Mat::from_fn(n, n, |i, j| if j == i + 1 { 1.0 } else { 0.0 });
            checked(&(&q * nilpotent * q.transpose()));
        }
    }

    #[test]
    fn a_symmetric_matrix_has_a_diagonal_triangle() {
        let a = symmetric_with_spectrum(&[1.0, -2.0, 3.0, 3.0], 2);
        let t = checked(&a);
        assert!((0..4).all(|i| (0..4).all(|j| i == j || t[(i, j)] == 0.0)));
    }
}
