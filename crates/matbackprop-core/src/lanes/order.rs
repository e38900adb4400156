//! The order of values, and the gaps between them.

use super::facts::{are_zero, numbers_of};
use super::register::{LaneNumber, Lanes};
use super::wide::Wide;
use super::{Kernel, WIDEST, Width};
use pulp::Simd;

/// Which value comes first.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum First {
    Smallest,
    Largest,
}

/// Vectors that belong to values: entry i of vector k lies in register k · apart + i · step.
pub(crate) struct Vectors<'a, A> {
    pub(crate) numbers: &'a mut [A],
    pub(crate) apart: usize,
    pub(crate) step: usize,
    /// Entries of each.
    pub(crate) len: usize,
}

/// Sorts the values of each lane, and vectors with them.
///
/// By Batcher's network: which pairs are compared does not depend on the values, so that lanes need no places of their own. A
/// lane of NaN keeps an order of its own.
///
/// Source: Knuth, "The Art of Computer Programming", volume 3, algorithm 5.2.2M.
pub(crate) fn sort<A: LaneNumber, const N: usize>(
    width: Width<A>,
    first: First,
    values: &mut [A],
    vectors: [Vectors<'_, A>; N],
) {
    width.run(Sort {
        first,
        values,
        vectors,
    });
}

/// Are the gaps between neighbours of each lane, relative to its largest value, above what counts as closed?
///
/// `sorted` holds the values in order. Lanes that are not finite say no.
pub(crate) fn open_gaps<A: LaneNumber>(
    width: Width<A>,
    sorted: &[A],
    closed: f64,
) -> [bool; WIDEST] {
    width.run(Gaps { sorted, closed })
}

struct Sort<'a, A, const N: usize> {
    first: First,
    values: &'a mut [A],
    vectors: [Vectors<'a, A>; N],
}

impl<A: LaneNumber, const N: usize> Kernel<A> for Sort<'_, A, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(mut self, simd: S) {
        let n = T::registers::<S>(self.values).len();
        let largest_step = n.next_power_of_two() / 2;
        let mut parity = largest_step;
        while parity > 0 {
            let (mut step, mut rest, mut distance) = (largest_step, 0, parity);
            loop {
                for i in (0..n.saturating_sub(distance)).filter(|i| i & parity == rest) {
                    self.compare::<S, T>(simd, i, i + distance);
                }
                if step == parity {
                    break;
                }
                (distance, rest) = (step - parity, parity);
                step /= 2;
            }
            parity /= 2;
        }
    }
}

impl<A: LaneNumber, const N: usize> Sort<'_, A, N> {
    /// Exchanges two values, and their vectors, in the lanes in which they lie the wrong way round.
    #[inline(always)]
    fn compare<S: Simd, T: Lanes<Number = A>>(&mut self, simd: S, i: usize, j: usize) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let values = T::registers_mut::<S>(self.values);
        let (x, y) = (wide(values[i]), wide(values[j]));
        // Exchanged where the one lies below the other.
        let (one, other) = match self.first {
            First::Smallest => (y, x),
            First::Largest => (x, y),
        };
        if !one.any_below(other) {
            return;
        }
        let exchanged = |x, y| {
            (
                one.where_below(other, y, x).register,
                one.where_below(other, x, y).register,
            )
        };
        (values[i], values[j]) = exchanged(x, y);
        for vectors in &mut self.vectors {
            let (apart, step) = (vectors.apart, vectors.step);
            let numbers = T::registers_mut::<S>(vectors.numbers);
            let (mut p, mut q) = (i * apart, j * apart);
            for _ in 0..vectors.len {
                (numbers[p], numbers[q]) = exchanged(wide(numbers[p]), wide(numbers[q]));
                (p, q) = (p + step, q + step);
            }
        }
    }
}

struct Gaps<'a, A> {
    sorted: &'a [A],
    closed: f64,
}

impl<A: LaneNumber> Kernel<A> for Gaps<'_, A> {
    type Output = [bool; WIDEST];

    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) -> [bool; WIDEST] {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let constant = |x| Wide::<S, T>::constant(simd, x);
        let sorted = T::registers::<S>(self.sorted);
        let (mut smallest, mut largest) = (constant(f64::INFINITY), constant(0.0));
        let mut not_finite = constant(0.0);
        for (k, value) in sorted.iter().enumerate() {
            let value = wide(*value);
            largest = largest.max(value.abs());
            not_finite = value.times_plus(constant(0.0), not_finite);
            if k > 0 {
                let gap = (value - wide(sorted[k - 1])).abs();
                smallest = gap.where_below(smallest, gap, smallest);
            }
        }
        let closed =
            (constant(self.closed) * largest).where_below(smallest, not_finite, constant(1.0));
        are_zero(&numbers_of(closed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `width` lanes, register after register.
    fn registers(width: Width<f64>, n: usize, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let places = (0..n).flat_map(|k| (0..width.numbers()).map(move |lane| (k, lane)));
        places.map(|(k, lane)| value(k, lane)).collect()
    }

    #[test]
    fn every_lane_has_its_own_order() {
        for width in [(2, 2), (100, 100)].map(Width::<f64>::for_shape) {
            let numbers = width.numbers();
            for n in [1, 2, 3, 5, 8, 9, 22, 64] {
                // Values that occur twice among them.
                let value = |k: usize, lane: usize| ((7 * k + 3 * lane) % (n + 3)) as f64 - 1.0;
                for first in [First::Smallest, First::Largest] {
                    let mut values = registers(width, n, value);
                    // Vectors (k, λₖ) in rows, and (λₖ, k, 0) in columns.
                    let mut rows = registers(width, 2 * n, |entry, lane| match entry % 2 {
                        0 => (entry / 2) as f64,
                        _ => value(entry / 2, lane),
                    });
                    let mut columns = registers(width, 3 * n, |entry, lane| match entry / n {
                        0 => value(entry, lane),
                        1 => (entry - n) as f64,
                        _ => 0.0,
                    });
                    let [of_rows, of_columns] = [(&mut rows, 2, 1, 2), (&mut columns, 1, n, 3)]
                        .map(|(numbers, apart, step, len)| Vectors {
                            numbers,
                            apart,
                            step,
                            len,
                        });
                    sort(width, first, &mut values, [of_rows, of_columns]);
                    for lane in 0..numbers {
                        let mut expected: Vec<f64> = (0..n).map(|k| value(k, lane)).collect();
                        expected.sort_by(f64::total_cmp);
                        if first == First::Largest {
                            expected.reverse();
                        }
                        let found = |list: &[f64], register: usize| list[register * numbers + lane];
                        let mut seen = Vec::new();
                        for (k, &expected) in expected.iter().enumerate() {
                            assert_eq!(found(&values, k), expected);
                            let place = found(&rows, 2 * k);
                            assert_eq!(found(&rows, 2 * k + 1), expected);
                            assert_eq!(value(place as usize, lane), expected);
                            let column = [0, 1, 2].map(|i| found(&columns, i * n + k));
                            assert_eq!(column, [expected, place, 0.0]);
                            seen.push(place as usize);
                        }
                        seen.sort_unstable();
                        assert_eq!(seen, Vec::from_iter(0..n));
                    }
                }
            }
        }
    }

    #[test]
    fn a_lane_of_nan_leaves_the_others_alone() {
        let width = Width::<f64>::for_shape((2, 2));
        let value = |k: usize, lane: usize| match lane {
            1 => f64::NAN,
            _ => (k * k % 7) as f64,
        };
        let mut values = registers(width, 6, value);
        sort(width, First::Smallest, &mut values, []);
        for lane in (0..width.numbers()).filter(|&lane| lane != 1) {
            let found: Vec<f64> = (0..6).map(|k| values[k * width.numbers() + lane]).collect();
            assert_eq!(found, [0.0, 1.0, 2.0, 2.0, 4.0, 4.0]);
        }
    }

    #[test]
    fn gaps_are_relative_to_the_largest_value() {
        let width = Width::<f64>::for_shape((2, 2));
        let spectra = [
            [-4.0, 0.0, 4.0],
            [1.0, 1.0 + 1e-9, 2.0],
            [0.0, f64::NAN, 1.0],
            [0.0; 3],
        ];
        let of = |k: usize, lane: usize| spectra[lane % 4][k];
        let sorted = registers(width, 3, of);
        let open = open_gaps(width, &sorted, 1e-8);
        for (lane, open) in open[..width.numbers()].iter().enumerate() {
            assert_eq!(*open, lane % 4 == 0, "{lane}");
        }
        let values = [1e-300, 1.0, f64::INFINITY];
        let alone = registers(width, 1, |_, lane| values[lane % 3]);
        let open = open_gaps(width, &alone, 1e-8);
        for (lane, open) in open[..width.numbers()].iter().enumerate() {
            assert_eq!(*open, lane % 3 != 2, "{lane}");
        }
    }
}
