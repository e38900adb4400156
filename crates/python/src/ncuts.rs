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

fn optional(array: Option<&PyReadonlyArray2<'_, f64>>) -> Option<Mat<f64>> {
    array.map(|array| matrix(array.as_array()))
}

type Array<'py> = Bound<'py, PyArray2<f64>>;

fn array<'py>(py: Python<'py>, a: MatRef<'_, f64>) -> Array<'py> {
    Array2::from_shape_fn(a.shape(), |(i, j)| a[(i, j)]).to_pyarray(py)
}

fn optional_array<'py>(py: Python<'py>, a: Option<Mat<f64>>) -> Option<Array<'py>> {
    a.map(|a| array(py, a.as_ref()))
}

/// Those of J̄, of the features, and of Λ where it was given.
type Second<'py> = (f64, Array<'py>, Option<Array<'py>>);

#[pymethods]
impl Ncuts {
    /// Features, n × d, and a label for each row, one list an annotator; ε, or `None` for the hard projector; Λ, d × d, or
    /// `None` for the identity.
    #[new]
    fn new(
        py: Python<'_>,
        features: PyReadonlyArray2<'_, f64>,
        labels: Vec<PyReadonlyArray1<'_, i64>>,
        epsilon: Option<f64>,
        lambda: Option<PyReadonlyArray2<'_, f64>>,
    ) -> PyResult<Self> {
        let indicators: PyResult<Vec<_>> = labels.iter().map(indicator).collect();
        let indicators = indicators?;
        let features = matrix(features.as_array());
        let lambda = optional(lambda.as_ref());
        let criterion = match epsilon {
            Some(epsilon) => Criterion::Regularised { epsilon },
            None => Criterion::HardProjector {
                rank_tolerance: RankTolerance::default(),
            },
        };
        let layer = NcutsLayer::new(criterion);
        let forward = py.detach(|| {
            let lambda = lambda.as_ref().map(Mat::as_ref);
            layer.forward(features.as_ref(), lambda, &indicators)
        });
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

    /// The cotangents of the features, and of Λ where it was given.
    fn vjp<'py>(&self, py: Python<'py>, bar: f64) -> PyResult<(Array<'py>, Option<Array<'py>>)> {
        let cotangents = py
            .detach(|| self.0.vjp(bar))
            .map_err(|error| of_any(&error))?;
        let features = array(py, cotangents.features.as_ref());
        Ok((features, optional_array(py, cotangents.lambda)))
    }

    /// The tangent of J, from those of the features and of Λ; `None` is a zero.
    fn jvp(
        &self,
        py: Python<'_>,
        features: PyReadonlyArray2<'_, f64>,
        lambda: Option<PyReadonlyArray2<'_, f64>>,
    ) -> PyResult<f64> {
        let (features, lambda) = (matrix(features.as_array()), optional(lambda.as_ref()));
        let tangent = py.detach(|| {
            let lambda = lambda.as_ref().map(Mat::as_ref);
            self.0.jvp(features.as_ref(), lambda)
        });
        tangent.map_err(|error| of_any(&error))
    }

    /// The cotangents of J̄, of the features and of Λ; `m` is a cotangent of that of Λ.
    fn vjp_of_vjp<'py>(
        &self,
        py: Python<'py>,
        bar: f64,
        z: PyReadonlyArray2<'py, f64>,
        m: Option<PyReadonlyArray2<'py, f64>>,
    ) -> PyResult<Second<'py>> {
        let (z, m) = (matrix(z.as_array()), optional(m.as_ref()));
        let second = py.detach(|| {
            let m = m.as_ref().map(Mat::as_ref);
            self.0.vjp_of_vjp(bar, z.as_ref(), m)
        });
        let second = second.map_err(|error| of_any(&error))?;
        let features = array(py, second.features.as_ref());
        let lambda = optional_array(py, second.lambda);
        Ok((second.loss_bar_bar, features, lambda))
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
