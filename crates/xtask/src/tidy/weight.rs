//! A repository that clones quickly.

use super::finding::Finding;

/// Bytes of one file, outside `crates/matbackprop/weights`.
const FILE_LIMIT: u64 = 1 << 20;
/// Bytes of all files.
const TOTAL_LIMIT: u64 = 30_000_000;
const WEIGHTS: &str = "crates/matbackprop/weights/";

pub fn check(sizes: &[(&str, u64)]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sizes
        .iter()
        .filter(|(path, bytes)| *bytes > FILE_LIMIT && !path.starts_with(WEIGHTS))
        .map(|(path, bytes)| {
            Finding::new(
                path,
                1,
                format!("a file of {:.1} MiB", *bytes as f64 / FILE_LIMIT as f64),
                format!("at most 1 MiB outside {WEIGHTS}"),
            )
        })
        .collect();
    let total: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    if total > TOTAL_LIMIT {
        findings.push(Finding::new(
            ".",
            1,
            format!("a repository of {:.1} MB", total as f64 / 1e6),
            format!("at most {} MB", TOTAL_LIMIT / 1_000_000),
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mebibyte_passes_and_one_byte_more_does_not() {
        assert!(check(&[("a.jpg", 1 << 20)]).is_empty());
        let findings = check(&[
            ("a.jpg", (1 << 20) + 1),
            ("crates/matbackprop/weights/w", 4_000_000),
        ]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].path, "a.jpg");
    }

    #[test]
    fn weights_count_in_the_whole() {
        let findings = check(&[
            ("crates/matbackprop/weights/a", 20_000_000),
            ("crates/matbackprop/weights/b", 10_000_001),
        ]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].what.contains("30.0 MB"));
    }
}
