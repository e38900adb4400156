//! Work on many things that ranks share: the part of each, and all parts together.

use serde::Serialize;
use serde::de::DeserializeOwned;
use training::Ranks;

use crate::error::{Context as _, Error, Result};

/// This rank's of `count` things: every so many, so that neighbours that are alike are spread.
pub fn shard(ranks: &Ranks, count: usize) -> Vec<usize> {
    (ranks.rank()..count).step_by(ranks.size()).collect()
}

/// Collects the results of all ranks, each for its [`shard`], on the first rank, in the order of items. Numbers are
/// exact to the bit.
///
/// # Errors
/// Those of [`Ranks::all_gather`]; values that JSON cannot represent.
pub fn gather<T: Serialize + DeserializeOwned>(
    ranks: &Ranks,
    found: Vec<T>,
) -> Result<Option<Vec<T>>> {
    let sent = ranks.sync_result(serde_json::to_vec(&found).map_err(Error::from))?;
    let sent = ranks.all_gather(sent)?;
    if !ranks.is_first() {
        return Ok(None);
    }
    let received = sent
        .iter()
        .map(|bytes| serde_json::from_slice::<Vec<T>>(bytes));
    let received: Vec<Vec<T>> = received
        .collect::<serde_json::Result<_>>()
        .context("what another rank found")?;
    Ok(Some(interleave(received)))
}

/// The first of each, then the second of each, and so on.
fn interleave<T>(parts: Vec<Vec<T>>) -> Vec<T> {
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    while let Some(first) = parts[0].next() {
        all.push(first);
        all.extend(parts[1..].iter_mut().filter_map(Iterator::next));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_together_in_order() {
        assert_eq!(
            interleave(vec![vec![0, 3, 6], vec![1, 4], vec![2, 5]]),
            [0, 1, 2, 3, 4, 5, 6]
        );
        assert_eq!(interleave(vec![vec![0], vec![], vec![]]), [0]);
        let ranks = Ranks::alone();
        assert_eq!(shard(&ranks, 3), [0, 1, 2]);
        assert_eq!(gather(&ranks, vec![0.1, 0.2]).unwrap().unwrap(), [0.1, 0.2]);
    }
}
