//! The detection table on annotations small enough to do by hand, on random ones beside pycocotools, in the forms that
//! people write, and everything that is refused.

mod exporters;
mod field_cases;
mod files;
mod forms;
mod reference;
mod refusals;
mod table;
mod wrong_files;
