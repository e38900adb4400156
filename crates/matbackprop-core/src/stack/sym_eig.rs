//! Eigenvalues and eigenvectors of many symmetric matrices.

use super::eigen_group::{group_eigen_refined, registers_for_eigen};
use super::group::{Done, Group, scaled_symmetric};
use super::matrix_function::{column, list, square};
use super::precision::{closed_up_to, keep_moderate, moderate_lanes};
use super::room::Room;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::view::{Number, StackMut};
use crate::error::Result;
use crate::gap::GapPolicy;
use crate::lanes::{
    LARGEST, LaneNumber, Part, Rows, RowsMut, Width, finite_lanes, open_gaps, over_gaps, product,
    stride_of, transpose,
};
use crate::spectral::SymEig;
use crate::symmetric::symmetry_tolerance;
use faer::{Mat, MatRef};

const OP: &str = "symmetric eigendecomposition";

/// [`SymEig`] of every matrix of a stack: A = V Λ Vᵀ.
///
/// # Shapes
/// Input n × n; outputs λ, n × 1, nondecreasing, and V, n × n. Kept: the same in 64 bits.
///
/// # Errors
/// Those of [`SymEig`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SymEigRule {
    /// The meaning of a closed gap.
    pub gaps: GapPolicy,
}

impl StackRule for SymEigRule {
    const IN_SINGLE: bool = true;

    fn op(&self) -> &'static str {
        OP
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(OP, inputs[0])?;
        let shapes = vec![(n, 1), (n, n)];
        Ok(Shapes {
            outputs: shapes.clone(),
            kept: shapes,
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let eigen = SymEig::forward(inputs[0], self.gaps)?;
        let outputs = vec![column(eigen.values()), eigen.vectors().to_owned()];
        Ok(Forward {
            kept: outputs.clone(),
            outputs,
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let values_bar = bars[0].map(list);
        Ok(vec![
            self.restored(saved)?.vjp(values_bar.as_deref(), bars[1])?,
        ])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let n = saved.kept[0].nrows();
        let Some(dot) = dots[0] else {
            return Ok(vec![Mat::zeros(n, 1), Mat::zeros(n, n)]);
        };
        let tangent = self.restored(saved)?.jvp(dot)?;
        Ok(vec![column(&tangent.values), tangent.vectors])
    }

    fn in_registers(&self, inputs: &[Shape]) -> Option<Shape> {
        let known = self.gaps.closed_up_to().is_some();
        (inputs[0].0 <= LARGEST && known).then_some(inputs[0])
    }

    fn forward_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Done {
        let (width, n) = (group.width, group.inputs[0].shape().0);
        let Some(closed) = self.gaps.closed_up_to() else {
            return Done::NONE;
        };
        let stride = stride_of(n);
        let matrices = if A::IS_SINGLE { 4 } else { 1 };
        let mut room = Room::new(width, matrices * n * stride + registers_for_eigen(n));
        let mut space = room.space();
        let a = space.take(n * stride);
        group.pack(group.inputs[0], a, stride);
        let scaled = scaled_symmetric(width, n, a, symmetry_tolerance(n, T::EPSILON));
        // In 64 bits gaps are known without it.
        let refined = A::IS_SINGLE.then(|| [(); 3].map(|()| space.take(n * stride)));
        let refined = refined.map(|[copy, first, second]| {
            copy.copy_from_slice(a);
            [copy, first, second]
        });
        let Some(eigen) = group_eigen_refined((width, n), a, refined, &mut space) else {
            return Done::NONE;
        };
        let closed = closed_up_to::<A>(closed);
        let mut done = scaled.done.and(open_gaps(width, eigen.values, closed));
        let value = |lane: usize, k: usize| eigen.value(lane, k) * scaled.scale[lane];
        keep_moderate::<A>(&mut done, n, value);
        group.write_values(done, value, &mut outputs[0]);
        group.write_values(done, value, &mut kept[0]);
        group.unpack(done, eigen.vectors, stride, &mut outputs[1]);
        group.unpack(done, eigen.vectors, stride, &mut kept[1]);
        done
    }

    /// Ā = V (diag(λ̄) + K ∘ skew(VᵀV̄)) Vᵀ.
    fn vjp_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        x_bars: &mut [StackMut<'_, T>],
    ) -> Done {
        let (width, n) = (group.width, group.inputs[0].shape().0);
        let Some(closed) = self.gaps.closed_up_to() else {
            return Done::NONE;
        };
        let stride = stride_of(n);
        let mut room = Room::new(width, 4 * n * stride + 2 * n);
        let mut space = room.space();
        let [v, v_transposed, x, core] = [(); 4].map(|()| space.take(n * stride));
        let (values, values_bar) = (space.take(n), space.take(n));
        group.pack_spectrum(0, values);
        let closed = closed_up_to::<A>(closed);
        let mut done = group.lanes().and(open_gaps(width, values, closed));
        keep_moderate::<A>(&mut done, n, |lane, k| group.kept_value(0, lane, k));
        if done == Done::NONE {
            return done;
        }
        group.pack(group.kept[1], v, stride);
        let cube = (n, n, n);
        match group.bars[1] {
            None => core.fill(A::rounded(0.0)),
            Some(bar) => {
                // VᵀV̄ from the rows of Vᵀ and of V̄ᵀ.
                transpose(
                    width,
                    (n, n),
                    Rows::new(v, stride),
                    RowsMut::new(v_transposed, stride),
                );
                group.pack(bar.transpose(), x, stride);
                done = done.and(moderate_lanes(width, (n, n), x));
                let (left, right) = (Rows::new(v_transposed, stride), Rows::new(x, stride));
                product(
                    width,
                    cube,
                    left,
                    right,
                    Part::Whole,
                    RowsMut::new(core, stride),
                );
                over_gaps(width, n, values, core);
            }
        }
        match group.bars[0] {
            None => values_bar.fill(A::rounded(0.0)),
            Some(bar) => {
                group.pack(bar, values_bar, 1);
                done = done.and(moderate_lanes(width, (n, 1), values_bar));
            }
        }
        write_diagonal((width, n), values_bar, core);
        let v = Rows::new(v, stride);
        product(
            width,
            cube,
            v,
            Rows::new(core, stride),
            Part::Whole,
            RowsMut::new(x, stride),
        );
        product(
            width,
            cube,
            Rows::new(x, stride),
            v,
            Part::Symmetric,
            RowsMut::new(core, stride),
        );
        let done = done.and(finite_lanes(width, (n, n), core));
        group.unpack(done, core, stride, &mut x_bars[0]);
        done
    }
}

impl SymEigRule {
    fn restored(&self, saved: Saved<'_>) -> Result<SymEig> {
        SymEig::from_eigenpairs(list(saved.kept[0]), saved.kept[1].to_owned(), self.gaps)
    }
}

/// Writes the diagonal of n × n matrices in registers.
pub(super) fn write_diagonal<A: LaneNumber>(
    (width, n): (Width<A>, usize),
    values: &[A],
    matrix: &mut [A],
) {
    for i in 0..n {
        let place = i * (stride_of(n) + 1) * width.numbers();
        matrix[place..place + width.numbers()]
            .copy_from_slice(&values[i * width.numbers()..][..width.numbers()]);
    }
}
