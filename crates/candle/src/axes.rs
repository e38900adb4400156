//! Tensors as stacks: the last two axes are a matrix, the leading ones count matrices.

use candle_core::{Error, Layout, Result, Tensor, WithDType};
use matbackprop_core::stack::{Axes, Number, StackRef};

pub(crate) fn axes(op: &str, dims: &[usize]) -> Result<Axes> {
    match Axes::of(dims) {
        Some(axes) => Ok(axes),
        None => candle_core::bail!(
            "{op}: expected a matrix or a batch of them, two axes or more, found {dims:?}"
        ),
    }
}

/// A tensor that is one [`stack`]: itself, or candle's copy, which has a way back.
pub(crate) fn reached(tensor: &Tensor) -> Result<Tensor> {
    if reaches(tensor) {
        Ok(tensor.clone())
    } else {
        tensor.contiguous()
    }
}

/// A tensor as a stack that reads its numbers where they lie.
///
/// # Errors
/// Where no one stride leads from each matrix to the next: see [`reached`].
pub(crate) fn stack<'a, T: Number + WithDType>(
    op: &str,
    numbers: &'a [T],
    layout: &Layout,
) -> Result<StackRef<'a, T>> {
    let axes = axes(op, layout.dims())?;
    let behind = numbers.get(layout.start_offset()..);
    let (Some(strides), Some(numbers)) = (axes.strides(layout.stride()), behind) else {
        candle_core::bail!("{op}: expected matrices at one distance, found {layout:?}")
    };
    StackRef::with_strides(numbers, axes.count(), axes.matrix(), strides).map_err(Error::wrap)
}

/// Does one stride lead from each matrix of a tensor to the next?
fn reaches(tensor: &Tensor) -> bool {
    let axes = Axes::of(tensor.dims());
    axes.is_some_and(|axes| axes.strides(tensor.stride()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// The strides of a tensor that is read where it lies, entry by entry as candle reads it.
    fn strides_of(tensor: &Tensor) -> [usize; 3] {
        let (storage, layout) = tensor.storage_and_layout();
        let candle_core::Storage::Cpu(storage) = &*storage else {
            panic!("expected a tensor on the processor");
        };
        let numbers = storage.as_slice::<f64>().unwrap();
        let stack = stack("test", numbers, layout).unwrap();
        let (rows, columns) = stack.shape();
        let mut found = Vec::new();
        for b in 0..stack.count() {
            for i in 0..rows {
                found.extend((0..columns).map(|j| stack.entry(b, i, j)));
            }
        }
        let expected = tensor.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert_eq!(found, expected);
        stack.strides()
    }

    #[test]
    fn views_are_read_where_they_lie() {
        let numbers = Tensor::arange(0.0, 120.0, &Device::Cpu).unwrap();
        let tensor = numbers.reshape((2, 3, 4, 5)).unwrap();
        assert_eq!(strides_of(&tensor), [20, 5, 1]);
        assert_eq!(strides_of(&tensor.t().unwrap()), [20, 1, 5]);
        let part = tensor.narrow(3, 1, 3).unwrap().narrow(2, 2, 2).unwrap();
        assert_eq!(strides_of(&part), [20, 5, 1]);
        let last_picture = tensor.narrow(1, 2, 1).unwrap();
        assert_eq!(strides_of(&last_picture), [60, 5, 1]);
        let repeated = numbers.narrow(0, 0, 20).unwrap().reshape((4, 5)).unwrap();
        let repeated = repeated.broadcast_as((3, 4, 5)).unwrap();
        assert_eq!(strides_of(&repeated), [0, 5, 1]);
        assert_eq!(strides_of(&repeated.get(1).unwrap()), [0, 5, 1]);
    }

    #[test]
    fn no_stride_leads_through_parts_of_leading_axes() {
        let numbers = Tensor::arange(0.0, 120.0, &Device::Cpu).unwrap();
        let tensor = numbers.reshape((2, 3, 4, 5)).unwrap();
        assert!(reaches(&tensor));
        assert!(!reaches(&tensor.narrow(1, 0, 2).unwrap()));
        assert!(!reaches(&tensor.transpose(0, 1).unwrap()));
    }

    #[test]
    fn a_vector_is_no_matrix() {
        assert!(axes("test", &[3]).is_err());
    }
}
