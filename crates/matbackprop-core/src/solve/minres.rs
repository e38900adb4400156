//! Symmetric systems by products alone.

use crate::error::{Error, Result};
use crate::symmetric_operator::norm;

/// The x of `times(x)` = b for a symmetric operator, definite or not, that is regular where b lies.
///
/// ```text
///     ‖b − A x‖ ≤ tolerance (‖b‖ + size ‖x‖),      size ≥ ‖A‖
/// ```
///
/// # Errors
/// [`NotConverged`](Error::NotConverged) after `iterations` products; those of `times`.
///
/// # Source
/// Paige, Saunders, "Solution of sparse indefinite systems of linear equations", SIAM Journal on Numerical Analysis 12,
/// 1975, MINRES; started again from its residual, which removes the rounding of its recurrences.
pub(crate) fn minres(
    op: &'static str,
    mut times: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
    b: &[f64],
    size: f64,
    tolerance: f64,
    iterations: usize,
) -> Result<Vec<f64>> {
    let mut x = vec![0.0; b.len()];
    let mut left = iterations;
    let mut residual = b.to_vec();
    let mut before = f64::INFINITY;
    loop {
        let bound = tolerance * (norm(b) + size * norm(&x));
        let length = norm(&residual);
        if length <= bound {
            return Ok(x);
        }
        // No more digits, or no more time.
        if left == 0 || length > 0.5 * before {
            return Err(Error::NotConverged {
                op,
                residual: length / (bound / tolerance),
                tolerance,
                iterations: iterations - left,
            });
        }
        before = length;
        let target = 0.25 * bound;
        left -= add_solution(&mut times, &mut x, &residual, target, size, tolerance, left)?;
        times(&x, &mut residual)?;
        for (residual, b) in residual.iter_mut().zip(b) {
            *residual = b - *residual;
        }
    }
}

/// x ← x + A⁻¹ b, to an estimated residual of `target` or `tolerance` times what belongs to x; the number of products.
fn add_solution(
    times: &mut impl FnMut(&[f64], &mut [f64]) -> Result<()>,
    x: &mut [f64],
    b: &[f64],
    target: f64,
    size: f64,
    tolerance: f64,
    iterations: usize,
) -> Result<usize> {
    let n = b.len();
    let mut beta = norm(b);
    let mut v: Vec<f64> = b.iter().map(|b| b / beta).collect();
    let (mut v_before, mut av) = (vec![0.0; n], vec![0.0; n]);
    let (mut w, mut w_before) = (vec![0.0; n], vec![0.0; n]);
    let mut rotations = [(1.0, 0.0); 2];
    let (mut remainder, mut beta_in) = (beta, 0.0);
    for iteration in 1..=iterations {
        times(&v, &mut av)?;
        let alpha: f64 = v.iter().zip(&av).map(|(v, av)| v * av).sum();
        for ((av, v), before) in av.iter_mut().zip(&v).zip(&v_before) {
            *av -= alpha * v + beta_in * before;
        }
        beta = norm(&av);
        // The new column of the tridiagonal matrix, turned by the two rotations before and one of its own.
        let [(c0, s0), (c1, s1)] = rotations;
        let third = s0 * beta_in;
        let below = c0 * beta_in;
        let second = c1 * below + s1 * alpha;
        let first = c1 * alpha - s1 * below;
        let length = first.hypot(beta);
        if length == 0.0 {
            return Ok(iteration);
        }
        let (c, s) = (first / length, beta / length);
        let step = c * remainder;
        for i in 0..n {
            let direction = (v[i] - second * w[i] - third * w_before[i]) / length;
            w_before[i] = w[i];
            w[i] = direction;
            x[i] += step * direction;
        }
        remainder *= -s;
        rotations = [(c1, s1), (c, s)];
        if remainder.abs() <= target.max(0.25 * tolerance * size * norm(x)) || beta == 0.0 {
            return Ok(iteration);
        }
        for i in 0..n {
            v_before[i] = v[i];
            v[i] = av[i] / beta;
        }
        beta_in = beta;
    }
    Ok(iterations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{gaussian, symmetric_with_spectrum};
    use crate::symmetric_operator::{DenseOperator, SymmetricOperator};

    #[test]
    fn solves_definite_and_indefinite_systems() {
        for spectrum in [
            &[2.0][..],
            &[1.0, 2.0, 3.0],
            &[-1.0, 2.0, 2.0, -3.0, 1e-3],
            &[1e-5, 1.0, 0.3, 0.2, 0.1, 0.5],
        ] {
            let a = symmetric_with_spectrum(spectrum, 3);
            let expected = gaussian(spectrum.len(), 1, 1);
            let b = &a * &expected;
            let operator = DenseOperator::new(a.as_ref()).unwrap();
            let times = |x: &[f64], out: &mut [f64]| {
                operator.apply(x, out);
                Ok(())
            };
            let x = minres("test", times, b.col_as_slice(0), 3.0, 1e-14, 200).unwrap();
            let smallest = spectrum.iter().fold(3.0, |x: f64, y| x.min(y.abs()));
            for (x, expected) in x.iter().zip(expected.col(0).iter()) {
                assert!((x - expected).abs() < 1e-12 / smallest, "{spectrum:?}");
            }
        }
    }

    #[test]
    fn says_what_it_could_not_reach() {
        let spectrum: Vec<f64> = (1..60).map(|i| f64::from(i).powi(4)).collect();
        let a = symmetric_with_spectrum(&spectrum, 3);
        let b = gaussian(spectrum.len(), 1, 1);
        let operator = DenseOperator::new(a.as_ref()).unwrap();
        let times = |x: &[f64], out: &mut [f64]| {
            operator.apply(x, out);
            Ok(())
        };
        let found = minres("test", times, b.col_as_slice(0), 1e7, 1e-14, 5);
        assert!(matches!(
            found,
            Err(Error::NotConverged { iterations: 5, .. })
        ));
    }
}
