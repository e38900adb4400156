//! The leading eigenpairs of a symmetric matrix, without the others.

use super::inverse_iteration::vectors_of;
use super::shifted_tridiagonal::{ShiftedTridiagonal, times_tridiagonal};
use super::sturm::eigenvalues_at;
use super::symmetric_eigen::SymmetricEigen;
use super::tridiagonal::tridiagonal_eigen;
use crate::buffer_pool::Temporary;
use crate::error::{Error, Result};
use crate::free_basis::turn_equal;
use crate::symmetric_operator::project_out;
use faer::{Mat, c64};
use std::cmp::Ordering;

/// From this share of all pairs on, all of them are as fast.
const SHARE: usize = 6;

/// Up to this side too.
const SMALL: usize = 32;

/// The k pairs of A with the largest keys, and what solves beside them need.
///
/// ```text
/// A = H T Hᵀ by reflections,   T S = S Λ for k values alone,   V = H S
/// ```
///
/// Values are counted (`sturm`), vectors come by inverse iteration and are held against the counts; where those do not
/// agree, and where k is a good part of n, all pairs of T are found. Either way T and H stay for [`solve`](Self::solve).
#[derive(Clone, Debug)]
pub(crate) struct LeadingEigen {
    /// A = H T Hᵀ.
    reduced: SymmetricEigen,
    /// Of T / unit, as all that follows.
    diagonal: Vec<f64>,
    below: Vec<f64>,
    unit: f64,
    /// By falling key.
    values: Vec<f64>,
    /// S, n × k.
    inner: Mat<f64>,
    next: Option<f64>,
    largest: f64,
}

/// Pairs of T, nondecreasing, and the leading value beside them.
struct Found {
    values: Vec<f64>,
    vectors: Mat<f64>,
    next: Option<f64>,
    /// The largest magnitude of all values.
    largest: f64,
}

impl LeadingEigen {
    /// The `count` leading pairs, at most n, of a finite symmetric matrix of order one; its lower triangle is read.
    ///
    /// `key` is a number, its negative or its magnitude: the larger, the more leading.
    ///
    /// # Errors
    /// [`NoConvergence`](Error::NoConvergence).
    pub(crate) fn new(
        op: &'static str,
        a: Temporary,
        count: usize,
        key: fn(f64) -> f64,
    ) -> Result<Self> {
        let n = a.as_ref().nrows();
        let reduced = SymmetricEigen::begin_in(a);
        let unit = bound(&reduced);
        let divided = |x: &[f64]| -> Vec<f64> { x.iter().map(|x| x / unit).collect() };
        let (diagonal, below) = (divided(reduced.diagonal()), divided(reduced.below()));
        let few = few_pairs(&diagonal, &below, count, key);
        let found = few.or_else(|| all_pairs(&diagonal, &below, count, key));
        let Some(mut found) = found else {
            return Err(Error::NoConvergence {
                op,
                rows: n,
                columns: n,
            });
        };
        let largest = if found.largest > 0.0 {
            found.largest
        } else {
            1.0
        };
        // Runs of equal values are runs in this order alone: by magnitude, signs may alternate.
        let relative: Vec<f64> = found.values.iter().map(|value| value / largest).collect();
        turn_equal(&relative, found.vectors.as_mut());
        let order = by_falling_key(&found.values, key);
        Ok(Self {
            values: order.iter().map(|&i| found.values[i]).collect(),
            inner: Mat::from_fn(n, count, |i, j| found.vectors[(i, order[j])]),
            next: found.next,
            reduced,
            diagonal,
            below,
            unit,
            largest,
        })
    }

    /// The values over [`unit`](Self::unit), by falling key.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// The value over [`unit`](Self::unit) that leads those left out; none where nothing is.
    pub(crate) fn next(&self) -> Option<f64> {
        self.next
    }

    /// The largest magnitude of all values over [`unit`](Self::unit); one where all are zero.
    pub(crate) fn largest(&self) -> f64 {
        self.largest
    }

    /// A power of two of the order of ‖A‖.
    pub(crate) fn unit(&self) -> f64 {
        self.unit
    }

    /// V, n × k.
    pub(crate) fn vectors(&self) -> Mat<f64> {
        let mut vectors = self.inner.clone();
        self.reduced.reflect_back(vectors.as_mut());
        vectors
    }

    /// Y of (λⱼ I − A / unit) yⱼ = (I − V Vᵀ) xⱼ beside V; with a width, of (D² + width² I) yⱼ = D (I − V Vᵀ) xⱼ,
    /// D = λⱼ I − A / unit. O(n²) a column, for open gaps to the values left out or for a width.
    pub(crate) fn solve(&self, mut x: Mat<f64>, width: Option<f64>) -> Mat<f64> {
        self.reduced.reflect(x.as_mut());
        for (j, value) in self.values.iter().enumerate() {
            let column = x.col_as_slice_mut(j);
            project_out(column, self.inner.as_ref());
            match width {
                None => self.solve_beside(*value, column),
                Some(width) => self.solve_smoothed(c64::new(*value, width), column),
            }
        }
        self.reduced.reflect_back(x.as_mut());
        x
    }

    /// x ← (λ I − T)⁻¹ x beside S.
    fn solve_beside(&self, value: f64, x: &mut [f64]) {
        let shifted = ShiftedTridiagonal::new(&self.diagonal, &self.below, value);
        let mut solution = vec![0.0; x.len()];
        let mut residual = x.to_vec();
        // T − λ I is singular along S: a solution grows there by rounding, loses digits as the growth is taken out, and
        // has them back from its residual.
        for _ in 0..3 {
            shifted.solve(&mut residual);
            project_out(&mut residual, self.inner.as_ref());
            for (solution, correction) in solution.iter_mut().zip(&residual) {
                *solution -= correction;
            }
            residual = times_tridiagonal(&self.diagonal, &self.below, &solution);
            for ((residual, x), y) in residual.iter_mut().zip(&*x).zip(&solution) {
                *residual += x - value * y;
            }
            project_out(&mut residual, self.inner.as_ref());
        }
        x.copy_from_slice(&solution);
    }

    /// d / (d² + w²) is the real part of 1 / (d + i w).
    fn solve_smoothed(&self, shift: c64, x: &mut [f64]) {
        let shifted = ShiftedTridiagonal::new(&self.diagonal, &self.below, shift);
        let mut complex: Vec<c64> = x.iter().map(|x| c64::from(-x)).collect();
        shifted.solve(&mut complex);
        for (x, solution) in x.iter_mut().zip(&complex) {
            *x = solution.re;
        }
        project_out(x, self.inner.as_ref());
    }
}

/// A power of two that no eigenvalue of T exceeds; one where T is zero.
fn bound(reduced: &SymmetricEigen) -> f64 {
    let below = reduced.below();
    let mut largest: f64 = 0.0;
    let mut above: f64 = 0.0;
    for (diagonal, below) in reduced.diagonal().iter().zip(below) {
        largest = largest.max(diagonal.abs() + above.abs() + below.abs());
        above = *below;
    }
    if largest > 0.0 {
        2f64.powi(largest.log2().ceil() as i32)
    } else {
        1.0
    }
}

fn by_falling_key(values: &[f64], key: fn(f64) -> f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| key(values[j]).total_cmp(&key(values[i])));
    order
}

/// The places of those that lead, nondecreasing, and the value of the next.
fn chosen(values: &[f64], count: usize, key: fn(f64) -> f64) -> (Vec<usize>, Option<f64>) {
    let order = by_falling_key(values, key);
    let mut places = order[..count].to_vec();
    places.sort_unstable();
    (places, order.get(count).map(|&next| values[next]))
}

/// By counts and inverse iteration; `None` where that is slower, or not sound.
fn few_pairs(diagonal: &[f64], below: &[f64], count: usize, key: fn(f64) -> f64) -> Option<Found> {
    let n = diagonal.len();
    let zero = diagonal.iter().chain(below).all(|x| *x == 0.0);
    if n <= SMALL || SHARE * count > n || zero {
        return None;
    }
    // One more than asked for at each end from which they may come, and either end itself.
    let (low, high) = match key(1.0).total_cmp(&key(-1.0)) {
        Ordering::Less => (count + 1, 1),
        Ordering::Greater => (1, count + 1),
        Ordering::Equal => (count + 1, count + 1),
    };
    let places: Vec<usize> = (0..low).chain(n - high..n).collect();
    let values = eigenvalues_at(diagonal, below, &places);
    let largest = values.iter().fold(0.0, |x: f64, y| x.max(y.abs()));
    let (leading, next) = chosen(&values, count, key);
    let counted: Vec<f64> = leading.iter().map(|&place| values[place]).collect();
    let (values, vectors) = vectors_of(diagonal, below, &counted)?;
    Some(Found {
        values,
        vectors,
        next,
        largest,
    })
}

/// By all pairs of T; `None` where those do not converge.
fn all_pairs(diagonal: &[f64], below: &[f64], count: usize, key: fn(f64) -> f64) -> Option<Found> {
    let mut values = diagonal.to_vec();
    let all = tridiagonal_eigen(&mut values, &mut below.to_vec())?;
    let (leading, next) = chosen(&values, count, key);
    let all = all.as_ref();
    Some(Found {
        vectors: Mat::from_fn(values.len(), count, |i, j| all[(i, leading[j])]),
        largest: values.iter().fold(0.0, |x: f64, y| x.max(y.abs())),
        values: leading.iter().map(|&place| values[place]).collect(),
        next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decompose::symmetric_eigen;
    use crate::gradcheck::{gaussian, symmetric_with_spectrum};
    use faer::Scale;

    const KEYS: [fn(f64) -> f64; 3] = [|x| x, |x| -x, f64::abs];

    /// Spread, crowded, equal, zero, split and graded matrices of a side, spectral norm at most one.
    fn kinds(n: usize) -> Vec<(&'static str, Mat<f64>)> {
        let drawn = |f: &dyn Fn(f64) -> f64| {
            let spectrum: Vec<f64> = (0..n).map(|i| f(i as f64 / n as f64)).collect();
            symmetric_with_spectrum(&spectrum, n as u64)
        };
        let path = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => 0.5,
            1 => -0.25,
            _ => 0.0,
        });
        // Wilkinson's: pairs that agree to all digits, in an unreduced tridiagonal matrix.
        let wilkinson = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => (i as f64 - (n as f64 - 1.0) / 2.0).abs() / n as f64,
            1 => 1.0 / n as f64,
            _ => 0.0,
        });
        vec![
            ("spread", drawn(&|x| 2.0 * x - 1.0)),
            ("crowded below", drawn(&|x| x.powi(4))),
            ("clusters", drawn(&|x| (4.0 * x).floor() / 4.0 + 1e-10 * x)),
            ("equal", drawn(&|x| (3.0 * x).floor() / 3.0 - 0.4)),
            ("graded", drawn(&|x| 10f64.powf(-14.0 * x))),
            ("path", path),
            ("wilkinson", wilkinson),
            ("identity", Mat::identity(n, n)),
            ("zero", Mat::zeros(n, n)),
            ("rank one", Mat::full(n, n, 1.0 / n as f64)),
        ]
    }

    #[test]
    fn few_pairs_are_the_leading_ones_of_all() {
        for n in [1, 2, 5, 33, 50, 97, 160] {
            for (kind, a) in kinds(n) {
                let (all, _) = symmetric_eigen("test", a.as_ref()).unwrap();
                for (key, count) in KEYS.into_iter().flat_map(|key| [(key, 1), (key, n / 8)]) {
                    let count = count.clamp(1, n);
                    let few = LeadingEigen::new("test", Temporary::copy_of(a.as_ref()), count, key)
                        .unwrap();
                    let (order, unit) = (by_falling_key(&all, key), few.unit());
                    let tolerance = 20.0 * (n as f64).sqrt() * f64::EPSILON;
                    for (found, &place) in few.values().iter().zip(&order) {
                        let error = (key(found * unit) - key(all[place])).abs();
                        assert!(error <= tolerance, "{kind} {n} {count}: {error:e}");
                    }
                    let next = few.next().map(|next| key(next * unit));
                    let expected = order.get(count).map(|&place| key(all[place]));
                    let error = next.unwrap_or_default() - expected.unwrap_or_default();
                    assert!(error.abs() <= tolerance, "{kind} {n}: {error:e}");
                    let v = few.vectors();
                    let scaled = Mat::from_fn(n, count, |i, j| v[(i, j)] * few.values()[j] * unit);
                    let residual = (&a * &v - scaled).norm_max();
                    let unit = (v.transpose() * &v - Mat::<f64>::identity(count, count)).norm_max();
                    assert!(residual <= tolerance, "{kind} {n} {count}: {residual:e}");
                    assert!(unit <= tolerance, "{kind} {n} {count}: {unit:e}");
                }
            }
        }
    }

    #[test]
    fn inverse_iteration_serves_every_kind() {
        // Nothing above says which way was taken.
        for n in [33, 97, 160] {
            for (kind, a) in kinds(n) {
                let reduced = SymmetricEigen::begin(a.as_ref());
                for key in KEYS.into_iter().filter(|_| kind != "zero") {
                    let few = few_pairs(reduced.diagonal(), reduced.below(), n / 8, key);
                    assert!(few.is_some(), "{kind} {n}");
                }
            }
        }
    }

    #[test]
    fn solves_beside_the_kept_vectors_are_those_of_all_pairs() {
        for (n, count) in [(6, 2), (60, 3), (60, 20)] {
            let mut spectrum: Vec<f64> = (0..n).map(|i| i as f64 / n as f64).collect();
            spectrum[1] = spectrum[0];
            let a = symmetric_with_spectrum(&spectrum, 3);
            let (values, all) = symmetric_eigen("test", a.as_ref()).unwrap();
            let few =
                LeadingEigen::new("test", Temporary::copy_of(a.as_ref()), count, |x| -x).unwrap();
            let x = gaussian(n, count, 1);
            let along = all.transpose() * &x;
            for width in [None, Some(0.1 / few.unit())] {
                let squared = width.map_or(0.0, |width| (width * few.unit()).powi(2));
                let core = Mat::from_fn(n, count, |i, j| {
                    let gap = values[j] - values[i];
                    let kept = if i < count { 0.0 } else { along[(i, j)] };
                    kept * gap / (gap * gap + squared).max(f64::MIN_POSITIVE)
                });
                let found = Scale(few.unit().recip()) * few.solve(x.clone(), width);
                let error = (found - &all * core).norm_max();
                assert!(error < 1e-12, "{n} {count} {width:?}: {error:e}");
            }
        }
    }
}
