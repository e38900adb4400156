//! The command line.

mod arguments;
mod distributed;
mod eval;
mod failure;
mod info;
mod interrupt;
mod manual;
mod networks;
mod output;
mod progress;
mod report;
mod reproduce;
mod segment;
mod train;

use std::process::ExitCode;
use std::time::Instant;

use arguments::{Arguments, Command, Eval, Train};
use clap::Parser;
use distributed::RestartHint;

fn main() -> ExitCode {
    output::set_color(arguments::color_asked(std::env::args_os()));
    let Arguments {
        command, global, ..
    } = Arguments::parse();
    output::set_verbosity(global.verbosity());
    let began = Instant::now();
    let code = run(command);
    output::detail(&format!("took {:.2} s", began.elapsed().as_secs_f64()));
    code
}

fn run(command: Command) -> ExitCode {
    let (again, resume) = (RestartHint::Called, RestartHint::Resumed);
    let result = match command {
        Command::Segment(arguments) => {
            return distributed::run(again, |ranks, interrupt| {
                segment::run(&arguments, ranks, interrupt)
            });
        }
        Command::Train(Train::Ncuts(arguments)) => {
            return distributed::run(resume, |ranks, interrupt| {
                train::ncuts(&arguments, ranks, interrupt)
            });
        }
        Command::Train(Train::O2p(arguments)) => {
            return distributed::run(resume, |ranks, interrupt| {
                train::o2p(&arguments, ranks, interrupt)
            });
        }
        Command::Eval(Eval::Bsds(arguments)) => {
            return distributed::run(again, |ranks, _| eval::bsds(&arguments, ranks));
        }
        Command::Eval(Eval::Coco(arguments)) => {
            return distributed::run(again, |ranks, _| eval::coco(&arguments, ranks));
        }
        Command::Report(arguments) => report::run(&arguments),
        Command::Reproduce(arguments) => reproduce::run(&arguments),
        Command::Info(arguments) => info::run(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::man(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
