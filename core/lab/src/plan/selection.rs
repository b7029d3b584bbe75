//! Selections: which candidates there are, what each round compares, and what was decided.

use super::{PlannedCell, spec::StageSpec};
use crate::{
    compare::Point,
    manifest::{Combine, Round, Span},
};
use std::collections::BTreeMap;

/// A stage that may follow.
#[derive(Debug, Clone)]
pub(crate) struct PendingStage {
    pub(crate) name: String,
    pub(crate) spec: StageSpec,
    pub(crate) span: Span,
}

/// An evaluation that may follow: its stages, without their places in the graph.
#[derive(Debug, Clone)]
pub(crate) struct PendingCell {
    /// Without the stage that scores it.
    pub(crate) cell: PlannedCell,
    /// The stage that makes the model.
    pub(crate) needs: Option<usize>,
    pub(crate) generate: PendingStage,
    pub(crate) score: PendingStage,
}

/// A setting that may be chosen. Its mask seeds and replicates are averaged and chosen together.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its name: that of its model, without seeds.
    pub name: String,
    /// Indices of its models.
    pub models: Vec<usize>,
    /// What each round evaluates.
    pub(crate) rounds: Vec<Vec<PendingCell>>,
    /// What is evaluated if it is chosen.
    pub(crate) test: Vec<PendingCell>,
}

/// The measure that counts on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// Name of the task.
    pub task: String,
    /// Languages of the task.
    pub languages: Vec<String>,
    /// Id of the metric.
    pub metric: String,
    /// The metric's parameters, as canonical JSON.
    pub metric_parameters: String,
    /// Name of the measure.
    pub measure: String,
    /// Whether a larger value is better.
    pub higher_is_better: bool,
}

/// How a candidate did in a round.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Index of the candidate.
    pub candidate: usize,
    /// The mean of its measures, or of its ranks. None where one is missing.
    pub score: Option<f64>,
    /// Its place, from 1. Ties are broken by the order of the candidates.
    pub rank: usize,
    /// Whether another candidate has the same score.
    pub tied: bool,
    /// Whether it goes on, or is chosen in the last round.
    pub kept: bool,
    /// Why it has no score.
    pub note: String,
}

/// A choice among the merges of one entry of the manifest.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Name of the entry, or its methods.
    pub name: String,
    /// The split that it chooses on.
    pub split: String,
    /// How measures become one score.
    pub combine: Combine,
    /// What counts.
    pub criteria: Vec<Criterion>,
    /// What there is to choose from, in the manifest's order.
    pub candidates: Vec<Candidate>,
    /// The rounds.
    pub rounds: Vec<Round>,
    /// What was decided in the rounds so far, each by rank.
    pub decided: Vec<Vec<Standing>>,
}

impl Selection {
    /// The candidates that are in the round that comes next.
    pub fn alive(&self) -> Vec<usize> {
        match self.decided.last() {
            None => (0..self.candidates.len()).collect(),
            Some(standings) => {
                let mut kept: Vec<usize> = standings
                    .iter()
                    .filter(|s| s.kept)
                    .map(|s| s.candidate)
                    .collect();
                kept.sort_unstable();
                kept
            }
        }
    }

    /// Whether nothing is left to decide: all rounds are over, or no candidate is left.
    pub fn finished(&self) -> bool {
        self.decided.len() == self.rounds.len() || self.alive().is_empty()
    }

    /// Names of the chosen candidates; empty while undecided.
    pub fn chosen(&self) -> Vec<&str> {
        if !self.finished() {
            return Vec::new();
        }
        let alive = self.alive().into_iter();
        alive.map(|c| self.candidates[c].name.as_str()).collect()
    }

    /// The standings of a round from what the models scored in it. `names` gives a model's name by
    /// its index; candidates in `failed` have no score.
    pub(crate) fn judge(
        &self,
        points: &[Point],
        failed: &BTreeMap<usize, String>,
        names: &dyn Fn(usize) -> String,
    ) -> Vec<Standing> {
        let alive = self.alive();
        let keep = self.rounds[self.decided.len()].keep;
        let by_place: BTreeMap<_, Option<f64>> = points
            .iter()
            .map(|p| {
                let measure = (&*p.metric, &*p.metric_parameters, &*p.measure);
                ((&*p.model, &*p.task, &*p.language, measure), p.value)
            })
            .collect();
        // Of each candidate a value for each task and language, larger is better.
        let values: Vec<Option<Vec<Vec<f64>>>> = alive
            .iter()
            .map(|candidate| {
                if failed.contains_key(candidate) {
                    return None;
                }
                let models = &self.candidates[*candidate].models;
                let of_criterion = |criterion: &Criterion| -> Option<Vec<f64>> {
                    let Criterion {
                        task,
                        metric,
                        metric_parameters,
                        measure,
                        ..
                    } = criterion;
                    let measure = (&**metric, &**metric_parameters, &**measure);
                    let sign = if criterion.higher_is_better {
                        1.0
                    } else {
                        -1.0
                    };
                    let of_language = |language: &String| -> Option<f64> {
                        let mut sum = 0.0;
                        for &model in models {
                            let name = names(model);
                            sum += (*by_place.get(&(&*name, &**task, &**language, measure))?)?;
                        }
                        Some(sign * sum / models.len() as f64)
                    };
                    criterion.languages.iter().map(of_language).collect()
                };
                self.criteria.iter().map(of_criterion).collect()
            })
            .collect();
        let scores = match self.combine {
            Combine::Mean => values
                .iter()
                .map(|v| v.as_ref().map(|v| macro_mean(v)))
                .collect(),
            Combine::Rank => mean_ranks(&values),
        };
        // Less is better of ranks.
        let better = |a: f64, b: f64| match self.combine {
            Combine::Mean => b.total_cmp(&a),
            Combine::Rank => a.total_cmp(&b),
        };
        let mut order: Vec<usize> = (0..alive.len()).collect();
        order.sort_by(|&a, &b| match (scores[a], scores[b]) {
            (Some(x), Some(y)) => better(x, y).then(a.cmp(&b)),
            (x, y) => y.is_some().cmp(&x.is_some()).then(a.cmp(&b)),
        });
        let standing = |(rank, &own): (usize, &usize)| {
            let score = scores[own];
            let candidate = alive[own];
            let same = scores
                .iter()
                .filter(|s| s.is_some() && **s == score)
                .count();
            let note = match (score, failed.get(&candidate)) {
                (None, Some(why)) => why.clone(),
                (None, None) => "a measure has no value".to_owned(),
                (Some(_), _) => String::new(),
            };
            Standing {
                candidate,
                score,
                rank: rank + 1,
                tied: same > 1,
                kept: rank < keep && score.is_some(),
                note,
            }
        };
        order.iter().enumerate().map(standing).collect()
    }
}

/// The mean over tasks of the means over languages.
fn macro_mean(values: &[Vec<f64>]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let tasks: Vec<f64> = values.iter().map(|languages| mean(languages)).collect();
    mean(&tasks)
}

/// The mean rank of each candidate, over languages and then over tasks. Equal values share the mean
/// of their ranks.
fn mean_ranks(values: &[Option<Vec<Vec<f64>>>]) -> Vec<Option<f64>> {
    let rank = |own: f64, task: usize, language: usize| {
        let all = values.iter().flatten().map(|v| v[task][language]);
        let above = all.clone().filter(|v| *v > own).count() as f64;
        let same = all.filter(|v| *v == own).count() as f64;
        above + (same + 1.0) / 2.0
    };
    let ranks = |own: &Vec<Vec<f64>>| -> Vec<Vec<f64>> {
        let of_task = |(task, languages): (usize, &Vec<f64>)| {
            let languages = languages.iter().enumerate();
            languages.map(|(l, own)| rank(*own, task, l)).collect()
        };
        own.iter().enumerate().map(of_task).collect()
    };
    let mean = |own: &Option<Vec<Vec<f64>>>| own.as_ref().map(|own| macro_mean(&ranks(own)));
    values.iter().map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(combine: Combine, keep: usize) -> Selection {
        let criterion = |task: &str, higher_is_better| Criterion {
            task: task.to_owned(),
            languages: vec!["de".to_owned(), "en".to_owned()],
            metric: "metric".to_owned(),
            metric_parameters: "{}".to_owned(),
            measure: "measure".to_owned(),
            higher_is_better,
        };
        let candidate = |number: usize| Candidate {
            name: format!("c{number}"),
            models: vec![number],
            rounds: Vec::new(),
            test: Vec::new(),
        };
        Selection {
            name: "s".to_owned(),
            split: "validation".to_owned(),
            combine,
            criteria: vec![criterion("a", true), criterion("b", false)],
            candidates: (0..4).map(candidate).collect(),
            rounds: vec![Round { rows: None, keep }],
            decided: Vec::new(),
        }
    }

    /// By candidate the values of a in de and en, and of b, of which less is better.
    fn points(values: &[[f64; 4]]) -> Vec<Point> {
        let mut points = Vec::new();
        for (model, values) in values.iter().enumerate() {
            for (i, value) in values.iter().enumerate() {
                points.push(Point {
                    model: format!("m{model}"),
                    task: ["a", "b"][i / 2].to_owned(),
                    language: ["de", "en"][i % 2].to_owned(),
                    metric: "metric".to_owned(),
                    metric_parameters: "{}".to_owned(),
                    measure: "measure".to_owned(),
                    value: Some(*value),
                });
            }
        }
        points
    }

    fn judged(selection: &Selection, points: &[Point]) -> Vec<(usize, Option<f64>, bool, bool)> {
        let standings = selection.judge(points, &BTreeMap::new(), &|m| format!("m{m}"));
        let own = standings.into_iter();
        own.map(|s| (s.candidate, s.score, s.tied, s.kept))
            .collect()
    }

    #[test]
    fn the_best_mean_is_kept_and_ties_go_by_order() {
        let found = points(&[
            [0.5, 0.5, 2.0, 2.0],
            [0.9, 0.7, 1.0, 1.0],
            [0.7, 0.9, 1.0, 1.0],
            [1.0, 1.0, 9.0, 9.0],
        ]);
        let standings = judged(&selection(Combine::Mean, 1), &found);
        let order: Vec<usize> = standings.iter().map(|s| s.0).collect();
        assert_eq!(order, [1, 2, 0, 3]);
        assert!((standings[0].1.expect("a score") + 0.1).abs() < 1e-12);
        let kept: Vec<(bool, bool)> = standings.iter().map(|s| (s.2, s.3)).collect();
        assert_eq!(
            kept,
            [(true, true), (true, false), (false, false), (false, false)]
        );
    }

    #[test]
    fn ranks_know_no_units() {
        let found = points(&[
            [0.5, 0.5, 200.0, 200.0],
            [0.6, 0.6, 100.0, 100.0],
            [0.7, 0.7, 150.0, 150.0],
            [0.1, 0.1, 50.0, 150.0],
        ]);
        let standings = judged(&selection(Combine::Rank, 2), &found);
        // Of b in English two share ranks 2 and 3.
        let expected = [
            (2, 1.0_f64 + (3.0 + 2.5) / 2.0),
            (1, 2.0 + (2.0 + 1.0) / 2.0),
            (3, 4.0 + (1.0 + 2.5) / 2.0),
            (0, 3.0 + 4.0),
        ];
        let mut expected = expected.map(|(c, sum)| (c, sum / 2.0));
        expected.sort_by(|a, b| a.1.total_cmp(&b.1));
        for (own, (candidate, score)) in standings.iter().zip(expected) {
            assert_eq!(own.0, candidate);
            assert_eq!(own.1, Some(score));
        }
        assert_eq!(standings.iter().filter(|s| s.3).count(), 2);
    }

    #[test]
    fn what_failed_is_never_kept() {
        let mut found = points(&[[0.9; 4], [0.1, 0.1, 0.0, 0.0], [0.2, 0.2, 0.0, 0.0]]);
        found[0].value = None;
        let failed = BTreeMap::from([(3, "the merge failed".to_owned())]);
        let mut selection = selection(Combine::Mean, 3);
        let standings = selection.judge(&found, &failed, &|m| format!("m{m}"));
        let own: Vec<_> = standings.iter().map(|s| (s.candidate, s.kept)).collect();
        assert_eq!(own, [(2, true), (1, true), (0, false), (3, false)]);
        assert_eq!(standings[2].note, "a measure has no value");
        assert_eq!(standings[3].note, "the merge failed");
        selection.decided.push(standings);
        assert!(selection.finished());
        assert_eq!(selection.chosen(), ["c1", "c2"]);
        selection.decided[0].iter_mut().for_each(|s| s.kept = false);
        assert!(selection.finished() && selection.chosen().is_empty());
    }
}
