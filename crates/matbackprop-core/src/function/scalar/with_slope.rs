//! A caller's own function.

use crate::function::scalar_function::ScalarFunction;
use std::fmt;

/// A function given by its value and slope, and by its curvature where second order is asked for.
///
/// # Conventions
/// Divided differences are the provided ones of [`ScalarFunction`]: safe for smooth functions. The accuracy of the slope
/// is theirs.
///
/// # Example
/// ```
/// use matbackprop_core::{ScalarFunction, WithSlope};
/// let f = WithSlope::new(f64::sin, f64::cos).with_curvature(|x| -x.sin());
/// let gap = 1e-9;
/// assert!((f.divided_difference(1.0, 1.0 + gap) - (1.0 + 0.5 * gap).cos()).abs() < 1e-15);
/// assert_eq!(f.second_divided_difference(1.0, 1.0, 1.0), Some(-0.5 * 1f64.sin()));
/// ```
#[derive(Clone, Copy)]
pub struct WithSlope<V, S, C = fn(f64) -> f64> {
    value: V,
    slope: S,
    curvature: Option<C>,
    edge: Option<f64>,
}

impl<V: Fn(f64) -> f64, S: Fn(f64) -> f64> WithSlope<V, S> {
    /// A function of a number from its value f and its slope f′.
    pub fn new(value: V, slope: S) -> Self {
        Self {
            value,
            slope,
            curvature: None,
            edge: None,
        }
    }

    /// The same function with f″.
    pub fn with_curvature<C: Fn(f64) -> f64>(self, curvature: C) -> WithSlope<V, S, C> {
        WithSlope {
            value: self.value,
            slope: self.slope,
            curvature: Some(curvature),
            edge: self.edge,
        }
    }
}

impl<V, S, C> WithSlope<V, S, C> {
    /// The same function with an edge of its domain, or a pole, see [`ScalarFunction::edge`].
    pub fn with_edge(self, edge: f64) -> Self {
        Self {
            edge: Some(edge),
            ..self
        }
    }
}

impl<V: Fn(f64) -> f64, S: Fn(f64) -> f64, C: Fn(f64) -> f64> ScalarFunction
    for WithSlope<V, S, C>
{
    fn value(&self, x: f64) -> f64 {
        (self.value)(x)
    }

    fn slope(&self, x: f64) -> f64 {
        (self.slope)(x)
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        self.curvature.as_ref().map(|curvature| curvature(x))
    }

    fn edge(&self) -> Option<f64> {
        self.edge
    }
}

impl<V, S, C> fmt::Debug for WithSlope<V, S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithSlope")
            .field("has_curvature", &self.curvature.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_order_waits_for_the_curvature() {
        let f = WithSlope::new(f64::sin, f64::cos);
        assert_eq!((f.value(1.0), f.slope(1.0)), (1f64.sin(), 1f64.cos()));
        assert_eq!(
            (f.curvature(1.0), f.second_divided_difference(1.0, 2.0, 3.0)),
            (None, None)
        );
        let f = f.with_curvature(|x| -x.sin());
        assert_eq!(f.curvature(1.0), Some(-1f64.sin()));
        assert_eq!(format!("{f:?}"), "WithSlope { has_curvature: true, .. }");
        assert_eq!((f.edge(), f.with_edge(1.0).edge()), (None, Some(1.0)));
    }

    #[test]
    fn a_function_is_used_through_references_too() {
        let f = WithSlope::new(f64::sin, f64::cos);
        let dynamic: &dyn ScalarFunction = &f;
        let x = [0.0, 0.5, 0.5];
        assert_eq!(
            (&dynamic).divided_differences(&x),
            f.divided_differences(&x)
        );
        assert_eq!(
            f.divided_difference(0.0, 0.5),
            f.divided_difference(0.5, 0.0)
        );
        assert_eq!((&dynamic).second_divided_difference(0.0, 0.0, 0.5), None);
    }
}
