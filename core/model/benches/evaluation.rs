//! Examples per second in evaluation on the CPU:
//! `cargo bench -p mergelab-model --bench evaluation [-- --tasks choices,generate]`.
//!
//! Prints CSV. `lm_eval_throughput.py` beside this file measures lm-evaluation-harness and
//! transformers on the same work and puts them next to each other. `--unshared` scores each choice
//! with its context read anew, which shows what sharing gives.

use std::time::Instant;

use mergelab_model::{
    Device, GenerateOptions, LanguageModel, ModelConfig, ModelError, Score, TokenPair,
};

/// Name, vocabulary, width, width of the feed-forward layers, layers, heads.
const MODELS: [(&str, usize, [usize; 4]); 2] = [
    ("quickstart", 2048, [128, 384, 4, 4]),
    ("small", 8192, [256, 768, 6, 8]),
];
const CONTEXT: usize = 1024;
const BATCH: usize = 16;
const EXAMPLES: usize = 64;
/// A task of choices.
struct Choices {
    task: &'static str,
    /// Tokens that all contexts begin with.
    shared: usize,
    /// Tokens of the least and the greatest question.
    questions: [usize; 2],
    /// Choices of each.
    choices: usize,
    /// Tokens of the least and the greatest choice.
    sizes: [usize; 2],
}

const CHOICES: [Choices; 3] = [
    Choices {
        task: "labels",
        shared: 0,
        questions: [40, 120],
        choices: 3,
        sizes: [1, 1],
    },
    Choices {
        task: "choices",
        shared: 0,
        questions: [40, 120],
        choices: 4,
        sizes: [2, 12],
    },
    Choices {
        task: "few-shot choices",
        shared: 480,
        questions: [40, 120],
        choices: 4,
        sizes: [2, 12],
    },
];

/// Tokens of the least and the greatest prompt, and new tokens.
const GENERATE: ([usize; 2], usize) = ([40, 120], 32);

fn main() -> Result<(), ModelError> {
    let arguments: Vec<String> = std::env::args().collect();
    let listed = |flag: &str, name: &str| {
        let given = arguments.iter().position(|a| a == flag);
        let given = given.and_then(|at| arguments.get(at + 1));
        given.is_none_or(|list| list.split(',').any(|item| item == name))
    };
    let unshared = arguments.iter().any(|a| a == "--unshared");
    println!("model,task,examples_per_second");
    for (name, vocabulary, [width, inner, layers, heads]) in MODELS {
        if !listed("--models", name) {
            continue;
        }
        let config = ModelConfig::new(vocabulary, width, inner, layers, heads, CONTEXT)?;
        let model = LanguageModel::init(config, None, 0, Device::parse("cpu")?)?;
        for task in CHOICES.iter().filter(|c| listed("--tasks", c.task)) {
            let pairs = task.pairs(vocabulary);
            let rate = best(|| choose(&model, &pairs, unshared))?;
            println!("{name},{},{rate:.1}", task.task);
        }
        if listed("--tasks", "generate") {
            println!("{name},generate,{:.1}", best(|| generate(&model))?);
        }
    }
    Ok(())
}

/// Pseudo-random tokens; which ones is of no matter to the time.
fn tokens(count: usize, seed: usize, vocabulary: usize) -> Vec<u32> {
    let token = |i: usize| (seed * 7919 + i * 104_729 + i * i * 31) % (vocabulary - 3) + 3;
    (0..count).map(|i| token(i) as u32).collect()
}

/// A length from the least to the greatest, the same here and in Python.
fn length([least, greatest]: [usize; 2], seed: usize) -> usize {
    least + seed * 37 % (greatest - least + 1)
}

impl Choices {
    fn pairs(&self, vocabulary: usize) -> Vec<TokenPair> {
        let begin = tokens(self.shared, 0, vocabulary);
        let pair = |example: usize, choice: usize| {
            let question = tokens(length(self.questions, example), example + 1, vocabulary);
            let number = example * self.choices + choice;
            TokenPair {
                prompt: [begin.clone(), question].concat(),
                answer: tokens(length(self.sizes, number), number + 1000, vocabulary),
            }
        };
        (0..EXAMPLES)
            .flat_map(|example| (0..self.choices).map(move |choice| (example, choice)))
            .map(|(example, choice)| pair(example, choice))
            .collect()
    }
}

fn choose(model: &LanguageModel, pairs: &[TokenPair], unshared: bool) -> Result<(), ModelError> {
    let scores: Vec<Score> = if unshared {
        // Pairs of one context are never in one call.
        let choices = pairs.len() / EXAMPLES;
        let mut scores = Vec::new();
        for choice in 0..choices {
            let own: Vec<TokenPair> = pairs
                .iter()
                .skip(choice)
                .step_by(choices)
                .cloned()
                .collect();
            scores.extend(model.score_ids(&own, BATCH)?);
        }
        scores
    } else {
        model.score_ids(pairs, BATCH)?
    };
    assert_eq!(scores.len(), pairs.len());
    Ok(())
}

fn generate(model: &LanguageModel) -> Result<(), ModelError> {
    let vocabulary = model.config().vocab_size;
    let prompts: Vec<Vec<u32>> = (0..EXAMPLES)
        .map(|example| tokens(length(GENERATE.0, example), example + 1, vocabulary))
        .collect();
    let options = GenerateOptions {
        batch_size: BATCH,
        max_new_tokens: GENERATE.1,
        ..Default::default()
    };
    let found = model.generate_ids(&prompts, &options)?;
    assert!(found.iter().all(|one| one.ids.len() == GENERATE.1));
    Ok(())
}

/// Examples per second, the best of three runs.
fn best(run: impl Fn() -> Result<(), ModelError>) -> Result<f64, ModelError> {
    let mut best = 0.0f64;
    for _ in 0..3 {
        let started = Instant::now();
        run()?;
        best = best.max(EXAMPLES as f64 / started.elapsed().as_secs_f64());
    }
    Ok(best)
}
