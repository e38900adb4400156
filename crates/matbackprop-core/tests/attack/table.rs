//! The results, a line a kind and task.

use crate::case::{Case, Task};
use crate::kinds::KINDS;
use crate::lapack;
use crate::measures::{Failure, Measures, measure};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Failures that are listed one by one; all are counted.
const LISTED: usize = 200;

/// The result for one matrix.
pub struct Verdict {
    pub found: Result<Measures, Failure>,
    /// Why it fails, if it does.
    pub failure: Option<String>,
}

/// Decomposes a matrix and compares the errors with the limits.
pub fn check(case: Case) -> Verdict {
    let (kind, want) = (case.kind, case.want);
    let found = catch_unwind(AssertUnwindSafe(|| {
        measure(want.task, case.matrix().as_ref())
    }));
    let found = found.unwrap_or_else(|_| Err(Failure::Wrong("panicked".to_owned())));
    let trouble = match &found {
        Ok(measures) => {
            let shape = (want.m, want.n);
            let (values, ratios) = (measures.as_list(), measures.ratios(shape));
            let limits = Measures::limits(shape);
            let names = ["residual", "orthogonality", "disagreement"];
            let beyond = (0..3).filter(|&i| ratios[i].is_nan() || ratios[i] > 1.0);
            let text: Vec<String> = beyond
                .map(|i| {
                    format!(
                        "{} {} ε, limit {:.0}",
                        names[i],
                        short(values[i]),
                        limits[i]
                    )
                })
                .collect();
            text.join("; ")
        }
        Err(Failure::Refused) => String::new(),
        Err(Failure::Wrong(text)) => text.clone(),
    };
    let failure = (!trouble.is_empty()).then(|| {
        let (task, m, n) = (want.task, want.m, want.n);
        format!("{kind}, {task:?}, {m} x {n}: {trouble}")
    });
    Verdict { found, failure }
}

/// An error in units of ε, and the matrix that has it.
#[derive(Clone, Copy)]
struct Worst {
    ratio: f64,
    value: f64,
    index: u64,
    shape: (usize, usize),
}

#[derive(Default)]
struct Row {
    matrices: u64,
    refused: u64,
    failed: u64,
    /// Residual, orthogonality, disagreement: those nearest to their limits, or farthest beyond.
    worst: [Option<Worst>; 3],
    /// A matrix more for LAPACK: the first that failed, else the latest.
    other: u64,
    /// Its errors, each where it is farthest.
    lapack: [Option<Worst>; 3],
    /// Matrices at which LAPACK gave up.
    lapack_failed: u64,
}

impl Worst {
    /// The three of a matrix.
    fn of(measures: &Measures, index: u64, shape: (usize, usize)) -> [Self; 3] {
        let (values, ratios) = (measures.as_list(), measures.ratios(shape));
        std::array::from_fn(|i| Self {
            ratio: ratios[i],
            value: values[i],
            index,
            shape,
        })
    }
}

/// Each of the three where it is worse.
fn keep(worst: &mut [Option<Worst>; 3], new: [Option<Worst>; 3]) {
    for (old, new) in worst.iter_mut().zip(new) {
        if let Some(new) = new
            && (new.ratio > old.map_or(-1.0, |old| old.ratio) || new.ratio.is_nan())
        {
            *old = Some(new);
        }
    }
}

/// The lines, and the failures.
#[derive(Default)]
pub struct Table {
    rows: BTreeMap<(&'static str, Task), Row>,
    pub failures: Vec<(u64, String)>,
    pub failed: u64,
}

impl Table {
    pub fn add(&mut self, index: u64, case: Case) -> Option<String> {
        let (kind, want) = (case.kind, case.want);
        let verdict = check(case);
        let row = self.rows.entry((kind, want.task)).or_default();
        row.matrices += 1;
        if row.failed == 0 {
            row.other = index;
        }
        match &verdict.found {
            Ok(measures) => {
                let new = Worst::of(measures, index, (want.m, want.n));
                keep(&mut row.worst, new.map(Some));
            }
            Err(Failure::Refused) => row.refused += 1,
            Err(Failure::Wrong(_)) => {}
        }
        if let Some(text) = &verdict.failure {
            row.failed += 1;
            self.failed += 1;
            if self.failures.len() < LISTED {
                self.failures.push((index, text.clone()));
            }
        }
        verdict.failure
    }

    pub fn merge(&mut self, other: Table) {
        for (key, from) in other.rows {
            let row = self.rows.entry(key).or_default();
            if row.failed == 0 {
                row.other = from.other;
            }
            row.matrices += from.matrices;
            row.refused += from.refused;
            row.failed += from.failed;
            keep(&mut row.worst, from.worst);
        }
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.failures.sort();
        self.failures.truncate(LISTED);
    }

    /// LAPACK's errors at our worst matrices of each line, and at one more.
    pub fn ask_lapack(&mut self, draw: impl Fn(u64) -> Case) -> Result<(), String> {
        let mut asked = Vec::new();
        // The worst residuals of all lines first: the last may be left out.
        for slot in 0..4 {
            for (key, row) in &self.rows {
                let index = match row.worst.get(slot) {
                    Some(worst) => worst.map(|worst| worst.index),
                    None => Some(row.other),
                };
                let pair = index.map(|index| (*key, index));
                asked.extend(pair.filter(|pair| !asked.contains(pair)));
            }
        }
        let found = lapack::residuals(asked.iter().map(|&(_, index)| draw(index)))?;
        for ((key, index), found) in asked.into_iter().zip(found) {
            let row = self.rows.get_mut(&key).expect("a line that asked");
            match found {
                lapack::Found::LeftOut => {}
                lapack::Found::GaveUp => row.lapack_failed += 1,
                lapack::Found::Measures(found) => {
                    let want = draw(index).want;
                    let new = Worst::of(&found, index, (want.m, want.n));
                    keep(&mut row.lapack, new.map(Some));
                }
            }
        }
        Ok(())
    }

    /// Markdown.
    pub fn text(&self) -> String {
        let mut text = "Errors in units of ε ‖A‖₂ (orthogonality: of ε), the worst against its limit, and the shape and \
             number of that matrix; LAPACK's worst at those matrices.\n\n\
             | kind | task | matrices | residual | orthogonality | disagreement | refused | failed | LAPACK: residual, \
             orthogonality, disagreement |\n|---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        let place = |kind: &str| KINDS.iter().position(|known| known.0 == kind);
        let mut rows: Vec<_> = self.rows.iter().collect();
        // The rare ones last.
        rows.sort_by_key(|((kind, task), _)| (place(kind).unwrap_or(KINDS.len()), *task));
        for ((kind, task), row) in rows {
            write!(text, "| {kind} | {task:?} | {} |", row.matrices).expect("room");
            for worst in row.worst {
                write!(text, " {} |", place_of(worst)).expect("room");
            }
            let mut theirs = row.lapack.map(place_of).join(", ");
            if row.lapack_failed > 0 {
                write!(theirs, "; gave up at {}", row.lapack_failed).expect("room");
            }
            writeln!(text, " {} | {} | {theirs} |", row.refused, row.failed).expect("room");
        }
        text
    }
}

/// How much, in which shape, of which number.
fn place_of(worst: Option<Worst>) -> String {
    let Some(worst) = worst else {
        return "-".to_owned();
    };
    let (m, n) = worst.shape;
    format!("{} ({m} x {n}, {})", short(worst.value), worst.index)
}

fn short(x: f64) -> String {
    if x < 1e4 {
        format!("{x:.1}")
    } else {
        format!("{x:.1e}")
    }
}
