//! The face: the functions that the page's worker may call. The only file that knows wasm-bindgen.
//!
//! Errors are thrown as JavaScript's `Error`, with our messages.

use wasm_bindgen::prelude::*;

use crate::canvas::{Canvas, Style};
use crate::closing_gap::ClosingGap;
use crate::session::{Head, Opened, Session};

type Thrown<T> = Result<T, JsError>;

/// Panics, which are our own broken promises, are printed on the console before the module stops.
#[wasm_bindgen(start)]
fn start() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&panic.to_string().into());
    }));
}

/// Pixels of a canvas.
#[wasm_bindgen]
pub struct Picture(Canvas);

#[wasm_bindgen]
impl Picture {
    /// Columns.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> usize {
        self.0.width
    }

    /// Rows.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> usize {
        self.0.height
    }

    /// Four bytes a pixel; the picture is used up.
    pub fn into_rgba(self) -> Vec<u8> {
        self.0.rgba
    }
}

/// A segmentation: the segment of every pixel.
#[wasm_bindgen]
pub struct Labels {
    ids: Vec<u16>,
    segments: usize,
}

#[wasm_bindgen]
impl Labels {
    /// How many segments.
    #[wasm_bindgen(getter)]
    pub fn segments(&self) -> usize {
        self.segments
    }

    /// A number a pixel; the labels are used up.
    pub fn into_ids(self) -> Vec<u16> {
        self.ids
    }
}

/// The network and one photograph.
#[wasm_bindgen]
pub struct WorkerSession(Session);

#[wasm_bindgen]
impl WorkerSession {
    /// Loads the network's file.
    #[wasm_bindgen(constructor)]
    pub fn new(weights: Vec<u8>) -> Thrown<Self> {
        Ok(Self(Session::new(weights)?))
    }

    /// Opens a photograph: width and height of the original, of the stored picture, of the segmented one.
    pub fn open(&mut self, name: &str, bytes: &[u8], longest: u32) -> Thrown<Vec<u32>> {
        let Opened {
            original,
            full,
            working,
        } = self.0.open(name, bytes, longest)?;
        Ok([original, full, working]
            .iter()
            .flat_map(|size| [size.0, size.1])
            .collect())
    }

    /// The photograph as it is segmented.
    pub fn photograph(&self) -> Thrown<Picture> {
        Ok(Picture(self.0.photograph()?))
    }

    /// Stage 1.
    pub fn find_features(&mut self) -> Thrown<()> {
        Ok(self.0.find_features()?)
    }

    /// Stage 2: the leading eigenvalues, from 1 down.
    pub fn find_eigenvectors(&mut self, trained: bool) -> Thrown<Vec<f64>> {
        self.0.find_eigenvectors(head(trained))?;
        let spectrum = self.0.sight(head(trained))?.embedding().spectrum();
        Ok(spectrum.iter().map(|sigma| sigma * sigma).collect())
    }

    /// Stage 3: how many segments the network chose, and how many there may be.
    pub fn find_segments(&mut self, trained: bool) -> Thrown<Vec<u32>> {
        self.0.find_segments(head(trained))?;
        let sight = self.0.sight(head(trained))?;
        let (_, chosen) = sight.cut(0)?;
        let most = sight.contours()?.tree.most_segments();
        Ok(vec![chosen as u32, most as u32])
    }

    /// The grid's columns and rows.
    pub fn grid(&self, trained: bool) -> Thrown<Vec<u32>> {
        let grid = self.0.sight(head(trained))?.grid();
        Ok(vec![grid.width as u32, grid.height as u32])
    }

    /// A row of W, of a position of the grid.
    pub fn affinity_row(&self, trained: bool, column: usize, row: usize) -> Thrown<Picture> {
        let sight = self.0.sight(head(trained))?;
        Ok(Picture(sight.affinity_row(column, row)?))
    }

    /// An eigenvector over the grid.
    pub fn eigenvector(&self, trained: bool, index: usize) -> Thrown<Picture> {
        Ok(Picture(self.0.sight(head(trained))?.eigenvector(index)?))
    }

    /// All stored eigenvectors, one after another, each over the grid.
    pub fn embedding(&self, trained: bool) -> Thrown<Vec<f64>> {
        let vectors = self.0.sight(head(trained))?.embedding().vectors();
        let columns = (0..vectors.ncols()).flat_map(|j| vectors.col(j).iter().copied());
        Ok(columns.collect())
    }

    /// A cut of the tree; 0 segments lets the network choose.
    pub fn cut(&self, trained: bool, segments: usize) -> Thrown<Labels> {
        let (labels, segments) = self.0.sight(head(trained))?.cut(segments)?;
        // A tree has at most a few hundred pieces.
        let ids = labels.ids().iter().map(|id| *id as u16).collect();
        Ok(Labels { ids, segments })
    }

    /// A cut of the tree as a picture; `style` is `outlines`, `fill` or `cut-out`, of the `chosen` segments.
    pub fn paint(
        &self,
        trained: bool,
        segments: usize,
        style: &str,
        chosen: &[u32],
        full: bool,
    ) -> Thrown<Picture> {
        let style = match style {
            "outlines" => Style::Outlines,
            "fill" => Style::Fill,
            "cut-out" => Style::CutOut,
            other => {
                let words = format!("style: expected outlines, fill or cut-out, found {other}");
                return Err(JsError::new(&words));
            }
        };
        Ok(Picture(self.0.paint(
            head(trained),
            segments,
            style,
            chosen,
            full,
        )?))
    }

    /// Begins to train on strokes: positions marked, labels.
    pub fn begin_training(
        &mut self,
        strokes: Vec<u8>,
        from_trained: bool,
        rate: f64,
    ) -> Thrown<Vec<u32>> {
        let (marked, labels) = self.0.begin_training(strokes, head(from_trained), rate)?;
        Ok(vec![marked as u32, labels as u32])
    }

    /// One step: J, rank of the similarity, rank of the target, length of the gradient.
    pub fn train(&mut self) -> Thrown<Vec<f64>> {
        let met = self.0.train()?;
        Ok(vec![
            met.loss,
            met.similarity_rank,
            met.target_rank as f64,
            met.gradient_norm,
        ])
    }

    /// The pen's label of every pixel, by its segment.
    pub fn scribbled_labels(&self) -> Thrown<Vec<u8>> {
        Ok(self.0.scribbled_labels()?)
    }
}

fn head(trained: bool) -> Head {
    if trained {
        Head::Trained
    } else {
        Head::Untrained
    }
}

/// Two eigenvalues at a gap: the gradient through eigenvectors, by divided differences and as it is, the errors of both,
/// and the largest factor on the way. NaN stands where a method has no answer.
#[wasm_bindgen]
pub fn closing_gap(gap: f64) -> Thrown<Vec<f64>> {
    let found = ClosingGap::at(gap)?;
    Ok(vec![
        found.through_vectors.unwrap_or(f64::NAN),
        found.by_differences,
        found.truth,
        found.error_through_vectors.unwrap_or(f64::NAN),
        found.error_by_differences,
        found.largest_factor,
    ])
}
