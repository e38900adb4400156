//! Rules of operators behind the face of every rule.

use super::{Evaluated, Settings, column, in_range, list};
use faer::{Mat, MatRef};
use matbackprop_core::{
    LanczosOptions, Leading, LeadingEigenpairs, LeadingGeneralisedEig, LeadingSymEig, Result,
    SymmetricOperator, ensure_finite, symmetric_part,
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

/// The two largest values and their projector, without the other pairs.
pub fn leading_sym_eig(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let n = x[0].nrows();
    let rule = LeadingSymEig::forward(x[0].as_ref(), n.min(2), Leading::Largest, settings.gaps)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    let projector = rule.vectors() * rule.vectors().transpose();
    Ok(Evaluated::new(
        vec![column(rule.values()), projector],
        move |bars| {
            let one = Mat::identity(n, n);
            let of_values = back.vjp(Some(&list(&bars[0])), None)?.to_dense()?;
            let of_projector = back.projector_vjp(bars[1].as_ref(), one.as_ref())?;
            in_range(of_values + of_projector.to_dense()?).map(|bar| vec![bar])
        },
        move |dots| {
            let values = ahead.values_jvp(dots[0].as_ref())?;
            let projector = ahead.projector_jvp(dots[0].as_ref())?.to_dense()?;
            Ok(vec![column(&values), projector])
        },
    ))
}

/// The two smallest values of a pencil and V Vᵀ, without the other pairs.
pub fn leading_generalised_eig(x: &[Mat<f64>], settings: &Settings) -> Result<Evaluated> {
    let (n, gaps) = (x[0].nrows(), settings.gaps);
    let (a, b) = (x[0].as_ref(), x[1].as_ref());
    let rule = LeadingGeneralisedEig::forward(a, b, n.min(2), Leading::Smallest, gaps)?;
    let (back, ahead) = (rule.clone(), rule.clone());
    let projector = in_range(rule.vectors() * rule.vectors().transpose())?;
    Ok(Evaluated::new(
        vec![column(rule.values()), projector],
        move |bars| {
            let one = Mat::identity(n, n);
            let of_values = back.vjp(Some(&list(&bars[0])), None)?;
            let of_projector = back.projector_vjp(bars[1].as_ref(), one.as_ref())?;
            Ok(vec![
                in_range(of_values.a.to_dense()? + of_projector.a.to_dense()?)?,
                in_range(of_values.b.to_dense()? + of_projector.b.to_dense()?)?,
            ])
        },
        move |dots| {
            let dots = (Some(dots[0].as_ref()), Some(dots[1].as_ref()));
            let values = ahead.values_jvp(dots.0, dots.1)?;
            let projector = ahead.projector_jvp(dots.0, dots.1)?.to_dense()?;
            Ok(vec![column(&values), projector])
        },
    ))
}
