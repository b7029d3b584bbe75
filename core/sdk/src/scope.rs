//! Whether a rule looks at one tensor or at the whole model.

use crate::{
    Choice, Group, Model, Result, Survey, Tensor,
    consensus::{SignVote, Weighted, votes},
    sparsify::{Rescale, above, by_magnitude},
};

/// What a share or a majority is taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Scope {
    /// Each tensor by itself: mergekit, PEFT.
    Tensor,
    /// All tensors together: the paper's code of TIES, FusionBench.
    Model,
}

/// The name of the balance of signs in a survey.
const BALANCE: &str = "sign_balance";

/// The name of a model's threshold. Tensors for which a recipe gives another density have one of
/// their own.
fn threshold(model: &Model, density: f64) -> String {
    format!("threshold.{density}.{}", model.id())
}

/// Keeps the entries with the largest magnitude in the scope: the trim of TIES.
///
/// In a tensor exactly [`crate::sparsify::kept`] entries stay. In a model of `d` entries those
/// stay that are no smaller than the `(⌊density · d⌋ + 1)`-th largest, as in the published code:
/// that one too, and all equal to it. The threshold comes from [`ask_thresholds`].
///
/// # Errors
/// The threshold was not asked for.
pub fn trimmed(
    group: &Group,
    model: &Model,
    delta: &Tensor,
    (scope, density): (Scope, f64),
    rescale: Rescale,
) -> Result<Tensor> {
    Ok(match scope {
        Scope::Tensor => by_magnitude(delta, density, rescale),
        Scope::Model if density >= 1.0 => delta.clone(),
        Scope::Model => {
            let threshold = group.statistic(&threshold(model, density))?;
            above(delta, threshold, density, rescale)
        }
    })
}

/// Asks for the whole-model threshold of a model's task vector, where anything is trimmed.
pub fn ask_threshold(model: &Model, delta: Tensor, density: f64) -> Option<Survey> {
    let name = threshold(model, density);
    (density < 1.0).then(|| Survey::kth_largest_magnitude(name, delta, density, 1))
}

/// Asks for the whole-model balance of the elected signs.
pub fn ask_balance(vectors: &[Weighted], vote: SignVote) -> Survey {
    Survey::sum(BALANCE, votes(vectors, vote).sign())
}

/// The sum of the elected signs over the whole model.
///
/// # Errors
/// [`ask_balance`] was not asked.
pub fn balance(group: &Group) -> Result<f64> {
    group.statistic(BALANCE)
}
