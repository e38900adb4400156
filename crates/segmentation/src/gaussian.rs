//! A Gaussian over the pixels of a photograph.

/// Values, `C` a pixel, after a Gaussian of `sigma` pixels, cut off at four, the photograph mirrored at its border.
pub(crate) fn gaussian<const C: usize>(
    values: &[[f32; C]],
    width: usize,
    sigma: f32,
) -> Vec<[f32; C]> {
    let reach = (4.0 * sigma).ceil() as usize;
    let height = values.len() / width;
    let weights = {
        let place = |i: usize| (-0.5 * (i * i) as f32 / (sigma * sigma)).exp();
        let gauss: Vec<f32> = (0..=reach).map(place).collect();
        let total = gauss[0] + 2.0 * gauss[1..].iter().sum::<f32>();
        gauss
            .iter()
            .map(|value| value / total)
            .collect::<Vec<f32>>()
    };
    // Places of the taps: … 1 0 | 0 1 2 … n−1 | n−1 n−2 …
    let mirrored = |place: isize, size: usize| {
        let period = 2 * size as isize;
        let place = place.rem_euclid(period);
        place.min(period - 1 - place) as usize
    };
    let blend = |source: &[[f32; C]], place: &dyn Fn(usize, isize) -> usize| -> Vec<[f32; C]> {
        let pixel = |pixel: usize| {
            let mut sum = source[pixel].map(|value| value * weights[0]);
            for (distance, weight) in weights.iter().enumerate().skip(1) {
                let (before, after) = (-(distance as isize), distance as isize);
                let (a, b) = (source[place(pixel, before)], source[place(pixel, after)]);
                for c in 0..C {
                    sum[c] += weight * (a[c] + b[c]);
                }
            }
            sum
        };
        (0..source.len()).map(pixel).collect()
    };
    let rows = blend(values, &|pixel, step| {
        let (x, y) = (pixel % width, pixel / width);
        y * width + mirrored(x as isize + step, width)
    });
    blend(&rows, &|pixel, step| {
        let (x, y) = (pixel % width, pixel / width);
        mirrored(y as isize + step, height) * width + x
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_spreads_by_the_gaussians_weights_and_nothing_is_lost() {
        let (width, height) = (31, 27);
        let mut values = vec![[0.0_f32]; width * height];
        values[13 * width + 15] = [1.0];
        let found = gaussian(&values, width, 1.5);
        let at = |x: usize, y: usize| found[y * width + x][0];
        let ratio = |distance: f32| (-0.5 * distance * distance / 2.25).exp();
        assert!((at(17, 13) / at(15, 13) - ratio(2.0)).abs() < 1e-5);
        assert!((at(16, 14) / at(15, 13) - ratio(2.0_f32.sqrt())).abs() < 1e-5);
        // In a corner, too: what would fall outside comes back.
        let mut values = vec![[0.0_f32]; width * height];
        values[0] = [1.0];
        let total: f32 = gaussian(&values, width, 1.5).iter().map(|v| v[0]).sum();
        assert!((total - 1.0).abs() < 1e-5, "{total}");
    }
}
