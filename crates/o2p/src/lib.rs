//! Second-order pooling of free-form regions as a differentiable layer.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
mod layer;
mod range;
mod reduction;
mod region;
mod second_moment;
mod signed_square_root;
mod spectral_map;
mod unit_norm;
mod vech;

pub use error::{Error, Result};
pub use layer::{O2pCotangents, O2pForward, O2pLayer, O2pOptions};
pub use reduction::Reduction;
pub use region::Region;
pub use second_moment::SecondMoment;
pub use signed_square_root::SignedSquareRoot;
pub use spectral_map::{MappedMoment, SpectralMap, SpectralReport};
pub use unit_norm::UnitNorm;
pub use vech::{symmetric_from_vech, vech};
