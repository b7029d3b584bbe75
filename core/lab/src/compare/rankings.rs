//! All models ranked over tasks and languages: what a critical-difference diagram shows.

use std::collections::BTreeMap;

use mergelab_stats::{Friedman, StatsError, critical_difference, friedman, nemenyi, wilcoxon_holm};
use serde::{Deserialize, Serialize};

use super::ALL_LANGUAGES;
use super::error::CompareError;
use super::settings::Settings;
use super::value::Value;
use crate::cell::ModelLabel;

/// The scope of the ranking over all tasks.
pub const ALL_TASKS: &str = "all";

/// Fewer blocks than this find little.
const ENOUGH_BLOCKS: usize = 10;

/// Models ranked over blocks: pairs of a task and a language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Name of the task whose languages are the blocks, or [`ALL_TASKS`].
    pub task: String,
    /// The measure of each task, as `task/measure`.
    pub measures: Vec<String>,
    /// Number of blocks.
    pub blocks: usize,
    /// The models with a value in every block, best average rank first; then the others.
    pub models: Vec<RankedModel>,
    /// Friedman's statistic.
    pub chi_squared: Option<f64>,
    /// p-value of "all models have the same mean rank", by Iman and Davenport's F.
    pub p_value: Option<f64>,
    /// Nemenyi's critical difference of average ranks.
    pub critical_difference: Option<f64>,
    /// Level of the cliques and of the critical difference.
    pub alpha: f64,
    /// What to keep in mind, or why numbers are missing.
    pub note: String,
}

/// A model in a ranking.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedModel {
    /// Its name.
    pub model: String,
    /// Its mean rank over blocks, 1 being best. None where it has no value in some block.
    pub average_rank: Option<f64>,
    /// Numbers, from 1, of the groups of models without a significant difference that it is in, by
    /// Wilcoxon's test of every pair under Holm's correction.
    pub cliques: Vec<usize>,
    /// The same by Nemenyi's critical difference.
    pub nemenyi_cliques: Vec<usize>,
    /// Blocks without a value.
    pub missing: usize,
}

/// Ranks models over all pairs of task and language, and over the languages of each task.
///
/// A task counts by its first tested measure. Trivial outputs take no part, nor do each language's own
/// expert, which is the experts once more, and replicates, whose mean does. `values` are those of the test split.
///
/// # Errors
/// A statistic that fails.
pub fn rankings(
    values: &[Value],
    labels: &[ModelLabel],
    settings: &Settings,
) -> Result<Vec<Ranking>, CompareError> {
    let blocks = Block::all(values);
    let models: Vec<&str> = labels
        .iter()
        .filter(|label| label.role.competes() && label.replicate_of.is_none())
        .map(|label| label.name.as_str())
        .collect();
    let mut tasks: Vec<&str> = blocks.iter().map(|block| block.task).collect();
    tasks.dedup();
    let mut found = Vec::new();
    if tasks.len() > 1 {
        found.push(ranking(ALL_TASKS, &blocks, &models, settings));
    }
    for task in tasks {
        let own: Vec<Block<'_>> = blocks.iter().filter(|b| b.task == task).cloned().collect();
        found.push(ranking(task, &own, &models, settings));
    }
    found
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|source| CompareError::Statistics {
            place: "all models".to_owned(),
            measure: "the ranking".to_owned(),
            source,
        })
}

/// The values of one task in one language.
#[derive(Clone)]
struct Block<'a> {
    task: &'a str,
    measure: &'a str,
    /// Larger is better.
    values: BTreeMap<&'a str, f64>,
}

impl<'a> Block<'a> {
    /// All blocks, by task and language.
    fn all(values: &'a [Value]) -> Vec<Self> {
        let mut first: BTreeMap<&str, (&str, &str, &str)> = BTreeMap::new();
        let mut blocks: BTreeMap<(&str, &str), Self> = BTreeMap::new();
        let tested = |value: &&Value| {
            value.measure.tested && !value.selection && value.language != ALL_LANGUAGES
        };
        for value in values.iter().filter(tested) {
            let key = (
                value.metric.as_str(),
                value.metric_parameters.as_str(),
                value.measure.name.as_str(),
            );
            if *first.entry(&value.task).or_insert(key) != key {
                continue;
            }
            let block = blocks
                .entry((&value.task, &value.language))
                .or_insert_with(|| Self {
                    task: &value.task,
                    measure: &value.measure.name,
                    values: BTreeMap::new(),
                });
            if let Some(number) = value.value {
                let sign = if value.measure.higher_is_better {
                    1.0
                } else {
                    -1.0
                };
                block.values.insert(&value.model, sign * number);
            }
        }
        blocks.into_values().collect()
    }
}

fn ranking(
    task: &str,
    blocks: &[Block<'_>],
    models: &[&str],
    settings: &Settings,
) -> Result<Ranking, StatsError> {
    let missing = |model: &str| {
        let without = blocks
            .iter()
            .filter(|block| !block.values.contains_key(model));
        without.count()
    };
    let (ranked, others): (Vec<&str>, Vec<&str>) = models
        .iter()
        .copied()
        .filter(|model| missing(model) < blocks.len())
        .partition(|model| missing(model) == 0);
    let mut measures: Vec<String> = blocks
        .iter()
        .map(|block| format!("{}/{}", block.task, block.measure))
        .collect();
    measures.dedup();
    let mut found = Ranking {
        task: task.to_owned(),
        measures,
        blocks: blocks.len(),
        models: Vec::new(),
        chi_squared: None,
        p_value: None,
        critical_difference: None,
        alpha: settings.alpha,
        note: String::new(),
    };
    if ranked.len() < 2 || blocks.len() < 2 {
        found.note = "a ranking needs two models with values in two blocks".to_owned();
        found.models = unranked(ranked.iter().chain(&others), &missing);
        return Ok(found);
    }
    let values: Vec<f64> = blocks
        .iter()
        .flat_map(|block| ranked.iter().map(|model| block.values[model]))
        .collect();
    let test = friedman(&values, ranked.len())?;
    found.chi_squared = Some(test.chi_squared);
    found.p_value = Some(test.p_value);
    found.critical_difference = Some(critical_difference(
        ranked.len(),
        blocks.len(),
        settings.alpha,
    )?);
    found.models = grouped(&ranked, &test, &values, settings.alpha)?;
    found.models.extend(unranked(others.iter(), &missing));
    if blocks.len() < ENOUGH_BLOCKS {
        found.note = format!(
            "{} blocks find little: ten or more are better",
            blocks.len()
        );
    }
    Ok(found)
}

fn unranked<'a>(
    models: impl Iterator<Item = &'a &'a str>,
    missing: &impl Fn(&str) -> usize,
) -> Vec<RankedModel> {
    models
        .map(|model| RankedModel {
            model: (*model).to_owned(),
            average_rank: None,
            cliques: Vec::new(),
            nemenyi_cliques: Vec::new(),
            missing: missing(model),
        })
        .collect()
}

/// The models by average rank, with the groups that each is in.
fn grouped(
    models: &[&str],
    test: &Friedman,
    values: &[f64],
    alpha: f64,
) -> Result<Vec<RankedModel>, StatsError> {
    let ranks = &test.average_ranks;
    let by_sign = wilcoxon_holm(values, models.len())?.cliques(ranks, alpha)?;
    let by_rank = nemenyi(test).cliques(ranks, alpha)?;
    let groups = |cliques: &[Vec<usize>], model: usize| -> Vec<usize> {
        let numbered = cliques.iter().zip(1..);
        let own = numbered.filter(|(clique, _)| clique.contains(&model));
        own.map(|(_, number)| number).collect()
    };
    let mut order: Vec<usize> = (0..models.len()).collect();
    order.sort_by(|&a, &b| ranks[a].total_cmp(&ranks[b]));
    Ok(order
        .into_iter()
        .map(|at| RankedModel {
            model: models[at].to_owned(),
            average_rank: Some(ranks[at]),
            cliques: groups(&by_sign, at),
            nemenyi_cliques: groups(&by_rank, at),
            missing: 0,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fixture::{Source, binary, mean, models, settings};
    use crate::compare::values;

    #[test]
    fn models_are_ranked_over_tasks_and_languages() {
        let mut cells = Vec::new();
        for (number, language) in ["de", "en", "fr", "ja", "zh", "es", "it"]
            .iter()
            .enumerate()
        {
            for (model, right) in [("joint", 18), ("m1", 12), ("m2", 6)] {
                let right = right - usize::from(model == "m1") * number / 2;
                let scores: Vec<u8> = (0..20).map(|i| u8::from(i < right)).collect();
                cells.push(binary(model, "a", language, &scores));
                let shift = right as f64 / 20.0 + 0.01 * number as f64;
                cells.push(mean(model, "b", language, &[shift, shift + 0.1]));
            }
            if number > 0 {
                cells.push(binary("m3", "a", language, &[1; 20]));
            }
        }
        let labels = models(&["m1", "m2", "m3"]);
        let values = values(&cells, &labels, &Source, &settings()).unwrap();
        let found = rankings(&values, &labels, &settings()).unwrap();
        let scopes: Vec<_> = found.iter().map(|r| (r.task.as_str(), r.blocks)).collect();
        assert_eq!(scopes, [("all", 14), ("a", 7), ("b", 7)]);
        let all = &found[0];
        assert_eq!(all.measures, ["a/accuracy", "b/rouge1"]);
        let ranks: Vec<_> = all
            .models
            .iter()
            .map(|m| (m.model.as_str(), m.average_rank, m.missing))
            .collect();
        assert_eq!(
            ranks,
            [
                ("joint", Some(1.0), 0),
                ("m1", Some(2.0), 0),
                ("m2", Some(3.0), 0),
                ("m3", None, 8)
            ]
        );
        // 14 blocks agree: (1/6)^13. Three pairs each with 2/2^14 differ.
        assert!((all.p_value.unwrap() / (1.0f64 / 6.0).powi(13) - 1.0).abs() < 1e-9);
        assert!(all.models.iter().all(|m| m.cliques.is_empty()));
        assert!(all.note.is_empty() && found[1].note.contains("7 blocks"));
        let cd = all.critical_difference.unwrap();
        assert!((cd - 2.344 * (12.0f64 / 84.0).sqrt()).abs() < 1e-3, "{cd}");
        // With five blocks no pair can differ by signs: 3 · 2/2^5 is above 0.05.
        let few: Vec<Value> = values
            .iter()
            .filter(|v| v.task == "b" && !["es", "it"].contains(&v.language.as_str()))
            .cloned()
            .collect();
        let few = &rankings(&few, &labels, &settings()).unwrap()[0];
        assert!(few.models[..3].iter().all(|m| m.cliques == [1]));
    }

    #[test]
    fn one_block_or_one_model_has_no_ranking() {
        let cells = [mean("joint", "t", "de", &[0.5, 0.7])];
        let values = values(&cells, &[], &Source, &settings()).unwrap();
        let found = rankings(&values, &models(&["m"]), &settings()).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].p_value, found[0].models.len()), (None, 1));
        assert!(found[0].note.contains("two models"));
        assert!(
            rankings(&[], &models(&["m"]), &settings())
                .unwrap()
                .is_empty()
        );
    }
}
