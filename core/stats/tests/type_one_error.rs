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
        let others: Vec<&Statistics> = systems[1..].iter().collect();
        let family = max_t(&systems[0], &others, &Mean, RESAMPLES, 1).unwrap();
        family.iter().map(|c| c.p_adjusted).fold(1.0, f64::min)
    });
    assert!((FEWEST..=MOST).contains(&count), "{count}");
}
