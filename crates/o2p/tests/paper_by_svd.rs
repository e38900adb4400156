//! The paper's way, singular value decomposition and then a function of Σ, gives the layer's values and gradients
//! wherever it has any: at distinct singular values.

use faer::{Mat, MatRef, Scale};
use matbackprop_core::gradcheck::{gaussian, with_spectrum};
use matbackprop_core::{GapPolicy, ThinSvd};
use o2p::{Error, O2pLayer, O2pOptions, Region, SpectralMap, symmetric_from_vech, vech};

/// vech log(MᵀM + εI) and M̄, by U, Σ and V.
fn by_svd(
    m: MatRef<'_, f64>,
    epsilon: f64,
    output_bar: &[f64],
) -> Result<(Vec<f64>, Mat<f64>), Error> {
    let svd = ThinSvd::forward(m, GapPolicy::default())?;
    let (v, sigma) = (svd.v(), svd.singular_values());
    // C = V diag(g(σ)) Vᵀ + log(ε) I, g(σ) = log(σ² + ε) − log ε.
    let g: Vec<f64> = sigma.iter().map(|s| (s * s / epsilon).ln_1p()).collect();
    let vg = Mat::from_fn(v.nrows(), g.len(), |i, j| v[(i, j)] * g[j]);
    let c = &vg * v.transpose() + Scale(epsilon.ln()) * Mat::<f64>::identity(v.nrows(), v.nrows());
    let c_bar = symmetric_from_vech(output_bar)?;
    let v_bar = Scale(2.0) * (&c_bar * &vg);
    let inner = v.transpose() * &c_bar * v;
    let sigma_bar: Vec<f64> = sigma
        .iter()
        .enumerate()
        .map(|(i, s)| inner[(i, i)] * 2.0 * s / (s * s + epsilon))
        .collect();
    let m_bar = svd.vjp(None, Some(&sigma_bar), Some(v_bar.as_ref()))?;
    Ok((vech(c.as_ref())?, m_bar))
}

#[test]
fn both_methods_agree_at_distinct_singular_values() -> Result<(), Error> {
    let spread = [4.0, 2.5, 1.5, 0.9, 0.5];
    for (n, d) in [(12, 5), (5, 9), (5, 5), (40, 5), (1, 1)] {
        for epsilon in [1e-1, 1e-3] {
            let x = with_spectrum(n, d, &spread[..n.min(d).min(5)], 3);
            let map = SpectralMap::Log { epsilon };
            let layer = O2pLayer::new(O2pOptions {
                map,
                normalised: false,
                ..O2pOptions::default()
            });
            let forward = layer.forward(x.as_ref(), None, &[Region::all(n)?])?;
            let bar = gaussian(1, d * (d + 1) / 2, 4);
            let output_bar: Vec<f64> = bar.row(0).iter().copied().collect();
            let (output, m_bar) = by_svd(x.as_ref(), epsilon, &output_bar)?;
            let x_bar = forward.vjp(bar.as_ref())?.features;
            let value_error = output
                .iter()
                .zip(forward.outputs().row(0).iter())
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            // Gaps of order one: the paper's way keeps nearly all digits.
            let error = (&x_bar - &m_bar).norm_l2() / m_bar.norm_l2();
            assert!(
                value_error < 1e-10 * forward.outputs().norm_max(),
                "{n} × {d}: {value_error:e}"
            );
            assert!(
                error < 1e-10,
                "{n} × {d}, ε = {epsilon}: gradients differ by {error:e}"
            );
        }
    }
    Ok(())
}

#[test]
fn both_methods_agree_on_a_weighted_centred_region() -> Result<(), Error> {
    let (n, d, epsilon) = (15, 4, 1e-2);
    let x = gaussian(n, d, 7);
    let weights: Vec<f64> = (0..n).map(|i| 0.25 * (i % 5) as f64).collect();
    let region = Region::from_weights(&weights)?;
    let layer = O2pLayer::new(O2pOptions {
        map: SpectralMap::Log { epsilon },
        centred: true,
        ..O2pOptions::default()
    });
    let forward = layer.forward(x.as_ref(), None, std::slice::from_ref(&region))?;
    let bar = gaussian(1, d * (d + 1) / 2, 8);
    let output_bar: Vec<f64> = bar.row(0).iter().copied().collect();
    // M = T X with T = diag(√p) (I − 1 pᵀ), n × n for once.
    let total: f64 = weights.iter().sum();
    let t = Mat::from_fn(n, n, |i, j| {
        let (p, q) = (weights[i] / total, weights[j] / total);
        p.sqrt() * (f64::from(i == j) - q)
    });
    let (output, m_bar) = by_svd((&t * &x).as_ref(), epsilon, &output_bar)?;
    let expected = t.transpose() * m_bar;
    let x_bar = forward.vjp(bar.as_ref())?.features;
    for (a, b) in output.iter().zip(forward.outputs().row(0).iter()) {
        assert!((a - b).abs() < 1e-10, "{a} {b}");
    }
    let error = (&x_bar - &expected).norm_l2() / expected.norm_l2();
    assert!(error < 1e-10, "gradients differ by {error:e}");
    Ok(())
}

#[test]
fn the_papers_way_ends_at_equal_singular_values_and_ours_does_not() -> Result<(), Error> {
    let x = Mat::<f64>::identity(6, 3);
    let bar = gaussian(1, 6, 1);
    let output_bar: Vec<f64> = bar.row(0).iter().copied().collect();
    let refused = by_svd(x.as_ref(), 1e-3, &output_bar);
    assert!(matches!(
        refused,
        Err(Error::Rule(matbackprop_core::Error::GapClosed { .. }))
    ));
    let layer = O2pLayer::new(O2pOptions {
        normalised: false,
        ..O2pOptions::default()
    });
    let forward = layer.forward(x.as_ref(), None, &[Region::all(6)?])?;
    // At G = I: X̄ = 2 X C̄ / (1 + ε).
    let expected = Scale(2.0 / 1.001) * (&x * symmetric_from_vech(&output_bar)?);
    assert!((forward.vjp(bar.as_ref())?.features - expected).norm_max() < 1e-14);
    Ok(())
}
