//! Combining weighted task vectors, with or without electing a sign for each entry.

use crate::{Choice, Group, Tensor};

/// Which task vectors vote on the sign of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum SignVote {
    /// The task vectors as they are: TIES as published.
    Unweighted,
    /// The task vectors times their weights: mergekit.
    Weighted,
}

/// The sign of an entry whose votes sum to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum ZeroSign {
    /// The sign that most entries have: TIES as published. Entries of the tensor, or of all
    /// tensors where the method looks at the whole model.
    Majority,
    /// Plus: mergekit and PEFT.
    Positive,
}

/// What the sum of those task vectors that agree is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub enum Divisor {
    /// The sum of their weights.
    Weights,
    /// How many they are: PEFT.
    Count,
}

/// A task vector with its weight.
pub struct Weighted {
    /// The task vector, after whatever was dropped from it.
    pub vector: Tensor,
    /// Weight times task vector.
    pub product: Tensor,
    /// The weight, of shape `[]`.
    pub weight: Tensor,
}

impl Weighted {
    /// Multiplies a task vector by a model's weight.
    pub fn new(group: &Group, vector: Tensor, weight: f64) -> Self {
        let weight = group.stored(weight);
        Self {
            product: &vector * &weight,
            vector,
            weight,
        }
    }
}

/// The sum of the votes for each entry: its sign is the elected one.
pub fn votes(vectors: &[Weighted], vote: SignVote) -> Tensor {
    Tensor::sum_of(vectors.iter().map(|w| vote.of(w)))
}

/// Elects +1 or -1 for each entry: the sign of the votes' sum (TIES, step 2).
///
/// [`ZeroSign::Majority`] costs a pass over the tensor.
pub fn elect(vectors: &[Weighted], vote: SignVote, zero: ZeroSign) -> Tensor {
    let sum = votes(vectors, vote);
    match zero {
        ZeroSign::Positive => plus_or_minus(&sum),
        ZeroSign::Majority => {
            let sign = sum.sign();
            sign.select(&sign, &plus_or_minus(&sign.sum_all()))
        }
    }
}

/// The same, where the signs of the whole model's votes sum to `balance`.
pub fn elect_in_model(vectors: &[Weighted], vote: SignVote, balance: f64) -> Tensor {
    let sign = votes(vectors, vote).sign();
    sign.select(&sign, &plus_or_minus(&Tensor::scalar(balance)))
}

fn plus_or_minus(sum: &Tensor) -> Tensor {
    let not_negative = sum.ge(&Tensor::scalar(0.0));
    not_negative.select(&Tensor::scalar(1.0), &Tensor::scalar(-1.0))
}

impl SignVote {
    fn of(self, weighted: &Weighted) -> &Tensor {
        match self {
            SignVote::Unweighted => &weighted.vector,
            SignVote::Weighted => &weighted.product,
        }
    }
}

/// Sum of the weighted vectors, divided by the sum of weights if `normalize` is set and the sum is
/// not zero.
pub fn sum(vectors: &[Weighted], normalize: bool) -> Tensor {
    let total: Tensor = vectors.iter().map(|w| &w.product).sum();
    if !normalize {
        return total;
    }
    let weights: Tensor = vectors.iter().map(|w| &w.weight).sum();
    let tiny = weights.abs().lt(&Tensor::scalar(1e-8));
    total / tiny.select(&Tensor::scalar(1.0), &weights)
}

/// Sum of those weighted entries whose sign is the elected one, divided by the sum of their
/// weights if `normalize` is set and the sum is not zero (TIES, step 3: the disjoint mean).
pub fn agreeing_sum(vectors: &[Weighted], elected: &Tensor, normalize: bool) -> Tensor {
    let divisor = normalize.then_some(Divisor::Weights);
    agreeing(vectors, elected, SignVote::Weighted, divisor)
}

/// The same with a choice of what agrees with the elected sign, the task vector or the vector
/// times its weight, and of what the sum is divided by.
pub fn agreeing(
    vectors: &[Weighted],
    elected: &Tensor,
    vote: SignVote,
    divisor: Option<Divisor>,
) -> Tensor {
    let masks: Vec<Tensor> = vectors
        .iter()
        .map(|w| vote.of(w).sign().eq(elected))
        .collect();
    let total: Tensor = vectors
        .iter()
        .zip(&masks)
        .map(|(w, mask)| &w.product * mask)
        .sum();
    let weights: Tensor = match divisor {
        None => return total,
        Some(Divisor::Count) => masks.iter().sum(),
        Some(Divisor::Weights) => vectors
            .iter()
            .zip(&masks)
            .map(|(w, mask)| mask * &w.weight)
            .sum(),
    };
    let none = weights.eq(&Tensor::scalar(0.0));
    total / none.select(&Tensor::scalar(1.0), &weights)
}
