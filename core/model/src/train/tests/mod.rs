//! Training as a whole, on a model of a few thousand weights.
#![allow(clippy::unwrap_used)]

mod determinism;
mod lora;
mod peft;
mod steps;

use std::ops::ControlFlow;

use super::*;
use crate::model::AnyDecoder;
use crate::{Device, GenerateOptions, ModelConfig, ModelError, TokenPair, train_bpe};

fn pairs() -> Dataset {
    let pairs = [
        ("translate: the dog ->", " der Hund"),
        ("translate: the cat ->", " die Katze"),
        ("translate: the house ->", " das Haus"),
        ("translate: the small house ->", " das kleine Haus"),
        ("translate: water ->", " Wasser"),
        ("translate: the tree is green ->", " der Baum ist grün"),
    ];
    Dataset::Pairs(
        pairs
            .map(|(prompt, answer)| (prompt.into(), answer.into()))
            .into(),
    )
}

fn texts() -> Dataset {
    Dataset::Texts(
        (0..30)
            .map(|n| format!("text {n} of {} dogs and cats", n % 7))
            .collect(),
    )
}

/// Windows of 64 tokens, enough of them that steps are computed in several shares.
fn many_texts() -> Dataset {
    Dataset::Texts(
        (0..240)
            .map(|n| format!("text {n} of {} dogs and {} cats", n % 7, n % 11))
            .collect(),
    )
}

fn model() -> LanguageModel {
    let Dataset::Pairs(all) = pairs() else {
        unreachable!()
    };
    let texts: Vec<String> = all
        .iter()
        .flat_map(|(a, b)| [a.clone(), b.clone()])
        .collect();
    let tokenizer = train_bpe(&texts, 290, &["<pad>", "</s>"]).unwrap();
    let mut config = ModelConfig::new(290, 32, 48, 2, 2, 64).unwrap();
    config.initializer_range = 0.1;
    LanguageModel::init(config, Some(tokenizer), 1, Device::Flex).unwrap()
}

fn options() -> TrainOptions {
    TrainOptions {
        epochs: 6,
        batch_size: 2,
        learning_rate: 5e-3,
        warmup: 0.15,
        ..TrainOptions::default()
    }
}

fn run(model: &mut LanguageModel, data: &Dataset, options: &TrainOptions) -> Trained {
    model
        .train(data, Some(&texts()), options, |_| ControlFlow::Continue(()))
        .unwrap()
}

/// The bits of all weights.
fn bits(model: &LanguageModel) -> Vec<u32> {
    let AnyDecoder::Flex(decoder) = &model.decoder else {
        unreachable!()
    };
    let parameters = decoder.parameters.iter();
    parameters
        .flat_map(|p| host(p.clone()))
        .map(f32::to_bits)
        .collect()
}

#[test]
fn learns_pairs_by_heart() {
    let mut model = model();
    let options = TrainOptions {
        epochs: 80,
        ..options()
    };
    let mut losses = Vec::new();
    let data = pairs();
    let trained = model
        .train(&data, None, &options, |progress| {
            losses.push(progress.loss);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(losses.len(), trained.report.steps);
    assert!(
        losses[0] > 3.0 && trained.report.final_loss < 0.05,
        "{:?}",
        trained.report
    );
    let Dataset::Pairs(all) = data else {
        unreachable!()
    };
    let prompts: Vec<&str> = all.iter().map(|(prompt, _)| prompt.as_str()).collect();
    let short = GenerateOptions {
        max_new_tokens: 20,
        ..GenerateOptions::default()
    };
    let found = model.generate(&prompts, &short).unwrap();
    for (found, (_, answer)) in found.iter().zip(&all) {
        assert_eq!(&found.text, answer);
        assert_eq!(found.finish, crate::Finish::EndToken);
    }
    let scores = model.score(&all, 4).unwrap();
    assert!(
        scores
            .iter()
            .all(|score| score.is_greedy && score.log_likelihood > -0.5)
    );

    let stopped = GenerateOptions {
        stop: vec!["Hund".into()],
        ..short
    };
    let found = model
        .generate(&["translate: the dog -> "], &stopped)
        .unwrap();
    assert_eq!(
        (found[0].text.as_str(), found[0].finish),
        ("der ", crate::Finish::StopText)
    );
}

#[test]
fn a_saved_model_is_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let model = model();
    model.save(&path).unwrap();
    let opened = LanguageModel::open(&path, Device::Flex).unwrap();
    assert_eq!(bits(&model), bits(&opened));
    assert_eq!(model.config(), opened.config());
    let text = "translate: the dog";
    assert_eq!(
        model.tokenizer().unwrap().encode(text).unwrap(),
        opened.tokenizer().unwrap().encode(text).unwrap()
    );
}

#[test]
fn a_loss_that_is_no_number_is_an_error() {
    let options = TrainOptions {
        learning_rate: 1e30,
        warmup: 0.0,
        ..options()
    };
    let result = model().train(&pairs(), None, &options, |_| ControlFlow::Continue(()));
    let error = result.unwrap_err();
    assert!(matches!(error, ModelError::Diverged { .. }), "{error}");
}

#[test]
fn empty_data_is_an_error_that_says_why() {
    for (data, expected) in [
        (Dataset::Pairs(Vec::new()), "there are no pairs"),
        (
            Dataset::Pairs(vec![("a".into(), String::new())]),
            "every answer is empty",
        ),
        (Dataset::Texts(vec![String::new()]), "fewer than two tokens"),
    ] {
        let result = model().train(&data, None, &options(), |_| ControlFlow::Continue(()));
        let message = result.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        let result = model().train(&pairs(), Some(&data), &options(), |_| {
            ControlFlow::Continue(())
        });
        let message = result.unwrap_err().to_string();
        assert!(message.contains("the validation data"), "{message}");
    }
}

#[test]
fn long_examples_are_cut_on_the_left_of_the_prompt_and_counted() {
    let model = model();
    let options = TrainOptions {
        max_length: Some(16),
        ..options()
    };
    let long = Dataset::Pairs(vec![
        ("the cat ".repeat(20), " Hund".into()),
        ("the".into(), " Hund".into()),
    ]);
    let sequences = long
        .sequences("the training data", &model, &options)
        .unwrap();
    assert_eq!(sequences.truncated, 1);
    let tokenizer = model.tokenizer().unwrap();
    assert_eq!(sequences.all[0].ids.len(), 16);
    let text = tokenizer.decode(&sequences.all[0].ids).unwrap();
    assert!(
        text.ends_with("the cat  Hund") || text.ends_with("the cat Hund"),
        "{text}"
    );
    assert_eq!(sequences.all[0].ids.last().copied(), tokenizer.eos());

    let generated = model
        .generate(
            &["the cat ".repeat(40)],
            &GenerateOptions {
                max_new_tokens: 60,
                ..Default::default()
            },
        )
        .unwrap();
    assert_eq!(generated[0].prompt_tokens, 4);
    assert!(generated[0].truncated_tokens > 30);
    let long = TokenPair {
        prompt: vec![5; 100],
        answer: vec![6; 10],
    };
    let score = model.score_ids(&[long], 1).unwrap()[0];
    assert_eq!((score.truncated_tokens, score.tokens), (100 + 10 - 65, 10));
}

#[test]
fn the_best_weights_are_kept() {
    let mut model = model();
    // Trained on the pairs, it gets worse at the texts sooner or later.
    let options = TrainOptions {
        epochs: 40,
        learning_rate: 2e-2,
        keep_best: true,
        validate_every: Some(2),
        ..options()
    };
    let report = run(&mut model, &pairs(), &options).report;
    let (best, step) = report.best_validation.unwrap();
    assert!(step < report.steps && best < report.validation_loss.unwrap());
    // Seen again, without a step of any size, the loss is the best one.
    let again = TrainOptions {
        max_steps: Some(1),
        learning_rate: 1e-30,
        ..options
    };
    let loss = run(&mut model, &pairs(), &again)
        .report
        .validation_loss
        .unwrap();
    assert!((loss - best).abs() < 1e-9, "{loss} is not {best}");
}
