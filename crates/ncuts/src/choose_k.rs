//! How many segments the spectrum speaks of.

use segmentation::check_cluster_counts;

use crate::embedding::Embedding;
use crate::error::Result;

/// Eigenvalues below this fraction of the first do not distinguish segments: gaps among them count for little.
const QUIET: f64 = 0.01;

/// The number of clusters, out of `cluster_counts`, after which the eigenvalues of the normalised affinity fall most.
///
/// ```text
///     k = argmax  (μ_k − μ_{k+1}) / (μ_k + μ₁ / 100),   μ = σ²
/// ```
///
/// The gap is relative, for the eigenvalues of smooth features fall steeply from the start; the added hundredth keeps a gap between two values that are
/// both next to nothing, such as that at the end of a spectrum of low rank, from winning.
///
/// # Conventions
/// Of equal gaps the smallest count wins. A count for which the embedding holds no μ_k, or does not know μ_{k+1}, has gap zero: ask
/// [`Embedding::from_features`] for as many dimensions as the largest count. With no gap at all (rank one, constant features) the result is the
/// smallest count.
///
/// # Errors
/// Those of [`check_cluster_counts`]: an empty list, a count of zero or above the number of positions.
///
/// # Example
/// ```
/// use faer::Mat;
/// # fn main() -> Result<(), ncuts::Error> {
/// // Three blocks and a little of everything everywhere.
/// let features = Mat::from_fn(12, 4, |i, c| if i % 4 == c { 1.0 } else if c == 3 { 0.0 } else { 0.05 });
/// let embedding = ncuts::Embedding::from_features(features.as_ref(), None, 4, 3, 8)?;
/// assert_eq!(ncuts::choose_k(&embedding, &[2, 3, 4, 5, 6])?, 4);
/// # Ok(())
/// # }
/// ```
pub fn choose_k(embedding: &Embedding, cluster_counts: &[usize]) -> Result<usize> {
    let positions = embedding.vectors().nrows();
    check_cluster_counts(cluster_counts, positions)?;
    let eigenvalues: Vec<f64> = embedding
        .spectrum()
        .iter()
        .map(|sigma| sigma * sigma)
        .collect();
    let gap = |k: usize| {
        let next = match eigenvalues.get(k) {
            Some(next) => *next,
            None if embedding.spectrum_is_complete() => 0.0,
            None => return 0.0,
        };
        eigenvalues.get(k - 1).map_or(0.0, |value| {
            (value - next) / (value + QUIET * eigenvalues[0])
        })
    };
    let mut counts = cluster_counts.to_vec();
    counts.sort_unstable();
    let mut best = (counts[0], 0.0);
    for k in counts {
        let gap = gap(k);
        if gap > best.1 {
            best = (k, gap);
        }
    }
    Ok(best.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use faer::Mat;
    use segmentation::Error as Refusal;

    fn embedding(features: &Mat<f64>, dimensions: usize) -> Embedding {
        Embedding::from_features(features.as_ref(), None, features.nrows(), 1, dimensions).unwrap()
    }

    /// `blocks` groups of rows, each with its own channel, and `noise` in all.
    fn blocks(rows: usize, blocks: usize, channels: usize, noise: f64) -> Mat<f64> {
        Mat::from_fn(rows, channels, |i, c| {
            f64::from(i * blocks / rows == c)
                + noise * (1.0 + ((1 + i) as f64 * (c as f64 + 1.7)).sin())
        })
    }

    #[test]
    fn counts_the_blocks() {
        for count in 2..=6 {
            let features = blocks(60, count, 10, 0.03);
            assert_eq!(
                choose_k(&embedding(&features, 10), &[2, 3, 4, 5, 6, 7, 8]).unwrap(),
                count
            );
        }
    }

    #[test]
    fn the_end_of_a_low_rank_is_no_large_gap() {
        // μ = 1, about ½, then next to nothing: the second gap must win over the last.
        let features = blocks(40, 2, 3, 0.01);
        assert_eq!(
            choose_k(&embedding(&features, 8), &[2, 3, 4, 5]).unwrap(),
            2
        );
    }

    #[test]
    fn degenerate_spectra_give_the_smallest_count() {
        let constant = Mat::from_fn(9, 2, |_, _| 1.0);
        assert_eq!(choose_k(&embedding(&constant, 5), &[4, 2, 3]).unwrap(), 2);
        // Only two eigenvalues known, and no word of the third.
        let features = blocks(40, 4, 6, 0.1);
        assert_eq!(choose_k(&embedding(&features, 2), &[7, 5]).unwrap(), 5);
    }

    #[test]
    fn refuses_counts_that_cannot_be() {
        let some = embedding(&blocks(10, 2, 3, 0.1), 3);
        assert!(matches!(
            choose_k(&some, &[]),
            Err(Error::Segmentation(Refusal::NoClusterCounts))
        ));
        assert!(matches!(
            choose_k(&some, &[2, 0]),
            Err(Error::Segmentation(Refusal::ClusterCount {
                clusters: 0,
                positions: 10
            }))
        ));
        assert!(matches!(
            choose_k(&some, &[11]),
            Err(Error::Segmentation(Refusal::ClusterCount {
                clusters: 11,
                positions: 10
            }))
        ));
    }
}
