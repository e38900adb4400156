//! Inputs of any shape with a spectrum that a test asks for.

use faer::Mat;
use matbackprop_core::gradcheck::{symmetric_with_spectrum, with_spectrum};

/// Singular values, or magnitudes of eigenvalues, that a test asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spectrum {
    /// From ½ to 1½, evenly spread: every rule has an answer.
    Distinct,
    /// Threes of one value.
    Repeated,
    AllEqual,
    /// Pairs 1e-13 apart.
    Clustered,
    /// From 1 to 1e-12.
    Graded,
    /// The second half is zero.
    Deficient,
    Zero,
}

pub const SPECTRA: [Spectrum; 7] = [
    Spectrum::Distinct,
    Spectrum::Repeated,
    Spectrum::AllEqual,
    Spectrum::Clustered,
    Spectrum::Graded,
    Spectrum::Deficient,
    Spectrum::Zero,
];

impl Spectrum {
    fn values(self, r: usize) -> Vec<f64> {
        let place = |i: usize| i as f64 / r as f64;
        (0..r)
            .map(|i| match self {
                Self::Distinct => 1.5 - place(i),
                Self::Repeated => 1.5 - place(i / 3),
                Self::AllEqual => 1.5,
                Self::Clustered => 1.5 - place(i / 2) + 1e-13 * (i % 2) as f64,
                Self::Graded => 10f64.powf(-12.0 * place(i)),
                Self::Deficient if i < r.div_ceil(2) => 1.5 - place(i),
                Self::Deficient | Self::Zero => 0.0,
            })
            .collect()
    }
}

/// The distribution of a rule's inputs.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    pub m: usize,
    pub n: usize,
    pub spectrum: Spectrum,
    pub seed: u64,
}

impl Planted {
    pub fn general(&self) -> Mat<f64> {
        let values = self.spectrum.values(self.m.min(self.n));
        with_spectrum(self.m, self.n, &values, self.seed)
    }

    pub fn square(&self) -> Mat<f64> {
        with_spectrum(self.n, self.n, &self.spectrum.values(self.n), self.seed)
    }

    pub fn positive(&self) -> Mat<f64> {
        symmetric_with_spectrum(&self.spectrum.values(self.n), self.seed)
    }

    pub fn indefinite(&self) -> Mat<f64> {
        let mut values = self.spectrum.values(self.n);
        for value in values.iter_mut().step_by(2) {
            *value = -*value;
        }
        symmetric_with_spectrum(&values, self.seed)
    }
}
