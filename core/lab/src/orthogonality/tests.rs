//! Points and associations of made-up models.

use super::*;
use crate::{
    cell::{Cell, ModelLabel, Role},
    compare::{
        Settings,
        fixture::{Source, mean, model},
        values,
    },
    plan::spec::ExpertRef,
};

const LANGUAGES: [&str; 6] = ["de", "en", "fr", "it", "ja", "zh"];

fn expert(name: &str) -> ExpertRef {
    ExpertRef {
        name: name.into(),
        key: format!("model-{name}"),
    }
}

fn row(quantity: &str, model: &str, other: &str, value: f64) -> VectorRow {
    VectorRow {
        scope: "model".into(),
        place: String::new(),
        quantity: quantity.into(),
        model: model.into(),
        other: other.into(),
        value: Some(value),
        null_low: None,
        null_high: None,
        entries: 100,
    }
}

/// The pair of the experts i and j has the cosine 0.01 (i + j) and the conflict 0.5.
fn vectors(languages: &[&str]) -> Vectors {
    let mut rows = Vec::new();
    for (j, b) in languages.iter().enumerate() {
        rows.push(row("relative_norm", b, "", 0.1));
        for (i, a) in languages[..j].iter().enumerate() {
            rows.push(row("cosine", a, b, 0.01 * (i + j) as f64));
            rows.push(row("sign_conflict", a, b, 0.5));
        }
    }
    // A layer's row is not the model's.
    let mut layer = row("cosine", languages[0], languages[1], 0.9);
    layer.scope = "layer".into();
    rows.insert(0, layer);
    Vectors {
        experts: languages.iter().map(|l| expert(l)).collect(),
        rows,
    }
}

/// The merge loses 0.02 i in the language i, beside an expert with 0.8; the base has 0.3.
fn setting(languages: &[&str]) -> (Vec<ModelLabel>, Vec<Cell>) {
    let mut labels = vec![model("base", Role::Base)];
    let mut merge = model("ties", Role::Merge);
    merge.method = Some("ties".into());
    merge.experts = languages.iter().map(|l| (*l).to_owned()).collect();
    let mut cells = Vec::new();
    for (i, language) in languages.iter().enumerate() {
        let mut label = model(language, Role::Expert);
        label.languages = vec![(*language).to_owned()];
        labels.push(label);
        for (name, value) in [
            ("base", 0.3),
            (*language, 0.8),
            ("ties", 0.8 - 0.02 * i as f64),
        ] {
            cells.push(mean(name, "topics", language, &[value; 4]));
        }
    }
    labels.push(merge);
    (labels, cells)
}

fn found(languages: &[&str], sets: &[Vectors]) -> Vec<Point> {
    let (labels, cells) = setting(languages);
    let settings = Settings {
        resamples: 100,
        ..Settings::default()
    };
    let values = values(&cells, &labels, &Source, &settings).unwrap();
    let of = |key: &str| {
        (key == "model-ties").then(|| languages.iter().map(|l| expert(l)).collect::<Vec<_>>())
    };
    points(&labels, &values, sets, &of)
}

#[test]
fn points_join_gains_and_geometry() {
    let languages = &LANGUAGES[..3];
    let points = found(languages, &[vectors(languages)]);
    assert_eq!(points.len(), 3);
    let close = |a: Option<f64>, b: f64| assert!((a.unwrap() - b).abs() < 1e-12, "{a:?}, not {b}");
    for (i, point) in points.iter().enumerate() {
        assert_eq!(
            (&*point.expert, &*point.language),
            (languages[i], languages[i])
        );
        close(point.versus_expert, -0.02 * i as f64);
        close(point.versus_base, 0.5 - 0.02 * i as f64);
        close(point.mean_sign_conflict, 0.5);
        close(point.relative_norm, 0.1);
        assert_eq!((point.mean_overlap, point.replicates), (None, 1));
    }
    // (0.01 + 0.02) / 2, (0.01 + 0.03) / 2, (0.02 + 0.03) / 2
    close(points[0].mean_cosine, 0.015);
    close(points[1].mean_cosine, 0.02);
    close(points[2].mean_cosine, 0.025);
}

#[test]
fn a_larger_set_has_the_pairs_of_a_smaller_one() {
    let points = found(&LANGUAGES[..2], &[vectors(&LANGUAGES)]);
    assert_eq!(points.len(), 2);
    // The mean is over the merged experts alone.
    assert!((points[0].mean_cosine.unwrap() - 0.01).abs() < 1e-12);
    let without = found(&LANGUAGES[..2], &[vectors(&LANGUAGES[1..])]);
    assert_eq!((without[0].mean_cosine, without[0].replicates), (None, 0));
}

#[test]
fn associations_are_over_languages_and_say_how_many() {
    let settings = Settings {
        resamples: 500,
        ..Settings::default()
    };
    let of = |languages: &[&str]| {
        let points = found(languages, &[vectors(languages)]);
        associations(&points, &settings)
    };
    let rows = of(&LANGUAGES);
    assert_eq!(rows.len(), 4);
    let first = &rows[0];
    assert_eq!(
        (first.predictor, first.outcome, first.n),
        (Predictor::MeanCosine, Outcome::VersusExpert, 6)
    );
    // Both grow by equal steps.
    assert!((first.pearson.unwrap() + 1.0).abs() < 1e-9);
    assert!((first.spearman.unwrap() + 1.0).abs() < 1e-9);
    assert!(
        first
            .pearson_interval
            .unwrap()
            .contains(first.pearson.unwrap())
    );
    assert!(first.note.contains("6 languages"), "{}", first.note);
    // All conflicts are equal.
    let conflict = &rows[2];
    assert_eq!(conflict.predictor, Predictor::MeanSignConflict);
    assert_eq!((conflict.pearson, conflict.spearman), (None, None));
    assert!(conflict.note.contains("equal"), "{}", conflict.note);

    let few = of(&LANGUAGES[..4]);
    assert!(few[0].pearson.is_some() && few[0].pearson_interval.is_none());
    assert!(few[0].note.contains("4 languages are too few"));
    let fewer = of(&LANGUAGES[..2]);
    assert_eq!((fewer[0].n, fewer[0].pearson), (2, None));
    assert!(fewer[0].note.contains("at least 3"), "{}", fewer[0].note);
}
