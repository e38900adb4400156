//! The page of a measurement: its table, the curve, the best and the worst images, and every image.

use bench_bsds::{BoundaryReport, BsdsDataset, Level, Report};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use plotters::style::RGBColor;
use segmentation::LabelMap;

use super::report::BsdsReport;
use super::source::Source;
use super::{curve, table};
use crate::error::{Context as _, Error, Result};
use crate::page::Page;
use pictures::at_working_size;

/// Images shown at either end.
const SHOWN: usize = 4;
/// The longer side of a picture, in pixels.
const SIDE: u32 = 320;

/// The contents of a page.
pub struct ReportPage<'a> {
    pub report: &'a BsdsReport,
    pub dataset: &'a BsdsDataset,
    pub source: &'a Source,
}

impl ReportPage<'_> {
    /// The whole document. The images it shows are segmented again: their maps were not kept.
    pub fn html(&self) -> Result<String> {
        let below = "ODS takes one level for all images, OIS each image's own best, Best each human region's.";
        let mut page = Page::new(&self.report.title, below);
        if let Some(report) = &self.report.regions {
            self.add_regions(&mut page, report);
        }
        if let Some(report) = &self.report.boundaries {
            self.add_boundaries(&mut page, report)?;
        }
        self.add_pictures(&mut page)?;
        self.add_images(&mut page);
        Ok(page.finish(&self.report.title))
    }

    fn add_regions(&self, page: &mut Page, report: &Report) {
        page.section("Regions");
        let heads = ["measure", "ODS", "OIS", "Best", "level of ODS"];
        let rows = table::rows(report).into_iter().map(|row| {
            let best = row.best.map_or(String::new(), digits);
            vec![
                row.name.to_owned(),
                digits(row.ods),
                digits(row.ois),
                best,
                self.report.names.of(&row.level),
            ]
        });
        page.table(&heads, rows);
        page.paragraph("Higher is better, except for the variation of information, in bits.");
    }

    fn add_boundaries(&self, page: &mut Page, report: &BoundaryReport) -> Result<()> {
        page.section("Boundaries");
        let heads = ["", "F", "recall", "precision", "level of ODS"];
        let rows = [
            ("ODS", report.ods, self.boundary_level(report)),
            ("OIS", report.ois, String::new()),
        ];
        let rows = rows.into_iter().map(|(name, score, level)| {
            let [f, recall, precision] = [score.f, score.recall, score.precision].map(digits);
            vec![name.to_owned(), f, recall, precision, level]
        });
        page.table(&heads, rows);
        page.paragraph(&format!(
            "Average precision {:.4}: the area under precision over recall.",
            report.average_precision
        ));
        let hexadecimal = |RGBColor(red, green, blue)| format!("#{red:02x}{green:02x}{blue:02x}");
        let names = [
            ("levels", hexadecimal(curve::CURVE)),
            ("ODS", hexadecimal(curve::ODS)),
            ("OIS", hexadecimal(curve::OIS)),
        ];
        page.begin_figures();
        page.figure(
            &curve::svg(report)?,
            "Precision over recall",
            &names,
            "Along a pale line F is the same.",
        );
        page.end_figures();
        Ok(())
    }

    /// The level of ODS in words; between two levels the nearer.
    fn boundary_level(&self, report: &BoundaryReport) -> String {
        let distance = |level: &Level| (number_of(level) - report.ods_level).abs();
        let levels = report.per_level.iter().map(|row| row.level);
        match levels.min_by(|a, b| distance(a).total_cmp(&distance(b))) {
            Some(level) if distance(&level) == 0.0 => self.report.names.of(&level),
            Some(level) => format!("near {}", self.report.names.of(&level)),
            None => String::new(),
        }
    }

    /// The images with the highest and with the lowest measure.
    fn add_pictures(&self, page: &mut Page) -> Result<()> {
        let scores: Vec<f64> = match (&self.report.regions, &self.report.boundaries) {
            (Some(report), _) => report.per_image.iter().map(|row| row.covering).collect(),
            (None, Some(report)) => report.per_image.iter().map(|row| row.score.f).collect(),
            (None, None) => return Ok(()),
        };
        let (what, lines) = match &self.report.regions {
            Some(_) => ("covering", "Outlines of the segments"),
            None => ("F", "Boundaries"),
        };
        let (best, worst) = ends(&scores);
        for (name, places) in [("Best images", best), ("Worst images", worst)] {
            if places.is_empty() {
                continue;
            }
            page.section(name);
            page.paragraph(&format!(
                "By {what}. {lines} at the image's own best level."
            ));
            page.begin_large_figures();
            for index in places {
                let (picture, words) = self.picture(index)?;
                page.picture(&jpeg(&picture)?, &words);
            }
            page.end_figures();
        }
        Ok(())
    }

    /// The ids of the images that were measured, in their order: some of the dataset's may be left out.
    fn ids(&self) -> Vec<&str> {
        let regions = self.report.regions.iter();
        let regions = regions.flat_map(|report| report.per_image.iter().map(|row| &*row.id));
        let boundaries = self.report.boundaries.iter();
        let boundaries = boundaries.flat_map(|report| report.per_image.iter().map(|row| &*row.id));
        match self.report.regions {
            Some(_) => regions.collect(),
            None => boundaries.collect(),
        }
    }

    /// An image with the lines that were found at its own best level, and its caption; `row` is its place among those
    /// measured.
    fn picture(&self, row: usize) -> Result<(RgbImage, String)> {
        let id = self.ids()[row];
        let index = self.dataset.ids().iter().position(|other| other == id);
        let index = index.with_context(|| format!("expected image {id}, found none"))?;
        let image = self.dataset.image(index)?;
        let (lines, words) = match (&self.report.regions, &self.report.boundaries) {
            (Some(report), _) => {
                let row = &report.per_image[row];
                let level = &row.covering_level;
                let lines = self.segments(index, &image, level)?;
                let level = self.report.names.of(level);
                (
                    lines,
                    format!("{id}: covering {:.3}, {level}", row.covering),
                )
            }
            (None, Some(report)) => {
                let row = &report.per_image[row];
                let lines = self.boundaries(index, row.level)?;
                let f = row.score.f;
                (lines, format!("{id}: F {f:.3}, threshold {:.2}", row.level))
            }
            (None, None) => {
                let words = format!("image {id}: expected measures, found none");
                return Err(Error::Unexpected(words));
            }
        };
        let painted = pictures::paint_outlines(&image, &lines)?;
        Ok((at_working_size(&painted, SIDE).unwrap_or(painted), words))
    }

    fn segments(&self, index: usize, image: &RgbImage, level: &Level) -> Result<LabelMap> {
        let pool = match self.source {
            Source::Network(pools) => pools.pool(image)?.0,
            Source::Contours(pools) => pools.pool(image)?.0,
            Source::Folder(folder) => folder.pool(index)?,
            Source::Soft(_) => {
                let words = "expected segmentations, found soft boundary maps";
                return Err(Error::unexpected(words));
            }
        };
        let place = pool.levels().iter().position(|other| other == level);
        let place = place.with_context(|| format!("expected a segmentation at level {level}"))?;
        Ok(pool.label_map(place)?)
    }

    /// Boundary pixels as segments of their own, at the measured level nearest to `level`.
    fn boundaries(&self, index: usize, level: f64) -> Result<LabelMap> {
        let Source::Soft(folder) = self.source else {
            let words = "expected soft boundary maps, found segmentations";
            return Err(Error::unexpected(words));
        };
        let pool = folder.boundaries(index)?;
        let distance = |other: &Level| (number_of(other) - level).abs();
        let levels = pool.levels().into_iter().enumerate();
        let nearest = levels.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
        let (place, _) = nearest.context("expected a level, found none")?;
        let map = pool.map(place);
        let ids = map.pixels().iter().map(|set| u32::from(*set)).collect();
        Ok(LabelMap::new(map.size().width, map.size().height, ids)?)
    }

    /// A row an image, sorted as people like.
    fn add_images(&self, page: &mut Page) {
        let regions = self.report.regions.as_ref().map(|report| &report.per_image);
        let boundaries = self.report.boundaries.as_ref();
        let boundaries = boundaries.map(|report| &report.per_image);
        let mut heads = vec!["image"];
        if regions.is_some() {
            heads.extend([
                "annotators",
                "covering",
                "its level",
                "covering, Best",
                "PRI",
                "VI",
                "best annotator's",
            ]);
        }
        if boundaries.is_some() {
            heads.extend(["F", "recall", "precision"]);
        }
        let rows = self.ids().into_iter().enumerate().map(|(index, id)| {
            let mut row = vec![id.to_owned()];
            if let Some(image) = regions.map(|images| &images[index]) {
                row.extend([
                    image.annotators.to_string(),
                    digits(image.covering),
                    self.report.names.of(&image.covering_level),
                    digits(image.covering_best),
                    digits(image.pri),
                    digits(image.vi),
                    digits(image.best_annotator),
                ]);
            }
            if let Some(image) = boundaries.map(|images| &images[index]) {
                let score = image.score;
                row.extend([score.f, score.recall, score.precision].map(digits));
            }
            row
        });
        page.section("Images");
        page.paragraph("Each at its own best level of each measure. A click on a head sorts.");
        page.sortable_table(&heads, rows);
    }
}

/// The number in a level's name.
fn number_of(level: &Level) -> f64 {
    match level {
        Level::Place(number) | Level::Clusters(number) => f64::from(*number),
        Level::Threshold(threshold) => *threshold,
    }
}

fn digits(number: f64) -> String {
    format!("{number:.4}")
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 85)
        .encode_image(picture)
        .context("writing a picture")?;
    Ok(bytes)
}

/// The places of the highest scores, and of the lowest that are not among them, each the farthest first.
fn ends(scores: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let mut places: Vec<usize> = (0..scores.len()).collect();
    places.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let best = SHOWN.min(scores.len().div_ceil(2));
    let worst = SHOWN.min(scores.len() - best);
    let lowest = places.iter().rev().take(worst).copied().collect();
    places.truncate(best);
    (places, lowest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_image_is_shown_twice() {
        assert_eq!(ends(&[0.5]), (vec![0], vec![]));
        assert_eq!(ends(&[0.1, 0.9, 0.5]), (vec![1, 2], vec![0]));
        let many: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(ends(&many), (vec![19, 18, 17, 16], vec![0, 1, 2, 3]));
    }
}
