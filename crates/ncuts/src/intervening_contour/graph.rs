//! The affinity of near pixels: no edge between them, and colours alike.

use super::edges::EdgeMap;
use super::planes::Planes;

/// No affinity of neighbours is below this: every graph is connected, for any edges.
const FLOOR: f64 = 1e-6;

/// W between the cells of a grid that are at most a radius apart, and its degrees.
///
/// ```text
///     W_ij = exp(−max_{p on the line i → j} e_p² / σ²) · exp(−‖c_i − c_j‖² / σ_c²),   W_ii = 1 + o
///     d_i = Σ_j W_ij + o,   o: the offset that keeps small cuts expensive
/// ```
///
/// # Shapes
/// n = width · height cells of `step × step` pixels; W by its stencil: for each offset of the upper half plane n numbers.
///
/// # Source
/// T. Leung, J. Malik, Contour continuity in region-based image segmentation, ECCV 1998, for the intervening contour;
/// S. X. Yu, J. Shi, Understanding popout through repulsion, CVPR 2001, for the offset, which both W's diagonal and, a
/// second time, the degrees gain. The floor under W is ours.
#[derive(Clone, Debug)]
pub(super) struct ContourGraph {
    pub(super) width: usize,
    pub(super) height: usize,
    /// (dx, dy), and W between cell i and i + dx + dy · width; 0 where there is no such cell.
    stencil: Vec<((isize, usize), Vec<f32>)>,
    diagonal: f64,
    degrees: Vec<f64>,
}

/// How affinities fall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Falloff {
    pub(super) edge_sigma: f64,
    pub(super) colour_sigma: Option<f64>,
    pub(super) offset: f64,
}

impl ContourGraph {
    /// The graph of cells of `step` pixels' side, each joined with those up to `radius` cells away.
    pub(super) fn new(
        planes: &Planes,
        edges: &EdgeMap,
        step: usize,
        radius: f64,
        falloff: Falloff,
    ) -> Self {
        let colours = planes.reduced(step);
        let (width, height) = (colours.width(), colours.height());
        // The middle pixel of a cell.
        let middle = |cell: usize, side: usize| (cell * step + step / 2).min(side - 1);
        let pixel = |x: usize, y: usize| (middle(x, planes.width()), middle(y, planes.height()));
        let affinity = |(x, y): (usize, usize), (u, v): (usize, usize)| {
            let edge = f64::from(edges.strongest_between(pixel(x, y), pixel(u, v)));
            let mut exponent = (edge / falloff.edge_sigma).powi(2);
            if let Some(sigma) = falloff.colour_sigma {
                let (i, j) = (y * width + x, v * width + u);
                let square: f32 = colours
                    .channels()
                    .iter()
                    .map(|c| (c[i] - c[j]).powi(2))
                    .sum();
                exponent += f64::from(square) / (sigma * sigma);
            }
            (-exponent).exp().max(FLOOR) as f32
        };
        let stencil: Vec<_> = upper_half_disc(radius)
            .into_iter()
            .map(|(dx, dy)| {
                let mut weights = vec![0.0; width * height];
                for y in 0..height.saturating_sub(dy) {
                    for x in columns(width, dx) {
                        let other = ((x as isize + dx) as usize, y + dy);
                        weights[y * width + x] = affinity((x, y), other);
                    }
                }
                ((dx, dy), weights)
            })
            .collect();
        let mut graph = Self {
            width,
            height,
            stencil,
            diagonal: 1.0 + falloff.offset,
            degrees: Vec::new(),
        };
        let ones = vec![1.0; width * height];
        let mut degrees = vec![falloff.offset; width * height];
        graph.add_product(&ones, &mut degrees);
        graph.degrees = degrees;
        graph
    }

    /// d.
    pub(super) fn degrees(&self) -> &[f64] {
        &self.degrees
    }

    /// out += W x.
    pub(super) fn add_product(&self, x: &[f64], out: &mut [f64]) {
        for (out, x) in out.iter_mut().zip(x) {
            *out += self.diagonal * x;
        }
        for ((dx, dy), weights) in &self.stencil {
            let here = columns(self.width, *dx);
            if here.is_empty() {
                continue;
            }
            for y in 0..self.height.saturating_sub(*dy) {
                let first = y * self.width + here.start;
                let count = here.len();
                let other = (first as isize + dx) as usize + dy * self.width;
                let weights = &weights[first..first + count];
                let (from, to) = (&x[first..], &x[other..]);
                for ((out, w), x) in out[first..].iter_mut().zip(weights).zip(to) {
                    *out += f64::from(*w) * x;
                }
                for ((out, w), x) in out[other..].iter_mut().zip(weights).zip(from) {
                    *out += f64::from(*w) * x;
                }
            }
        }
    }
}

/// Columns x of which x + dx is a column too.
fn columns(width: usize, dx: isize) -> std::ops::Range<usize> {
    let first = ((-dx).max(0) as usize).min(width);
    let last = (width as isize - dx.max(0)).max(0) as usize;
    first..last.max(first)
}

/// Every pair of cells once: (dx, dy) up to the radius with dy > 0, or dy = 0 and dx > 0.
fn upper_half_disc(radius: f64) -> Vec<(isize, usize)> {
    let reach = radius.floor() as isize;
    let mut offsets = Vec::new();
    for dy in 0..=reach {
        for dx in -reach..=reach {
            let inside = (dx * dx + dy * dy) as f64 <= radius * radius;
            if inside && (dy > 0 || dx > 0) {
                offsets.push((dx, dy as usize));
            }
        }
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    const FALLOFF: Falloff = Falloff {
        edge_sigma: 0.1,
        colour_sigma: None,
        offset: 0.5,
    };

    fn halves(step: usize, radius: f64, falloff: Falloff) -> ContourGraph {
        let plane = (0..24 * 15)
            .map(|p| if p % 24 < 12 { 0.1 } else { 0.6 })
            .collect();
        let planes = Planes::new(24, 15, vec![plane]).unwrap();
        ContourGraph::new(&planes, &EdgeMap::of(&planes), step, radius, falloff)
    }

    fn dense(graph: &ContourGraph) -> faer::Mat<f64> {
        let n = graph.width * graph.height;
        let mut w = faer::Mat::zeros(n, n);
        for j in 0..n {
            let unit: Vec<f64> = (0..n).map(|i| f64::from(i == j)).collect();
            graph.add_product(&unit, w.col_as_slice_mut(j));
        }
        w
    }

    #[test]
    fn symmetric_with_ones_inside_and_nothing_across() {
        for (step, radius) in [(1, 2.3), (3, 1.0), (3, 2.0), (5, 9.0)] {
            let graph = halves(step, radius, FALLOFF);
            let w = dense(&graph);
            assert_eq!(w.as_ref(), w.transpose());
            let mid = graph.height / 2 * graph.width;
            assert_eq!(w[(mid, mid)], 1.5);
            assert!(
                (w[(mid, mid + 1)] - 1.0).abs() < 1e-3,
                "{}",
                w[(mid, mid + 1)]
            );
            let edge = mid + (12 / step).min(graph.width - 1);
            assert!(w[(edge - 1, edge)] < 1e-5, "{}", w[(edge - 1, edge)]);
            // Degrees: row sums, and the offset once more.
            for (i, degree) in graph.degrees().iter().enumerate() {
                let sum: f64 = (0..w.ncols()).map(|j| w[(i, j)]).sum();
                assert!((degree - sum - 0.5).abs() < 1e-12 * sum);
            }
        }
    }

    #[test]
    fn colours_count_where_asked_for() {
        let falloff = Falloff {
            edge_sigma: 1e6,
            colour_sigma: Some(0.5),
            ..FALLOFF
        };
        let graph = halves(1, 1.0, falloff);
        let w = dense(&graph);
        let row = 7 * 24;
        assert!((w[(row + 3, row + 4)] - 1.0).abs() < 1e-6);
        assert!((w[(row + 11, row + 12)] - (-1.0_f64).exp()).abs() < 1e-6);
    }

    #[test]
    fn half_discs_by_hand() {
        assert_eq!(upper_half_disc(1.0), [(1, 0), (0, 1)]);
        assert_eq!(upper_half_disc(1.5), [(1, 0), (-1, 1), (0, 1), (1, 1)]);
        assert_eq!(upper_half_disc(2.0).len(), 6);
    }
}
