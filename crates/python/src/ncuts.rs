//! The loss of normalised cuts.

use crate::exceptions::{MatbackpropError, of_any};
use ::ncuts::{Criterion, Indicator, NcutsForward, NcutsLayer};
use matbackprop_core::RankTolerance;
use matbackprop_core::faer::{Mat, MatRef};
use numpy::ndarray::{Array2, ArrayView2};
use numpy::{PyArray2, PyReadonlyArray1, PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;

/// The loss of one picture, and what its way back needs.
#[pyclass(frozen)]
struct Ncuts(NcutsForward);

fn matrix(view: ArrayView2<'_, f64>) -> Mat<f64> {
    Mat::from_fn(view.nrows(), view.ncols(), |i, j| view[(i, j)])
}

fn array<'py>(py: Python<'py>, a: MatRef<'_, f64>) -> Bound<'py, PyArray2<f64>> {
    Array2::from_shape_fn(a.shape(), |(i, j)| a[(i, j)]).to_pyarray(py)
}

#[pymethods]
impl Ncuts {
    /// Features, n × d, and a label for each row, one list an annotator; ε, or `None` for the hard projector.
    #[new]
    fn new(
        py: Python<'_>,
        features: PyReadonlyArray2<'_, f64>,
        labels: Vec<PyReadonlyArray1<'_, i64>>,
        epsilon: Option<f64>,
    ) -> PyResult<Self> {
        let indicators: PyResult<Vec<_>> = labels.iter().map(indicator).collect();
        let indicators = indicators?;
        let features = matrix(features.as_array());
        let criterion = match epsilon {
            Some(epsilon) => Criterion::Regularised { epsilon },
            None => Criterion::HardProjector {
                rank_tolerance: RankTolerance::default(),
            },
        };
        let layer = NcutsLayer::new(criterion);
        let forward = py.detach(|| layer.forward(features.as_ref(), None, &indicators));
        Ok(Self(forward.map_err(|error| of_any(&error))?))
    }

    /// J.
    fn loss(&self) -> f64 {
        self.0.loss()
    }

    /// The rank of the affinity.
    fn rank(&self) -> usize {
        self.0.similarity_rank()
    }

    /// The cotangent of the features.
    fn vjp<'py>(&self, py: Python<'py>, bar: f64) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let cotangents = py
            .detach(|| self.0.vjp(bar))
            .map_err(|error| of_any(&error))?;
        Ok(array(py, cotangents.features.as_ref()))
    }

    /// The tangent of J.
    fn jvp(&self, py: Python<'_>, dot: PyReadonlyArray2<'_, f64>) -> PyResult<f64> {
        let dot = matrix(dot.as_array());
        let tangent = py.detach(|| self.0.jvp(dot.as_ref(), None));
        tangent.map_err(|error| of_any(&error))
    }

    /// The cotangents of J̄ and of the features.
    fn vjp_of_vjp<'py>(
        &self,
        py: Python<'py>,
        bar: f64,
        z: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<(f64, Bound<'py, PyArray2<f64>>)> {
        let z = matrix(z.as_array());
        let second = py.detach(|| self.0.vjp_of_vjp(bar, z.as_ref(), None));
        let second = second.map_err(|error| of_any(&error))?;
        Ok((second.loss_bar_bar, array(py, second.features.as_ref())))
    }
}

/// The segments of an annotator: any ids, each a segment.
fn indicator(labels: &PyReadonlyArray1<'_, i64>) -> PyResult<Indicator> {
    let view = labels.as_array();
    let mut ids: Vec<i64> = view.iter().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let place = |id: &i64| ids.binary_search(id).unwrap_or_default() as u32;
    let assignment = view.iter().map(place).collect();
    if ids.is_empty() {
        return Err(MatbackpropError::new_err(
            "labels: expected one or more, found none",
        ));
    }
    Indicator::from_assignment(assignment, ids.len()).map_err(|error| of_any(&error))
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Ncuts>()
}
