//! The range that the normalised affinity should have: the segments of the annotations.

use crate::degree::Degrees;
use crate::error::{Error, Result};
use crate::indicator::Indicator;
use faer::{Mat, MatRef};

/// Π_A for A = D^{½} E, as an orthonormal basis, for one or several annotations side by side.
///
/// ```text
/// forward   vol_c = Σ_{i ∈ c} wᵢ,  Q = D^{½} E diag(vol)^{−½}: qᵢ = (wᵢ / vol_c)^{½} in column c of pixel i
/// vjp       w̄ᵢ = ½ q̄ᵢ qᵢ / wᵢ − ½ Σ_{j ∈ c} q̄ⱼ qⱼ / vol_c
/// jvp       q̇ᵢ = ½ qᵢ (ẇᵢ / wᵢ − vol̇_c / vol_c)
/// ```
///
/// # Shapes
/// w: n; E: n × k, one-hot; Q: n × K, K the number of segments with volume, over all annotations.
///
/// # Conventions
/// Columns of A are orthogonal already. A segment without volume, because it is empty or all its pixels are isolated,
/// has no column. Rows of isolated pixels are zero.
///
/// # Cost
/// O(n) time an annotation, and n K numbers stored.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    basis: Mat<f64>,
    /// Of each annotation: the column of each pixel.
    columns: Vec<Vec<usize>>,
    volumes: Vec<f64>,
    ranks: Vec<usize>,
}

/// The column of a pixel that has none.
const NONE: usize = usize::MAX;

impl Targets {
    /// Bases for annotations of the same pixels.
    pub(crate) fn forward(degrees: &Degrees, indicators: &[Indicator]) -> Result<Self> {
        let w = degrees.values();
        if indicators.is_empty() {
            return Err(Error::NoIndicators);
        }
        let (mut columns, mut volumes, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        for indicator in indicators {
            let assignment = indicator.assignment();
            if assignment.len() != w.len() {
                return Err(Error::IndicatorLength {
                    expected: w.len(),
                    found: assignment.len(),
                });
            }
            let mut segment_volumes = vec![0.0; indicator.segments()];
            for (&segment, w) in assignment.iter().zip(w) {
                segment_volumes[segment as usize] += w;
            }
            let first = volumes.len();
            let mut column_of = vec![NONE; indicator.segments()];
            for (segment, &volume) in segment_volumes.iter().enumerate() {
                if volume > 0.0 {
                    column_of[segment] = volumes.len();
                    volumes.push(volume);
                }
            }
            ranks.push(volumes.len() - first);
            columns.push(
                assignment
                    .iter()
                    .zip(w)
                    .map(|(&segment, &w)| {
                        if w > 0.0 {
                            column_of[segment as usize]
                        } else {
                            NONE
                        }
                    })
                    .collect::<Vec<_>>(),
            );
        }
        let mut basis = Mat::zeros(w.len(), volumes.len());
        for columns in &columns {
            for (i, &c) in columns.iter().enumerate().filter(|&(_, &c)| c != NONE) {
                basis[(i, c)] = (w[i] / volumes[c]).sqrt();
            }
        }
        Ok(Self {
            basis,
            columns,
            volumes,
            ranks,
        })
    }

    /// Q, n × K.
    pub(crate) fn basis(&self) -> MatRef<'_, f64> {
        self.basis.as_ref()
    }

    /// Segments with volume, of each annotation.
    pub(crate) fn ranks(&self) -> &[usize] {
        &self.ranks
    }

    /// The columns of Q that are each annotation's.
    pub(crate) fn columns(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        let mut first = 0;
        self.ranks.iter().map(move |rank| {
            first += rank;
            first - rank..first
        })
    }

    /// Adds w̄ from Q̄.
    pub(crate) fn vjp(
        &self,
        degrees: &Degrees,
        basis_bar: MatRef<'_, f64>,
        degrees_bar: &mut [f64],
    ) {
        let w = degrees.values();
        let mut pulls = vec![0.0; self.volumes.len()];
        for (i, c) in self.entries() {
            pulls[c] += basis_bar[(i, c)] * self.basis[(i, c)];
        }
        for (i, c) in self.entries() {
            let pull = basis_bar[(i, c)] * self.basis[(i, c)];
            degrees_bar[i] += 0.5 * (pull / w[i] - pulls[c] / self.volumes[c]);
        }
    }

    /// Adds to w the way back through [`vjp`](Self::vjp) at fixed Q̄, from a cotangent ẇ of w̄.
    ///
    /// ```text
    /// rᵢ = ẇᵢ / wᵢ,  ρᵢ = rᵢ − vol̇_c / vol_c,  pᵢ = q̄ᵢ qᵢ
    /// w: (¼ pᵢ ρᵢ − ½ pᵢ rᵢ) / wᵢ + (½ (vol̇_c / vol_c) Σ pⱼ − ¼ Σ pⱼ ρⱼ) / vol_c          sums over j ∈ c
    /// ```
    pub(crate) fn second(
        &self,
        degrees: &Degrees,
        basis_bar: MatRef<'_, f64>,
        degrees_dot: &[f64],
        degrees_bar: &mut [f64],
    ) {
        let w = degrees.values();
        let mut rates = vec![0.0; self.volumes.len()];
        for (i, c) in self.entries() {
            rates[c] += degrees_dot[i] / self.volumes[c];
        }
        let pull = |i, c| basis_bar[(i, c)] * self.basis[(i, c)];
        let mut shares = vec![0.0; self.volumes.len()];
        for (i, c) in self.entries() {
            let turn = degrees_dot[i] / w[i] - rates[c];
            shares[c] += pull(i, c) * (0.5 * rates[c] - 0.25 * turn);
        }
        for (i, c) in self.entries() {
            let rate = degrees_dot[i] / w[i];
            let own = pull(i, c) * (0.25 * (rate - rates[c]) - 0.5 * rate);
            degrees_bar[i] += own / w[i] + shares[c] / self.volumes[c];
        }
    }

    /// Q̇ from ẇ.
    pub(crate) fn jvp(&self, degrees: &Degrees, degrees_dot: &[f64]) -> Mat<f64> {
        let w = degrees.values();
        let mut volumes_dot = vec![0.0; self.volumes.len()];
        for (i, c) in self.entries() {
            volumes_dot[c] += degrees_dot[i];
        }
        let mut basis_dot = Mat::zeros(self.basis.nrows(), self.basis.ncols());
        for (i, c) in self.entries() {
            basis_dot[(i, c)] = 0.5
                * self.basis[(i, c)]
                * (degrees_dot[i] / w[i] - volumes_dot[c] / self.volumes[c]);
        }
        basis_dot
    }

    /// The places of Q that are not zero by construction.
    fn entries(&self) -> impl Iterator<Item = (usize, usize)> {
        self.columns.iter().flat_map(|columns| {
            columns
                .iter()
                .copied()
                .enumerate()
                .filter(|&(_, c)| c != NONE)
        })
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::affinity::Affinity;
    use faer::mat;
    use matbackprop_core::gradcheck::gaussian;

    /// Degrees 4, 12, 8 and an isolated pixel, up to a common power of two: w = F Fᵀ1 = f Σf with f = (1, 3, 2, 0).
    fn degrees() -> Degrees {
        let affinity = Affinity::forward(mat![[1.0], [3.0], [2.0], [0.0]].as_ref(), None).unwrap();
        Degrees::forward(&affinity).unwrap()
    }

    fn indicator(assignment: &[u32], segments: usize) -> Indicator {
        Indicator::from_assignment(assignment.to_vec(), segments).unwrap()
    }

    #[test]
    fn two_annotations_by_hand() {
        // Volumes by thirds and sixths; segment 1 of the first is empty, segment 2 of the second isolated.
        let indicators = [indicator(&[0, 0, 2, 0], 3), indicator(&[0, 1, 1, 2], 3)];
        let targets = Targets::forward(&degrees(), &indicators).unwrap();
        let expected = mat![
            [0.5, 0.0, 1.0, 0.0],
            [0.75f64.sqrt(), 0.0, 0.0, 0.6f64.sqrt()],
            [0.0, 1.0, 0.0, 0.4f64.sqrt()],
            [0.0, 0.0, 0.0, 0.0],
        ];
        assert!((targets.basis() - expected).norm_max() < 1e-15);
        assert_eq!(targets.ranks(), &[2, 2]);
    }

    #[test]
    fn the_way_back_is_the_derivative() {
        let f = [0.3, 1.2, 0.7, 1.9, 0.5];
        let at = |t: f64| {
            let f = Mat::from_fn(5, 1, |i, _| f[i] + t * [0.4, -0.2, 0.9, 0.0, -0.5][i]);
            let degrees = Degrees::forward(&Affinity::forward(f.as_ref(), None).unwrap()).unwrap();
            let targets = Targets::forward(&degrees, &[indicator(&[0, 1, 0, 1, 1], 2)]).unwrap();
            (degrees, targets)
        };
        let ((degrees, targets), h) = (at(0.0), 1e-4);
        let (above, below) = (at(h), at(-h));
        let degrees_dot: Vec<f64> = above
            .0
            .values()
            .iter()
            .zip(below.0.values())
            .map(|(a, b)| (a - b) / (2.0 * h))
            .collect();
        let expected = faer::Scale(0.5 / h) * (above.1.basis() - below.1.basis());
        let basis_dot = targets.jvp(&degrees, &degrees_dot);
        assert!((&basis_dot - expected).norm_max() < 1e-7);

        let bar = gaussian(5, 2, 1);
        let mut degrees_bar = vec![0.0; 5];
        targets.vjp(&degrees, bar.as_ref(), &mut degrees_bar);
        let ahead: f64 = (0..2)
            .map(|j| bar.col(j).transpose() * basis_dot.col(j))
            .sum();
        let behind: f64 = degrees_bar
            .iter()
            .zip(&degrees_dot)
            .map(|(bar, dot)| bar * dot)
            .sum();
        assert!((ahead - behind).abs() < 1e-14);
    }

    #[test]
    fn refuses_no_annotation_and_one_of_another_size() {
        let error = Targets::forward(&degrees(), &[indicator(&[0, 0], 1)]).unwrap_err();
        refused! { Targets::forward(&degrees(), &[]) => Error::NoIndicators }
        assert!(matches!(
            error,
            Error::IndicatorLength {
                expected: 4,
                found: 2
            }
        ));
    }
}
