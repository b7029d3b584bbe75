//! The same run gives the same bytes, interrupted or not, on any number of threads.

use std::path::Path;

use super::*;
use crate::LoraOptions;

fn with_snapshot(options: TrainOptions, folder: &Path) -> TrainOptions {
    TrainOptions {
        snapshot: Some(SnapshotOptions {
            folder: folder.to_path_buf(),
            every_steps: Some(4),
            share_of_time: None,
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
                if steps == stop_at {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .unwrap();
        assert_eq!(trained.report.stopped, stop_at != usize::MAX);
        if stop_at == usize::MAX {
            assert_eq!(steps, report.steps - 7);
            assert_eq!(bits(&resumed), bits(&straight));
            assert_eq!(trained.report.best_validation, report.best_validation);
            assert_eq!(trained.report.tokens, report.tokens);
            assert_eq!(trained.report.ended_early, report.ended_early);
            assert_eq!(trained.report.resumed_at, Some(7));
        }
    }
}

#[test]
fn a_resumed_run_ends_with_the_bytes_of_an_uninterrupted_one() {
    check_resumption(TrainOptions {
        accumulation: 2,
        keep_best: true,
        ..options()
    });
    // Ends early, in the part that is resumed.
    check_resumption(TrainOptions {
        learning_rate: 2e-2,
        epochs: 60,
        validate_every: Some(2),
        patience: Some(2),
        checkpointing: true,
        ..options()
    });
    let lora = LoraOptions {
        dropout: 0.2,
        rank: 4,
        rs_lora: true,
        ..LoraOptions::default()
    };
    check_resumption(TrainOptions {
        lora: Some(lora),
        ..options()
    });
}

#[test]
fn a_snapshot_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = with_snapshot(options(), &folder.path().join("state"));
    run(&mut model(), &pairs(), &options);
    let other = TrainOptions {
        learning_rate: 1e-4,
        ..options
    };
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
        let options = TrainOptions {
            batch_size: 8,
            max_steps: Some(3),
            ..options()
        };
        run(&mut wide, &texts(), &options);
        let shares = TrainOptions {
            batch_size: 32,
            ..options
        };
        run(&mut wide, &many_texts(), &shares);
        let mut hasher = blake3::Hasher::new();
        for bits in bits(&wide) {
            hasher.update(&bits.to_le_bytes());
        }
        println!("weights: {}", hasher.finalize());
        return;
    }
    let hash = |threads: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "train::tests::determinism::the_number_of_threads_changes_no_byte",
                "--exact",
                "--nocapture",
            ])
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
