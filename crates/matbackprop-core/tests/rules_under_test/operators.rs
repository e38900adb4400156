//! Rules of operators behind the face of every rule.

use super::{Evaluated, Settings, column, list};
use faer::{Mat, MatRef};
use matbackprop_core::{
    LanczosOptions, Leading, LeadingEigenpairs, Result, SymmetricOperator, ensure_finite,
    symmetric_part,
};

/// A matrix of our own, by its products.
#[derive(Clone)]
struct Owned(Mat<f64>);

impl SymmetricOperator for Owned {
    fn side(&self) -> usize {
        self.0.nrows()
    }

    fn apply(&self, x: &[f64], out: &mut [f64]) {
        let product = &self.0 * MatRef::from_column_major_slice(x, x.len(), 1);
        out.copy_from_slice(product.col_as_slice(0));
    }
}

/// The two largest values and their projector.
pub fn leading_eigenpairs(x: &[Mat<f64>], _: &Settings) -> Result<Evaluated> {
    let (operator, n) = (Owned(x[0].clone()), x[0].nrows());
    ensure_finite("leading eigenpairs", x[0].as_ref())?;
    let options = LanczosOptions::default();
    let rule = LeadingEigenpairs::forward(operator, n.min(2), Leading::Largest, options)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    let projector = rule.vectors() * rule.vectors().transpose();
    Ok(Evaluated::new(
        vec![column(rule.values()), projector],
        move |bars| {
            let one = Mat::identity(n, n);
            let projector_bar = (bars[1].as_ref(), one.as_ref());
            let bar = back.vjp(Some(&list(&bars[0])), Some(projector_bar))?;
            Ok(vec![bar.to_dense()?])
        },
        move |dots| {
            let dot = ahead.jvp(&Owned(symmetric_part(dots[0].as_ref())?))?;
            Ok(vec![column(&dot.values), dot.projector.to_dense()?])
        },
    ))
}
