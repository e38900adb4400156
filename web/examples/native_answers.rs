//! The page's results, computed natively: for tests that compare the two.
//!
//! ```text
//! cargo run -p web --example native_answers -- OUT_DIR PHOTOGRAPH…
//! ```
//!
//! Reads NAME.labels.png, which `matbackprop segment --labels` wrote into OUT_DIR, and writes NAME.labels (16 bits a pixel)
//! and NAME.embedding (64-bit numbers, eigenvector after eigenvector), little-endian. Without words it looks at one sample
//! and prints its spectrum.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use web::{Head, Session};

/// The longer side that the page segments at.
const LONGEST: u32 = 640;

fn main() -> Result<(), Box<dyn Error>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
    let mut session = Session::new(fs::read(data.join("weights/ncuts_lite0_f16.safetensors"))?)?;
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(out) = words.next() else {
        look(&mut session, &data.join("samples/coffee.jpg"))?;
        let spectrum = session.sight(Head::Trained)?.embedding().spectrum();
        println!("coffee.jpg: σ = {:.3?}", &spectrum[..6]);
        return Ok(());
    };
    for photograph in words {
        look(&mut session, &photograph)?;
        let place = out.join(photograph.file_stem().ok_or("a file")?);
        let labels = image::open(place.with_extension("labels.png"))?.into_luma16();
        let labels = labels.iter().flat_map(|id| id.to_le_bytes());
        fs::write(place.with_extension("labels"), labels.collect::<Vec<u8>>())?;
        let vectors = session.sight(Head::Trained)?.embedding().vectors();
        let numbers = (0..vectors.ncols()).flat_map(|j| vectors.col(j).iter().copied());
        let numbers = numbers.flat_map(f64::to_le_bytes);
        fs::write(
            place.with_extension("embedding"),
            numbers.collect::<Vec<u8>>(),
        )?;
    }
    Ok(())
}

/// The photograph through trunk, head and eigenvectors.
fn look(session: &mut Session, photograph: &Path) -> Result<(), Box<dyn Error>> {
    let name = photograph.display().to_string();
    session.open(&name, &fs::read(photograph)?, LONGEST)?;
    session.find_features(&mut |_, _| {})?;
    Ok(session.find_eigenvectors(Head::Trained)?)
}
