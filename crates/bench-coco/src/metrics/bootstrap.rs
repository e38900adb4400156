//! How far a rate may be from the truth, when the examples come in clusters.
//!
//! Regions of one photograph are seen by the same light and often repeat each other; an interval that takes them for
//! independent is too narrow. So whole photographs are drawn, with replacement, as often as there are photographs.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

/// A rate and where it lies with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The rate of all examples.
    pub estimate: f64,
    /// The 2.5 % quantile of the resamples.
    pub low: f64,
    /// Their 97.5 % quantile.
    pub high: f64,
}

/// One photograph: the sum over its examples, and their number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cluster {
    pub sum: f64,
    pub examples: u64,
}

/// Percentile bootstrap of Σ sum / Σ examples over clusters, each with at least one example.
///
/// Quantiles are linear between neighbours.
///
/// # Source
/// Efron and Tibshirani, An Introduction to the Bootstrap, 1993: the percentile interval. Resampling whole clusters:
/// Davison and Hinkley, Bootstrap Methods and their Application, 1997.
pub(super) fn percentile_interval(clusters: &[Cluster], resamples: usize, seed: u64) -> Interval {
    assert!(
        resamples > 0 && clusters.iter().any(|cluster| cluster.examples > 0),
        "expected an example to resample"
    );
    let estimate = rate(clusters.iter());
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut rates: Vec<f64> = (0..resamples)
        .map(|_| {
            let draw = || &clusters[random.random_range(0..clusters.len())];
            rate(std::iter::repeat_with(draw).take(clusters.len()))
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    Interval {
        estimate,
        low: quantile(&rates, 0.025),
        high: quantile(&rates, 0.975),
    }
}

fn rate<'a>(clusters: impl Iterator<Item = &'a Cluster>) -> f64 {
    let (sum, examples) = clusters.fold((0.0, 0), |(sum, examples), cluster| {
        (sum + cluster.sum, examples + cluster.examples)
    });
    sum / examples as f64
}

/// The quantile of a sorted list of at least one number.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(sum: f64, examples: u64) -> Cluster {
        Cluster { sum, examples }
    }

    #[test]
    fn quantiles_by_hand() {
        let sorted = [0.0, 1.0, 2.0, 3.0, 4.0];
        for (share, expected) in [(0.0, 0.0), (0.25, 1.0), (0.625, 2.5), (1.0, 4.0)] {
            assert_eq!(quantile(&sorted, share), expected);
        }
        assert_eq!(quantile(&[7.0], 0.3), 7.0);
    }

    #[test]
    fn one_cluster_and_equal_clusters_leave_no_doubt() {
        for clusters in [vec![cluster(1.0, 4)], vec![cluster(1.0, 4); 30]] {
            let found = percentile_interval(&clusters, 100, 0);
            let only = Interval {
                estimate: 0.25,
                low: 0.25,
                high: 0.25,
            };
            assert_eq!(found, only);
        }
    }

    #[test]
    fn two_clusters_by_hand() {
        // Drawn twice: 0 with odds 1/4, 1/2 with 1/2, 1 with 1/4.
        let found = percentile_interval(&[cluster(0.0, 3), cluster(3.0, 3)], 2000, 1);
        assert_eq!((found.estimate, found.low, found.high), (0.5, 0.0, 1.0));
    }

    #[test]
    fn independent_clusters_give_the_normal_interval() {
        // 400 of one example, a quarter wrong: 1.96 √(0.25 · 0.75 / 400) = 0.0424.
        let clusters: Vec<_> = (0..400)
            .map(|k| cluster(f64::from(u8::from(k % 4 == 0)), 1))
            .collect();
        let found = percentile_interval(&clusters, 2000, 2);
        // The 2.5 % quantile of 2000 draws is within about 4 % of a half width, three times that for certain.
        assert!((found.high - 0.25 - 0.0424).abs() < 0.006, "{found:?}");
        assert!((0.25 - found.low - 0.0424).abs() < 0.006, "{found:?}");
        assert_eq!(found, percentile_interval(&clusters, 2000, 2));
        assert_ne!(found, percentile_interval(&clusters, 2000, 3));

        // The same examples in 40 clusters of 10 that agree: √10 times as wide.
        let grouped: Vec<_> = (0..40)
            .map(|k| cluster(10.0 * f64::from(u8::from(k % 4 == 0)), 10))
            .collect();
        let wide = percentile_interval(&grouped, 2000, 2);
        let ratio = (wide.high - wide.low) / (found.high - found.low);
        assert!((ratio - 10f64.sqrt()).abs() < 0.4, "{ratio}");
    }
}
