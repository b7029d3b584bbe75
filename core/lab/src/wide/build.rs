//! A view from the values, standings and tests that it shows.

use super::{
    Options,
    baseline::{Test, Tests},
    best::{Standing, Standings},
    caption,
    labels::labels,
    layout::{About, Layout, Place},
    number::Numbers,
    results::field,
    view::{Cell, Column, Kind, Row, View},
};
use crate::{compare::ALL_LANGUAGES, past::Past};

/// What a view is built from.
pub(super) struct Build<'a> {
    pub(super) shown: &'a Layout,
    pub(super) standings: &'a Standings,
    pub(super) against: &'a Tests,
    pub(super) numbers: &'a Numbers,
    pub(super) baseline: Option<&'a str>,
    pub(super) options: &'a Options,
}

impl Build<'_> {
    /// The tests against the baseline that the view shows.
    pub(super) fn tests(&self) -> impl Iterator<Item = &Test> {
        let shown = |place: &Place| self.shown.places.iter().any(|a| a.place == *place);
        let model = |name: &str| {
            self.shown
                .models
                .iter()
                .any(|row| field(row, "model") == name)
        };
        self.against
            .iter()
            .filter(move |((name, place), _)| shown(place) && model(name))
            .map(|(_, test)| test)
    }

    /// The view, models going down.
    pub(super) fn view(&self, run: &Past) -> View {
        let columns = self.columns();
        let names = labels(&self.shown.models, &self.shown.names, self.baseline);
        let mut before = None;
        let mut rows = Vec::new();
        for (row, names) in self.shown.models.iter().zip(names) {
            let role = field(row, "role");
            let merge = role == "merge";
            let begins = before.is_some_and(|before| before != merge);
            before = Some(merge);
            let model = field(row, "model");
            rows.push(Row {
                names,
                cells: columns
                    .iter()
                    .map(|column| self.cell(model, column))
                    .collect(),
                begins,
            });
        }
        View {
            experiment: run.record.experiment.clone(),
            names: self.shown.names.clone(),
            levels: self.shown.levels.clone(),
            columns: columns.into_iter().map(|planned| planned.head).collect(),
            rows,
            caption: caption::sentences(self, run),
            notes: Vec::new(),
            decimals: self.options.decimals,
            across: false,
        }
    }

    /// Columns of a task stand together: values, their mean, the worst language, differences.
    fn columns(&self) -> Vec<Planned> {
        let mut columns: Vec<Planned> = Vec::new();
        for (i, about) in self.shown.places.iter().enumerate() {
            columns.push(Planned::new(about, Kind::Value, None, vec![about.clone()]));
            let next = self.shown.places.get(i + 1);
            if next.is_some_and(|next| next.place.same_measure(&about.place)) {
                continue;
            }
            let group: Vec<About> = self
                .shown
                .places
                .iter()
                .filter(|other| other.place.same_measure(&about.place))
                .cloned()
                .collect();
            let languages: Vec<About> = group
                .iter()
                .filter(|other| other.place.language != ALL_LANGUAGES)
                .cloned()
                .collect();
            if self.options.worst && languages.len() > 1 {
                columns.push(Planned::new(about, Kind::Worst, Some("worst"), languages));
            }
            if self.options.deltas.is_some() {
                // The mean alone where there is one: a difference for each value is too much.
                let last = vec![about.clone()];
                columns.push(Planned::new(about, Kind::Delta, Some("\u{394}"), last));
            }
        }
        columns
    }

    fn cell(&self, model: &str, column: &Planned) -> Cell {
        let key = |about: &About| (model.to_owned(), about.place.clone());
        let value = |about: &About| self.shown.values.get(&key(about)).copied();
        let empty = Cell {
            text: "\u{2013}".to_owned(),
            ..Cell::default()
        };
        let [first, ..] = &column.of[..] else {
            return empty;
        };
        match column.head.kind {
            Kind::Value => {
                let Some(value) = value(first) else {
                    return empty;
                };
                let standing = self.standings.of.get(&key(first));
                let test = self.against.get(&key(first));
                Cell {
                    value: Some(value),
                    text: self.numbers.print(&first.place, value),
                    best: standing == Some(&Standing::Best),
                    tied: standing == Some(&Standing::Tied),
                    significant: test.is_some_and(Test::significant),
                    equivalent: test.is_some_and(|test| test.equivalent),
                    language: None,
                }
            }
            Kind::Worst => {
                let all = column.of.iter().map(|about| Some((value(about)?, about)));
                let Some(mut all) = all.collect::<Option<Vec<_>>>() else {
                    return empty;
                };
                all.sort_by(|a, b| a.0.total_cmp(&b.0));
                if !first.higher_is_better {
                    all.reverse();
                }
                let (value, about) = all[0];
                Cell {
                    value: Some(value),
                    text: self.numbers.print(&about.place, value),
                    language: Some(about.place.language.clone()),
                    ..Cell::default()
                }
            }
            Kind::Delta => {
                let other = self.options.deltas.clone().unwrap_or_default();
                let reference = self.shown.values.get(&(other, first.place.clone()));
                let (Some(value), Some(reference)) = (value(first), reference) else {
                    return empty;
                };
                let difference = value - reference;
                Cell {
                    value: Some(difference),
                    text: self.numbers.print_difference(&first.place, difference),
                    ..Cell::default()
                }
            }
        }
    }
}

/// A column with the places that it is computed from.
struct Planned {
    head: Column,
    of: Vec<About>,
}

impl Planned {
    fn new(about: &About, kind: Kind, name: Option<&str>, of: Vec<About>) -> Self {
        let mut levels = about.levels.clone();
        if let (Some(name), Some(last)) = (name, levels.last_mut()) {
            // Beside columns of languages the name stands where they stand.
            if about.place.language == ALL_LANGUAGES && last == "mean" {
                *last = name.to_owned();
            } else {
                *last = format!("{last} {name}");
            }
        }
        Self {
            head: Column { levels, kind },
            of,
        }
    }
}
