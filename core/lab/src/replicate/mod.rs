//! Running what one row of `results.csv` rests on again, and saying whether the same comes out.
//!
//! | module | what it is |
//! |---|---|
//! | `row` | the row, and the cells that it is computed from |
//! | `lineage` | the stages behind those cells: which run again, which are taken as they are |
//! | `inputs` | whether plugins, data, base, kept weights and answers are still those of the run |
//! | `difference` | the first place where two artifacts differ |
//! | `again` | running the stages and comparing each with the run's |
//! | `served` | models that are served elsewhere: kept answers, or asking again |

mod again;
mod difference;
mod inputs;
mod lineage;
mod row;
mod served;

use crate::{
    compare::CompareError,
    executor::Executor,
    past::{Past, PastError},
    store::{Store, StoreError},
};
use mergelab_abi::registry::Registry;
use serde::Serialize;
use std::path::PathBuf;

pub use difference::Difference;
pub use inputs::Check;
pub use served::Answers;

/// What to replicate, and with what.
pub struct Request<'a> {
    /// The run.
    pub run: &'a Past,
    /// The row's name, from its column `row`.
    pub row: &'a str,
    /// Whether trainings run again too.
    pub trainings: bool,
    /// Whether servers are asked again; if not, the answers that the run kept are scored.
    pub ask: bool,
    /// The store with the run's artifacts; where the run says, if not given.
    pub artifacts: Option<PathBuf>,
    /// The plugins at hand.
    pub registry: &'a Registry,
    /// Where what is made anew goes. It must not have it yet.
    pub store: &'a Store,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replication {
    /// The row's name.
    pub row: String,
    /// What the row says, in words.
    pub about: String,
    /// What was checked before anything ran.
    pub checks: Vec<Check>,
    /// Stages whose artifacts were taken as they are.
    pub kept: Vec<String>,
    /// Stages that ran again.
    pub ran: Vec<String>,
    /// What was done about models that are served elsewhere, where the row rests on some.
    pub served: Option<Answers>,
    /// The first difference, in the order of the stages.
    pub difference: Option<Difference>,
    /// Whether everything is the same to the byte, inputs and outcome.
    pub identical: bool,
}

/// Why a row cannot be replicated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicateError {
    /// The run cannot be read.
    #[error(transparent)]
    Past(#[from] PastError),
    /// The row is not there, or its stages are not known.
    #[error("{0}")]
    Row(String),
    /// The store is not fit to replicate in.
    #[error("{0}")]
    Store(String),
    /// A store cannot be used.
    #[error(transparent)]
    Files(#[from] StoreError),
    /// A stage failed.
    #[error("{stage}: {message}")]
    Stage {
        /// The stage.
        stage: String,
        /// Why.
        message: String,
    },
    /// Values cannot be computed.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// Runs what a row rests on again, in a store of its own, and compares each stage's artifact with
/// the run's: by the hashes that the run recorded, and by value where they differ. `show` is told
/// which stage begins.
///
/// Nothing runs where the inputs are not the run's. Where a server that was asked again answers
/// otherwise, its answers are scored all the same.
///
/// # Errors
/// A row or a run that is not there, or a stage that fails.
pub fn replicate(
    request: &Request<'_>,
    executor: &dyn Executor,
    show: &dyn Fn(&str),
) -> Result<Replication, ReplicateError> {
    let row = row::find(request.run, request.row)?;
    let lineage = lineage::of(
        request.run,
        &row.cell_keys(),
        request.trainings,
        request.ask,
    )?;
    let places = inputs::places(request)?;
    let (checks, located) = inputs::check(request, &lineage, &places)?;
    let name = |stages: &[&crate::past::StageRecord]| {
        stages.iter().map(|stage| stage.name.clone()).collect()
    };
    let mut replication = Replication {
        row: request.row.to_owned(),
        about: row.about(),
        kept: name(&lineage.kept),
        ran: Vec::new(),
        served: Answers::of(
            &[&lineage.kept[..], &lineage.again[..]].concat(),
            request.ask,
        ),
        difference: None,
        identical: false,
        checks,
    };
    if replication
        .checks
        .iter()
        .any(|check| !check.same && check.matters)
    {
        return Ok(replication);
    }
    let work = again::Work {
        request,
        executor,
        places: &places,
        located,
    };
    for stage in &lineage.again {
        show(&stage.name);
        work.run(stage)?;
        replication.ran.push(stage.name.clone());
        if let Some(answers) = replication.served.as_mut()
            && lineage::served(&stage.what).is_some()
        {
            let found = work.answers(stage, answers);
            replication.difference = replication.difference.or(found);
            continue;
        }
        // What follows from other answers is other.
        if replication.difference.is_none() {
            replication.difference = work.compare(stage, &row)?;
            if replication.difference.is_some() {
                return Ok(replication);
            }
        }
    }
    let anew = work.anew(&row)?;
    if let Some(answers) = replication.served.as_mut().filter(|answers| answers.asked) {
        let value = anew.as_ref().and_then(|value| value.value);
        answers.values = Some([row.fields["value"].clone(), again::number(value)]);
    }
    if replication.difference.is_none() {
        replication.difference = again::difference(anew.as_ref(), &row);
    }
    replication.identical =
        replication.difference.is_none() && replication.checks.iter().all(|check| check.same);
    Ok(replication)
}
