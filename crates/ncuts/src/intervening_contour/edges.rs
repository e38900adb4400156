//! How strong an edge every pixel sees, and on which side of the pixel it lies.

use std::f64::consts::PI;

use super::oriented::Derivatives;
use super::planes::Planes;

/// Standard deviations across the edge, in pixels.
const SIGMAS: [f64; 2] = [1.0, 2.0];
/// Orientations between 0 and π.
const ORIENTATIONS: usize = 8;
/// Filters are so many times as long as wide.
const ELONGATION: f64 = 3.0;

/// Orientation energy of a photograph, and where the edge lies that a pixel sees.
///
/// ```text
/// energy    e² = max over scales and orientations of Σ_c odd_c² + even_c²       c: channels
/// offset    v = σ (Σ_c odd_c even_c / Σ_c odd_c²) n                            at that maximum, n the normal
/// ```
///
/// A step of height h at distance x along n answers odd = h exp(−x²/2σ²), even = (x/σ) odd, for either sign, so that
/// v leads from the pixel to the edge; the sign of v along a line says where the line crosses the edge to a
/// fraction of a pixel.
///
/// # Units
/// e in those of the [`Planes`]: a long step of height h has e = h. v in pixels.
///
/// # Source
/// J. Malik, S. Belongie, T. Leung, J. Shi, Contour and texture analysis for image segmentation, IJCV 2001, section 3:
/// quadrature pairs, elongated, at several scales and orientations. There the even filter is a Hilbert transform; ours
/// is the second derivative, and the sum over channels and the offset are ours.
#[derive(Clone, Debug)]
pub struct EdgeMap {
    width: usize,
    height: usize,
    energy: Vec<f32>,
    offset: Vec<[f32; 2]>,
}

impl EdgeMap {
    /// The edges of a photograph.
    ///
    /// # Cost
    /// Some 250 numbers a pixel and channel, one pass over the plane each.
    pub fn of(planes: &Planes) -> Self {
        let (width, height) = (planes.width(), planes.height());
        let pixels = width * height;
        let mut best = vec![0.0_f32; pixels];
        let mut offset = vec![[0.0_f32; 2]; pixels];
        for sigma in SIGMAS {
            let channels = planes.channels().iter();
            let derivatives: Vec<Derivatives> = channels
                .map(|plane| Derivatives::of(plane, width, height, sigma))
                .collect();
            for orientation in 0..ORIENTATIONS {
                let theta = orientation as f64 * PI / ORIENTATIONS as f64;
                let mut squares = vec![0.0_f32; pixels];
                let mut products = vec![0.0_f32; pixels];
                let mut odd_squares = vec![0.0_f32; pixels];
                for derivatives in &derivatives {
                    let [odd, even] = derivatives.answers(theta, ELONGATION);
                    for (i, (odd, even)) in odd.iter().zip(&even).enumerate() {
                        squares[i] += odd * odd + even * even;
                        products[i] += odd * even;
                        odd_squares[i] += odd * odd;
                    }
                }
                let (sine, cosine) = theta.sin_cos();
                for i in 0..pixels {
                    if squares[i] > best[i] {
                        best[i] = squares[i];
                        let floor = 1e-6 * squares[i].max(f32::MIN_POSITIVE);
                        let along = sigma as f32 * products[i] / odd_squares[i].max(floor);
                        offset[i] = [along * cosine as f32, along * sine as f32];
                    }
                }
            }
        }
        Self {
            width,
            height,
            energy: best.iter().map(|square| square.sqrt()).collect(),
            offset,
        }
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// e, row by row.
    pub fn energy(&self) -> &[f32] {
        &self.energy
    }

    /// The strongest edge that the straight line from a pixel to another crosses, 0 for none.
    ///
    /// An edge lies between two successive pixels p, q of the line where both point to it: v_p · (q − p) > 0 ≥ v_q · (q − p).
    /// Its strength is the mean of theirs.
    pub(super) fn strongest_between(&self, from: (usize, usize), to: (usize, usize)) -> f32 {
        let (dx, dy) = (to.0 as f64 - from.0 as f64, to.1 as f64 - from.1 as f64);
        let steps = dx.abs().max(dy.abs());
        let direction = [dx as f32, dy as f32];
        let along = |i: usize| {
            let [x, y] = self.offset[i];
            x * direction[0] + y * direction[1]
        };
        let place = |k: f64| {
            let x = from.0 as f64 + (k / steps * dx).round();
            let y = from.1 as f64 + (k / steps * dy).round();
            y as usize * self.width + x as usize
        };
        let mut strongest = 0.0_f32;
        let mut p = from.1 * self.width + from.0;
        for k in 1..=steps as usize {
            let q = place(k as f64);
            if along(p) > 0.0 && along(q) <= 0.0 {
                strongest = strongest.max(0.5 * (self.energy[p] + self.energy[q]));
            }
            p = q;
        }
        strongest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two flat halves of 40 × 30 pixels with an edge of height 0.4 at x = 19.5, in the second of two channels.
    fn halves() -> EdgeMap {
        let plane = |height: f32| {
            (0..1200)
                .map(|p| if p % 40 < 20 { 0.2 } else { 0.2 + height })
                .collect()
        };
        EdgeMap::of(&Planes::new(40, 30, vec![plane(0.0), plane(-0.4)]).unwrap())
    }

    #[test]
    fn an_edge_is_as_strong_as_it_is_high_and_crossed_once() {
        let edges = halves();
        let across = edges.strongest_between((10, 15), (30, 15));
        assert!((across - 0.4).abs() < 0.05, "{across}");
        assert_eq!(across, edges.strongest_between((19, 15), (20, 15)));
        assert!((edges.strongest_between((30, 8), (10, 20)) - 0.4).abs() < 0.05);
        assert_eq!(edges.strongest_between((10, 15), (10, 15)), 0.0);
        // Both sides of the edge see it, but a line that stops short of it does not cross it.
        assert!(edges.energy()[15 * 40 + 18] > 0.1);
        for (from, to) in [
            ((5, 15), (18, 15)),
            ((21, 3), (35, 28)),
            ((19, 2), (19, 28)),
        ] {
            let strength = edges.strongest_between(from, to);
            assert!(strength < 1e-3, "{from:?} {to:?}: {strength}");
        }
    }

    #[test]
    fn the_offset_leads_to_the_edge() {
        let edges = halves();
        for x in 17..23 {
            let [dx, dy] = edges.offset[15 * 40 + x];
            assert!(
                (f64::from(dx) - (19.5 - x as f64)).abs() < 0.35,
                "{x}: {dx}"
            );
            assert!(dy.abs() < 0.3, "{x}: {dy}");
        }
    }

    #[test]
    fn a_flat_picture_has_no_edges() {
        let edges = EdgeMap::of(&Planes::new(9, 7, vec![vec![0.3; 63]]).unwrap());
        assert!(edges.energy().iter().all(|energy| *energy < 1e-5));
    }
}
