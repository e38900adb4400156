//! `cargo xtask check`: the steps a change has to pass, one after another.
//!
//! One profile (dev), one target folder, one selection of packages (`--workspace`) and one of features
//! (all of matbackprop-core's, and where there is an MPI every `mpi`) throughout, so that no step repeats the build of an
//! earlier one. Benches are compiled by `clippy --all-targets`, the crate without its features by `web`. `cuda` takes
//! another feature, and none of the others: its packages are compiled without `mpi` too.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::members::Members;
use crate::{bridges, deny, examples, mpi, package, python, tidy, typos, web, workspace};

/// One step of the check, in the order they run: the quick ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// cargo fmt --all -- --check
    Format,
    /// cargo xtask tidy
    Tidy,
    /// spelling, by ci/typos.toml; skipped, with a message, without typos
    Typos,
    /// licences, versions, sources and advisories, by ci/deny.toml; skipped, with a message, without cargo-deny
    Deny,
    /// clippy of all targets, benches among them, without a warning
    Clippy,
    /// unit, integration and documentation tests
    Test,
    /// rustdoc without a warning
    Doc,
    /// every example, built and run to its end
    Examples,
    /// every published crate as a package, and a build of those files alone
    Package,
    /// clippy of the feature `cuda`, without a CUDA toolkit
    Cuda,
    /// cargo xtask web --test; skipped, with a message, without a compiler for wasm32-unknown-unknown, npm or Chromium
    Web,
    /// the bridges to other frameworks: their lints, tests, documentation and examples
    Bridges,
    /// the wheel of Python, its lints and its tests; skipped, with a message, without `ci/setup-python.sh`
    Python,
}

/// Which steps to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    All,
    Only(Step),
    From(Step),
}

/// State shared by the steps that call cargo.
struct Build {
    members: Members,
    /// As cargo's `--features` takes them in the whole workspace.
    features: String,
}

impl Step {
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether crates of the workspace are compiled.
    fn builds(self) -> bool {
        !matches!(self, Self::Format | Self::Tidy | Self::Typos | Self::Deny)
    }

    /// The arguments for cargo; empty where the step is done in this process.
    fn cargo_arguments(self, build: &Build) -> Vec<String> {
        const LINTED: [&str; 4] = ["--all-targets", "--", "-D", "warnings"];
        let whole = workspace::WITHOUT_BRIDGES.into_iter();
        let whole: Vec<&str> = whole.chain(["--features", &build.features]).collect();
        let words: Vec<&str> = match self {
            Self::Format => vec!["fmt", "--all", "--", "--check"],
            Self::Clippy => [&["clippy"], &whole[..], &LINTED].concat(),
            Self::Test => [&["test"], &whole[..]].concat(),
            Self::Doc => [&["doc"], &whole[..], &["--no-deps"]].concat(),
            Self::Cuda => {
                let packages = build.members.with_feature("cuda");
                let names = packages.iter().flat_map(|name| ["--package", name]);
                // No CUDA toolkit is needed to check it: `dfdx/ci-check`.
                let features = packages.iter().map(|name| format!("{name}/cuda"));
                let features: Vec<String> = features.chain(["dfdx/ci-check".to_owned()]).collect();
                let features = features.join(",");
                let words = ["clippy"].into_iter().chain(names);
                let words = words.chain(["--features", &features]).chain(LINTED);
                return words.map(str::to_owned).collect();
            }
            Self::Tidy | Self::Typos | Self::Deny => Vec::new(),
            Self::Examples | Self::Package | Self::Web => Vec::new(),
            Self::Bridges | Self::Python => Vec::new(),
        };
        words.into_iter().map(str::to_owned).collect()
    }

    /// `Ok(None)` where the step was left out.
    fn run(self, root: &Path, build: &Build) -> Result<Option<bool>> {
        let passed = match self {
            Self::Tidy => tidy::run(root)?,
            Self::Typos => return typos::run(root),
            Self::Deny => return deny::run(root),
            Self::Examples => examples::run(root, &build.features)?,
            Self::Package => package::run(root, &build.members, &build.features)?,
            Self::Web => return web::run(root, true),
            Self::Bridges => bridges::run(root)?,
            Self::Python => return python::run(root),
            _ => {
                let mut command = workspace::cargo(root);
                command.args(self.cargo_arguments(build));
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
        let all = Step::all().iter().copied();
        match self {
            Self::All => all.collect(),
            Self::Only(step) => vec![step],
            Self::From(first) => all.skip_while(|step| *step != first).collect(),
        }
    }
}

/// Runs the selected steps; `Ok(false)` at the first that fails.
pub fn run(root: &Path, selection: Selection) -> Result<bool> {
    let steps = selection.steps();
    let members = Members::read(root)?;
    let build = Build {
        features: members.shared_features(),
        members,
    };
    let mut skipped = Vec::new();
    if let Some(lacking) = mpi::lacking()
        && steps.iter().any(|step| step.builds())
    {
        eprintln!(
            "there is no {lacking}: the features `mpi` and the tests of several processes are left out. To install it:\n     \
             ci/setup-mpi.sh\n"
        );
        skipped.push("tests of several processes".to_owned());
    }
    let whole = Instant::now();
    let mut passed = 0;
    for (index, step) in steps.iter().enumerate() {
        let name = step.name();
        eprintln!("== {name} ({} of {})", index + 1, steps.len());
        let start = Instant::now();
        let outcome = step.run(root, &build);
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(Some(true)) => {
                eprintln!("== {name} passed in {seconds:.1} s\n");
                passed += 1;
            }
            Ok(None) => {
                eprintln!("== {name} SKIPPED\n");
                skipped.push(name);
            }
            Ok(Some(false)) | Err(_) => {
                eprintln!(
                    "== {name} FAILED after {seconds:.1} s. To repeat only this step:\n     cargo xtask check --only {name}"
                );
                return outcome.map(|_| false);
            }
        }
    }
    eprintln!(
        "== check passed: {passed} of {} steps in {:.1} s{}",
        Step::all().len(),
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
    fn selections_keep_the_order() {
        assert_eq!(Selection::All.steps(), Step::all());
        assert_eq!(Selection::Only(Step::Tidy).steps(), [Step::Tidy]);
        assert_eq!(
            Selection::From(Step::Test).steps(),
            [
                Step::Test,
                Step::Doc,
                Step::Examples,
                Step::Package,
                Step::Cuda,
                Step::Web,
                Step::Bridges,
                Step::Python
            ]
        );
    }

    #[test]
    fn every_building_step_takes_the_whole_workspace_and_all_features() {
        let root = workspace::root().expect("a workspace");
        let build = Build {
            members: Members::read(&root).expect("manifests"),
            features: "core/one,core/two".to_owned(),
        };
        for step in [Step::Clippy, Step::Test, Step::Doc] {
            let arguments = step.cargo_arguments(&build);
            for expected in ["--workspace", "core/one,core/two"] {
                assert!(arguments.iter().any(|word| word == expected));
            }
        }
        let arguments = Step::Cuda.cargo_arguments(&build).join(" ");
        assert!(
            arguments.contains("--package matbackprop-models ")
                && arguments.contains("matbackprop-models/cuda,"),
            "{arguments}"
        );
    }
}
