//! Average ranks over tasks and languages.

use super::{Figure, Grid, Section};
use mergelab_stats::{critical_difference, friedman, nemenyi};

use crate::{
    plot::{
        number::{fixed, p_value},
        ranks::Ranks,
    },
    run::{ALL, OWN_EXPERT, Run},
};

/// Most models in the diagram; more cannot be read.
const MOST: usize = 30;

/// Blocks that a test of ranks needs to say much.
const ENOUGH: usize = 10;

pub(super) fn section(run: &Run) -> Section {
    let found = table(run).and_then(|found| figure(&found));
    let (figures, missing) = match found {
        Some(found) => (vec![found], None),
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

/// Level of the test and of the groups.
const ALPHA: f64 = 0.05;

/// Values of models in blocks.
struct Table {
    models: Vec<String>,
    blocks: Vec<String>,
    /// A row for each block, larger is better.
    values: Vec<f64>,
}

/// Merges and what they are compared with, in the pairs of task and language that all of them have.
fn table(run: &Run) -> Option<Table> {
    let models: Vec<&str> = run
        .shown()
        .filter(|m| !m.is("expert") && !m.is(OWN_EXPERT) && !m.is("trivial"))
        .map(|m| m.name.as_str())
        .filter(|name| run.scores.iter().any(|s| s.model == *name))
        .collect();
    let mut blocks = Vec::new();
    let mut all = Vec::new();
    for task in run.tasks() {
        for language in run.languages(task).into_iter().filter(|l| *l != ALL) {
            let sign = |s: &crate::run::Score| if s.higher_is_better { 1.0 } else { -1.0 };
            let values: Option<Vec<f64>> = models
                .iter()
                .map(|model| {
                    let score = run.score(model, task, language)?;
                    Some(sign(score) * score.value?)
                })
                .collect();
            let Some(values) = values else { continue };
            blocks.push(format!("{task}, {language}"));
            all.extend(values);
        }
    }
    (models.len() >= 3 && blocks.len() >= 2).then(|| Table {
        models: models.into_iter().map(str::to_owned).collect(),
        blocks,
        values: all,
    })
}

fn figure(table: &Table) -> Option<Figure> {
    let k = table.models.len();
    let test = friedman(&table.values, k).ok()?;
    // The sort is stable: models of one rank stay in the order of the manifest.
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|a, b| test.average_ranks[*a].total_cmp(&test.average_ranks[*b]));
    let mut models: Vec<(String, f64)> = order
        .iter()
        .map(|i| (table.models[*i].clone(), test.average_ranks[*i]))
        .collect();
    let found = test.p_value <= ALPHA;
    let cliques = nemenyi(&test)
        .cliques(&test.average_ranks, ALPHA)
        .unwrap_or_default();
    let place = |system: &usize| order.iter().position(|o| o == system);
    let groups: Vec<(usize, usize)> = cliques
        .iter()
        .filter_map(|group| Some((place(group.first()?)?, place(group.last()?)?)))
        .collect();
    let difference = critical_difference(k, test.blocks, ALPHA).ok();
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
    notes.push(format!(
        "Friedman's test with Iman and Davenport's F finds {} (p {}). {}",
        match found {
            true => "that the models do not all rank alike",
            false => "no difference among the models' ranks",
        },
        p_value(test.p_value),
        match found {
            true =>
                "A bar joins models that Nemenyi's test does not tell apart at 0.05: their mean ranks \
                 differ by less than the critical difference, CD. It does not say that they are alike.",
            false => "Bars are drawn nevertheless; no pair should be read as different.",
        }
    ));
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
    Some(Figure {
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
            groups: groups
                .into_iter()
                .filter(|(first, _)| *first + 1 < MOST)
                .map(|(first, last)| (first, last.min(MOST - 1)))
                .collect(),
            difference: difference.map(|d| (d, "CD".to_owned())),
            below: String::new(),
        }
        .draw(),
    })
}
