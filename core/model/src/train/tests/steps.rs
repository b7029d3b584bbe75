//! How a step is computed: in parts, with intermediate values anew, in another precision; and when
//! the steps end.

use burn::Dispatch;

use super::*;
use crate::LoraOptions;
use crate::train::{Grouping, Precision};

fn lora() -> Option<LoraOptions> {
    Some(LoraOptions {
        rank: 4,
        dropout: 0.3,
        ..LoraOptions::default()
    })
}

fn weights(options: &TrainOptions) -> Vec<f32> {
    let mut model = model();
    run(&mut model, &pairs(), options);
    bits(&model).into_iter().map(f32::from_bits).collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

#[test]
fn a_step_in_parts_is_the_step_in_one() {
    for lora in [None, lora()] {
        // Steps of five and one: parts of unlike sizes.
        let whole = TrainOptions {
            batch_size: 5,
            epochs: 4,
            // Large against AdamW's first gradients, so that the rounding of a gradient near zero
            // does not become a step of full size.
            epsilon: 1e-3,
            lora,
            ..options()
        };
        let expected = weights(&whole);
        let untrained: Vec<f32> = bits(&model()).into_iter().map(f32::from_bits).collect();
        let moved = largest_difference(&expected, &untrained);
        assert!(moved > 1e-3, "{moved}");
        for accumulation in [2, 3, 5] {
            let parts = TrainOptions {
                accumulation,
                ..whole.clone()
            };
            // Sums of a few hundred f32 products of size 1 in another order, over eight steps.
            let difference = largest_difference(&weights(&parts), &expected);
            assert!(difference < 2e-6, "{accumulation} parts: {difference}");
        }
    }
}

#[test]
fn a_step_in_shares_is_the_step_in_one() {
    for lora in [None, lora()] {
        let shares = TrainOptions {
            batch_size: 32,
            epochs: 2,
            epsilon: 1e-3,
            lora,
            ..options()
        };
        // A sequence at a time: fewer tokens than are worth a share.
        let one = TrainOptions {
            accumulation: 32,
            ..shares.clone()
        };
        let trained = |options: &TrainOptions| -> Vec<f32> {
            let mut model = model();
            run(&mut model, &many_texts(), options);
            bits(&model).into_iter().map(f32::from_bits).collect()
        };
        let (shares, one) = (trained(&shares), trained(&one));
        assert!(shares != one, "the sums were in the same order");
        // Sums of some thousand f32 products of size 1 in another order, over a few steps.
        let difference = largest_difference(&shares, &one);
        assert!(difference < 5e-6, "{difference}");
    }
}

#[test]
fn checkpointing_changes_no_byte() {
    for lora in [None, lora()] {
        let kept = TrainOptions { lora, ..options() };
        let anew = TrainOptions {
            checkpointing: true,
            accumulation: 2,
            ..kept.clone()
        };
        let kept = TrainOptions {
            accumulation: 2,
            ..kept
        };
        assert_eq!(weights(&anew), weights(&kept));
    }
}

#[test]
fn grouping_decides_what_shares_a_step() {
    let shuffled = TrainOptions {
        grouping: Grouping::Shuffled,
        ..options()
    };
    assert_eq!(weights(&shuffled), weights(&shuffled));
    assert_ne!(weights(&shuffled), weights(&options()));
}

#[test]
fn training_ends_when_the_validation_loss_no_longer_falls() {
    // Trained on the pairs, it gets worse at the texts sooner or later.
    let patient = TrainOptions {
        epochs: 60,
        learning_rate: 2e-2,
        keep_best: true,
        patience: Some(3),
        validate_every: Some(2),
        ..options()
    };
    let mut losses = Vec::new();
    let mut early = model();
    let trained = early
        .train(&pairs(), Some(&texts()), &patient, |progress| {
            losses.extend(progress.validation_loss);
            ControlFlow::Continue(())
        })
        .unwrap();
    let report = trained.report;
    assert!(report.ended_early && !report.stopped);
    assert!(report.steps < 3 * 60, "{report:?}");
    let (best, step) = report.best_validation.unwrap();
    assert_eq!(report.steps, step + 3 * 2);
    let (earlier, last) = losses.split_at(losses.len() - 3);
    assert_eq!(earlier.last(), Some(&best));
    assert!(last.iter().all(|loss| *loss >= best));

    // The weights are those of the best validation: seen again, without a step of any size, the
    // loss is the best one.
    let again = TrainOptions {
        max_steps: Some(1),
        learning_rate: 1e-30,
        ..options()
    };
    let loss = run(&mut early, &pairs(), &again).report.validation_loss;
    assert!((loss.unwrap() - best).abs() < 1e-9);
}

#[test]
fn patience_needs_validation_data() {
    let patient = TrainOptions {
        patience: Some(1),
        ..options()
    };
    let result = model().train(&pairs(), None, &patient, |_| ControlFlow::Continue(()));
    let message = result.unwrap_err().to_string();
    assert!(
        message.contains("`patience`: needs validation data"),
        "{message}"
    );
}

#[test]
fn a_processor_refuses_bf16() {
    let half = TrainOptions {
        precision: Precision::Bf16,
        ..options()
    };
    let result = model().train(&pairs(), None, &half, |_| ControlFlow::Continue(()));
    let message = result.unwrap_err().to_string();
    for part in [
        "`precision`",
        "\"flex\" does not compute in bf16",
        "\"f32\"",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

/// What runs on a GPU, with burn's operations on the processor, whose products of bfloat16 round
/// as a GPU's do.
#[test]
fn products_in_bf16_train_weights_in_f32() {
    let AnyDecoder::Flex(flex) = &model().decoder else {
        unreachable!()
    };
    let device = Device::Flex.dispatch();
    let elements = flex.parameters.iter().map(|p| host(p.clone())).collect();
    let parameters = crate::parameters::upload(&flex.config, elements, &device);
    let decoder = Decoder::<Dispatch>::new(flex.config.clone(), parameters, device);
    for lora in [None, lora()] {
        let train = |precision| {
            let options = TrainOptions {
                precision,
                lora: lora.clone(),
                epochs: 20,
                ..options()
            };
            let model = model();
            let train = pairs().sequences("the data", &model, &options).unwrap();
            let data = RunData {
                train,
                validation: None,
                options: &options,
            };
            let mut decoder = decoder.clone();
            let mut first = None;
            let mut note = |progress: &Progress| {
                first.get_or_insert(progress.loss);
                ControlFlow::Continue(())
            };
            let report = train_on(&mut decoder, data, &mut note).unwrap().report;
            (first.unwrap(), report.final_loss, decoder)
        };
        let (first, last, _) = train(Precision::F32);
        let (half_first, half_last, trained) = train(Precision::Bf16);
        // bfloat16 has 8 bits: a loss of about 5 from logits rounded to 2^-8.
        assert!(
            half_first != first && (half_first - first).abs() < 0.05,
            "{half_first} {first}"
        );
        assert!(last < 0.9 * first, "{last} {first}");
        assert!((half_last - last).abs() < 0.1, "{half_last} {last}");
        let weights = &trained.parameters[0];
        assert_eq!(weights.dtype(), burn::tensor::DType::F32);
        if lora.is_none() {
            // Weights of f32: most are no numbers of bfloat16.
            let fine = host(weights.clone())
                .iter()
                .filter(|w| w.to_bits() & 0xFFFF != 0)
                .count();
            assert!(fine * 2 > weights.shape().num_elements());
        }
    }
}
