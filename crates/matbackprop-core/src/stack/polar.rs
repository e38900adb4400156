//! Polar factors of many matrices.

use super::group::{Done, Group};
use super::matrix_function::{column, list};
use super::precision::moderate_lanes;
use super::room::Room;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::twice;
use super::svd_group::{
    back_to_matrix, group_svd, kept_factors, kept_lanes_of_full_rank, registers_for_factors,
    registers_for_svd,
};
use super::thin_svd::{fits, not_empty};
use super::view::{Number, StackMut, StackRef};
use crate::error::{Error, Result};
use crate::lanes::{
    LaneNumber, Part, Rows, RowsMut, finite_lanes, over_sums, product, stride_of, symmetrise,
    times_columns, times_lanes, transpose,
};
use crate::subspace::Polar;
use faer::{Mat, MatRef};

const OP: &str = "polar factors";

/// Matrices with smaller singular values, relative to the largest, are left to the rule for one matrix.
const SMALLEST: f64 = 1e-12;

/// [`Polar`] of every matrix of a stack: A = W H, or A = H W for wide A.
///
/// # Shapes
/// Input m × n; outputs W, m × n, and H, k × k, with k = min(m, n). Kept: U, m × k, σ, k × 1, and V, n × k.
///
/// # Errors
/// Those of [`Polar`].
#[derive(Clone, Copy, Debug, Default)]
pub struct PolarRule;

impl StackRule for PolarRule {
    const IN_SINGLE: bool = true;

    fn op(&self) -> &'static str {
        OP
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (m, n) = not_empty(OP, inputs[0])?;
        let k = m.min(n);
        Ok(Shapes {
            outputs: vec![(m, n), (k, k)],
            kept: vec![(m, k), (k, 1), (n, k)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let polar = Polar::forward(inputs[0])?;
        let (u, values, v) = polar.factors();
        Ok(Forward {
            outputs: vec![polar.w().to_owned(), polar.h().to_owned()],
            kept: vec![u.to_owned(), column(&values), v.to_owned()],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        Ok(vec![restored(saved)?.vjp(bars[0], bars[1])?])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let (u, v) = (saved.kept[0], saved.kept[2]);
        let Some(dot) = dots[0] else {
            let k = u.ncols();
            return Ok(vec![Mat::zeros(u.nrows(), v.nrows()), Mat::zeros(k, k)]);
        };
        let tangent = restored(saved)?.jvp(dot)?;
        Ok(vec![tangent.w, tangent.h])
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        if bars[1].is_some() {
            return Err(Error::CurvatureUnknown { op: OP });
        }
        let k = a.nrows().min(a.ncols());
        let polar = Polar::forward(a)?;
        let mut results = twice((bars[0], a.shape()), (z[0], a.shape()), |bar, z| {
            let second = polar.vjp_of_vjp(bar, z)?;
            Ok((second.w_bar_bar, second.a_bar))
        })?;
        // That of H̄, which was zero, is what Z does to H.
        let of_h = match z[0] {
            None => Mat::zeros(k, k),
            Some(z) => polar.jvp(z)?.h,
        };
        results.insert(1, of_h);
        Ok(results)
    }

    fn in_registers(&self, inputs: &[Shape]) -> Option<Shape> {
        fits(inputs[0]).then_some(inputs[0])
    }

    fn forward_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Done {
        let (width, (rows, columns)) = (group.width, group.inputs[0].shape());
        let (m, n) = (rows.max(columns), rows.min(columns));
        let (long, stride) = (stride_of(m), stride_of(n));
        let more = (2 * m + 3 * n) * stride;
        let mut room = Room::new(width, registers_for_svd(m, n) + more);
        let mut space = room.space();
        let Some(svd) = group_svd(group, &mut space) else {
            return Done::NONE;
        };
        let (left, w) = (space.take(m * stride), space.take(m * stride));
        let [right, stretched, h] = [(); 3].map(|()| space.take(n * stride));
        let of_left = Rows::new(svd.left_transposed, long);
        transpose(width, (n, m), of_left, RowsMut::new(left, stride));
        let of_right = Rows::new(svd.right_transposed, stride);
        transpose(width, (n, n), of_right, RowsMut::new(right, stride));
        // In the tall frame W = L Rᵀ and H = R Σ Rᵀ.
        let to_stretch = RowsMut::new(stretched, stride);
        times_columns(
            width,
            (n, n),
            Rows::new(right, stride),
            svd.values,
            to_stretch,
        );
        times_lanes(width, (n, n), stretched, &svd.scaled.scale);
        let (left, right) = (Rows::new(left, stride), Rows::new(right, stride));
        product(
            width,
            (m, n, n),
            left,
            right,
            Part::Whole,
            RowsMut::new(w, stride),
        );
        let stretched = Rows::new(stretched, stride);
        product(
            width,
            (n, n, n),
            stretched,
            right,
            Part::Symmetric,
            RowsMut::new(h, stride),
        );
        let done = svd
            .lanes_of_full_rank(SMALLEST)
            .and(finite_lanes(width, (n, n), h));
        let output = outputs[0].reborrow();
        let mut output = if rows >= columns {
            output
        } else {
            output.transpose()
        };
        group.unpack(done, w, stride, &mut output);
        group.unpack(done, h, stride, &mut outputs[1]);
        group.write_values(done, |lane, k| svd.true_value(lane, k), &mut kept[1]);
        svd.write_vectors(group, done, kept);
        done
    }

    fn vjp_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        x_bars: &mut [StackMut<'_, T>],
    ) -> Done {
        let done = kept_lanes_of_full_rank(group, SMALLEST);
        if done == Done::NONE {
            return done;
        }
        back_through_factor(group, done, group.bars[0], group.bars[1], x_bars)
    }
}

/// Ā = L ((Yᵢⱼ − Yⱼᵢ + 2 Sᵢⱼ σᵢ) / (σᵢ + σⱼ)) Rᵀ and the part beyond L, with Y = LᵀW̄R, S = Rᵀ sym(H̄) R, for W = L Rᵀ.
///
/// σ may be negative where a factor was turned for it.
pub(super) fn back_through_factor<T: Number, A: LaneNumber>(
    group: &Group<'_, T, A>,
    mut done: Done,
    w_bar: Option<StackRef<'_, T>>,
    h_bar: Option<StackRef<'_, T>>,
    x_bars: &mut [StackMut<'_, T>],
) -> Done {
    let (width, (rows, columns)) = (group.width, group.inputs[0].shape());
    let (m, n) = (rows.max(columns), rows.min(columns));
    let (long, stride) = (stride_of(m), stride_of(n));
    let more = 2 * m * stride + n * long + 3 * n * stride;
    let mut room = Room::new(width, registers_for_factors(m, n) + more);
    let mut space = room.space();
    let factors = kept_factors(group, &mut space);
    let [core, inner, s] = [(); 3].map(|()| space.take(n * stride));
    let (bar, z) = (space.take(m * stride), space.take(m * stride));
    let z_transposed = space.take(n * long);
    inner.fill(A::rounded(0.0));
    s.fill(A::rounded(0.0));
    let right = Rows::new(factors.right_transposed, stride);
    if let Some(w_bar) = w_bar {
        let framed = if factors.tall {
            w_bar
        } else {
            w_bar.transpose()
        };
        group.pack(framed, bar, stride);
        done = done.and(moderate_lanes(width, (m, n), bar));
        // Zᵀ = Rᵀ W̄ᵀ, and Y = Lᵀ Z.
        let z_rows = RowsMut::new(z_transposed, long);
        product(
            width,
            (n, n, m),
            right,
            Rows::new(bar, stride),
            Part::Whole,
            z_rows,
        );
        let left = Rows::new(factors.left_transposed, long);
        let z = Rows::new(z_transposed, long);
        product(
            width,
            (n, m, n),
            left,
            z,
            Part::Whole,
            RowsMut::new(inner, stride),
        );
    }
    if let Some(h_bar) = h_bar {
        group.pack(h_bar, core, stride);
        done = done.and(moderate_lanes(width, (n, n), core));
        symmetrise(width, n, core);
        let core = Rows::new(core, stride);
        product(
            width,
            (n, n, n),
            right,
            core,
            Part::Whole,
            RowsMut::new(bar, stride),
        );
        let between = Rows::new(bar, stride);
        product(
            width,
            (n, n, n),
            between,
            right,
            Part::Symmetric,
            RowsMut::new(s, stride),
        );
    }
    over_sums(width, n, factors.values, (inner, s), core);
    let outside = w_bar.filter(|_| m > n).map(|_| {
        let z_rows = Rows::new(z_transposed, long);
        transpose(width, (n, m), z_rows, RowsMut::new(z, stride));
        (&*z, &*inner)
    });
    let result = back_to_matrix(width, &factors, core, outside, &mut space);
    let done = done.and(finite_lanes(width, (m, n), result));
    let x_bar = x_bars[0].reborrow();
    let mut x_bar = if factors.tall {
        x_bar
    } else {
        x_bar.transpose()
    };
    group.unpack(done, result, stride, &mut x_bar);
    done
}

fn restored(saved: Saved<'_>) -> Result<Polar> {
    let (u, v) = (saved.kept[0].to_owned(), saved.kept[2].to_owned());
    Polar::from_factors(u, list(saved.kept[1]), v)
}
