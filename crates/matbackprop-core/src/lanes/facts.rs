//! What arithmetic has to know of each lane's matrix: its size, whether it is finite, whether it is symmetric.

use super::register::{LaneNumber, Lanes};
use super::wide::Wide;
use super::{Kernel, Width};
use super::{WIDEST, stride_of};
use pulp::Simd;

/// Facts of each lane.
#[derive(Clone, Copy)]
pub(crate) struct LaneFacts {
    /// Half of the largest magnitude.
    pub(crate) half_largest: [f64; WIDEST],
    /// Half of the largest difference between mirrored entries.
    pub(crate) half_asymmetry: [f64; WIDEST],
    /// Is every entry finite?
    pub(crate) finite: [bool; WIDEST],
}

/// Sizes of `rows` × `columns` matrices.
pub(crate) fn facts_of<A: LaneNumber>(
    width: Width<A>,
    (rows, columns): (usize, usize),
    a: &[A],
) -> LaneFacts {
    width.run(FactsOf { rows, columns, a })
}

/// Is every entry of a lane finite?
pub(crate) fn finite_lanes<A: LaneNumber>(
    width: Width<A>,
    shape: (usize, usize),
    a: &[A],
) -> [bool; WIDEST] {
    facts_of(width, shape, a).finite
}

/// A ← (A + Aᵀ) / 2, and how far it was from that.
pub(crate) fn symmetrise<A: LaneNumber>(width: Width<A>, n: usize, a: &mut [A]) -> LaneFacts {
    width.run(Symmetrise { n, a })
}

struct FactsOf<'a, A> {
    rows: usize,
    columns: usize,
    a: &'a [A],
}

impl<A: LaneNumber> Kernel<A> for FactsOf<'_, A> {
    type Output = LaneFacts;

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) -> LaneFacts {
        let (half, zero) = (Wide::<S, T>::constant(simd, 0.5), Wide::constant(simd, 0.0));
        let (stride, a) = (stride_of(self.columns), T::registers::<S>(self.a));
        let (mut largest, mut not_finite) = (zero, zero);
        for i in 0..self.rows {
            for x in &a[i * stride..][..self.columns] {
                let x = half * Wide::<S, T>::new(simd, *x);
                largest = largest.max(x.abs());
                not_finite = x.times_plus(zero, not_finite);
            }
        }
        LaneFacts {
            half_largest: numbers_of(largest),
            half_asymmetry: [0.0; WIDEST],
            finite: are_zero(&numbers_of(not_finite)),
        }
    }
}

struct Symmetrise<'a, A> {
    n: usize,
    a: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for Symmetrise<'_, A> {
    type Output = LaneFacts;

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) -> LaneFacts {
        let (half, zero) = (Wide::<S, T>::constant(simd, 0.5), Wide::constant(simd, 0.0));
        let (stride, a) = (stride_of(self.n), T::registers_mut::<S>(self.a));
        let (mut largest, mut worst, mut not_finite) = (zero, zero, zero);
        for i in 0..self.n {
            for j in 0..=i {
                // Halves, so that a sum stays in range.
                let x = half * Wide::<S, T>::new(simd, a[i * stride + j]);
                let y = half * Wide::<S, T>::new(simd, a[j * stride + i]);
                largest = largest.max(x.abs()).max(y.abs());
                worst = worst.max((x - y).abs());
                // NaN or an infinity times zero is NaN.
                not_finite = x.times_plus(zero, y.times_plus(zero, not_finite));
                a[i * stride + j] = (x + y).register;
                a[j * stride + i] = (x + y).register;
            }
        }
        LaneFacts {
            half_largest: numbers_of(largest),
            half_asymmetry: numbers_of(worst),
            finite: are_zero(&numbers_of(not_finite)),
        }
    }
}

/// Which of the numbers are zero?
#[inline(always)]
pub(super) fn are_zero(numbers: &[f64; WIDEST]) -> [bool; WIDEST] {
    let mut zero = [false; WIDEST];
    for (place, x) in zero.iter_mut().zip(numbers) {
        *place = *x == 0.0;
    }
    zero
}

/// The numbers of the lanes.
#[inline(always)]
pub(super) fn numbers_of<S: Simd, T: Lanes>(x: Wide<S, T>) -> [f64; WIDEST] {
    let mut numbers = [T::rounded(0.0); WIDEST];
    T::registers_mut::<S>(&mut numbers)[0] = x.register;
    // Loops, here and below: `map` of an array is not always inlined, and copies it then.
    let mut widened = [0.0; WIDEST];
    for (place, x) in widened.iter_mut().zip(&numbers) {
        *place = x.widened();
    }
    widened
}
