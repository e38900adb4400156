//! Runs a plan: groups side by side, the runs of a group one after another.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::Reproduced;
use super::call::Call;
use super::plan::{Plan, Run, line_of_results};
use super::settings::{Comparison, ReproduceSettings};
use crate::error::{Context as _, Error, Result};
use crate::observer::Observer;

/// Time between two looks at a program that runs, and at the observer.
const POLL: Duration = Duration::from_millis(50);

/// The outcome of a run.
enum Ended {
    /// The line of its measures, and seconds.
    Done(String, u64),
    Failed(Error),
    Stopped,
}

/// Runs all that is not done; the table is left to the caller.
pub fn run(
    plan: &Plan,
    settings: &ReproduceSettings,
    observer: &mut dyn Observer,
) -> Result<Reproduced> {
    let left = plan.runs().filter(|run| !run.calls().is_empty()).count();
    let mut reproduced = Reproduced {
        table: String::new(),
        done: 0,
        failed: Vec::new(),
        stopped: false,
    };
    observer.begin("run", left as u64);
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for worker in 0..workers(settings).min(plan.groups.len()) {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            let work = move || work(plan, settings, next, stop, &sender);
            match thread::Builder::new().spawn_scoped(scope, work) {
                Err(error) if worker == 0 => {
                    return Err(Error::unexpected(format!("starting a thread: {error}")));
                }
                // Fewer side by side.
                Err(_) => break,
                Ok(_) => {}
            }
        }
        drop(sender);
        loop {
            let (run, ended) = match receiver.recv_timeout(POLL) {
                Ok(ended) => ended,
                Err(RecvTimeoutError::Timeout) => {
                    if observer.stops() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match ended {
                Ended::Done(line, seconds) => {
                    reproduced.done += 1;
                    observer.message(&format!("{}: {line} ({seconds} s)", run.title));
                }
                // A terminal asks our programs to stop in the same moment as us.
                Ended::Failed(_) if observer.stops() => {}
                Ended::Failed(why) => {
                    let line = format!("{}: failed, {why}; see {}", run.title, run.log.display());
                    observer.message(&line);
                    reproduced.failed.push(line);
                }
                Ended::Stopped => {}
            }
            let over = reproduced.done + reproduced.failed.len();
            observer.advance(over as u64, &|| run.title.clone());
        }
        Ok(())
    })?;
    observer.end();
    let over = reproduced.done + reproduced.failed.len();
    reproduced.stopped = observer.stops() && over < left;
    Ok(reproduced)
}

/// Rows on BSDS500 are initialised from one another; those of different trunks of MS-COCO are not.
fn workers(settings: &ReproduceSettings) -> usize {
    match settings.comparison {
        Comparison::Bsds => 1,
        Comparison::Coco => settings.jobs,
    }
}

/// Takes groups until there is none.
fn work<'p>(
    plan: &'p Plan,
    settings: &ReproduceSettings,
    next: &AtomicUsize,
    stop: &AtomicBool,
    sender: &Sender<(&'p Run, Ended)>,
) {
    while let Some(group) = plan.groups.get(next.fetch_add(1, Ordering::Relaxed)) {
        for run in group {
            let calls = run.calls();
            if calls.is_empty() {
                continue;
            }
            let ended = match stop.load(Ordering::Relaxed) {
                true => Ended::Stopped,
                false => one_run(run, &calls, settings.comparison, stop),
            };
            if sender.send((run, ended)).is_err() {
                return;
            }
        }
    }
}

fn one_run(run: &Run, calls: &[Call], comparison: Comparison, stop: &AtomicBool) -> Ended {
    let began = Instant::now();
    let made = || -> Result<Option<String>> {
        fs::create_dir_all(&run.folder).map_err(Error::file(&run.folder))?;
        let log = File::create(&run.log).map_err(Error::file(&run.log))?;
        for call in calls {
            if !finish(call, &log, stop)? {
                return Ok(None);
            }
            if let Some(partial) = &call.results {
                fs::rename(partial, run.results()).map_err(Error::file(partial))?;
            }
        }
        line_of_results(comparison, &run.results()).map(Some)
    };
    match made() {
        Ok(Some(line)) => Ended::Done(line, began.elapsed().as_secs()),
        Ok(None) => Ended::Stopped,
        Err(error) => Ended::Failed(error),
    }
}

/// Runs a program to its end; `false` where it was stopped.
fn finish(call: &Call, log: &File, stop: &AtomicBool) -> Result<bool> {
    let log = || log.try_clone().map(Stdio::from);
    let starting = || format!("starting {}", call.program.display());
    let mut command = Command::new(&call.program);
    command
        .args(&call.arguments)
        // A core a run: runs lie side by side, and their times are compared.
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .stderr(log().map_err(Error::file(&call.program))?);
    command.stdout(match &call.results {
        Some(path) => Stdio::from(File::create(path).map_err(Error::file(path))?),
        None => log().map_err(Error::file(&call.program))?,
    });
    let mut child = command
        .spawn()
        .map_err(Error::file(&call.program))
        .with_context(starting)?;
    let mut asked = false;
    loop {
        let status = child.try_wait().map_err(Error::file(&call.program))?;
        match status {
            Some(_) if asked => return Ok(false),
            Some(status) if status.success() => return Ok(true),
            Some(status) => return Err(Error::unexpected(status.to_string())),
            None => {}
        }
        if !asked && stop.load(Ordering::Relaxed) {
            asked = true;
            ask_to_stop(&mut child).map_err(Error::file(&call.program))?;
        }
        thread::sleep(POLL);
    }
}

/// A training writes a checkpoint before it stops.
#[cfg(unix)]
fn ask_to_stop(child: &mut Child) -> std::io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};

    Ok(kill_process(Pid::from_child(child), Signal::TERM)?)
}

/// A training is resumed from its last checkpoint.
#[cfg(not(unix))]
fn ask_to_stop(child: &mut Child) -> std::io::Result<()> {
    child.kill()
}
