//! Examples that are shown before every prompt: which rows they are.
//!
//! Rows are ordered by a hash of the seed and their cluster, or their id where there are no
//! clusters, and the first ones are shown. So the choice is the same for all models, and translations
//! of one row, which share a cluster or an id, are shown in all languages in the same order.

use crate::dataset::Example;
use std::collections::BTreeSet;

/// Chooses up to `count` of the rows of `pool`, in the order in which they are shown. At most one
/// of a cluster is, and none that is among the evaluated rows or shares a cluster with one.
pub fn choose<'a>(
    pool: &'a [Example],
    evaluated: &[Example],
    count: usize,
    seed: u64,
) -> Vec<&'a Example> {
    let clusters: BTreeSet<&str> = evaluated
        .iter()
        .filter_map(|example| example.cluster.as_deref())
        .collect();
    let content = |example: &Example| serde_json::Value::from(example.row.clone()).to_string();
    let rows: BTreeSet<String> = evaluated.iter().map(content).collect();
    let hash = |text: &str| {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"shots");
        hasher.update(&seed.to_le_bytes());
        hasher.update(text.as_bytes());
        *hasher.finalize().as_bytes()
    };
    let mut order: Vec<_> = pool
        .iter()
        .map(|example| {
            let cluster = example.cluster.as_deref();
            let group = hash(cluster.unwrap_or(&example.id));
            (group, hash(&example.id), example)
        })
        .collect();
    order.sort_by_key(|(group, own, _)| (*group, *own));
    let mut shown = BTreeSet::new();
    order
        .into_iter()
        .map(|(_, _, example)| example)
        .filter(|example| match &example.cluster {
            Some(cluster) => !clusters.contains(cluster.as_str()) && shown.insert(cluster),
            None => true,
        })
        .filter(|example| !rows.contains(&content(example)))
        .take(count)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn example(id: usize, cluster: Option<usize>, text: &str) -> Example {
        Example {
            id: id.to_string(),
            cluster: cluster.map(|c| c.to_string()),
            row: [("text".to_owned(), json!(text))].into_iter().collect(),
        }
    }

    fn pool(language: &str) -> Vec<Example> {
        (0..40)
            .map(|i| example(i, None, &format!("{language} {i}")))
            .collect()
    }

    fn ids(chosen: &[&Example]) -> Vec<String> {
        chosen.iter().map(|example| example.id.clone()).collect()
    }

    #[test]
    fn the_choice_follows_from_the_seed_and_the_ids() {
        let (german, english) = (pool("de"), pool("en"));
        let first = ids(&choose(&german, &[], 5, 1));
        assert_eq!(first.len(), 5);
        assert_eq!(ids(&choose(&english, &[], 5, 1)), first);
        assert_ne!(ids(&choose(&german, &[], 5, 2)), first);
        // Fewer are the first of more, whatever the order of the file.
        let mut turned = german.clone();
        turned.reverse();
        assert_eq!(ids(&choose(&turned, &[], 8, 1))[..5], first);
    }

    #[test]
    fn evaluated_rows_are_never_shown() {
        let pool = pool("de");
        // The same text under another id.
        let evaluated: Vec<Example> = (0..38)
            .map(|i| example(100 + i, None, &format!("de {i}")))
            .collect();
        let mut left = ids(&choose(&pool, &evaluated, 40, 1));
        left.sort();
        assert_eq!(left, ["38", "39"]);
    }

    #[test]
    fn clusters_are_shown_once_and_not_where_they_are_evaluated() {
        let pool: Vec<Example> = (0..30)
            .map(|i| example(i, Some(i / 3), &format!("{i}")))
            .collect();
        let evaluated = [example(7, Some(4), "a"), example(8, Some(9), "b")];
        let chosen = choose(&pool, &evaluated, 30, 5);
        let clusters: BTreeSet<_> = chosen.iter().filter_map(|e| e.cluster.as_deref()).collect();
        assert_eq!((chosen.len(), clusters.len()), (8, 8));
        assert!(!clusters.contains("4") && !clusters.contains("9"));
    }
}
