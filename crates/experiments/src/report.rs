//! How a training goes, or went, on one page.

mod confusion;
mod curves;
mod cuts;
mod figure;
mod regions;
mod settings;
mod spectrum;

use std::path::{Path, PathBuf};

use models::RegionClassifier;

use self::curves::Curves;
use self::figure::{Figure, colour_of};
use crate::description::network_in_words;
use crate::error::{Error, Result};
use crate::files::write_whole;
use crate::observer::Observer;
use crate::page::Page;

pub use settings::ReportSettings;

/// A figure that may be drawn from a journal.
struct Plan {
    title: &'static str,
    /// Columns and their names; where the first is missing nothing is drawn.
    columns: &'static [(&'static str, &'static str)],
    logarithmic: bool,
    note: &'static str,
}

const FIGURES: [Plan; 9] = [
    Plan {
        title: "Loss",
        columns: &[("loss", "loss")],
        logarithmic: false,
        note: "Mean over a step's examples.",
    },
    Plan {
        title: "Training error",
        columns: &[("training_error", "error")],
        logarithmic: false,
        note: "Share of a step's regions.",
    },
    Plan {
        title: "Rank",
        columns: &[("similarity_rank", "similarity"), ("target_rank", "target")],
        logarithmic: false,
        note: "The cut is learned as the similarity's comes down to the target's.",
    },
    Plan {
        title: "Boundaries",
        columns: &[
            ("predicted_boundaries", "predicted"),
            ("drawn_boundaries", "drawn"),
        ],
        logarithmic: false,
        note: "Mean probability at a position, and mean share of people who drew one there.",
    },
    Plan {
        title: "Learning rate",
        columns: &[("rate", "new layers")],
        logarithmic: false,
        note: "",
    },
    Plan {
        title: "Gradient norm (L2)",
        columns: &[("gradient_norm", "before clipping")],
        logarithmic: true,
        note: "",
    },
    Plan {
        title: "Smallest eigenvalue",
        columns: &[("smallest_eigenvalue", "of a step's regions")],
        logarithmic: true,
        note: "",
    },
    Plan {
        title: "Condition",
        columns: &[("condition", "the largest of a step's regions")],
        logarithmic: true,
        note: "",
    },
    Plan {
        title: "Seconds a step",
        columns: &[
            ("parts.trunk", "trunk"),
            ("parts.layer", "layer"),
            ("parts.head", "head"),
            ("seconds", "all"),
        ],
        logarithmic: true,
        note: "Forward and back.",
    },
];

/// The figure of the validation measures.
const COVERING: Plan = Plan {
    title: "Average covering of val",
    columns: &[("mean_covering", "of the network that would be written")],
    logarithmic: false,
    note: "Each photograph cut into as many segments as the network chooses; mean over annotators, then over photographs.",
};

/// Draws the page of a run, also during the training, and returns its place.
///
/// # Errors
/// Those of the journal, of networks, of the dataset and of files.
pub fn report(settings: &ReportSettings, observer: &mut dyn Observer) -> Result<PathBuf> {
    let run = &settings.run;
    let path = settings
        .out
        .clone()
        .unwrap_or_else(|| run.join("report.html"));
    if path.is_dir() {
        return Err(Error::unexpected(format!(
            "--out: expected a place for a file, found the folder {}",
            path.display()
        )));
    }
    let curves = Curves::read(&run.join("journal.jsonl"))?;
    let title = run.display().to_string();
    let mut page = Page::new(&title, &state(run, &curves));
    let network = run.join("network.safetensors");
    if network.exists() {
        page.preformatted(&network_in_words(&network)?);
    }
    page.section("Training");
    page.begin_figures();
    for plan in FIGURES {
        add_figure(&mut page, &curves, &plan)?;
    }
    if let Some(measures) = Curves::read_if_any(&run.join("val.jsonl"))? {
        add_figure(&mut page, &measures, &COVERING)?;
    }
    page.end_figures();
    if curves.column("similarity_rank").is_some() {
        let step = curves.last("step").unwrap_or(0.0);
        cuts::add(&mut page, settings, step, observer)?;
    }
    if let Ok(classifier) = RegionClassifier::load(&network) {
        regions::add(&mut page, settings, &classifier.architecture().classes)?;
    }
    write_whole(&path, page.finish(&title).as_bytes())?;
    Ok(path)
}

/// How far the training is, in one line.
fn state(run: &Path, curves: &Curves) -> String {
    let ended = if run.join("network.safetensors").exists() {
        "ended"
    } else {
        "not ended"
    };
    let number = |name: &str| {
        curves
            .last(name)
            .map_or("?".to_owned(), |x| format!("{x:.0}"))
    };
    let (seconds, examples) = (curves.sum("seconds"), curves.sum("images"));
    format!(
        "{ended}, step {}, epoch {}; {examples:.0} examples in {:.0} s, {:.1} a second; {:.0} gradients clipped",
        number("step"),
        number("epoch"),
        seconds,
        examples / seconds.max(1e-9),
        curves.sum("clipped"),
    )
}

fn add_figure(page: &mut Page, curves: &Curves, plan: &Plan) -> Result<()> {
    let first = plan.columns.first();
    if first.is_none_or(|(column, _)| curves.column(column).is_none()) {
        return Ok(());
    }
    let found: Vec<(&[f64], &str)> = plan
        .columns
        .iter()
        .filter_map(|(column, name)| Some((curves.column(column)?, *name)))
        .collect();
    let figure = Figure {
        steps: curves.steps(),
        curves: found.iter().map(|(values, _)| *values).collect(),
        logarithmic: plan.logarithmic,
    };
    if let Some(svg) = figure.svg()? {
        let names = found.iter().enumerate();
        let names: Vec<_> = names.map(|(i, (_, name))| (*name, colour_of(i))).collect();
        page.figure(&svg, plan.title, &names, plan.note);
    }
    Ok(())
}
