//! A photograph's segments, by the network inside the package.

use crate::bsds::label_map;
use crate::exceptions::{MatbackpropError, of_any};
use matbackprop::models::{DeepNcuts, TreeSettings};
use matbackprop::segmentation::{LabelMap, SegmentationTree};
use numpy::ndarray::Array2;
use numpy::{
    PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3, ToPyArray,
};
use pictures::{at_full_size, at_working_size, paint_outlines};
use pyo3::prelude::*;
use std::sync::OnceLock;

/// All segmentations of a photograph.
#[pyclass(frozen)]
struct Tree {
    tree: SegmentationTree,
    soft_rank: f64,
    /// Width and height of the photograph.
    size: (u32, u32),
}

/// The network inside the package, read once.
fn network() -> PyResult<&'static DeepNcuts> {
    static NETWORK: OnceLock<DeepNcuts> = OnceLock::new();
    if let Some(network) = NETWORK.get() {
        return Ok(network);
    }
    let network = matbackprop::default_network().map_err(|error| of_any(&error))?;
    Ok(NETWORK.get_or_init(|| network))
}

fn image(array: &PyReadonlyArray3<'_, u8>) -> PyResult<image::RgbImage> {
    let view = array.as_array();
    let (height, width, channels) = view.dim();
    let refused = || {
        let message = format!(
            "image: expected height × width × 3 numbers of 8 bits, found {height} × {width} × {channels}"
        );
        MatbackpropError::new_err(message)
    };
    if channels != 3 || height == 0 || width == 0 {
        return Err(refused());
    }
    let pixels = view.iter().copied().collect();
    let sizes = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    let image = sizes.and_then(|(width, height)| image::RgbImage::from_raw(width, height, pixels));
    image.ok_or_else(refused)
}

#[pymethods]
impl Tree {
    /// The tree of a photograph, whose longer side is at most `max_side` meanwhile.
    #[new]
    fn new(
        py: Python<'_>,
        photograph: PyReadonlyArray3<'_, u8>,
        superpixels: usize,
        max_side: u32,
    ) -> PyResult<Self> {
        let photograph = image(&photograph)?;
        let size = photograph.dimensions();
        let network = network()?;
        let contours = py.detach(|| {
            let small = at_working_size(&photograph, max_side).unwrap_or(photograph);
            let settings = TreeSettings {
                superpixels,
                ..TreeSettings::default()
            };
            network.contours(&small, &settings)
        });
        let contours = contours.map_err(|error| of_any(&error))?;
        Ok(Self {
            tree: contours.tree,
            soft_rank: contours.soft_rank,
            size,
        })
    }

    /// How many segments the network is sure of.
    fn soft_rank(&self) -> f64 {
        self.soft_rank
    }

    /// The most segments there are.
    fn most_segments(&self) -> usize {
        self.tree.most_segments()
    }

    /// Heights at which segments join, increasing.
    fn heights(&self) -> Vec<f64> {
        self.tree.heights().collect()
    }

    /// Labels from 0 of so many segments.
    fn cut_into<'py>(
        &self,
        py: Python<'py>,
        segments: usize,
    ) -> PyResult<Bound<'py, PyArray2<u32>>> {
        self.labels(py, &self.tree.cut_into(segments).0)
    }

    /// Labels from 0 of the segments at a height.
    fn cut<'py>(&self, py: Python<'py>, height: f64) -> PyResult<Bound<'py, PyArray2<u32>>> {
        self.labels(py, &self.tree.cut(height).0)
    }
}

impl Tree {
    fn labels<'py>(
        &self,
        py: Python<'py>,
        labels: &LabelMap,
    ) -> PyResult<Bound<'py, PyArray2<u32>>> {
        let labels = at_full_size(labels, self.size).map_err(|error| of_any(&error))?;
        let (height, width) = (labels.height(), labels.width());
        let ids = labels.ids();
        Ok(Array2::from_shape_fn((height, width), |(y, x)| ids[y * width + x]).to_pyarray(py))
    }
}

/// A photograph with the outlines of its segments.
#[pyfunction]
#[pyo3(name = "paint_outlines")]
fn painted<'py>(
    py: Python<'py>,
    photograph: PyReadonlyArray3<'py, u8>,
    labels: PyReadonlyArray2<'py, i64>,
) -> PyResult<Bound<'py, PyArray3<u8>>> {
    let photograph = image(&photograph)?;
    let labels = label_map(&labels)?;
    let painted = paint_outlines(&photograph, &labels).map_err(|error| of_any(&error))?;
    let (width, height) = painted.dimensions();
    let numbers = PyArray1::from_vec(py, painted.into_raw());
    numbers.reshape([height as usize, width as usize, 3])
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(painted, module)?)?;
    module.add_class::<Tree>()
}
