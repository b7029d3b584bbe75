//! Answers that do not fit the question.

use crate::setting::{Lie, ask, endpoint, limits, question, served, server, text};
use mergelab_endpoint::{Endpoint, EndpointError};
use mergelab_tests::served::Act;
use serde_json::{Value, json};

#[test]
fn every_lie_is_told_for_what_it_is() {
    let cases: &[Lie] = &[
        (|a| a["choices"] = json!([]), "it has 0 choices, not 1"),
        (|a| a["choices"] = Value::Null, "it has no `choices`"),
        (
            |a| {
                let one = a["choices"][0].clone();
                a["choices"] = json!([one, one]);
            },
            "it has 2 choices, not 1",
        ),
        (|a| a["choices"][0]["index"] = json!(1), "not 0 to 0: 1"),
        (
            |a| a["choices"][0]["index"] = Value::Null,
            "not 0 to 0: none",
        ),
        (
            |a| a["model"] = json!("other"),
            "it is of the model `other`, and `stub-7b`",
        ),
        (
            |a| a["model"] = json!("stub-7b-turbo"),
            "it is of the model `stub-7b-turbo`",
        ),
        (
            |a| a["error"] = json!({"message": "no"}),
            "it is an error: no",
        ),
        (
            |a| a["usage"]["completion_tokens"] = json!(9),
            "9 tokens although at most 8",
        ),
        (
            |a| a["usage"]["prompt_tokens"] = json!(-1),
            "no count of tokens",
        ),
        (
            |a| a["choices"][0]["finish_reason"] = json!("length"),
            "it was cut after 3 of 8 tokens",
        ),
        (
            |a| a["choices"][0]["finish_reason"] = json!("content_filter"),
            "filter withheld",
        ),
        (
            |a| a["choices"][0]["finish_reason"] = Value::Null,
            "did not end",
        ),
        (
            |a| a["choices"][0]["finish_reason"] = json!("tool_calls"),
            "`tool_calls`",
        ),
        (
            |a| a["choices"][0]["text"] = json!(""),
            "empty although 3 tokens",
        ),
        (
            |a| a["choices"][0]["text"] = Value::Null,
            "empty although 3 tokens",
        ),
        (
            |a| a["choices"][0]["text"] = json!(["it"]),
            "no text but a list",
        ),
        (
            |a| {
                a["choices"][0]["text"] = json!("");
                a["usage"]["completion_tokens"] = json!(0);
            },
            "no token was generated",
        ),
        (
            |a| {
                a["choices"][0]["text"] = json!("");
                a["usage"] = Value::Null;
            },
            "no count of tokens says",
        ),
    ];
    for (lie, told) in cases {
        let served = served();
        served.always(Act::Lie(*lie));
        let error = ask(&endpoint(&served), &question("say it")).unwrap_err();
        assert!(
            matches!(error, EndpointError::Answer { tries: 3, .. }),
            "{error:?}"
        );
        let error = error.to_string();
        assert!(
            error.contains(told) && error.contains("\"say it\""),
            "{told}: {error}"
        );
        assert_eq!(served.seen().len(), 3);
    }
}

#[test]
fn broken_json_is_told_apart() {
    for (body, told) in [
        ("{\"choices\": [{\"te", "breaks off after 17 bytes"),
        ("{\"choices\": [NaN]}", "NaN or Infinity"),
        ("<html>Sign in</html>", "not JSON"),
        ("", "breaks off after 0 bytes"),
    ] {
        let served = served();
        served.always(Act::Say(body.to_owned()));
        let error = ask(&endpoint(&served), &question("say it"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_lie_that_passes_is_forgiven() {
    let served = served();
    served.next([
        Act::Lie(|a| a["choices"] = json!([])),
        Act::Say("{".to_owned()),
    ]);
    assert_eq!(
        text(&ask(&endpoint(&served), &question("say it")).unwrap()),
        " it and more"
    );
}

#[test]
fn what_is_true_is_no_lie() {
    // A model may end at once, a name may have a date, and counts may be missing.
    let cases: &[fn(&mut Value)] = &[
        |a| {
            a["choices"][0]["text"] = json!("");
            a["usage"]["completion_tokens"] = json!(1);
        },
        |a| a["model"] = json!("stub-7b-2024-08-06"),
        |a| a["model"] = Value::Null,
        |a| a["usage"] = Value::Null,
        |a| {
            a["choices"][0]["finish_reason"] = json!("length");
            a["usage"]["completion_tokens"] = json!(8);
        },
    ];
    for change in cases {
        let served = served();
        served.always(Act::Lie(*change));
        let answer = ask(&endpoint(&served), &question("say it"));
        assert!(answer.is_ok(), "{answer:?}");
    }
    let served = served();
    served.always(Act::Lie(|a| a["model"] = json!("other")));
    let mut known = server(&served);
    known.reported_model = Some("other".to_owned());
    assert!(ask(&Endpoint::new(known, None, limits()), &question("say it")).is_ok());
}
