//! A shape learned from a picture of it in another pose: the gradient goes through the best alignment.
//!
//! `cargo run -p matbackprop-core --example align_points`

use faer::{Mat, mat};
use matbackprop_core::gradcheck::gaussian;
use matbackprop_core::{Alignment, Procrustes, Result, Rotation};

const POINTS: usize = 40;

/// A cloud, stretched along its axes.
fn stretched(cloud: &Mat<f64>, axes: [f64; 3]) -> Mat<f64> {
    Mat::from_fn(POINTS, 3, |i, j| cloud[(i, j)] * axes[j])
}

fn main() -> Result<()> {
    // What is seen: the cloud with axes 2, 1 and 0.5, turned, moved, with noise; one point in ten is seen wrongly.
    let cloud = gaussian(POINTS, 3, 1);
    let pose = Rotation::forward(gaussian(3, 3, 2).as_ref())?;
    let noise = gaussian(POINTS, 3, 3);
    let turned = stretched(&cloud, [2.0, 1.0, 0.5]) * pose.value().transpose();
    let seen = Mat::from_fn(POINTS, 3, |i, j| {
        let size = if i % 10 == 0 { 3.0 } else { 0.01 };
        turned[(i, j)] + 5.0 - j as f64 + size * noise[(i, j)]
    });

    // Points that fit badly count less: w = 1 / (1 + 10 ‖e‖²), from the alignment before.
    let (mut axes, mut weights) = ([1.0; 3], vec![1.0; POINTS]);
    let mut fit = Procrustes::forward(cloud.as_ref(), seen.as_ref(), None, Alignment::default())?;
    for step in 0..=200 {
        let shape = stretched(&cloud, axes);
        fit = Procrustes::forward(
            shape.as_ref(),
            seen.as_ref(),
            Some(&weights),
            Alignment::default(),
        )?;
        if step % 40 == 0 {
            println!(
                "step {step:3}: residual {:8.4}, axes {axes:.3?}",
                fit.residual()
            );
        }
        // The gradient of the residual, for whatever pose is best.
        let shape_bar = fit.vjp(None, None, 0.0, 1.0)?.x;
        for (j, axis) in axes.iter_mut().enumerate() {
            *axis -= 0.005
                * (0..POINTS)
                    .map(|i| cloud[(i, j)] * shape_bar[(i, j)])
                    .sum::<f64>();
        }
        let rest = fit.apply(shape.as_ref())? - &seen;
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = 1.0 / (1.0 + 10.0 * rest.row(i).squared_norm_l2());
        }
    }
    let turn = fit.rotation() - pose.value();
    println!(
        "rotation found to {:.1e}, translation {:.3?}",
        turn.norm_max(),
        fit.translation()
    );
    assert!((mat![[axes[0], axes[1], axes[2]]] - mat![[2.0, 1.0, 0.5]]).norm_max() < 0.05);
    assert!(turn.norm_max() < 0.02);
    Ok(())
}
