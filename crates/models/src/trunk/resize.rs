//! Bilinear resizing of feature maps.

use rayon::prelude::*;

use segmentation::GridAxis;

use super::planes::Planes;

/// Where output positions fall on the input's grid: position i at t = scale · i + shift, held inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AxisMap {
    /// Input positions from one output position to the next.
    pub scale: f64,
    /// Where output position 0 falls.
    pub shift: f64,
}

impl AxisMap {
    /// Both grids spread over the same side: t = (i + ½) · from / to − ½.
    pub fn spread(from: usize, to: usize) -> Self {
        let scale = from as f64 / to.max(1) as f64;
        Self {
            scale,
            shift: 0.5 * (scale - 1.0),
        }
    }

    /// Both grids lie where their axes say: t = (offset + stride · i − offset′) / stride′.
    pub(crate) fn between(from: GridAxis, to: GridAxis) -> Self {
        Self {
            scale: to.stride / from.stride,
            shift: (to.offset - from.offset) / from.stride,
        }
    }
}

/// Bilinear interpolation.
///
/// ```text
/// output row i falls at t = scale · i + shift of the input's rows, column j at u likewise
/// forward   y[i, j] = Σ_{a,b ∈ {0,1}} r_a(i) r_b(j) x[⌊t⌋ + a, ⌊u⌋ + b]
/// vjp       x̄ = the same numbers, sent the other way
/// ```
///
/// # Shapes
/// x: C × H × W; y: C × H′ × W′.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resize {
    /// H′
    pub height: usize,
    /// W′
    pub width: usize,
    /// Where rows fall.
    pub rows: AxisMap,
    /// Where columns fall.
    pub columns: AxisMap,
}

/// A pair of neighbours and the share of the second.
type Blend = (usize, usize, f32);

impl Resize {
    /// Adds `scale` · y to `planes[first ..]`.
    pub(super) fn forward_into(
        &self,
        input: &Planes,
        scale: f32,
        output: &mut Planes,
        first: usize,
    ) {
        assert_eq!((output.height(), output.width()), (self.height, self.width));
        let rows = blends(input.height(), self.height, self.rows);
        let columns = blends(input.width(), self.width, self.columns);
        let (plane, stride, pad) = (output.plane_stride(), output.row_stride(), output.pad());
        let places = &mut output.data_mut()[first * plane..][..input.channels() * plane];
        places
            .par_chunks_exact_mut(plane)
            .enumerate()
            .for_each(|(c, places)| {
                for (y, (above, below, t)) in rows.iter().enumerate() {
                    let (above, below) = (input.row(c, *above), input.row(c, *below));
                    let row = &mut places[(y + pad) * stride + pad..][..self.width];
                    for (place, (left, right, u)) in row.iter_mut().zip(&columns) {
                        let top = above[*left] + u * (above[*right] - above[*left]);
                        let bottom = below[*left] + u * (below[*right] - below[*left]);
                        *place += scale * (top + t * (bottom - top));
                    }
                }
            });
    }

    /// x̄ from `scale` · ȳ, read from `out_bar[first ..]`; x̄ in a frame of `input_pad`.
    pub(super) fn vjp(
        &self,
        input: &Planes,
        scale: f32,
        out_bar: &Planes,
        first: usize,
        input_pad: usize,
    ) -> Planes {
        let rows = blends(input.height(), self.height, self.rows);
        let columns = blends(input.width(), self.width, self.columns);
        let mut bar = Planes::zeros(input.channels(), input.height(), input.width(), input_pad);
        let (plane, stride) = (bar.plane_stride(), bar.row_stride());
        bar.data_mut()
            .par_chunks_exact_mut(plane)
            .enumerate()
            .for_each(|(c, places)| {
                let mut send = |row: usize, column: usize, value: f32| {
                    places[(row + input_pad) * stride + column + input_pad] += value;
                };
                for (y, (above, below, t)) in rows.iter().enumerate() {
                    let bars = out_bar.row(first + c, y);
                    for (bar, (left, right, u)) in bars.iter().zip(&columns) {
                        let bar = scale * bar;
                        send(*above, *left, bar * (1.0 - t) * (1.0 - u));
                        send(*above, *right, bar * (1.0 - t) * u);
                        send(*below, *left, bar * t * (1.0 - u));
                        send(*below, *right, bar * t * u);
                    }
                }
            });
        bar
    }
}

pub(super) fn blends(from: usize, to: usize, map: AxisMap) -> Vec<Blend> {
    (0..to)
        .map(|i| {
            let t = (map.scale * i as f64 + map.shift).clamp(0.0, (from - 1) as f64);
            let low = t as usize;
            (low, (low + 1).min(from - 1), t.fract() as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::test_numbers::numbers;

    fn spread(from: (usize, usize), (height, width): (usize, usize)) -> Resize {
        let rows = AxisMap::spread(from.0, height);
        Resize {
            height,
            width,
            rows,
            columns: AxisMap::spread(from.1, width),
        }
    }

    #[test]
    fn axes_say_where_positions_fall() {
        // Positions at pixels 0, 8, 16 from positions at 0, 16: every second one falls between two.
        let from = GridAxis {
            positions: 2,
            stride: 16.0,
            offset: 0.0,
        };
        let to = GridAxis {
            positions: 3,
            stride: 8.0,
            offset: 0.0,
        };
        let columns = AxisMap::between(from, to);
        let resize = Resize {
            height: 1,
            width: 3,
            rows: AxisMap::spread(1, 1),
            columns,
        };
        let x = Planes::from_contiguous(1, 1, 2, 0, &[1.0, 5.0]);
        let mut y = Planes::zeros(1, 1, 3, 0);
        resize.forward_into(&x, 1.0, &mut y, 0);
        assert_eq!(y.data(), &[1.0, 3.0, 5.0]);
    }

    #[test]
    fn doubles_by_hand_and_keeps_its_own_size() {
        let x = Planes::from_contiguous(1, 1, 2, 0, &[0.0, 4.0]);
        let mut y = Planes::zeros(1, 1, 4, 1);
        spread((1, 2), (1, 4)).forward_into(&x, 2.0, &mut y, 0);
        assert_eq!(y.row(0, 0), &[0.0, 2.0, 6.0, 8.0]);
        let mut same = Planes::zeros(2, 1, 2, 0);
        spread((1, 2), (1, 2)).forward_into(&x, 1.0, &mut same, 1);
        assert_eq!(same.data(), &[0.0, 0.0, 0.0, 4.0]);
    }

    #[test]
    fn way_back_is_the_transposed_map() {
        for (h, w, resize) in [
            (3, 4, spread((3, 4), (7, 5))),
            (6, 5, spread((6, 5), (3, 2))),
            (1, 1, spread((1, 1), (2, 3))),
        ] {
            let x = Planes::from_contiguous(2, h, w, 1, &numbers(2 * h * w, 1));
            let mut y = Planes::zeros(3, resize.height, resize.width, 0);
            resize.forward_into(&x, 0.5, &mut y, 1);
            let bar = numbers(y.data().len(), 2);
            let y_bar = Planes::from_contiguous(3, resize.height, resize.width, 0, &bar);
            let x_bar = resize.vjp(&x, 0.5, &y_bar, 1, 0);
            let left: f32 = y.data().iter().zip(&bar).map(|(a, b)| a * b).sum();
            let right: f32 = x
                .to_contiguous()
                .iter()
                .zip(x_bar.data())
                .map(|(a, b)| a * b)
                .sum();
            assert!((left - right).abs() < 1e-4, "{left} {right}");
        }
    }
}
