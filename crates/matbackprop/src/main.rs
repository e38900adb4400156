//! The command line.

mod arguments;
mod coco_regions;
mod cut_recipe;
mod eval_bsds;
mod eval_coco;
mod failure;
mod info;
mod interrupt;
mod mishaps;
mod oklab;
mod output;
mod progress;
mod recipe_text;
mod region_recipe;
mod report;
mod segment;
mod train_ncuts;
mod train_o2p;
mod training_set;
mod validation;

use std::process::ExitCode;

use arguments::{Command, Eval, Train};
use clap::Parser;

fn main() -> ExitCode {
    let result = match arguments::Arguments::parse().command {
        Command::Segment(arguments) => segment::run(&arguments),
        Command::Train(Train::Ncuts(arguments)) => train_ncuts::run(&arguments),
        Command::Train(Train::O2p(arguments)) => train_o2p::run(&arguments),
        Command::Eval(Eval::Bsds(arguments)) => eval_bsds::run(&arguments),
        Command::Eval(Eval::Coco(arguments)) => eval_coco::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
