//! Numbers of clusters in words: `auto`, `7`, `2..16`, `3,5,8`.

use std::str::FromStr;

use models::ClusterChoice;

/// The most clusters that one may ask for.
const MOST: usize = 4096;

/// Which numbers of clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterArgument(pub ClusterChoice);

impl ClusterArgument {
    /// The numbers asked for; `None` when the network is to choose.
    pub fn counts(&self) -> Option<&[usize]> {
        match &self.0 {
            ClusterChoice::Counts(counts) => Some(counts),
            ClusterChoice::Auto | ClusterChoice::Around(_) => None,
        }
    }
}

impl FromStr for ClusterArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self(ClusterChoice::Auto));
        }
        let number = |word: &str| match word.parse::<usize>() {
            Ok(number) if (1..=MOST).contains(&number) => Ok(number),
            _ => Err(format!(
                "expected a number from 1 to {MOST}, found `{word}`"
            )),
        };
        let counts: Vec<usize> = if let Some((first, last)) = text.split_once("..") {
            let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
            if first > last {
                return Err(format!(
                    "expected a range that increases, found {first}..{last}"
                ));
            }
            (first..=last).collect()
        } else {
            text.split(',').map(number).collect::<Result<_, _>>()?
        };
        match counts
            .iter()
            .enumerate()
            .find(|(place, k)| counts[..*place].contains(k))
        {
            Some((_, twice)) => Err(format!("expected each number once, found {twice} twice")),
            None => Ok(Self(ClusterChoice::Counts(counts))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let counts = |text: &str| {
            text.parse::<ClusterArgument>()
                .unwrap()
                .counts()
                .map(<[_]>::to_vec)
        };
        assert_eq!(counts("auto"), None);
        assert_eq!(counts("7"), Some(vec![7]));
        assert_eq!(counts("2..4"), Some(vec![2, 3, 4]));
        assert_eq!(counts("2..=4"), Some(vec![2, 3, 4]));
        assert_eq!(counts("8,3"), Some(vec![8, 3]));
    }

    #[test]
    fn invalid_numbers_of_clusters_are_refused() {
        for text in [
            "", "0", "7.5", "-2", "5..2", "0..3", "3,", "3,3", "2..", "many", "2..99999",
        ] {
            let refused = text.parse::<ClusterArgument>().unwrap_err();
            assert!(refused.starts_with("expected"), "{text}: {refused}");
        }
    }
}
