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
mod shared_work;
mod together;
mod train_ncuts;
mod train_o2p;
mod training_set;
mod validation;

use std::process::ExitCode;

use arguments::{Command, Eval, Train};
use clap::Parser;
use together::Anew;

fn main() -> ExitCode {
    let called = Anew::Called;
    let result = match arguments::Arguments::parse().command {
        Command::Segment(arguments) => {
            return together::run(called, |ranks, _| segment::run(&arguments, ranks));
        }
        Command::Train(Train::Ncuts(arguments)) => {
            return together::run(Anew::Resumed, |ranks, interrupt| {
                train_ncuts::run(&arguments, ranks, interrupt)
            });
        }
        Command::Train(Train::O2p(arguments)) => {
            return together::run(Anew::Resumed, |ranks, interrupt| {
                train_o2p::run(&arguments, ranks, interrupt)
            });
        }
        Command::Eval(Eval::Bsds(arguments)) => {
            return together::run(called, |ranks, _| eval_bsds::run(&arguments, ranks));
        }
        Command::Eval(Eval::Coco(arguments)) => {
            return together::run(called, |ranks, _| eval_coco::run(&arguments, ranks));
        }
        Command::Report(arguments) => report::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
