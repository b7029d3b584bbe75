//! The unweighted mean of a measure over languages, of one model or of a model and a baseline.

use std::collections::{BTreeMap, BTreeSet};

use mergelab_abi::metric::Shape;
use mergelab_stats::{
    Bootstrap, IntervalMethod, PairedT, Statistics, StatsError, Stratum, approximate_randomisation,
    bootstrap, paired_bootstrap, paired_t_stratified, sign_flip, stratified_bootstrap,
    tost_bootstrap, value,
};

use super::aggregate::MacroAverage;
use super::choice::IntervalChoice;
use super::error::unless_undefined;
use super::names::CiMethod;
use super::over_items::{Over, OverItems, meant, name, other_interval, ranks};
use super::paired::{Outcome, Plan};
use super::part::Part;
use super::stream::stream;

/// Compares two systems on the mean over languages. Every language has one part.
///
/// All examples of an item are exchanged together, in every language. Where languages share no
/// item this exchanges them independently.
pub(super) fn compare(
    parts: &[Part<'_>],
    shape: Shape,
    plan: &Plan<'_>,
) -> Result<Outcome, StatsError> {
    let items = items(parts);
    let metric = metric(parts);
    let systems = [encode(parts, &items, 0)?, encode(parts, &items, 1)?];
    let resamples = plan.settings.resamples;
    let (test, replaced) = meant(plan.chosen.test, shape, Over::Languages);
    let mut found = Outcome::new(name(test, true, Over::Languages), items.len());
    found.notes.extend(replaced);
    let (draws, method) = draws(parts, plan);
    let draws = unless_undefined(draws, &mut found.notes)?;
    let t_test = || student(parts, plan, Part::differences);
    // The p-value, whether it is free of Monte-Carlo error, and of ranks whether they are exact.
    let tested = match test {
        OverItems::Signs => sign_flip(&shares(parts, &items), resamples, plan.seed)
            .map(|test| Some((test.p_value, test.exact, true))),
        OverItems::Ranks => {
            ranks(&shares(parts, &items)).map(|(test, exact)| Some((test.p_value, true, exact)))
        }
        OverItems::Exchange => {
            let [a, b] = &systems;
            approximate_randomisation(a, b, &metric, resamples, plan.seed)
                .map(|test| Some((test.p_value, test.exact, true)))
        }
        OverItems::Student => t_test().map(|test| Some((test.p_value, true, true))),
        OverItems::Bootstrap => Ok(draws.as_ref().map(|draws| (draws.p_shift(), false, true))),
    };
    if let Some((p_value, exact, ranked)) = unless_undefined(tested, &mut found.notes)?.flatten() {
        found.test = name(test, ranked, Over::Languages);
        found.p_value = Some(p_value);
        found.exact = exact;
    }
    let values = value(&systems[0], &metric).and_then(|a| Ok([a, value(&systems[1], &metric)?]));
    let Some(values) = unless_undefined(values, &mut found.notes)? else {
        return Ok(found);
    };
    found.values = Some(values);
    found.difference = Some(values[0] - values[1]);
    if let Some(draws) = draws {
        found.interval = Some((draws.interval, method));
        found.standardise(&draws);
        found.detectable = plan.detectable(draws.standard_error)?;
        plan.margins(&mut found, |margin| tost_bootstrap(&draws, margin))?;
    }
    if plan.chosen.interval == Some(IntervalChoice::StudentT) {
        let interval = unless_undefined(t_test(), &mut found.notes)?;
        found.interval = interval.map(|test| (test.interval, CiMethod::MacroT));
    }
    let other = other_interval(plan.chosen.interval, Over::Languages);
    found.notes.extend(other);
    Ok(found)
}

/// Student's t of the mean over languages of the values that `of` gives.
pub(super) fn student<'a>(
    parts: &[Part<'a>],
    plan: &Plan<'_>,
    of: impl Fn(&Part<'a>) -> Vec<f64>,
) -> Result<PairedT, StatsError> {
    let items = items(parts);
    let strata: Vec<(Vec<f64>, Vec<u32>)> = parts
        .iter()
        .map(|part| {
            // `Statistics::new` bounds the number of examples, hence of items, by u32::MAX.
            let clusters = part.items.iter().map(|item| items[item] as u32);
            (of(part), clusters.collect())
        })
        .collect();
    let strata: Vec<(&[f64], &[u32])> = strata.iter().map(|(v, c)| (&v[..], &c[..])).collect();
    paired_t_stratified(&strata, plan.settings.level)
}

/// The mean over languages of one model's values.
pub(super) fn mean(parts: &[Part<'_>]) -> Result<f64, StatsError> {
    value(&encode(parts, &items(parts), 0)?, &metric(parts))
}

/// The bootstrap of one model's mean over languages, or of the difference of two.
///
/// Items that languages share are resampled with all their examples. Where no two languages share
/// one, each is resampled on its own, so that every resample has as many examples of a language as
/// the test set.
pub(super) fn draws(
    parts: &[Part<'_>],
    plan: &Plan<'_>,
) -> (Result<Bootstrap, StatsError>, CiMethod) {
    let items = items(parts);
    let distinct: usize = parts
        .iter()
        .map(|part| part.items.iter().collect::<BTreeSet<_>>().len())
        .sum();
    if distinct > items.len() {
        let draws = joint(parts, &items, plan);
        let method = match &draws {
            Ok(draws) if draws.interval.method == IntervalMethod::Bca => {
                CiMethod::JointBootstrapBca
            }
            _ => CiMethod::JointBootstrap,
        };
        (draws, method)
    } else {
        let draws = stratified(parts, plan);
        let method = match &draws {
            Ok(draws) if draws.interval.method == IntervalMethod::Bca => {
                CiMethod::StratifiedBootstrapBca
            }
            _ => CiMethod::StratifiedBootstrap,
        };
        (draws, method)
    }
}

fn joint(
    parts: &[Part<'_>],
    items: &BTreeMap<&str, usize>,
    plan: &Plan<'_>,
) -> Result<Bootstrap, StatsError> {
    let systems = parts.first().map_or(0, |part| part.systems.len());
    let metric = metric(parts);
    let first = encode(parts, items, 0)?;
    if systems == 1 {
        return bootstrap(&first, &metric, &plan.bootstrap());
    }
    let second = encode(parts, items, 1)?;
    paired_bootstrap(&first, &second, &metric, &plan.bootstrap())
}

fn stratified(parts: &[Part<'_>], plan: &Plan<'_>) -> Result<Bootstrap, StatsError> {
    let systems = parts
        .iter()
        .map(|part| {
            let second = (part.systems.len() > 1).then(|| part.system(1));
            Ok((part.system(0)?, second.transpose()?))
        })
        .collect::<Result<Vec<_>, StatsError>>()?;
    let strata: Vec<Stratum<'_>> = systems
        .iter()
        .zip(parts)
        .enumerate()
        .map(|(number, ((a, b), part))| Stratum {
            a,
            b: b.as_ref(),
            aggregate: part.metric.as_ref(),
            seed: stream(plan.seed, &[&number.to_string()]),
        })
        .collect();
    stratified_bootstrap(&strata, &plan.bootstrap())
}

/// All items of all languages, numbered in the order of their names.
pub(super) fn items<'a>(parts: &[Part<'a>]) -> BTreeMap<&'a str, usize> {
    let all = parts.iter().flat_map(|part| part.items.iter().copied());
    let mut items: BTreeMap<&str, usize> = all.map(|item| (item, 0)).collect();
    for (number, value) in items.values_mut().enumerate() {
        *value = number;
    }
    items
}

pub(super) fn metric(parts: &[Part<'_>]) -> MacroAverage {
    MacroAverage {
        languages: parts
            .iter()
            .map(|part| (part.systems[0].width(), part.metric.clone()))
            .collect(),
    }
}

/// One row an item: for each language its summed statistics and how many examples it has there, as
/// [`MacroAverage`] reads them.
pub(super) fn encode(
    parts: &[Part<'_>],
    items: &BTreeMap<&str, usize>,
    system: usize,
) -> Result<Statistics, StatsError> {
    let stride: usize = parts.iter().map(|p| p.systems[system].width() + 1).sum();
    let mut rows = vec![0.0; items.len() * stride];
    let mut offset = 0;
    for part in parts {
        let statistics = &part.systems[system];
        let width = statistics.width();
        for (example, item) in part.items.iter().enumerate() {
            let block = &mut rows[items[item] * stride + offset..][..width + 1];
            for (sum, value) in block.iter_mut().zip(statistics.row(example).unwrap_or(&[])) {
                *sum += value;
            }
            block[width] += 1.0;
        }
        offset += width + 1;
    }
    Statistics::new(rows, stride)
}

/// What each item contributes to the difference of two means over languages, times the number of
/// items: the mean of these numbers is the difference.
fn shares(parts: &[Part<'_>], items: &BTreeMap<&str, usize>) -> Vec<f64> {
    let mut shares = vec![0.0; items.len()];
    for part in parts {
        let weight = items.len() as f64 / (parts.len() * part.examples()) as f64;
        for (item, difference) in part.items.iter().zip(part.differences()) {
            shares[items[item]] += weight * difference;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use crate::cell::Cell;
    use crate::compare::fixture::{
        Source, TestedShare, binary, f1, mean, models, noise, row, scores, settings,
    };
    use crate::compare::{
        Choice, CiMethod, Comparison, IntervalChoice, MetricSource, Settings, SourceError, Test,
        TestChoice, comparisons, values,
    };

    #[test]
    fn means_over_languages_weigh_languages_and_not_examples() {
        let cells = [
            mean("joint", "t", "de", &[0.5; 10]),
            mean("joint", "t", "en", &[0.5; 30]),
            mean("m", "t", "de", &[0.7; 10]),
            mean("m", "t", "en", &[0.4; 30]),
            mean("expert", "t", "de", &[0.9; 10]),
        ];
        let labels = models(&["m", "expert"]);
        let rows = comparisons(&cells, &labels, &Source, &settings()).unwrap();
        let all = row(&rows, "m", "all");
        assert!((all.difference.unwrap() - 0.05).abs() < 1e-12);
        assert_eq!((all.n, all.units), (40, 40));
        assert_eq!(all.test, Test::SignFlipMacro);
        assert_eq!(all.ci_method, Some(CiMethod::StratifiedBootstrap));
        assert_eq!(all.dataset, "t-data");
        // A model without a language has no mean over all of them.
        assert!(
            !rows
                .iter()
                .any(|r| r.model == "expert" && r.language == "all")
        );
        let values = values(&cells, &[], &Source, &settings()).unwrap();
        let all: Vec<_> = values.iter().filter(|v| v.language == "all").collect();
        assert_eq!(all.len(), 2);
        assert!((all[1].value.unwrap() - 0.55).abs() < 1e-12);
        assert_eq!((all[1].n, all[1].cell_key.as_str()), (40, ""));
    }

    #[test]
    fn translations_are_exchanged_together() {
        let parallel = |mut cell: Cell| {
            cell.ids = (0..cell.ids.len()).map(|i| format!("item-{i}")).collect();
            cell
        };
        let three = [[0, 1].repeat(3), [1, 0].repeat(3)];
        let cells: Vec<Cell> = ["de", "en", "fr"]
            .iter()
            .flat_map(|language| {
                [
                    binary("joint", "a", language, &[0; 6]),
                    binary("m", "a", language, &[1; 6]),
                    f1("joint", "b", language, &three[0], &three[1]),
                    f1("m", "b", language, &three[0], &three[0]),
                ]
            })
            .map(parallel)
            .collect();
        let rows = comparisons(&cells, &models(&["m"]), &Source, &settings()).unwrap();
        let all: Vec<_> = rows.iter().filter(|r| r.language == "all").collect();
        for row in &all {
            // Six items in three languages are six exchanges, not eighteen.
            assert_eq!((row.n, row.units, row.exact), (18, 6, true));
            assert_eq!(row.p_value, Some(2.0 / 64.0));
            assert_eq!(row.ci_method, Some(CiMethod::JointBootstrap));
            assert_eq!(row.difference, Some(1.0));
        }
        assert_eq!(all[0].test, Test::SignFlipMacro);
        assert_eq!(all[1].test, Test::ApproximateRandomisationMacro);
    }

    // For a mean both tests exchange the same items with the same random numbers.
    #[test]
    fn both_tests_of_an_average_agree_on_a_mean() {
        let with = |model: &str, language: &str, salt| {
            let given: Vec<usize> = noise(25, salt)
                .iter()
                .map(|&x| usize::from(x > 0.5))
                .collect();
            let mut cell = f1(model, "t", language, &[1; 25], &given);
            let f1 = &mut cell.metrics[0];
            f1.measures[1].tested = true;
            let right: Vec<f64> = given.iter().map(|&g| g as f64).collect();
            cell.metrics
                .push(scores("hit", mergelab_abi::metric::Shape::Mean, 1, right));
            cell
        };
        let cells = [
            with("joint", "de", 1),
            with("joint", "en", 2),
            with("m", "de", 3),
            with("m", "en", 4),
        ];
        struct Tested;
        impl MetricSource for Tested {
            fn metric(
                &self,
                _: &str,
                _: &serde_json::Map<String, serde_json::Value>,
                _: &str,
                _: &[String],
            ) -> Result<std::sync::Arc<dyn mergelab_abi::metric::Metric>, SourceError> {
                Ok(std::sync::Arc::new(TestedShare))
            }
        }
        let settings = Settings {
            resamples: 20_000,
            ..settings()
        };
        let rows = comparisons(&cells, &models(&["m"]), &Tested, &settings).unwrap();
        let find = |name: &str| {
            let found = |r: &&Comparison| r.measure.name == name && r.language == "all";
            rows.iter().find(found).unwrap()
        };
        let (share, hit) = (find("share_yes"), find("hit"));
        assert_eq!(share.test, Test::ApproximateRandomisationMacro);
        assert!((share.difference.unwrap() - hit.difference.unwrap()).abs() < 1e-12);
        // Two estimates of one p from 20,000 exchanges each: sd of the difference at most 0.005.
        assert!((share.p_value.unwrap() - hit.p_value.unwrap()).abs() < 0.025);
        assert!((share.detectable.unwrap() / hit.detectable.unwrap() - 1.0).abs() < 0.05);
    }

    /// The standard error behind the minimum detectable effect at alpha 0.05 and power 0.8.
    fn error_of(row: &Comparison) -> f64 {
        row.detectable.unwrap() / (1.959_964 + 0.841_621)
    }

    // 4,000 resamples give a standard error to 1.1%; 6% is five of that.
    #[test]
    fn languages_without_shared_items_add_their_variances() {
        let cells = [
            mean("joint", "t", "de", &noise(40, 1)),
            mean("joint", "t", "en", &noise(90, 2)),
            mean("m", "t", "de", &noise(40, 3)),
            mean("m", "t", "en", &noise(90, 4)),
        ];
        let settings = Settings {
            resamples: 4_000,
            ..settings()
        };
        let rows = comparisons(&cells, &models(&["m"]), &Source, &settings).unwrap();
        let [de, en, all] = ["de", "en", "all"].map(|language| error_of(row(&rows, "m", language)));
        let expected = (de * de + en * en).sqrt() / 2.0;
        assert!((all / expected - 1.0).abs() < 0.06, "{all}, not {expected}");
    }

    // What is the same in both languages is no second piece of evidence.
    #[test]
    fn translations_are_no_new_evidence() {
        let parallel = |model: &str, language: &str, salt| {
            let mut cell = mean(model, "t", language, &noise(60, salt));
            cell.clusters = Some((0..60).map(|i| format!("item-{i}")).collect());
            cell
        };
        let cells = [
            parallel("joint", "de", 1),
            parallel("joint", "en", 1),
            parallel("m", "de", 2),
            parallel("m", "en", 2),
        ];
        let settings = Settings {
            resamples: 4_000,
            ..settings()
        };
        let rows = comparisons(&cells, &models(&["m"]), &Source, &settings).unwrap();
        let (de, all) = (row(&rows, "m", "de"), row(&rows, "m", "all"));
        assert_eq!(
            (de.test, all.ci_method),
            (Test::SignFlip, Some(CiMethod::JointBootstrap))
        );
        assert!((error_of(all) / error_of(de) - 1.0).abs() < 0.06);
    }

    /// Two models in two languages of different sizes: 0/1 scores, means and macro F1.
    fn two_languages() -> Vec<Cell> {
        let mut cells = Vec::new();
        for (number, (language, size)) in [("de", 30), ("en", 14)].iter().enumerate() {
            for (salt, model) in ["joint", "m"].iter().enumerate() {
                let salt = 2 * number + salt + 1;
                let share = |i: usize| (i * (salt + 2)) % 7;
                let right: Vec<u8> = (0..*size).map(|i| u8::from(share(i) > 2)).collect();
                let gold: Vec<usize> = (0..*size).map(|i| i % 2).collect();
                let given: Vec<usize> = (0..*size).map(|i| share(i) % 2).collect();
                cells.push(binary(model, "a", language, &right));
                cells.push(mean(model, "b", language, &noise(*size, salt)));
                cells.push(f1(model, "c", language, &gold, &given));
            }
        }
        cells
    }

    fn chosen(task: &str, test: TestChoice, interval: Option<IntervalChoice>) -> Comparison {
        let settings = Settings {
            tests: vec![Choice {
                task: Some(task.to_owned()),
                measure: None,
                test: Some(test),
                interval,
            }],
            ..settings()
        };
        let rows = comparisons(&two_languages(), &models(&["m"]), &Source, &settings).unwrap();
        let own = |row: &&Comparison| row.task == task && row.language == "all";
        rows.iter().find(own).unwrap().clone()
    }

    #[test]
    fn a_choice_holds_for_means_over_languages() {
        use {IntervalChoice as I, TestChoice as T};
        for (task, test, interval, names) in [
            ("a", T::PairedT, I::StudentT, ("paired_t_macro", "macro_t")),
            (
                "a",
                T::SignFlip,
                I::Bca,
                ("sign_flip_macro", "stratified_bootstrap_bca"),
            ),
            (
                "b",
                T::Wilcoxon,
                I::Bca,
                ("wilcoxon_exact_macro", "stratified_bootstrap_bca"),
            ),
            (
                "b",
                T::Bootstrap,
                I::StudentT,
                ("bootstrap_macro", "macro_t"),
            ),
            (
                "b",
                T::ApproximateRandomisation,
                I::Percentile,
                ("approximate_randomisation_macro", "stratified_bootstrap"),
            ),
            (
                "c",
                T::Bootstrap,
                I::Bca,
                ("bootstrap_macro", "stratified_bootstrap_bca"),
            ),
        ] {
            let row = chosen(task, test, Some(interval));
            let found = (row.test.name(), row.ci_method.unwrap().name());
            assert_eq!(found, names);
            let p = row.p_value.unwrap();
            assert!(p > 0.0 && p <= 1.0, "{p}");
            assert!(row.ci_low < row.difference && row.difference < row.ci_high);
            assert_eq!(row.resamples == 0, names == ("paired_t_macro", "macro_t"));
            assert_eq!(row.note, "");
        }
    }

    // Means are the same number whether signs are flipped or systems exchanged, under the same exchanges.
    #[test]
    fn chosen_tests_of_one_mean_agree() {
        let p = |test| chosen("b", test, None).p_value.unwrap();
        let signs = p(TestChoice::SignFlip);
        assert!((signs - p(TestChoice::ApproximateRandomisation)).abs() < 0.02);
        // Three approximations of one tail: they differ by a few hundredths at most.
        for test in [TestChoice::PairedT, TestChoice::Bootstrap] {
            assert!((signs - p(test)).abs() < 0.06, "{signs} {}", p(test));
        }
        let t = chosen("b", TestChoice::PairedT, Some(IntervalChoice::StudentT));
        let outside = t.ci_low.unwrap() > 0.0 || t.ci_high.unwrap() < 0.0;
        assert_eq!(outside, t.p_value.unwrap() < 0.05, "{t:?}");
    }

    #[test]
    fn what_has_no_meaning_over_languages_is_replaced_and_said() {
        let row = chosen("a", TestChoice::Mcnemar, Some(IntervalChoice::Tango));
        assert_eq!(row.test, Test::SignFlipMacro);
        assert_eq!(row.ci_method, Some(CiMethod::StratifiedBootstrap));
        let words = ["sign_flip and not mcnemar", "percentile and not tango"];
        assert!(words.iter().all(|w| row.note.contains(w)), "{}", row.note);
    }

    #[test]
    fn intervals_of_values_follow_the_choice() {
        let settings = Settings {
            tests: vec![Choice {
                interval: Some(IntervalChoice::StudentT),
                ..Choice::default()
            }],
            ..settings()
        };
        let found = values(&two_languages(), &[], &Source, &settings).unwrap();
        let all = found.iter().filter(|v| v.language == "all");
        let methods: Vec<_> = all.map(|v| (v.task.as_str(), v.ci_method)).collect();
        assert!(methods.contains(&("a", CiMethod::MacroT)), "{methods:?}");
        assert!(methods.contains(&("b", CiMethod::MacroT)));
        assert!(methods.contains(&("c", CiMethod::StratifiedBootstrap)));
    }
}
