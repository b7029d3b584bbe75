//! Goes through the requests of a task in chunks of like length.

use super::{
    super::{Context, StageError, StageProgress},
    Answer, Answers,
};
use mergelab_abi::task::{Prepared, Request};
use std::sync::atomic::Ordering;

/// Requests between two progress reports and two looks at Ctrl-C.
const CHUNK: usize = 64;

/// The answers to all requests, in their order.
pub(super) fn ask(
    answerer: &mut dyn Answers,
    prepared: &[Prepared],
    context: &Context<'_>,
) -> Result<Vec<Answer>, StageError> {
    let mut answers = Vec::with_capacity(prepared.len());
    // Batches gain from prompts of one length, so chunks are sorted and put back in order.
    let mut order: Vec<usize> = (0..prepared.len()).collect();
    order.sort_by_key(|&i| prepared[i].request.prompt().len());
    for chunk in order.chunks(CHUNK.max(context.spec.how.batch_size)) {
        if context.interrupt.load(Ordering::Relaxed) {
            return Err(StageError::Interrupted);
        }
        let requests: Vec<&Request> = chunk.iter().map(|&i| &prepared[i].request).collect();
        answers.extend(chunk.iter().copied().zip(answerer.answer(&requests)?));
        (context.progress)(StageProgress {
            done: answers.len() as u64,
            total: prepared.len() as u64,
            note: "examples".to_owned(),
        });
    }
    answers.sort_by_key(|(i, _)| *i);
    Ok(answers.into_iter().map(|(_, answer)| answer).collect())
}
