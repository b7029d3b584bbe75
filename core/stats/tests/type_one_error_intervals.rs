//! Intervals miss the truth, and parity is claimed at the margin, as seldom as they say; with clusters and seeds too.
//!
//! As in `type_one_error.rs`: seeds are fixed, and of S = 400 simulations of a test at level 0.05 fewer than 5 or more
//! than 40 rejections each have probability under 1 in 10,000. Where a method is known to be approximate, its bound is
//! that of the level said beside it.

// clippy.toml allows this in test functions; here the functions they share need it too.
#![allow(clippy::unwrap_used)]

use mergelab_stats::philox::{Philox, Purpose};
use mergelab_stats::*;

const SIMULATIONS: u64 = 400;
const FEWEST: usize = 5;
const MOST: usize = 40;
/// Of 400 simulations at level 0.08: 57 or more have probability under 1 in 10,000.
const MOST_AT_EIGHT: usize = 56;

/// How many simulations say yes.
fn count(says: impl Fn(&mut Philox) -> bool) -> usize {
    (0..SIMULATIONS)
        .filter(|&simulation| says(&mut Philox::new(2026, Purpose::Simulation, simulation)))
        .count()
}

fn normal(random: &mut Philox) -> f64 {
    let radius = (-2.0 * (1.0 - random.uniform()).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * random.uniform()).cos()
}

fn options(interval: BootstrapInterval) -> BootstrapOptions {
    BootstrapOptions {
        resamples: 399,
        seed: 1,
        level: 0.95,
        interval,
    }
}

fn fair(count: usize, what: &str) {
    assert!((FEWEST..=MOST).contains(&count), "{what}: {count}");
}

/// Paired differences in 25 clusters of 3, with mean `shift`.
fn clustered(random: &mut Philox, shift: f64) -> (Vec<f64>, Vec<u32>) {
    let mut d = Vec::new();
    for _ in 0..25 {
        let shared = normal(random);
        d.extend((0..3).map(|_| shared + 0.5 * normal(random) + shift));
    }
    (d, (0..75).map(|i| i / 3).collect())
}

/// 0/1 outcomes of two systems on 120 examples: the first is right alone on a share `ahead`, the other on `behind`.
fn outcomes(random: &mut Philox, ahead: f64, behind: f64) -> PairedOutcomes {
    let pairs: Vec<(bool, bool)> = (0..120)
        .map(|_| match random.uniform() {
            u if u < ahead => (true, false),
            u if u < ahead + behind => (false, true),
            u => (u < 0.8, u < 0.8),
        })
        .collect();
    let (a, b): (Vec<bool>, Vec<bool>) = pairs.into_iter().unzip();
    PairedOutcomes::new(&a, &b).unwrap()
}

#[test]
fn t_tests_have_their_level_with_clusters_too() {
    let plain = count(|random| {
        let d: Vec<f64> = (0..12).map(|_| normal(random)).collect();
        paired_t(&d, 0.95).unwrap().p_value <= 0.05
    });
    fair(plain, "paired t");
    let with = count(|random| {
        let (d, clusters) = clustered(random, 0.0);
        let test = paired_t_clustered(&d, &clusters, 0.95).unwrap();
        assert_eq!(test.p_value <= 0.05, !test.interval.contains(0.0));
        test.p_value <= 0.05
    });
    fair(with, "clustered t");
}

#[test]
fn wilcoxon_has_its_level() {
    let scheme = |null| WilcoxonScheme {
        zeros: Zeros::Drop,
        null,
    };
    for null in [Null::Exact, Null::Normal] {
        let found = count(|random| {
            let d: Vec<f64> = (0..25).map(|_| (4.0 * normal(random)).round()).collect();
            wilcoxon(&d, scheme(null)).unwrap().p_value <= 0.05
        });
        fair(found, "Wilcoxon");
    }
}

#[test]
fn bootstraps_of_examples_and_of_clusters_miss_as_seldom_as_they_say() {
    // Means of skewed scores: the truth is 1.
    let skewed = |random: &mut Philox| {
        let values = (0..60).map(|_| -(1.0 - random.uniform()).ln());
        Statistics::from_values(values.collect()).unwrap()
    };
    for (interval, most) in [
        (BootstrapInterval::Percentile, MOST_AT_EIGHT),
        (BootstrapInterval::Bca, MOST_AT_EIGHT),
    ] {
        let missed = count(|random| {
            let found = bootstrap(&skewed(random), &Mean, &options(interval)).unwrap();
            !found.interval.contains(1.0)
        });
        assert!((FEWEST..=most).contains(&missed), "{interval:?}: {missed}");
    }
    let pair = |random: &mut Philox| {
        let (d, clusters) = clustered(random, 0.0);
        let zeros = Statistics::from_values(vec![0.0; d.len()]);
        let [a, b] = [Statistics::from_values(d), zeros]
            .map(|s| s.and_then(|s| s.with_clusters(clusters.clone())).unwrap());
        paired_bootstrap(&a, &b, &Mean, &options(BootstrapInterval::Percentile)).unwrap()
    };
    let missed = count(|random| !pair(random).interval.contains(0.0));
    assert!((FEWEST..=MOST_AT_EIGHT).contains(&missed), "{missed}");
    let rejected = count(|random| pair(random).p_shift() <= 0.05);
    assert!((FEWEST..=MOST_AT_EIGHT).contains(&rejected), "{rejected}");
}

#[test]
fn intervals_of_accuracies_miss_as_seldom_as_they_say() {
    let wilson = count(|random| {
        let right = (0..40).filter(|_| random.uniform() < 0.85).count();
        !wilson_interval(right as u64, 40, 0.95)
            .unwrap()
            .contains(0.85)
    });
    fair(wilson, "Wilson");
    let tango = count(|random| {
        let found = outcomes(random, 0.15, 0.05);
        !tango_interval(&found, 0.95).unwrap().contains(0.1)
    });
    fair(tango, "Tango");
    let newcombe = count(|random| {
        let found = outcomes(random, 0.15, 0.05);
        !newcombe_interval(&found, 0.95).unwrap().contains(0.1)
    });
    fair(newcombe, "Newcombe");
}

/// Scores of several trainings of one model: a level of each training's own, what makes an example hard, and noise.
fn trainings(
    random: &mut Philox,
    replicates: usize,
    easy: &[f64],
    spread: f64,
    clusters: Option<&[u32]>,
) -> Vec<Statistics> {
    (0..replicates)
        .map(|_| {
            let level = spread * normal(random);
            let rows = easy.iter().map(|easy| easy + level + 0.5 * normal(random));
            let found = Statistics::from_values(rows.collect()).unwrap();
            match clusters {
                Some(clusters) => found.with_clusters(clusters.to_vec()).unwrap(),
                None => found,
            }
        })
        .collect()
}

/// Two models with trainings that differ, on examples in clusters on which the models differ by chance too.
fn two_models(random: &mut Philox, replicates: usize, spread: f64) -> [Vec<Statistics>; 2] {
    let clusters: Vec<u32> = (0..60).map(|i| i / 3).collect();
    let item: Vec<f64> = (0..60).map(|_| normal(random)).collect();
    [0, 1].map(|_| {
        let own: Vec<f64> = (0..20).map(|_| 0.4 * normal(random)).collect();
        let easy: Vec<f64> = (0..60).map(|i| item[i] + own[i / 3]).collect();
        trainings(random, replicates, &easy, spread, Some(&clusters))
    })
}

fn references(systems: &[Statistics]) -> Vec<&Statistics> {
    systems.iter().collect()
}

// Trainings that hardly differ, that differ as much as the test set leaves open, and that differ much.
#[test]
fn replicated_t_has_its_level_over_seeds_and_clusters() {
    for (replicates, spread) in [(3, 0.0), (3, 0.15), (3, 1.0), (5, 0.15), (2, 0.15)] {
        let rejected = count(|random| {
            let [a, b] = two_models(random, replicates, spread);
            let test = replicated_t(&references(&a), &references(&b), &Mean).unwrap();
            test.p_value <= 0.05
        });
        assert!(
            rejected <= MOST_AT_EIGHT,
            "{replicates} replicates, sd {spread}: {rejected}"
        );
        assert!(rejected >= 1, "{replicates} replicates, sd {spread}");
    }
}

// With ten trainings a side the hierarchical bootstrap is nearly right; taking the trainings as given is not.
#[test]
fn the_hierarchical_bootstrap_counts_seeds_and_clusters() {
    let missed = |replicates| {
        count(|random| {
            let [a, b] = two_models(random, 10, 0.3);
            let levels = Levels {
                replicates,
                clusters: true,
                examples: false,
            };
            let options = options(BootstrapInterval::Percentile);
            let (a, b) = (references(&a), references(&b));
            let found = hierarchical_bootstrap(&a, &b, &Mean, levels, &options).unwrap();
            !found.interval.contains(0.0)
        })
    };
    let found = missed(DrawnReplicates::Independent);
    assert!((1..=MOST_AT_EIGHT).contains(&found), "{found}");
    let fixed = missed(DrawnReplicates::Fixed);
    assert!(fixed > 2 * MOST, "{fixed}");
}

// At the margin itself the systems are not equivalent: one of the two one-sided tests is at its level, the other far from
// it, and so is the claim of non-inferiority.
#[test]
fn parity_is_seldom_claimed_at_the_margin() {
    let at =
        |margin: f64, test: &dyn Fn(&mut Philox, f64) -> Equivalence, what: &str, most: usize| {
            for sign in [1.0, -1.0] {
                let claims = count(|random| test(random, sign * margin).p_value <= 0.05);
                assert!((FEWEST..=most).contains(&claims), "{what}: {claims}");
            }
            let inferior = count(|random| test(random, -margin).p_non_inferior(true) <= 0.05);
            assert!((FEWEST..=most).contains(&inferior), "{what}: {inferior}");
            // Where higher is worse the other side is asked.
            let inferior = count(|random| test(random, margin).p_non_inferior(false) <= 0.05);
            assert!((FEWEST..=most).contains(&inferior), "{what}: {inferior}");
        };
    let t = |random: &mut Philox, shift: f64| {
        let d: Vec<f64> = (0..30).map(|_| normal(random) + shift).collect();
        tost_paired(&d, 1.0).unwrap()
    };
    at(1.0, &t, "t", MOST);
    let clustered_t = |random: &mut Philox, shift: f64| {
        let (d, clusters) = clustered(random, shift);
        tost_clustered(&d, &clusters, 1.0).unwrap()
    };
    at(1.0, &clustered_t, "clustered t", MOST);
    let by_bootstrap = |random: &mut Philox, shift: f64| {
        let (d, clusters) = clustered(random, shift);
        let difference = Statistics::from_values(d).and_then(|s| s.with_clusters(clusters));
        let options = options(BootstrapInterval::Percentile);
        tost_bootstrap(
            &bootstrap(&difference.unwrap(), &Mean, &options).unwrap(),
            1.0,
        )
        .unwrap()
    };
    at(1.0, &by_bootstrap, "bootstrap", MOST_AT_EIGHT);
    let tango = |random: &mut Philox, shift: f64| {
        let (ahead, behind) = if shift > 0.0 {
            (0.18, 0.03)
        } else {
            (0.03, 0.18)
        };
        tango_equivalence(&outcomes(random, ahead, behind), 0.15).unwrap()
    };
    at(0.15, &tango, "Tango", MOST);
    let replicated = |random: &mut Philox, shift: f64| {
        let [a, b] = two_models(random, 4, 0.2);
        let found = replicated_t(&references(&a), &references(&b), &Mean).unwrap();
        let moved = ReplicatedT {
            difference: found.difference + shift,
            ..found
        };
        moved.equivalence(1.0).unwrap()
    };
    at(1.0, &replicated, "replicates", MOST_AT_EIGHT);
}

#[test]
fn randomisation_of_clusters_has_its_level() {
    // A ratio of sums, in clusters that share how hard they are.
    let ratio = EachRow(|s: &[f64], _: f64| s[0] / s[1]);
    let clusters: Vec<u32> = (0..60).map(|i| i / 3).collect();
    let system = |random: &mut Philox| {
        let own: Vec<f64> = (0..20).map(|_| random.uniform()).collect();
        let rows = (0..60).flat_map(|i| {
            let of = 1.0 + random.uniform();
            [of * (own[i / 3] + random.uniform()), of]
        });
        Statistics::new(rows.collect(), 2)
            .and_then(|s| s.with_clusters(clusters.clone()))
            .unwrap()
    };
    let rejected = count(|random| {
        let (a, b) = (system(random), system(random));
        approximate_randomisation(&a, &b, &ratio, 199, 1)
            .unwrap()
            .p_value
            <= 0.05
    });
    fair(rejected, "randomisation of clusters");
    let family = count(|random| {
        let systems: Vec<Statistics> = (0..4).map(|_| system(random)).collect();
        let pairs: Vec<[&Statistics; 2]> = systems[1..].iter().map(|s| [s, &systems[0]]).collect();
        let found = max_t(&pairs, &ratio, 199, 1).unwrap();
        found.iter().any(|c| c.p_adjusted <= 0.05)
    });
    fair(family, "max-T of clusters");
}
