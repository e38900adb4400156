//! The layer: from features and regions to a vector each, and back.

use crate::error::{Error, Result};
use crate::reduction::Reduction;
use crate::region::Region;
use crate::second_moment::SecondMoment;
use crate::signed_square_root::SignedSquareRoot;
use crate::spectral_map::{MappedMoment, SpectralMap, SpectralReport};
use crate::unit_norm::UnitNorm;
use crate::vech::{symmetric_from_vech, vech};
use faer::{Mat, MatRef};
use matbackprop_core::{batch, ensure_matrix, ensure_shape};

const OP: &str = "second-order pooling";

/// How regions are pooled.
///
/// The default is the logarithm log(G + 10⁻³ I) of the weighted mean G of xᵢxᵢᵀ, not centred, and vech alone after it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "kebab-case", default, deny_unknown_fields)
)]
pub struct O2pOptions {
    /// f in f(G).
    pub map: SpectralMap,
    /// The mean of the region's features is taken off: G is their covariance.
    pub centred: bool,
    /// G is divided by the sum of the region's weights: large regions and small ones have features of one size.
    pub normalised: bool,
    /// δ of the [`SignedSquareRoot`] after vech, where there is one.
    pub signed_square_root: Option<f64>,
    /// Each output is brought to length one, last of all: [`UnitNorm`].
    pub unit_norm: bool,
}

impl Default for O2pOptions {
    fn default() -> Self {
        Self {
            map: SpectralMap::default(),
            centred: false,
            normalised: true,
            signed_square_root: None,
            unit_norm: false,
        }
    }
}

/// Second-order pooling: each region of a feature map becomes a function of its second moment, as a vector.
///
/// ```text
/// forward   Y = X R;  for each region: M = S (Y − 1 μᵀ),  C = f(MᵀM),  z = vech C,  its root and length
/// vjp       for each region: z̄ → C̄ = vech⁻¹ z̄ → M̄ → Ȳ, which add up;  X̄ = Ȳ Rᵀ,  R̄ = Xᵀ Ȳ
/// ```
///
/// # Shapes
/// X, X̄: n × d, a row a position, a column a channel; R, R̄: d × d′; outputs: a row a region, d′ (d′ + 1) / 2 columns.
///
/// # Conventions
/// Without R, d′ is d. Every finite input has a defined outcome; for the default options:
///
/// | input | outcome |
/// |---|---|
/// | dead channels | log ε on the diagonal, a finite gradient that can revive them |
/// | duplicate or dependent channels | eigenvalues log ε; equal channels get equal gradients if their cotangents are |
/// | equal singular values | nothing of note: no difference of eigenvalues divides |
/// | fewer positions than channels, one position | the same map; `fewer_than_channels` in the report |
/// | constant features, `centred` | C = log(ε) I exactly, gradient 0 |
/// | all-zero features | C = log(ε) I, gradient 0 |
/// | an output of length 0, `unit_norm` | stays 0, gradient 0 |
/// | ε = 0 | for regular moments only: an eigenvalue of exactly 0 is `OutsideDomain` for a logarithm or a negative power, one that rounding lifted above 0 passes; the root has an `Error` in place of an infinite slope |
/// | features beyond 10^±150 | numbers, or `Overflow` where f itself leaves the range |
/// | a region without weight | `EmptyRegion`, where the [`Region`] is made |
///
/// # Errors
/// [`NoRegions`](Error::NoRegions), [`RegionLength`](Error::RegionLength), [`Exponent`](Error::Exponent);
/// [`Error::Rule`] for empty, misshapen or non-finite inputs, options out of range, and results beyond f64. With
/// several regions, the error of the first that fails.
///
/// # Cost
/// O(n d d′) for R; for a region of m positions O(m d′ min(m, d′) + d′² min(m, d′)). With the feature `rayon` regions
/// share the cores; the bits do not depend on their number. Where eigenvalues of many regions are found faster
/// together, see [`prepare`](Self::prepare).
///
/// # Source
/// Ionescu, Vantzos, Sminchisescu, "Matrix Backpropagation for Deep Networks with Structured Layers", ICCV 2015,
/// section on O2P. There the derivative goes through singular vectors; ours through divided differences, which stay
/// finite where singular values meet. Weights of coverage, centring, powers and the reduction are additions.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// use faer::mat;
/// use o2p::{O2pLayer, Region};
///
/// let features = mat![[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]];
/// let regions = [Region::all(3)?, Region::from_positions(3, &[0, 1])?];
/// let forward = O2pLayer::default().forward(features.as_ref(), None, &regions)?;
/// assert_eq!(forward.outputs().shape(), (2, 3));
/// let bar = forward.vjp(forward.outputs())?;
/// assert_eq!(bar.features.shape(), (3, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct O2pLayer {
    options: O2pOptions,
}

impl O2pLayer {
    /// A layer with these options, which `forward` checks.
    pub fn new(options: O2pOptions) -> Self {
        Self { options }
    }

    /// The options of this layer.
    pub fn options(&self) -> O2pOptions {
        self.options
    }

    /// Pools regions of one feature map, after the reduction where there is one.
    ///
    /// # Errors
    /// See [`O2pLayer`].
    pub fn forward(
        &self,
        features: MatRef<'_, f64>,
        reduction: Option<MatRef<'_, f64>>,
        regions: &[Region],
    ) -> Result<O2pForward> {
        let (reduction, reduced) = reduced(features, reduction, regions)?;
        let y = reduced
            .as_ref()
            .map_or(features, |reduced| reduced.as_ref());
        let pooled = batch(regions, |region| Pooled::forward(y, region, self.options))?;
        let shapes = (features.shape(), y.ncols());
        Ok(O2pForward::from_pooled(shapes, reduction, pooled))
    }
}

/// The reduction where there is one, and Y: `None` where that is X.
pub(crate) fn reduced(
    features: MatRef<'_, f64>,
    reduction: Option<MatRef<'_, f64>>,
    regions: &[Region],
) -> Result<(Option<Reduction>, Option<Mat<f64>>)> {
    ensure_matrix(OP, features)?;
    if regions.is_empty() {
        return Err(Error::NoRegions);
    }
    let reduction = reduction
        .map(|r| Reduction::forward(features, r))
        .transpose()?;
    Ok(reduction.unzip())
}

/// A vector for each region, with what the way back needs.
#[derive(Clone, Debug)]
pub struct O2pForward {
    outputs: Mat<f64>,
    /// The shape of the features.
    shape: (usize, usize),
    /// d′.
    channels: usize,
    reduction: Option<Reduction>,
    pooled: Vec<Pooled>,
}

/// The result of [`O2pForward::vjp`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct O2pCotangents {
    /// X̄, n × d.
    pub features: Mat<f64>,
    /// R̄, d × d′, where there was a reduction.
    pub reduction: Option<Mat<f64>>,
}

impl O2pForward {
    /// Regions one by one, as an image: of n × d features and d′ channels.
    pub(crate) fn from_pooled(
        (shape, channels): ((usize, usize), usize),
        reduction: Option<Reduction>,
        pooled: Vec<(Pooled, Vec<f64>)>,
    ) -> Self {
        let (pooled, rows): (Vec<_>, Vec<_>) = pooled.into_iter().unzip();
        Self {
            outputs: stacked(&rows),
            shape,
            channels,
            reduction,
            pooled,
        }
    }

    /// A row a region, d′ (d′ + 1) / 2 columns.
    pub fn outputs(&self) -> MatRef<'_, f64> {
        self.outputs.as_ref()
    }

    /// The report of the map for each region.
    pub fn reports(&self) -> Vec<SpectralReport> {
        self.pooled.iter().map(Pooled::report).collect()
    }

    /// X̄ and, where R was given, R̄.
    ///
    /// # Errors
    /// [`Error::Rule`] when the cotangent does not fit, is not finite, or meets a root without slope; `Overflow`.
    pub fn vjp(&self, outputs_bar: MatRef<'_, f64>) -> Result<O2pCotangents> {
        ensure_shape(OP, outputs_bar, self.outputs.shape())?;
        let rows: Vec<usize> = (0..self.pooled.len()).collect();
        let m_bars = batch(&rows, |&i| {
            let output_bar: Vec<f64> = outputs_bar.row(i).iter().copied().collect();
            self.pooled[i].vjp(output_bar)
        })?;
        // In the order of the regions, whichever was ready first.
        let mut y_bar = Mat::zeros(self.shape.0, self.channels);
        for (pooled, m_bar) in self.pooled.iter().zip(&m_bars) {
            pooled.moment.add_vjp(m_bar.as_ref(), &mut y_bar)?;
        }
        match &self.reduction {
            None => Ok(O2pCotangents {
                features: y_bar,
                reduction: None,
            }),
            Some(reduction) => {
                let (features, reduction) = reduction.vjp(y_bar.as_ref())?;
                Ok(O2pCotangents {
                    features,
                    reduction: Some(reduction),
                })
            }
        }
    }

    /// The tangent of the outputs from Ẋ and Ṙ; `None` is a zero.
    ///
    /// # Errors
    /// As [`vjp`](Self::vjp); `ShapeMismatch` for an Ṙ where there was no reduction.
    pub fn jvp(
        &self,
        features_dot: MatRef<'_, f64>,
        reduction_dot: Option<MatRef<'_, f64>>,
    ) -> Result<Mat<f64>> {
        ensure_shape(OP, features_dot, self.shape)?;
        let reduced = match (&self.reduction, reduction_dot) {
            (Some(reduction), r_dot) => Some(reduction.jvp(features_dot, r_dot)?),
            (None, None) => None,
            (None, Some(r_dot)) => {
                return Err(matbackprop_core::Error::ShapeMismatch {
                    op: OP,
                    expected: (0, 0),
                    found: r_dot.shape(),
                }
                .into());
            }
        };
        let y_dot = reduced.as_ref().map_or(features_dot, |dot| dot.as_ref());
        let rows = batch(&self.pooled, |pooled| pooled.jvp(y_dot))?;
        Ok(stacked(&rows))
    }
}

/// The steps of one region.
#[derive(Clone, Debug)]
pub(crate) struct Pooled {
    moment: SecondMoment,
    mapped: MappedMoment,
    root: Option<SignedSquareRoot>,
    unit: Option<UnitNorm>,
}

impl Pooled {
    /// The steps, and the output.
    fn forward(
        y: MatRef<'_, f64>,
        region: &Region,
        options: O2pOptions,
    ) -> Result<(Self, Vec<f64>)> {
        let (centred, normalised) = (options.centred, options.normalised);
        let (moment, m) = SecondMoment::forward(y, region, centred, normalised)?;
        let mapped = MappedMoment::forward(m.as_ref(), options.map)?;
        Self::from_mapped(moment, mapped, options)
    }

    /// The steps after the map, and the output.
    pub(crate) fn from_mapped(
        moment: SecondMoment,
        mapped: MappedMoment,
        options: O2pOptions,
    ) -> Result<(Self, Vec<f64>)> {
        let mut output = vech(mapped.value())?;
        let root = options
            .signed_square_root
            .map(|delta| SignedSquareRoot::forward(&output, delta))
            .transpose()?;
        if let Some(root) = &root {
            output = root.value().to_vec();
        }
        let unit = options
            .unit_norm
            .then(|| UnitNorm::forward(&output))
            .transpose()?;
        if let Some(unit) = &unit {
            output = unit.value().to_vec();
        }
        let steps = Self {
            moment,
            mapped,
            root,
            unit,
        };
        Ok((steps, output))
    }

    fn report(&self) -> SpectralReport {
        self.mapped.report()
    }

    /// M̄.
    fn vjp(&self, mut bar: Vec<f64>) -> Result<Mat<f64>> {
        if let Some(unit) = &self.unit {
            bar = unit.vjp(&bar)?;
        }
        if let Some(root) = &self.root {
            bar = root.vjp(&bar)?;
        }
        self.mapped.vjp(symmetric_from_vech(&bar)?.as_ref())
    }

    /// The tangent of the output.
    fn jvp(&self, y_dot: MatRef<'_, f64>) -> Result<Vec<f64>> {
        let m_dot = self.moment.jvp(y_dot)?;
        let mut dot = vech(self.mapped.jvp(m_dot.as_ref())?.as_ref())?;
        if let Some(root) = &self.root {
            dot = root.jvp(&dot)?;
        }
        if let Some(unit) = &self.unit {
            dot = unit.jvp(&dot)?;
        }
        Ok(dot)
    }
}

/// A row a region.
fn stacked(rows: &[Vec<f64>]) -> Mat<f64> {
    let columns = rows.first().map_or(0, Vec::len);
    Mat::from_fn(rows.len(), columns, |i, j| rows[i][j])
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use matbackprop_core::Error as Rule;
    use matbackprop_core::gradcheck::{GradientCheck, check_jvp, check_vjp, gaussian};

    fn regions(n: usize) -> Vec<Region> {
        let weights: Vec<f64> = (0..n).map(|i| 0.5 * ((i + 1) % 3) as f64).collect();
        vec![
            Region::all(n).unwrap(),
            Region::from_positions(n, &[n - 1, 0]).unwrap(),
            Region::from_weights(&weights).unwrap(),
        ]
    }

    fn options() -> [O2pOptions; 4] {
        let plain = O2pOptions::default();
        [
            O2pOptions {
                map: SpectralMap::Log { epsilon: 0.1 },
                ..plain
            },
            O2pOptions {
                centred: true,
                signed_square_root: Some(0.1),
                unit_norm: true,
                map: SpectralMap::SquareRoot { epsilon: 0.1 },
                ..plain
            },
            O2pOptions {
                normalised: false,
                unit_norm: true,
                map: SpectralMap::Identity,
                ..plain
            },
            O2pOptions {
                normalised: false,
                signed_square_root: Some(0.5),
                map: SpectralMap::Power {
                    exponent: 0.4,
                    epsilon: 0.2,
                },
                ..plain
            },
        ]
    }

    #[cfg(feature = "serde")]
    #[test]
    fn names_in_files_are_in_kebab_case() {
        for options in options() {
            let text = toml::to_string(&options).unwrap();
            assert_eq!(toml::from_str::<O2pOptions>(&text).unwrap(), options);
        }
        let text = "unit-norm = true\nmap.square-root.epsilon = 0.5";
        let expected = O2pOptions {
            map: SpectralMap::SquareRoot { epsilon: 0.5 },
            unit_norm: true,
            ..O2pOptions::default()
        };
        assert_eq!(toml::from_str::<O2pOptions>(text).unwrap(), expected);
        assert!(toml::from_str::<O2pOptions>("unit_norm = true").is_err());
    }

    #[test]
    fn output_by_hand() {
        // The mean of xxᵀ is diag(2, ½); their logarithms, nothing between them.
        let x = faer::mat![[2.0, 0.0], [0.0, 1.0]];
        let map = SpectralMap::Log { epsilon: 0.0 };
        let layer = O2pLayer::new(O2pOptions {
            map,
            ..O2pOptions::default()
        });
        let forward = layer
            .forward(x.as_ref(), None, &[Region::all(2).unwrap()])
            .unwrap();
        let expected = faer::mat![[2f64.ln(), 0.0, -(2f64.ln())]];
        assert!((forward.outputs() - expected).norm_max() < 1e-15);
        assert_eq!(forward.reports().len(), 1);
    }

    #[test]
    fn agrees_with_finite_differences() {
        for (n, d, reduced) in [(8, 3, 2), (3, 6, 4), (4, 4, 4), (2, 1, 1)] {
            let (x, r, regions) = (gaussian(n, d, 1), gaussian(d, reduced, 2), regions(n));
            for options in options() {
                if options.unit_norm && reduced == 1 {
                    // The sign of one number: constant, with nothing to compare.
                    continue;
                }
                let layer = O2pLayer::new(options);
                let run = |x: MatRef<'_, f64>, r: Option<MatRef<'_, f64>>| {
                    Ok(layer.forward(x, r, &regions)?.outputs().to_owned())
                };
                let check = GradientCheck {
                    tolerance: 1e-7,
                    ..GradientCheck::default()
                };
                let said = |result: Result<()>| {
                    result.unwrap_or_else(|error| panic!("{n} × {d} {options:?}: {error}"));
                };
                let both = layer
                    .forward(x.as_ref(), Some(r.as_ref()), &regions)
                    .unwrap();
                let of_x = |x: MatRef<'_, f64>| run(x, Some(r.as_ref()));
                let of_r = |r: MatRef<'_, f64>| run(x.as_ref(), Some(r));
                let r_bar = |bar: MatRef<'_, f64>| {
                    Ok(both.vjp(bar)?.reduction.expect("a reduction was given"))
                };
                let still = Mat::zeros(n, d);
                said(check_vjp(
                    of_x,
                    |bar| Ok(both.vjp(bar)?.features),
                    x.as_ref(),
                    &check,
                ));
                said(check_vjp(of_r, r_bar, r.as_ref(), &check));
                said(check_jvp(
                    of_x,
                    |dot| both.jvp(dot, None),
                    x.as_ref(),
                    &check,
                ));
                let along_r = |dot: MatRef<'_, f64>| both.jvp(still.as_ref(), Some(dot));
                said(check_jvp(of_r, along_r, r.as_ref(), &check));

                if options.unit_norm && d == 1 {
                    continue;
                }
                let alone = layer.forward(x.as_ref(), None, &regions).unwrap();
                let of_x = |x: MatRef<'_, f64>| run(x, None);
                said(check_vjp(
                    of_x,
                    |bar| Ok(alone.vjp(bar)?.features),
                    x.as_ref(),
                    &check,
                ));
                said(check_jvp(
                    of_x,
                    |dot| alone.jvp(dot, None),
                    x.as_ref(),
                    &check,
                ));
            }
        }
    }

    #[test]
    fn regions_together_are_regions_one_by_one() {
        let (x, regions) = (gaussian(12, 5, 3), regions(12));
        let layer = O2pLayer::default();
        let together = layer.forward(x.as_ref(), None, &regions).unwrap();
        let bar = gaussian(3, 15, 4);
        let mut x_bar = Mat::zeros(12, 5);
        for (i, region) in regions.iter().enumerate() {
            let alone = layer
                .forward(x.as_ref(), None, std::slice::from_ref(region))
                .unwrap();
            assert_eq!(alone.outputs().row(0), together.outputs().row(i));
            x_bar += alone.vjp(bar.as_ref().subrows(i, 1)).unwrap().features;
        }
        // The order of the sums is the same: to the bit, however many cores there are.
        assert_eq!(together.vjp(bar.as_ref()).unwrap().features, x_bar);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (x, layer) = (gaussian(4, 2, 1), O2pLayer::default());
        let all = [Region::all(4).unwrap()];
        let options = O2pOptions {
            signed_square_root: Some(0.0),
            ..layer.options()
        };
        refused! {
            layer.forward(x.as_ref(), None, &[]) => Error::NoRegions,
            layer.forward(x.as_ref(), None, &[Region::all(3).unwrap()])
                => Error::RegionLength { expected: 4, found: 3 },
            layer.forward(x.as_ref(), Some(x.as_ref()), &all)
                => Error::Rule(Rule::ShapeMismatch { .. }),
            O2pLayer::new(options).forward(x.as_ref(), None, &all)
                => Error::Rule(Rule::NotPositive { .. }),
        }
        let forward = layer.forward(x.as_ref(), None, &all).unwrap();
        assert!(forward.vjp(x.as_ref()).is_err());
        assert!(forward.jvp(Mat::zeros(4, 3).as_ref(), None).is_err());
        assert!(matches!(
            forward.jvp(x.as_ref(), Some(x.as_ref())),
            Err(Error::Rule(Rule::ShapeMismatch { .. }))
        ));
    }
}
