//! From the colours that a file means to sRGB.

use std::sync::Arc;

use moxcms::{
    Chromaticity, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics, TransformExecutor,
    TransformOptions, XyYRepresentable,
};

use crate::png_chunks::PngChunks;

/// A transform of rows of samples.
pub type Transform<T> = Arc<dyn TransformExecutor<T> + Send + Sync>;

/// Levels of 255 by which a profile may move a colour and still count as sRGB: there are dozens of profiles of that name
/// that differ in their last digit.
const SAME: u8 = 2;

/// What the samples of a picture stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Grey,
    Rgb,
    Cmyk,
}

/// How the samples of a picture become sRGB.
pub struct ToSrgb {
    /// Samples that the transforms take of each pixel.
    pub channels: usize,
    pub of_bytes: Transform<u8>,
    /// None for CMYK, which comes in bytes.
    pub of_words: Option<Transform<u16>>,
}

/// A colour profile of a picture.
#[derive(Clone)]
pub struct Profile(ColorProfile);

impl Profile {
    /// The profile in an ICC file's bytes.
    pub fn from_icc(bytes: &[u8]) -> Result<Self, String> {
        match ColorProfile::new_from_slice(bytes) {
            Ok(profile) => Ok(Self(profile)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The profile that a PNG's chunks describe, where they say something other than sRGB. `iCCP` is not looked at.
    ///
    /// # Conventions
    /// `cICP` before `sRGB` before `gAMA` and `cHRM`, as the PNG specification has it. A gamma within 5 % of 1 / 2.2 is
    /// the curve of sRGB, as libpng takes it: encoders write 0.45455 for sRGB.
    pub fn from_chunks(chunks: &PngChunks) -> Option<Self> {
        if let Some((primaries, transfer)) = chunks.code_points {
            let code_points = CicpProfile {
                color_primaries: primaries.try_into().ok()?,
                transfer_characteristics: TransferCharacteristics::try_from(transfer).ok()?,
                matrix_coefficients: MatrixCoefficients::Identity,
                full_range: true,
            };
            let mut profile = ColorProfile::new_srgb();
            // Its answer is always no; that the numbers are known shows in the profile.
            profile.cicp = None;
            profile.update_rgb_colorimetry_from_cicp(code_points);
            return profile.cicp.is_some().then_some(Self(profile));
        }
        if chunks.srgb || chunks.has_profile {
            return None;
        }
        // Gamma 0 means nothing.
        let gamma = chunks.gamma.filter(|gamma| *gamma > 0);
        let mut profile = ColorProfile::new_srgb();
        if let Some(values) = chunks.chromaticities {
            let at = |place: usize| Chromaticity {
                x: values[place] as f32 / 1e5,
                y: values[place + 1] as f32 / 1e5,
            };
            let primaries = ColorPrimaries {
                red: at(2),
                green: at(4),
                blue: at(6),
            };
            let points = [at(0), at(2), at(4), at(6)];
            if points
                .iter()
                .any(|point| point.y <= 0.0 || point.x + point.y > 1.0)
            {
                return None;
            }
            profile.update_rgb_colorimetry(at(0).to_xyy(), primaries);
        } else {
            gamma?;
        }
        if let Some(gamma) = gamma {
            let exponent = 1e5 / gamma as f32;
            if (exponent / 2.2 - 1.0).abs() > 0.05 {
                let curve = ToneReprCurve::Parametric(vec![exponent]);
                profile.red_trc = Some(curve.clone());
                profile.green_trc = Some(curve.clone());
                profile.blue_trc = Some(curve);
                profile.cicp = None;
            }
        }
        Some(Self(profile))
    }

    /// The transform to sRGB; none where the profile is sRGB within two levels of 255.
    ///
    /// A profile of RGB serves grey samples too, each taken three times.
    ///
    /// # Errors
    /// Says why the profile cannot be used: one for other inks, or one without a way to sRGB.
    pub fn to_srgb(&self, ink: Ink) -> Result<Option<ToSrgb>, String> {
        let (layout, channels) = match (self.0.color_space, ink) {
            (DataColorSpace::Gray, Ink::Grey) => (Layout::Gray, 1),
            (DataColorSpace::Rgb, Ink::Grey | Ink::Rgb) => (Layout::Rgb, 3),
            (DataColorSpace::Cmyk, Ink::Cmyk) => (Layout::Rgba, 4),
            (found, _) => {
                let found = format!("{found:?}").to_uppercase();
                let expected = format!("{ink:?}").to_uppercase();
                return Err(format!(
                    "expected one for {expected}, found one for {found}"
                ));
            }
        };
        let srgb = ColorProfile::new_srgb();
        let options = TransformOptions::default();
        let failed = |error: moxcms::CmsError| error.to_string();
        let of_bytes = self
            .0
            .create_transform_8bit(layout, &srgb, Layout::Rgb, options);
        let of_bytes: Transform<u8> = of_bytes.map_err(failed)?;
        if ink != Ink::Cmyk && is_identity(&*of_bytes, channels).map_err(failed)? {
            return Ok(None);
        }
        let of_words = if ink == Ink::Cmyk {
            None
        } else {
            let words = self
                .0
                .create_transform_16bit(layout, &srgb, Layout::Rgb, options);
            Some(words.map_err(failed)? as Transform<u16>)
        };
        Ok(Some(ToSrgb {
            channels,
            of_bytes,
            of_words,
        }))
    }
}

/// Whether a transform moves no colour of a lattice, and no grey, by more than it may.
fn is_identity(
    transform: &(dyn TransformExecutor<u8> + Send + Sync),
    channels: usize,
) -> Result<bool, moxcms::CmsError> {
    let mut from: Vec<u8> = Vec::new();
    for grey in 0..=255 {
        from.extend(std::iter::repeat_n(grey, channels));
    }
    if channels == 3 {
        for place in 0..6_u32.pow(3) {
            from.extend([place / 36, place / 6 % 6, place % 6].map(|step| 51 * step as u8));
        }
    }
    let mut to = vec![0; from.len() / channels * 3];
    transform.transform(&from, &mut to)?;
    let pixels = from.chunks_exact(channels).zip(to.as_chunks::<3>().0);
    let far = |(from, to): (&[u8], &[u8; 3])| {
        (0..3).any(|c| from[c.min(channels - 1)].abs_diff(to[c]) > SAME)
    };
    Ok(!pixels.into_iter().any(far))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(transform: &ToSrgb, from: &[u8]) -> [u8; 3] {
        let mut to = [0; 3];
        transform.of_bytes.transform(from, &mut to).unwrap();
        to
    }

    #[test]
    fn srgb_by_any_name_changes_nothing() {
        for profile in [ColorProfile::new_srgb(), reread(&ColorProfile::new_srgb())] {
            assert!(
                Profile(profile.clone())
                    .to_srgb(Ink::Rgb)
                    .unwrap()
                    .is_none()
            );
            assert!(Profile(profile).to_srgb(Ink::Grey).unwrap().is_none());
        }
    }

    /// As a file has it.
    fn reread(profile: &ColorProfile) -> ColorProfile {
        Profile::from_icc(&profile.encode().unwrap()).unwrap().0
    }

    #[test]
    fn wide_colours_become_stronger_numbers() {
        for profile in [
            ColorProfile::new_adobe_rgb(),
            ColorProfile::new_display_p3(),
        ] {
            let transform = Profile(reread(&profile))
                .to_srgb(Ink::Rgb)
                .unwrap()
                .unwrap();
            let [red, green, blue] = bytes(&transform, &[200, 100, 100]);
            assert!(
                red > 205 && green <= 100 && blue <= 100,
                "{red} {green} {blue}"
            );
            let grey = bytes(&transform, &[128; 3]);
            assert!(grey.iter().all(|value| value.abs_diff(128) < 3), "{grey:?}");
        }
        // Pure green of Adobe RGB lies outside sRGB: cut off, not wrapped around.
        let adobe = Profile(ColorProfile::new_adobe_rgb())
            .to_srgb(Ink::Rgb)
            .unwrap()
            .unwrap();
        assert_eq!(bytes(&adobe, &[0, 255, 0]), [0, 255, 0]);
    }

    #[test]
    fn linear_grey_becomes_brighter() {
        let linear = Profile(reread(&ColorProfile::new_gray_with_gamma(1.0)));
        let transform = linear.to_srgb(Ink::Grey).unwrap().unwrap();
        // 55 / 255 of the light is 128 / 255 in sRGB.
        let grey = bytes(&transform, &[55]);
        assert!(
            grey.iter().all(|value| value.abs_diff(128) <= 2),
            "{grey:?}"
        );
        let Err(reason) = linear.to_srgb(Ink::Rgb).map(|_| ()) else {
            panic!("a profile for grey used on colours")
        };
        assert_eq!(reason, "expected one for RGB, found one for GRAY");
    }

    #[test]
    fn chunks_of_a_png_are_a_profile() {
        let of = |chunks: PngChunks| Profile::from_chunks(&chunks);
        assert!(of(PngChunks::default()).is_none());
        let gamma = |gamma| PngChunks {
            gamma: Some(gamma),
            ..PngChunks::default()
        };
        // 0.45455 is sRGB.
        assert!(
            of(gamma(45_455))
                .unwrap()
                .to_srgb(Ink::Rgb)
                .unwrap()
                .is_none()
        );
        let linear = of(gamma(100_000))
            .unwrap()
            .to_srgb(Ink::Rgb)
            .unwrap()
            .unwrap();
        assert!(
            bytes(&linear, &[55; 3])
                .iter()
                .all(|value| value.abs_diff(128) <= 2)
        );
        let mut said = gamma(100_000);
        said.srgb = true;
        assert!(of(said).is_none() && of(gamma(0)).is_none());
        // sRGB's own chromaticities, then red and blue exchanged.
        let own = [
            31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000,
        ];
        let chromaticities = |values| PngChunks {
            chromaticities: Some(values),
            ..PngChunks::default()
        };
        assert!(
            of(chromaticities(own))
                .unwrap()
                .to_srgb(Ink::Rgb)
                .unwrap()
                .is_none()
        );
        let [a, b, c, d, e, f, g, h] = own;
        let swapped = of(chromaticities([a, b, g, h, e, f, c, d])).unwrap();
        let found = bytes(&swapped.to_srgb(Ink::Rgb).unwrap().unwrap(), &[255, 0, 0]);
        assert!(found[0] < 5 && found[2] > 250, "{found:?}");
        assert!(of(chromaticities([0; 8])).is_none());
        // Display P3 by number.
        let mut p3 = gamma(100_000);
        p3.code_points = Some((12, 13));
        let found = bytes(
            &of(p3).unwrap().to_srgb(Ink::Rgb).unwrap().unwrap(),
            &[200, 100, 100],
        );
        assert!(found[0] > 205 && found[1] < 100, "{found:?}");
    }

    #[test]
    fn bytes_that_are_no_profile_say_so() {
        let whole = ColorProfile::new_adobe_rgb().encode().unwrap();
        assert!(Profile::from_icc(b"no profile").is_err());
        for end in (0..whole.len()).step_by(7) {
            // Broken off, it is refused or used, and never a panic.
            let _ = Profile::from_icc(&whole[..end])
                .map(|profile| profile.to_srgb(Ink::Rgb).map(|_| ()));
        }
    }
}
