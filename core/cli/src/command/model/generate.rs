//! `mergelab model generate`: continues prompts.

use crate::{
    failure::{Exit, Failure},
    hub, output,
};
use mergelab_model::{Device, Finish, GenerateOptions, Generation, LanguageModel, Sampling};
use serde::Serialize;
use std::{path::PathBuf, time::Instant};

const EXAMPLES: &str = "\
Examples:
  mergelab model generate models/smollm2 --chat --prompt \"What is the capital of Japan?\"
  mergelab model generate models/base --prompt \"Es war einmal\" --max-new-tokens 40 --json
  mergelab model generate hf://org/name@main --prompt \"One, two,\" --temperature 0.7 --seed 3";

/// Continues prompts with a model, by its likeliest tokens or by chance.
///
/// The same command gives the same text on the CPU, also where tokens are drawn by chance: draws
/// follow from the seed. The tokens per second, which go to standard error, count reading the prompts too.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The model: a Hugging Face folder, or hf://org/name@revision.
    model: PathBuf,
    /// The text to continue. May be given more than once.
    #[arg(long = "prompt", value_name = "TEXT", required = true)]
    prompts: Vec<String>,
    /// Write each prompt as the user's turn of a chat, by the model's chat template.
    #[arg(long)]
    chat: bool,
    /// Most tokens of a continuation.
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_new_tokens: usize,
    /// End a continuation before this text. May be given more than once.
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    /// Draw tokens by chance: logits are divided by this. 0 takes the likeliest.
    #[arg(long, value_name = "NUMBER", default_value_t = 0.0)]
    temperature: f64,
    /// Draw among this many likeliest tokens only.
    #[arg(long, value_name = "N")]
    top_k: Option<usize>,
    /// Draw among the fewest likeliest tokens whose probabilities sum to this.
    #[arg(long, value_name = "SHARE")]
    top_p: Option<f64>,
    /// Seed of the draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Where to compute: cpu, cuda:N or vulkan.
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: String,
    /// Print prompts, texts and counts as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    model: String,
    device: String,
    chat: bool,
    load_seconds: f64,
    seconds: f64,
    new_tokens: usize,
    tokens_per_second: f64,
    continuations: Vec<Continuation<'a>>,
}

#[derive(Serialize)]
struct Continuation<'a> {
    prompt: &'a str,
    text: &'a str,
    finish: &'static str,
    prompt_tokens: usize,
    truncated_tokens: usize,
    ids: &'a [u32],
}

impl Arguments {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let device = Device::parse(&self.device).map_err(Failure::refused)?;
        let folder = hub::folder(&self.model)?;
        let start = Instant::now();
        let mut model = LanguageModel::open(&folder, device).map_err(Failure::refused)?;
        if self.chat {
            model.wrap_prompts_as_chat().map_err(Failure::refused)?;
        }
        let load_seconds = start.elapsed().as_secs_f64();
        let options = GenerateOptions {
            max_new_tokens: self.max_new_tokens,
            sampling: Sampling {
                temperature: self.temperature,
                top_k: self.top_k,
                top_p: self.top_p,
            },
            seed: self.seed,
            stop: self.stop.clone(),
            ..GenerateOptions::default()
        };
        let start = Instant::now();
        let generations = model
            .generate(&self.prompts, &options)
            .map_err(Failure::refused)?;
        let seconds = start.elapsed().as_secs_f64();
        self.report(&generations, load_seconds, seconds)?;
        Ok(Exit::Done)
    }

    fn report(
        &self,
        generations: &[Generation],
        load_seconds: f64,
        seconds: f64,
    ) -> Result<(), Failure> {
        let new_tokens: usize = generations.iter().map(|found| found.ids.len()).sum();
        let tokens_per_second = new_tokens as f64 / seconds.max(1e-9);
        for (prompt, found) in self.prompts.iter().zip(generations) {
            if found.truncated_tokens > 0 {
                eprintln!(
                    "note: the first {} tokens of the prompt \"{prompt}\" do not fit into the \
                     model's context and were left out",
                    found.truncated_tokens
                );
            }
        }
        if self.json {
            let pairs = self.prompts.iter().zip(generations);
            return output::json(&Report {
                model: self.model.display().to_string(),
                device: self.device.clone(),
                chat: self.chat,
                load_seconds,
                seconds,
                new_tokens,
                tokens_per_second,
                continuations: pairs.map(|(prompt, found)| of(prompt, found)).collect(),
            });
        }
        let several = generations.len() > 1;
        for (prompt, found) in self.prompts.iter().zip(generations) {
            let head = if several {
                format!("> {prompt}\n")
            } else {
                String::new()
            };
            output::text(&format!("{head}{}\n", found.text))?;
        }
        eprintln!(
            "{new_tokens} tokens in {seconds:.2} s, {tokens_per_second:.1} tokens/s; loaded in \
             {load_seconds:.2} s"
        );
        Ok(())
    }
}

fn of<'a>(prompt: &'a str, found: &'a Generation) -> Continuation<'a> {
    Continuation {
        prompt,
        text: &found.text,
        finish: match found.finish {
            Finish::EndToken => "end_token",
            Finish::StopText => "stop_text",
            Finish::Length => "length",
        },
        prompt_tokens: found.prompt_tokens,
        truncated_tokens: found.truncated_tokens,
        ids: &found.ids,
    }
}
