//! Singular values and vectors of an upper bidiagonal matrix, by divide and conquer.
//!
//! ```text
//!     [ B₁          ]       B₁: n₁ × (n₁ + 1) = U₁ [Σ₁ 0] V₁ᵀ
//! B = [ α eᵀ   β eᵀ ]       the middle row: α below the last column of B₁, β above the first of B₂
//!     [          B₂ ]       B₂: n₂ × n₂, or n₂ × (n₂ + 1) inside a larger B₁
//!
//! B = U M Vᵀ, M = [ z₁ z ; 0 D ], D = diag(Σ₁, Σ₂);   M Mᵀ and MᵀM lead to the secular equation
//! ```
//!
//! Source: Gu, Eisenstat, "A divide-and-conquer algorithm for the bidiagonal SVD", SIAM Journal on Matrix Analysis and
//! Applications 16, 1995.

use super::implicit_ql::SMALL;
use super::implicit_qr::Vectors;
use super::join::{
    Basis, Edges, Outcome, RankOne, Reach, Rows, Span, Update, finish_join, multiply, put_back,
    rotate, solve_at_order_one,
};
use super::rank_one_update::{FillSingularVectors, deflate, rounding};
use super::secular::Squares;
use super::small_svd::small_bidiagonal_svd;
use crate::buffer_pool::Temporary;
use faer::Mat;

/// The least that a join neglects, in a matrix of order one whose values are known to 1e-16: products of a few squares
/// of anything larger are far from underflow.
const NEGLIGIBLE: f64 = 1e-28;

/// B = U Σ Vᵀ for square B: `diagonal` becomes Σ, nondecreasing; `above` holds n entries, the last one spare. `None`
/// when a small block does not converge.
pub(super) fn bidiagonal_svd(
    diagonal: &mut [f64],
    above: &mut [f64],
) -> Option<(Temporary, Temporary)> {
    let n = diagonal.len();
    let (mut left, mut right) = (Temporary::new(n, n), Temporary::new(n, n));
    left.as_mut_slice().fill(0.0);
    right.as_mut_slice().fill(0.0);
    // Sides grow by one where a block has a column more than rows.
    let room = || Temporary::new(n + 1, n + 1);
    let (mut update_left, mut update_right) = (room(), room());
    let (mut joined, mut gathered) = (room(), room());
    let basis = Pair {
        left: &mut left,
        right: &mut right,
        reach: Reach::new(0, 0, 0),
        update_left: update_left.as_mut_slice(),
        update_right: update_right.as_mut_slice(),
        joined: joined.as_mut_slice(),
        gathered: gathered.as_mut_slice(),
    };
    match solve(basis, diagonal, above)? {
        Outcome::Solved => Some((left, right)),
        Outcome::Zero => {
            let identity = || Temporary::copy_of(Mat::identity(n, n).as_ref());
            Some((identity(), identity()))
        }
    }
}

/// Σ alone, by the same steps in O(n²) time: `diagonal` becomes Σ, nondecreasing; `above` is used up. `None` when a small
/// block does not converge.
pub(super) fn bidiagonal_values(diagonal: &mut [f64], above: &mut [f64]) -> Option<()> {
    solve(Edges::new(diagonal.len()), diagonal, above).map(|_| ())
}

fn solve(basis: impl BlockBasis, diagonal: &mut [f64], above: &mut [f64]) -> Option<Outcome> {
    solve_at_order_one(diagonal, above, |diagonal, above| {
        let (arch, block) = (pulp::Arch::new(), Block::whole(diagonal.len()));
        Solver { arch, basis }.solve(block, diagonal, above)
    })
}

/// Rows first, …, first + rows − 1 of B, with `extra` (0 or 1) columns more than rows.
#[derive(Clone, Copy)]
struct Block {
    first: usize,
    rows: usize,
    extra: usize,
}

impl Block {
    /// All of a square B.
    fn whole(rows: usize) -> Self {
        Self {
            first: 0,
            rows,
            extra: 0,
        }
    }
}

/// A basis of right vectors, and of left ones where they are wanted; spans are those of the right ones.
trait BlockBasis: Basis<Squares> {
    /// Whether it wants U and V of this small block.
    fn wants(&self, block: Block) -> [bool; 2];
    /// Takes the wanted parts of U and V of a small block; the others have any content.
    fn take(&mut self, block: Block, left: &Vectors, right: &Vectors);
    /// As `rotate`, of right vectors alone.
    fn rotate_right(&mut self, span: Span, columns: (usize, usize), turn: (f64, f64));
}

impl BlockBasis for Edges {
    fn wants(&self, block: Block) -> [bool; 2] {
        // A block that is the whole is joined with nothing.
        [false, block.rows < self.columns()]
    }

    fn take(&mut self, block: Block, _: &Vectors, right: &Vectors) {
        let columns = block.rows + block.extra;
        self.set(block.first, columns, |j| {
            (right[j][0], right[j][columns - 1])
        });
    }

    fn rotate_right(&mut self, span: Span, columns: (usize, usize), turn: (f64, f64)) {
        Basis::<Squares>::rotate(self, span, columns, turn);
    }
}

/// U and V as they grow along the diagonal, and room for one join.
struct Pair<'a> {
    left: &'a mut Temporary,
    right: &'a mut Temporary,
    reach: Reach,
    update_left: &'a mut [f64],
    update_right: &'a mut [f64],
    joined: &'a mut [f64],
    gathered: &'a mut [f64],
}

/// The rows of U in a join whose rows of V these are: the middle row belongs to neither part.
fn left_span(right: Span, values: usize) -> Span {
    Span {
        first: right.first,
        rows: values,
        split: right.split - 1,
    }
}

impl BlockBasis for Pair<'_> {
    fn wants(&self, _: Block) -> [bool; 2] {
        [true, true]
    }

    fn take(&mut self, block: Block, left: &Vectors, right: &Vectors) {
        let (first, columns) = (block.first, block.rows + block.extra);
        for (all, own, side) in [
            (&mut *self.left, left, block.rows),
            (&mut *self.right, right, columns),
        ] {
            for (j, column) in own[..side].iter().enumerate() {
                all.column_mut(first + j)[first..][..side].copy_from_slice(&column[..side]);
            }
        }
    }

    fn rotate_right(&mut self, span: Span, columns: (usize, usize), turn: (f64, f64)) {
        rotate(self.right.as_mut(), span, columns, turn);
    }
}

impl Basis<Squares> for Pair<'_> {
    fn meet(&mut self, Span { first, rows, split }: Span) -> Vec<f64> {
        let middle = first + split - 1;
        self.left.as_mut()[(middle, middle)] = 1.0;
        self.reach = Reach::new(rows, split, split - 1);
        (0..rows)
            .map(|j| self.right.column(first + j)[first + split - usize::from(j < split)])
            .collect()
    }

    fn rotate(&mut self, span: Span, (i, j): (usize, usize), turn: (f64, f64)) {
        self.reach.unite(i, j);
        // Of a block with a column more than rows, the row below it is zero in both columns.
        rotate(self.left.as_mut(), left_span(span, span.rows), (i, j), turn);
        rotate(self.right.as_mut(), span, (i, j), turn);
    }

    fn turn(&mut self, span: Span, update: &Update<'_, Squares>) {
        let rows = Rows::new(update.kept, &self.reach);
        let k = update.poles.len();
        // The row of the pole at zero, the first of all.
        let first = rows.order.iter().position(|&row| row == 0).unwrap_or(0);
        update.arch.dispatch(FillSingularVectors {
            roots: update.roots,
            poles: &rows.ordered(update.poles),
            z: &rows.ordered(&update.roots.z),
            first,
            left: &mut self.update_left[..k * k],
            right: &mut self.update_right[..k * k],
        });
        let left = left_span(span, update.places.len());
        for (vectors, span, of_blocks) in [
            (&mut *self.left, left, &*self.update_left),
            (&mut *self.right, span, &*self.update_right),
        ] {
            multiply(
                vectors.as_ref(),
                span,
                update.kept,
                &rows,
                of_blocks,
                self.gathered,
                self.joined,
            );
            let (settled, places) = (update.settled, update.places);
            put_back(vectors.as_mut(), span, settled, places, self.joined);
        }
    }
}

struct Solver<B> {
    arch: pulp::Arch,
    basis: B,
}

impl<B: BlockBasis> Solver<B> {
    /// Solves a block: its columns of U and V in place, values nondecreasing in `d`, the null vector of V last.
    fn solve(&mut self, block: Block, d: &mut [f64], e: &mut [f64]) -> bool {
        let Block { first, rows, extra } = block;
        let columns = rows + extra;
        if columns <= SMALL {
            let (mut left, mut right) = ([[0.0; SMALL]; SMALL], [[0.0; SMALL]; SMALL]);
            let [with_left, with_right] = self.basis.wants(block);
            let converged = small_bidiagonal_svd(
                self.arch,
                d,
                &e[..columns - 1],
                with_left.then_some(&mut left),
                with_right.then_some(&mut right),
            );
            self.basis.take(block, &left, &right);
            return converged;
        }
        // The middle row is taken out, which leaves two bidiagonal blocks. The upper one has a column more than
        // rows: its null vector stands for the missing row in the join.
        let half = rows / 2;
        let (alpha, beta) = (d[half], e[half]);
        let upper = Block {
            first,
            rows: half,
            extra: 1,
        };
        let lower = Block {
            first: first + half + 1,
            rows: rows - half - 1,
            extra,
        };
        let (d1, d2) = d.split_at_mut(half + 1);
        let (e1, e2) = e.split_at_mut(half + 1);
        if !self.solve(upper, &mut d1[..half], e1) || !self.solve(lower, d2, e2) {
            return false;
        }
        self.join(block, half, d, alpha, beta);
        true
    }

    /// Joins two solved blocks with the row between them, `half` in the block's count.
    fn join(&mut self, block: Block, half: usize, d: &mut [f64], alpha: f64, beta: f64) {
        let span = Span {
            first: block.first,
            rows: block.rows + block.extra,
            split: half + 1,
        };
        let mut z = self.middle_row(block, span, half, (alpha, beta));
        // The null vector of the upper block takes the place of the row taken out: a column whose value is zero.
        d[half] = 0.0;

        let tolerance = rounding(d).max(rounding(&[alpha, beta])).max(NEGLIGIBLE);
        let mut order: Vec<usize> = (0..block.rows).filter(|&j| j != half).collect();
        order.sort_by(|&i, &j| d[i].total_cmp(&d[j]));
        let mut columns = deflate(&order, d, &mut z, 1.0, tolerance, |i, j, c, s| {
            self.basis.rotate(span, (i, j), (c, s));
        });
        // The pole at zero always takes part: z₁ stands in the corner of M, and without it the secular equation would have
        // a root fewer than M has rows. It keeps its distance from the next pole, as the others do by deflation. The
        // change here is within the tolerance.
        if z[half].abs() <= tolerance {
            z[half] = tolerance.copysign(z[half]);
        }
        columns.kept.insert(0, half);
        let mut poles: Vec<f64> = columns.kept.iter().map(|&j| d[j]).collect();
        if let Some(smallest) = poles.get_mut(1) {
            *smallest = smallest.max(0.5 * tolerance);
        }
        let update = RankOne {
            axis: Squares,
            weights: columns.kept.iter().map(|&j| z[j]).collect(),
            poles,
            columns,
            rho: 1.0,
        };
        let places = (0..block.rows).collect();
        finish_join(self.arch, &mut self.basis, span, update, d, places);
    }

    /// The row between the blocks in the bases of both, an entry a value: (α e_lastᵀ V₁, β e₁ᵀ V₂).
    fn middle_row(
        &mut self,
        block: Block,
        span: Span,
        half: usize,
        (alpha, beta): (f64, f64),
    ) -> Vec<f64> {
        let mut z = self.basis.meet(span);
        for (j, z) in z.iter_mut().enumerate() {
            *z *= if j <= half { alpha } else { beta };
        }
        if block.extra == 1 {
            // Two null vectors: turned until one of them has no part in the row, and stays the null vector.
            let rows = block.rows;
            let radius = z[half].hypot(z[rows]);
            if radius > NEGLIGIBLE {
                let turn = (z[half] / radius, z[rows] / radius);
                self.basis.rotate_right(span, (half, rows), turn);
                z[half] = radius;
            }
        }
        z.truncate(block.rows);
        z
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::gaussian;

    /// Residual and departures from orthogonality, in units of ε ‖B‖ and ε.
    fn errors(diagonal: &[f64], above: &[f64]) -> (f64, f64) {
        let n = diagonal.len();
        let b = Mat::from_fn(n, n, |i, j| match j.wrapping_sub(i) {
            0 => diagonal[i],
            1 => above[i],
            _ => 0.0,
        });
        let (mut values, mut e) = (diagonal.to_vec(), above.to_vec());
        e.resize(n, 0.0);
        let (u, v) = bidiagonal_svd(&mut values, &mut e).unwrap();
        let (u, v) = (u.as_ref().to_owned(), v.as_ref().to_owned());
        assert!(values[0] >= 0.0 && values.windows(2).all(|pair| pair[0] <= pair[1]));
        let scaled = Mat::from_fn(n, n, |i, j| u[(i, j)] * values[j]);
        let size = b.norm_max().max(f64::MIN_POSITIVE);
        let residual = (&b * &v - scaled).norm_max() / size;
        let turned = [&u, &v]
            .map(|x| (x.transpose() * x - Mat::<f64>::identity(n, n)).norm_max())
            .into_iter()
            .fold(0.0, f64::max);
        (residual / f64::EPSILON, turned / f64::EPSILON)
    }

    fn noise(seed: u64, n: usize) -> Vec<f64> {
        let x = gaussian(n, 1, seed);
        (0..n).map(|i| x[(i, 0)]).collect()
    }

    #[test]
    fn spectra_of_every_kind_are_found_with_orthonormal_vectors() {
        for n in [1, 2, 3, 24, 25, 26, 50, 51, 97, 200] {
            let (ones, zeros) = (vec![1.0; n], vec![0.0; n]);
            let graded: Vec<f64> = (0..n)
                .map(|i| 10f64.powf(-16.0 * i as f64 / n as f64))
                .collect();
            let rising: Vec<f64> = graded.iter().rev().copied().collect();
            let tiny: Vec<f64> = noise(3, n).iter().map(|x| 1e-14 * x).collect();
            let huge: Vec<f64> = noise(4, n).iter().map(|x| 1e300 * x).collect();
            let holes: Vec<f64> = (0..n).map(|i| if i % 7 == 0 { 0.0 } else { 1.0 }).collect();
            let steps: Vec<f64> = (0..n).map(|i| (i / 5) as f64).collect();
            let cases = [
                (noise(1, n), noise(2, n)),
                (ones.clone(), ones.clone()),
                (ones.clone(), zeros.clone()),
                (zeros.clone(), ones.clone()),
                (ones.clone(), tiny.clone()),
                (tiny.clone(), ones.clone()),
                (graded.clone(), graded.clone()),
                (rising.clone(), rising),
                (graded, ones.clone()),
                (huge.clone(), huge),
                (holes.clone(), ones.clone()),
                (ones, holes),
                (steps.clone(), tiny),
                (steps.clone(), steps),
                (zeros.clone(), zeros),
            ];
            for (case, (d, e)) in cases.iter().enumerate() {
                let (residual, turned) = errors(d, &e[..n - 1]);
                // Measured: at most 18 and 34.
                assert!(
                    residual < 60.0 && turned < 80.0,
                    "{n} {case}: {residual} {turned}"
                );
            }
        }
    }

    #[test]
    fn the_first_difference_has_its_closed_form() {
        // BᵀB is the second difference with a free end: σ = 2 sin((2j − 1) π / (4n + 2)).
        let n = 100;
        let (mut d, mut e) = (vec![1.0; n], vec![-1.0; n]);
        bidiagonal_svd(&mut d, &mut e).unwrap();
        for (j, value) in d.iter().enumerate() {
            let angle = (2 * j + 1) as f64 * std::f64::consts::PI / (4 * n + 2) as f64;
            assert!((value - 2.0 * angle.sin()).abs() < 2e-15, "{j}");
        }
    }
}
