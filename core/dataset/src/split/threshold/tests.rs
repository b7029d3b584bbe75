use super::*;
use proptest::prelude::*;
use std::convert::Infallible;

fn made(sizes: Sizes, seed: u64) -> Made {
    Made {
        by: None,
        seed,
        sizes,
        rest: "train".to_owned(),
    }
}

fn shares(pairs: &[(&str, f64)]) -> Sizes {
    Sizes::Shares(pairs.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect())
}

fn counts(pairs: &[(&str, u64)]) -> Sizes {
    Sizes::Counts(pairs.iter().map(|(n, c)| ((*n).to_owned(), *c)).collect())
}

fn thresholds(made: &Made, rows: &[(u64, &str)]) -> Result<Thresholds, String> {
    let rows = rows.iter().map(|(n, l)| (*n, (*l).to_owned())).collect();
    let Ok(found) = Thresholds::new(made, || Ok::<_, Infallible>(rows));
    found
}

#[test]
fn shares_are_met_by_many_groups() {
    let made = made(shares(&[("test", 0.1), ("validation", 0.05)]), 3);
    let ends = thresholds(&made, &[]).expect("thresholds");
    let mut sizes: BTreeMap<&str, u32> = BTreeMap::new();
    for group in 0..20_000 {
        *sizes
            .entry(ends.part(made.hash(&format!("g{group}"))))
            .or_default() += 1;
    }
    // Binomial, so the standard deviations are 42 and 31: bounds of five of them.
    assert!(sizes["test"].abs_diff(2_000) < 210, "{sizes:?}");
    assert!(sizes["validation"].abs_diff(1_000) < 155, "{sizes:?}");
}

#[test]
fn the_hash_of_a_group_never_changes() {
    // A change here changes the splits of everybody. The number is also what the Python package
    // blake3 1.0.11 gives for the same context, key and text.
    let made = made(shares(&[("test", 0.1)]), 7);
    assert_eq!(
        made.hash("https://example.org/a"),
        12_627_655_400_598_203_225
    );
}

#[test]
fn counts_are_met_in_every_language_and_groups_stay_whole() {
    let made = made(counts(&[("test", 2), ("validation", 1)]), 0);
    let rows = [
        (10, "en"),
        (10, "de"),
        (20, "en"),
        (30, "de"),
        (30, "de"),
        (30, "en"),
        (40, "en"),
        (50, "de"),
        (60, "de"),
    ];
    let ends = thresholds(&made, &rows).expect("thresholds");
    let parts = |n: u64| ends.part(n).to_owned();
    assert_eq!(parts(30), "test");
    assert_eq!(parts(40), "validation");
    assert_eq!(parts(50), "validation");
    assert_eq!(parts(60), "train");
    let error = thresholds(&made, &rows[..4]).expect_err("too few");
    assert!(error.contains("rows of every language"), "{error}");
}

proptest! {
    #[test]
    fn no_group_moves_when_others_are_added(
        groups in prop::collection::btree_set("[a-z]{1,6}", 1..40),
        added in prop::collection::btree_set("[a-z]{1,6}", 1..40),
        seed: u64,
    ) {
        let made = made(shares(&[("test", 0.3), ("validation", 0.2)]), seed);
        let parts = |groups: &std::collections::BTreeSet<String>| {
            let rows: Vec<(u64, &str)> = groups.iter().map(|g| (made.hash(g), "en")).collect();
            let ends = thresholds(&made, &rows).expect("thresholds");
            let parts = groups.iter().map(|g| (g.clone(), ends.part(made.hash(g)).to_owned()));
            parts.collect::<BTreeMap<String, String>>()
        };
        let before = parts(&groups);
        let after = parts(&groups.union(&added).cloned().collect());
        for (group, part) in before {
            prop_assert_eq!(&after[&group], &part);
        }
    }
}
