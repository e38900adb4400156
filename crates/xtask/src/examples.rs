//! Builds every example of the workspace and runs each to its end.
//!
//! All are built by one call with the same selection as the tests, since `cargo run --example` package
//! by package would resolve other features and build the dependencies again. Cargo names the
//! executables in its messages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace;

/// An example that cargo has built.
#[derive(Debug, PartialEq)]
struct Example {
    name: String,
    executable: PathBuf,
}

/// Builds and runs; `Ok(false)` where the build or an example fails.
pub fn run(root: &Path, features: &str) -> Result<bool> {
    let whole = workspace::WITHOUT_BRIDGES.into_iter();
    run_of(
        root,
        &whole.chain(["--features", features]).collect::<Vec<_>>(),
    )
}

/// The same for a selection of packages, as cargo takes it.
pub fn run_of(root: &Path, selection: &[&str]) -> Result<bool> {
    let output = workspace::cargo(root)
        .args(["build", "--examples"])
        .args(selection)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("starting cargo build for the examples")?;
    if !output.status.success() {
        return Ok(false);
    }
    let examples = read_messages(&String::from_utf8_lossy(&output.stdout));
    let mut all_passed = true;
    for example in &examples {
        let start = Instant::now();
        let output = Command::new(&example.executable)
            .current_dir(root)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("starting example {}", example.name))?;
        let seconds = start.elapsed().as_secs_f64();
        if output.status.success() {
            eprintln!("example {} ... ok, {seconds:.1} s", example.name);
        } else {
            all_passed = false;
            eprintln!(
                "example {} ... FAILED, {}, expected exit code 0; it said:\n{}{}",
                example.name,
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    eprintln!("examples run: {}", examples.len());
    Ok(all_passed)
}

/// The examples among cargo's messages (one JSON object a line), sorted by name.
fn read_messages(messages: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["target"]["kind"][0] == "example")
        .filter_map(|message| {
            Some(Example {
                name: message["target"]["name"].as_str()?.to_owned(),
                executable: message["executable"].as_str()?.into(),
            })
        })
        .collect();
    examples.sort_by(|a, b| a.name.cmp(&b.name));
    examples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_built_examples_are_taken() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"ncuts"},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["example"],"name":"two"},"executable":"out/two"}
{"reason":"compiler-artifact","target":{"kind":["example"],"name":"one"},"executable":"out/one"}
{"reason":"compiler-artifact","target":{"kind":["example"],"name":"library"},"executable":null}
{"reason":"build-finished","success":true}
a line that is no JSON"#;
        let names: Vec<String> = read_messages(messages)
            .into_iter()
            .map(|example| example.name)
            .collect();
        assert_eq!(names, ["one", "two"]);
    }
}
