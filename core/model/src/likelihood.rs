//! The likelihood of whole texts, in windows where a text is longer than the model's context.

use crate::error::{ModelError, Result};
use crate::model::LanguageModel;
use crate::score::Score;
use crate::tokenizer::TokenPair;

/// How a text that is longer than a model reads at once is cut.
///
/// The first window scores all its tokens, each later one the next `stride` tokens, which follow
/// `size - stride` to `size` tokens of context. Every token is scored once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    size: usize,
    stride: usize,
}

impl Windows {
    /// Windows of `size` tokens, the model's `context` where it is left out, that move on by
    /// `stride` tokens, half of `size` where it is left out.
    ///
    /// # Errors
    /// If a window is longer than the context, or the stride is 0 or longer than a window.
    pub fn new(context: usize, size: Option<usize>, stride: Option<usize>) -> Result<Self> {
        let size = size.unwrap_or(context);
        if size == 0 || size > context {
            return Err(ModelError::option(
                "window",
                format!("is {size}; it must be from 1 to {context}, the model's context"),
            ));
        }
        let stride = stride.unwrap_or(size.div_ceil(2));
        if stride == 0 || stride > size {
            return Err(ModelError::option(
                "stride",
                format!("is {stride}; it must be from 1 to {size}, the window"),
            ));
        }
        Ok(Self { size, stride })
    }

    /// Most tokens that are read at a time.
    pub fn size(self) -> usize {
        self.size
    }

    /// Tokens that each window after the first adds.
    pub fn stride(self) -> usize {
        self.stride
    }

    /// Each window as what is read and what is scored after it. The first has no prompt: scoring
    /// puts the token there that begins texts.
    fn cut(self, ids: &[u32]) -> Vec<TokenPair> {
        let mut scored = self.size.min(ids.len());
        let mut windows = vec![TokenPair {
            prompt: Vec::new(),
            answer: ids[..scored].to_vec(),
        }];
        while scored < ids.len() {
            let end = ids.len().min(scored + self.stride);
            // The last token is predicted, not read.
            let start = end - 1 - self.size;
            windows.push(TokenPair {
                prompt: ids[start..scored].to_vec(),
                answer: ids[scored..end].to_vec(),
            });
            scored = end;
        }
        windows
    }
}

/// How likely a model finds a whole text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextScore {
    /// The sum of the log-probabilities of the text's tokens, in nats.
    pub log_likelihood: f64,
    /// Tokens of the text; every one is scored.
    pub tokens: usize,
    /// Tokens that each window took, context included.
    pub windows: Vec<usize>,
}

impl LanguageModel {
    /// Scores whole texts from their start; the results are in their order and do not depend on
    /// `batch_size`. The first token follows the token that begins texts, else the one that ends
    /// them; neither is scored, and special tokens that the tokenizer puts around texts are left
    /// out. Prompts that are wrapped as chat do not change it.
    ///
    /// # Errors
    /// If the model has no tokenizer or no token to begin texts with, or a text has no token.
    pub fn score_texts<T: AsRef<str>>(
        &self,
        texts: &[T],
        windows: Windows,
        batch_size: usize,
    ) -> Result<Vec<TextScore>> {
        let tokenizer = self.tokenizer()?;
        let texts = texts
            .iter()
            .map(|text| tokenizer.encode_plain(text.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        self.score_text_ids(&texts, windows, batch_size)
    }

    /// As [`score_texts`](LanguageModel::score_texts), from tokens.
    ///
    /// # Errors
    /// As [`score_texts`](LanguageModel::score_texts), or if a token is not in the vocabulary.
    pub fn score_text_ids(
        &self,
        texts: &[Vec<u32>],
        windows: Windows,
        batch_size: usize,
    ) -> Result<Vec<TextScore>> {
        let mut pairs = Vec::new();
        let mut counts = Vec::with_capacity(texts.len());
        for (index, ids) in texts.iter().enumerate() {
            if ids.is_empty() {
                return Err(ModelError::Tokenizer(format!(
                    "the text to score at index {index} has no tokens"
                )));
            }
            let own = windows.cut(ids);
            counts.push(own.len());
            pairs.extend(own);
        }
        let mut scores = self.score_ids(&pairs, batch_size)?.into_iter();
        let texts = texts.iter().zip(counts).map(|(ids, count)| {
            let own: Vec<Score> = scores.by_ref().take(count).collect();
            TextScore {
                log_likelihood: own.iter().map(|s| s.log_likelihood).sum(),
                tokens: ids.len(),
                windows: own.iter().map(|s| s.context_tokens + s.tokens).collect(),
            }
        });
        Ok(texts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(size: usize, stride: usize) -> Windows {
        Windows::new(1024, Some(size), Some(stride)).expect("good windows")
    }

    #[test]
    fn every_token_is_scored_once_and_windows_are_full() {
        for length in 1..40_usize {
            let ids: Vec<u32> = (0..length as u32).collect();
            for size in 1..12 {
                for stride in 1..=size {
                    let cut = windows(size, stride).cut(&ids);
                    let scored: Vec<u32> = cut.iter().flat_map(|w| w.answer.clone()).collect();
                    assert_eq!(scored, ids, "{length} tokens, {size}, {stride}");
                    assert!(cut[0].prompt.is_empty());
                    for window in &cut[1..] {
                        let read = window.prompt.len() + window.answer.len() - 1;
                        assert_eq!(read, size, "a later window reads all it may");
                        assert!((1..=stride).contains(&window.answer.len()));
                        let next = window.prompt.last().expect("context") + 1;
                        assert_eq!(next, window.answer[0], "the context is what comes before");
                    }
                }
            }
        }
    }

    /// lm-evaluation-harness 0.4.13, `get_rolling_token_windows(list(range(10)), -1, 4, c)` with
    /// the context length c = window - stride + 1, without the tokens that are read and scored.
    #[test]
    fn windows_are_those_of_the_harness() {
        let ids: Vec<u32> = (0..10).collect();
        let shape = |stride| -> Vec<(Vec<u32>, Vec<u32>)> {
            let cut = windows(4, stride).cut(&ids);
            cut.into_iter().map(|w| (w.prompt, w.answer)).collect()
        };
        assert_eq!(
            shape(4),
            [
                (vec![], vec![0, 1, 2, 3]),
                (vec![3], vec![4, 5, 6, 7]),
                (vec![5, 6, 7], vec![8, 9]),
            ]
        );
        assert_eq!(
            shape(3),
            [
                (vec![], vec![0, 1, 2, 3]),
                (vec![2, 3], vec![4, 5, 6]),
                (vec![5, 6], vec![7, 8, 9]),
            ]
        );
    }

    #[test]
    fn half_a_window_is_the_stride_unless_another_is_named() {
        assert_eq!(Windows::new(9, None, None).ok(), Some(windows(9, 5)));
        assert_eq!(Windows::new(9, Some(4), None).ok(), Some(windows(4, 2)));
        for (size, stride) in [(10, 1), (0, 1), (4, 5), (4, 0)] {
            assert!(Windows::new(9, Some(size), Some(stride)).is_err());
        }
    }
}
