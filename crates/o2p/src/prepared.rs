//! The layer, up to the eigenvalues and from there on.

use crate::error::{Error, Result};
use crate::layer::{O2pForward, O2pLayer, O2pOptions, Pooled, reduced};
use crate::reduction::Reduction;
use crate::region::Region;
use crate::second_moment::SecondMoment;
use crate::spectral_map::{MappedMoment, PreparedMoment};
use faer::MatRef;
use matbackprop_core::{Eigenpairs, batch, batch_owned};

/// Second-order pooling before eigenvalues are known: those of many regions can be found elsewhere, together.
///
/// ```text
/// prepare     Y = X R;  for each region: M = S (Y − 1 μᵀ),  G = MᵀM, or MMᵀ for m < d′
/// elsewhere   for each region with a matrix: G = V diag(λ) Vᵀ
/// finish      for each region: λ, V  →  C = f(MᵀM),  z = vech C,  its root and length
/// ```
///
/// The way back is that of [`O2pForward`].
///
/// # Shapes
/// As [`O2pLayer`]; G and V: r × r, r = min(m, d′) of M without the rows and columns that are zero throughout.
///
/// # Conventions
/// As [`PreparedGram`](matbackprop_core::PreparedGram): λ is nondecreasing; that V is orthogonal, and that λ and V are
/// those of G, is the caller's promise; a region whose eigenvalues turn out too wide for f is decomposed here.
///
/// # Errors
/// Those of [`O2pLayer`], of inputs from `prepare`, of the map and what follows it from `finish`;
/// [`EigenpairsLength`](Error::EigenpairsLength) unless there is an entry a region; [`Error::Rule`] for eigenpairs that
/// are misshapen, not finite or not in order. With several regions, the error of the first that fails.
///
/// # Cost
/// That of [`O2pLayer`], without the eigenpairs that are given. Until `finish`, M and r² numbers a region are stored.
///
/// # Example
/// ```
/// # fn main() -> Result<(), o2p::Error> {
/// use matbackprop_core::{Eigenpairs, GapPolicy, SymEig};
/// use o2p::{O2pLayer, Region};
///
/// let features = faer::mat![[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]];
/// let regions = [Region::all(3)?, Region::from_positions(3, &[0, 1])?];
/// let prepared = O2pLayer::default().prepare(features.as_ref(), None, &regions)?;
/// let mut eigenpairs = Vec::new();
/// for matrix in prepared.matrices() {
///     // In place of a solver elsewhere.
///     let eigen = matrix
///         .map(|g| SymEig::forward(g, GapPolicy::default()))
///         .transpose()?;
///     eigenpairs.push(eigen.map(|eigen| Eigenpairs {
///         values: eigen.values().to_vec(),
///         vectors: eigen.vectors().to_owned(),
///     }));
/// }
/// let finished = prepared.finish(eigenpairs)?;
/// let forward = O2pLayer::default().forward(features.as_ref(), None, &regions)?;
/// assert!((finished.outputs() - forward.outputs()).norm_max() < 1e-13);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct O2pPrepared {
    options: O2pOptions,
    /// The shape of the features.
    shape: (usize, usize),
    /// d′.
    channels: usize,
    reduction: Option<Reduction>,
    regions: Vec<PreparedRegion>,
}

/// The steps of one region up to the eigenvalues.
#[derive(Clone, Debug)]
struct PreparedRegion {
    moment: SecondMoment,
    mapped: PreparedMoment,
}

impl O2pLayer {
    /// All that comes before the eigenvalues of the regions, so that they can be found elsewhere.
    ///
    /// # Errors
    /// See [`O2pPrepared`].
    pub fn prepare(
        &self,
        features: MatRef<'_, f64>,
        reduction: Option<MatRef<'_, f64>>,
        regions: &[Region],
    ) -> Result<O2pPrepared> {
        let options = self.options();
        let (reduction, reduced) = reduced(features, reduction, regions)?;
        let y = reduced
            .as_ref()
            .map_or(features, |reduced| reduced.as_ref());
        Ok(O2pPrepared {
            options,
            shape: features.shape(),
            channels: y.ncols(),
            reduction,
            regions: batch(regions, |region| PreparedRegion::new(y, region, options))?,
        })
    }
}

impl O2pPrepared {
    /// The matrix to decompose of each region, symmetric; `None` where there is none, or where its eigenvectors would
    /// be found for nothing: see [`PreparedGram::matrix`](matbackprop_core::PreparedGram::matrix).
    pub fn matrices(&self) -> Vec<Option<MatRef<'_, f64>>> {
        self.regions
            .iter()
            .map(|region| region.mapped.matrix())
            .collect()
    }

    /// The pooled regions from the eigenpairs of their matrices; a region with `None` is decomposed here, to the bit as
    /// [`O2pLayer::forward`] does.
    ///
    /// # Errors
    /// See [`O2pPrepared`].
    pub fn finish(self, eigenpairs: Vec<Option<Eigenpairs>>) -> Result<O2pForward> {
        if eigenpairs.len() != self.regions.len() {
            return Err(Error::EigenpairsLength {
                expected: self.regions.len(),
                found: eigenpairs.len(),
            });
        }
        let regions: Vec<_> = self.regions.into_iter().zip(eigenpairs).collect();
        let pooled = batch_owned(regions, |(region, eigenpairs)| {
            region.finish(eigenpairs, self.options)
        })?;
        let shapes = (self.shape, self.channels);
        Ok(O2pForward::from_pooled(shapes, self.reduction, pooled))
    }
}

impl PreparedRegion {
    fn new(y: MatRef<'_, f64>, region: &Region, options: O2pOptions) -> Result<Self> {
        let (moment, m) = SecondMoment::forward(y, region, options.centred, options.normalised)?;
        let mapped = MappedMoment::prepare(m, options.map)?;
        Ok(Self { moment, mapped })
    }

    /// The steps, and the output.
    fn finish(
        self,
        eigenpairs: Option<Eigenpairs>,
        options: O2pOptions,
    ) -> Result<(Pooled, Vec<f64>)> {
        let mapped = match eigenpairs {
            Some(eigenpairs) => self.mapped.finish_with(eigenpairs)?,
            None => self.mapped.finish()?,
        };
        Pooled::from_mapped(self.moment, mapped, options)
    }
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;
    use crate::spectral_map::SpectralMap;
    use faer::Mat;
    use matbackprop_core::gradcheck::gaussian;
    use matbackprop_core::{Error as Rule, GapPolicy, Method, SymEig};

    const N: usize = 12;

    /// All positions; fewer than channels; with weights.
    fn regions() -> Vec<Region> {
        let weights: Vec<f64> = (0..N).map(|i| 0.5 * ((i + 1) % 3) as f64).collect();
        vec![
            Region::all(N).unwrap(),
            Region::from_positions(N, &[N - 1, 0]).unwrap(),
            Region::from_weights(&weights).unwrap(),
        ]
    }

    fn layers() -> [O2pLayer; 3] {
        let plain = O2pOptions {
            map: SpectralMap::Log { epsilon: 0.1 },
            ..O2pOptions::default()
        };
        let root = O2pOptions {
            centred: true,
            signed_square_root: Some(0.1),
            unit_norm: true,
            map: SpectralMap::SquareRoot { epsilon: 0.1 },
            ..plain
        };
        let identity = O2pOptions {
            normalised: false,
            map: SpectralMap::Identity,
            ..plain
        };
        [plain, root, identity].map(O2pLayer::new)
    }

    /// By a rule of the core, which the solver elsewhere stands for; none where there is no matrix.
    fn eigenpairs(prepared: &O2pPrepared) -> Vec<Option<Eigenpairs>> {
        let decomposed = |g: MatRef<'_, f64>| {
            let eigen = SymEig::forward(g, GapPolicy::default()).unwrap();
            Eigenpairs {
                values: eigen.values().to_vec(),
                vectors: eigen.vectors().to_owned(),
            }
        };
        let matrices = prepared.matrices();
        matrices.into_iter().map(|g| g.map(decomposed)).collect()
    }

    #[test]
    fn without_eigenpairs_it_is_forward_to_the_bit() {
        let (x, r) = (gaussian(N, 5, 1), gaussian(5, 4, 2));
        for layer in layers() {
            for r in [None, Some(r.as_ref())] {
                let forward = layer.forward(x.as_ref(), r, &regions()).unwrap();
                let prepared = layer.prepare(x.as_ref(), r, &regions()).unwrap();
                let finished = prepared.finish(vec![None; 3]).unwrap();
                assert_eq!(finished.outputs(), forward.outputs());
                assert_eq!(finished.reports(), forward.reports());
                let (found, expected) = (
                    finished.vjp(forward.outputs()).unwrap(),
                    forward.vjp(forward.outputs()).unwrap(),
                );
                assert_eq!(found.features, expected.features);
                assert_eq!(found.reduction, expected.reduction);
            }
        }
    }

    #[test]
    fn eigenpairs_from_elsewhere_give_what_forward_gives() {
        let (x, r) = (gaussian(N, 5, 1), gaussian(5, 4, 2));
        for layer in layers() {
            for r in [None, Some(r.as_ref())] {
                let forward = layer.forward(x.as_ref(), r, &regions()).unwrap();
                let prepared = layer.prepare(x.as_ref(), r, &regions()).unwrap();
                let all = eigenpairs(&prepared);
                assert!(all.iter().all(Option::is_some));
                let mut mixed = all.clone();
                mixed[0] = None;
                let bar = gaussian(3, forward.outputs().ncols(), 3);
                let expected = forward.vjp(bar.as_ref()).unwrap();
                for given in [all, mixed] {
                    let own = given[0].is_none();
                    let finished = prepared.clone().finish(given).unwrap();
                    let row = |of: &O2pForward| of.outputs().row(0).to_owned();
                    assert!(!own || row(&finished) == row(&forward));
                    // Outputs and cotangents of a few units, slopes up to 1 / 0.1.
                    let error = (finished.outputs() - forward.outputs()).norm_max();
                    assert!(error < 1e-12, "{layer:?}: {error:e}");
                    let found = finished.vjp(bar.as_ref()).unwrap();
                    let error = (&found.features - &expected.features).norm_max();
                    assert!(error < 1e-11, "{layer:?}: {error:e}");
                    if let (Some(found), Some(expected)) = (found.reduction, &expected.reduction) {
                        assert!((found - expected).norm_max() < 1e-11, "{layer:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn regions_without_a_matrix_are_decomposed_here() {
        // Positions 0 and 1 hold nothing; the last channel is far below the others everywhere.
        let noise = gaussian(N, 4, 1);
        let x = Mat::from_fn(N, 4, |i, j| match (i, j) {
            (0 | 1, _) => 0.0,
            (_, 3) => 1e-6 * noise[(i, j)],
            _ => noise[(i, j)],
        });
        let nothing = Region::from_positions(N, &[0, 1]).unwrap();
        let few = Region::from_positions(N, &[2, 3]).unwrap();
        let layer = O2pLayer::new(O2pOptions {
            map: SpectralMap::Log { epsilon: 1e-9 },
            ..O2pOptions::default()
        });
        let regions = [nothing, few, Region::all(N).unwrap()];
        let prepared = layer.prepare(x.as_ref(), None, &regions).unwrap();
        let given = eigenpairs(&prepared);
        let there: Vec<bool> = given.iter().map(Option::is_some).collect();
        assert_eq!(there, [false, true, false]);
        let finished = prepared.finish(given).unwrap();
        let methods: Vec<Method> = finished
            .reports()
            .iter()
            .map(|report| report.method)
            .collect();
        assert_eq!(methods[..2], [Method::Svd, Method::Gram]);
        assert_ne!(methods[2], Method::Gram);
        let forward = layer.forward(x.as_ref(), None, &regions).unwrap();
        assert!((finished.outputs() - forward.outputs()).norm_max() < 1e-12);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (x, layer) = (gaussian(N, 5, 1), O2pLayer::default());
        let prepared = layer.prepare(x.as_ref(), None, &regions()).unwrap();
        refused! {
            layer.prepare(x.as_ref(), None, &[]) => Error::NoRegions,
            layer.prepare(x.as_ref(), None, &[Region::all(3).unwrap()])
                => Error::RegionLength { expected: N, found: 3 },
            prepared.clone().finish(vec![None; 2])
                => Error::EigenpairsLength { expected: 3, found: 2 },
        }
        let mut given = vec![None; 3];
        given[1] = Some(Eigenpairs {
            values: vec![1.0; 3],
            vectors: Mat::identity(3, 3),
        });
        let options = O2pOptions {
            signed_square_root: Some(0.0),
            ..layer.options()
        };
        assert_eq!(
            prepared.finish(given).unwrap_err(),
            Error::Rule(Rule::ShapeMismatch {
                op: "function of a Gram matrix",
                expected: (2, 1),
                found: (3, 1)
            })
        );
        let prepared = O2pLayer::new(options).prepare(x.as_ref(), None, &regions());
        assert!(matches!(
            prepared.unwrap().finish(vec![None; 3]),
            Err(Error::Rule(Rule::NotPositive { .. }))
        ));
    }
}
