//! Distances and means of positive definite matrices, and rules about covariances.

use super::{Evaluated, Planted, Rule, Settings, Spectrum, in_range, rule};
use faer::{Mat, MatRef, Scale, mat};
use matbackprop_core::{
    AffineInvariantDistance, DistanceCotangent, DistanceTangent, KarcherMean, LogEuclideanDistance,
    LogEuclideanMean, Result, SymmetricPower, Whitening,
};

pub fn definite_rules() -> Vec<Rule> {
    vec![
        rule(
            "symmetric_power",
            |p| vec![p.positive()],
            symmetric_power,
            &[0.7],
        ),
        rule("whitening", |p| vec![p.general()], whitening, &[0.0]),
        rule("log_euclidean_mean", pair, log_euclidean_mean, &[0.5]),
        rule("karcher_mean", pair, karcher_mean, &[0.5]),
        rule(
            "log_euclidean_distance",
            pair,
            log_euclidean_distance,
            &[0.0, 0.0],
        ),
        rule(
            "affine_invariant_distance",
            pair,
            affine_invariant_distance,
            &[0.0, 0.0],
        ),
    ]
}

/// Two matrices, the second well conditioned.
fn pair(p: &Planted) -> Vec<Mat<f64>> {
    let well = Planted {
        spectrum: Spectrum::Distinct,
        seed: p.seed ^ 1,
        ..*p
    };
    vec![p.positive(), well.positive()]
}

fn views(x: &[Mat<f64>]) -> Vec<MatRef<'_, f64>> {
    x.iter().map(Mat::as_ref).collect()
}

fn symmetric_power(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = SymmetricPower::forward(x[0].as_ref(), 0.7)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?.a]),
        move |dots| Ok(vec![ahead.jvp(Some(dots[0].as_ref()), 0.0)?]),
    ))
}

fn whitening(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let rule = Whitening::forward(x[0].as_ref(), 0.3 * settings.size * settings.size)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(vec![back.vjp(bars[0].as_ref())?]),
        move |dots| Ok(vec![ahead.jvp(dots[0].as_ref())?]),
    ))
}

fn log_euclidean_mean(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = LogEuclideanMean::forward(&views(x), None)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(back.vjp(bars[0].as_ref())?.matrices),
        move |dots| Ok(vec![ahead.jvp(Some(&views(dots)), None)?]),
    ))
}

fn karcher_mean(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let rule = KarcherMean::forward(&views(x), None)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        vec![rule.value().to_owned()],
        move |bars| Ok(back.vjp(bars[0].as_ref())?.matrices),
        move |dots| Ok(vec![ahead.jvp(Some(&views(dots)), None)?]),
    ))
}

/// The second matrix times the size of the first, so that the distance does not depend on it.
fn of_one_size(x: &[Mat<f64>], size: f64) -> Result<Mat<f64>> {
    super::in_range_of(&x[1], Scale(size) * &x[1])
}

fn distances(value: f64, squared: f64) -> Vec<Mat<f64>> {
    vec![mat![[value]], mat![[squared]]]
}

fn bars_of(bar: DistanceCotangent, size: f64) -> Result<Vec<Mat<f64>>> {
    Ok(vec![bar.a, in_range(Scale(size) * bar.b)?])
}

fn dots_of(dot: DistanceTangent) -> Vec<Mat<f64>> {
    distances(dot.distance, dot.squared)
}

fn log_euclidean_distance(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let size = settings.size;
    let other = of_one_size(x, size)?;
    let rule = LogEuclideanDistance::forward(x[0].as_ref(), other.as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        distances(rule.value(), rule.squared()),
        move |bars| bars_of(back.vjp(bars[0][(0, 0)], bars[1][(0, 0)])?, size),
        move |dots| {
            let other = of_one_size(dots, size)?;
            let dot = ahead.jvp(Some(dots[0].as_ref()), Some(other.as_ref()))?;
            Ok(dots_of(dot))
        },
    ))
}

fn affine_invariant_distance(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let size = settings.size;
    let other = of_one_size(x, size)?;
    let rule = AffineInvariantDistance::forward(x[0].as_ref(), other.as_ref())?;
    let (back, ahead) = (rule.clone(), rule.clone());
    Ok(Evaluated::new(
        distances(rule.value(), rule.squared()),
        move |bars| bars_of(back.vjp(bars[0][(0, 0)], bars[1][(0, 0)])?, size),
        move |dots| {
            let other = of_one_size(dots, size)?;
            let dot = ahead.jvp(Some(dots[0].as_ref()), Some(other.as_ref()))?;
            Ok(dots_of(dot))
        },
    ))
}
