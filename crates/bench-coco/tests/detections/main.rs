//! The detection table on annotations small enough to do by hand, and everything that is refused.

mod files;
mod refusals;
mod table;
