//! Recipes: the very code of the command line, which is a binary and cannot be linked.

#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;

#[path = "../../matbackprop/src/cut_recipe.rs"]
mod cut_recipe;
#[path = "../../matbackprop/src/failure.rs"]
mod failure;
#[path = "../../matbackprop/src/interrupt.rs"]
mod interrupt;
#[path = "../../matbackprop/src/recipe_text.rs"]
mod recipe_text;
#[path = "../../matbackprop/src/region_recipe.rs"]
mod region_recipe;

#[path = "../../matbackprop/src/arguments"]
mod arguments {
    mod layout;

    pub use layout::{
        head as head_by_words, recipe as input_recipe_by_name, trunk as trunk_by_name,
    };
}

use cut_recipe::CutRecipe;
use region_recipe::RegionRecipe;

fuzz_target!(|text: &str| {
    match CutRecipe::decode("fuzz", text) {
        Ok(CutRecipe::Trained(plan)) => {
            let _ = plan.training.check();
            let _ = plan.loss.check();
            let _ = plan.architecture();
        }
        Ok(CutRecipe::Untrained(model)) => drop(model.architecture(None)),
        Ok(CutRecipe::Contour(_)) | Err(_) => {}
    }
    if let Ok(recipe) = RegionRecipe::decode("fuzz", text) {
        let _ = recipe.training.check();
        if let Ok(architecture) = recipe.architecture(&["a", "b"]) {
            let _ = architecture.check();
        }
    }
});
