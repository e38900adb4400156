//! What Python calls: stacks of matrices through rules, scorers, segmentation, and the command line.
//!
//! ```text
//! rule       a rule by its name and numbers
//! stacks     NumPy's arrays as stacks, and back; forward, vjp, jvp, vjp of vjp
//! bsds       boundaries and regions of BSDS500
//! coco       the table of detections
//! masks      polygons and run lengths as arrays
//! regions    free-form regions and their photographs
//! segment    a photograph's segments
//! exceptions errors as exceptions
//! ```
//!
//! The faces that people import are written in Python, in `python/matbackprop`; nothing here is public. Python's lock is free
//! while Rust computes.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bsds;
mod coco;
mod exceptions;
mod masks;
mod regions;
mod rule;
mod second;
mod segment;
mod stacks;

use pyo3::prelude::*;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program with these words, the first of which is its name; whether it succeeded.
#[pyfunction]
fn command_line(py: Python<'_>, words: Vec<OsString>) -> bool {
    py.detach(|| matbackprop::command_line(words)) == ExitCode::SUCCESS
}

/// The compiled part of the package matbackprop.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(command_line, module)?)?;
    exceptions::add_to(module)?;
    stacks::add_to(module)?;
    second::add_to(module)?;
    bsds::add_to(module)?;
    coco::add_to(module)?;
    masks::add_to(module)?;
    regions::add_to(module)?;
    segment::add_to(module)
}
