//! The affinity of every pair of pixels, kept as factors.

use crate::error::Result;
use crate::lambda_root::LambdaRoot;
use faer::{Mat, MatRef, Scale};
use matbackprop_core::{ensure_matrix, ensure_shape, power_of_two_scale};

const OP: &str = "affinity";

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
/// n d numbers kept, and O(d³) time where Λ is given.
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
            features: Scale(features_scale.recip()) * features,
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

    /// Tangents in the units of the kept factors.
    pub(crate) fn tangents(
        &self,
        features_dot: MatRef<'_, f64>,
        lambda_dot: Option<MatRef<'_, f64>>,
    ) -> Result<(Mat<f64>, Option<Mat<f64>>)> {
        let d = self.channels();
        ensure_shape(OP, features_dot, self.features.shape())?;
        let lambda_dot = match (&self.lambda, lambda_dot) {
            (Some(lambda), Some(dot)) => {
                ensure_shape(OP, dot, (d, d))?;
                let halved = Scale(0.5 / lambda.scale) * dot;
                Some(&halved + halved.transpose())
            }
            // A tangent of the identity that nobody gave: expected 0 × 0.
            (None, Some(dot)) => {
                ensure_shape(OP, dot, (0, 0))?;
                None
            }
            (_, None) => None,
        };
        Ok((
            Scale(self.features_scale.recip()) * features_dot,
            lambda_dot,
        ))
    }

    /// Cotangents in the caller's units.
    pub(crate) fn cotangents(
        &self,
        features_bar: Mat<f64>,
        lambda_bar: Option<Mat<f64>>,
    ) -> NcutsCotangents {
        let lambda = self
            .lambda
            .as_ref()
            .zip(lambda_bar)
            .map(|(lambda, bar)| Scale(lambda.scale.recip()) * bar);
        let features = match self.features_scale {
            1.0 => features_bar,
            scale => Scale(scale.recip()) * features_bar,
        };
        NcutsCotangents { features, lambda }
    }
}

/// What the layer sends back: F̄ and, where Λ was given, Λ̄.
#[derive(Clone, Debug)]
pub struct NcutsCotangents {
    /// F̄, n × d.
    pub features: Mat<f64>,
    /// Λ̄, d × d, symmetric.
    pub lambda: Option<Mat<f64>>,
}

#[cfg(test)]
mod tests {
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
        let cotangents = affinity.cotangents(ones.clone(), Some(ones.clone()));
        assert_eq!(cotangents.lambda.unwrap(), Scale(0.125 / large) * &ones);
        assert_eq!(cotangents.features, Scale(0.5 / large) * ones);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |f: Mat<f64>, l: Mat<f64>| {
            Affinity::forward(f.as_ref(), Some(l.as_ref()))
                .map(|_| ())
                .unwrap_err()
        };
        let f = mat![[1.0, 2.0]];
        assert!(matches!(
            forward(Mat::zeros(0, 2), Mat::identity(2, 2)),
            Error::Rule(_)
        ));
        assert!(matches!(
            forward(mat![[f64::NAN, 1.0]], Mat::identity(2, 2)),
            Error::Rule(_)
        ));
        assert!(matches!(
            forward(f.clone(), Mat::identity(3, 3)),
            Error::Rule(_)
        ));
        let indefinite = mat![[1.0, 0.0], [0.0, -0.5]];
        assert!(matches!(
            forward(f.clone(), indefinite),
            Error::LambdaIndefinite { .. }
        ));
        let affinity = Affinity::forward(f.as_ref(), None).unwrap();
        assert!(affinity.tangents(Mat::zeros(2, 2).as_ref(), None).is_err());
        assert!(
            affinity
                .tangents(f.as_ref(), Some(Mat::identity(2, 2).as_ref()))
                .is_err()
        );
    }
}
