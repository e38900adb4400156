//! Eigenvalues and eigenvectors of a symmetric tridiagonal matrix, by divide and conquer.
//!
//! ```text
//! T = [T₁  ] + ρ v vᵀ     Tᵢ = Wᵢ Λᵢ Wᵢᵀ     diag(Λ₁, Λ₂) + ρ z zᵀ = S Λ Sᵀ,  z = diag(W₁, W₂)ᵀ v
//!     [  T₂]              W = diag(W₁, W₂) S
//! ```

use super::implicit_ql::{ImplicitQl, SMALL};
use super::join::{
    Basis, Edges, Outcome, RankOne, Reach, Rows, Span, Update, finish_join, multiply, put_back,
    rotate, solve_at_order_one,
};
use super::rank_one_update::{FillVectors, deflate, rounding};
use super::secular::Values;
use crate::buffer_pool::Temporary;
use faer::Mat;

/// T = W Λ Wᵀ: `diagonal` becomes Λ, nondecreasing, and W is returned; `off_diagonal` (n entries, the last one spare)
/// is used up. `None` when an eigenvalue does not converge.
///
/// Source: Cuppen, "A divide and conquer method for the symmetric tridiagonal eigenproblem", Numerische Mathematik 36,
/// 1981; deflation and eigenvectors as `rank_one_update` says.
pub(super) fn tridiagonal_eigen(
    diagonal: &mut [f64],
    off_diagonal: &mut [f64],
) -> Option<Temporary> {
    let n = diagonal.len();
    let mut vectors = Temporary::new(n, n);
    vectors.as_mut_slice().fill(0.0);
    let mut update = Temporary::new(n, n);
    let mut joined = Temporary::new(n, n);
    let mut gathered = Temporary::new(n, n.div_ceil(2));
    let basis = Whole {
        reach: Reach::new(0, 0, 0),
        vectors: &mut vectors,
        gathered: gathered.as_mut_slice(),
        update: update.as_mut_slice(),
        joined: joined.as_mut_slice(),
    };
    match solve(basis, diagonal, off_diagonal)? {
        Outcome::Solved => Some(vectors),
        Outcome::Zero => Some(Temporary::copy_of(Mat::identity(n, n).as_ref())),
    }
}

/// Λ alone, by the same steps in O(n²) time: `diagonal` becomes Λ, nondecreasing; `off_diagonal` is used up. `None` when
/// an eigenvalue does not converge.
pub(super) fn tridiagonal_values(diagonal: &mut [f64], off_diagonal: &mut [f64]) -> Option<()> {
    solve(Edges::new(diagonal.len()), diagonal, off_diagonal).map(|_| ())
}

fn solve(
    basis: impl BlockBasis,
    diagonal: &mut [f64],
    off_diagonal: &mut [f64],
) -> Option<Outcome> {
    solve_at_order_one(diagonal, off_diagonal, |diagonal, off_diagonal| {
        let arch = pulp::Arch::new();
        Solver { arch, basis }.solve(0, diagonal, off_diagonal)
    })
}

/// A basis that takes in the vectors of small blocks.
trait BlockBasis: Basis<Values> {
    /// W of the block of this side that starts at row and column `first`.
    fn take(&mut self, first: usize, side: usize, block: &[[f64; SMALL]; SMALL]);
}

impl BlockBasis for Edges {
    fn take(&mut self, first: usize, side: usize, block: &[[f64; SMALL]; SMALL]) {
        self.set(first, side, |j| (block[j][0], block[j][side - 1]));
    }
}

/// W as it grows along the diagonal, and room for one join.
struct Whole<'a> {
    vectors: &'a mut Temporary,
    reach: Reach,
    /// Columns of W₁ or W₂ that take part.
    gathered: &'a mut [f64],
    /// S.
    update: &'a mut [f64],
    /// diag(W₁, W₂) S.
    joined: &'a mut [f64],
}

impl BlockBasis for Whole<'_> {
    fn take(&mut self, first: usize, side: usize, block: &[[f64; SMALL]; SMALL]) {
        for (j, column) in block[..side].iter().enumerate() {
            self.vectors.column_mut(first + j)[first..][..side].copy_from_slice(&column[..side]);
        }
    }
}

impl Basis<Values> for Whole<'_> {
    fn meet(&mut self, Span { first, rows, split }: Span) -> Vec<f64> {
        self.reach = Reach::new(rows, split, split);
        (0..rows)
            .map(|j| self.vectors.column(first + j)[first + split - usize::from(j < split)])
            .collect()
    }

    fn rotate(&mut self, span: Span, (i, j): (usize, usize), turn: (f64, f64)) {
        self.reach.unite(i, j);
        rotate(self.vectors.as_mut(), span, (i, j), turn);
    }

    fn turn(&mut self, span: Span, update: &Update<'_, Values>) {
        let rows = Rows::new(update.kept, &self.reach);
        let k = update.poles.len();
        update.arch.dispatch(FillVectors {
            roots: update.roots,
            poles: &rows.ordered(update.poles),
            z: &rows.ordered(&update.roots.z),
            vectors: &mut self.update[..k * k],
        });
        multiply(
            self.vectors.as_ref(),
            span,
            update.kept,
            &rows,
            self.update,
            self.gathered,
            self.joined,
        );
        put_back(
            self.vectors.as_mut(),
            span,
            update.settled,
            update.places,
            self.joined,
        );
    }
}

struct Solver<B> {
    arch: pulp::Arch,
    basis: B,
}

impl<B: BlockBasis> Solver<B> {
    /// Solves the block that starts at row `first`; `false` when an eigenvalue does not converge.
    fn solve(&mut self, first: usize, d: &mut [f64], e: &mut [f64]) -> bool {
        let side = d.len();
        if side <= SMALL {
            let mut block = [[0.0; SMALL]; SMALL];
            let converged = self.arch.dispatch(ImplicitQl {
                diagonal: d,
                off_diagonal: e,
                vectors: &mut block,
            });
            self.basis.take(first, side, &block);
            return converged;
        }
        // Torn at the entry between the halves: its magnitude comes off both diagonal entries beside it, so that the
        // part torn out is |joint| (1, ±1)ᵀ(1, ±1), of rank one and with ρ > 0 for either sign of the entry.
        let half = side / 2;
        let joint = e[half - 1];
        let ((d1, d2), (e1, e2)) = (d.split_at_mut(half), e.split_at_mut(half));
        d1[half - 1] -= joint.abs();
        d2[0] -= joint.abs();
        if !self.solve(first, d1, e1) || !self.solve(first + half, d2, e2) {
            return false;
        }
        self.join(first, half, d, joint);
        true
    }

    /// Joins two solved halves, with ρ = 2 |`joint`| and v = (last unit vector, ± first unit vector) / √2.
    fn join(&mut self, first: usize, half: usize, d: &mut [f64], joint: f64) {
        let rho = 2.0 * joint.abs();
        let root = std::f64::consts::FRAC_1_SQRT_2;
        let span = Span {
            first,
            rows: d.len(),
            split: half,
        };
        let mut z = self.basis.meet(span);
        for (j, z) in z.iter_mut().enumerate() {
            *z *= if j < half { root } else { root.copysign(joint) };
        }
        // z is the last row of W₁ and the first of W₂, over √2: all that a join asks of the vectors of its halves.
        let mut order: Vec<usize> = (0..d.len()).collect();
        order.sort_by(|&i, &j| d[i].total_cmp(&d[j]));
        let tolerance = rounding(d).max(rounding(&z));
        let columns = deflate(&order, d, &mut z, rho, tolerance, |i, j, c, s| {
            self.basis.rotate(span, (i, j), (c, s));
        });
        let update = RankOne {
            axis: Values,
            poles: columns.kept.iter().map(|&j| d[j]).collect(),
            weights: columns.kept.iter().map(|&j| z[j]).collect(),
            columns,
            rho,
        };
        finish_join(self.arch, &mut self.basis, span, update, d, order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Residual and departure from orthogonality, in units of ε ‖T‖ and ε.
    fn errors(diagonal: &[f64], off_diagonal: &[f64]) -> (f64, f64) {
        let n = diagonal.len();
        let t = Mat::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => diagonal[i],
            1 => off_diagonal[i.min(j)],
            _ => 0.0,
        });
        let (mut values, mut e) = (diagonal.to_vec(), off_diagonal.to_vec());
        e.resize(n, 0.0);
        let w = tridiagonal_eigen(&mut values, &mut e).unwrap();
        let w = w.as_ref().to_owned();
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        let scaled = Mat::from_fn(n, n, |i, j| w[(i, j)] * values[j]);
        let size = t.norm_max().max(f64::MIN_POSITIVE);
        let residual = (&t * &w - scaled).norm_max() / size;
        let turned = (w.transpose() * &w - Mat::<f64>::identity(n, n)).norm_max();
        (residual / f64::EPSILON, turned / f64::EPSILON)
    }

    fn noise(seed: u64, n: usize) -> Vec<f64> {
        let x = crate::gradcheck::gaussian(n.max(1), 1, seed);
        (0..n).map(|i| x[(i, 0)]).collect()
    }

    #[test]
    fn spectra_of_every_kind_are_found_with_orthonormal_vectors() {
        for n in [1, 2, 3, 24, 25, 50, 97, 200] {
            let ones = vec![1.0; n];
            let zeros = vec![0.0; n];
            let steps: Vec<f64> = (0..n).map(|i| (i as f64 - (n / 2) as f64).abs()).collect();
            let graded: Vec<f64> = (0..n)
                .map(|i| 10f64.powf(-16.0 * i as f64 / n as f64))
                .collect();
            let tiny: Vec<f64> = noise(3, n).iter().map(|x| 1e-14 * x).collect();
            let huge: Vec<f64> = noise(4, n).iter().map(|x| 1e300 * x).collect();
            let split: Vec<f64> = (0..n).map(|i| if i % 7 == 0 { 0.0 } else { 1.0 }).collect();
            let cases = [
                (noise(1, n), noise(2, n)),
                // Toeplitz: closed form; Wilkinson: pairs of values that agree to rounding.
                (zeros.iter().map(|_| 2.0).collect(), ones.clone()),
                (steps, ones.clone()),
                (zeros.clone(), ones.clone()),
                (ones.clone(), zeros.clone()),
                (ones.clone(), tiny.clone()),
                (tiny.clone(), ones.clone()),
                (graded.clone(), graded),
                (huge.clone(), huge),
                (zeros.clone(), split),
                (zeros.clone(), zeros.clone()),
                (vec![f64::MIN_POSITIVE; n], vec![f64::MIN_POSITIVE; n]),
            ];
            for (case, (d, e)) in cases.iter().enumerate() {
                let (residual, turned) = errors(d, &e[..n - 1]);
                // Measured: at most 7 and 12 in the largest.
                assert!(
                    residual < 40.0 && turned < 60.0,
                    "{n} {case}: {residual} {turned}"
                );
            }
        }
    }

    #[test]
    fn the_second_difference_has_its_closed_form() {
        // 2 − 2 cos(jπ / (n + 1)), j = 1, …, n
        let n = 100;
        let (mut d, mut e) = (vec![2.0; n], vec![-1.0; n]);
        tridiagonal_eigen(&mut d, &mut e).unwrap();
        for (j, value) in d.iter().enumerate() {
            let angle = (j + 1) as f64 * std::f64::consts::PI / (n + 1) as f64;
            assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 2e-15, "{j}");
        }
    }
}
