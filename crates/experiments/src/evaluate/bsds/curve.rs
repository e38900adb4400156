//! Precision over recall, as SVG.

use bench_bsds::BoundaryReport;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::{Error, Result};

/// Width and height in pixels.
const SIZE: (u32, u32) = (520, 500);

/// The curve of levels, and the two points on it.
pub const CURVE: RGBColor = RGBColor(0, 114, 178);
pub const ODS: RGBColor = RGBColor(213, 94, 0);
pub const OIS: RGBColor = RGBColor(0, 158, 115);
/// Lines of one F.
const ISO: RGBColor = RGBColor(190, 205, 190);

/// The curve over levels, the points of ODS and OIS, and the lines of F = 0.1, 0.2, … 0.9.
pub fn svg(report: &BoundaryReport) -> Result<String> {
    let mut svg = String::new();
    draw(&mut svg, report)
        .map_err(|error| Error::unexpected(format!("drawing precision over recall: {error}")))?;
    Ok(svg)
}

fn draw(svg: &mut String, report: &BoundaryReport) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .margin_right(44)
        .x_label_area_size(40)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(235, 235, 235))
        .x_labels(11)
        .y_labels(11)
        .x_label_formatter(&|recall| format!("{recall:.1}"))
        .y_label_formatter(&|precision| format!("{precision:.1}"))
        .x_desc("recall")
        .y_desc("precision")
        .label_style(("sans-serif", 12))
        .draw()?;
    for tenth in 1..10 {
        let f = f64::from(tenth) / 10.0;
        chart.draw_series(LineSeries::new(iso_line(f), &ISO))?;
        let style = ("sans-serif", 11)
            .into_font()
            .color(&RGBColor(110, 135, 110));
        let style = style.pos(Pos::new(HPos::Left, VPos::Center));
        let end = chart.backend_coord(&(1.0, f / (2.0 - f)));
        let (x, y) = (end.0 + 5, end.1);
        area.draw(&Text::new(format!("F {f:.1}"), (x, y), style))?;
    }
    let points = || {
        let rows = report.per_level.iter();
        rows.map(|row| (row.score.recall, row.score.precision))
    };
    chart.draw_series(LineSeries::new(points(), CURVE.stroke_width(2)))?;
    chart.draw_series(points().map(|point| Circle::new(point, 2, CURVE.filled())))?;
    for (score, colour) in [(report.ods, ODS), (report.ois, OIS)] {
        let point = (score.recall, score.precision);
        chart.draw_series([Circle::new(point, 5, colour.filled())])?;
    }
    area.present()?;
    Ok(())
}

/// P = F R / (2 R − F), from P = 1 to R = 1.
fn iso_line(f: f64) -> Vec<(f64, f64)> {
    const STEPS: u32 = 60;
    let first = f / (2.0 - f);
    (0..=STEPS)
        .map(|step| {
            let recall = first + (1.0 - first) * f64::from(step) / f64::from(STEPS);
            (recall, f * recall / (2.0 * recall - f))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_bsds::{BoundaryEvaluation, BoundaryMap, BoundaryPool, SoftBoundaryMap, Thresholds};

    #[test]
    fn every_point_of_an_iso_line_has_its_f() {
        for f in [0.1, 0.5, 0.9] {
            let line = iso_line(f);
            assert!((line[0].1 - 1.0).abs() < 1e-12 && (line[60].0 - 1.0).abs() < 1e-12);
            for (recall, precision) in line {
                let found = 2.0 * precision * recall / (precision + recall);
                assert!((found - f).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_point_a_level_and_one_each_for_ods_and_ois() {
        let drawn = BoundaryMap::new(4, 1, vec![false, true, false, false]).unwrap();
        let found = SoftBoundaryMap::new(4, 1, vec![0.0, 0.8, 0.0, 0.3]).unwrap();
        let pool = BoundaryPool::from_soft(&found, &Thresholds::official(5).unwrap());
        let mut evaluation = BoundaryEvaluation::default();
        evaluation.push("a", &[drawn], &pool).unwrap();
        let svg = svg(&evaluation.report().unwrap()).unwrap();
        assert_eq!(svg.matches("<circle").count(), 5 + 2);
        assert!(svg.contains("F 0.9") && svg.contains("recall") && svg.contains("precision"));
    }
}
