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
