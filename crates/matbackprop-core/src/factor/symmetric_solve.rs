//! Linear systems with a symmetric matrix, definite or not.

use crate::error::{Error, Result};
use crate::guard::{ensure_shape, within_range};
use crate::products::add_product;
use crate::solve::{
    BunchKaufman, SymmetricEquilibration, cholesky, ensure_regular, reciprocal_condition, singular,
    solve_root,
};
use crate::symmetric::{ensure_symmetric, sym};
use faer::{Mat, MatMut, MatRef};

const OP: &str = "symmetric solve";

/// X = A⁻¹ B for a symmetric A.
///
/// ```text
/// forward   X = A⁻¹ B
/// vjp       B̄ = A⁻¹ X̄,  Ā = −sym( B̄ Xᵀ )
/// jvp       Ẋ = A⁻¹ ( Ḃ − sym(Ȧ) X )
/// ```
///
/// # Shapes
/// A, Ā: n × n; B, X and their cotangents: n × p.
///
/// # Conventions
/// Ā is symmetric and right for every perturbation. Rows and
/// columns are first brought to order one by powers of two, D A D: units that differ from row to row cost no digit,
/// and the condition number is that of D A D. Cholesky comes first; where a pivot fails, Bunch and Kaufman's factors of
/// an indefinite matrix. [`method`](Self::method) says which.
///
/// # Errors
/// [`NotSquare`](crate::Error::NotSquare), [`Empty`](crate::Error::Empty), [`NotFinite`](crate::Error::NotFinite),
/// [`NotSymmetric`](crate::Error::NotSymmetric) beyond rounding,
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless B has n rows,
/// [`Singular`](crate::Error::Singular) where the reciprocal condition number does not exceed 8 n ε,
/// [`Overflow`](crate::Error::Overflow).
///
/// # Cost
/// n³/3 operations either way and O(n² p) a solve; n² + n p numbers stored.
///
/// # Source
/// Giles, "An extended collection of matrix derivative results for forward and reverse mode automatic
/// differentiation", Oxford 2008, for the general inverse; the choice of factors and the scaling are ours.
///
/// # Example
/// ```
/// # fn main() -> Result<(), matbackprop_core::Error> {
/// use faer::mat;
/// use matbackprop_core::{SymmetricMethod, SymmetricSolve};
///
/// // Eigenvalues 3 and −1.
/// let a = mat![[1.0, 2.0], [2.0, 1.0]];
/// let solve = SymmetricSolve::forward(a.as_ref(), mat![[5.0], [4.0]].as_ref())?;
/// assert_eq!(solve.method(), SymmetricMethod::BunchKaufman);
/// assert!((solve.solution() - mat![[1.0], [2.0]]).norm_max() < 1e-15);
/// // The gradient of x₁ with respect to B is the first row of A⁻¹.
/// let bar = solve.vjp(mat![[1.0], [0.0]].as_ref())?;
/// assert!((bar.b - mat![[-1.0 / 3.0], [2.0 / 3.0]]).norm_max() < 1e-15);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SymmetricSolve {
    factors: Factors,
    /// The diagonal of D.
    scales: Vec<f64>,
    solution: Mat<f64>,
    reciprocal_condition: f64,
}

/// How a symmetric matrix was factored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SymmetricMethod {
    /// A = L Lᵀ: A is positive definite.
    Cholesky,
    /// P A Pᵀ = L B Lᵀ with blocks 1 × 1 and 2 × 2 in B: A is not, or not clearly.
    BunchKaufman,
}

/// The result of [`SymmetricSolve::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SymmetricSolveCotangent {
    /// Ā, n × n, symmetric.
    pub a: Mat<f64>,
    /// B̄, n × p.
    pub b: Mat<f64>,
}

/// Of D A D.
#[derive(Clone, Debug)]
enum Factors {
    Cholesky(Mat<f64>),
    BunchKaufman(BunchKaufman),
}

impl Factors {
    /// Of a matrix, and its reciprocal condition number.
    fn new(matrix: Mat<f64>) -> Result<(Self, f64)> {
        let factors = match cholesky(OP, matrix.as_ref()) {
            Ok(l) => Self::Cholesky(l),
            Err(Error::NotPositiveDefinite { .. }) => {
                let factors = BunchKaufman::new(matrix.clone());
                if factors.has_zero_pivot() {
                    return Err(singular(OP, matrix.nrows(), 0.0));
                }
                Self::BunchKaufman(factors)
            }
            Err(error) => return Err(error),
        };
        let solve = |x: MatMut<'_, f64>| factors.solve(x);
        let condition = reciprocal_condition(matrix.as_ref(), solve, solve);
        Ok((factors, condition))
    }

    /// X ← (D A D)⁻¹ X.
    fn solve(&self, x: MatMut<'_, f64>) {
        match self {
            Self::Cholesky(l) => solve_root(l.as_ref(), x),
            Self::BunchKaufman(factors) => factors.solve(x),
        }
    }
}

impl SymmetricSolve {
    /// Factors A and solves for B.
    ///
    /// # Errors
    /// See [`SymmetricSolve`].
    pub fn forward(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<Self> {
        let n = ensure_symmetric(OP, a)?;
        ensure_shape(OP, b, (n, b.ncols()))?;
        let Some(equilibrated) = SymmetricEquilibration::new(sym(a)) else {
            return Err(singular(OP, n, 0.0));
        };
        let (factors, reciprocal_condition) = Factors::new(equilibrated.matrix)?;
        ensure_regular(OP, n, reciprocal_condition)?;
        let mut solve = Self {
            factors,
            scales: equilibrated.factors,
            solution: Mat::new(),
            reciprocal_condition,
        };
        solve.solution = solve.apply(b)?;
        Ok(solve)
    }

    /// The factors of S A S in one matrix, a list of three columns, and X. The columns are the diagonal of S, which row
    /// comes where, and what is below the diagonal of B; with Cholesky's factors the second is −1 and the third 0.
    pub(crate) fn factors(&self) -> (MatRef<'_, f64>, Mat<f64>, MatRef<'_, f64>) {
        let (factors, below, permutation) = match &self.factors {
            Factors::Cholesky(l) => (l.as_ref(), Vec::new(), &[][..]),
            Factors::BunchKaufman(factors) => factors.arrays(),
        };
        let lists = Mat::from_fn(self.scales.len(), 3, |i, j| match j {
            0 => self.scales[i],
            1 => permutation.get(i).map_or(-1.0, |&row| row as f64),
            _ => below.get(i).copied().unwrap_or(0.0),
        });
        (factors, lists, self.solution.as_ref())
    }

    /// The way back alone, from [`factors`](Self::factors), if they are some; the condition number is not there.
    pub(crate) fn from_factors(
        factors: Mat<f64>,
        lists: MatRef<'_, f64>,
        solution: Mat<f64>,
    ) -> Option<Self> {
        let list = |j: usize| lists.col(j).iter().copied().collect::<Vec<f64>>();
        let rows = list(1);
        let factors = if rows.iter().all(|&row| row < 0.0) {
            Factors::Cholesky(factors)
        } else {
            Factors::BunchKaufman(BunchKaufman::from_arrays(factors, &list(2), &rows)?)
        };
        Some(Self {
            factors,
            scales: list(0),
            solution,
            reciprocal_condition: 0.0,
        })
    }

    /// The solution X, n × p.
    pub fn solution(&self) -> MatRef<'_, f64> {
        self.solution.as_ref()
    }

    /// How A was factored.
    pub fn method(&self) -> SymmetricMethod {
        match self.factors {
            Factors::Cholesky(_) => SymmetricMethod::Cholesky,
            Factors::BunchKaufman(_) => SymmetricMethod::BunchKaufman,
        }
    }

    /// An estimate, mostly within a factor of three and never too small, of 1 / (‖S‖₁ ‖S⁻¹‖₁) for S = D A D.
    pub fn reciprocal_condition(&self) -> f64 {
        self.reciprocal_condition
    }

    /// Ā and B̄ from X̄.
    ///
    /// # Errors
    /// See [`SymmetricSolve`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless X̄ is n × p.
    pub fn vjp(&self, solution_bar: MatRef<'_, f64>) -> Result<SymmetricSolveCotangent> {
        ensure_shape(OP, solution_bar, self.solution.shape())?;
        let b = self.apply(solution_bar)?;
        let a = within_range(OP, sym((-&b * self.solution.transpose()).as_ref()))?;
        Ok(SymmetricSolveCotangent { a, b })
    }

    /// Ẋ from Ȧ, whose symmetric part counts, and Ḃ; `None` is a zero that costs nothing.
    ///
    /// # Errors
    /// See [`SymmetricSolve`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) when a tangent does not fit.
    pub fn jvp(
        &self,
        a_dot: Option<MatRef<'_, f64>>,
        b_dot: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        let (n, p) = self.solution.shape();
        let mut moved = match b_dot {
            Some(b_dot) => {
                ensure_shape(OP, b_dot, (n, p))?;
                b_dot.to_owned()
            }
            None => Mat::zeros(n, p),
        };
        if let Some(a_dot) = a_dot {
            ensure_shape(OP, a_dot, (n, n))?;
            let a_dot = sym(a_dot);
            add_product(moved.as_mut(), -1.0, &a_dot, &self.solution);
        }
        self.apply(moved.as_ref())
    }

    /// A⁻¹ Y = D (D A D)⁻¹ D Y.
    fn apply(&self, y: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let times_scales = |y: MatRef<'_, f64>| {
            Mat::from_fn(y.nrows(), y.ncols(), |i, j| self.scales[i] * y[(i, j)])
        };
        let mut x = times_scales(y);
        self.factors.solve(x.as_mut());
        within_range(OP, times_scales(x.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gradcheck::{
        GradientCheck, check_jvp, check_vjp, gaussian, symmetric_with_spectrum,
    };
    use crate::symmetric::inner;
    use faer::{Scale, mat};

    const SPECTRA: [(&[f64], SymmetricMethod); 6] = [
        (&[0.7], SymmetricMethod::Cholesky),
        (&[-0.7], SymmetricMethod::BunchKaufman),
        (&[1.0, -2.0], SymmetricMethod::BunchKaufman),
        (&[2.0, 2.0, 2.0], SymmetricMethod::Cholesky),
        (&[0.1, 0.5, 1.0, 1.0, 3.0], SymmetricMethod::Cholesky),
        (
            &[-0.1, 0.5, 1.0, 1.0, -3.0, 2.0, -2.0],
            SymmetricMethod::BunchKaufman,
        ),
    ];

    /// A, B with p columns, the solve and its method.
    fn cases() -> impl Iterator<Item = (Mat<f64>, Mat<f64>, SymmetricSolve, SymmetricMethod)> {
        SPECTRA
            .iter()
            .enumerate()
            .map(|(index, &(spectrum, method))| {
                let a = symmetric_with_spectrum(spectrum, 5);
                let b = gaussian(spectrum.len(), 1 + index % 3, 6);
                let solve = SymmetricSolve::forward(a.as_ref(), b.as_ref()).unwrap();
                (a, b, solve, method)
            })
    }

    #[test]
    fn two_by_two_by_hand() {
        // A = (0, 2; 2, 0) has no 1 × 1 pivot; A⁻¹ = A / 4.
        let a = mat![[0.0, 2.0], [2.0, 0.0]];
        let solve = SymmetricSolve::forward(a.as_ref(), mat![[2.0], [6.0]].as_ref()).unwrap();
        assert_eq!(solve.solution(), mat![[3.0], [1.0]]);
        // B̄ = A⁻¹ (4, 0) = (0, 2), Ā = −sym(B̄ Xᵀ) = −sym(0, 0; 6, 2).
        let bar = solve.vjp(mat![[4.0], [0.0]].as_ref()).unwrap();
        assert_eq!(bar.b, mat![[0.0], [2.0]]);
        assert_eq!(bar.a, mat![[0.0, -3.0], [-3.0, -2.0]]);
        // Ẋ = −A⁻¹ Ȧ X, Ȧ = diag(4, 0): −A⁻¹ (12, 0) = (0, −6).
        let x_dot = solve
            .jvp(Some(mat![[4.0, 0.0], [0.0, 0.0]].as_ref()), None)
            .unwrap();
        assert_eq!(x_dot, mat![[0.0], [-6.0]]);
    }

    #[test]
    fn solves_by_the_method_the_spectrum_asks_for() {
        for (a, b, solve, method) in cases() {
            assert_eq!(solve.method(), method);
            // cond(A) ≤ 30.
            assert!((&a * solve.solution() - &b).norm_max() < 1e-13);
            let n = a.nrows() as f64;
            assert!(solve.reciprocal_condition() > 1.0 / (30.0 * n * 4.0));
        }
    }

    #[test]
    fn agrees_with_finite_differences() {
        for (a, b, solve, _) in cases() {
            // Differences cross zero at a step near the smallest |λ|.
            let check = GradientCheck {
                step: 1e-5,
                ..GradientCheck::default()
            };
            let of_a = |a: MatRef<'_, f64>| {
                Ok::<_, Error>(
                    SymmetricSolve::forward(sym(a).as_ref(), b.as_ref())?
                        .solution()
                        .to_owned(),
                )
            };
            let of_b = |b: MatRef<'_, f64>| {
                Ok::<_, Error>(
                    SymmetricSolve::forward(a.as_ref(), b)?
                        .solution()
                        .to_owned(),
                )
            };
            check_vjp(of_a, |bar| Ok(solve.vjp(bar)?.a), a.as_ref(), &check).unwrap();
            check_vjp(of_b, |bar| Ok(solve.vjp(bar)?.b), b.as_ref(), &check).unwrap();
            check_jvp(of_a, |dot| solve.jvp(Some(dot), None), a.as_ref(), &check).unwrap();
            check_jvp(of_b, |dot| solve.jvp(None, Some(dot)), b.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn jvp_and_vjp_are_transposes() {
        for (a, b, solve, _) in cases() {
            let bar = gaussian(b.nrows(), b.ncols(), 1);
            let a_dot = gaussian(a.nrows(), a.ncols(), 2);
            let b_dot = gaussian(b.nrows(), b.ncols(), 3);
            let pulled = solve.vjp(bar.as_ref()).unwrap();
            assert_eq!(pulled.a, pulled.a.transpose());
            let pushed = solve
                .jvp(Some(a_dot.as_ref()), Some(b_dot.as_ref()))
                .unwrap();
            let forward = inner(bar.as_ref(), pushed.as_ref());
            let back =
                inner(pulled.a.as_ref(), a_dot.as_ref()) + inner(pulled.b.as_ref(), b_dot.as_ref());
            let size = pulled.a.norm_l2() * a_dot.norm_l2() + pulled.b.norm_l2() * b_dot.norm_l2();
            assert!((forward - back).abs() < 1e-13 * size, "{forward} {back}");
            assert_eq!(
                solve.jvp(None, None).unwrap(),
                Mat::<f64>::zeros(b.nrows(), b.ncols())
            );
        }
    }

    #[test]
    fn units_cost_no_digit() {
        for (a, b, plain, method) in cases() {
            let n = a.nrows();
            let bar = gaussian(n, b.ncols(), 1);
            let plain_bar = plain.vjp(bar.as_ref()).unwrap();
            for size in [2f64.powi(-500), 2f64.powi(500)] {
                let solve =
                    SymmetricSolve::forward((Scale(size) * &a).as_ref(), b.as_ref()).unwrap();
                assert_eq!(Scale(size) * solve.solution(), plain.solution());
                let scaled_bar = solve.vjp(bar.as_ref()).unwrap();
                assert_eq!(Scale(size) * scaled_bar.b, plain_bar.b);
                assert_eq!(Scale(size) * (Scale(size) * scaled_bar.a), plain_bar.a);
            }
            // D A D with rows from 2⁻²⁴⁰ to 2²⁴⁰: X becomes D⁻¹ X for D B.
            let d = |i: usize| 2f64.powi(80 * (i as i32 - 3));
            let scaled = Mat::from_fn(n, n, |i, j| d(i) * a[(i, j)] * d(j));
            let right = Mat::from_fn(n, b.ncols(), |i, j| d(i) * b[(i, j)]);
            let solve = SymmetricSolve::forward(scaled.as_ref(), right.as_ref()).unwrap();
            assert_eq!(solve.method(), method);
            let back = Mat::from_fn(n, b.ncols(), |i, j| d(i) * solve.solution()[(i, j)]);
            // The scales found may differ by a power of two, and with them the pivots.
            assert!((back - plain.solution()).norm_max() < 1e-13);
        }
    }

    #[test]
    fn a_singular_matrix_is_refused_with_its_condition() {
        let one = mat![[1.0], [1.0], [1.0]];
        for spectrum in [[1.0, 2.0, 0.0], [1.0, -2.0, 0.0], [-1.0, 3.0, 1e-16]] {
            let a = symmetric_with_spectrum(&spectrum, 2);
            let error = SymmetricSolve::forward(a.as_ref(), one.as_ref()).unwrap_err();
            assert!(
                matches!(error, Error::Singular { reciprocal_condition, floor, .. }
                    if reciprocal_condition <= floor && floor == 24.0 * f64::EPSILON),
                "{error}"
            );
        }
        for a in [
            Mat::zeros(3, 3),
            Mat::full(3, 3, 1.0),
            mat![[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
        ] {
            let error = SymmetricSolve::forward(a.as_ref(), one.as_ref()).unwrap_err();
            assert!(matches!(error, Error::Singular { .. }), "{error}");
        }
        // Close to it, and still an answer with the number that warns.
        let a = symmetric_with_spectrum(&[1.0, 2.0, 1e-12], 2);
        let solve = SymmetricSolve::forward(a.as_ref(), one.as_ref()).unwrap();
        assert!(solve.reciprocal_condition() < 1e-11);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let forward = |a: Mat<f64>, b: Mat<f64>| SymmetricSolve::forward(a.as_ref(), b.as_ref());
        let one = mat![[1.0]];
        refused! {
            forward(Mat::zeros(2, 3), one.clone()) => Error::NotSquare { .. },
            forward(Mat::zeros(0, 0), one.clone()) => Error::Empty { .. },
            forward(one.clone(), Mat::zeros(2, 1))
                => Error::ShapeMismatch { expected: (1, 1), found: (2, 1), .. },
            forward(mat![[f64::NAN]], one.clone()) => Error::NotFinite { .. },
            forward(one.clone(), mat![[f64::INFINITY]]) => Error::NotFinite { .. },
            forward(mat![[1e-200]], mat![[1e200]]) => Error::Overflow { op: OP },
        }

        let solve = SymmetricSolve::forward(mat![[1e-200]].as_ref(), one.as_ref()).unwrap();
        let wrong = Mat::zeros(2, 2);
        let nan = mat![[f64::NAN]];
        for (bad, wanted) in [(wrong, "1 × 1"), (nan, "finite")] {
            for error in [
                solve.vjp(bad.as_ref()).map(|_| ()).unwrap_err(),
                solve.jvp(Some(bad.as_ref()), None).unwrap_err(),
                solve.jvp(None, Some(bad.as_ref())).unwrap_err(),
            ] {
                assert!(error.to_string().contains(wanted), "{error}");
            }
        }
        refused! {
            solve.vjp(one.as_ref()) => Error::Overflow { op: OP },
            solve.jvp(Some(one.as_ref()), None) => Error::Overflow { op: OP },
        }
    }
}
