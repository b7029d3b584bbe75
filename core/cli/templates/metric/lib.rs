//! Metric: overlap of words with the reference.
#![forbid(unsafe_code)]

use mergelab_sdk::prelude::*;
use std::collections::HashMap;

/// F1 of the words that an output shares with its reference.
///
/// Words are what spaces separate. Of several references the best counts.
#[derive(Params)]
pub struct PluginName {
    /// Whether upper and lower case are the same.
    #[param(default = true)]
    ignore_case: bool,
}

impl PluginName {
    fn words(&self, text: &str) -> Vec<String> {
        text.split_whitespace()
            .map(|word| match self.ignore_case {
                true => word.to_lowercase(),
                false => word.to_owned(),
            })
            .collect()
    }

    fn f1(&self, output: &str, reference: &str) -> f64 {
        let (said, wanted) = (self.words(output), self.words(reference));
        if said.is_empty() && wanted.is_empty() {
            return 1.0;
        }
        let mut left: HashMap<&str, usize> = HashMap::new();
        for word in &wanted {
            *left.entry(word).or_default() += 1;
        }
        let mut shared = 0;
        for word in &said {
            if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
                *count -= 1;
                shared += 1;
            }
        }
        2.0 * f64::from(shared) / (said.len() + wanted.len()) as f64
    }
}

impl Metric for PluginName {
    const ID: &'static str = "{{id}}";

    fn measures(&self, _context: &MetricContext) -> Vec<Measure> {
        let case = if self.ignore_case { "uncased" } else { "cased" };
        vec![Measure {
            name: "{{id}}".to_owned(),
            // Names the exact definition in every result row.
            preset: format!("{case}@{}", env!("CARGO_PKG_VERSION")),
            // The mean of one score per example, so it needs no `aggregate`.
            shape: Shape::Mean,
            width: 1,
            higher_is_better: true,
            tested: true,
        }]
    }

    fn score(&self, case: &Case, _context: &MetricContext) -> Result<Vec<f64>> {
        let scores = case.reference.texts.iter();
        scores
            .map(|reference| self.f1(&case.prediction.output, reference))
            .max_by(f64::total_cmp)
            .map(|best| vec![best])
            .ok_or_else(|| Error::input("the example has no reference text to compare with"))
    }
}

plugin!(PluginName);

#[cfg(test)]
mod tests {
    use super::*;

    // Widths, independence of the examples' order, and that nothing beats the references.
    mergelab_sdk::conformance!(super::PluginName);

    #[test]
    fn shared_words_count_as_often_as_both_have_them() {
        let metric = PluginName { ignore_case: true };
        // Two of three and two of five words are shared: 2 * 2 / (3 + 5).
        assert_eq!(metric.f1("The cat cat", "a cat sat on the"), 0.5);
        assert_eq!(metric.f1("dog", "cat"), 0.0);
        assert_eq!(metric.f1("", ""), 1.0);
    }
}
