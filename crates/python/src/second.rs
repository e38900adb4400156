//! The way back through a way back, for losses that contain a gradient.

use crate::exceptions;
use crate::rule::{Rule, Visit};
use crate::stacks::{arrays, entries, given, given_stacks, stacks};
use matbackprop_core::Error;
use matbackprop_core::stack::{Number, StackRef, StackRule, StackSecond, Stacked};
use numpy::{Element, PyArray3, PyReadonlyArray3};
use pyo3::prelude::*;

struct Second<'a, T> {
    inputs: &'a [StackRef<'a, T>],
    kept: &'a [StackRef<'a, f64>],
    bars: &'a [Option<StackRef<'a, T>>],
    z: &'a [Option<StackRef<'a, T>>],
}

impl<T: Number> Visit for Second<'_, T> {
    type Output = Result<StackSecond<T>, Error>;

    fn visit<R: StackRule>(self, rule: &R) -> Self::Output {
        Stacked::new(rule).vjp_of_vjp(self.inputs, self.kept, self.bars, self.z)
    }
}

/// Arrays of one type, and those of what was kept.
struct Arguments<'a, 'py, T: Element> {
    inputs: &'a [PyReadonlyArray3<'py, T>],
    kept: &'a [PyReadonlyArray3<'py, f64>],
    bars: &'a [Option<PyReadonlyArray3<'py, T>>],
    z: &'a [Option<PyReadonlyArray3<'py, T>>],
}

type Arrays<'py, T> = Vec<Bound<'py, PyArray3<T>>>;

fn second<'py, T: Number + Element>(
    py: Python<'py>,
    rule: &Rule,
    arguments: &Arguments<'_, '_, T>,
) -> PyResult<(Arrays<'py, T>, Arrays<'py, T>)> {
    let (inputs, kept) = (entries(arguments.inputs), entries(arguments.kept));
    let (bars, z) = (given(arguments.bars), given(arguments.z));
    let computed = py.detach(|| {
        let (inputs, kept) = (stacks(&inputs)?, stacks(&kept)?);
        rule.apply(Second {
            inputs: &inputs,
            kept: &kept,
            bars: &given_stacks(&bars)?,
            z: &given_stacks(&z)?,
        })
    });
    let second = computed.map_err(exceptions::of)?;
    Ok((arrays(py, second.bar_bars)?, arrays(py, second.x_bars)?))
}

macro_rules! of_type {
    ($number:ty, $name:ident) => {
        /// Cotangents of the outputs' cotangents, and of the inputs.
        #[pyfunction]
        fn $name<'py>(
            py: Python<'py>,
            name: &str,
            numbers: Vec<f64>,
            inputs: Vec<PyReadonlyArray3<'py, $number>>,
            kept: Vec<PyReadonlyArray3<'py, f64>>,
            bars: Vec<Option<PyReadonlyArray3<'py, $number>>>,
            z: Vec<Option<PyReadonlyArray3<'py, $number>>>,
        ) -> PyResult<(Arrays<'py, $number>, Arrays<'py, $number>)> {
            let arguments = Arguments {
                inputs: &inputs,
                kept: &kept,
                bars: &bars,
                z: &z,
            };
            second(py, &Rule::parse(name, &numbers)?, &arguments)
        }
    };
}

of_type!(f64, vjp_of_vjp_f64);
of_type!(f32, vjp_of_vjp_f32);

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(vjp_of_vjp_f64, module)?)?;
    module.add_function(wrap_pyfunction!(vjp_of_vjp_f32, module)?)
}
