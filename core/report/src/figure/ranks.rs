//! Average ranks over tasks and languages.

use super::{Figure, Grid, Section};
use crate::{
    plot::{number::fixed, ranks::Ranks},
    run::{ALL, Run},
};

/// Most models in the diagram; more cannot be read.
const MOST: usize = 30;

/// Blocks that a test of ranks needs to say much.
const ENOUGH: usize = 10;

pub(super) fn section(run: &Run) -> Section {
    let found = table(run);
    let (figures, missing) = match &found {
        Some(found) => (vec![figure(found)], None),
        None => (
            vec![],
            Some(
                "No ranks: they need three models (merges, base, combined) and two pairs of task and \
                 language that all of them were evaluated on."
                    .to_owned(),
            ),
        ),
    };
    Section {
        id: "ranks",
        title: "Ranks over tasks and languages",
        intro: vec![],
        figures,
        more: vec![],
        missing,
    }
}

/// Ranks of models in blocks.
struct Table {
    models: Vec<String>,
    blocks: Vec<String>,
    /// Rank of each model in each block, 1 the best, means of ranks where values are the same.
    ranks: Vec<Vec<f64>>,
}

/// Merges and what they are compared with, in the pairs of task and language that all of them have.
fn table(run: &Run) -> Option<Table> {
    let models: Vec<&str> = run
        .shown()
        .filter(|m| !m.is("expert") && !m.is("trivial"))
        .map(|m| m.name.as_str())
        .filter(|name| run.scores.iter().any(|s| s.model == *name))
        .collect();
    let mut blocks = Vec::new();
    let mut ranks = vec![Vec::new(); models.len()];
    for task in run.tasks() {
        for language in run.languages(task).into_iter().filter(|l| *l != ALL) {
            let sign = |s: &crate::run::Score| if s.higher_is_better { -1.0 } else { 1.0 };
            let values: Option<Vec<f64>> = models
                .iter()
                .map(|model| {
                    let score = run.score(model, task, language)?;
                    Some(sign(score) * score.value?)
                })
                .collect();
            let Some(values) = values else { continue };
            blocks.push(format!("{task}, {language}"));
            for (own, value) in values.iter().enumerate() {
                let before = values.iter().filter(|v| *v < value).count();
                let same = values.iter().filter(|v| *v == value).count();
                ranks[own].push(before as f64 + (same as f64 + 1.0) / 2.0);
            }
        }
    }
    (models.len() >= 3 && blocks.len() >= 2).then(|| Table {
        models: models.into_iter().map(str::to_owned).collect(),
        blocks,
        ranks,
    })
}

fn figure(table: &Table) -> Figure {
    let mean = |ranks: &Vec<f64>| ranks.iter().sum::<f64>() / ranks.len() as f64;
    let mut models: Vec<(String, f64)> = table
        .models
        .iter()
        .zip(&table.ranks)
        .map(|(name, ranks)| (name.clone(), mean(ranks)))
        .collect();
    // The sort is stable: models of one rank stay in the order of the manifest.
    models.sort_by(|a, b| a.1.total_cmp(&b.1));
    let rows = models
        .iter()
        .map(|(name, rank)| vec![name.clone(), fixed(*rank, 2)]);
    let rows = rows.collect();
    let n = table.blocks.len();
    let mut notes = vec![format!(
        "Models are ranked in each of {n} pairs of task and language; shown are their mean ranks. Ranks \
         tell nothing of how large differences are, and a model's rank depends on which others are \
         there."
    )];
    if n < ENOUGH {
        notes.push(format!(
            "{n} blocks are few: with fewer than {ENOUGH} a test of ranks finds large differences alone."
        ));
    }
    notes.push(
        "Languages of one task are no independent samples of tasks, so take the test as a description."
            .to_owned(),
    );
    let left_out = models.len().saturating_sub(MOST);
    if left_out > 0 {
        notes.push(format!(
            "The diagram shows the best {MOST} of {} models; the table has all.",
            models.len()
        ));
        models.truncate(MOST);
    }
    let title = "Mean ranks".to_owned();
    Figure {
        name: "ranks".to_owned(),
        heading: title.clone(),
        notes,
        table: Grid {
            header: ["model", "mean rank"].map(str::to_owned).to_vec(),
            rows,
        },
        drawing: Ranks {
            title,
            description: format!(
                "{} models on an axis of ranks, the best on the left.",
                models.len()
            ),
            models,
            groups: vec![],
            difference: None,
            below: String::new(),
        }
        .draw(),
    }
}
