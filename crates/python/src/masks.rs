//! COCO's masks: polygons and run lengths as arrays, and back.

use crate::exceptions::{MatbackpropError, of_any};
use bench_coco::{Mask, Points, RunLengths, Shape, Size};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;

/// A segmentation as its file has it.
#[derive(FromPyObject)]
enum Segmentation {
    Letters(String),
    Runs(Vec<u32>),
    Polygons(Vec<Vec<f64>>),
}

impl Segmentation {
    /// As a shape on an image of `size`.
    fn shape(self, size: Size) -> PyResult<Shape> {
        Ok(match self {
            Self::Letters(text) => Shape::Compressed {
                size,
                text: text.into(),
            },
            Self::Runs(counts) => Shape::Runs {
                size,
                counts: counts.into(),
            },
            Self::Polygons(polygons) => {
                let ends = polygons.iter().scan(0, |end, polygon| {
                    *end += polygon.len();
                    Some(u32::try_from(*end))
                });
                let ends: Result<_, _> = ends.collect();
                Shape::Polygons {
                    ends: ends.map_err(|error| of_any(&error))?,
                    points: Points::new(&polygons.concat()),
                }
            }
        })
    }
}

/// A bitmap as an array, height × width.
pub fn bits<'py>(py: Python<'py>, mask: Mask) -> PyResult<Bound<'py, PyArray2<bool>>> {
    let shape = [mask.height() as usize, mask.width() as usize];
    PyArray1::from_vec(py, mask.into_bits()).reshape(shape)
}

/// Run lengths of a region.
#[pyclass(frozen)]
struct Runs(RunLengths);

#[pymethods]
impl Runs {
    /// Of letters, of numbers, or of polygons, on an image of so many rows and columns.
    #[new]
    fn new(segmentation: Segmentation, height: u32, width: u32) -> PyResult<Self> {
        let size = Size { width, height };
        let runs = RunLengths::of_shape(&segmentation.shape(size)?, size);
        Ok(Self(runs.map_err(|error| of_any(&error))?))
    }

    /// Of an array, height × width.
    #[staticmethod]
    fn of_bits(array: PyReadonlyArray2<'_, bool>) -> PyResult<Self> {
        let view = array.as_array();
        let side = |length: usize| {
            u32::try_from(length).map_err(|_| {
                let message = format!("mask: expected a side of 32 bits, found {length}");
                MatbackpropError::new_err(message)
            })
        };
        let (width, height) = (side(view.ncols())?, side(view.nrows())?);
        let mask = Mask::new(width, height, view.iter().copied().collect());
        let mask = mask.map_err(|error| of_any(&error))?;
        Ok(Self(RunLengths::of_mask(&mask)))
    }

    /// COCO's letters.
    fn text(&self) -> String {
        self.0.text()
    }

    /// The region as an array, height × width.
    fn bits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<bool>>> {
        bits(py, self.0.mask())
    }

    /// The number of pixels inside.
    fn area(&self) -> u64 {
        self.0.area()
    }

    /// Left, top, width and height.
    fn bbox(&self) -> [f64; 4] {
        self.0.bbox()
    }
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Runs>()
}
