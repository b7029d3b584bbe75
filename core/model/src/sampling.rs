//! The choice of the next token.

use crate::error::{ModelError, Result};
use crate::random::CounterRng;

/// How the next token is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Logits are divided by this; 0 takes the likeliest token always.
    pub temperature: f64,
    /// Draw among this many likeliest tokens only.
    pub top_k: Option<usize>,
    /// Draw among the fewest likeliest tokens whose probabilities sum to at least this (Holtzman
    /// et al., 2020, "The curious case of neural text degeneration").
    pub top_p: Option<f64>,
}

impl Default for Sampling {
    /// The likeliest token always.
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: None,
            top_p: None,
        }
    }
}

impl Sampling {
    pub(crate) fn check(&self) -> Result<()> {
        if !self.temperature.is_finite() || self.temperature < 0.0 {
            return Err(ModelError::option("temperature", "must be 0 or above"));
        }
        if self.top_k == Some(0) {
            return Err(ModelError::option("top_k", "must be at least 1"));
        }
        if self.top_p.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            return Err(ModelError::option("top_p", "must be above 0 and at most 1"));
        }
        Ok(())
    }

    /// The next token's id; `rng` and `step` name the random number.
    pub(crate) fn pick(&self, logits: &[f32], rng: &CounterRng, step: usize) -> u32 {
        if self.temperature == 0.0 {
            return greatest(logits);
        }
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        // By falling logit, then by id, so that the order is one and the same everywhere.
        let rank = |a: &u32, b: &u32| {
            logits[*b as usize]
                .total_cmp(&logits[*a as usize])
                .then(a.cmp(b))
        };
        if let Some(k) = self.top_k.filter(|k| *k < order.len()) {
            order.select_nth_unstable_by(k - 1, rank);
            order.truncate(k);
        }
        order.sort_unstable_by(rank);
        let top = f64::from(logits[order[0] as usize]);
        let weights: Vec<f64> = order
            .iter()
            .map(|id| ((f64::from(logits[*id as usize]) - top) / self.temperature).exp())
            .collect();
        let total: f64 = weights.iter().sum();
        let mut kept = weights.len();
        if let Some(top_p) = self.top_p {
            let mut sum = 0.0;
            for (index, weight) in weights.iter().enumerate() {
                sum += weight / total;
                if sum >= top_p {
                    kept = index + 1;
                    break;
                }
            }
        }
        let kept_total: f64 = weights[..kept].iter().sum();
        let mut left = rng.uniform(step as u64) * kept_total;
        for (id, weight) in order.iter().zip(&weights[..kept]) {
            left -= weight;
            if left < 0.0 {
                return *id;
            }
        }
        order[kept - 1]
    }
}

/// The id of the greatest logit; the first of equals.
fn greatest(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(sampling: Sampling, logits: &[f32]) -> Vec<f64> {
        let rng = CounterRng::new(5, "sample", &[0]);
        let mut counts = vec![0u32; logits.len()];
        for step in 0..20_000 {
            counts[sampling.pick(logits, &rng, step) as usize] += 1;
        }
        counts
            .into_iter()
            .map(|count| f64::from(count) / 20_000.0)
            .collect()
    }

    #[test]
    fn draws_follow_the_softmax() {
        let logits = [1.0f32, 0.0, 2.0];
        let temperature = 1.5;
        let sampling = Sampling {
            temperature,
            ..Default::default()
        };
        let total: f64 = logits
            .iter()
            .map(|x| (f64::from(*x) / temperature).exp())
            .sum();
        for (found, logit) in frequencies(sampling, &logits).iter().zip(logits) {
            let expected = (f64::from(logit) / temperature).exp() / total;
            // Four standard errors of a share of 20,000 draws.
            assert!((found - expected).abs() < 4.0 * (0.25f64 / 20_000.0).sqrt());
        }
    }

    #[test]
    fn top_k_and_top_p_leave_the_likeliest() {
        let logits = [1.0f32, 0.0, 2.0, -1.0];
        let two = Sampling {
            temperature: 1.0,
            top_k: Some(2),
            top_p: None,
        };
        let found = frequencies(two, &logits);
        assert!(found[1] == 0.0 && found[3] == 0.0 && found[0] > 0.2 && found[2] > 0.6);
        // The likeliest has 0.64 of the probability, the first two 0.88.
        for (top_p, kept) in [(0.6, 1), (0.7, 2), (0.9, 3), (1.0, 4)] {
            let sampling = Sampling {
                temperature: 1.0,
                top_k: None,
                top_p: Some(top_p),
            };
            let found = frequencies(sampling, &logits);
            assert_eq!(found.iter().filter(|share| **share > 0.0).count(), kept);
        }
    }

    #[test]
    fn temperature_zero_takes_the_first_of_the_greatest() {
        assert_eq!(greatest(&[0.0, 3.0, 3.0]), 1);
        assert_eq!(
            frequencies(Sampling::default(), &[0.0, 3.0, 3.0]),
            [0.0, 1.0, 0.0]
        );
    }
}
