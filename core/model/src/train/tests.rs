//! Training as a whole, on a model of a few thousand weights.

use std::ops::ControlFlow;
use std::path::Path;

use mergelab_checkpoint::Checkpoint;

use super::*;
use crate::gradient::{Batch, Gradients, Pass};
use crate::model::AnyDecoder;
use crate::{
    Device, GenerateOptions, LoraOptions, ModelConfig, ModelError, TokenPair, train_bpe,
};

fn pairs() -> Dataset {
    let pairs = [
        ("translate: the dog ->", " der Hund"),
        ("translate: the cat ->", " die Katze"),
        ("translate: the house ->", " das Haus"),
        ("translate: the small house ->", " das kleine Haus"),
        ("translate: water ->", " Wasser"),
        ("translate: the tree is green ->", " der Baum ist grün"),
    ];
    Dataset::Pairs(pairs.map(|(prompt, answer)| (prompt.into(), answer.into())).into())
}

fn texts() -> Dataset {
    Dataset::Texts((0..30).map(|n| format!("text {n} of {} dogs and cats", n % 7)).collect())
}

fn model() -> LanguageModel {
    let Dataset::Pairs(all) = pairs() else { unreachable!() };
    let texts: Vec<String> = all.iter().flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
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
        warmup_steps: 3,
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
    let AnyDecoder::Flex(decoder) = &model.decoder else { unreachable!() };
    let parameters = decoder.parameters.iter();
    parameters.flat_map(|p| host(p.clone())).map(f32::to_bits).collect()
}

#[test]
fn learns_pairs_by_heart() {
    let mut model = model();
    let options = TrainOptions { epochs: 80, ..options() };
    let mut losses = Vec::new();
    let data = pairs();
    let trained = model
        .train(&data, None, &options, |progress| {
            losses.push(progress.loss);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(losses.len(), trained.report.steps);
    assert!(losses[0] > 3.0 && trained.report.final_loss < 0.05, "{:?}", trained.report);
    let Dataset::Pairs(all) = data else { unreachable!() };
    let prompts: Vec<&str> = all.iter().map(|(prompt, _)| prompt.as_str()).collect();
    let found = model.generate(&prompts, &GenerateOptions::default()).unwrap();
    for (found, (_, answer)) in found.iter().zip(&all) {
        assert_eq!(&found.text, answer);
        assert_eq!(found.finish, crate::Finish::EndToken);
    }
    let scores = model.score(&all, 4).unwrap();
    assert!(scores.iter().all(|score| score.is_greedy && score.log_likelihood > -0.5));

    let stopped = GenerateOptions { stop: vec!["Hund".into()], ..GenerateOptions::default() };
    let found = model.generate(&["translate: the dog -> "], &stopped).unwrap();
    assert_eq!((found[0].text.as_str(), found[0].finish), ("der ", crate::Finish::StopText));
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

fn with_snapshot(options: TrainOptions, folder: &Path) -> TrainOptions {
    TrainOptions {
        snapshot: Some(SnapshotOptions {
            folder: folder.to_path_buf(),
            every_steps: Some(4),
            every_seconds: None,
            resume: true,
        }),
        ..options
    }
}

fn check_resumption(options: TrainOptions) {
    let folder = tempfile::tempdir().unwrap();
    let mut straight = model();
    let report = run(&mut straight, &pairs(), &options).report;

    let options = with_snapshot(options, &folder.path().join("state"));
    for stop_at in [3, 4, usize::MAX] {
        // A new process would start from the untrained model as well.
        let mut resumed = model();
        let mut steps = 0;
        let trained = resumed
            .train(&pairs(), Some(&texts()), &options, |_| {
                steps += 1;
                if steps == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!(trained.report.stopped, stop_at != usize::MAX);
        if stop_at == usize::MAX {
            assert_eq!(steps, report.steps - 7);
            assert_eq!(bits(&resumed), bits(&straight));
            assert_eq!(trained.report.best_validation, report.best_validation);
            assert_eq!(trained.report.tokens, report.tokens);
        }
    }
}

#[test]
fn a_resumed_run_ends_with_the_bytes_of_an_uninterrupted_one() {
    check_resumption(TrainOptions { accumulation: 2, keep_best: true, ..options() });
    let lora = LoraOptions { dropout: 0.2, rank: 4, rs_lora: true, ..LoraOptions::default() };
    check_resumption(TrainOptions { lora: Some(lora), ..options() });
}

#[test]
fn a_snapshot_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = with_snapshot(options(), &folder.path().join("state"));
    run(&mut model(), &pairs(), &options);
    let other = TrainOptions { learning_rate: 1e-4, ..options };
    let error = model().train(&pairs(), None, &other, |_| ControlFlow::Continue(()));
    let message = error.unwrap_err().to_string();
    assert!(message.contains("belongs to another run"), "{message}");
}

/// Set in the processes that the next test starts.
const CHILD: &str = "MERGELAB_MODEL_TEST_THREADS";

#[test]
fn the_number_of_threads_changes_no_byte() {
    if std::env::var_os(CHILD).is_some() {
        // Wide enough that every kernel and product is spread over the threads.
        let mut config = ModelConfig::new(290, 256, 512, 1, 4, 64).unwrap();
        config.initializer_range = 0.05;
        let tokenizer = model().tokenizer().unwrap().clone();
        let mut wide = LanguageModel::init(config, Some(tokenizer), 1, Device::Flex).unwrap();
        let options = TrainOptions { batch_size: 8, max_steps: Some(3), ..options() };
        run(&mut wide, &texts(), &options);
        let mut hasher = blake3::Hasher::new();
        for bits in bits(&wide) {
            hasher.update(&bits.to_le_bytes());
        }
        println!("weights: {}", hasher.finalize());
        return;
    }
    let hash = |threads: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["train::tests::the_number_of_threads_changes_no_byte", "--exact", "--nocapture"])
            .env(CHILD, "1")
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let start = text.find("weights: ").unwrap_or_else(|| panic!("{text}"));
        text[start..start + 73].to_owned()
    };
    let one = hash("1");
    assert_eq!(hash("2"), one);
    assert_eq!(hash("5"), one);
}

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
    let trained = run(&mut model, &pairs(), &TrainOptions { lora: Some(lora), ..options() });
    assert_eq!(trained.report.trainable_parameters, 2 * 3 * (32 + 32 + 48 + 32));
    let path = folder.path().join("adapter");
    trained.lora.unwrap().save(&path).unwrap();

    let AnyDecoder::Flex(decoder) = &model.decoder else { unreachable!() };
    let before = Checkpoint::open(&base).unwrap();
    let adapter = mergelab_checkpoint::LoraAdapter::open(&path).unwrap();
    assert_eq!(adapter.modules().len(), 4);
    for (parameter, spec) in crate::parameters::specs(&decoder.config).iter().enumerate() {
        let mut expected = before.tensor(&spec.name).unwrap().to_f32().unwrap();
        let found = adapter.modules().find(|(module, _)| module.module == spec.module());
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
    let model = model();
    let AnyDecoder::Flex(decoder) = &model.decoder else { unreachable!() };
    let lora = LoraOptions::default();
    let mut adapters = Adapters::new(&decoder.config, &lora, 3, &decoder.device).unwrap();
    for (parameter, adapter) in adapters.iter_mut() {
        let shape = adapter.b.dims();
        let rng = crate::random::CounterRng::new(parameter as u64, "test", &[]);
        let b = (0..(shape[0] * shape[1]) as u64).map(|i| 0.05 * rng.normal(i) as f32).collect();
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
        let pass = Pass { decoder, adapters, dropout_key: 0 };
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
        let expected_db = dw.clone().matmul(adapter.a.clone().transpose()).mul_scalar(scale);
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

#[test]
fn a_loss_that_is_no_number_is_an_error() {
    let options = TrainOptions { learning_rate: 1e30, warmup_steps: 0, ..options() };
    let result = model().train(&pairs(), None, &options, |_| ControlFlow::Continue(()));
    let error = result.unwrap_err();
    assert!(matches!(error, ModelError::Diverged { .. }), "{error}");
}

#[test]
fn empty_data_is_an_error_that_says_why() {
    for (data, expected) in [
        (Dataset::Pairs(Vec::new()), "there are no pairs"),
        (Dataset::Pairs(vec![("a".into(), String::new())]), "every answer is empty"),
        (Dataset::Texts(vec![String::new()]), "fewer than two tokens"),
    ] {
        let result = model().train(&data, None, &options(), |_| ControlFlow::Continue(()));
        let message = result.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        let result = model()
            .train(&pairs(), Some(&data), &options(), |_| ControlFlow::Continue(()));
        let message = result.unwrap_err().to_string();
        assert!(message.contains("the validation data"), "{message}");
    }
}

#[test]
fn long_examples_are_cut_on_the_left_of_the_prompt_and_counted() {
    let model = model();
    let options = TrainOptions { max_length: Some(16), ..options() };
    let long = Dataset::Pairs(vec![
        ("the cat ".repeat(20), " Hund".into()),
        ("the".into(), " Hund".into()),
    ]);
    let sequences = long.sequences("the training data", &model, &options).unwrap();
    assert_eq!(sequences.truncated, 1);
    let tokenizer = model.tokenizer().unwrap();
    assert_eq!(sequences.all[0].ids.len(), 16);
    let text = tokenizer.decode(&sequences.all[0].ids).unwrap();
    assert!(text.ends_with("the cat  Hund") || text.ends_with("the cat Hund"), "{text}");
    assert_eq!(sequences.all[0].ids.last().copied(), tokenizer.eos());

    let generated = model
        .generate(&["the cat ".repeat(40)], &GenerateOptions { max_new_tokens: 60, ..Default::default() })
        .unwrap();
    assert_eq!(generated[0].prompt_tokens, 4);
    assert!(generated[0].truncated_tokens > 30);
    let long = TokenPair { prompt: vec![5; 100], answer: vec![6; 10] };
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
    let again = TrainOptions { max_steps: Some(1), learning_rate: 1e-30, ..options };
    let loss = run(&mut model, &pairs(), &again).report.validation_loss.unwrap();
    assert!((loss - best).abs() < 1e-9, "{loss} is not {best}");
}
