//! Files with findings, refused.

use crate::error::{Error, Result};
use crate::findings::Finding;

/// Refuses files with findings.
///
/// # Errors
/// [`Error::Strict`] for the first.
pub(crate) fn refuse(findings: &[Finding]) -> Result<()> {
    match findings.first() {
        None => Ok(()),
        Some(finding) => Err(Error::Strict {
            finding: finding.clone(),
            others: findings.len() - 1,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::FindingKind;

    #[test]
    fn the_first_finding_is_named_and_the_others_counted() {
        assert!(refuse(&[]).is_ok());
        let finding = |kind| Finding::new("a.json", kind, 1, "image 1");
        let all = [
            finding(FindingKind::RepeatedImages),
            finding(FindingKind::UnlistedImages),
        ];
        assert_eq!(
            refuse(&all).unwrap_err().to_string(),
            format!("{}; 1 more finding; --strict refuses them", all[0])
        );
    }
}
