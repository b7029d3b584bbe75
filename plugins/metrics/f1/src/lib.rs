//! Metric: F1 over the dataset's labels, macro, micro, weighted and per class.
#![forbid(unsafe_code)]

mod counts;

use counts::{Counts, macro_average, weighted_average};
use mergelab_sdk::{check_tested, prelude::*, suggest::hint};

/// F1 over the label set: macro, micro, weighted, per class, and the share of invalid outputs.
#[derive(Params)]
pub struct F1 {
    /// The classes that count; all labels of the dataset where this is left out.
    labels: Option<Vec<String>>,
    /// Measures whose differences are tested.
    #[param(default = ["f1_macro"])]
    tested: Vec<String>,
}

const MACRO: &str = "f1_macro";
const MICRO: &str = "f1_micro";
const WEIGHTED: &str = "f1_weighted";
const INVALID: &str = "invalid";

impl F1 {
    fn classes<'a>(&'a self, context: &'a MetricContext) -> &'a [String] {
        self.labels.as_deref().unwrap_or(&context.labels)
    }
}

impl Metric for F1 {
    const ID: &'static str = "f1";

    fn check(&self, context: &MetricContext) -> Result<()> {
        let classes = self.classes(context);
        let refuse = |message: String| Err(Error::parameter("labels", message));
        if classes.is_empty() {
            return refuse(
                "the metric `f1` needs a label set: add `labels = [...]` to the dataset's card or \
                 to the metric."
                    .to_owned(),
            );
        }
        for (i, class) in classes.iter().enumerate() {
            if classes[..i].contains(class) {
                return refuse(format!("`labels` has `{class}` twice."));
            }
            if !context.labels.is_empty() && !context.labels.contains(class) {
                let known = context.labels.iter().map(String::as_str);
                return refuse(format!(
                    "`labels` has `{class}`, which is not in the dataset's label set.{}",
                    hint(class, known)
                ));
            }
            if ["macro", "micro", "weighted"].contains(&class.as_str()) {
                return refuse(format!(
                    "the label `{class}` would make a second measure `f1_{class}`: rename it in \
                     the dataset."
                ));
            }
        }
        let measures = self.measures(context);
        let names = measures.iter().map(|m| m.name.as_str());
        check_tested(Self::ID, &self.tested, names)
    }

    fn measures(&self, context: &MetricContext) -> Vec<Measure> {
        let classes = self.classes(context);
        let averages = [
            (MACRO.to_owned(), 3 * classes.len()),
            (MICRO.to_owned(), 3),
            (WEIGHTED.to_owned(), 3 * classes.len()),
        ];
        let each = classes.iter().map(|class| (format!("f1_{class}"), 3));
        let mut measures: Vec<Measure> = averages
            .into_iter()
            .chain(each)
            .map(|(name, width)| Measure {
                tested: self.tested.contains(&name),
                name,
                preset: "f1/sklearn".to_owned(),
                shape: Shape::Corpus,
                width,
                higher_is_better: true,
            })
            .collect();
        measures.push(Measure {
            tested: self.tested.iter().any(|t| t == INVALID),
            name: INVALID.to_owned(),
            preset: "invalid/label".to_owned(),
            shape: Shape::Binary,
            width: 1,
            higher_is_better: false,
        });
        measures
    }

    fn score(&self, case: &Case, context: &MetricContext) -> Result<Vec<f64>> {
        let Some(right) = &case.reference.label else {
            return Err(Error::input(
                "the metric `f1` compares labels, and the reference has none",
            ));
        };
        if !context.labels.is_empty() && !context.labels.contains(right) {
            return Err(Error::input(format!(
                "the reference label `{right}` is not in the label set: {}",
                context.labels.join(", ")
            )));
        }
        let said = case.prediction.label.as_deref();
        let each: Vec<Counts> = self
            .classes(context)
            .iter()
            .map(|class| Counts::of(said == Some(class), right == class))
            .collect();
        let flat: Vec<f64> = each.iter().flat_map(|c| c.to_array()).collect();
        let total = each.iter().copied().sum::<Counts>().to_array();
        // In the order of the measures: macro, micro, weighted, per class, invalid.
        Ok([
            flat.as_slice(),
            &total,
            &flat,
            &flat,
            &[f64::from(said.is_none())],
        ]
        .concat())
    }

    fn aggregate(&self, measure: &Measure, sums: &[f64], _: f64, _: &MetricContext) -> f64 {
        let each = counts::from_sums(sums);
        match measure.name.as_str() {
            WEIGHTED => weighted_average(&each),
            // One class, or the sum over classes, has just one F1 to average.
            _ => macro_average(&each),
        }
    }
}

plugin!(F1);

#[cfg(test)]
mod tests;
