//! Segmentations of a network before and after its training.

use std::path::Path;

use bench_bsds::{BsdsDataset, Split};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use models::{ClusterChoice, DeepNcuts};
use pictures::paint_outlines;
use segmentation::LabelMap;
use training::{CutTask, Trainer};

use super::figure::colour_of;
use super::settings::ReportSettings;
use super::spectrum::SpectrumPlot;
use crate::counted::counted;
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;
use crate::page::Page;
use crate::run_folder::RunFolder;
use crate::train::{VALIDATION_PHOTOGRAPHS, average_covering, evenly_spaced};

/// Photographs that are shown unless it is asked for others.
const SHOWN: usize = 6;

/// A network at one time of its training, and its measures.
struct Moment {
    /// `before`, `after 400 steps`.
    name: String,
    network: DeepNcuts,
    coverings: Vec<f64>,
    spectra: SpectrumPlot,
}

impl Moment {
    fn new(name: String, network: DeepNcuts) -> Self {
        Self {
            name,
            network,
            coverings: Vec::new(),
            spectra: SpectrumPlot::default(),
        }
    }

    fn mean_covering(&self) -> f64 {
        self.coverings.iter().sum::<f64>() / self.coverings.len().max(1) as f64
    }
}

/// A picture and the words below it.
type Captioned = (RgbImage, String);

/// Adds spectra, coverings and pictures of some photographs.
pub fn add(
    page: &mut Page,
    settings: &ReportSettings,
    step: f64,
    observer: &mut dyn Observer,
) -> Result<()> {
    page.section("Before and after");
    let Some(data) = &settings.data else {
        page.paragraph("With --data BSDS500: spectra, and photographs with their segments.");
        return Ok(());
    };
    let split: Split = settings
        .split
        .parse()
        .map_err(|error| Error::setting(format!("--split: {error}")))?;
    if !data.is_dir() {
        let found = data.display();
        return Err(Error::setting(format!(
            "--data: expected the folder of BSDS500, found none at {found}"
        )));
    }
    let set = BsdsDataset::open(data, split).with_context(|| format!("--data, split {split}"))?;
    let mut moments = moments(&settings.run, step)?;
    let shown = settings.pictures.unwrap_or(SHOWN);
    let chosen = evenly_spaced(set.len(), VALIDATION_PHOTOGRAPHS.max(shown));
    let shown = evenly_spaced(chosen.len(), shown);
    let mut rows = Vec::new();
    observer.begin("photograph", chosen.len() as u64);
    for (place, &index) in chosen.iter().enumerate() {
        let pictures = shown.contains(&place);
        let row = photograph(&set, index, &mut moments, pictures);
        rows.extend(row.inspect_err(|_| observer.end())?);
        observer.advance(place as u64 + 1, &|| set.ids()[index].clone());
    }
    observer.end();
    let coverings = moments
        .iter()
        .map(|moment| format!("{:.3} {}", moment.mean_covering(), moment.name));
    page.paragraph(&format!(
        "{} of {split}, evenly spaced, each cut into as many segments as the network chooses. Average covering: {}.",
        counted(chosen.len(), "photograph"),
        coverings.collect::<Vec<_>>().join(", "),
    ));
    add_spectrum(page, &moments)?;
    for row in rows {
        page.begin_row();
        for (picture, words) in row {
            page.picture(&jpeg(&picture)?, &words);
        }
        page.end_figures();
    }
    Ok(())
}

/// The network before the first step, where it was kept, and the one of now.
fn moments(run: &Path, step: f64) -> Result<Vec<Moment>> {
    let mut moments = Vec::new();
    let start = run.join("start.safetensors");
    if start.exists() {
        let network = DeepNcuts::load(&start).context("the network before training")?;
        moments.push(Moment::new("before".to_owned(), network));
    }
    let (network, step) = match RunFolder::of(run) {
        RunFolder::Finished(network) => (DeepNcuts::load(&network)?, step as u64),
        RunFolder::Stopped => Trainer::<CutTask<'_>>::network_so_far(run)?,
        RunFolder::Empty(_) => {
            let run = run.display();
            return Err(Error::unexpected(format!(
                "expected network.safetensors or checkpoint.safetensors in {run}, found neither"
            )));
        }
    };
    moments.push(Moment::new(
        format!("after {}", counted(step as usize, "step")),
        network,
    ));
    Ok(moments)
}

/// Measures a photograph at every moment; its pictures where they are wanted.
fn photograph(
    set: &BsdsDataset,
    index: usize,
    moments: &mut [Moment],
    pictures: bool,
) -> Result<Option<Vec<Captioned>>> {
    let id = &set.ids()[index];
    let image = set.image(index)?;
    let annotations = set.annotations(index)?;
    let mut row = vec![(image.clone(), id.clone())];
    for moment in moments {
        let cut = moment.network.segment(&image, &ClusterChoice::Auto);
        let cut = cut.with_context(|| format!("image {id}, {}", moment.name))?;
        let found = &cut.pool[0];
        let covering = average_covering(&found.labels, &annotations)?;
        moment.coverings.push(covering);
        moment.spectra.add(&cut.eigenvalues);
        if pictures {
            let words = format!(
                "{}: {} segments, covering {covering:.3}",
                moment.name, found.segments
            );
            row.push((paint_outlines(&image, &found.labels)?, words));
        }
    }
    if !pictures {
        return Ok(None);
    }
    if let Some((first, others)) = annotations.split_first() {
        row.push((paint_outlines(&image, first)?, person(first, others)?));
    }
    Ok(Some(row))
}

/// The first annotator's segmentation, and how the others agree with it.
fn person(first: &LabelMap, others: &[LabelMap]) -> Result<String> {
    let (_, segments) = first.compacted();
    let words = format!("a person: {segments} segments");
    if others.is_empty() {
        return Ok(words);
    }
    let covering = average_covering(first, others)?;
    Ok(format!(
        "{words}, covering {covering:.3} of {} others",
        others.len()
    ))
}

fn add_spectrum(page: &mut Page, moments: &[Moment]) -> Result<()> {
    let bands = moments.iter().map(|moment| moment.spectra.band()).collect();
    let Some(svg) = super::figure::svg_of_logarithms("eigenvalue", bands)? else {
        return Ok(());
    };
    let names = moments.iter().enumerate();
    let names: Vec<_> = names
        .map(|(i, moment)| (moment.name.as_str(), colour_of(i)))
        .collect();
    page.begin_figures();
    page.figure(
        &svg,
        "Spectrum",
        &names,
        "Leading eigenvalues of the normalised affinity, the largest first: their geometric mean over the photographs, \
         and a standard deviation of their logarithms to either side. Those below 10⁻⁶ are drawn there.",
    );
    page.end_figures();
    Ok(())
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 85)
        .encode_image(picture)
        .context("writing a picture")?;
    Ok(jpeg)
}
