//! `selection.csv`.

use super::field::Field;
use super::schema::{SELECTION, VERSION, header};
use super::write::{Row, Table};
use crate::plan::{Selection, Standing};

/// The table of what was chosen: in the order of the manifest, then by round and rank.
pub fn selection(experiment: &str, selections: &[Selection]) -> Table {
    let mut rows = Vec::new();
    for selection in selections {
        for (round, standings) in selection.decided.iter().enumerate() {
            for standing in standings {
                rows.push(row(experiment, selection, round, standing));
            }
        }
    }
    Table::new(header(SELECTION, &[]), rows)
}

fn row(experiment: &str, selection: &Selection, round: usize, standing: &Standing) -> Row {
    let criteria: Vec<String> = selection
        .criteria
        .iter()
        .map(|c| format!("{}/{}", c.task, c.measure))
        .collect();
    let rows = selection.rounds[round].rows;
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("selection", Field::text(&selection.name)),
        ("split", Field::text(&selection.split)),
        ("round", Field::count(round + 1)),
        ("rows", Field::maybe(rows, Field::count)),
        (
            "candidate",
            Field::text(&selection.candidates[standing.candidate].name),
        ),
        ("criteria", Field::names(&criteria)),
        ("combine", Field::plain(selection.combine.name())),
        ("score", Field::maybe(standing.score, Field::Float)),
        ("rank", Field::count(standing.rank)),
        ("tied", Field::Boolean(standing.tied)),
        ("kept", Field::Boolean(standing.kept)),
        ("note", Field::text(&standing.note)),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}

/// What came of a selection, in a sentence.
pub fn outcome(selection: &Selection) -> String {
    let all = selection.candidates.len();
    let (name, split) = (&selection.name, &selection.split);
    match &selection.chosen()[..] {
        [] if selection.finished() => {
            format!("{name}: none of {all} candidates has a score on {split}.")
        }
        [] => format!("{name}: not chosen yet from {all} candidates on {split}."),
        chosen => format!(
            "{name}: chose {} from {all} candidates on {split}.",
            chosen.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Combine, Round};
    use crate::plan::{Candidate, Criterion};

    fn selection() -> Selection {
        let candidate = |name: &str| Candidate {
            name: name.into(),
            models: Vec::new(),
            rounds: Vec::new(),
            test: Vec::new(),
        };
        Selection {
            name: "ties".into(),
            split: "validation".into(),
            combine: Combine::Mean,
            criteria: vec![Criterion {
                task: "topics".into(),
                languages: vec!["de".into()],
                metric: "label".into(),
                metric_parameters: "{}".into(),
                measure: "accuracy".into(),
                higher_is_better: true,
            }],
            candidates: vec![candidate("a"), candidate("b")],
            rounds: vec![Round {
                rows: Some(50),
                keep: 1,
            }],
            decided: Vec::new(),
        }
    }

    fn standing(candidate: usize, rank: usize, score: Option<f64>) -> Standing {
        Standing {
            candidate,
            score,
            rank,
            tied: false,
            kept: rank == 1 && score.is_some(),
            note: String::new(),
        }
    }

    #[test]
    fn every_standing_has_its_row() {
        let mut own = selection();
        own.decided = vec![vec![standing(1, 1, Some(0.5)), standing(0, 2, None)]];
        let table = selection_table(&own);
        let field = |row: usize, name: &str| {
            let column = table.header.iter().position(|h| h == name).unwrap();
            table.rows[row][column].as_str()
        };
        assert_eq!([field(0, "candidate"), field(1, "candidate")], ["b", "a"]);
        assert_eq!([field(0, "score"), field(1, "score")], ["0.5", ""]);
        assert_eq!([field(0, "kept"), field(1, "kept")], ["true", "false"]);
        assert_eq!([field(0, "round"), field(0, "rows")], ["1", "50"]);
        assert_eq!(field(0, "criteria"), "topics/accuracy");
        let written = row("x", &own, 0, &own.decided[0][0]);
        let names: Vec<_> = written.into_iter().map(|(n, _)| n).collect();
        assert_eq!(names, table.header);
    }

    fn selection_table(own: &Selection) -> Table {
        super::selection("x", std::slice::from_ref(own))
    }

    #[test]
    fn the_sentence_says_how_far_it_is() {
        let mut own = selection();
        assert_eq!(
            outcome(&own),
            "ties: not chosen yet from 2 candidates on validation."
        );
        own.decided = vec![vec![standing(1, 1, Some(0.5)), standing(0, 2, None)]];
        assert_eq!(
            outcome(&own),
            "ties: chose b from 2 candidates on validation."
        );
        own.decided = vec![vec![standing(1, 1, None), standing(0, 2, None)]];
        assert_eq!(
            outcome(&own),
            "ties: none of 2 candidates has a score on validation."
        );
    }
}
