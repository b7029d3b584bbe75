//! Inputs of a stage: found by content, refused when the content is another one.

use super::{Context, StageError};
use crate::{
    cell::PluginStamp,
    dataset::{Card, Example, SplitRows},
    plan::spec::{SliceRef, TaskRef},
};
use mergelab_abi::{
    Kind, PluginError,
    loader::PluginLibrary,
    task::{Prepared, Row, Task, TaskSetup},
};
use std::path::{Path, PathBuf};

impl Context<'_> {
    /// Where the input with this content key lies.
    pub(super) fn place(&self, key: &str) -> Result<&Path, StageError> {
        self.spec
            .how
            .places
            .get(key)
            .map(PathBuf::as_path)
            .ok_or_else(|| StageError::Input(format!("the stage names no place for input {key}")))
    }

    /// A plugin's library, which must still be the one that the plan saw.
    pub(super) fn library(&self, stamp: &PluginStamp) -> Result<PluginLibrary, StageError> {
        let path = self.place(&stamp.hash)?;
        let library = PluginLibrary::open(path)
            .map_err(|e| StageError::Input(format!("{} {e}", path.display())))?;
        if library.hash() == stamp.hash {
            Ok(library)
        } else {
            Err(StageError::Input(format!(
                "{} changed after the plan was made: run again to use the new plugin",
                path.display()
            )))
        }
    }

    /// Rows, which must still be the ones that the plan saw.
    pub(super) fn rows(&self, slice: &SliceRef) -> Result<Vec<Example>, StageError> {
        let card =
            Card::read(self.place(&slice.hash)?).map_err(|e| StageError::Card(Box::new(e)))?;
        let found = SplitRows::read(&card, &slice.split)?.slice(&slice.language, slice.limit)?;
        if found.hash == slice.hash {
            Ok(found.examples)
        } else {
            Err(StageError::Input(format!(
                "the {} rows of {} ({}) changed after the plan was made: run again to use them",
                slice.language, slice.dataset, slice.split
            )))
        }
    }

    /// A task for one language.
    pub(super) fn task(&self, task: &TaskRef, language: &str) -> Result<Box<dyn Task>, StageError> {
        self.library(&task.plugin)?
            .open_task(
                &task.plugin.id,
                &TaskSetup {
                    params: task.params.clone(),
                    language: language.to_owned(),
                    labels: task.labels.clone(),
                },
            )
            .map_err(|e| failed(Kind::Task, &task.plugin.id, e))
    }

    /// Rows made ready by a task.
    pub(super) fn prepared(
        &self,
        task: &TaskRef,
        slice: &SliceRef,
    ) -> Result<(Vec<Example>, Vec<Prepared>), StageError> {
        let examples = self.rows(slice)?;
        let rows: Vec<Row> = examples.iter().map(|e| e.row.clone()).collect();
        let prepared = self
            .task(task, &slice.language)?
            .prepare(&rows)
            .map_err(|e| failed(Kind::Task, &task.plugin.id, e))?;
        Ok((examples, prepared))
    }
}

/// An error of a plugin, with its name.
pub(super) fn failed(kind: Kind, id: &str, error: PluginError) -> StageError {
    StageError::Plugin {
        what: format!("{kind} `{id}`"),
        error,
    }
}
