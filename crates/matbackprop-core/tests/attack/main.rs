//! Awkward matrices against every decomposition of the crate: residuals, orthogonality, values with vectors against
//! values alone.
//!
//! `cargo test -p matbackprop-core --release -- --ignored attack` draws a million, in about a quarter of an hour on two
//! cores, and prints a table; with LAPACK's errors beside ours where `python3` has numpy. Environment variables:
//!
//! | variable | what |
//! |---|---|
//! | `MATBACKPROP_ATTACK_MATRICES` | how many |
//! | `MATBACKPROP_ATTACK_SEED` | another draw of all of them |
//! | `MATBACKPROP_ATTACK_ONLY` | the number of one matrix, to look at it alone |

mod case;
mod kinds;
mod lapack;
mod measures;
mod numbers;
mod table;

use case::{Case, Task};
use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use table::{Table, check};

const SEED: u64 = 20_150_907;
const MATRICES: u64 = 1_000_000;
const PROGRESS: Duration = Duration::from_secs(20);

/// Straight to the terminal: the test harness holds the output of `println!` back until the end.
fn say(text: impl Display) {
    writeln!(std::io::stderr(), "{text}").ok();
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}: expected a number, found {text}")),
    )
}

/// Matrices 0 to `count` of a seed, over all cores; none with both sides above `largest`.
fn run(seed: u64, count: u64, largest: usize, say: impl Fn(String) + Sync) -> Table {
    let (next, start) = (AtomicU64::new(0), Instant::now());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let under_way: Vec<_> = (0..cores).map(|_| AtomicU64::new(0)).collect();
    let work = |mine: &AtomicU64| {
        let mut table = Table::default();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return table;
            }
            mine.store(index, Ordering::Relaxed);
            let case = Case::draw(seed, index);
            if case.want.shorter() > largest {
                continue;
            }
            if let Some(text) = table.add(index, case)
                && table.failures.len() as u64 == table.failed
            {
                say(format!("matrix {index}, seed {seed}: {text}"));
            }
        }
    };
    let report = |done: Receiver<()>| {
        while done.recv_timeout(PROGRESS) == Err(RecvTimeoutError::Timeout) {
            let seconds = start.elapsed().as_secs();
            // A matrix that never ends would show here.
            let at = under_way.iter().map(|index| index.load(Ordering::Relaxed));
            let at: Vec<u64> = at.collect();
            say(format!("{seconds} s, at {at:?} of {count} matrices"));
        }
    };
    std::thread::scope(|scope| {
        let work = &work;
        let (running, done) = channel();
        scope.spawn(|| report(done));
        let workers = under_way.iter().map(|mine| scope.spawn(move || work(mine)));
        let workers: Vec<_> = workers.collect();
        let mut all = Table::default();
        for worker in workers {
            all.merge(worker.join().expect("a worker that ends"));
        }
        drop(running);
        all
    })
}

fn assert_nothing_failed(table: &Table, seed: u64) {
    let lines: Vec<String> = table
        .failures
        .iter()
        .map(|(index, text)| format!("MATBACKPROP_ATTACK_ONLY={index}: {text}"))
        .collect();
    assert!(
        lines.is_empty(),
        "{} matrices of seed {seed} fail, the first of them:\n{}",
        table.failed,
        lines.join("\n")
    );
}

#[test]
#[ignore = "a quarter of an hour: cargo test -p matbackprop-core --release -- --ignored attack"]
fn attack() {
    let seed = number("MATBACKPROP_ATTACK_SEED").unwrap_or(SEED);
    if let Some(index) = number("MATBACKPROP_ATTACK_ONLY") {
        let case = Case::draw(seed, index);
        let (kind, want) = (case.kind, case.want);
        let verdict = check(case);
        let (task, m, n) = (want.task, want.m, want.n);
        say(format!(
            "matrix {index} of seed {seed}: {kind}, {task:?}, {m} x {n}"
        ));
        match &verdict.found {
            Ok(measures) => say(format!("in units of ε: {measures:?}")),
            Err(_) => say("no measures"),
        }
        assert_eq!(verdict.failure, None);
        return;
    }
    let count = number("MATBACKPROP_ATTACK_MATRICES").unwrap_or(MATRICES);
    say(format!("{count} matrices, MATBACKPROP_ATTACK_SEED={seed}"));
    let mut table = run(seed, count, usize::MAX, say);
    if lapack::there() {
        let asked = table.ask_lapack(|index| Case::draw(seed, index));
        asked.unwrap_or_else(|error| say(format!("no residuals of LAPACK: {error}")));
    } else {
        say("no residuals of LAPACK: python3 has no numpy here");
    }
    say(table.text());
    assert_nothing_failed(&table, seed);
}

/// The same in small, for every day; and matrices that were once answered wrongly.
#[test]
fn a_few_hundred_awkward_matrices() {
    let table = run(SEED, 400, 140, |_| {});
    println!("{}", table.text());
    let mut failures = Vec::new();
    for (kind, m, n, task) in [
        // Singular values alone: σ₁₂₈ was 1.8e-15 instead of 1.
        ("zeros then ones", 256, 256, Task::Svd),
        ("ones then zeros", 256, 256, Task::Svd),
        ("zeros then ones", 128, 128, Task::Svd),
        ("ones then zeros", 128, 128, Task::Eigen),
        ("projector of half rank", 145, 145, Task::Svd),
        ("projector of half rank", 150, 150, Task::Eigen),
        // Eigenvalues alone.
        ("rows and columns graded", 4, 4, Task::Eigen),
        // Tall ones, which a QR factorisation makes square first.
        ("columns graded", 400, 30, Task::Svd),
        ("784 x 256, deficient", 392, 128, Task::Svd),
        ("5000 x 30, rows graded", 1000, 30, Task::Svd),
    ] {
        for seed in 0..2 {
            failures.extend(check(Case::named(kind, m, n, task, seed)).failure);
        }
    }
    println!("{}", failures.join("\n"));
    assert_nothing_failed(&table, SEED);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
