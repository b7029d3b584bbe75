//! Running the stages again, and comparing each with the run's.

use super::{
    ReplicateError, Request,
    difference::{Difference, first},
    lineage::needs,
    row::Row,
    served::{self, Answers},
};
use crate::{
    cell::Cell,
    compare::{RegistryMetrics, Value, values},
    content::Content,
    executor::{Executor, StageEnd},
    past::{PastError, Places, StageRecord, prediction_file},
    plan::spec::{How, StageSpec, What},
    stage::{CELL, PREDICTIONS, RESPONSES},
    tables::row_id,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Examples in a batch; results do not depend on it.
const BATCH_SIZE: usize = 16;

pub(super) struct Work<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) executor: &'a dyn Executor,
    pub(super) places: &'a Places,
    /// Where inputs lie that were found to be the run's.
    pub(super) located: BTreeMap<String, PathBuf>,
}

impl Work<'_> {
    /// Runs a stage.
    ///
    /// # Errors
    /// It fails.
    pub(super) fn run(&self, stage: &StageRecord) -> Result<(), ReplicateError> {
        let mut how = How {
            batch_size: BATCH_SIZE,
            places: self.located.clone(),
            asking: served::how(self.request.run, stage)?,
        };
        for key in needs(&stage.what) {
            if let Some(made) = self.made(key) {
                how.places.insert(key.to_owned(), made);
            }
        }
        let spec = StageSpec {
            what: stage.what.clone(),
            how,
        };
        match self.executor.run(&spec, 1, &|_| {}) {
            StageEnd::Done => Ok(()),
            StageEnd::Interrupted => Err(ReplicateError::Interrupted),
            StageEnd::Failed(message) => Err(ReplicateError::Stage {
                stage: stage.name.clone(),
                message,
            }),
        }
    }

    /// Where a stage that ran again left what others read.
    fn made(&self, key: &str) -> Option<PathBuf> {
        let stages = &self.request.run.stages;
        let stage = stages.iter().find(|stage| stage.key == key)?;
        let kind = stage.what.kind();
        if !self.request.store.has(kind, key) {
            return None;
        }
        let folder = self.request.store.artifact(kind, key);
        Some(match &stage.what {
            What::Pretrain(_) | What::Train(_) | What::Merge(_) => folder.join("model"),
            What::Vectors(_) | What::Generate(_) | What::Score(_) => folder,
        })
    }

    /// The first difference of a stage's artifact from the run's.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn compare(
        &self,
        stage: &StageRecord,
        row: &Row,
    ) -> Result<Option<Difference>, ReplicateError> {
        let kind = stage.what.kind();
        let anew = self.request.store.artifact(kind, &stage.key);
        let kept = self.places.store.join(kind).join(&stage.key);
        let fresh = content(&anew)?;
        let stored = Content::of(&kept).unwrap_or_default();
        let recorded = stage.content.clone().unwrap_or_default();
        let names: BTreeSet<&String> = [&fresh, &stored, &recorded]
            .iter()
            .flat_map(|content| content.0.keys())
            .collect();
        for name in names {
            let [fresh, stored, recorded] =
                [&fresh, &stored, &recorded].map(|content| content.0.get(name));
            let note = match (recorded, stored) {
                (Some(recorded), _) if Some(recorded) != fresh => "",
                (Some(_), Some(stored)) if Some(stored) != fresh => {
                    "what was made anew is what the run recorded: the file in the store was changed \
                     after the run"
                }
                (None, Some(stored)) if Some(stored) != fresh => "",
                _ => continue,
            };
            let found = first(&kept.join(name), &anew.join(name));
            let hash = |hash: Option<&String>| match hash {
                Some(hash) => format!("BLAKE3 {hash}"),
                None => "not there".to_owned(),
            };
            let [place, run, anew] = found.unwrap_or_else(|| {
                let run = hash(recorded.or(stored));
                ["the whole file".to_owned(), run, hash(fresh)]
            });
            return Ok(Some(Difference {
                stage: stage.name.clone(),
                file: name.clone(),
                place,
                run,
                anew,
                note: note.to_owned(),
            }));
        }
        Ok(self.predictions(stage, row, &anew))
    }

    /// Compares what a server answered with the answers that the run kept, and counts them.
    pub(super) fn answers(&self, stage: &StageRecord, answers: &mut Answers) -> Option<Difference> {
        let kind = stage.what.kind();
        let kept = self.places.store.join(kind).join(&stage.key);
        let anew = self.request.store.artifact(kind, &stage.key);
        let (count, differing, found) = served::compare(&kept, &anew);
        answers.answers += count;
        answers.differing += differing;
        let [place, run, anew] = found?;
        Some(Difference {
            stage: stage.name.clone(),
            file: RESPONSES.to_owned(),
            place,
            run,
            anew,
            note: "the server answered otherwise: what is served is not known by content"
                .to_owned(),
        })
    }

    /// The first difference of a cell's predictions from those in the run's folder.
    fn predictions(&self, stage: &StageRecord, row: &Row, anew: &Path) -> Option<Difference> {
        let What::Score(what) = &stage.what else {
            return None;
        };
        let cell = row
            .cells
            .iter()
            .find(|cell| cell["cell_key"] == stage.key)?;
        let (task, language) = (&what.task.name, &what.rows.language);
        let folder = self.request.run.folder.join("predictions");
        let tested = prediction_file(&cell["model"], task, language);
        let chosen_on = tested.replace(".jsonl", &format!(".{}.jsonl", what.rows.split));
        // One that served to choose has the split in its name.
        let name = [chosen_on, tested]
            .into_iter()
            .find(|name| folder.join(name).is_file())?;
        let [place, run, anew] = first(&folder.join(&name), &anew.join(PREDICTIONS))?;
        Some(Difference {
            stage: stage.name.clone(),
            file: format!("predictions/{name}"),
            place,
            run,
            anew,
            note: "the store's own file is the same as the one made anew: the copy in the run's \
                   folder was changed"
                .to_owned(),
        })
    }

    /// The row's value, computed from what was made anew.
    ///
    /// # Errors
    /// Values cannot be computed.
    pub(super) fn anew(&self, row: &Row) -> Result<Option<Value>, ReplicateError> {
        let mut cells = Vec::new();
        for own in &row.cells {
            let folder = self.request.store.artifact("score", &own["cell_key"]);
            let path = folder.join(CELL);
            let read = |message: String| PastError::Unreadable {
                path: path.clone(),
                message,
            };
            let text = fs::read(&path).map_err(|e| read(e.to_string()))?;
            let mut cell: Cell = serde_json::from_slice(&text).map_err(|e| read(e.to_string()))?;
            cell.model.clone_from(&own["model"]);
            cell.split.clone_from(&own["split"]);
            cells.push(cell);
        }
        let record = &self.request.run.record;
        let source = RegistryMetrics(self.request.registry);
        let found = values(&cells, &record.models, &source, &record.statistics)?;
        Ok(found
            .into_iter()
            // Earlier builds wrote the name without its letter.
            .find(|value| row_id(value).ends_with(&row.fields["row"])))
    }
}

/// A number as tables have it.
pub(super) fn number(number: Option<f64>) -> String {
    number.map_or(String::new(), |n| format!("{n:?}"))
}

/// The first difference of the row from the value computed anew.
pub(super) fn difference(value: Option<&Value>, row: &Row) -> Option<Difference> {
    let columns = [
        ("n", value.map(|v| v.n.to_string())),
        ("value", value.map(|v| number(v.value))),
        ("ci_low", value.map(|v| number(v.ci_low))),
        ("ci_high", value.map(|v| number(v.ci_high))),
    ];
    for (column, anew) in columns {
        let anew = anew.unwrap_or_else(|| "no such row".to_owned());
        if anew != row.fields[column] {
            return Some(Difference {
                stage: "the table".to_owned(),
                file: "results.csv".to_owned(),
                place: format!("row {}, column {column}", row.fields["row"]),
                run: row.fields[column].clone(),
                anew,
                note: String::new(),
            });
        }
    }
    None
}

fn content(folder: &Path) -> Result<Content, ReplicateError> {
    Content::of(folder).map_err(|source| {
        ReplicateError::Files(crate::store::StoreError {
            path: folder.to_owned(),
            source,
        })
    })
}
