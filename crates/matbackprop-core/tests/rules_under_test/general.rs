//! Rules of general square matrices, by their Schur form, behind the face of every rule.

use super::{Evaluated, Planted, Rule, Settings, in_range, in_range_of, rule};
use faer::{Mat, Scale, mat};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{
    Cholesky, Determinant, Lyapunov, MatrixExp, MatrixLog, MatrixSqrt, Result, Sylvester,
    symmetric_part,
};

pub fn general_rules() -> Vec<Rule> {
    vec![
        rule("sylvester", with_general_side, sylvester, &[-1.0]),
        rule("lyapunov", of_positive, lyapunov, &[-1.0]),
        rule("matrix_sqrt", |p| vec![p.positive()], matrix_sqrt, &[0.5]),
        rule("matrix_exp", |p| vec![p.square()], matrix_exp, &[0.0]),
        rule("matrix_log", |p| vec![p.positive()], matrix_log, &[0.0]),
        rule("determinant", |p| vec![p.square()], determinant, &[0.0]),
        rule("cholesky, jitter", |p| vec![p.positive()], jittered, &[0.5]),
    ]
}

/// C is not symmetric.
fn with_general_side(p: &Planted) -> Vec<Mat<f64>> {
    vec![p.positive(), gaussian(p.n, p.n, p.seed ^ 2)]
}

fn of_positive(p: &Planted) -> Vec<Mat<f64>> {
    let c = symmetric_part(gaussian(p.n, p.n, p.seed ^ 2).as_ref()).expect("a square matrix");
    vec![p.positive(), c]
}

/// Of A and Aᵀ, so that X scales as A does.
fn sylvester(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = Sylvester::forward(x[0].as_ref(), x[0].transpose(), x[1].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.solution().to_owned()],
        move |bars| {
            let bar = back.vjp(bars[0].as_ref())?;
            Ok(vec![in_range(bar.a + bar.b.transpose())?, bar.c])
        },
        move |dots| {
            let (a, c) = (&dots[0], dots[1].as_ref());
            Ok(vec![ahead.jvp(
                Some(a.as_ref()),
                Some(a.transpose()),
                Some(c),
            )?])
        },
    ))
}

fn lyapunov(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = Lyapunov::forward(x[0].as_ref(), x[1].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.solution().to_owned()],
        move |bars| {
            let bar = back.vjp(bars[0].as_ref())?;
            Ok(vec![bar.a, bar.c])
        },
        move |dots| {
            Ok(vec![
                ahead.jvp(Some(dots[0].as_ref()), Some(dots[1].as_ref()))?,
            ])
        },
    ))
}

fn matrix_sqrt(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = MatrixSqrt::forward(x[0].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?]),
    ))
}

/// Of A as it was before it was scaled: the exponential of a scaled matrix is another one.
fn matrix_exp(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let share = settings.size.recip();
    let rule = MatrixExp::forward((Scale(share) * &x[0]).as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(vec![in_range(Scale(share) * back.vjp(bars[0].as_ref())?)?]),
        move |dots| {
            let dot = in_range_of(&dots[0], Scale(share) * &dots[0])?;
            Ok(vec![ahead.jvp(dot.as_ref())?])
        },
    ))
}

/// Of the same: that of a scaled matrix has the logarithm of the scale in it.
fn matrix_log(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let share = settings.size.recip();
    let rule = MatrixLog::forward((Scale(share) * &x[0]).as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(vec![in_range(Scale(share) * back.vjp(bars[0].as_ref())?)?]),
        move |dots| {
            let dot = in_range_of(&dots[0], Scale(share) * &dots[0])?;
            Ok(vec![ahead.jvp(dot.as_ref())?])
        },
    ))
}

/// Of the same.
fn determinant(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let share = settings.size.recip();
    let rule = Determinant::forward((Scale(share) * &x[0]).as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![mat![[rule.value()]]],
        move |bars| Ok(vec![in_range(Scale(share) * back.vjp(bars[0][(0, 0)])?)?]),
        move |dots| {
            let dot = in_range_of(&dots[0], Scale(share) * &dots[0])?;
            Ok(vec![mat![[ahead.jvp(dot.as_ref())?]]])
        },
    ))
}

fn jittered(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = Cholesky::forward_with_jitter(x[0].as_ref(), 1e-3)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.factor().to_owned()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?]),
    ))
}
