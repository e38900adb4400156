//! Feature maps on a device: a row a position, a column a channel.

use dfdx::prelude::*;

use crate::trunk::Activation;

/// n × C numbers on a device.
pub(crate) type Rows<D> = Tensor<(usize, usize), f32, D>;

/// Some numbers on a device.
pub(super) type Vector<D> = Tensor<(usize,), f32, D>;

/// n × C from C × n numbers of the host.
pub(super) fn rows_from_maps<D: Device<f32>>(
    device: &D,
    channels: usize,
    maps: Vec<f32>,
) -> Result<Rows<D>, D::Err> {
    let positions = maps.len() / channels;
    let maps: Rows<D> = device.try_tensor_from_vec(maps, (channels, positions))?;
    turned(maps)
}

/// Rows and columns exchanged, in memory too: gradients and copies know no strides.
pub(super) fn turned<D: Device<f32>>(rows: Rows<D>) -> Result<Rows<D>, D::Err> {
    let turned = rows.try_permute::<(usize, usize), Axes2<1, 0>>()?;
    turned.try_contiguous()
}

/// Aᵀ as a view, for products.
pub(super) fn transposed<D: Device<f32>>(rows: Rows<D>) -> Result<Rows<D>, D::Err> {
    rows.try_permute::<(usize, usize), Axes2<1, 0>>()
}

/// The contents of a tensor as they lie in memory.
pub(super) fn contents_of<S: Shape, D: Device<f32>>(tensor: &Tensor<S, f32, D>) -> Vec<f32> {
    let mut contents = vec![0.0; tensor.shape().num_elements()];
    tensor.copy_into(&mut contents);
    contents
}

/// `rows` with one more row at the end, filled with `value`, for positions outside the map.
pub(super) fn with_row<D: Device<f32>>(rows: Rows<D>, value: f32) -> Result<Rows<D>, D::Err> {
    let (_, channels) = *rows.shape();
    let device = rows.device().clone();
    let row: Rows<D> = device.try_tensor_from_vec(vec![value; channels], (1, channels))?;
    (rows, row).try_concat_along(Axis::<0>)
}

/// a + b, where a there is.
pub(super) fn plus<D: Device<f32>>(a: Option<Rows<D>>, b: Rows<D>) -> Result<Rows<D>, D::Err> {
    match a {
        Some(a) => a.try_add(b),
        None => Ok(b),
    }
}

impl Activation {
    /// y = f(x)
    pub(super) fn on_rows<D: Device<f32>>(self, sums: Rows<D>) -> Result<Rows<D>, D::Err> {
        match self {
            Self::Identity => Ok(sums),
            Self::Relu => sums.try_relu(),
            Self::Relu6 => sums.try_clamp(0.0, 6.0),
        }
    }

    /// x̄ = ȳ ∘ f′, from the output alone; at a kink the slope is 0.
    pub(super) fn vjp_rows<D: Device<f32>>(
        self,
        output: &Rows<D>,
        bar: Rows<D>,
    ) -> Result<Rows<D>, D::Err> {
        if self == Self::Identity {
            return Ok(bar);
        }
        let zero: Rows<D> = output.device().try_zeros_like(output.shape())?;
        let bar = output.try_gt(0.0)?.try_choose(bar, zero.clone())?;
        match self {
            Self::Relu6 => output.try_lt(6.0)?.try_choose(bar, zero),
            _ => Ok(bar),
        }
    }
}
