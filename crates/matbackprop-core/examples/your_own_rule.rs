//! A rule of one's own, out of those that are there: the log-Euclidean distance between features and a target.
//!
//! `cargo run -p matbackprop-core --example your_own_rule`

use faer::{Mat, MatRef, Scale, mat};
use matbackprop_core::gradcheck::{GradientCheck, check_vjp, gaussian, with_spectrum};
use matbackprop_core::{Error, GramFunction, Result, ScalarFunction, WithSlope, ensure_shape};

/// How far the covariance of features lies from a target.
///
/// ```text
/// forward   y = ½ ‖C − T‖²,  C = f(FᵀF)
/// vjp       C̄ = ȳ (C − T),  F̄ from C̄ by the rule of C
/// ```
struct LogEuclideanDistance<F> {
    covariance: GramFunction<F>,
    difference: Mat<f64>,
}

impl<F: ScalarFunction> LogEuclideanDistance<F> {
    fn forward(features: MatRef<'_, f64>, target: MatRef<'_, f64>, f: F) -> Result<Self> {
        let d = features.ncols();
        ensure_shape("log-Euclidean distance", target, (d, d))?;
        let covariance = GramFunction::forward(features, f)?;
        let difference = covariance.value() - target;
        Ok(Self {
            covariance,
            difference,
        })
    }

    fn value(&self) -> f64 {
        0.5 * self.difference.squared_norm_l2()
    }

    fn vjp(&self, y_bar: f64) -> Result<Mat<f64>> {
        let covariance_bar = Scale(y_bar) * &self.difference;
        self.covariance.vjp(covariance_bar.as_ref())
    }
}

fn main() -> Result<()> {
    // A function of one's own: log(1 + x / s) is zero where a channel is silent. Its value and slope are enough; the
    // curvature lets the rule know where the cheaper decomposition is accurate.
    let s = 0.1;
    let f = WithSlope::new(move |x: f64| (x / s).ln_1p(), move |x| 1.0 / (s + x))
        .with_curvature(move |x| -1.0 / ((s + x) * (s + x)));

    // Twenty positions, five channels, two singular values equal; the target is that of other features.
    let mut features = with_spectrum(20, 5, &[3.0, 3.0, 1.0, 0.5, 0.2], 1);
    let other = GramFunction::forward(gaussian(20, 5, 2).as_ref(), f)?;
    let target = other.value();

    // Held against differences, like every rule of the crate.
    let here = LogEuclideanDistance::forward(features.as_ref(), target, f)?;
    check_vjp(
        |x| Ok::<_, Error>(mat![[LogEuclideanDistance::forward(x, target, f)?.value()]]),
        |y_bar| here.vjp(y_bar[(0, 0)]),
        features.as_ref(),
        &GradientCheck::default(),
    )?;
    println!(
        "the gradient agrees with differences to {:e}",
        GradientCheck::default().tolerance
    );

    for step in 0..=100 {
        let distance = LogEuclideanDistance::forward(features.as_ref(), target, f)?;
        if step % 20 == 0 {
            println!("step {step:3}: distance {:.6}", distance.value());
        }
        features -= Scale(0.1) * distance.vjp(1.0)?;
    }
    Ok(())
}
