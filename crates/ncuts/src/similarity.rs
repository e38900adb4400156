//! The factor whose range carries the normalised affinity.

use crate::affinity::Affinity;
use crate::degree::Degrees;
use faer::Mat;

/// Z = D^{−½} F L with Λ = L Lᵀ, so that Z Zᵀ = D^{−½} W D^{−½}; Z = X = D^{−½} F without Λ.
///
/// ```text
/// forward   X = D^{−½} F,  Z = X L
/// vjp       X̄ = Z̄ Lᵀ,  F̄ = D^{−½} X̄,  w̄ᵢ = −½ wᵢ^{−3/2} ⟨Fᵢ, X̄ᵢ⟩
/// jvp       Ż = (D^{−½} Ḟ − ½ diag(ẇ/w) X) L
/// ```
///
/// # Shapes
/// F, X: n × d; L: d × q; Z: n × q, q = rank Λ.
///
/// # Conventions
/// The range of D^{−½} W D^{−½} is that of X where Λ is invertible, and must be taken with Λ where it is not; taking it
/// with L always keeps the largest singular value of Z at 1, for any sizes of F and Λ. Rows of isolated pixels
/// are zero. The part of Λ̄ that goes through L is the criterion's, which knows how to avoid L.
pub(crate) fn forward(affinity: &Affinity, degrees: &Degrees) -> Mat<f64> {
    let x = normalised_features(affinity, degrees);
    match affinity.lambda_root() {
        Some(lambda) => x * &lambda.root,
        None => x,
    }
}

/// X = D^{−½} F.
pub(crate) fn normalised_features(affinity: &Affinity, degrees: &Degrees) -> Mat<f64> {
    let mut x = affinity.features().to_owned();
    scale_rows(&mut x, degrees.inverse_roots());
    x
}

/// F̄ and w̄ from Z̄.
pub(crate) fn vjp(
    affinity: &Affinity,
    degrees: &Degrees,
    factor_bar: Mat<f64>,
) -> (Mat<f64>, Vec<f64>) {
    let x_bar = match affinity.lambda_root() {
        Some(lambda) => factor_bar * lambda.root.transpose(),
        None => factor_bar,
    };
    normalised_vjp(affinity, degrees, x_bar)
}

/// F̄ and w̄ from X̄.
pub(crate) fn normalised_vjp(
    affinity: &Affinity,
    degrees: &Degrees,
    mut x_bar: Mat<f64>,
) -> (Mat<f64>, Vec<f64>) {
    scale_rows(&mut x_bar, degrees.inverse_roots());
    // From here on x_bar is F̄, and w̄ = −½ ⟨Fᵢ, F̄ᵢ⟩ / wᵢ.
    let mut degrees_bar = vec![0.0; affinity.pixels()];
    for j in 0..affinity.channels() {
        let columns = affinity.feature(j).iter().zip(x_bar.col_as_slice(j));
        for (bar, (f, f_bar)) in degrees_bar.iter_mut().zip(columns) {
            *bar += f * f_bar;
        }
    }
    for ((bar, root), w) in degrees_bar
        .iter_mut()
        .zip(degrees.inverse_roots())
        .zip(degrees.values())
    {
        *bar *= if *w > 0.0 { -0.5 * root * root } else { 0.0 };
    }
    (x_bar, degrees_bar)
}

/// Ż from Ḟ and ẇ; a tangent of L is the criterion's.
pub(crate) fn jvp(
    affinity: &Affinity,
    degrees: &Degrees,
    features_dot: &Mat<f64>,
    degrees_dot: &[f64],
) -> Mat<f64> {
    let x_dot = normalised_jvp(affinity, degrees, features_dot, degrees_dot);
    match affinity.lambda_root() {
        Some(lambda) => x_dot * &lambda.root,
        None => x_dot,
    }
}

/// Ẋ from Ḟ and ẇ.
pub(crate) fn normalised_jvp(
    affinity: &Affinity,
    degrees: &Degrees,
    features_dot: &Mat<f64>,
    degrees_dot: &[f64],
) -> Mat<f64> {
    let f = affinity.features();
    let (w, roots) = (degrees.values(), degrees.inverse_roots());
    Mat::from_fn(f.nrows(), f.ncols(), |i, j| {
        if w[i] > 0.0 {
            roots[i] * (features_dot[(i, j)] - 0.5 * degrees_dot[i] / w[i] * f[(i, j)])
        } else {
            0.0
        }
    })
}

/// The way back through [`vjp`] at fixed Z̄: from cotangents Y of F̄ and ẇ of w̄ to F and w.
///
/// ```text
/// X̄ = Z̄ Lᵀ,   F: −½ (ẇᵢ / wᵢ^{3/2}) X̄ᵢ,   w: −½ wᵢ^{−3/2} ⟨Yᵢ, X̄ᵢ⟩ + ¾ ẇᵢ wᵢ^{−5/2} ⟨Fᵢ, X̄ᵢ⟩
/// ```
pub(crate) fn second(
    affinity: &Affinity,
    degrees: &Degrees,
    factor_bar: &Mat<f64>,
    features_dot: &Mat<f64>,
    degrees_dot: &[f64],
) -> (Mat<f64>, Vec<f64>) {
    let f = affinity.features();
    let mut x_bar = match affinity.lambda_root() {
        Some(lambda) => factor_bar * lambda.root.transpose(),
        None => factor_bar.clone(),
    };
    scale_rows(&mut x_bar, degrees.inverse_roots());
    // ẇ / w, zero for isolated pixels.
    let rates: Vec<f64> = degrees_dot
        .iter()
        .zip(degrees.values())
        .map(|(dot, w)| if *w > 0.0 { dot / w } else { 0.0 })
        .collect();
    let mut degrees_bar = vec![0.0; f.nrows()];
    for j in 0..f.ncols() {
        for i in 0..f.nrows() {
            let pull = -0.5 * features_dot[(i, j)] + 0.75 * rates[i] * f[(i, j)];
            degrees_bar[i] += pull * x_bar[(i, j)];
        }
    }
    for (bar, root) in degrees_bar.iter_mut().zip(degrees.inverse_roots()) {
        *bar *= root * root;
    }
    let halves: Vec<f64> = rates.iter().map(|rate| -0.5 * rate).collect();
    scale_rows(&mut x_bar, &halves);
    (x_bar, degrees_bar)
}

fn scale_rows(x: &mut Mat<f64>, factors: &[f64]) {
    for j in 0..x.ncols() {
        for (x, factor) in x.col_as_slice_mut(j).iter_mut().zip(factors) {
            *x *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use faer::{MatRef, mat};
    use matbackprop_core::gradcheck::{GradientCheck, check_vjp, gaussian};

    #[test]
    fn two_pixels_by_hand() {
        // w = (2, 1 + 1) with s = (2, 0), for F = [[1, 0], [1, 0]]: each row over √2.
        let affinity = Affinity::forward(mat![[1.0, 0.0], [1.0, 0.0]].as_ref(), None).unwrap();
        let degrees = Degrees::forward(&affinity).unwrap();
        let z = forward(&affinity, &degrees);
        let root = 2f64.sqrt().recip();
        assert!((z - mat![[root, 0.0], [root, 0.0]]).norm_max() < 1e-15);
    }

    #[test]
    fn the_affinity_of_the_factor_fixes_the_roots_of_the_degrees() {
        // D^{−½} W D^{−½} D^{½} 1 = D^{½} 1, with any Λ and with an isolated pixel.
        let f = Mat::from_fn(8, 3, |i, j| {
            if i == 5 {
                0.0
            } else {
                gaussian(8, 3, 1)[(i, j)].abs()
            }
        });
        let half = Mat::from_fn(3, 2, |i, j| gaussian(3, 2, 2)[(i, j)].abs());
        let lambda = &half * half.transpose();
        let affinity = Affinity::forward(f.as_ref(), Some(lambda.as_ref())).unwrap();
        let degrees = Degrees::forward(&affinity).unwrap();
        let z = forward(&affinity, &degrees);
        assert_eq!((z.shape(), degrees.isolated()), ((8, 2), 1));
        let roots = Mat::from_fn(8, 1, |i, _| degrees.values()[i].sqrt());
        assert!((&z * (z.transpose() * &roots) - &roots).norm_max() < 1e-14 * roots.norm_max());
    }

    #[test]
    fn agrees_with_finite_differences_at_fixed_degrees_and_in_the_degrees() {
        let f = Mat::from_fn(6, 3, |i, j| {
            if (i, j) == (0, 0) {
                1.5
            } else {
                0.6 + 0.3 * gaussian(6, 3, 3)[(i, j)].tanh()
            }
        });
        let both = |f: MatRef<'_, f64>| -> Result<(Affinity, Degrees)> {
            let affinity = Affinity::forward(f, None)?;
            let degrees = Degrees::forward(&affinity)?;
            Ok((affinity, degrees))
        };
        let (affinity, degrees) = both(f.as_ref()).unwrap();
        let of_features =
            |f: MatRef<'_, f64>| both(f).map(|(affinity, degrees)| forward(&affinity, &degrees));
        let back = |bar: MatRef<'_, f64>| {
            let (mut features_bar, degrees_bar) = vjp(&affinity, &degrees, bar.to_owned());
            degrees.vjp(&affinity, &degrees_bar, &mut features_bar);
            Ok(features_bar)
        };
        check_vjp(of_features, back, f.as_ref(), &GradientCheck::default()).unwrap();

        let (f_dot, z_bar) = (gaussian(6, 3, 4), gaussian(6, 3, 5));
        let z_dot = jvp(
            &affinity,
            &degrees,
            &f_dot,
            &degrees.jvp(&affinity, &f_dot, None),
        );
        let inner = |a: &Mat<f64>, b: &Mat<f64>| {
            (0..3).map(|j| a.col(j).transpose() * b.col(j)).sum::<f64>()
        };
        let (ahead, behind) = (
            inner(&z_bar, &z_dot),
            inner(&back(z_bar.as_ref()).unwrap(), &f_dot),
        );
        assert!((ahead - behind).abs() < 1e-13, "{ahead} {behind}");
    }
}
