//! `matbackprop segment`: photographs in, pictures of their segments out.

use anyhow::{Result, bail};
use experiments::segment::{PassedOver, SegmentJob, SegmentOutcome, SegmentReport, in_a_line};
use experiments::sharding::{gather, shard};
use experiments::{counted, error_chain_line};
use training::Ranks;

use crate::command_line::arguments::SegmentArguments;
use crate::command_line::failure::{is_usage, usage};
use crate::command_line::interrupt::Interrupt;
use crate::command_line::networks::{boundaries, networks};
use crate::command_line::output;
use crate::command_line::progress::Progress;

/// Segments every photograph; one that fails is reported and skipped. Ranks share the photographs.
pub fn run(arguments: &SegmentArguments, ranks: &Ranks, interrupt: &Interrupt) -> Result<()> {
    let job = ranks.sync_result(job(arguments, ranks));
    let job = job.or_else(|error| not_begun(error, arguments.json))?;
    if job.renamed() > 0 {
        output::note(&format!(
            "{} of the photographs would share names, or write over others: their outputs get folders or numbers",
            job.renamed()
        ));
    }
    PassedOver::lines(job.passed_over())
        .iter()
        .for_each(|line| output::note(line));
    interrupt.listen()?;
    let mine = shard(ranks, job.images());
    // Lines of results are progress enough, unless a bar can stand below them, or they come together in the end.
    let mut progress = (mine.len() > 1).then(|| Progress::new("image", mine.len() as u64));
    progress = progress.filter(|progress| arguments.json || progress.is_bar() || !ranks.is_alone());
    let mut outcomes = Vec::with_capacity(mine.len());
    for (done, index) in mine.into_iter().enumerate() {
        let one = match interrupt.asked() {
            true => SegmentOutcome::NotReached,
            false => job.segment_unless(index, &|| interrupt.asked()),
        };
        if ranks.is_alone() {
            let print = || print(&one, arguments.json);
            match &progress {
                Some(progress) => progress.aside(print)?,
                None => print()?,
            }
        }
        outcomes.push(one);
        if let Some(progress) = &mut progress {
            progress.advance(done as u64 + 1, || in_a_line(job.image(index)));
        }
    }
    drop(progress);
    let together = gather(ranks, outcomes)?.map(|outcomes| {
        if !ranks.is_alone() {
            outcomes
                .iter()
                .try_for_each(|one| print(one, arguments.json))?;
        }
        let report = SegmentReport::new(outcomes, job.passed_over().to_vec());
        conclude(&report, arguments.json, interrupt)
    });
    ranks.sync_result(together.unwrap_or(Ok(())))
}

fn job(arguments: &SegmentArguments, ranks: &Ranks) -> Result<SegmentJob> {
    let mut settings = arguments.settings();
    if !ranks.is_alone() && settings.reads_standard_input() {
        return Err(usage(
            "IMAGE: expected files or folders, as several processes do not share standard input, found -",
        ));
    }
    settings.boundary_network = boundaries(arguments)?;
    Ok(SegmentJob::new(settings, networks(arguments)?)?)
}

/// Prints the object of `--json` of a call without a photograph, and passes its error on. A wrong call has none.
fn not_begun(error: anyhow::Error, json: bool) -> Result<SegmentJob> {
    if json && !is_usage(&error) {
        let reason = error_chain_line(error.as_ref());
        output::print_json(&SegmentReport::not_begun(reason))?;
    }
    Err(error)
}

/// Prints an outcome as soon as it is known.
fn print(one: &SegmentOutcome, json: bool) -> Result<()> {
    one.notes().iter().for_each(|note| output::note(note));
    match one {
        SegmentOutcome::Segmented(_) if !json => output::print_done(&one.to_string())?,
        SegmentOutcome::Segmented(_) | SegmentOutcome::NotReached => {}
        SegmentOutcome::Skipped(_) => output::note(&one.to_string()),
        SegmentOutcome::Failed(_) => output::error(&one.to_string()),
    }
    Ok(())
}

/// Prints the one object of `--json`. An error where not all went well.
fn conclude(report: &SegmentReport, json: bool, interrupt: &Interrupt) -> Result<()> {
    if json {
        output::print_json(report)?;
    }
    let total = report.total();
    if report.not_reached > 0 {
        let (done, images) = (total - report.not_reached, counted(total, "image"));
        let done = format!("{done} of {images}");
        return Err(interrupt.stopped(&done, "the same command with --skip-existing"));
    }
    match report.failed.len() {
        0 => Ok(()),
        _ if total == 1 => bail!("no image was segmented"),
        1 => bail!("1 of {total} images was not segmented"),
        failed => bail!("{failed} of {total} images were not segmented"),
    }
}
