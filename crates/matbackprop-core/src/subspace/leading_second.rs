//! The second derivative of the projector onto leading singular vectors.

use super::leading_projector::{LeadingProjector, OP};
use crate::error::{Error, Result};
use crate::gap::GapPolicy;
use crate::guard::{ensure_shape, within_range};
use crate::products::times_diagonal;
use crate::symmetric::{SymmetricProduct, sym};
use faer::{Mat, MatRef, Scale};

/// The result of [`LeadingProjector::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeadingProjectorSecond {
    /// The cotangent of P̄, m × m, as factors.
    pub projector_bar_bar: SymmetricProduct,
    /// The cotangent of A, m × n.
    pub a_bar: Mat<f64>,
}

/// The result of [`LeadingProjector::square_vjp_of_vjp_factored`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeadingProjectorSquareSecond {
    /// The cotangent of P̄, m × m, as factors.
    pub projector_bar_bar: SymmetricProduct,
    /// The cotangent of N = A Aᵀ, m × m, as factors.
    pub square_bar: SymmetricProduct,
}

impl LeadingProjector {
    /// The way back through Ā = `vjp(P̄)`: from a cotangent Z of Ā to those of P̄ and of A.
    ///
    /// ```text
    /// Z goes to P̄ as 2 sym(X U₁ᵀ), and to A as 2 Ṅ̄ A + 2 N̄ Z,  N̄ = 2 sym(Y U₁ᵀ)
    /// Ṅ̄ = 2 sym(W U₁ᵀ) − 2 sym(U₁ YᵀX U₁ᵀ) + 2 sym(Y Xᵀ),   Ṅ = Z Aᵀ + A Zᵀ,  S = sym(P̄)
    /// W = U₂ (K ∘ U₂ᵀ R) + (I − U Uᵀ) R Σ₁⁻²,   R = S X + Ṅ Y − Y (U₁ᵀ Ṅ U₁) − X (U₁ᵀ S U₁)
    /// ```
    ///
    /// with Y, K and N̄ of `vjp`, and X of `jvp` along Z. With P̄ held fixed, `a_bar` is the product of the Hessian of
    /// ⟨P̄, P⟩ with Z. Powers of Σ₁⁻¹ that cancel are not formed: small kept values keep their digits.
    ///
    /// # Errors
    /// See [`LeadingProjector`]; [`ShapeMismatch`](Error::ShapeMismatch) unless P̄ is m × m and Z is m × n;
    /// [`CurvatureUnknown`](Error::CurvatureUnknown) where gaps are broadened: a smoothed quotient is no derivative.
    pub fn vjp_of_vjp(
        &self,
        projector_bar: MatRef<'_, f64>,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<LeadingProjectorSecond> {
        let m = self.basis().nrows();
        ensure_shape(OP, projector_bar, (m, m))?;
        let s = sym(projector_bar);
        self.second(|x| &s * x, a_bar_bar)
    }

    /// The same through [`vjp_factored`](Self::vjp_factored), for P̄ = sym(L Rᵀ): no m × m matrix is formed.
    ///
    /// # Errors
    /// As [`vjp_of_vjp`](Self::vjp_of_vjp), unless L and R are m × p.
    ///
    /// # Cost
    /// O(m (n + k) (n + k + p)) time.
    pub fn vjp_of_vjp_factored(
        &self,
        left: MatRef<'_, f64>,
        right: MatRef<'_, f64>,
        a_bar_bar: MatRef<'_, f64>,
    ) -> Result<LeadingProjectorSecond> {
        ensure_shape(OP, left, (self.basis().nrows(), left.ncols()))?;
        ensure_shape(OP, right, left.shape())?;
        self.second(|x| symmetric_times(left, right, x), a_bar_bar)
    }

    /// The same through [`square_vjp_factored`](Self::square_vjp_factored): from a cotangent Ṅ = sym(L′R′ᵀ) of N̄,
    /// `square_bar_bar`, to those of P̄ and of N = A Aᵀ.
    ///
    /// # Errors
    /// As [`vjp_of_vjp`](Self::vjp_of_vjp), unless L and R are m × p, L′ and R′ are m × p′.
    ///
    /// # Cost
    /// O(m (n + k) (k + p + p′)) time.
    pub fn square_vjp_of_vjp_factored(
        &self,
        (left, right): (MatRef<'_, f64>, MatRef<'_, f64>),
        (square_left, square_right): (MatRef<'_, f64>, MatRef<'_, f64>),
    ) -> Result<LeadingProjectorSquareSecond> {
        self.ensure_curvature()?;
        let u1 = self.basis();
        let [y, x] = [(left, right), (square_left, square_right)].map(|(l, r)| {
            let (inside, outside) = self.relative_parts(l, r)?;
            Ok(self.dropped().0 * inside + outside)
        });
        let (y, x) = (y?, x?);
        let times_s = |x: MatRef<'_, f64>| symmetric_times(left, right, x);
        let times_n = |x: MatRef<'_, f64>| symmetric_times(square_left, square_right, x);
        let turned = times_s(x.as_ref()) + times_n(y.as_ref())
            - &y * (u1.transpose() * times_n(u1))
            - &x * (u1.transpose() * times_s(u1));
        let inside = self.over_gaps(self.dropped().0.transpose() * &turned)?;
        let outside = self.over_leading(self.outside(turned.as_ref()), 2);
        let w = self.dropped().0 * inside + outside - u1 * (y.transpose() * &x);
        // N̄ is of order σ₁⁻², its derivative of σ₁⁻⁴.
        let (size, k) = (self.largest(), self.count());
        let unit = size.recip() / size;
        let beside = Scale(2.0 * unit * unit);
        let (w, y) = (beside * w, beside * y);
        let place = |i: usize, j: usize, a: MatRef<'_, f64>, b: &Mat<f64>| {
            if j < k { a[(i, j)] } else { b[(i, j - k)] }
        };
        let joined = |a: MatRef<'_, f64>, b: &Mat<f64>| {
            Mat::from_fn(u1.nrows(), 2 * k, |i, j| place(i, j, a, b))
        };
        let moved = within_range(OP, Scale(2.0 * unit) * &x)?;
        Ok(LeadingProjectorSquareSecond {
            projector_bar_bar: SymmetricProduct::new(moved, u1.to_owned())?,
            square_bar: SymmetricProduct::new(
                within_range(OP, joined(w.as_ref(), &y))?,
                joined(u1, &x),
            )?,
        })
    }

    /// From X ↦ sym(P̄) X and Z.
    pub(super) fn second(
        &self,
        times_s: impl Fn(MatRef<'_, f64>) -> Mat<f64>,
        z: MatRef<'_, f64>,
    ) -> Result<LeadingProjectorSecond> {
        self.ensure_curvature()?;
        let projector_bar_bar = self.jvp(z)?;
        let (kept, dropped) = self.relative_values();
        let (u1, (u2, v2), v1) = (self.basis(), self.dropped(), self.kept_rows());
        // Z in the two bases. Letters: ₁ kept, ₂ dropped, ₃ outside U.
        let (z1, z2) = (z * v1, z * v2);
        let (z11, z21) = (u1.transpose() * &z1, u2.transpose() * &z1);
        let (z12, z22) = (u1.transpose() * &z2, u2.transpose() * &z2);
        let (z31, z32) = (self.outside(z1.as_ref()), self.outside(z2.as_ref()));
        // Y and X: their parts in U₂, and outside it Y Σ₁ and X.
        let pulled = times_s(u1);
        let s11 = u1.transpose() * &pulled;
        let y2 = self.over_gaps(u2.transpose() * &pulled)?;
        let y3 = self.over_leading(self.outside(pulled.as_ref()), 1);
        let z12t = z12.transpose();
        let x2 = self.over_gaps(times_diagonal(z21.as_ref(), kept) + rows(dropped, z12t))?;
        let x3 = self.over_leading(z31, 1);
        // R, less what depends on Σ₁⁻¹ in another way, in U₂ and outside.
        let s_x = times_s((u2 * &x2 + &x3).as_ref());
        let bent = rows(dropped, y2.as_ref());
        let back = z32.transpose() * &y3;
        let r2 = u2.transpose() * &s_x - &x2 * &s11
            + &z22 * &bent
            + rows(dropped, (z22.transpose() * &y2).as_ref());
        let r3 = self.outside(s_x.as_ref()) - &x3 * &s11 + &z32 * &bent - &y3 * z11.transpose();

        // Columns along V₁. In U₁: X = D / σ + what cancels against N̄ Z, and so in the other two.
        let across = times_diagonal(rows(dropped, z12t).as_ref(), kept)
            + rows(dropped, rows(dropped, z21.as_ref()).as_ref());
        let d = self.over_gaps(across)?;
        let in_kept = y2.transpose() * d
            + times_diagonal((x2.transpose() * &y2).as_ref(), kept)
            + x3.transpose() * &y3;
        let y2_kept = times_diagonal(y2.as_ref(), kept);
        let stayed = rows(dropped, rows(dropped, (&y2 * &z11).as_ref()).as_ref())
            + times_diagonal((&y2_kept * z11.transpose()).as_ref(), kept);
        let in_dropped = times_diagonal(r2.as_ref(), kept) + rows(dropped, back.as_ref()) - stayed;
        let in_dropped = self.over_gaps(in_dropped)?;
        let along_kept = u2 * in_dropped + self.over_leading(r3, 1) - u1 * in_kept;

        // Columns along V₂, from Y Hᵀ, H = G Σ₁.
        let g = self.over_gaps(rows(dropped, z21.as_ref()) + times_diagonal(z12t, kept))?;
        let turn = times_diagonal(z11.as_ref(), kept);
        let w2 = self.over_gaps(r2 - &y2 * (&turn + turn.transpose()))?;
        let w2 = rows(dropped, w2.as_ref())
            + self.over_gaps(times_diagonal(back.as_ref(), kept))?
            + z22.transpose() * &y2;
        let y_h = u2 * y2_kept + y3;
        let along_dropped =
            u1 * w2.transpose() + y_h * g.transpose() + (u2 * x2 + x3) * bent.transpose();

        // Columns beside V, of a wide A: there U₁ and U₂ are all.
        let mut a_bar = along_kept * v1.transpose() + along_dropped * v2.transpose();
        if u1.nrows() < v1.nrows() {
            let beside = z - z1 * v1.transpose() - z2 * v2.transpose();
            let y = u2 * y2;
            a_bar += &y * (u1.transpose() * &beside) + u1 * (y.transpose() * &beside);
        }
        let size = self.largest();
        let a_bar = Scale(size.recip()) * (Scale(2.0 / size) * a_bar);
        Ok(LeadingProjectorSecond {
            projector_bar_bar,
            a_bar: within_range(OP, a_bar)?,
        })
    }

    /// Refuses where gaps are broadened.
    fn ensure_curvature(&self) -> Result<()> {
        match self.gaps() {
            GapPolicy::Broadened { .. } => Err(Error::CurvatureUnknown {
                op: "leading projector with broadened gaps",
            }),
            _ => Ok(()),
        }
    }

    /// X Σ₁^−`power`, in units of σ₁.
    fn over_leading(&self, x: Mat<f64>, power: i32) -> Mat<f64> {
        let (kept, _) = self.relative_values();
        Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] / kept[j].powi(power))
    }
}

/// sym(L Rᵀ) X.
fn symmetric_times(left: MatRef<'_, f64>, right: MatRef<'_, f64>, x: MatRef<'_, f64>) -> Mat<f64> {
    Scale(0.5) * (left * (right.transpose() * x) + right * (left.transpose() * x))
}

/// diag(s) X.
fn rows(s: &[f64], x: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| s[i] * x[(i, j)])
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::gradcheck::{GradientCheck, check_vjp, gaussian, with_spectrum};
    use crate::rank::RankTolerance;
    use crate::subspace::Projector;
    use crate::symmetric::inner;
    use faer::mat;

    const GAPS: GapPolicy = GapPolicy::Error { floor: 1e-12 };

    /// Tall, wide, square, one row, one column; equal values on either side; rank below k; k = 0 and k = all; zero.
    fn cases() -> Vec<(Mat<f64>, usize)> {
        vec![
            (with_spectrum(9, 4, &[3.0, 2.0, 1.0, 0.5], 2), 2),
            (with_spectrum(9, 4, &[3.0, 3.0, 1.0, 1.0], 2), 2),
            (with_spectrum(9, 4, &[3.0, 2.0, 0.0, 0.0], 2), 1),
            (with_spectrum(3, 6, &[3.0, 1.0, 0.5], 3), 1),
            (with_spectrum(3, 6, &[3.0, 3.0, 0.5], 3), 2),
            (with_spectrum(4, 4, &[3.0, 2.0, 1.0, 0.5], 4), 3),
            (with_spectrum(5, 3, &[3.0, 2.0, 1.0], 5), 0),
            (with_spectrum(5, 3, &[3.0, 2.0, 1.0], 5), 3),
            (mat![[2.0, -1.0]], 1),
            (mat![[2.0], [-1.0], [0.0]], 1),
            (Mat::zeros(3, 2), 1),
        ]
    }

    fn of(a: MatRef<'_, f64>, count: usize) -> Result<LeadingProjector> {
        LeadingProjector::forward(a, count, GAPS)
    }

    #[test]
    fn two_by_two_by_hand() {
        // A = (2, t; 0, 1): tan 2φ = 2t / (3 + t²) is the turn of u₁, so p₁₂ = ½ sin 2φ = t/3 + O(t³) and
        // p₂₂ = sin² φ = t²/9 + O(t⁴).
        let a = mat![[2.0, 0.0], [0.0, 1.0]];
        let z = mat![[0.0, 1.0], [0.0, 0.0]];
        let rule = of(a.as_ref(), 1).unwrap();
        let p22 = mat![[0.0, 0.0], [0.0, 1.0]];
        let found = rule.vjp_of_vjp(p22.as_ref(), z.as_ref()).unwrap();
        assert!((found.a_bar[(0, 1)] - 2.0 / 9.0).abs() < 1e-15);
        let p_dot = found.projector_bar_bar.to_dense().unwrap();
        let expected = mat![[0.0, 1.0], [1.0, 0.0]];
        assert!((p_dot - Scale(1.0 / 3.0) * expected).norm_max() < 1e-15);
    }

    #[test]
    fn agrees_with_finite_differences_of_the_first() {
        for (a, count) in cases() {
            if a.norm_max() == 0.0 {
                continue;
            }
            let (m, _) = a.shape();
            let (l, r, full) = (gaussian(m, 2, 3), gaussian(m, 2, 4), gaussian(m, m, 5));
            let (l, r) = (l.as_ref(), r.as_ref());
            for size in [1.0, 1e-3, 2e5] {
                let a = Scale(size) * &a;
                let rule = of(a.as_ref(), count).unwrap();
                let named =
                    |error: Error| -> () { panic!("{:?} {count} {size}: {error}", a.shape()) };
                let of_a = |a: MatRef<'_, f64>| of(a, count)?.vjp_factored(l, r);
                let back = |z: MatRef<'_, f64>| Ok(rule.vjp_of_vjp_factored(l, r, z)?.a_bar);
                let check = GradientCheck::default();
                check_vjp(of_a, back, a.as_ref(), &check).unwrap_or_else(named);
                let one = Mat::<f64>::identity(m, m);
                let of_bar = |bar: MatRef<'_, f64>| rule.vjp_factored(bar, one.as_ref());
                let back = |z: MatRef<'_, f64>| {
                    rule.vjp_of_vjp(full.as_ref(), z)?
                        .projector_bar_bar
                        .to_dense()
                };
                check_vjp(of_bar, back, full.as_ref(), &check).unwrap_or_else(named);
            }
        }
    }

    #[test]
    fn the_square_has_the_second_order_of_its_factor() {
        for (a, count) in cases() {
            let (m, n) = a.shape();
            let rule = of(a.as_ref(), count).unwrap();
            let (l, r, z) = (gaussian(m, 2, 3), gaussian(m, 2, 4), gaussian(m, n, 5));
            let bar = (l.as_ref(), r.as_ref());
            let second = rule.vjp_of_vjp_factored(bar.0, bar.1, z.as_ref()).unwrap();
            let moved = (Scale(2.0) * &z, a.clone());
            let square = rule
                .square_vjp_of_vjp_factored(bar, (moved.0.as_ref(), moved.1.as_ref()))
                .unwrap();
            let first = rule.square_vjp_factored(bar.0, bar.1).unwrap();
            let [of_n, first] = [&square.square_bar, &first].map(|s| s.to_dense().unwrap());
            let expected = Scale(2.0) * (of_n * &a + first * &z);
            let size = second.a_bar.norm_max().max(1e-3);
            assert!((expected - &second.a_bar).norm_max() < 1e-12 * size);
            let [one, other] = [&square.projector_bar_bar, &second.projector_bar_bar]
                .map(|s| s.to_dense().unwrap());
            assert!((one - other).norm_max() < 1e-12);
        }
    }

    #[test]
    fn the_full_count_is_the_projector_onto_the_range() {
        let a = with_spectrum(7, 3, &[3.0, 1.0, 1e-6], 6);
        let (bar, z) = (gaussian(7, 2, 1), gaussian(7, 3, 2));
        let ours = of(a.as_ref(), 3).unwrap();
        let theirs = Projector::forward(a.as_ref(), RankTolerance::default()).unwrap();
        let (bar, z) = (bar.as_ref(), z.as_ref());
        let ours = ours.vjp_of_vjp_factored(bar, bar, z).unwrap().a_bar;
        let theirs = theirs.vjp_of_vjp_factored(bar, bar, z).unwrap().a_bar;
        let error = (&ours - theirs).norm_max() / ours.norm_max();
        assert!(error < 1e-9, "{error:e}");
    }

    #[test]
    fn the_hessian_is_symmetric_and_turns_the_gradient_at_small_kept_values_too() {
        let small = [
            (with_spectrum(6, 4, &[1.0, 1.0, 1e-10, 1e-12], 3), 3),
            (with_spectrum(3, 3, &[1.0, 1e-8, 1e-10], 3), 2),
            (with_spectrum(5, 3, &[1.0, 0.5, 1e-10], 3), 3),
            (with_spectrum(3, 5, &[1.0, 0.5, 1e-10], 3), 2),
        ];
        for (a, count) in cases().into_iter().chain(small) {
            let (m, n) = a.shape();
            let rule = of(a.as_ref(), count).unwrap();
            let (l, r) = (gaussian(m, 2, 3), gaussian(m, 2, 4));
            let (x, y) = (gaussian(m, n, 1), gaussian(m, n, 2));
            let along = |z: &Mat<f64>| {
                rule.vjp_of_vjp_factored(l.as_ref(), r.as_ref(), z.as_ref())
                    .unwrap()
                    .a_bar
            };
            let (of_x, of_y) = (along(&x), along(&y));
            let one = inner(of_x.as_ref(), y.as_ref());
            let other = inner(of_y.as_ref(), x.as_ref());
            let size = of_x.norm_l2() * y.norm_l2() + of_y.norm_l2() * x.norm_l2();
            let error = (one - other).abs();
            assert!(error <= 1e-13 * size, "{count} {m} {n}: {one} {other}");
            // Ā(tA) = Ā(A) / t, up to the rounding of A that the Hessian magnifies.
            let bar = rule.vjp_factored(l.as_ref(), r.as_ref()).unwrap();
            let error = (along(&a) + &bar).norm_l2();
            let rounding = 1e-14 * of_x.norm_l2() * a.norm_l2();
            assert!(error <= 1e-12 * bar.norm_l2() + rounding, "{error:e}");
        }
    }

    #[test]
    fn a_closed_border_and_broadened_gaps_are_refused() {
        let a = with_spectrum(8, 4, &[3.0, 1.0, 1.0, 0.5], 7);
        let (bar, z) = (gaussian(8, 8, 1), gaussian(8, 4, 2));
        let of = |count, gaps| LeadingProjector::forward(a.as_ref(), count, gaps).unwrap();
        let broadened = of(1, GapPolicy::Broadened { width: 1e-3 });
        fn pair(x: &Mat<f64>) -> (MatRef<'_, f64>, MatRef<'_, f64>) {
            (x.subcols(0, 1), x.subcols(1, 1))
        }
        let (whole, short) = (of(1, GAPS), gaussian(3, 3, 1));
        let nan = Mat::full(8, 4, f64::NAN);
        refused! {
            of(2, GAPS).vjp_of_vjp(bar.as_ref(), z.as_ref()) => Error::GapClosed { i: 1, j: 2, .. },
            of(2, GAPS).square_vjp_of_vjp_factored(pair(&bar), pair(&z)) => Error::GapClosed { .. },
            broadened.vjp_of_vjp(bar.as_ref(), z.as_ref()) => Error::CurvatureUnknown { .. },
            broadened.square_vjp_of_vjp_factored(pair(&bar), pair(&z)) => Error::CurvatureUnknown { .. },
            whole.vjp_of_vjp(z.as_ref(), z.as_ref()) => Error::ShapeMismatch { .. },
            whole.vjp_of_vjp(bar.as_ref(), bar.as_ref()) => Error::ShapeMismatch { .. },
            whole.vjp_of_vjp(bar.as_ref(), nan.as_ref()) => Error::NotFinite { .. },
            whole.vjp_of_vjp_factored(z.as_ref(), bar.as_ref(), z.as_ref()) => Error::ShapeMismatch { .. },
            whole.square_vjp_of_vjp_factored(pair(&short), pair(&z)) => Error::ShapeMismatch { .. },
            whole.square_vjp_of_vjp_factored(pair(&bar), pair(&short)) => Error::ShapeMismatch { .. },
        }
        // Equal values on one side of the border are no trouble.
        assert!(of(3, GAPS).vjp_of_vjp(bar.as_ref(), z.as_ref()).is_ok());
    }
}
