//! The singular triples that a tolerance keeps, and those that it drops though rounding does not explain them.

use crate::decompose::thin_svd;
use crate::error::{Error, Result};
use crate::guard::{ensure_matrix, number_within_range, values_within_range};
use crate::rank::{RankTolerance, count_above};
use crate::scale::{Scaled, power_of_two_scale};
use faer::{Mat, MatRef, Scale};

/// Kept and dropped singular values must be further apart than this, relative to the largest.
const BORDER: f64 = 1e-12;

/// A = U Σ Vᵀ, the kept part of it, with 1 / σ in range.
#[derive(Clone, Debug)]
pub(super) struct TruncatedSvd {
    op: &'static str,
    /// m × r.
    pub(super) u: Mat<f64>,
    /// n × r.
    pub(super) v: Mat<f64>,
    /// 1 / σ of A / scale, r of them.
    reciprocals: Vec<f64>,
    /// All min(m, n) of A.
    pub(super) singular_values: Vec<f64>,
    scale: f64,
    /// Where values are dropped that rounding does not explain: their vectors still turn the kept ones.
    dropped: Option<Dropped>,
}

/// Singular triples of A / scale that the tolerance leaves out.
#[derive(Clone, Debug)]
struct Dropped {
    u: Mat<f64>,
    v: Mat<f64>,
    values: Vec<f64>,
}

impl TruncatedSvd {
    /// Decomposes A.
    ///
    /// # Errors
    /// Those of [`PseudoInverse`](crate::PseudoInverse), in the name of `op`.
    pub(super) fn new(
        op: &'static str,
        a: MatRef<'_, f64>,
        tolerance: RankTolerance,
    ) -> Result<Self> {
        ensure_matrix(op, a)?;
        let scale = power_of_two_scale(a);
        // A tolerance out of range is refused first.
        tolerance.fraction(a.nrows(), a.ncols())?;
        let svd = thin_svd(op, Scaled::new(a, scale).as_ref())?;
        Self::from_svd(op, svd, scale, tolerance)
    }

    /// From U, σ and V of A / scale.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    fn from_svd(
        op: &'static str,
        (u, values, v): (Mat<f64>, Vec<f64>, Mat<f64>),
        scale: f64,
        tolerance: RankTolerance,
    ) -> Result<Self> {
        let (m, n) = (u.nrows(), v.nrows());
        let fraction = tolerance.fraction(m, n)?;
        let r = count_above(&values, fraction);
        let reciprocals: Vec<f64> = values[..r].iter().map(|value| value.recip()).collect();
        if let Some(largest) = reciprocals.last() {
            number_within_range(op, largest / scale)?;
        }
        let singular_values = values.iter().map(|value| value * scale).collect();
        let rounding = RankTolerance::default().fraction(m, n)?;
        let dropped = count_above(&values, rounding).saturating_sub(r);
        Ok(Self {
            op,
            dropped: (dropped > 0).then(|| Dropped {
                u: u.subcols(r, dropped).to_owned(),
                v: v.subcols(r, dropped).to_owned(),
                values: values[r..r + dropped].to_vec(),
            }),
            u: u.subcols(0, r).to_owned(),
            v: v.subcols(0, r).to_owned(),
            reciprocals,
            singular_values: values_within_range(op, singular_values)?,
            scale,
        })
    }

    /// U, σ / scale and V, with zeros in place of the vectors that rounding explains.
    pub(super) fn factors(&self) -> (Mat<f64>, Vec<f64>, Mat<f64>) {
        let k = self.singular_values.len();
        let (mut u, mut v) = (Mat::zeros(self.u.nrows(), k), Mat::zeros(self.v.nrows(), k));
        let r = self.rank();
        u.subcols_mut(0, r).copy_from(&self.u);
        v.subcols_mut(0, r).copy_from(&self.v);
        if let Some(dropped) = &self.dropped {
            let q = dropped.values.len();
            u.subcols_mut(r, q).copy_from(&dropped.u);
            v.subcols_mut(r, q).copy_from(&dropped.v);
        }
        let relative = |value: &f64| value / self.scale;
        (u, self.singular_values.iter().map(relative).collect(), v)
    }

    /// From [`factors`](Self::factors) of A.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(super) fn from_factors(
        op: &'static str,
        a: MatRef<'_, f64>,
        factors: (Mat<f64>, Vec<f64>, Mat<f64>),
        tolerance: RankTolerance,
    ) -> Result<Self> {
        Self::from_svd(op, factors, power_of_two_scale(a), tolerance)
    }

    /// How many values are kept.
    pub(super) fn rank(&self) -> usize {
        self.reciprocals.len()
    }

    /// The power of two that A was divided by.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// Whether a value was dropped that is not rounding.
    pub(super) fn drops_more_than_rounding(&self) -> bool {
        self.dropped.is_some()
    }

    /// X Σ⁻ᵖ, for A / scale.
    pub(super) fn over_values(&self, x: MatRef<'_, f64>, power: i32) -> Mat<f64> {
        Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
            x[(i, j)] * self.reciprocals[j].powi(power)
        })
    }

    /// X / scale.
    pub(super) fn unscaled(&self, x: Mat<f64>) -> Mat<f64> {
        if self.scale == 1.0 {
            x
        } else {
            Scale(self.scale.recip()) * x
        }
    }

    /// V₂ Σ₂ U₂ᵀ X of the dropped triples of A / scale, for X: m × p.
    pub(super) fn dropped_transpose_times(&self, x: MatRef<'_, f64>) -> Option<Mat<f64>> {
        let Dropped { u, v, values } = self.dropped.as_ref()?;
        Some(v * rows_times(values, u.transpose() * x))
    }

    /// U₂ Σ₂ V₂ᵀ X of the dropped triples of A / scale, for X: n × p.
    pub(super) fn dropped_times(&self, x: MatRef<'_, f64>) -> Option<Mat<f64>> {
        let Dropped { u, v, values } = self.dropped.as_ref()?;
        Some(u * rows_times(values, v.transpose() * x))
    }

    /// The part of the dropped triples (U₂, Σ₂, V₂) in D(X), the transposed derivative of A⁺ along X, less their part
    /// if Σ₂ were zero, from X V and UᵀX; i counts kept values, j dropped ones.
    ///
    /// ```text
    /// U₂ ( Kⱼᵢ σⱼ (σⱼ/σᵢ Mⱼᵢ + Nᵢⱼ) / σᵢ ) Vᵀ + U ( Kⱼᵢ σⱼ (σⱼ/σᵢ Nᵢⱼ + Mⱼᵢ) / σᵢ ) V₂ᵀ
    /// M = U₂ᵀX V,  N = UᵀX V₂,  Kⱼᵢ = 1 / (σᵢ² − σⱼ²)
    /// ```
    ///
    /// # Errors
    /// [`GapClosed`](Error::GapClosed) where the tolerance parts two equal values.
    pub(super) fn turned_by_dropped(
        &self,
        x_v: &Mat<f64>,
        u_x: &Mat<f64>,
    ) -> Result<Option<Mat<f64>>> {
        let Some(Dropped { u, v, .. }) = &self.dropped else {
            return Ok(None);
        };
        let (left, right) = self.cores(&(u.transpose() * x_v), &(u_x * v))?;
        Ok(Some(
            u * left * self.v.transpose() + &self.u * right * v.transpose(),
        ))
    }

    /// The transpose of [`turned_by_dropped`](Self::turned_by_dropped), times B: m × p, without an n × m matrix.
    ///
    /// # Errors
    /// As there.
    pub(super) fn turned_by_dropped_times(
        &self,
        x_v: &Mat<f64>,
        u_x: &Mat<f64>,
        b: MatRef<'_, f64>,
    ) -> Result<Option<Mat<f64>>> {
        let Some(Dropped { u, v, .. }) = &self.dropped else {
            return Ok(None);
        };
        let (left, right) = self.cores(&(u.transpose() * x_v), &(u_x * v))?;
        let of_dropped = left.transpose() * (u.transpose() * b);
        let of_kept = right.transpose() * (self.u.transpose() * b);
        Ok(Some(&self.v * of_dropped + v * of_kept))
    }

    /// The two middle factors, from M and N.
    fn cores(&self, m: &Mat<f64>, n: &Mat<f64>) -> Result<(Mat<f64>, Mat<f64>)> {
        let values = self.dropped.as_ref().map_or(&[][..], |x| &x.values);
        let (r, q) = (self.rank(), values.len());
        let kept: Vec<f64> = self.reciprocals.iter().map(|x| x.recip()).collect();
        // A⁺ jumps where the tolerance parts two equal values.
        if let (Some(&last), Some(&first)) = (kept.last(), values.first()) {
            let gap = (last - first) / kept[0];
            if gap <= BORDER {
                return Err(Error::GapClosed {
                    op: self.op,
                    i: r - 1,
                    j: r,
                    gap,
                    floor: BORDER,
                    instead: "A⁺ jumps there: take a tolerance that ends at a gap",
                });
            }
        }
        let factor = |i: usize, j: usize| {
            values[j] / kept[i] / ((kept[i] - values[j]) * (kept[i] + values[j]))
        };
        let share = |i: usize, j: usize| values[j] / kept[i];
        let left = Mat::from_fn(q, r, |j, i| {
            factor(i, j) * (share(i, j) * m[(j, i)] + n[(i, j)])
        });
        let right = Mat::from_fn(r, q, |i, j| {
            factor(i, j) * (share(i, j) * n[(i, j)] + m[(j, i)])
        });
        Ok((left, right))
    }
}

/// diag(values) X.
fn rows_times(values: &[f64], mut x: Mat<f64>) -> Mat<f64> {
    for j in 0..x.ncols() {
        for (entry, value) in x.col_as_slice_mut(j).iter_mut().zip(values) {
            *entry *= value;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{gaussian, with_spectrum};
    use crate::symmetric::inner;

    #[test]
    fn kept_and_dropped_parts_are_the_matrix() {
        let a = with_spectrum(6, 4, &[3.0, 2.0, 0.2, 0.1], 2);
        let tolerance = RankTolerance::Relative(0.5);
        let svd = TruncatedSvd::new("test", a.as_ref(), tolerance).unwrap();
        assert_eq!((svd.rank(), svd.drops_more_than_rounding()), (2, true));
        let identity = Mat::<f64>::identity(4, 4);
        let dropped = svd.dropped_times(identity.as_ref()).unwrap();
        let kept = Mat::from_fn(6, 2, |i, j| svd.u[(i, j)] * svd.singular_values[j]);
        assert!((kept * svd.v.transpose() + &dropped - &a).norm_max() < 1e-14);
        let identity = Mat::<f64>::identity(6, 6);
        let across = svd.dropped_transpose_times(identity.as_ref()).unwrap();
        assert!((across.transpose() - dropped).norm_max() < 1e-15);
    }

    #[test]
    fn what_is_turned_is_the_same_times_a_matrix() {
        let a = with_spectrum(6, 4, &[3.0, 2.0, 0.2, 0.1], 2);
        let svd = TruncatedSvd::new("test", a.as_ref(), RankTolerance::Relative(0.5)).unwrap();
        let (x, b, c) = (gaussian(6, 4, 1), gaussian(6, 3, 2), gaussian(4, 3, 3));
        let (x_v, u_x) = (&x * &svd.v, svd.u.transpose() * &x);
        let whole = svd.turned_by_dropped(&x_v, &u_x).unwrap().unwrap();
        let times = svd.turned_by_dropped_times(&x_v, &u_x, b.as_ref());
        let times = times.unwrap().unwrap();
        assert!((whole.transpose() * &b - &times).norm_max() < 1e-14);
        let expected = inner(whole.as_ref(), (&b * c.transpose()).as_ref());
        let found = inner(times.as_ref(), c.as_ref());
        assert!((expected - found).abs() < 1e-13);
    }
}
