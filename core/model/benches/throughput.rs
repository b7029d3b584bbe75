//! Tokens per second in training and generation of small decoders on the CPU:
//! `cargo bench -p mergelab-model --bench throughput [-- --models small --tasks lora,generate]`.
//!
//! Prints CSV. `transformers_throughput.py` beside this file measures transformers and peft on the
//! same work and puts both next to each other.

use std::ops::ControlFlow;
use std::time::Instant;

use mergelab_model::{
    Dataset, Device, GenerateOptions, LanguageModel, LoraOptions, ModelConfig, ModelError,
    TokenPair, TrainOptions,
};

/// Name, vocabulary, width, width of the feed-forward layers, layers, heads.
const MODELS: [(&str, usize, [usize; 4]); 2] = [
    ("quickstart", 2048, [128, 384, 4, 4]),
    ("small", 8192, [256, 768, 6, 8]),
];
const CONTEXT: usize = 512;
/// Sequences in a step, and tokens that are read of each.
const BATCH: usize = 16;
const TOKENS: usize = 128;
/// Of the tokens of `answers`, those that are predicted: instruction data has long prompts.
const ANSWER: usize = 32;
const WARMUP: usize = 5;
const PROMPT: usize = 32;
const NEW: usize = 128;

fn main() -> Result<(), ModelError> {
    let arguments: Vec<String> = std::env::args().collect();
    let listed = |flag: &str, name: &str| {
        let given = arguments.iter().position(|a| a == flag);
        let given = given.and_then(|at| arguments.get(at + 1));
        given.is_none_or(|list| list.split(',').any(|item| item == name))
    };
    let steps = arguments.iter().position(|a| a == "--steps");
    let steps = steps.and_then(|at| arguments.get(at + 1)?.parse().ok());
    println!("model,task,tokens_per_second");
    for (name, vocabulary, [width, inner, layers, heads]) in MODELS {
        if !listed("--models", name) {
            continue;
        }
        let config = ModelConfig::new(vocabulary, width, inner, layers, heads, CONTEXT)?;
        let model = LanguageModel::init(config, None, 0, Device::parse("cpu")?)?;
        for (task, lora, answer) in [
            ("full", false, TOKENS),
            ("lora", true, TOKENS),
            ("lora answers", true, ANSWER),
        ] {
            if listed("--tasks", task) {
                let steps = steps.unwrap_or(40);
                let rate = train(model.clone(), lora, answer, steps)?;
                println!("{name},{task},{rate:.0}");
            }
        }
        for batch_size in [1, 16, 64] {
            let task = format!("generate {batch_size}");
            if listed("--tasks", &task) || listed("--tasks", "generate") {
                println!("{name},{task},{:.0}", generate(&model, batch_size)?);
            }
        }
    }
    Ok(())
}

/// Pseudo-random tokens; which ones is of no matter to the time.
fn tokens(count: usize, seed: usize, vocabulary: usize) -> Vec<u32> {
    let token = |i: usize| (seed * 7919 + i * 104_729 + i * i * 31) % (vocabulary - 3) + 3;
    (0..count).map(|i| token(i) as u32).collect()
}

/// Tokens read per second in the median step.
fn train(
    mut model: LanguageModel,
    lora: bool,
    answer: usize,
    steps: usize,
) -> Result<f64, ModelError> {
    let vocabulary = model.config().vocab_size;
    let data = Dataset::Tokens(
        (0..BATCH * 8)
            .map(|index| {
                let ids = tokens(TOKENS + 1, index, vocabulary);
                let (prompt, answer) = ids.split_at(TOKENS + 1 - answer);
                TokenPair {
                    prompt: prompt.to_vec(),
                    answer: answer.to_vec(),
                }
            })
            .collect(),
    );
    let options = TrainOptions {
        epochs: 1000,
        max_steps: Some(WARMUP + steps),
        batch_size: BATCH,
        append_eos: false,
        lora: lora.then(|| LoraOptions {
            rank: 16,
            ..LoraOptions::default()
        }),
        ..TrainOptions::default()
    };
    let mut seconds = Vec::new();
    let mut last = Instant::now();
    model.train(&data, None, &options, |progress| {
        if progress.step > WARMUP {
            seconds.push(last.elapsed().as_secs_f64());
        }
        last = Instant::now();
        ControlFlow::Continue(())
    })?;
    seconds.sort_by(f64::total_cmp);
    Ok((BATCH * TOKENS) as f64 / seconds[seconds.len() / 2])
}

/// New tokens per second, the best of three runs.
fn generate(model: &LanguageModel, batch_size: usize) -> Result<f64, ModelError> {
    let prompts: Vec<Vec<u32>> = (0..batch_size)
        .map(|index| tokens(PROMPT, index, model.config().vocab_size))
        .collect();
    let options = GenerateOptions {
        batch_size,
        max_new_tokens: NEW,
        ..Default::default()
    };
    let mut best = 0.0f64;
    for _ in 0..3 {
        let started = Instant::now();
        let found = model.generate_ids(&prompts, &options)?;
        let count: usize = found.iter().map(|generation| generation.ids.len()).sum();
        best = best.max(count as f64 / started.elapsed().as_secs_f64());
    }
    Ok(best)
}
