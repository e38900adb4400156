//! A function of a matrix, a loss on it, its gradient; and a difference that says the same.
//!
//! `cargo run -p matbackprop-core --example first_vjp`

use faer::{Mat, MatRef, mat};
use matbackprop_core::{GramFunction, Log, Result, Ridge};

fn main() -> Result<()> {
    // Four positions, three channels: two of equal strength, one that never responds. FᵀF = diag(4, 4, 0).
    let f = mat![
        [2.0, 0.0, 0.0],
        [0.0, 1.2, 0.0],
        [0.0, 1.6, 0.0],
        [0.0, 0.0, 0.0]
    ];
    let log_covariance = |f: MatRef<'_, f64>| GramFunction::forward(f, Ridge::new(Log, 1e-3)?);

    // The loss is the sum of all entries of C = log(FᵀF + εI), so its cotangent is all ones.
    let c = log_covariance(f.as_ref())?;
    let f_bar = c.vjp(Mat::ones(3, 3).as_ref())?;
    println!("C = log(FᵀF + 0.001 I)\n{:.4?}\n", c.value());
    println!("gradient of the sum of its entries\n{f_bar:.4?}\n");

    // The same by a central difference, in the entry of a silent channel.
    let loss_at = |step: f64| -> Result<f64> {
        let mut moved = f.clone();
        moved[(0, 2)] += step;
        Ok(log_covariance(moved.as_ref())?.value().sum())
    };
    let difference = (loss_at(1e-5)? - loss_at(-1e-5)?) / 2e-5;
    println!(
        "row 0, column 2: {:.9}, by a difference {difference:.9}",
        f_bar[(0, 2)]
    );
    assert!((f_bar[(0, 2)] - difference).abs() < 1e-6 * difference.abs());
    Ok(())
}
