//! Singular values and vectors of many matrices.

use super::group::{Done, Group};
use super::matrix_function::{column, list};
use super::precision::{closed_up_to, moderate_lanes};
use super::room::Room;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::svd_group::{
    MOST_ROWS, back_to_matrix, group_svd, kept_factors, kept_lanes_of_full_rank,
    registers_for_factors, registers_for_svd,
};
use super::sym_eig::write_diagonal;
use super::view::{Number, StackMut};
use crate::error::{Error, Result};
use crate::gap::GapPolicy;
use crate::lanes::{
    LARGEST, LaneNumber, Part, Rows, RowsMut, finite_lanes, open_gaps, over_pairs, product,
    stride_of,
};
use crate::spectral::ThinSvd;
use faer::{Mat, MatRef};

const OP: &str = "thin SVD";

/// Matrices with smaller singular values, relative to the largest, are left to the rule for one matrix.
const SMALLEST: f64 = 1e-13;

/// [`ThinSvd`] of every matrix of a stack: A = U Σ Vᵀ.
///
/// # Shapes
/// Input m × n; outputs U, m × r, σ, r × 1, nonincreasing, and V (not Vᵀ), n × r, with r = min(m, n). Kept: the same in 64
/// bits.
///
/// # Errors
/// Those of [`ThinSvd`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ThinSvdRule {
    /// The meaning of a closed gap.
    pub gaps: GapPolicy,
}

impl StackRule for ThinSvdRule {
    const IN_SINGLE: bool = true;

    fn op(&self) -> &'static str {
        OP
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(OP, inputs[0])?;
        let r = m.min(n);
        let shapes = vec![(m, r), (r, 1), (n, r)];
        Ok(Shapes {
            outputs: shapes.clone(),
            kept: shapes,
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let svd = ThinSvd::forward(inputs[0], self.gaps)?;
        let values = column(svd.singular_values());
        let outputs = vec![svd.u().to_owned(), values, svd.v().to_owned()];
        Ok(Forward {
            kept: outputs.clone(),
            outputs,
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let values_bar = bars[1].map(list);
        let svd = self.restored(saved)?;
        Ok(vec![svd.vjp(bars[0], values_bar.as_deref(), bars[2])?])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let Some(dot) = dots[0] else {
            let zeros = |x: &MatRef<'_, f64>| Mat::zeros(x.nrows(), x.ncols());
            return Ok(saved.kept.iter().map(zeros).collect());
        };
        let tangent = self.restored(saved)?.jvp(dot)?;
        Ok(vec![tangent.u, column(&tangent.singular_values), tangent.v])
    }

    fn in_registers(&self, inputs: &[Shape]) -> Option<Shape> {
        let known = self.gaps.closed_up_to().is_some();
        (fits(inputs[0]) && known).then_some(inputs[0])
    }

    fn forward_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Done {
        let (m, n) = group.inputs[0].shape();
        let Some(closed) = self.gaps.closed_up_to() else {
            return Done::NONE;
        };
        let width = group.width;
        let mut room = Room::new(width, registers_for_svd(m.max(n), m.min(n)));
        let Some(svd) = group_svd(group, &mut room.space()) else {
            return Done::NONE;
        };
        let share = closed.max(SMALLEST);
        let closed = closed_up_to::<A>(closed);
        let full = svd.lanes_of_full_rank(share);
        let done = full.and(open_gaps(width, svd.values, closed));
        let value = |lane: usize, k: usize| svd.true_value(lane, k);
        group.write_values(done, value, &mut outputs[1]);
        group.write_values(done, value, &mut kept[1]);
        svd.write_vectors(group, done, outputs);
        svd.write_vectors(group, done, kept);
        done
    }

    /// Ā = U (diag(σ̄) + K ∘ (A + B) + H ∘ (A − B)) Vᵀ and the part beyond U, with A = skew(UᵀŪ), B = skew(VᵀV̄).
    fn vjp_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        x_bars: &mut [StackMut<'_, T>],
    ) -> Done {
        let (width, (rows, columns)) = (group.width, group.inputs[0].shape());
        let Some(closed) = self.gaps.closed_up_to() else {
            return Done::NONE;
        };
        let (m, n) = (rows.max(columns), rows.min(columns));
        let (long, stride) = (stride_of(m), stride_of(n));
        let more = n * long + 3 * n * stride + m * stride + n;
        let mut room = Room::new(width, registers_for_factors(m, n) + more);
        let mut space = room.space();
        let factors = kept_factors(group, &mut space);
        let share = closed.max(SMALLEST);
        let full = kept_lanes_of_full_rank(group, share);
        let open = open_gaps(width, factors.values, closed_up_to::<A>(closed));
        let mut done = full.and(open);
        if done == Done::NONE {
            return done;
        }
        let [core, other, inner] = [(); 3].map(|()| space.take(n * stride));
        let (bar_transposed, z) = (space.take(n * long), space.take(m * stride));
        let values_bar = space.take(n);
        let (left_bar, right_bar) = match factors.tall {
            true => (group.bars[0], group.bars[2]),
            false => (group.bars[2], group.bars[0]),
        };
        core.fill(A::rounded(0.0));
        other.fill(A::rounded(0.0));
        if let Some(bar) = left_bar {
            group.pack(bar.transpose(), bar_transposed, long);
            let left = Rows::new(factors.left_transposed, long);
            let bar = Rows::new(bar_transposed, long);
            product(
                width,
                (n, m, n),
                left,
                bar,
                Part::Whole,
                RowsMut::new(core, stride),
            );
            inner.copy_from_slice(core);
            done = done.and(moderate_lanes(width, (n, m), bar_transposed));
        }
        if let Some(bar) = right_bar {
            group.pack(bar.transpose(), bar_transposed, stride);
            let right = Rows::new(factors.right_transposed, stride);
            let bar = Rows::new(bar_transposed, stride);
            product(
                width,
                (n, n, n),
                right,
                bar,
                Part::Whole,
                RowsMut::new(other, stride),
            );
        }
        if right_bar.is_some() {
            done = done.and(moderate_lanes(width, (n, n), bar_transposed));
        }
        if left_bar.is_some() || right_bar.is_some() {
            over_pairs(width, n, factors.values, core, other);
        }
        if let Some(bar) = group.bars[1] {
            group.pack(bar, values_bar, 1);
            done = done.and(moderate_lanes(width, (n, 1), values_bar));
            write_diagonal((width, n), values_bar, core);
        }
        let outside = left_bar.filter(|_| m > n).map(|bar| {
            group.pack(bar, z, stride);
            (&*z, &*inner)
        });
        let result = back_to_matrix(width, &factors, core, outside, &mut space);
        let done = done.and(finite_lanes(width, (m, n), result));
        let bar = x_bars[0].reborrow();
        let mut bar = if factors.tall { bar } else { bar.transpose() };
        group.unpack(done, result, stride, &mut bar);
        done
    }
}

impl ThinSvdRule {
    fn restored(&self, saved: Saved<'_>) -> Result<ThinSvd> {
        let (u, v) = (saved.kept[0].to_owned(), saved.kept[2].to_owned());
        ThinSvd::from_factors(u, list(saved.kept[1]), v, self.gaps)
    }
}

/// Does a matrix of this shape fit into registers?
pub(super) fn fits((m, n): Shape) -> bool {
    m.min(n) <= LARGEST && m.max(n) <= MOST_ROWS
}

/// The shape of a matrix that is not empty.
pub(super) fn not_empty(op: &'static str, (rows, columns): Shape) -> Result<Shape> {
    if rows == 0 || columns == 0 {
        return Err(Error::Empty { op, rows, columns });
    }
    Ok((rows, columns))
}
