//! Metric: expected calibration error and Brier score.
#![forbid(unsafe_code)]

mod bins;
mod probabilities;

use mergelab_sdk::prelude::*;
use probabilities::{Normalise, Probabilities};

/// How far a model's confidence is from its accuracy, and the Brier score, from the probabilities
/// of the choices.
#[derive(Params)]
pub struct Calibration {
    /// Bins of equal width between 0 and 1.
    #[param(default = 15, min = 1, max = 1000)]
    bins: usize,
    /// What a choice's log-likelihood is divided by before probabilities are made of it.
    #[param(default = "none")]
    normalise: Normalise,
}

const ECE: &str = "ece";

impl Metric for Calibration {
    const ID: &'static str = "calibration";

    fn measures(&self, _: &MetricContext) -> Vec<Measure> {
        let by = self.normalise.suffix();
        let measure = |name: &str, preset, shape, width, tested| Measure {
            name: name.to_owned(),
            preset,
            shape,
            width,
            higher_is_better: false,
            tested,
        };
        let ece = format!("ece/{}-bins{by}", self.bins);
        let brier = format!("brier/multiclass{by}");
        let without = "without_probabilities/choices".to_owned();
        vec![
            measure(ECE, ece, Shape::Corpus, 3 * self.bins, true),
            measure("brier", brier, Shape::Mean, 1, true),
            measure("without_probabilities", without, Shape::Binary, 1, false),
        ]
    }

    fn score(&self, case: &Case, _: &MetricContext) -> Result<Vec<f64>> {
        let Some(right) = &case.reference.label else {
            return Err(Error::input(
                "the metric `calibration` compares labels, and the reference has none",
            ));
        };
        let prediction = &case.prediction;
        let probabilities = Probabilities::of(prediction, right, self.normalise)?;
        let mut row = vec![0.0; 3 * self.bins];
        if let Some((confidence, correct)) = probabilities.likeliest() {
            let bin = 3 * bins::of(confidence, self.bins);
            row[bin..bin + 3].copy_from_slice(&[1.0, confidence, f64::from(correct)]);
        }
        row.push(probabilities.brier());
        row.push(f64::from(prediction.choices.is_empty()));
        Ok(row)
    }

    fn aggregate(&self, _: &Measure, sums: &[f64], n: f64, _: &MetricContext) -> f64 {
        bins::error(sums, n)
    }
}

plugin!(Calibration);

#[cfg(test)]
mod tests;
