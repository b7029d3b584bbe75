//! N-grams of characters and words with their counts, for each order.

use mergelab_sdk::text::words;
use std::{collections::HashMap, hash::Hash};

/// Counts of the n-grams of one order.
#[derive(PartialEq, Eq)]
pub(crate) enum Counts<'a> {
    Characters(HashMap<Vec<char>, u32>),
    Words(HashMap<Vec<&'a str>, u32>),
}

/// Those of every order, characters first.
pub(crate) fn all(
    text: &str,
    char_order: usize,
    word_order: usize,
    whitespace: bool,
) -> Vec<Counts<'_>> {
    let characters: Vec<char> = if whitespace {
        text.chars().collect()
    } else {
        words(text).flat_map(str::chars).collect()
    };
    let words: Vec<&str> = words(text).flat_map(without_punctuation).collect();
    let characters = (1..=char_order).map(|n| Counts::Characters(count(&characters, n)));
    let words = (1..=word_order).map(|n| Counts::Words(count(&words, n)));
    characters.chain(words).collect()
}

fn count<T: Clone + Eq + Hash>(units: &[T], n: usize) -> HashMap<Vec<T>, u32> {
    let mut counts = HashMap::new();
    for gram in units.windows(n) {
        *counts.entry(gram.to_vec()).or_default() += 1;
    }
    counts
}

/// A word with ASCII punctuation parted from its end, else from its start: `(hi)` is `(hi` and `)`,
/// as in the reference.
fn without_punctuation(word: &str) -> impl Iterator<Item = &str> {
    let mut chars = word.char_indices();
    let first = chars.next();
    let last = chars.next_back();
    let parted = match (first, last) {
        (Some(_), Some((end, c))) if c.is_ascii_punctuation() => word.split_at(end),
        (Some((_, c)), Some(_)) if c.is_ascii_punctuation() => word.split_at(c.len_utf8()),
        _ => (word, ""),
    };
    [parted.0, parted.1]
        .into_iter()
        .filter(|part| !part.is_empty())
}

/// N-grams of the output, of the reference, and those in both. The output's do not count where the
/// reference has none of this order.
pub(crate) fn matches(output: &Counts<'_>, reference: &Counts<'_>) -> [f64; 3] {
    match (output, reference) {
        (Counts::Characters(output), Counts::Characters(reference)) => both(output, reference),
        (Counts::Words(output), Counts::Words(reference)) => both(output, reference),
        // Orders stand in the same places of both lists.
        _ => [0.0; 3],
    }
}

fn both<K: Eq + Hash>(output: &HashMap<K, u32>, reference: &HashMap<K, u32>) -> [f64; 3] {
    let all = |counts: &HashMap<K, u32>| f64::from(counts.values().sum::<u32>());
    let shared = output
        .iter()
        .filter_map(|(gram, count)| Some(*count.min(reference.get(gram)?)));
    let shared = f64::from(shared.sum::<u32>());
    let said = if reference.is_empty() {
        0.0
    } else {
        all(output)
    };
    [said, all(reference), shared]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_is_parted_once() {
        let split = |word| without_punctuation(word).collect::<Vec<_>>();
        assert_eq!(split("(hi)"), ["(hi", ")"]);
        assert_eq!(split("(hi"), ["(", "hi"]);
        assert_eq!(split("..."), ["..", "."]);
        assert_eq!(split("."), ["."]);
        assert_eq!(split("«hi»"), ["«hi»"]);
        assert_eq!(split("né."), ["né", "."]);
    }
}
