//! From a photograph to the embedding of its multiscale cut.

use faer::{Mat, MatRef};
use segmentation::GridAxis;

use super::edges::EdgeMap;
use super::graph::{ContourGraph, Falloff};
use super::operator::MultiscaleCut;
use super::planes::Planes;
use super::scales::{cell_side, grid_sizes};
use crate::embedding::Embedding;
use crate::error::{Error, Result};

/// The graphs that are cut.
///
/// ```
/// let options = ncuts::InterveningContourOptions { edge_sigma: 0.05, ..ncuts::InterveningContourOptions::default() };
/// assert_eq!((options.step, options.scales), (2, 3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", default, deny_unknown_fields)
)]
pub struct InterveningContourOptions {
    /// Pixels in a side of a cell of the finest grid, whose values are means: 2 by default.
    pub step: usize,
    /// Scales; each has cells of 3 × 3 of the one below: 3 by default.
    pub scales: usize,
    /// Cells are joined up to this far apart, in cells of their scale: 3 by default.
    pub radius: f64,
    /// σ of edges, in the units of the planes.
    pub edge_sigma: f64,
    /// σ of the distance of colours, in the units of the planes; `None`, the default, for edges alone.
    pub colour_sigma: Option<f64>,
    /// The offset of the degrees: ½ by default.
    pub offset: f64,
}

impl Default for InterveningContourOptions {
    fn default() -> Self {
        Self {
            step: 2,
            scales: 3,
            radius: 3.0,
            edge_sigma: 0.06,
            colour_sigma: None,
            offset: 0.5,
        }
    }
}

impl InterveningContourOptions {
    fn check(&self) -> Result<()> {
        let refuse = |expected, found| Err(Error::InterveningContourOption { expected, found });
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match self.colour_sigma {
            _ if !(1..=64).contains(&self.step) => {
                refuse("a step of 1 to 64 pixels", self.step as f64)
            }
            _ if !(1..=6).contains(&self.scales) => refuse("1 to 6 scales", self.scales as f64),
            _ if !(1.0..=30.0).contains(&self.radius) => {
                refuse("a radius of 1 to 30 cells", self.radius)
            }
            _ if !positive(self.edge_sigma) => refuse("a σ of edges above 0", self.edge_sigma),
            Some(sigma) if !positive(sigma) => refuse("a σ of colours above 0", sigma),
            _ if !(self.offset.is_finite() && self.offset >= 0.0) => {
                refuse("an offset of 0 or more", self.offset)
            }
            _ => Ok(()),
        }
    }
}

/// Multiscale normalised cuts with intervening-contour affinities.
///
/// ```text
///     max  tr(Xᵀ W X)   with  Xᵀ D X = I,  C X = 0        W, D: block diagonal over the scales;  C: coarse = mean of fine
///     Q D^{−½} W D^{−½} Q V = V diag(μ),  X = D^{−½} V
/// ```
///
/// # Shapes
/// V: n × k, n the cells of all scales, the finest first and row by row; μ: k numbers, nonincreasing, at most 1.
///
/// # Errors
/// [`Error::InterveningContourOption`], [`Error::NoDimensions`], [`Error::EigenNotConverged`].
///
/// # Cost
/// A few seconds for 481 × 321 pixels at the defaults, most of it in the products with W; some 1.2 kB a cell of the finest grid.
///
/// # Source
/// T. Cour, F. Bénézit, J. Shi, Spectral segmentation with multiscale graph decomposition, CVPR 2005. Edges by derivatives
/// of Gaussians ([`EdgeMap`]); all pairs within the radius instead of a sample of them.
///
/// # Example
/// ```
/// use ncuts::{InterveningContourCut, InterveningContourOptions, Planes};
/// use segmentation::{SegmentOptions, segmentation_pool};
/// # fn main() -> Result<(), ncuts::Error> {
/// let plane = (0..60 * 40).map(|p| if p % 60 < 25 { 0.2 } else { 0.7 }).collect();
/// let cut = InterveningContourCut::forward(&Planes::new(60, 40, vec![plane])?, &InterveningContourOptions::default(), 2)?;
/// let [column, row] = cut.axes();
/// let options = SegmentOptions::default().with_cluster_counts([2]).with_axes(column, row);
/// let pool = segmentation_pool(&cut.embedding(), 60, 40, &options)?;
/// assert_eq!(pool[0].segments, 2);
/// assert_ne!(pool[0].labels.at(22, 20), pool[0].labels.at(28, 20));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct InterveningContourCut {
    values: Vec<f64>,
    vectors: Mat<f64>,
    cut: MultiscaleCut,
    sizes: Vec<(usize, usize)>,
    step: usize,
}

impl InterveningContourCut {
    /// The `dimensions` leading eigenvectors of a photograph, or as many as the finest grid has cells.
    ///
    /// # Errors
    /// See [`InterveningContourCut`].
    pub fn forward(
        planes: &Planes,
        options: &InterveningContourOptions,
        dimensions: usize,
    ) -> Result<Self> {
        options.check()?;
        if dimensions == 0 {
            return Err(Error::NoDimensions);
        }
        let planes = planes.reduced(options.step);
        let edges = EdgeMap::of(&planes);
        let falloff = Falloff {
            edge_sigma: options.edge_sigma,
            colour_sigma: options.colour_sigma,
            offset: options.offset,
        };
        let sizes = grid_sizes(planes.width(), planes.height(), options.scales);
        let graph =
            |scale| ContourGraph::new(&planes, &edges, cell_side(scale), options.radius, falloff);
        let cut = MultiscaleCut::new((0..sizes.len()).map(graph).collect());
        let (values, vectors) = cut.leading_eigen(dimensions)?;
        Ok(Self {
            values,
            vectors,
            cut,
            sizes,
            step: options.step,
        })
    }

    /// μ, nonincreasing.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// V, orthonormal columns over the cells of all scales.
    pub fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    /// Width and height of each scale's grid, finest first.
    pub fn sizes(&self) -> &[(usize, usize)] {
        &self.sizes
    }

    /// The largest entry of C X, X = D^{−½} V: how far a coarse cell is from the mean of its fine ones.
    pub fn constraint_residual(&self) -> f64 {
        let roots = self.cut.scales().inverse_roots();
        let residual = |j: usize| {
            let x: Vec<f64> = self
                .vectors
                .col(j)
                .iter()
                .zip(roots)
                .map(|(v, r)| v * r)
                .collect();
            let rows = self.cut.scales().constraint(&x);
            rows.into_iter()
                .fold(0.0_f64, |largest, row| largest.max(row.abs()))
        };
        (0..self.vectors.ncols()).map(residual).fold(0.0, f64::max)
    }

    /// The rows of V on the finest grid, to be clustered.
    pub fn embedding(&self) -> Embedding {
        let (width, height) = self.sizes[0];
        let fine = self.vectors.subrows(0, width * height).to_owned();
        let spectrum = self.values.iter().map(|value| value.max(0.0).sqrt());
        Embedding::from_vectors(fine, spectrum.collect(), width, height)
    }

    /// Where the columns and rows of the finest grid lie in the photograph.
    pub fn axes(&self) -> [GridAxis; 2] {
        let (width, height) = self.sizes[0];
        [width, height].map(|positions| GridAxis {
            positions,
            stride: self.step as f64,
            offset: 0.5 * (self.step as f64 - 1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::Rng;
    use segmentation::{SegmentOptions, segmentation_pool};

    const ONE: InterveningContourOptions = InterveningContourOptions {
        step: 1,
        scales: 3,
        radius: 3.0,
        edge_sigma: 0.06,
        colour_sigma: None,
        offset: 0.5,
    };

    fn cut(width: usize, height: usize, at: impl Fn(usize, usize) -> f32) -> InterveningContourCut {
        let plane = (0..width * height)
            .map(|p| at(p % width, p / width))
            .collect();
        let planes = Planes::new(width, height, vec![plane]).unwrap();
        // These pictures are small: a third scale would have cells as large as what is in them.
        let options = InterveningContourOptions { scales: 2, ..ONE };
        InterveningContourCut::forward(&planes, &options, 6).unwrap()
    }

    /// The best intersection over union of a segment with what is inside, over 2 to 5 clusters.
    fn best_overlap(
        cut: &InterveningContourCut,
        width: usize,
        inside: impl Fn(usize, usize) -> bool,
    ) -> f64 {
        let height = cut.sizes()[0].1;
        let options = SegmentOptions::default().with_cluster_counts(2..=5);
        let pool = segmentation_pool(&cut.embedding(), width, height, &options).unwrap();
        let overlap = |found: &segmentation::Segmentation, segment: usize| {
            let (mut both, mut any) = (0.0, 0.0);
            for p in 0..width * height {
                let (x, y) = (p % width, p / width);
                let (here, there) = (found.labels.at(x, y) == segment as u32, inside(x, y));
                both += f64::from(u8::from(here && there));
                any += f64::from(u8::from(here || there));
            }
            both / any
        };
        let overlaps = pool
            .iter()
            .flat_map(|found| (0..found.segments).map(move |segment| overlap(found, segment)));
        overlaps.fold(0.0, f64::max)
    }

    #[test]
    fn vectors_are_d_orthonormal_and_coarse_cells_are_means() {
        // Below and above the size at which the Krylov solver takes over.
        for (width, height) in [(15, 14), (40, 33)] {
            let cut = cut(width, height, |x, y| {
                0.2 + 0.2 * f32::from(u8::from(x > 8)) + 0.01 * ((x * 7 + y * 3) % 5) as f32
            });
            let gram = cut.vectors().transpose() * cut.vectors();
            assert!((gram - Mat::<f64>::identity(6, 6)).norm_max() < 1e-10);
            assert!(
                cut.constraint_residual() < 1e-10,
                "{:e}",
                cut.constraint_residual()
            );
            assert!(cut.values().windows(2).all(|pair| pair[0] >= pair[1]));
            assert!(cut.values()[0] <= 1.0 && cut.values()[5] > 0.0);
        }
    }

    #[test]
    fn the_krylov_method_agrees_with_the_dense_one() {
        let cut = cut(
            32,
            30,
            |x, y| if (x / 9 + y / 11) % 2 == 0 { 0.2 } else { 0.5 },
        );
        let (values, vectors) = cut.cut.dense_eigen(7).unwrap();
        for (found, expected) in cut.values().iter().zip(&values) {
            assert!(
                (found - (expected - 1.0)).abs() < 1e-9,
                "{found} {expected}"
            );
        }
        // The projectors are as close as residual over gap.
        let gap = values[5] - values[6];
        let expected = vectors.subcols(0, 6);
        let outside = cut.vectors() - expected * (expected.transpose() * cut.vectors());
        assert!(
            outside.norm_max() < 2e-6 / gap.max(1e-4),
            "{:e}",
            outside.norm_max()
        );
    }

    #[test]
    fn a_disc_falls_apart_from_its_ground() {
        let inside = |x: usize, y: usize| {
            let (x, y) = (x as f64 - 32.0, y as f64 - 28.0);
            x * x + y * y < 100.0
        };
        let cut = cut(64, 56, |x, y| if inside(x, y) { 0.7 } else { 0.3 });
        let overlap = best_overlap(&cut, 64, inside);
        assert!(overlap > 0.93, "{overlap}");
    }

    #[test]
    fn two_textures_fall_apart_at_their_edge() {
        // Noise of a tenth of the step between the halves.
        let mut random = Pcg64Mcg::new(7);
        let noise: Vec<f32> = (0..48 * 36)
            .map(|_| (f64::from(random.next_u32()) / f64::from(u32::MAX)) as f32 - 0.5)
            .collect();
        let inside = |x: usize, _: usize| x >= 20;
        let cut = cut(48, 36, |x, y| {
            let ground = if inside(x, y) { 0.7 } else { 0.3 };
            ground + 0.08 * noise[y * 48 + x]
        });
        let overlap = best_overlap(&cut, 48, inside);
        assert!(overlap > 0.93, "{overlap}");
    }

    #[test]
    fn a_constant_picture_has_the_smooth_vectors_of_its_grid() {
        let cut = cut(36, 27, |_, _| 0.4);
        assert!(cut.vectors().is_all_finite());
        // The first is D^{½} 1 up to the offset at the border; no cell stands out.
        let roots = cut.cut.scales().inverse_roots();
        let x: Vec<f64> = (0..36 * 27)
            .map(|i| cut.vectors()[(i, 0)] * roots[i])
            .collect();
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        assert!(x.iter().all(|x| (x / mean - 1.0).abs() < 0.2));
        // The second splits the longer side in two.
        let left: f64 = (0..27).map(|y| cut.vectors()[(y * 36, 1)]).sum();
        let right: f64 = (0..27).map(|y| cut.vectors()[(y * 36 + 35, 1)]).sum();
        assert!(left * right < 0.0);
    }

    #[test]
    fn a_picture_of_a_pixel_has_one_vector() {
        let cut = cut(1, 1, |_, _| 0.4);
        assert_eq!((cut.values().len(), cut.embedding().rank()), (1, 1));
    }

    #[test]
    fn refuses_options_out_of_range() {
        let planes = Planes::new(2, 2, vec![vec![0.0; 4]]).unwrap();
        let bad = [
            InterveningContourOptions { step: 0, ..ONE },
            InterveningContourOptions { scales: 0, ..ONE },
            InterveningContourOptions { radius: 0.5, ..ONE },
            InterveningContourOptions {
                edge_sigma: 0.0,
                ..ONE
            },
            InterveningContourOptions {
                colour_sigma: Some(f64::NAN),
                ..ONE
            },
            InterveningContourOptions {
                offset: -1.0,
                ..ONE
            },
        ];
        for options in bad {
            let refused = InterveningContourCut::forward(&planes, &options, 2);
            assert!(
                matches!(refused, Err(Error::InterveningContourOption { .. })),
                "{options:?}"
            );
        }
        let refused = InterveningContourCut::forward(&planes, &ONE, 0);
        assert!(matches!(refused, Err(Error::NoDimensions)));
    }
}
