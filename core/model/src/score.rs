//! The likelihood of continuations.
//!
//! Continuations of one context are scored together: the context is read once. What all contexts
//! begin with, such as the examples of a few-shot prompt, is read once too.

use rayon::prelude::*;

use crate::decoder::Decoder;
use crate::error::{ModelError, Result};
use crate::kernels::Kernels;
use crate::model::{LanguageModel, with_decoder};
use crate::prefix::{LEAST, Prefix, Read, common};
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
    /// Tokens of the context that were read before it.
    pub context_tokens: usize,
    /// Whether the model finds each of the tokens the likeliest.
    pub is_greedy: bool,
    /// Tokens dropped from the start of the context to fit the model's; 0 if it fits.
    pub truncated_tokens: usize,
    /// [Examples](LanguageModel::show_examples) left out to fit the context: as many for every
    /// continuation of one context.
    pub dropped_examples: usize,
}

/// Tokens of a context and its continuation; those from `answer` on are scored.
struct Row {
    index: usize,
    ids: Vec<u32>,
    answer: usize,
    truncated: usize,
}

impl Row {
    fn context(&self) -> &[u32] {
        &self.ids[..self.answer]
    }
}

/// Rows that follow one context: their context is read, and then what follows it; or a single row,
/// which is read as a whole.
struct Group<'a> {
    rows: &'a [Row],
}

impl<'a> Group<'a> {
    fn is_shared(&self) -> bool {
        self.rows.len() > 1
    }

    /// What is read first. The last token of a row is predicted, not read.
    fn text(&self) -> &'a [u32] {
        match self.rows {
            [one] => &one.ids[..one.ids.len() - 1],
            several => several.first().map_or(&[], Row::context),
        }
    }

    fn context(&self) -> &'a [u32] {
        self.rows.first().map_or(&[], Row::context)
    }

    /// Whether it begins where the text of its example does.
    fn is_whole(&self) -> bool {
        self.rows.iter().all(|row| row.truncated == 0)
    }
}

impl LanguageModel {
    /// Scores continuations of contexts, given as `(context, continuation)`; the results are in
    /// their order, and each depends on its own pair alone. `batch_size` contexts or continuations
    /// are computed together; a context that several continuations follow is read once.
    ///
    /// # Errors
    /// If the model has no tokenizer, a continuation is empty or longer than the model's context,
    /// or a context is empty and the model has no token to begin texts with.
    pub fn score<C: AsRef<str>, T: AsRef<str>>(
        &self,
        pairs: &[(C, T)],
        batch_size: usize,
    ) -> Result<Vec<Score>> {
        self.tokenizer()?;
        // The last token is predicted, not read.
        let room = self.config().max_position_embeddings + 1;
        let pairs: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(context, text)| (context.as_ref(), text.as_ref()))
            .collect();
        let by_context: Vec<&[(&str, &str)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
        let encode = |pairs: &&[(&str, &str)]| {
            let context = pairs.first().map_or("", |(context, _)| context);
            let texts: Vec<&str> = pairs.iter().map(|(_, text)| *text).collect();
            self.after_examples(
                |tokenizer, examples| tokenizer.encode_pairs_after(examples, context, &texts),
                |pairs| {
                    let length = |pair: &TokenPair| pair.prompt.len() + pair.answer.len();
                    pairs.iter().all(|pair| length(pair) <= room)
                },
            )
        };
        let encoded = by_context
            .par_iter()
            .map(encode)
            .collect::<Result<Vec<(Vec<TokenPair>, usize)>>>()?;
        let left_out: Vec<usize> = encoded
            .iter()
            .flat_map(|(pairs, left_out)| pairs.iter().map(|_| *left_out))
            .collect();
        let ids: Vec<TokenPair> = encoded.into_iter().flat_map(|(pairs, _)| pairs).collect();
        let mut scores = self.score_ids(&ids, batch_size)?;
        for (score, left_out) in scores.iter_mut().zip(left_out) {
            score.dropped_examples = left_out;
        }
        Ok(scores)
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
        rows.sort_by(|a, b| {
            let by_context = a.context().cmp(b.context());
            by_context
                .then(a.ids.len().cmp(&b.ids.len()))
                .then(a.index.cmp(&b.index))
        });
        let mut groups = Vec::new();
        for rows in rows.chunk_by(|a, b| a.context() == b.context()) {
            match rows.first() {
                Some(first) if first.answer >= LEAST => groups.push(Group { rows }),
                _ => groups.extend(rows.chunks(1).map(|rows| Group { rows })),
            }
        }
        groups.sort_by_key(|group| (group.text().len(), group.rows[0].index));
        let mut scores = vec![None; rows.len()];
        with_decoder!(&self.decoder, decoder => {
            let whole = || groups.iter().filter(|group| group.is_whole());
            // The token before a continuation is read with each text: it predicts.
            let most = whole().map(|group| group.rows[0].answer - 1).min();
            let shared = common(whole().map(Group::text), most.unwrap_or(0));
            let first = whole().next().map_or(&[][..], |group| &group.text()[..shared]);
            let prefix = Prefix::read(decoder, first);
            for batch in groups.chunks(batch_size) {
                let all = |prefix: &&Prefix<_>| batch.iter().all(|g| prefix.begins(g.context()));
                let prefix = prefix.as_ref().filter(all);
                score_batch(decoder, batch, prefix, batch_size, &mut scores);
            }
        });
        Ok(scores.into_iter().flatten().collect())
    }
}

/// A token whose probability is asked for: the row of the hidden state that predicts it, and the
/// index of the score that it counts in.
struct Asked {
    row: u32,
    target: u32,
    score: usize,
}

fn score_batch<B: Kernels>(
    decoder: &Decoder<B>,
    batch: &[Group<'_>],
    prefix: Option<&Prefix<B>>,
    batch_size: usize,
    scores: &mut [Option<Score>],
) {
    for row in batch.iter().flat_map(|group| group.rows) {
        scores[row.index] = Some(Score {
            log_likelihood: 0.0,
            tokens: row.ids.len() - row.answer,
            context_tokens: row.answer,
            is_greedy: true,
            truncated_tokens: row.truncated,
            dropped_examples: 0,
        });
    }
    let mut asked = Vec::new();
    // What is left to read of continuations, by their group.
    let mut rest: Vec<(usize, &Row)> = Vec::new();
    for (index, group) in batch.iter().enumerate().filter(|(_, g)| g.is_shared()) {
        let longer = group
            .rows
            .iter()
            .filter(|row| row.ids.len() > row.answer + 1);
        rest.extend(longer.map(|row| (index, row)));
    }
    rest.sort_by_key(|(_, row)| (row.ids.len() - row.answer, row.index));
    let texts: Vec<&[u32]> = batch.iter().map(Group::text).collect();
    let keep = (!rest.is_empty()).then_some(0);
    let (read, cache) = Read::texts(decoder, &texts, prefix, keep);
    for (index, group) in batch.iter().enumerate() {
        for row in group.rows {
            let last = if group.is_shared() {
                row.answer + 1
            } else {
                row.ids.len()
            };
            asked.extend((row.answer..last).map(|at| Asked {
                row: read.row(index, at - 1),
                target: row.ids[at],
                score: row.index,
            }));
        }
    }
    count(decoder, &read, &asked, scores);
    let Some(cache) = cache else { return };
    for part in rest.chunks(batch_size) {
        let (owners, starts): (Vec<usize>, Vec<usize>) =
            part.iter().map(|(group, row)| (*group, row.answer)).unzip();
        let texts: Vec<&[u32]> = part
            .iter()
            .map(|(_, row)| &row.ids[row.answer..row.ids.len() - 1])
            .collect();
        let read = Read::beyond(decoder, &texts, [&owners, &starts], &cache);
        asked.clear();
        for (index, (_, row)) in part.iter().enumerate() {
            asked.extend((row.answer + 1..row.ids.len()).map(|at| Asked {
                row: read.row(index, at - 1 - row.answer),
                target: row.ids[at],
                score: row.index,
            }));
        }
        count(decoder, &read, &asked, scores);
    }
}

/// Adds the probabilities of tokens to the scores that they count in.
fn count<B: Kernels>(
    decoder: &Decoder<B>,
    read: &Read<B>,
    asked: &[Asked],
    scores: &mut [Option<Score>],
) {
    let chunk = (LOGIT_ELEMENTS / decoder.config.vocab_size).max(1);
    for asked in asked.chunks(chunk) {
        // First tokens of continuations of one context are predicted by the same state.
        let (mut rows, mut logits_of) = (Vec::<u32>::new(), Vec::new());
        for one in asked {
            if rows.last() != Some(&one.row) {
                rows.push(one.row);
            }
            logits_of.push((rows.len() - 1) as u32);
        }
        let mut logits = read.logits(decoder, &rows);
        if rows.len() < asked.len() {
            logits = B::gather_rows(&logits, &logits_of);
        }
        let targets: Vec<u32> = asked.iter().map(|one| one.target).collect();
        let found = B::target_log_probabilities(logits, &targets);
        for (one, (log_probability, likeliest)) in asked.iter().zip(found) {
            if let Some(score) = &mut scores[one.score] {
                score.log_likelihood += f64::from(log_probability);
                score.is_greedy &= likeliest;
            }
        }
    }
}
