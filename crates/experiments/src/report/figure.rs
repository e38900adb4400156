//! Curves over the steps of a training, as SVG.

use std::ops::Range;

use plotters::prelude::*;

use crate::error::{Error, Result};

/// Width and height of a figure in pixels.
const SIZE: (u32, u32) = (560, 264);

/// Stretches that a curve is drawn in at most: beyond it a stretch shows the mean of its steps, and their range.
const STRETCHES: usize = 200;

/// Curves of no more values have a dot at each: one alone would not show.
const MARKED: usize = 40;

/// Size of letters, of which a font shows five sixths or so. Black ones and lines take the page's colour by its style
/// sheet: behind a figure is the page itself, light or dark.
const LETTERS: i32 = 16;

/// Colours of curves, distinct for the colour-blind too (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 4] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
];

/// Curves on one pair of axes.
pub struct Figure<'a> {
    /// The number of each step.
    pub steps: &'a [f64],
    /// The curves, at most four.
    pub curves: Vec<&'a [f64]>,
    /// Whether the upright axis counts in powers of ten, where there are several.
    pub logarithmic: bool,
}

/// The colour of a figure's curve, as style sheets write it.
pub fn colour_of(curve: usize) -> String {
    let RGBColor(red, green, blue) = COLOURS[curve % COLOURS.len()];
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// One stretch of a curve, or a value with its spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Where it stands on the level axis.
    pub step: f64,
    /// Lower edge of the band.
    pub low: f64,
    /// The line.
    pub mean: f64,
    /// Upper edge of the band.
    pub high: f64,
}

/// Curves and bands of decimal logarithms, on one pair of axes, as an SVG element; `level` names what the level axis
/// counts. `None` where there is nothing to draw.
pub fn svg_of_logarithms(level: &'static str, curves: Vec<Vec<Stretch>>) -> Result<Option<String>> {
    Drawn::of(level, curves, true)
        .map(|drawn| drawn.svg())
        .transpose()
}

impl Figure<'_> {
    /// The figure as an SVG element; `None` where no curve has a number to draw.
    pub fn svg(&self) -> Result<Option<String>> {
        let mut drawn = self.drawn(self.logarithmic);
        // Within one power of ten the numbers themselves say more.
        if self.logarithmic
            && drawn
                .as_ref()
                .is_some_and(|d| d.values.end - d.values.start < 1.0)
        {
            drawn = self.drawn(false);
        }
        drawn.map(|drawn| drawn.svg()).transpose()
    }

    fn drawn(&self, logarithmic: bool) -> Option<Drawn> {
        let curves = self.curves.iter();
        let curves = curves.map(|curve| stretches(self.steps, curve, logarithmic));
        Drawn::of("step", curves.collect(), logarithmic)
    }
}

/// Curves, and the ends of their axes.
struct Drawn {
    level: &'static str,
    curves: Vec<Vec<Stretch>>,
    steps: Range<f64>,
    values: Range<f64>,
    logarithmic: bool,
}

impl Drawn {
    /// Axes that hold every curve and its band.
    fn of(level: &'static str, curves: Vec<Vec<Stretch>>, logarithmic: bool) -> Option<Self> {
        let bound = |pick: fn(&Stretch) -> f64, f: fn(f64, f64) -> f64| {
            curves.iter().flatten().map(pick).reduce(f)
        };
        let low = bound(|s| s.low, f64::min)?;
        let high = bound(|s| s.high, f64::max)?;
        let first = bound(|s| s.step, f64::min)?;
        let last = bound(|s| s.step, f64::max)?.max(first + 1.0);
        // A flat curve still wants a height.
        let margin = (0.05 * (high - low)).max(1e-3 * high.abs()).max(1e-12);
        Some(Self {
            level,
            curves,
            steps: first..last,
            values: low - margin..high + margin,
            logarithmic,
        })
    }

    fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        draw(&mut svg, self)
            .map_err(|error| Error::unexpected(format!("drawing a figure: {error}")))?;
        Ok(svg)
    }

    /// A number beside the upright axis, with enough digits to differ from its neighbours.
    fn label(&self, value: f64) -> String {
        let range = self.values.end - self.values.start;
        if self.logarithmic {
            let (power, number) = (value.floor(), 10f64.powf(value));
            if (-3.0..4.0).contains(&power) {
                format!("{number:.*}", (1.0 - power).max(0.0) as usize)
            } else {
                format!("{number:.1e}")
            }
        } else if range >= 1e5 || range < 1e-3 && self.values.end.abs() < 1e-2 {
            format!("{value:.1e}")
        } else {
            let digits = (1.0 - range.log10().floor()).clamp(0.0, 9.0) as usize;
            format!("{value:.digits$}")
        }
    }
}

fn draw(svg: &mut String, drawn: &Drawn) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(8)
        // Half of the last number on the level axis.
        .margin_right(24)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(drawn.steps.clone(), drawn.values.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(128, 128, 128).mix(0.3))
        .x_labels(9)
        .x_desc(drawn.level)
        .y_labels(5)
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|value| drawn.label(*value))
        .label_style(("sans-serif", LETTERS))
        .axis_desc_style(("sans-serif", LETTERS))
        .draw()?;
    for (index, curve) in drawn.curves.iter().enumerate() {
        let above = curve.iter().map(|s| (s.step, s.high));
        let below = curve.iter().rev().map(|s| (s.step, s.low));
        let band: Vec<(f64, f64)> = above.chain(below).collect();
        let shade = COLOURS[index % COLOURS.len()].mix(0.18);
        chart.draw_series([Polygon::new(band, shade.filled())])?;
    }
    // No band lies over a line.
    for (index, curve) in drawn.curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let means = curve.iter().map(|s| (s.step, s.mean));
        chart.draw_series(LineSeries::new(means.clone(), colour.stroke_width(2)))?;
        if curve.len() <= MARKED {
            chart.draw_series(means.map(|mean| Circle::new(mean, 3, colour.filled())))?;
        }
    }
    area.present()?;
    Ok(())
}

/// A curve in at most [`STRETCHES`] stretches; steps without a number to draw are left out.
fn stretches(steps: &[f64], values: &[f64], logarithmic: bool) -> Vec<Stretch> {
    let drawn: Vec<(f64, f64)> = steps
        .iter()
        .zip(values)
        .map(|(step, value)| (*step, if logarithmic { value.log10() } else { *value }))
        .filter(|(_, value)| value.is_finite())
        .collect();
    let length = drawn.len().div_ceil(STRETCHES).max(1);
    let stretch = |steps: &[(f64, f64)]| {
        let values = || steps.iter().map(|(_, value)| *value);
        Stretch {
            step: steps.iter().map(|(step, _)| step).sum::<f64>() / steps.len() as f64,
            low: values().fold(f64::INFINITY, f64::min),
            mean: values().sum::<f64>() / steps.len() as f64,
            high: values().fold(f64::NEG_INFINITY, f64::max),
        }
    };
    drawn.chunks(length).map(stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_curves_are_drawn_by_means_and_ranges() {
        let steps: Vec<f64> = (0..1000).map(f64::from).collect();
        let values: Vec<f64> = steps.iter().map(|step| step % 2.0).collect();
        let drawn = stretches(&steps, &values, false);
        assert_eq!(drawn.len(), STRETCHES);
        // Five steps: 0 1 0 1 0.
        let first = Stretch {
            step: 2.0,
            low: 0.0,
            mean: 0.4,
            high: 1.0,
        };
        assert_eq!(drawn[0], first);
        // Zero has no logarithm.
        assert!(
            stretches(&steps, &values, true)
                .iter()
                .all(|s| s.high == 0.0)
        );
    }

    #[test]
    fn labels_of_powers_of_ten_are_numbers_where_they_are_short() {
        let curve = vec![Stretch {
            step: 1.0,
            low: -5.0,
            mean: 0.0,
            high: 5.0,
        }];
        let drawn = Drawn::of("step", vec![curve], true).unwrap();
        let label = |value| drawn.label(value);
        assert_eq!([label(0.0), label(1.5), label(-0.5)], ["1.0", "32", "0.32"]);
        assert_eq!(
            [label(3.5), label(4.0), label(-4.0)],
            ["3162", "1.0e4", "1.0e-4"]
        );
    }

    #[test]
    fn a_figure_has_a_line_a_curve_and_nothing_makes_none() {
        let steps = [1.0, 2.0, 3.0];
        let figure = |curves, logarithmic| Figure {
            steps: &steps,
            curves,
            logarithmic,
        };
        let flat: &[f64] = &[1.0, 1.0, 1.0];
        let svg = figure(vec![flat, &[1.0, f64::NAN, 3.0]], false)
            .svg()
            .unwrap()
            .unwrap();
        assert!(svg.starts_with("<svg") && svg.matches("<polyline").count() >= 2);
        assert_eq!(svg.matches("<circle").count(), 5);
        assert!(svg.contains("step") && !svg.contains("<rect"));
        assert!(figure(vec![flat], true).svg().unwrap().is_some());
        assert!(figure(vec![&[f64::NAN; 3]], false).svg().unwrap().is_none());
    }
}
