//! The functions of matrices.

use super::{Evaluated, Settings};
use faer::{Mat, mat};
use matbackprop_core::{
    GramFunction, Iterations, MatrixFunction, Method, NewtonSchulz, Normalisation, Result,
    ScalarFunction, Sqrt, TraceFunction,
};

pub fn matrix_function(
    x: &[Mat<f64>],
    function: impl ScalarFunction + Copy + 'static,
) -> Result<Evaluated> {
    let rule = MatrixFunction::forward(x[0].as_ref(), function)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?]),
    ))
}

pub fn trace_function(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = TraceFunction::forward(x[0].as_ref(), Sqrt)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![mat![[rule.value()]]],
        move |bars| Ok(vec![back.vjp(bars[0][(0, 0)])?]),
        move |dots| Ok(vec![mat![[ahead.jvp(dots[0].as_ref())?]]]),
    ))
}

pub fn gram_function(
    x: &[Mat<f64>],
    method: Option<Method>,
    function: impl ScalarFunction + Copy + 'static,
) -> Result<Evaluated> {
    let rule = match method {
        Some(method) => GramFunction::forward_with(method, x[0].as_ref(), function)?,
        None => GramFunction::forward(x[0].as_ref(), function)?,
    };
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?]),
    ))
}

pub fn newton_schulz(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let iterations = Iterations::Until {
        tolerance: 1e-12,
        at_most: 50,
    };
    let rule = NewtonSchulz::forward(x[0].as_ref(), Normalisation::Trace, iterations)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.root().to_owned(), rule.inverse_root().to_owned()],
        move |bars| {
            let bars = (Some(bars[0].as_ref()), Some(bars[1].as_ref()));
            Ok(vec![back.vjp(bars.0, bars.1)?])
        },
        move |dots| {
            let dot = ahead.jvp(dots[0].as_ref())?;
            Ok(vec![dot.root, dot.inverse_root])
        },
    ))
}
