//! Which stages belong to which part of an experiment's cost.

use super::Amounts;
use crate::{
    cell::{ModelLabel, Role},
    compare::canonical,
    plan::{
        Plan, Purpose,
        spec::{Answerer, Node, What},
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// An expert's training.
#[derive(Debug, Clone, PartialEq)]
pub struct Expert {
    /// Its name.
    pub name: String,
    /// Languages that it learns.
    pub languages: Vec<String>,
    /// What its training cost.
    pub training: Amounts,
}

/// Merges by one method: what one costs, and what the search for its parameters cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// The method, with its preset.
    pub method: String,
    /// The experts that it merges.
    pub experts: Vec<Expert>,
    /// One merge.
    pub merge: Amounts,
    /// Evaluating one merged model. `None` where it was not evaluated.
    pub evaluation: Option<Amounts>,
    /// All merges by the method with other parameters, and all evaluations of them.
    pub search: Amounts,
    /// Settings of the parameters that were tried.
    pub candidates: usize,
}

/// The costs of one replicate of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Replicate {
    /// Training the combined model.
    pub combined: Amounts,
    /// Evaluating it.
    pub combined_evaluation: Option<Amounts>,
    /// By method, in the order of the plan.
    pub merges: Vec<Merge>,
}

/// The parts of a plan that costs are gathered from.
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    /// Models and the stages that make them.
    pub models: Vec<(&'a ModelLabel, Option<usize>)>,
    /// The stages.
    pub nodes: &'a [Node],
    /// Model and stage that scores it, of each cell of the tables.
    pub cells: Vec<(usize, usize)>,
}

impl<'a> Parts<'a> {
    /// Those of a plan.
    pub fn of(plan: &'a Plan) -> Self {
        Self {
            models: plan.models.iter().map(|m| (&m.label, m.node)).collect(),
            nodes: &plan.nodes,
            cells: plan
                .cells
                .iter()
                .filter(|cell| cell.purpose == Purpose::Test)
                .map(|cell| (cell.model, cell.score))
                .collect(),
        }
    }
}

/// The replicates of an experiment whose costs are known. `cost` gives what a stage cost, or `None`
/// where it has no artifact.
///
/// A model that is not replicated belongs to every replicate. What failed is left out.
pub fn replicates(parts: &Parts<'_>, cost: &dyn Fn(usize) -> Option<Amounts>) -> Vec<Replicate> {
    let labels = parts.models.iter().map(|(label, _)| label);
    let seeds: BTreeSet<u64> = labels.filter_map(|label| label.replicate).collect();
    let seeds: Vec<Option<u64>> = match seeds.is_empty() {
        true => vec![None],
        false => seeds.into_iter().map(Some).collect(),
    };
    let gather = Gather {
        parts,
        cost,
        evaluations: evaluations(parts.nodes),
    };
    seeds
        .into_iter()
        .filter_map(|seed| gather.replicate(seed))
        .collect()
}

struct Gather<'a> {
    parts: &'a Parts<'a>,
    cost: &'a dyn Fn(usize) -> Option<Amounts>,
    /// Stages that ask a model or score its responses, by the model's key.
    evaluations: BTreeMap<&'a str, Vec<usize>>,
}

/// Stages that evaluate each model, on whatever split.
fn evaluations(nodes: &[Node]) -> BTreeMap<&str, Vec<usize>> {
    let mut stages: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut models: BTreeMap<&str, &str> = BTreeMap::new();
    for (i, node) in nodes.iter().enumerate() {
        let model = match &node.spec.what {
            What::Generate(what) => match &what.answerer {
                Answerer::Model { key, .. } => {
                    models.insert(&node.key, key);
                    key.as_str()
                }
                // What is served elsewhere is no alternative to merging or to combined training.
                Answerer::Served(_) | Answerer::Trivial { .. } => continue,
            },
            What::Score(what) => match models.get(what.responses.as_str()) {
                Some(model) => model,
                None => continue,
            },
            _ => continue,
        };
        stages.entry(model).or_default().push(i);
    }
    stages
}

/// A merge and what evaluating it cost.
struct Candidate {
    merge: Amounts,
    /// Stages whose scores are in the tables.
    reported: Option<Amounts>,
    /// All stages that evaluate it.
    evaluations: Amounts,
}

impl Gather<'_> {
    fn replicate(&self, seed: Option<u64>) -> Option<Replicate> {
        let models = || {
            let all = self.parts.models.iter().enumerate();
            all.map(|(place, (label, node))| (place, *label, *node))
                .filter(move |(_, label, _)| {
                    label.replicates.is_empty()
                        && (label.replicate.is_none() || label.replicate == seed)
                })
        };
        let (place, _, combined) = models().find(|(_, l, _)| l.role == Role::Combined)?;
        let mut experts: BTreeMap<&str, Expert> = BTreeMap::new();
        for (_, label, node) in models().filter(|(_, l, _)| l.role == Role::Expert) {
            let name = group(label);
            if let Some(training) = node.and_then(self.cost) {
                experts.insert(
                    name,
                    Expert {
                        name: name.to_owned(),
                        languages: label.languages.clone(),
                        training,
                    },
                );
            }
        }
        // Merges of the same experts by the same method, by their parameters.
        type Candidates = Vec<(String, Vec<Candidate>)>;
        let mut groups: Vec<((String, &[String]), Candidates)> = Vec::new();
        for (place, label, node) in models().filter(|(_, l, _)| l.role == Role::Merge) {
            let Some(merge) = node.and_then(self.cost) else {
                continue;
            };
            let candidate = Candidate {
                merge,
                reported: self.reported(place),
                evaluations: self.all_evaluations(&label.key),
            };
            let method = label.method.clone().unwrap_or_default();
            let key = (method, label.experts.as_slice());
            let at = groups.iter().position(|(known, _)| *known == key);
            let at = at.unwrap_or_else(|| {
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            let parameters = canonical(&label.parameters);
            let candidates = &mut groups[at].1;
            match candidates
                .iter_mut()
                .find(|(known, _)| *known == parameters)
            {
                Some((_, draws)) => draws.push(candidate),
                None => candidates.push((parameters, vec![candidate])),
            }
        }
        let merges = groups
            .into_iter()
            .filter_map(|((method, names), candidates)| {
                let experts = names
                    .iter()
                    .map(|name| experts.get(name.as_str()).cloned())
                    .collect::<Option<Vec<_>>>()?;
                Some(summed(method, experts, &candidates))
            })
            .collect();
        Some(Replicate {
            combined: combined.and_then(self.cost)?,
            combined_evaluation: self.reported(place),
            merges,
        })
    }

    /// What the stages cost whose scores of this model are in the tables. `None` where there are
    /// none, or one has no artifact.
    fn reported(&self, model: usize) -> Option<Amounts> {
        let mut stages = BTreeSet::new();
        for &(_, score) in self.parts.cells.iter().filter(|(m, _)| *m == model) {
            stages.insert(score);
            stages.extend(&self.parts.nodes[score].needs);
        }
        if stages.is_empty() {
            return None;
        }
        stages.into_iter().map(self.cost).sum::<Option<Amounts>>()
    }

    fn all_evaluations(&self, key: &str) -> Amounts {
        let stages = self.evaluations.get(key).into_iter().flatten();
        stages.filter_map(|&stage| (self.cost)(stage)).sum()
    }
}

/// The model that a replicate is one of, or the model itself.
fn group(label: &ModelLabel) -> &str {
    label.replicate_of.as_deref().unwrap_or(&label.name)
}

/// Merges that differ in their random draws alone are one candidate, which costs their mean.
fn summed(method: String, experts: Vec<Expert>, candidates: &[(String, Vec<Candidate>)]) -> Merge {
    let means: Vec<(Amounts, Option<Amounts>, Amounts)> = candidates
        .iter()
        .filter_map(|(_, draws)| {
            let merges: Vec<Amounts> = draws.iter().map(|d| d.merge).collect();
            let evaluations: Vec<Amounts> = draws.iter().map(|d| d.evaluations).collect();
            let reported: Vec<Amounts> = draws.iter().filter_map(|d| d.reported).collect();
            Some((
                Amounts::mean(&merges)?,
                Amounts::mean(&reported),
                Amounts::mean(&evaluations)?,
            ))
        })
        .collect();
    // Where some were chosen, they alone are reported.
    let chosen: Vec<_> = means.iter().filter(|(_, r, _)| r.is_some()).collect();
    let chosen = if chosen.is_empty() {
        means.iter().collect()
    } else {
        chosen
    };
    let merges: Vec<Amounts> = chosen.iter().map(|(merge, _, _)| *merge).collect();
    let reported: Vec<Amounts> = chosen.iter().filter_map(|(_, r, _)| *r).collect();
    let merge = Amounts::mean(&merges).unwrap_or(Amounts::ZERO);
    let evaluation = Amounts::mean(&reported);
    let all: Amounts = means.iter().map(|(merge, _, all)| *merge + *all).sum();
    let one = merge + evaluation.unwrap_or(Amounts::ZERO);
    Merge {
        method,
        experts,
        merge,
        evaluation,
        search: all + one.scaled(-1.0),
        candidates: candidates.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cell::PluginStamp,
        compare::fixture::model,
        plan::spec::{GenerateWhat, How, ScoreWhat, SliceRef, StageSpec, TaskRef},
        savings::Unit,
    };

    /// Two stages that evaluate the model with this key.
    fn evaluation(nodes: &mut Vec<Node>, key: &str) -> usize {
        let stamp = PluginStamp {
            id: "t".into(),
            version: String::new(),
            hash: String::new(),
        };
        let task = TaskRef {
            name: "t".into(),
            plugin: stamp,
            params: serde_json::Map::new(),
            labels: Vec::new(),
        };
        let rows = SliceRef {
            dataset: String::new(),
            split: String::new(),
            language: "de".into(),
            limit: None,
            hash: String::new(),
        };
        let generate = What::Generate(GenerateWhat {
            answerer: Answerer::Model {
                key: key.into(),
                device: String::new(),
                chat: false,
            },
            task: task.clone(),
            rows: rows.clone(),
            shots: None,
        });
        let responses = push(nodes, generate, Vec::new());
        let score = What::Score(ScoreWhat {
            responses: nodes[responses].key.clone(),
            task,
            rows,
            metrics: Vec::new(),
        });
        push(nodes, score, vec![responses])
    }

    fn push(nodes: &mut Vec<Node>, what: What, needs: Vec<usize>) -> usize {
        nodes.push(Node {
            name: String::new(),
            key: what.key(),
            spec: StageSpec {
                what,
                how: How::default(),
            },
            needs,
            cached: false,
            span: 0..0,
        });
        nodes.len() - 1
    }

    #[test]
    fn replicates_have_their_own_experts_and_share_what_was_trained_once() {
        // Stages 0 and 1 evaluate the combined model, 2 and 3 the merge of the first replicate with
        // one setting; the other merges were not evaluated. The rest stands for trainings and
        // merges, which are known by their place alone.
        let mut nodes = Vec::new();
        let combined_score = evaluation(&mut nodes, "model-combined");
        let merge_score = evaluation(&mut nodes, "model-ties a 1");
        let mut labels = vec![model("combined", Role::Combined)];
        let mut stages = vec![Some(10)];
        for (seed, stage) in [(1, 20), (2, 30)] {
            for (at, name) in ["de", "en"].into_iter().enumerate() {
                let mut label = model(&format!("{name} replicate={seed}"), Role::Expert);
                label.replicate = Some(seed);
                label.replicate_of = Some(name.to_owned());
                label.languages = vec![name.to_owned()];
                labels.push(label);
                stages.push(Some(stage + at));
            }
            for (at, setting) in ["a", "b"].into_iter().enumerate() {
                let mut label = model(&format!("ties {setting} {seed}"), Role::Merge);
                label.replicate = Some(seed);
                label.replicate_of = Some(format!("ties {setting}"));
                label.method = Some("ties".to_owned());
                label.parameters.insert("x".to_owned(), setting.into());
                label.experts = vec!["de".to_owned(), "en".to_owned()];
                labels.push(label);
                stages.push(Some(stage + 5 + at));
            }
        }
        let merge = labels.iter().position(|l| l.name == "ties a 1").unwrap();
        // A mean over replicates is no model.
        let mut mean = model("de", Role::Expert);
        mean.replicates = vec!["de replicate=1".to_owned(), "de replicate=2".to_owned()];
        labels.push(mean);
        stages.push(None);
        let parts = Parts {
            models: labels.iter().zip(stages).collect(),
            nodes: &nodes,
            cells: vec![(0, combined_score), (merge, merge_score)],
        };
        // A stage costs as many seconds as its place.
        let cost = |stage: usize| Some(Amounts::ZERO.with(Unit::WallSeconds, Some(stage as f64)));
        let found = replicates(&parts, &cost);
        let wall = |amounts: Amounts| amounts.get(Unit::WallSeconds).unwrap();
        assert_eq!(found.len(), 2);
        for (replicate, first) in found.iter().zip([20.0, 30.0]) {
            assert_eq!(wall(replicate.combined), 10.0);
            assert_eq!(replicate.combined_evaluation.map(wall), Some(1.0));
            assert_eq!(replicate.merges.len(), 1);
            let merge = &replicate.merges[0];
            let trained: Vec<_> = merge.experts.iter().map(|e| wall(e.training)).collect();
            assert_eq!(trained, [first, first + 1.0]);
            assert_eq!(merge.candidates, 2);
        }
        // The setting that was evaluated was chosen; the other one is search.
        let first = &found[0].merges[0];
        assert_eq!(wall(first.merge), 25.0);
        assert_eq!(first.evaluation.map(wall), Some(5.0));
        assert_eq!(wall(first.search), 26.0);
        // Nothing was chosen in the second: the mean of both, and the rest.
        let second = &found[1].merges[0];
        assert_eq!(wall(second.merge), 35.5);
        assert_eq!((second.evaluation, wall(second.search)), (None, 35.5));
    }
}
