//! Recipes of either kind.

#![no_main]

use experiments::recipe::{CutRecipe, RegionRecipe};
use libfuzzer_sys::fuzz_target;

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
