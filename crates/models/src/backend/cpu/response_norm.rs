//! Response normalisation of framed planes.

use rayon::prelude::*;

use crate::backend::planes::Planes;
use crate::trunk::ResponseNorm;

impl ResponseNorm {
    /// y, in a frame of `out_pad`.
    pub(super) fn forward(&self, input: &Planes, out_pad: usize) -> Planes {
        let mut output = Planes::zeros(input.channels(), input.height(), input.width(), out_pad);
        let (plane, stride) = (output.plane_stride(), output.row_stride());
        let width = input.width();
        output
            .data_mut()
            .par_chunks_exact_mut(plane)
            .enumerate()
            .for_each(|(c, places)| {
                for y in 0..input.height() {
                    let row = &mut places[(y + out_pad) * stride + out_pad..][..width];
                    self.energies_of_row(input, (c, y), row);
                    self.powers(row);
                    for (place, x) in row.iter_mut().zip(input.row(c, y)) {
                        *place *= x;
                    }
                }
            });
        output
    }

    /// x̄, in a frame of `input_pad`.
    pub(super) fn vjp(&self, input: &Planes, out_bar: &Planes, input_pad: usize) -> Planes {
        let (channels, height, width) = (input.channels(), input.height(), input.width());
        let factor = 2.0 * self.alpha * self.beta / self.size as f32;
        // ȳ s^{−β} and ȳ x s^{−β−1}, once for each number: the powers cost most.
        let mut own = Planes::zeros(channels, height, width, input_pad);
        let mut cross = Planes::zeros(channels, height, width, 0);
        let (plane, stride) = (own.plane_stride(), own.row_stride());
        let crosses = cross.data_mut().par_chunks_exact_mut(height * width);
        own.data_mut()
            .par_chunks_exact_mut(plane)
            .zip(crosses)
            .enumerate()
            .for_each(|(c, (owns, crosses))| {
                for y in 0..height {
                    let cross = &mut crosses[y * width..][..width];
                    let own = &mut owns[(y + input_pad) * stride + input_pad..][..width];
                    self.energies_of_row(input, (c, y), cross);
                    own.copy_from_slice(cross);
                    self.powers(own);
                    let numbers = input.row(c, y).iter().zip(out_bar.row(c, y));
                    for ((own, cross), (x, bar)) in own.iter_mut().zip(cross).zip(numbers) {
                        *own *= bar;
                        *cross = *own * x / *cross;
                    }
                }
            });
        let mut bar = own;
        bar.data_mut()
            .par_chunks_exact_mut(plane)
            .enumerate()
            .for_each(|(c, places)| {
                for k in self.window(c, channels) {
                    for y in 0..height {
                        let row = &mut places[(y + input_pad) * stride + input_pad..][..width];
                        let numbers = input.row(c, y).iter().zip(cross.row(k, y));
                        for (place, (x, cross)) in row.iter_mut().zip(numbers) {
                            *place -= factor * x * cross;
                        }
                    }
                }
            });
        bar
    }

    fn window(&self, c: usize, channels: usize) -> std::ops::Range<usize> {
        let half = self.size / 2;
        c.saturating_sub(half)..(c + half + 1).min(channels)
    }

    /// s of a row.
    fn energies_of_row(&self, input: &Planes, (c, y): (usize, usize), s: &mut [f32]) {
        s.fill(0.0);
        for k in self.window(c, input.channels()) {
            for (s, x) in s.iter_mut().zip(input.row(k, y)) {
                *s += x * x;
            }
        }
        let factor = self.alpha / self.size as f32;
        s.iter_mut().for_each(|s| *s = self.kappa + factor * *s);
    }

    /// s ← s^{−β}.
    fn powers(&self, s: &mut [f32]) {
        if self.beta == 0.75 {
            // AlexNet's, by roots, many at a time: s^¾ = s^½ s^¼.
            for s in s {
                let root = s.sqrt();
                *s = 1.0 / (root * root.sqrt());
            }
        } else {
            s.iter_mut().for_each(|s| *s = s.powf(-self.beta));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::test_values::random_values;

    /// Strong enough that the cross term counts.
    const STRONG: ResponseNorm = ResponseNorm {
        size: 3,
        alpha: 1.5,
        beta: 0.75,
        kappa: 1.0,
    };

    #[test]
    fn value_by_hand() {
        let x = Planes::from_contiguous(2, 1, 1, 0, &[1.0, 2.0]);
        let y = STRONG.forward(&x, 1).to_contiguous();
        // s = 1 + 0.5 · (1 + 4) = 3.5 for both channels
        let power = 3.5_f32.powf(-0.75);
        assert!((y[0] - power).abs() < 1e-6 && (y[1] - 2.0 * power).abs() < 1e-6);
    }

    #[test]
    fn the_vjp_equals_differences() {
        let values = random_values(5 * 4, 1);
        let bar = random_values(5 * 4, 2);
        let loss = |values: &[f32]| -> f64 {
            let y = STRONG.forward(&Planes::from_contiguous(5, 2, 2, 0, values), 0);
            y.data()
                .iter()
                .zip(&bar)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        let x = Planes::from_contiguous(5, 2, 2, 1, &values);
        let x_bar = STRONG.vjp(&x, &Planes::from_contiguous(5, 2, 2, 1, &bar), 0);
        let step = 1e-2;
        for i in 0..values.len() {
            let (mut up, mut down) = (values.clone(), values.clone());
            up[i] += step;
            down[i] -= step;
            let slope = (loss(&up) - loss(&down)) / f64::from(up[i] - down[i]);
            // Truncation of second order in the step, and f32 rounding over it.
            assert!(
                (slope - f64::from(x_bar.data()[i])).abs() < 2e-3,
                "{i}: {slope}"
            );
        }
    }
}
