//! Experiments with known outcomes.

use mergelab_stats::Verdict;

use super::fixture::{Source, binary, f1, mean, models, noise, row, settings};
use super::{CiMethod, Comparison, Correction, EffectSize, Settings, Test, comparisons, values};
use crate::cell::Cell;

fn only(rows: &[Comparison]) -> &Comparison {
    assert_eq!(rows.len(), 1);
    &rows[0]
}

#[test]
fn identical_systems_have_p_one_and_are_flagged() {
    let gold = [0, 1, 0, 1, 1, 0, 1, 0];
    let given = [0, 1, 1, 1, 0, 0, 1, 0];
    let scores = noise(8, 1);
    let cells: Vec<Cell> = ["joint", "m"]
        .iter()
        .flat_map(|model| {
            [
                binary(model, "a", "de", &[1, 0, 1, 1, 0, 1, 1, 1]),
                mean(model, "b", "de", &scores),
                f1(model, "c", "de", &gold, &given),
            ]
        })
        .collect();
    let rows = comparisons(&cells, &models(&["m"]), &Source, &settings()).unwrap();
    assert_eq!(rows.len(), 3);
    for row in &rows {
        assert!(row.identical);
        assert_eq!((row.p_value, row.p_adjusted), (Some(1.0), Some(1.0)));
        assert_eq!((row.difference, row.effect), (Some(0.0), Some(0.0)));
        assert_eq!((row.detectable, row.verdict), (None, Verdict::Inconclusive));
    }
}

#[test]
fn a_clearly_better_classifier_is_found_by_mcnemar() {
    let right: Vec<u8> = (0..40).map(|i| u8::from(i >= 4)).collect();
    let wrong: Vec<u8> = (0..40).map(|i| u8::from(i >= 14)).collect();
    let cells = [
        binary("joint", "t", "de", &wrong),
        binary("m", "t", "de", &right),
    ];
    let rows = comparisons(&cells, &models(&["m"]), &Source, &settings()).unwrap();
    let row = only(&rows);
    // Ten examples only the model gets right: p = 2 / 2^10.
    assert_eq!((row.test, row.exact), (Test::McnemarExact, true));
    assert!((row.p_value.unwrap() - 2.0 / 1024.0).abs() < 1e-12);
    assert_eq!((row.only_model, row.only_baseline), (Some(10), Some(0)));
    assert_eq!(
        (row.model_value, row.baseline_value),
        (Some(0.9), Some(0.65))
    );
    assert_eq!(row.difference, Some(0.25));
    assert_eq!(row.ci_method, Some(CiMethod::Tango));
    assert!(row.ci_low.unwrap() > 0.0 && row.ci_high.unwrap() < 0.5);
    assert_eq!(row.effect_name, Some(EffectSize::CohenH));
    // (1.959964 + 0.841621) sqrt(0.25 / 40), constants of the normal distribution.
    assert!((row.detectable.unwrap() - 0.221_484_7).abs() < 1e-6);
    assert_eq!(row.verdict, Verdict::Better);
    assert_eq!(
        (row.family.as_str(), row.family_size),
        ("joint/t/accuracy", 1)
    );
}

#[test]
fn lower_can_be_better() {
    let worse = noise(30, 1).iter().map(|x| x + 0.2).collect::<Vec<_>>();
    let mut cells = [
        mean("joint", "t", "de", &noise(30, 1)),
        mean("m", "t", "de", &worse),
    ];
    for cell in &mut cells {
        cell.metrics[0].measures[0].higher_is_better = false;
    }
    let rows = comparisons(&cells, &models(&["m"]), &Source, &settings()).unwrap();
    let row = only(&rows);
    assert_eq!(row.verdict, Verdict::Worse);
    assert!(row.difference.unwrap() > 0.0);
}

#[test]
fn an_inconclusive_difference_becomes_equivalent_with_a_margin() {
    let joint = noise(200, 1);
    let merged: Vec<f64> = joint
        .iter()
        .enumerate()
        .map(|(i, x)| x + if i % 2 == 0 { 0.01 } else { -0.01 })
        .collect();
    let cells = [
        mean("joint", "t", "de", &joint),
        mean("m", "t", "de", &merged),
    ];
    let mut settings = settings();
    let compare = |settings: &Settings| {
        let rows = comparisons(&cells, &models(&["m"]), &Source, settings).unwrap();
        only(&rows).clone()
    };
    let without = compare(&settings);
    assert_eq!(without.test, Test::SignFlip);
    assert_eq!(without.verdict, Verdict::Inconclusive);
    assert_eq!((without.margin, without.p_equivalence), (None, None));
    // Of the differences' standard error, 0.01 / sqrt(199) = 0.00071, the margin is 14 times.
    settings.margins.insert("rouge".into(), 0.01);
    let with = compare(&settings);
    assert_eq!(with.verdict, Verdict::Equivalent);
    assert!(with.p_equivalence.unwrap() < 1e-6 && with.within_margin);
    settings.margins = [("rouge1".to_owned(), 0.0001)].into();
    let narrow = compare(&settings);
    assert_eq!(narrow.verdict, Verdict::Inconclusive);
    assert_eq!(narrow.margin, Some(0.0001));
}

#[test]
fn macro_f1_is_tested_by_recomputing_it() {
    let gold: Vec<usize> = (0..60).map(|i| i % 2).collect();
    let worse: Vec<usize> = (0..60)
        .map(|i| if i % 5 == 0 { 1 - i % 2 } else { i % 2 })
        .collect();
    let cells = [
        f1("joint", "t", "de", &gold, &worse),
        f1("m", "t", "de", &gold, &gold),
    ];
    let rows = comparisons(&cells, &models(&["m"]), &Source, &settings()).unwrap();
    // The diagnostic beside it is not tested.
    let row = only(&rows);
    assert_eq!(row.test, Test::ApproximateRandomisation);
    // Twelve errors, six in each class: precision and recall are 24/30 in both.
    assert!((row.baseline_value.unwrap() - 0.8).abs() < 1e-12);
    assert_eq!(row.model_value, Some(1.0));
    assert!(row.p_value.unwrap() < 0.01);
    assert_eq!(row.effect_name, Some(EffectSize::BootstrapDz));
    assert!(row.ci_low.unwrap() > 0.0 && row.detectable.unwrap() > 0.0);
    let values = values(&cells, &[], &Source, &settings()).unwrap();
    let names: Vec<_> = values.iter().map(|v| v.measure.name.as_str()).collect();
    assert_eq!(names, ["f1_macro", "share_yes", "f1_macro", "share_yes"]);
    assert_eq!(
        (values[1].value, values[1].ci_method),
        (Some(0.5), CiMethod::Bootstrap)
    );
}

#[test]
fn a_family_spans_models_and_languages() {
    // With k examples that only the model gets right, p = 2 / 2^k.
    let ahead = |model, language, k: usize| {
        let right: Vec<u8> = (0..20).map(|i| u8::from(i < 8 + k)).collect();
        binary(model, "t", language, &right)
    };
    let cells = [
        ahead("joint", "de", 0),
        ahead("joint", "en", 0),
        ahead("m1", "de", 8),
        ahead("m1", "en", 7),
        ahead("m2", "de", 6),
        ahead("m2", "en", 2),
    ];
    let rows = comparisons(&cells, &models(&["m1", "m2"]), &Source, &settings()).unwrap();
    // 4 p, then 3 p, 2 p and p, none below the one before it.
    for (model, language, expected) in [
        ("m1", "de", 4.0 * 2.0 / 256.0),
        ("m1", "en", 3.0 * 2.0 / 128.0),
        ("m2", "de", 2.0 * 2.0 / 64.0),
        ("m2", "en", 2.0 / 4.0),
    ] {
        let adjusted = row(&rows, model, language).p_adjusted.unwrap();
        assert!(
            (adjusted - expected).abs() < 1e-12,
            "{adjusted}, not {expected}"
        );
    }
    assert_eq!(row(&rows, "m2", "de").family, "joint/t/accuracy");
    assert_eq!(row(&rows, "m2", "de").family_size, 4);
    let all = row(&rows, "m2", "all");
    assert_eq!(
        (all.family.as_str(), all.family_size),
        ("joint/t/accuracy/all", 2)
    );
    let order: Vec<_> = rows
        .iter()
        .map(|r| (r.model.as_str(), r.language.as_str()))
        .collect();
    let languages = ["de", "en", "all"];
    let expected: Vec<_> = ["m1", "m2"]
        .iter()
        .flat_map(|&m| languages.map(|l| (m, l)))
        .collect();
    assert_eq!(order, expected);
    let none = Settings {
        correction: Correction::None,
        ..settings()
    };
    let rows = comparisons(&cells, &models(&["m1", "m2"]), &Source, &none).unwrap();
    assert!(rows.iter().all(|r| r.p_adjusted == r.p_value));
}

fn clustered(mut cell: Cell, size: usize) -> Cell {
    let clusters = (0..cell.ids.len()).map(|i| format!("article-{}", i / size));
    cell.clusters = Some(clusters.collect());
    cell
}

#[test]
fn real_clusters_are_exchanged_as_wholes() {
    let right = [1; 12];
    let wrong = [0; 12];
    let cells = [
        clustered(binary("joint", "a", "de", &wrong), 4),
        clustered(binary("m", "a", "de", &right), 4),
        clustered(mean("joint", "b", "de", &noise(12, 1)), 4),
        clustered(mean("m", "b", "de", &noise(12, 2)), 4),
        clustered(
            f1("joint", "c", "de", &[0, 1].repeat(6), &[1, 0].repeat(6)),
            4,
        ),
        clustered(f1("m", "c", "de", &[0, 1].repeat(6), &[0, 1].repeat(6)), 4),
        clustered(binary("joint", "d", "de", &wrong), 1),
        clustered(binary("m", "d", "de", &right), 1),
    ];
    let rows = comparisons(&cells, &models(&["m"]), &Source, &settings()).unwrap();
    let tests: Vec<_> = rows.iter().map(|r| (r.test, r.units)).collect();
    assert_eq!(
        tests,
        [
            (Test::SignFlipClustered, 3),
            (Test::SignFlipClustered, 3),
            (Test::ApproximateRandomisationClustered, 3),
            (Test::McnemarExact, 12)
        ]
    );
    // Two of the eight exchanges of three clusters are as extreme.
    assert_eq!(rows[0].p_value, Some(0.25));
    assert_eq!(
        (rows[0].only_model, rows[0].only_baseline),
        (Some(12), Some(0))
    );
    assert_eq!(rows[2].p_value, Some(0.25));
    assert_eq!(rows[1].ci_method, Some(CiMethod::ClusterBootstrap));
    let values = values(&cells, &[], &Source, &settings()).unwrap();
    assert_eq!(values[0].ci_method, CiMethod::ClusterBootstrap);
    assert_eq!(values[0].units, 3);
    assert!(values.iter().any(|v| v.ci_method == CiMethod::Wilson));
}

#[test]
fn rows_do_not_depend_on_threads_or_on_other_models() {
    let mut cells = Vec::new();
    for (salt, model) in ["joint", "m1", "m2"].iter().enumerate() {
        for language in ["de", "en"] {
            cells.push(mean(model, "t", language, &noise(50, salt + 1)));
            let given: Vec<usize> = (0..50).map(|i| (i * (salt + 3) / 4) % 2).collect();
            cells.push(f1(model, "u", language, &[0, 1].repeat(25), &given));
        }
    }
    let labels = models(&["m1", "m2"]);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| {
            let rows = comparisons(&cells, &labels, &Source, &settings()).unwrap();
            (rows, values(&cells, &[], &Source, &settings()).unwrap())
        })
    };
    let one = run(1);
    assert_eq!(one, run(3));
    let json = serde_json::to_string(&one.0).unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<Comparison>>(&json).unwrap(),
        one.0
    );

    let fewer: Vec<Cell> = cells.iter().filter(|c| c.model != "m1").cloned().collect();
    let rows = comparisons(&fewer, &models(&["m2"]), &Source, &settings()).unwrap();
    let (alone, beside) = (row(&rows, "m2", "en"), row(&one.0, "m2", "en"));
    assert_eq!((alone.seed, alone.p_value), (beside.seed, beside.p_value));
    assert_eq!(
        (alone.ci_low, alone.ci_high),
        (beside.ci_low, beside.ci_high)
    );
}

#[test]
fn names_that_do_not_exist_are_refused() {
    let cells = [
        mean("joint", "t", "de", &noise(9, 1)),
        mean("m", "t", "de", &noise(9, 2)),
    ];
    let message = |cells: &[Cell], change: fn(&mut Settings)| {
        let mut settings = settings();
        change(&mut settings);
        let error = comparisons(cells, &models(&["m"]), &Source, &settings).unwrap_err();
        error.to_string()
    };
    let baseline = message(&cells, |s| s.baselines = vec!["jiont".into()]);
    assert!(baseline.ends_with("Did you mean `joint`?"), "{baseline}");
    let margin = message(&cells, |s| {
        s.margins.insert("rogue1".into(), 0.1);
    });
    assert!(margin.contains("Did you mean `rouge1`?"), "{margin}");
    let stray = [mean("stray", "t", "de", &noise(9, 1))];
    assert!(message(&stray, |_| ()).contains("`stray`"));
    let mut other = cells.clone();
    other[1].metrics[0]
        .params
        .insert("stem".into(), true.into());
    assert!(message(&other, |_| ()).contains("not scored alike"));
}

#[test]
fn one_example_has_no_interval_and_says_so() {
    let cells = [
        mean("joint", "t", "de", &[0.5]),
        mean("m", "t", "de", &[0.7]),
    ];
    let rows = comparisons(&cells, &models(&["m"]), &Source, &settings()).unwrap();
    let row = only(&rows);
    assert_eq!(
        (row.p_value, row.ci_low, row.detectable),
        (Some(1.0), None, None)
    );
    assert!(row.note.contains("needs at least 2"), "{}", row.note);
    let values = values(&cells, &[], &Source, &settings()).unwrap();
    assert_eq!((values[1].value, values[1].ci_high), (Some(0.7), None));
    assert!(!values[1].note.is_empty());
}
