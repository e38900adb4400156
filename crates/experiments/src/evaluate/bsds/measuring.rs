//! The images of a dataset, measured: several at a time where that is faster, taken in their order.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use bench_bsds::{
    BoundaryEvaluation, BoundaryFolder, BoundaryMap, BoundaryPool, BoundaryReport, BsdsDataset,
    Evaluation, ImageCounts, ImageMeasures, LabelLook, Pool, Report, SegmentationFolder, Size,
    ZeroLook,
};
use models::SegmentSeconds;
use segmentation::LabelMap;
use training::Ranks;

use super::in_order::in_order;
use super::looks::{AllLooks, Looks};
use super::measure_cache::{MeasureCache, Measured};
use super::report::LeftOut;
use super::source::Source;
use super::timing::Timing;
use crate::counted::counted;
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;
use crate::sharding::{gather, shard};

/// The measures of all images: a few numbers for each image and level.
#[derive(Default)]
pub struct Evaluations {
    /// `None` for soft boundary maps.
    pub regions: Option<Evaluation>,
    /// `None` where boundaries were not asked for.
    pub boundaries: Option<BoundaryEvaluation>,
}

impl Evaluations {
    fn add(&mut self, measured: Measured) -> Result<()> {
        let has = (measured.regions.is_some(), measured.boundaries.is_some());
        let asked = (self.regions.is_some(), self.boundaries.is_some());
        if has != asked {
            return Err(Error::unexpected(format!(
                "expected measures of regions and of boundaries {asked:?}, found {has:?}"
            )));
        }
        if let (Some(all), Some(one)) = (&mut self.regions, measured.regions) {
            all.add(one)?;
        }
        if let (Some(all), Some(one)) = (&mut self.boundaries, measured.boundaries) {
            all.add(one)?;
        }
        Ok(())
    }

    /// The measures of regions of all images so far.
    pub fn region_report(&self) -> Result<Option<Report>> {
        let regions = self.regions.as_ref();
        Ok(regions.map(Evaluation::report).transpose()?)
    }

    /// The measures of boundaries of all images so far.
    pub fn boundary_report(&self) -> Result<Option<BoundaryReport>> {
        let boundaries = self.boundaries.as_ref();
        Ok(boundaries.map(BoundaryEvaluation::report).transpose()?)
    }
}

/// All images that were measured, and those that were not.
#[derive(Default)]
pub struct MeasuredImages {
    pub evaluations: Evaluations,
    pub timing: Timing,
    pub looks: AllLooks,
    pub left_out: Vec<LeftOut>,
}

/// The measures of an image, or why its files cannot be read.
type Outcome = std::result::Result<Measured, String>;

/// The source to be measured, and the cache of measures.
pub struct Measurement<'a> {
    pub dataset: &'a BsdsDataset,
    pub source: &'a Source,
    pub boundaries: bool,
    pub cache: Option<&'a MeasureCache>,
    /// How many images may be left out because their files cannot be read.
    pub most_left_out: usize,
}

impl Measurement<'_> {
    /// Measures the first `count` images, each rank its part of them; the first rank has them all in the end. No map
    /// outlives its image.
    pub fn of_images(
        &self,
        count: usize,
        ranks: &Ranks,
        observer: &mut dyn Observer,
    ) -> Result<Option<MeasuredImages>> {
        if ranks.is_alone() {
            return self.of_all_images(count, observer).map(Some);
        }
        let mine = shard(ranks, count);
        observer.begin("image", mine.len() as u64);
        let mut found = Vec::with_capacity(mine.len());
        let measure = |place| self.of_image(mine[place]);
        let measured = in_order(mine.len(), self.at_a_time(), measure, |place, one| {
            let (outcome, seconds) = one;
            found.push((mine[place], outcome, seconds.map(in_numbers)));
            self.report_damage(observer);
            observer.advance(found.len() as u64, &|| {
                self.dataset.ids()[mine[place]].clone()
            });
            Ok(())
        });
        observer.end();
        ranks.sync_result(measured)?;
        let Some(found) = gather(ranks, found)? else {
            return Ok(None);
        };
        let mut all = self.none_yet();
        for (index, outcome, seconds) in found {
            self.add(&mut all, index, outcome)?;
            if let Some([trunk, layer, clustering]) = seconds {
                all.timing.add(SegmentSeconds {
                    trunk,
                    layer,
                    clustering,
                });
            }
        }
        Ok(Some(all))
    }

    fn of_all_images(&self, count: usize, observer: &mut dyn Observer) -> Result<MeasuredImages> {
        let mut all = self.none_yet();
        observer.begin("image", count as u64);
        let measure = |index| self.of_image(index);
        let measured = in_order(count, self.at_a_time(), measure, |index, found| {
            let (outcome, seconds) = found;
            self.add(&mut all, index, outcome)?;
            self.report_damage(observer);
            if let Some(seconds) = seconds {
                all.timing.add(seconds);
            }
            observer.advance(index as u64 + 1, &|| self.dataset.ids()[index].clone());
            Ok(())
        });
        observer.end();
        measured?;
        Ok(all)
    }

    fn report_damage(&self, observer: &mut dyn Observer) {
        self.cache
            .iter()
            .for_each(|cache| cache.report_damage(observer));
    }

    fn none_yet(&self) -> MeasuredImages {
        let regions = !matches!(self.source, Source::Soft(_));
        MeasuredImages {
            evaluations: Evaluations {
                regions: regions.then(Evaluation::default),
                boundaries: self.boundaries.then(BoundaryEvaluation::default),
            },
            ..MeasuredImages::default()
        }
    }

    fn add(&self, all: &mut MeasuredImages, index: usize, outcome: Outcome) -> Result<()> {
        let id = &self.dataset.ids()[index];
        match outcome {
            Ok(measured) => {
                all.looks.add(&measured.looks);
                if let Some(regions) = &measured.regions {
                    all.looks.add_levels(id, regions.level_names());
                }
                let added = all.evaluations.add(measured);
                added.with_context(|| format!("image {id}"))
            }
            Err(why) => {
                all.left_out.push(LeftOut {
                    id: id.clone(),
                    why: why.clone(),
                });
                let (most, found) = (self.most_left_out, all.left_out.len());
                if found <= most && found < self.dataset.len() {
                    return Ok(());
                }
                Err(Error::unexpected(format!(
                    "{why}; at most {} with such files may be left out, found {found} (--max-unreadable)",
                    counted(most, "image")
                )))
            }
        }
    }

    /// A network's layers share the cores already, and its seconds are measured; reading and thinning files are serial.
    fn at_a_time(&self) -> usize {
        match self.source {
            Source::Network(_) | Source::Contours(_) => 1,
            Source::Folder(_) | Source::Soft(_) => {
                thread::available_parallelism().map_or(1, NonZeroUsize::get)
            }
        }
    }

    /// Measures image `index`, or says why its files cannot be read, where it may be left out.
    fn of_image(&self, index: usize) -> Result<(Outcome, Option<SegmentSeconds>)> {
        match self.cached(index) {
            Ok((measured, seconds)) => Ok((Ok(measured), seconds)),
            Err(Error::Bsds(error)) if self.most_left_out > 0 && is_of_a_file(&error) => {
                Ok((Err(error.to_string()), None))
            }
            Err(error) => Err(error),
        }
    }

    /// Measures image `index`, unless its measures are in the cache; the seconds of a network that ran.
    fn cached(&self, index: usize) -> Result<(Measured, Option<SegmentSeconds>)> {
        let id = &self.dataset.ids()[index];
        let Some(cache) = self.cache else {
            return self.measured(index);
        };
        let fingerprint = cache.fingerprint(&self.files(index))?;
        if let Some(measured) = cache.get(id, &fingerprint)? {
            return Ok((measured, None));
        }
        let (measured, seconds) = self.measured(index)?;
        cache.put(id, &fingerprint, &measured)?;
        Ok((measured, seconds))
    }

    /// Every file that the measures of image `index` are made of, but a network's own.
    fn files(&self, index: usize) -> Vec<PathBuf> {
        let mut files = vec![self.dataset.image_path(index)];
        files.extend(self.dataset.ground_truth_files(index));
        match self.source {
            Source::Network(_) | Source::Contours(_) => {}
            Source::Folder(folder) => files.extend(folder.files(index).iter().map(PathBuf::from)),
            Source::Soft(folder) => files.push(folder.file(index).to_owned()),
        }
        files
    }

    fn measured(&self, index: usize) -> Result<(Measured, Option<SegmentSeconds>)> {
        let id = &self.dataset.ids()[index];
        let (pool, seconds) = match self.source {
            Source::Soft(folder) => return Ok((self.of_soft_map(folder, index)?, None)),
            Source::Folder(folder) => (folder.pool(index)?, None),
            Source::Network(pools) => {
                let image = self.dataset.image(index)?;
                pools.check_memory(&self.dataset.image_path(index), &image)?;
                let (pool, seconds) = pools.pool(&image).with_context(|| format!("image {id}"))?;
                (pool, Some(seconds))
            }
            Source::Contours(pools) => {
                let image = self.dataset.image(index)?;
                let (pool, seconds) = pools.pool(&image).with_context(|| format!("image {id}"))?;
                (pool, Some(seconds))
            }
        };
        let drawn = self.dataset.drawn(index)?;
        if let Source::Folder(folder) = self.source
            && let Some(first) = drawn.first()
        {
            check_fit(folder, index, &pool, &first.segmentation)?;
        }
        let (mut boundaries, mut truth) = (None, None);
        if self.boundaries {
            let found = match self.source {
                Source::Folder(folder) => folder.boundaries(index, &pool)?,
                _ => BoundaryPool::from_segmentations(&pool)?,
            };
            let (maps, look) = self.dataset.drawn_boundaries(index)?;
            truth = look;
            boundaries = Some(ImageCounts::new(id, &maps, &found)?);
        }
        let drawn: Vec<_> = drawn
            .into_iter()
            .map(|annotation| annotation.segmentation)
            .collect();
        let measured = Measured {
            regions: Some(ImageMeasures::new(id, &drawn, &pool)?),
            boundaries,
            looks: Looks {
                zero: ZeroLook::at(&pool),
                contours: pool.contour_look(),
                labels: match self.source {
                    Source::Folder(_) => LabelLook::at(&pool),
                    _ => None,
                },
                truth_labels: self.truth_labels(index, &drawn),
                truth,
                soft: None,
            },
        };
        Ok((measured, seconds))
    }

    /// A look at label maps that are a truth; truths in `.mat` files are said to be segments by their own name.
    fn truth_labels(&self, index: usize, drawn: &[LabelMap]) -> Option<LabelLook> {
        let in_pictures = self.dataset.truth_is_label_pictures(index);
        in_pictures.then(|| LabelLook::at_maps(drawn, true))
    }

    /// Boundaries alone: a truth without segments is enough.
    fn of_soft_map(&self, folder: &BoundaryFolder, index: usize) -> Result<Measured> {
        let (drawn, truth) = self.dataset.drawn_boundaries(index)?;
        let (found, soft) = folder.boundaries_with_look(index)?;
        if let (Some(expected), Some(found)) = (drawn.first().map(BoundaryMap::size), found.size())
            && expected != found
        {
            let path = folder.file(index).to_owned();
            return Err(bench_bsds::Error::MapSize {
                path,
                expected,
                found,
            }
            .into());
        }
        let counts = ImageCounts::new(&self.dataset.ids()[index], &drawn, &found)?;
        let truth_labels = match self.dataset.truth_is_label_pictures(index) {
            true => self.truth_labels(index, &self.dataset.annotations(index)?),
            false => None,
        };
        Ok(Measured {
            regions: None,
            boundaries: Some(counts),
            looks: Looks {
                soft,
                truth,
                truth_labels,
                ..Looks::default()
            },
        })
    }
}

/// Refuses label maps, or a contour map, of another size than the truth.
fn check_fit(
    folder: &SegmentationFolder,
    index: usize,
    pool: &Pool,
    truth: &LabelMap,
) -> bench_bsds::Result<()> {
    let expected = Size {
        width: truth.width(),
        height: truth.height(),
    };
    let Some((map, found)) = pool.misfit(expected) else {
        return Ok(());
    };
    let files = folder.files(index);
    let path = files.get(map).or(files.first());
    let path = path.map(PathBuf::from).unwrap_or_default();
    Err(match pool.contour_size() {
        Some(cells) => bench_bsds::Error::SizeMismatch {
            name: format!("{}: `ucm2`, a contour map at double size", path.display()),
            expected: Size {
                width: 2 * expected.width + 1,
                height: 2 * expected.height + 1,
            },
            found: cells,
        },
        None => bench_bsds::Error::MapSize {
            path,
            expected,
            found,
        },
    })
}

/// Whether an error is of one image's files, so that the others may well be read.
fn is_of_a_file(error: &bench_bsds::Error) -> bool {
    use bench_bsds::Error;
    matches!(
        error,
        Error::Io { .. }
            | Error::Picture(_)
            | Error::LabelPng { .. }
            | Error::Npy { .. }
            | Error::SegFile { .. }
            | Error::BoundaryPicture { .. }
            | Error::Mat { .. }
            | Error::MatVariable { .. }
            | Error::SizeMismatch { .. }
            | Error::MapSize { .. }
            | Error::NoAnnotations { .. }
    )
}

fn in_numbers(seconds: SegmentSeconds) -> [f64; 3] {
    let SegmentSeconds {
        trunk,
        layer,
        clustering,
    } = seconds;
    [trunk, layer, clustering]
}
