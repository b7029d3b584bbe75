//! Comparison with transformers: `tests/golden/make_model.py` and `make_model_families.py` say where
//! the numbers come from.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use burn::Dispatch;
use serde::Deserialize;

use crate::decoder::Decoder;
use crate::gradient::{Batch, Gradients, Pass};
use crate::kernels::{AdamWStep, Kernels, host};
use crate::parameters::{Kind, specs};
use crate::{
    Device, GenerateOptions, Generation, LanguageModel, ModelConfig, Score, TokenPair, Windows,
};

pub(crate) const VARIANTS: [&str; 10] = [
    "gqa_tied",
    "llama3_rope_untied",
    "head_dim_mha",
    "llama_biases_linear_rope",
    "smollm2",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma3",
    "gemma3_linear_rope",
];

#[derive(Deserialize)]
struct Expected {
    input_ids: Vec<Vec<u32>>,
    logit_positions: Vec<usize>,
    logits: Vec<Vec<Vec<f32>>>,
    prompt_len: usize,
    generated: Vec<Vec<u32>>,
    loss: f64,
    gradients: std::collections::BTreeMap<String, [f64; 2]>,
    adamw: AdamW,
}

#[derive(Deserialize)]
struct AdamW {
    learning_rate: f32,
    betas: [f32; 2],
    epsilon: f32,
    weight_decay: f32,
    steps: i32,
    loss: f64,
}

pub(crate) fn folder(variant: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/model")
        .join(variant)
}

fn expected(variant: &str) -> Expected {
    let text = std::fs::read_to_string(folder(variant).join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn open(variant: &str) -> LanguageModel {
    LanguageModel::open(&folder(variant), Device::parse("cpu").unwrap()).unwrap()
}

/// The device that the kernels of every other device run on: `MERGELAB_TEST_DEVICE`, or the CPU.
fn other_device() -> Device {
    let name = std::env::var("MERGELAB_TEST_DEVICE").unwrap_or_else(|_| "flex".to_owned());
    Device::parse(&name).unwrap()
}

/// The decoder with the kernels of the CPU, and with those of every other device.
pub(crate) fn decoders(model: &LanguageModel) -> (Decoder<burn::backend::Flex>, Decoder<Dispatch>) {
    let crate::model::AnyDecoder::Flex(flex) = &model.decoder else {
        panic!("the model is on the CPU");
    };
    let device = other_device().dispatch();
    let elements = flex.parameters.iter().map(|p| host(p.clone())).collect();
    let parameters = crate::parameters::upload(&flex.config, elements, &device);
    let dispatch = Decoder::new(flex.config.clone(), parameters, device);
    (flex.clone(), dispatch)
}

fn check_logits<B: Kernels>(decoder: &Decoder<B>, expected: &Expected) {
    let ids = expected.input_ids.concat();
    let length = expected.input_ids[0].len();
    let hidden = decoder.read(&ids, expected.input_ids.len(), None);
    for (sequence, wanted) in expected.logits.iter().enumerate() {
        for (position, wanted) in expected.logit_positions.iter().zip(wanted) {
            let row = (sequence * length + position) as u32;
            let found = host(decoder.logits(&B::gather_rows(&hidden, &[row])));
            for (found, wanted) in found.iter().zip(wanted) {
                // Logits are of size 1 to 10; sums of a few hundred f32 products in another order.
                assert!((found - wanted).abs() < 1e-4, "{found} is not {wanted}");
            }
        }
    }
}

#[test]
fn logits_are_those_of_transformers() {
    for variant in VARIANTS {
        let (flex, dispatch) = decoders(&open(variant));
        check_logits(&flex, &expected(variant));
        check_logits(&dispatch, &expected(variant));
    }
}

#[test]
fn greedy_tokens_are_those_of_transformers() {
    for variant in VARIANTS {
        let mut model = open(variant);
        let expected = expected(variant);
        let options = GenerateOptions {
            max_new_tokens: expected.generated[0].len(),
            ..GenerateOptions::default()
        };
        let prompts: Vec<Vec<u32>> = expected
            .input_ids
            .iter()
            .map(|ids| ids[..expected.prompt_len].to_vec())
            .collect();
        // The reference goes on after end tokens.
        let (mut flex, mut dispatch) = decoders(&model);
        flex.config.eos_token_ids.clear();
        dispatch.config.eos_token_ids.clear();
        for decoder in [
            crate::model::AnyDecoder::Flex(flex),
            crate::model::AnyDecoder::Dispatch(dispatch),
        ] {
            model.decoder = decoder;
            model.forget_end_tokens();
            let found = model.generate_ids(&prompts, &options).unwrap();
            for (found, wanted) in found.iter().zip(&expected.generated) {
                assert_eq!(&found.ids, wanted, "{variant}");
            }
        }
    }
}

fn whole_batch(expected: &Expected) -> Batch {
    let (sequences, length) = (expected.input_ids.len(), expected.input_ids[0].len());
    let rows = (0..sequences).flat_map(|s| (0..length - 1).map(move |t| (s * length + t) as u32));
    Batch {
        sequences,
        ids: expected.input_ids.concat(),
        rows: rows.collect(),
        targets: expected
            .input_ids
            .iter()
            .flat_map(|ids| ids[1..].to_vec())
            .collect(),
    }
}

fn check_training<B: Kernels>(mut decoder: Decoder<B>, expected: &Expected) {
    let batch = whole_batch(expected);
    let scale = 1.0 / batch.targets.len() as f64;
    let specs = specs(&decoder.config);
    let gradients = |decoder: &Decoder<B>| {
        let mut gradients = Gradients::new(specs.len());
        let pass = Pass {
            decoder,
            adapters: None,
            dropout: Default::default(),
            checkpointing: false,
        };
        let loss = pass.run(&batch, scale as f32, &mut gradients) * scale;
        (loss, gradients.parameters)
    };
    let (loss, found) = gradients(&decoder);
    // A mean of f32 logarithms.
    assert!(
        (loss - expected.loss).abs() < 1e-5,
        "{loss} is not {}",
        expected.loss
    );
    for (spec, gradient) in specs.iter().zip(found) {
        let elements = host(gradient.unwrap());
        let [squares, product] = expected.gradients[&spec.name];
        let norm = squares.sqrt();
        let found_norm = elements
            .iter()
            .map(|x| f64::from(*x).powi(2))
            .sum::<f64>()
            .sqrt();
        let found_product: f64 = elements
            .iter()
            .enumerate()
            .map(|(index, x)| f64::from(*x) * (0.1 * index as f64).cos())
            .sum();
        // Relative to the norm: the product may be near zero by cancellation.
        assert!(
            (found_norm - norm).abs() < 1e-4 * norm,
            "{}: norm {found_norm}",
            spec.name
        );
        assert!(
            (found_product - product).abs() < 1e-3 * norm,
            "{}: product",
            spec.name
        );
    }

    let adamw = &expected.adamw;
    let zeros = |decoder: &Decoder<B>| -> Vec<_> {
        decoder.parameters.iter().map(|p| p.zeros_like()).collect()
    };
    let (mut first, mut second) = (zeros(&decoder), zeros(&decoder));
    for step in 1..=adamw.steps {
        let (_, found) = gradients(&decoder);
        for (index, gradient) in found.into_iter().enumerate() {
            let [parameter, m, v] = B::adamw(
                decoder.parameters[index].clone(),
                gradient.unwrap(),
                first[index].clone(),
                second[index].clone(),
                AdamWStep {
                    learning_rate: adamw.learning_rate,
                    beta1: adamw.betas[0],
                    beta2: adamw.betas[1],
                    epsilon: adamw.epsilon,
                    weight_decay: if specs[index].kind != Kind::Matrix {
                        0.0
                    } else {
                        adamw.weight_decay
                    },
                    correction1: 1.0 - adamw.betas[0].powi(step),
                    correction2: 1.0 - adamw.betas[1].powi(step),
                    gradient_scale: 1.0,
                },
            );
            (decoder.parameters[index], first[index], second[index]) = (parameter, m, v);
        }
    }
    let (loss, _) = gradients(&decoder);
    // AdamW divides by the gradient's own size, which magnifies rounding where it is tiny.
    assert!(
        (loss - adamw.loss).abs() < 2e-3,
        "{loss} is not {}",
        adamw.loss
    );
    assert!(loss < expected.loss - 0.1);
}

#[test]
fn gradients_and_adamw_are_those_of_torch() {
    for variant in VARIANTS {
        let (flex, dispatch) = decoders(&open(variant));
        check_training(flex, &expected(variant));
        check_training(dispatch, &expected(variant));
    }
}

#[test]
fn cached_steps_give_the_logits_of_whole_reads() {
    for variant in VARIANTS {
        let (decoder, _) = decoders(&open(variant));
        let ids = expected(variant).input_ids[0].clone();
        let mut cache = decoder.cache(1, 4);
        decoder.read(&ids[..5], 1, Some(&mut cache));
        for position in 5..ids.len() {
            let hidden = decoder.step(&ids[position..=position], vec![position as u32], &mut cache);
            let stepped = host(decoder.logits(&hidden));
            let whole = decoder.read(&ids[..=position], 1, None);
            let last = <burn::backend::Flex as Kernels>::gather_rows(&whole, &[position as u32]);
            for (stepped, whole) in stepped.iter().zip(host(decoder.logits(&last))) {
                // The two sum attention in another order.
                assert!((stepped - whole).abs() < 1e-4, "{stepped} is not {whole}");
            }
        }
    }
}

/// Continuations and scores of thirteen prompts of different lengths, in batches of `batch_size`.
fn results(
    variant: &str,
    model: &LanguageModel,
    batch_size: usize,
) -> (Vec<Vec<Generation>>, Vec<Score>) {
    let ids = expected(variant).input_ids.concat();
    let prompts: Vec<Vec<u32>> = (0..13)
        .map(|index| ids[index..index + 3 + index * 5 % 17].to_vec())
        .collect();
    let generations = [0.0, 1.0, 3.0].map(|temperature| {
        let mut options = GenerateOptions {
            batch_size,
            max_new_tokens: 40,
            ..Default::default()
        };
        options.sampling.temperature = temperature;
        model.generate_ids(&prompts, &options).unwrap()
    });
    let pairs: Vec<TokenPair> = prompts
        .iter()
        .map(|prompt| TokenPair {
            prompt: prompt.clone(),
            answer: ids[40..46].to_vec(),
        })
        .collect();
    let scores = model.score_ids(&pairs, batch_size).unwrap();
    (generations.into(), scores)
}

#[test]
fn results_do_not_depend_on_the_batch() {
    for variant in VARIANTS {
        let model = open(variant);
        let one = results(variant, &model, 1);
        for generations in &one.0 {
            assert!(generations.iter().any(|found| found.ids.len() > 10));
        }
        for batch_size in [2, 3, 5, 13] {
            let found = results(variant, &model, batch_size);
            assert_eq!(found, one, "{variant}, batches of {batch_size}");
        }
    }
}

/// A text's score is the sum of the log-probabilities that one pass gives, where it fits, and of
/// its windows' scores, where it does not.
#[test]
fn a_text_is_scored_whole_and_in_windows() {
    for variant in VARIANTS {
        let model = open(variant);
        let text = expected(variant).input_ids[0].clone();
        let context = model.config().max_position_embeddings;
        let score = |size, stride, batch| {
            let windows = Windows::new(context, Some(size), Some(stride)).unwrap();
            let texts = [text.clone(), text[..3].to_vec()];
            model.score_text_ids(&texts, windows, batch).unwrap()
        };
        let tokens = |from: usize, to: usize, read: usize| {
            let prompt = text[read.min(from)..from].to_vec();
            let answer = text[from..to].to_vec();
            model.score_ids(&[TokenPair { prompt, answer }], 1).unwrap()[0].log_likelihood
        };
        let whole = score(text.len(), text.len(), 1);
        assert_eq!(whole[0].tokens, text.len());
        assert_eq!(whole[0].windows, [text.len() + 1]);
        assert_eq!(whole[0].log_likelihood, tokens(0, text.len(), 0));
        assert_eq!(whole[1].log_likelihood, tokens(0, 3, 0));
        let cut = score(8, 4, 1);
        // The first window has 8 tokens; the later ones read 8 and score 4.
        let mut sum = tokens(0, 8, 0);
        for at in (8..text.len()).step_by(4) {
            let end = text.len().min(at + 4);
            sum += tokens(at, end, end - 9);
        }
        // The same numbers, added up in the same order.
        assert_eq!(cut[0].log_likelihood, sum, "{variant}");
        assert!(cut[0].windows[1..].iter().all(|w| *w == 9));
        // Less context, other probabilities.
        assert_ne!(cut[0].log_likelihood, whole[0].log_likelihood, "{variant}");
        assert_eq!(cut, score(8, 4, 3), "{variant}, batches of 3");
    }
}

/// The bits of the gradients of the whole batch.
fn gradient_bits(variant: &str, model: &LanguageModel) -> Vec<u32> {
    let (flex, _) = decoders(model);
    let mut gradients = Gradients::new(flex.parameters.len());
    let pass = Pass {
        decoder: &flex,
        adapters: None,
        dropout: Default::default(),
        checkpointing: false,
    };
    pass.run(&whole_batch(&expected(variant)), 0.1, &mut gradients);
    let all = gradients.parameters.into_iter().flatten();
    all.flat_map(host).map(f32::to_bits).collect()
}

#[test]
fn results_do_not_depend_on_the_threads() {
    for variant in VARIANTS {
        let model = open(variant);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let bits = gradient_bits(variant, &model);
                (results(variant, &model, 5), bits)
            })
        };
        let one = with(1);
        assert!(!one.1.is_empty());
        for threads in [2, 3, 8] {
            assert!(with(threads) == one, "{variant}, {threads} threads");
        }
    }
}

#[test]
fn a_saved_model_is_read_again_by_its_family() {
    let folder = tempfile::tempdir().unwrap();
    for variant in VARIANTS {
        let model = open(variant);
        let path = folder.path().join(variant);
        model.save(&path).unwrap();
        let again = LanguageModel::open(&path, Device::Flex).unwrap();
        assert_eq!(again.config(), model.config(), "{variant}");
        // The description alone, without what config.json held, says the same.
        let json = model.config().to_json();
        let described = ModelConfig::from_json(&json, "config.json".as_ref()).unwrap();
        assert_eq!(&described, model.config(), "{variant}");
        assert!(gradient_bits(variant, &again) == gradient_bits(variant, &model));
    }
}
