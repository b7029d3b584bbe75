//! Merges beside experts, joined with the geometry of the experts.

use super::Vectors;
use crate::{
    cell::{ModelLabel, Role},
    compare::{ALL_LANGUAGES, Value},
    plan::spec::ExpertRef,
};
use mergelab_abi::metric::Measure;

/// One merge beside one expert, by one measure on one task in one of the expert's languages.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Name of the merge.
    pub merge: String,
    /// Its method, with its preset.
    pub method: String,
    /// Name of the expert.
    pub expert: String,
    /// Name of the task.
    pub task: String,
    /// Name of the dataset.
    pub dataset: String,
    /// The language.
    pub language: String,
    /// Id of the metric.
    pub metric: String,
    /// The metric's parameters.
    pub metric_parameters: String,
    /// The measure.
    pub measure: Measure,
    /// Examples scored.
    pub n: usize,
    /// Value of the merge.
    pub merge_value: Option<f64>,
    /// Value of the expert.
    pub expert_value: Option<f64>,
    /// Value of the base.
    pub base_value: Option<f64>,
    /// Merge minus expert, turned so that above 0 is better.
    pub versus_expert: Option<f64>,
    /// Merge minus base, turned so that above 0 is better.
    pub versus_base: Option<f64>,
    /// Mean cosine of the expert's task vector with the other merged experts'.
    pub mean_cosine: Option<f64>,
    /// Mean sign conflict of the expert's task vector with the others'.
    pub mean_sign_conflict: Option<f64>,
    /// Mean overlap of the largest tenth of its entries with the others'.
    pub mean_overlap: Option<f64>,
    /// Norm of its task vector over the norm of the base.
    pub relative_norm: Option<f64>,
    /// Replicates that the geometry is the mean of.
    pub replicates: usize,
}

/// The points of all merges, in the order of `labels`, then of the experts, then of the values.
///
/// `experts_of` gives the experts that a model was merged from, by its content key. Replicates are
/// one point, with the means of values and geometry.
pub fn points(
    labels: &[ModelLabel],
    values: &[Value],
    vectors: &[Vectors],
    experts_of: &dyn Fn(&str) -> Option<Vec<ExpertRef>>,
) -> Vec<Point> {
    let base = labels
        .iter()
        .find(|label| label.role == Role::Base && label.replicate_of.is_none());
    let mut points = Vec::new();
    let merges = labels
        .iter()
        .filter(|label| label.role == Role::Merge && label.replicate_of.is_none());
    for merge in merges {
        // A mean over replicates has the geometry of each.
        let keys: Vec<&str> = match merge.replicates.is_empty() {
            true => vec![&merge.key],
            false => labels
                .iter()
                .filter(|label| merge.replicates.contains(&label.name))
                .map(|label| label.key.as_str())
                .collect(),
        };
        let sets: Vec<(&Vectors, Vec<ExpertRef>)> = keys
            .iter()
            .filter_map(|key| {
                let experts = experts_of(key)?;
                let set = vectors.iter().find(|set| set.has(&experts))?;
                Some((set, experts))
            })
            .collect();
        for name in &merge.experts {
            let Some(expert) = labels.iter().find(|label| label.name == *name) else {
                continue;
            };
            let geometry = Geometry::of(&sets, name);
            let own = values.iter().filter(|value| {
                value.model == merge.name
                    && value.measure.tested
                    && value.language != ALL_LANGUAGES
                    && expert.languages.contains(&value.language)
            });
            for value in own {
                let of = |model: &str| {
                    let same = values
                        .iter()
                        .find(|v| v.model == model && same_cell(v, value));
                    same.and_then(|v| v.value)
                };
                let expert_value = of(name);
                let base_value = base.and_then(|base| of(&base.name));
                let gain = |other: Option<f64>| {
                    let difference = value.value? - other?;
                    Some(match value.measure.higher_is_better {
                        true => difference,
                        false => -difference,
                    })
                };
                points.push(Point {
                    merge: merge.name.clone(),
                    method: merge.method.clone().unwrap_or_default(),
                    expert: name.clone(),
                    task: value.task.clone(),
                    dataset: value.dataset.clone(),
                    language: value.language.clone(),
                    metric: value.metric.clone(),
                    metric_parameters: value.metric_parameters.clone(),
                    measure: value.measure.clone(),
                    n: value.n,
                    merge_value: value.value,
                    expert_value,
                    base_value,
                    versus_expert: gain(expert_value),
                    versus_base: gain(base_value),
                    mean_cosine: geometry.cosine,
                    mean_sign_conflict: geometry.sign_conflict,
                    mean_overlap: geometry.overlap,
                    relative_norm: geometry.norm,
                    replicates: sets.len(),
                });
            }
        }
    }
    points
}

fn same_cell(a: &Value, b: &Value) -> bool {
    a.task == b.task
        && a.language == b.language
        && a.metric == b.metric
        && a.metric_parameters == b.metric_parameters
        && a.measure.name == b.measure.name
}

/// How an expert's vector lies to those of the others, the mean over replicates.
struct Geometry {
    cosine: Option<f64>,
    sign_conflict: Option<f64>,
    overlap: Option<f64>,
    norm: Option<f64>,
}

impl Geometry {
    fn of(sets: &[(&Vectors, Vec<ExpertRef>)], expert: &str) -> Self {
        let mean = |of: &dyn Fn(&Vectors, &[&str]) -> Option<f64>| {
            let values: Vec<f64> = sets
                .iter()
                .map(|(set, experts)| {
                    let names = experts.iter().map(|e| e.name.as_str());
                    of(set, &names.filter(|n| *n != expert).collect::<Vec<_>>())
                })
                .collect::<Option<_>>()?;
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Self {
            cosine: mean(&|set, others| set.mean("cosine", expert, others)),
            sign_conflict: mean(&|set, others| set.mean("sign_conflict", expert, others)),
            overlap: mean(&|set, others| set.mean("overlap_top10", expert, others)),
            norm: mean(&|set, _| set.own("relative_norm", expert)),
        }
    }
}
