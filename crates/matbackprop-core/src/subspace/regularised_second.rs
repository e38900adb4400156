//! The second derivative of the regularised projector.

use super::regularised_projector::{OP, RegularisedProjector};
use crate::error::Result;
use crate::guard::{ensure_finite_values, ensure_shape, within_range};
use crate::products::{gram, times_diagonal};
use crate::rank::Method;
use crate::symmetric::{SymmetricProduct, sym};
use faer::{Mat, MatRef, Scale};

/// The result of [`RegularisedProjector::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RegularisedProjectorSecond {
    /// The cotangent of P̄, m × m, as factors.
    pub projector_bar_bar: SymmetricProduct,
    /// The cotangent of q̄.
    pub squared_norm_bar_bar: f64,
    /// The cotangent of A, m × n.
    pub a_bar: Mat<f64>,
}

impl RegularisedProjector {
    /// The way back through Ā = `vjp(P̄)`: from a cotangent Z of Ā to those of P̄ and of A.
    ///
    /// ```text
    /// Z goes to P̄ as 2 sym(E Z Bᵀ), and to A as
    /// 2 ( E S E Z H⁻¹ − E Z BᵀSB − T ZᵀB − B ZᵀT )          E = I − P,  B = A H⁻¹,  S = sym(P̄),  T = E S B
    /// ```
    ///
    /// With P̄ held fixed, `a_bar` is the product of the Hessian of ⟨P̄, P⟩ with Z, at any rank.
    ///
    /// # Errors
    /// See [`RegularisedProjector`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless P̄ is m × m and Z is m × n.
    pub fn vjp_of_vjp(
        &self,
        projector_bar: MatRef<'_, f64>,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<RegularisedProjectorSecond> {
        let m = self.range.nrows();
        ensure_shape(OP, projector_bar, (m, m))?;
        let s = sym(projector_bar);
        self.second(|x| &s * x, 0.0, a_bar_bar)
    }

    /// The same through [`vjp_factored`](Self::vjp_factored), for P̄ = sym(L Rᵀ) and q̄: no m × m matrix is formed.
    ///
    /// ```text
    /// as above with S = sym(P̄) + 2 q̄ P, and to A 4 q̄ E (E Z BᵀB + B ZᵀE B) more, as P moves in S
    /// ```
    ///
    /// # Errors
    /// As [`vjp_of_vjp`](Self::vjp_of_vjp), unless L and R are m × p.
    pub fn vjp_of_vjp_factored(
        &self,
        left: MatRef<'_, f64>,
        right: MatRef<'_, f64>,
        squared_norm_bar: f64,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<RegularisedProjectorSecond> {
        ensure_shape(OP, left, (self.range.nrows(), left.ncols()))?;
        ensure_shape(OP, right, left.shape())?;
        ensure_finite_values(OP, &[squared_norm_bar])?;
        let times = |x: MatRef<'_, f64>| {
            let turned = left * (right.transpose() * x) + right * (left.transpose() * x);
            Scale(0.5) * turned + Scale(2.0 * squared_norm_bar) * self.times_projector(x)
        };
        self.second(times, squared_norm_bar, a_bar_bar)
    }

    /// From X ↦ S X, q̄ and Z.
    fn second(
        &self,
        times_s: impl Fn(MatRef<'_, f64>) -> Mat<f64>,
        squared_norm_bar: f64,
        z: MatRef<'_, f64>,
    ) -> Result<RegularisedProjectorSecond> {
        ensure_shape(OP, z, (self.range.nrows(), self.coefficients.nrows()))?;
        let b = &self.range * self.coefficients.transpose();
        let e_z = self.outside(z.to_owned());
        let s_b = times_s(b.as_ref());
        let c = b.transpose() * &s_b;
        let t = self.outside(s_b);
        let s_e_z = self.outside(times_s(e_z.as_ref()));
        let mut a_bar = self.times_inverse(&s_e_z)
            - &e_z * c
            - &t * (z.transpose() * &b)
            - &b * (z.transpose() * &t);
        if squared_norm_bar != 0.0 {
            let moved = &e_z * gram(b.as_ref()) + &b * (e_z.transpose() * &b);
            a_bar += Scale(2.0 * squared_norm_bar) * self.outside(moved);
        }
        let a_bar = Scale(self.scale.recip()) * (Scale(2.0 / self.scale) * a_bar);
        Ok(RegularisedProjectorSecond {
            projector_bar_bar: self.jvp(z)?,
            squared_norm_bar_bar: self.squared_norm_jvp(z)?,
            a_bar: within_range(OP, a_bar)?,
        })
    }

    /// P X.
    fn times_projector(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        &self.range * (&self.kernel * (self.range.transpose() * x))
    }

    /// X H⁻¹, H = AᵀA + εI of A / scale.
    fn times_inverse(&self, x: &Mat<f64>) -> Mat<f64> {
        if self.method == Method::Gram {
            return x * &self.kernel;
        }
        // The columns of M = V diag(σ/(σ² + ε)) are V's, where σ is not zero.
        let m = self.coefficients.as_ref();
        let lengths: Vec<f64> = m.col_iter().map(|column| column.norm_l2()).collect();
        let live = lengths.iter().filter(|&&length| length > 0.0).count();
        let v = Mat::from_fn(m.nrows(), live, |i, j| m[(i, j)] / lengths[j]);
        let inverses: Vec<f64> = (0..live)
            .map(|j| {
                let sigma = self.singular_values[j] / self.scale;
                (sigma * sigma + self.epsilon).recip()
            })
            .collect();
        let inside = x * &v;
        let mut out = times_diagonal(inside.as_ref(), &inverses) * v.transpose();
        if live < m.nrows() {
            out += Scale(self.epsilon.recip()) * (x - inside * v.transpose());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_vjp, gaussian, with_spectrum};
    use crate::symmetric::inner;
    use faer::mat;

    /// Tall by each method, equal values, low rank, wide, square, 1 × 1, zero.
    fn cases() -> Vec<(Mat<f64>, f64)> {
        vec![
            (with_spectrum(9, 3, &[3.0, 1.0, 0.5], 2), 0.1),
            (with_spectrum(9, 3, &[3.0, 3.0, 1e-2], 2), 1e-5),
            (with_spectrum(9, 4, &[2.0, 2.0], 2), 0.1),
            (with_spectrum(4, 4, &[2.0, 2.0, 1.0, 0.5], 2), 0.5),
            (with_spectrum(3, 6, &[3.0, 1.0, 1.0], 2), 0.1),
            (mat![[2.0]], 1.0),
            (mat![[2.0, -1.0]], 1.0),
            (Mat::zeros(3, 2), 1.0),
            (Mat::zeros(2, 3), 1.0),
        ]
    }

    fn of(a: MatRef<'_, f64>, epsilon: f64) -> RegularisedProjector {
        RegularisedProjector::forward(a, epsilon).unwrap()
    }

    #[test]
    fn one_number_by_hand() {
        // p = a² / (a² + 1), p′ = 2a / (a² + 1)², p″ = (2 − 6a²) / (a² + 1)³; of p², 2 p′² + 2 p p″. At a = 1.
        let rule = of(mat![[1.0]].as_ref(), 1.0);
        let found = rule
            .vjp_of_vjp_factored(
                mat![[3.0]].as_ref(),
                mat![[1.0]].as_ref(),
                5.0,
                mat![[7.0]].as_ref(),
            )
            .unwrap();
        let expected = 7.0 * (3.0 * -0.5 + 5.0 * (2.0 * 0.25 - 0.5));
        assert!((found.a_bar[(0, 0)] - expected).abs() < 1e-14);
        assert!((found.projector_bar_bar.to_dense().unwrap()[(0, 0)] - 3.5).abs() < 1e-14);
        assert!((found.squared_norm_bar_bar - 3.5).abs() < 1e-14);
    }

    #[test]
    fn agrees_with_finite_differences_of_the_first() {
        for (a, epsilon) in cases() {
            let (m, _) = a.shape();
            let rule = of(a.as_ref(), epsilon);
            let check = GradientCheck {
                // P changes over σ ~ √ε, and Ā is known to about 10⁻¹⁶ / ε.
                step: 1e-2 * epsilon.sqrt(),
                tolerance: 1e-4,
                ..GradientCheck::default()
            };
            let (l, r, full) = (gaussian(m, 2, 3), gaussian(m, 2, 4), gaussian(m, m, 5));
            let (l, r) = (l.as_ref(), r.as_ref());
            let of_a = |a: MatRef<'_, f64>| {
                RegularisedProjector::forward(a, epsilon)?.vjp_factored(l, r, 0.7)
            };
            let back = |z: MatRef<'_, f64>| Ok(rule.vjp_of_vjp_factored(l, r, 0.7, z)?.a_bar);
            check_vjp(of_a, back, a.as_ref(), &check).unwrap();
            let of_a =
                |a: MatRef<'_, f64>| RegularisedProjector::forward(a, epsilon)?.vjp(full.as_ref());
            let back = |z: MatRef<'_, f64>| Ok(rule.vjp_of_vjp(full.as_ref(), z)?.a_bar);
            check_vjp(of_a, back, a.as_ref(), &check).unwrap();
            let of_bar = |bar: MatRef<'_, f64>| rule.vjp(bar);
            let back = |z: MatRef<'_, f64>| {
                rule.vjp_of_vjp(full.as_ref(), z)?
                    .projector_bar_bar
                    .to_dense()
            };
            let check = GradientCheck {
                tolerance: 1e-7,
                ..GradientCheck::default()
            };
            check_vjp(of_bar, back, full.as_ref(), &check).unwrap();
        }
    }

    #[test]
    fn the_hessian_is_symmetric_and_scales() {
        for (a, epsilon) in cases() {
            let (m, n) = a.shape();
            let rule = of(a.as_ref(), epsilon);
            let (l, r) = (gaussian(m, 2, 3), gaussian(m, 2, 4));
            let (x, y) = (gaussian(m, n, 1), gaussian(m, n, 2));
            let along = |rule: &RegularisedProjector, z: &Mat<f64>| {
                rule.vjp_of_vjp_factored(l.as_ref(), r.as_ref(), 0.7, z.as_ref())
                    .unwrap()
                    .a_bar
            };
            let (of_x, of_y) = (along(&rule, &x), along(&rule, &y));
            let (one, other) = (
                inner(of_x.as_ref(), y.as_ref()),
                inner(of_y.as_ref(), x.as_ref()),
            );
            let size = of_x.norm_l2() * y.norm_l2() + of_y.norm_l2() * x.norm_l2();
            assert!((one - other).abs() <= 1e-11 * size, "{one} {other}");
            for size in [2f64.powi(-400), 2f64.powi(400)] {
                let scaled = of((Scale(size) * &a).as_ref(), epsilon * size * size);
                let found = along(&scaled, &(Scale(size) * &x));
                let error = (Scale(size) * found - &of_x).norm_max();
                assert!(error <= 1e-11 * of_x.norm_max(), "{size:e}: {error:e}");
            }
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let rule = of(gaussian(4, 2, 1).as_ref(), 0.1);
        let (bar, z) = (gaussian(4, 4, 1), gaussian(4, 2, 2));
        let nan = Mat::full(4, 2, f64::NAN);
        refused! {
            rule.vjp_of_vjp(z.as_ref(), z.as_ref()) => Error::ShapeMismatch { .. },
            rule.vjp_of_vjp(bar.as_ref(), bar.as_ref()) => Error::ShapeMismatch { .. },
            rule.vjp_of_vjp(bar.as_ref(), nan.as_ref()) => Error::NotFinite { .. },
            rule.vjp_of_vjp_factored(z.as_ref(), bar.as_ref(), 1.0, z.as_ref())
                => Error::ShapeMismatch { .. },
            rule.vjp_of_vjp_factored(z.as_ref(), z.as_ref(), f64::NAN, z.as_ref())
                => Error::NotFinite { .. },
        }
    }
}
