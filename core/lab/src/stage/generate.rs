//! Asks a model, or a trivial baseline, for its responses to one task in one language.

use super::{Context, StageError, StageProgress, likelihood};
use crate::{
    ledger::flops::{Size, Tokens},
    plan::spec::{Answerer, GenerateWhat},
};
use mergelab_abi::task::{Prepared, Request, Response};
use mergelab_model::{Device, GenerateOptions, LanguageModel, Sampling};
use serde::{Deserialize, Serialize};
use std::{io::Write as _, sync::atomic::Ordering};

/// One line of `responses.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Answered {
    /// Id of the example.
    pub(super) id: String,
    /// What it was answered.
    pub(super) response: Response,
    /// Tokens of the prompt that did not fit into the context and were cut on the left.
    pub(super) truncated_tokens: usize,
}

/// Name of the file with the responses.
pub(super) const RESPONSES: &str = "responses.jsonl";

/// Examples between two progress reports and two looks at Ctrl-C.
const CHUNK: usize = 64;

pub(super) fn run(what: &GenerateWhat, context: &mut Context<'_>) -> Result<(), StageError> {
    let (examples, prepared) = context.prepared(&what.task, &what.rows)?;
    let answers = match &what.answerer {
        Answerer::Trivial { name } => {
            context.ledger.flops = Some(0.0);
            trivial(name, &prepared)?
        }
        Answerer::Model { key, device, chat } => {
            context.ledger.device.clone_from(device);
            let folder = context.place(key)?.to_owned();
            let mut model = LanguageModel::open(&folder, Device::parse(device)?)?;
            if *chat {
                model.wrap_prompts_as_chat()?;
            }
            let mut tokens = Tokens::default();
            let answers = ask(&model, &prepared, &mut tokens, context)?;
            context.ledger.tokens = tokens.tokens as u64;
            context.ledger.flops = Size::read(&folder).map(|size| size.forward(tokens));
            answers
        }
    };
    context.ledger.examples = examples.len() as u64;
    let mut lines = Vec::new();
    for (example, (response, truncated_tokens)) in examples.into_iter().zip(answers) {
        let line = Answered {
            id: example.id,
            response,
            truncated_tokens,
        };
        serde_json::to_writer(&mut lines, &line)
            .map_err(|e| StageError::Input(format!("a response cannot be written: {e}")))?;
        let _ = lines.write_all(b"\n");
    }
    crate::store::write_file(&context.folder.join(RESPONSES), &lines)?;
    Ok(())
}

fn trivial(name: &str, prepared: &[Prepared]) -> Result<Vec<(Response, usize)>, StageError> {
    prepared
        .iter()
        .map(|p| match p.trivial.get(name) {
            Some(text) => Ok((Response::Generated { text: text.clone() }, 0)),
            None => Err(StageError::Input(format!(
                "the task offers no trivial output `{name}` for one of its rows"
            ))),
        })
        .collect()
}

fn ask(
    model: &LanguageModel,
    prepared: &[Prepared],
    tokens: &mut Tokens,
    context: &mut Context<'_>,
) -> Result<Vec<(Response, usize)>, StageError> {
    let mut answers = Vec::with_capacity(prepared.len());
    // Batches gain from prompts of one length, so chunks are sorted and put back in order.
    let mut order: Vec<usize> = (0..prepared.len()).collect();
    order.sort_by_key(|&i| prepared[i].request.prompt().len());
    let batch_size = context.spec.how.batch_size.max(1);
    for chunk in order.chunks(CHUNK.max(batch_size)) {
        if context.interrupt.load(Ordering::Relaxed) {
            return Err(StageError::Interrupted);
        }
        let mut generate = Vec::new();
        let mut choose = Vec::new();
        let mut texts = Vec::new();
        for &i in chunk {
            match &prepared[i].request {
                Request::Generate {
                    prompt,
                    max_new_tokens,
                    stop,
                } => generate.push((i, prompt, *max_new_tokens, stop)),
                Request::Choose { prompt, choices } => choose.push((i, prompt, choices)),
                request @ Request::Likelihood { .. } => texts.extend(likelihood::text(i, request)),
            }
        }
        answers.extend(likelihood::responses(model, texts, batch_size, tokens)?);
        // Requests with other limits or stops go into batches of their own.
        while let Some(&(_, _, max_new_tokens, stop)) = generate.first() {
            let (same, other): (Vec<_>, Vec<_>) = generate
                .into_iter()
                .partition(|(_, _, m, s)| *m == max_new_tokens && *s == stop);
            generate = other;
            let prompts: Vec<&str> = same.iter().map(|(_, p, _, _)| p.as_str()).collect();
            let options = GenerateOptions {
                max_new_tokens,
                sampling: Sampling::default(),
                seed: 0,
                stop: stop.clone(),
                batch_size,
            };
            let generations = model.generate(&prompts, &options)?;
            for ((i, ..), generation) in same.into_iter().zip(generations) {
                tokens.add(generation.prompt_tokens + generation.ids.len());
                let response = Response::Generated {
                    text: generation.text,
                };
                answers.push((i, response, generation.truncated_tokens));
            }
        }
        let pairs: Vec<(&str, &str)> = choose
            .iter()
            .flat_map(|(_, prompt, choices)| choices.iter().map(|c| (prompt.as_str(), c.as_str())))
            .collect();
        if !pairs.is_empty() {
            let mut scores = model.score(&pairs, batch_size)?.into_iter();
            for (i, _, choices) in choose {
                let own: Vec<_> = scores.by_ref().take(choices.len()).collect();
                for score in &own {
                    tokens.add(score.context_tokens + score.tokens);
                }
                let truncated = own.iter().map(|s| s.truncated_tokens).max().unwrap_or(0);
                let response = Response::Scored {
                    log_likelihoods: own.iter().map(|s| s.log_likelihood).collect(),
                    tokens: own.iter().map(|s| s.tokens).collect(),
                };
                answers.push((i, response, truncated));
            }
        }
        (context.progress)(StageProgress {
            done: answers.len() as u64,
            total: prepared.len() as u64,
            note: "examples".to_owned(),
        });
    }
    answers.sort_by_key(|(i, _, _)| *i);
    Ok(answers.into_iter().map(|(_, r, t)| (r, t)).collect())
}
