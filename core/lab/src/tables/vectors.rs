//! `vectors.csv`.

use super::field::Field;
use super::schema::{VECTORS, VERSION, header};
use super::write::{Row, Table};
use crate::orthogonality::{VectorRow, Vectors};

/// The table of all sets of experts: the whole model, its layers, its kinds of modules. Rows of
/// single tensors are left to `mergelab vectors`.
pub fn vectors(experiment: &str, sets: &[Vectors]) -> Table {
    let rows = sets.iter().flat_map(|set| {
        let rows = set.rows.iter().filter(|row| row.scope != "tensor");
        rows.map(|found| row(experiment, set, found))
    });
    Table::new(header(VECTORS, &[]), rows.collect())
}

fn row(experiment: &str, set: &Vectors, found: &VectorRow) -> Row {
    let key = |name: &str| {
        let expert = set.experts.iter().find(|expert| expert.name == name);
        Field::maybe(expert, |expert| Field::text(&expert.key))
    };
    let note = match found.value {
        Some(_) => "",
        None => "not defined: a task vector is zero there",
    };
    let fields = [
        ("schema", Field::Integer(VERSION)),
        ("experiment", Field::text(experiment)),
        ("scope", Field::text(&found.scope)),
        ("place", Field::text(&found.place)),
        ("quantity", Field::text(&found.quantity)),
        ("model", Field::text(&found.model)),
        ("other", Field::text(&found.other)),
        ("value", Field::maybe(found.value, Field::Float)),
        ("null_low", Field::maybe(found.null_low, Field::Float)),
        ("null_high", Field::maybe(found.null_high, Field::Float)),
        ("entries", Field::Integer(found.entries)),
        ("model_key", key(&found.model)),
        ("other_key", key(&found.other)),
        ("note", Field::plain(note)),
    ];
    fields.map(|(name, field)| (name.to_owned(), field)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::spec::ExpertRef;

    #[test]
    fn rows_have_the_header_and_keys() {
        let found = |scope: &str, value| VectorRow {
            scope: scope.into(),
            place: String::new(),
            quantity: "cosine".into(),
            model: "de".into(),
            other: "en".into(),
            value,
            null_low: Some(-0.1),
            null_high: Some(0.1),
            entries: 10,
        };
        let expert = |name: &str| ExpertRef {
            name: name.into(),
            key: format!("key-{name}"),
        };
        let set = Vectors {
            experts: vec![expert("de"), expert("en")],
            rows: vec![found("model", None), found("tensor", Some(0.5))],
        };
        let names: Vec<_> = row("x", &set, &set.rows[0])
            .into_iter()
            .map(|(n, _)| n)
            .collect();
        let table = vectors("x", &[set]);
        assert_eq!(names, table.header);
        assert_eq!(table.rows.len(), 1);
        assert_eq!(table.rows[0][11..13], ["key-de", "key-en"]);
        assert!(table.rows[0][13].starts_with("not defined"));
    }
}
