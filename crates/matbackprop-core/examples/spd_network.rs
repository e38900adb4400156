//! A network on covariances: bilinear maps, rectified eigenvalues, the logarithm, a linear score; trained on made-up data.
//!
//! `cargo run -p matbackprop-core --example spd_network`

use faer::{Mat, Scale};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{Log, MatrixFunction, Polar, Result, WithSlope, inner_product};

/// Covariances of 30 observations; in every second one, two channels of eight move together.
fn covariances(count: u64) -> Vec<(Mat<f64>, f64)> {
    (0..count)
        .map(|seed| {
            let (mut x, label) = (gaussian(30, 8, seed), (seed % 2) as f64);
            for i in 0..30 {
                x[(i, 5)] += 2.0 * label * x[(i, 2)];
            }
            (Scale(1.0 / 30.0) * x.transpose() * &x, label)
        })
        .collect()
}

fn main() -> Result<()> {
    // Eigenvalues below the floor are brought onto it: max(x, 0.1), with its slope.
    let rectified = WithSlope::new(|x: f64| x.max(0.1), |x| if x > 0.1 { 1.0 } else { 0.0 });
    // W, 8 × 4, with orthonormal columns: B = Wᵀ A W. G, 4 × 4, scores ⟨G, log⟩.
    let mut w = Polar::forward(gaussian(8, 4, 99).as_ref())?.w().to_owned();
    let (mut g, mut offset) = (Mat::<f64>::zeros(4, 4), 0.0);
    let (mut losses, data) = (Vec::new(), covariances(40));
    for step in 0..=200 {
        let (mut loss, mut right) = (0.0, 0);
        let (mut w_bar, mut g_bar, mut offset_bar) = (Mat::zeros(8, 4), Mat::zeros(4, 4), 0.0);
        for (a, label) in &data {
            let bilinear = w.transpose() * a * &w;
            let floored = MatrixFunction::forward(bilinear.as_ref(), rectified)?;
            let log = MatrixFunction::forward(floored.value(), Log)?;
            let score = inner_product(g.as_ref(), log.value())? + offset;
            let sign = 2.0 * label - 1.0;
            loss += (-sign * score).exp().ln_1p() / data.len() as f64;
            right += usize::from(sign * score > 0.0);

            // The same list read upward.
            let score_bar = -sign / (1.0 + (sign * score).exp()) / data.len() as f64;
            offset_bar += score_bar;
            g_bar += Scale(score_bar) * log.value();
            let floored_bar = log.vjp((Scale(score_bar) * &g).as_ref())?;
            let bilinear_bar = floored.vjp(floored_bar.as_ref())?;
            w_bar += Scale(2.0) * a * &w * bilinear_bar;
        }
        if step % 40 == 0 {
            println!(
                "step {step:3}: loss {loss:.4}, {right} of {} right",
                data.len()
            );
        }
        losses.push(loss);
        g -= Scale(0.3) * g_bar;
        offset -= 0.3 * offset_bar;
        // Back onto orthonormal columns by the closest ones.
        w = Polar::forward((&w - Scale(0.3) * w_bar).as_ref())?
            .w()
            .to_owned();
    }
    assert!(losses[200] < 0.5 * losses[0], "the loss falls");
    Ok(())
}
