//! Recipes: a row of a comparison each, as a TOML file says it.

mod boundaries;
mod built_in;
mod cuts;
mod regions;
mod text;
mod words;

pub use boundaries::BoundaryPlan;
pub use built_in::{BOUNDARY_RECIPES, BSDS_RECIPES, BuiltIn, COCO_RECIPES};
pub use cuts::{CutModel, CutPlan, CutRecipe};
pub use regions::{RegionModel, RegionRecipe};
pub use words::{
    head_by_words, input_recipe_by_name, schedule_by_words, trunk_by_name, trunk_training_by_words,
};
pub(crate) use words::{head_in_words, input_recipe_in_words};
