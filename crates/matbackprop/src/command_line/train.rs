//! `matbackprop train ncuts`, `matbackprop train boundaries` and `matbackprop train o2p`.

use std::rc::Rc;

use anyhow::Result;
use experiments::counted;
use experiments::train::{Trained, boundaries_among, ncuts_among, o2p_among};
use training::Ranks;

use crate::command_line::arguments::{
    TrainBoundariesArguments, TrainNcutsArguments, TrainO2pArguments,
};
use crate::command_line::interrupt::Interrupt;
use crate::command_line::output;
use crate::command_line::progress::Terminal;

/// How a training that was stopped is resumed.
const RESUME: &str = "the same command with --resume";

/// Trains a network that cuts, and prints where it lies.
pub fn ncuts(
    arguments: &TrainNcutsArguments,
    ranks: &Rc<Ranks>,
    interrupt: &Interrupt,
) -> Result<()> {
    let settings = ranks.sync_result(arguments.settings())?;
    let trained = ncuts_among(ranks, &settings, &mut Terminal::stopped_by(interrupt))?;
    if let Trained::Stopped { step } = trained {
        return Err(interrupt.stopped(&format!("step {step}"), RESUME));
    }
    let (run, data) = (settings.run.out.display(), settings.data.display());
    let mut lines = Vec::new();
    if let Some(path) = &settings.run.export {
        lines.push(format!("exported  {}", path.display()));
    }
    if let Some(path) = &settings.export_head {
        lines.push(format!("head      {}", path.display()));
    }
    let network = settings.run.out.join("network.safetensors");
    lines.push(format!("network   {}", network.display()));
    lines.push(format!(
        "measure   matbackprop eval bsds --data {data} --split val --run {run}"
    ));
    ranks.sync_result(output::print_done(&lines.join("\n")))
}

/// Trains a network that draws boundaries, and prints where it lies.
pub fn boundaries(
    arguments: &TrainBoundariesArguments,
    ranks: &Rc<Ranks>,
    interrupt: &Interrupt,
) -> Result<()> {
    let settings = ranks.sync_result(arguments.settings())?;
    let trained = boundaries_among(ranks, &settings, &mut Terminal::stopped_by(interrupt))?;
    if let Trained::Stopped { step } = trained {
        return Err(interrupt.stopped(&format!("step {step}"), RESUME));
    }
    let mut lines = Vec::new();
    if let Some(path) = &settings.run.export {
        lines.push(format!("exported  {}", path.display()));
    }
    if let Some(path) = &settings.export_head {
        lines.push(format!("head      {}", path.display()));
    }
    let run = settings.run.out.display();
    lines.push(format!("network   {run}/network.safetensors"));
    lines.push(format!(
        "draw      matbackprop segment PHOTOGRAPHS --boundaries --boundary-network {run}"
    ));
    ranks.sync_result(output::print_done(&lines.join("\n")))
}

/// Trains a classifier of regions, and prints where it lies.
pub fn o2p(arguments: &TrainO2pArguments, ranks: &Rc<Ranks>, interrupt: &Interrupt) -> Result<()> {
    let settings = ranks.sync_result(arguments.settings())?;
    let clipped = match o2p_among(ranks, &settings, &mut Terminal::stopped_by(interrupt))? {
        Trained::Finished { clipped, .. } => clipped,
        Trained::Stopped { step } => {
            return Err(interrupt.stopped(&format!("step {step}"), RESUME));
        }
    };
    let (run, data) = (settings.run.out.display(), settings.data.display());
    let mut lines = Vec::new();
    if let Some(path) = &settings.run.export {
        lines.push(format!("exported  {}", path.display()));
    }
    lines.push(format!("network   {run}/network.safetensors"));
    lines.push(format!(
        "clipped   {} in this call",
        counted(clipped as usize, "gradient")
    ));
    lines.push(format!(
        "measure   matbackprop eval coco --data {data} --run {run}"
    ));
    ranks.sync_result(output::print_done(&lines.join("\n")))
}
