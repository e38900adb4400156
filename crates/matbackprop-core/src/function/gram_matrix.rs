//! The Gram matrix of F, and the question whether its eigenvalues are accurate enough for f.

use super::scalar_function::ScalarFunction;
use crate::buffer_pool::Temporary;
use crate::decompose::SymmetricEigen;
use crate::error::Result;
use crate::products::{mirror_lower, temporary_lower_product};
use crate::scale::{Scaled, power_of_two_scale};
use faer::{Mat, MatRef};

/// The Gram method is taken while rounding in FᵀF, carried to the slopes of f, stays below this times r ε: the order of
/// the rounding in a decomposition of r values.
const GRAM_ROUNDING: f64 = 16.0;

/// Eigenvalues and eigenvectors of a symmetric matrix, found by any method: the input of
/// [`PreparedGram::finish_with`](crate::PreparedGram::finish_with).
#[derive(Clone, Debug, PartialEq)]
pub struct Eigenpairs {
    /// λ, nondecreasing.
    pub values: Vec<f64>,
    /// V, orthogonal: one eigenvector a column, in the order of the values.
    pub vectors: Mat<f64>,
}

/// G = FᵀF / scale², or FFᵀ / scale² for n < d.
#[derive(Clone, Debug)]
pub(super) struct GramMatrix {
    /// G, on and below the diagonal; above it lies anything, until it is mirrored.
    lower: Temporary,
    scale: f64,
}

impl GramMatrix {
    /// The lower triangle of G; `None` where F has no entry.
    pub(super) fn lower(f: MatRef<'_, f64>) -> Option<Self> {
        let (n, d) = f.shape();
        if n.min(d) == 0 {
            return None;
        }
        let scale = power_of_two_scale(f);
        let scaled = Scaled::new(f, scale);
        let a = scaled.as_ref();
        let lower = if n >= d {
            temporary_lower_product(a.transpose(), a)
        } else {
            temporary_lower_product(a, a.transpose())
        };
        Some(Self { lower, scale })
    }

    /// G, both triangles; `None` where F has no entry.
    pub(super) fn full(f: MatRef<'_, f64>) -> Option<Self> {
        let mut gram = Self::lower(f)?;
        mirror_lower(gram.lower.as_mut());
        Some(gram)
    }

    /// G; above the diagonal it counts where it is [`full`](Self::full).
    pub(super) fn as_ref(&self) -> MatRef<'_, f64> {
        self.lower.as_ref()
    }

    /// The divisor of F.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// Eigenpairs of G as values and vectors, nondecreasing; `None` where they would cost f its accuracy, unless they
    /// are `forced`.
    pub(super) fn eigenpairs(
        &self,
        op: &'static str,
        function: &impl ScalarFunction,
        forced: bool,
    ) -> Result<Option<(Vec<f64>, Temporary)>> {
        let eigen = SymmetricEigen::begin(self.as_ref());
        if !forced && !self.keeps_digits_between(function, eigen.positive_ends()) {
            return Ok(None);
        }
        eigen.finish(op).map(Some)
    }

    /// May f keep its digits, by the entries of G? By numbers inside the spectrum, in O(r²):
    ///
    /// ```text
    /// λ₁ ≥ max(maxᵢ Gᵢᵢ, 1ᵀG1 / r),   λᵣ ≤ minᵢ Gᵢᵢ
    /// ```
    ///
    /// For the functions of this crate λ₁ max|f″| / max|f′| grows as the ends move apart, so that a no is a no of the
    /// eigenvalues. Of another f it is a guess.
    pub(super) fn may_keep_digits(&self, function: &impl ScalarFunction) -> bool {
        let g = self.as_ref();
        let r = g.nrows();
        let mut largest: f64 = 0.0;
        let mut smallest = f64::INFINITY;
        let mut sum = 0.0;
        for j in 0..r {
            let diagonal = g[(j, j)];
            largest = largest.max(diagonal);
            smallest = smallest.min(diagonal);
            let below: f64 = self.lower.column(j)[j + 1..].iter().sum();
            sum += diagonal + 2.0 * below;
        }
        self.keeps_digits_between(function, (largest.max(sum / r as f64), smallest))
    }

    /// Does f keep its digits at these ends of the spectrum of G?
    fn keeps_digits_between(
        &self,
        function: &impl ScalarFunction,
        (largest, smallest): (f64, f64),
    ) -> bool {
        let ends = [largest, smallest].map(|square| square * self.scale * self.scale);
        keeps_its_digits(function, &ends, self.as_ref().nrows())
    }
}

/// Do slopes at eigenvalues that are known to ε λ₁ have the accuracy of a decomposition?
pub(crate) fn keeps_its_digits(function: &impl ScalarFunction, squares: &[f64], r: usize) -> bool {
    let mut steepest: f64 = 0.0;
    let mut flattest = f64::INFINITY;
    let mut most_curved: f64 = 0.0;
    for &square in squares {
        let Some(curvature) = function.curvature(square) else {
            return false;
        };
        let slope = function.slope(square).abs();
        steepest = steepest.max(slope);
        flattest = flattest.min(slope);
        most_curved = most_curved.max(curvature.abs());
    }
    // Of very large features the curvature underflows, and would say that nothing bends.
    if most_curved < f64::MIN_POSITIVE && flattest < steepest {
        return false;
    }
    // Written so that NaN and infinities say no.
    squares[0] * most_curved <= GRAM_ROUNDING * r as f64 * steepest && steepest < f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{Exp, InverseSqrt, Log, Power, Ridge, Sqrt, WithSlope};
    use crate::gradcheck::{gaussian, with_spectrum};
    use faer::{Scale, mat};

    #[test]
    fn a_gram_matrix_by_hand() {
        let f = mat![[1.0, 2.0], [0.0, 1.0], [1.0, 0.0]];
        let tall = GramMatrix::full(f.as_ref()).unwrap();
        assert_eq!(tall.as_ref(), mat![[2.0, 2.0], [2.0, 5.0]]);
        let wide = GramMatrix::full(f.transpose()).unwrap();
        assert_eq!(wide.as_ref(), tall.as_ref());
        let huge = GramMatrix::full((Scale(2f64.powi(300)) * &f).as_ref()).unwrap();
        assert_eq!(Scale(4.0) * huge.as_ref(), tall.as_ref());
        assert_eq!(huge.scale(), 2f64.powi(301));
        assert!(GramMatrix::lower(f.as_ref().subrows(0, 0)).is_none());
    }

    #[test]
    fn eigenvalues_refuse_all_that_the_entries_refuse() {
        /// Refused by the entries, and by the eigenvalues.
        fn refused(f: MatRef<'_, f64>, function: impl ScalarFunction) -> (bool, bool) {
            let gram = GramMatrix::full(f).unwrap();
            let (mut squares, _) = gram.eigenpairs("test", &function, true).unwrap().unwrap();
            squares.reverse();
            let squares: Vec<f64> = squares.iter().map(|square| square.max(0.0)).collect();
            (
                !gram.may_keep_digits(&function),
                !keeps_its_digits(&function, &squares, squares.len()),
            )
        }
        let mut both = 0;
        for seed in 0..20 {
            let spectrum: Vec<f64> = (0..8).map(|i| 0.2f64.powi(i * seed / 4)).collect();
            let mut uneven = gaussian(12, 8, seed as u64);
            for j in 0..8 {
                for i in 0..12 {
                    uneven[(i, j)] *= spectrum[j];
                }
            }
            // A mean far above the rest, which the vector of ones sees.
            let spiked = Mat::from_fn(12, 8, |i, j| 1e3f64.powi(seed % 3) + uneven[(i, j)]);
            let rotated = with_spectrum(12, 8, &spectrum, seed as u64);
            for f in [
                uneven.as_ref(),
                uneven.transpose(),
                spiked.as_ref(),
                rotated.as_ref(),
            ] {
                for (of_entries, of_values) in [
                    refused(f, Ridge::new(Log, 1e-3).unwrap()),
                    refused(f, Log),
                    refused(f, Sqrt),
                    refused(f, InverseSqrt),
                    refused(f, Power { exponent: 2.0 }),
                    refused(f, Power { exponent: 1.0 }),
                    refused(f, Exp),
                    refused(f, WithSlope::new(f64::sin, f64::cos)),
                ] {
                    assert!(of_values || !of_entries, "seed {seed}, {:?}", f.shape());
                    both += usize::from(of_entries);
                }
            }
        }
        assert!(both > 100, "{both}");
    }
}
