//! Quotients by differences and sums of two values of a lane.
//!
//! Every gap is open here: `gap` says what a closed one means, and the callers leave such lanes to the rule for one matrix.

use super::register::{LaneNumber, Lanes};
use super::stride_of;
use super::wide::Wide;
use super::{Kernel, Width};
use pulp::Simd;

/// X ← skew(X) / (λⱼ − λᵢ), with zeros on the diagonal.
pub(crate) fn over_gaps<A: LaneNumber>(width: Width<A>, n: usize, values: &[A], x: &mut [A]) {
    width.run(OverGaps { n, values, x });
}

/// A ← skew(A + B) / (σⱼ − σᵢ) + skew(A − B) / (σⱼ + σᵢ), with zeros on the diagonal.
pub(crate) fn over_pairs<A: LaneNumber>(
    width: Width<A>,
    n: usize,
    values: &[A],
    a: &mut [A],
    b: &[A],
) {
    width.run(OverPairs { n, values, a, b });
}

/// Mᵢⱼ = (Yᵢⱼ − Yⱼᵢ + 2 Sᵢⱼ σᵢ) / (σᵢ + σⱼ).
pub(crate) fn over_sums<A: LaneNumber>(
    width: Width<A>,
    n: usize,
    values: &[A],
    (y, s): (&[A], &[A]),
    m: &mut [A],
) {
    width.run(OverSums { n, values, y, s, m });
}

struct OverGaps<'a, A> {
    n: usize,
    values: &'a [A],
    x: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for OverGaps<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let half = Wide::constant(simd, 0.5);
        let stride = stride_of(self.n);
        let (values, x) = (
            T::registers::<S>(self.values),
            T::registers_mut::<S>(self.x),
        );
        for i in 0..self.n {
            x[i * stride + i] = T::splat(simd, T::rounded(0.0));
            for j in 0..i {
                let (below, above) = (i * stride + j, j * stride + i);
                // Numerator and denominator both change their sign across the diagonal.
                let rotation = half * (wide(x[above]) - wide(x[below]));
                let quotient = (rotation / (wide(values[i]) - wide(values[j]))).register;
                (x[below], x[above]) = (quotient, quotient);
            }
        }
    }
}

struct OverPairs<'a, A> {
    n: usize,
    values: &'a [A],
    a: &'a mut [A],
    b: &'a [A],
}

impl<A: LaneNumber> Kernel<A> for OverPairs<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let half = Wide::constant(simd, 0.5);
        let stride = stride_of(self.n);
        let (values, b) = (T::registers::<S>(self.values), T::registers::<S>(self.b));
        let a = T::registers_mut::<S>(self.a);
        for i in 0..self.n {
            a[i * stride + i] = T::splat(simd, T::rounded(0.0));
            for j in 0..i {
                let (below, above) = (i * stride + j, j * stride + i);
                let of_a = half * (wide(a[above]) - wide(a[below]));
                let of_b = half * (wide(b[above]) - wide(b[below]));
                let (own, other) = (wide(values[i]), wide(values[j]));
                let together = (of_a + of_b) / (own - other);
                let opposed = (of_a - of_b) / (own + other);
                a[above] = (together + opposed).register;
                a[below] = (together - opposed).register;
            }
        }
    }
}

struct OverSums<'a, A> {
    n: usize,
    values: &'a [A],
    y: &'a [A],
    s: &'a [A],
    m: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for OverSums<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let two = Wide::constant(simd, 2.0);
        let stride = stride_of(self.n);
        let (values, m) = (
            T::registers::<S>(self.values),
            T::registers_mut::<S>(self.m),
        );
        let (y, s) = (T::registers::<S>(self.y), T::registers::<S>(self.s));
        for i in 0..self.n {
            for j in 0..self.n {
                let (place, mirror) = (i * stride + j, j * stride + i);
                let turned = wide(y[place]) - wide(y[mirror]);
                let stretched = two * wide(s[place]) * wide(values[i]);
                let sum = wide(values[i]) + wide(values[j]);
                m[place] = ((turned + stretched) / sum).register;
            }
        }
    }
}
