//! One image forward to the loss and back, for training and gradient checks.

use dfdx::prelude::{Cpu, Gradients};
use image::RgbImage;
use ncuts::{Indicator, NcutsLayer};
use segmentation::LabelMap;

use super::network::DeepNcuts;
use crate::backend::{BackwardScope, Planes};
use crate::error::{Error, Result};
use crate::feature_maps::FeatureMaps;
use crate::forward_pass::{ForwardPass, GradientHook};
use crate::network::Network;
use crate::seam::{features_from_maps, maps_from_features};
use crate::trunk::Mode;

/// The input of a training step of [`DeepNcuts`].
#[derive(Clone, Copy, Debug)]
pub enum CutInput<'a> {
    /// The image itself: the trunk learns.
    Image {
        /// The photograph.
        image: &'a RgbImage,
        /// The layer of the trunk's chain from which on it learns.
        first_step: usize,
    },
    /// The trunk's features: the head alone learns.
    Features(&'a FeatureMaps),
}

/// Loss, ranks and cotangents of one image.
pub struct CutStep {
    /// The criterion's, the mean over the annotations.
    pub loss: f64,
    /// Rank of the similarity's projector.
    pub similarity_rank: usize,
    /// Rank of each annotation's projector: its segments on the grid.
    pub target_ranks: Vec<usize>,
    /// Segments that vanish on the grid, all annotations together.
    pub dropped_segments: usize,
    /// Of all parameters that learn.
    pub gradients: Gradients<f32, Cpu>,
}

impl DeepNcuts {
    /// Loss of one image against human label maps, and the cotangents of all parameters reached,
    /// added to `gradients`; `hook` is called with each as soon as this image's share is in it.
    ///
    /// # Errors
    /// Those of trunk and layer.
    pub fn step(
        &self,
        input: CutInput<'_>,
        annotations: &[&LabelMap],
        layer: &NcutsLayer,
        seed: u64,
        gradients: Gradients<f32, Cpu>,
        hook: Option<&GradientHook>,
    ) -> Result<CutStep> {
        let mode = Mode::Training { seed };
        let (pass, scope) = match input {
            CutInput::Features(maps) => (ForwardPass::of(maps.planes()), BackwardScope::PARAMETERS),
            CutInput::Image { image, first_step } => {
                let Network { chain, parameters } = &self.trunk;
                let scope = BackwardScope {
                    first_step,
                    input: false,
                };
                let pass = ForwardPass::of(self.architecture.recipe.planes(image));
                let pass = pass.through(chain, parameters, mode.clone(), scope, hook.cloned())?;
                (pass, BackwardScope::ALL)
            }
        };
        let hook = hook.map(|hook| hook.after(self.trunk.parameters.tensors().len()));
        let pass = self.through_head(pass, mode, scope, hook)?;
        let size = match (input, annotations.first()) {
            (CutInput::Image { image, .. }, _) => (image.width() as usize, image.height() as usize),
            // Features are cached without the image: its size is that of its annotations.
            (CutInput::Features(_), Some(first)) => (first.width(), first.height()),
            (CutInput::Features(_), None) => return Err(ncuts::Error::NoIndicators.into()),
        };
        Ok(self
            .cut_and_backward(pass, annotations, size, layer, gradients)?
            .0)
    }

    /// Loss of one image, and the cotangent of its pixels after the recipe, 3 × H × W.
    ///
    /// # Errors
    /// Those of trunk and layer.
    pub fn image_cotangent(
        &self,
        image: &[f32],
        (height, width): (usize, usize),
        annotations: &[&LabelMap],
        layer: &NcutsLayer,
    ) -> Result<(f64, Vec<f32>)> {
        let scope = BackwardScope::ALL;
        let mode = Mode::Inference;
        let Network { chain, parameters } = &self.trunk;
        let pass = ForwardPass::of(Planes::from_contiguous(3, height, width, 0, image));
        let pass = pass.through(chain, parameters, mode.clone(), scope, None)?;
        let pass = self.through_head(pass, mode, scope, None)?;
        let size = (width, height);
        let (outcome, image_bar) =
            self.cut_and_backward(pass, annotations, size, layer, Gradients::leaky())?;
        let image_bar = image_bar.expect("the cotangent that every scope asks for");
        Ok((outcome.loss, image_bar.into_contiguous()))
    }

    /// Goes through the head, where there is one.
    fn through_head<'n>(
        &'n self,
        pass: ForwardPass<'n>,
        mode: Mode,
        scope: BackwardScope,
        hook: Option<GradientHook>,
    ) -> Result<ForwardPass<'n>> {
        match &self.head {
            None => Ok(pass),
            Some(head) => pass.through(&head.chain, &head.parameters, mode, scope, hook),
        }
    }

    /// F → J → F̄ → the backward pass, which gives the input's cotangent where the scopes ask for it.
    fn cut_and_backward(
        &self,
        pass: ForwardPass<'_>,
        annotations: &[&LabelMap],
        (width, height): (usize, usize),
        layer: &NcutsLayer,
        mut gradients: Gradients<f32, Cpu>,
    ) -> Result<(CutStep, Option<Planes>)> {
        let (channels, rows, columns) = pass.output()?.size();
        let [column, row] = self.grid_axes(height, width)?;
        let fits = (column.positions, row.positions) == (columns, rows);
        for labels in annotations {
            let found = (labels.width(), labels.height());
            if found != (width, height) || !fits {
                return Err(Error::AnnotationSize {
                    expected: (width, height),
                    found,
                });
            }
        }
        let features = features_from_maps(pass.output()?.data(), channels);
        let indicators = annotations
            .iter()
            .map(|labels| Indicator::on_axes(labels, column, row))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let dropped_segments = indicators
            .iter()
            .map(|indicator| indicator.dropped().len())
            .sum();
        let cut = layer.forward(features.as_ref(), None, &indicators)?;
        let bars = cut.vjp(1.0)?;
        let output_bar = maps_from_features(bars.features.as_ref());
        let input_bar = pass.backward(output_bar, &mut gradients)?;
        let outcome = CutStep {
            loss: cut.loss(),
            similarity_rank: cut.similarity_rank(),
            target_ranks: cut.target_ranks().to_vec(),
            dropped_segments,
            gradients,
        };
        Ok((outcome, input_bar))
    }
}
