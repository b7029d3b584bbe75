//! Adapters in PEFT's folder format: `tests/golden/make_peft.py` says where the numbers come from.

use std::path::{Path, PathBuf};

use mergelab_checkpoint::LoraAdapter;
use serde::Deserialize;

use super::*;
use crate::{LoraOptions, TokenPair};

#[derive(Deserialize)]
struct Expected {
    positions: Vec<usize>,
    ours: Vec<Vec<Vec<f32>>>,
    theirs: Vec<Vec<Vec<f32>>>,
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden")
}

fn base() -> PathBuf {
    golden().join("model/gqa_tied")
}

fn input_ids() -> Vec<Vec<u32>> {
    #[derive(Deserialize)]
    struct Base {
        input_ids: Vec<Vec<u32>>,
    }
    let text = std::fs::read_to_string(base().join("expected.json")).unwrap();
    serde_json::from_str::<Base>(&text).unwrap().input_ids
}

/// A few steps on tokens of no meaning, far from where they began.
fn trained() -> (LanguageModel, LoraWeights) {
    let mut model = LanguageModel::open(&base(), Device::Flex).unwrap();
    let data = (0..16)
        .map(|n| TokenPair {
            prompt: vec![3 + n, 4 + n],
            answer: (0..12).map(|k| 3 + (n * 5 + k * 7) % 90).collect(),
        })
        .collect();
    let options = TrainOptions {
        epochs: 5,
        batch_size: 4,
        learning_rate: 2e-2,
        append_eos: false,
        lora: Some(LoraOptions {
            rank: 3,
            alpha: 5.0,
            targets: ["q_proj", "k_proj", "o_proj", "up_proj"]
                .map(str::to_owned)
                .into(),
            dropout: 0.05,
            rs_lora: true,
        }),
        ..TrainOptions::default()
    };
    let data = Dataset::Tokens(data);
    let trained = model
        .train(&data, None, &options, |_| ControlFlow::Continue(()))
        .unwrap();
    (model, trained.lora.unwrap())
}

fn check(model: &LanguageModel, positions: &[usize], expected: &[Vec<Vec<f32>>]) {
    let AnyDecoder::Flex(decoder) = &model.decoder else {
        unreachable!()
    };
    let ids = input_ids();
    let length = ids[0].len();
    let hidden = decoder.read(&ids.concat(), ids.len(), None);
    for (sequence, wanted) in expected.iter().enumerate() {
        for (position, wanted) in positions.iter().zip(wanted) {
            let row = (sequence * length + position) as u32;
            let found = host(decoder.logits(&burn::backend::Flex::gather_rows(&hidden, &[row])));
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(wanted) {
                // Logits are of size 1 to 10; sums of a few hundred f32 products in another order.
                assert!((found - wanted).abs() < 1e-4, "{found} is not {wanted}");
            }
        }
    }
}

fn expected() -> Expected {
    let text = std::fs::read_to_string(golden().join("peft/expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn an_adapter_of_ours_computes_the_same_in_peft() {
    let expected = expected();
    let folder = golden().join("peft/ours");
    let model = LanguageModel::open_with_adapter(&base(), &folder, Device::Flex).unwrap();
    check(&model, &expected.positions, &expected.ours);
}

#[test]
fn an_adapter_of_peft_computes_the_same_here() {
    let expected = expected();
    let folder = golden().join("peft/theirs");
    let model = LanguageModel::open_with_adapter(&base(), &folder, Device::Flex).unwrap();
    check(&model, &expected.positions, &expected.theirs);
}

/// That is, the fixture that peft has read is what is written today.
#[test]
fn the_adapter_that_peft_loaded_is_what_training_saves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter");
    let (model, weights) = trained();
    weights.save(&path).unwrap();
    let fixture = golden().join("peft/ours");
    let config =
        |folder: &Path| std::fs::read_to_string(folder.join("adapter_config.json")).unwrap();
    assert_eq!(config(&path), config(&fixture));
    let (ours, fixture) = (
        LoraAdapter::open(&path).unwrap(),
        LoraAdapter::open(&fixture).unwrap(),
    );
    assert_eq!(ours.modules().len(), fixture.modules().len());
    for ((found, scale), (wanted, wanted_scale)) in ours.modules().zip(fixture.modules()) {
        assert_eq!((&found.module, scale), (&wanted.module, wanted_scale));
        for (found, wanted) in [(&found.a, &wanted.a), (&found.b, &wanted.b)] {
            assert_eq!(found.len(), wanted.len());
            for (found, wanted) in found.iter().zip(wanted) {
                // Weights of size 0.1 after twenty steps: another processor rounds products
                // otherwise.
                assert!((found - wanted).abs() < 1e-3, "{found} is not {wanted}");
            }
        }
    }
    let reopened = LanguageModel::open_with_adapter(&base(), &path, Device::Flex).unwrap();
    for (merged, reopened) in bits(&model).into_iter().zip(bits(&reopened)) {
        // The product is summed in another order: a unit or so in the last place of f32.
        let (merged, reopened) = (f32::from_bits(merged), f32::from_bits(reopened));
        assert!(
            (merged - reopened).abs() < 1e-6,
            "{merged} is not {reopened}"
        );
    }
}

/// Makes `tests/golden/peft/ours`.
#[test]
#[ignore = "writes a fixture"]
fn writes_the_adapter_for_peft() {
    let folder = golden().join("peft/ours");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    trained().1.save(&folder).unwrap();
}
