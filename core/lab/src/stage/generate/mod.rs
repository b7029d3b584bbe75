//! Asks a model, or a trivial baseline, for its responses to one task in one language.

mod ask;
mod choose;
mod likelihood;
mod local;
mod log;
mod resume;
mod served;
mod shown;
mod write;

use super::{Context, StageError};
use crate::{
    ledger::flops::{Size, Tokens},
    plan::spec::{Answerer, GenerateWhat},
    reading::READINGS,
    store::write_json,
};
use local::Local;
use mergelab_abi::task::{Prepared, Request, Response};
use mergelab_model::{Device, LanguageModel};
use serde::{Deserialize, Serialize};
use std::io::Write as _;

/// One line of `responses.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Answered {
    /// Id of the example.
    pub(super) id: String,
    /// What it was answered.
    pub(super) response: Response,
    /// Tokens of the prompt that did not fit into the context and were cut on the left.
    pub(super) truncated_tokens: usize,
    /// Examples before the prompt that did not fit into the context and were left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) dropped_shots: usize,
}

impl Answered {
    /// Whether the model saw less than it should have.
    pub(super) fn is_cut(&self) -> bool {
        self.truncated_tokens > 0 || self.dropped_shots > 0
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// An answer, and what of its prompt did not fit into the context, as in [`Answered`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Answer {
    response: Response,
    truncated_tokens: usize,
    dropped_shots: usize,
}

/// Whatever answers chunks of requests one after the other: a model in this process. One that is served
/// elsewhere answers many at a time, and each answer is kept by itself ([`served`]).
trait Answers {
    /// Answers requests, in their order, and says how many tokens it read and wrote for them. What
    /// it answers to one must not depend on the others.
    fn answer(&mut self, requests: &[&Request]) -> Result<(Vec<Answer>, Tokens), StageError>;
}

/// Name of the file with the responses.
pub(crate) const RESPONSES: &str = "responses.jsonl";

pub(super) fn run(what: &GenerateWhat, context: &mut Context<'_>) -> Result<(), StageError> {
    let (examples, prepared) = context.prepared(&what.task, &what.rows)?;
    let answers = match &what.answerer {
        Answerer::Trivial { name } => {
            context.ledger.flops = Some(0.0);
            trivial(name, &prepared)?
        }
        Answerer::Served(served) => {
            let ids: Vec<&str> = examples.iter().map(|e| e.id.as_str()).collect();
            let shown = shown::pairs(&shown::shots(what, &examples, context)?);
            served::answers(served, &ids, &prepared, shown, context)?
        }
        Answerer::Model { key, device, chat } => {
            context.ledger.device.clone_from(device);
            let folder = context.place(key)?.to_owned();
            let mut model = LanguageModel::open(&folder, Device::parse(device)?)?;
            if *chat {
                model.wrap_prompts_as_chat()?;
            }
            let shots = shown::shots(what, &examples, context)?;
            model.show_examples(shown::pairs(&shots))?;
            let requests: Vec<Request> = prepared.into_iter().map(|p| p.request).collect();
            let limit = model.config().max_position_embeddings;
            let readings = likelihood::readings(&requests, limit)?;
            if !readings.is_empty() {
                write_json(&context.folder.join(READINGS), &readings)?;
            }
            let mut local = Local::new(&model, context.spec.how.batch_size);
            let (answers, tokens) = ask::ask(&mut local, &requests, context)?;
            context.ledger.tokens = tokens.tokens as u64;
            context.ledger.flops = Size::read(&folder).map(|size| size.forward(tokens));
            answers
        }
    };
    context.ledger.examples = examples.len() as u64;
    let mut lines = Vec::new();
    for (example, answer) in examples.into_iter().zip(answers) {
        let line = Answered {
            id: example.id,
            response: answer.response,
            truncated_tokens: answer.truncated_tokens,
            dropped_shots: answer.dropped_shots,
        };
        serde_json::to_writer(&mut lines, &line)
            .map_err(|e| StageError::Input(format!("a response cannot be written: {e}")))?;
        let _ = lines.write_all(b"\n");
    }
    crate::store::write_file(&context.folder.join(RESPONSES), &lines)?;
    Ok(())
}

fn trivial(name: &str, prepared: &[Prepared]) -> Result<Vec<Answer>, StageError> {
    prepared
        .iter()
        .map(|p| match p.trivial.get(name) {
            Some(text) => Ok(Answer {
                response: Response::Generated { text: text.clone() },
                truncated_tokens: 0,
                dropped_shots: 0,
            }),
            None => Err(StageError::Input(format!(
                "the task offers no trivial output `{name}` for one of its rows"
            ))),
        })
        .collect()
}
