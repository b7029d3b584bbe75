//! The test and the interval that the manifest asks for, in the place of the default ones.

use mergelab_stats::{
    BootstrapInterval, BootstrapOptions, IntervalMethod, Null, PairedOutcomes, PairedT, StatsError,
    WilcoxonScheme, Zeros, approximate_randomisation, mcnemar, newcombe_interval, paired_bootstrap,
    paired_t, paired_t_clustered, sign_flip, sign_flip_clustered, tango_interval, wilcoxon,
};

use super::choice::{IntervalChoice, TestChoice};
use super::error::unless_undefined;
use super::names::{CiMethod, Test};
use super::paired::{Outcome, Plan};
use super::part::Part;

/// Puts the p-value of the chosen test in the place of the default one's.
pub(super) fn retest(
    found: &mut Outcome,
    part: &Part<'_>,
    test: TestChoice,
    plan: &Plan<'_>,
) -> Result<(), StatsError> {
    let resamples = plan.settings.resamples;
    let clusters = part.clusters();
    let (name, p_value, exact) = match test {
        TestChoice::Mcnemar | TestChoice::McnemarMidP => {
            let found = mcnemar(&right(part, 0), &right(part, 1))?;
            if test == TestChoice::Mcnemar {
                (Test::McnemarExact, found.p_value, true)
            } else {
                (Test::McnemarMidP, found.p_mid, true)
            }
        }
        TestChoice::SignFlip if part.clustered => {
            let found = sign_flip_clustered(&part.differences(), &clusters, resamples, plan.seed)?;
            (Test::SignFlipClustered, found.p_value, found.exact)
        }
        TestChoice::SignFlip => {
            let found = sign_flip(&part.differences(), resamples, plan.seed)?;
            (Test::SignFlip, found.p_value, found.exact)
        }
        TestChoice::Wilcoxon => {
            let scheme = WilcoxonScheme {
                zeros: Zeros::Drop,
                null: Null::Auto,
            };
            let found = wilcoxon(&part.differences(), scheme)?;
            if found.scheme.null == Null::Exact {
                (Test::WilcoxonExact, found.p_value, true)
            } else {
                (Test::WilcoxonNormal, found.p_value, true)
            }
        }
        TestChoice::PairedT => {
            let name = if part.clustered {
                Test::PairedTClustered
            } else {
                Test::PairedT
            };
            let Some(found) = unless_undefined(student(part, plan), &mut found.notes)? else {
                missing(found, name);
                return Ok(());
            };
            (name, found.p_value, true)
        }
        TestChoice::ApproximateRandomisation => {
            let metric = part.metric.as_ref();
            let (a, b) = (part.system(0)?, part.system(1)?);
            let found = approximate_randomisation(&a, &b, metric, resamples, plan.seed)?;
            let name = if part.clustered {
                Test::ApproximateRandomisationClustered
            } else {
                Test::ApproximateRandomisation
            };
            (name, found.p_value, found.exact)
        }
        TestChoice::Bootstrap => {
            let name = if part.clustered {
                Test::BootstrapClustered
            } else {
                Test::Bootstrap
            };
            let draws = paired_bootstrap(
                &part.system(0)?,
                &part.system(1)?,
                part.metric.as_ref(),
                &plan.bootstrap(),
            );
            let Some(draws) = unless_undefined(draws, &mut found.notes)? else {
                missing(found, name);
                return Ok(());
            };
            (name, draws.p_shift(), false)
        }
    };
    found.test = name;
    found.p_value = Some(p_value);
    found.exact = exact;
    Ok(())
}

fn missing(found: &mut Outcome, test: Test) {
    found.test = test;
    found.p_value = None;
    found.exact = false;
}

/// Puts the chosen interval in the place of the default one.
pub(super) fn reinterval(
    found: &mut Outcome,
    part: &Part<'_>,
    interval: IntervalChoice,
    plan: &Plan<'_>,
) -> Result<(), StatsError> {
    let level = plan.settings.level;
    let computed = match interval {
        IntervalChoice::Tango => {
            let outcomes = PairedOutcomes::new(&right(part, 0), &right(part, 1))?;
            tango_interval(&outcomes, level).map(|interval| (interval, CiMethod::Tango))
        }
        IntervalChoice::Newcombe => {
            let outcomes = PairedOutcomes::new(&right(part, 0), &right(part, 1))?;
            newcombe_interval(&outcomes, level).map(|interval| (interval, CiMethod::Newcombe))
        }
        IntervalChoice::StudentT => student(part, plan).map(|test| {
            let method = if part.clustered {
                CiMethod::ClusteredT
            } else {
                CiMethod::StudentT
            };
            (test.interval, method)
        }),
        IntervalChoice::Percentile | IntervalChoice::Bca => {
            let draws = paired_bootstrap(
                &part.system(0)?,
                &part.system(1)?,
                part.metric.as_ref(),
                &plan.bootstrap(),
            );
            draws.map(|draws| (draws.interval, bootstrap_name(part, draws.interval.method)))
        }
    };
    found.interval = unless_undefined(computed, &mut found.notes)?;
    Ok(())
}

/// The name of a bootstrap interval of a part. BCa falls back to percentiles where all draws lie on
/// one side of the value.
pub(super) fn bootstrap_name(part: &Part<'_>, method: IntervalMethod) -> CiMethod {
    match (part.clustered, method) {
        (false, IntervalMethod::Bca) => CiMethod::BootstrapBca,
        (true, IntervalMethod::Bca) => CiMethod::ClusterBootstrapBca,
        (false, _) => CiMethod::Bootstrap,
        (true, _) => CiMethod::ClusterBootstrap,
    }
}

impl Plan<'_> {
    pub(super) fn bootstrap(&self) -> BootstrapOptions {
        BootstrapOptions {
            resamples: self.settings.resamples,
            seed: self.seed,
            level: self.settings.level,
            interval: match self.chosen.interval {
                Some(IntervalChoice::Bca) => BootstrapInterval::Bca,
                _ => BootstrapInterval::Percentile,
            },
        }
    }
}

fn right(part: &Part<'_>, system: usize) -> Vec<bool> {
    part.scores(system).iter().map(|&s| s == 1.0).collect()
}

fn student(part: &Part<'_>, plan: &Plan<'_>) -> Result<PairedT, StatsError> {
    let (differences, level) = (part.differences(), plan.settings.level);
    if part.clustered {
        paired_t_clustered(&differences, &part.clusters(), level)
    } else {
        paired_t(&differences, level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::compare::fixture::{Source, binary, f1, mean, models, noise, settings};
    use crate::compare::{Choice, Comparison, Settings, comparisons, values};

    fn cells() -> Vec<Cell> {
        let gold = [0, 1].repeat(20);
        let mut cells = Vec::new();
        for (salt, model) in ["joint", "m"].iter().enumerate() {
            let right: Vec<u8> = (0..40)
                .map(|i| u8::from((i * (salt + 3)) % 4 > 0))
                .collect();
            let given: Vec<usize> = (0..40).map(|i| (i * (salt + 3) / 4) % 2).collect();
            let mut grouped = mean(model, "d", "de", &noise(40, salt + 5));
            grouped.clusters = Some((0..40).map(|i| format!("text {}", i / 4)).collect());
            cells.extend([
                binary(model, "a", "de", &right),
                mean(model, "b", "de", &noise(40, salt + 1)),
                f1(model, "c", "de", &gold, &given),
                grouped,
            ]);
        }
        cells
    }

    fn with(choice: Choice) -> Result<Vec<Comparison>, crate::compare::CompareError> {
        let settings = Settings {
            tests: vec![choice],
            ..settings()
        };
        comparisons(&cells(), &models(&["m"]), &Source, &settings)
    }

    fn on(task: &str, test: Option<TestChoice>, interval: Option<IntervalChoice>) -> Choice {
        Choice {
            task: Some(task.to_owned()),
            measure: None,
            test,
            interval,
        }
    }

    #[test]
    fn the_row_says_what_was_asked_for() {
        use {IntervalChoice as I, TestChoice as T};
        for (task, test, interval, names) in [
            (
                "a",
                T::McnemarMidP,
                I::Newcombe,
                ("mcnemar_mid_p", "newcombe"),
            ),
            ("a", T::SignFlip, I::StudentT, ("sign_flip", "student_t")),
            (
                "b",
                T::Wilcoxon,
                I::Bca,
                ("wilcoxon_exact", "bootstrap_bca"),
            ),
            ("b", T::PairedT, I::StudentT, ("paired_t", "student_t")),
            ("c", T::Bootstrap, I::Bca, ("bootstrap", "bootstrap_bca")),
            (
                "d",
                T::PairedT,
                I::StudentT,
                ("paired_t_clustered", "clustered_t"),
            ),
            (
                "d",
                T::Bootstrap,
                I::Percentile,
                ("bootstrap_clustered", "cluster_bootstrap"),
            ),
            (
                "d",
                T::ApproximateRandomisation,
                I::Bca,
                (
                    "approximate_randomisation_clustered",
                    "cluster_bootstrap_bca",
                ),
            ),
        ] {
            let rows = with(on(task, Some(test), Some(interval))).unwrap();
            let plain = with(on("a", Some(T::Mcnemar), None)).unwrap();
            for (row, plain) in rows.iter().zip(&plain) {
                if row.task != task {
                    assert_eq!(row, plain, "other tasks keep their rows");
                    continue;
                }
                let found = (row.test.name(), row.ci_method.unwrap().name());
                assert_eq!(found, names);
                assert_eq!(row.difference, plain.difference);
                let p = row.p_value.unwrap();
                assert!(p > 0.0 && p <= 1.0);
                let closed = row.test.closed() && row.ci_method.unwrap().closed();
                assert_eq!(row.resamples == 0, closed);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_does() {
        let message = |choice| with(choice).unwrap_err().to_string();
        let corpus = message(on("c", Some(TestChoice::Wilcoxon), None));
        assert!(
            corpus.contains("`wilcoxon`") && corpus.contains("`f1_macro`"),
            "{corpus}"
        );
        assert!(
            corpus.contains("approximate_randomisation, bootstrap"),
            "{corpus}"
        );
        let clustered = message(on("d", Some(TestChoice::Wilcoxon), None));
        assert!(clustered.contains("clusters"), "{clustered}");
        let interval = message(on("b", None, Some(IntervalChoice::Tango)));
        assert!(
            interval.contains("student_t, percentile, bca"),
            "{interval}"
        );
        let unknown = message(Choice {
            measure: Some("rogue1".to_owned()),
            ..on("b", Some(TestChoice::Wilcoxon), None)
        });
        assert!(unknown.contains("Did you mean `rouge1`?"), "{unknown}");
    }

    #[test]
    fn intervals_of_values_follow() {
        let settings = Settings {
            tests: vec![Choice {
                task: None,
                ..on("", None, Some(IntervalChoice::StudentT))
            }],
            ..settings()
        };
        let found = values(&cells(), &[], &Source, &settings).unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|v| (v.task.as_str(), v.ci_method))
            .collect();
        assert!(names.contains(&("a", CiMethod::StudentT)));
        assert!(names.contains(&("c", CiMethod::Bootstrap)));
        assert!(names.contains(&("d", CiMethod::ClusteredT)));
    }

    #[test]
    fn non_inferiority_looks_at_the_side_that_is_worse() {
        let shifted: Vec<f64> = noise(40, 1).iter().map(|x| x + 0.1).collect();
        let cells = [
            mean("joint", "b", "de", &noise(40, 1)),
            mean("m", "b", "de", &shifted),
        ];
        let settings = Settings {
            non_inferiority: [("rouge".to_owned(), 0.02)].into(),
            ..settings()
        };
        let better = comparisons(&cells, &models(&["m"]), &Source, &settings).unwrap();
        assert_eq!(better[0].non_inferior, Some(true));
        assert_eq!(better[0].inferiority_margin, Some(0.02));
        assert_eq!(better[0].p_equivalence, None);
        let [joint, m] = cells;
        let (mut worse, mut better) = (joint, m);
        worse.model = "m".into();
        better.model = "joint".into();
        let found = comparisons(&[better, worse], &models(&["m"]), &Source, &settings).unwrap();
        assert_eq!(found[0].non_inferior, Some(false));
        let undeclared = with(on("a", Some(TestChoice::Mcnemar), None)).unwrap();
        assert!(undeclared.iter().all(|row| row.non_inferior.is_none()));
    }
}
