//! Factorisations, solves and determinants behind the face of every rule.

use super::{Evaluated, Settings};
use faer::{Mat, mat};
use matbackprop_core::{Cholesky, LogDet, Qr, Result, SignedLogDet, SymmetricSolve};

pub fn cholesky(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = Cholesky::forward(x[0].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.factor().to_owned()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?]),
    ))
}

pub fn symmetric_solve(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = SymmetricSolve::forward(x[0].as_ref(), x[1].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.solution().to_owned()],
        move |bars| {
            let bar = back.vjp(bars[0].as_ref())?;
            Ok(vec![bar.a, bar.b])
        },
        move |dots| {
            let dots = (Some(dots[0].as_ref()), Some(dots[1].as_ref()));
            Ok(vec![ahead.jvp(dots.0, dots.1)?])
        },
    ))
}

pub fn qr(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = Qr::forward(x[0].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.q().to_owned(), rule.r().to_owned()],
        move |bars| {
            let bars = (Some(bars[0].as_ref()), Some(bars[1].as_ref()));
            Ok(vec![back.vjp(bars.0, bars.1)?])
        },
        move |dots| {
            let dot = ahead.jvp(dots[0].as_ref())?;
            Ok(vec![dot.q, dot.r])
        },
    ))
}

pub fn log_det(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = LogDet::forward(x[0].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![mat![[rule.value()]]],
        move |bars| Ok(vec![back.vjp(bars[0][(0, 0)])?]),
        move |dots| Ok(vec![mat![[ahead.jvp(dots[0].as_ref())?]]]),
    ))
}

pub fn signed_log_det(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = SignedLogDet::forward(x[0].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![mat![[rule.value()]]],
        move |bars| Ok(vec![back.vjp(bars[0][(0, 0)])?]),
        move |dots| Ok(vec![mat![[ahead.jvp(dots[0].as_ref())?]]]),
    ))
}
