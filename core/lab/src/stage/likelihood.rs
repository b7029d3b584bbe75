//! Asks a model how likely it finds whole texts.

use super::StageError;
use crate::ledger::flops::Tokens;
use mergelab_abi::task::{Request, Response};
use mergelab_model::{LanguageModel, Windows};

/// A text to score: the index of its example, the text, its window and its stride.
pub(super) type Text<'a> = (usize, &'a str, Option<usize>, Option<usize>);

/// The request as a text to score. `None` for another kind of request.
pub(super) fn text(index: usize, request: &Request) -> Option<Text<'_>> {
    match request {
        Request::Likelihood {
            text,
            window,
            stride,
        } => Some((index, text, *window, *stride)),
        _ => None,
    }
}

/// The responses, with the index of each one's example. No token is cut off, so none has truncated
/// tokens.
pub(super) fn responses(
    model: &LanguageModel,
    mut texts: Vec<Text<'_>>,
    batch_size: usize,
    tokens: &mut Tokens,
) -> Result<Vec<(usize, Response, usize)>, StageError> {
    let context = model.config().max_position_embeddings;
    let mut responses = Vec::with_capacity(texts.len());
    // Texts with other windows go into batches of their own.
    while let Some(&(_, _, window, stride)) = texts.first() {
        let (same, other): (Vec<_>, Vec<_>) = texts
            .into_iter()
            .partition(|(_, _, w, s)| *w == window && *s == stride);
        texts = other;
        let windows = Windows::new(context, window, stride)?;
        let own: Vec<&str> = same.iter().map(|(_, text, _, _)| *text).collect();
        let scores = model.score_texts(&own, windows, batch_size)?;
        for ((i, ..), score) in same.into_iter().zip(scores) {
            score.windows.iter().for_each(|length| tokens.add(*length));
            let response = Response::Scored {
                log_likelihoods: vec![score.log_likelihood],
                tokens: vec![score.tokens],
            };
            responses.push((i, response, 0));
        }
    }
    Ok(responses)
}
