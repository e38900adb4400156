//! The first directory of a TIFF, classic or large, and of Exif data, which are one without pixels.

/// What a directory says of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub tag: u16,
    /// The kind of its values, as TIFF counts them.
    pub kind: u16,
    /// How many there are.
    pub count: usize,
    /// Where they begin.
    pub place: usize,
}

/// The entries of the first directory.
pub struct Directory<'a> {
    bytes: &'a [u8],
    little: bool,
    entries: Vec<Entry>,
    /// Further pictures lie behind the first.
    pub has_more: bool,
}

impl<'a> Directory<'a> {
    /// Reads it; of one that breaks off, the entries before.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        // Some writers of Exif turn the 42 the other way: the letters decide.
        let (little, large) = match bytes.get(..4)? {
            b"II*\0" | b"II\0*" => (true, false),
            b"MM\0*" | b"MM*\0" => (false, false),
            b"II+\0" => (true, true),
            b"MM\0+" => (false, true),
            _ => return None,
        };
        let mut directory = Self {
            bytes,
            little,
            entries: Vec::new(),
            has_more: false,
        };
        // Bytes of a place, of the number of entries, and of an entry.
        let (place, number, entry) = if large { (8, 8, 20) } else { (4, 2, 12) };
        let start = directory.whole(if large { 8 } else { 4 }, place)?;
        let start = usize::try_from(start).ok()?;
        let count = usize::try_from(directory.whole(start, number)?).ok()?;
        let first = start.checked_add(number)?;
        let most = bytes.len().saturating_sub(first) / entry;
        for at in (0..count.min(most)).map(|index| first + entry * index) {
            let found = directory.entry(at, place);
            directory.entries.extend(found);
        }
        // What a file that breaks off there says is no directory.
        let end = count
            .checked_mul(entry)
            .and_then(|length| first.checked_add(length));
        let next = end.and_then(|end| directory.whole(end, place)).unwrap_or(0);
        directory.has_more = next != 0 && next < bytes.len() as u64;
        Some(directory)
    }

    fn entry(&self, at: usize, place: usize) -> Option<Entry> {
        let kind = self.whole(at + 2, 2)? as u16;
        let count = usize::try_from(self.whole(at + 4, place)?).ok()?;
        // Values that fit lie in the entry itself.
        let inside = at + 4 + place;
        let fits = count
            .checked_mul(bytes_of(kind))
            .is_some_and(|length| length <= place);
        let place = match fits {
            true => inside,
            false => usize::try_from(self.whole(inside, place)?).ok()?,
        };
        Some(Entry {
            tag: self.whole(at, 2)? as u16,
            kind,
            count,
            place,
        })
    }

    /// What it says of a tag.
    pub fn find(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }

    /// The first of a tag's values, where they are whole numbers.
    pub fn value(&self, tag: u16) -> Option<u32> {
        let entry = self.find(tag).filter(|entry| entry.count > 0)?;
        let is_whole = matches!(entry.kind, 1 | 3 | 4 | 6 | 8 | 9 | 13 | 16..=18);
        let value = is_whole.then(|| self.whole(entry.place, bytes_of(entry.kind)));
        u32::try_from(value??).ok()
    }

    /// Adds to each of a tag's values, in a copy of the file; none becomes more than its kind holds.
    #[cfg(any(test, feature = "more-formats"))]
    pub fn add(&self, tag: u16, more: u64, copy: &mut [u8]) -> Option<()> {
        let entry = self.find(tag)?;
        let length = bytes_of(entry.kind);
        let most = u64::MAX >> (64 - 8 * length);
        for index in 0..entry.count {
            let at = entry.place.checked_add(index.checked_mul(length)?)?;
            let value = self.whole(at, length)?.saturating_add(more).min(most);
            let bytes = match self.little {
                true => value.to_le_bytes(),
                false => (value << (64 - 8 * length)).to_be_bytes(),
            };
            copy.get_mut(at..at + length)?
                .copy_from_slice(&bytes[..length]);
        }
        Some(())
    }

    /// A whole number of 1, 2, 4 or 8 bytes.
    fn whole(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(match self.little {
            true => bytes.iter().rev().fold(0, fold),
            false => bytes.iter().fold(0, fold),
        })
    }
}

/// Bytes of a value of this kind.
fn bytes_of(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A large TIFF of one directory with two counts of bytes that lie behind it.
    fn large(little: bool) -> Vec<u8> {
        let number = |value: u64, length: usize| match little {
            true => value.to_le_bytes()[..length].to_vec(),
            false => value.to_be_bytes()[8 - length..].to_vec(),
        };
        let start = if little { b"II+\0" } else { b"MM\0+" };
        let head = [&start[..], &number(8, 2), &number(0, 2), &number(16, 8)].concat();
        let turn = [
            number(274, 2),
            number(4, 2),
            number(1, 8),
            number(6, 4),
            vec![0; 4],
        ];
        let counts = [number(279, 2), number(3, 2), number(5, 8), number(72, 8)];
        let behind = [number(0, 8)].concat();
        let values: Vec<u8> = [1, 2, 3, 4, 65_530]
            .iter()
            .flat_map(|count| number(*count, 2))
            .collect();
        [
            head,
            number(2, 8),
            turn.concat(),
            counts.concat(),
            behind,
            values,
        ]
        .concat()
    }

    #[test]
    fn large_tiffs_have_longer_entries() {
        for little in [true, false] {
            let bytes = large(little);
            let found = Directory::read(&bytes).unwrap();
            assert_eq!((found.value(274), found.value(279)), (Some(6), Some(1)));
            assert!(!found.has_more);
            let mut copy = bytes.clone();
            found.add(279, 8, &mut copy).unwrap();
            let entry = found.find(279).unwrap();
            let after = Directory {
                bytes: &copy,
                ..found
            };
            let value = |index: usize| after.whole(entry.place + 2 * index, 2).unwrap();
            assert_eq!([0, 1, 2, 3, 4].map(value), [9, 10, 11, 12, 65_535]);
            for end in 0..bytes.len() {
                let cut = Directory::read(&bytes[..end]);
                assert!(
                    cut.is_none_or(|cut| cut.value(279).is_none() || end > 73),
                    "{end}"
                );
            }
        }
    }
}
