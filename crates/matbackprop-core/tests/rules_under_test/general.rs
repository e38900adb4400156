//! Rules of general square matrices, by their Schur form, behind the face of every rule.

use super::{Evaluated, Planted, Rule, Settings, in_range, rule};
use faer::Mat;
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{Lyapunov, Result, Sylvester, symmetric_part};

pub fn general_rules() -> Vec<Rule> {
    vec![
        rule("sylvester", with_general_side, sylvester, &[-1.0]),
        rule("lyapunov", of_positive, lyapunov, &[-1.0]),
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
