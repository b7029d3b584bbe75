//! A model in this process as the one that answers.

use super::{super::StageError, Answer, Answers, choose, likelihood, write};
use crate::ledger::flops::Tokens;
use mergelab_abi::task::Request;
use mergelab_model::LanguageModel;

/// A model in memory.
pub(super) struct Local<'a> {
    pub(super) model: &'a LanguageModel,
    pub(super) batch_size: usize,
    /// Tokens that it has read and written since they were last asked for.
    pub(super) tokens: Tokens,
}

impl<'a> Local<'a> {
    pub(super) fn new(model: &'a LanguageModel, batch_size: usize) -> Self {
        Self {
            model,
            batch_size: batch_size.max(1),
            tokens: Tokens::default(),
        }
    }
}

impl Answers for Local<'_> {
    fn answer(&mut self, requests: &[&Request]) -> Result<(Vec<Answer>, Tokens), StageError> {
        let mut answers = write::answer(self, requests)?;
        answers.extend(choose::answer(self, requests)?);
        answers.extend(likelihood::answer(self, requests)?);
        answers.sort_by_key(|(i, _)| *i);
        let answers = answers.into_iter().map(|(_, answer)| answer).collect();
        Ok((answers, std::mem::take(&mut self.tokens)))
    }
}
