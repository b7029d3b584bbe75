#![allow(clippy::unwrap_used)]

use super::common;
use crate::model::AnyDecoder;
use crate::parity::{VARIANTS, decoders, open};
use crate::{Device, GenerateOptions, Generation, LanguageModel, ModelConfig, Score, TokenPair};

/// Pseudo-random tokens.
fn tokens(count: usize, seed: usize, vocabulary: usize) -> Vec<u32> {
    let token = |i: usize| (seed * 7919 + i * 104_729 + i * i * 31) % (vocabulary - 3) + 3;
    (0..count).map(|i| token(i) as u32).collect()
}

/// A model whose context holds more slots than are summed at a time.
fn long() -> LanguageModel {
    let mut config = ModelConfig::new(96, 48, 64, 2, 3, 700).unwrap();
    config.num_key_value_heads = 1;
    LanguageModel::init(config, None, 3, Device::parse("cpu").unwrap()).unwrap()
}

/// Questions of several lengths, each with continuations of several lengths; all begin with the
/// same `beginning` tokens.
fn pairs(beginning: usize, questions: &[usize], vocabulary: usize) -> Vec<TokenPair> {
    let start = tokens(beginning, 1, vocabulary);
    let mut pairs = Vec::new();
    for (index, &length) in questions.iter().enumerate() {
        let prompt = [start.clone(), tokens(length, index + 2, vocabulary)].concat();
        for choice in 0..2 + index % 3 {
            pairs.push(TokenPair {
                prompt: prompt.clone(),
                answer: tokens(1 + (index * 3 + choice * 2) % 7, choice + 50, vocabulary),
            });
        }
    }
    pairs
}

fn alone(model: &LanguageModel, pairs: &[TokenPair]) -> Vec<Score> {
    pairs
        .iter()
        .map(|pair| model.score_ids(std::slice::from_ref(pair), 1).unwrap()[0])
        .collect()
}

#[test]
fn beginnings_are_shared_below_the_limit() {
    let texts = [tokens(30, 1, 90), tokens(40, 1, 90)];
    let found = |most| common(texts.iter().map(Vec::as_slice), most);
    assert_eq!(found(29), 29);
    assert_eq!(found(20), 20);
    // Too little to be worth a pass.
    assert_eq!(found(15), 0);
    assert_eq!(common(texts.iter().take(1).map(Vec::as_slice), 29), 0);
}

#[test]
fn shared_contexts_give_each_pair_the_bits_it_has_alone() {
    for variant in VARIANTS {
        let model = open(variant);
        let vocabulary = model.config().vocab_size;
        for beginning in [0, 40] {
            let pairs = pairs(beginning, &[20, 3, 18, 33, 20, 50, 1], vocabulary);
            let alone = alone(&model, &pairs);
            for batch_size in [1, 2, 5, 32] {
                let found = model.score_ids(&pairs, batch_size).unwrap();
                assert_eq!(
                    found, alone,
                    "{variant}, {beginning}, batches of {batch_size}"
                );
            }
        }
    }
}

#[test]
fn long_contexts_are_shared_too() {
    let model = long();
    // Around multiples of the slots that are summed at a time, and of the queries of a block.
    for (beginning, questions) in [
        (0, &[254, 255, 256, 257, 300, 20][..]),
        (230, &[24, 25, 26, 27, 28, 90]),
        (256, &[1, 2, 63, 64, 65, 66, 129]),
        (511, &[1, 2, 3, 60]),
    ] {
        let pairs = pairs(beginning, questions, 96);
        let alone = alone(&model, &pairs);
        for batch_size in [1, 3, 16] {
            let found = model.score_ids(&pairs, batch_size).unwrap();
            assert_eq!(found, alone, "{beginning}, batches of {batch_size}");
        }
    }
}

#[test]
fn contexts_that_are_cut_do_not_change_the_others() {
    let model = open(VARIANTS[0]);
    let mut pairs = pairs(30, &[20, 10, 95, 40], 96);
    pairs.push(TokenPair {
        prompt: tokens(200, 9, 96),
        answer: tokens(4, 3, 96),
    });
    let alone = alone(&model, &pairs);
    assert!(alone.iter().any(|score| score.truncated_tokens > 70));
    assert_eq!(model.score_ids(&pairs, 4).unwrap(), alone);
}

#[test]
fn a_shared_beginning_gives_the_texts_of_each_prompt_alone() {
    let long = long();
    let models = VARIANTS.map(|variant| (variant, open(variant), 30));
    for (name, model, beginning) in models.iter().chain([&("long", long, 250)]) {
        let vocabulary = model.config().vocab_size;
        let prompts: Vec<Vec<u32>> = pairs(*beginning, &[20, 3, 18, 7, 1], vocabulary)
            .into_iter()
            .map(|pair| pair.prompt)
            .collect();
        let options = |batch_size| GenerateOptions {
            max_new_tokens: 24,
            batch_size,
            ..GenerateOptions::default()
        };
        let generate =
            |prompts: &[Vec<u32>], size| model.generate_ids(prompts, &options(size)).unwrap();
        let alone: Vec<Generation> = prompts
            .iter()
            .flat_map(|prompt| generate(std::slice::from_ref(prompt), 1))
            .collect();
        assert!(alone.iter().any(|found| found.ids.len() > 10));
        for batch_size in [1, 3, 16] {
            assert_eq!(
                generate(&prompts, batch_size),
                alone,
                "{name}, {batch_size}"
            );
        }
    }
}

#[test]
fn other_devices_share_contexts_within_rounding() {
    for variant in VARIANTS {
        let mut model = open(variant);
        let pairs = pairs(40, &[20, 3, 33], model.config().vocab_size);
        let cpu = model.score_ids(&pairs, 4).unwrap();
        let (_, dispatch) = decoders(&model);
        model.decoder = AnyDecoder::Dispatch(dispatch.clone());
        let found = model.score_ids(&pairs, 4).unwrap();
        for (found, cpu) in found.iter().zip(&cpu) {
            // f32 sums in another order, over at most seven tokens.
            let off = (found.log_likelihood - cpu.log_likelihood).abs();
            assert!(off < 1e-3, "{variant}: {found:?} is not {cpu:?}");
        }
    }
}
