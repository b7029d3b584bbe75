//! F1 of the words that two answers share.

use std::collections::HashMap;

/// `2PR / (P + R)` of the words in both, each counted at most as often as in the other;
/// `both_empty` where neither has a word.
pub(crate) fn f1(said: &[String], wanted: &[String], both_empty: f64) -> f64 {
    if said.is_empty() && wanted.is_empty() {
        return both_empty;
    }
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in wanted {
        *left.entry(word).or_default() += 1;
    }
    let mut shared = 0_usize;
    for word in said {
        if let Some(count) = left.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    if shared == 0 {
        return 0.0;
    }
    // In the order of the reference scripts, for the same bits.
    let precision = shared as f64 / said.len() as f64;
    let recall = shared as f64 / wanted.len() as f64;
    (2.0 * precision * recall) / (precision + recall)
}
