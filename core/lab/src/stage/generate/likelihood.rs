//! Requests for the likelihood of whole texts.

use super::{super::StageError, Answer, local::Local};
use crate::reading::Reading;
use mergelab_abi::task::{Request, Response};
use mergelab_model::Windows;
use std::collections::BTreeSet;

/// How a model with this context reads the texts of the requests. What a task leaves open is filled
/// in.
pub(super) fn readings(
    requests: &[Request],
    context: usize,
) -> Result<BTreeSet<Reading>, StageError> {
    let mut readings = BTreeSet::new();
    for request in requests {
        if let Request::Likelihood { window, stride, .. } = request {
            let windows = Windows::new(context, *window, *stride)?;
            readings.insert(Reading {
                window: windows.size(),
                stride: windows.stride(),
            });
        }
    }
    Ok(readings)
}

/// Answers those requests that give a text, with their indices. No token is cut off.
pub(super) fn answer(
    local: &mut Local<'_>,
    requests: &[&Request],
) -> Result<Vec<(usize, Answer)>, StageError> {
    let context = local.model.config().max_position_embeddings;
    let mut open: Vec<_> = requests
        .iter()
        .enumerate()
        .filter_map(|(i, request)| match request {
            Request::Likelihood {
                text,
                window,
                stride,
            } => Some((i, text.as_str(), *window, *stride)),
            _ => None,
        })
        .collect();
    let mut answers = Vec::with_capacity(open.len());
    // Texts with other windows go into batches of their own.
    while let Some(&(_, _, window, stride)) = open.first() {
        let (same, other): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|(_, _, w, s)| *w == window && *s == stride);
        open = other;
        let windows = Windows::new(context, window, stride)?;
        let texts: Vec<&str> = same.iter().map(|(_, text, _, _)| *text).collect();
        let scores = local.model.score_texts(&texts, windows, local.batch_size)?;
        for ((i, ..), score) in same.into_iter().zip(scores) {
            for length in &score.windows {
                local.tokens.add(*length);
            }
            let answer = Answer {
                response: Response::Scored {
                    log_likelihoods: vec![score.log_likelihood],
                    tokens: vec![score.tokens],
                },
                truncated_tokens: 0,
                dropped_shots: 0,
            };
            answers.push((i, answer));
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_tell_what_the_task_left_open() {
        let ask = |window, stride| Request::Likelihood {
            text: "so".to_owned(),
            window,
            stride,
        };
        let requests = [
            ask(None, None),
            ask(Some(64), None),
            ask(None, None),
            ask(Some(64), Some(64)),
            Request::Choose {
                prompt: String::new(),
                choices: Vec::new(),
            },
        ];
        let found = readings(&requests, 100).expect("they fit");
        let found: Vec<_> = found.iter().map(|r| (r.window, r.stride)).collect();
        assert_eq!(found, [(64, 32), (64, 64), (100, 50)]);
        assert!(readings(&requests, 50).is_err());
    }
}
