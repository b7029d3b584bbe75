//! `rankings.csv` and `confidence_sets.csv`.

use super::field::Field;
use super::schema::{CONFIDENCE_SETS, RANKINGS, VERSION, header};
use super::write::{Row, Table};
use crate::compare::{Membership, RankedModel, Ranking};

/// The table of all rankings, in the order given.
pub fn rankings(experiment: &str, rankings: &[Ranking]) -> Table {
    let rows = rankings.iter().flat_map(|ranking| {
        let models = ranking.models.iter();
        models.map(|model| ranked(experiment, ranking, model))
    });
    Table::new(header(RANKINGS, &[]), rows.collect())
}

/// The table of all model confidence sets, in the order given.
pub fn confidence_sets(experiment: &str, memberships: &[Membership]) -> Table {
    let rows = memberships.iter().map(|row| member(experiment, row));
    Table::new(header(CONFIDENCE_SETS, &[]), rows.collect())
}

fn float(number: Option<f64>) -> Field {
    Field::maybe(number, Field::Float)
}

fn ranked(experiment: &str, ranking: &Ranking, model: &RankedModel) -> Row {
    let numbers = |cliques: &[usize]| {
        let names: Vec<String> = cliques.iter().map(usize::to_string).collect();
        Field::names(&names)
    };
    let complete = ranking.models.iter().filter(|m| m.missing == 0).count();
    let mut notes = Vec::new();
    if model.missing > 0 {
        notes.push(format!(
            "no value in {} of {} blocks",
            model.missing, ranking.blocks
        ));
    }
    if !ranking.note.is_empty() {
        notes.push(ranking.note.clone());
    }
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("task", Field::text(&ranking.task)),
        ("measures", Field::names(&ranking.measures)),
        ("blocks", Field::count(ranking.blocks)),
        ("models", Field::count(complete)),
        ("model", Field::text(&model.model)),
        ("average_rank", float(model.average_rank)),
        ("friedman_chi_squared", float(ranking.chi_squared)),
        ("friedman_p", float(ranking.p_value)),
        ("cliques", numbers(&model.cliques)),
        ("critical_difference", float(ranking.critical_difference)),
        ("nemenyi_cliques", numbers(&model.nemenyi_cliques)),
        ("alpha", Field::Float(ranking.alpha)),
        ("note", Field::text(notes.join("; "))),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}

fn member(experiment: &str, found: &Membership) -> Row {
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("task", Field::text(&found.task)),
        ("dataset", Field::text(&found.dataset)),
        ("language", Field::text(&found.language)),
        ("metric", Field::text(&found.metric)),
        ("metric_parameters", Field::plain(&found.metric_parameters)),
        ("measure", Field::text(&found.measure)),
        ("n", Field::count(found.n)),
        ("models", Field::count(found.models)),
        ("model", Field::text(&found.model)),
        ("value", float(found.value)),
        ("p_value", float(found.p_value)),
        ("in_set", Field::maybe(found.member, Field::Boolean)),
        ("alpha", Field::Float(found.alpha)),
        ("resamples", Field::count(found.resamples)),
        ("seed", Field::Integer(found.seed)),
        ("note", Field::text(&found.note)),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fixture::{Source, binary, models, settings};
    use crate::compare::{self, values};

    #[test]
    fn rows_have_the_header() {
        let mut cells = Vec::new();
        for language in ["de", "en", "fr"] {
            cells.push(binary("joint", "t", language, &[1, 1, 1, 0, 1, 1]));
            cells.push(binary("m", "t", language, &[1, 0, 1, 0, 0, 1]));
        }
        let (labels, settings) = (models(&["m"]), settings());
        let found = values(&cells, &labels, &Source, &settings).unwrap();
        let ranked_models = compare::rankings(&found, &labels, &settings).unwrap();
        let table = rankings("first", &ranked_models);
        let text = String::from_utf8(table.to_csv().unwrap()).unwrap();
        assert!(text.contains("first,t,t/accuracy,3,2,joint,1.0,"), "{text}");
        let names: Vec<_> = ranked("first", &ranked_models[0], &ranked_models[0].models[0])
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, table.header);
        let sets = compare::confidence_sets(&cells, &labels, &Source, &settings).unwrap();
        let table = confidence_sets("first", &sets);
        let names: Vec<_> = member("first", &sets[0])
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        assert_eq!(names, table.header);
        assert_eq!(sets.len(), 6);
    }
}
