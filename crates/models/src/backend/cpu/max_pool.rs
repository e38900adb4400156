//! Largest number under a sliding window, on framed planes.

use rayon::prelude::*;

use crate::backend::planes::Planes;
use crate::trunk::MaxPool;

impl MaxPool {
    /// y, in a frame of `out_pad`.
    pub(super) fn forward(&self, input: &Planes, out_pad: usize) -> Planes {
        let (height, width) = self
            .output_size(input.height(), input.width())
            .expect("a window that fits");
        let mut output = Planes::zeros(input.channels(), height, width, out_pad);
        let (plane, stride) = (output.plane_stride(), output.row_stride());
        output
            .data_mut()
            .par_chunks_exact_mut(plane)
            .enumerate()
            .for_each(|(c, rows)| {
                for y in 0..height {
                    let places = &mut rows[(y + out_pad) * stride + out_pad..][..width];
                    places.fill(f32::NEG_INFINITY);
                    for row in self.span(y, input.height()) {
                        let values = input.row(c, row);
                        for v in 0..self.kernel {
                            let shifted = values[v.min(values.len())..].iter().step_by(self.stride);
                            for (place, value) in places.iter_mut().zip(shifted) {
                                *place = place.max(*value);
                            }
                        }
                    }
                }
            });
        output
    }

    /// x̄, in a frame of `input_pad`.
    pub(super) fn vjp(
        &self,
        input: &Planes,
        output: &Planes,
        out_bar: &Planes,
        input_pad: usize,
    ) -> Planes {
        let mut bar = Planes::zeros(input.channels(), input.height(), input.width(), input_pad);
        let (plane, stride) = (bar.plane_stride(), bar.row_stride());
        bar.data_mut()
            .par_chunks_exact_mut(plane)
            .enumerate()
            .for_each(|(c, places)| {
                // Written before it is read: a page that is read first is mapped twice, with an interrupt to every core.
                places.fill(0.0);
                for y in 0..output.height() {
                    let (maxima, bars) = (output.row(c, y), out_bar.row(c, y));
                    for (x, (maximum, bar)) in maxima.iter().zip(bars).enumerate() {
                        if let Some((row, column)) = self.first(input, c, (y, x), *maximum) {
                            places[(row + input_pad) * stride + column + input_pad] += bar;
                        }
                    }
                }
            });
        bar
    }

    /// The input's rows (or columns) under window `index`.
    fn span(&self, index: usize, size: usize) -> std::ops::Range<usize> {
        index * self.stride..(index * self.stride + self.kernel).min(size)
    }

    fn first(
        &self,
        input: &Planes,
        c: usize,
        (y, x): (usize, usize),
        maximum: f32,
    ) -> Option<(usize, usize)> {
        let columns = self.span(x, input.width());
        self.span(y, input.height()).find_map(|row| {
            let window = &input.row(c, row)[columns.clone()];
            let v = window.iter().position(|value| *value == maximum)?;
            Some((row, columns.start + v))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: MaxPool = MaxPool {
        kernel: 2,
        stride: 2,
        ceil: false,
    };

    #[test]
    fn values_and_first_of_a_tie_by_hand() {
        let x = Planes::from_contiguous(1, 2, 5, 1, &[1., 3., 2., 2., 9., 0., 3., 2., 2., 9.]);
        let y = TWO.forward(&x, 1);
        assert_eq!(y.to_contiguous(), &[3.0, 2.0]);
        let bar = Planes::from_contiguous(1, 1, 2, 0, &[10.0, 20.0]);
        let x_bar = TWO.vjp(&x, &y, &bar, 0);
        assert_eq!(x_bar.data(), &[0., 10., 20., 0., 0., 0., 0., 0., 0., 0.]);
    }

    #[test]
    fn overlapping_windows_add_and_ceil_mode_hangs_over() {
        let pool = MaxPool {
            kernel: 3,
            stride: 2,
            ceil: true,
        };
        let x = Planes::from_contiguous(1, 1, 6, 0, &[0., 1., 7., 2., 3., 4.]);
        assert_eq!(pool.output_size(1, 6), None);
        let x = Planes::from_contiguous(1, 3, 6, 0, &[x.data(), x.data(), x.data()].concat());
        let y = pool.forward(&x, 0);
        assert_eq!(y.data(), &[7.0, 7.0, 4.0]);
        let bar = Planes::from_contiguous(1, 1, 3, 0, &[1.0, 2.0, 4.0]);
        let x_bar = pool.vjp(&x, &y, &bar, 0);
        assert_eq!(x_bar.data()[..6], [0., 0., 3., 0., 0., 4.]);
        assert!(
            MaxPool {
                ceil: false,
                ..pool
            }
            .output_size(3, 6)
                == Some((1, 2))
        );
    }

    #[test]
    fn negative_numbers_keep_their_maximum() {
        let x = Planes::from_contiguous(1, 2, 2, 1, &[-4.0, -3.0, -2.0, -5.0]);
        assert_eq!(TWO.forward(&x, 0).data(), &[-2.0]);
    }
}
