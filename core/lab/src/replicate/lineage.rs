//! The stages behind cells.

use super::ReplicateError;
use crate::{
    past::{Past, StageRecord},
    plan::spec::{Answerer, Served, What},
};
use std::collections::{BTreeMap, BTreeSet};

/// The stages behind cells, each after those that it needs.
#[derive(Debug, Clone)]
pub(super) struct Lineage<'a> {
    /// Stages that run again.
    pub(super) again: Vec<&'a StageRecord>,
    /// Trainings whose weights are taken as they are, and answers of servers that are not asked.
    pub(super) kept: Vec<&'a StageRecord>,
    /// Content keys of models that no stage made.
    pub(super) imported: BTreeSet<String>,
}

/// Follows cells back to what they were made from; through trainings where these run again too, and
/// to the answers of servers or, with `ask`, to the questions.
///
/// # Errors
/// A stage that the run does not list.
pub(super) fn of<'a>(
    run: &'a Past,
    cells: &[&str],
    trainings: bool,
    ask: bool,
) -> Result<Lineage<'a>, ReplicateError> {
    let known: BTreeMap<&str, &StageRecord> = run
        .stages
        .iter()
        .map(|stage| (stage.key.as_str(), stage))
        .collect();
    if let Some(cell) = cells.iter().find(|cell| !known.contains_key(**cell)) {
        return Err(ReplicateError::Row(format!(
            "{} lists no stage {cell}, which results.csv names: the files are of different runs",
            run.folder.join("stages.jsonl").display()
        )));
    }
    let (mut again, mut kept) = (BTreeSet::new(), BTreeSet::new());
    let mut imported = BTreeSet::new();
    let mut open: Vec<&str> = cells.to_vec();
    while let Some(key) = open.pop() {
        let Some(stage) = known.get(key) else {
            imported.insert(key.to_owned());
            continue;
        };
        let training = matches!(stage.what, What::Train(_) | What::Pretrain(_));
        let answers = served(&stage.what).is_some();
        if (training && !trainings) || (answers && !ask) {
            kept.insert(key);
        } else if again.insert(key) {
            open.extend(needs(&stage.what));
        }
    }
    let in_order = |keys: &BTreeSet<&str>| {
        let stages = run.stages.iter();
        stages
            .filter(|stage| keys.contains(stage.key.as_str()))
            .collect()
    };
    Ok(Lineage {
        again: in_order(&again),
        kept: in_order(&kept),
        imported,
    })
}

/// The served model that answers in a stage.
pub(super) fn served(what: &What) -> Option<&Served> {
    match what {
        What::Generate(what) => match &what.answerer {
            Answerer::Served(served) => Some(served),
            Answerer::Model { .. } | Answerer::Trivial { .. } => None,
        },
        _ => None,
    }
}

/// Content keys of the models and responses that a stage reads.
pub(super) fn needs(what: &What) -> Vec<&str> {
    match what {
        What::Pretrain(_) => Vec::new(),
        What::Train(what) => vec![&what.base],
        What::Merge(what) => {
            let experts = what.experts.iter().map(|expert| expert.key.as_str());
            experts.chain([what.base.as_str()]).collect()
        }
        What::Vectors(what) => {
            let experts = what.experts.iter().map(|expert| expert.key.as_str());
            experts.chain([what.base.as_str()]).collect()
        }
        What::Generate(what) => match &what.answerer {
            Answerer::Model { key, .. } => vec![key],
            Answerer::Trivial { .. } | Answerer::Served(_) => Vec::new(),
        },
        What::Score(what) => vec![&what.responses],
    }
}
