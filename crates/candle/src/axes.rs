//! Tensors as stacks: the last two axes are a matrix, the leading ones count matrices.

use candle_core::{Error, Layout, Result, Tensor, WithDType};
use matbackprop_core::stack::{Number, Shape, StackRef};

/// The axes before the last two, and the shape of the matrices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axes {
    pub leading: Vec<usize>,
    pub matrix: Shape,
}

impl Axes {
    pub fn of(op: &str, dims: &[usize]) -> Result<Self> {
        match dims {
            [leading @ .., rows, columns] => Ok(Self {
                leading: leading.to_vec(),
                matrix: (*rows, *columns),
            }),
            _ => candle_core::bail!(
                "{op}: expected a matrix or a batch of them, two axes or more, found {dims:?}"
            ),
        }
    }

    /// How many matrices there are.
    pub fn count(&self) -> usize {
        self.leading.iter().product()
    }

    /// The shape of a batch of other matrices.
    pub fn with(&self, (rows, columns): Shape) -> Vec<usize> {
        let mut dims = self.leading.clone();
        dims.extend([rows, columns]);
        dims
    }
}

/// A tensor as a stack that reads its numbers where they lie.
///
/// # Errors
/// For a tensor of which [`reaches`] is false.
pub(crate) fn stack<'a, T: Number + WithDType>(
    op: &str,
    numbers: &'a [T],
    layout: &Layout,
) -> Result<StackRef<'a, T>> {
    let axes = Axes::of(op, layout.dims())?;
    let behind = numbers.get(layout.start_offset()..);
    let (Some(strides), Some(numbers)) = (strides(layout), behind) else {
        candle_core::bail!("{op}: expected matrices at one distance, found {layout:?}")
    };
    StackRef::with_strides(numbers, axes.count(), axes.matrix, strides).map_err(Error::wrap)
}

/// Does one stride lead from each matrix of a tensor to the next?
pub(crate) fn reaches(tensor: &Tensor) -> bool {
    strides(tensor.layout()).is_some()
}

/// Numbers from one matrix, row and column to the next; none where no single stride leads through the leading axes.
fn strides(layout: &Layout) -> Option<[usize; 3]> {
    let [leading @ .., row, column] = layout.stride() else {
        return None;
    };
    let lengths = layout.dims().iter();
    // From the last axis on, each stride has to span the axis behind it.
    let mut walked: Option<(usize, usize)> = None;
    for (&length, &stride) in lengths.zip(leading).rev() {
        if length == 1 {
            continue;
        }
        walked = match walked {
            None => Some((stride, stride * length)),
            Some((matrix, span)) if span == stride => Some((matrix, span * length)),
            Some(_) => return None,
        };
    }
    Some([walked.map_or(0, |(matrix, _)| matrix), *row, *column])
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
        assert!(Axes::of("test", &[3]).is_err());
        let axes = Axes::of("test", &[2, 3, 4, 5]).unwrap();
        assert_eq!((axes.count(), axes.with((7, 1))), (6, vec![2, 3, 7, 1]));
    }
}
