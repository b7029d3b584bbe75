//! A model on a server as the one that answers.
//!
//! Each answer is kept as it comes, so a stage that is stopped goes on with the questions that are
//! open.

mod journal;
mod turn;

use super::super::{Context, StageError, StageProgress};
use super::Answer;
use crate::{
    plan::spec::{Asking, Served},
    store::write_json,
    tables::ENDPOINT,
};
use journal::{Journal, Kept};
use mergelab_abi::task::{Prepared, Request, Response};
use mergelab_endpoint::{
    Answer as Said, Content, Endpoint, Key, Likelihoods, Limits, Question, Server,
};
use mergelab_model::after_examples as after;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use turn::Turn;

/// Name of the file that says how the server was asked and what it said of itself.
const SERVED: &str = "served.json";

/// What `served.json` holds.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    served: &'a Served,
    /// The models that the answers name.
    answered_by: BTreeSet<&'a str>,
    /// What the server called its settings.
    fingerprints: BTreeSet<&'a str>,
    /// How likelihoods were asked for.
    likelihoods: BTreeSet<&'a str>,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// Answers without a count of tokens.
    uncounted: usize,
    /// First and last answer, in seconds since 1970.
    from: u64,
    to: u64,
}

/// The answers of a served model, in the order of the requests.
pub(super) fn answers(
    served: &Served,
    ids: &[&str],
    prepared: &[Prepared],
    shown: Vec<(String, String)>,
    context: &mut Context<'_>,
) -> Result<Vec<Answer>, StageError> {
    ENDPOINT.clone_into(&mut context.ledger.device);
    let folder = context.partial.clone();
    let mut journal = Journal::open(&folder, ids)?;
    let open: Vec<usize> = (0..prepared.len())
        .filter(|i| !journal.kept.contains_key(i))
        .collect();
    if !open.is_empty() {
        ask(served, ids, prepared, shown, &open, &mut journal, context)?;
    }
    let names = |name: fn(&Kept) -> &Option<String>| -> BTreeSet<&str> {
        let kept = journal.kept.values();
        kept.filter_map(|kept| name(kept).as_deref()).collect()
    };
    let answered_by = names(|kept| &kept.model);
    if answered_by.len() > 1 {
        let list = answered_by.into_iter().collect::<Vec<_>>().join(", ");
        journal.forget()?;
        return Err(StageError::Input(format!(
            "{} at {} changed its model between answers: {list}. The answers were thrown away: run \
             again to ask anew",
            served.model, served.url
        )));
    }
    let usages = || journal.kept.values().filter_map(|kept| kept.usage);
    let sum = |count: fn(mergelab_endpoint::Usage) -> u64| usages().map(count).sum::<u64>();
    let record = Record {
        served,
        answered_by,
        fingerprints: names(|kept| &kept.fingerprint),
        likelihoods: names(|kept| &kept.likelihoods),
        prompt_tokens: sum(|usage| usage.prompt),
        completion_tokens: sum(|usage| usage.completion),
        uncounted: journal.kept.len() - usages().count(),
        from: journal.kept.values().map(|kept| kept.at).min().unwrap_or(0),
        to: journal.kept.values().map(|kept| kept.at).max().unwrap_or(0),
    };
    context.ledger.tokens = record.prompt_tokens + record.completion_tokens;
    write_json(&context.folder.join(SERVED), &record)?;
    let answers = journal.kept.into_values().map(|kept| Answer {
        response: kept.response,
        // A server refuses what does not fit.
        truncated_tokens: 0,
        dropped_shots: 0,
    });
    Ok(answers.collect())
}

/// Asks what is open, and keeps each answer.
fn ask(
    served: &Served,
    ids: &[&str],
    prepared: &[Prepared],
    shown: Vec<(String, String)>,
    open: &[usize],
    journal: &mut Journal,
    context: &Context<'_>,
) -> Result<(), StageError> {
    let asking = context.spec.how.asking.as_ref();
    let asking = asking.ok_or_else(|| {
        StageError::Input("the stage does not say how its server is asked".to_owned())
    })?;
    // Turns of a chat, or the beginning of every text, as for models in this process.
    let (examples, before) = match served.chat {
        true => (shown, String::new()),
        false => (Vec::new(), after(&shown, "")),
    };
    let endpoint = endpoint(served, asking, examples)?;
    let stop = context.interrupt.as_ref();
    let place = context.store.server(&served.url);
    let turn = Turn::wait_for(&place, stop)?;
    turn.resume(endpoint.pace());
    endpoint.check(stop)?;
    let questions: Vec<Question> = open
        .iter()
        .map(|&i| question(&before, &prepared[i].request))
        .collect::<Result<_, _>>()?;
    let chooses = |question: &Question| matches!(question, Question::Choose { .. });
    let how = match questions.iter().any(chooses) {
        true => Some(endpoint.probe(stop)?),
        false => None,
    };
    let total = prepared.len() as u64;
    let mut done = total - open.len() as u64;
    let result = endpoint.ask_all(&questions, how, stop, |index, said| {
        let example = open[index];
        journal.keep(example, kept(ids[example], said, how))?;
        turn.keep(endpoint.pace());
        done += 1;
        (context.progress)(StageProgress {
            done,
            total,
            note: "examples".to_owned(),
        });
        Ok::<(), StageError>(())
    });
    turn.keep(endpoint.pace());
    result
}

fn endpoint(
    served: &Served,
    asking: &Asking,
    examples: Vec<(String, String)>,
) -> Result<Endpoint, StageError> {
    let server = Server {
        address: served.url.parse::<mergelab_endpoint::Address>()?,
        model: served.model.clone(),
        reported_model: asking.reported_model.clone(),
        chat: served.chat,
        examples,
        seed: served.seed,
        max_tokens_key: served.max_tokens_key.clone(),
        body: served.body.clone(),
    };
    let variable = asking.api_key_env.as_deref();
    let key = variable.map(Key::from_variable).transpose()?;
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    let limits = Limits {
        concurrency: asking.concurrency,
        requests_per_minute: asking.requests_per_minute,
        tokens_per_minute: asking.tokens_per_minute,
        timeout: seconds(asking.timeout),
        deadline: seconds(asking.deadline),
        retries: asking.retries,
        ..Limits::default()
    };
    Ok(Endpoint::new(server, key, limits))
}

fn question(before: &str, request: &Request) -> Result<Question, StageError> {
    Ok(match request {
        Request::Generate {
            prompt,
            max_new_tokens,
            stop,
        } => Question::Generate {
            prompt: format!("{before}{prompt}"),
            max_tokens: *max_new_tokens,
            stop: stop.clone(),
        },
        Request::Choose { prompt, choices } => Question::Choose {
            prompt: format!("{before}{prompt}"),
            choices: choices.clone(),
        },
        Request::Likelihood { .. } => {
            return Err(StageError::Input(
                "the task asks for the likelihood of whole texts, which servers do not tell of \
                 their first token"
                    .to_owned(),
            ));
        }
    })
}

fn kept(id: &str, said: Said, how: Option<Likelihoods>) -> Kept {
    let (response, scored) = match said.content {
        Content::Generated(text) => (Response::Generated { text }, false),
        Content::Scored {
            log_likelihoods,
            tokens,
        } => {
            let response = Response::Scored {
                log_likelihoods,
                tokens,
            };
            (response, true)
        }
    };
    Kept {
        id: id.to_owned(),
        response,
        usage: said.usage,
        model: said.model,
        fingerprint: said.fingerprint,
        likelihoods: how.filter(|_| scored).map(|how| how.name().to_owned()),
        at: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs()),
    }
}
