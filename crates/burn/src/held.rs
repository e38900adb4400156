//! Tensors whose numbers lie in the processor's memory: those of `NdArray` are read and made where they lie.

use crate::error::{Error, Result};
use burn_tensor::backend::Backend;
use burn_tensor::ops::FloatTensor;
use burn_tensor::{DType, Element, TensorData, try_read_sync};
use matbackprop_core::stack::{Axes, Number, StackRef};
#[cfg(feature = "ndarray")]
use {
    burn_ndarray::{NdArrayTensor, SharedArray},
    burn_tensor::TensorMetadata,
    std::any::Any,
};

/// A tensor that can be read.
pub(crate) enum Held {
    /// Its numbers, row after row.
    Data(TensorData),
    /// The tensor itself, whose numbers fill their memory in some order.
    #[cfg(feature = "ndarray")]
    Array(NdArrayTensor),
}

/// f64 and f32.
pub(crate) trait Entry: Number + Element {
    /// The numbers of an array as they lie in memory, and the stride of each axis; none where they are of another type, leave
    /// gaps, or run backwards.
    #[cfg(feature = "ndarray")]
    fn numbers(array: &NdArrayTensor) -> Option<(&[Self], Vec<usize>)>;

    /// An array that owns these numbers: burn's own way from data borrows them, and copies them with each use.
    #[cfg(feature = "ndarray")]
    fn array(numbers: Vec<Self>, dims: &[usize]) -> Option<NdArrayTensor>;
}

macro_rules! entry {
    ($($number:ty: $variant:ident),+) => {$(
        impl Entry for $number {
            #[cfg(feature = "ndarray")]
            fn numbers(array: &NdArrayTensor) -> Option<(&[Self], Vec<usize>)> {
                let NdArrayTensor::$variant(storage) = array else {
                    return None;
                };
                let view = storage.view();
                let strides = view.strides().iter();
                let strides: Option<_> = strides.map(|&s| usize::try_from(s).ok()).collect();
                view.to_slice_memory_order().zip(strides)
            }

            #[cfg(feature = "ndarray")]
            fn array(numbers: Vec<Self>, dims: &[usize]) -> Option<NdArrayTensor> {
                let array = SharedArray::from_shape_vec(dims, numbers);
                array.ok().map(NdArrayTensor::from)
            }
        }
    )+};
}

entry!(f64: F64, f32: F32);

/// Is an array a stack as it lies?
#[cfg(feature = "ndarray")]
fn is_stack(array: &NdArrayTensor) -> bool {
    let strides = match array.dtype() {
        DType::F64 => f64::numbers(array).map(|(_, strides)| strides),
        DType::F32 => f32::numbers(array).map(|(_, strides)| strides),
        _ => None,
    };
    let axes = Axes::of(&array.shape().dims).zip(strides);
    axes.is_some_and(|(axes, strides)| axes.strides(&strides).is_some())
}

impl Held {
    /// Reads a tensor: without a copy where it is `NdArray`'s, or its backend gives its numbers away.
    pub fn of<B: Backend>(op: &'static str, tensor: FloatTensor<B>) -> Result<Self> {
        #[cfg(feature = "ndarray")]
        let tensor = {
            let mut tensor = Some(tensor);
            let array = (&mut tensor as &mut dyn Any).downcast_mut::<Option<NdArrayTensor>>();
            if let Some(array) = array.and_then(|array| array.take_if(|array| is_stack(array))) {
                return Ok(Self::Array(array));
            }
            tensor.expect("a tensor that was not taken")
        };
        let device = |message: String| Error::Device { op, message };
        let data = try_read_sync(B::float_into_data(tensor));
        let data =
            data.ok_or_else(|| device("expected a device that is read at once".to_owned()))?;
        data.map(Self::Data)
            .map_err(|error| device(error.to_string()))
    }

    pub fn dims(&self) -> Vec<usize> {
        match self {
            Self::Data(data) => data.shape.clone(),
            #[cfg(feature = "ndarray")]
            Self::Array(array) => array.shape().dims,
        }
    }

    pub fn dtype(&self) -> DType {
        match self {
            Self::Data(data) => data.dtype,
            #[cfg(feature = "ndarray")]
            Self::Array(array) => array.dtype(),
        }
    }

    pub fn axes(&self, op: &'static str) -> Result<Axes> {
        let found = self.dims();
        Axes::of(&found).ok_or(Error::TooFewAxes { op, found })
    }

    /// The matrices, to be read.
    pub fn stack<T: Entry>(&self, op: &'static str) -> Result<StackRef<'_, T>> {
        let (axes, found) = (self.axes(op)?, self.dtype());
        let (count, shape) = (axes.count(), axes.matrix());
        let other_type = || Error::Type { op, found };
        match self {
            Self::Data(data) => {
                let numbers = data.as_slice::<T>().map_err(|_| other_type())?;
                Ok(StackRef::row_major(numbers, count, shape)?)
            }
            #[cfg(feature = "ndarray")]
            Self::Array(array) => {
                let numbers = T::numbers(array)
                    .and_then(|(numbers, strides)| Some((numbers, axes.strides(&strides)?)));
                let (numbers, strides) = numbers.ok_or_else(other_type)?;
                Ok(StackRef::with_strides(numbers, count, shape, strides)?)
            }
        }
    }
}

/// A tensor of numbers that lie row after row, without a copy for `NdArray`.
pub(crate) fn tensor<B: Backend, T: Entry>(
    numbers: Vec<T>,
    dims: &[usize],
    device: &B::Device,
) -> FloatTensor<B> {
    #[cfg(feature = "ndarray")]
    {
        let mut tensor = None::<FloatTensor<B>>;
        if let Some(array) = (&mut tensor as &mut dyn Any).downcast_mut() {
            *array = T::array(numbers, dims);
            return tensor.expect("as many numbers as the lengths say");
        }
    }
    B::float_from_data(TensorData::new(numbers, dims), device)
}

#[cfg(all(test, feature = "ndarray"))]
mod tests {
    use super::*;
    use burn_ndarray::NdArray;
    use burn_tensor::Tensor;

    type Batch = Tensor<NdArray<f64>, 3>;

    fn held(view: fn(Batch) -> Batch) -> Held {
        let numbers = (0..24).map(f64::from).collect();
        let made = tensor::<NdArray<f64>, f64>(numbers, &[2, 3, 4], &Default::default());
        assert!(!made.is_borrowed());
        let view = view(Batch::from_primitive(burn_tensor::TensorPrimitive::Float(
            made,
        )));
        Held::of::<NdArray<f64>>("test", view.into_primitive().tensor()).unwrap()
    }

    #[test]
    fn an_array_that_fills_its_memory_is_read_where_it_lies() {
        for (view, strides) in [
            ((|x| x) as fn(Batch) -> Batch, [12, 4, 1]),
            (|x| x.swap_dims(1, 2), [12, 1, 4]),
        ] {
            let held = held(view);
            assert!(matches!(held, Held::Array(_)));
            let stack = held.stack::<f64>("test").unwrap();
            assert_eq!(stack.strides(), strides);
            assert_eq!(
                stack.entry(1, 1, 2),
                12.0 + (strides[1] + 2 * strides[2]) as f64
            );
            assert!(held.stack::<f32>("test").is_err());
        }
    }

    #[test]
    fn a_part_of_an_array_is_copied() {
        let held = held(|x| x.narrow(2, 1, 2));
        assert!(matches!(held, Held::Data(_)));
        let stack = held.stack::<f64>("test").unwrap();
        assert_eq!((stack.shape(), stack.entry(1, 2, 1)), ((3, 2), 22.0));
    }
}
