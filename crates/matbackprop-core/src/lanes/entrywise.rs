//! Products entry by entry.

use super::register::{LaneNumber, Lanes};
use super::wide::Wide;
use super::{Kernel, Rows, RowsMut, WIDEST, Width, stride_of};
use pulp::Simd;

/// A ← A times a number for each lane.
pub(crate) fn times_lanes<A: LaneNumber>(
    width: Width<A>,
    (rows, columns): (usize, usize),
    a: &mut [A],
    factors: &[f64; WIDEST],
) {
    let mut rounded = [A::rounded(0.0); WIDEST];
    for (place, factor) in rounded.iter_mut().zip(factors) {
        *place = A::rounded(*factor);
    }
    width.run(TimesLanes {
        rows,
        columns,
        a,
        factors: &rounded,
    });
}

/// Z = X diag(m), with a register of `factors` for each column.
pub(crate) fn times_columns<A: LaneNumber>(
    width: Width<A>,
    (rows, columns): (usize, usize),
    x: Rows<'_, A>,
    factors: &[A],
    z: RowsMut<'_, A>,
) {
    width.run(TimesColumns {
        rows,
        columns,
        x,
        factors,
        z,
    });
}

/// A ← A ∘ X.
pub(crate) fn times_entries<A: LaneNumber>(
    width: Width<A>,
    (rows, columns): (usize, usize),
    a: RowsMut<'_, A>,
    x: Rows<'_, A>,
) {
    width.run(TimesEntries {
        rows,
        columns,
        a,
        x,
    });
}

struct TimesLanes<'a, A> {
    rows: usize,
    columns: usize,
    a: &'a mut [A],
    factors: &'a [A; WIDEST],
}

impl<A: LaneNumber> Kernel<A> for TimesLanes<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let factors = Wide::<S, T>::new(simd, T::registers::<S>(self.factors)[0]);
        let (stride, a) = (stride_of(self.columns), T::registers_mut::<S>(self.a));
        for i in 0..self.rows {
            for x in &mut a[i * stride..][..self.columns] {
                *x = (Wide::new(simd, *x) * factors).register;
            }
        }
    }
}

struct TimesColumns<'a, A> {
    rows: usize,
    columns: usize,
    x: Rows<'a, A>,
    factors: &'a [A],
    z: RowsMut<'a, A>,
}

impl<A: LaneNumber> Kernel<A> for TimesColumns<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let factors = &T::registers::<S>(self.factors)[..self.columns];
        let (x, z) = (
            T::registers::<S>(self.x.numbers),
            T::registers_mut::<S>(self.z.numbers),
        );
        for i in 0..self.rows {
            let entries = x[i * self.x.stride..].iter().zip(factors);
            for (z, (x, factor)) in z[i * self.z.stride..].iter_mut().zip(entries) {
                *z = (wide(*x) * wide(*factor)).register;
            }
        }
    }
}

struct TimesEntries<'a, A> {
    rows: usize,
    columns: usize,
    a: RowsMut<'a, A>,
    x: Rows<'a, A>,
}

impl<A: LaneNumber> Kernel<A> for TimesEntries<'_, A> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let (a, x) = (
            T::registers_mut::<S>(self.a.numbers),
            T::registers::<S>(self.x.numbers),
        );
        for i in 0..self.rows {
            let entries = &x[i * self.x.stride..][..self.columns];
            for (a, x) in a[i * self.a.stride..].iter_mut().zip(entries) {
                *a = (wide(*a) * wide(*x)).register;
            }
        }
    }
}
