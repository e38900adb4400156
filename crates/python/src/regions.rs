//! Free-form regions of COCO: what `train o2p` and `eval coco` classify.

use crate::exceptions::of_any;
use crate::masks::bits;
use bench_coco::{
    ClassificationReport, CocoInstances, Id, Prediction, RegionRule, RegionSet, View,
};
use numpy::{PyArray1, PyArray2, PyArray3, PyArrayMethods};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use std::path::PathBuf;

/// A call of the crate, whose error becomes an exception.
fn checked<T>(result: bench_coco::Result<T>) -> PyResult<T> {
    result.map_err(|error| of_any(&error))
}

/// An id as a number or a text, as its file has it.
#[derive(IntoPyObject)]
enum Name {
    Number(u64),
    Text(String),
}

impl From<&Id> for Name {
    fn from(id: &Id) -> Self {
        match id {
            Id::Number(number) => Self::Number(*number),
            Id::Text(text) => Self::Text(text.to_string()),
        }
    }
}

/// Annotation, image, class, box.
type Record = (Name, Name, usize, [f64; 4]);

/// A picture, height × width × 3, and the region on it, height × width.
type Crop<'py> = (Bound<'py, PyArray3<u8>>, Bound<'py, PyArray2<bool>>);

/// The regions of a file of annotations.
#[pyclass(frozen)]
struct FreeFormRegions(RegionSet);

#[pymethods]
impl FreeFormRegions {
    #[new]
    fn new(
        py: Python<'_>,
        annotations: PathBuf,
        images: PathBuf,
        smallest_side: u32,
        context: f64,
        max_unreadable: f64,
    ) -> PyResult<Self> {
        let rule = RegionRule {
            smallest_side,
            context,
            max_unreadable,
            ..RegionRule::default()
        };
        let set = py.detach(|| {
            let instances = CocoInstances::read_beside(annotations, &images)?;
            RegionSet::new(instances, images, rule)
        });
        Ok(Self(checked(set)?))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// Names of the classes, in the order of their ids.
    fn classes(&self) -> Vec<&str> {
        self.0.class_names()
    }

    /// How many annotations are no regions, by reason, as JSON.
    fn left_out(&self) -> PyResult<String> {
        serde_json::to_string(&self.0.left_out()).map_err(|error| of_any(&error))
    }

    /// Ids of a region's annotation and image, its class and its box.
    fn record(&self, index: usize) -> PyResult<Record> {
        let region = self.region(index)?;
        let image = &self.0.image(index).id;
        Ok((
            Name::from(&region.id),
            Name::from(image),
            region.category,
            region.bbox,
        ))
    }

    /// The photograph of a region.
    fn photograph<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyArray3<u8>>> {
        self.region(index)?;
        let photograph = checked(py.detach(|| self.0.photograph(index)))?;
        pixels(py, image::RgbImage::clone(&photograph))
    }

    /// A region on its photograph.
    fn mask<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, PyArray2<bool>>> {
        self.region(index)?;
        bits(py, checked(py.detach(|| self.0.mask(index)))?)
    }

    /// A region and its context in a square; `seed` for a view a little beside it, as training has them.
    fn crop<'py>(
        &self,
        py: Python<'py>,
        index: usize,
        side: u32,
        seed: Option<u64>,
    ) -> PyResult<Crop<'py>> {
        self.region(index)?;
        let view = seed.map_or(View::plain(), View::jittered);
        let crop = checked(py.detach(|| self.0.crop(index, &view, side)))?;
        let side = side as usize;
        let mask = PyArray1::from_vec(py, crop.mask).reshape([side, side])?;
        Ok((pixels(py, crop.image)?, mask))
    }

    /// How well regions, each with its classes from the likeliest on, are classified, as JSON.
    fn report(
        &self,
        py: Python<'_>,
        answers: Vec<(usize, Vec<usize>)>,
        seed: u64,
    ) -> PyResult<String> {
        let predictions = answers.into_iter().map(|(index, ranked)| {
            let region = self.region(index)?;
            Ok(Prediction {
                region: region.id.clone(),
                image: self.0.image(index).id.clone(),
                truth: region.category,
                ranked,
            })
        });
        let predictions: Vec<_> = predictions.collect::<PyResult<_>>()?;
        let names = self.0.class_names();
        let report = py.detach(|| ClassificationReport::new(&names, &predictions, seed));
        serde_json::to_string(&checked(report)?).map_err(|error| of_any(&error))
    }
}

impl FreeFormRegions {
    fn region(&self, index: usize) -> PyResult<&bench_coco::Region> {
        let found = self.0.len();
        self.0.regions().get(index).ok_or_else(|| {
            PyIndexError::new_err(format!(
                "region: expected a place below {found}, found {index}"
            ))
        })
    }
}

fn pixels<'py>(py: Python<'py>, image: image::RgbImage) -> PyResult<Bound<'py, PyArray3<u8>>> {
    let (width, height) = image.dimensions();
    PyArray1::from_vec(py, image.into_raw()).reshape([height as usize, width as usize, 3])
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<FreeFormRegions>()
}
