//! Logarithms of determinants.

use crate::error::Result;
use crate::guard::{
    ensure_finite_values, ensure_shape, ensure_square, number_within_range, within_range,
};
use crate::solve::{
    Equilibration, Lu, cholesky, ensure_regular, reciprocal_condition, singular, solve_root,
};
use crate::symmetric::{ensure_symmetric, sym};
use faer::{Mat, MatRef, Scale};

const OP: &str = "log-determinant";
const SIGNED: &str = "signed log-determinant";

/// y = log det A of a symmetric positive definite A.
///
/// ```text
/// forward   A = L Lᵀ,  y = 2 Σ ln lᵢᵢ
/// vjp       Ā = ȳ A⁻¹
/// jvp       ẏ = tr( A⁻¹ Ȧ )
/// ```
///
/// # Shapes
/// A, Ā: n × n.
///
/// # Conventions
/// Ā is symmetric. The determinant
/// itself is never formed: it would leave the range of f64 long before its logarithm does.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`NotPositiveDefinite`](crate::Error::NotPositiveDefinite) as in [`Cholesky`](crate::Cholesky), also where the value would be −∞,
/// [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// n³/3 operations forward, about n³ for either way; n² numbers stored.
///
/// # Source
/// Jacobi's formula.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::LogDet;
///
/// let log_det = LogDet::forward(mat![[4.0, 2.0], [2.0, 5.0]].as_ref())?;
/// assert!((log_det.value() - 16f64.ln()).abs() < 1e-15);
/// let a_bar = log_det.vjp(16.0)?;
/// assert!((a_bar - mat![[5.0, -2.0], [-2.0, 4.0]]).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LogDet {
    /// L.
    factor: Mat<f64>,
    value: f64,
}

impl LogDet {
    /// Factors A.
    ///
    /// # Errors
    /// See [`LogDet`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        ensure_symmetric(OP, a)?;
        Ok(Self::from_factor(cholesky(OP, sym(a).as_ref())?))
    }

    /// L.
    pub(crate) fn factor(&self) -> MatRef<'_, f64> {
        self.factor.as_ref()
    }

    /// From L.
    pub(crate) fn from_factor(factor: Mat<f64>) -> Self {
        let diagonal = factor.diagonal().column_vector();
        Self {
            value: 2.0 * diagonal.iter().map(|l| l.ln()).sum::<f64>(),
            factor,
        }
    }

    /// log det A.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Ā from ȳ.
    ///
    /// # Errors
    /// See [`LogDet`].
    pub fn vjp(&self, value_bar: f64) -> Result<Mat<f64>> {
        ensure_finite_values(OP, &[value_bar])?;
        let n = self.factor.nrows();
        let mut inverse = Mat::identity(n, n);
        solve_root(self.factor.as_ref(), inverse.as_mut());
        within_range(OP, Scale(value_bar) * sym(inverse.as_ref()))
    }

    /// ẏ from Ȧ.
    ///
    /// # Errors
    /// See [`LogDet`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<f64> {
        let n = self.factor.nrows();
        ensure_shape(OP, a_dot, (n, n))?;
        let mut moved = sym(a_dot);
        solve_root(self.factor.as_ref(), moved.as_mut());
        number_within_range(OP, trace(moved.as_ref()))
    }
}

/// (s, y) = (sign det A, log |det A|) of a square A.
///
/// ```text
/// forward   P R A C = L U,  s = sign(P) Π sign(uᵢᵢ),  y = Σ ln |uᵢᵢ| − ln det R − ln det C
/// vjp       Ā = ȳ A⁻ᵀ
/// jvp       ẏ = tr( A⁻¹ Ȧ ),  ṡ = 0
/// ```
///
/// # Shapes
/// A, Ā: n × n.
///
/// # Conventions
/// R and C bring rows and columns to order one by powers of two, whose determinants are positive and exact.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`Singular`](crate::Error::Singular) where the reciprocal condition number of R A C does not exceed 8 n ε: there the
/// value is −∞ within rounding; [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// 2n³/3 operations forward, 2n³ for either way; n² numbers stored.
///
/// # Source
/// Jacobi's formula.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::SignedLogDet;
///
/// let log_det = SignedLogDet::forward(mat![[1.0, 2.0], [3.0, 4.0]].as_ref())?;
/// assert_eq!(log_det.sign(), -1.0);
/// assert!((log_det.value() - 2f64.ln()).abs() < 1e-15);
/// let a_bar = log_det.vjp(2.0)?;
/// assert!((a_bar - mat![[-4.0, 3.0], [2.0, -1.0]]).norm_max() < 1e-14);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SignedLogDet {
    lu: Lu,
    /// The diagonals of R and C.
    rows: Vec<f64>,
    columns: Vec<f64>,
    sign: f64,
    value: f64,
}

impl SignedLogDet {
    /// Factors A.
    ///
    /// # Errors
    /// See [`SignedLogDet`].
    pub fn forward(a: MatRef<'_, f64>) -> Result<Self> {
        let n = ensure_square(SIGNED, a)?;
        let Some(equilibrated) = Equilibration::new(a) else {
            return Err(singular(SIGNED, n, 0.0));
        };
        let (rows, columns) = (equilibrated.rows, equilibrated.columns);
        let lu = Lu::new(equilibrated.matrix.clone());
        if lu.pivots().any(|pivot| pivot == 0.0) {
            return Err(singular(SIGNED, n, 0.0));
        }
        let condition = reciprocal_condition(
            equilibrated.matrix.as_ref(),
            |x| lu.solve(x),
            |x| lu.solve_transposed(x),
        );
        ensure_regular(SIGNED, n, condition)?;
        // A sum of whole numbers: exact.
        let exponents: f64 = rows.iter().chain(&columns).map(|power| power.log2()).sum();
        let logarithms: f64 = lu.pivots().map(|pivot| pivot.abs().ln()).sum();
        let signs = lu.pivots().map(f64::signum).product::<f64>();
        Ok(Self {
            sign: if lu.is_odd() { -signs } else { signs },
            value: logarithms - exponents * std::f64::consts::LN_2,
            lu,
            rows,
            columns,
        })
    }

    /// L and U of R A C in one matrix, and the permutation of the rows.
    pub(crate) fn factors(&self) -> (MatRef<'_, f64>, &[usize]) {
        self.lu.arrays()
    }

    /// The way back alone, from [`factors`](Self::factors) of A, if they are factors; sign and value are not there.
    pub(crate) fn from_factors(
        a: MatRef<'_, f64>,
        factors: Mat<f64>,
        permutation: &[f64],
    ) -> Option<Self> {
        let Equilibration { rows, columns, .. } = Equilibration::new(a)?;
        Some(Self {
            lu: Lu::from_arrays(factors, permutation)?,
            rows,
            columns,
            sign: 0.0,
            value: 0.0,
        })
    }

    /// sign det A: 1 or −1.
    pub fn sign(&self) -> f64 {
        self.sign
    }

    /// log |det A|.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Ā from ȳ.
    ///
    /// # Errors
    /// See [`SignedLogDet`].
    pub fn vjp(&self, value_bar: f64) -> Result<Mat<f64>> {
        ensure_finite_values(SIGNED, &[value_bar])?;
        let n = self.rows.len();
        let mut inverse = Mat::identity(n, n);
        self.lu.solve_transposed(inverse.as_mut());
        // A⁻ᵀ = R (R A C)⁻ᵀ C.
        let a_bar = Mat::from_fn(n, n, |i, j| {
            value_bar * (self.rows[i] * inverse[(i, j)] * self.columns[j])
        });
        within_range(SIGNED, a_bar)
    }

    /// ẏ from Ȧ.
    ///
    /// # Errors
    /// See [`SignedLogDet`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Ȧ is n × n.
    pub fn jvp(&self, a_dot: MatRef<'_, f64>) -> Result<f64> {
        let n = self.rows.len();
        ensure_shape(SIGNED, a_dot, (n, n))?;
        let mut moved = Mat::from_fn(n, n, |i, j| self.rows[i] * a_dot[(i, j)] * self.columns[j]);
        self.lu.solve(moved.as_mut());
        number_within_range(SIGNED, trace(moved.as_ref()))
    }
}

fn trace(a: MatRef<'_, f64>) -> f64 {
    a.diagonal().column_vector().iter().sum()
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum, with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::mat;

    const SPECTRA: [&[f64]; 5] = [
        &[0.7],
        &[1.0, 2.0],
        &[2.0, 2.0, 2.0],
        &[0.1, 0.5, 1.0, 1.0, 3.0],
        &[5.0, 1.0, 1.0, 0.3, 0.2, 4.0, 2.0],
    ];

    #[test]
    fn two_by_two_by_hand() {
        // det (4, 2; 2, 5) = 16, adjugate (5, −2; −2, 4).
        let log_det = LogDet::forward(mat![[4.0, 2.0], [2.0, 5.0]].as_ref()).unwrap();
        assert!((log_det.value() - 4.0 * 2f64.ln()).abs() < 1e-15);
        let a_bar = log_det.vjp(16.0).unwrap();
        assert!((a_bar - mat![[5.0, -2.0], [-2.0, 4.0]]).norm_max() < 1e-14);
        let y_dot = log_det.jvp(mat![[1.0, 2.0], [0.0, 3.0]].as_ref()).unwrap();
        assert!((y_dot - (5.0 - 4.0 + 12.0) / 16.0).abs() < 1e-15);

        // det (0, 3; 2, 7) = −6, adjugate transposed (7, −2; −3, 0).
        let log_det = SignedLogDet::forward(mat![[0.0, 3.0], [2.0, 7.0]].as_ref()).unwrap();
        assert_eq!(log_det.sign(), -1.0);
        assert!((log_det.value() - 6f64.ln()).abs() < 1e-15);
        let a_bar = log_det.vjp(-6.0).unwrap();
        assert!((a_bar - mat![[7.0, -2.0], [-3.0, 0.0]]).norm_max() < 1e-14);
        let y_dot = log_det.jvp(mat![[1.0, 2.0], [4.0, 3.0]].as_ref()).unwrap();
        assert!((y_dot - (7.0 - 4.0 - 12.0) / -6.0).abs() < 1e-15);
    }

    #[test]
    fn agrees_with_finite_differences() {
        for spectrum in SPECTRA {
            let (n, check) = (
                spectrum.len(),
                GradientCheck {
                    step: 1e-5,
                    ..GradientCheck::default()
                },
            );
            let a = symmetric_with_spectrum(spectrum, 4);
            let log_det = LogDet::forward(a.as_ref()).unwrap();
            let value = |a: MatRef<'_, f64>| {
                Ok::<_, Error>(mat![[LogDet::forward(sym(a).as_ref())?.value()]])
            };
            let vjp = |bar: MatRef<'_, f64>| log_det.vjp(bar[(0, 0)]);
            check_vjp(value, vjp, a.as_ref(), &check).unwrap();
            let jvp = |a_dot: MatRef<'_, f64>| Ok(mat![[log_det.jvp(a_dot)?]]);
            check_jvp(value, jvp, a.as_ref(), &check).unwrap();

            let a = with_spectrum(n, n, spectrum, 4);
            let log_det = SignedLogDet::forward(a.as_ref()).unwrap();
            let value =
                |a: MatRef<'_, f64>| Ok::<_, Error>(mat![[SignedLogDet::forward(a)?.value()]]);
            let vjp = |bar: MatRef<'_, f64>| log_det.vjp(bar[(0, 0)]);
            check_vjp(value, vjp, a.as_ref(), &check).unwrap();
            let jvp = |a_dot: MatRef<'_, f64>| Ok(mat![[log_det.jvp(a_dot)?]]);
            check_jvp(value, jvp, a.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn both_rules_agree_with_the_spectrum_and_with_each_other() {
        for spectrum in SPECTRA {
            let n = spectrum.len();
            let a = symmetric_with_spectrum(spectrum, 4);
            let expected: f64 = spectrum.iter().map(|value| value.ln()).sum();
            let plain = LogDet::forward(a.as_ref()).unwrap();
            let signed = SignedLogDet::forward(a.as_ref()).unwrap();
            let negative = SignedLogDet::forward((-&a).as_ref()).unwrap();
            assert!((plain.value() - expected).abs() < 1e-13);
            assert!((signed.value() - expected).abs() < 1e-13);
            assert_eq!(signed.sign(), 1.0);
            assert_eq!(negative.sign(), if n % 2 == 0 { 1.0 } else { -1.0 });
            let (a_bar, other) = (plain.vjp(0.3).unwrap(), signed.vjp(0.3).unwrap());
            assert!((&a_bar - other).norm_max() < 1e-13 * a_bar.norm_max());
            let a_dot = gaussian(n, n, 1);
            let back = inner(a_bar.as_ref(), a_dot.as_ref());
            for forward in [plain.jvp(a_dot.as_ref()), signed.jvp(a_dot.as_ref())] {
                assert!((0.3 * forward.unwrap() - back).abs() < 1e-13 * a_bar.norm_l2() * n as f64);
            }
        }
    }

    #[test]
    fn determinants_beyond_the_range_of_numbers_have_logarithms() {
        let n = 40;
        let spectrum: Vec<f64> = (0..n).map(|i| 1.0 + i as f64 / 8.0).collect();
        let a = symmetric_with_spectrum(&spectrum, 1);
        let moderate = LogDet::forward(a.as_ref()).unwrap();
        for size in [1e-300, 1e-150, 1e150, 1e300] {
            let expected = moderate.value() + n as f64 * f64::ln(size);
            // n logarithms of a few hundred, each known to ε of itself; cond(A) = 6.
            let tolerance = 1e-15 * expected.abs().max(1e3);
            let scaled = Scale(size) * &a;
            let plain = LogDet::forward(scaled.as_ref()).unwrap();
            let signed = SignedLogDet::forward(scaled.as_ref()).unwrap();
            assert!((plain.value() - expected).abs() < tolerance, "{size:e}");
            assert!((signed.value() - expected).abs() < tolerance, "{size:e}");
            for a_bar in [plain.vjp(1.0).unwrap(), signed.vjp(1.0).unwrap()] {
                let product = a_bar * &scaled;
                assert!(
                    (product - Mat::<f64>::identity(n, n)).norm_max() < 1e-13,
                    "{size:e}"
                );
            }
        }
    }

    #[test]
    fn units_of_rows_and_columns_add_up() {
        let a = gaussian(6, 6, 2);
        let plain = SignedLogDet::forward(a.as_ref()).unwrap();
        let row = |i: usize| 2f64.powi(100 * (i as i32 - 2));
        let column = |j: usize| 2f64.powi(-90 * (j as i32 - 1));
        let scaled = Mat::from_fn(6, 6, |i, j| row(i) * a[(i, j)] * column(j));
        let log_det = SignedLogDet::forward(scaled.as_ref()).unwrap();
        // Exponents 100 · (−2 − 1 + 0 + 1 + 2 + 3) − 90 · (−1 + 0 + 1 + 2 + 3 + 4).
        let expected = plain.value() + (300.0 - 810.0) * std::f64::consts::LN_2;
        assert!((log_det.value() - expected).abs() < 1e-12);
        assert_eq!(log_det.sign(), plain.sign());
    }

    #[test]
    fn the_value_falls_as_the_matrix_closes_until_it_is_refused() {
        for gap in [1e-3, 1e-9, 1e-13] {
            let a = mat![[1.0, 0.0], [0.0, gap]];
            assert_eq!(
                LogDet::forward(a.as_ref()).unwrap().value(),
                2.0 * gap.sqrt().ln()
            );
            let near = mat![[1.0, 1.0], [1.0, 1.0 + gap]];
            let log_det = SignedLogDet::forward(near.as_ref()).unwrap();
            assert!((log_det.value() - gap.ln()).abs() < 1e-15 / gap, "{gap:e}");
        }
        for a in [
            mat![[1.0, 1.0], [1.0, 1.0]],
            mat![[1.0, 1.0], [1.0, 1.0 + f64::EPSILON]],
            Mat::zeros(2, 2),
        ] {
            refused! {
                LogDet::forward(a.as_ref()) => Error::NotPositiveDefinite { op: OP, .. },
                SignedLogDet::forward(a.as_ref()) => Error::Singular { op: SIGNED, .. },
            }
        }
        let rank_two = with_spectrum(4, 4, &[2.0, 1.0], 3);
        refused! { SignedLogDet::forward(rank_two.as_ref()) => Error::Singular { .. } }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let wrong = Mat::zeros(2, 3);
        let (empty, nan) = (Mat::zeros(0, 0), mat![[f64::NAN]]);
        let forward = |a: &Mat<f64>| {
            [
                LogDet::forward(a.as_ref()).map(|_| ()).unwrap_err(),
                SignedLogDet::forward(a.as_ref()).map(|_| ()).unwrap_err(),
            ]
        };
        assert!(
            forward(&wrong)
                .iter()
                .all(|e| matches!(e, Error::NotSquare { .. }))
        );
        assert!(
            forward(&empty)
                .iter()
                .all(|e| matches!(e, Error::Empty { .. }))
        );
        assert!(
            forward(&nan)
                .iter()
                .all(|e| matches!(e, Error::NotFinite { .. }))
        );

        let plain = LogDet::forward(mat![[1e-200]].as_ref()).unwrap();
        let signed = SignedLogDet::forward(mat![[1e-200]].as_ref()).unwrap();
        let large = mat![[1e200]];
        refused! {
            plain.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            signed.jvp(wrong.as_ref()) => Error::ShapeMismatch { .. },
            plain.jvp(nan.as_ref()) => Error::NotFinite { .. },
            signed.jvp(nan.as_ref()) => Error::NotFinite { .. },
            plain.vjp(f64::NAN) => Error::NotFinite { .. },
            signed.vjp(f64::INFINITY) => Error::NotFinite { .. },
            plain.vjp(1e200) => Error::Overflow { .. },
            signed.vjp(1e200) => Error::Overflow { .. },
            plain.jvp(large.as_ref()) => Error::Overflow { .. },
            signed.jvp(large.as_ref()) => Error::Overflow { .. },
        }
    }
}
