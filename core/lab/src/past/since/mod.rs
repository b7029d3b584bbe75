//! What a plan would do that a run has not done: which stages, why, and at what cost.

mod estimate;
mod show;
mod why;

pub use estimate::Estimate;
pub use show::show;
pub(super) use why::differences as value_differences;

use super::Past;
use crate::plan::Plan;
use std::collections::BTreeMap;

/// A stage that a run does not have, or that is no longer in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStage {
    /// Its place in the plan.
    pub node: usize,
    /// Whether another run has made its artifact already.
    pub cached: bool,
    /// Why it is new, each reason in words.
    pub reasons: Vec<String>,
    /// What it may cost, judged by the run. `None` where the run has nothing like it.
    pub estimate: Option<Estimate>,
}

/// The stages of a plan that are new since a run, in plan order.
pub fn since(plan: &Plan, past: &Past) -> Vec<NewStage> {
    let by_name: BTreeMap<&str, _> = past.stages.iter().map(|s| (s.name.as_str(), s)).collect();
    let known = |key: &str| past.stages.iter().any(|stage| stage.key == key);
    let mut new = Vec::new();
    for (place, node) in plan.nodes.iter().enumerate() {
        let same = known(&node.key);
        if same && node.cached {
            continue;
        }
        let reasons = match by_name.get(node.name.as_str()) {
            _ if same => vec!["as in the run, but its artifact is not in the store".to_owned()],
            None => vec!["the run has no such stage".to_owned()],
            Some(old) => why::reasons(&node.spec.what, &old.what),
        };
        new.push(NewStage {
            node: place,
            cached: node.cached,
            reasons,
            estimate: estimate::estimate(node, past),
        });
    }
    new
}
