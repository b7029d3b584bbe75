//! Executors: how stages are started.

mod local;
mod schedule;

pub use local::Local;
pub use schedule::{Event, Failure, Outcome, execute};

use crate::{plan::spec::StageSpec, stage::StageProgress};

/// How a started stage ended, where it did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageEnd {
    /// Its artifact is in the store.
    Done,
    /// It failed, with this message.
    Failed(String),
    /// Ctrl-C.
    Interrupted,
}

/// Starts stages. Executors differ in where: this machine, later a cluster.
pub trait Executor: Sync {
    /// Runs one stage to its end, reporting how far it is. `beside` is the number of stages that
    /// can run at the same time now, this one included: a stage that is alone has the machine.
    fn run(
        &self,
        spec: &StageSpec,
        beside: usize,
        progress: &(dyn Fn(StageProgress) + Sync),
    ) -> StageEnd;

    /// Stages that may run at the same time.
    fn jobs(&self) -> usize;
}
