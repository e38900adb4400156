//! The orthogonal matrix nearest to a square one, reflections among the candidates or not.

use crate::decompose::thin_svd;
use crate::error::{Error, Result};
use crate::guard::number_within_range;
use crate::rank::RankTolerance;
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::Lu;
use faer::{Mat, MatRef};

/// The candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// O(n).
    Orthogonal,
    /// SO(n): determinant 1.
    Rotations,
}

/// R = U Vᵀ of A = U Σ Vᵀ, where the last column of U, and σₙ with it, has the sign that the group asks for.
///
/// ```text
/// D(X) = U ( (Yᵢⱼ − Yⱼᵢ) / (σᵢ + σⱼ) ) Vᵀ,   Y = UᵀXV
/// ```
///
/// R is the gradient of Σ σᵢ, so its derivative D is symmetric and goes both ways.
#[derive(Clone, Debug)]
pub(super) struct NearestOrthogonal {
    op: &'static str,
    group: Group,
    u: Mat<f64>,
    v: Mat<f64>,
    /// σ / σ₁, the last with its sign.
    relative_values: Vec<f64>,
    largest: f64,
    /// How many leading pairs of vectors every nearest matrix shares; n where there is only one.
    determined: usize,
    /// Sums of relative values up to it count as zero.
    floor: f64,
}

impl NearestOrthogonal {
    /// Of a finite, square A whose entries are known up to `rounding`.
    pub(super) fn new(
        op: &'static str,
        a: MatRef<'_, f64>,
        group: Group,
        rounding: f64,
    ) -> Result<Self> {
        let n = a.nrows();
        let scale = power_of_two_scale(a);
        let (mut u, mut values, v) = thin_svd(op, Scaled::new(a, scale).as_ref())?;
        if group == Group::Rotations && is_reflection(&u * v.transpose()) {
            u.col_mut(n - 1).iter_mut().for_each(|x| *x = -*x);
            values[n - 1] = -values[n - 1];
        }
        let largest = if values[0] == 0.0 {
            1.0
        } else {
            values[0].abs()
        };
        let relative_values: Vec<f64> = values.iter().map(|value| value / largest).collect();
        let largest = number_within_range(op, largest * scale)?;
        let floor = RankTolerance::MachinePrecision
            .fraction(n, n)?
            .max((rounding / largest).min(1.0));
        Ok(Self {
            determined: determined(&relative_values, group, floor),
            op,
            group,
            u,
            v,
            relative_values,
            largest,
            floor,
        })
    }

    /// R itself.
    pub(super) fn value(&self) -> Mat<f64> {
        &self.u * self.v.transpose()
    }

    /// Σ in units of A, nonincreasing apart from the sign of the last.
    pub(super) fn signed_values(&self) -> impl Iterator<Item = f64> {
        self.relative_values
            .iter()
            .map(|value| value * self.largest)
    }

    pub(super) fn is_unique(&self) -> bool {
        self.determined == self.relative_values.len()
    }

    /// The vectors among which R may choose, on the left and on the right: none where it is unique.
    pub(super) fn free(&self) -> (MatRef<'_, f64>, MatRef<'_, f64>) {
        let (r, n) = (self.determined, self.relative_values.len());
        (self.u.subcols(r, n - r), self.v.subcols(r, n - r))
    }

    /// D(X), where X asks for nothing that R may choose.
    pub(super) fn turned(&self, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let r = self.determined;
        let (u, v) = (self.u.subcols(0, r), self.v.subcols(0, r));
        let y = u.transpose() * x * v;
        let core = Mat::from_fn(r, r, |i, j| {
            if i == j {
                return 0.0;
            }
            let sum = self.relative_values[i] + self.relative_values[j];
            (y[(i, j)] - y[(j, i)]) / sum / self.largest
        });
        if !self.is_unique() {
            let elsewhere = x - u * y * v.transpose();
            let rounding = RankTolerance::MachinePrecision.fraction(x.nrows(), x.ncols())?;
            if elsewhere.norm_max() > rounding * x.norm_l2() {
                return Err(self.not_unique());
            }
        }
        Ok(u * core * v.transpose())
    }

    /// Which values are to blame.
    pub(super) fn not_unique(&self) -> Error {
        let (op, floor, n) = (self.op, self.floor, self.relative_values.len());
        let deficient = |index: usize| Error::RankDeficient {
            op,
            index,
            value: self.relative_values[index],
            floor,
        };
        if self.group == Group::Orthogonal || n < 2 {
            return deficient(self.determined.min(n - 1));
        }
        if self.relative_values[n - 2] <= floor {
            return deficient(n - 2);
        }
        Error::GapClosed {
            op,
            i: n - 2,
            j: n - 1,
            gap: self.relative_values[n - 2] + self.relative_values[n - 1],
            floor,
            instead: "two rotations are as near; the nearest matrix with reflections among them (Polar, or Alignment::reflections) has its gradient there",
        }
    }
}

/// How many leading pairs of vectors every nearest matrix shares.
fn determined(relative_values: &[f64], group: Group, floor: f64) -> usize {
    let above = |values: &[f64], floor: f64| values.iter().filter(|&&x| x > floor).count();
    match (group, relative_values.split_last()) {
        (Group::Orthogonal, _) | (_, None) => above(relative_values, floor),
        (Group::Rotations, Some((last, others))) => {
            let open = above(others, floor - last);
            // The last pair has no freedom of its own: the determinant takes it.
            if open == others.len() { open + 1 } else { open }
        }
    }
}

/// Is the determinant of this orthogonal matrix −1?
fn is_reflection(w: Mat<f64>) -> bool {
    let lu = Lu::new(w);
    let negative = lu.pivots().filter(|&pivot| pivot < 0.0).count();
    (negative % 2 == 1) != lu.is_odd()
}
