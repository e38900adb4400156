//! The levels that images share, so that one can be chosen for all.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::segmentation::Level;

/// All levels of the dataset, in order, from each image's id and levels.
///
/// Places and thresholds must be the same for every image. Numbers of clusters may differ: the union counts.
pub(super) fn shared_levels<'a>(
    images: impl IntoIterator<Item = (&'a str, Vec<Level>)>,
) -> Result<Vec<Level>> {
    let mut images = images.into_iter();
    let Some((first, expected)) = images.next() else {
        return Err(Error::NoImages);
    };
    let clusters = |levels: &[Level]| {
        levels
            .iter()
            .all(|level| matches!(level, Level::Clusters(_)))
    };
    let mut shared = expected.clone();
    for (image, found) in images {
        if found == expected {
            continue;
        }
        if !clusters(&found) || !clusters(&expected) {
            return Err(Error::LevelsDiffer {
                first: first.to_owned(),
                expected: in_words(&expected),
                image: image.to_owned(),
                found: in_words(&found),
            });
        }
        shared.extend(found);
    }
    shared.sort_by(Level::order);
    shared.dedup();
    Ok(shared)
}

/// The row of an image, in the order of levels, at a level: its own, else that of the nearest lower level, else that of
/// its lowest.
pub(super) fn at_level<'a, T>(
    rows: &'a [T],
    level_of: impl Fn(&T) -> Level,
    level: &Level,
) -> &'a T {
    let above = rows.partition_point(|row| level_of(row).order(level).is_le());
    &rows[above.saturating_sub(1)]
}

/// Refuses the levels of an image's measures that were read back, where they are none, or not each once and in order.
pub(super) fn check_kept(image: &str, levels: impl Iterator<Item = Level>) -> Result<()> {
    let levels: Vec<_> = levels.collect();
    if levels.is_empty() {
        return Err(Error::NoLevels {
            image: image.to_owned(),
        });
    }
    for pair in levels.windows(2) {
        match pair[0].order(&pair[1]) {
            Ordering::Less => {}
            Ordering::Equal => {
                return Err(Error::DuplicateLevel {
                    image: image.to_owned(),
                    level: pair[0],
                });
            }
            Ordering::Greater => {
                return Err(Error::LevelsOutOfOrder {
                    image: image.to_owned(),
                    previous: pair[0],
                    next: pair[1],
                });
            }
        }
    }
    Ok(())
}

fn in_words(levels: &[Level]) -> String {
    let kind = match levels.first() {
        Some(Level::Place(_)) => "places",
        Some(Level::Clusters(_)) => "numbers of clusters",
        Some(Level::Threshold(_)) => "thresholds",
        None => return "none".to_owned(),
    };
    match levels {
        [first, .., last] => format!("{} {kind} from {first} to {last}", levels.len()),
        _ => format!("only {}", levels[0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_number_takes_the_nearest_lower() {
        use Level::Clusters;
        let images = [
            ("a", vec![Clusters(2), Clusters(5)]),
            ("b", vec![Clusters(3), Clusters(9)]),
        ];
        let shared = shared_levels(images.clone()).unwrap();
        assert_eq!(shared, [Clusters(2), Clusters(3), Clusters(5), Clusters(9)]);
        let taken = |(_, levels): &(&str, Vec<Level>)| {
            shared
                .iter()
                .map(|level| *at_level(levels, |level| *level, level))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            taken(&images[0]),
            [Clusters(2), Clusters(2), Clusters(5), Clusters(5)]
        );
        // Nothing lower than 3: the lowest.
        assert_eq!(
            taken(&images[1]),
            [Clusters(3), Clusters(3), Clusters(3), Clusters(9)]
        );
    }

    #[test]
    fn places_and_thresholds_must_be_the_same() {
        use Level::{Clusters, Place, Threshold};
        let error =
            shared_levels([("a", vec![Place(1), Place(2)]), ("b", vec![Place(1)])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "image b: expected the levels of image a (2 places from 1 to 2), found only 1"
        );
        for other in [[Threshold(0.1), Threshold(0.3)], [Clusters(1), Clusters(2)]] {
            let images = [
                ("a", vec![Threshold(0.1), Threshold(0.2)]),
                ("b", other.to_vec()),
            ];
            assert!(
                matches!(shared_levels(images), Err(Error::LevelsDiffer { image, .. }) if image == "b")
            );
        }
        assert!(matches!(shared_levels([]), Err(Error::NoImages)));
    }
}
