//! Response normalisation by a product with a banded matrix.

use dfdx::prelude::*;

use super::rows::Rows;
use crate::trunk::ResponseNorm;

impl ResponseNorm {
    /// y = x ∘ s^{−β}
    pub(super) fn rows_forward<D: Device<f32>>(&self, input: &Rows<D>) -> Result<Rows<D>, D::Err> {
        let power = self.energies(input)?.try_powf(-self.beta)?;
        input.clone().try_mul(power)
    }

    /// x̄ = ȳ s^{−β} − (2αβ / n) x ∘ M (ȳ x s^{−β−1}), M the windows, which is symmetric.
    pub(super) fn rows_vjp<D: Device<f32>>(
        &self,
        input: &Rows<D>,
        bar: Rows<D>,
    ) -> Result<Rows<D>, D::Err> {
        let energies = self.energies(input)?;
        let own = bar.try_mul(energies.clone().try_powf(-self.beta)?)?;
        let cross = own.clone().try_mul(input.clone())?.try_div(energies)?;
        let factor = 2.0 * self.alpha * self.beta / self.size as f32;
        let windows = self.windows(input)?;
        let spread = cross.try_matmul(windows)?.try_mul(input.clone())?;
        own.try_sub(spread.try_mul(factor)?)
    }

    /// s = κ + (α / n) M x²
    fn energies<D: Device<f32>>(&self, input: &Rows<D>) -> Result<Rows<D>, D::Err> {
        let squares = input.clone().try_square()?;
        let sums = squares.try_matmul(self.windows(input)?)?;
        let scaled = sums.try_mul(self.alpha / self.size as f32)?;
        scaled.try_add(self.kappa)
    }

    /// M: 1 where a channel lies in another's window.
    fn windows<D: Device<f32>>(&self, rows: &Rows<D>) -> Result<Rows<D>, D::Err> {
        let (_, channels) = *rows.shape();
        let ones = (0..channels).flat_map(|a| {
            (0..channels).map(move |b| f32::from(u8::from(a.abs_diff(b) <= self.size / 2)))
        });
        rows.device()
            .try_tensor_from_vec(ones.collect(), (channels, channels))
    }
}
