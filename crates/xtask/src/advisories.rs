//! `cargo xtask advisories`: reads the database of advisories, and notes in `ci/advisories.toml` what was read and when.
//!
//! ```text
//!   cargo deny fetch db ─▶ cargo deny check advisories ─▶ what concerns our lock file ─▶ ci/advisories.toml
//! ```

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::deny::{CONFIG, fetch};
use crate::workspace;

pub const SUMMARY: &str = "ci/advisories.toml";
/// Days after which a reading is to be made again.
pub const MOST_DAYS: i64 = 120;

/// The lines above what is written.
const HEAD: &str = "\
# The last reading of the database of advisories (https://rustsec.org): `cargo xtask advisories` writes it again.
# The step `deny` fails where it is older than 120 days and the database can be reached.

";

/// A reading of the database.
#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// YYYY-MM-DD.
    read: String,
    /// How.
    by: String,
    /// The newest advisory there was.
    up_to: String,
    /// How many of our crates were looked up.
    crates: u64,
    /// Advisories that concern them and are not accepted.
    #[serde(default)]
    found: Vec<Concerned>,
    /// Those that concern them and are accepted; why stands in `ci/deny.toml`.
    #[serde(default)]
    accepted: Vec<Concerned>,
}

/// An advisory that concerns a crate of ours.
#[derive(Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Concerned {
    id: String,
    #[serde(rename = "crate")]
    name: String,
}

impl Reading {
    /// The last one.
    pub fn last(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join(SUMMARY))
            .with_context(|| format!("reading {SUMMARY}"))?;
        toml::from_str(&text).with_context(|| format!("reading {SUMMARY}"))
    }

    /// Whether another is to be made.
    pub fn is_old(&self) -> Result<bool> {
        Ok(self.age_on(today())? > MOST_DAYS)
    }

    /// Days since it was made, on a day counted from the beginning of 1970.
    fn age_on(&self, day: i64) -> Result<i64> {
        Ok(day - days(&self.read).with_context(|| format!("{SUMMARY}: read"))?)
    }

    /// `2026-10-01 (61 days ago), up to RUSTSEC-2026-0334, 235 crates, 0 open and 2 accepted advisories`.
    pub fn in_words(&self) -> Result<String> {
        Ok(format!(
            "{} ({} days ago), up to {}, {} crates, {} open and {} accepted advisories",
            self.read,
            self.age_on(today())?,
            self.up_to,
            self.crates,
            self.found.len(),
            self.accepted.len()
        ))
    }

    /// Out of the lines of `cargo deny --format json --log-level info check advisories`.
    fn of_lines(lines: &str, up_to: String, read: String) -> Result<Self> {
        let (mut crates, mut ended) = (None, false);
        let mut ignored = Vec::new();
        let mut concerned = Vec::new();
        for line in lines.lines() {
            // Other programs' lines lie between, such as cargo's.
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            ended |= line["type"] == "summary";
            let fields = &line["fields"];
            let message = fields["message"].as_str().unwrap_or_default();
            if let Some(rest) = message.strip_prefix("gathered ") {
                crates = rest.split(' ').next().and_then(|count| count.parse().ok());
            }
            let id = fields["advisory"]["id"].as_str();
            if let (Some(id), Some(name)) = (id, fields["advisory"]["package"].as_str()) {
                concerned.push(Concerned {
                    id: id.to_owned(),
                    name: name.to_owned(),
                });
            }
            if fields["code"] == "advisory-ignored" {
                let labels = fields["labels"].as_array().into_iter().flatten();
                ignored
                    .extend(labels.filter_map(|label| label["span"].as_str().map(str::to_owned)));
            }
        }
        let Some(crates) = crates.filter(|_| ended) else {
            bail!(
                "cargo-deny: expected how many crates were gathered, and a summary, found neither"
            );
        };
        concerned.sort();
        concerned.dedup();
        let (accepted, found) = concerned
            .into_iter()
            .partition(|concerned| ignored.contains(&concerned.id));
        Ok(Self {
            read,
            by: "cargo-deny".to_owned(),
            up_to,
            crates,
            found,
            accepted,
        })
    }
}

/// Reads the database and writes the summary; `Ok(false)` where an advisory is open, or nothing could be read.
pub fn run(root: &Path) -> Result<bool> {
    if !fetch(root)? {
        eprintln!("the database of advisories cannot be fetched: {SUMMARY} stays as it is");
        return Ok(false);
    }
    let output = workspace::cargo(root)
        .args(["deny", "--format", "json", "--log-level", "info"])
        .args(["--config", CONFIG, "check", "advisories"])
        .output()
        .context("starting cargo-deny")?;
    let lines = String::from_utf8_lossy(&output.stderr);
    let newest = newest(&databases()?)?;
    let reading = Reading::of_lines(&lines, newest, in_figures(today()))?;
    let text = format!("{HEAD}{}", toml::to_string(&reading)?);
    std::fs::write(root.join(SUMMARY), text).with_context(|| format!("writing {SUMMARY}"))?;
    println!("{SUMMARY}: {}", reading.in_words()?);
    for Concerned { id, name } in &reading.found {
        println!("{id}: {name}");
    }
    Ok(reading.found.is_empty())
}

/// Where cargo-deny keeps the databases that it fetched.
fn databases() -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    Ok(home.context("no home folder")?.join("advisory-dbs"))
}

/// The newest advisory below a folder.
fn newest(folder: &Path) -> Result<String> {
    let mut newest = None;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let reading = || format!("reading {}", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(reading)? {
            let path = entry.with_context(reading)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let id = path.file_name().and_then(|name| name.to_str());
            let id = id.and_then(|name| name.strip_suffix(".md"));
            let id = id.filter(|id| id.starts_with("RUSTSEC-"));
            newest = newest.max(id.map(str::to_owned));
        }
    }
    newest.with_context(|| format!("{}: expected advisories, found none", folder.display()))
}

/// Days from the beginning of 1970 to today.
fn today() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| (since.as_secs() / 86_400) as i64)
}

/// Days from the beginning of 1970 to the beginning of a year.
fn days_to(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + before / 4 - before / 100 + before / 400 - 477
}

/// Days of each month.
fn months(year: i64) -> [i64; 12] {
    let leap = days_to(year + 1) - days_to(year) - 365;
    [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/// Days from the beginning of 1970 to a date, YYYY-MM-DD.
fn days(date: &str) -> Result<i64> {
    let parts: Vec<i64> = date
        .split('-')
        .filter_map(|part| part.parse().ok())
        .collect();
    let [year @ 1970..=9999, month @ 1..=12, day] = parts[..] else {
        bail!("expected a date such as 2026-10-01, found `{date}`");
    };
    let months = months(year);
    if !(1..=months[month as usize - 1]).contains(&day) {
        bail!("expected a day of its month, found `{date}`");
    }
    let before: i64 = months[..month as usize - 1].iter().sum();
    Ok(days_to(year) + before + day - 1)
}

/// The date so many days after the beginning of 1970.
fn in_figures(days: i64) -> String {
    let mut year = 1970;
    while days_to(year + 1) <= days {
        year += 1;
    }
    let (mut left, mut month) = (days - days_to(year), 0);
    while left >= months(year)[month] {
        left -= months(year)[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_and_days_dates() {
        for (date, count) in [
            ("1970-01-01", 0),
            ("2000-02-29", 11_016),
            ("2000-03-01", 11_017),
            ("2026-12-01", 20_788),
            ("2100-03-01", 47_541),
        ] {
            assert_eq!(days(date).expect("a date"), count, "{date}");
            assert_eq!(in_figures(count), date);
        }
        for date in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-01-00",
            "October 2026",
        ] {
            assert!(days(date).is_err(), "{date}");
        }
    }

    /// What cargo-deny 0.20 prints of a database with an advisory of each kind, shortened.
    const LINES: &str = r#"
{"fields":{"level":"INFO","message":"gathered 395 crates in 749ms"},"type":"log"}
{"fields":{"advisory":{"id":"RUSTSEC-2025-9999","package":"either"},"code":"vulnerability","severity":"error"},"type":"diagnostic"}
{"fields":{"code":"advisory-ignored","labels":[{"message":"advisory ignored here","span":"RUSTSEC-2024-0436"}],"severity":"note"},"type":"diagnostic"}
{"fields":{"advisory":{"id":"RUSTSEC-2024-0436","package":"paste"},"code":"unmaintained","severity":"note"},"type":"diagnostic"}
{"fields":{"code":"advisory-not-detected","labels":[{"span":"RUSTSEC-2025-0058"}],"severity":"warning"},"type":"diagnostic"}
{"fields":{"advisories":{"errors":1,"helps":0,"notes":2,"warnings":2}},"type":"summary"}
"#;

    #[test]
    fn what_cargo_deny_prints_becomes_a_reading() {
        let of =
            |lines: &str| Reading::of_lines(lines, "RUSTSEC-2025-9999".into(), "2026-12-01".into());
        let reading = of(LINES).expect("a reading");
        let one = |concerned: &[Concerned]| match concerned {
            [one] => (one.id.clone(), one.name.clone()),
            other => panic!("{other:?}"),
        };
        assert_eq!(reading.crates, 395);
        assert_eq!(
            one(&reading.found),
            ("RUSTSEC-2025-9999".into(), "either".into())
        );
        assert_eq!(
            one(&reading.accepted),
            ("RUSTSEC-2024-0436".into(), "paste".into())
        );
        let text = toml::to_string(&reading).expect("TOML");
        assert_eq!(toml::from_str::<Reading>(&text).expect("the same"), reading);
        // A run that broke off is no reading without advisories.
        assert!(of("").is_err());
        assert!(of(LINES.lines().nth(1).expect("a line")).is_err());
    }

    #[test]
    fn a_reading_is_old_after_120_days() {
        let of = |read: i64| Reading::of_lines(LINES, String::new(), in_figures(read));
        let is_old = |read: i64| of(read).expect("a reading").is_old().expect("a date");
        assert!(!is_old(today() - MOST_DAYS) && !is_old(today()));
        assert!(is_old(today() - MOST_DAYS - 1));
    }

    #[test]
    fn the_newest_advisory_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(newest(folder.path()).is_err());
        for id in ["RUSTSEC-2024-0436", "RUSTSEC-2026-0334", "README"] {
            let inside = folder.path().join(id);
            std::fs::create_dir(&inside).expect("a folder");
            std::fs::write(inside.join(format!("{id}.md")), "").expect("a file");
        }
        assert_eq!(newest(folder.path()).expect("one"), "RUSTSEC-2026-0334");
    }

    #[test]
    fn the_last_reading_is_of_a_day_and_accepts_what_deny_does() {
        let root = workspace::root().expect("a workspace");
        let reading = Reading::last(&root).expect("a reading");
        assert!(reading.age_on(today()).expect("a date") >= 0);
        let text = std::fs::read_to_string(root.join(CONFIG)).expect("settings");
        for Concerned { id, .. } in &reading.accepted {
            assert!(text.contains(id), "{id}");
        }
    }
}
