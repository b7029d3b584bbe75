//! Figures of a run: what its tables say, as inputs of plots and as the tables behind them.
//!
//! | module | what it shows |
//! |---|---|
//! | `languages` | values, models down and languages across |
//! | `differences` | differences from a baseline with intervals |
//! | `sweep` | values over a parameter that the manifest varies |
//! | `ranks` | average ranks over tasks and languages |
//! | `vectors` | how the experts' task vectors lie to each other |
//! | `costs` | what stages took, and what merging saves |
//! | `replicates` | how far trainings with other seeds lie apart |

mod costs;
mod differences;
mod languages;
mod ranks;
mod replicates;
mod sweep;
mod vectors;

use crate::{
    plot::drawing::Drawing,
    run::{Model, Run},
};
use std::collections::BTreeSet;

/// A figure with the numbers behind it.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// Unique in the report: its id and the name of its files.
    pub(crate) name: String,
    pub(crate) heading: String,
    /// What is to be seen, and what not.
    pub(crate) notes: Vec<String>,
    pub(crate) drawing: Drawing,
    pub(crate) table: Grid,
}

/// The numbers behind a figure. The first column names the row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grid {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Figures about one thing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// What the figures have in common.
    pub(crate) intro: Vec<String>,
    pub(crate) figures: Vec<Figure>,
    /// Figures that are folded away, under a title.
    pub(crate) more: Vec<(String, Vec<Figure>)>,
    /// Why there is nothing to show.
    pub(crate) missing: Option<String>,
}

/// All figures of a run.
pub(crate) fn sections(run: &Run) -> Vec<Section> {
    let mut sections = vec![
        languages::section(run),
        differences::section(run),
        sweep::section(run),
        ranks::section(run),
        replicates::section(run),
        vectors::section(run),
        costs::section(run),
    ];
    let mut used = BTreeSet::new();
    for section in &mut sections {
        let folded = section.more.iter_mut().flat_map(|(_, figures)| figures);
        for figure in section.figures.iter_mut().chain(folded) {
            figure.name = unique(&figure.name, &mut used);
        }
    }
    sections
}

/// A name for files and for ids: letters and digits of any script, with hyphens between them.
fn unique(name: &str, used: &mut BTreeSet<String>) -> String {
    let mut plain = String::new();
    for sign in name.chars().flat_map(char::to_lowercase) {
        match sign {
            sign if sign.is_alphanumeric() => plain.push(sign),
            _ if plain.is_empty() || plain.ends_with('-') => {}
            _ => plain.push('-'),
        }
    }
    let short: String = plain.chars().take(80).collect();
    let plain = short.trim_end_matches('-');
    let first = if plain.is_empty() { "figure" } else { plain }.to_owned();
    let mut name = first.clone();
    let mut number = 2;
    while !used.insert(name.clone()) {
        name = format!("{first}-{number}");
        number += 1;
    }
    name
}

/// What a language is called in a figure.
fn language_name(language: &str) -> String {
    match language {
        crate::run::ALL => "mean".to_owned(),
        other => other.to_owned(),
    }
}

/// Whether a model is of another kind than the one before it, so that a gap sets it off.
fn apart(before: Option<&Model>, model: &Model) -> bool {
    before.is_some_and(|before| before.role != model.role || before.method != model.method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_unique() {
        let mut used = BTreeSet::new();
        assert_eq!(unique("A <b>/c", &mut used), "a-b-c");
        assert_eq!(unique("a b c", &mut used), "a-b-c-2");
        assert_eq!(unique("../..", &mut used), "figure");
        assert_eq!(unique("要約", &mut used), "要約");
        assert_eq!(unique(&"x".repeat(300), &mut used).len(), 80);
    }
}
