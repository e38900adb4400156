//! Functions of the Gram matrices of many feature matrices.

use super::eigen_group::{group_eigen, registers_for_eigen};
use super::group::{Done, Group, scaled_symmetric};
use super::matrix_function::{back_through_function, list, registers_for_way_back};
use super::precision::keep_known;
use super::room::Room;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::single::twice;
use super::svd_group::{group_svd, registers_for_svd};
use super::thin_svd::not_empty;
use super::view::{Number, StackMut};
use crate::error::Result;
use crate::function::{
    GramFunction, MatrixFunction, ScalarFunction, keeps_its_digits, svd_keeps_digits,
};
use crate::lanes::{
    LARGEST, LaneNumber, Part, Rows, RowsMut, WIDEST, Width, add_gram, finite_lanes, product,
    stride_of, times_columns, times_lanes, transpose,
};
use crate::scale::exponent;
use faer::{Mat, MatRef, Scale};
use std::ops::Range;

const OP: &str = "function of a Gram matrix";

/// The most entries of a feature matrix in registers: of more, products fill registers by themselves.
const MOST_ENTRIES: usize = 256 * LARGEST;

/// Bytes of rows of features that are worked on together.
const ROWS_BYTES: usize = 1 << 14;

/// Gram matrices of this side fill the fastest cache by themselves.
const HALF_OF_LARGEST: usize = LARGEST / 2;

/// The most rows where singular values are asked for.
const MOST_ROWS_OF_SVD: usize = 128;

/// Entries of a Gram matrix within 2^±400 come from features whose squares lost nothing.
const MODERATE: i32 = 400;

/// [`GramFunction`] of every matrix of a stack: C = f(FᵀF).
///
/// # Shapes
/// Input F, n × d; output C, d × d. Kept: the squares λ, d × 1, nondecreasing, and V, d × d, where neither
/// a refinement was needed nor a row or channel is zero throughout; NaN elsewhere: then the way back decomposes F again.
///
/// # Errors
/// Those of [`GramFunction`].
#[derive(Clone, Copy, Debug)]
pub struct GramFunctionRule<F>(pub F);

impl<F: ScalarFunction + Sync> StackRule for GramFunctionRule<F> {
    const IN_SINGLE: bool = true;

    fn op(&self) -> &'static str {
        OP
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let (_, d) = not_empty(OP, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(d, d)],
            kept: vec![(d, 1), (d, d)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let d = inputs[0].ncols();
        let function = GramFunction::forward(inputs[0], &self.0)?;
        let smooth = |squares: &[f64]| !(self.ends_at_zero() && squares[d - 1] == 0.0);
        let pairs = function.gram_eigenpairs();
        let kept = match pairs.filter(|(squares, _)| smooth(squares)) {
            // Nondecreasing, as those of a symmetric matrix.
            Some((squares, vectors)) => vec![
                Mat::from_fn(d, 1, |i, _| squares[d - 1 - i]),
                vectors.reverse_cols().to_owned(),
            ],
            None => vec![Mat::full(d, 1, f64::NAN), Mat::full(d, d, f64::NAN)],
        };
        Ok(Forward {
            outputs: vec![function.into_value()],
            kept,
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let f = saved.inputs[0];
        let Some(bar) = bars[0] else {
            return Ok(vec![Mat::zeros(f.nrows(), f.ncols())]);
        };
        Ok(vec![match self.of_gram(saved) {
            None => GramFunction::forward(f, &self.0)?.vjp(bar)?,
            // F̄ = 2 F Ḡ with the cotangent Ḡ of the Gram matrix.
            Some(of_gram) => Scale(2.0) * f * of_gram.vjp(bar)?,
        }])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let f = saved.inputs[0];
        let Some(dot) = dots[0] else {
            return Ok(vec![Mat::zeros(f.ncols(), f.ncols())]);
        };
        Ok(vec![match self.of_gram(saved) {
            None => GramFunction::forward(f, &self.0)?.jvp(dot)?,
            // Ġ = 2 sym(FᵀḞ), of which the symmetric part counts.
            Some(of_gram) => of_gram.jvp((Scale(2.0) * f.transpose() * dot).as_ref())?,
        }])
    }

    fn vjp_of_vjp(
        &self,
        saved: Saved<'_>,
        bars: &[Option<MatRef<'_, f64>>],
        z: &[Option<MatRef<'_, f64>>],
    ) -> Result<Vec<Mat<f64>>> {
        let f = saved.inputs[0];
        let d = f.ncols();
        twice((bars[0], (d, d)), (z[0], f.shape()), |bar, z| {
            let second = GramFunction::forward(f, &self.0)?.vjp_of_vjp(bar, z)?;
            Ok((second.c_bar_bar, second.f_bar))
        })
    }

    fn in_registers(&self, inputs: &[Shape]) -> Option<Shape> {
        let (n, d) = inputs[0];
        (d <= LARGEST && n >= d && n * d <= MOST_ENTRIES).then_some((d, d))
    }

    fn forward_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Done {
        let (width, (n, d)) = (group.width, group.inputs[0].shape());
        let (stride, together) = (stride_of(d), rows_together(width, d));
        let long = stride_of(together);
        let registers = d * long + 2 * d * stride + d + registers_for_eigen(d);
        let mut room = Room::new(width, registers);
        let mut space = room.space();
        let features = space.take(d * long);
        let (gram, result) = (space.take(d * stride), space.take(d * stride));
        let mapped = space.take(d);
        gram.fill(A::rounded(0.0));
        for some in blocks(n, together) {
            let rows = group.inputs[0].some_rows(some.clone());
            group.pack(rows.transpose(), features, long);
            let channels = Rows::new(features, long);
            add_gram(width, (d, some.len()), channels, RowsMut::new(gram, stride));
        }
        // A channel that is zero throughout is a decision.
        let lives = |j: usize, lane: usize| {
            gram[j * (stride + 1) * width.numbers() + lane] > A::rounded(0.0)
        };
        let live = Done::from_fn(|lane| lane < width.numbers() && (0..d).all(|j| lives(j, lane)));
        let scaled = scaled_symmetric(width, d, gram, 0.0);
        let moderate = scaled.scale.map(|scale| exponent(scale).abs() <= MODERATE);
        let Some(eigen) = group_eigen((width, d), gram, &mut space) else {
            return Done::NONE;
        };
        let mut done = Done::from_fn(|lane| {
            let usual = live.contains(lane) && scaled.done.contains(lane) && moderate[lane];
            usual
                && self.keeps_digits::<A>(
                    eigen.value(lane, 0) * scaled.scale[lane],
                    eigen.value(lane, d - 1) * scaled.scale[lane],
                    (n, d),
                )
        });
        eigen.map(&self.0, &scaled.scale, &mut done, mapped);
        let value = |lane: usize, k: usize| eigen.value(lane, k).max(0.0) * scaled.scale[lane];
        keep_known::<A>(&mut done, d, &self.0, value);
        eigen.spectral_product(mapped, gram, result);
        done = done.and(finite_lanes(width, (d, d), result));
        group.unpack(done, result, stride, &mut outputs[0]);
        group.write_values(done, value, &mut kept[0]);
        group.unpack(done, eigen.vectors, stride, &mut kept[1]);
        let left = Done::from_fn(|lane| {
            let usual = live.contains(lane) && scaled.done.contains(lane) && moderate[lane];
            usual && !done.contains(lane) && lane < group.count()
        });
        if A::IS_SINGLE || n > MOST_ROWS_OF_SVD || left == Done::NONE {
            return done;
        }
        let by_svd = self.forward_by_svd(group, left, outputs, kept);
        Done::from_fn(|lane| done.contains(lane) || by_svd.contains(lane))
    }

    fn vjp_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        x_bars: &mut [StackMut<'_, T>],
    ) -> Done {
        let (width, (n, d)) = (group.width, group.inputs[0].shape());
        let Some(bar) = group.bars[0] else {
            return Done::NONE;
        };
        let (stride, together) = (stride_of(d), rows_together(width, d));
        let registers = 2 * (together + d) * stride + registers_for_way_back(d);
        let mut room = Room::with_list(width, registers, d);
        let (mut space, values) = room.space_and_list();
        let [features, back] = [(); 2].map(|()| space.take(together * stride));
        let (s, v) = (space.take(d * stride), space.take(d * stride));
        group.pack(bar, s, stride);
        group.pack(group.kept[1], v, stride);
        let mut done = back_through_function(&self.0, group, (values, v), s, &mut space);
        if done == Done::NONE {
            return done;
        }
        times_lanes(width, (d, d), s, &[2.0; WIDEST]);
        for some in blocks(n, together) {
            let rows = some.len();
            group.pack(group.inputs[0].some_rows(some.clone()), features, stride);
            let (f, g_bar) = (Rows::new(features, stride), Rows::new(s, stride));
            let product_rows = RowsMut::new(back, stride);
            product(width, (rows, d, d), f, g_bar, Part::Whole, product_rows);
            done = done.and(finite_lanes(width, (rows, d), back));
            group.unpack(
                done,
                back,
                stride,
                &mut x_bars[0].reborrow().some_rows(some),
            );
        }
        done
    }
}

/// Rows of features that are worked on together: they stay in the fastest cache, unless Gram matrices fill it.
fn rows_together<A: LaneNumber>(width: Width<A>, d: usize) -> usize {
    let row = d.max(1) * width.numbers() * size_of::<A>();
    (ROWS_BYTES / row).max(if d > HALF_OF_LARGEST { LARGEST } else { 8 })
}

/// n rows, some at a time.
fn blocks(n: usize, together: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n)
        .step_by(together)
        .map(move |first| first..n.min(first + together))
}

impl<F: ScalarFunction> GramFunctionRule<F> {
    /// Does f, or its derivative, end at zero?
    fn ends_at_zero(&self) -> bool {
        self.0.edge().is_some_and(|edge| edge >= 0.0)
    }

    /// Are eigenvalues of the Gram matrix accurate enough, and all of them away from zero where f ends there?
    fn keeps_digits<A: LaneNumber>(&self, smallest: f64, largest: f64, (n, d): Shape) -> bool {
        let ends = [largest, smallest.max(0.0)];
        // Of σ the Gram matrix knows √(n ε) of the largest.
        let known = 2.0 * n.max(d) as f64 * A::EPSILON.widened() * largest;
        let away_from_zero = !(self.ends_at_zero() && ends[1] <= known);
        away_from_zero && (A::IS_SINGLE || keeps_its_digits(&self.0, &ends, d))
    }

    /// Lanes whose Gram matrices would lose digits, from the singular values of F: those that need no refinement.
    fn forward_by_svd<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        left: Done,
        outputs: &mut [StackMut<'_, T>],
        kept: &mut [StackMut<'_, f64>],
    ) -> Done {
        let (width, (n, d)) = (group.width, group.inputs[0].shape());
        let stride = stride_of(d);
        let mut room = Room::new(width, registers_for_svd(n, d) + 3 * d * stride + d);
        let mut space = room.space();
        let Some(svd) = group_svd(group, &mut space) else {
            return Done::NONE;
        };
        let [v, scaled, value] = [(); 3].map(|()| space.take(d * stride));
        let mapped = space.take(d);
        mapped.fill(A::rounded(0.0));
        let of_right = Rows::new(svd.right_transposed, stride);
        transpose(width, (d, d), of_right, RowsMut::new(v, stride));
        let mut done = left;
        let mut spectrum = [0.0; LARGEST];
        for lane in left.lanes() {
            let spectrum = &mut spectrum[..d];
            for (k, value) in spectrum.iter_mut().enumerate() {
                *value = svd.true_value(lane, k);
            }
            let known = 16.0 * n as f64 * f64::EPSILON * spectrum[0];
            let keeps = svd.scaled.done.contains(lane)
                && svd_keeps_digits(&self.0, spectrum)
                && !(self.ends_at_zero() && spectrum[d - 1] <= known);
            for (k, value) in spectrum.iter_mut().enumerate() {
                *value = self.0.value(*value * *value);
                mapped[k * width.numbers() + lane] = A::rounded(*value);
            }
            if !(keeps && spectrum.iter().all(|x| x.is_finite())) {
                done.remove(lane);
            }
        }
        let (v, stretched) = (Rows::new(v, stride), RowsMut::new(scaled, stride));
        times_columns(width, (d, d), v, mapped, stretched);
        let scaled = Rows::new(scaled, stride);
        product(
            width,
            (d, d, d),
            scaled,
            v,
            Part::Symmetric,
            RowsMut::new(value, stride),
        );
        done = done.and(finite_lanes(width, (d, d), value));
        group.unpack(done, value, stride, &mut outputs[0]);
        // Nondecreasing.
        let square = |lane: usize, k: usize| svd.true_value(lane, d - 1 - k).powi(2);
        group.write_values(done, square, &mut kept[0]);
        let numbers = stride * width.numbers();
        for k in 0..d / 2 {
            let (first, last) = svd.right_transposed.split_at_mut((d - 1 - k) * numbers);
            first[k * numbers..][..numbers].swap_with_slice(&mut last[..numbers]);
        }
        let mut vectors = kept[1].reborrow().transpose();
        group.unpack(done, svd.right_transposed, stride, &mut vectors);
        done
    }

    /// f of the Gram matrix, where its eigenpairs were kept.
    fn of_gram(&self, saved: Saved<'_>) -> Option<MatrixFunction<&F>> {
        let squares = list(saved.kept[0]);
        let vectors = saved.kept[1].to_owned();
        (!squares[0].is_nan()).then(|| MatrixFunction::from_eigenpairs(squares, vectors, &self.0))
    }
}
