//! Continuing prompts.

use rayon::prelude::*;

use crate::decoder::{Cache, Decoder};
use crate::error::{ModelError, Result};
use crate::kernels::{Kernels, host};
use crate::model::{LanguageModel, with_decoder};
use crate::prefix::{Prefix, Read, common};
use crate::random::CounterRng;
use crate::sampling::Sampling;
use crate::tokenizer::Tokenizer;

/// How prompts are continued.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOptions {
    /// Most tokens of a continuation.
    pub max_new_tokens: usize,
    /// How the next token is drawn.
    pub sampling: Sampling,
    /// Seed of the draws. Each depends on the seed, the prompt's index and the step alone.
    pub seed: u64,
    /// Texts that end a continuation; they are left out of it.
    pub stop: Vec<String>,
    /// Prompts computed together; has no effect on the result. What all prompts begin with is read
    /// once.
    pub batch_size: usize,
}

impl Default for GenerateOptions {
    /// The likeliest tokens, at most 64 of them, 16 prompts at a time.
    fn default() -> Self {
        Self {
            max_new_tokens: 64,
            sampling: Sampling::default(),
            seed: 0,
            stop: Vec::new(),
            batch_size: 16,
        }
    }
}

/// Why a continuation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model gave an end token.
    EndToken,
    /// A stop text appeared.
    StopText,
    /// `max_new_tokens` were given.
    Length,
}

/// A continuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// The text, without the stop text, and without the spaces that the prompt already ended with.
    /// Empty if the model has no tokenizer.
    pub text: String,
    /// The tokens, without the end token.
    pub ids: Vec<u32>,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt that were read.
    pub prompt_tokens: usize,
    /// Tokens dropped from the start of the prompt to fit the context; 0 if it fits.
    pub truncated_tokens: usize,
    /// [Examples](LanguageModel::show_examples) left out to fit the context.
    pub dropped_examples: usize,
}

/// A prompt being continued.
struct Row {
    index: usize,
    prompt: Vec<u32>,
    truncated: usize,
    rng: CounterRng,
    ids: Vec<u32>,
    text: String,
    finish: Option<Finish>,
}

/// What the loop needs besides the decoder.
struct Rules<'a> {
    options: &'a GenerateOptions,
    eos: &'a [u32],
    tokenizer: Option<&'a Tokenizer>,
}

impl LanguageModel {
    /// Continues each prompt; the results are in the order of the prompts.
    ///
    /// A prompt with more tokens than the context has room for beside `max_new_tokens` loses
    /// examples, which [`Generation::dropped_examples`] tells, and then its beginning, which
    /// [`Generation::truncated_tokens`] tells.
    ///
    /// # Errors
    /// If an option makes no sense, the model has no tokenizer, or a prompt is empty and the model
    /// has no token to begin texts with.
    pub fn generate<S: AsRef<str>>(
        &self,
        prompts: &[S],
        options: &GenerateOptions,
    ) -> Result<Vec<Generation>> {
        let tokenizer = self.tokenizer()?;
        let context = self.config().max_position_embeddings;
        let room = context.saturating_sub(options.max_new_tokens);
        let prompts: Vec<&str> = prompts.iter().map(AsRef::as_ref).collect();
        let encode = |prompt: &&str| {
            self.after_examples(
                |tokenizer, examples| tokenizer.encode_prompt_after(examples, prompt),
                |ids| ids.len() <= room,
            )
        };
        let encoded = prompts
            .par_iter()
            .map(encode)
            .collect::<Result<Vec<(Vec<u32>, usize)>>>()?;
        let (ids, left_out): (Vec<_>, Vec<_>) = encoded.into_iter().unzip();
        let mut generations = self.continue_ids(&ids, options, Some(tokenizer))?;
        for ((generation, prompt), left_out) in generations.iter_mut().zip(prompts).zip(left_out) {
            generation.dropped_examples = left_out;
            let spaces = prompt.len() - prompt.trim_end_matches(' ').len();
            let already = generation
                .text
                .bytes()
                .take(spaces)
                .take_while(|b| *b == b' ')
                .count();
            generation.text.drain(..already);
        }
        Ok(generations)
    }

    /// As [`generate`](LanguageModel::generate), from tokens.
    ///
    /// # Errors
    /// As [`generate`](LanguageModel::generate), if stop texts are given without a tokenizer, or
    /// if a token is not in the vocabulary.
    pub fn generate_ids(
        &self,
        prompts: &[Vec<u32>],
        options: &GenerateOptions,
    ) -> Result<Vec<Generation>> {
        let tokenizer = self.tokenizer().ok();
        if tokenizer.is_none() && !options.stop.is_empty() {
            return Err(ModelError::option("stop", "needs a model with a tokenizer"));
        }
        self.continue_ids(prompts, options, tokenizer)
    }

    fn continue_ids(
        &self,
        prompts: &[Vec<u32>],
        options: &GenerateOptions,
        tokenizer: Option<&Tokenizer>,
    ) -> Result<Vec<Generation>> {
        options.sampling.check()?;
        let context = self.config().max_position_embeddings;
        if options.batch_size == 0 {
            return Err(ModelError::option("batch_size", "must be at least 1"));
        }
        if options.max_new_tokens == 0 || options.max_new_tokens >= context {
            return Err(ModelError::option(
                "max_new_tokens",
                format!(
                    "{} must be at least 1 and below the model's context of {context} tokens",
                    options.max_new_tokens
                ),
            ));
        }
        if options.stop.iter().any(String::is_empty) {
            return Err(ModelError::option("stop", "a stop text must not be empty"));
        }
        let mut rows = Vec::with_capacity(prompts.len());
        for (index, prompt) in prompts.iter().enumerate() {
            let mut prompt = self.started(prompt, || format!("prompt {index}"))?;
            let truncated = prompt
                .len()
                .saturating_sub(context - options.max_new_tokens);
            prompt.drain(..truncated);
            rows.push(Row {
                index,
                prompt,
                truncated,
                rng: CounterRng::new(options.seed, "sample", &[index as u64]),
                ids: Vec::new(),
                text: String::new(),
                finish: None,
            });
        }
        // Prompts of like length share a batch, so that little is computed on padding.
        rows.sort_by_key(|row| (row.prompt.len(), row.index));
        let eos = self.eos_ids();
        let rules = Rules {
            options,
            eos: &eos,
            tokenizer,
        };
        with_decoder!(&self.decoder, decoder => {
            let whole = || rows.iter().filter(|row| row.truncated == 0);
            // The last token of a prompt is read with it: it predicts.
            let most = whole().map(|row| row.prompt.len() - 1).min();
            let shared = common(whole().map(|row| &row.prompt[..]), most.unwrap_or(0));
            let first = whole().next().map_or(&[][..], |row| &row.prompt[..shared]);
            let prefix = Prefix::read(decoder, first);
            for batch in rows.chunks_mut(options.batch_size) {
                let all = |prefix: &&Prefix<_>| batch.iter().all(|r| prefix.begins(&r.prompt));
                let prefix = prefix.as_ref().filter(all);
                continue_batch(decoder, batch, &rules, prefix)?;
            }
        });
        rows.sort_by_key(|row| row.index);
        Ok(rows
            .into_iter()
            .map(|row| Generation {
                text: row.text,
                ids: row.ids,
                finish: row.finish.unwrap_or(Finish::Length),
                prompt_tokens: row.prompt.len(),
                truncated_tokens: row.truncated,
                dropped_examples: 0,
            })
            .collect())
    }

    /// The tokens that a text is read as: never none, and all in the vocabulary.
    pub(crate) fn started(&self, ids: &[u32], what: impl Fn() -> String) -> Result<Vec<u32>> {
        let vocab_size = self.config().vocab_size;
        if let Some(id) = ids.iter().find(|id| **id as usize >= vocab_size) {
            return Err(ModelError::Tokenizer(format!(
                "{} has token {id}, but the model's vocabulary has {vocab_size}",
                what()
            )));
        }
        if !ids.is_empty() {
            return Ok(ids.to_vec());
        }
        let begin = self
            .config()
            .bos_token_id
            .or(self.eos_ids().first().copied());
        match begin {
            Some(id) => Ok(vec![id]),
            None => Err(ModelError::Tokenizer(format!(
                "{} is empty, and the model has neither a beginning nor an end token to start from",
                what()
            ))),
        }
    }
}

fn continue_batch<B: Kernels>(
    decoder: &Decoder<B>,
    rows: &mut [Row],
    rules: &Rules<'_>,
    prefix: Option<&Prefix<B>>,
) -> Result<()> {
    let longest = rows.iter().map(|row| row.prompt.len()).max().unwrap_or(0);
    let prompts: Vec<&[u32]> = rows.iter().map(|row| &row.prompt[..]).collect();
    let most = longest + rules.options.max_new_tokens;
    let slots = most.min(longest + 32);
    let (read, cache) = Read::texts(decoder, &prompts, prefix, Some(slots));
    let last: Vec<u32> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| read.row(index, row.prompt.len() - 1))
        .collect();
    let Some(mut cache) = cache else {
        return Ok(());
    };
    let mut logits = read.logits(decoder, &last);
    drop(read);
    // The rows of the cache, by their index in `rows`.
    let mut held: Vec<usize> = (0..rows.len()).collect();
    loop {
        let all = host(logits);
        for (logits, index) in all.chunks_exact(decoder.config.vocab_size).zip(&held) {
            rows[*index].advance(logits, rules)?;
        }
        compact(&mut held, &mut cache, rows);
        if held.is_empty() {
            return Ok(());
        }
        let (mut next, mut positions) = (Vec::new(), Vec::new());
        for index in &held {
            let row = &rows[*index];
            next.push(row.ids.last().copied().unwrap_or(0));
            // A finished row that is still held repeats its last step.
            positions.push((row.prompt.len() + row.ids.len().max(1) - 1) as u32);
        }
        logits = decoder.logits(&decoder.step(&next, positions, &mut cache));
    }
}

/// Drops finished rows from the cache once they are a quarter of it: each drop copies the cache,
/// and each finished row that stays is computed for nothing.
fn compact<B: Kernels>(held: &mut Vec<usize>, cache: &mut Cache<B>, rows: &[Row]) {
    let open: Vec<usize> = (0..held.len())
        .filter(|slot| rows[held[*slot]].finish.is_none())
        .collect();
    if open.is_empty() {
        held.clear();
    } else if open.len() * 4 <= held.len() * 3 {
        cache.keep(&open);
        *held = open.iter().map(|slot| held[*slot]).collect();
    }
}

impl Row {
    /// Chooses the next token from its logits.
    fn advance(&mut self, logits: &[f32], rules: &Rules<'_>) -> Result<()> {
        if self.finish.is_some() {
            return Ok(());
        }
        let options = rules.options;
        let id = options.sampling.pick(logits, &self.rng, self.ids.len());
        if rules.eos.contains(&id) {
            self.finish = Some(Finish::EndToken);
            return self.finish_text(rules);
        }
        self.ids.push(id);
        if !options.stop.is_empty()
            && let Some(tokenizer) = rules.tokenizer
        {
            let text = tokenizer.decode(&self.ids)?;
            let end = options
                .stop
                .iter()
                .filter_map(|stop| text.find(stop.as_str()))
                .min();
            if let Some(end) = end {
                self.text = text[..end].to_owned();
                self.finish = Some(Finish::StopText);
                return Ok(());
            }
        }
        if self.ids.len() == options.max_new_tokens {
            self.finish = Some(Finish::Length);
            return self.finish_text(rules);
        }
        Ok(())
    }

    fn finish_text(&mut self, rules: &Rules<'_>) -> Result<()> {
        if let Some(tokenizer) = rules.tokenizer {
            self.text = tokenizer.decode(&self.ids)?;
        }
        Ok(())
    }
}
