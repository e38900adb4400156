//! The factor of a region's second moment.

use crate::error::{Error, Result};
use crate::range::within_range;
use crate::region::Region;
use faer::{Mat, MatRef};
use matbackprop_core::{ensure_finite, ensure_matrix, ensure_shape};

const OP: &str = "second moment";

/// M with G = MᵀM the second moment, or the covariance, of a region's features; G itself is not formed.
///
/// ```text
/// forward   M = S (X − 1 μᵀ),  μ = Xᵀ p
/// vjp       X̄ = S M̄ − p (1ᵀ S M̄)
/// jvp       Ṁ = S (Ẋ − 1 μ̇ᵀ),  μ̇ = Ẋᵀ p
/// ```
///
/// with p = w / Σw, and μ = 0 where M is not centred; S = diag(√w), or diag(√p) where M is normalised.
///
/// # Shapes
/// X, X̄: n × d; w: n weights of a [`Region`]; M: m × d, a row for each of the m positions of weight above 0, in order.
///
/// # Conventions
/// The map is linear: the way back keeps w alone. X is shifted by the region's first row before the mean is taken:
/// features that are constant over the region give exactly 0, and nothing cancels.
///
/// # Errors
/// [`RegionLength`](Error::RegionLength); [`Error::Rule`]: empty, misshapen, not finite; `Overflow`.
///
/// # Cost
/// O(m d) time; 3 m numbers stored.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// use faer::mat;
/// use o2p::{Region, SecondMoment};
///
/// let x = mat![[1.0, 4.0], [9.0, 9.0], [3.0, 0.0]];
/// let region = Region::from_positions(3, &[0, 2])?;
/// let (_, m) = SecondMoment::forward(x.as_ref(), &region, true, false)?;
/// assert_eq!(m, mat![[-1.0, 2.0], [1.0, -2.0]]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SecondMoment {
    shape: (usize, usize),
    positions: Vec<usize>,
    /// The diagonal of S.
    roots: Vec<f64>,
    /// p, where M is centred.
    shares: Option<Vec<f64>>,
}

impl SecondMoment {
    /// The state that the way back needs, and M.
    ///
    /// # Errors
    /// See [`SecondMoment`].
    pub fn forward(
        x: MatRef<'_, f64>,
        region: &Region,
        centred: bool,
        normalised: bool,
    ) -> Result<(Self, Mat<f64>)> {
        ensure_matrix(OP, x)?;
        if region.length() != x.nrows() {
            return Err(Error::RegionLength {
                expected: x.nrows(),
                found: region.length(),
            });
        }
        let share = |weight: &f64| weight / region.total();
        let root = |weight: &f64| {
            if normalised {
                share(weight).sqrt()
            } else {
                weight.sqrt()
            }
        };
        let moment = Self {
            shape: x.shape(),
            positions: region.positions().to_vec(),
            roots: region.weights().iter().map(root).collect(),
            shares: centred.then(|| region.weights().iter().map(share).collect()),
        };
        let m = within_range(OP, moment.apply(x))?;
        Ok((moment, m))
    }

    /// X̄, n × d, from M̄.
    ///
    /// # Errors
    /// See [`SecondMoment`].
    pub fn vjp(&self, m_bar: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let mut x_bar = Mat::zeros(self.shape.0, self.shape.1);
        self.add_vjp(m_bar, &mut x_bar)?;
        Ok(x_bar)
    }

    /// Adds X̄ to the sum over other regions.
    ///
    /// # Errors
    /// See [`SecondMoment`].
    pub fn add_vjp(&self, m_bar: MatRef<'_, f64>, x_bar: &mut Mat<f64>) -> Result<()> {
        ensure_shape(OP, m_bar, (self.positions.len(), self.shape.1))?;
        ensure_shape(OP, x_bar.as_ref(), self.shape)?;
        for j in 0..self.shape.1 {
            let through_mean = match &self.shares {
                Some(_) => (0..self.roots.len())
                    .map(|i| self.roots[i] * m_bar[(i, j)])
                    .sum(),
                None => 0.0,
            };
            let column = x_bar.col_as_slice_mut(j);
            for (i, &position) in self.positions.iter().enumerate() {
                let share = self.shares.as_ref().map_or(0.0, |shares| shares[i]);
                column[position] += self.roots[i] * m_bar[(i, j)] - share * through_mean;
            }
        }
        ensure_finite(OP, x_bar.as_ref())
            .map_err(|_| matbackprop_core::Error::Overflow { op: OP }.into())
    }

    /// Ṁ from Ẋ.
    ///
    /// # Errors
    /// See [`SecondMoment`].
    pub fn jvp(&self, x_dot: MatRef<'_, f64>) -> Result<Mat<f64>> {
        ensure_shape(OP, x_dot, self.shape)?;
        within_range(OP, self.apply(x_dot))
    }

    /// S (X − 1 μᵀ).
    fn apply(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let positions = &self.positions;
        let mut m = Mat::from_fn(positions.len(), x.ncols(), |i, j| x[(positions[i], j)]);
        for j in 0..m.ncols() {
            let column = m.col_as_slice_mut(j);
            if let Some(shares) = &self.shares {
                let first = column[0];
                column.iter_mut().for_each(|x| *x -= first);
                let mean: f64 = column.iter().zip(shares).map(|(x, p)| x * p).sum();
                column.iter_mut().for_each(|x| *x -= mean);
            }
            for (x, root) in column.iter_mut().zip(&self.roots) {
                *x *= root;
            }
        }
        m
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use matbackprop_core::Error as Rule;
    use matbackprop_core::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian};

    const WAYS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

    fn regions(n: usize) -> Vec<Region> {
        let weights: Vec<f64> = (0..n).map(|i| 0.25 * ((i + 3) % 4) as f64).collect();
        vec![
            Region::all(n).unwrap(),
            Region::from_positions(n, &[n - 1]).unwrap(),
            Region::from_weights(&weights).unwrap(),
        ]
    }

    #[test]
    fn moments_by_hand() {
        let x = mat_of_three();
        let region = Region::from_weights(&[1.0, 0.0, 3.0]).unwrap();
        let gram = |centred, normalised| {
            let (_, m) = SecondMoment::forward(x.as_ref(), &region, centred, normalised).unwrap();
            m.transpose() * &m
        };
        // Σ w x² = 1 · 4 + 3 · 36 and 1 · 1 + 3 · 1.
        let plain = gram(false, false);
        assert!((plain[(0, 0)] - 112.0).abs() < 1e-13 && (plain[(1, 1)] - 4.0).abs() < 1e-15);
        // Mean 5: (9 + 3 · 1) / 4; the second channel is constant over the region.
        let covariance = gram(true, true);
        assert!((covariance[(0, 0)] - 3.0).abs() < 1e-15);
        assert_eq!((covariance[(1, 1)], covariance[(0, 1)]), (0.0, 0.0));
    }

    fn mat_of_three() -> Mat<f64> {
        faer::mat![[2.0, 1.0], [7.0, 5.0], [6.0, 1.0]]
    }

    #[test]
    fn agrees_with_finite_differences() {
        for (n, d) in [(7, 3), (2, 5), (4, 4), (1, 1)] {
            let x = gaussian(n, d, 1);
            for region in regions(n) {
                for (centred, normalised) in WAYS {
                    let of_x = |x: MatRef<'_, f64>| {
                        Ok::<_, Error>(SecondMoment::forward(x, &region, centred, normalised)?.1)
                    };
                    let (moment, _) =
                        SecondMoment::forward(x.as_ref(), &region, centred, normalised).unwrap();
                    let check = GradientCheck::default();
                    check_vjp(of_x, |bar| moment.vjp(bar), x.as_ref(), &check).unwrap();
                    check_jvp(of_x, |dot| moment.jvp(dot), x.as_ref(), &check).unwrap();
                }
            }
        }
    }

    #[test]
    fn regions_add_up_and_leave_others_alone() {
        let x = gaussian(5, 2, 1);
        let region = Region::from_positions(5, &[1, 3]).unwrap();
        let (moment, m) = SecondMoment::forward(x.as_ref(), &region, true, true).unwrap();
        let mut x_bar = gaussian(5, 2, 2);
        let before = x_bar.clone();
        moment.add_vjp(m.as_ref(), &mut x_bar).unwrap();
        let alone = moment.vjp(m.as_ref()).unwrap();
        assert_eq!(x_bar, &before + &alone);
        assert!([0, 2, 4].iter().all(|&i| alone[(i, 0)] == 0.0));
    }

    #[test]
    fn the_mean_keeps_its_digits_beside_a_large_offset() {
        let offset = 2f64.powi(40);
        let x = faer::mat![
            [offset + 1.0],
            [offset + 2.0],
            [offset + 4.0],
            [offset + 5.0]
        ];
        let region = Region::all(4).unwrap();
        let (_, m) = SecondMoment::forward(x.as_ref(), &region, true, false).unwrap();
        assert_eq!(m, faer::mat![[-2.0], [-1.0], [1.0], [2.0]]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let x = gaussian(4, 3, 1);
        let forward = |x: MatRef<'_, f64>, n: usize| {
            SecondMoment::forward(x, &Region::all(n).unwrap(), true, true)
        };
        let broken = Mat::from_fn(4, 3, |_, _| f64::NAN);
        let ends = faer::mat![[f64::MAX], [-f64::MAX]];
        refused! {
            forward(x.as_ref(), 5) => Error::RegionLength { expected: 4, found: 5 },
            forward(Mat::zeros(4, 0).as_ref(), 4) => Error::Rule(Rule::Empty { .. }),
            forward(broken.as_ref(), 4) => Error::Rule(Rule::NotFinite { .. }),
            forward(ends.as_ref(), 2) => Error::Rule(Rule::Overflow { .. }),
        }
        let (moment, _) = forward(x.as_ref(), 4).unwrap();
        let wide = Mat::zeros(4, 4);
        assert!(moment.vjp(wide.as_ref()).is_err() && moment.jvp(wide.as_ref()).is_err());
    }
}
