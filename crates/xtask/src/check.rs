//! `cargo xtask check`: the steps a change has to pass, one after another.
//!
//! One profile (dev), one target folder, one selection of packages (`--workspace`) and one of features
//! (all of matbackprop-core's) throughout, so that no step builds again what an earlier one built.
//! Benches are compiled by `clippy --all-targets`, the crate without its features by `web`. `cuda` takes another feature of
//! `models` and `training`, and compiles them and dfdx once more; `mpi`, the last, adds the feature of that name.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::{deny, examples, mpi, tidy, web, workspace};

/// One step of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Format,
    Tidy,
    Deny,
    Clippy,
    Test,
    Doc,
    Examples,
    Cuda,
    Web,
    Mpi,
}

/// Which steps to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    All,
    Only(Step),
    From(Step),
}

impl Step {
    /// Every step, in the order they run: the quick ones first.
    pub const ALL: [Self; 10] = [
        Self::Format,
        Self::Tidy,
        Self::Deny,
        Self::Clippy,
        Self::Test,
        Self::Doc,
        Self::Examples,
        Self::Cuda,
        Self::Web,
        Self::Mpi,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Tidy => "tidy",
            Self::Deny => "deny",
            Self::Clippy => "clippy",
            Self::Test => "test",
            Self::Doc => "doc",
            Self::Examples => "examples",
            Self::Cuda => "cuda",
            Self::Web => "web",
            Self::Mpi => "mpi",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// All names, for messages.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The arguments for cargo; empty where the step is done in this process.
    fn cargo_arguments(self, features: &str) -> Vec<&str> {
        const LINTED: [&str; 4] = ["--all-targets", "--", "-D", "warnings"];
        // What the one feature of another crate adds, checked without the toolkit that building it takes.
        const CUDA: [&str; 7] = [
            "clippy",
            "--package",
            "models",
            "--package",
            "training",
            "--features",
            "training/cuda,dfdx/ci-check",
        ];
        let with_features = ["--workspace", "--features", features];
        let (before, after): (&[&str], &[&str]) = match self {
            Self::Format => return vec!["fmt", "--all", "--", "--check"],
            Self::Cuda => return [&CUDA[..], &LINTED].concat(),
            Self::Clippy => (&["clippy"], &LINTED),
            Self::Test => (&["test"], &[]),
            Self::Doc => (&["doc"], &["--no-deps"]),
            Self::Tidy | Self::Deny | Self::Examples | Self::Web | Self::Mpi => return Vec::new(),
        };
        [before, &with_features, after].concat()
    }

    /// `Ok(None)` where the step was left out.
    fn run(self, root: &Path) -> Result<Option<bool>> {
        let passed = match self {
            Self::Tidy => tidy::run(root)?,
            Self::Deny => return deny::run(root),
            Self::Examples => examples::run(root, &workspace::core_features(root)?)?,
            Self::Web => return web::run(root, true),
            Self::Mpi => return mpi::run(root),
            _ => {
                let features = workspace::core_features(root)?;
                let mut command = workspace::cargo(root);
                command.args(self.cargo_arguments(&features));
                if self == Self::Doc {
                    command.env("RUSTDOCFLAGS", "-D warnings");
                }
                let status = command
                    .status()
                    .with_context(|| format!("starting cargo for step {}", self.name()))?;
                status.success()
            }
        };
        Ok(Some(passed))
    }
}

impl Selection {
    /// The steps it holds, in order.
    pub fn steps(self) -> Vec<Step> {
        match self {
            Self::All => Step::ALL.to_vec(),
            Self::Only(step) => vec![step],
            Self::From(first) => Step::ALL
                .into_iter()
                .skip_while(|step| *step != first)
                .collect(),
        }
    }
}

/// Runs the selected steps; `Ok(false)` at the first that fails.
pub fn run(root: &Path, selection: Selection) -> Result<bool> {
    let steps = selection.steps();
    let mut skipped = Vec::new();
    let whole = Instant::now();
    for (index, step) in steps.iter().enumerate() {
        eprintln!("== {} ({} of {})", step.name(), index + 1, steps.len());
        let start = Instant::now();
        let outcome = step.run(root);
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(Some(true)) => eprintln!("== {} passed in {seconds:.1} s\n", step.name()),
            Ok(None) => {
                eprintln!("== {} SKIPPED\n", step.name());
                skipped.push(step.name());
            }
            Ok(Some(false)) | Err(_) => {
                eprintln!(
                    "== {} FAILED after {seconds:.1} s. To repeat only this step:\n     cargo xtask check --only {}",
                    step.name(),
                    step.name()
                );
                return outcome.map(|_| false);
            }
        }
    }
    let passed = steps.len() - skipped.len();
    eprintln!(
        "== check passed: {passed} of {} steps in {:.1} s{}",
        Step::ALL.len(),
        whole.elapsed().as_secs_f64(),
        match skipped.join(", ") {
            names if names.is_empty() => names,
            names => format!("; skipped, see above: {names}"),
        }
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_steps() {
        for step in Step::ALL {
            assert_eq!(Step::from_name(step.name()), Some(step));
        }
        assert_eq!(Step::from_name("lint"), None);
    }

    #[test]
    fn selections_keep_the_order() {
        assert_eq!(Selection::All.steps(), Step::ALL);
        assert_eq!(Selection::Only(Step::Tidy).steps(), [Step::Tidy]);
        assert_eq!(
            Selection::From(Step::Test).steps(),
            [
                Step::Test,
                Step::Doc,
                Step::Examples,
                Step::Cuda,
                Step::Web,
                Step::Mpi
            ]
        );
    }

    #[test]
    fn every_building_step_takes_the_whole_workspace_and_all_features() {
        for step in [Step::Clippy, Step::Test, Step::Doc] {
            let arguments = step.cargo_arguments("core/one,core/two");
            assert!(arguments.contains(&"--workspace"));
            assert!(arguments.contains(&"core/one,core/two"));
        }
    }
}
