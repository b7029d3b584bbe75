//! Agreement with scipy, statsmodels and scikit-learn, on the cases of `tests/golden/make_stats.py`.

use crate::cases::{cases, close, integers, number, numbers};
use mergelab_stats::*;
use serde_json::Value;

/// Closed forms in double precision; distribution functions add a few roundings.
const CLOSED_FORM: f64 = 1e-10;
/// statrs inverts Student's distribution by bisection to about 1e-9.
const STUDENT_QUANTILE: f64 = 1e-7;
/// The reference found the root of a score whose nuisance parameter was itself found numerically.
const NUMERICAL_ROOT: f64 = 1e-6;

#[test]
fn mcnemar_exact_and_mid_p() {
    for case in cases("mcnemar") {
        let (b, c) = (
            number(&case, "only_a") as usize,
            number(&case, "only_b") as usize,
        );
        let a = [vec![true; b], vec![false; c], vec![true; 5]].concat();
        let other = [vec![false; b], vec![true; c], vec![true; 5]].concat();
        let test = mcnemar(&a, &other).unwrap();
        close(test.p_value, number(&case, "exact"), CLOSED_FORM);
        close(test.p_mid, number(&case, "mid"), CLOSED_FORM);
    }
}

#[test]
fn sign_flip_by_enumeration() {
    for case in cases("sign_flip") {
        let test = sign_flip(&numbers(&case["d"]), 1 << 12, 0).unwrap();
        assert!(test.exact);
        // Both are counts over a power of two.
        assert_eq!(test.p_value, number(&case, "p"));
    }
}

#[test]
fn paired_t_and_its_interval() {
    for case in cases("paired_t") {
        let test = paired_t(&numbers(&case["d"]), 0.9).unwrap();
        close(test.t, number(&case, "t"), CLOSED_FORM);
        close(test.p_value, number(&case, "p"), CLOSED_FORM);
        close(test.interval.low, number(&case, "low90"), STUDENT_QUANTILE);
        close(
            test.interval.high,
            number(&case, "high90"),
            STUDENT_QUANTILE,
        );
    }
}

#[test]
fn t_over_strata() {
    for case in cases("stratified_t") {
        let strata: Vec<Vec<f64>> = case["strata"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .collect();
        let shared = case["shared"].as_bool().unwrap();
        let items: Vec<Vec<u32>> = strata
            .iter()
            .enumerate()
            .map(|(stratum, values)| {
                let first = if shared { 0 } else { 1000 * stratum as u32 };
                (0..values.len() as u32).map(|item| first + item).collect()
            })
            .collect();
        let strata: Vec<(&[f64], &[u32])> = strata
            .iter()
            .zip(&items)
            .map(|(v, i)| (&v[..], &i[..]))
            .collect();
        let test = paired_t_stratified(&strata, 0.9).unwrap();
        close(test.t, number(&case, "t"), CLOSED_FORM);
        close(test.p_value, number(&case, "p"), CLOSED_FORM);
        close(test.degrees_of_freedom, number(&case, "df"), CLOSED_FORM);
        let interval = numbers(&case["interval"]);
        close(test.interval.low, interval[0], STUDENT_QUANTILE);
        close(test.interval.high, interval[1], STUDENT_QUANTILE);
    }
}

#[test]
fn wilcoxon_under_every_scheme() {
    for case in cases("wilcoxon") {
        let scheme = WilcoxonScheme {
            zeros: match case["zeros"].as_str().unwrap() {
                "drop" => Zeros::Drop,
                "pratt" => Zeros::Pratt,
                "split" => Zeros::Split,
                other => panic!("{other}"),
            },
            null: match case["null"].as_str().unwrap() {
                "exact" => Null::Exact,
                "normal" => Null::Normal,
                "normal_continuity" => Null::NormalContinuity,
                other => panic!("{other}"),
            },
        };
        let test = wilcoxon(&numbers(&case["d"]), scheme).unwrap();
        assert_eq!(
            test.statistic(),
            number(&case, "statistic"),
            "{scheme} on {}",
            case["name"]
        );
        close(test.p_value, number(&case, "p"), CLOSED_FORM);
    }
}

fn rows(case: &Value) -> Statistics {
    let rows: Vec<Vec<f64>> = case["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    let width = rows[0].len();
    Statistics::new(rows.concat(), width).unwrap()
}

fn leave_one_out(statistics: &Statistics, value: impl Fn(&[f64], f64) -> f64) -> Vec<f64> {
    let sums = statistics.sums();
    let rest = statistics.examples() as f64 - 1.0;
    (0..statistics.examples())
        .map(|i| {
            let row = statistics.row(i).unwrap();
            let left: Vec<f64> = sums.iter().zip(row).map(|(sum, x)| sum - x).collect();
            value(&left, rest)
        })
        .collect()
}

#[test]
fn intervals_read_off_the_reference_draws() {
    for case in cases("bootstrap_intervals") {
        let statistics = rows(&case);
        let metric = |sums: &[f64], n: f64| match case["statistic"].as_str() {
            Some("mean") => sums[0] / n,
            _ => sums[0] / sums[1],
        };
        let draws = numbers(&case["draws"]);
        let level = number(&case, "level");
        let observed = value(&statistics, &EachRow(metric)).unwrap();
        let jackknife = leave_one_out(&statistics, metric);
        let bca = bca_interval(&draws, observed, &jackknife, level).unwrap();
        let expected = numbers(&case["bca"]);
        assert_eq!(bca.method, IntervalMethod::Bca);
        close(bca.low, expected[0], CLOSED_FORM);
        close(bca.high, expected[1], CLOSED_FORM);
        let percentile = percentile_interval(&draws, level).unwrap();
        let expected = numbers(&case["percentile"]);
        close(percentile.low, expected[0], CLOSED_FORM);
        close(percentile.high, expected[1], CLOSED_FORM);
    }
}

// The 2.5% quantile of B draws has sd sqrt(0.025 * 0.975 / B) / density; for a near-normal distribution the density
// there is 0.058 / sd, so with B = 20,000 the Monte-Carlo error is 0.019 sd of the draws. 0.1 sd is five of them.
#[test]
fn intervals_of_own_draws_agree_within_monte_carlo_error() {
    for case in cases("bootstrap_own_draws") {
        let options = BootstrapOptions {
            resamples: 20_000,
            interval: match case["method"].as_str() {
                Some("bca") => BootstrapInterval::Bca,
                _ => BootstrapInterval::Percentile,
            },
            ..Default::default()
        };
        let ratio = EachRow(|sums: &[f64], _: f64| sums[0] / sums[1]);
        let result = bootstrap(&rows(&case), &ratio, &options).unwrap();
        let sd = number(&case, "standard_error");
        assert!((result.standard_error / sd - 1.0).abs() < 0.05);
        assert!((result.interval.low - number(&case, "low")).abs() < 0.1 * sd);
        assert!((result.interval.high - number(&case, "high")).abs() < 0.1 * sd);
    }
}

#[test]
fn corrections() {
    for case in cases("correction") {
        let p = numbers(&case["p"]);
        for (found, key) in [
            (holm(&p), "holm"),
            (benjamini_hochberg(&p), "fdr_bh"),
            (benjamini_yekutieli(&p), "fdr_by"),
        ] {
            for (found, expected) in found.unwrap().iter().zip(numbers(&case[key])) {
                close(*found, expected, CLOSED_FORM);
            }
        }
    }
}

#[test]
fn two_one_sided_t_tests() {
    for case in cases("tost") {
        let test = tost_paired(&numbers(&case["d"]), number(&case, "margin")).unwrap();
        close(test.p_value, number(&case, "p"), CLOSED_FORM);
        close(test.p_lower, number(&case, "p_lower"), CLOSED_FORM);
        close(test.p_upper, number(&case, "p_upper"), CLOSED_FORM);
    }
}

#[test]
fn wilson() {
    for case in cases("wilson") {
        let interval = wilson_interval(
            number(&case, "successes") as u64,
            number(&case, "n") as u64,
            number(&case, "level"),
        )
        .unwrap();
        close(interval.low, number(&case, "low"), CLOSED_FORM);
        close(interval.high, number(&case, "high"), CLOSED_FORM);
    }
}

#[test]
fn paired_proportions() {
    for case in cases("paired_proportions") {
        let table = integers(&case["table"]);
        let outcomes = PairedOutcomes {
            both: table[0],
            only_a: table[1],
            only_b: table[2],
            neither: table[3],
        };
        let level = number(&case, "level");
        let tango = tango_interval(&outcomes, level).unwrap();
        let expected = numbers(&case["tango"]);
        close(tango.low, expected[0], NUMERICAL_ROOT);
        close(tango.high, expected[1], NUMERICAL_ROOT);
        let newcombe = newcombe_interval(&outcomes, level).unwrap();
        let expected = numbers(&case["newcombe"]);
        close(newcombe.low, expected[0], CLOSED_FORM);
        close(newcombe.high, expected[1], CLOSED_FORM);
        let n = outcomes.examples() as f64;
        let right = |alone: u64| (outcomes.both + alone) as f64 / n;
        let h = cohen_h(right(outcomes.only_a), right(outcomes.only_b)).unwrap();
        close(h.value, number(&case, "cohen_h"), CLOSED_FORM);
    }
}

#[test]
fn clustered_standard_errors() {
    for case in cases("clustered") {
        let values = numbers(&case["values"]);
        let clusters: Vec<u32> = integers(&case["clusters"])
            .iter()
            .map(|&c| c as u32)
            .collect();
        let clustered = clustered_standard_error(&values, &clusters).unwrap();
        close(
            clustered.standard_error,
            number(&case, "standard_error"),
            CLOSED_FORM,
        );
        let interval = clustered.interval(0.95).unwrap();
        close(interval.low, number(&case, "low"), STUDENT_QUANTILE);
        close(interval.high, number(&case, "high"), STUDENT_QUANTILE);
        close(
            standard_error(&values).unwrap().standard_error,
            number(&case, "independent_standard_error"),
            CLOSED_FORM,
        );
    }
}

/// Per class: true positives, false positives, false negatives.
fn confusion(gold: &[u64], predicted: &[u64], classes: usize) -> Statistics {
    let mut rows = vec![0.0; gold.len() * classes * 3];
    for (row, (&gold, &predicted)) in rows
        .chunks_exact_mut(classes * 3)
        .zip(gold.iter().zip(predicted))
    {
        let (gold, predicted) = (gold as usize, predicted as usize);
        if gold == predicted {
            row[3 * gold] = 1.0;
        } else {
            row[3 * predicted + 1] = 1.0;
            row[3 * gold + 2] = 1.0;
        }
    }
    Statistics::new(rows, classes * 3).unwrap()
}

fn macro_f1(sums: &[f64], _examples: f64) -> f64 {
    let classes = sums.chunks_exact(3);
    let count = classes.len() as f64;
    let f1 = classes.map(|s| {
        let denominator = 2.0 * s[0] + s[1] + s[2];
        if denominator > 0.0 {
            2.0 * s[0] / denominator
        } else {
            0.0
        }
    });
    f1.sum::<f64>() / count
}

#[test]
fn macro_f1_randomisation_by_enumeration() {
    for case in cases("macro_f1") {
        let classes = number(&case, "classes") as usize;
        let gold = integers(&case["gold"]);
        let a = confusion(&gold, &integers(&case["a"]), classes);
        let b = confusion(&gold, &integers(&case["b"]), classes);
        let metric = EachRow(macro_f1);
        close(
            value(&a, &metric).unwrap(),
            number(&case, "value_a"),
            CLOSED_FORM,
        );
        let test = approximate_randomisation(&a, &b, &metric, 1 << 12, 0).unwrap();
        close(test.difference, number(&case, "difference"), CLOSED_FORM);
        assert!(test.exact);
        assert_eq!(test.p_value, number(&case, "p"));
    }
}

#[test]
fn power() {
    for case in cases("power") {
        let [sd, n, alpha, power] = ["sd", "n", "alpha", "power"].map(|key| number(&case, key));
        let mde = minimum_detectable_effect(sd, n, alpha, power).unwrap();
        close(mde, number(&case, "mde"), CLOSED_FORM);
        let needed = sample_size_equivalence(0.02, sd, alpha, power).unwrap();
        assert_eq!(needed, case["n_equivalence"].as_u64().unwrap());
    }
}
