//! Symmetric matrices brought to tridiagonal form, lane by lane.

use super::register::Lanes;
use super::wide::Wide;
use pulp::Simd;

/// The square of a length that counts as none beside a matrix of order one: what is left has the accuracy of numbers that
/// are far from underflow.
const NOTHING: [f64; 2] = [1e-280, 1e-30];

/// A = H T Hᵀ of a symmetric A of order one, whose lower triangle is read and used up.
///
/// `a` holds A column after column, so that the entries of a reflection lie side by side; `vectors` becomes H, row after row.
/// `diagonal` and `below` become T, with a spare last entry below.
/// `scratch` has 2 n registers.
///
/// ```text
/// x = A[k+1.., k],  v = x ± ‖x‖ e₁,  β = 2 / vᵀv,  p = β A v,  w = p − (β pᵀv / 2) v,  A ← A − v wᵀ − w vᵀ
/// ```
///
/// Source: Golub, Van Loan, "Matrix Computations", algorithm 8.3.1.
#[inline(always)]
pub(super) fn tridiagonalise<S: Simd, T: Lanes>(
    simd: S,
    (n, stride): (usize, usize),
    a: &mut [T::Register<S>],
    vectors: &mut [T::Register<S>],
    diagonal: &mut [T::Register<S>],
    below: &mut [T::Register<S>],
    scratch: &mut [T::Register<S>],
) {
    let wide = |register| Wide::<S, T>::new(simd, register);
    let constant = |x| Wide::<S, T>::constant(simd, x);
    let (zero, one) = (constant(0.0), constant(1.0));
    let nothing = constant(NOTHING[usize::from(size_of::<T::Number>() == 4)]);
    let (betas, w) = scratch[..2 * n].split_at_mut(n);

    for k in 0..n.saturating_sub(2) {
        diagonal[k] = a[k * stride + k];
        let (column, rest) = a[k * stride..].split_at_mut(stride);
        let v = &mut column[k + 1..n];
        let mut square = zero;
        for x in &v[1..] {
            square = wide(*x).times_plus(wide(*x), square);
        }
        let head = wide(v[0]);
        let square = head.times_plus(head, square);
        let length = square.sqrt();
        let length = head.where_below(zero, -length, length);
        // vᵀv = 2 ‖x‖ (‖x‖ + |x₁|): the sign is chosen so that nothing cancels.
        let v_head = head + length;
        let beta = one / length.times_plus(head, square.max(nothing));
        let beta = square.where_below(nothing, zero, beta);
        v[0] = v_head.register;
        betas[k] = beta.register;
        below[k] = square.where_below(nothing, zero, -length).register;

        // p = A v, by the lower triangle: column j of what is left begins at its diagonal entry.
        let side = v.len();
        let w = &mut w[..side];
        w.fill(zero.register);
        for j in 0..side {
            let below = &rest[j * stride + k + 1..][..side];
            let (v_j, mut sum) = (wide(v[j]), wide(w[j]));
            sum = wide(below[j]).times_plus(v_j, sum);
            let tails = below[j + 1..].iter().zip(&v[j + 1..]).zip(&mut w[j + 1..]);
            for ((a, v), w) in tails {
                sum = wide(*a).times_plus(wide(*v), sum);
                *w = wide(*a).times_plus(v_j, wide(*w)).register;
            }
            w[j] = sum.register;
        }
        let mut dot = zero;
        for (v, w) in v.iter().zip(&*w) {
            dot = wide(*v).times_plus(wide(*w), dot);
        }
        // In this order nothing overflows where v is very short.
        let half = constant(0.5) * (beta * (beta * dot));
        for (v, w) in v.iter().zip(w.iter_mut()) {
            *w = (beta * wide(*w)).minus_product(half, wide(*v)).register;
        }
        for j in 0..side {
            let column = &mut rest[j * stride + k + 1..][j..side];
            let (v_j, w_j) = (wide(v[j]), wide(w[j]));
            for ((a, v), w) in column.iter_mut().zip(&v[j..]).zip(&w[j..]) {
                *a = wide(*a)
                    .minus_product(wide(*v), w_j)
                    .minus_product(wide(*w), v_j)
                    .register;
            }
        }
    }
    if n >= 2 {
        diagonal[n - 2] = a[(n - 2) * stride + n - 2];
        below[n - 2] = a[(n - 2) * stride + n - 1];
    }
    diagonal[n - 1] = a[(n - 1) * stride + n - 1];
    below[n - 1] = zero.register;
    multiply_reflections::<S, T>(simd, (n, stride), a, betas, w, vectors);
}

/// H = H₀ H₁ …, row after row, from the columns v below the diagonal of A and their β; `u` has n registers.
#[inline(always)]
fn multiply_reflections<S: Simd, T: Lanes>(
    simd: S,
    (n, stride): (usize, usize),
    a: &[T::Register<S>],
    betas: &[T::Register<S>],
    u: &mut [T::Register<S>],
    vectors: &mut [T::Register<S>],
) {
    let wide = |register| Wide::<S, T>::new(simd, register);
    let (zero, one) = (Wide::<S, T>::constant(simd, 0.0), Wide::constant(simd, 1.0));
    for i in 0..n {
        for j in 0..n {
            vectors[i * stride + j] = if i == j { one } else { zero }.register;
        }
    }
    // From the last reflection: each touches the rows and columns behind its own alone.
    for k in (0..n.saturating_sub(2)).rev() {
        let v = &a[k * stride + k + 1..][..n - k - 1];
        let u = &mut u[..n - k - 1];
        u.fill(zero.register);
        for (i, v) in v.iter().enumerate() {
            let row = &vectors[(k + 1 + i) * stride + k + 1..][..u.len()];
            for (u, x) in u.iter_mut().zip(row) {
                *u = wide(*v).times_plus(wide(*x), wide(*u)).register;
            }
        }
        let beta = wide(betas[k]);
        for (i, v) in v.iter().enumerate() {
            let share = beta * wide(*v);
            let row = &mut vectors[(k + 1 + i) * stride + k + 1..][..u.len()];
            for (x, u) in row.iter_mut().zip(&*u) {
                *x = wide(*x).minus_product(share, wide(*u)).register;
            }
        }
    }
}
