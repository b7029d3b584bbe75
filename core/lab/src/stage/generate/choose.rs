//! Requests for the likelihood of choices.

use super::{super::StageError, Answer, local::Local};
use mergelab_abi::task::{Request, Response};

/// Answers those requests that give choices, with their indices.
pub(super) fn answer(
    local: &mut Local<'_>,
    requests: &[&Request],
) -> Result<Vec<(usize, Answer)>, StageError> {
    let asked: Vec<_> = requests
        .iter()
        .enumerate()
        .filter_map(|(i, request)| match request {
            Request::Choose { prompt, choices } => Some((i, prompt, choices)),
            _ => None,
        })
        .collect();
    let pairs: Vec<(&str, &str)> = asked
        .iter()
        .flat_map(|(_, prompt, choices)| choices.iter().map(|c| (prompt.as_str(), c.as_str())))
        .collect();
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut scores = local.model.score(&pairs, local.batch_size)?.into_iter();
    let mut answers = Vec::with_capacity(asked.len());
    for (i, _, choices) in asked {
        let own: Vec<_> = scores.by_ref().take(choices.len()).collect();
        for score in &own {
            local.tokens.add(score.context_tokens + score.tokens);
        }
        let answer = Answer {
            response: Response::Scored {
                log_likelihoods: own.iter().map(|s| s.log_likelihood).collect(),
                tokens: own.iter().map(|s| s.tokens).collect(),
            },
            truncated_tokens: own.iter().map(|s| s.truncated_tokens).max().unwrap_or(0),
        };
        answers.push((i, answer));
    }
    Ok(answers)
}
