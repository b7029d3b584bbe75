//! Low-rank updates.

use mergelab_checkpoint::Checkpoint;

use super::*;
use crate::LoraOptions;
use crate::gradient::{Batch, Gradients, Pass};
use crate::parity::{VARIANTS, open};

#[test]
fn a_saved_adapter_on_the_base_is_the_trained_model() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model();
    let base = folder.path().join("base");
    model.save(&base).unwrap();
    let lora = LoraOptions {
        rank: 3,
        targets: vec!["q_proj".into(), "down_proj".into()],
        ..LoraOptions::default()
    };
    let trained = run(
        &mut model,
        &pairs(),
        &TrainOptions {
            lora: Some(lora),
            ..options()
        },
    );
    assert_eq!(
        trained.report.trainable_parameters,
        2 * 3 * (32 + 32 + 48 + 32)
    );
    let path = folder.path().join("adapter");
    trained.lora.unwrap().save(&path).unwrap();

    let AnyDecoder::Flex(decoder) = &model.decoder else {
        unreachable!()
    };
    let before = Checkpoint::open(&base).unwrap();
    let adapter = mergelab_checkpoint::LoraAdapter::open(&path).unwrap();
    assert_eq!(adapter.modules().len(), 4);
    for (parameter, spec) in crate::parameters::specs(&decoder.config).iter().enumerate() {
        let mut expected = before.tensor(&spec.name).unwrap().to_f32().unwrap();
        let found = adapter
            .modules()
            .find(|(module, _)| module.module == spec.module());
        let changed = found.is_some();
        if let Some((module, scale)) = found {
            for row in 0..module.outputs {
                for column in 0..module.inputs {
                    let update: f64 = (0..module.rank)
                        .map(|k| {
                            let b = module.b[row * module.rank + k];
                            f64::from(b) * f64::from(module.a[k * module.inputs + column])
                        })
                        .sum();
                    expected[row * module.inputs + column] += (scale * update) as f32;
                }
            }
        }
        let merged = host(decoder.parameters[parameter].clone());
        for (merged, expected) in merged.iter().zip(&expected) {
            // Weights of size 0.1 to 1; a sum of three products rounded to f32.
            assert!((merged - expected).abs() < 1e-6, "{}", spec.name);
        }
        let original = before.tensor(&spec.name).unwrap().to_f32().unwrap();
        assert_eq!(merged != original, changed, "{}", spec.name);
    }
}

/// With `W' = W + s B A`, the chain rule gives `dB = s dW' A^T` and `dA = s B^T dW'`.
#[test]
fn gradients_of_adapters_follow_from_those_of_the_merged_matrix() {
    for variant in VARIANTS {
        check_adapter_gradients(&open(variant));
    }
    check_adapter_gradients(&model());
}

fn check_adapter_gradients(model: &LanguageModel) {
    let AnyDecoder::Flex(decoder) = &model.decoder else {
        unreachable!()
    };
    let lora = LoraOptions::default();
    let mut adapters = Adapters::new(&decoder.config, &lora, 3, &decoder.device).unwrap();
    for (parameter, adapter) in adapters.iter_mut() {
        let shape = adapter.b.dims();
        let rng = crate::random::CounterRng::new(parameter as u64, "test", &[]);
        let b = (0..(shape[0] * shape[1]) as u64)
            .map(|i| 0.05 * rng.normal(i) as f32)
            .collect();
        adapter.b = crate::kernels::tensor(b, shape, &decoder.device);
    }
    let batch = Batch {
        sequences: 2,
        ids: (3..23).collect(),
        rows: vec![2, 5, 8, 12, 18],
        targets: vec![7, 1, 9, 30, 4],
    };
    let gradients = |decoder: &Decoder<_>, adapters| {
        let mut gradients = Gradients::new(decoder.parameters.len());
        let pass = Pass {
            decoder,
            adapters,
            dropout: Default::default(),
            checkpointing: false,
        };
        let loss = pass.run(&batch, 1.0, &mut gradients);
        (loss, gradients)
    };
    let (loss, of_adapters) = gradients(decoder, Some(&adapters));
    let (merged_loss, of_merged) = gradients(&merge(decoder, &adapters), None);
    assert!((loss - merged_loss).abs() < 1e-4);
    for (parameter, adapter) in adapters.iter() {
        let [da, db] = of_adapters.adapters[parameter].clone().unwrap();
        let dw = of_merged.parameters[parameter].clone().unwrap();
        let scale = lora.scale() as f32;
        let expected_db = dw
            .clone()
            .matmul(adapter.a.clone().transpose())
            .mul_scalar(scale);
        let expected_da = adapter.b.clone().transpose().matmul(dw).mul_scalar(scale);
        for (found, expected) in [(da, expected_da), (db, expected_db)] {
            let (found, expected) = (host(found), host(expected));
            let size = expected.iter().fold(0.0f32, |size, x| size.max(x.abs()));
            assert!(size > 0.0);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4 * size);
            }
        }
    }
}
