//! Cross-entropy of a softmax.

use crate::error::{Error, Result};

/// Mean cross-entropy of a batch.
///
/// ```text
/// forward   L = (1 / B) Σ_b ( log Σ_k e^{x_kb} − x_{t_b b} )
/// vjp       x̄_kb = (p_kb − [k = t_b]) / B · L̄                  p_kb = e^{x_kb} / Σ_j e^{x_jb}
/// ```
///
/// # Shapes
/// x, x̄: K × B, row-major: classes × examples; t: B classes.
///
/// # Conventions
/// The largest number of each column is taken off first: nothing overflows.
///
/// # Errors
/// [`Error::Setting`] for a class that is not among the K, or shapes that do not fit.
#[derive(Clone, Debug)]
pub(crate) struct SoftmaxLoss {
    probabilities: Vec<f64>,
    truths: Vec<usize>,
    loss: f64,
}

impl SoftmaxLoss {
    pub(crate) fn forward(logits: &[f32], truths: &[usize]) -> Result<Self> {
        let batch = truths.len();
        let classes = logits.len() / batch.max(1);
        if batch == 0 || classes * batch != logits.len() {
            return Err(Error::Setting {
                name: "batch",
                expected: "a class for each column of logits",
                found: format!("{batch} classes for {} numbers", logits.len()),
            });
        }
        if let Some(truth) = truths.iter().find(|&&truth| truth >= classes) {
            return Err(Error::Setting {
                name: "class",
                expected: "one of the network's",
                found: format!("{truth} of {classes}"),
            });
        }
        let mut probabilities = vec![0.0; logits.len()];
        let mut loss = 0.0;
        for (b, &truth) in truths.iter().enumerate() {
            let column = || (0..classes).map(|k| f64::from(logits[k * batch + b]));
            let largest = column().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = column().map(|x| (x - largest).exp()).sum();
            for (k, x) in column().enumerate() {
                probabilities[k * batch + b] = (x - largest).exp() / sum;
            }
            loss += sum.ln() + largest - f64::from(logits[truth * batch + b]);
        }
        Ok(Self {
            probabilities,
            truths: truths.to_vec(),
            loss: loss / batch as f64,
        })
    }

    pub(crate) fn loss(&self) -> f64 {
        self.loss
    }

    /// p, K × B.
    pub(crate) fn probabilities(&self) -> &[f64] {
        &self.probabilities
    }

    /// x̄ from L̄.
    pub(crate) fn vjp(&self, loss_bar: f64) -> Vec<f32> {
        let batch = self.truths.len();
        let mut bar = self.probabilities.clone();
        for (b, truth) in self.truths.iter().enumerate() {
            bar[truth * batch + b] -= 1.0;
        }
        let share = loss_bar / batch as f64;
        bar.into_iter().map(|x| (x * share) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::refused;

    #[test]
    fn by_hand_and_by_differences() {
        // Two classes, one example: L = ln(1 + e^{−1}).
        let one = SoftmaxLoss::forward(&[1.0, 0.0], &[0]).unwrap();
        assert!((one.loss() - (-1.0f64).exp().ln_1p()).abs() < 1e-15);
        let logits = [0.3, -1.0, 2.0, 0.5, 0.25, -0.75];
        let truths = [2, 0];
        let bar = SoftmaxLoss::forward(&logits, &truths).unwrap().vjp(3.0);
        for place in 0..6 {
            let at = |h: f32| {
                let mut moved = logits;
                moved[place] += h;
                SoftmaxLoss::forward(&moved, &truths).unwrap().loss()
            };
            let slope = 3.0 * (at(0.0625) - at(-0.0625)) / 0.125;
            assert!((slope - f64::from(bar[place])).abs() < 2e-3, "{place}");
        }
    }

    #[test]
    fn large_numbers_do_not_overflow() {
        let far = SoftmaxLoss::forward(&[3e38, -3e38], &[1]).unwrap();
        assert!(far.loss().is_finite() && far.vjp(1.0) == [1.0, -1.0]);
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        refused! {
            SoftmaxLoss::forward(&[0.0; 3], &[0, 1]) => Error::Setting { .. },
            SoftmaxLoss::forward(&[0.0; 2], &[2]) => Error::Setting { .. },
            SoftmaxLoss::forward(&[], &[]) => Error::Setting { .. },
        }
    }
}
