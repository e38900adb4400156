//! Singular values and vectors by rotations of columns, lane by lane.

use super::register::{LaneNumber, Lanes};
use super::stride_of;
use super::wide::Wide;
use super::{Kernel, Width};
use pulp::Simd;

/// Sweeps over all pairs of columns; six to nine are usual.
const SWEEPS: usize = 40;

/// The square of a product of columns that counts as none in 32 bits, beside a matrix of order one: 2⁻¹⁰⁰.
///
/// Pairs of columns of lengths from 2⁻¹³ on are turned until they have all the digits of 32 bits. The squares of shorter ones
/// would underflow, and turn for ever.
const NEGLIGIBLE: f64 = 7.888609052210118e-31;

/// A V = U Σ: turns the columns of A, m × n with m ≥ n, until they are orthogonal. `false` where a lane does not converge.
///
/// The rows of `a` are the columns of A and become those of U Σ. The rows of `v` are the columns of an orthogonal matrix that A
/// was multiplied by before, such as the identity, and become those of its product with V. `squares` become the squares of the
/// lengths, in any order. A is of order one.
///
/// ```text
/// α = ‖a_p‖², β = ‖a_q‖², γ = a_pᵀa_q,  δ = (β − α)/2,  t = γ / (δ ± √(δ² + γ²)),  c = 1/√(1 + t²),  s = c t
/// a_p ← c a_p − s a_q,  a_q ← s a_p + c a_q
/// ```
///
/// Source: Hestenes, "Inversion of matrices by biorthogonalization and related results", 1958.
pub(crate) fn orthogonalise<A: LaneNumber>(
    width: Width<A>,
    (m, n): (usize, usize),
    a: &mut [A],
    v: &mut [A],
    squares: &mut [A],
) -> bool {
    width.run(Orthogonalise {
        m,
        n,
        a,
        v,
        squares,
    })
}

struct Orthogonalise<'a, A> {
    m: usize,
    n: usize,
    a: &'a mut [A],
    v: &'a mut [A],
    squares: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for Orthogonalise<'_, A> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) -> bool {
        let constant = |x| Wide::<S, T>::constant(simd, x);
        let (m, n) = (self.m, self.n);
        let (long, stride) = (stride_of(m), stride_of(n));
        let (a, v) = (T::registers_mut::<S>(self.a), T::registers_mut::<S>(self.v));
        let squares = T::registers_mut::<S>(self.squares);
        // Squares, to compare with a square: a sum of m products is known to about √m ε of its largest.
        let epsilon = T::EPSILON.widened();
        let tolerance = constant(m as f64 * epsilon * epsilon);
        for _ in 0..SWEEPS {
            for j in 0..n {
                let column = &a[j * long..][..m];
                squares[j] = dot::<S, T>(simd, column, column).register;
            }
            let mut turned = false;
            for p in 0..n {
                for q in p + 1..n {
                    let (head, tail) = a.split_at_mut(q * long);
                    let columns = (&mut head[p * long..][..m], &mut tail[..m]);
                    let (head, tail) = squares.split_at_mut(q);
                    let lengths = (&mut head[p], &mut tail[0]);
                    let rotation = turn_pair::<S, T>(simd, columns, lengths, tolerance);
                    let Some((c, s)) = rotation else {
                        continue;
                    };
                    turned = true;
                    let (head, tail) = v.split_at_mut(q * stride);
                    rotate::<S, T>(simd, &mut head[p * stride..][..n], &mut tail[..n], c, s);
                }
            }
            if !turned {
                return true;
            }
        }
        false
    }
}

/// Lengths from their squares, and columns of length one; columns of length zero stay as they are.
///
/// The rows of `a` are the columns of an m × n matrix.
pub(crate) fn normalise<A: LaneNumber>(
    width: Width<A>,
    (m, n): (usize, usize),
    a: &mut [A],
    squares: &[A],
    lengths: &mut [A],
) {
    width.run(Normalise {
        m,
        n,
        a,
        squares,
        lengths,
    });
}

struct Normalise<'a, A> {
    m: usize,
    n: usize,
    a: &'a mut [A],
    squares: &'a [A],
    lengths: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for Normalise<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let (zero, one) = (Wide::<S, T>::constant(simd, 0.0), Wide::constant(simd, 1.0));
        let a = T::registers_mut::<S>(self.a);
        let squares = &T::registers::<S>(self.squares)[..self.n];
        let lengths = T::registers_mut::<S>(self.lengths);
        for (j, (square, length)) in squares.iter().zip(lengths).enumerate() {
            let root = Wide::new(simd, *square).sqrt();
            let inverse = one / zero.where_below(root, root, one);
            *length = root.register;
            for x in &mut a[j * stride_of(self.m)..][..self.m] {
                *x = (Wide::new(simd, *x) * inverse).register;
            }
        }
    }
}

/// Two columns.
type Pair<'a, R> = (&'a mut [R], &'a mut [R]);

/// Makes two columns orthogonal, unless they are in every lane; cosine and sine of the rotation.
#[inline(always)]
fn turn_pair<S: Simd, T: Lanes>(
    simd: S,
    (left, right): Pair<'_, T::Register<S>>,
    (left_square, right_square): (&mut T::Register<S>, &mut T::Register<S>),
    tolerance: Wide<S, T>,
) -> Option<(Wide<S, T>, Wide<S, T>)> {
    let constant = |x| Wide::<S, T>::constant(simd, x);
    let (zero, one) = (constant(0.0), constant(1.0));
    let (alpha, beta) = (
        Wide::new(simd, *left_square),
        Wide::new(simd, *right_square),
    );
    let gamma = dot::<S, T>(simd, left, right);
    let mut bound = tolerance * alpha * beta;
    if T::Number::IS_SINGLE {
        bound = bound.max(constant(NEGLIGIBLE));
    }
    if !bound.any_below(gamma * gamma) {
        return None;
    }
    let delta = constant(0.5) * (beta - alpha);
    let root = delta.times_plus(delta, gamma * gamma).sqrt();
    let sum = delta + delta.where_below(zero, -root, root);
    let t = gamma / zero.where_below(sum.abs(), sum, one);
    let c = one / t.times_plus(t, one).sqrt();
    let s = c * t;
    rotate::<S, T>(simd, left, right, c, s);
    *left_square = alpha.minus_product(t, gamma).register;
    *right_square = t.times_plus(gamma, beta).register;
    Some((c, s))
}

/// xᵀ y.
#[inline(always)]
fn dot<S: Simd, T: Lanes>(simd: S, x: &[T::Register<S>], y: &[T::Register<S>]) -> Wide<S, T> {
    let wide = |register| Wide::<S, T>::new(simd, register);
    let mut sums = [Wide::constant(simd, 0.0); 4];
    let (x_fours, x_rest) = x.as_chunks::<4>();
    let (y_fours, y_rest) = y.as_chunks::<4>();
    for (x, y) in x_fours.iter().zip(y_fours) {
        for c in 0..4 {
            sums[c] = wide(x[c]).times_plus(wide(y[c]), sums[c]);
        }
    }
    for (x, y) in x_rest.iter().zip(y_rest) {
        sums[0] = wide(*x).times_plus(wide(*y), sums[0]);
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}

/// (x, y) ← (c x − s y, s x + c y).
#[inline(always)]
fn rotate<S: Simd, T: Lanes>(
    simd: S,
    x: &mut [T::Register<S>],
    y: &mut [T::Register<S>],
    c: Wide<S, T>,
    s: Wide<S, T>,
) {
    let wide = |register| Wide::<S, T>::new(simd, register);
    for (x, y) in x.iter_mut().zip(y) {
        let (left, right) = (wide(*x), wide(*y));
        *x = (c * left).minus_product(s, right).register;
        *y = s.times_plus(left, c * right).register;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{gaussian, with_spectrum};
    use faer::Mat;

    #[test]
    fn columns_become_orthogonal_in_every_lane() {
        check::<f64>();
        check::<f32>();
    }

    fn check<A: LaneNumber>() {
        let epsilon = A::EPSILON.widened();
        // The product of columns that is none.
        let negligible = if A::IS_SINGLE {
            NEGLIGIBLE.sqrt()
        } else {
            1e-300
        };
        for (m, n) in [(1, 1), (2, 2), (3, 3), (9, 4), (17, 16), (32, 32), (100, 5)] {
            let lanes = Width::<A>::for_shape((m, n));
            let width = lanes.numbers();
            let spectra: [&dyn Fn(usize) -> f64; 5] = [
                &|i| 1.0 / (1 + i) as f64,
                &|_| 1.0,
                &|i| 10f64.powi(-(i as i32)),
                &|i| if i == 0 { 1.0 } else { 0.0 },
                &|_| 0.0,
            ];
            let of = |k: usize| match spectra.get(k) {
                Some(value) => {
                    with_spectrum(m, n, &(0..n).map(value).collect::<Vec<_>>(), k as u64)
                }
                None => gaussian(m, n, k as u64),
            };
            let matrices: Vec<Mat<f64>> = (0..width).map(of).collect();
            let (long, stride) = (stride_of(m), stride_of(n));
            let [zero, one] = [0.0, 1.0].map(A::rounded);
            let mut a = vec![zero; n * long * width];
            let (mut v, mut squares) = (vec![zero; n * stride * width], vec![zero; n * width]);
            for j in 0..n {
                v[j * (stride + 1) * width..][..width].fill(one);
            }
            for (lane, matrix) in matrices.iter().enumerate() {
                for j in 0..n {
                    for i in 0..m {
                        a[(j * long + i) * width + lane] = A::rounded(matrix[(i, j)]);
                    }
                }
            }
            assert!(orthogonalise(lanes, (m, n), &mut a, &mut v, &mut squares));
            for (lane, matrix) in matrices.iter().enumerate() {
                let turned = Mat::from_fn(m, n, |i, j| a[(j * long + i) * width + lane].widened());
                let v = Mat::from_fn(n, n, |i, j| v[(j * stride + i) * width + lane].widened());
                let tolerance = 20.0 * (m as f64).sqrt() * epsilon;
                let size = matrix.norm_l2().max(f64::MIN_POSITIVE);
                assert!((matrix * &v - &turned).norm_max() <= tolerance * size);
                let unit = v.transpose() * &v - Mat::<f64>::identity(n, n);
                assert!(
                    unit.norm_max() <= tolerance,
                    "{m} × {n}: {:e}",
                    unit.norm_max()
                );
                for q in 0..n {
                    let length = turned.col(q).norm_l2();
                    let square = squares[q * width + lane].widened();
                    assert!((square.sqrt() - length).abs() <= tolerance * size);
                    for p in 0..q {
                        // Relative to the lengths of the two: small columns are orthogonal to their last digits.
                        let cosine = turned.col(p).transpose() * turned.col(q);
                        let lengths = turned.col(p).norm_l2() * length;
                        assert!(
                            cosine.abs() <= tolerance * lengths + negligible,
                            "{cosine:e}"
                        );
                    }
                }
            }
        }
    }
}
