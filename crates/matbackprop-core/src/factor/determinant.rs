//! The determinant of a square matrix, singular or not.

use super::wide_number::{WideEquilibration, WideNumber};
use crate::decompose::thin_svd;
use crate::error::Result;
use crate::guard::{
    ensure_finite_values, ensure_shape, ensure_square, number_within_range, within_range,
};
use crate::products::times_diagonal;
use crate::solve::{Lu, reciprocal_condition};
use faer::{Mat, MatRef, Scale};

const OP: &str = "determinant";

/// Above this reciprocal condition number, cofactors by A⁻¹ lose no more than three digits.
const WELL_CONDITIONED: f64 = 1e-3;

/// y = det A of a square A.
///
/// ```text
/// forward   P R A C = L U,  y = sign(P) Π uᵢᵢ / det R det C
/// vjp       Ā = ȳ adj(A)ᵀ
/// jvp       ẏ = ⟨ adj(A)ᵀ, Ȧ ⟩
/// with      adj(A)ᵀ = y A⁻ᵀ,  near a singular A  det(U) det(V) U diag( Πⱼ≠ᵢ σⱼ ) Vᵀ,  A = U Σ Vᵀ
/// ```
///
/// The determinant is a polynomial: it has a gradient at every matrix, that of its cofactors. At rank n − 1 it is an outer
/// product of the two null vectors, below that it is zero.
///
/// # Shapes
/// A, Ā: n × n; y, ȳ are numbers.
///
/// # Conventions
/// R and C bring rows and columns to order one by powers of two; products are formed with exponents of their own, so that
/// only results beyond the numbers over- or underflow. Errors are relative to R A C: those of y to n ε of the product of its
/// largest n − 1 singular values, those of adj(A) to n ε σ₁ / σₙ₋₁ of itself. For a loss that asks for log det A there are
/// [`LogDet`](crate::LogDet) and [`SignedLogDet`](crate::SignedLogDet).
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`NoConvergence`](crate::Error::NoConvergence);
/// [`Overflow`](crate::Error::Overflow), of the value in `forward`. A value too small for a number is zero.
///
/// # Cost
/// 8n³/3 operations where the reciprocal condition number of R A C is above 10⁻³, the singular vectors besides where it is not;
/// O(n²) time after that; n² numbers stored.
///
/// # Source
/// Jacobi's formula; cofactors by singular vectors as Stewart, "On the adjugate matrix", 1998.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::Determinant;
///
/// // Singular: the determinant is zero, its gradient is not.
/// let determinant = Determinant::forward(mat![[1.0, 2.0], [2.0, 4.0]].as_ref())?;
/// assert_eq!(determinant.value(), 0.0);
/// let a_bar = determinant.vjp(1.0)?;
/// assert!((a_bar - mat![[4.0, -2.0], [-2.0, 1.0]]).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Determinant {
    value: f64,
    /// adj(A)ᵀ without the units of rows and columns, and the power of two that belongs to all of it.
    cofactors: Mat<f64>,
    exponent: i64,
    /// The logarithms of R and C.
    rows: Vec<i64>,
    columns: Vec<i64>,
}

impl Determinant {
    /// Factors A, and finds its cofactors.
    ///
    /// # Errors
    /// See [`Determinant`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        ensure_square(OP, a)?;
        let WideEquilibration {
            matrix,
            rows,
            columns,
        } = WideEquilibration::new(a);
        let units = -rows.iter().chain(&columns).sum::<i64>();
        let lu = Lu::new(matrix.clone());
        let determinant = product_of_pivots(&lu);
        let (cofactors, exponent) = match inverse_if_well_conditioned(&matrix, &lu) {
            Some(inverse) => (Scale(determinant.fraction) * inverse, determinant.exponent),
            None => by_singular_vectors(matrix.as_ref())?,
        };
        Ok(Self {
            value: number_within_range(OP, determinant.shifted(units).to_f64())?,
            cofactors,
            exponent: exponent + units,
            rows,
            columns,
        })
    }

    /// Cofactors of R A C, and the power of two that they are multiplied by beside R and C.
    pub(crate) fn factors(&self) -> (MatRef<'_, f64>, i64) {
        (self.cofactors.as_ref(), self.exponent)
    }

    /// The way back alone, from [`factors`](Self::factors) of A; the value is not there.
    pub(crate) fn from_factors(a: MatRef<'_, f64>, cofactors: Mat<f64>, exponent: i64) -> Self {
        let WideEquilibration { rows, columns, .. } = WideEquilibration::new(a);
        Self {
            value: 0.0,
            cofactors,
            exponent,
            rows,
            columns,
        }
    }

    /// det A.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Ā from ȳ.
    ///
    /// # Errors
    /// See [`Determinant`].
    pub fn vjp(&self, value_bar: f64) -> Result<Mat<f64>> {
        ensure_finite_values(OP, &[value_bar])?;
        let bar = WideNumber::new(value_bar);
        let (m, n) = self.cofactors.shape();
        let a_bar = Mat::from_fn(m, n, |i, j| self.cofactor(i, j).times(bar).to_f64());
        within_range(OP, a_bar)
    }

    /// ẏ from Ȧ.
    ///
    /// # Errors
    /// See [`Determinant`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<f64> {
        let n = self.rows.len();
        ensure_shape(OP, a_dot, (n, n))?;
        let terms = || {
            (0..n)
                .flat_map(move |j| (0..n).map(move |i| (i, j)))
                .map(|(i, j)| self.cofactor(i, j).times(WideNumber::new(a_dot[(i, j)])))
                .filter(|term| term.fraction != 0.0)
        };
        let Some(largest) = terms().map(|term| term.exponent).max() else {
            return Ok(0.0);
        };
        let sum = terms()
            .map(|term| term.shifted(-largest).to_f64())
            .sum::<f64>();
        number_within_range(OP, WideNumber::new(sum).shifted(largest).to_f64())
    }

    /// An entry of adj(A)ᵀ.
    fn cofactor(&self, i: usize, j: usize) -> WideNumber {
        let cofactor = WideNumber::new(self.cofactors[(i, j)]);
        if cofactor.fraction == 0.0 {
            cofactor
        } else {
            cofactor.shifted(self.exponent + self.rows[i] + self.columns[j])
        }
    }
}

/// sign(P) Π uᵢᵢ.
fn product_of_pivots(lu: &Lu) -> WideNumber {
    let sign = if lu.is_odd() { -1.0 } else { 1.0 };
    lu.pivots()
        .map(WideNumber::new)
        .fold(WideNumber::new(sign), WideNumber::times)
}

/// A⁻ᵀ, unless A is close to a singular matrix.
fn inverse_if_well_conditioned(a: &Mat<f64>, lu: &Lu) -> Option<Mat<f64>> {
    if lu.pivots().any(|pivot| pivot == 0.0) {
        return None;
    }
    let condition = reciprocal_condition(a.as_ref(), |x| lu.solve(x), |x| lu.solve_transposed(x));
    (condition > WELL_CONDITIONED).then(|| {
        let mut inverse = Mat::identity(a.nrows(), a.ncols());
        lu.solve_transposed(inverse.as_mut());
        inverse
    })
}

/// adj(A)ᵀ, up to the power of two that comes with it.
fn by_singular_vectors(a: MatRef<'_, f64>) -> Result<(Mat<f64>, i64)> {
    let (u, values, v) = thin_svd(OP, a)?;
    let products = products_of_the_others(&values);
    let largest = products
        .iter()
        .filter(|product| product.fraction != 0.0)
        .map(|product| product.exponent)
        .max()
        .unwrap_or(0);
    let sign = orientation(&u) * orientation(&v);
    let weights: Vec<f64> = products
        .iter()
        .map(|product| sign * product.shifted(-largest).to_f64())
        .collect();
    let cofactors = times_diagonal(u.as_ref(), &weights) * v.transpose();
    Ok((cofactors, largest))
}

/// The determinant of an orthogonal matrix, 1 or −1.
fn orientation(q: &Mat<f64>) -> f64 {
    product_of_pivots(&Lu::new(q.clone())).fraction.signum()
}

/// Πⱼ≠ᵢ xⱼ for each i, without a division.
fn products_of_the_others(x: &[f64]) -> Vec<WideNumber> {
    let mut products = vec![WideNumber::ONE; x.len()];
    let mut before = WideNumber::ONE;
    for (product, &x) in products.iter_mut().zip(x) {
        *product = before;
        before = before.times(WideNumber::new(x));
    }
    let mut after = WideNumber::ONE;
    for (product, &x) in products.iter_mut().zip(x).rev() {
        *product = product.times(after);
        after = after.times(WideNumber::new(x));
    }
    products
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::mat;

    /// 1 × 1, regular, repeated, all equal, graded, of rank n − 1, n − 2 and zero.
    const SPECTRA: &[&[f64]] = &[
        &[0.7],
        &[0.0],
        &[2.0, 1.0],
        &[2.0, 2.0, 2.0],
        &[3.0, 2.0, 2.0, 0.5, 0.5],
        &[1.0, 1e-3, 1e-6, 1e-9],
        &[2.0, 1.0, 1.0, 0.0],
        &[2.0, 1.0, 0.0, 0.0],
        &[2.0, 0.0, 0.0, 0.0],
        &[0.0, 0.0, 0.0],
    ];

    fn of(a: &Mat<f64>) -> Determinant {
        Determinant::forward(a.as_ref()).unwrap()
    }

    #[test]
    fn two_by_two_by_hand() {
        // det (3 1; 4 2) = 2; its cofactors (2 −4; −1 3).
        let rule = of(&mat![[3.0, 1.0], [4.0, 2.0]]);
        assert!((rule.value() - 2.0).abs() < 1e-15);
        let a_bar = rule.vjp(10.0).unwrap();
        assert!((a_bar - mat![[20.0, -40.0], [-10.0, 30.0]]).norm_max() < 1e-13);
        let dot = rule.jvp(mat![[1.0, 2.0], [3.0, 4.0]].as_ref()).unwrap();
        assert!((dot - (2.0 - 8.0 - 3.0 + 12.0)).abs() < 1e-14);
        // A permutation of three, odd: −1.
        let swap = mat![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(of(&swap).value(), -1.0);
    }

    #[test]
    fn the_gradient_of_a_singular_matrix_is_that_of_its_cofactors() {
        // Rank n − 1: null vectors (2, −1) and (3, −1).
        let rule = of(&mat![[1.0, 3.0], [2.0, 6.0]]);
        assert_eq!(rule.value(), 0.0);
        let a_bar = rule.vjp(1.0).unwrap();
        assert!((a_bar - mat![[6.0, -2.0], [-3.0, 1.0]]).norm_max() < 1e-14);
        // Rank n − 2: none. A column or a row of zeros: of its cofactors alone.
        let a_bar = of(&mat![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 6.0, 9.0]])
            .vjp(1.0)
            .unwrap();
        // ε ‖A‖².
        assert!(a_bar.norm_max() < 1e-13, "{a_bar:?}");
        assert_eq!(
            of(&Mat::zeros(3, 3)).vjp(1.0).unwrap(),
            Mat::<f64>::zeros(3, 3)
        );
        let a_bar = of(&mat![[3.0, 1.0], [0.0, 0.0]]).vjp(1.0).unwrap();
        assert!((a_bar - mat![[0.0, 0.0], [-1.0, 3.0]]).norm_max() < 1e-14);
        assert!((of(&mat![[0.0]]).vjp(5.0).unwrap()[(0, 0)] - 5.0).abs() < 1e-15);
    }

    #[test]
    fn agrees_with_finite_differences_at_every_rank() {
        for spectrum in SPECTRA {
            let n = spectrum.len();
            let a = with_spectrum(n, n, spectrum, 4);
            let rule = of(&a);
            // A polynomial of a degree up to five.
            let check = GradientCheck {
                step: 1e-2,
                tolerance: 1e-6,
                ..GradientCheck::default()
            };
            // At rank n − 2 there is nothing that an error could be relative to.
            if n > 1 && spectrum[n - 2] == 0.0 {
                assert!(rule.vjp(1.0).unwrap().norm_max() < 1e-14, "{spectrum:?}");
                continue;
            }
            let value = |a: MatRef<'_, f64>| {
                let rule = Determinant::forward(a)?;
                Ok::<_, Error>(mat![[rule.value()]])
            };
            let vjp = |bar: MatRef<'_, f64>| rule.vjp(bar[(0, 0)]);
            let jvp = |dot: MatRef<'_, f64>| Ok(mat![[rule.jvp(dot)?]]);
            check_vjp(value, vjp, a.as_ref(), &check)
                .unwrap_or_else(|error| panic!("{spectrum:?}: {error}"));
            check_jvp(value, jvp, a.as_ref(), &check)
                .unwrap_or_else(|error| panic!("{spectrum:?}: {error}"));
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for spectrum in SPECTRA {
            let n = spectrum.len();
            let rule = of(&with_spectrum(n, n, spectrum, 4));
            let a_dot = gaussian(n, n, 1);
            let back = inner(rule.vjp(0.3).unwrap().as_ref(), a_dot.as_ref());
            let forward = 0.3 * rule.jvp(a_dot.as_ref()).unwrap();
            assert!((forward - back).abs() < 1e-14, "{spectrum:?}");
        }
    }

    #[test]
    fn both_ways_to_the_cofactors_agree_and_neither_jumps_as_a_value_closes() {
        for smallest in [0.5, 1e-2, 1e-3, 1e-4, 1e-8, 1e-12, 1e-16, 0.0] {
            let a = with_spectrum(4, 4, &[2.0, 1.5, 1.0, smallest], 3);
            let (cofactors, exponent) = by_singular_vectors(a.as_ref()).unwrap();
            let direct = Scale(2f64.powi(exponent as i32)) * cofactors;
            let a_bar = of(&a).vjp(1.0).unwrap();
            // Neither is closer than the condition of the well-conditioned way.
            assert!((&a_bar - direct).norm_max() < 1e-12, "{smallest:e}");
            // adj(A) A = det(A) I.
            let product = a_bar.transpose() * &a;
            let expected = Scale(of(&a).value()) * Mat::<f64>::identity(4, 4);
            assert!((product - expected).norm_max() < 1e-13, "{smallest:e}");
        }
    }

    #[test]
    fn results_within_the_numbers_come_from_factors_beyond_them() {
        let a = gaussian(6, 6, 2);
        let plain = of(&a);
        let plain_bar = plain.vjp(1.0).unwrap();
        // Exponents 150 · 3 − 150 · 3 = 0.
        let row = |i: usize| 2f64.powi(150 * (i as i32 - 2));
        let column = |j: usize| 2f64.powi(-150 * (j as i32 - 2));
        let scaled = Mat::from_fn(6, 6, |i, j| row(i) * a[(i, j)] * column(j));
        let rule = of(&scaled);
        assert!((rule.value() / plain.value() - 1.0).abs() < 1e-13);
        let back = rule.vjp(2f64.powi(400)).unwrap_err();
        assert_eq!(back, Error::Overflow { op: OP });
        // Along Ȧ = A the slope is n y, whatever the single terms are.
        let dot = rule.jvp(scaled.as_ref()).unwrap();
        assert!((dot / (6.0 * plain.value()) - 1.0).abs() < 1e-12);
        // Sixteen factors of 1e150 and as many of 1e−150.
        let wide = Mat::from_fn(32, 32, |i, j| match (i == j, i % 2) {
            (true, 0) => 1e150,
            (true, _) => 1e-150,
            _ => 0.0,
        });
        assert!((of(&wide).value() - 1.0).abs() < 1e-14);
        // One scale after the other would leave a column of zeros: 1e300 · 2e−300 − 1e300 · 1e−300.
        let narrow = of(&mat![[1e300, 1e-300], [1e300, 2e-300]]);
        assert!((narrow.value() - 1.0).abs() < 1e-14);
        for size in [2f64.powi(-150), 2f64.powi(150)] {
            let rule = of(&(Scale(size) * &a));
            assert_eq!(rule.value() / size.powi(6), plain.value());
            let a_bar = rule.vjp(1.0).unwrap();
            let error = (Scale(size.powi(-5)) * a_bar - &plain_bar).norm_max();
            assert!(error < 1e-14 * plain_bar.norm_max(), "{size:e}");
        }
        assert_eq!(of(&(Scale(1e-300) * &a)).value(), 0.0);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>| Determinant::forward(a.as_ref());
        let rule = of(&mat![[1e200, 0.0], [0.0, 1e-200]]);
        let wrong = Mat::zeros(2, 3);
        refused! {
            forward(Mat::zeros(2, 3)) => Error::NotSquare { rows: 2, columns: 3, .. },
            forward(Mat::zeros(0, 0)) => Error::Empty { .. },
            forward(mat![[f64::NAN]]) => Error::NotFinite { op: OP },
            forward(mat![[1e200, 0.0], [0.0, 1e200]]) => Error::Overflow { op: OP },
            rule.vjp(f64::NAN) => Error::NotFinite { op: OP },
            rule.vjp(1e200) => Error::Overflow { op: OP },
            rule.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            rule.jvp(Mat::full(2, 2, f64::INFINITY).as_ref()) => Error::NotFinite { .. },
            rule.jvp(Mat::full(2, 2, 1e200).as_ref()) => Error::Overflow { op: OP },
        }
    }
}
