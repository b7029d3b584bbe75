//! Metric: ROUGE, by Google's definition or with word segmentation for every language.
#![forbid(unsafe_code)]

mod preset;
mod sentences;
mod words;
mod xlsum;

use mergelab_sdk::prelude::*;
use preset::Preset;

/// ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum, F-measure from 0 to 1, best of the references.
#[derive(Params)]
pub struct Rouge {
    /// How texts become words; `auto` is `icu`, which knows every language.
    #[param(default = "auto")]
    preset: Preset,
}

/// Names of the measures, which are also rougers' names.
const MEASURES: [&str; 4] = ["rouge1", "rouge2", "rougeL", "rougeLsum"];

impl Metric for Rouge {
    const ID: &'static str = "rouge";

    fn measures(&self, context: &MetricContext) -> Vec<Measure> {
        MEASURES
            .map(|name| Measure {
                name: name.to_owned(),
                preset: self.preset.id(&context.language),
                shape: Shape::Mean,
                width: 1,
                higher_is_better: true,
                tested: true,
            })
            .to_vec()
    }

    fn check(&self, context: &MetricContext) -> Result<()> {
        self.preset.check(&context.language)
    }

    fn score(&self, case: &Case, context: &MetricContext) -> Result<Vec<f64>> {
        if case.reference.texts.is_empty() {
            return Err(Error::input(
                "the metric `rouge` compares texts, and the reference has none",
            ));
        }
        let scorer = self.preset.scorer()?;
        let output = self
            .preset
            .document(&scorer, &case.prediction.output, &context.language);
        let mut best = vec![0.0; MEASURES.len()];
        for text in &case.reference.texts {
            let reference = self.preset.document(&scorer, text, &context.language);
            let scores = scorer.score_documents(&reference, &output);
            for (best, (_, score)) in best.iter_mut().zip(scores.iter()) {
                *best = score.fmeasure.max(*best);
            }
        }
        Ok(best)
    }
}

plugin!(Rouge);

#[cfg(test)]
mod tests;
