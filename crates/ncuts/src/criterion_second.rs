//! The second derivative of how far the normalised affinity is from spanning the segments.

use crate::affinity::Affinity;
use crate::criterion::{CriterionForward, SimilarityProjector, within};
use crate::degree::Degrees;
use crate::error::Result;
use crate::lambda_root::LambdaRoot;
use crate::similarity::normalised_features;
use crate::target::Targets;
use faer::{Mat, MatRef, Scale};
use matbackprop_core::{
    LeadingProjector, Projector, RegularisedProjector, Split, SymmetricProduct,
};

/// Along which X, Λ and Q move.
pub(crate) struct Motion {
    /// Ẋ, n × d.
    pub(crate) normalised: Mat<f64>,
    /// Λ̇, d × d, symmetric.
    pub(crate) lambda: Option<Mat<f64>>,
    /// Q̇, n × K.
    pub(crate) basis: Mat<f64>,
}

/// The cotangents of X, Λ and Q, of J̄ times the derivative of J along a [`Motion`].
pub(crate) struct CriterionSecond {
    pub(crate) normalised: Mat<f64>,
    /// The part that does not go through the degrees, not yet symmetric; none without Λ.
    pub(crate) lambda: Option<Mat<f64>>,
    pub(crate) basis: Mat<f64>,
}

/// What every criterion needs: X, Λ = L Lᵀ, Q, J̄ and J̄/m.
struct Setting<'a> {
    normalised: Mat<f64>,
    lambda: &'a LambdaRoot,
    q: MatRef<'a, f64>,
    loss_bar: f64,
    share: f64,
}

impl CriterionForward {
    /// The way back through [`vjp`](Self::vjp) and [`lambda_vjp`](Self::lambda_vjp).
    ///
    /// ```text
    /// Q: −2 (Ṗ Q + P Q̇) J̄/m          X, Λ: by the second order of P at P̄ and q̄ along Ż, and vjp of −2 Q̇ Qᵀ J̄/m
    /// ```
    ///
    /// In Λ, by criterion: [`hard`], [`regularised`], [`leading`].
    pub(crate) fn second(
        &self,
        (affinity, degrees, targets): (&Affinity, &Degrees, &Targets),
        loss_bar: f64,
        motion: &Motion,
    ) -> Result<CriterionSecond> {
        let share = loss_bar / self.annotations;
        let q = targets.basis();
        let Some(lambda) = affinity.lambda_root() else {
            return self.without_lambda(targets, loss_bar, motion);
        };
        let setting = Setting {
            normalised: normalised_features(affinity, degrees),
            lambda,
            q,
            loss_bar,
            share,
        };
        match &self.projector {
            SimilarityProjector::Hard(projector, split) => hard(projector, split, &setting, motion),
            SimilarityProjector::Regularised(projector, epsilon, _) => {
                regularised(projector, *epsilon, &setting, motion)
            }
            SimilarityProjector::Leading(projectors) => {
                leading(projectors, targets, &setting, motion)
            }
        }
    }

    /// Where Z is X.
    fn without_lambda(
        &self,
        targets: &Targets,
        loss_bar: f64,
        motion: &Motion,
    ) -> Result<CriterionSecond> {
        let share = loss_bar / self.annotations;
        let q = targets.basis();
        let (x_dot, q_dot) = (motion.normalised.as_ref(), motion.basis.as_ref());
        let pulled = Scale(-share) * q;
        let turned = Scale(-2.0 * share) * q_dot;
        let (normalised, moved) = match &self.projector {
            SimilarityProjector::Hard(projector, _) => {
                let second = projector.vjp_of_vjp_factored(pulled.as_ref(), q, x_dot)?;
                let across = projector.vjp_factored(turned.as_ref(), q)?;
                let moved = times(&second.projector_bar_bar, q) + projector.project(q_dot)?;
                (second.a_bar + across, moved)
            }
            SimilarityProjector::Regularised(projector, _, _) => {
                let half = 0.5 * loss_bar;
                let second = projector.vjp_of_vjp_factored(pulled.as_ref(), q, half, x_dot)?;
                let across = projector.vjp_factored(turned.as_ref(), q, 0.0)?;
                let moved = times(&second.projector_bar_bar, q) + projector.project(q_dot)?;
                (second.a_bar + across, moved)
            }
            SimilarityProjector::Leading(projectors) => {
                let mut sum = Mat::zeros(x_dot.nrows(), x_dot.ncols());
                let mut moved = Mat::zeros(q.nrows(), q.ncols());
                for (projector, columns) in projectors.iter().zip(targets.columns()) {
                    let [q, q_dot, pulled, turned] = [q, q_dot, pulled.as_ref(), turned.as_ref()]
                        .map(|all| all.subcols(columns.start, columns.len()));
                    let second = projector.vjp_of_vjp_factored(pulled, q, x_dot)?;
                    sum += second.a_bar + projector.vjp_factored(turned, q)?;
                    let own = times(&second.projector_bar_bar, q) + projector.project(q_dot)?;
                    let mut place = moved.as_mut().subcols_mut(columns.start, columns.len());
                    place.copy_from(own);
                }
                (sum, moved)
            }
        };
        Ok(CriterionSecond {
            normalised,
            lambda: None,
            basis: Scale(-2.0 * share) * moved,
        })
    }
}

/// Along motions that keep the rank of Λ the range of Z is that of X Λ C, C = (L⁺)ᵀ held fixed.
///
/// ```text
/// there     Z = X Λ C,  X̄ = Z̄ CᵀΛ,  Λ̄ = sym(XᵀZ̄ Cᵀ Π),  Π = V₁V₁ᵀ, which moves with Λ
/// Ż = Ẋ L + X Λ̇ C goes to Z₂ by the projector's second order
/// X: Z₂ Lᵀ + Z̄ CᵀΛ̇          Λ: (XᵀZ₂ + ẊᵀZ̄) Cᵀ + (I − Π) Λ̇ XᵀZ̄ Cᵀ Λ⁺, without its block in I − Π
/// ```
///
/// An invertible Λ does not change the range: its part is zero.
fn hard(
    projector: &Projector,
    split: &Split,
    setting: &Setting<'_>,
    motion: &Motion,
) -> Result<CriterionSecond> {
    let (x, q, share) = (&setting.normalised, setting.q, setting.share);
    let LambdaRoot {
        root,
        inverse,
        range,
    } = setting.lambda;
    let x_dot = &motion.normalised;
    let turning = motion
        .lambda
        .as_ref()
        .filter(|_| range.ncols() < range.nrows());
    let mut z_dot = x_dot * root;
    if let Some(lambda_dot) = turning {
        z_dot += x * (lambda_dot * inverse.transpose());
    }
    let pulled = Scale(-share) * q;
    let turned = Scale(-2.0 * share) * &motion.basis;
    let second = projector.vjp_of_vjp_factored(pulled.as_ref(), q, z_dot.as_ref())?;
    let z_second = second.a_bar + projector.vjp_factored(turned.as_ref(), q)?;
    let moved = times(&second.projector_bar_bar, q) + projector.project(motion.basis.as_ref())?;
    let mut normalised = &z_second * root.transpose();
    let d = range.nrows();
    let mut lambda = Mat::zeros(d, d);
    if range.ncols() < d {
        let z_bar = projector.vjp_split(-share, split)?;
        let beside = |m: Mat<f64>| &m - range * (range.transpose() * &m);
        lambda += (x.transpose() * &z_second + x_dot.transpose() * &z_bar) * inverse;
        if let Some(lambda_dot) = turning {
            normalised += &z_bar * (inverse * lambda_dot);
            let free = beside(x.transpose() * &z_bar);
            let curved = lambda_dot * free * (inverse * inverse.transpose()) * inverse;
            lambda += beside(curved);
        }
        let raising = beside(beside(lambda.clone()).transpose().to_owned());
        lambda -= raising.transpose();
    }
    Ok(CriterionSecond {
        normalised,
        lambda: Some(lambda),
        basis: Scale(-2.0 * share) * moved,
    })
}

/// P is a smooth function of N = X Λ Xᵀ, at a Λ of any rank.
///
/// ```text
/// E = I − P,  H = E X,  S = J̄ (P − Q Qᵀ/m),  N̄ = E S E / ε,  Λ̄ = XᵀN̄X,  X̄ = 2 N̄ X Λ
/// Ṗ = Ṗ₀ + H Λ̇ Hᵀ/ε,  Ṗ₀ along Ẋ,  Ṡ = J̄ (Ṗ − 2 sym(Q̇ Qᵀ)/m),  ε N̄̇ = E Ṡ E − 2 sym(E S Ṗ)
/// Λ: (HᵀṠ H + 2 sym( (S H)ᵀ (E Ẋ − Ṗ X) )) / ε
/// X: that along Ẋ and Q̇, and 2 (E (S H Λ̇ + J̄ Ṗ₁ H Λ − S Ṗ₁ X Λ) − Ṗ₁ S H Λ) / ε,  Ṗ₁ = Ṗ − Ṗ₀
/// ```
fn regularised(
    projector: &RegularisedProjector,
    epsilon: f64,
    setting: &Setting<'_>,
    motion: &Motion,
) -> Result<CriterionSecond> {
    let (x, q, share) = (&setting.normalised, setting.q, setting.share);
    let (root, loss_bar) = (&setting.lambda.root, setting.loss_bar);
    let (x_dot, q_dot) = (&motion.normalised, &motion.basis);
    let along = x_dot * root;
    let pulled = Scale(-share) * q;
    let turned = Scale(-2.0 * share) * q_dot;
    let half = 0.5 * loss_bar;
    let second = projector.vjp_of_vjp_factored(pulled.as_ref(), q, half, along.as_ref())?;
    let z_second = second.a_bar + projector.vjp_factored(turned.as_ref(), q, 0.0)?;
    let mut normalised = z_second * root.transpose();

    let outside = |y: &Mat<f64>| Ok::<_, crate::Error>(y - projector.project(y.as_ref())?);
    let times_s = |y: &Mat<f64>| {
        let projected = projector.project(y.as_ref())?;
        Ok::<_, crate::Error>(Scale(loss_bar) * projected - Scale(share) * q * (q.transpose() * y))
    };
    let h = outside(x)?;
    let s_h = times_s(&h)?;
    let h_lambda_dot = motion.lambda.as_ref().map(|lambda_dot| &h * lambda_dot);
    let by_lambda = |y: MatRef<'_, f64>| {
        let h_lambda_dot = h_lambda_dot.as_ref()?;
        Some(h_lambda_dot * (Scale(epsilon.recip()) * (h.transpose() * y)))
    };
    let p_dot = |y: MatRef<'_, f64>| {
        let along_x = times(&second.projector_bar_bar, y);
        match by_lambda(y) {
            Some(along_lambda) => along_x + along_lambda,
            None => along_x,
        }
    };
    if let Some(h_lambda_dot) = &h_lambda_dot {
        let over_root = |m: &Mat<f64>| m * root;
        let [h, s_h, z] = [&h, &s_h, x].map(over_root);
        let none = || Mat::zeros(z.nrows(), z.ncols());
        let [p_h, p_s_h, p_z] = [&h, &s_h, &z].map(|m| by_lambda(m.as_ref()).unwrap_or_else(none));
        let bent = Scale(loss_bar) * p_h - times_s(&p_z)?;
        let turned = times_s(h_lambda_dot)? + bent * root.transpose();
        let turned = outside(&turned)? - p_s_h * root.transpose();
        normalised += Scale(2.0 / epsilon) * turned;
    }
    let q_h = q.transpose() * &h;
    let crossed = h.transpose() * q_dot * &q_h;
    let spread = Scale(loss_bar) * (h.transpose() * p_dot(h.as_ref()))
        - Scale(2.0 * share) * crossed
        + Scale(2.0) * (s_h.transpose() * (outside(x_dot)? - p_dot(x.as_ref())));
    let moved = p_dot(q) + projector.project(q_dot.as_ref())?;
    Ok(CriterionSecond {
        normalised,
        lambda: Some(Scale(epsilon.recip()) * spread),
        basis: Scale(-2.0 * share) * moved,
    })
}

/// Each annotation's projector is a smooth function of N = X Λ Xᵀ where its gap is open.
///
/// ```text
/// Ṅ = sym((2 Ẋ Λ + X Λ̇) Xᵀ) goes to N₂ by the second order of the square, Q̇ to N₂ by its first
/// X: 2 N₂ X Λ + 2 N̄ (Ẋ Λ + X Λ̇)          Λ: XᵀN₂X + 2 sym(XᵀN̄Ẋ)
/// ```
fn leading(
    projectors: &[LeadingProjector],
    targets: &Targets,
    setting: &Setting<'_>,
    motion: &Motion,
) -> Result<CriterionSecond> {
    let (x, share, root) = (&setting.normalised, setting.share, &setting.lambda.root);
    let x_dot = &motion.normalised;
    let mut moving = (x_dot * root) * root.transpose();
    let mut square_dot = Scale(2.0) * &moving;
    if let Some(lambda_dot) = &motion.lambda {
        let turned = x * lambda_dot;
        moving += &turned;
        square_dot += turned;
    }
    let z = x * root;
    let d = x.ncols();
    let (mut along_z, mut normalised) =
        (Mat::zeros(z.nrows(), z.ncols()), Mat::zeros(x.nrows(), d));
    let mut lambda = Mat::zeros(d, d);
    let mut basis = Mat::zeros(setting.q.nrows(), setting.q.ncols());
    for (projector, columns) in projectors.iter().zip(targets.columns()) {
        let [q, q_dot] =
            [setting.q, motion.basis.as_ref()].map(|all| all.subcols(columns.start, columns.len()));
        let pulled = Scale(-share) * q;
        let turned = Scale(-2.0 * share) * q_dot;
        let second = projector
            .square_vjp_of_vjp_factored((pulled.as_ref(), q), (square_dot.as_ref(), x.as_ref()))?;
        let first = projector.square_vjp_factored(pulled.as_ref(), q)?;
        let across = projector.square_vjp_factored(turned.as_ref(), q)?;
        for square in [&second.square_bar, &across] {
            along_z += times(square, z.as_ref());
            lambda += within(square, x.as_ref());
        }
        normalised += times(&first, moving.as_ref());
        lambda += Scale(2.0) * (x.transpose() * times(&first, x_dot.as_ref()));
        let moved = times(&second.projector_bar_bar, q) + projector.project(q_dot)?;
        let mut place = basis.as_mut().subcols_mut(columns.start, columns.len());
        place.copy_from(Scale(-2.0 * share) * moved);
    }
    Ok(CriterionSecond {
        normalised: Scale(2.0) * (normalised + along_z * root.transpose()),
        lambda: Some(lambda),
        basis,
    })
}

/// S Y.
fn times(s: &SymmetricProduct, y: MatRef<'_, f64>) -> Mat<f64> {
    let (left, right) = (s.left(), s.right());
    Scale(0.5) * (left * (right.transpose() * y) + right * (left.transpose() * y))
}
