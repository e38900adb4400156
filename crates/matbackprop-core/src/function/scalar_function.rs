//! A function of one real number, with the derivatives that its matrix function needs.

use super::divided_difference::{first, second};
use crate::lanes::{LaneNumber, NumbersMut};
use faer::{Mat, MatMut};

/// A function f of one real number, with its derivatives and its divided differences.
///
/// ```text
/// f[a, b]     = (f(a) − f(b)) / (a − b)                f′(a) where a = b
/// f[a, b, c]  = (f[a, b] − f[b, c]) / (a − c)          f″(a) / 2 where a = b = c
/// ```
///
/// The derivative of V f(Λ) Vᵀ is made of f[λᵢ, λⱼ], the second derivative of f[λᵢ, λⱼ, λₖ]; both are as smooth as f
/// and stay finite where eigenvalues meet, if they are not formed as the quotients above. The functions of this crate
/// bring closed forms; for other functions the provided ones are safe.
///
/// # Conventions
/// Outside the domain a value is NaN, and at its [`edge`](Self::edge) NaN, infinite or a number; a slope is infinite
/// where there is none: the rules make [`OutsideDomain`](crate::Error::OutsideDomain) and
/// [`NotDifferentiable`](crate::Error::NotDifferentiable) of them. Elsewhere, infinite is
/// [`Overflow`](crate::Error::Overflow).
/// Divided differences do not depend on the order of their arguments.
///
/// # Example
/// ```
/// use matbackprop_core::{Log, ScalarFunction};
/// // The quotient has no digit left, the divided difference has all.
/// let (a, b) = (5.0, 5.0 + 2f64.powi(-50));
/// assert!((Log.divided_difference(a, b) - 0.2).abs() < 1e-15);
/// assert!(((Log.value(a) - Log.value(b)) / (a - b) - 0.2).abs() > 1e-3);
/// ```
pub trait ScalarFunction {
    /// f(x).
    fn value(&self, x: f64) -> f64;

    /// f′(x).
    fn slope(&self, x: f64) -> f64;

    /// f″(x), or `None` where it is not known; then there is no second order.
    fn curvature(&self, _x: f64) -> Option<f64> {
        None
    }

    /// The edge of the domain, or the pole inside it: where f or its derivative ends. `None` for a function that is smooth
    /// everywhere, and provided as that.
    ///
    /// Eigenvalues within rounding of it count as on it, see [`MatrixFunction`](crate::MatrixFunction).
    fn edge(&self) -> Option<f64> {
        None
    }

    /// f[a, b]. Provided: the slope, the quotient, or the mean of the slope from a to b, by which is the most accurate.
    ///
    /// # Conventions
    /// Provided, the relative error is a few ε while f has digits to lose or the slope is smooth from a to b: where
    /// f(a) and f(b) agree in their leading digits, 12-point Gauss–Legendre quadrature of f′ is taken if it agrees with
    /// the 8-point one more closely than the quotient is known.
    fn divided_difference(&self, a: f64, b: f64) -> f64 {
        first(|x| self.value(x), |x| self.slope(x), a, b)
    }

    /// The symmetric matrix of f[xᵢ, xⱼ], both triangles, where the caller has room for it: columns one behind the other.
    fn fill_divided_differences(&self, x: &[f64], mut differences: MatMut<'_, f64>) {
        for j in 0..x.len() {
            for i in j..x.len() {
                let difference = self.divided_difference(x[i], x[j]);
                differences[(i, j)] = difference;
                differences[(j, i)] = difference;
            }
        }
    }

    /// f[xᵢ, xⱼ] of several lists of n numbers that lie side by side: number k of list l is `x[k * lists + l]`, and its
    /// difference with number i of the same list goes to `differences[(k * n + i) * lists + l]`, rounded to what lies there.
    #[doc(hidden)]
    fn fill_differences_of_lists(&self, lists: usize, x: &[f64], differences: NumbersMut<'_>) {
        differences_of_lists(self, lists, x, differences);
    }

    /// The symmetric matrix of f[xᵢ, xⱼ], both triangles.
    fn divided_differences(&self, x: &[f64]) -> Mat<f64> {
        let mut differences = Mat::zeros(x.len(), x.len());
        self.fill_divided_differences(x, differences.as_mut());
        differences
    }

    /// f[a, b, c], or `None` where f″ is not known. Provided: as [`divided_difference`](Self::divided_difference), one
    /// derivative up.
    fn second_divided_difference(&self, a: f64, b: f64, c: f64) -> Option<f64> {
        second(
            |x, y| self.divided_difference(x, y),
            |x| self.curvature(x),
            [a, b, c],
        )
    }
}

/// Divided differences of several lists, one by one.
pub(super) fn differences_of_lists(
    f: &(impl ScalarFunction + ?Sized),
    lists: usize,
    x: &[f64],
    differences: NumbersMut<'_>,
) {
    match differences {
        NumbersMut::Double(differences) => fill_lists(f, lists, x, differences),
        NumbersMut::Single(differences) => fill_lists(f, lists, x, differences),
    }
}

fn fill_lists<N: LaneNumber>(
    f: &(impl ScalarFunction + ?Sized),
    lists: usize,
    x: &[f64],
    differences: &mut [N],
) {
    let n = x.len() / lists;
    for i in 0..n {
        for j in 0..=i {
            for list in 0..lists {
                let difference = f.divided_difference(x[i * lists + list], x[j * lists + list]);
                let difference = N::rounded(difference);
                differences[(i * n + j) * lists + list] = difference;
                differences[(j * n + i) * lists + list] = difference;
            }
        }
    }
}

impl<F: ScalarFunction + ?Sized> ScalarFunction for &F {
    fn value(&self, x: f64) -> f64 {
        (**self).value(x)
    }

    fn slope(&self, x: f64) -> f64 {
        (**self).slope(x)
    }

    fn curvature(&self, x: f64) -> Option<f64> {
        (**self).curvature(x)
    }

    fn edge(&self) -> Option<f64> {
        (**self).edge()
    }

    fn divided_difference(&self, a: f64, b: f64) -> f64 {
        (**self).divided_difference(a, b)
    }

    fn fill_divided_differences(&self, x: &[f64], differences: MatMut<'_, f64>) {
        (**self).fill_divided_differences(x, differences);
    }

    fn fill_differences_of_lists(&self, lists: usize, x: &[f64], differences: NumbersMut<'_>) {
        (**self).fill_differences_of_lists(lists, x, differences);
    }

    fn second_divided_difference(&self, a: f64, b: f64, c: f64) -> Option<f64> {
        (**self).second_divided_difference(a, b, c)
    }
}
