//! Cross-entropy between a map of boundaries and the share of people who drew them.

use crate::error::{Error, Result};

/// Mean weighted cross-entropy of a map.
///
/// ```text
/// forward   L = (1 / n) Σ_i (1 + 2 y_i) ( log(1 + e^{z_i}) − y_i z_i )
/// vjp       z̄_i = (1 + 2 y_i) (p_i − y_i) / n · L̄                     p_i = 1 / (1 + e^{−z_i})
/// jvp       L̇ = (1 / n) Σ_i (1 + 2 y_i) (p_i − y_i) ż_i
/// ```
///
/// # Shapes
/// z, z̄, ż, y: n numbers.
///
/// # Conventions
/// y is the share of people who drew a boundary there, from 0 to 1; it need not be 0 or 1. The weight makes the few
/// positions on boundaries count up to three times. log(1 + e^z) is max(z, 0) + log(1 + e^{−|z|}): nothing overflows.
///
/// # Errors
/// [`Error::Setting`] for no positions, another number of targets, or targets outside 0 to 1.
#[derive(Clone, Debug)]
pub struct BoundaryLoss {
    /// (1 + 2 y) (p − y) of each position.
    slopes: Vec<f64>,
    loss: f64,
    probability: f64,
}

impl BoundaryLoss {
    /// L of z and y.
    pub fn forward(z: &[f32], y: &[f32]) -> Result<Self> {
        if z.is_empty() || z.len() != y.len() {
            return Err(Error::Setting {
                name: "boundary targets",
                expected: "one for each position, at least one",
                found: format!("{} for {} positions", y.len(), z.len()),
            });
        }
        if let Some(target) = y.iter().find(|target| !(0.0..=1.0).contains(*target)) {
            return Err(Error::Setting {
                name: "boundary target",
                expected: "a number from 0 to 1",
                found: target.to_string(),
            });
        }
        let (mut loss, mut probability) = (0.0, 0.0);
        let mut slopes = Vec::with_capacity(z.len());
        for (z, y) in z.iter().zip(y) {
            let (z, y) = (f64::from(*z), f64::from(*y));
            let weight = 1.0 + 2.0 * y;
            let p = 1.0 / (1.0 + (-z).exp());
            loss += weight * (z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z);
            probability += p;
            slopes.push(weight * (p - y));
        }
        let count = z.len() as f64;
        Ok(Self {
            slopes,
            loss: loss / count,
            probability: probability / count,
        })
    }

    /// L.
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// The mean of p.
    pub fn mean_probability(&self) -> f64 {
        self.probability
    }

    /// z̄ from L̄.
    pub fn vjp(&self, loss_bar: f64) -> Vec<f32> {
        let share = loss_bar / self.slopes.len() as f64;
        let slopes = self.slopes.iter();
        slopes.map(|slope| (slope * share) as f32).collect()
    }

    /// L̇ from ż.
    ///
    /// # Panics
    /// When ż has another number of positions.
    pub fn jvp(&self, z_dot: &[f32]) -> f64 {
        assert_eq!(z_dot.len(), self.slopes.len(), "a number a position");
        let products = self.slopes.iter().zip(z_dot);
        let sum: f64 = products.map(|(slope, dot)| slope * f64::from(*dot)).sum();
        sum / self.slopes.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn two_positions_by_hand() {
        let loss = BoundaryLoss::forward(&[0.0, 0.0], &[0.0, 1.0]).unwrap();
        assert!((loss.loss() - 2.0 * std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(loss.mean_probability(), 0.5);
        // (½ − 0) / 2 and 3 (½ − 1) / 2.
        assert_eq!(loss.vjp(1.0), [0.25, -0.75]);
        assert_eq!(loss.jvp(&[1.0, 2.0]), 0.25 - 1.5);
    }

    #[test]
    fn slopes_equal_differences_and_both_ways_agree() {
        let z = [-3.0_f32, -0.5, 0.25, 1.0, 4.0];
        let y = [0.0, 0.2, 1.0, 0.6, 0.4];
        let dot = [0.5_f32, -1.0, 0.25, 2.0, -0.75];
        let at = |step: f32| {
            let moved: Vec<f32> = z.iter().zip(dot).map(|(z, dot)| z + step * dot).collect();
            BoundaryLoss::forward(&moved, &y).unwrap().loss()
        };
        let here = BoundaryLoss::forward(&z, &y).unwrap();
        // 2⁻⁸: exact in f32; the error of the difference is some 1e-6.
        let step = 0.003_906_25;
        let slope = (at(step) - at(-step)) / f64::from(2.0 * step);
        assert!((slope - here.jvp(&dot)).abs() < 1e-5, "{slope}");
        let bar = here.vjp(2.0);
        let back: f64 = bar
            .iter()
            .zip(dot)
            .map(|(bar, dot)| f64::from(bar * dot))
            .sum();
        assert!((back - 2.0 * here.jvp(&dot)).abs() < 1e-6, "{back}");
    }

    #[test]
    fn far_from_zero_nothing_overflows() {
        let loss = BoundaryLoss::forward(&[1e30, -1e30], &[1.0, 0.0]).unwrap();
        assert_eq!(loss.loss(), 0.0);
        assert_eq!(loss.vjp(1.0), [0.0, 0.0]);
        let wrong = BoundaryLoss::forward(&[1e3, -1e3], &[0.0, 1.0]).unwrap();
        assert_eq!(wrong.loss(), 0.5 * (1e3 + 3e3));
    }

    #[test]
    fn shapes_and_targets_that_do_not_fit_are_refused() {
        let forward = |z: &[f32], y: &[f32]| BoundaryLoss::forward(z, y);
        refused! {
            forward(&[], &[]) => Error::Setting { .. },
            forward(&[1.0], &[]) => Error::Setting { .. },
            forward(&[1.0], &[1.5]) => Error::Setting { found, .. } if found == "1.5",
            forward(&[1.0], &[f32::NAN]) => Error::Setting { .. },
        }
    }
}
