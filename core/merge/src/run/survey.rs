//! Numbers about all tensors together, which a method asks for before it merges any.
//!
//! Sums add the sums of the tensors in the plan's order. The k-th largest magnitude is found
//! exactly, in few passes over all tensors, by a [`Tally`].

use super::recording::Recording;
use super::tensors::{Failure, Job};
use crate::error::MergeError;
use crate::plan::{Action, PlannedTensor};
use mergelab_abi::PluginError;
use mergelab_abi::method::{Survey, SurveyKind};
use mergelab_abi::ops::{Node, Op};
use mergelab_tensor::Tally;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Rounds of questions. One answer may lead to the next question, but not without end.
const MOST_ROUNDS: usize = 16;

impl Job<'_> {
    /// Asks the method what it must know and finds it out.
    pub(super) fn survey(&mut self) -> Result<(), MergeError> {
        let traits = self.plan.plugin.info.method.as_ref();
        if !traits.is_some_and(|traits| traits.surveys) {
            return Ok(());
        }
        for _ in 0..MOST_ROUNDS {
            let questions = self.questions()?;
            if questions.is_empty() {
                return Ok(());
            }
            let answers = self.answers(questions)?;
            self.statistics.extend(answers);
        }
        Err(MergeError::Plugin {
            method: self.plan.plugin.info.id.clone(),
            tensor: None,
            source: PluginError::failed(format!(
                "its survey asks for new numbers without end ({MOST_ROUNDS} rounds): it should ask \
                 for the same names each time"
            )),
        })
    }

    /// One pass over the tensors that are merged, and what each thread's share of it gives, in
    /// the plan's order.
    fn each<T: Send>(
        &self,
        visit: impl Fn(&Recording, &PlannedTensor, Vec<Survey>) -> Result<T, MergeError> + Sync,
    ) -> Result<Vec<T>, MergeError> {
        let results: Vec<Result<Option<T>, MergeError>> = self
            .plan
            .tensors()
            .par_iter()
            .map(|tensor| {
                let Action::Merge {
                    parameters,
                    working,
                } = tensor.action
                else {
                    return Ok(None);
                };
                self.interrupted()?;
                let recording = Recording::new(self, tensor, working);
                let asked = recording.call(self, tensor, parameters, |method, group, host| {
                    method.survey(group, host)
                })?;
                visit(&recording, tensor, asked).map(Some)
            })
            .collect();
        // The first error by name, whichever thread met one first.
        let all: Vec<Option<T>> = results.into_iter().collect::<Result<_, _>>()?;
        Ok(all.into_iter().flatten().collect())
    }

    /// What is asked for and not known, with the number of elements that it is about.
    fn questions(&self) -> Result<BTreeMap<String, Question>, MergeError> {
        let asked = self.each(|recording, tensor, asked| {
            let mut questions = Vec::new();
            for survey in asked {
                let shape = recording.session.handle().shape(survey.node);
                let shape = shape
                    .map_err(|error| recording.failed(self, tensor, Failure::Plugin(error)))?;
                let elements: usize = shape.iter().product();
                questions.push((survey.name, survey.kind, elements as u64));
            }
            Ok(questions)
        })?;
        let mut questions: BTreeMap<String, Question> = BTreeMap::new();
        for (name, kind, elements) in asked.into_iter().flatten() {
            if self.statistics.contains_key(&name) {
                continue;
            }
            let question = questions
                .entry(name)
                .or_insert(Question { kind, elements: 0 });
            question.elements += elements;
        }
        Ok(questions)
    }

    fn answers(
        &self,
        questions: BTreeMap<String, Question>,
    ) -> Result<BTreeMap<String, f64>, MergeError> {
        let mut answers = BTreeMap::new();
        let mut counting: BTreeMap<String, Tally> = BTreeMap::new();
        let ranks = questions.values().filter(|question| !question.is_sum());
        let memory = self.evaluation.memory / ranks.count().max(1) as u64;
        for (name, question) in &questions {
            if let SurveyKind::KthLargestMagnitude { share, more } = question.kind {
                let k = SurveyKind::rank(share, more, question.elements);
                match k {
                    // No elements at all: nothing is above zero.
                    0 => drop(answers.insert(name.clone(), 0.0)),
                    k => {
                        let tally = Tally::new(k, question.elements, memory);
                        counting.insert(name.clone(), tally);
                    }
                }
            }
        }
        let sums = questions
            .values()
            .any(|question| question.kind == SurveyKind::Sum);
        let mut first = sums;
        while first || !counting.is_empty() {
            let tallies = &counting;
            let found = self.each(|recording, tensor, asked| {
                let failed = |error| recording.failed(self, tensor, Failure::Engine(error));
                let mut sums: Vec<(String, Node)> = Vec::new();
                let mut ranked: Vec<(Node, &Tally)> = Vec::new();
                for survey in asked {
                    if let Some(tally) = tallies.get(&survey.name) {
                        ranked.push((survey.node, tally));
                    } else if first && questions.get(&survey.name).is_some_and(Question::is_sum) {
                        let host = recording.session.handle();
                        let sum = host
                            .record(Op::Sum, &[survey.node], &[], &[])
                            .map_err(|e| recording.failed(self, tensor, Failure::Plugin(e)))?;
                        sums.push((survey.name, sum));
                    }
                }
                recording.session.tally(&ranked).map_err(failed)?;
                let nodes: Vec<Node> = sums.iter().map(|s| s.1).collect();
                if nodes.len() > 1 {
                    // What depends on all of them makes one pass collect all.
                    let all = recording
                        .session
                        .handle()
                        .record(Op::AddN, &nodes, &[], &[])
                        .map_err(|e| recording.failed(self, tensor, Failure::Plugin(e)))?;
                    recording.session.number(all).map_err(failed)?;
                }
                let number = |(name, node)| Ok((name, recording.session.number(node)?));
                let sums: Result<Vec<(String, f64)>, _> = sums.into_iter().map(number).collect();
                sums.map_err(failed)
            })?;
            for (name, sum) in found.into_iter().flatten() {
                *answers.entry(name).or_insert(0.0) += sum;
            }
            first = false;
            counting.retain(|name, tally| match tally.end_pass() {
                None => true,
                Some(magnitude) => {
                    answers.insert(name.clone(), magnitude);
                    false
                }
            });
        }
        Ok(answers)
    }
}

struct Question {
    kind: SurveyKind,
    elements: u64,
}

impl Question {
    fn is_sum(&self) -> bool {
        self.kind == SurveyKind::Sum
    }
}
