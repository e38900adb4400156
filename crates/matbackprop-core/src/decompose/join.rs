//! The frame of divide and conquer that eigenvalues and singular values share: scaling, the end of a join, and moving the
//! vectors of two solved blocks into the basis of their join.

use super::rank_one_update::{Deflated, Roots, SolveRankOneUpdate, TurnRows};
use super::secular::Axis;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Whether there was anything to solve.
pub(super) enum Outcome {
    Solved,
    Zero,
}

/// Solves at order one: both lists are divided by the largest magnitude in them (the last entry of `beside` is spare), and
/// the values multiplied by it. `None` when `solve` does not converge.
///
/// Tolerances and the squares of singular values may then be plain numbers.
pub(super) fn solve_at_order_one(
    diagonal: &mut [f64],
    beside: &mut [f64],
    solve: impl FnOnce(&mut [f64], &mut [f64]) -> bool,
) -> Option<Outcome> {
    let n = diagonal.len();
    let largest = diagonal
        .iter()
        .chain(&beside[..n - 1])
        .fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if largest == 0.0 {
        return Some(Outcome::Zero);
    }
    for x in diagonal.iter_mut().chain(beside.iter_mut()) {
        *x /= largest;
    }
    let converged = solve(diagonal, beside);
    for x in diagonal.iter_mut() {
        *x *= largest;
    }
    converged.then_some(Outcome::Solved)
}

/// A join after deflation: D + ρ z zᵀ in the columns that take part.
pub(super) struct RankOne<A> {
    pub(super) axis: A,
    pub(super) columns: Deflated,
    /// Increasing, those of the columns kept.
    pub(super) poles: Vec<f64>,
    /// z of the columns kept; none vanishes.
    pub(super) weights: Vec<f64>,
    pub(super) rho: f64,
}

/// The end of a join: all values nondecreasing in `d`, their vectors in the same order in `basis`.
///
/// `places` lists 0, 1, …, as many as there are values, in any order: equal values stay in it.
pub(super) fn finish_join<A: Axis>(
    arch: pulp::Arch,
    basis: &mut impl Basis<A>,
    span: Span,
    update: RankOne<A>,
    d: &mut [f64],
    mut places: Vec<usize>,
) {
    let RankOne {
        axis,
        columns: Deflated { kept, settled },
        poles,
        weights,
        rho,
    } = update;
    let roots = arch.dispatch(SolveRankOneUpdate {
        axis,
        poles: &poles,
        z: &weights,
        rho,
    });
    let values: Vec<f64> = roots
        .shifts
        .iter()
        .zip(&roots.offsets)
        .map(|(shift, offset)| axis.value(*shift, *offset))
        .chain(settled.iter().map(|&j| d[j]))
        .collect();
    places.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    for (j, &from) in places.iter().enumerate() {
        d[j] = values[from];
    }
    let update = Update {
        arch,
        axis,
        kept: &kept,
        settled: &settled,
        places: &places,
        poles: &poles,
        roots: &roots,
    };
    basis.turn(span, &update);
}

/// Rows and columns of the block that is joined, in the matrix of all vectors; its upper part has `split` rows.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) split: usize,
}

/// The vectors of the two blocks of a join, with its operations on them: all of them, or two rows.
pub(super) trait Basis<A: Axis> {
    /// Opens a join. The entry of each column in the row where its part ends at the other: the last row of the upper
    /// part, the first of the lower one.
    fn meet(&mut self, span: Span) -> Vec<f64>;
    /// Columns xᵢ, xⱼ become c xᵢ + s xⱼ and c xⱼ − s xᵢ.
    fn rotate(&mut self, span: Span, columns: (usize, usize), turn: (f64, f64));
    /// Columns that take part become those of the join; all come in the order of their values.
    fn turn(&mut self, span: Span, update: &Update<'_, A>);
}

/// The vectors of a join in the basis of its blocks.
pub(super) struct Update<'a, A> {
    pub(super) arch: pulp::Arch,
    pub(super) axis: A,
    /// Columns that take part, in the order of their poles.
    pub(super) kept: &'a [usize],
    /// Columns that are vectors already.
    pub(super) settled: &'a [usize],
    /// For each place where its column comes from: of those kept, then of those settled.
    pub(super) places: &'a [usize],
    pub(super) poles: &'a [f64],
    pub(super) roots: &'a Roots,
}

/// The first and the last row of each block's basis: all that values without vectors ask for, O(n) numbers.
pub(super) struct Edges {
    first: Vec<f64>,
    last: Vec<f64>,
}

impl Edges {
    pub(super) fn new(columns: usize) -> Self {
        Self {
            first: vec![0.0; columns],
            last: vec![0.0; columns],
        }
    }

    /// Columns of the whole.
    pub(super) fn columns(&self) -> usize {
        self.first.len()
    }

    /// Takes those of a solved block whose first column is `first`.
    pub(super) fn set(&mut self, first: usize, columns: usize, rows: impl Fn(usize) -> (f64, f64)) {
        for j in 0..columns {
            (self.first[first + j], self.last[first + j]) = rows(j);
        }
    }
}

impl<A: Axis> Basis<A> for Edges {
    fn meet(&mut self, Span { first, rows, split }: Span) -> Vec<f64> {
        let (upper, lower) = (first..first + split, first + split..first + rows);
        let z = [&self.last[upper.clone()], &self.first[lower.clone()]].concat();
        // Beyond its own part a column has zeros.
        self.last[upper].fill(0.0);
        self.first[lower].fill(0.0);
        z
    }

    fn rotate(&mut self, span: Span, (i, j): (usize, usize), (c, s): (f64, f64)) {
        let (i, j) = (span.first + i, span.first + j);
        for row in [&mut self.first, &mut self.last] {
            (row[i], row[j]) = (c * row[i] + s * row[j], c * row[j] - s * row[i]);
        }
    }

    fn turn(&mut self, span: Span, update: &Update<'_, A>) {
        let own = |row: &[f64], columns: &[usize]| -> Vec<f64> {
            columns.iter().map(|&j| row[span.first + j]).collect()
        };
        let kept = [&self.first, &self.last].map(|row| own(row, update.kept));
        let turned = update.arch.dispatch(TurnRows {
            axis: update.axis,
            roots: update.roots,
            poles: update.poles,
            rows: kept.each_ref().map(Vec::as_slice),
        });
        for (row, mut turned) in [&mut self.first, &mut self.last].into_iter().zip(turned) {
            turned.extend(own(row, update.settled));
            for (j, &from) in update.places.iter().enumerate() {
                row[span.first + j] = turned[from];
            }
        }
    }
}

/// The parts of a block in which each column has entries: its own, and after a rotation those of both.
///
/// Most columns of a join have zeros in one of its parts. Ordered by their parts, the product of all vectors falls into
/// two of half the height, which meet no zeros. It is O(n³), and all else in a join O(n²).
pub(super) struct Reach(Vec<[bool; 2]>);

impl Reach {
    /// Columns before `upper` reach into the upper part, from `lower` on into the lower one.
    pub(super) fn new(columns: usize, upper: usize, lower: usize) -> Self {
        Self((0..columns).map(|j| [j < upper, j >= lower]).collect())
    }

    /// Columns i and j have been turned into each other.
    pub(super) fn unite(&mut self, i: usize, j: usize) {
        let both = [self.0[i][0] | self.0[j][0], self.0[i][1] | self.0[j][1]];
        (self.0[i], self.0[j]) = (both, both);
    }
}

/// The order of the rows of an update that puts columns of like reach together.
pub(super) struct Rows {
    /// Places in the list of columns that take part.
    pub(super) order: Vec<usize>,
    /// Rows that meet entries of the upper part come before this,
    upper: usize,
    /// and those that meet entries of the lower part from this on.
    lower: usize,
}

impl Rows {
    pub(super) fn new(kept: &[usize], reach: &Reach) -> Self {
        let mut order: Vec<usize> = (0..kept.len()).collect();
        order.sort_by_key(|&row| match reach.0[kept[row]] {
            [true, false] => 0,
            [true, true] => 1,
            _ => 2,
        });
        let count = |part: usize| kept.iter().filter(|&&j| reach.0[j][part]).count();
        Self {
            upper: count(0),
            lower: kept.len() - count(1),
            order,
        }
    }

    /// A list in the order of the columns that take part, in this one.
    pub(super) fn ordered(&self, list: &[f64]) -> Vec<f64> {
        self.order.iter().map(|&row| list[row]).collect()
    }
}

/// Columns xᵢ, xⱼ of a block become c xᵢ + s xⱼ and c xⱼ − s xᵢ.
pub(super) fn rotate(
    vectors: MatMut<'_, f64>,
    span: Span,
    (i, j): (usize, usize),
    (c, s): (f64, f64),
) {
    let (first, rows) = (span.first, span.rows);
    let (x, y) = vectors.two_cols_mut(first + i, first + j);
    let (x, y) = (x.subrows_mut(first, rows), y.subrows_mut(first, rows));
    for (x, y) in x.iter_mut().zip(y.iter_mut()) {
        let old = *x;
        *x = c * old + s * *y;
        *y = c * *y - s * old;
    }
}

/// The columns of a block that take part, times the update, into `joined`: without the rows of the update that meet
/// zeros of the upper or of the lower part.
pub(super) fn multiply(
    vectors: MatRef<'_, f64>,
    span: Span,
    kept: &[usize],
    rows: &Rows,
    update: &[f64],
    gathered: &mut [f64],
    joined: &mut [f64],
) {
    let k = kept.len();
    let update = MatRef::from_column_major_slice(&update[..k * k], k, k);
    let mut joined =
        MatMut::from_column_major_slice_mut(&mut joined[..span.rows * k], span.rows, k);
    for (meet, within) in [
        (0..rows.upper, 0..span.split),
        (rows.lower..k, span.split..span.rows),
    ] {
        let (height, width) = (within.len(), meet.len());
        let gathered = &mut gathered[..height * width];
        let columns = gathered.chunks_exact_mut(height);
        for (&row, column) in rows.order[meet.clone()].iter().zip(columns) {
            let from = vectors.col(span.first + kept[row]);
            let from = from.subrows(span.first + within.start, height);
            column
                .iter_mut()
                .zip(from.iter())
                .for_each(|(to, from)| *to = *from);
        }
        matmul(
            joined.as_mut().subrows_mut(within.start, height),
            Accum::Replace,
            MatRef::from_column_major_slice(gathered, height, width),
            update.subrows(meet.start, width),
            1.0,
            Par::Seq,
        );
    }
}

/// Puts the joined columns and the settled ones, which follow them in `places`, where their values belong.
pub(super) fn put_back(
    mut vectors: MatMut<'_, f64>,
    span: Span,
    settled: &[usize],
    places: &[usize],
    joined: &mut [f64],
) {
    let (first, rows) = (span.first, span.rows);
    let k = places.len() - settled.len();
    for (&from, to) in settled
        .iter()
        .zip(joined[k * rows..].chunks_exact_mut(rows))
    {
        let column = vectors.as_ref().col(first + from).subrows(first, rows);
        to.iter_mut()
            .zip(column.iter())
            .for_each(|(to, from)| *to = *from);
    }
    for (j, &from) in places.iter().enumerate() {
        let column = vectors.as_mut().col_mut(first + j).subrows_mut(first, rows);
        let joined = &joined[from * rows..][..rows];
        column
            .iter_mut()
            .zip(joined)
            .for_each(|(to, from)| *to = *from);
    }
}
