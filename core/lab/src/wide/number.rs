//! Numbers as they are printed.

use super::layout::{Layout, Place};
use std::collections::BTreeMap;

/// How many decimals numbers have.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    given: Option<usize>,
    /// Largest size of the values of each task and measure.
    largest: BTreeMap<(String, String), f64>,
}

impl Numbers {
    pub(super) fn of(shown: &Layout, given: Option<usize>) -> Self {
        let mut largest: BTreeMap<(String, String), f64> = BTreeMap::new();
        for ((_, place), value) in &shown.values {
            let known = largest
                .entry((place.task.clone(), place.measure.clone()))
                .or_default();
            *known = known.max(value.abs());
        }
        Self { given, largest }
    }

    fn decimals(&self, place: &Place) -> usize {
        let key = (place.task.clone(), place.measure.clone());
        let largest = self.largest.get(&key).copied().unwrap_or(0.0);
        self.given.unwrap_or(if largest <= 1.0 { 3 } else { 2 })
    }

    pub(super) fn print(&self, place: &Place, value: f64) -> String {
        let decimals = self.decimals(place);
        signed(&format!("{value:.decimals$}"))
    }

    pub(super) fn print_difference(&self, place: &Place, value: f64) -> String {
        let decimals = self.decimals(place);
        signed(&format!("{value:+.decimals$}"))
    }
}

/// A number with a minus sign for its hyphen; zero has no sign.
fn signed(text: &str) -> String {
    let zero = text.chars().all(|c| !c.is_ascii_digit() || c == '0');
    if zero {
        text.trim_start_matches(['-', '+']).to_owned()
    } else {
        text.replace('-', "\u{2212}")
    }
}
