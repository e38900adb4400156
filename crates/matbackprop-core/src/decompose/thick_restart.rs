//! The leading eigenpairs of a symmetric operator, by Lanczos' method with thick restarts.

use super::symmetric_eigen::symmetric_eigen;
use crate::error::{Error, Result};
use crate::gaussian::gaussian;
use crate::symmetric_operator::{
    SymmetricOperator, apply_scaled, apply_to_columns, norm, project_out,
};
use faer::{Mat, MatRef};

/// Basis vectors beside two a pair: they make the last pair converge.
const ROOM: usize = 40;

/// What of the part outside the basis is rounding, relative to the operator's norm.
const VANISHED: f64 = 64.0 * f64::EPSILON;

/// Which pairs, how exactly, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    pub(crate) op: &'static str,
    /// The larger, the more leading.
    pub(crate) key: fn(f64) -> f64,
    /// Of a residual ‖A v − θ v‖, relative to the largest |θ|.
    pub(crate) tolerance: f64,
    /// The most products with A in one search.
    pub(crate) products: usize,
    pub(crate) seed: u64,
}

/// The pairs found, of A / 2ᵉ.
pub(crate) struct Leading {
    pub(crate) exponent: i32,
    /// By falling key.
    pub(crate) values: Vec<f64>,
    pub(crate) vectors: Mat<f64>,
    /// The leading value of what is left; none where nothing is.
    pub(crate) next: Option<f64>,
    /// The largest |θ| that was met.
    pub(crate) norm: f64,
}

/// The `count` leading pairs of A, equal values as often as they occur.
///
/// ```text
///     A Qⱼ = Qⱼ Tⱼ + β q eⱼᵀ,  Tⱼ = S diag(θ) Sᵀ,  residual of Q sᵢ = β |sⱼᵢ|;  restart from the leading Q S and q
/// ```
///
/// A Krylov space of one vector has one vector of each value: others of the same value appear by rounding, or not before
/// the search ends. So the leading pair of what is left is looked for, from another start, until it does not
/// belong to the leading ones: its value is `next`.
///
/// # Errors
/// [`NotConverged`](Error::NotConverged); [`NotFinite`](Error::NotFinite) for an operator whose products are not.
///
/// # Source
/// Wu, Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM Journal on Matrix Analysis
/// and Applications 22, 2000; the search in what is left is ours.
pub(crate) fn leading_pairs(
    a: &impl SymmetricOperator,
    count: usize,
    search: Search,
) -> Result<Leading> {
    let n = a.side();
    let exponent = size_exponent(a, search)?;
    let mut krylov = Krylov {
        a,
        exponent,
        search,
        norm: 0.0,
        draws: 1,
    };
    let mut vectors = krylov.search_beside(Mat::zeros(n, 0).as_ref(), count)?.1;
    let mut values = krylov.rotate(&mut vectors)?;
    let mut next = None;
    let nearly = |norm: f64| search.tolerance.max(VANISHED) * norm;
    while vectors.ncols() < n {
        let (left, vector) = krylov.search_beside(vectors.as_ref(), 1)?;
        next = Some(left[0]);
        let last = (search.key)(values[count - 1]);
        if (search.key)(left[0]) <= last + nearly(krylov.norm) {
            break;
        }
        // The last one gives way.
        let mut more = Mat::zeros(n, count + 1);
        more.as_mut().subcols_mut(0, count).copy_from(&vectors);
        more.as_mut().subcols_mut(count, 1).copy_from(&vector);
        krylov.rotate(&mut more)?;
        vectors = more.subcols(0, count).to_owned();
        values = krylov.rotate(&mut vectors)?;
    }
    krylov.ensure_pairs(&values, &vectors)?;
    Ok(Leading {
        exponent,
        values,
        vectors,
        next,
        norm: krylov.norm,
    })
}

/// The exponent of ‖A x‖ for a random unit x: of order ‖A‖, within √n.
fn size_exponent(a: &impl SymmetricOperator, search: Search) -> Result<i32> {
    let mut x = random_unit(a.side(), search.seed);
    let mut out = vec![0.0; x.len()];
    apply_scaled(search.op, a, 0, &x, &mut out)?;
    let largest = out.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if largest == 0.0 {
        return Ok(0);
    }
    let exponent = largest.log2().floor() as i32;
    apply_scaled(search.op, a, exponent, &x, &mut out)?;
    x.copy_from_slice(&out);
    Ok(exponent + norm(&x).log2().floor() as i32)
}

struct Krylov<'a, A> {
    a: &'a A,
    exponent: i32,
    search: Search,
    /// The largest |θ| so far.
    norm: f64,
    /// Random vectors taken.
    draws: u64,
}

impl<A: SymmetricOperator> Krylov<'_, A> {
    /// The `count` leading pairs of (I − L Lᵀ) A (I − L Lᵀ) beside the orthonormal L.
    fn search_beside(
        &mut self,
        locked: MatRef<'_, f64>,
        count: usize,
    ) -> Result<(Vec<f64>, Mat<f64>)> {
        let n = locked.nrows();
        let room = (2 * count + ROOM).min(n - locked.ncols());
        let mut basis = Mat::<f64>::zeros(n, room + 1);
        let mut projected = Mat::<f64>::zeros(room, room);
        let start = self.fresh_direction(locked, basis.as_ref().subcols(0, 0));
        basis.col_as_slice_mut(0).copy_from_slice(&start);
        let (mut kept, mut worst) = (0, f64::INFINITY);
        let mut products = 0;
        while products < self.search.products {
            products += room - kept;
            let mut beta = 0.0;
            for j in kept..room {
                let mut next = vec![0.0; n];
                apply_scaled(
                    self.search.op,
                    self.a,
                    self.exponent,
                    basis.col_as_slice(j),
                    &mut next,
                )?;
                project_out(&mut next, locked);
                let before = basis.as_ref().subcols(0, j + 1);
                for (i, along) in project_out(&mut next, before).iter().enumerate() {
                    projected[(i, j)] = *along;
                    projected[(j, i)] = *along;
                    self.norm = self.norm.max(along.abs());
                }
                beta = norm(&next);
                if beta <= VANISHED * self.norm {
                    // An invariant subspace: go on from any direction beside it.
                    beta = 0.0;
                    next = self.fresh_direction(locked, before);
                } else {
                    next.iter_mut().for_each(|x| *x /= beta);
                    // What was small before is as far from orthogonal as rounding is from it.
                    project_out(&mut next, locked);
                    project_out(&mut next, before);
                }
                basis.col_as_slice_mut(j + 1).copy_from_slice(&next);
            }
            let (values, ritz) = self.ordered_eigen(&projected)?;
            let largest = values.iter().fold(0.0, |x: f64, y| x.max(y.abs()));
            self.norm = self.norm.max(largest);
            let residual = |i: usize| beta * ritz[(room - 1, i)].abs();
            worst = (0..count).map(residual).fold(0.0, f64::max);
            let converged = worst <= self.search.tolerance * self.norm;
            let keep = (count + (room - count) / 2).min(room - 1).max(count);
            let wanted = if converged { count } else { keep };
            let leading = basis.as_ref().subcols(0, room) * ritz.as_ref().subcols(0, wanted);
            if converged {
                return Ok((values[..count].to_vec(), leading));
            }
            let last = basis.col(room).to_owned();
            basis.as_mut().subcols_mut(0, keep).copy_from(&leading);
            basis.col_mut(keep).copy_from(&last);
            projected.fill(0.0);
            for i in 0..keep {
                projected[(i, i)] = values[i];
            }
            kept = keep;
        }
        Err(self.not_converged(worst))
    }

    /// V ← V S for the eigenvectors S of VᵀA V, by falling key; the values.
    fn rotate(&self, vectors: &mut Mat<f64>) -> Result<Vec<f64>> {
        let products = apply_to_columns(self.search.op, self.a, self.exponent, vectors)?;
        let (values, rotation) = self.ordered_eigen(&(vectors.transpose() * products))?;
        *vectors = &*vectors * rotation;
        Ok(values)
    }

    /// All eigenpairs of a small symmetric matrix, by falling key.
    fn ordered_eigen(&self, a: &Mat<f64>) -> Result<(Vec<f64>, Mat<f64>)> {
        let (values, vectors) = symmetric_eigen(self.search.op, a.as_ref())?;
        let mut order: Vec<usize> = (0..values.len()).collect();
        let key = |i: &usize| (self.search.key)(values[*i]);
        order.sort_by(|i, j| key(j).total_cmp(&key(i)));
        let ordered = Mat::from_fn(a.nrows(), order.len(), |i, j| vectors[(i, order[j])]);
        Ok((order.iter().map(|&i| values[i]).collect(), ordered))
    }

    /// Are the residuals what they were said to be? They are not where the operator is not symmetric, or changes.
    fn ensure_pairs(&self, values: &[f64], vectors: &Mat<f64>) -> Result<()> {
        let mut residuals = apply_to_columns(self.search.op, self.a, self.exponent, vectors)?;
        let scaled = Mat::from_fn(vectors.nrows(), values.len(), |i, j| {
            vectors[(i, j)] * values[j]
        });
        residuals -= scaled;
        let worst = (0..values.len()).fold(0.0, |worst: f64, j| {
            worst.max(norm(residuals.col_as_slice(j)))
        });
        let rounding = VANISHED * (vectors.nrows() as f64).sqrt();
        if worst <= (2.0 * self.search.tolerance + rounding) * self.norm {
            Ok(())
        } else {
            Err(self.not_converged(worst))
        }
    }

    fn not_converged(&self, residual: f64) -> Error {
        Error::NotConverged {
            op: self.search.op,
            residual: residual / self.norm.max(f64::MIN_POSITIVE),
            tolerance: self.search.tolerance,
            iterations: self.search.products,
        }
    }

    /// A random unit vector beside L and V, which together do not fill the space; zero where they do.
    fn fresh_direction(&mut self, locked: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Vec<f64> {
        let n = locked.nrows();
        if locked.ncols() + v.ncols() >= n {
            return vec![0.0; n];
        }
        self.draws += 1;
        let mut fresh = random_unit(n, self.search.seed + self.draws);
        for _ in 0..2 {
            project_out(&mut fresh, locked);
            project_out(&mut fresh, v);
            let length = norm(&fresh);
            fresh.iter_mut().for_each(|x| *x /= length);
        }
        fresh
    }
}

fn random_unit(n: usize, seed: u64) -> Vec<f64> {
    let drawn = gaussian(n, 1, seed);
    let length = drawn.norm_l2();
    drawn.col_as_slice(0).iter().map(|x| x / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A diagonal matrix.
    struct Diagonal(Vec<f64>);

    impl SymmetricOperator for Diagonal {
        fn side(&self) -> usize {
            self.0.len()
        }

        fn apply(&self, x: &[f64], out: &mut [f64]) {
            for ((out, x), value) in out.iter_mut().zip(x).zip(&self.0) {
                *out = value * x;
            }
        }
    }

    fn search(tolerance: f64) -> Search {
        Search {
            op: "test",
            key: |value| value,
            tolerance,
            products: 100_000,
            seed: 1,
        }
    }

    fn values(found: &Leading) -> Vec<f64> {
        let unit = 2f64.powi(found.exponent);
        found.values.iter().map(|value| value * unit).collect()
    }

    #[test]
    fn crowded_leading_values_are_found_each_once() {
        // 1 − (i / 700)²: the leading values lie within 1e-4 of each other.
        let diagonal: Vec<f64> = (0..600)
            .map(|i| 1.0 - (f64::from(i) / 700.0).powi(2))
            .collect();
        let operator = Diagonal(diagonal.clone());
        let found = leading_pairs(&operator, 8, search(1e-12)).unwrap();
        for (i, (value, expected)) in values(&found).iter().zip(&diagonal).enumerate() {
            assert!((value - expected).abs() < 1e-13, "{i}: {value} {expected}");
            assert!((found.vectors[(i, i)].abs() - 1.0).abs() < 1e-12);
        }
        let next = found.next.unwrap() * 2f64.powi(found.exponent);
        assert!((next - diagonal[8]).abs() < 1e-13);
    }

    #[test]
    fn equal_values_are_found_as_often_as_they_occur() {
        // One vector a value is in the Krylov space of a start.
        let mut diagonal: Vec<f64> = (0..400).map(|i| f64::from(i) / 500.0).collect();
        diagonal[3..7].fill(1.0);
        diagonal[8..11].fill(0.9);
        let found = leading_pairs(&Diagonal(diagonal), 6, search(1e-12)).unwrap();
        let expected = [1.0, 1.0, 1.0, 1.0, 0.9, 0.9];
        for (value, expected) in values(&found).iter().zip(expected) {
            assert!((value - expected).abs() < 1e-13, "{value}");
        }
        let next = found.next.unwrap() * 2f64.powi(found.exponent);
        assert!((next - 0.9).abs() < 1e-13);
    }

    #[test]
    fn few_values_all_pairs_and_zero() {
        // A Krylov space of dimension two: the rest is found from fresh directions.
        let few: Vec<f64> = (0..500).map(|i| if i < 3 { 1.0 } else { 0.25 }).collect();
        let found = leading_pairs(&Diagonal(few), 4, search(1e-12)).unwrap();
        for (value, expected) in values(&found).iter().zip([1.0, 1.0, 1.0, 0.25]) {
            assert!((value - expected).abs() < 1e-13, "{value}");
        }
        let found = leading_pairs(&Diagonal(vec![2.0, -3.0, 2.0]), 3, search(1e-12)).unwrap();
        assert!(found.next.is_none());
        let all = values(&found);
        assert!((all[0] - 2.0).abs() < 1e-14 && (all[2] + 3.0).abs() < 1e-14);
        let found = leading_pairs(&Diagonal(vec![0.0; 90]), 3, search(1e-12)).unwrap();
        assert_eq!((values(&found), found.next), (vec![0.0; 3], Some(0.0)));
    }
}
