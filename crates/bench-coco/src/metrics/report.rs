//! A classifier of regions, measured.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::bootstrap::{Cluster, Interval, percentile_interval};
use super::confusion::Confusion;
use crate::error::{Error, Result};
use crate::id::Id;

/// Draws of a bootstrap.
pub const RESAMPLES: usize = 2000;
/// Ranks that count for the top-5 error.
const RANKS: usize = 5;
/// Confusions that a report lists.
const LISTED: usize = 20;

/// A classifier's answer for one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// The annotation's id.
    pub region: Id,
    /// Its image's id: regions of one image are drawn together.
    pub image: Id,
    /// The true class.
    pub truth: usize,
    /// Classes, the likeliest first, at least one.
    pub ranked: Vec<usize>,
}

impl Prediction {
    fn is_wrong(&self) -> bool {
        self.ranked.first() != Some(&self.truth)
    }
}

/// One class of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassRow {
    /// Its name.
    pub name: String,
    /// Its regions.
    pub regions: u64,
    /// Its regions that were taken for another class.
    pub errors: u64,
    /// The share of errors; `None` without a region.
    pub error: Option<f64>,
}

/// A class taken for another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confused {
    /// The true class.
    pub truth: String,
    /// The class predicted.
    pub predicted: String,
    /// The number of regions.
    pub regions: u64,
}

/// Everything measured of one run.
///
/// # Conventions
/// Intervals hold with 95 % confidence: a percentile bootstrap over images, 2000 draws, since regions of one image
/// are not independent.
///
/// # Units
/// Errors are shares of regions, from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassificationReport {
    /// Images with a region.
    pub images: usize,
    /// Regions.
    pub regions: usize,
    /// The share of regions whose likeliest class is wrong.
    pub top1_error: Interval,
    /// The share whose class is not among the five likeliest; `None` where a prediction ranks fewer than five classes.
    pub top5_error: Option<Interval>,
    /// The mean error of the classes that have a region.
    pub mean_class_error: f64,
    /// Every class.
    pub classes: Vec<ClassRow>,
    /// The twenty most frequent confusions, the most frequent first, then by class.
    pub most_confused: Vec<Confused>,
    /// All counts.
    pub confusion: Confusion,
}

impl ClassificationReport {
    /// Measures the predictions, in any order. `seed` is the bootstrap's.
    ///
    /// # Errors
    /// [`Error::NoPredictions`]; [`Error::Prediction`] for a class that is none, one ranked twice, no ranked class,
    /// or a region predicted twice.
    pub fn new(class_names: &[&str], predictions: &[Prediction], seed: u64) -> Result<Self> {
        let op = "ClassificationReport::new";
        check(op, Some(class_names.len()), predictions)?;
        let mut confusion = Confusion::new(class_names.len());
        for prediction in predictions {
            confusion.record(prediction.truth, prediction.ranked[0]);
        }
        let clusters = by_image(predictions, |one| f64::from(u8::from(one.is_wrong())));
        let ranked = predictions.iter().all(|one| one.ranked.len() >= RANKS);
        let top5_error = ranked.then(|| {
            let missed = |one: &Prediction| !one.ranked[..RANKS].contains(&one.truth);
            let clusters = by_image(predictions, |one| f64::from(u8::from(missed(one))));
            percentile_interval(&clusters, RESAMPLES, seed)
        });
        let classes = class_names
            .iter()
            .zip(confusion.per_class_error())
            .enumerate()
            .map(|(class, (name, error))| ClassRow {
                name: (*name).to_owned(),
                regions: confusion.examples(class),
                errors: confusion.errors(class),
                error,
            })
            .collect();
        Ok(Self {
            images: clusters.len(),
            regions: predictions.len(),
            top1_error: percentile_interval(&clusters, RESAMPLES, seed),
            top5_error,
            mean_class_error: confusion
                .mean_class_error()
                .ok_or(Error::NoPredictions { op })?,
            classes,
            most_confused: most_confused(class_names, &confusion),
            confusion,
        })
    }
}

/// The top-1 error of run `a` less that of run `b`, on the same regions: below 0 where `a` is the better one.
///
/// Both runs are drawn together, so that the difficulty of a photograph cancels. `seed` is the bootstrap's.
///
/// # Errors
/// [`Error::NoPredictions`], [`Error::Prediction`]; [`Error::NotPaired`] for a region that one run lacks, or whose
/// image or true class differs.
pub fn paired_difference(a: &[Prediction], b: &[Prediction], seed: u64) -> Result<Interval> {
    let op = "paired_difference";
    check(op, None, a)?;
    check(op, None, b)?;
    let unpaired = |region: &Id, found: &str| Error::NotPaired {
        op,
        region: region.clone(),
        found: found.to_owned(),
    };
    let mut second: HashMap<_, _> = b.iter().map(|one| (&one.region, one)).collect();
    let mut differences = HashMap::new();
    for first in a {
        let other = second
            .remove(&first.region)
            .ok_or_else(|| unpaired(&first.region, "it in the first run only"))?;
        if (&first.image, first.truth) != (&other.image, other.truth) {
            let found = format!(
                "image {} and class {} in the first run, image {} and class {} in the second",
                first.image.quoted(),
                first.truth,
                other.image.quoted(),
                other.truth
            );
            return Err(unpaired(&first.region, &found));
        }
        let wrong = |one: &Prediction| f64::from(u8::from(one.is_wrong()));
        differences.insert(&first.region, wrong(first) - wrong(other));
    }
    if let Some(region) = second.keys().min() {
        return Err(unpaired(region, "it in the second run only"));
    }
    let clusters = by_image(a, |one| differences[&one.region]);
    Ok(percentile_interval(&clusters, RESAMPLES, seed))
}

/// Checks the predictions; classes are compared with their number where it is known.
fn check(op: &'static str, classes: Option<usize>, predictions: &[Prediction]) -> Result<()> {
    if predictions.is_empty() {
        return Err(Error::NoPredictions { op });
    }
    let mut regions = HashSet::new();
    for prediction in predictions {
        let refused = |expected: String, found: String| Error::Prediction {
            op,
            region: prediction.region.clone(),
            expected,
            found,
        };
        if !regions.insert(&prediction.region) {
            return Err(refused("each region once".into(), "it twice".into()));
        }
        if prediction.ranked.is_empty() {
            return Err(refused("a ranked class".into(), "none".into()));
        }
        let named = prediction.ranked.iter().chain([&prediction.truth]);
        if let Some(classes) = classes
            && let Some(class) = named.copied().find(|class| *class >= classes)
        {
            let expected = format!("classes below {classes}");
            return Err(refused(expected, class.to_string()));
        }
        let mut ranked = HashSet::new();
        if let Some(class) = prediction
            .ranked
            .iter()
            .find(|class| !ranked.insert(**class))
        {
            let found = format!("class {class} twice");
            return Err(refused("each class ranked once".into(), found));
        }
    }
    Ok(())
}

/// A cluster an image, in the order of ids: the draws do not depend on the order of predictions.
fn by_image(predictions: &[Prediction], value: impl Fn(&Prediction) -> f64) -> Vec<Cluster> {
    let mut clusters: BTreeMap<&Id, Cluster> = BTreeMap::new();
    for prediction in predictions {
        let cluster = clusters.entry(&prediction.image).or_default();
        cluster.sum += value(prediction);
        cluster.examples += 1;
    }
    clusters.into_values().collect()
}

fn most_confused(class_names: &[&str], confusion: &Confusion) -> Vec<Confused> {
    let mut pairs: Vec<_> = (0..confusion.classes())
        .flat_map(|truth| (0..confusion.classes()).map(move |predicted| (truth, predicted)))
        .filter(|(truth, predicted)| truth != predicted && confusion.count(*truth, *predicted) > 0)
        .collect();
    // A stable sort: equal counts stay in the order of classes.
    pairs.sort_by_key(|(truth, predicted)| std::cmp::Reverse(confusion.count(*truth, *predicted)));
    pairs
        .into_iter()
        .take(LISTED)
        .map(|(truth, predicted)| Confused {
            truth: class_names[truth].to_owned(),
            predicted: class_names[predicted].to_owned(),
            regions: confusion.count(truth, predicted),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use test_support::refused;

    use super::*;

    const NAMES: [&str; 6] = ["person", "car", "dog", "cat", "cup", "bear"];

    fn prediction(region: u64, image: u64, truth: usize, ranked: &[usize]) -> Prediction {
        Prediction {
            region: region.into(),
            image: image.into(),
            truth,
            ranked: ranked.to_vec(),
        }
    }

    /// Image 1: right, wrong, wrong and not among five; image 2: right.
    fn hand() -> Vec<Prediction> {
        vec![
            prediction(10, 1, 0, &[0, 1, 2, 3, 4, 5]),
            prediction(11, 1, 2, &[3, 2, 1, 0, 4, 5]),
            prediction(12, 1, 2, &[3, 0, 1, 4, 5, 2]),
            prediction(13, 2, 1, &[1, 0, 2, 3, 4, 5]),
        ]
    }

    #[test]
    fn a_report_by_hand() {
        let report = ClassificationReport::new(&NAMES, &hand(), 7).unwrap();
        assert_eq!((report.images, report.regions), (2, 4));
        // Images drawn twice: both the first 2/3, one of each 2/4, both the second 0.
        let Interval {
            estimate,
            low,
            high,
        } = report.top1_error;
        assert_eq!((estimate, low, high), (0.5, 0.0, 2.0 / 3.0));
        let top5 = report.top5_error.unwrap();
        assert_eq!((top5.estimate, top5.low, top5.high), (0.25, 0.0, 1.0 / 3.0));
        // Person 0, car 0, dog 1.
        assert_eq!(report.mean_class_error, 1.0 / 3.0);
        let dog = ClassRow {
            name: "dog".into(),
            regions: 2,
            errors: 2,
            error: Some(1.0),
        };
        assert_eq!(report.classes[2], dog);
        assert_eq!(report.classes[5].error, None);
        let confused = Confused {
            truth: "dog".into(),
            predicted: "cat".into(),
            regions: 2,
        };
        assert_eq!(report.most_confused, [confused]);
        assert_eq!(report.confusion.count(2, 3), 2);

        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(
            serde_json::from_str::<ClassificationReport>(&text).unwrap(),
            report
        );
        let mut reversed = hand();
        reversed.reverse();
        assert_eq!(
            ClassificationReport::new(&NAMES, &reversed, 7).unwrap(),
            report
        );
    }

    #[test]
    fn without_five_ranks_there_is_no_top_5_error() {
        let mut short = hand();
        short[1].ranked.truncate(4);
        let report = ClassificationReport::new(&NAMES, &short, 7).unwrap();
        assert_eq!(report.top5_error, None);
        assert_eq!(report.top1_error.estimate, 0.5);
    }

    #[test]
    fn frequent_confusions_come_first() {
        let mut all = Vec::new();
        for (truth, predicted, regions) in [(0, 1, 1), (4, 3, 3), (2, 0, 3), (5, 5, 9)] {
            for _ in 0..regions {
                let region = all.len() as u64;
                all.push(prediction(region, region, truth, &[predicted]));
            }
        }
        let report = ClassificationReport::new(&NAMES, &all, 7).unwrap();
        let listed: Vec<_> = report
            .most_confused
            .iter()
            .map(|pair| (pair.truth.as_str(), pair.predicted.as_str(), pair.regions))
            .collect();
        assert_eq!(
            listed,
            [
                ("dog", "person", 3),
                ("cup", "cat", 3),
                ("person", "car", 1)
            ]
        );
    }

    #[test]
    fn paired_runs_by_hand() {
        let a = hand();
        let same = paired_difference(&a, &a, 1).unwrap();
        assert_eq!((same.estimate, same.low, same.high), (0.0, 0.0, 0.0));
        // The second run, in another order, is right about one more region of image 1.
        let mut b = hand();
        b[1].ranked = vec![2];
        b.reverse();
        let found = paired_difference(&a, &b, 1).unwrap();
        // Both draws image 1: 1/3; one of each: 1/4; none: 0.
        assert_eq!(
            (found.estimate, found.low, found.high),
            (0.25, 0.0, 1.0 / 3.0)
        );
        let back = paired_difference(&b, &a, 1).unwrap();
        assert_eq!(
            (back.estimate, back.low, back.high),
            (-0.25, -1.0 / 3.0, 0.0)
        );
    }

    #[test]
    fn refuses_what_is_no_prediction() {
        let refused = |change: fn(&mut Vec<Prediction>)| {
            let mut predictions = hand();
            change(&mut predictions);
            let error = ClassificationReport::new(&NAMES, &predictions, 0).unwrap_err();
            let text = error.to_string();
            text.trim_start_matches("ClassificationReport::new: ")
                .to_owned()
        };
        type Change = fn(&mut Vec<Prediction>);
        let cases: [(Change, &str); 6] = [
            (Vec::clear, "expected at least one prediction, found none"),
            (
                |p| p[1].truth = 6,
                "region 11: expected classes below 6, found 6",
            ),
            (
                |p| p[1].ranked[5] = 9,
                "region 11: expected classes below 6, found 9",
            ),
            (
                |p| p[1].ranked.clear(),
                "region 11: expected a ranked class, found none",
            ),
            (
                |p| p[1].ranked[1] = 3,
                "region 11: expected each class ranked once, found class 3 twice",
            ),
            (
                |p| p[1].region = 10.into(),
                "region 10: expected each region once, found it twice",
            ),
        ];
        for (change, message) in cases {
            assert_eq!(refused(change), message);
        }
    }

    #[test]
    fn refuses_runs_on_other_regions() {
        let a = hand();
        let refused = |b: &[Prediction]| paired_difference(&a, b, 0).unwrap_err().to_string();
        let alike = "expected it alike in both runs, found";
        assert_eq!(
            refused(&a[..3]),
            format!("paired_difference: region 13: {alike} it in the first run only")
        );
        let mut more = hand();
        more.push(prediction(14, 2, 0, &[0]));
        assert_eq!(
            refused(&more),
            format!("paired_difference: region 14: {alike} it in the second run only")
        );
        let mut other = hand();
        other[0].truth = 1;
        assert_eq!(
            refused(&other),
            format!(
                "paired_difference: region 10: {alike} image 1 and class 0 in the first run, image 1 and class 1 in the second"
            )
        );
        refused! { paired_difference(&a, &[], 0) => Error::NoPredictions { .. } }
    }
}
