//! Moving the vectors of two solved blocks into the basis of their join.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Rows and columns of the block that is joined, in the matrix of all vectors; its upper part has `split` rows.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) split: usize,
}

/// The parts of a block in which each column has entries: its own, and after a rotation those of both.
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
        let kept = *x;
        *x = c * kept + s * *y;
        *y = c * *y - s * kept;
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
