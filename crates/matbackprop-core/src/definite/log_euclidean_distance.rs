//! The distance of two positive definite matrices by their logarithms.

use super::distance::{DistanceCotangent, DistanceTangent, over_distance};
use crate::error::Result;
use crate::function::{Log, MatrixFunction};
use crate::guard::{ensure_finite_values, ensure_shape, number_within_range, within_range};
use crate::symmetric::inner;
use faer::{Mat, MatRef, Scale};

const OP: &str = "log-Euclidean distance";

/// d = ‖log A − log B‖, and d², for symmetric positive definite A and B.
///
/// ```text
/// forward   D = log A − log B,  d = ‖D‖
/// vjp       D̄ = (d̄ / d + 2 s̄) D,  Ā and −B̄ from D̄ by the rule of the logarithm         s = d²
/// jvp       ṡ = 2 ⟨D, Ḋ⟩,  ḋ = ⟨D, Ḋ⟩ / d
/// ```
///
/// # Shapes
/// A, B and their cotangents: n × n, symmetric; d: a number.
///
/// # Conventions
/// Norms are those of Frobenius. At d = 0, the distance has no gradient: `vjp` gives the subgradient 0 there, and `jvp`
/// the 0 that belongs to it. d² is smooth everywhere, with the gradient 0 there. A logarithm is right to ε times the
/// condition of its matrix, and the gradient of d to that over d: where A and B are close, take d².
///
/// # Errors
/// Those of [`MatrixFunction`](crate::MatrixFunction) for the logarithm,
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has the shape of A.
///
/// # Cost
/// Two eigendecompositions forward; O(n³) each way after that.
///
/// # Source
/// Arsigny, Fillard, Pennec and Ayache, "Log-Euclidean metrics for fast and simple calculus on diffusion tensors",
/// Magnetic Resonance in Medicine 56, 2006.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::LogEuclideanDistance;
///
/// let (a, b) = (mat![[1f64.exp(), 0.0], [0.0, 1.0]], mat![[1.0, 0.0], [0.0, 1.0]]);
/// let distance = LogEuclideanDistance::forward(a.as_ref(), b.as_ref())?;
/// assert!((distance.value() - 1.0).abs() < 1e-15);
/// // The gradient of d²: 2 ln a₁ / a₁ to A.
/// let bar = distance.vjp(0.0, 1.0)?;
/// assert!((bar.a[(0, 0)] - 2.0 / 1f64.exp()).abs() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LogEuclideanDistance {
    logs: [MatrixFunction<Log>; 2],
    difference: Mat<f64>,
    distance: f64,
}

impl LogEuclideanDistance {
    /// The distance of A and B.
    ///
    /// # Errors
    /// See [`LogEuclideanDistance`].
    pub fn forward(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Self> {
        let log_a = MatrixFunction::forward(a, Log)?;
        ensure_shape(OP, b, a.shape())?;
        let log_b = MatrixFunction::forward(b, Log)?;
        let difference = log_a.value() - log_b.value();
        Ok(Self::from_logs([log_a, log_b], difference))
    }

    /// The logarithms.
    pub(crate) fn logs(&self) -> &[MatrixFunction<Log>; 2] {
        &self.logs
    }

    /// log A − log B.
    pub(crate) fn difference(&self) -> MatRef<'_, f64> {
        self.difference.as_ref()
    }

    /// From logarithms, whose values are not read, and their difference.
    pub(crate) fn from_logs(logs: [MatrixFunction<Log>; 2], difference: Mat<f64>) -> Self {
        Self {
            distance: difference.norm_l2(),
            difference,
            logs,
        }
    }

    /// d.
    pub fn value(&self) -> f64 {
        self.distance
    }

    /// d².
    pub fn squared(&self) -> f64 {
        self.distance * self.distance
    }

    /// Ā and B̄ from the cotangents of d and of d².
    ///
    /// # Errors
    /// See [`LogEuclideanDistance`]; [`NotFinite`](crate::Error::NotFinite) of a cotangent,
    /// [`Overflow`](crate::Error::Overflow).
    pub fn vjp(&self, value_bar: f64, squared_bar: f64) -> Result<DistanceCotangent> {
        ensure_finite_values(OP, &[value_bar, squared_bar])?;
        let difference_bar =
            Mat::from_fn(self.difference.nrows(), self.difference.ncols(), |i, j| {
                let x = self.difference[(i, j)];
                value_bar * over_distance(x, self.distance) + squared_bar * (2.0 * x)
            });
        let difference_bar = within_range(OP, difference_bar)?;
        let [log_a, log_b] = &self.logs;
        Ok(DistanceCotangent {
            a: log_a.vjp(difference_bar.as_ref())?,
            b: log_b.vjp((-difference_bar).as_ref())?,
        })
    }

    /// The tangents of d and of d² from Ȧ and Ḃ, whose symmetric parts count; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`LogEuclideanDistance`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
    ) -> Result<DistanceTangent> {
        let [log_a, log_b] = &self.logs;
        let mut along = 0.0;
        for (log, dot, sign) in [(log_a, a_dot, 1.0), (log_b, b_dot, -1.0)] {
            if let Some(dot) = dot {
                let moved = log.jvp(dot)?;
                let unit = Scale(over_distance(1.0, self.distance)) * &self.difference;
                along += sign * inner(unit.as_ref(), moved.as_ref());
            }
        }
        Ok(DistanceTangent {
            distance: number_within_range(OP, along)?,
            squared: number_within_range(OP, 2.0 * self.distance * along)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::sym;
    use faer::mat;

    const SPECTRA: [[&[f64]; 2]; 4] = [
        [&[0.7], &[2.0]],
        [&[1.0, 2.0, 5.0], &[0.5, 1.0, 3.0]],
        [&[2.0, 2.0, 2.0], &[3.0, 3.0, 3.0]],
        [&[0.5, 2.0, 2.0, 2.0 + 1e-14], &[1.0, 1.0, 1.0, 4.0]],
    ];

    fn of(a: &Mat<f64>, b: &Mat<f64>) -> LogEuclideanDistance {
        LogEuclideanDistance::forward(a.as_ref(), b.as_ref()).unwrap()
    }

    fn pairs() -> impl Iterator<Item = [Mat<f64>; 2]> {
        SPECTRA
            .iter()
            .map(|[a, b]| [symmetric_with_spectrum(a, 3), symmetric_with_spectrum(b, 4)])
    }

    #[test]
    fn diagonal_matrices_by_hand() {
        let (a, b) = (mat![[4.0, 0.0], [0.0, 1.0]], mat![[1.0, 0.0], [0.0, 1.0]]);
        let distance = of(&a, &b);
        let d = 4f64.ln();
        assert!((distance.value() - d).abs() < 1e-15);
        assert!((distance.squared() - d * d).abs() < 1e-15);
        let bar = distance.vjp(1.0, 1.0).unwrap();
        let along = 1.0 + 2.0 * d;
        assert!((bar.a - mat![[along / 4.0, 0.0], [0.0, 0.0]]).norm_max() < 1e-15);
        assert!((bar.b + mat![[along, 0.0], [0.0, 0.0]]).norm_max() < 1e-15);
        let dot = distance.jvp(Some(a.as_ref()), None).unwrap();
        assert!((dot.distance - 1.0).abs() < 1e-15 && (dot.squared - 2.0 * d).abs() < 1e-15);
    }

    #[test]
    fn agrees_with_sixty_digits() {
        // By mpmath; there the gradients of d² by central differences.
        let a = mat![[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]];
        let b = mat![[2.0, -1.0, 0.5], [-1.0, 3.0, 0.0], [0.5, 0.0, 1.0]];
        let a_bar = mat![
            [0.2690119362445156, 0.528365585432739, -0.47502385629179694],
            [0.528365585432739, -0.33577814101217873, 0.34086166295798714],
            [-0.47502385629179694, 0.34086166295798714, 0.53986886559835]
        ];
        let b_bar = mat![
            [-1.6859364174201767, -0.9920573708688217, 1.2842311459753786],
            [
                -0.9920573708688217,
                -0.2836002702674511,
                0.023358823632124468
            ],
            [
                1.2842311459753786,
                0.023358823632124468,
                -1.9325777919899936
            ]
        ];
        let distance = of(&a, &b);
        assert!((distance.value() - 1.724977174150499).abs() < 2e-15);
        let bar = distance.vjp(0.0, 1.0).unwrap();
        assert!((bar.a - a_bar).norm_max() < 4e-15);
        assert!((bar.b - b_bar).norm_max() < 1e-14);
    }

    #[test]
    fn agrees_with_finite_differences() {
        let check = GradientCheck {
            step: 1e-5,
            ..GradientCheck::default()
        };
        for [a, b] in pairs() {
            let rule = of(&a, &b);
            let both = |rule: LogEuclideanDistance| mat![[rule.value()], [rule.squared()]];
            let of_a = |a: MatRef<'_, f64>| {
                let rule = LogEuclideanDistance::forward(sym(a).as_ref(), b.as_ref())?;
                Ok::<_, Error>(both(rule))
            };
            let of_b = |b: MatRef<'_, f64>| {
                let rule = LogEuclideanDistance::forward(a.as_ref(), sym(b).as_ref())?;
                Ok::<_, Error>(both(rule))
            };
            let a_bar = |bar: MatRef<'_, f64>| Ok(rule.vjp(bar[(0, 0)], bar[(1, 0)])?.a);
            let b_bar = |bar: MatRef<'_, f64>| Ok(rule.vjp(bar[(0, 0)], bar[(1, 0)])?.b);
            let column = |dot: DistanceTangent| mat![[dot.distance], [dot.squared]];
            let a_dot = |dot: MatRef<'_, f64>| Ok(column(rule.jvp(Some(dot), None)?));
            let b_dot = |dot: MatRef<'_, f64>| Ok(column(rule.jvp(None, Some(dot))?));
            check_vjp(of_a, a_bar, a.as_ref(), &check).unwrap();
            check_vjp(of_b, b_bar, b.as_ref(), &check).unwrap();
            check_jvp(of_a, a_dot, a.as_ref(), &check).unwrap();
            check_jvp(of_b, b_dot, b.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for [a, b] in pairs() {
            let n = a.nrows();
            let rule = of(&a, &b);
            let (a_dot, b_dot) = (gaussian(n, n, 1), gaussian(n, n, 2));
            let bar = rule.vjp(0.3, -2.0).unwrap();
            let dot = rule
                .jvp(Some(a_dot.as_ref()), Some(b_dot.as_ref()))
                .unwrap();
            let there = 0.3 * dot.distance - 2.0 * dot.squared;
            let back =
                inner(bar.a.as_ref(), a_dot.as_ref()) + inner(bar.b.as_ref(), b_dot.as_ref());
            let size = bar.a.norm_l2() * a_dot.norm_l2() + bar.b.norm_l2() * b_dot.norm_l2();
            assert!((there - back).abs() < 1e-13 * size, "{there} {back}");
        }
    }

    #[test]
    fn at_distance_zero_the_subgradient_is_zero() {
        let a = symmetric_with_spectrum(&[1.0, 2.0, 2.0], 3);
        let rule = of(&a, &a);
        assert_eq!((rule.value(), rule.squared()), (0.0, 0.0));
        let bar = rule.vjp(1.0, 1.0).unwrap();
        assert_eq!((bar.a.norm_max(), bar.b.norm_max()), (0.0, 0.0));
        let dot = rule.jvp(Some(a.as_ref()), None).unwrap();
        assert_eq!((dot.distance, dot.squared), (0.0, 0.0));
        // And near it the squared distance is still smooth: 2 D at A = I.
        let one = Mat::<f64>::identity(2, 2);
        let near = mat![[1.0 + 2f64.powi(-40), 0.0], [0.0, 1.0]];
        let bar = of(&near, &one).vjp(0.0, 1.0).unwrap();
        assert!((bar.a[(0, 0)] / 2f64.powi(-39) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_common_size_does_not_matter() {
        for [a, b] in pairs() {
            let plain = of(&a, &b);
            for size in [1e-150, 1e150] {
                let rule = of(&(Scale(size) * &a), &(Scale(size) * &b));
                // Logarithms near ±345.
                assert!((rule.value() - plain.value()).abs() < 2e-12);
                let (bar, expected) = (rule.vjp(0.0, 1.0).unwrap(), plain.vjp(0.0, 1.0).unwrap());
                let error = (Scale(size) * bar.a - &expected.a).norm_max();
                assert!(error < 1e-11 * (1.0 + expected.a.norm_max()), "{error:e}");
            }
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let forward =
            |a: Mat<f64>, b: Mat<f64>| LogEuclideanDistance::forward(a.as_ref(), b.as_ref());
        let one = Mat::<f64>::identity(2, 2);
        let rule = of(&one, &mat![[2.0, 0.0], [0.0, 1.0]]);
        let steep = of(&mat![[1e-200]], &mat![[1.0]]);
        refused! {
            forward(Mat::zeros(2, 3), one.clone()) => Error::NotSquare { .. },
            forward(one.clone(), Mat::identity(3, 3)) => Error::ShapeMismatch { op: OP, .. },
            forward(one.clone(), mat![[1.0, f64::NAN], [0.0, 1.0]]) => Error::NotFinite { .. },
            forward(one.clone(), mat![[1.0, 2.0], [0.0, 1.0]]) => Error::NotSymmetric { .. },
            forward(one.clone(), mat![[1.0, 0.0], [0.0, 0.0]]) => Error::OutsideDomain { value: 0.0, .. },
            rule.vjp(f64::NAN, 0.0) => Error::NotFinite { .. },
            rule.vjp(0.0, f64::MAX) => Error::Overflow { .. },
            steep.vjp(1e200, 0.0) => Error::Overflow { .. },
            rule.jvp(Some(Mat::zeros(3, 3).as_ref()), None) => Error::ShapeMismatch { .. },
        }
    }
}
