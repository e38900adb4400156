//! The affinity of every pair of pixels, stored as factors.

use crate::error::Result;
use crate::lambda_root::LambdaRoot;
use faer::{Mat, MatRef, Scale};
use matbackprop_core::{ensure_finite, ensure_matrix, ensure_shape, power_of_two_scale};

const OP: &str = "affinity";

/// Tangents of a size within 2^± this are taken as they are.
const MODERATE: i32 = 200;

/// W = F Λ Fᵀ, never formed.
///
/// ```text
/// forward   W = F Λ Fᵀ
/// ```
///
/// # Shapes
/// F: n × d, a row a position, a column a channel; Λ: d × d, the identity where it is absent; W: n × n.
///
/// # Conventions
/// Very large or small F and Λ are kept divided by powers of two, so that their products stay finite; the criterion does
/// not see it. Λ stands for its symmetric part and must be positive semidefinite; eigenvalues within
/// 8 d 2⁻⁵² of zero, relative to the largest, are zero.
///
/// # Errors
/// [`Error::Rule`](crate::Error::Rule) for an empty F, entries that are not finite, or a Λ that is not d × d;
/// [`Error::LambdaIndefinite`](crate::Error::LambdaIndefinite).
///
/// # Cost
/// n d numbers stored, and O(d³) time where Λ is given.
#[derive(Clone, Debug)]
pub struct Affinity {
    features: Mat<f64>,
    features_scale: f64,
    lambda: Option<ScaledLambda>,
}

#[derive(Clone, Debug)]
struct ScaledLambda {
    matrix: Mat<f64>,
    scale: f64,
    root: LambdaRoot,
}

impl Affinity {
    /// Takes F and Λ.
    ///
    /// # Errors
    /// See [`Affinity`].
    pub fn forward(features: MatRef<'_, f64>, lambda: Option<MatRef<'_, f64>>) -> Result<Self> {
        ensure_matrix(OP, features)?;
        let d = features.ncols();
        let lambda = lambda
            .map(|lambda| {
                ensure_shape(OP, lambda, (d, d))?;
                let scale = power_of_two_scale(lambda);
                let halved = Scale(0.5 / scale) * lambda;
                let matrix = &halved + halved.transpose();
                let root = LambdaRoot::forward(matrix.as_ref())?;
                Ok::<_, crate::Error>(ScaledLambda {
                    matrix,
                    scale,
                    root,
                })
            })
            .transpose()?;
        let features_scale = power_of_two_scale(features);
        Ok(Self {
            features: if features_scale == 1.0 {
                features.to_owned()
            } else {
                Scale(features_scale.recip()) * features
            },
            features_scale,
            lambda,
        })
    }

    /// n, the number of positions.
    pub fn pixels(&self) -> usize {
        self.features.nrows()
    }

    /// d, the number of features.
    pub fn channels(&self) -> usize {
        self.features.ncols()
    }

    /// F, divided by its scale.
    pub(crate) fn features(&self) -> MatRef<'_, f64> {
        self.features.as_ref()
    }

    /// Column j of F, divided by its scale.
    pub(crate) fn feature(&self, j: usize) -> &[f64] {
        self.features.col_as_slice(j)
    }

    /// Λ = L Lᵀ, divided by its scale; `None` for the identity.
    pub(crate) fn lambda_root(&self) -> Option<&LambdaRoot> {
        self.lambda.as_ref().map(|lambda| &lambda.root)
    }

    /// Λ X, divided by the scale of Λ.
    pub(crate) fn lambda_times(&self, x: Mat<f64>) -> Mat<f64> {
        match &self.lambda {
            Some(lambda) => &lambda.matrix * x,
            None => x,
        }
    }

    /// Tangents in the units of the stored factors, over 2^`exponent`, which brings them to order one where they are
    /// far from it.
    pub(crate) fn tangents(
        &self,
        features_dot: MatRef<'_, f64>,
        lambda_dot: Option<MatRef<'_, f64>>,
    ) -> Result<Tangents> {
        let d = self.channels();
        ensure_shape(OP, features_dot, self.features.shape())?;
        let lambda_dot = match (&self.lambda, lambda_dot) {
            (Some(lambda), Some(dot)) => {
                ensure_shape(OP, dot, (d, d))?;
                Some((dot, lambda.scale))
            }
            // A tangent of the identity, where no Λ was given: expected 0 × 0.
            (None, Some(dot)) => {
                ensure_shape(OP, dot, (0, 0))?;
                None
            }
            (_, None) => None,
        };
        let size = |dot: MatRef<'_, f64>, scale: f64| {
            (dot.norm_max() > 0.0)
                .then(|| power_of_two_scale(dot).log2() as i32 - scale.log2() as i32)
        };
        let of_lambda = lambda_dot.and_then(|(dot, scale)| size(dot, scale));
        let exponent = size(features_dot, self.features_scale)
            .max(of_lambda)
            .filter(|exponent| exponent.abs() > MODERATE)
            .unwrap_or(0);
        let over = |dot: MatRef<'_, f64>, scale: f64| {
            let power = -exponent - scale.log2() as i32;
            // 2^power alone may be out of range; further than that it is of zeros alone.
            let power = power.clamp(-2040, 2040);
            let (half, rest) = (2f64.powi(power / 2), 2f64.powi(power - power / 2));
            Mat::from_fn(dot.nrows(), dot.ncols(), |i, j| dot[(i, j)] * half * rest)
        };
        let features = over(features_dot, self.features_scale);
        let lambda = lambda_dot.map(|(dot, scale)| {
            let halved = Scale(0.5) * over(dot, scale);
            &halved + halved.transpose()
        });
        Ok(Tangents {
            features,
            lambda,
            exponent,
        })
    }

    /// Cotangents in the caller's units, from those of the stored factors in units of `unit`, a power of two.
    ///
    /// # Errors
    /// [`Overflow`](matbackprop_core::Error::Overflow) where the stored size of F or Λ takes them beyond the numbers.
    pub(crate) fn cotangents(
        &self,
        features_bar: Mat<f64>,
        lambda_bar: Option<Mat<f64>>,
        unit: f64,
    ) -> Result<NcutsCotangents> {
        let lambda = self
            .lambda
            .as_ref()
            .zip(lambda_bar)
            .map(|(lambda, bar)| rescaled(bar, unit, lambda.scale))
            .transpose()?;
        let features = rescaled(features_bar, unit, self.features_scale)?;
        Ok(NcutsCotangents { features, lambda })
    }
}

/// The result of [`Affinity::tangents`].
pub(crate) struct Tangents {
    pub(crate) features: Mat<f64>,
    pub(crate) lambda: Option<Mat<f64>>,
    pub(crate) exponent: i32,
}

/// X times one power of two, over another.
fn rescaled(x: Mat<f64>, unit: f64, scale: f64) -> Result<Mat<f64>> {
    let x = match (unit, scale) {
        (1.0, 1.0) => x,
        // Their quotient alone may be out of range.
        _ => Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
            if (unit > 1.0) == (scale > 1.0) {
                x[(i, j)] * (unit / scale)
            } else {
                x[(i, j)] * unit / scale
            }
        }),
    };
    within_range(OP, x)
}

/// A result, unless arithmetic on finite numbers left their range.
///
/// # Errors
/// [`Overflow`](matbackprop_core::Error::Overflow).
pub(crate) fn within_range(op: &'static str, x: Mat<f64>) -> Result<Mat<f64>> {
    ensure_finite(op, x.as_ref()).map_err(|_| matbackprop_core::Error::Overflow { op })?;
    Ok(x)
}

/// The layer's cotangents: F̄ and, where Λ was given, Λ̄.
#[derive(Clone, Debug)]
pub struct NcutsCotangents {
    /// F̄, n × d.
    pub features: Mat<f64>,
    /// Λ̄, d × d, symmetric.
    pub lambda: Option<Mat<f64>>,
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use faer::mat;

    #[test]
    fn keeps_moderate_factors_and_gives_cotangents_in_the_callers_units() {
        let large = 2f64.powi(300);
        let f = mat![[3.0 * large, 0.0], [0.0, -large]];
        let lambda = Scale(large) * mat![[8.0, 2.0], [0.0, 8.0]];
        let affinity = Affinity::forward(f.as_ref(), Some(lambda.as_ref())).unwrap();
        assert_eq!(affinity.features(), mat![[1.5, 0.0], [0.0, -0.5]]);
        // The symmetric part, divided by 8 · 2³⁰⁰.
        let identity = Mat::identity(2, 2);
        assert_eq!(
            affinity.lambda_times(identity),
            mat![[1.0, 0.125], [0.125, 1.0]]
        );
        let ones = mat![[1.0, 1.0], [1.0, 1.0]];
        let cotangents = affinity
            .cotangents(ones.clone(), Some(ones.clone()), 1.0)
            .unwrap();
        assert_eq!(cotangents.lambda.unwrap(), Scale(0.125 / large) * &ones);
        assert_eq!(cotangents.features, Scale(0.5 / large) * ones);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |f: Mat<f64>, l: Mat<f64>| Affinity::forward(f.as_ref(), Some(l.as_ref()));
        let f = mat![[1.0, 2.0]];
        let indefinite = mat![[1.0, 0.0], [0.0, -0.5]];
        refused! {
            forward(Mat::zeros(0, 2), Mat::identity(2, 2)) => Error::Rule(_),
            forward(mat![[f64::NAN, 1.0]], Mat::identity(2, 2)) => Error::Rule(_),
            forward(f.clone(), Mat::identity(3, 3)) => Error::Rule(_),
            forward(f.clone(), indefinite) => Error::LambdaIndefinite { .. },
        }
        let affinity = Affinity::forward(f.as_ref(), None).unwrap();
        assert!(affinity.tangents(Mat::zeros(2, 2).as_ref(), None).is_err());
        assert!(
            affinity
                .tangents(f.as_ref(), Some(Mat::identity(2, 2).as_ref()))
                .is_err()
        );
    }
}
