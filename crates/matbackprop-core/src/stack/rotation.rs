//! The closest rotations of many matrices.

use super::group::{Done, Group};
use super::matrix_function::{column, square};
use super::polar::back_through_factor;
use super::room::Room;
use super::rule::{Forward, Saved, Shape, Shapes, StackRule};
use super::svd_group::{group_svd, registers_for_svd};
use super::thin_svd::fits;
use super::view::{Number, StackMut};
use crate::error::Result;
use crate::lanes::{LaneNumber, Part, Rows, RowsMut, WIDEST, product, stride_of, transpose};
use crate::subspace::Rotation;
use faer::{Mat, MatRef};

const OP: &str = "closest rotation";

/// Matrices with smaller values, or sums of the last two of them, relative to the largest, are left to the rule for one matrix.
const SMALLEST: f64 = 1e-12;

/// [`Rotation`] of every matrix of a stack: the rotation R that is closest to A.
///
/// # Shapes
/// Input and output n × n. Kept: U, n × n, the signed values τ, n × 1, and V, n × n, with R = U Vᵀ and A = U diag(τ) Vᵀ; NaN where
/// the way back decomposes A again: in matrices beyond a side of 64, and near those whose closest rotation is not unique.
///
/// # Errors
/// Those of [`Rotation`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RotationRule;

impl StackRule for RotationRule {
    fn op(&self) -> &'static str {
        OP
    }

    fn shapes(&self, inputs: &[Shape]) -> Result<Shapes> {
        let n = square(OP, inputs[0])?;
        Ok(Shapes {
            outputs: vec![(n, n)],
            kept: vec![(n, n), (n, 1), (n, n)],
        })
    }

    fn forward(&self, inputs: &[MatRef<'_, f64>]) -> Result<Forward> {
        let n = inputs[0].nrows();
        let rotation = Rotation::forward(inputs[0])?;
        let nothing = Mat::full(n, n, f64::NAN);
        Ok(Forward {
            outputs: vec![rotation.value().to_owned()],
            kept: vec![nothing.clone(), column(&vec![f64::NAN; n]), nothing],
        })
    }

    fn vjp(&self, saved: Saved<'_>, bars: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        Ok(vec![match bars[0] {
            None => Mat::zeros(a.nrows(), a.ncols()),
            Some(bar) => Rotation::forward(a)?.vjp(bar)?,
        }])
    }

    fn jvp(&self, saved: Saved<'_>, dots: &[Option<MatRef<'_, f64>>]) -> Result<Vec<Mat<f64>>> {
        let a = saved.inputs[0];
        Ok(vec![match dots[0] {
            None => Mat::zeros(a.nrows(), a.ncols()),
            Some(dot) => Rotation::forward(a)?.jvp(dot)?,
        }])
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
        let (width, n) = (group.width, group.inputs[0].shape().0);
        let stride = stride_of(n);
        let mut room = Room::new(width, registers_for_svd(n, n) + 4 * n * stride);
        let mut space = room.space();
        let Some(svd) = group_svd(group, &mut space) else {
            return Done::NONE;
        };
        let [left, right, r] = [(); 3].map(|()| space.take(n * stride));
        let of_right = Rows::new(svd.right_transposed, stride);
        transpose(width, (n, n), of_right, RowsMut::new(right, stride));
        let one = &mut space.take(n * stride)[..n * n];
        let mut turned = [false; WIDEST];
        let full = svd.lanes_of_full_rank(SMALLEST);
        // Once to learn which products are reflections, and again where one was.
        for pass in 0..2 {
            let of_left = Rows::new(svd.left_transposed, stride);
            transpose(width, (n, n), of_left, RowsMut::new(left, stride));
            let (left, right) = (Rows::new(left, stride), Rows::new(right, stride));
            product(
                width,
                (n, n, n),
                left,
                right,
                Part::Whole,
                RowsMut::new(r, stride),
            );
            if pass == 1 {
                break;
            }
            for lane in full.lanes().filter(|&lane| lane < group.count()) {
                for (place, entry) in one.iter_mut().enumerate() {
                    let (i, j) = (place / n, place % n);
                    *entry = r[(i * stride + j) * width.numbers() + lane];
                }
                turned[lane] = is_reflection(n, one);
                if turned[lane] {
                    // The direction of the smallest value changes its side.
                    let row = (n - 1) * stride;
                    for k in 0..n {
                        let place = (row + k) * width.numbers() + lane;
                        svd.left_transposed[place] = -svd.left_transposed[place];
                    }
                }
            }
            if !turned.contains(&true) {
                break;
            }
        }
        let value = |lane: usize, k: usize| match turned[lane] && k == n - 1 {
            true => -svd.true_value(lane, k),
            false => svd.true_value(lane, k),
        };
        let unique = |lane: usize| {
            n == 1 || value(lane, n - 2) + value(lane, n - 1) > SMALLEST * value(lane, 0)
        };
        let done = Done::from_fn(|lane| full.contains(lane) && unique(lane));
        group.unpack(done, r, stride, &mut outputs[0]);
        group.write_values(done, value, &mut kept[1]);
        svd.write_vectors(group, done, kept);
        done
    }

    fn vjp_group<T: Number, A: LaneNumber>(
        &self,
        group: &Group<'_, T, A>,
        x_bars: &mut [StackMut<'_, T>],
    ) -> Done {
        let done = group.with_finite_spectrum(1);
        match group.bars[0] {
            None => Done::NONE,
            bar => back_through_factor(group, done, bar, None, x_bars),
        }
    }
}

/// Is the determinant of an orthogonal matrix −1? By elimination with pivots; `a` holds it row after row, and is used up.
fn is_reflection<A: LaneNumber>(n: usize, a: &mut [A]) -> bool {
    let mut negative = false;
    for k in 0..n {
        let pivot = (k..n).fold(k, |best, i| {
            if a[i * n + k].widened().abs() > a[best * n + k].widened().abs() {
                i
            } else {
                best
            }
        });
        if pivot != k {
            for j in k..n {
                a.swap(pivot * n + j, k * n + j);
            }
            negative = !negative;
        }
        negative ^= a[k * n + k] < A::rounded(0.0);
        for i in k + 1..n {
            let factor = a[i * n + k] / a[k * n + k];
            for j in k + 1..n {
                let pivot = a[k * n + j];
                a[i * n + j] -= factor * pivot;
            }
        }
    }
    negative
}
