//! Which class was taken for which, as a picture.

use bench_coco::Confusion;
use plotters::prelude::*;

use crate::error::{Error, Result};

/// Side of a class in pixels, and room for the longest name.
const SIDE: u32 = 11;
const NAMES: u32 = 96;

/// The confusion matrix of the classes that have a region, as an SVG element: a row a true class, a column a predicted
/// one, the darker the larger its share of the row.
pub fn svg(names: &[&str], confusion: &Confusion) -> Result<String> {
    let classes: Vec<usize> = (0..confusion.classes())
        .filter(|&class| confusion.examples(class) > 0)
        .collect();
    let mut svg = String::new();
    draw(&mut svg, names, confusion, &classes)
        .map_err(|error| Error::unexpected(format!("drawing the confusions: {error}")))?;
    Ok(svg)
}

fn draw(
    svg: &mut String,
    names: &[&str],
    confusion: &Confusion,
    classes: &[usize],
) -> Result<(), Box<dyn std::error::Error>> {
    let side = NAMES + SIDE * classes.len() as u32 + 4;
    let area = SVGBackend::with_string(svg, (side, side)).into_drawing_area();
    let place = |index: usize| (NAMES + SIDE * index as u32) as i32;
    let grid = RGBColor(128, 128, 128).mix(0.2);
    let end = place(classes.len());
    for (row, &truth) in classes.iter().enumerate() {
        let y = place(row);
        let style = ("sans-serif", 12).into_font().color(&BLACK);
        area.draw_text(names[truth], &style, (2, y + 1))?;
        let upright = style.transform(FontTransform::Rotate270);
        area.draw_text(names[truth], &upright, (y + 1, NAMES as i32 - 3))?;
        area.draw(&PathElement::new([(NAMES as i32, y), (end, y)], grid))?;
        area.draw(&PathElement::new([(y, NAMES as i32), (y, end)], grid))?;
        for (column, &predicted) in classes.iter().enumerate() {
            let count = confusion.count(truth, predicted);
            if count == 0 {
                continue;
            }
            let share = count as f64 / confusion.examples(truth) as f64;
            let colour = if row == column {
                RGBColor(0, 114, 178)
            } else {
                RGBColor(213, 94, 0)
            };
            let x = place(column);
            let corners = [(x + 1, y + 1), (x + SIDE as i32, y + SIDE as i32)];
            let shade = colour.mix(0.15 + 0.85 * share).filled();
            area.draw(&Rectangle::new(corners, shade))?;
        }
    }
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_without_a_region_are_left_out() {
        let mut confusion = Confusion::new(3);
        confusion.record(0, 0);
        confusion.record(2, 0);
        let svg = svg(&["cat", "dog", "emu"], &confusion).unwrap();
        assert!(svg.contains("cat") && svg.contains("emu") && !svg.contains("dog"));
    }
}
