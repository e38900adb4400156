//! Wall and processor seconds of a trunk's forward and backward pass, as one JSON line.
//!
//! `cargo run --release -p matbackprop-models --example trunk_speed -- vgg16 5`: five runs of each.
//! benches/compare_pytorch.py calls it in turn with PyTorch.

use std::time::Instant;

use models::{AlexnetLayout, BackwardScope, Mode, Parameters, Planes, TrunkKind};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "lite0".into());
    let runs: usize = arguments.next().map_or(Ok(1), |runs| runs.parse())?;
    let (kind, layer) = match name.as_str() {
        "vgg16" => (TrunkKind::Vgg16, "relu4_3"),
        "alexnet" => (TrunkKind::Alexnet(AlexnetLayout::Original), "relu5"),
        "lite0" => (TrunkKind::Lite0, "expand11"),
        other => return Err(format!("expected vgg16, alexnet or lite0, found {other}").into()),
    };
    let (chain, layers) = kind.chain(&[(layer.to_owned(), 1.0)])?;
    let parameters = Parameters::random(layers, 1).values();
    let pixels: Vec<f32> = (0..3 * 321 * 481)
        .map(|i| ((i * 31) % 255) as f32 / 128.0 - 1.0)
        .collect();
    let image = Planes::from_contiguous(3, 321, 481, 0, &pixels);

    let measure = |work: &dyn Fn() -> Result<(), models::Error>| {
        let (mut wall, mut processor) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..runs {
            let (begin, spent) = (Instant::now(), processor_seconds());
            work()?;
            wall = wall.min(begin.elapsed().as_secs_f64());
            processor = processor.min(processor_seconds() - spent);
        }
        Ok::<_, models::Error>([wall, processor])
    };
    let forward = measure(&|| {
        chain.forward(image.clone(), &parameters, Mode::Inference)?;
        Ok(())
    })?;
    let both = measure(&|| {
        let (output, saved) = chain.forward_saving(image.clone(), &parameters, Mode::Inference)?;
        chain.vjp(saved, &parameters, output, BackwardScope::PARAMETERS);
        Ok(())
    })?;
    let peak = peak_memory();
    println!(
        "{}",
        serde_json::json!({ "forward": forward, "both": both, "peak_mib": peak })
    );
    Ok(())
}

/// Seconds of processor time of this process so far, to a hundredth; 0 where the system does not report it.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |place| {
        fields
            .split_whitespace()
            .nth(place)
            .and_then(|f| f.parse::<f64>().ok())
    };
    ticks(11)
        .zip(ticks(12))
        .map_or(0.0, |(user, system)| (user + system) / 100.0)
}

/// Most memory ever resident, in MiB; 0 where the system does not report it.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
