//! What arithmetic has to know of each lane's matrix: its size, whether it is finite, whether it is symmetric.

use super::register::Lanes;
use super::wide::Wide;
use super::{WIDEST, stride_of};
use pulp::{Arch, Simd, WithSimd};

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
pub(crate) fn facts_of((rows, columns): (usize, usize), a: &[f64]) -> LaneFacts {
    Arch::new().dispatch(FactsOf { rows, columns, a })
}

/// Is every entry of a lane finite?
pub(crate) fn finite_lanes(shape: (usize, usize), a: &[f64]) -> [bool; WIDEST] {
    facts_of(shape, a).finite
}

/// A ← (A + Aᵀ) / 2, and how far it was from that.
pub(crate) fn symmetrise(n: usize, a: &mut [f64]) -> LaneFacts {
    Arch::new().dispatch(Symmetrise { n, a })
}

/// A ← A times a number for each lane.
pub(crate) fn times_lanes((rows, columns): (usize, usize), a: &mut [f64], factors: &[f64; WIDEST]) {
    Arch::new().dispatch(TimesLanes {
        rows,
        columns,
        a,
        factors,
    });
}

struct FactsOf<'a> {
    rows: usize,
    columns: usize,
    a: &'a [f64],
}

impl WithSimd for FactsOf<'_> {
    type Output = LaneFacts;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> LaneFacts {
        let (half, zero) = (Wide::constant(simd, 0.5), Wide::constant(simd, 0.0));
        let (stride, a) = (stride_of(self.columns), f64::registers::<S>(self.a));
        let (mut largest, mut not_finite) = (zero, zero);
        for i in 0..self.rows {
            for x in &a[i * stride..][..self.columns] {
                let x = half * Wide::<S, f64>::new(simd, *x);
                largest = largest.max(x.abs());
                not_finite = x.times_plus(zero, not_finite);
            }
        }
        LaneFacts {
            half_largest: numbers_of(largest),
            half_asymmetry: [0.0; WIDEST],
            finite: numbers_of(not_finite).map(|x| x == 0.0),
        }
    }
}

struct Symmetrise<'a> {
    n: usize,
    a: &'a mut [f64],
}

impl WithSimd for Symmetrise<'_> {
    type Output = LaneFacts;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> LaneFacts {
        let (half, zero) = (Wide::constant(simd, 0.5), Wide::constant(simd, 0.0));
        let (stride, a) = (stride_of(self.n), f64::registers_mut::<S>(self.a));
        let (mut largest, mut worst, mut not_finite) = (zero, zero, zero);
        for i in 0..self.n {
            for j in 0..=i {
                // Halves, so that a sum stays in range.
                let x = half * Wide::<S, f64>::new(simd, a[i * stride + j]);
                let y = half * Wide::<S, f64>::new(simd, a[j * stride + i]);
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
            finite: numbers_of(not_finite).map(|x| x == 0.0),
        }
    }
}

struct TimesLanes<'a> {
    rows: usize,
    columns: usize,
    a: &'a mut [f64],
    factors: &'a [f64; WIDEST],
}

impl WithSimd for TimesLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let factors = Wide::<S, f64>::new(simd, f64::registers::<S>(self.factors)[0]);
        let (stride, a) = (stride_of(self.columns), f64::registers_mut::<S>(self.a));
        for i in 0..self.rows {
            for x in &mut a[i * stride..][..self.columns] {
                *x = (Wide::new(simd, *x) * factors).register;
            }
        }
    }
}

/// The numbers of a register.
#[inline(always)]
fn numbers_of<S: Simd>(x: Wide<S, f64>) -> [f64; WIDEST] {
    let mut numbers = [0.0; WIDEST];
    f64::registers_mut::<S>(&mut numbers)[0] = x.register;
    numbers
}
