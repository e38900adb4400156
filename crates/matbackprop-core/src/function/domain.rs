//! A function asked at a whole spectrum: numbers, or the eigenvalue that has none.

use super::scalar_function::ScalarFunction;
use crate::error::{Error, Result};
use faer::Mat;

/// The size of a zero eigenvalue after a decomposition, in units of n ε ‖A‖.
const ROUNDING: f64 = 1.0;

/// The size between null vectors of a cotangent that is zero there, in units of n ε of its norm.
const NOTHING: f64 = 8.0;

/// Eigenvalues of an n × n matrix, of which those within n ε ‖A‖ of the edge of f's domain are brought onto it.
///
/// No decomposition distinguishes them from it: zero eigenvalues of a singular matrix come out on either side.
pub(super) fn onto_edge(f: &impl ScalarFunction, mut values: Vec<f64>) -> Vec<f64> {
    if let Some(edge) = f.edge() {
        let largest = values
            .iter()
            .fold(0.0, |largest: f64, x| largest.max(x.abs()));
        let reach = ROUNDING * values.len() as f64 * f64::EPSILON * largest;
        for value in &mut values {
            if (*value - edge).abs() <= reach {
                *value = edge;
            }
        }
    }
    values
}

/// f(xᵢ).
pub(super) fn values(op: &'static str, f: &impl ScalarFunction, x: &[f64]) -> Result<Vec<f64>> {
    let finite = |&x: &f64| match f.value(x) {
        value if value.is_finite() => Ok(value),
        value if value.is_nan() || f.edge() == Some(x) => {
            Err(Error::OutsideDomain { op, value: x })
        }
        _ => Err(Error::Overflow { op }),
    };
    x.iter().map(finite).collect()
}

/// f′(xᵢ), infinite where there is none at the edge of the domain.
pub(super) fn slopes(op: &'static str, f: &impl ScalarFunction, x: &[f64]) -> Result<Vec<f64>> {
    let finite_or_edge = |&x: &f64| match f.slope(x) {
        slope if slope.is_finite() => Ok(slope),
        _ if f.edge() == Some(x) => Ok(f64::INFINITY),
        _ => Err(no_derivative(op, f, x)),
    };
    x.iter().map(finite_or_edge).collect()
}

/// f[xᵢ, xⱼ].
pub(super) fn divided_differences(
    op: &'static str,
    f: &impl ScalarFunction,
    x: &[f64],
) -> Result<Mat<f64>> {
    differences_where_asked(op, f, x, |_, _| true)
}

/// f[xᵢ, xⱼ], with zeros where it is infinite and X does not ask for it: a product with X has that limit.
///
/// `norm` is the Frobenius norm of X.
pub(super) fn divided_differences_for(
    op: &'static str,
    f: &impl ScalarFunction,
    x: &[f64],
    asked: &Mat<f64>,
    norm: f64,
) -> Result<Mat<f64>> {
    let nothing = nothing(x.len(), norm);
    differences_where_asked(op, f, x, |i, j| asked[(i, j)].abs() > nothing)
}

/// The bound for zero between n vectors in a matrix of this norm.
pub(super) fn nothing(n: usize, norm: f64) -> f64 {
    // A norm may overflow where the entries do not.
    NOTHING * n as f64 * f64::EPSILON * norm.min(f64::MAX)
}

/// f[xᵢ, xⱼ], with zeros where it is not finite and not asked for.
pub(super) fn differences_where_asked(
    op: &'static str,
    f: &impl ScalarFunction,
    x: &[f64],
    asked: impl Fn(usize, usize) -> bool,
) -> Result<Mat<f64>> {
    let mut differences = f.divided_differences(x);
    for j in 0..x.len() {
        // The slope first: a caller can ask about it.
        let column = std::iter::once(j).chain(0..j);
        for i in column {
            if differences[(i, j)].is_finite() {
                continue;
            }
            if asked(i, j) || !(at_edge(f, x[i]) && at_edge(f, x[j])) {
                let between = if at_edge(f, x[j]) { x[j] } else { x[i] };
                return Err(no_derivative(op, f, between));
            }
            differences[(i, j)] = 0.0;
            differences[(j, i)] = 0.0;
        }
    }
    Ok(differences)
}

fn at_edge(f: &impl ScalarFunction, x: f64) -> bool {
    f.edge() == Some(x)
}

/// Why there is no finite derivative at x.
fn no_derivative(op: &'static str, f: &impl ScalarFunction, x: f64) -> Error {
    // Away from the edge, an infinite slope is beyond the numbers.
    if f.edge().is_some() && !at_edge(f, x) && f.value(x).is_finite() && !f.slope(x).is_nan() {
        Error::Overflow { op }
    } else {
        Error::NotDifferentiable { op, value: x }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{Exp, Inverse, Log, Power, Ridge, Sqrt, WithSlope};

    #[test]
    fn values_within_rounding_of_the_edge_are_brought_onto_it() {
        let n_epsilon = 3.0 * f64::EPSILON;
        let values = vec![-2.0 * n_epsilon, 2.0 * n_epsilon, 2.0];
        assert_eq!(onto_edge(&Sqrt, values.clone()), [0.0, 0.0, 2.0]);
        assert_eq!(onto_edge(&Exp, values.clone()), values);
        let beyond = vec![-2.1 * n_epsilon, 2.1 * n_epsilon, 2.0];
        assert_eq!(onto_edge(&Sqrt, beyond.clone()), beyond);
        // A ridge moves the edge away.
        let ridge = Ridge::new(Log, 1e-3).unwrap();
        assert_eq!(onto_edge(&ridge, values.clone()), values);
        let power = |exponent| Power { exponent };
        assert_eq!(onto_edge(&power(0.7), values.clone()), [0.0, 0.0, 2.0]);
        assert_eq!(onto_edge(&power(-2.0), values.clone()), [0.0, 0.0, 2.0]);
        assert_eq!(onto_edge(&power(3.0), values.clone()), values);
    }

    #[test]
    fn overflow_is_distinguished_from_no_derivative() {
        let outside = |value| Err(Error::OutsideDomain { op: "test", value });
        let beyond = Err(Error::Overflow { op: "test" });
        assert_eq!(values("test", &Exp, &[1000.0]), beyond);
        assert_eq!(values("test", &Inverse, &[1e-310]), beyond);
        assert_eq!(values("test", &Inverse, &[0.0]), outside(0.0));
        assert_eq!(values("test", &Log, &[0.0]), outside(0.0));
        assert_eq!(values("test", &Log, &[-1.0]), outside(-1.0));
        assert_eq!(values("test", &Power { exponent: 3.0 }, &[1e200]), beyond);
        assert_eq!(slopes("test", &Inverse, &[1e-200]), beyond);
        assert_eq!(slopes("test", &Sqrt, &[0.0]), Ok(vec![f64::INFINITY]));
        let kink = WithSlope::new(
            f64::abs,
            |x: f64| if x == 0.0 { f64::NAN } else { x.signum() },
        );
        let none = Error::NotDifferentiable {
            op: "test",
            value: 0.0,
        };
        assert_eq!(slopes("test", &kink, &[0.0]), Err(none));
    }

    #[test]
    fn an_infinite_difference_is_an_error_only_where_it_is_asked_for() {
        let x = [0.0, 0.0, 4.0];
        let mut asked = Mat::<f64>::ones(3, 3);
        let none = Error::NotDifferentiable {
            op: "test",
            value: 0.0,
        };
        let differences = |asked: &Mat<f64>| divided_differences_for("test", &Sqrt, &x, asked, 3.0);
        assert_eq!(differences(&asked), Err(none.clone()));
        asked.submatrix_mut(0, 0, 2, 2).fill(1e-15);
        let found = differences(&asked).unwrap();
        assert_eq!(
            found,
            faer::mat![[0.0, 0.0, 0.5], [0.0, 0.0, 0.5], [0.5, 0.5, 0.25]]
        );
        assert_eq!(divided_differences("test", &Sqrt, &x), Err(none));
    }
}
