//! The page's half that computes: the libraries' own code, behind one face.
//!
//! ```text
//!   page (JavaScript) ◄──messages──► worker ──► face ──► session ──► models, ncuts, pictures
//!                                                   └──► closing_gap ──► matbackprop-core
//! ```
//!
//! | module | what |
//! |---|---|
//! | `face` | the only file that knows wasm-bindgen: the functions that the worker may call |
//! | [`Session`] | a photograph on its way through the network, stage by stage |
//! | [`Sight`] | the results of one head: features, eigenvectors, one tree of contours |
//! | [`Canvas`], [`Style`] | a segmentation, an object, a likeness, an eigenvector as pixels of a canvas |
//! | [`Form`] | what is saved: labels, outlines, MS-COCO's file |
//! | [`Toy`] | a picture of a few cells, its features, eigenvectors and cuts |
//! | [`ClosingGap`] | one gradient by two methods while two eigenvalues meet |
//!
//! Nothing is computed here that the libraries do not compute natively; `tests/` holds that label maps are the command
//! line's.
//!
//! # Conventions
//! Pictures go to the page as RGBA, row-major, as a canvas takes them; label maps a 16-bit number a pixel.
//!
//! # Features
//! None.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod canvas;
mod closing_gap;
mod error;
mod face;
mod saved;
mod session;
mod sight;
mod toy;

pub use canvas::{Canvas, Style};
pub use closing_gap::ClosingGap;
pub use error::{Error, Result};
pub use saved::Form;
pub use session::{Head, Session};
pub use sight::Sight;
pub use toy::{Toy, turning, vector_and_projector};
