//! Eigenvectors one step closer, lane by lane.

use super::products::{Part, product, transpose};
use super::register::{LaneNumber, Lanes};
use super::wide::Wide;
use super::{Kernel, Rows, RowsMut, Width, stride_of};
use pulp::Simd;

/// A = V Λ Vᵀ from what is close to it: a step of Newton's method, for symmetric A, n × n, whose gaps are open.
///
/// ```text
/// R = Vᵀ (A V − V Λ),  Eᵢⱼ = Rᵢⱼ / (λᵢ − λⱼ), zero on the diagonal,  V ← V − V E,  λᵢ ← λᵢ + Rᵢᵢ
/// ```
///
/// Rotations leave rounding in Λ and V that grows with their number, and an open gap magnifies it. A residual is a sum of n
/// products; the square of E is far below it. V lies row after row. `scratch` has three matrices. Lanes with a closed gap
/// are not right.
///
/// Cost: three products of n × n matrices.
pub(crate) fn refine<A: LaneNumber>(
    width: Width<A>,
    n: usize,
    a: &[A],
    values: &mut [A],
    vectors: &mut [A],
    [transposed, residual, quotients]: [&mut [A]; 3],
) {
    let (cube, stride) = ((n, n, n), stride_of(n));
    let to_turn = RowsMut::new(transposed, stride);
    transpose(width, (n, n), Rows::new(vectors, stride), to_turn);
    let turned = Rows::new(transposed, stride);
    // (A V)ᵀ, less Λ Vᵀ.
    let (a, left) = (Rows::new(a, stride), RowsMut::new(residual, stride));
    product(width, cube, turned, a, Part::Whole, left);
    width.run(MinusTimesRows {
        n,
        values,
        x: transposed,
        z: residual,
    });
    // Rᵀ, then Eᵀ.
    let rows = Rows::new(residual, stride);
    let to_divide = RowsMut::new(quotients, stride);
    product(
        width,
        cube,
        rows,
        Rows::new(transposed, stride),
        Part::Whole,
        to_divide,
    );
    width.run(Quotients {
        n,
        values,
        z: quotients,
    });
    let (v, e) = (Rows::new(vectors, stride), Rows::new(quotients, stride));
    product(
        width,
        cube,
        v,
        e,
        Part::Whole,
        RowsMut::new(residual, stride),
    );
    width.run(Minus {
        n,
        x: residual,
        z: vectors,
    });
}

/// Z ← Z − diag(values) X.
struct MinusTimesRows<'a, A> {
    n: usize,
    values: &'a [A],
    x: &'a [A],
    z: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for MinusTimesRows<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let (n, stride) = (self.n, stride_of(self.n));
        let values = &T::registers::<S>(self.values)[..n];
        let (x, z) = (T::registers::<S>(self.x), T::registers_mut::<S>(self.z));
        for (i, value) in values.iter().enumerate() {
            let (x, z) = (&x[i * stride..][..n], &mut z[i * stride..][..n]);
            for (x, z) in x.iter().zip(z) {
                *z = wide(*z).minus_product(wide(*value), wide(*x)).register;
            }
        }
    }
}

/// Eᵀ from Rᵀ, and values that have the diagonal of R added.
struct Quotients<'a, A> {
    n: usize,
    values: &'a mut [A],
    z: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for Quotients<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let (n, stride) = (self.n, stride_of(self.n));
        let values = &mut T::registers_mut::<S>(self.values)[..n];
        let z = T::registers_mut::<S>(self.z);
        for j in 0..n {
            for i in (0..n).filter(|&i| i != j) {
                let gap = wide(values[i]) - wide(values[j]);
                let place = &mut z[j * stride + i];
                *place = (wide(*place) / gap).register;
            }
        }
        for (j, value) in values.iter_mut().enumerate() {
            let place = &mut z[j * (stride + 1)];
            *value = (wide(*value) + wide(*place)).register;
            *place = Wide::<S, T>::constant(simd, 0.0).register;
        }
    }
}

/// Z ← Z − X.
struct Minus<'a, A> {
    n: usize,
    x: &'a [A],
    z: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for Minus<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let (n, stride) = (self.n, stride_of(self.n));
        let (x, z) = (T::registers::<S>(self.x), T::registers_mut::<S>(self.z));
        for i in 0..n {
            let (x, z) = (&x[i * stride..][..n], &mut z[i * stride..][..n]);
            for (x, z) in x.iter().zip(z) {
                *z = (wide(*z) - wide(*x)).register;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;
    use faer::{Mat, Scale};

    #[test]
    fn a_step_squares_the_error() {
        for n in [1, 2, 3, 8, 17, 40] {
            let width = Width::<f64>::for_shape((n, n));
            let (numbers, stride) = (width.numbers(), stride_of(n));
            let spectrum: Vec<f64> = (0..n).map(|i| 1.0 + i as f64).collect();
            // V diag(1, 2, …) Vᵀ, with an error of 10⁻⁶ in V that is neither skew nor symmetric.
            let v = gaussian(n, n, 1).qr().compute_Q();
            let a = &v
                * Mat::from_fn(n, n, |i, j| f64::from(u8::from(i == j)) * spectrum[i])
                * v.transpose();
            let error = Scale(1e-6) * gaussian(n, n, 2);
            let disturbed = &v + &v * &error;
            let packed = |matrix: &Mat<f64>| {
                let mut registers = vec![0.0; n * stride * numbers];
                for i in 0..n {
                    for j in 0..n {
                        registers[(i * stride + j) * numbers..][..numbers].fill(matrix[(i, j)]);
                    }
                }
                registers
            };
            let mut values: Vec<f64> = (0..n * numbers)
                .map(|place| spectrum[place / numbers] + 1e-7)
                .collect();
            let mut vectors = packed(&disturbed);
            let mut scratch = [(); 3].map(|()| vec![0.0; n * stride * numbers]);
            let scratch = scratch.each_mut().map(Vec::as_mut_slice);
            refine(width, n, &packed(&a), &mut values, &mut vectors, scratch);
            for lane in 0..numbers {
                for j in 0..n {
                    let off = values[j * numbers + lane] - spectrum[j];
                    assert!(off.abs() < 1e-8, "{n}: {off:e}");
                    for i in 0..n {
                        // The length of a column stays as it is.
                        let expected = v[(i, j)] * (1.0 + error[(j, j)]);
                        let off = vectors[(i * stride + j) * numbers + lane] - expected;
                        assert!(off.abs() < 1e-8, "{n}: {off:e}");
                    }
                }
            }
        }
    }
}
