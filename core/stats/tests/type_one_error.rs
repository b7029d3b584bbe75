//! When two systems are equally good, tests at level 0.05 reject at most 5% of the time.
//!
//! Seeds are fixed, so these tests give one answer for ever; the bounds say how surprising another would have been. For S
//! simulations the number of rejections of an exact test is Binomial(S, 0.05): at S = 400 below 5 or above 40 each have
//! probability under 1 in 10,000.

// clippy.toml allows this in test functions; here the functions they share need it too.
#![allow(clippy::unwrap_used)]

use mergelab_stats::philox::{Philox, Purpose};
use mergelab_stats::*;

const SIMULATIONS: u64 = 400;
const RESAMPLES: usize = 199;
const FEWEST: usize = 5;
const MOST: usize = 40;

/// Rejections at level 0.05 among simulations of `p_value`.
fn rejections(p_value: impl Fn(&mut Philox) -> f64) -> usize {
    (0..SIMULATIONS)
        .filter(|&simulation| {
            p_value(&mut Philox::new(2024, Purpose::Simulation, simulation)) <= 0.05
        })
        .count()
}

/// Exponential noise: skewed, so that only the exchange of systems makes the difference symmetric.
fn noise(random: &mut Philox) -> f64 {
    -(1.0 - random.uniform()).ln()
}

#[test]
fn mcnemar_is_conservative_and_mid_p_is_close() {
    let outcomes = |random: &mut Philox| {
        let right = |random: &mut Philox| (0..60).map(|_| random.uniform() < 0.7).collect();
        let (a, b): (Vec<bool>, Vec<bool>) = (right(random), right(random));
        mcnemar(&a, &b).unwrap()
    };
    let exact = rejections(|random| outcomes(random).p_value);
    let mid = rejections(|random| outcomes(random).p_mid);
    assert!(exact <= MOST, "{exact}");
    assert!((FEWEST..=MOST).contains(&mid), "{mid}");
    assert!(exact <= mid);
}

#[test]
fn sign_flip_has_its_level() {
    let count = rejections(|random| {
        let d: Vec<f64> = (0..30).map(|_| noise(random) - noise(random)).collect();
        sign_flip(&d, RESAMPLES, 1).unwrap().p_value
    });
    assert!((FEWEST..=MOST).contains(&count), "{count}");
}

#[test]
fn clustered_sign_flip_has_its_level_where_the_plain_one_does_not() {
    let clusters: Vec<u32> = (0..60).map(|i| i / 4).collect();
    let d = |random: &mut Philox| -> Vec<f64> {
        let shared: Vec<f64> = (0..15).map(|_| noise(random) - noise(random)).collect();
        clusters
            .iter()
            .map(|&c| shared[c as usize] + 0.3 * (noise(random) - noise(random)))
            .collect()
    };
    let clustered = rejections(|random| {
        let d = d(random);
        sign_flip_clustered(&d, &clusters, RESAMPLES, 1)
            .unwrap()
            .p_value
    });
    let plain = rejections(|random| sign_flip(&d(random), RESAMPLES, 1).unwrap().p_value);
    assert!((FEWEST..=MOST).contains(&clustered), "{clustered}");
    assert!(plain > 2 * MOST, "{plain}");
}

#[test]
fn approximate_randomisation_of_f1_is_not_liberal() {
    let f1 = EachRow(|s: &[f64], _: f64| {
        let denominator = 2.0 * s[0] + s[1] + s[2];
        if denominator > 0.0 {
            2.0 * s[0] / denominator
        } else {
            0.0
        }
    });
    let count = rejections(|random| {
        let gold: Vec<bool> = (0..40).map(|_| random.uniform() < 0.3).collect();
        let mut system = || {
            let rows = gold.iter().flat_map(|&gold| {
                let predicted = gold ^ (random.uniform() < 0.25);
                [gold && predicted, !gold && predicted, gold && !predicted]
                    .map(|count| f64::from(u8::from(count)))
            });
            Statistics::new(rows.collect(), 3).unwrap()
        };
        let (a, b) = (system(), system());
        approximate_randomisation(&a, &b, &f1, RESAMPLES, 1)
            .unwrap()
            .p_value
    });
    // Ties between exchanges can only lower the number of rejections.
    assert!(count > 0 && count <= MOST, "{count}");
}

#[test]
fn max_t_controls_the_family() {
    let count = rejections(|random| {
        let mut system = || Statistics::from_values((0..30).map(|_| noise(random)).collect());
        let systems: Vec<Statistics> = (0..4).map(|_| system().unwrap()).collect();
        let pairs: Vec<[&Statistics; 2]> = systems[1..].iter().map(|s| [s, &systems[0]]).collect();
        let family = max_t(&pairs, &Mean, RESAMPLES, 1).unwrap();
        family.iter().map(|c| c.p_adjusted).fold(1.0, f64::min)
    });
    assert!((FEWEST..=MOST).contains(&count), "{count}");
}

// Two of five systems are truly better than the reference, and by different amounts; to find any of the other three
// is the error. A correction that only held where all are equal would fail here, and so would one that steps down past
// a hypothesis that it did not reject.
#[test]
fn max_t_controls_the_family_where_some_are_better() {
    let family = |random: &mut Philox| {
        let hard: Vec<f64> = (0..30).map(|_| 3.0 * random.uniform()).collect();
        let mut system = |better: f64| {
            let scores = hard.iter().map(|hard| hard + better + noise(random));
            Statistics::from_values(scores.collect()).unwrap()
        };
        let [reference, a, b, c, d, e] = [0.0, 2.0, 0.0, 1.0, 0.0, 0.0].map(&mut system);
        let pairs = [&a, &b, &c, &d, &e].map(|system| [system, &reference]);
        max_t(&pairs, &Mean, RESAMPLES, 1).unwrap()
    };
    let of = |members: &'static [usize]| {
        rejections(|random| {
            let found = family(random);
            let p = members.iter().map(|&member| found[member].p_adjusted);
            p.fold(1.0, f64::min)
        })
    };
    let (errors, findings) = (of(&[1, 3, 4]), of(&[0, 2]));
    assert!((FEWEST..=MOST).contains(&errors), "{errors}");
    assert!(findings > 350, "{findings}");
}

// Pairs with a reference each, such as the models of two runs: half are alike on every example, as merges of the same
// experts nearly are.
#[test]
fn max_t_of_pairs_controls_the_family() {
    let count = rejections(|random| {
        let mut system = || -> Vec<f64> { (0..30).map(|_| noise(random)).collect() };
        let shared = [system(), system()];
        let mut pairs = vec![shared.clone(), shared];
        pairs.extend((0..3).map(|_| [system(), system()]));
        let pairs: Vec<[Statistics; 2]> = pairs
            .into_iter()
            .map(|pair| pair.map(|values| Statistics::from_values(values).unwrap()))
            .collect();
        let pairs: Vec<[&Statistics; 2]> = pairs.iter().map(|[a, b]| [a, b]).collect();
        let family = max_t(&pairs, &Mean, RESAMPLES, 1).unwrap();
        family.iter().map(|c| c.p_adjusted).fold(1.0, f64::min)
    });
    assert!((FEWEST..=MOST).contains(&count), "{count}");
}

/// Differences in three languages of different sizes and spreads, and what each belongs to: items of their own, or
/// translations, of which the first language has all and the others some.
fn languages(random: &mut Philox, translated: bool) -> Vec<(Vec<f64>, Vec<u32>)> {
    let shared: Vec<f64> = (0..30).map(|_| noise(random) - noise(random)).collect();
    [(30, 1.0), (14, 3.0), (8, 0.5)]
        .iter()
        .enumerate()
        .map(|(number, &(size, spread))| {
            let first = if translated { 0 } else { 100 * number as u32 };
            let items = first..first + size;
            let value = |item: u32| {
                let own = spread * (noise(random) - noise(random));
                if translated {
                    shared[item as usize] + 0.5 * own
                } else {
                    own
                }
            };
            (items.clone().map(value).collect(), items.collect())
        })
        .collect()
}

#[test]
fn tests_over_languages_have_their_level() {
    for translated in [false, true] {
        let t = rejections(|random| {
            let strata = languages(random, translated);
            let strata: Vec<(&[f64], &[u32])> =
                strata.iter().map(|(d, c)| (&d[..], &c[..])).collect();
            paired_t_stratified(&strata, 0.95).unwrap().p_value
        });
        assert!((FEWEST..=MOST).contains(&t), "translated {translated}: {t}");
        // Signed ranks of what each item adds to the mean of means: they are symmetric under the null, and need not be
        // of one size.
        let ranks = rejections(|random| {
            let mut shares = std::collections::BTreeMap::new();
            for (d, items) in languages(random, translated) {
                for (value, item) in d.iter().zip(items) {
                    *shares.entry(item).or_insert(0.0) += value / d.len() as f64;
                }
            }
            let shares: Vec<f64> = shares.into_values().collect();
            wilcoxon(&shares, WilcoxonScheme::default())
                .unwrap()
                .p_value
        });
        assert!(
            (FEWEST..=MOST).contains(&ranks),
            "translated {translated}: {ranks}"
        );
    }
}
