use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    Checkpoint, CheckpointError, CheckpointWriter, DType, TensorSource, TensorSpec, WriterOptions,
};

/// Numbers in -1..1 without pattern.
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn module(name: &str, outputs: usize, inputs: usize, rank: usize) -> LoraModule {
    LoraModule {
        module: name.to_owned(),
        embedding: false,
        rank,
        inputs,
        outputs,
        a: numbers(1, rank * inputs),
        b: numbers(2, rank * outputs),
    }
}

fn base(out: &Path, name: &str, shape: [usize; 2]) -> Checkpoint {
    let specs = vec![
        TensorSpec::new(name, DType::F32, shape),
        TensorSpec::new("other.weight", DType::F32, [2]),
    ];
    let writer = CheckpointWriter::create(out, specs, WriterOptions::default()).unwrap();
    writer
        .write_f32(0, 0, &numbers(3, shape[0] * shape[1]))
        .unwrap();
    writer.write_f32(1, 0, &[1.0, 2.0]).unwrap();
    writer.finish(&[]).unwrap();
    Checkpoint::open(out).unwrap()
}

fn write(dir: &Path, config: &LoraConfig, module: LoraModule) -> LoraAdapter {
    LoraAdapter::write(dir, config, &[module], DType::F32, WriterOptions::default()).unwrap();
    LoraAdapter::open(dir).unwrap()
}

/// An adapter of rank 2 for a 4 x 3 module `m`, with `change` made to its configuration.
fn changed(change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("adapter");
    write(&dir, &LoraConfig::new(2, 2.0), module("m", 4, 3, 2));
    let path = dir.join("adapter_config.json");
    let mut config = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(&path, config.to_string()).unwrap();
    (parent, dir)
}

#[test]
fn a_written_adapter_reads_back() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = LoraConfig::new(4, 6.5);
    config.rank_pattern = vec![("mlp.*".to_owned(), 2)];
    config.alpha_pattern = vec![("q".to_owned(), 3.0)];
    let mut embedding = module("embed", 5, 7, 4);
    embedding.embedding = true;
    let modules = [
        embedding,
        module("h.0.q", 3, 3, 4),
        module("mlp.up", 6, 3, 2),
    ];
    let dir = parent.path().join("adapter");
    LoraAdapter::write(
        &dir,
        &config,
        &modules,
        DType::F32,
        WriterOptions::default(),
    )
    .unwrap();
    let adapter = LoraAdapter::open(&dir).unwrap();
    let (read, scalings): (Vec<_>, Vec<_>) = adapter.modules().unzip();
    assert_eq!(read, modules.iter().collect::<Vec<_>>());
    assert_eq!(scalings, [6.5 / 4.0, 3.0 / 4.0, 6.5 / 2.0]);
    let names = modules.iter().map(|module| module.module.clone()).collect();
    config.target_modules = TargetModules::Names(names);
    assert_eq!(*adapter.config(), config);
}

#[test]
fn rank_stabilised_scaling_divides_by_the_root() {
    let (_parent, dir) = changed(|config| config["use_rslora"] = json!(true));
    let adapter = LoraAdapter::open(dir).unwrap();
    let scalings: Vec<_> = adapter.modules().map(|(_, scaling)| scaling).collect();
    assert_eq!(scalings, [2.0 / 2f64.sqrt()]);
}

#[test]
fn what_is_more_than_lora_is_refused_by_key() {
    for (key, value) in [
        ("use_dora", json!(true)),
        ("bias", json!("lora_only")),
        ("lora_bias", json!(true)),
        ("peft_type", json!("LOHA")),
        ("init_lora_weights", json!("pissa_niter_16")),
        ("layer_replication", json!([[0, 2]])),
        ("trainable_token_indices", json!([3])),
    ] {
        let (_parent, dir) = changed(|config| config[key] = value);
        match LoraAdapter::open(dir).unwrap_err() {
            AdapterError::Unsupported { key: named, .. } => assert_eq!(named, key),
            other => panic!("{key}: {other}"),
        }
    }
    for (key, value) in [
        ("r", json!(0)),
        ("r", json!("4")),
        ("r", Value::Null),
        ("lora_alpha", Value::Null),
        ("use_rslora", json!(1)),
        ("rank_pattern", json!({ "(": 2 })),
        ("rank_pattern", json!({ "m": -2 })),
    ] {
        let (_parent, dir) = changed(|config| config[key] = value.clone());
        let error = LoraAdapter::open(dir).unwrap_err();
        assert!(
            matches!(error, AdapterError::BadConfig { .. }),
            "{key} = {value}: {error}"
        );
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[test]
fn configuration_and_matrices_must_agree() {
    let (_parent, dir) = changed(|config| config["r"] = json!(3));
    let message = LoraAdapter::open(&dir).unwrap_err().to_string();
    assert!(
        message.contains("rank 2") && message.contains("says 3"),
        "{message}"
    );
    fs::remove_file(dir.join("adapter_model.safetensors")).unwrap();
    assert!(matches!(
        LoraAdapter::open(&dir),
        Err(AdapterError::NotAnAdapter { .. })
    ));
    fs::remove_file(dir.join("adapter_config.json")).unwrap();
    assert!(matches!(
        LoraAdapter::open(&dir),
        Err(AdapterError::NotAnAdapter { .. })
    ));
}

/// An adapter of rank 2 whose weights file holds tensors of these names and shapes.
fn with_tensors(tensors: &[(&str, [usize; 2])]) -> Result<LoraAdapter, AdapterError> {
    let (_parent, dir) = changed(|_| ());
    let model = dir.join("written");
    let specs = tensors
        .iter()
        .map(|(name, shape)| TensorSpec::new(*name, DType::F32, *shape))
        .collect();
    let writer = CheckpointWriter::create(&model, specs, WriterOptions::default()).unwrap();
    for (i, (_, [rows, columns])) in tensors.iter().enumerate() {
        writer
            .write_f32(i, 0, &numbers(i as u64, rows * columns))
            .unwrap();
    }
    let written = writer.finish(&[]).unwrap();
    fs::rename(&written.files[0], dir.join("adapter_model.safetensors")).unwrap();
    LoraAdapter::open(dir)
}

#[test]
fn names_are_read_with_and_without_the_adapter_s_own() {
    for infix in ["", ".default"] {
        let a = format!("base_model.model.x.m.lora_A{infix}.weight");
        let b = format!("base_model.model.x.m.lora_B{infix}.weight");
        let adapter = with_tensors(&[(&a, [2, 3]), (&b, [4, 2])]).unwrap();
        let (module, _) = adapter.modules().next().unwrap();
        assert_eq!((module.module.as_str(), module.outputs), ("x.m", 4));
    }
    let (a, b) = (
        "base_model.model.m.lora_A.weight",
        "base_model.model.m.lora_B.weight",
    );
    for (tensors, word) in [
        (vec![(a, [2, 3])], "other half"),
        (vec![(a, [2, 3]), (b, [4, 3])], "rank 3"),
        (
            vec![("base_model.model.m.lora_magnitude_vector", [1, 4])],
            "no part",
        ),
        (vec![("lora_A.weight", [2, 3])], "no part"),
    ] {
        let message = with_tensors(&tensors).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn an_adapter_of_another_base_is_refused() {
    let (parent, dir) = changed(|_| ());
    let open = || LoraAdapter::open(&dir).unwrap();
    let other = base(&parent.path().join("names"), "n.weight", [4, 3]);
    match WithAdapter::new(&other, open()).unwrap_err() {
        AdapterError::NoSuchModule { module, .. } => assert_eq!(module, "m"),
        wrong => panic!("{wrong}"),
    }
    let flipped = base(&parent.path().join("flipped"), "m.weight", [3, 4]);
    let error = WithAdapter::new(&flipped, open()).unwrap_err();
    assert!(matches!(error, AdapterError::Shape { .. }));
    assert!(error.to_string().contains("fan_in_fan_out"), "{error}");
    let larger = base(&parent.path().join("larger"), "m.weight", [4, 5]);
    let message = WithAdapter::new(&larger, open()).unwrap_err().to_string();
    assert!(message.contains("another base"), "{message}");
}

#[test]
fn unchanged_tensors_pass_and_changed_ones_have_no_bytes() {
    let (parent, dir) = changed(|_| ());
    let base = base(&parent.path().join("base"), "m.weight", [4, 3]);
    let source = WithAdapter::new(&base, LoraAdapter::open(&dir).unwrap()).unwrap();
    assert_eq!(TensorSource::names(&source), base.names());
    assert_eq!(source.raw_bytes("other.weight").unwrap().len(), 8);
    assert!(matches!(
        source.raw_bytes("m.weight"),
        Err(CheckpointError::Computed { .. })
    ));
    let mut out = [0.0; 2];
    source.read_f32("other.weight", 0..2, &mut out).unwrap();
    assert_eq!(out, [1.0, 2.0]);
    let past = source.read_f32("m.weight", 11..13, &mut out);
    assert!(matches!(past, Err(CheckpointError::Range { .. })));
}

#[test]
fn a_base_saved_without_its_head_is_found() {
    let parent = tempfile::tempdir().unwrap();
    let base = base(&parent.path().join("base"), "h.0.q.weight", [4, 3]);
    let dir = parent.path().join("adapter");
    let adapter = write(
        &dir,
        &LoraConfig::new(2, 2.0),
        module("transformer.h.0.q", 4, 3, 2),
    );
    let source = WithAdapter::new(&base, adapter).unwrap();
    assert!(source.raw_bytes("h.0.q.weight").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Against the dense product in f64. An f32 sum of `rank` products of numbers below 1 errs by
    /// at most about rank * rank * 2^-24, times the scaling; the sum with the base by 2^-24 of
    /// the result.
    #[test]
    fn reading_equals_the_dense_product(
        outputs in 1usize..40,
        inputs in prop_oneof![1usize..40, 1020usize..1030, 2100usize..2110],
        rank in 1usize..9,
        orientation in 0usize..3,
        cut in 0.0f64..1.0,
    ) {
        let parent = tempfile::tempdir().unwrap();
        let mut module = module("m", outputs, inputs, rank);
        let mut config = LoraConfig::new(rank, 3.0);
        module.embedding = orientation == 1;
        config.fan_in_fan_out = orientation == 2;
        let transposed = orientation != 0;
        let shape = if transposed { [inputs, outputs] } else { [outputs, inputs] };
        let base = base(&parent.path().join("base"), "m.weight", shape);
        let adapter = write(&parent.path().join("adapter"), &config, module.clone());
        let source = WithAdapter::new(base, adapter).unwrap();

        let elements = outputs * inputs;
        let mut whole = vec![0.0; elements];
        source.read_f32("m.weight", 0..elements, &mut whole).unwrap();
        let weights = numbers(3, elements);
        let scaling = 3.0 / rank as f64;
        for (i, got) in whole.iter().enumerate() {
            let (row, column) = (i / shape[1], i % shape[1]);
            let (o, n) = if transposed { (column, row) } else { (row, column) };
            let delta: f64 = (0..rank)
                .map(|k| f64::from(module.b[o * rank + k]) * f64::from(module.a[k * inputs + n]))
                .sum();
            let want = f64::from(weights[i]) + scaling * delta;
            let bound = (scaling * (rank * rank + rank) as f64 + 2.0 * want.abs() + 1.0) / 2f64.powi(24);
            prop_assert!((f64::from(*got) - want).abs() <= bound, "{i}: {got} {want}");
        }

        // Reading in two pieces, anywhere, gives the same bits.
        let middle = (cut * elements as f64) as usize;
        let mut pieces = vec![0.0; elements];
        let (first, second) = pieces.split_at_mut(middle);
        source.read_f32("m.weight", 0..middle, first).unwrap();
        source.read_f32("m.weight", middle..elements, second).unwrap();
        prop_assert_eq!(pieces, whole);
    }
}
