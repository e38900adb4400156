//! Functions of many symmetric matrices.

use super::eigen_group::{group_eigen, registers_for_eigen, weighted_in_eigenbasis};
use super::group::{Done, Group, scaled_symmetric};
use super::precision::{keep_known, moderate_lanes};
use super::room::{Room, Space};
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::twice;
use super::view::{Number, StackMut};
use crate::error::{Error, Result};
use crate::function::{MatrixFunction, ScalarFunction};
use crate::lanes::{LARGEST, LaneNumber, finite_lanes, stride_of, symmetrise};
use crate::symmetric::symmetry_tolerance;
use faer::{Mat, MatRef};

const OP: &str = "function of a symmetric matrix";

/// [`MatrixFunction`] of every matrix of a stack: C = V f(Λ) Vᵀ.
///
/// # Shapes
/// Input and output n × n; kept λ, n × 1, nondecreasing, and V, n × n.
///
/// # Errors
/// Those of [`MatrixFunction`].
#[derive(Clone, Copy, Debug)]
pub struct MatrixFunctionRule<F>(pub F);

impl<F: ScalarFunction + Sync> StackRule for MatrixFunctionRule<F> {
    const IN_SINGLE: bool = true;

    fn op(&self) -> &'static str {
        OP
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(OP, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(n, n)],
            kept: vec![(n, 1), (n, n)],
        })
    }

    fn takes_symmetric(&self) -> bool {
        true
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let function = MatrixFunction::forward(inputs[0], &self.0)?;
        Ok(Forward {
            kept: vec![column(function.values()), function.vectors().to_owned()],
            outputs: vec![function.into_value()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        self.derivative(saved, bars[0])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        self.derivative(saved, dots[0])
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        twice((bars[0], a.shape()), (z[0], a.shape()), |bar, z| {
            let second = MatrixFunction::forward(a, &self.0)?.vjp_of_vjp(bar, z)?;
            Ok((second.c_bar_bar, second.a_bar))
        })
    }

    fn in_registers(&self, inputs: &[Shape]) -> Option<Shape> {
        (inputs[0].0 <= LARGEST).then_some(inputs[0])
    }

    fn forward_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Done {
        let (width, n) = (group.width, group.inputs[0].shape().0);
        let stride = stride_of(n);
        let mut room = Room::new(width, 2 * n * stride + n + registers_for_eigen(n));
        let mut space = room.space();
        let (a, result) = (space.take(n * stride), space.take(n * stride));
        let mapped = space.take(n);
        group.pack(group.inputs[0], a, stride);
        let scaled = scaled_symmetric(width, n, a, symmetry_tolerance(n, T::EPSILON));
        let Some(eigen) = group_eigen((width, n), a, &mut space) else {
            return Done::NONE;
        };
        let mut done = scaled.done;
        eigen.map(&self.0, &scaled.scale, &mut done, mapped);
        let value = |lane: usize, k: usize| eigen.value(lane, k) * scaled.scale[lane];
        keep_known::<A>(&mut done, n, &self.0, value);
        eigen.spectral_product(mapped, a, result);
        done = done.and(finite_lanes(width, (n, n), result));
        group.unpack(done, result, stride, &mut outputs[0]);
        group.write_values(done, value, &mut kept[0]);
        group.unpack(done, eigen.vectors, stride, &mut kept[1]);
        done
    }

    fn vjp_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        x_bars: &mut [StackMut<'_, T>],
    ) -> Done {
        let (width, n) = (group.width, group.inputs[0].shape().0);
        let Some(bar) = group.bars[0] else {
            return Done::NONE;
        };
        let stride = stride_of(n);
        let registers = 2 * n * stride + registers_for_way_back(n);
        let mut room = Room::with_list(width, registers, n);
        let (mut space, values) = room.space_and_list();
        let (s, v) = (space.take(n * stride), space.take(n * stride));
        group.pack(bar, s, stride);
        group.pack(group.kept[1], v, stride);
        let done = back_through_function(&self.0, group, (values, v), s, &mut space);
        group.unpack(done, s, stride, &mut x_bars[0]);
        done
    }
}

impl<F: ScalarFunction> MatrixFunctionRule<F> {
    fn derivative(
        &self,
        saved: Saved<'_>,
        given: Option<MatRef<'_, f64>>,
    ) -> Result<Vec<Mat<f64>>> {
        let (values, vectors) = (list(saved.kept[0]), saved.kept[1]);
        let Some(given) = given else {
            return Ok(vec![Mat::zeros(vectors.nrows(), vectors.ncols())]);
        };
        let function = MatrixFunction::from_eigenpairs(values, vectors.to_owned(), &self.0);
        Ok(vec![function.vjp(given)?])
    }
}

/// Registers that [`back_through_function`] takes.
pub(super) const fn registers_for_way_back(n: usize) -> usize {
    2 * n * stride_of(n) + n * n
}

/// S ← V (P ∘ (Vᵀ sym(S) V)) Vᵀ with the divided differences P of f at the spectra that were kept, for which `values` is room.
pub(super) fn back_through_function<T: Number, A: LaneNumber>(
    f: &impl ScalarFunction,
    group: &Group<'_, T, A>,
    (values, v): (&mut [f64], &[A]),
    s: &mut [A],
    space: &mut Space<'_, A>,
) -> Done {
    let (width, n) = (group.width, group.kept[0].shape().0);
    let facts = symmetrise(width, n, s);
    let mut done = group.with_finite_spectrum(0).and(facts.finite);
    done = done.and(moderate_lanes(width, (n, n), s));
    keep_known::<A>(&mut done, n, f, |lane, k| group.kept_value(0, lane, k));
    if done == Done::NONE {
        return done;
    }
    group.pack_spectrum(0, values);
    weighted_in_eigenbasis((width, n), &mut done, v, s, space, (f, values));
    done.and(finite_lanes(width, (n, n), s))
}

/// The side of a square matrix that is not empty.
pub(super) fn square(op: &'static str, (rows, columns): Shape) -> Result<usize> {
    if rows != columns {
        return Err(Error::NotSquare { op, rows, columns });
    }
    if rows == 0 {
        return Err(Error::Empty { op, rows, columns });
    }
    Ok(rows)
}

/// A list as a matrix of one column.
pub(super) fn column(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), 1, |i, _| values[i])
}

/// A matrix of one column as a list.
pub(super) fn list(column: MatRef<'_, f64>) -> Vec<f64> {
    column.col(0).iter().copied().collect()
}
