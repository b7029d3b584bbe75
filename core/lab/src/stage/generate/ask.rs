//! Goes through the requests of a task in chunks of like length, and on where a killed process was.

use super::{
    super::{Context, StageError, StageProgress},
    Answer, Answers,
    resume::Kept,
};
use crate::ledger::flops::Tokens;
use mergelab_abi::task::Request;
use std::sync::atomic::Ordering;

/// Requests that are answered before they are kept, and between two progress reports and two looks
/// at Ctrl-C.
const CHUNK: usize = 64;

/// The answers to all requests, in their order, and the tokens that were read and written for them.
pub(super) fn ask(
    answerer: &mut dyn Answers,
    requests: &[Request],
    context: &Context<'_>,
) -> Result<(Vec<Answer>, Tokens), StageError> {
    let (mut kept, mut earlier) = Kept::open(&context.partial, requests.len())?;
    // Batches gain from prompts of one length.
    let mut open: Vec<usize> = (0..requests.len())
        .filter(|&i| earlier.answers[i].is_none())
        .collect();
    open.sort_by_key(|&i| match &requests[i] {
        Request::Likelihood { text, .. } => text.len(),
        request => request.prompt().len(),
    });
    let mut done = requests.len() - open.len();
    for chunk in open.chunks(CHUNK.max(context.spec.how.batch_size)) {
        if context.interrupt.load(Ordering::Relaxed) {
            return Err(StageError::Interrupted);
        }
        let asked: Vec<&Request> = chunk.iter().map(|&i| &requests[i]).collect();
        let (answers, tokens) = answerer.answer(&asked)?;
        let answers: Vec<(usize, Answer)> = chunk.iter().copied().zip(answers).collect();
        done += answers.len();
        // The last ones are in the artifact at once.
        if done < requests.len() {
            kept.add(&answers, tokens)?;
        }
        earlier.tokens += tokens;
        for (i, answer) in answers {
            earlier.answers[i] = Some(answer);
        }
        (context.progress)(StageProgress {
            done: done as u64,
            total: requests.len() as u64,
            note: "examples".to_owned(),
        });
    }
    let answers: Vec<Answer> = earlier.answers.into_iter().flatten().collect();
    if answers.len() < requests.len() {
        return Err(StageError::Input(format!(
            "{} requests got {} answers",
            requests.len(),
            answers.len()
        )));
    }
    Ok((answers, earlier.tokens))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::Ledger,
        plan::spec::{How, StageSpec, VectorsWhat, What},
        store::Store,
    };
    use mergelab_abi::task::Response;
    use std::sync::{Arc, atomic::AtomicBool};

    /// Repeats prompts, for as many calls as it lives.
    struct Echo {
        calls: usize,
        asked: Vec<String>,
    }

    impl Answers for Echo {
        fn answer(&mut self, requests: &[&Request]) -> Result<(Vec<Answer>, Tokens), StageError> {
            if self.calls == 0 {
                return Err(StageError::Interrupted);
            }
            self.calls -= 1;
            let mut tokens = Tokens::default();
            let answer = |request: &&Request| {
                tokens.add(1);
                self.asked.push(request.prompt().to_owned());
                Answer {
                    response: Response::Generated {
                        text: request.prompt().to_owned(),
                    },
                    truncated_tokens: 0,
                    dropped_shots: 0,
                }
            };
            Ok((requests.iter().map(answer).collect(), tokens))
        }
    }

    #[test]
    fn what_was_answered_before_is_not_asked_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let requests: Vec<Request> = (0..150)
            .map(|i| Request::Generate {
                prompt: format!("{i:0width$}", width = 3 + i * 7 % 20),
                max_new_tokens: 1,
                stop: Vec::new(),
            })
            .collect();
        let spec = StageSpec {
            what: What::Vectors(VectorsWhat {
                base: String::new(),
                experts: Vec::new(),
            }),
            how: How::default(),
        };
        let interrupt = Arc::new(AtomicBool::new(false));
        let progress = std::sync::Mutex::new(Vec::new());
        let report = |now: StageProgress| {
            if let Ok(mut progress) = progress.lock() {
                progress.push(now.done);
            }
        };
        let store = Store::open(&folder.path().join("store")).expect("a store");
        let context = Context {
            spec: &spec,
            store: &store,
            folder: folder.path(),
            partial: folder.path().join("partial"),
            ledger: Ledger::default(),
            interrupt: &interrupt,
            progress: &report,
        };
        let echo = |calls| Echo {
            calls,
            asked: Vec::new(),
        };
        let mut first = echo(1);
        assert!(ask(&mut first, &requests, &context).is_err());
        assert_eq!(first.asked.len(), CHUNK);
        let mut second = echo(9);
        let (answers, tokens) = ask(&mut second, &requests, &context).expect("answers");
        assert_eq!(second.asked.len(), 150 - CHUNK);
        assert!(
            second
                .asked
                .iter()
                .all(|prompt| !first.asked.contains(prompt))
        );
        assert_eq!(tokens.tokens, 150.0);
        for (answer, request) in answers.iter().zip(&requests) {
            let text = request.prompt().to_owned();
            assert_eq!(answer.response, Response::Generated { text });
        }
        let lengths: Vec<usize> = second.asked.iter().map(String::len).collect();
        assert!(lengths.is_sorted());
        let progress = progress.into_inner().expect("no panic");
        assert_eq!(progress, [64, 128, 150]);
    }
}
