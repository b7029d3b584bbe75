//! How labels are spread.

use super::Findings;
use std::collections::BTreeMap;

/// A label with a larger share leaves little for the others to be told apart by.
const CROWDED: f64 = 0.9;
/// A share that differs more between training and test is another task.
const SHIFTED: f64 = 0.2;
/// Shares of fewer rows say nothing.
const ENOUGH: u64 = 30;

/// Rows by split, language and label.
#[derive(Default)]
pub(super) struct Labels(BTreeMap<(String, String), BTreeMap<String, u64>>);

impl Labels {
    pub(super) fn count(&mut self, split: &str, language: &str, label: &str) {
        let counts = self.0.entry((split.to_owned(), language.to_owned()));
        *counts.or_default().entry(label.to_owned()).or_default() += 1;
    }

    pub(super) fn judge(&self, known: &[String], findings: &mut Findings) {
        for ((split, language), counts) in &self.0 {
            let total: u64 = counts.values().sum();
            for label in known.iter().filter(|label| !counts.contains_key(*label)) {
                let message =
                    format!("`{split}` has no row of `{language}` with the label `{label}`");
                findings.note("labels", None, message);
            }
            if total < ENOUGH {
                continue;
            }
            for (label, count) in counts {
                let share = *count as f64 / total as f64;
                if share > CROWDED {
                    let message = format!(
                        "`{label}` is {:.0} % of the rows of `{language}` in `{split}`: saying \
                         always that is as good",
                        100.0 * share
                    );
                    findings.note("labels", None, message);
                }
                let trained = self.share("train", language, label);
                if let Some(trained) = trained.filter(|t| (t - share).abs() > SHIFTED) {
                    let message = format!(
                        "`{label}` is {:.0} % of the rows of `{language}` in `{split}`, and \
                         {:.0} % in `train`",
                        100.0 * share,
                        100.0 * trained
                    );
                    findings.note("labels", None, message);
                }
            }
        }
    }

    fn share(&self, split: &str, language: &str, label: &str) -> Option<f64> {
        let counts = self.0.get(&(split.to_owned(), language.to_owned()))?;
        let total: u64 = counts.values().sum();
        let count = counts.get(label).copied().unwrap_or(0);
        (total >= ENOUGH).then(|| count as f64 / total as f64)
    }
}
