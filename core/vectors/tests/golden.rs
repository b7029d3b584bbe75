//! Against numpy; see `tests/golden/make_vectors.py`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use mergelab_vectors::{Analysis, Inputs, Options, Row, VectorError, analyse};
use serde_json::Value;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/vectors"
    ))
    .join(name)
}

fn open(models: &[&str]) -> Result<Inputs, VectorError> {
    let path = |name: &&str| golden(name).to_string_lossy().into_owned();
    let models: Vec<String> = models.iter().map(path).collect();
    Inputs::open(&golden("base"), &models)
}

fn analysis(models: &[&str]) -> Analysis {
    analyse(&open(models).unwrap(), &Options::default()).unwrap()
}

const ALL: [&str; 4] = ["first", "second", "lora_a", "lora_b"];

fn key(row: &Row) -> String {
    let Row {
        scope,
        place,
        quantity,
        model,
        other,
        ..
    } = row;
    format!("{} {place} {quantity} {model} {other}", scope.name())
}

#[test]
fn every_number_is_numpys() {
    let text = std::fs::read(golden("expected.json")).unwrap();
    let expected: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let rows = analysis(&ALL).rows;
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        let names: Vec<&str> = (0..5).map(|i| expected[i].as_str().unwrap()).collect();
        assert_eq!(key(row), names.join(" "));
        let Some(wanted) = expected[5].as_f64() else {
            assert_eq!(row.value, None, "{names:?}");
            continue;
        };
        let value = row.value.unwrap();
        // Entries are f32 where numpy has an adapter's in f64 (2^-24 each, less in a sum); the
        // smallest singular values come from a Gram matrix, 1e-8 of the largest.
        let tolerance = if row.quantity.ends_with("rank") {
            1e-6 * wanted
        } else {
            1e-7 * wanted.abs().max(0.1)
        };
        assert!(
            (value - wanted).abs() <= tolerance,
            "{names:?}: {value} is not {wanted}"
        );
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| analysis(&ALL).rows)
    };
    let one = run(1);
    assert!(one == run(3) && one == run(8), "bit for bit");
}

#[test]
fn models_that_are_added_change_nothing_about_the_others() {
    let all = analysis(&ALL).rows;
    for row in analysis(&["first", "lora_b"]).rows {
        assert_eq!(all.iter().find(|other| key(other) == key(&row)), Some(&row));
    }
}

#[test]
fn random_vectors_lie_about_in_their_bands() {
    // The embedding's entries are independent in both models by construction. One value of twenty
    // lies outside its band, so what is asked is three deviations rather than two.
    let rows = analysis(&["first", "second"]).rows;
    let of = |quantity: &str| {
        let found = rows
            .iter()
            .find(|row| row.place == "embedding" && row.quantity == quantity);
        found.unwrap().clone()
    };
    for quantity in ["cosine", "sign_conflict", "overlap_top10", "overlap_top20"] {
        let row = of(quantity);
        let (low, high) = (row.null_low.unwrap(), row.null_high.unwrap());
        let distance = (row.value.unwrap() - (low + high) / 2.0).abs();
        assert!(distance <= 1.5 * (high - low) / 2.0, "{row:?}");
        assert!(high - low < 0.05, "{row:?}");
    }
    // Half of the second's change of this module is the first's.
    let cosine = rows
        .iter()
        .find(|row| row.place == "mlp.up_proj" && row.quantity == "cosine");
    let cosine = cosine.unwrap();
    assert!(cosine.value > cosine.null_high, "{cosine:?}");
}

#[test]
fn an_adapter_with_its_base_named_is_the_adapter_alone() {
    let named = format!(
        "{}+{}",
        golden("base").display(),
        golden("lora_a").display()
    );
    let inputs = Inputs::open(&golden("base"), &[named]).unwrap();
    let rows = analyse(&inputs, &Options::default()).unwrap().rows;
    assert_eq!(rows, analysis(&["lora_a"]).rows);
}

#[test]
fn an_adapter_on_another_checkpoint_is_read_densely() {
    let named = format!(
        "{}+{}",
        golden("first").display(),
        golden("lora_a").display()
    );
    let inputs = Inputs::open(&golden("base"), &[named]).unwrap();
    let rows = analyse(&inputs, &Options::default()).unwrap().rows;
    let norm = |rows: &[Row]| rows[0].value.unwrap();
    let first = norm(&analysis(&["first"]).rows);
    let adapter = norm(&analysis(&["lora_a"]).rows);
    let sum = norm(&rows);
    assert!(sum > (first - adapter).abs() && sum < first + adapter);
}

#[test]
fn bad_input_is_refused() {
    let error = |result: Result<Inputs, VectorError>| result.err().unwrap().to_string();
    assert!(error(open(&[])).contains("no models"));
    assert!(error(open(&["first", "first"])).contains("two models are called \"first\""));
    assert!(error(open(&["none"])).starts_with("none: no checkpoint"));
    let stop = AtomicBool::new(true);
    let options = Options {
        interrupt: Some(&stop),
        ..Options::default()
    };
    let result = analyse(&open(&["first"]).unwrap(), &options);
    assert!(matches!(result, Err(VectorError::Interrupted)));
}

#[test]
fn ranks_can_be_left_out() {
    let options = Options {
        skip_ranks: true,
        ..Options::default()
    };
    let rows = analyse(&open(&["first"]).unwrap(), &options).unwrap().rows;
    let all = analysis(&["first"]).rows;
    let rest = all
        .into_iter()
        .filter(|row| !row.quantity.ends_with("rank"));
    assert_eq!(rows, rest.collect::<Vec<_>>());
}
