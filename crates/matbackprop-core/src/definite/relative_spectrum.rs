//! One positive definite matrix as seen from another: the singular values of L⁻¹ K.
//!
//! With M = L Lᵀ and A = K Kᵀ, the eigenvalues of M⁻¹ A are σ² of L⁻¹ K = U Σ Wᵀ. Found from the roots, they keep the
//! digits that those of L⁻¹ A L⁻ᵀ lose.

use crate::decompose::thin_svd;
use crate::error::{Error, Result};
use crate::guard::within_range;
use crate::scale::{Scaled, power_of_two_scale};
use crate::solve::{solve_lower, solve_upper};
use faer::{Mat, MatRef};

/// L⁻¹ K = U Σ Wᵀ.
#[derive(Clone, Debug)]
pub(super) struct RelativeSpectrum {
    /// ln σ, nonincreasing.
    pub(super) log_values: Vec<f64>,
    pub(super) u: Mat<f64>,
    /// K⁻ᵀ W: Zᵀ A Z = I, and L⁻ᵀ U = Z Σ.
    pub(super) z: Mat<f64>,
}

impl RelativeSpectrum {
    /// Of A = K Kᵀ seen from L Lᵀ, for lower triangles L and K.
    ///
    /// A value that does not exceed n ε of the largest may as well be zero, and is [`Error::RankDeficient`].
    pub(super) fn new(op: &'static str, l: MatRef<'_, f64>, k: MatRef<'_, f64>) -> Result<Self> {
        let mut ratio = k.to_owned();
        solve_lower(l, ratio.as_mut());
        let ratio = within_range(op, ratio)?;
        let scale = power_of_two_scale(ratio.as_ref());
        let (u, values, mut z) = thin_svd(op, Scaled::new(ratio.as_ref(), scale).as_ref())?;
        let floor = values.len() as f64 * f64::EPSILON;
        if let Some(index) = values.iter().position(|&x| x <= floor * values[0]) {
            return Err(Error::RankDeficient {
                op,
                index,
                value: values[index] / values[0].max(f64::MIN_POSITIVE),
                floor,
            });
        }
        solve_upper(k.transpose(), z.as_mut());
        Ok(Self {
            log_values: values.iter().map(|x| x.ln() + scale.ln()).collect(),
            u,
            z: within_range(op, z)?,
        })
    }

    /// That of a logarithm 2 ln σ: ε (σ₁ / σₙ + 2 max |ln σ|).
    pub(super) fn rounding(&self) -> f64 {
        let (first, last) = (
            self.log_values[0],
            self.log_values[self.log_values.len() - 1],
        );
        f64::EPSILON * ((first - last).exp() + 2.0 * first.abs().max(last.abs()))
    }
}
