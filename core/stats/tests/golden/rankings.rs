//! Rankings, sets, dominance, BLEU and replicates against scipy, scikit-posthocs, arch, sacrebleu and statsmodels, on the
//! cases of `tests/golden/make_stats.py`.

use crate::cases::{cases, close, number, numbers};
use mergelab_stats::*;

/// Closed forms in double precision; distribution functions add a few roundings.
const CLOSED_FORM: f64 = 1e-9;

#[test]
fn friedman_nemenyi_and_wilcoxon_holm() {
    for case in cases("ranking") {
        let systems = number(&case, "systems") as usize;
        let values = numbers(&case["values"]);
        let found = friedman(&values, systems).unwrap();
        for (found, expected) in found
            .average_ranks
            .iter()
            .zip(numbers(&case["average_ranks"]))
        {
            close(*found, expected, CLOSED_FORM);
        }
        close(found.chi_squared, number(&case, "chi_squared"), CLOSED_FORM);
        close(
            found.p_chi_squared,
            number(&case, "p_chi_squared"),
            CLOSED_FORM,
        );
        close(found.f, number(&case, "f"), CLOSED_FORM);
        close(found.p_value, number(&case, "p"), CLOSED_FORM);
        let (ranks, signs) = (nemenyi(&found), wilcoxon_holm(&values, systems).unwrap());
        let pairs = (0..systems).flat_map(|i| (i + 1..systems).map(move |j| (i, j)));
        let expected = numbers(&case["nemenyi"])
            .into_iter()
            .zip(numbers(&case["wilcoxon_holm"]));
        for ((i, j), (by_rank, by_sign)) in pairs.zip(expected) {
            // The reference integrates the studentized range numerically.
            close(ranks.p_value(i, j).unwrap(), by_rank, 1e-6);
            close(signs.p_value(i, j).unwrap(), by_sign, CLOSED_FORM);
        }
    }
}

#[test]
fn critical_differences() {
    for case in cases("critical_difference") {
        let [systems, blocks, alpha] = ["systems", "blocks", "alpha"].map(|key| number(&case, key));
        let found = critical_difference(systems as usize, blocks as usize, alpha).unwrap();
        // The reference inverts a numerical integral.
        close(found, number(&case, "cd"), 1e-5);
    }
}

// The reference counts draws above the observed statistic; here the observed arrangement counts too.
#[test]
fn confidence_sets_of_the_same_draws() {
    for case in cases("confidence_set") {
        let joint =
            JointBootstrap::from_draws(numbers(&case["values"]), numbers(&case["draws"])).unwrap();
        let set = model_confidence_set(&joint, 0.1, false).unwrap();
        let resamples = joint.resamples as f64;
        for (found, expected) in set.p_values.iter().zip(numbers(&case["p"])) {
            let expected = (1.0 + expected * resamples) / (1.0 + resamples);
            close(*found, expected, CLOSED_FORM);
        }
    }
}

// The reference integrates on 200,000 quantiles. Its bound has 20,000 draws on a grid of 2,000 quantiles. Where a is
// ahead nearly everywhere most draws are 0 and few are large: with a kurtosis of 30 the standard deviation of 20,000 draws
// has a relative error of 2%, the ratio of two 3%; 15% is five of them.
#[test]
fn almost_stochastic_orders() {
    for case in cases("dominance") {
        let (a, b) = (numbers(&case["a"]), numbers(&case["b"]));
        let found = almost_stochastic_order(&a, &b, 0.95, 20_000, 7).unwrap();
        close(
            found.violation_ratio,
            number(&case, "violation_ratio"),
            1e-4,
        );
        let bound = number(&case, "violation_ratio") + 1.644_853_626_951 * number(&case, "sd");
        let tolerance = 0.15 * 1.645 * number(&case, "sd") + 1e-3;
        close(found.min_epsilon, bound.clamp(0.0, 1.0), tolerance);
        let delta = cliffs_delta(&a, &b).unwrap();
        close(delta.value, number(&case, "cliffs_delta"), CLOSED_FORM);
    }
}

/// Corpus BLEU with exponential smoothing from lengths, n-gram matches and n-gram counts.
fn bleu(s: &[f64], _: f64) -> f64 {
    let (mut smooth, mut log) = (1.0, 0.0);
    for order in 0..4 {
        let (matches, total) = (s[2 + order], s[6 + order]);
        if total == 0.0 {
            return 0.0;
        }
        let precision = if matches == 0.0 {
            smooth *= 2.0;
            100.0 / (smooth * total)
        } else {
            100.0 * matches / total
        };
        log += precision.ln() / 4.0;
    }
    let brevity = if s[0] < s[1] { 1.0 - s[1] / s[0] } else { 0.0 };
    (log + brevity).exp()
}

// Both p-values are shares of 10,000 exchanges: their difference has sd sqrt(2 p (1 - p) / 10000); five of it.
#[test]
fn approximate_randomisation_of_bleu() {
    for case in cases("bleu") {
        let system = |key: &str| {
            let rows = case[key].as_array().unwrap().iter().flat_map(numbers);
            Statistics::new(rows.collect(), 10).unwrap()
        };
        let (a, b) = (system("a"), system("b"));
        let metric = EachRow(bleu);
        close(
            value(&a, &metric).unwrap(),
            number(&case, "value_a"),
            CLOSED_FORM,
        );
        close(
            value(&b, &metric).unwrap(),
            number(&case, "value_b"),
            CLOSED_FORM,
        );
        let test = approximate_randomisation(&a, &b, &metric, 10_000, 1).unwrap();
        let expected = number(&case, "p");
        let sd = (2.0 * expected * (1.0 - expected) / number(&case, "trials")).sqrt();
        assert!(
            (test.p_value - expected).abs() < 5.0 * sd + 1e-4,
            "{} {expected}",
            test.p_value
        );
    }
}

// The reference's variance by items holds the noise of each run on each item once, and so does that by replicates: the
// sum of both less that noise is the two-way variance.
#[test]
fn two_way_variances() {
    for case in cases("two_way") {
        let systems: Vec<Statistics> = case["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| Statistics::from_values(numbers(run)).unwrap())
            .collect();
        let all: Vec<&Statistics> = systems.iter().collect();
        let found = replicated_t(&all, &[], &Mean).unwrap();
        close(found.unit_variance, number(&case, "by_items"), CLOSED_FORM);
        let expected = (number(&case, "by_replicates") - number(&case, "residual")).max(0.0);
        close(found.replicate_variance, expected, CLOSED_FORM);
    }
}
