//! Activations of rows of sums, forward and back.

use super::parallel::for_each_job;
use crate::backend::planes::Planes;
use crate::trunk::Activation;

impl Activation {
    /// y for one row of sums plus a bias: yᵢ = f(xᵢ + b).
    pub(super) fn apply(self, sums: &[f32], bias: f32, out: &mut [f32]) {
        let pairs = out.iter_mut().zip(sums);
        match self {
            Self::Identity => pairs.for_each(|(y, x)| *y = x + bias),
            Self::Relu => pairs.for_each(|(y, x)| *y = (x + bias).max(0.0)),
            Self::Relu6 => pairs.for_each(|(y, x)| *y = (x + bias).clamp(0.0, 6.0)),
        }
    }

    /// x̄ᵢ = ȳᵢ f′(xᵢ) in place, from the output alone; at a kink the slope is 0.
    ///
    /// # Panics
    /// When the sizes differ.
    pub(super) fn vjp_in_place(self, output: &Planes, out_bar: &mut Planes) {
        if self == Self::Identity {
            return;
        }
        let (height, width) = (output.height(), output.width());
        assert_eq!(
            (out_bar.height(), out_bar.width()),
            (height, width),
            "planes of one size"
        );
        let (row_stride, pad) = (out_bar.row_stride(), out_bar.pad());
        let cost = out_bar.data().len();
        for_each_job(
            out_bar.planes_mut(),
            cost,
            || (),
            |(), c, plane| {
                for y in 0..height {
                    let bars = &mut plane[(y + pad) * row_stride + pad..][..width];
                    self.vjp_row_in_place(output.row(c, y), bars);
                }
            },
        );
    }

    /// The same for one row.
    pub(super) fn vjp_row_in_place(self, output: &[f32], bars: &mut [f32]) {
        let ceiling = match self {
            Self::Identity => return,
            Self::Relu => f32::INFINITY,
            Self::Relu6 => 6.0,
        };
        for (bar, out) in bars.iter_mut().zip(output) {
            let open = *out > 0.0 && *out < ceiling;
            *bar = if open { *bar } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_slopes_by_hand() {
        let sums = [-2.0, 1.0, 9.0];
        let cases = [
            (Activation::Identity, [-1.0, 2.0, 10.0], [1.0, 1.0, 1.0]),
            (Activation::Relu, [0.0, 2.0, 10.0], [0.0, 1.0, 1.0]),
            (Activation::Relu6, [0.0, 2.0, 6.0], [0.0, 1.0, 0.0]),
        ];
        for (activation, values, slopes) in cases {
            let mut out = [0.0; 3];
            activation.apply(&sums, 1.0, &mut out);
            assert_eq!(out, values);
            let output = Planes::from_contiguous(1, 1, 3, 1, &out);
            let mut bar = Planes::from_contiguous(1, 1, 3, 0, &[1.0; 3]);
            activation.vjp_in_place(&output, &mut bar);
            assert_eq!(bar.data(), &slopes);
        }
    }
}
