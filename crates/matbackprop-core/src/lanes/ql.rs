//! Eigenvalues and eigenvectors of tridiagonal matrices by rotations, lane by lane.

use super::register::{LaneNumber, Lanes};
use super::stride_of;
use super::tridiagonal::tridiagonalise;
use super::wide::Wide;
use super::{Kernel, Width};
use pulp::Simd;

/// Steps granted to an eigenvalue; two are usual, and the lane that needs most decides.
const STEPS: usize = 60;

/// What counts as zero in a matrix of order one, in 64 and in 32 bits: the square of anything larger is far from underflow.
const TINY: [f64; 2] = [1e-150, 1e-17];

/// Rows that are turned side by side.
const TOGETHER: usize = 4;

/// Steps whose rotations wait for each other, so that the vectors come from memory once for all of them.
const DELAYED: usize = 4;

/// Registers that [`eigen`] takes beside the matrix, its vectors and its values.
pub(crate) const fn scratch_for_eigen(n: usize) -> usize {
    n + 2 * n * DELAYED
}

/// A = V Λ Vᵀ of symmetric matrices of order one, whose entries are used up; Λ in any order, V row after row. `false` where a lane
/// does not converge.
///
/// `scratch` has [`scratch_for_eigen`] registers.
pub(crate) fn eigen<A: LaneNumber>(
    width: Width<A>,
    n: usize,
    a: &mut [A],
    vectors: &mut [A],
    values: &mut [A],
    scratch: &mut [A],
) -> bool {
    width.run(Eigen {
        n,
        a,
        vectors,
        values,
        scratch,
    })
}

struct Eigen<'a, A> {
    n: usize,
    a: &'a mut [A],
    vectors: &'a mut [A],
    values: &'a mut [A],
    scratch: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for Eigen<'_, A> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) -> bool {
        let size = (self.n, stride_of(self.n));
        let (a, vectors) = (
            T::registers_mut::<S>(self.a),
            T::registers_mut::<S>(self.vectors),
        );
        let values = T::registers_mut::<S>(self.values);
        let (below, scratch) = T::registers_mut::<S>(self.scratch).split_at_mut(self.n);
        tridiagonalise::<S, T>(simd, size, a, vectors, values, below, scratch);
        ql::<S, T>(simd, size, values, below, vectors, scratch)
    }
}

/// V T Vᵀ = V W Λ Wᵀ Vᵀ: turns `vectors`, row after row, by the QL iteration that makes `diagonal` the eigenvalues, in any order.
///
/// T is of order one; `below` is used up; `scratch` has 2 n [`DELAYED`] registers. `false` where a lane does not converge.
///
/// Every lane makes the steps of the one that needs most: a step more is a rotation by rounding. The shift is subtracted from
/// the diagonal, so that a matrix that falls apart inside needs no decision: its parts make their steps side by side.
///
/// Source: Bowdler, Martin, Reinsch, Wilkinson, "The QR and QL algorithms for symmetric matrices", Numerische Mathematik
/// 11, 1968, the explicit iteration; there a lane's own split is looked for.
#[inline(always)]
fn ql<S: Simd, T: Lanes>(
    simd: S,
    (n, stride): (usize, usize),
    diagonal: &mut [T::Register<S>],
    below: &mut [T::Register<S>],
    vectors: &mut [T::Register<S>],
    scratch: &mut [T::Register<S>],
) -> bool {
    let wide = |register| Wide::<S, T>::new(simd, register);
    let zero = Wide::<S, T>::constant(simd, 0.0);
    let (d, e) = (&mut diagonal[..n], &mut below[..n]);

    let mut size = zero;
    for i in 0..n {
        size = size.max(wide(d[i]).abs() + wide(e[i]).abs());
    }
    let negligible = Wide::splat(simd, T::EPSILON) * Wide::constant(simd, 0.5) * size;
    let mut shifted = zero;
    // Where the steps begin whose rotations the vectors have not seen yet.
    let (mut begins, mut waiting) = ([0; DELAYED], 0);
    for l in 0..n.saturating_sub(1) {
        let mut steps = 0;
        while negligible.any_below(wide(e[l]).abs()) {
            if steps == STEPS {
                return false;
            }
            steps += 1;
            let (cosines, sines) = scratch[2 * n * waiting..][..2 * n].split_at_mut(n);
            shifted = shifted + step::<S, T>(simd, l, d, e, cosines, sines);
            begins[waiting] = l;
            waiting += 1;
            if waiting == DELAYED {
                turn::<S, T>(simd, (n, stride), &begins, scratch, vectors);
                waiting = 0;
            }
        }
        d[l] = (wide(d[l]) + shifted).register;
        e[l] = zero.register;
    }
    turn::<S, T>(simd, (n, stride), &begins[..waiting], scratch, vectors);
    if let Some(last) = d.last_mut() {
        *last = (wide(*last) + shifted).register;
    }
    true
}

/// One explicit step on the rows from l on; the shift that it subtracts from them.
#[inline(always)]
fn step<S: Simd, T: Lanes>(
    simd: S,
    l: usize,
    d: &mut [T::Register<S>],
    e: &mut [T::Register<S>],
    cosines: &mut [T::Register<S>],
    sines: &mut [T::Register<S>],
) -> Wide<S, T> {
    let wide = |register| Wide::<S, T>::new(simd, register);
    let constant = |x| Wide::<S, T>::constant(simd, x);
    let (zero, one) = (constant(0.0), constant(1.0));
    let tiny = constant(TINY[usize::from(size_of::<T::Number>() == 4)]);
    let nonzero = |x: Wide<S, T>| tiny.where_below(x.abs(), x, one);
    // In 32 bits products of what has converged soon underflow, and numbers beyond the end of the range are slow.
    let or_zero = |x: Wide<S, T>| match T::Number::IS_SINGLE {
        true => tiny.where_below(x.abs(), x, zero),
        false => x,
    };
    let n = d.len();

    // The shift is the eigenvalue of the leading 2 × 2 block that lies nearer to d[l], written so that nothing cancels:
    // d[l] − e² / (δ + r) with δ half the difference and r = ±√(δ² + e²).
    let off = wide(e[l]);
    let half = constant(0.5) * (wide(d[l + 1]) - wide(d[l]));
    let root = half.times_plus(half, off * off).sqrt();
    let sum = half + half.where_below(zero, -root, root);
    let first = off * off / nonzero(sum);
    let shift = wide(d[l]) - first;
    d[l] = first.register;
    let second = sum;
    d[l + 1] = second.register;
    for d in &mut d[l + 2..] {
        *d = (wide(*d) - shift).register;
    }

    let next = wide(e[l + 1]);
    let mut p = wide(d[n - 1]);
    let (mut c, mut s) = (one, zero);
    // Those of the rotation before, and the cosine of the one before that.
    let (mut c_before, mut s_before, mut c_before_that) = (one, zero, one);
    for i in (l..n - 1).rev() {
        (c_before_that, c_before, s_before) = (c_before, c, s);
        let g = c * wide(e[i]);
        let h = c * p;
        let radius = p.times_plus(p, wide(e[i]) * wide(e[i])).sqrt();
        e[i + 1] = or_zero(s * radius).register;
        // A radius of zero turns nothing.
        let inverse = one / nonzero(radius);
        s = tiny.where_below(radius, wide(e[i]) * inverse, zero);
        c = tiny.where_below(radius, p * inverse, one);
        let d_i = wide(d[i]);
        p = or_zero((c * d_i).minus_product(s, g));
        d[i + 1] = s.times_plus(c.times_plus(g, s * d_i), h).register;
        (cosines[i], sines[i]) = (c.register, s.register);
    }
    // e[l] = s p by products alone: p itself has lost its digits when the step converges.
    let sines = or_zero(or_zero(-s * s_before) * c_before_that);
    let rest = or_zero(or_zero(sines * next) * off) / nonzero(second);
    e[l] = or_zero(s * rest).register;
    d[l] = (c * rest).register;
    shift
}

/// Turns the columns by the rotations of several steps, a few rows at a time, which stay in the fastest cache for all steps.
///
/// Step k has its cosines and its sines in the k-th 2 n registers, and begins at column `begins[k]`.
#[inline(always)]
fn turn<S: Simd, T: Lanes>(
    simd: S,
    (n, stride): (usize, usize),
    begins: &[usize],
    rotations: &[T::Register<S>],
    vectors: &mut [T::Register<S>],
) {
    let whole = n - n % TOGETHER;
    let (fours, rest) = vectors.split_at_mut(whole * stride);
    let steps = || begins.iter().zip(rotations.chunks_exact(2 * n));
    for rows in fours.chunks_exact_mut(TOGETHER * stride) {
        for (&l, rotations) in steps() {
            turn_rows::<S, T, TOGETHER>(simd, (l, n), stride, rotations, rows);
        }
    }
    for (&l, rotations) in steps() {
        match n - whole {
            3 => turn_rows::<S, T, 3>(simd, (l, n), stride, rotations, rest),
            2 => turn_rows::<S, T, 2>(simd, (l, n), stride, rotations, rest),
            1 => turn_rows::<S, T, 1>(simd, (l, n), stride, rotations, rest),
            _ => {}
        }
    }
}

/// Turns the columns l … n − 1 of R rows by the rotations of a step, from the last pair to the first: the column that two
/// rotations share stays in its register.
#[inline(always)]
fn turn_rows<S: Simd, T: Lanes, const R: usize>(
    simd: S,
    (l, n): (usize, usize),
    stride: usize,
    rotations: &[T::Register<S>],
    rows: &mut [T::Register<S>],
) {
    let wide = |register| Wide::<S, T>::new(simd, register);
    let len = n - l;
    let (cosines, sines) = (&rotations[l..n - 1], &rotations[n + l..2 * n - 1]);
    let mut rest = rows;
    let rows: [&mut [T::Register<S>]; R] = std::array::from_fn(|_| {
        let (row, later) = std::mem::take(&mut rest).split_at_mut(stride);
        rest = later;
        &mut row[l..n]
    });
    let mut held: [_; R] = std::array::from_fn(|r| wide(rows[r][len - 1]));
    for i in (0..len - 1).rev() {
        let (c, s) = (wide(cosines[i]), wide(sines[i]));
        for r in 0..R {
            let x = wide(rows[r][i]);
            rows[r][i + 1] = s.times_plus(x, c * held[r]).register;
            held[r] = (c * x).minus_product(s, held[r]);
        }
    }
    for r in 0..R {
        rows[r][0] = held[r].register;
    }
}

#[cfg(test)]
mod tests {
    use super::super::register::Twice;
    use super::*;
    use crate::gradcheck::{gaussian, symmetric_with_spectrum};
    use faer::Mat;
    use pulp::{Arch, WithSimd};

    /// Kinds of matrices of one side, of order one.
    fn matrices(n: usize) -> Vec<Mat<f64>> {
        let with = |value: &dyn Fn(usize) -> f64, seed| {
            symmetric_with_spectrum(&(0..n).map(value).collect::<Vec<_>>(), seed)
        };
        let x = gaussian(n, n, 3);
        let arrow = |i: usize, j: usize| if i.min(j) == 0 || i == j { 0.5 } else { 0.0 };
        // Rows and columns that do not touch the others: the tridiagonal matrix falls apart.
        let apart = |i: usize, j: usize| if (i < n / 2) == (j < n / 2) { 1.0 } else { 0.0 };
        vec![
            with(&|i| 1.0 - i as f64 / n as f64, 1),
            with(&|_| 1.0, 2),
            with(&|i| if i % 2 == 0 { 1.0 } else { -1.0 }, 3),
            with(&|i| 10f64.powi(-(i as i32)), 4),
            with(&|i| 1.0 + 1e-15 * i as f64, 5),
            with(&|i| if i == 0 { 1.0 } else { 0.0 }, 6),
            Mat::identity(n, n),
            Mat::zeros(n, n),
            Mat::from_fn(n, n, |i, j| 0.1 * (x[(i, j)] + x[(j, i)])),
            Mat::from_fn(n, n, arrow),
            Mat::from_fn(n, n, apart),
            // Wilkinson's matrix: pairs of eigenvalues that agree to all digits.
            Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
                0 => (i as f64 - (n as f64 - 1.0) / 2.0).abs() / n as f64,
                1 => 1.0 / n as f64,
                _ => 0.0,
            }),
        ]
    }

    /// A kernel on registers of one kind.
    struct On<'a, T>(Eigen<'a, f64>, std::marker::PhantomData<T>);

    impl<T: Lanes<Number = f64>> WithSimd for On<'_, T> {
        type Output = bool;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> bool {
            self.0.run::<S, T>(simd)
        }
    }

    /// Eigenvalues and vectors of matrices in as many lanes as `S` has, once or twice.
    fn solve<S: Simd, T: Lanes<Number = f64>>(
        simd: S,
        matrices: &[Mat<f64>],
    ) -> Vec<(Vec<f64>, Mat<f64>)> {
        let width = size_of::<T::Register<S>>() / size_of::<f64>();
        let n = matrices[0].nrows();
        let stride = stride_of(n);
        let mut results = Vec::new();
        for group in matrices.chunks(width) {
            let of_lane = |lane: usize| &group[lane.min(group.len() - 1)];
            let mut a = vec![0.0; n * stride * width];
            for lane in 0..width {
                for i in 0..n {
                    for j in 0..n {
                        a[(i * stride + j) * width + lane] = of_lane(lane)[(i, j)];
                    }
                }
            }
            let (mut v, mut values) = (a.clone(), vec![0.0; n * width]);
            let mut scratch = vec![0.0; scratch_for_eigen(n) * width];
            let eigen = Eigen {
                n,
                a: &mut a,
                vectors: &mut v,
                values: &mut values,
                scratch: &mut scratch,
            };
            assert!(simd.vectorize(On::<T>(eigen, std::marker::PhantomData)));
            for lane in 0..group.len() {
                let values = values.chunks_exact(width).map(|x| x[lane]).collect();
                let entry = |i: usize, j: usize| v[(i * stride + j) * width + lane];
                results.push((values, Mat::from_fn(n, n, entry)));
            }
        }
        results
    }

    fn check<S: Simd, T: Lanes<Number = f64>>(simd: S) {
        for n in [1, 2, 3, 4, 5, 7, 8, 16, 23, 32, 64] {
            let matrices = matrices(n);
            for (k, (values, v)) in solve::<S, T>(simd, &matrices).into_iter().enumerate() {
                let a = &matrices[k];
                let tolerance = 12.0 * (n as f64).sqrt() * f64::EPSILON;
                let unit = v.transpose() * &v - Mat::<f64>::identity(n, n);
                assert!(
                    unit.norm_max() <= tolerance,
                    "side {n}, kind {k}: {:e}",
                    unit.norm_max()
                );
                let scaled = Mat::from_fn(n, n, |i, j| v[(i, j)] * values[j]);
                let residual = (a * &v - scaled).norm_max() / a.norm_l2().max(f64::MIN_POSITIVE);
                assert!(residual <= tolerance, "side {n}, kind {k}: {residual:e}");
            }
        }
    }

    #[test]
    fn every_lane_has_its_eigenvectors() {
        struct Check;

        impl WithSimd for Check {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                check::<S, f64>(simd);
                check::<S, Twice<f64>>(simd);
            }
        }

        Arch::new().dispatch(Check);
        // Registers of one number, and of four.
        check::<_, f64>(pulp::Scalar::new());
        check::<_, f64>(pulp::Scalar256b);
        check::<_, Twice<f64>>(pulp::Scalar256b);
    }

    #[test]
    fn single_precision_has_its_digits_too() {
        struct Single(Mat<f64>);

        impl WithSimd for Single {
            type Output = f64;

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> f64 {
                let (n, width) = (self.0.nrows(), S::F32_LANES);
                let stride = stride_of(n);
                let mut a = vec![0f32; n * stride * width];
                for (place, x) in a.iter_mut().enumerate() {
                    let (i, j) = (place / width / stride, place / width % stride);
                    *x = if j < n { self.0[(i, j)] as f32 } else { 0.0 };
                }
                let mut v = a.clone();
                let [mut d, mut e, mut w] =
                    [n, n, 2 * n * DELAYED].map(|len| vec![0f32; len * width]);
                let of = <f32 as Lanes>::registers_mut::<S>;
                tridiagonalise::<S, f32>(
                    simd,
                    (n, stride),
                    of(&mut a),
                    of(&mut v),
                    of(&mut d),
                    of(&mut e),
                    of(&mut w),
                );
                assert!(ql::<S, f32>(
                    simd,
                    (n, stride),
                    of(&mut d),
                    of(&mut e),
                    of(&mut v),
                    of(&mut w)
                ));
                let v = Mat::from_fn(n, n, |i, j| f64::from(v[(i * stride + j) * width]));
                let scaled = Mat::from_fn(n, n, |i, j| v[(i, j)] * f64::from(d[j * width]));
                (&self.0 * &v - scaled).norm_max()
            }
        }

        for n in [1, 2, 3, 8, 32] {
            for a in matrices(n) {
                let residual = Arch::new().dispatch(Single(a.clone())) / a.norm_l2().max(1e-30);
                assert!(
                    residual <= 12.0 * (n as f64).sqrt() * f64::from(f32::EPSILON),
                    "{n}: {residual:e}"
                );
            }
        }
    }
}
