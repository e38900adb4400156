//! The second derivative of leading eigenvalues and of the projector onto their vectors.

use super::leading_eigenpairs::{LeadingEigenpairs, OP};
use crate::error::Result;
use crate::gap::{GapDivider, GapPolicy};
use crate::guard::{ensure_length, values_within_range, within_range};
use crate::products::times_diagonal;
use crate::scale::{of_order_one, times_power_of_two};
use crate::symmetric::SymmetricProduct;
use crate::symmetric_operator::{SymmetricOperator, apply_to_columns};
use faer::{Mat, MatRef, Scale};

/// The result of [`LeadingEigenpairs::vjp_of_vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeadingEigenpairsSecond {
    /// The cotangent of λ̄, k values.
    pub values_bar_bar: Vec<f64>,
    /// The cotangent of P̄ as factors.
    pub projector_bar_bar: SymmetricProduct,
    /// The cotangent of A as factors.
    pub a_bar: SymmetricProduct,
}

impl<A: SymmetricOperator> LeadingEigenpairs<A> {
    /// The way back through Ā = `vjp(λ̄, P̄)`: from a cotangent Z of Ā to those of λ̄, P̄ and A.
    ///
    /// ```text
    /// Z goes to λ̄ᵢ as vᵢᵀZvᵢ, to P̄ as 2 sym(X Vᵀ), and to A as
    /// sym( 2 X diag(λ̄) Vᵀ + V (Γ ∘ VᵀZV) Vᵀ ) + 2 sym( W Vᵀ − V YᵀX Vᵀ + Y Xᵀ )
    /// (λᵢ I − A) xᵢ = (I − P) Z vᵢ,   (λᵢ I − A) wᵢ = (I − P) ( S X + Z Y − Y VᵀZV − X VᵀSV )ᵢ,   S = sym(P̄)
    /// ```
    ///
    /// with Γᵢⱼ = (λ̄ᵢ − λ̄ⱼ) / (λᵢ − λⱼ), zero where λ̄ᵢ = λ̄ⱼ, and Y of `vjp`. With λ̄ and P̄ held fixed, `a_bar` is the
    /// product of the Hessian of Σ λ̄ᵢ λᵢ + ⟨P̄, P⟩ with Z.
    ///
    /// # Shapes
    /// Z: n × n, symmetric. The factors of `a_bar` are n × k from λ̄ alone and n × 2 k with P̄.
    ///
    /// # Errors
    /// See [`LeadingEigenpairs`]; [`ShapeMismatch`](crate::Error::ShapeMismatch) unless Z is n × n;
    /// [`GapClosed`](crate::Error::GapClosed) also where λ̄ distinguishes two kept values within a hundred tolerances.
    ///
    /// # Cost
    /// k solves for λ̄ alone, 3 k with P̄; k products with Z, and k more with P̄.
    pub fn vjp_of_vjp(
        &self,
        values_bar: Option<&[f64]>,
        projector_bar: Option<(MatRef<'_, f64>, MatRef<'_, f64>)>,
        a_bar_bar: &impl SymmetricOperator,
    ) -> Result<LeadingEigenpairsSecond> {
        let v = self.vectors();
        let moved = self.moved(a_bar_bar)?;
        let inside = v.transpose() * &moved;
        let values_bar_bar = (0..v.ncols()).map(|i| inside[(i, i)]).collect();
        let (moved, z_unit) = of_order_one(moved.as_ref());
        let x = self.solved(moved.into_owned())?;
        // X and Y are of A over a power of two: so many of them divide the results.
        let unit = z_unit - self.exponent();

        let mut left = Mat::zeros(v.nrows(), v.ncols());
        if let Some(values_bar) = values_bar {
            ensure_length(OP, values_bar, v.ncols())?;
            let turned = times_diagonal(x.as_ref(), values_bar);
            left += times_power_of_two(Scale(2.0) * turned, unit);
            left += v * self.over_kept_gaps(values_bar, inside.clone())?;
        }
        let mut right = v.to_owned();
        if let Some(bar) = projector_bar {
            let (times_s, s_unit) = self.projector_cotangent(bar)?;
            let pulled = times_s(v);
            let y = self.solved(pulled.clone())?;
            let times_z = |x: &Mat<f64>| apply_to_columns(OP, a_bar_bar, z_unit, x);
            let inside = times_power_of_two(inside, -z_unit);
            let turned =
                times_s(x.as_ref()) + times_z(&y)? - &y * inside - &x * (v.transpose() * &pulled);
            let w = self.solved(turned)? - v * (y.transpose() * &x);
            let units = unit + s_unit - self.exponent();
            left += times_power_of_two(Scale(2.0) * w, units);
            left = beside(&left, &times_power_of_two(Scale(2.0) * y, units));
            right = beside(&right, &x);
        }
        let x = within_range(OP, times_power_of_two(Scale(2.0) * x, unit))?;
        Ok(LeadingEigenpairsSecond {
            values_bar_bar: values_within_range(OP, values_bar_bar)?,
            projector_bar_bar: SymmetricProduct::new(x, v.to_owned())?,
            a_bar: SymmetricProduct::new(within_range(OP, left)?, right)?,
        })
    }

    /// Γ ∘ X: the vectors of kept values that λ̄ distinguishes turn into each other.
    fn over_kept_gaps(&self, values_bar: &[f64], mut x: Mat<f64>) -> Result<Mat<f64>> {
        let (values, norm) = self.relative();
        let norm = norm.max(f64::MIN_POSITIVE);
        let divider = GapDivider {
            op: OP,
            instead: "give equal values equal cotangents, as those of a sum of them",
            policy: GapPolicy::Error {
                floor: self.floor(),
            },
            sizes: vec![0.0; values.len()],
            values_size: 0.0,
        };
        for j in 0..values.len() {
            for i in 0..values.len() {
                let asked = values_bar[i] - values_bar[j];
                x[(i, j)] = if asked == 0.0 {
                    0.0
                } else {
                    let gap = (values[i] - values[j]) / norm;
                    divider.divide(i, j, asked, gap, f64::INFINITY)? * x[(i, j)] / norm
                };
            }
        }
        Ok(times_power_of_two(x, -self.exponent()))
    }
}

/// (A | B).
fn beside(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols() + b.ncols(), |i, j| {
        match j.checked_sub(a.ncols()) {
            None => a[(i, j)],
            Some(j) => b[(i, j)],
        }
    })
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::error::Error;
    use crate::gradcheck::{GradientCheck, check_vjp, gaussian, symmetric_with_spectrum};
    use crate::spectral::{LanczosOptions, Leading};
    use crate::symmetric::{inner, sym};
    use crate::symmetric_operator::DenseOperator;
    use faer::mat;

    type Pairs<'a> = LeadingEigenpairs<DenseOperator<'a>>;

    fn pairs(a: MatRef<'_, f64>, count: usize, leading: Leading) -> Result<Pairs<'_>> {
        let options = LanczosOptions {
            tolerance: 1e-13,
            products: 10_000,
        };
        LeadingEigenpairs::forward(DenseOperator::new(a)?, count, leading, options)
    }

    /// Of sides from 1 to 35, equal values on either side of the border; a border gap of 0.3 at least.
    fn cases() -> Vec<(Mat<f64>, usize, Leading)> {
        let many: Vec<f64> = (0..30)
            .map(|i| (1.7 * f64::from(i)).sin())
            .chain([2.0, 2.0, 1.5, -3.0, -2.2])
            .collect();
        let few = [3.0, 3.0, 1.0, 1.0, -2.0, -4.0];
        vec![
            (symmetric_with_spectrum(&[0.7], 1), 1, Leading::Largest),
            (symmetric_with_spectrum(&few, 2), 2, Leading::Largest),
            (symmetric_with_spectrum(&few, 2), 4, Leading::Largest),
            (symmetric_with_spectrum(&few, 2), 1, Leading::Smallest),
            (
                symmetric_with_spectrum(&few, 2),
                3,
                Leading::LargestMagnitude,
            ),
            (symmetric_with_spectrum(&few, 2), 6, Leading::Largest),
            (symmetric_with_spectrum(&many, 3), 3, Leading::Largest),
            (symmetric_with_spectrum(&many, 3), 2, Leading::Smallest),
        ]
    }

    /// Distinct cotangents of distinct values, equal ones of equal values.
    fn values_bar(values: &[f64]) -> Vec<f64> {
        values
            .iter()
            .map(|value| (1e6 * value).round() * 0.4e-6)
            .collect()
    }

    fn along(found: &Pairs<'_>, l: &Mat<f64>, r: &Mat<f64>, z: &Mat<f64>) -> Result<Mat<f64>> {
        let z = DenseOperator::new(z.as_ref())?;
        let bar = values_bar(found.values());
        found
            .vjp_of_vjp(Some(&bar), Some((l.as_ref(), r.as_ref())), &z)?
            .a_bar
            .to_dense()
    }

    #[test]
    fn two_by_two_by_hand() {
        // A = (3, t; t, 1): λ₁ = 2 + √(1 + t²), λ₁″ = 1; p₂₂ = t²/4 + O(t⁴), p₁₂ = t/2.
        let a = mat![[3.0, 0.0], [0.0, 1.0]];
        let z = mat![[0.0, 1.0], [1.0, 0.0]];
        let z = DenseOperator::new(z.as_ref()).unwrap();
        let found = pairs(a.as_ref(), 1, Leading::Largest).unwrap();
        let second = mat![[0.0], [1.0]];
        let bar = (second.as_ref(), second.as_ref());
        let of = |values: Option<&[f64]>, projector| {
            let second = found.vjp_of_vjp(values, projector, &z).unwrap();
            let a_bar = second.a_bar.to_dense().unwrap();
            (second, a_bar[(0, 1)] + a_bar[(1, 0)])
        };
        let (both, of_values) = of(Some(&[1.0]), None);
        assert!((of_values - 1.0).abs() < 1e-14);
        assert!((of(None, Some(bar)).1 - 0.5).abs() < 1e-14);
        assert!((of(Some(&[1.0]), Some(bar)).1 - 1.5).abs() < 1e-14);
        let p_dot = both.projector_bar_bar.to_dense().unwrap();
        assert!((p_dot - mat![[0.0, 0.5], [0.5, 0.0]]).norm_max() < 1e-14);
        assert!(both.values_bar_bar[0].abs() < 1e-14);
    }

    #[test]
    fn agrees_with_finite_differences_of_the_first() {
        for (a, count, leading) in cases() {
            let n = a.nrows();
            let found = pairs(a.as_ref(), count, leading).unwrap();
            let bar = values_bar(found.values());
            let (l, r) = (gaussian(n, 2, 3), gaussian(n, 2, 4));
            let of_a = |a: MatRef<'_, f64>| {
                let a = sym(a);
                let found = pairs(a.as_ref(), count, leading)?;
                found
                    .vjp(Some(&bar), Some((l.as_ref(), r.as_ref())))?
                    .to_dense()
            };
            let back = |z: MatRef<'_, f64>| along(&found, &l, &r, &sym(z));
            let check = GradientCheck {
                tolerance: 1e-7,
                ..GradientCheck::symmetric()
            };
            check_vjp(of_a, back, a.as_ref(), &check)
                .unwrap_or_else(|error: Error| panic!("{n} {count} {leading:?}: {error}"));
        }
    }

    #[test]
    fn the_hessian_is_symmetric_scales_and_gives_the_tangents() {
        for (a, count, leading) in cases() {
            let n = a.nrows();
            let found = pairs(a.as_ref(), count, leading).unwrap();
            let (l, r) = (gaussian(n, 2, 3), gaussian(n, 2, 4));
            let [x, y] = [5, 6].map(|seed| sym(gaussian(n, n, seed).as_ref()));
            let (of_x, of_y) = (
                along(&found, &l, &r, &x).unwrap(),
                along(&found, &l, &r, &y).unwrap(),
            );
            let one = inner(of_x.as_ref(), y.as_ref());
            let other = inner(of_y.as_ref(), x.as_ref());
            let size = of_x.norm_l2() * y.norm_l2() + of_y.norm_l2() * x.norm_l2();
            assert!((one - other).abs() <= 1e-11 * size, "{one} {other}");

            let operator = DenseOperator::new(x.as_ref()).unwrap();
            let second = found.vjp_of_vjp(None, None, &operator).unwrap();
            let ahead = found.jvp(&operator).unwrap();
            for (back, ahead) in second.values_bar_bar.iter().zip(&ahead.values) {
                assert!((back - ahead).abs() <= 1e-14 * x.norm_l2());
            }
            let [back, ahead] = [&second.projector_bar_bar, &ahead.projector]
                .map(|product| product.to_dense().unwrap());
            assert!((back - &ahead).norm_max() <= 1e-11 * ahead.norm_max());
            assert_eq!(second.a_bar.to_dense().unwrap().norm_max(), 0.0);

            // Of A and Z at another size: over the size.
            let of_p = |found: &Pairs<'_>, z: &Mat<f64>| {
                let z = DenseOperator::new(z.as_ref()).unwrap();
                let second = found.vjp_of_vjp(None, Some((l.as_ref(), r.as_ref())), &z);
                second.unwrap().a_bar.to_dense().unwrap()
            };
            let plain = of_p(&found, &x);
            for size in [2f64.powi(-500), 2f64.powi(500)] {
                let a = Scale(size) * &a;
                let found = pairs(a.as_ref(), count, leading).unwrap();
                let scaled = of_p(&found, &(Scale(size) * &x));
                let error = (Scale(size) * scaled - &plain).norm_max();
                assert!(error <= 1e-10 * plain.norm_max(), "{size:e}: {error:e}");
            }
        }
    }

    #[test]
    fn refuses_what_has_no_answer() {
        let a = symmetric_with_spectrum(&[3.0, 3.0, 1.0, 1.0], 2);
        let z = gaussian(4, 4, 1);
        let z = sym(z.as_ref());
        let small = DenseOperator::new(z.submatrix(0, 0, 3, 3)).unwrap();
        let z = DenseOperator::new(z.as_ref()).unwrap();
        let of = |count| pairs(a.as_ref(), count, Leading::Largest).unwrap();
        let (bar, short) = (gaussian(4, 1, 1), gaussian(3, 1, 1));
        let (found, parted) = (of(2), of(3));
        refused! {
            found.vjp_of_vjp(Some(&[1.0, 2.0]), None, &z) => Error::GapClosed { .. },
            parted.vjp_of_vjp(Some(&[1.0, 1.0, 1.0]), None, &z) => Error::GapClosed { i: 2, j: 3, .. },
            found.vjp_of_vjp(Some(&[1.0]), None, &z) => Error::ShapeMismatch { .. },
            found.vjp_of_vjp(Some(&[f64::NAN, 1.0]), None, &z) => Error::NotFinite { .. },
            found.vjp_of_vjp(None, Some((short.as_ref(), short.as_ref())), &z)
                => Error::ShapeMismatch { .. },
            found.vjp_of_vjp(None, None, &small) => Error::ShapeMismatch { .. },
        }
        let same = found.vjp_of_vjp(Some(&[1.0, 1.0]), Some((bar.as_ref(), bar.as_ref())), &z);
        assert!(same.is_ok());
        // The zero matrix has equal values alone.
        let zero = Mat::<f64>::zeros(2, 2);
        let all = pairs(zero.as_ref(), 2, Leading::Largest).unwrap();
        let one = DenseOperator::new(zero.as_ref()).unwrap();
        refused! {
            all.vjp_of_vjp(Some(&[1.0, 2.0]), None, &one) => Error::GapClosed { .. },
        }
    }
}
