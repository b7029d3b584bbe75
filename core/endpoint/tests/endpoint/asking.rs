//! What is asked, and what comes of it.

use crate::setting::{MODEL, ask, endpoint, limits, question, served, server, text};
use mergelab_endpoint::{Endpoint, EndpointError, Limits, Question, Usage};
use serde_json::json;
use std::sync::atomic::AtomicBool;

#[test]
fn a_completion_is_greedy_and_ends_at_the_stop() {
    let served = served();
    let answer = ask(&endpoint(&served), &question("say it  ")).unwrap();
    assert_eq!(text(&answer), " it and more");
    assert_eq!(answer.model.as_deref(), Some(MODEL));
    assert_eq!(answer.fingerprint.as_deref(), Some("fp_stub"));
    let usage = Usage {
        prompt: 2,
        completion: 3,
    };
    assert_eq!(answer.usage, Some(usage));
    let seen = served.seen();
    assert_eq!(seen[0].call, "POST /v1/completions");
    assert_eq!(seen[0].authorization, None);
    assert_eq!(
        seen[0].body,
        json!({
            "model": MODEL,
            "prompt": "say it",
            "max_tokens": 8,
            "temperature": 0,
            "seed": 0,
            "stop": ["\n"],
        })
    );
}

#[test]
fn a_chat_has_one_turn_and_the_further_keys() {
    let served = served();
    let mut server = server(&served);
    server.chat = true;
    server.max_tokens_key = "max_completion_tokens".to_owned();
    server.body.insert("top_k".to_owned(), json!(1));
    let answer = ask(&Endpoint::new(server, None, limits()), &question("say it")).unwrap();
    assert_eq!(text(&answer), " it and more");
    let seen = served.seen();
    assert_eq!(seen[0].call, "POST /v1/chat/completions");
    let body = &seen[0].body;
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": "say it"}])
    );
    assert_eq!(
        (&body["max_completion_tokens"], &body["top_k"]),
        (&json!(8), &json!(1))
    );
    assert!(body["max_tokens"].is_null());
}

#[test]
fn all_texts_to_stop_at_count_though_four_are_sent() {
    let served = served();
    let question = Question::Generate {
        prompt: "say it".to_owned(),
        max_tokens: 8,
        stop: ["#", "!", "?", "%", " more"].map(str::to_owned).to_vec(),
    };
    assert_eq!(
        text(&ask(&endpoint(&served), &question).unwrap()),
        " it and"
    );
    assert_eq!(
        served.seen()[0].body["stop"].as_array().map(Vec::len),
        Some(4)
    );
}

#[test]
fn no_more_are_asked_at_the_same_time_than_allowed() {
    let served = served();
    served.together(3);
    let questions: Vec<Question> = (0..12).map(|i| question(&format!("say {i}"))).collect();
    let mut answers = vec![String::new(); 12];
    let endpoint = endpoint(&served);
    endpoint
        .ask_all(
            &questions,
            None,
            &AtomicBool::new(false),
            |index, answer| {
                answers[index] = text(&answer).to_owned();
                Ok::<(), EndpointError>(())
            },
        )
        .unwrap();
    assert_eq!(served.most_at_once(), 3);
    let expected: Vec<String> = (0..12).map(|i| format!(" {i} and more")).collect();
    assert_eq!(answers, expected);
    assert_eq!(endpoint.requests(), 12);
}

#[test]
fn a_failure_ends_the_asking_and_keeps_what_came() {
    let served = served();
    let endpoint = Endpoint::new(
        server(&served),
        None,
        Limits {
            concurrency: 1,
            ..limits()
        },
    );
    let questions: Vec<Question> = (0..5).map(|i| question(&format!("say {i}"))).collect();
    let mut came = Vec::new();
    let error = endpoint
        .ask_all(&questions, None, &AtomicBool::new(false), |index, _| {
            came.push(index);
            if index == 1 {
                served.always(mergelab_tests::served::Act::Refuse(
                    400,
                    "",
                    "{\"detail\": \"no\"}",
                ));
            }
            Ok::<(), EndpointError>(())
        })
        .unwrap_err();
    assert!(
        matches!(error, EndpointError::Rejected { status: 400, .. }),
        "{error}"
    );
    // The next question may have been asked before the rule changed.
    assert!(came.starts_with(&[0, 1]) && came.len() < 4, "{came:?}");
}

#[test]
fn nothing_is_asked_after_a_stop() {
    let served = served();
    let error = endpoint(&served)
        .ask(0, &question("say it"), None, &AtomicBool::new(true))
        .unwrap_err();
    assert_eq!(error, EndpointError::Interrupted);
    assert!(served.seen().is_empty());
}
