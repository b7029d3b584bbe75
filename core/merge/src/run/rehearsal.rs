//! How long a merge will take, from merging a few of its tensors into nothing.

use super::recording::Recording;
use super::tensors::{Failure, Job};
use crate::error::MergeError;
use crate::plan::{Action, Plan, PlannedTensor};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A prediction of the time that a merge takes to read and compute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rehearsal {
    /// Seconds, were all tensors to take as long for each element as those that were tried.
    /// Writing the result and waiting for the disk come on top.
    pub seconds: f64,
    /// What was tried.
    pub tried: Vec<String>,
}

/// Shares of all elements, smaller tensors first, that mark the tensors to try.
const MARKS: [f64; 3] = [0.5, 0.25, 0.75];

impl Plan<'_> {
    /// Merges up to three typical tensors without writing them, for about `limit`, and predicts the
    /// time of the whole merge. `None` where nothing is merged, or where the method first asks
    /// about the whole model, which a few tensors do not answer.
    ///
    /// # Errors
    /// As [`run`](Plan::run), as far as those tensors go.
    pub fn rehearse(&self, limit: Duration) -> Result<Option<Rehearsal>, MergeError> {
        let job = Job {
            plan: self,
            evaluation: mergelab_tensor::Options::default(),
            memory: mergelab_tensor::Options::default().memory,
            statistics: BTreeMap::new(),
        };
        let mut merged: Vec<&PlannedTensor> = self
            .tensors()
            .iter()
            .filter(|t| matches!(t.action, Action::Merge { .. }))
            .collect();
        merged.sort_by_key(|t| t.elements());
        let total: usize = merged.iter().map(|t| t.elements()).sum();
        let mut tried: Vec<&PlannedTensor> = Vec::new();
        let (mut spent, mut elements) = (Duration::ZERO, 0);
        for mark in MARKS {
            let mut before = 0;
            let typical = merged.iter().find(|t| {
                before += t.elements();
                before as f64 >= mark * total as f64
            });
            let Some(&tensor) = typical else {
                return Ok(None);
            };
            if spent >= limit || tried.iter().any(|t| t.name == tensor.name) {
                continue;
            }
            let start = Instant::now();
            if !job.rehearse(tensor)? {
                return Ok(None);
            }
            spent += start.elapsed();
            elements += tensor.elements();
            tried.push(tensor);
        }
        Ok(Some(Rehearsal {
            seconds: spent.as_secs_f64() * total as f64 / elements.max(1) as f64,
            tried: tried.iter().map(|t| t.name.clone()).collect(),
        }))
    }
}

impl Job<'_> {
    /// Merges a tensor into nothing, unless the method first asks about all of them.
    fn rehearse(&self, tensor: &PlannedTensor) -> Result<bool, MergeError> {
        let Action::Merge {
            parameters,
            working,
        } = tensor.action
        else {
            return Ok(true);
        };
        let recording = Recording::new(self, tensor, working);
        let traits = self.plan.plugin.info.method.as_ref();
        if traits.is_some_and(|traits| traits.surveys) {
            let asked = recording.call(self, tensor, parameters, |method, group, host| {
                method.survey(group, host)
            })?;
            if !asked.is_empty() {
                return Ok(false);
            }
        }
        let node = recording.call(self, tensor, parameters, |method, group, host| {
            method.merge(group, host)
        })?;
        recording
            .session
            .evaluate(node, &|_: usize, _: &[f32]| Ok(()))
            .map_err(|error| recording.failed(self, tensor, Failure::Engine(error)))?;
        Ok(true)
    }
}
