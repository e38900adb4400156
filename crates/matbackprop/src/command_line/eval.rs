//! `matbackprop eval bsds` and `matbackprop eval coco`.

use anyhow::Result;
use experiments::evaluate::{bsds_among, classification_among, detections};
use training::Ranks;

use crate::command_line::arguments::{EvalBsdsArguments, EvalCocoArguments};
use crate::command_line::failure::usage;
use crate::command_line::output;
use crate::command_line::progress::Terminal;

/// Measures segmentations, or boundaries alone, and prints the results.
pub fn bsds(arguments: &EvalBsdsArguments, ranks: &Ranks) -> Result<()> {
    let settings = ranks.sync_result(arguments.settings())?;
    let report = bsds_among(ranks, &settings, &mut Terminal::default())?;
    let printed = report.map(|report| {
        if !arguments.timing {
            output::detail(&report.timing());
        }
        if arguments.json {
            let mut object = report.json(arguments.details)?;
            if arguments.timing {
                object["timing"] = report.timing_json();
            }
            return output::print_json(&object);
        }
        output::print(&report.table())?;
        if arguments.timing {
            output::print(&report.timing())?;
        }
        if let Some(out) = &settings.out {
            let page = out.join("report.html");
            output::print_done(&format!("page      {}", page.display()))?;
        }
        Ok(())
    });
    ranks.sync_result(printed.unwrap_or(Ok(())))
}

/// Measures a trained classifier of regions, or detections of any method, and prints the results.
pub fn coco(arguments: &EvalCocoArguments, ranks: &Ranks) -> Result<()> {
    if let Some(settings) = arguments.classification() {
        let report = classification_among(ranks, &settings, &mut Terminal::default())?;
        let printed = report.map(|report| match arguments.json {
            true => output::print_json(&report),
            false => output::print(&report.to_string()),
        });
        return ranks.sync_result(printed.unwrap_or(Ok(())));
    }
    // One table of one file: there is nothing to share.
    let printed = ranks.is_first().then(|| table(arguments));
    ranks.sync_result(printed.unwrap_or(Ok(())))
}

fn table(arguments: &EvalCocoArguments) -> Result<()> {
    let (Some(found), Some(truth)) = (&arguments.detections, &arguments.truth) else {
        // Clap has made sure of it.
        return Err(usage(
            "expected --run and --data, or --detections and --truth, found neither",
        ));
    };
    let options = arguments.detections()?;
    let report = detections(found, truth, &options, &mut Terminal::default())?;
    match arguments.json {
        true => output::print_json(&report),
        false => output::print(&report.table.to_string()),
    }
}
