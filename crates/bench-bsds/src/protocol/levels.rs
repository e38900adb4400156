//! The levels that images share, so that one can be chosen for all.

use super::image_measures::{ImageMeasures, LevelMeasures};
use crate::error::{Error, Result};
use crate::segmentation::Level;

/// All levels of the dataset, in order.
///
/// Places and thresholds must be the same for every image. Numbers of clusters may differ: the union counts.
pub(super) fn shared_levels(images: &[ImageMeasures]) -> Result<Vec<Level>> {
    let Some(first) = images.first() else {
        return Err(Error::NoImages);
    };
    let levels_of =
        |image: &ImageMeasures| image.levels.iter().map(|row| row.level).collect::<Vec<_>>();
    let clusters = |levels: &[Level]| {
        levels
            .iter()
            .all(|level| matches!(level, Level::Clusters(_)))
    };
    let expected = levels_of(first);
    let mut shared = expected.clone();
    for image in images {
        let found = levels_of(image);
        if found == expected {
            continue;
        }
        if !clusters(&found) || !clusters(&expected) {
            return Err(Error::LevelsDiffer {
                first: first.id.clone(),
                expected: in_words(&expected),
                image: image.id.clone(),
                found: in_words(&found),
            });
        }
        shared.extend(found);
    }
    shared.sort_by(Level::order);
    shared.dedup();
    Ok(shared)
}

/// The measures of an image at a level: its own, else those of the nearest lower level, else those of its lowest.
pub(super) fn at_level<'a>(image: &'a ImageMeasures, level: &Level) -> &'a LevelMeasures {
    let above = image
        .levels
        .partition_point(|row| row.level.order(level).is_le());
    &image.levels[above.saturating_sub(1)]
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

    fn image(id: &str, levels: &[Level]) -> ImageMeasures {
        let row = |level: &Level| LevelMeasures {
            level: *level,
            covered: 0.0,
            segments_covered: 0.0,
            segment_pixels: 1.0,
            rand_index: 0.0,
            information: 0.0,
            average_covering: 0.0,
            best_annotator: 0.0,
        };
        ImageMeasures {
            id: id.to_owned(),
            annotators: 1,
            levels: levels.iter().map(row).collect(),
            best_covered: 0.0,
            region_pixels: 1.0,
        }
    }

    #[test]
    fn a_missing_number_takes_the_nearest_lower() {
        use Level::Clusters;
        let images = [
            image("a", &[Clusters(2), Clusters(5)]),
            image("b", &[Clusters(3), Clusters(9)]),
        ];
        let shared = shared_levels(&images).unwrap();
        assert_eq!(shared, [Clusters(2), Clusters(3), Clusters(5), Clusters(9)]);
        let taken = |image| {
            shared
                .iter()
                .map(|level| at_level(image, level).level)
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
        let error = shared_levels(&[image("a", &[Place(1), Place(2)]), image("b", &[Place(1)])])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "image b: expected the levels of image a (2 places from 1 to 2), found only 1"
        );
        for other in [[Threshold(0.1), Threshold(0.3)], [Clusters(1), Clusters(2)]] {
            let images = [
                image("a", &[Threshold(0.1), Threshold(0.2)]),
                image("b", &other),
            ];
            assert!(
                matches!(shared_levels(&images), Err(Error::LevelsDiffer { image, .. }) if image == "b")
            );
        }
        assert!(matches!(shared_levels(&[]), Err(Error::NoImages)));
    }
}
