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
    /// The sign that most entries of the tensor have: TIES as published, on one tensor.
    Majority,
    /// Plus: mergekit and PEFT.
    Positive,
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

/// Elects +1 or -1 for each entry: the sign of the votes' sum (TIES, step 2).
pub fn elect(vectors: &[Weighted], vote: SignVote, zero: ZeroSign) -> Tensor {
    let votes = vectors.iter().map(|w| match vote {
        SignVote::Unweighted => &w.vector,
        SignVote::Weighted => &w.product,
    });
    let sum = Tensor::sum_of(votes);
    let (nought, plus, minus) = (
        Tensor::scalar(0.0),
        Tensor::scalar(1.0),
        Tensor::scalar(-1.0),
    );
    match zero {
        ZeroSign::Positive => sum.ge(&nought).select(&plus, &minus),
        ZeroSign::Majority => {
            let sign = sum.sign();
            let majority = sign.sum_all().ge(&nought).select(&plus, &minus);
            sign.select(&sign, &majority)
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
    let masks: Vec<Tensor> = vectors
        .iter()
        .map(|w| w.product.sign().eq(elected))
        .collect();
    let total: Tensor = vectors
        .iter()
        .zip(&masks)
        .map(|(w, mask)| &w.product * mask)
        .sum();
    if !normalize {
        return total;
    }
    let weights: Tensor = vectors
        .iter()
        .zip(&masks)
        .map(|(w, mask)| mask * &w.weight)
        .sum();
    let none = weights.eq(&Tensor::scalar(0.0));
    total / none.select(&Tensor::scalar(1.0), &weights)
}
