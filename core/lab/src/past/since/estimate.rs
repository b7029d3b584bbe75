//! What a stage may cost, judged by what a run's stages cost.

use crate::{
    past::{Past, StageRecord},
    plan::spec::{Node, What},
};

/// What a stage may cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Seconds on the clock.
    pub wall_seconds: f64,
    /// Seconds of processors. `None` where the run does not tell.
    pub cpu_seconds: Option<f64>,
    /// Stages of the run that it is the mean of.
    pub stages: usize,
}

/// The cost of the run's stage of the same name; else the mean of its stages of this kind, of the
/// same task and language where those evaluate.
pub(super) fn estimate(node: &Node, past: &Past) -> Option<Estimate> {
    let what = &node.spec.what;
    let like: [&dyn Fn(&StageRecord) -> bool; 3] = [
        &|old| old.name == node.name && old.what.kind() == what.kind(),
        &|old| old.what.kind() == what.kind() && cell(&old.what) == cell(what),
        &|old| old.what.kind() == what.kind(),
    ];
    like.iter().find_map(|like| {
        let found = past.stages.iter().filter(|old| like(old));
        let costs: Vec<_> = found.filter_map(|old| past.costs.get(&old.key)).collect();
        if costs.is_empty() {
            return None;
        }
        let n = costs.len() as f64;
        let cpu: Option<f64> = costs.iter().map(|c| c.cpu_seconds).sum();
        Some(Estimate {
            wall_seconds: costs.iter().map(|c| c.wall_seconds).sum::<f64>() / n,
            cpu_seconds: cpu.map(|cpu| cpu / n),
            stages: costs.len(),
        })
    })
}

/// Task and language of a stage that evaluates.
fn cell(what: &What) -> Option<(&str, &str)> {
    match what {
        What::Generate(what) => Some((&what.task.name, &what.rows.language)),
        What::Score(what) => Some((&what.task.name, &what.rows.language)),
        _ => None,
    }
}
