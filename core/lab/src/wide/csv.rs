//! A view as CSV: values at full precision, or rounded where decimals were asked for, and marks in
//! columns of their own.

use super::{Cell, Kind, View, error::WideError};
use crate::tables::{Table, neutral};

pub(super) fn write(view: &View) -> Result<String, WideError> {
    let mut header: Vec<String> = view.names.iter().map(|name| neutral(name)).collect();
    for column in &view.columns {
        let name = column.levels.join("/");
        header.push(neutral(&name));
        if view.marked(column.kind) {
            header.push(format!("{}/marks", neutral(&name)));
        }
        if column.kind == Kind::Worst {
            header.push(format!("{}/language", neutral(&name)));
        }
    }
    let rows = view.rows.iter().map(|row| {
        let mut fields: Vec<String> = row.names.iter().map(|name| neutral(name)).collect();
        for (cell, column) in row.cells.iter().zip(&view.columns) {
            fields.push(number(cell, view.decimals));
            if view.marked(column.kind) {
                fields.push(marks(cell));
            }
            if column.kind == Kind::Worst {
                fields.push(cell.language.clone().unwrap_or_default());
            }
        }
        fields
    });
    let table = Table {
        header,
        rows: rows.collect(),
    };
    Ok(String::from_utf8_lossy(&table.to_csv()?).into_owned())
}

fn number(cell: &Cell, decimals: Option<usize>) -> String {
    match (cell.value, decimals) {
        (None, _) => String::new(),
        (Some(value), None) => format!("{value:?}"),
        (Some(value), Some(decimals)) => format!("{value:.decimals$}"),
    }
}

/// What bold, † and ≈ say in the other formats, in words with `;` between them.
fn marks(cell: &Cell) -> String {
    let words = [
        (cell.best, "best"),
        (cell.tied, "not_worse_than_best"),
        (cell.significant, "differs_from_baseline"),
        (cell.equivalent, "equivalent_to_baseline"),
    ];
    let said = words
        .iter()
        .filter(|(is, _)| *is)
        .map(|(_, w)| (*w).to_owned());
    let language = cell
        .language
        .iter()
        .map(|language| format!("language={language}"));
    said.chain(language).collect::<Vec<_>>().join(";")
}
