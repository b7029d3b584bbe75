//! Probabilities of the choices of one example.

use mergelab_sdk::{prelude::*, reading::best};

/// What a choice's log-likelihood is divided by before probabilities are made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Choice)]
pub(crate) enum Normalise {
    /// Nothing: the probabilities are those that the model gives the choices, scaled to sum to 1.
    None,
    /// The number of characters.
    Characters,
    /// The number of UTF-8 bytes.
    Bytes,
    /// The number of tokens.
    Tokens,
}

impl Normalise {
    /// What a preset's name ends in.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Characters => "+characters",
            Self::Bytes => "+bytes",
            Self::Tokens => "+tokens",
        }
    }

    fn score(self, likelihood: &Likelihood) -> f64 {
        let length = match self {
            Self::None => 1,
            Self::Characters => likelihood.characters,
            Self::Bytes => likelihood.bytes,
            Self::Tokens => likelihood.tokens,
        };
        likelihood.log_likelihood / length.max(1) as f64
    }
}

/// The probability of each choice, and which is right.
pub(crate) struct Probabilities {
    each: Vec<f64>,
    right: usize,
}

impl Probabilities {
    /// The softmax of the choices' scores. A label without scores, such as that of a trivial
    /// output, is read as said with certainty; without a label nothing has a probability.
    ///
    /// # Errors
    /// The right label is none of the choices.
    pub(crate) fn of(prediction: &Prediction, right: &str, normalise: Normalise) -> Result<Self> {
        let choices = &prediction.choices;
        if choices.is_empty() {
            let certain = prediction.label.as_deref();
            let each = match certain {
                Some(label) if label == right => vec![1.0],
                // The right one has none.
                Some(_) => vec![0.0, 1.0],
                None => vec![0.0],
            };
            return Ok(Self { each, right: 0 });
        }
        let Some(at) = choices.iter().position(|c| c.label == right) else {
            return Err(Error::input(format!(
                "the reference label `{right}` is none of the choices that the model scored"
            )));
        };
        let scores: Vec<f64> = choices
            .iter()
            .map(|c| normalise.score(&c.likelihood))
            .collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|s| (s - largest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        Ok(Self {
            each: weights.iter().map(|w| w / sum).collect(),
            right: at,
        })
    }

    /// The largest probability, and whether it is that of the right choice. `None` where nothing
    /// was said.
    pub(crate) fn likeliest(&self) -> Option<(f64, bool)> {
        let at = best(self.each.iter().copied()).filter(|i| self.each[*i] > 0.0)?;
        Some((self.each[at], at == self.right))
    }

    /// `Σ (p - y)²` over the choices, y being 1 for the right one (Brier 1950): from 0 to 2.
    pub(crate) fn brier(&self) -> f64 {
        let each = self.each.iter().enumerate();
        each.map(|(i, p)| (p - f64::from(i == self.right)).powi(2))
            .sum()
    }
}
