//! Errors of a classifier of regions.

use std::collections::HashMap;
use std::path::Path;

use bench_coco::{ClassificationReport, Prediction, RegionRule};
use image::codecs::jpeg::JpegEncoder;
use models::{RegionSet as _, RegionView};

use super::confusion;
use super::settings::ReportSettings;
use crate::counted::counted;
use crate::datasets::{CocoRegions, region_name};
use crate::error::{Context as _, Error, Result};
use crate::evaluate::predictions_path;
use crate::page::Page;

/// Side of a region's picture in pixels.
const SIDE: u32 = 128;
/// Regions that are shown unless it is asked for others.
const SHOWN: usize = 24;

/// Adds the results of the predictions of a run, where it was measured.
pub fn add(page: &mut Page, settings: &ReportSettings, classes: &[String]) -> Result<()> {
    let path = predictions_path(&settings.run, &settings.split);
    page.section(&format!("Regions of {}", settings.split));
    if !path.exists() {
        page.paragraph("Not measured yet: matbackprop eval coco --data COCO --run RUN.");
        return Ok(());
    }
    let text = std::fs::read(&path).map_err(Error::file(&path))?;
    let predictions: Vec<Prediction> =
        serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    let names: Vec<&str> = classes.iter().map(String::as_str).collect();
    let report = ClassificationReport::new(&names, &predictions, 0)?;
    let error = &report.top1_error;
    page.paragraph(&format!(
        "{} of {}. Top-1 error {:.3} (95 % of resampled images: {:.3} to {:.3}), mean over classes {:.3}.",
        counted(report.regions, "region"), counted(report.images, "image"), error.estimate, error.low, error.high, report.mean_class_error
    ));
    page.begin_figures();
    page.figure(
        &confusion::svg(&names, &report.confusion)?,
        "Confusion",
        &[],
        "A row a true class, a column a predicted one; classes without a region are left out.",
    );
    page.table(
        &["taken for another", "for", "regions"],
        report.most_confused.iter().map(|one| {
            vec![
                one.truth.clone(),
                one.predicted.clone(),
                one.regions.to_string(),
            ]
        }),
    );
    page.end_figures();
    if let Some(data) = &settings.data {
        add_pictures(page, settings, data, &names, &predictions)?;
    }
    page.section("Classes");
    let mut rows: Vec<_> = report
        .classes
        .iter()
        .filter(|row| row.regions > 0)
        .collect();
    rows.sort_by(|a, b| b.error.unwrap_or(0.0).total_cmp(&a.error.unwrap_or(0.0)));
    page.table(
        &["class", "regions", "error"],
        rows.into_iter().map(|row| {
            let error = row
                .error
                .map_or(String::new(), |error| format!("{error:.3}"));
            vec![row.name.clone(), row.regions.to_string(), error]
        }),
    );
    Ok(())
}

/// The regions whose true class was ranked lowest.
fn add_pictures(
    page: &mut Page,
    settings: &ReportSettings,
    data: &Path,
    names: &[&str],
    predictions: &[Prediction],
) -> Result<()> {
    // What was measured is shown; the measure has said what it left out.
    let rule = RegionRule {
        max_unreadable: 1.0,
        ..RegionRule::default()
    };
    let regions = CocoRegions::open(data, &settings.split, rule)?;
    let places: HashMap<&str, usize> = (0..regions.len()).map(|i| (regions.id(i), i)).collect();
    let rank = |one: &Prediction| one.ranked.iter().position(|class| *class == one.truth);
    let mut worst: Vec<&Prediction> = predictions
        .iter()
        .filter(|one| rank(one) != Some(0))
        .collect();
    worst.sort_by_key(|one| std::cmp::Reverse(rank(one).unwrap_or(usize::MAX)));
    page.section("Worst regions");
    page.paragraph("The true class, its rank, and the class that was ranked first.");
    page.begin_figures();
    for one in worst.into_iter().take(settings.pictures.unwrap_or(SHOWN)) {
        let id = region_name(&one.region);
        let Some(&index) = places.get(id.as_str()) else {
            continue;
        };
        let crop = regions.crop(index, RegionView::PLAIN, SIDE)?;
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 85)
            .encode_image(&crop.image)
            .context("writing a picture")?;
        let rank = rank(one).map_or("not ranked".to_owned(), |rank| format!("rank {}", rank + 1));
        let first = one.ranked.first().map_or("nothing", |class| names[*class]);
        page.picture(
            &jpeg,
            &format!("{}, {rank}; {first} first", names[one.truth]),
        );
    }
    page.end_figures();
    Ok(())
}
