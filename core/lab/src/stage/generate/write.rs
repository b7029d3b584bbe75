//! Requests to continue a prompt.

use super::{super::StageError, Answer, local::Local};
use mergelab_abi::task::{Request, Response};
use mergelab_model::{GenerateOptions, Sampling};

/// Answers those requests that ask for a text, with their indices.
pub(super) fn answer(
    local: &mut Local<'_>,
    requests: &[&Request],
) -> Result<Vec<(usize, Answer)>, StageError> {
    let mut open: Vec<_> = requests
        .iter()
        .enumerate()
        .filter_map(|(i, request)| match request {
            Request::Generate {
                prompt,
                max_new_tokens,
                stop,
            } => Some((i, prompt, *max_new_tokens, stop)),
            _ => None,
        })
        .collect();
    let mut answers = Vec::with_capacity(open.len());
    // Requests with other limits or stops go into batches of their own.
    while let Some(&(_, _, max_new_tokens, stop)) = open.first() {
        let (same, other): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|(_, _, m, s)| *m == max_new_tokens && *s == stop);
        open = other;
        let prompts: Vec<&str> = same.iter().map(|(_, p, _, _)| p.as_str()).collect();
        let options = GenerateOptions {
            max_new_tokens,
            sampling: Sampling::default(),
            seed: 0,
            stop: stop.clone(),
            batch_size: local.batch_size,
        };
        let generations = local.model.generate(&prompts, &options)?;
        for ((i, ..), generation) in same.into_iter().zip(generations) {
            local
                .tokens
                .add(generation.prompt_tokens + generation.ids.len());
            let answer = Answer {
                response: Response::Generated {
                    text: generation.text,
                },
                truncated_tokens: generation.truncated_tokens,
            };
            answers.push((i, answer));
        }
    }
    Ok(answers)
}
