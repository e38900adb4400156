//! Rules on NumPy's arrays: the last two axes of each are a matrix, and the first one counts matrices.

use crate::exceptions;
use crate::rule::{Rule, Visit};
use matbackprop_core::Error;
use matbackprop_core::stack::{Number, OnFailure, Shapes, Stack, StackRef, StackRule, Stacked};
use numpy::ndarray::{ArrayView3, Axis};
use numpy::{Element, PyArray1, PyArray3, PyArrayMethods, PyReadonlyArray3};
use pyo3::prelude::*;
use std::borrow::Cow;

/// The numbers of an array and where they lie: those of the array itself where they fill their memory, else a copy.
pub struct Entries<'a, T: Copy> {
    numbers: Cow<'a, [T]>,
    count: usize,
    shape: (usize, usize),
    strides: [usize; 3],
}

impl<'a, T: Number + Element> Entries<'a, T> {
    pub fn of(array: &'a PyReadonlyArray3<'_, T>) -> Self {
        Self::of_view(array.as_array())
    }

    fn of_view(view: ArrayView3<'a, T>) -> Self {
        let (count, rows, columns) = view.dim();
        let shape = (rows, columns);
        // Of an axis of one entry NumPy may say any stride.
        let stride = |axis: usize| match view.len_of(Axis(axis)) {
            0 | 1 => Some(0),
            _ => usize::try_from(view.strides()[axis]).ok(),
        };
        let strides = stride(0).zip(stride(1)).zip(stride(2));
        match (strides, view.to_slice_memory_order()) {
            (Some(((matrix, row), column)), Some(numbers)) => Self {
                numbers: Cow::Borrowed(numbers),
                count,
                shape,
                strides: [matrix, row, column],
            },
            _ => Self {
                numbers: Cow::Owned(view.iter().copied().collect()),
                count,
                shape,
                strides: [rows * columns, columns, 1],
            },
        }
    }

    pub fn stack(&self) -> Result<StackRef<'_, T>, Error> {
        StackRef::with_strides(&self.numbers, self.count, self.shape, self.strides)
    }
}

/// Arrays as stacks, whose entries live beside them.
pub fn entries<'a, T: Number + Element>(
    arrays: &'a [PyReadonlyArray3<'_, T>],
) -> Vec<Entries<'a, T>> {
    arrays.iter().map(Entries::of).collect()
}

pub fn stacks<'a, T: Number + Element>(
    entries: &'a [Entries<'_, T>],
) -> Result<Vec<StackRef<'a, T>>, Error> {
    entries.iter().map(Entries::stack).collect()
}

/// Arrays that may be absent, each a zero.
pub type Given<'a, T> = Vec<Option<Entries<'a, T>>>;

pub fn given<'a, T: Number + Element>(
    arrays: &'a [Option<PyReadonlyArray3<'_, T>>],
) -> Given<'a, T> {
    let entries = arrays.iter().map(|array| array.as_ref().map(Entries::of));
    entries.collect()
}

pub fn given_stacks<'a, T: Number + Element>(
    given: &'a Given<'_, T>,
) -> Result<Vec<Option<StackRef<'a, T>>>, Error> {
    let stacks = given
        .iter()
        .map(|entries| entries.as_ref().map(Entries::stack).transpose());
    stacks.collect()
}

/// A stack as an array that takes its numbers.
fn array<T: Number + Element>(py: Python<'_>, stack: Stack<T>) -> PyResult<Bound<'_, PyArray3<T>>> {
    let (count, (rows, columns)) = (stack.as_ref().count(), stack.as_ref().shape());
    PyArray1::from_vec(py, stack.into_numbers()).reshape([count, rows, columns])
}

pub fn arrays<T: Number + Element>(
    py: Python<'_>,
    stacks: Vec<Stack<T>>,
) -> PyResult<Vec<Bound<'_, PyArray3<T>>>> {
    stacks.into_iter().map(|stack| array(py, stack)).collect()
}

/// What one bad matrix means.
fn on_failure(nan: bool) -> OnFailure {
    if nan {
        OnFailure::Nan
    } else {
        OnFailure::Error
    }
}

struct Forward<'a, T> {
    inputs: &'a [StackRef<'a, T>],
    on_failure: OnFailure,
}

type Results<T> = (Vec<Stack<T>>, Vec<Stack<f64>>, Vec<Error>);

impl<T: Number> Visit for Forward<'_, T> {
    type Output = Result<Results<T>, Error>;

    fn visit<R: StackRule>(self, rule: &R) -> Self::Output {
        let stacked = Stacked::new(rule).on_failure(self.on_failure);
        let forward = stacked.forward(self.inputs)?;
        Ok((forward.outputs, forward.kept, forward.failures))
    }
}

struct Back<'a, T> {
    inputs: &'a [StackRef<'a, T>],
    kept: &'a [StackRef<'a, f64>],
    bars: &'a [Option<StackRef<'a, T>>],
    on_failure: OnFailure,
}

impl<T: Number> Visit for Back<'_, T> {
    type Output = Result<Vec<Stack<T>>, Error>;

    fn visit<R: StackRule>(self, rule: &R) -> Self::Output {
        let stacked = Stacked::new(rule).on_failure(self.on_failure);
        stacked.vjp(self.inputs, self.kept, self.bars)
    }
}

struct Along<'a, T>(Back<'a, T>);

impl<T: Number> Visit for Along<'_, T> {
    type Output = Result<Vec<Stack<T>>, Error>;

    fn visit<R: StackRule>(self, rule: &R) -> Self::Output {
        let stacked = Stacked::new(rule).on_failure(self.0.on_failure);
        stacked.jvp(self.0.inputs, self.0.kept, self.0.bars)
    }
}

struct ShapesOf<'a>(&'a [(usize, usize)]);

impl Visit for ShapesOf<'_> {
    type Output = Result<Shapes, Error>;

    fn visit<R: StackRule>(self, rule: &R) -> Self::Output {
        rule.shapes(self.0)
    }
}

type Shape = (usize, usize);

/// Shapes of the outputs, and of what is kept, for inputs of these shapes.
#[pyfunction]
fn shapes(name: &str, numbers: Vec<f64>, inputs: Vec<Shape>) -> PyResult<(Vec<Shape>, Vec<Shape>)> {
    let rule = Rule::parse(name, &numbers)?;
    let shapes = rule.apply(ShapesOf(&inputs)).map_err(exceptions::of)?;
    Ok((shapes.outputs, shapes.kept))
}

/// Arrays of the results, arrays of what is kept, and the errors of matrices without a result.
type ForwardArrays<'py, T> = (
    Vec<Bound<'py, PyArray3<T>>>,
    Vec<Bound<'py, PyArray3<f64>>>,
    Vec<String>,
);

fn forward<'py, T: Number + Element>(
    py: Python<'py>,
    rule: &Rule,
    inputs: &[PyReadonlyArray3<'_, T>],
    nan: bool,
) -> PyResult<ForwardArrays<'py, T>> {
    let entries = entries(inputs);
    let computed = py.detach(|| {
        let inputs = stacks(&entries)?;
        rule.apply(Forward {
            inputs: &inputs,
            on_failure: on_failure(nan),
        })
    });
    let (outputs, kept, failures) = computed.map_err(exceptions::of)?;
    let failures = failures.iter().map(ToString::to_string).collect();
    Ok((arrays(py, outputs)?, arrays(py, kept)?, failures))
}

fn back<'py, T: Number + Element>(
    py: Python<'py>,
    (rule, is_jvp): (&Rule, bool),
    inputs: &[PyReadonlyArray3<'_, T>],
    kept: &[PyReadonlyArray3<'_, f64>],
    bars: &[Option<PyReadonlyArray3<'_, T>>],
    nan: bool,
) -> PyResult<Vec<Bound<'py, PyArray3<T>>>> {
    let (inputs, kept, bars) = (entries(inputs), entries(kept), given(bars));
    let computed = py.detach(|| {
        let (inputs, kept) = (stacks(&inputs)?, stacks(&kept)?);
        let back = Back {
            inputs: &inputs,
            kept: &kept,
            bars: &given_stacks(&bars)?,
            on_failure: on_failure(nan),
        };
        if is_jvp {
            rule.apply(Along(back))
        } else {
            rule.apply(back)
        }
    });
    arrays(py, computed.map_err(exceptions::of)?)
}

macro_rules! of_type {
    ($number:ty, $forward:ident, $vjp:ident, $jvp:ident) => {
        /// Results, what the way back needs, and the errors of matrices without a result.
        #[pyfunction]
        fn $forward<'py>(
            py: Python<'py>,
            name: &str,
            numbers: Vec<f64>,
            inputs: Vec<PyReadonlyArray3<'py, $number>>,
            nan: bool,
        ) -> PyResult<ForwardArrays<'py, $number>> {
            forward(py, &Rule::parse(name, &numbers)?, &inputs, nan)
        }

        /// Cotangents of the inputs.
        #[pyfunction]
        fn $vjp<'py>(
            py: Python<'py>,
            name: &str,
            numbers: Vec<f64>,
            inputs: Vec<PyReadonlyArray3<'py, $number>>,
            kept: Vec<PyReadonlyArray3<'py, f64>>,
            bars: Vec<Option<PyReadonlyArray3<'py, $number>>>,
            nan: bool,
        ) -> PyResult<Vec<Bound<'py, PyArray3<$number>>>> {
            let rule = Rule::parse(name, &numbers)?;
            back(py, (&rule, false), &inputs, &kept, &bars, nan)
        }

        /// Tangents of the outputs.
        #[pyfunction]
        fn $jvp<'py>(
            py: Python<'py>,
            name: &str,
            numbers: Vec<f64>,
            inputs: Vec<PyReadonlyArray3<'py, $number>>,
            kept: Vec<PyReadonlyArray3<'py, f64>>,
            dots: Vec<Option<PyReadonlyArray3<'py, $number>>>,
            nan: bool,
        ) -> PyResult<Vec<Bound<'py, PyArray3<$number>>>> {
            let rule = Rule::parse(name, &numbers)?;
            back(py, (&rule, true), &inputs, &kept, &dots, nan)
        }
    };
}

of_type!(f64, forward_f64, vjp_f64, jvp_f64);
of_type!(f32, forward_f32, vjp_f32, jvp_f32);

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(shapes, module)?)?;
    module.add_function(wrap_pyfunction!(forward_f64, module)?)?;
    module.add_function(wrap_pyfunction!(vjp_f64, module)?)?;
    module.add_function(wrap_pyfunction!(jvp_f64, module)?)?;
    module.add_function(wrap_pyfunction!(forward_f32, module)?)?;
    module.add_function(wrap_pyfunction!(vjp_f32, module)?)?;
    module.add_function(wrap_pyfunction!(jvp_f32, module)?)
}
