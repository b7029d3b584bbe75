use super::least_common_multiple;
use crate::cell::{Cell, ModelLabel, Role};
use crate::compare::fixture::{Source, binary, f1, mean, model, noise, row, settings};
use crate::compare::{
    Choice, CiMethod, Comparison, IntervalChoice, Settings, Test, TestChoice, comparisons, values,
};

/// A baseline `joint` and a merge `m`, both with two replicates.
fn labels() -> Vec<ModelLabel> {
    let mut labels = Vec::new();
    for (name, role) in [("joint", Role::Combined), ("m", Role::Merge)] {
        let mut group = model(name, role);
        let replicates = [1, 2].map(|seed| {
            let mut replicate = model(&format!("{name} replicate={seed}"), role);
            replicate.replicate = Some(seed);
            replicate.replicate_of = Some(name.to_owned());
            replicate
        });
        group.replicates = replicates.iter().map(|r| r.name.clone()).collect();
        labels.push(group);
        labels.extend(replicates);
    }
    labels
}

fn both(make: impl Fn(&str, usize) -> Cell) -> Vec<Cell> {
    ["joint", "m"]
        .iter()
        .enumerate()
        .flat_map(|(salt, name)| {
            [1, 2].map(|seed| make(&format!("{name} replicate={seed}"), 2 * salt + seed))
        })
        .collect()
}

#[test]
fn replicates_are_averaged_and_tested_once() {
    let cells = both(|name, salt| {
        // 10, 12, 18 and 20 of 20.
        let right: Vec<u8> = (0..20)
            .map(|i| u8::from(i < [0, 10, 12, 18, 20][salt]))
            .collect();
        binary(name, "t", "de", &right)
    });
    let labels = labels();
    let found = values(&cells, &labels, &Source, &settings()).unwrap();
    let value = |name: &str| found.iter().find(|v| v.model == name).unwrap();
    assert_eq!(value("joint replicate=1").value, Some(0.5));
    assert!((value("joint").value.unwrap() - 0.55).abs() < 1e-12);
    assert_eq!(value("joint").replicates, 2);
    assert_eq!(value("joint").ci_method, CiMethod::ReplicatedBootstrap);
    assert_eq!(value("joint").n, 20);
    assert!(value("joint").cell_key.is_empty());

    let rows = comparisons(&cells, &labels, &Source, &settings()).unwrap();
    assert_eq!(
        rows.len(),
        1,
        "one row for the means and none for each replicate"
    );
    let row = row(&rows, "m", "de");
    assert!((row.difference.unwrap() - 0.4).abs() < 1e-12);
    assert_eq!(row.test, Test::SignFlipReplicated);
    assert_eq!(
        (row.family.as_str(), row.family_size),
        ("joint/t/accuracy", 1)
    );
    // Ten of twenty examples differ; two thousandths is their exact sign-flip test.
    assert!(row.p_value.unwrap() >= 2.0 / 1024.0);
    assert!(row.ci_low.unwrap() < 0.4 && row.ci_high.unwrap() > 0.4);
}

// Replicates that are one and the same add nothing: value, test and interval are those of the model.
#[test]
fn equal_replicates_are_the_model_itself() {
    let scores = |name: &str, salt| mean(name, "t", "de", &noise(9, salt));
    let cells = both(|name, salt| scores(name, usize::from(salt > 2)));
    let alone = [scores("joint", 0), scores("m", 1)];
    let plain: Vec<ModelLabel> = [("joint", Role::Combined), ("m", Role::Merge)]
        .map(|(name, role)| model(name, role))
        .into();
    let replicated = comparisons(&cells, &labels(), &Source, &settings()).unwrap();
    let single = comparisons(&alone, &plain, &Source, &settings()).unwrap();
    let (a, b) = (&replicated[0], &single[0]);
    assert!((a.difference.unwrap() - b.difference.unwrap()).abs() < 1e-12);
    assert!((a.ci_low.unwrap() - b.ci_low.unwrap()).abs() < 1e-9);
    assert!((a.ci_high.unwrap() - b.ci_high.unwrap()).abs() < 1e-9);
    assert!(a.p_value >= b.p_value);
}

#[test]
fn trainings_that_differ_widen_the_interval_and_raise_p() {
    // Both replicates of `m` are ahead on every example, one by far.
    let with = |gap: f64| {
        let cells = both(|name, salt| {
            let ahead = [0.0, 0.0, 0.0, 0.2 - gap, 0.2 + gap][salt];
            let scores: Vec<f64> = noise(60, 1).iter().map(|x| x + ahead).collect();
            mean(name, "t", "de", &scores)
        });
        comparisons(&cells, &labels(), &Source, &settings())
            .unwrap()
            .remove(0)
    };
    // Two trainings leave one degree of freedom: p is below 0.01 from t = 64 on.
    let (narrow, wide) = (with(0.001), with(0.25));
    let width = |row: &crate::compare::Comparison| row.ci_high.unwrap() - row.ci_low.unwrap();
    assert!(width(&wide) > 5.0 * width(&narrow));
    assert!(narrow.p_value < Some(0.01), "{:?}", narrow.p_value);
    assert!(wide.p_value > Some(0.2), "{:?}", wide.p_value);
}

#[test]
fn corpus_measures_and_languages_are_averaged_too() {
    let mut cells = Vec::new();
    for (salt, language) in ["de", "en"].iter().enumerate() {
        cells.extend(both(|name, model| {
            let given: Vec<usize> = (0..40).map(|i| (i * (model + salt + 2) / 3) % 2).collect();
            f1(name, "t", language, &[0, 1].repeat(20), &given)
        }));
    }
    let labels = labels();
    let settings = Settings {
        margins: [("f1_macro".to_owned(), 0.9)].into(),
        ..settings()
    };
    let rows = comparisons(&cells, &labels, &Source, &settings).unwrap();
    let values = values(&cells, &labels, &Source, &settings).unwrap();
    for language in ["de", "en", "all"] {
        let row = row(&rows, "m", language);
        assert_eq!(row.test, Test::ApproximateRandomisationReplicated);
        let of = |name: &str| {
            let found = values.iter().find(|v| {
                v.model == name && v.language == language && v.measure.name == "f1_macro"
            });
            found.unwrap().value.unwrap()
        };
        let mean = (of("m replicate=1") + of("m replicate=2")) / 2.0;
        assert!((row.model_value.unwrap() - mean).abs() < 1e-12);
        assert!((of("m") - mean).abs() < 1e-12);
        assert!(row.p_equivalence.is_some());
    }
}

#[test]
fn a_missing_replicate_leaves_no_mean() {
    let mut cells = both(|name, salt| mean(name, "t", "de", &noise(9, salt)));
    cells.pop();
    let labels = labels();
    assert!(
        comparisons(&cells, &labels, &Source, &settings())
            .unwrap()
            .is_empty()
    );
    let values = values(&cells, &labels, &Source, &settings()).unwrap();
    assert!(values.iter().all(|v| v.model != "m"));
    assert!(values.iter().any(|v| v.model == "joint"));
}

#[test]
fn sides_of_different_size_are_made_equal() {
    assert_eq!(least_common_multiple(1, 3), 3);
    assert_eq!(least_common_multiple(3, 1), 3);
    assert_eq!(least_common_multiple(2, 3), 6);
}

/// Both replicates of `m` are ahead of both of `joint` on most examples.
fn chosen(
    make: fn(&str, &[f64]) -> Cell,
    test: TestChoice,
    interval: Option<IntervalChoice>,
) -> Comparison {
    let cells = both(|name, salt| {
        let ahead = [0.0, 0.0, 0.02, 0.2, 0.25][salt];
        let scores: Vec<f64> = noise(40, salt).iter().map(|x| x + ahead).collect();
        make(name, &scores)
    });
    let settings = Settings {
        tests: vec![Choice {
            test: Some(test),
            interval,
            ..Choice::default()
        }],
        ..settings()
    };
    comparisons(&cells, &labels(), &Source, &settings)
        .unwrap()
        .remove(0)
}

fn scored(name: &str, scores: &[f64]) -> Cell {
    mean(name, "t", "de", scores)
}

fn judged(name: &str, scores: &[f64]) -> Cell {
    let right: Vec<u8> = scores.iter().map(|&s| u8::from(s > 0.6)).collect();
    binary(name, "t", "de", &right)
}

#[test]
fn a_choice_holds_for_means_over_replicates() {
    use {IntervalChoice as I, TestChoice as T};
    let t = chosen(scored, T::PairedT, Some(I::StudentT));
    assert_eq!(
        (t.test, t.ci_method),
        (Test::PairedTReplicated, Some(CiMethod::ReplicatedT))
    );
    assert_eq!((t.exact, t.resamples), (true, 0));
    let outside = t.ci_low.unwrap() > 0.0;
    assert_eq!(outside, t.p_value.unwrap() < 0.05, "{t:?}");
    for (test, interval, names) in [
        (
            T::SignFlip,
            I::Bca,
            ("sign_flip_replicated", "replicated_bootstrap_bca"),
        ),
        (
            T::Wilcoxon,
            I::StudentT,
            ("wilcoxon_exact_replicated", "replicated_t"),
        ),
        (
            T::ApproximateRandomisation,
            I::Percentile,
            (
                "approximate_randomisation_replicated",
                "replicated_bootstrap",
            ),
        ),
        (
            T::Bootstrap,
            I::Bca,
            ("bootstrap_replicated", "replicated_bootstrap_bca"),
        ),
    ] {
        let row = chosen(scored, test, Some(interval));
        let found = (row.test.name(), row.ci_method.unwrap().name());
        assert_eq!(found, names);
        // Whatever the test makes of the examples, two trainings a side leave the t test's doubt.
        assert!(row.p_value >= t.p_value, "{found:?}");
        assert_eq!(row.difference, t.difference);
        assert_eq!(row.note, "");
    }
}

#[test]
fn what_has_no_meaning_over_replicates_is_replaced_and_said() {
    let row = chosen(
        judged,
        TestChoice::McnemarMidP,
        Some(IntervalChoice::Newcombe),
    );
    assert_eq!(row.test, Test::SignFlipReplicated);
    assert_eq!(row.ci_method, Some(CiMethod::ReplicatedBootstrap));
    let words = [
        "sign_flip and not mcnemar_mid_p",
        "percentile and not newcombe",
    ];
    assert!(words.iter().all(|w| row.note.contains(w)), "{}", row.note);
}

// Max-T would have to exchange trainings too, of which there are too few.
#[test]
fn max_t_gives_way_to_holm() {
    let cells = both(|name, salt| mean(name, "t", "de", &noise(9, salt)));
    let settings = Settings {
        correction: crate::compare::Correction::MaxT,
        ..settings()
    };
    let rows = comparisons(&cells, &labels(), &Source, &settings).unwrap();
    assert_eq!(rows[0].correction, crate::compare::Correction::Holm);
}
