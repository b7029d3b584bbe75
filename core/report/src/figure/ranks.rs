//! Average ranks over tasks and languages, as `rankings.csv` has them.

use super::{Figure, Grid, Section};
use crate::{
    plot::{
        number::{fixed, p_value},
        ranks::Ranks,
    },
    run::{Ranking, Run},
};

/// Most models in the diagram; more cannot be read.
const MOST: usize = 30;

pub(super) fn section(run: &Run) -> Section {
    let figure = run.ranking.as_ref().and_then(figure);
    let missing = figure.is_none().then(|| missing(run));
    Section {
        id: "ranks",
        title: "Ranks over tasks and languages",
        intro: vec![],
        figures: figure.into_iter().collect(),
        more: vec![],
        missing,
    }
}

/// Why there is no figure.
fn missing(run: &Run) -> String {
    if run.absent.contains(&"rankings.csv") {
        return "No ranks: the run has no rankings.csv, which earlier versions of mergelab did not \
                write. Run the experiment again to have it: what is in the store is not computed anew."
            .to_owned();
    }
    match run.ranking.as_ref().map(|ranking| ranking.note.as_str()) {
        None | Some("") => "No ranks: rankings.csv ranks no models.".to_owned(),
        Some(note) => format!("No ranks: {note}."),
    }
}

/// The diagram. Ranks and groups are those of the table.
fn figure(ranking: &Ranking) -> Option<Figure> {
    let all = &ranking.models;
    let p = ranking.p_value.filter(|_| all.len() > 1)?;
    let found = p <= ranking.alpha;
    let group = |number: &u64| -> Option<(usize, usize)> {
        let own = |place: &usize| all[*place].groups.contains(number);
        let first = (0..all.len()).find(own)?;
        let last = (0..all.len()).rfind(own)?;
        Some((first, last))
    };
    let mut numbers: Vec<u64> = all.iter().flat_map(|m| m.groups.iter().copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let groups: Vec<(usize, usize)> = numbers
        .iter()
        .filter_map(group)
        .filter(|(first, last)| first < last)
        .collect();
    let rows = all.iter().map(|model| {
        let groups: Vec<String> = model.groups.iter().map(u64::to_string).collect();
        vec![model.model.clone(), fixed(model.rank, 2), groups.join(", ")]
    });
    let rows = rows.collect();
    let mut notes = vec![format!(
        "Models are ranked in each of {} pairs of task and language; shown are their mean ranks, from \
         rankings.csv. Ranks tell nothing of how large differences are, and a model's rank depends on \
         which others are there.",
        ranking.blocks
    )];
    if !ranking.note.is_empty() {
        notes.push(format!("Note of the table: {}.", ranking.note));
    }
    let alpha = ranking.alpha;
    notes.push(format!(
        "Friedman's test with Iman and Davenport's F finds {} (p {}). {}",
        match found {
            true => "that the models do not all rank alike",
            false => "no difference among the models' ranks",
        },
        p_value(p),
        match found {
            true => format!(
                "A bar joins models of which no two differ by Wilcoxon's test, corrected by Holm, at \
                 {alpha}. It does not say that they are alike. CD is Nemenyi's critical difference, the \
                 older rule: mean ranks farther apart than it differ."
            ),
            false => "Bars are drawn nevertheless; no pair should be read as different.".to_owned(),
        }
    ));
    notes.push(
        "Languages of one task are no independent samples of tasks, so take the test as a description."
            .to_owned(),
    );
    let left_out = all.len().saturating_sub(MOST);
    if left_out > 0 {
        notes.push(format!(
            "The diagram shows the best {MOST} of {} models; the table has all.",
            all.len()
        ));
    }
    let title = "Mean ranks".to_owned();
    let shown = all.iter().take(MOST);
    Some(Figure {
        name: "ranks".to_owned(),
        heading: title.clone(),
        notes,
        table: Grid {
            header: ["model", "mean rank", "groups"].map(str::to_owned).to_vec(),
            rows,
        },
        drawing: Ranks {
            title,
            description: format!(
                "{} models on an axis of ranks, the best on the left.",
                all.len().min(MOST)
            ),
            models: shown.map(|m| (m.model.clone(), m.rank)).collect(),
            groups: groups
                .into_iter()
                .filter(|(first, _)| *first + 1 < MOST)
                .map(|(first, last)| (first, last.min(MOST - 1)))
                .collect(),
            difference: ranking.critical_difference.map(|d| (d, "CD".to_owned())),
            below: String::new(),
        }
        .draw(),
    })
}
