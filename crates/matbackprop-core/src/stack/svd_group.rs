//! Singular values and vectors of a group of matrices, and the way back through L M Rᵀ.

use super::group::{Done, Group, Scaled, scaled_to_one};
use super::precision::lanes_of_known_sums;
use super::room::Space;
use super::view::{Number, StackMut};
use crate::lanes::{
    First, LaneNumber, Part, Rows, RowsMut, Vectors, Width, eigen, normalise, orthogonalise,
    product, scratch_for_eigen, sort, stride_of, transpose,
};

/// The most rows of a tall matrix, or columns of a wide one, in registers.
pub(super) const MOST_ROWS: usize = 128;

/// Singular vectors of a group of tall matrices, or of the transposes of wide ones: A = L Σ Rᵀ, m × n with m ≥ n.
pub(super) struct GroupSvd<'a, A> {
    width: Width<A>,
    pub(super) m: usize,
    pub(super) n: usize,
    tall: bool,
    /// Lᵀ, row after row.
    pub(super) left_transposed: &'a mut [A],
    /// Rᵀ, row after row.
    pub(super) right_transposed: &'a mut [A],
    /// Lanes with positive singular values, and their powers of two.
    pub(super) scaled: Scaled,
    /// σ / scale, nonincreasing.
    pub(super) values: &'a mut [A],
}

/// From this side on, eigenvectors of AᵀA come first: then one sweep of rotations is left of seven.
const EIGENVECTORS_FIRST: usize = 6;

/// Registers that [`group_svd`] takes.
pub(super) const fn registers_for_svd(m: usize, n: usize) -> usize {
    let results = n * stride_of(m) + n * stride_of(n) + 2 * n;
    results + (m + 2 * n) * stride_of(n) + n + scratch_for_eigen(n)
}

/// Decomposes the input of a group; `None` where a lane does not converge.
pub(super) fn group_svd<'a, T: Number, A: LaneNumber>(
    group: &Group<'_, T, A>,
    space: &mut Space<'a, A>,
) -> Option<GroupSvd<'a, A>> {
    let (width, (rows, columns)) = (group.width, group.inputs[0].shape());
    let tall = rows >= columns;
    let (m, n) = (rows.max(columns), rows.min(columns));
    let long = stride_of(m);
    let left_transposed = space.take(n * long);
    let right_transposed = space.take(n * stride_of(n));
    let [squares, values] = [(); 2].map(|()| space.take(n));
    // Row j holds column j of the tall matrix.
    let input = group.inputs[0];
    let columns_first = if tall { input.transpose() } else { input };
    group.pack(columns_first, left_transposed, long);
    let mut scaled = scaled_to_one(width, (n, m), left_transposed);
    if n < EIGENVECTORS_FIRST
        || !nearly_orthogonal(width, (m, n), left_transposed, right_transposed, space)
    {
        right_transposed.fill(A::rounded(0.0));
        for j in 0..n {
            right_transposed[j * (stride_of(n) + 1) * width.numbers()..][..width.numbers()]
                .fill(A::rounded(1.0));
        }
    }
    if !orthogonalise(width, (m, n), left_transposed, right_transposed, squares) {
        return None;
    }
    normalise(width, (m, n), left_transposed, squares, values);
    let [left, right] =
        [(&mut *left_transposed, m), (&mut *right_transposed, n)].map(|(numbers, len)| Vectors {
            numbers,
            apart: stride_of(len),
            step: 1,
            len,
        });
    sort(width, First::Largest, values, [left, right]);
    let smallest = &values[(n - 1) * width.numbers()..];
    let positive =
        std::array::from_fn(|lane| smallest.get(lane).is_some_and(|x| x.widened() > 0.0));
    scaled.done = scaled.done.and(positive);
    Some(GroupSvd {
        width,
        m,
        n,
        tall,
        left_transposed,
        right_transposed,
        scaled,
        values,
    })
}

/// A ← A V with the eigenvectors V of AᵀA, whose columns are orthogonal up to the square of A's condition; Vᵀ, row after row.
/// `false`, and nothing is changed, where a lane does not converge.
fn nearly_orthogonal<A: LaneNumber>(
    width: Width<A>,
    (m, n): (usize, usize),
    columns: &mut [A],
    v_transposed: &mut [A],
    space: &mut Space<'_, A>,
) -> bool {
    let (long, stride) = (stride_of(m), stride_of(n));
    let [gram, v] = [(); 2].map(|()| space.take(n * stride));
    let (values, scratch, rows) = (
        space.take(n),
        space.take(scratch_for_eigen(n)),
        space.take(m * stride),
    );
    let of_columns = Rows::new(columns, long);
    product(
        width,
        (n, m, n),
        of_columns,
        of_columns,
        Part::Symmetric,
        RowsMut::new(gram, stride),
    );
    if !eigen(width, n, gram, v, values, scratch) {
        return false;
    }
    transpose(width, (n, m), of_columns, RowsMut::new(rows, stride));
    transpose(
        width,
        (n, n),
        Rows::new(v, stride),
        RowsMut::new(v_transposed, stride),
    );
    let (turned, rows) = (Rows::new(v_transposed, stride), Rows::new(rows, stride));
    product(
        width,
        (n, n, m),
        turned,
        rows,
        Part::Whole,
        RowsMut::new(columns, long),
    );
    true
}

impl<A: LaneNumber> GroupSvd<'_, A> {
    /// The k-th largest singular value of a lane, over its scale.
    pub(super) fn value(&self, lane: usize, k: usize) -> f64 {
        self.values[k * self.width.numbers() + lane].widened()
    }

    /// The k-th largest singular value of a lane.
    pub(super) fn true_value(&self, lane: usize, k: usize) -> f64 {
        self.value(lane, k) * self.scaled.scale[lane]
    }

    /// Lanes whose smallest singular value passes this share of the largest, and whose values are known well enough.
    pub(super) fn lanes_of_full_rank(&self, share: f64) -> Done {
        let full = Done::from_fn(|lane| {
            self.scaled.done.contains(lane)
                && self.value(lane, self.n - 1) > share * self.value(lane, 0)
        });
        let value = |lane: usize, k: usize| self.true_value(lane, k);
        lanes_of_known_sums::<A>(full, (self.m, self.n), value)
    }

    /// Writes U and V of lanes that are done into the first and the third of three stacks.
    pub(super) fn write_vectors<T: Number, N: Number>(
        &self,
        group: &Group<'_, T, A>,
        done: Done,
        stacks: &mut [StackMut<'_, N>],
    ) {
        let (left, right) = if self.tall { (0, 2) } else { (2, 0) };
        let (of_left, of_right) = (&*self.left_transposed, &*self.right_transposed);
        let (long, stride) = (stride_of(self.m), stride_of(self.n));
        // Columns lie in rows: the stacks are written transposed.
        let mut written = |which: usize, numbers: &[A], stride| {
            let mut stack = stacks[which].reborrow().transpose();
            group.unpack(done, numbers, stride, &mut stack);
        };
        written(left, of_left, long);
        written(right, of_right, stride);
    }
}

/// Factors of a group on the way back: A = L Σ Rᵀ, m × n with m ≥ n; of a wide matrix L is V, and R is U.
pub(super) struct GroupFactors<'a, A> {
    pub(super) tall: bool,
    pub(super) m: usize,
    pub(super) n: usize,
    /// L, row after row.
    left: &'a mut [A],
    /// Lᵀ, row after row.
    pub(super) left_transposed: &'a mut [A],
    /// R, row after row.
    right: &'a mut [A],
    /// Rᵀ, row after row.
    pub(super) right_transposed: &'a mut [A],
    /// σ.
    pub(super) values: &'a mut [A],
}

/// Registers that [`kept_factors`] takes, and then [`back_to_matrix`].
pub(super) const fn registers_for_factors(m: usize, n: usize) -> usize {
    3 * m * stride_of(n) + n * stride_of(m) + 3 * n * stride_of(n) + n
}

/// Lanes of which forward kept singular values like those of [`GroupSvd::lanes_of_full_rank`].
pub(super) fn kept_lanes_of_full_rank<T: Number, A: LaneNumber>(
    group: &Group<'_, T, A>,
    share: f64,
) -> Done {
    let (rows, columns) = group.inputs[0].shape();
    let (m, n) = (rows.max(columns), rows.min(columns));
    let value = |lane: usize, k: usize| group.kept_value(1, lane, k);
    let full = |lane: usize| value(lane, n - 1) > share * value(lane, 0);
    let mut done = group.lanes();
    done.retain(full);
    lanes_of_known_sums::<A>(done, (m, n), value)
}

/// U, σ and V as forward kept them.
pub(super) fn kept_factors<'a, T: Number, A: LaneNumber>(
    group: &Group<'_, T, A>,
    space: &mut Space<'a, A>,
) -> GroupFactors<'a, A> {
    let (width, (rows, columns)) = (group.width, group.inputs[0].shape());
    let tall = rows >= columns;
    let (m, n) = (rows.max(columns), rows.min(columns));
    let (long, stride) = (stride_of(m), stride_of(n));
    let factors = GroupFactors {
        tall,
        m,
        n,
        left: space.take(m * stride),
        left_transposed: space.take(n * long),
        right: space.take(n * stride),
        right_transposed: space.take(n * stride),
        values: space.take(n),
    };
    let (left, right) = if tall { (0, 2) } else { (2, 0) };
    group.pack(group.kept[left], factors.left, stride);
    group.pack(group.kept[right], factors.right, stride);
    group.pack_spectrum(1, factors.values);
    let of_left = RowsMut::new(factors.left_transposed, long);
    transpose(width, (m, n), Rows::new(factors.left, stride), of_left);
    let of_right = RowsMut::new(factors.right_transposed, stride);
    transpose(width, (n, n), Rows::new(factors.right, stride), of_right);
    factors
}

/// Ā of the tall frame: L M Rᵀ + (I − LLᵀ) Z Σ⁻¹ Rᵀ, m × n, row after row.
///
/// `core` holds M, and is used up. `outside` holds Z, m × n, and LᵀZ, where there are rows beyond n and Z is not zero.
pub(super) fn back_to_matrix<'a, A: LaneNumber>(
    width: Width<A>,
    factors: &GroupFactors<'_, A>,
    core: &mut [A],
    outside: Option<(&[A], &[A])>,
    space: &mut Space<'a, A>,
) -> &'a mut [A] {
    let (m, n) = (factors.m, factors.n);
    let stride = stride_of(n);
    let (result, between) = (space.take(m * stride), space.take(n * stride));
    let row = |i: usize| i * stride * width.numbers()..(i * stride + n) * width.numbers();
    if let Some((_, inner)) = outside {
        // L (M − LᵀZ Σ⁻¹) Rᵀ + Z Σ⁻¹ Rᵀ.
        for i in 0..n {
            let quotients = inner[row(i)].iter().zip(&*factors.values);
            for (core, (x, value)) in core[row(i)].iter_mut().zip(quotients) {
                *core -= *x / *value;
            }
        }
    }
    let (left, right) = (
        Rows::new(factors.left, stride),
        Rows::new(factors.right, stride),
    );
    let core = Rows::new(core, stride);
    product(
        width,
        (n, n, n),
        right,
        core,
        Part::Whole,
        RowsMut::new(between, stride),
    );
    let turned = Rows::new(between, stride);
    product(
        width,
        (m, n, n),
        left,
        turned,
        Part::Whole,
        RowsMut::new(result, stride),
    );
    if let Some((z, _)) = outside {
        for i in 0..n {
            let quotients = factors.right[row(i)].iter().zip(&*factors.values);
            for (place, (x, value)) in between[row(i)].iter_mut().zip(quotients) {
                *place = *x / *value;
            }
        }
        let beyond = space.take(m * stride);
        let (z, over_values) = (Rows::new(z, stride), Rows::new(between, stride));
        product(
            width,
            (m, n, n),
            z,
            over_values,
            Part::Whole,
            RowsMut::new(beyond, stride),
        );
        for i in 0..m {
            for (x, beyond) in result[row(i)].iter_mut().zip(&beyond[row(i)]) {
                *x += *beyond;
            }
        }
    }
    result
}
