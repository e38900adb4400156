//! Measures of a step on regions, as in the journal.

use serde::{Deserialize, Serialize};

use crate::task::StepMeasures;
use models::RegionSeconds;
use o2p::SpectralReport;

/// Measures of a step on regions, as in the journal; the spectral numbers only where second moments are mapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionMeasures {
    /// Share of the step's regions whose likeliest class is another than theirs.
    pub training_error: f64,
    /// Wall time of the step's parts; the rest of `seconds` is the optimiser's.
    #[serde(default)]
    pub parts: RegionSeconds,
    /// The smallest eigenvalue σ² + ε that any region of the step kept.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub smallest_eigenvalue: Option<f64>,
    /// The largest condition λ_max / λ_min of the step's regions; 1e300 where one is singular.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub condition: Option<f64>,
    /// Share of the step's regions with fewer positions than channels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fewer_than_channels: Option<f64>,
}

impl StepMeasures for RegionMeasures {
    fn joined(parts: &[(usize, Self)]) -> Self {
        let count: usize = parts.iter().map(|(examples, _)| examples).sum();
        let mean = |of: &dyn Fn(&Self) -> f64| {
            let sums = parts
                .iter()
                .map(|(examples, part)| *examples as f64 * of(part));
            sums.sum::<f64>() / count as f64
        };
        let longest = |of: fn(&RegionSeconds) -> f64| {
            parts
                .iter()
                .fold(0.0, |most: f64, (_, part)| most.max(of(&part.parts)))
        };
        let smallest = parts
            .iter()
            .filter_map(|(_, part)| part.smallest_eigenvalue);
        let condition = parts.iter().filter_map(|(_, part)| part.condition);
        let fewer_are_known = parts
            .iter()
            .all(|(_, part)| part.fewer_than_channels.is_some());
        let fewer = || mean(&|part| part.fewer_than_channels.unwrap_or(0.0));
        Self {
            training_error: mean(&|part| part.training_error),
            // Ranks work side by side.
            parts: RegionSeconds {
                crop: longest(|parts| parts.crop),
                trunk: longest(|parts| parts.trunk),
                layer: longest(|parts| parts.layer),
                head: longest(|parts| parts.head),
            },
            smallest_eigenvalue: smallest.reduce(f64::min),
            condition: condition.reduce(f64::max),
            fewer_than_channels: fewer_are_known.then(fewer),
        }
    }
}

/// The numbers of one step, from the probabilities of classes × regions.
pub(super) fn measures(
    probabilities: &[f64],
    truths: &[usize],
    reports: &[SpectralReport],
    parts: RegionSeconds,
) -> RegionMeasures {
    let batch = truths.len();
    let wrong = (0..batch).filter(|&b| {
        let column: Vec<f64> = probabilities
            .iter()
            .skip(b)
            .step_by(batch)
            .copied()
            .collect();
        column.iter().any(|p| *p > column[truths[b]])
    });
    let training_error = wrong.count() as f64 / batch as f64;
    if reports.is_empty() {
        return RegionMeasures {
            training_error,
            parts,
            ..RegionMeasures::default()
        };
    }
    let smallest = reports.iter().map(|report| report.smallest);
    let reciprocal = reports.iter().map(|report| report.reciprocal_condition);
    let fewer = reports.iter().filter(|report| report.fewer_than_channels);
    RegionMeasures {
        training_error,
        parts,
        smallest_eigenvalue: Some(smallest.fold(f64::INFINITY, f64::min)),
        condition: Some(1.0 / reciprocal.fold(1.0, f64::min).max(1e-300)),
        fewer_than_channels: Some(fewer.count() as f64 / batch as f64),
    }
}
