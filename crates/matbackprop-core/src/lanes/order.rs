//! The order of values, and the gaps between them.

use super::facts::numbers_of;
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

/// Sorts the n values of each lane. Numbers of `places` and `sorted` lie as in registers: the k-th value of a lane lies in
/// register `places[k]`. `ranks` has n registers.
pub(crate) fn sort<A: LaneNumber>(
    width: Width<A>,
    first: First,
    values: &[A],
    ranks: &mut [A],
    places: &mut [u8],
    sorted: &mut [A],
) {
    let numbers = width.numbers();
    width.run(Ranks {
        n: values.len() / numbers,
        first,
        values,
        ranks,
    });
    // A lane of NaN has no order, and may leave places that nothing is written to.
    places.fill(0);
    for (k, (values, ranks)) in values
        .chunks_exact(numbers)
        .zip(ranks.chunks_exact(numbers))
        .enumerate()
    {
        for (lane, (value, rank)) in values.iter().zip(ranks).enumerate() {
            let place = rank.widened() as usize * numbers + lane;
            places[place] = k as u8;
            sorted[place] = *value;
        }
    }
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

struct Ranks<'a, A> {
    n: usize,
    first: First,
    values: &'a [A],
    ranks: &'a mut [A],
}

impl<A: LaneNumber> Kernel<A> for Ranks<'_, A> {
    type Output = ();

    /// How many values come before each: every pair counts for one of its two.
    #[inline(always)]
    fn run<S: Simd, T: Lanes<Number = A>>(self, simd: S) {
        let wide = |register| Wide::<S, T>::new(simd, register);
        let (zero, one) = (Wide::constant(simd, 0.0), Wide::constant(simd, 1.0));
        let values = &T::registers::<S>(self.values)[..self.n];
        let ranks = &mut T::registers_mut::<S>(self.ranks)[..self.n];
        for i in 0..self.n {
            let value = match self.first {
                First::Smallest => wide(values[i]),
                First::Largest => -wide(values[i]),
            };
            let mut rank = zero;
            for j in 0..i {
                let other = match self.first {
                    First::Smallest => wide(values[j]),
                    First::Largest => -wide(values[j]),
                };
                let before = value.where_below(other, one, zero);
                ranks[j] = (wide(ranks[j]) + before).register;
                rank = rank + (one - before);
            }
            ranks[i] = rank.register;
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
        let open =
            (constant(self.closed) * largest).where_below(smallest, constant(1.0), constant(0.0));
        let (open, not_finite) = (numbers_of(open), numbers_of(not_finite));
        std::array::from_fn(|lane| open[lane] == 1.0 && not_finite[lane] == 0.0)
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
            for n in [1, 2, 5, 9] {
                // Values that occur twice among them.
                let value = |k: usize, lane: usize| ((7 * k + 3 * lane) % 4) as f64 - 1.0;
                let values = registers(width, n, value);
                let [mut ranks, mut sorted] = [(); 2].map(|()| vec![f64::NAN; n * numbers]);
                for first in [First::Smallest, First::Largest] {
                    let mut places = vec![99; n * numbers];
                    sort(width, first, &values, &mut ranks, &mut places, &mut sorted);
                    for lane in 0..numbers {
                        let mut expected: Vec<f64> = (0..n).map(|k| value(k, lane)).collect();
                        expected.sort_by(f64::total_cmp);
                        if first == First::Largest {
                            expected.reverse();
                        }
                        let mut seen: Vec<u8> =
                            (0..n).map(|k| places[k * numbers + lane]).collect();
                        for k in 0..n {
                            assert_eq!(sorted[k * numbers + lane], expected[k]);
                            assert_eq!(value(usize::from(seen[k]), lane), expected[k]);
                        }
                        seen.sort_unstable();
                        assert!(
                            seen.iter()
                                .enumerate()
                                .all(|(k, place)| k == usize::from(*place))
                        );
                    }
                }
            }
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
