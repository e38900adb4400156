//! Bilinear resizing of framed planes.

use rayon::prelude::*;

use crate::backend::planes::Planes;
use crate::trunk::resize::blends;
use crate::trunk::{Resize, Size};

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

    /// x̄ of the given size from `scale` · ȳ, read from `out_bar[first ..]`; x̄ in a frame of `input_pad`.
    pub(super) fn vjp(
        &self,
        (channels, height, width): Size,
        scale: f32,
        out_bar: &Planes,
        first: usize,
        input_pad: usize,
    ) -> Planes {
        let rows = blends(height, self.height, self.rows);
        let columns = blends(width, self.width, self.columns);
        let mut bar = Planes::zeros(channels, height, width, input_pad);
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

#[cfg(test)]
mod tests {
    use super::*;
    use segmentation::GridAxis;

    use crate::backend::test_values::random_values;
    use crate::trunk::resize::AxisMap;

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
    fn the_vjp_is_the_transposed_map() {
        for (h, w, resize) in [
            (3, 4, spread((3, 4), (7, 5))),
            (6, 5, spread((6, 5), (3, 2))),
            (1, 1, spread((1, 1), (2, 3))),
        ] {
            let x = Planes::from_contiguous(2, h, w, 1, &random_values(2 * h * w, 1));
            let mut y = Planes::zeros(3, resize.height, resize.width, 0);
            resize.forward_into(&x, 0.5, &mut y, 1);
            let bar = random_values(y.data().len(), 2);
            let y_bar = Planes::from_contiguous(3, resize.height, resize.width, 0, &bar);
            let x_bar = resize.vjp(x.size(), 0.5, &y_bar, 1, 0);
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
