//! Outlines as a drawing.

use std::fmt::Write as _;

use segmentation::Corner;

use super::SegmentExport;
use crate::paint::segment_colours;

pub(super) fn drawing(export: &SegmentExport<'_>) -> String {
    let (width, height) = export.size();
    // Colours go by the order of appearance.
    let colours = segment_colours(export.labels);
    let (compacted, _) = export.labels.compacted();
    let mut colour_of = vec![None; export.segments];
    for (id, place) in export.labels.ids().iter().zip(compacted.ids()) {
        if let Some(colour) = colour_of.get_mut(*id as usize) {
            *colour = Some(colours[*place as usize].0);
        }
    }
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <g fill=\"none\" fill-rule=\"evenodd\" stroke-width=\"1\" stroke-linejoin=\"round\">\n"
    );
    for (id, number, polygons) in export.polygons() {
        let [red, green, blue] = colour_of[id].unwrap_or_default();
        let mut path = String::new();
        for polygon in &polygons {
            path += &ring(&polygon.outer);
            polygon.holes.iter().for_each(|hole| path += &ring(hole));
        }
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "<path id=\"segment-{number}\" stroke=\"#{red:02x}{green:02x}{blue:02x}\" d=\"{path}\"/>"
        );
    }
    text + "</g>\n</svg>\n"
}

/// `M0 0H3V3H0Z`: sides across and down in turn.
fn ring(corners: &[Corner]) -> String {
    let mut path = String::new();
    let mut last: Option<Corner> = None;
    for corner in corners {
        let [x, y] = *corner;
        path += &match last {
            None => format!("M{x} {y}"),
            Some([_, before]) if before == y => format!("H{x}"),
            Some(_) => format!("V{y}"),
        };
        last = Some(*corner);
    }
    path + "Z"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports::tests::map;

    #[test]
    fn paths_by_hand() {
        let labels = map();
        let export = SegmentExport::new("a.jpg", &labels, 3, true);
        let text = export.svg();
        for part in [
            "viewBox=\"0 0 4 3\"",
            "id=\"segment-1\"",
            "d=\"M0 0H3V3H0ZM1 2H2V1H1Z\"",
            "d=\"M3 0H4V1H3ZM3 2H4V3H3Z\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(text.matches("<path").count(), 3);
        let [red, green, blue] = export.colours().get_pixel(1, 1).0;
        let colour = format!("segment-3\" stroke=\"#{red:02x}{green:02x}{blue:02x}\"");
        assert!(text.contains(&colour), "{colour}: {text}");
    }
}
