//! Leading eigenvalues over several photographs.

use super::figure::Stretch;

/// Eigenvalues that are drawn.
const LEADING: usize = 32;
/// The smallest eigenvalue that differs from zero: a hundredth of the usual ε, below which a segment hardly counts.
const FLOOR: f64 = 1e-6;

/// Spectra of one network, to be drawn as a band.
#[derive(Clone, Debug, Default)]
pub struct SpectrumPlot {
    /// log₁₀ max(λ, floor), a photograph a list.
    logarithms: Vec<Vec<f64>>,
}

impl SpectrumPlot {
    /// Takes in one photograph's eigenvalues, nonincreasing; those that are not given are zero.
    pub fn add(&mut self, eigenvalues: &[f64]) {
        let padded = eigenvalues.iter().chain(std::iter::repeat(&0.0));
        let logarithms = padded.take(LEADING).map(|value| value.max(FLOOR).log10());
        self.logarithms.push(logarithms.collect());
    }

    /// Mean and standard deviation of each eigenvalue's decimal logarithm, counted from 1. None lies below the floor,
    /// and no eigenvalue of a normalised affinity above 1; nor does the band.
    pub fn band(&self) -> Vec<Stretch> {
        let photographs = self.logarithms.len() as f64;
        let of_place = |place: usize| {
            let values = || self.logarithms.iter().map(|spectrum| spectrum[place]);
            let mean = values().sum::<f64>() / photographs;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / photographs;
            let deviation = variance.sqrt();
            Stretch {
                step: place as f64 + 1.0,
                low: (mean - deviation).max(FLOOR.log10()).min(mean),
                mean,
                high: (mean + deviation).min(0.0).max(mean),
            }
        };
        let drawn = if self.logarithms.is_empty() {
            0
        } else {
            LEADING
        };
        (0..drawn).map(of_place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_by_hand() {
        let mut spectra = SpectrumPlot::default();
        spectra.add(&[1.0, 1e-1, 1e-2]);
        spectra.add(&[1.0, 1e-3]);
        let band = spectra.band();
        let expected = [
            [1.0, 0.0, 0.0, 0.0],
            [2.0, -3.0, -2.0, -1.0],
            [3.0, -6.0, -4.0, -2.0],
            [4.0, -6.0, -6.0, -6.0],
        ];
        assert_eq!(band.len(), 32);
        for (found, expected) in band.iter().zip(expected) {
            let found = [found.step, found.low, found.mean, found.high];
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
            assert!(found.iter().zip(&expected).all(near), "{found:?}");
        }
        assert!(SpectrumPlot::default().band().is_empty());
    }
}
