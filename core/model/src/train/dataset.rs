//! What a model learns from, as tokens.

use super::options::TrainOptions;
use crate::error::{ModelError, Result};
use crate::gradient::Batch;
use crate::model::LanguageModel;
use crate::tokenizer::TokenPair;

/// Data to train or validate on.
#[derive(Clone, Debug, PartialEq)]
pub enum Dataset {
    /// Prompts and answers; the loss is on the answers alone.
    Pairs(Vec<(String, String)>),
    /// As [`Pairs`](Dataset::Pairs), as tokens.
    Tokens(Vec<TokenPair>),
    /// Texts, joined and cut into windows of the greatest length; the loss is on every token.
    Texts(Vec<String>),
}

/// Tokens, of which those from `first_target` on are to be predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) ids: Vec<u32>,
    pub(super) first_target: usize,
}

/// A data set as tokens.
#[derive(Debug)]
pub(super) struct Sequences {
    pub(super) all: Vec<Sequence>,
    pub(super) truncated: usize,
}

impl Sequences {
    /// Positions that a token attends to, itself included, on average: `sum t (t + 1) / 2` over
    /// sequences of `t` read tokens, divided by `sum t`.
    pub(super) fn mean_attended(&self) -> f64 {
        let read = || self.all.iter().map(|s| s.ids.len() as f64 - 1.0);
        let attended: f64 = read().map(|t| t * (t + 1.0) / 2.0).sum();
        attended / read().sum::<f64>()
    }
}

impl Dataset {
    pub(super) fn sequences(
        &self,
        what: &'static str,
        model: &LanguageModel,
        options: &TrainOptions,
    ) -> Result<Sequences> {
        let context = model.config().max_position_embeddings;
        let length = options.max_length.unwrap_or(context);
        let sequences = match self {
            Self::Pairs(pairs) => {
                let tokenizer = model.tokenizer()?;
                let pairs = pairs.iter().map(|(prompt, answer)| match answer.as_str() {
                    "" => Ok(TokenPair::default()),
                    _ => tokenizer.encode_pair(prompt, answer),
                });
                from_pairs(pairs, model, length, options.append_eos)?
            }
            Self::Tokens(pairs) => {
                let pairs = pairs.iter().cloned().map(Ok);
                from_pairs(pairs, model, length, options.append_eos)?
            }
            Self::Texts(texts) => from_texts(texts, model, length, options.append_eos)?,
        };
        if sequences.all.is_empty() {
            let hint = match self {
                Self::Pairs(pairs) if pairs.is_empty() => "there are no pairs",
                Self::Tokens(pairs) if pairs.is_empty() => "there are no pairs",
                Self::Pairs(_) | Self::Tokens(_) => "every answer is empty",
                Self::Texts(texts) if texts.is_empty() => "there are no texts",
                Self::Texts(_) => "the texts have fewer than two tokens",
            };
            return Err(ModelError::EmptyDataset {
                what,
                hint: format!("{hint}; check the data and its filters"),
            });
        }
        Ok(sequences)
    }
}

fn end_token(model: &LanguageModel, append: bool) -> Result<Option<u32>> {
    match (append, model.eos_ids().first()) {
        (false, _) => Ok(None),
        (true, Some(id)) => Ok(Some(*id)),
        (true, None) => Err(ModelError::option(
            "append_eos",
            "the model has no end token; name one in its config or tokenizer, or set this to false",
        )),
    }
}

fn from_pairs(
    pairs: impl ExactSizeIterator<Item = Result<TokenPair>>,
    model: &LanguageModel,
    length: usize,
    append_eos: bool,
) -> Result<Sequences> {
    let end = end_token(model, append_eos)?;
    let mut sequences = Sequences {
        all: Vec::with_capacity(pairs.len()),
        truncated: 0,
    };
    for (index, pair) in pairs.enumerate() {
        let pair = pair?;
        let mut answer = pair.answer;
        if answer.is_empty() {
            continue;
        }
        answer.extend(end);
        let mut prompt = model.started(&pair.prompt, || format!("training prompt {index}"))?;
        model.started(&answer, || format!("training answer {index}"))?;
        if prompt.len() + answer.len() > length {
            sequences.truncated += 1;
            // The answer is what is learned; of the prompt, at least the last token is needed.
            answer.truncate(length - 1);
            let kept = length - answer.len();
            prompt.drain(..prompt.len().saturating_sub(kept));
        }
        let first_target = prompt.len();
        prompt.extend(answer);
        sequences.all.push(Sequence {
            ids: prompt,
            first_target,
        });
    }
    Ok(sequences)
}

fn from_texts(
    texts: &[String],
    model: &LanguageModel,
    length: usize,
    append_eos: bool,
) -> Result<Sequences> {
    let tokenizer = model.tokenizer()?;
    let end = end_token(model, append_eos)?;
    let mut stream = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        if text.is_empty() {
            continue;
        }
        let ids = tokenizer.encode(text)?;
        stream.extend(model.started(&ids, || format!("training text {index}"))?);
        if stream.last() != end.as_ref() {
            stream.extend(end);
        }
    }
    // Windows share one token, which the first predicts and the second reads.
    let mut all = Vec::new();
    let mut start = 0;
    while start + 1 < stream.len() {
        let ids = stream[start..stream.len().min(start + length + 1)].to_vec();
        all.push(Sequence {
            ids,
            first_target: 1,
        });
        start += length;
    }
    Ok(Sequences { all, truncated: 0 })
}

/// Puts sequences together, padded on the right. Padding is read by no real token and predicted
/// by none, so its value is of no matter.
pub(super) fn batch(sequences: &[&Sequence]) -> Batch {
    let longest = sequences.iter().map(|s| s.ids.len() - 1).max().unwrap_or(0);
    let mut batch = Batch {
        sequences: sequences.len(),
        ids: vec![0; sequences.len() * longest],
        rows: Vec::new(),
        targets: Vec::new(),
    };
    for (index, sequence) in sequences.iter().enumerate() {
        let start = index * longest;
        let read = &sequence.ids[..sequence.ids.len() - 1];
        batch.ids[start..start + read.len()].copy_from_slice(read);
        for at in sequence.first_target..sequence.ids.len() {
            batch.rows.push((start + at - 1) as u32);
            batch.targets.push(sequence.ids[at]);
        }
    }
    batch
}
