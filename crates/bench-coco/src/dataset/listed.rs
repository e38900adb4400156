//! Records under their ids, each id once.

use crate::error::Record;
use crate::findings::{FindingKind, Findings};
use crate::id::Id;

/// Records in the order of their ids; of several under one id the last, as in pycocotools.
pub(crate) struct Unique<T> {
    pub records: Vec<(Id, T)>,
    /// Those before the last, with its place in `records`.
    earlier: Vec<(usize, T)>,
    /// The places of those without an id.
    without_id: Vec<usize>,
}

/// Orders records by their ids.
pub(crate) fn unique<T>(records: Vec<T>, take_id: impl Fn(&mut T) -> Option<Id>) -> Unique<T> {
    let mut named: Vec<(Id, T)> = Vec::with_capacity(records.len());
    let mut without_id = Vec::new();
    for (place, mut record) in records.into_iter().enumerate() {
        match take_id(&mut record) {
            Some(id) => named.push((id, record)),
            None => without_id.push(place),
        }
    }
    // Stable: the last of a file stays the last of its id.
    named.sort_by(|a, b| a.0.cmp(&b.0));
    let mut records: Vec<(Id, T)> = Vec::with_capacity(named.len());
    let mut earlier = Vec::new();
    for (id, record) in named {
        match records.last_mut() {
            Some((last, kept)) if *last == id => {
                let before = std::mem::replace(kept, record);
                earlier.push((records.len() - 1, before));
            }
            _ => records.push((id, record)),
        }
    }
    Unique {
        records,
        earlier,
        without_id,
    }
}

impl<T> Unique<T> {
    /// Counts what was passed over.
    pub fn report(
        &self,
        findings: &mut Findings<'_>,
        kind: FindingKind,
        record: impl Fn(Id) -> Record,
    ) {
        for (place, _) in &self.earlier {
            findings.add(kind, || record(self.records[*place].0.clone()).to_string());
        }
        for place in &self.without_id {
            let of = match kind {
                FindingKind::RepeatedImages => "image",
                _ => "category",
            };
            findings.add(FindingKind::WithoutId, || {
                format!("{of} at place {place}: left out")
            });
        }
    }

    /// The place in the file's list of the first record without an id.
    pub fn first_without_id(&self) -> Option<usize> {
        self.without_id.first().copied()
    }

    /// Whether each record had others under its id that are not the same.
    pub fn repeated_otherwise(&self, same: impl Fn(&T, &T) -> bool) -> Vec<bool> {
        let mut otherwise = vec![false; self.records.len()];
        for (place, earlier) in &self.earlier {
            otherwise[*place] |= !same(earlier, &self.records[*place].1);
        }
        otherwise
    }
}

/// The name of a category without one.
pub(crate) fn placeholder_name(id: &Id) -> String {
    format!("cat_{id}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_last_of_an_id_counts() {
        let id = |id: u64| Some(Id::Number(id));
        let records = vec![
            (id(3), 'a'),
            (id(1), 'b'),
            (None, 'c'),
            (id(3), 'd'),
            (id(3), 'd'),
            (id(2), 'e'),
            (id(2), 'e'),
        ];
        let ordered = unique(records, |record| record.0.take());
        let letters: Vec<_> = ordered
            .records
            .iter()
            .map(|(id, record)| (id.to_string(), record.1))
            .collect();
        assert_eq!(
            letters,
            [("1".into(), 'b'), ("2".into(), 'e'), ("3".into(), 'd')]
        );
        let otherwise = ordered.repeated_otherwise(|a, b| a.1 == b.1);
        assert_eq!(otherwise, [false, false, true]);
        let mut findings = Findings::of(Path::new("a.json"));
        ordered.report(&mut findings, FindingKind::RepeatedImages, Record::Image);
        let all = findings.all();
        let counts: Vec<_> = all.iter().map(|one| (one.kind, one.count)).collect();
        assert_eq!(
            counts,
            [
                (FindingKind::RepeatedImages, 3),
                (FindingKind::WithoutId, 1)
            ]
        );
        assert_eq!(all[0].first, "image 2");
        assert_eq!(all[1].first, "image at place 2: left out");
        assert_eq!(ordered.first_without_id(), Some(2));
    }
}
