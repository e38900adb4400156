//! Looks at the numbers that were measured, and the remarks on them: whether they can be meant.

use bench_bsds::{LabelLook, Level, SoftDoubt, SoftLook, SoftSurvey, TruthLook, ZeroLook};
use serde::{Deserialize, Serialize};

use super::settings::BsdsSettings;
use crate::counted::counted;

/// Looks at the files of one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Looks {
    /// At a soft boundary map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<SoftLook>,
    /// At a contour map that segmentations were cut from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contours: Option<SoftLook>,
    /// At label maps whose id 0 is no segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero: Option<ZeroLook>,
    /// At label maps, whether they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelLook>,
    /// At label maps that are a truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth_labels: Option<LabelLook>,
    /// At a truth of pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<TruthLook>,
}

impl Looks {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Looks at the files of all images.
#[derive(Clone, Debug, Default)]
pub struct AllLooks {
    soft: SoftSurvey,
    contours: SoftSurvey,
    zero: ZeroLook,
    labels: LabelLook,
    truth_labels: LabelLook,
    truth: TruthLook,
    /// Numbers of clusters of the first image, and images with others.
    clusters: Vec<Level>,
    other_clusters: Vec<String>,
}

impl AllLooks {
    /// Adds the levels of an image.
    pub fn add_levels(&mut self, id: &str, levels: Vec<Level>) {
        if !levels
            .iter()
            .all(|level| matches!(level, Level::Clusters(_)))
        {
            return;
        }
        if self.clusters.is_empty() {
            self.clusters = levels;
        } else if self.clusters != levels {
            self.other_clusters.push(id.to_owned());
        }
    }

    /// Adds those of an image.
    pub fn add(&mut self, looks: &Looks) {
        if let Some(soft) = looks.soft {
            self.soft.add(soft);
        }
        if let Some(contours) = looks.contours {
            self.contours.add(contours);
        }
        self.zero.add(&looks.zero.unwrap_or_default());
        self.labels.add(&looks.labels.unwrap_or_default());
        self.truth_labels
            .add(&looks.truth_labels.unwrap_or_default());
        self.truth.add(&looks.truth.unwrap_or_default());
    }

    /// What a person should know of these numbers, a sentence each, with the option that sets it right.
    pub fn remarks(&self, settings: &BsdsSettings) -> Vec<String> {
        let mut remarks: Vec<String> = self.soft.doubts().iter().map(of_soft).collect();
        remarks.extend(self.contours.doubts().iter().map(of_contours));
        if let Some(first) = self.other_clusters.first() {
            remarks.push(format!(
                "{} with other numbers of clusters than the first: {first}{}. Where an image lacks a number, its nearest \
                 lower one counts",
                counted(self.other_clusters.len(), "image"),
                match self.other_clusters.len() {
                    1 => "",
                    _ => ", for one",
                },
            ));
        }
        let zero = &self.zero;
        if zero.maps_with_zero > 0 {
            remarks.push(format!(
                "id 0 stands on {} of the label maps in .mat files ({} of {}) and counts as no segment, as in the \
                 benchmark: for labels counted from 0, add --labels-from-zero",
                percent(zero.zeros, zero.pixels),
                zero.maps_with_zero,
                counted(zero.maps as usize, "map"),
            ));
        }
        remarks.extend(of_labels(&self.labels, "label map", MEASURED));
        remarks.extend(of_labels(&self.truth_labels, "truth", TRUTH));
        let truth = &self.truth;
        if 2 * truth.boundaries > truth.pixels {
            remarks.push(format!(
                "{} of the truth's pictures are boundaries: expected white lines on black; for black lines on white add \
                 --truth inverted, for label maps --truth labels",
                percent(truth.boundaries, truth.pixels),
            ));
        }
        if truth.between > 0 {
            remarks.push(format!(
                "{} of the truth's pictures are neither black nor white, as where annotators are averaged: a boundary is \
                 what is brighter than {} of white; another share by --truth-above",
                percent(truth.between, truth.pixels),
                settings.truth.above,
            ));
        }
        if truth.drawn_between > 0 {
            remarks.push(format!(
                "{} between 0 and the largest in `Boundaries` of .mat files, as where annotators are averaged: each that is \
                 not 0 is a boundary, as in the benchmark, which wants a matrix an annotator",
                counted(truth.drawn_between as usize, "number"),
            ));
        }
        remarks
    }
}

/// What to do about maps that are boundaries, and about lines between segments.
struct WhatToDo {
    boundaries: &'static str,
    lines: &'static str,
}

const MEASURED: WhatToDo = WhatToDo {
    boundaries: "soft boundary maps are measured by --pb in place of --segs",
    lines: "give their pixels to the segments beside them, or save `segs` in .mat files, where id 0 is no segment",
};

const TRUTH: WhatToDo = WhatToDo {
    boundaries: "--truth boundaries reads white lines on black, --truth inverted black ones on white; both want --pb",
    lines: "give their pixels to the segments beside them",
};

/// What label maps, or truths, look like that are none. A picture has signs that no label map has; lines are seldom
/// segments, so that one map in two has to have them.
fn of_labels(look: &LabelLook, noun: &str, what_to_do: WhatToDo) -> Vec<String> {
    let WhatToDo { boundaries, lines } = what_to_do;
    let of_them = |count: u64| format!("{count} of {}", counted(look.maps as usize, noun));
    let mut remarks = Vec::new();
    if look.colours > 0 {
        remarks.push(format!(
            "pictures in colour in place of label maps, by their looks: {}, of very many ids in tiny pieces. Expected a \
             number a segment: no photograph, no overlay, no map that was smoothed or saved as JPEG",
            of_them(look.colours),
        ));
    }
    if look.greys > 0 {
        remarks.push(format!(
            "photographs or soft boundary maps in place of label maps, by their looks: {}, of very many grey levels in tiny \
             pieces; {boundaries}",
            of_them(look.greys),
        ));
    }
    if look.boundaries > 0 && 2 * look.boundaries >= look.maps {
        remarks.push(format!(
            "boundary maps in place of label maps, by their looks: {}, with thin lines alone on one id; {boundaries}",
            of_them(look.boundaries),
        ));
    }
    if look.lines > 0 && 2 * look.lines >= look.maps {
        remarks.push(format!(
            "thin lines of an id of their own between all segments: {}. They count as one segment; {lines}",
            of_them(look.lines),
        ));
    }
    remarks
}

fn of_soft(doubt: &SoftDoubt) -> String {
    let what_to_do = match (doubt, doubt.scale()) {
        (_, Some(scale)) => format!("; --scale {scale} makes {scale} the full strength"),
        (SoftDoubt::Bright { .. }, _) => "; for dark lines on white add --invert".to_owned(),
        _ => String::new(),
    };
    format!("{doubt}{what_to_do}")
}

/// No option changes contour maps: their regions depend on the numbers.
fn of_contours(doubt: &SoftDoubt) -> String {
    let found = doubt.to_string().replace("soft map", "contour map");
    format!("{found}; save them with strengths from 0, none, to 1, the strongest")
}

fn percent(part: u64, whole: u64) -> String {
    format!(
        "{:.1} % of the pixels",
        100.0 * part as f64 / whole.max(1) as f64
    )
}

#[cfg(test)]
mod tests {
    use bench_bsds::Split;

    use super::*;
    use crate::evaluate::BsdsSource;

    fn remarks(looks: Looks) -> Vec<String> {
        let source = BsdsSource::SoftBoundaries("maps".into());
        let mut all = AllLooks::default();
        all.add(&looks);
        all.remarks(&BsdsSettings::new("data", Split::Val, source))
    }

    #[test]
    fn a_number_of_clusters_that_an_image_lacks_is_remarked_on() {
        let mut all = AllLooks::default();
        let levels = |numbers: &[u32]| numbers.iter().map(|k| Level::Clusters(*k)).collect();
        let source = BsdsSource::Segmentations("maps".into());
        let settings = BsdsSettings::new("data", Split::Val, source);
        all.add_levels("1", levels(&[2, 5]));
        all.add_levels("2", levels(&[2, 5]));
        assert_eq!(all.remarks(&settings), Vec::<String>::new());
        all.add_levels("3", levels(&[2]));
        let remarks = all.remarks(&settings);
        assert!(
            remarks[0].starts_with("1 image with other numbers of clusters than the first: 3. "),
            "{remarks:?}"
        );
        all.add_levels("4", levels(&[2]));
        let remarks = all.remarks(&settings);
        assert!(remarks[0].starts_with("2 images with other numbers"));
        assert!(remarks[0].contains("first: 3, for one. "), "{remarks:?}");
    }

    #[test]
    fn maps_that_are_no_label_maps_are_remarked_on() {
        let look = |colours, greys, boundaries, lines| LabelLook {
            maps: 10,
            colours,
            greys,
            boundaries,
            lines,
        };
        let of = |labels| {
            remarks(Looks {
                labels: Some(labels),
                ..Looks::default()
            })
        };
        assert_eq!(of(look(0, 0, 0, 0)), Vec::<String>::new());
        // A thin figure, and a map with a rim: fewer than half.
        assert_eq!(of(look(0, 0, 4, 4)), Vec::<String>::new());
        for (look, begins, has) in [
            (
                look(1, 0, 0, 0),
                "pictures in colour in place of label maps",
                "1 of 10 label maps",
            ),
            (
                look(0, 1, 0, 0),
                "photographs or soft boundary maps",
                "by --pb in place of --segs",
            ),
            (
                look(0, 0, 5, 0),
                "boundary maps in place of label maps",
                "by --pb in place of --segs",
            ),
            (
                look(0, 0, 0, 5),
                "thin lines of an id of their own",
                "count as one segment",
            ),
        ] {
            let found = of(look);
            assert!(
                found.len() == 1 && found[0].starts_with(begins) && found[0].contains(has),
                "{found:?}"
            );
        }
        let found = remarks(Looks {
            truth_labels: Some(look(0, 0, 10, 0)),
            ..Looks::default()
        });
        assert!(found[0].contains("10 of 10 truths") && found[0].contains("--truth inverted"));
    }

    #[test]
    fn contour_maps_of_other_numbers_are_remarked_on() {
        let look = |least, most, bright| SoftLook {
            full: 1.0,
            integers: false,
            least,
            most,
            pixels: 1000,
            bright,
            not_numbers: 0,
        };
        let of = |look| {
            remarks(Looks {
                contours: Some(look),
                ..Looks::default()
            })
        };
        assert_eq!(of(look(0.0, 0.9, 30)), Vec::<String>::new());
        for (look, expected) in [
            (
                look(0.0, 255.0, 30),
                "contour maps reach 255: expected strengths up to 1",
            ),
            (
                look(-4.0, 3.0, 30),
                "contour maps hold numbers from -4 to 3",
            ),
            (
                look(0.0, 1.0, 900),
                "90 % of the pixels of all contour maps are bright",
            ),
        ] {
            let found = of(look);
            assert!(
                found.len() == 1 && found[0].starts_with(expected),
                "{found:?}"
            );
            assert!(
                found[0].ends_with("from 0, none, to 1, the strongest"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn each_remark_names_the_option_that_sets_it_right() {
        assert!(remarks(Looks::default()).is_empty());
        let soft = SoftLook {
            full: 255.0,
            integers: true,
            least: 0.0,
            most: 1.0,
            pixels: 100,
            bright: 90,
            not_numbers: 0,
        };
        let found = remarks(Looks {
            soft: Some(soft),
            ..Looks::default()
        });
        assert!(
            found[0].contains("is 1 of 255") && found[0].contains("--scale 1 "),
            "{found:?}"
        );
        assert!(
            found[1].contains("90 %") && found[1].ends_with("--invert"),
            "{found:?}"
        );
        let zero = ZeroLook {
            maps_with_zero: 2,
            maps: 3,
            zeros: 25,
            pixels: 100,
        };
        let found = remarks(Looks {
            zero: Some(zero),
            ..Looks::default()
        });
        assert!(
            found[0].contains("25.0 % of the pixels of the label maps"),
            "{found:?}"
        );
        assert!(found[0].ends_with("--labels-from-zero"), "{found:?}");
        let truth = TruthLook {
            pixels: 100,
            boundaries: 95,
            between: 7,
            drawn_between: 7,
        };
        let found = remarks(Looks {
            truth: Some(truth),
            ..Looks::default()
        });
        assert!(found[0].contains("--truth inverted") && found[1].contains("--truth-above"));
        assert!(
            found[2].starts_with("7 numbers between 0 and the largest in `Boundaries`"),
            "{found:?}"
        );
    }
}
