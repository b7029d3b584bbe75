//! Tokens per second in training and generation of a small decoder on the CPU:
//! `cargo bench -p mergelab-model`.

use std::ops::ControlFlow;
use std::time::Instant;

use mergelab_model::{
    Dataset, Device, GenerateOptions, LanguageModel, ModelConfig, ModelError, TrainOptions,
    train_bpe,
};

fn main() -> Result<(), ModelError> {
    let words = [
        "rose", "Hund", "maison", "casa", "drei", "blue", "vier", "luna",
    ];
    let texts: Vec<String> = (0..4000usize)
        .map(|n| {
            let word = |k: usize| words[(n * 7 + k * k * 3 + n / 11) % words.len()];
            (0..40)
                .map(|k| format!("{}{} ", word(k), (n * k) % 97))
                .collect()
        })
        .collect();
    let tokenizer = train_bpe(&texts[..200], 2048, &["<pad>", "</s>"])?;
    let config = ModelConfig::new(2048, 128, 384, 4, 4, 256)?;
    let device = Device::parse("cpu")?;
    let mut model = LanguageModel::init(config, Some(tokenizer), 0, device)?;
    println!("{} weights", model.parameter_count());

    let options = TrainOptions {
        max_steps: Some(60),
        epochs: 1000,
        max_length: Some(64),
        ..TrainOptions::default()
    };
    let data = Dataset::Texts(texts);
    let trained = model.train(&data, None, &options, |progress| {
        if progress.step % 20 == 0 {
            println!(
                "step {}: loss {:.3}, {:.0} tokens/s",
                progress.step, progress.loss, progress.tokens_per_second
            );
        }
        ControlFlow::Continue(())
    })?;
    println!("training: loss {:.4}", trained.report.final_loss);

    for batch_size in [1, 16, 64] {
        let prompts = vec![(2..34).collect::<Vec<u32>>(); 64.min(4 * batch_size)];
        let options = GenerateOptions {
            batch_size,
            max_new_tokens: 64,
            ..Default::default()
        };
        let started = Instant::now();
        let found = model.generate_ids(&prompts, &options)?;
        let tokens: usize = found.iter().map(|generation| generation.ids.len()).sum();
        let rate = tokens as f64 / started.elapsed().as_secs_f64();
        println!("generation, batches of {batch_size}: {rate:.0} tokens/s ({tokens} tokens)");
    }
    Ok(())
}
