//! Eigenvalues of a symmetric tridiagonal matrix by their place in the order, without the others.
//!
//! ```text
//! δ₁ = d₁ − x,   δᵢ = dᵢ − x − eᵢ₋₁² / δᵢ₋₁        as many δᵢ < 0 as eigenvalues lie below x
//! ```
//!
//! Source: Givens, "Numerical computation of the characteristic values of a real symmetric matrix", 1954; Barth, Martin,
//! Wilkinson, "Calculation of the eigenvalues of a symmetric tridiagonal matrix by the method of bisection", Numerische
//! Mathematik 9, 1967. Ours is the division into nine parts: a division takes as long for eight points as for one.

use pulp::{Arch, Simd, WithSimd};

/// Points that are counted side by side.
const POINTS: usize = 8;

/// 9⁻¹⁸ of an interval of two is below the rounding of its ends.
const PASSES: usize = 18;

/// A pivot nearer to zero is taken for this: its square, and a quotient by it, stay in range.
const TINY: f64 = 1e-290;

/// The eigenvalues at `places` of the nondecreasing order; the matrix has its spectrum in [−1, 1].
///
/// Each is right to a few ε, nondecreasing where `places` are.
pub(super) fn eigenvalues_at(diagonal: &[f64], below: &[f64], places: &[usize]) -> Vec<f64> {
    let squares: Vec<f64> = below.iter().map(|e| e * e).collect();
    let arch = Arch::new();
    let mut largest = f64::NEG_INFINITY;
    let mut values = Vec::with_capacity(places.len());
    for &place in places {
        let (mut low, mut high) = (-1.0 - 8.0 * f64::EPSILON, 1.0 + 8.0 * f64::EPSILON);
        for _ in 0..PASSES {
            let step = (high - low) / (POINTS + 1) as f64;
            let points: [f64; POINTS] = std::array::from_fn(|i| low + step * (i + 1) as f64);
            let counts = arch.dispatch(CountBelow {
                diagonal,
                squares: &squares,
                points,
            });
            for (point, count) in points.into_iter().zip(counts) {
                if count <= place as f64 {
                    low = point;
                } else {
                    high = point;
                    break;
                }
            }
        }
        // Of two neighbours that are equal to rounding, either may come out below.
        largest = f64::max(largest, 0.5 * (low + high));
        values.push(largest);
    }
    values
}

/// How many eigenvalues lie below each point, to be dispatched.
struct CountBelow<'a> {
    diagonal: &'a [f64],
    /// Of the entries below the diagonal.
    squares: &'a [f64],
    points: [f64; POINTS],
}

impl WithSimd for CountBelow<'_> {
    /// Whole numbers, as lanes of the same width as the pivots.
    type Output = [f64; POINTS];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; POINTS] {
        let (mut pivots, mut counts) = ([1.0; POINTS], [0.0; POINTS]);
        let mut above = 0.0;
        for (diagonal, square) in self.diagonal.iter().zip(self.squares) {
            for i in 0..POINTS {
                let pivot: f64 = diagonal - self.points[i] - above / pivots[i];
                pivots[i] = if pivot.abs() < TINY { -TINY } else { pivot };
                counts[i] += if pivots[i] < 0.0 { 1.0 } else { 0.0 };
            }
            above = *square;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_graph_has_its_known_eigenvalues() {
        // ½ − ½ cos(π j / n), with the diagonal ¼ at the ends.
        for n in [1usize, 2, 3, 10, 200] {
            let mut diagonal = vec![0.5; n];
            diagonal[0] = 0.25;
            diagonal[n - 1] = if n == 1 { 0.0 } else { 0.25 };
            if n == 1 {
                diagonal[0] = 0.0;
            }
            let places: Vec<usize> = (0..n).collect();
            let found = eigenvalues_at(&diagonal, &vec![-0.25; n], &places);
            for (j, found) in found.iter().enumerate() {
                let expected = 0.5 - 0.5 * (std::f64::consts::PI * j as f64 / n as f64).cos();
                assert!((found - expected).abs() < 4.0 * f64::EPSILON, "{n} {j}");
            }
        }
    }

    #[test]
    fn equal_values_and_zeros_are_counted_as_often_as_they_occur() {
        let found = eigenvalues_at(&[1.0, 0.0, -1.0, 0.0, 1.0], &[0.0; 5], &[0, 1, 2, 3, 4]);
        for (found, expected) in found.iter().zip([-1.0, 0.0, 0.0, 1.0, 1.0]) {
            assert!((found - expected).abs() < 4.0 * f64::EPSILON, "{found}");
        }
        // Two blocks, each of the eigenvalues ±½, and a coupling that underflows when squared.
        let found = eigenvalues_at(&[0.0; 4], &[0.5, 1e-200, 0.5, 0.0], &[0, 1, 2]);
        assert!((found[1] + 0.5).abs() < 4.0 * f64::EPSILON);
        assert!((found[2] - 0.5).abs() < 4.0 * f64::EPSILON);
    }
}
