//! The likelihood of continuations.

use crate::decoder::Decoder;
use crate::error::{ModelError, Result};
use crate::kernels::Kernels;
use crate::model::{LanguageModel, with_decoder};
use crate::tokenizer::TokenPair;

/// Elements of the logits that are held at a time.
const LOGIT_ELEMENTS: usize = 1 << 22;

/// How likely a model finds a continuation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The sum of the log-probabilities of the continuation's tokens, in nats.
    pub log_likelihood: f64,
    /// Tokens of the continuation.
    pub tokens: usize,
    /// Whether the model finds each of the tokens the likeliest.
    pub is_greedy: bool,
    /// Tokens dropped from the start of the context to fit the model's; 0 if it fits.
    pub truncated_tokens: usize,
}

/// Tokens of a context and its continuation; those from `answer` on are scored.
struct Row {
    index: usize,
    ids: Vec<u32>,
    answer: usize,
    truncated: usize,
}

impl LanguageModel {
    /// Scores continuations of contexts, given as `(context, continuation)`; the results are in
    /// their order and do not depend on `batch_size`.
    ///
    /// # Errors
    /// If the model has no tokenizer, a continuation is empty or longer than the model's context,
    /// or a context is empty and the model has no token to begin texts with.
    pub fn score<C: AsRef<str>, T: AsRef<str>>(
        &self,
        pairs: &[(C, T)],
        batch_size: usize,
    ) -> Result<Vec<Score>> {
        let tokenizer = self.tokenizer()?;
        let pairs = pairs
            .iter()
            .map(|(context, text)| tokenizer.encode_pair(context.as_ref(), text.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        self.score_ids(&pairs, batch_size)
    }

    /// As [`score`](LanguageModel::score), from tokens.
    ///
    /// # Errors
    /// As [`score`](LanguageModel::score), or if a token is not in the vocabulary.
    pub fn score_ids(&self, pairs: &[TokenPair], batch_size: usize) -> Result<Vec<Score>> {
        if batch_size == 0 {
            return Err(ModelError::option("batch_size", "must be at least 1"));
        }
        let context = self.config().max_position_embeddings;
        let mut rows = Vec::with_capacity(pairs.len());
        for (index, pair) in pairs.iter().enumerate() {
            let what = || format!("the text to score at index {index}");
            if pair.answer.is_empty() || pair.answer.len() > context {
                return Err(ModelError::Tokenizer(format!(
                    "{} has {} tokens; it must have from 1 to {context}, the model's context",
                    what(),
                    pair.answer.len()
                )));
            }
            let mut ids = self.started(&pair.prompt, what)?;
            let mut answer = ids.len();
            ids.extend(self.started(&pair.answer, what)?);
            // The last token is predicted, not read.
            let truncated = ids.len().saturating_sub(context + 1);
            ids.drain(..truncated);
            answer -= truncated;
            rows.push(Row {
                index,
                ids,
                answer,
                truncated,
            });
        }
        rows.sort_by_key(|row| (row.ids.len(), row.index));
        let mut scores = vec![None; rows.len()];
        for batch in rows.chunks(batch_size) {
            let batch_scores = with_decoder!(&self.decoder, decoder => score_batch(decoder, batch));
            for (row, score) in batch.iter().zip(batch_scores) {
                scores[row.index] = Some(score);
            }
        }
        Ok(scores.into_iter().flatten().collect())
    }
}

fn score_batch<B: Kernels>(decoder: &Decoder<B>, batch: &[Row]) -> Vec<Score> {
    let longest = batch.iter().map(|row| row.ids.len() - 1).max().unwrap_or(0);
    let longest = decoder.padded(longest);
    let mut ids = vec![0u32; batch.len() * longest];
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for (index, row) in batch.iter().enumerate() {
        let start = index * longest;
        let read = &row.ids[..row.ids.len() - 1];
        ids[start..start + read.len()].copy_from_slice(read);
        rows.extend((row.answer..row.ids.len()).map(|at| (start + at - 1) as u32));
        targets.extend_from_slice(&row.ids[row.answer..]);
    }
    let hidden = decoder.read(&ids, batch.len(), None);
    let chunk = (LOGIT_ELEMENTS / decoder.config.vocab_size).max(1);
    let mut found = Vec::with_capacity(rows.len());
    for (rows, targets) in rows.chunks(chunk).zip(targets.chunks(chunk)) {
        let logits = decoder.logits(&B::gather_rows(&hidden, rows));
        found.extend(B::target_log_probabilities(logits, targets));
    }
    let mut found = found.into_iter();
    batch
        .iter()
        .map(|row| {
            let tokens = row.ids.len() - row.answer;
            let mut score = Score {
                log_likelihood: 0.0,
                tokens,
                is_greedy: true,
                truncated_tokens: row.truncated,
            };
            for (log_probability, likeliest) in found.by_ref().take(tokens) {
                score.log_likelihood += f64::from(log_probability);
                score.is_greedy &= likeliest;
            }
            score
        })
        .collect()
}
