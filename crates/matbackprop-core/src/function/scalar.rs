//! Functions of one number, each with its own divided difference.

mod exp;
mod inverse;
mod log;
mod pairs;
mod power;
mod ridge;
mod roots;
mod series;
mod with_slope;

pub use exp::Exp;
pub use inverse::Inverse;
pub use log::Log;
pub use power::Power;
pub use ridge::Ridge;
pub use roots::{InverseSqrt, Sqrt};
pub use with_slope::WithSlope;
