//! The rows of the table: long and tidy, one number each.

use serde::Serialize;

use crate::largest::SHARES;
use crate::null;
use crate::spectrum::Ranks;
use crate::totals::{Totals, pairs};

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// All tensors.
    Model,
    /// The tensors of one layer.
    Layer,
    /// The tensors of one kind.
    Module,
    /// One tensor.
    Tensor,
}

impl Scope {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Model => "model",
            Scope::Layer => "layer",
            Scope::Module => "module",
            Scope::Tensor => "tensor",
        }
    }
}

/// One number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What it is about.
    pub scope: Scope,
    /// The layer's number, the kind of module, or the tensor's name; empty for the whole model.
    pub place: String,
    /// `norm`, `relative_norm` (over the base's norm), `cosine`, `sign_conflict` (share of the
    /// entries not zero in both), `overlap_top1`, `overlap_top10`, `overlap_top20` (share of the
    /// smaller set), `effective_rank`, `stable_rank`.
    pub quantity: &'static str,
    /// The model.
    pub model: String,
    /// The other model of a pair; empty otherwise.
    pub other: String,
    /// The number; `None` where it is not defined, as the cosine with a vector of zeros.
    pub value: Option<f64>,
    /// Where 95 of 100 pairs of independent random vectors lie above.
    pub null_low: Option<f64>,
    /// Where 95 of 100 pairs of independent random vectors lie below.
    pub null_high: Option<f64>,
    /// Entries of the task vector that it was computed from.
    pub entries: u64,
}

/// Names of the overlaps, in the order of [`SHARES`].
const OVERLAPS: [&str; SHARES.len()] = ["overlap_top1", "overlap_top10", "overlap_top20"];

/// Collects rows.
pub(crate) struct Table<'a> {
    pub(crate) models: &'a [String],
    pub(crate) rows: Vec<Row>,
}

impl Table<'_> {
    pub(crate) fn add(&mut self, scope: Scope, place: &str, totals: &Totals) {
        let models = self.models;
        let entries = totals.entries;
        let row = |quantity, model: usize, value: f64| Row {
            scope,
            place: place.to_owned(),
            quantity,
            model: models[model].clone(),
            other: String::new(),
            value: Some(value).filter(|value| value.is_finite()),
            null_low: None,
            null_high: None,
            entries,
        };
        for (model, square) in totals.squares.iter().enumerate() {
            self.rows.push(row("norm", model, square.sqrt()));
            let relative = (square / totals.base).sqrt();
            self.rows.push(row("relative_norm", model, relative));
        }
        for (pair, (i, j)) in pairs(models.len()).enumerate() {
            let mut add = |quantity, value: f64, null: null::Band| {
                self.rows.push(Row {
                    other: models[j].clone(),
                    null_low: Some(null.0).filter(|low| low.is_finite()),
                    null_high: Some(null.1).filter(|high| high.is_finite()),
                    ..row(quantity, i, value)
                });
            };
            let norms = (totals.squares[i] * totals.squares[j]).sqrt();
            // Rounding may take the cosine of a vector with itself past 1.
            let cosine = (totals.dots[pair] / norms).clamp(-1.0, 1.0);
            add("cosine", cosine, null::cosine(entries));
            let both = totals.both[pair];
            let conflict = totals.conflicts[pair] as f64 / both as f64;
            add("sign_conflict", conflict, null::sign_conflict(both));
            for (name, overlap) in OVERLAPS.iter().zip(&totals.overlaps[pair]) {
                let smaller = overlap.smaller as f64;
                let band = null::share(overlap.mean, overlap.variance, smaller);
                add(name, overlap.common as f64 / smaller, band);
            }
        }
    }

    pub(crate) fn add_ranks(&mut self, tensor: &str, model: usize, entries: u64, ranks: Ranks) {
        for (quantity, value) in [
            ("effective_rank", ranks.effective),
            ("stable_rank", ranks.stable),
        ] {
            self.rows.push(Row {
                scope: Scope::Tensor,
                place: tensor.to_owned(),
                quantity,
                model: self.models[model].clone(),
                other: String::new(),
                value: Some(value),
                null_low: None,
                null_high: None,
                entries,
            });
        }
    }
}
