//! Derivatives of Gaussians, elongated along the edge they look for.

use std::f64::consts::TAU;

/// Filters reach this many standard deviations.
const REACH: f64 = 3.0;

/// First and second derivatives of a plane, smoothed by a Gaussian of σ pixels and the same in all directions.
///
/// ```text
/// odd    ∂ₙ G = nₓ ∂ₓ G + n_y ∂_y G                             times σ √(2π): a step of height 1 answers 1 at the edge
/// even   ∂ₙₙ G = nₓ² ∂ₓₓ G + 2 nₓ n_y ∂ₓ_y G + n_y² ∂_yy G      times σ² √(2π): it answers −(x/σ) exp(−x²/2σ²)
/// ```
///
/// Both are then smoothed along the tangent by a Gaussian of √(ℓ² − 1) σ, which makes of them the derivatives of a
/// Gaussian of σ across and ℓσ along the edge. Borders mirror.
#[derive(Clone, Debug)]
pub(super) struct Derivatives {
    width: usize,
    height: usize,
    sigma: f64,
    first: [Vec<f32>; 2],
    second: [Vec<f32>; 3],
}

impl Derivatives {
    /// The derivatives of one plane at one σ.
    pub(super) fn of(plane: &[f32], width: usize, height: usize, sigma: f64) -> Self {
        let kernel = |order| derivative_of_gaussian(sigma, order);
        let rows = [0, 1, 2].map(|order| along_rows(plane, width, height, &kernel(order)));
        let columns = |plane: &[f32], order| along_columns(plane, width, height, &kernel(order));
        Self {
            width,
            height,
            sigma,
            first: [columns(&rows[1], 0), columns(&rows[0], 1)],
            second: [
                columns(&rows[2], 0),
                columns(&rows[1], 1),
                columns(&rows[0], 2),
            ],
        }
    }

    /// The odd and the even answer across the normal (cos θ, sin θ), of filters `elongation` times as long as wide.
    pub(super) fn answers(&self, theta: f64, elongation: f64) -> [Vec<f32>; 2] {
        let (sine, cosine) = theta.sin_cos();
        let odd = combined(
            &[&self.first[0], &self.first[1]],
            &[cosine, sine],
            self.sigma * TAU.sqrt(),
        );
        let even = combined(
            &[&self.second[0], &self.second[1], &self.second[2]],
            &[cosine * cosine, 2.0 * cosine * sine, sine * sine],
            self.sigma * self.sigma * TAU.sqrt(),
        );
        let spread = (elongation * elongation - 1.0).max(0.0).sqrt() * self.sigma;
        let tangent = (-sine, cosine);
        [odd, even].map(|plane| along_line(&plane, self.width, self.height, tangent, spread))
    }
}

fn combined(planes: &[&Vec<f32>], weights: &[f64], scale: f64) -> Vec<f32> {
    let mut sum = vec![0.0_f32; planes[0].len()];
    for (plane, weight) in planes.iter().zip(weights) {
        let weight = (scale * weight) as f32;
        for (sum, value) in sum.iter_mut().zip(plane.iter()) {
            *sum += weight * value;
        }
    }
    sum
}

/// G, G′ or G″ at whole pixels, from −r to r: exact on polynomials of its order.
fn derivative_of_gaussian(sigma: f64, order: usize) -> Vec<f32> {
    let reach = (REACH * sigma).ceil().max(1.0) as i32;
    let at = |x: i32| {
        let x = f64::from(x);
        let gauss = (-0.5 * (x / sigma).powi(2)).exp();
        match order {
            0 => gauss,
            // A correlation with −G′ is the convolution with G′.
            1 => x * gauss,
            _ => (x * x / (sigma * sigma) - 1.0) * gauss,
        }
    };
    let mut kernel: Vec<f64> = (-reach..=reach).map(at).collect();
    let moment = |kernel: &[f64], power: i32| -> f64 {
        let places = (-reach..=reach).map(|x| f64::from(x).powi(power));
        kernel.iter().zip(places).map(|(k, x)| k * x).sum()
    };
    if order == 2 {
        let mean = moment(&kernel, 0) / kernel.len() as f64;
        kernel.iter_mut().for_each(|k| *k -= mean);
    }
    // Σ k = 1, Σ k x = 1, Σ k x² = 2: the derivatives of 1, x and x².
    let size = moment(&kernel, order as i32) / [1.0, 1.0, 2.0][order.min(2)];
    kernel.iter().map(|k| (k / size) as f32).collect()
}

/// The place that a mirror at the border shows.
fn mirrored(place: isize, side: usize) -> usize {
    let period = 2 * side as isize;
    let place = place.rem_euclid(period);
    place.min(period - 1 - place) as usize
}

fn along_rows(plane: &[f32], width: usize, height: usize, kernel: &[f32]) -> Vec<f32> {
    let reach = kernel.len() / 2;
    let mut framed = vec![0.0_f32; width + 2 * reach];
    let mut out = vec![0.0_f32; width * height];
    for y in 0..height {
        for (place, value) in framed.iter_mut().enumerate() {
            *value = plane[y * width + mirrored(place as isize - reach as isize, width)];
        }
        let row = &mut out[y * width..(y + 1) * width];
        for (shift, weight) in kernel.iter().enumerate() {
            for (out, value) in row.iter_mut().zip(&framed[shift..]) {
                *out += weight * value;
            }
        }
    }
    out
}

fn along_columns(plane: &[f32], width: usize, height: usize, kernel: &[f32]) -> Vec<f32> {
    let reach = (kernel.len() / 2) as isize;
    let mut out = vec![0.0_f32; width * height];
    for y in 0..height {
        for (shift, weight) in (-reach..).zip(kernel) {
            let source = mirrored(y as isize + shift, height) * width;
            let row = &mut out[y * width..(y + 1) * width];
            for (out, value) in row.iter_mut().zip(&plane[source..]) {
                *out += weight * value;
            }
        }
    }
    out
}

/// A Gaussian along a direction, at whole steps of its longer side, between two pixels on the other.
fn along_line(
    plane: &[f32],
    width: usize,
    height: usize,
    (dx, dy): (f64, f64),
    spread: f64,
) -> Vec<f32> {
    let longer = dx.abs().max(dy.abs());
    let (step_x, step_y) = (dx / longer, dy / longer);
    let reach = (2.0 * spread * longer).round() as isize;
    let weights: Vec<f64> = (-reach..=reach)
        .map(|k| (-0.5 * (k as f64 / (spread * longer).max(f64::MIN_POSITIVE)).powi(2)).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    let mut out = vec![0.0_f32; width * height];
    for (k, weight) in (-reach..).zip(&weights) {
        let (x, y) = (k as f64 * step_x, k as f64 * step_y);
        for (shift_x, share_x) in two_pixels(x) {
            for (shift_y, share_y) in two_pixels(y) {
                let share = (weight / total * share_x * share_y) as f32;
                if share != 0.0 {
                    add_shifted(&mut out, plane, width, height, (shift_x, shift_y), share);
                }
            }
        }
    }
    out
}

/// The pixels on both sides of a place, and their shares.
fn two_pixels(place: f64) -> [(isize, f64); 2] {
    let below = place.floor();
    let share = place - below;
    [(below as isize, 1.0 - share), (below as isize + 1, share)]
}

/// out(x, y) += share · plane(x + shift, y + shift), borders mirrored.
fn add_shifted(
    out: &mut [f32],
    plane: &[f32],
    width: usize,
    height: usize,
    (shift_x, shift_y): (isize, isize),
    share: f32,
) {
    let first = ((-shift_x).max(0) as usize).min(width);
    let last = ((width as isize - shift_x.max(0)).max(0) as usize).max(first);
    for y in 0..height {
        let source = &plane[mirrored(y as isize + shift_y, height) * width..][..width];
        let row = &mut out[y * width..(y + 1) * width];
        for x in (0..first).chain(last..width) {
            row[x] += share * source[mirrored(x as isize + shift_x, width)];
        }
        if first < last {
            let inner = (first as isize + shift_x) as usize;
            for (out, value) in row[first..last].iter_mut().zip(&source[inner..]) {
                *out += share * value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

    #[test]
    fn kernels_are_exact_on_polynomials() {
        for sigma in [0.7, 1.0, 2.5] {
            for (order, power, expected) in [
                (0, 0, 1.0),
                (1, 0, 0.0),
                (1, 1, 1.0),
                (2, 0, 0.0),
                (2, 1, 0.0),
                (2, 2, 2.0),
            ] {
                let kernel = derivative_of_gaussian(sigma, order);
                let reach = (kernel.len() / 2) as i32;
                let sum: f64 = (-reach..=reach)
                    .zip(&kernel)
                    .map(|(x, k)| f64::from(x).powi(power) * f64::from(*k))
                    .sum();
                assert!(
                    (sum - expected).abs() < 1e-5,
                    "{sigma} {order} {power}: {sum}"
                );
            }
        }
    }

    #[test]
    fn a_step_answers_its_height_and_even_changes_sign_there() {
        // Dark left of x = 20, bright from there on: the edge lies at 19.5.
        let plane: Vec<f32> = (0..40 * 30)
            .map(|p| if p % 40 < 20 { 0.0 } else { 0.5 })
            .collect();
        let derivatives = Derivatives::of(&plane, 40, 30, 2.0);
        let [odd, even] = derivatives.answers(0.0, 3.0);
        let at = |x: usize| (odd[15 * 40 + x], even[15 * 40 + x]);
        assert!((at(19).0 - 0.5).abs() < 0.03 && (at(20).0 - at(19).0).abs() < 1e-4);
        assert!(at(19).1 > 0.05 && at(20).1 < -0.05);
        assert!(at(5).0.abs() < 1e-3 && at(5).1.abs() < 1e-3);
        // Along the edge there is nothing to see.
        let [odd, even] = derivatives.answers(FRAC_PI_2, 3.0);
        assert!(odd[15 * 40 + 19].abs() < 1e-4 && even[15 * 40 + 19].abs() < 1e-4);
    }

    #[test]
    fn an_oblique_step_is_seen_by_its_own_orientation() {
        let plane: Vec<f32> = (0..60 * 60)
            .map(|p| f32::from(u8::from(p % 60 + p / 60 >= 60)))
            .collect();
        let derivatives = Derivatives::of(&plane, 60, 60, 1.5);
        let centre = |theta: f64| derivatives.answers(theta, 3.0)[0][30 * 60 + 30].abs();
        let own = centre(FRAC_PI_4);
        assert!(own > 0.9, "{own}");
        assert!(centre(3.0 * FRAC_PI_4) < 0.05);
        assert!(centre(0.0) < 0.6 * own && centre(FRAC_PI_2) < 0.6 * own);
    }

    #[test]
    fn borders_mirror() {
        assert_eq!(
            [-2, -1, 0, 2, 3, 5].map(|place| mirrored(place, 3)),
            [1, 0, 0, 2, 2, 0]
        );
        assert_eq!(mirrored(-5, 1), 0);
        // A constant plane has no derivative anywhere, borders and corners included.
        let derivatives = Derivatives::of(&[0.25; 7 * 5], 7, 5, 1.0);
        for plane in derivatives.answers(0.4, 3.0) {
            assert!(plane.iter().all(|value| value.abs() < 1e-5));
        }
    }
}
