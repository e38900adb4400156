//! The story's own small pictures and matrices, by the same layers as photographs.

use faer::Mat;
use matbackprop_core::{GapPolicy, SymEig};
use ncuts::{Affinity, Degrees, Embedding};

use crate::error::{Error, Result};

/// Grey levels that a cell's features ask about, from black to white.
const LEVELS: usize = 5;
/// Places along each axis that they ask about.
const PLACES: usize = 3;
/// Eigenvectors that are kept.
const VECTORS: usize = 7;

/// A picture of a few cells, and its cut.
///
/// The feature of a cell has eight numbers or more, all above 0: how near its grey level is to each of five levels, and,
/// times `nearness`, how near its place is to three along each axis. Each is a bump, exp(−½ (distance / width)²).
#[derive(Clone, Debug)]
pub struct Toy {
    /// F: a row a cell.
    features: Mat<f64>,
    embedding: Embedding,
    /// The diagonal of D^{−½}.
    inverse_roots: Vec<f64>,
}

impl Toy {
    /// A picture of grey levels from 0 to 1, row after row.
    ///
    /// # Errors
    /// [`Error::Argument`] for levels that do not fill rows or are none; those of normalised cuts.
    pub fn new(levels: &[f64], width: usize, nearness: f64) -> Result<Self> {
        let fill = width > 0 && levels.len() >= 2 && levels.len().is_multiple_of(width);
        let proper = levels
            .iter()
            .chain([&nearness])
            .all(|x| (0.0..=1.0).contains(x));
        if !fill || !proper {
            return Err(Error::Argument {
                name: "toy",
                expected: "rows of numbers from 0 to 1".to_owned(),
                found: format!("{} numbers in rows of {width}", levels.len()),
            });
        }
        let height = levels.len() / width;
        let along = |place: usize, places: usize| (place as f64 + 0.5) / places as f64;
        let bump = |x: f64, number: usize, numbers: usize| {
            let centre = number as f64 / (numbers - 1) as f64;
            let distance = (x - centre) * (numbers - 1) as f64 / 0.7;
            (-0.5 * distance * distance).exp()
        };
        let features = Mat::from_fn(levels.len(), LEVELS + 2 * PLACES, |cell, channel| {
            let (x, y) = (along(cell % width, width), along(cell / width, height));
            match channel {
                c if c < LEVELS => bump(levels[cell], c, LEVELS),
                c if c < LEVELS + PLACES => nearness * bump(x, c - LEVELS, PLACES),
                c => nearness * bump(y, c - LEVELS - PLACES, PLACES),
            }
        });
        let embedding = Embedding::from_features(features.as_ref(), None, width, height, VECTORS)?;
        let degrees = Degrees::forward(&Affinity::forward(features.as_ref(), None)?)?;
        Ok(Self {
            features,
            embedding,
            inverse_roots: degrees.inverse_roots().to_vec(),
        })
    }

    /// The numbers of a cell's feature.
    pub fn feature_length(&self) -> usize {
        self.features.ncols()
    }

    /// The features, cell after cell.
    pub fn features(&self) -> Vec<f64> {
        let (cells, channels) = self.features.shape();
        let numbers = (0..cells).flat_map(|i| (0..channels).map(move |c| (i, c)));
        numbers.map(|place| self.features[place]).collect()
    }

    /// Leading eigenvalues of D^{−½} W D^{−½}, from 1 down.
    pub fn eigenvalues(&self) -> Vec<f64> {
        let spectrum = self.embedding.spectrum().iter();
        spectrum.map(|sigma| sigma * sigma).collect()
    }

    /// How the cells swing with each of their eigenvectors v, one after another: y = D^{−½} v, which is the same for every
    /// cell of the first, and which normalised cuts sort cells by.
    pub fn swings(&self) -> Vec<f64> {
        let vectors = self.embedding.vectors();
        let swing = |j: usize| {
            let entries = vectors.col(j).iter().zip(&self.inverse_roots);
            entries.map(|(v, root)| v * root)
        };
        (0..vectors.ncols()).flat_map(swing).collect()
    }

    /// What a cut of the cells into those marked and the others costs; 1 where one side is empty.
    ///
    /// ```text
    ///     a = Σ_{i marked} f_i,   b = Σ_{i not} f_i,   Ncut = ⟨a, b⟩ / ⟨a, a + b⟩ + ⟨a, b⟩ / ⟨b, a + b⟩
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] for another number of marks than cells.
    pub fn normalised_cut(&self, marked: &[u8]) -> Result<f64> {
        let (cells, channels) = self.features.shape();
        if marked.len() != cells {
            return Err(Error::Argument {
                name: "marks",
                expected: format!("{cells}, one a cell"),
                found: marked.len().to_string(),
            });
        }
        let sum = |wanted: bool| -> Vec<f64> {
            let mut sum = vec![0.0; channels];
            for (cell, mark) in marked.iter().enumerate() {
                if (*mark != 0) == wanted {
                    for (channel, total) in sum.iter_mut().enumerate() {
                        *total += self.features[(cell, channel)];
                    }
                }
            }
            sum
        };
        let (a, b) = (sum(true), sum(false));
        let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let all: Vec<f64> = a.iter().zip(&b).map(|(x, y)| x + y).collect();
        let cut = product(&a, &b);
        let share = |part: &[f64]| {
            let volume = product(part, &all);
            if volume > 0.0 { cut / volume } else { 1.0 }
        };
        Ok(share(&a) + share(&b))
    }
}

/// How far the first eigenvector of A turns, and how far the plane of the first two tilts, in degrees, for each t.
///
/// ```text
///         ⎛ 2 + g/2     t      0.3 t ⎞
///     A = ⎜    t     2 − g/2   0.2 t ⎟
///         ⎝  0.3 t    0.2 t      0   ⎠
/// ```
///
/// The eigenvector turns by ½ arctan(2t / g), nearly; the plane by some tenths of t, whatever g. Pairs: angle, tilt.
///
/// # Errors
/// Those of [`SymEig`].
pub fn turning(gap: f64, times: &[f64]) -> Result<Vec<f64>> {
    let mut found = Vec::with_capacity(2 * times.len());
    for &t in times {
        let v = vectors_at(gap, t)?;
        // The sign of an eigenvector is free: the angle is that of its line.
        let angle = (v[(1, 0)] / v[(0, 0)]).atan().to_degrees();
        let tilt = v[(2, 2)].abs().min(1.0).acos().to_degrees();
        found.extend([angle, tilt]);
    }
    Ok(found)
}

/// The first eigenvector of the same A, its largest entry above 0, and behind it, row after row, the projector onto the
/// plane of the first two.
///
/// # Errors
/// Those of [`SymEig`].
pub fn vector_and_projector(gap: f64, t: f64) -> Result<Vec<f64>> {
    let v = vectors_at(gap, t)?;
    let first = v.col(0);
    let largest = first.iter().copied().fold(
        0.0,
        |most: f64, x| if x.abs() > most.abs() { x } else { most },
    );
    let plane = v.subcols(0, 2);
    let projector = plane * plane.transpose();
    let mut found: Vec<f64> = first.iter().map(|x| x * largest.signum()).collect();
    let places = (0..3).flat_map(|i| (0..3).map(move |j| (i, j)));
    found.extend(places.map(|place| projector[place]));
    Ok(found)
}

/// Eigenvectors of that A, those of the largest eigenvalue first.
fn vectors_at(gap: f64, t: f64) -> Result<Mat<f64>> {
    let a = faer::mat![
        [2.0 + gap / 2.0, t, 0.3 * t],
        [t, 2.0 - gap / 2.0, 0.2 * t],
        [0.3 * t, 0.2 * t, 0.0]
    ];
    let eig = SymEig::forward(a.as_ref(), GapPolicy::Error { floor: 0.0 })?;
    let mut order = [0, 1, 2];
    order.sort_by(|i, j| eig.values()[*j].total_cmp(&eig.values()[*i]));
    Ok(Mat::from_fn(3, 3, |i, j| eig.vectors()[(i, order[j])]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Black at the left, white at the right.
    fn halves() -> Toy {
        let levels: Vec<f64> = (0..24).map(|cell| f64::from(cell % 6 >= 3)).collect();
        Toy::new(&levels, 6, 0.3).unwrap()
    }

    #[test]
    fn the_second_eigenvector_tells_the_halves_apart() {
        let toy = halves();
        let swings = toy.swings();
        let (first, second) = (&swings[..24], &swings[24..48]);
        for value in first {
            assert!((value / first[0] - 1.0).abs() < 1e-12, "{first:?}");
        }
        let left = second[0].signum();
        for (cell, value) in second.iter().enumerate() {
            let own = if cell % 6 < 3 { left } else { -left };
            assert_eq!(value.signum(), own, "{cell}");
        }
        assert!((toy.eigenvalues()[0] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_cut_between_the_halves_is_the_cheapest_of_columns() {
        let toy = halves();
        let cost = |columns: usize| {
            let marked: Vec<u8> = (0..24).map(|cell| u8::from(cell % 6 < columns)).collect();
            toy.normalised_cut(&marked).unwrap()
        };
        for columns in [1, 2, 4, 5] {
            assert!(cost(3) < cost(columns), "{columns}");
        }
        assert_eq!(cost(6), 1.0);
        assert!(toy.normalised_cut(&[1]).is_err());
    }

    #[test]
    fn the_vector_turns_and_the_plane_does_not() {
        let found = turning(0.01, &[-0.1, 0.0, 0.1]).unwrap();
        // ½ arctan(20) is 43.6 degrees.
        assert!((found[4] - 43.6).abs() < 1.0, "{found:?}");
        assert!((found[0] + 43.6).abs() < 1.0, "{found:?}");
        assert!(found[5] < 2.0 && found[3] == 0.0, "{found:?}");
        let (left, right) = (-0.01, 0.01);
        let [left, right] = [left, right].map(|t| vector_and_projector(1e-4, t).unwrap());
        assert!((left[1] - right[1]).abs() > 1.3, "{left:?} {right:?}");
        for (one, other) in left[3..].iter().zip(&right[3..]) {
            assert!((one - other).abs() < 0.01, "{left:?} {right:?}");
        }
        assert!(Toy::new(&[0.5], 2, 0.1).is_err());
    }
}
