//! Metric: chrF and chrF++, as sacrebleu computes them.
#![forbid(unsafe_code)]

mod ngrams;

use mergelab_sdk::prelude::*;

/// F-score of character n-grams, and of word n-grams for chrF++, of all outputs together, from 0 to
/// 100.
#[derive(Params)]
pub struct ChrF {
    /// Longest n-grams of characters.
    #[param(default = 6, min = 1, max = 32)]
    char_order: usize,
    /// Longest n-grams of words: 0 is chrF, 2 is chrF++.
    #[param(default = 0, min = 0, max = 32)]
    word_order: usize,
    /// How many times more recall counts than precision.
    #[param(default = 2, min = 1, max = 100)]
    beta: u64,
    /// Whether upper and lower case are the same.
    #[param(default = false)]
    lowercase: bool,
    /// Whether white space is part of n-grams of characters.
    #[param(default = false)]
    whitespace: bool,
    /// Whether F is the mean over orders, with 1e-16 for what is missing, as in chrF++.py; else it
    /// is that of the mean precision and recall over the orders that both texts have.
    #[param(default = false)]
    eps_smoothing: bool,
    /// Reference texts of every example; 0 where their number varies.
    #[param(default = 1, min = 0)]
    references: usize,
}

/// The version of sacrebleu whose numbers these are.
const VERSION: &str = "2.6.0+mergelab";

/// Stands for a precision, a recall or an F that has no n-grams, with `eps_smoothing`.
const EPSILON: f64 = 1e-16;

impl ChrF {
    fn plus(&self) -> String {
        "+".repeat(self.word_order)
    }

    /// The name and the signature, in sacrebleu's grammar.
    fn signature(&self) -> String {
        let yes = |value| if value { "yes" } else { "no" };
        let references = match self.references {
            0 => "var".to_owned(),
            n => n.to_string(),
        };
        format!(
            "chrF{}{}/nrefs:{references}|case:{}|eff:{}|nc:{}|nw:{}|space:{}|version:{VERSION}",
            self.beta,
            self.plus(),
            if self.lowercase { "lc" } else { "mixed" },
            yes(!self.eps_smoothing),
            self.char_order,
            self.word_order,
            yes(self.whitespace),
        )
    }

    fn orders(&self) -> usize {
        self.char_order + self.word_order
    }

    fn ngrams<'a>(&self, text: &'a str) -> Vec<ngrams::Counts<'a>> {
        ngrams::all(text, self.char_order, self.word_order, self.whitespace)
    }

    /// F from 0 to 100 of three counts an order.
    fn f_score(&self, counts: &[f64]) -> f64 {
        let factor = (self.beta * self.beta) as f64;
        let (mut precisions, mut recalls, mut orders, mut sum) = (0.0, 0.0, 0.0, 0.0);
        for order in counts.chunks_exact(3) {
            let (said, wanted, shared) = (order[0], order[1], order[2]);
            let precision = if said > 0.0 { shared / said } else { EPSILON };
            let recall = if wanted > 0.0 {
                shared / wanted
            } else {
                EPSILON
            };
            let below = factor * precision + recall;
            sum += if below > 0.0 {
                (1.0 + factor) * precision * recall / below
            } else {
                EPSILON
            };
            if said > 0.0 && wanted > 0.0 {
                precisions += precision;
                recalls += recall;
                orders += 1.0;
            }
        }
        if self.eps_smoothing {
            return 100.0 * sum / self.orders() as f64;
        }
        if precisions + recalls == 0.0 {
            return 0.0;
        }
        let (precision, recall) = (precisions / orders, recalls / orders);
        let score = (1.0 + factor) * precision * recall;
        100.0 * (score / (factor * precision + recall))
    }
}

impl Metric for ChrF {
    const ID: &'static str = "chrf";

    fn measures(&self, _: &MetricContext) -> Vec<Measure> {
        vec![Measure {
            name: format!("chrf{}", self.plus()),
            preset: self.signature(),
            shape: Shape::Corpus,
            width: 3 * self.orders(),
            higher_is_better: true,
            tested: true,
        }]
    }

    fn score(&self, case: &Case, _: &MetricContext) -> Result<Vec<f64>> {
        let texts = &case.reference.texts;
        if texts.is_empty() {
            return Err(Error::input(
                "the metric `chrf` compares texts, and the reference has none",
            ));
        }
        if self.references != 0 && texts.len() != self.references {
            return Err(Error::input(format!(
                "the reference has {} texts, and the metric `chrf` says {} for every example: set \
                 references = {0}, or references = 0 where the number varies",
                texts.len(),
                self.references
            )));
        }
        let cased = |text: &str| match self.lowercase {
            true => text.to_lowercase(),
            false => text.to_owned(),
        };
        let output = cased(&case.prediction.output);
        let said = self.ngrams(&output);
        // The counts against the reference with the best F, the first of equal ones.
        let mut best: Option<(f64, Vec<f64>)> = None;
        for text in texts {
            let reference = cased(text);
            let wanted = self.ngrams(&reference);
            let pairs = said.iter().zip(&wanted);
            let counts: Vec<f64> = pairs.flat_map(|(a, b)| ngrams::matches(a, b)).collect();
            let f = self.f_score(&counts);
            if best.as_ref().is_none_or(|(most, _)| f > *most) {
                best = Some((f, counts));
            }
        }
        Ok(best.map(|(_, counts)| counts).unwrap_or_default())
    }

    fn aggregate(&self, _: &Measure, sums: &[f64], _: f64, _: &MetricContext) -> f64 {
        self.f_score(sums)
    }
}

plugin!(ChrF);

#[cfg(test)]
mod tests;
