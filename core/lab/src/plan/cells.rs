//! Stages that evaluate: every model on every task in every language.

use super::{
    Builder, Plan, PlanError, PlannedCell, PlannedModel, Purpose, endpoints,
    selection::{PendingCell, PendingStage},
    spec::{Answerer, GenerateWhat, How, Node, ScoreWhat, SliceRef, StageSpec, What},
    tasks::PlannedTask,
};
use crate::{cell::Role, store::Store};

impl Builder<'_> {
    /// The evaluations of all models but the candidates of selections.
    pub(super) fn cells(&mut self) -> Result<Vec<PendingCell>, PlanError> {
        let mut cells = Vec::new();
        for (index, model) in self.models.iter().enumerate() {
            if !model.label.candidate {
                cells.extend(self.tested(index, model)?);
            }
        }
        Ok(cells)
    }

    /// One model on the tested split of every task and language that it is evaluated on.
    pub(super) fn tested(
        &self,
        index: usize,
        model: &PlannedModel,
    ) -> Result<Vec<PendingCell>, PlanError> {
        let mut cells = Vec::new();
        let left_out = |own: &Option<Vec<String>>, name: &String| {
            own.as_ref().is_some_and(|o| !o.contains(name))
        };
        for task in self.tasks {
            let trivial = model.label.role == Role::Trivial;
            if trivial && !task.trivial().contains(&model.label.name) {
                continue;
            }
            if left_out(&model.tasks, &task.entry.name) {
                continue;
            }
            self.check_endpoint(model, task)?;
            for language in &task.languages {
                if left_out(&model.languages, language) {
                    continue;
                }
                let Some(who) = self.answering(model, &task.entry.name, language) else {
                    continue;
                };
                let split = &task.entry.split.value;
                let rows =
                    task.slice(self.manifest, self.data, split, language, task.entry.rows)?;
                cells.push(self.cell(index, who, task, rows, Purpose::Test)?);
            }
        }
        Ok(cells)
    }

    /// One model on some rows, as the model with this index.
    pub(super) fn cell(
        &self,
        index: usize,
        model: &PlannedModel,
        task: &PlannedTask<'_>,
        rows: SliceRef,
        purpose: Purpose,
    ) -> Result<PendingCell, PlanError> {
        let mut how = How {
            batch_size: self.manifest.evaluation.batch_size,
            ..How::default()
        };
        task.place(&mut how, [rows.clone()]);
        let mut score_how = how.clone();
        let mut shots = None;
        let answerer = if model.label.role == Role::Trivial {
            Answerer::Trivial {
                name: model.label.name.clone(),
            }
        } else if let Some(endpoint) = self.endpoint(model) {
            how.asking = Some(endpoints::asking(endpoint));
            shots = task.shots(self.manifest, self.data, &rows)?;
            task.place(&mut how, shots.iter().map(|shots| shots.rows.clone()));
            Answerer::Served(Box::new(endpoints::served(endpoint, self.manifest)))
        } else {
            how.places
                .insert(model.label.key.clone(), model.folder.clone());
            shots = task.shots(self.manifest, self.data, &rows)?;
            task.place(&mut how, shots.iter().map(|shots| shots.rows.clone()));
            Answerer::Model {
                key: model.label.key.clone(),
                device: self.manifest.device.value.clone(),
                chat: self.manifest.evaluation.chat,
            }
        };
        let cell = PlannedCell {
            model: index,
            task: task.name().to_owned(),
            language: rows.language.clone(),
            split: rows.split.clone(),
            purpose,
            score: usize::MAX,
        };
        let mut name = format!("{} · {} · {}", model.label.name, cell.task, cell.language);
        if purpose != Purpose::Test {
            name.push_str(&format!(" · {}", rows.split));
            if let Some(limit) = rows.limit {
                name.push_str(&format!(" {limit}"));
            }
        }
        let span = task.entry.task.span.clone();
        let generate = What::Generate(GenerateWhat {
            answerer,
            task: task.reference.clone(),
            rows: rows.clone(),
            shots,
        });
        task.place_metrics(&mut score_how);
        let responses = generate.key();
        let place = self.store.artifact(generate.kind(), &responses);
        score_how.places.insert(responses.clone(), place);
        let score = What::Score(ScoreWhat {
            responses,
            task: task.reference.clone(),
            rows,
            metrics: task.metrics.clone(),
        });
        let stage = |kind: &str, what: What, how: How| PendingStage {
            name: format!("{kind} {name}"),
            spec: StageSpec { what, how },
            span: span.clone(),
        };
        Ok(PendingCell {
            cell,
            needs: model.node,
            generate: stage("generate", generate, how),
            score: stage("score", score, score_how),
        })
    }
}

impl Plan {
    /// Adds an evaluation, with its stages where no other one has them.
    pub(super) fn add(&mut self, pending: &PendingCell, store: &Store) {
        let needs = pending.needs.into_iter().collect();
        let generate = add_stage(&mut self.nodes, &pending.generate, needs, store);
        let score = add_stage(&mut self.nodes, &pending.score, vec![generate], store);
        self.cells.push(PlannedCell {
            score,
            ..pending.cell.clone()
        });
    }
}

fn add_stage(
    nodes: &mut Vec<Node>,
    pending: &PendingStage,
    needs: Vec<usize>,
    store: &Store,
) -> usize {
    let key = pending.spec.what.key();
    if let Some(same) = nodes.iter().position(|n| n.key == key) {
        return same;
    }
    nodes.push(Node {
        name: pending.name.clone(),
        spec: pending.spec.clone(),
        cached: store.has(pending.spec.what.kind(), &key),
        key,
        needs,
        span: pending.span.clone(),
    });
    nodes.len() - 1
}
