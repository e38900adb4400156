//! Eigenvalues and eigenvectors of a group of symmetric matrices, and the way back through V M Vᵀ.

use super::group::Done;
use super::precision::is_within_range;
use super::room::Space;
use crate::function::ScalarFunction;
use crate::lanes::{
    First, LaneNumber, Part, Rows, RowsMut, Vectors, WIDEST, Width, eigen, facts_of, product,
    refine, scratch_for_eigen, sort, stride_of, times_columns, times_entries, transpose,
};

/// Eigenvalues and eigenvectors of a group, in registers.
pub(super) struct GroupEigen<'a, A> {
    width: Width<A>,
    n: usize,
    /// λ / scale, nondecreasing.
    pub(super) values: &'a mut [A],
    /// V, row after row.
    pub(super) vectors: &'a mut [A],
}

/// Registers that [`group_eigen`] takes beside those of the matrix.
pub(super) const fn registers_for_eigen(n: usize) -> usize {
    n * stride_of(n) + n + scratch_for_eigen(n)
}

/// A = V Λ Vᵀ for a group of matrices of order one, which are used up; `None` where a lane does not converge.
pub(super) fn group_eigen<'a, A: LaneNumber>(
    size: (Width<A>, usize),
    a: &mut [A],
    space: &mut Space<'a, A>,
) -> Option<GroupEigen<'a, A>> {
    group_eigen_refined(size, a, None, space)
}

/// The same, with a step of refinement where three matrices of room are given for it, of which the first is a copy of A: lanes
/// with a closed gap are not right then.
pub(super) fn group_eigen_refined<'a, A: LaneNumber>(
    (width, n): (Width<A>, usize),
    a: &mut [A],
    refined: Option<[&mut [A]; 3]>,
    space: &mut Space<'a, A>,
) -> Option<GroupEigen<'a, A>> {
    let vectors = space.take(n * stride_of(n));
    let (values, scratch) = (space.take(n), space.take(scratch_for_eigen(n)));
    if !eigen(width, n, a, vectors, values, scratch) {
        return None;
    }
    if let Some([copy, first, second]) = refined {
        refine(width, n, copy, values, vectors, [a, first, second]);
    }
    let columns = Vectors {
        numbers: &mut *vectors,
        apart: 1,
        step: stride_of(n),
        len: n,
    };
    sort(width, First::Smallest, values, [columns]);
    Some(GroupEigen {
        width,
        n,
        values,
        vectors,
    })
}

impl<A: LaneNumber> GroupEigen<'_, A> {
    /// The k-th smallest eigenvalue of a lane, over its scale.
    pub(super) fn value(&self, lane: usize, k: usize) -> f64 {
        self.values[k * self.width.numbers() + lane].widened()
    }

    /// V diag(m) Vᵀ, by `scaled` for V diag(m).
    pub(super) fn spectral_product(&self, mapped: &[A], scaled: &mut [A], result: &mut [A]) {
        let (n, stride, width) = (self.n, stride_of(self.n), self.width);
        let v = Rows::new(self.vectors, stride);
        times_columns(width, (n, n), v, mapped, RowsMut::new(scaled, stride));
        let scaled = Rows::new(scaled, stride);
        product(
            width,
            (n, n, n),
            scaled,
            v,
            Part::Symmetric,
            RowsMut::new(result, stride),
        );
    }

    /// f of the eigenvalues of each lane, a register each; lanes that need a decision are taken out of `done`: those whose values
    /// are not finite, or whose eigenvalues lie within rounding of the edge of f's domain.
    pub(super) fn map(
        &self,
        f: &impl ScalarFunction,
        scale: &[f64; WIDEST],
        done: &mut Done,
        mapped: &mut [A],
    ) {
        let (edge, numbers) = (f.edge(), self.width.numbers());
        for lane in done.lanes() {
            let ends = [self.value(lane, 0), self.value(lane, self.n - 1)];
            let largest = scale[lane] * ends[0].abs().max(ends[1].abs());
            // Twice what the rule for one matrix takes for the edge.
            let reach = 2.0 * self.n as f64 * f64::EPSILON * largest;
            let mut usual = true;
            for k in 0..self.n {
                let place = k * numbers + lane;
                let value = scale[lane] * self.values[place].widened();
                mapped[place] = A::rounded(f.value(value));
                usual &= mapped[place].widened().is_finite();
                usual &= edge.is_none_or(|edge| (value - edge).abs() > reach);
            }
            if !usual {
                done.remove(lane);
            }
        }
        for lane in (0..numbers).filter(|&lane| !done.contains(lane)) {
            for k in 0..self.n {
                mapped[k * numbers + lane] = A::rounded(0.0);
            }
        }
    }
}

/// V (P ∘ (Vᵀ S V)) Vᵀ for symmetric S, into S, with the divided differences P of f at `values`.
///
/// `v` holds V row after row. Lanes whose P is not finite are taken out of `done`.
pub(super) fn weighted_in_eigenbasis<A: LaneNumber>(
    (width, n): (Width<A>, usize),
    done: &mut Done,
    v: &[A],
    s: &mut [A],
    space: &mut Space<'_, A>,
    (f, values): (&impl ScalarFunction, &[f64]),
) {
    let stride = stride_of(n);
    let (v_transposed, between) = (space.take(n * stride), space.take(n * stride));
    let weights = space.take(n * n);
    let cube = (n, n, n);
    transpose(
        width,
        (n, n),
        Rows::new(v, stride),
        RowsMut::new(v_transposed, stride),
    );
    let turned = Rows::new(v_transposed, stride);
    product(
        width,
        cube,
        turned,
        Rows::new(s, stride),
        Part::Whole,
        RowsMut::new(between, stride),
    );
    product(
        width,
        cube,
        Rows::new(between, stride),
        turned,
        Part::Symmetric,
        RowsMut::new(s, stride),
    );
    f.fill_differences_of_lists(width.numbers(), values, A::list(weights));
    let facts = facts_of(width, (1, n * n), weights);
    *done = done.and(facts.finite);
    done.retain(|lane| is_within_range::<A>(facts.half_largest[lane]));
    let weights = Rows::new(weights, n);
    times_entries(width, (n, n), RowsMut::new(s, stride), weights);
    product(
        width,
        cube,
        Rows::new(v, stride),
        Rows::new(s, stride),
        Part::Whole,
        RowsMut::new(between, stride),
    );
    product(
        width,
        cube,
        Rows::new(between, stride),
        Rows::new(v, stride),
        Part::Symmetric,
        RowsMut::new(s, stride),
    );
}
