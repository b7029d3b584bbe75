//! What must hold for any input: symmetry, bounds, and independence of order and of threads.

// clippy.toml allows this in test functions; here the functions they share need it too.
#![allow(clippy::unwrap_used)]

use mergelab_stats::*;
use proptest::prelude::*;

/// A metric that is no mean: a ratio of sums.
fn ratio() -> impl Aggregate {
    EachRow(|sums: &[f64], _: f64| sums[0] / (1.0 + sums[1]))
}

fn statistics(rows: &[[f64; 2]]) -> Statistics {
    Statistics::new(rows.concat(), 2).unwrap()
}

/// Small whole numbers, so that ties are common and sums are exact.
fn row() -> impl Strategy<Value = [f64; 2]> {
    [0u8..4, 0u8..4].prop_map(|row| row.map(f64::from))
}

fn systems(examples: std::ops::Range<usize>) -> impl Strategy<Value = Vec<([f64; 2], [f64; 2])>> {
    prop::collection::vec((row(), row()), examples)
}

fn differences() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-3.0f64..3.0, 2..12)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn order_of_examples_does_not_matter(pairs in systems(1..9), turn in 0usize..8) {
        let mut turned = pairs.clone();
        turned.rotate_left(turn % pairs.len());
        let test = |pairs: &[([f64; 2], [f64; 2])]| {
            let (a, b): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
            approximate_randomisation(&statistics(&a), &statistics(&b), &ratio(), 256, 0).unwrap()
        };
        let (before, after) = (test(&pairs), test(&turned));
        prop_assert!(before.exact);
        prop_assert_eq!(before.difference, after.difference);
        prop_assert_eq!(before.p_value, after.p_value);
    }

    #[test]
    fn exchanging_the_systems_negates_the_difference(pairs in systems(2..40), seed: u64) {
        let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let (a, b) = (statistics(&a), statistics(&b));
        let ab = approximate_randomisation(&a, &b, &ratio(), 99, seed).unwrap();
        let ba = approximate_randomisation(&b, &a, &ratio(), 99, seed).unwrap();
        prop_assert_eq!(ab.difference, -ba.difference);
        prop_assert_eq!(ab.p_value, ba.p_value);
        let options = BootstrapOptions { resamples: 99, seed, ..Default::default() };
        let ab = paired_bootstrap(&a, &b, &ratio(), &options).unwrap();
        let ba = paired_bootstrap(&b, &a, &ratio(), &options).unwrap();
        prop_assert!(ab.draws.iter().zip(&ba.draws).all(|(ab, ba)| *ab == -ba));
        prop_assert_eq!(ab.p_shift(), ba.p_shift());
        // The two quantiles interpolate from opposite ends.
        prop_assert!((ab.interval.low + ba.interval.high).abs() < 1e-12);
    }

    #[test]
    fn sign_flip_is_randomisation_of_a_mean(d in prop::collection::vec(-3i8..4, 1..60), seed: u64) {
        let d: Vec<f64> = d.into_iter().map(f64::from).collect();
        let a = Statistics::from_values(d.clone()).unwrap();
        let b = Statistics::from_values(vec![0.0; d.len()]).unwrap();
        let flip = sign_flip(&d, 199, seed).unwrap();
        let swap = approximate_randomisation(&a, &b, &Mean, 199, seed).unwrap();
        prop_assert_eq!(flip.p_value, swap.p_value);
        prop_assert_eq!(flip.extreme, swap.extreme);
    }

    #[test]
    fn singleton_clusters_change_nothing(d in differences(), seed: u64) {
        let clusters: Vec<u32> = (0..d.len() as u32).collect();
        let plain = sign_flip(&d, 99, seed).unwrap();
        prop_assert_eq!(&plain, &sign_flip_clustered(&d, &clusters, 99, seed).unwrap());
        let t = tost_paired(&d, 0.5).unwrap();
        prop_assert_eq!(t, tost_clustered(&d, &clusters, 0.5).unwrap());
    }

    #[test]
    fn tests_of_differences_are_two_sided(d in differences(), scale in 0.1f64..10.0) {
        let negated: Vec<f64> = d.iter().map(|d| -d).collect();
        let scaled: Vec<f64> = d.iter().map(|d| d * scale).collect();
        let p = |d: &[f64]| [
            sign_flip(d, 4096, 0).unwrap().p_value,
            wilcoxon(d, WilcoxonScheme::default()).unwrap().p_value,
            paired_t(d, 0.95).unwrap().p_value,
        ];
        prop_assert_eq!(p(&d), p(&negated));
        for (p, scaled) in p(&d).into_iter().zip(p(&scaled)) {
            prop_assert!((p - scaled).abs() < 1e-9);
        }
        for p in p(&d) {
            prop_assert!(p > 0.0 && p <= 1.0);
        }
    }

    #[test]
    fn corrections_never_lower_a_p_value_nor_change_the_order(p in prop::collection::vec(0.0f64..=1.0, 1..20)) {
        let [holm, bh, by] = [holm, benjamini_hochberg, benjamini_yekutieli].map(|f| f(&p).unwrap());
        for adjusted in [&holm, &bh, &by] {
            for i in 0..p.len() {
                prop_assert!(adjusted[i] >= p[i] && adjusted[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || adjusted[i] <= adjusted[j]);
                }
            }
        }
        for i in 0..p.len() {
            prop_assert!(bh[i] <= holm[i] + 1e-12 && bh[i] <= by[i]);
        }
    }

    #[test]
    fn max_t_lies_between_raw_and_bonferroni(rows in prop::collection::vec([row(), row(), row(), row()], 3..12), seed: u64) {
        let column = |i: usize| statistics(&rows.iter().map(|row| row[i]).collect::<Vec<_>>());
        let all: Vec<Statistics> = (0..4).map(column).collect();
        let family = max_t(&[1, 2, 3].map(|i| [&all[i], &all[0]]), &ratio(), 99, seed).unwrap();
        for comparison in family {
            prop_assert!(comparison.p_adjusted >= comparison.p_value);
            prop_assert!(comparison.p_value > 0.0 && comparison.p_adjusted <= 1.0);
        }
    }

    #[test]
    fn intervals_of_proportions_hold_the_estimate(counts in [0u64..30, 0..30, 0..30, 0..30], level in 0.5f64..0.99) {
        let [both, only_a, only_b, neither] = counts;
        let outcomes = PairedOutcomes { both, only_a, only_b, neither };
        prop_assume!(outcomes.examples() > 0);
        let difference = outcomes.difference();
        for interval in [tango_interval(&outcomes, level).unwrap(), newcombe_interval(&outcomes, level).unwrap()] {
            prop_assert!(interval.low <= difference + 1e-9 && difference <= interval.high + 1e-9);
            prop_assert!(interval.low >= -1.0 - 1e-9 && interval.high <= 1.0 + 1e-9, "{:?}", interval);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    // Thirds and sevenths: sums that round, so another order of additions would show.
    let system = |step: u32| {
        let rows = (0..300u32).flat_map(|i| {
            [
                f64::from(i * step % 11) / 3.0,
                f64::from(i * step % 13) / 7.0,
            ]
        });
        let clusters = (0..300).map(|i| i / 3).collect();
        Statistics::new(rows.collect(), 2)
            .and_then(|statistics| statistics.with_clusters(clusters))
            .unwrap()
    };
    let (a, b, c) = (system(5), system(7), system(3));
    let compute = || {
        let test = approximate_randomisation(&a, &b, &ratio(), 2000, 9).unwrap();
        let family = max_t(&[[&a, &c], [&b, &c]], &ratio(), 2000, 9).unwrap();
        let options = BootstrapOptions {
            resamples: 2000,
            seed: 9,
            interval: BootstrapInterval::Bca,
            ..Default::default()
        };
        let bootstrap = paired_bootstrap(&a, &b, &ratio(), &options).unwrap();
        let draws: Vec<u64> = bootstrap.draws.iter().map(|draw| draw.to_bits()).collect();
        let text = serde_json::to_string(&(test, family, bootstrap)).unwrap();
        (text, draws)
    };
    let on = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(compute)
    };
    let one = on(1);
    assert_eq!(one.1.len(), 2000);
    assert_eq!(one, on(4));
}

// Published results name their seed, so a seed must go on giving the same numbers. These come from another
// implementation of the generator and the draws, in Python.
#[test]
fn a_seed_keeps_its_meaning() {
    let d: Vec<f64> = (0..40).map(|i| f64::from((i * 7) % 11) - 4.0).collect();
    let test = sign_flip(&d, 1000, 42).unwrap();
    let a = Statistics::from_values(d).unwrap();
    let options = BootstrapOptions {
        resamples: 1000,
        seed: 42,
        ..Default::default()
    };
    let draws = bootstrap(&a, &Mean, &options).unwrap().draws;
    assert_eq!(
        (test.extreme, draws[0], draws[1], draws[999]),
        (55, 1.225, 1.3, 1.475)
    );
}

#[test]
fn identical_systems_have_p_one_under_every_test() {
    let values: Vec<f64> = (0..24).map(|i| f64::from(i % 5) / 5.0).collect();
    let clusters: Vec<u32> = (0..24).map(|i| i / 2).collect();
    let zeros = [0.0; 24];
    let plain = Statistics::from_values(values.clone()).unwrap();
    let grouped = plain.clone().with_clusters(clusters.clone()).unwrap();
    let right: Vec<bool> = (0..24).map(|i| i % 3 > 0).collect();
    let accuracies = mcnemar(&right, &right).unwrap();
    let scheme = |zeros, null| WilcoxonScheme { zeros, null };
    let bootstrap = |s: &Statistics| {
        paired_bootstrap(s, s, &Mean, &BootstrapOptions::default())
            .unwrap()
            .p_shift()
    };
    let family = max_t(&[[&grouped; 2]; 2], &Mean, 99, 0).unwrap();
    let blocks: Vec<f64> = values.iter().flat_map(|&v| [v; 3]).collect();
    let ranks = friedman(&blocks, 3).unwrap();
    let joint = joint_bootstrap(&[&grouped; 3], &Mean, 99, 0).unwrap();
    let set = model_confidence_set(&joint, 0.05, true).unwrap();
    let p_values = [
        ("exact McNemar", accuracies.p_value),
        ("mid-p McNemar", accuracies.p_mid),
        ("sign flip", sign_flip(&zeros, 99, 0).unwrap().p_value),
        (
            "clustered sign flip",
            sign_flip_clustered(&zeros, &clusters, 99, 0)
                .unwrap()
                .p_value,
        ),
        (
            "randomisation",
            approximate_randomisation(&grouped, &grouped, &Mean, 99, 0)
                .unwrap()
                .p_value,
        ),
        (
            "exact Wilcoxon",
            wilcoxon(&zeros, scheme(Zeros::Drop, Null::Exact))
                .unwrap()
                .p_value,
        ),
        (
            "normal Wilcoxon",
            wilcoxon(&zeros, scheme(Zeros::Pratt, Null::Normal))
                .unwrap()
                .p_value,
        ),
        ("paired t", paired_t(&zeros, 0.95).unwrap().p_value),
        (
            "clustered t",
            paired_t_clustered(&zeros, &clusters, 0.95).unwrap().p_value,
        ),
        ("bootstrap", bootstrap(&plain)),
        ("cluster bootstrap", bootstrap(&grouped)),
        (
            "t over seeds",
            replicated_t(&[&grouped; 2], &[&grouped; 2], &Mean)
                .unwrap()
                .p_value,
        ),
        (
            "hierarchical bootstrap",
            hierarchical_bootstrap(
                &[&grouped; 2],
                &[&grouped; 2],
                &Mean,
                Levels::default(),
                &BootstrapOptions::default(),
            )
            .unwrap()
            .p_shift(),
        ),
        ("max-T", family[1].p_adjusted),
        ("Friedman", ranks.p_value),
        ("Nemenyi", nemenyi(&ranks).p_value(0, 1).unwrap()),
        (
            "Wilcoxon-Holm",
            wilcoxon_holm(&blocks, 3).unwrap().p_value(1, 2).unwrap(),
        ),
        ("confidence set", set.p_values[0]),
    ];
    for (test, p) in p_values {
        assert_eq!(p, 1.0, "{test}");
    }
}
