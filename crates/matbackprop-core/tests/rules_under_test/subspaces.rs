//! Projectors, inverses and polar factors behind the face of every rule.

use super::{Evaluated, Planted, Settings, column, list};

use faer::{Mat, mat};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{
    Alignment, LeadingProjector, LeastSquares, Polar, Procrustes, Projector, PseudoInverse,
    RankTolerance, RegularisedLeastSquares, RegularisedProjector, Result, Rotation,
};

pub fn projector(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    projector_at(x, RankTolerance::default())
}

/// The two leading vectors.
pub fn leading_projector(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let rule = LeadingProjector::forward(x[0].as_ref(), 2, settings.gaps)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    let m = x[0].nrows();
    let one = Mat::<f64>::identity(m, m);
    Ok(Evaluated::new(
        vec![rule.project(one.as_ref())?],
        move |bars| Ok(vec![back.vjp_factored(bars[0].as_ref(), one.as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?.to_dense()?]),
    ))
}

pub fn projector_at(x: &[Mat<f64>], tolerance: RankTolerance) -> Result<Evaluated> {
    let rule = Projector::forward(x[0].as_ref(), tolerance)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    let m = x[0].nrows();
    Ok(Evaluated::new(
        vec![rule.project(Mat::identity(m, m).as_ref())?],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?.to_dense()?]),
    ))
}

pub fn regularised_projector(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let epsilon = 0.3 * settings.size * settings.size;
    let rule = RegularisedProjector::forward(x[0].as_ref(), epsilon)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    let m = x[0].nrows();
    Ok(Evaluated::new(
        vec![
            rule.project(Mat::identity(m, m).as_ref())?,
            mat![[rule.squared_norm()]],
        ],
        move |bars| {
            let one = Mat::<f64>::identity(m, m);
            let norm_bar = bars[1][(0, 0)];
            Ok(vec![back.vjp_factored(
                bars[0].as_ref(),
                one.as_ref(),
                norm_bar,
            )?])
        },
        move |dots| {
            Ok(vec![
                ahead.jvp(dots[0].as_ref())?.to_dense()?,
                mat![[ahead.squared_norm_jvp(dots[0].as_ref())?]],
            ])
        },
    ))
}

pub fn pseudo_inverse(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    pseudo_inverse_at(x, RankTolerance::default())
}

pub fn pseudo_inverse_at(x: &[Mat<f64>], tolerance: RankTolerance) -> Result<Evaluated> {
    let rule = PseudoInverse::forward(x[0].as_ref(), tolerance)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?]),
    ))
}

/// A matrix and right-hand sides.
pub fn system(p: &Planted) -> Vec<Mat<f64>> {
    let a = p.general();
    let b = gaussian(a.nrows(), 3, p.seed ^ 2);
    vec![a, b]
}

pub fn least_squares(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    least_squares_at(x, RankTolerance::default())
}

pub fn least_squares_at(x: &[Mat<f64>], tolerance: RankTolerance) -> Result<Evaluated> {
    let rule = LeastSquares::forward(x[0].as_ref(), x[1].as_ref(), tolerance)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.solution().to_owned(), rule.residual().to_owned()],
        move |bars| {
            let bar = back.vjp(Some(bars[0].as_ref()), Some(bars[1].as_ref()))?;
            Ok(vec![bar.a, bar.b])
        },
        move |dots| {
            let dot = ahead.jvp(Some(dots[0].as_ref()), Some(dots[1].as_ref()))?;
            Ok(vec![dot.solution, dot.residual])
        },
    ))
}

pub fn regularised_least_squares(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let epsilon = 0.1 * settings.size * settings.size;
    let rule = RegularisedLeastSquares::forward(x[0].as_ref(), x[1].as_ref(), epsilon)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.solution().to_owned()],
        move |bars| {
            let bar = back.vjp(bars[0].as_ref())?;
            Ok(vec![bar.a, bar.b])
        },
        move |dots| {
            let dots = (Some(dots[0].as_ref()), Some(dots[1].as_ref()));
            Ok(vec![ahead.jvp(dots.0, dots.1, 0.0)?])
        },
    ))
}

pub fn polar(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = Polar::forward(x[0].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.w().to_owned(), rule.h().to_owned()],
        move |bars| {
            let bars = (Some(bars[0].as_ref()), Some(bars[1].as_ref()));
            Ok(vec![back.vjp(bars.0, bars.1)?])
        },
        move |dots| {
            let dot = ahead.jvp(dots[0].as_ref())?;
            Ok(vec![dot.w, dot.h])
        },
    ))
}

pub fn rotation(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = Rotation::forward(x[0].as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?]),
    ))
}

/// Rotation, translation and scale, of points with weights.
pub fn procrustes(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let alignment = Alignment {
        scale: true,
        ..Alignment::default()
    };
    let weights = list(&x[2]);
    let rule = Procrustes::forward(x[0].as_ref(), x[1].as_ref(), Some(&weights), alignment)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![
            rule.rotation().to_owned(),
            column(rule.translation()),
            mat![[rule.scale()]],
            mat![[rule.residual()]],
        ],
        move |bars| {
            let translation_bar = list(&bars[1]);
            let bar = back.vjp(
                Some(bars[0].as_ref()),
                Some(&translation_bar),
                bars[2][(0, 0)],
                bars[3][(0, 0)],
            )?;
            Ok(vec![bar.x, bar.y, column(&bar.weights)])
        },
        move |dots| {
            let weights_dot = list(&dots[2]);
            let (x_dot, y_dot) = (dots[0].as_ref(), dots[1].as_ref());
            let dot = ahead.jvp(Some(x_dot), Some(y_dot), Some(&weights_dot))?;
            Ok(vec![
                dot.rotation,
                column(&dot.translation),
                mat![[dot.scale]],
                mat![[dot.residual]],
            ])
        },
    ))
}
