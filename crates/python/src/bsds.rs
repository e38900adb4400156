//! BSDS500: its annotations as arrays, and the official measures of arrays and folders.

use crate::exceptions::{MatbackpropError, of_any};
use bench_bsds::{
    BoundaryCounts, BoundaryEvaluation, BoundaryFolder, BoundaryMap, BoundaryPool, BsdsDataset,
    Evaluation, ImageCounts, ImageMeasures, Level, Pool, SegmentationFolder, SoftBoundaryMap,
    SoftReading, Split, Thresholds,
};
use numpy::ndarray::Array2;
use numpy::{PyArray2, PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;
use segmentation::LabelMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A call of the crate, whose error becomes an exception.
fn checked<T>(result: bench_bsds::Result<T>) -> PyResult<T> {
    result.map_err(|error| of_any(&error))
}

/// The measures of an image, on so many threads, 0 for one a core; an interrupt ends the call before them.
fn measured<T: Send>(
    py: Python<'_>,
    workers: usize,
    work: impl FnOnce() -> bench_bsds::Result<T> + Send,
) -> PyResult<T> {
    py.check_signals()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers);
    let pool = pool.build().map_err(|error| of_any(&error))?;
    checked(py.detach(|| pool.install(work)))
}

/// Measures image after image, and calls `progress(done, total, id)` after each.
fn after_each(
    py: Python<'_>,
    ids: &[String],
    progress: Option<&Py<PyAny>>,
    mut measure: impl FnMut(usize) -> PyResult<()>,
) -> PyResult<()> {
    for (index, id) in ids.iter().enumerate() {
        measure(index)?;
        if let Some(progress) = progress {
            progress.call1(py, (index + 1, ids.len(), id))?;
        }
    }
    Ok(())
}

/// What was measured so far; a call that was interrupted leaves it whole.
fn locked<T>(evaluation: &Mutex<T>) -> MutexGuard<'_, T> {
    evaluation.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Thresholds: a number of official ones, or a list.
#[derive(FromPyObject)]
enum Asked {
    Count(usize),
    Values(Vec<f64>),
}

fn thresholds(asked: Asked) -> PyResult<Thresholds> {
    checked(match asked {
        Asked::Count(count) => Thresholds::official(count),
        Asked::Values(values) => Thresholds::new(values),
    })
}

/// How the numbers of soft maps are read.
fn reading(scale: Option<f64>, invert: bool, nms: bool) -> SoftReading {
    SoftReading {
        scale,
        inverted: invert,
        suppressed: nms,
    }
}

/// A soft map out of an array, its strengths from 0 to 1.
fn soft_map(array: &PyReadonlyArray2<'_, f64>, reading: &SoftReading) -> PyResult<SoftBoundaryMap> {
    let view = array.as_array();
    let scale = reading.scale.unwrap_or(1.0);
    let strength = |x: &f64| match reading.inverted {
        true => 1.0 - x / scale,
        false => x / scale,
    };
    let strengths = view.iter().map(strength).collect();
    let map = checked(SoftBoundaryMap::new(view.ncols(), view.nrows(), strengths))?;
    Ok(if reading.suppressed {
        map.suppressed()
    } else {
        map
    })
}

fn boundary_map(array: &PyReadonlyArray2<'_, bool>) -> PyResult<BoundaryMap> {
    let view = array.as_array();
    let pixels = view.iter().copied().collect();
    checked(BoundaryMap::new(view.ncols(), view.nrows(), pixels))
}

pub fn label_map(array: &PyReadonlyArray2<'_, i64>) -> PyResult<LabelMap> {
    let view = array.as_array();
    let id = |x: &i64| {
        u32::try_from(*x).map_err(|_| {
            let message = format!("label map: expected ids from 0 to {}, found {x}", u32::MAX);
            MatbackpropError::new_err(message)
        })
    };
    let ids: PyResult<Vec<u32>> = view.iter().map(id).collect();
    LabelMap::new(view.ncols(), view.nrows(), ids?).map_err(|error| of_any(&error))
}

/// Pixels drawn that are matched, drawn, found that are matched, found.
type Counts = (u64, u64, u64, u64);

fn counted(counts: BoundaryCounts) -> Counts {
    let BoundaryCounts {
        drawn_matched,
        drawn,
        found_matched,
        found,
    } = counts;
    (drawn_matched, drawn, found_matched, found)
}

/// One soft map at every threshold, against the boundaries that people drew.
#[pyfunction]
fn match_boundaries(
    py: Python<'_>,
    soft: PyReadonlyArray2<'_, f64>,
    drawn: Vec<PyReadonlyArray2<'_, bool>>,
    asked: Asked,
    nms: bool,
) -> PyResult<(Vec<f64>, Vec<Counts>)> {
    let thresholds = thresholds(asked)?;
    let soft = soft_map(&soft, &reading(None, false, nms))?;
    let drawn: PyResult<Vec<_>> = drawn.iter().map(boundary_map).collect();
    let drawn = drawn?;
    let counts = py.detach(|| {
        let pool = BoundaryPool::from_soft(&soft, &thresholds);
        let levels = 0..thresholds.values().len();
        levels
            .map(|level| BoundaryCounts::new(pool.map(level), &drawn))
            .collect::<bench_bsds::Result<Vec<_>>>()
    });
    let counts = checked(counts)?.into_iter().map(counted).collect();
    Ok((thresholds.values().to_vec(), counts))
}

/// A split of BSDS500 in a folder.
#[pyclass(frozen)]
struct Dataset(BsdsDataset);

#[pymethods]
impl Dataset {
    #[new]
    fn new(root: PathBuf, split: &str) -> PyResult<Self> {
        let split = match split {
            "train" => Split::Train,
            "val" => Split::Val,
            "test" => Split::Test,
            other => {
                let message = format!("split: expected train, val or test, found {other:?}");
                return Err(MatbackpropError::new_err(message));
            }
        };
        Ok(Self(checked(BsdsDataset::open(root, split))?))
    }

    /// Photographs and truths in two folders of one's own.
    #[staticmethod]
    fn of_folders(images: PathBuf, truths: PathBuf) -> PyResult<Self> {
        Ok(Self(checked(BsdsDataset::open_folders(images, truths))?))
    }

    /// The ids of all images, in order.
    fn ids(&self) -> Vec<String> {
        self.0.ids().to_vec()
    }

    /// The file of a photograph.
    fn image_path(&self, index: usize) -> PyResult<PathBuf> {
        self.has(index)?;
        Ok(self.0.image_path(index))
    }

    /// Label maps of an image, one an annotator.
    fn segmentations<'py>(
        &self,
        py: Python<'py>,
        index: usize,
    ) -> PyResult<Vec<Bound<'py, PyArray2<u32>>>> {
        self.has(index)?;
        let maps = checked(py.detach(|| self.0.annotations(index)))?;
        let array = |map: &LabelMap| {
            let ids = map.ids();
            Array2::from_shape_fn((map.height(), map.width()), |(y, x)| {
                ids[y * map.width() + x]
            })
            .to_pyarray(py)
        };
        Ok(maps.iter().map(array).collect())
    }

    /// Boundaries of an image, one map an annotator.
    fn boundaries<'py>(
        &self,
        py: Python<'py>,
        index: usize,
    ) -> PyResult<Vec<Bound<'py, PyArray2<bool>>>> {
        self.has(index)?;
        let (maps, _) = checked(py.detach(|| self.0.drawn_boundaries(index)))?;
        let array = |map: &BoundaryMap| {
            let (size, pixels) = (map.size(), map.pixels());
            Array2::from_shape_fn((size.height, size.width), |(y, x)| {
                pixels[y * size.width + x]
            })
            .to_pyarray(py)
        };
        Ok(maps.iter().map(array).collect())
    }
}

impl Dataset {
    fn has(&self, index: usize) -> PyResult<()> {
        let found = self.0.len();
        if index < found {
            return Ok(());
        }
        let message = format!("image: expected a place below {found}, found {index}");
        Err(pyo3::exceptions::PyIndexError::new_err(message))
    }
}

/// Boundaries of a dataset, image by image.
#[pyclass(frozen)]
struct Boundaries {
    evaluation: Mutex<BoundaryEvaluation>,
    thresholds: Thresholds,
    reading: SoftReading,
    workers: usize,
}

#[pymethods]
impl Boundaries {
    #[new]
    fn new(
        asked: Asked,
        scale: Option<f64>,
        invert: bool,
        nms: bool,
        workers: usize,
    ) -> PyResult<Self> {
        Ok(Self {
            evaluation: Mutex::default(),
            thresholds: thresholds(asked)?,
            reading: reading(scale, invert, nms),
            workers,
        })
    }

    /// Measures an image by an array.
    fn add(
        &self,
        py: Python<'_>,
        dataset: &Dataset,
        index: usize,
        soft: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<()> {
        dataset.has(index)?;
        let soft = soft_map(&soft, &self.reading)?;
        let found = || Ok(BoundaryPool::from_soft(&soft, &self.thresholds));
        self.measure(py, dataset, index, found)
    }

    /// Measures every image by its map in a folder, and calls `progress(done, total, id)` after each.
    fn add_folder(
        &self,
        py: Python<'_>,
        dataset: &Dataset,
        folder: PathBuf,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let ids = dataset.0.ids();
        let maps = checked(BoundaryFolder::open(folder, ids, self.thresholds.clone()))?;
        let maps = maps.with_reading(self.reading);
        after_each(py, ids, progress.as_ref(), |index| {
            self.measure(py, dataset, index, || maps.boundaries(index))
        })
    }

    /// The report, as JSON.
    fn report(&self) -> PyResult<String> {
        let report = checked(locked(&self.evaluation).report())?;
        serde_json::to_string(&report).map_err(|error| of_any(&error))
    }
}

impl Boundaries {
    fn measure(
        &self,
        py: Python<'_>,
        dataset: &Dataset,
        index: usize,
        found: impl FnOnce() -> bench_bsds::Result<BoundaryPool> + Send,
    ) -> PyResult<()> {
        let counts = measured(py, self.workers, || {
            let (drawn, _) = dataset.0.drawn_boundaries(index)?;
            ImageCounts::new(&dataset.0.ids()[index], &drawn, &found()?)
        });
        checked(locked(&self.evaluation).add(counts?))
    }
}

/// Regions of a dataset, image by image.
#[pyclass(frozen)]
struct Regions {
    evaluation: Mutex<Evaluation>,
    thresholds: Thresholds,
    workers: usize,
}

#[pymethods]
impl Regions {
    #[new]
    fn new(asked: Asked, workers: usize) -> PyResult<Self> {
        Ok(Self {
            evaluation: Mutex::default(),
            thresholds: thresholds(asked)?,
            workers,
        })
    }

    /// Measures an image by label maps, each with its number of segments or another number that names its level.
    fn add(
        &self,
        py: Python<'_>,
        dataset: &Dataset,
        index: usize,
        levels: Vec<(u32, PyReadonlyArray2<'_, i64>)>,
    ) -> PyResult<()> {
        dataset.has(index)?;
        let maps: PyResult<Vec<_>> = levels
            .iter()
            .map(|(level, map)| Ok((Level::Clusters(*level), label_map(map)?)))
            .collect();
        let pool = Pool::from(maps?);
        self.measure(py, dataset, index, || Ok(pool))
    }

    /// Measures every image by its segmentations in a folder, and calls `progress(done, total, id)` after each.
    fn add_folder(
        &self,
        py: Python<'_>,
        dataset: &Dataset,
        folder: PathBuf,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let ids = dataset.0.ids();
        let segmentations = checked(SegmentationFolder::open(
            folder,
            ids,
            self.thresholds.clone(),
        ))?;
        after_each(py, ids, progress.as_ref(), |index| {
            self.measure(py, dataset, index, || segmentations.pool(index))
        })
    }

    /// The report, as JSON.
    fn report(&self) -> PyResult<String> {
        let report = checked(locked(&self.evaluation).report())?;
        serde_json::to_string(&report).map_err(|error| of_any(&error))
    }
}

impl Regions {
    fn measure(
        &self,
        py: Python<'_>,
        dataset: &Dataset,
        index: usize,
        pool: impl FnOnce() -> bench_bsds::Result<Pool> + Send,
    ) -> PyResult<()> {
        let measures = measured(py, self.workers, || {
            let annotations = dataset.0.annotations(index)?;
            ImageMeasures::new(&dataset.0.ids()[index], &annotations, &pool()?)
        });
        checked(locked(&self.evaluation).add(measures?))
    }
}

pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(match_boundaries, module)?)?;
    module.add_class::<Dataset>()?;
    module.add_class::<Boundaries>()?;
    module.add_class::<Regions>()
}
