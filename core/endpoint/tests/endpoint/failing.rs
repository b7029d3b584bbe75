//! Servers that fail, for a moment or for good.

use crate::setting::{MODEL, ask, endpoint, limits, question, served, server, text, with_key};
use mergelab_endpoint::{Endpoint, EndpointError};
use mergelab_tests::served::{Act, Served};
use std::sync::atomic::AtomicBool;

const BUSY: Act = Act::Refuse(503, "", "{\"error\": {\"message\": \"loading\"}}");

fn check(endpoint: &Endpoint) -> Result<(), EndpointError> {
    endpoint.check(&AtomicBool::new(false))
}

#[test]
fn what_passes_is_asked_again() {
    for act in [
        BUSY,
        Act::Refuse(500, "", ""),
        Act::Refuse(429, "Retry-After: 0\r\n", ""),
        Act::Stall,
        Act::Close,
        Act::Cut,
    ] {
        let served = served();
        served.next([act.clone(), act.clone()]);
        let answer = ask(&endpoint(&served), &question("say it"));
        assert_eq!(
            text(&answer.unwrap_or_else(|e| panic!("{act:?}: {e}"))),
            " it and more"
        );
        assert_eq!(served.seen().len(), 3, "{act:?}");
    }
}

#[test]
fn what_does_not_pass_is_given_up_with_its_reason() {
    let cases = [
        (BUSY, "status 503: loading"),
        (Act::Stall, "no whole answer within 1.5 s"),
        (
            Act::Refuse(429, "Retry-After: 9999\r\n", ""),
            "asks to wait 9999 s",
        ),
    ];
    for (act, reason) in cases {
        let served = served();
        let endpoint = endpoint(&served);
        check(&endpoint).unwrap();
        served.always(act.clone());
        let error = ask(&endpoint, &question("say it")).unwrap_err();
        assert!(matches!(error, EndpointError::Failed { .. }), "{error:?}");
        let error = error.to_string();
        assert!(
            error.contains(reason) && error.contains("run again to go on"),
            "{error}"
        );
        assert!(
            error.starts_with(&format!("{MODEL} at {}", served.url)),
            "{error}"
        );
        // A wait beyond the deadline is not begun.
        let asked = served.prompts().len();
        let waits = matches!(act, Act::Refuse(429, ..));
        assert_eq!(asked, if waits { 1 } else { 3 }, "{act:?}");
    }
}

#[test]
fn what_is_refused_for_good_is_asked_once() {
    let too_long =
        "{\"error\": {\"message\": \"This model's maximum context length is 8 tokens\"}}";
    let quota = "{\"error\": {\"message\": \"Pay.\", \"code\": \"insufficient_quota\"}}";
    let other = "{\"error\": {\"message\": \"Use 'max_completion_tokens' instead.\"}}";
    let cases = [
        (Act::Refuse(400, "", too_long), "--max-model-len"),
        (Act::Refuse(429, "", quota), "nothing left to spend"),
        (Act::Refuse(400, "", other), "`max_tokens_key`"),
        (Act::Refuse(403, "", ""), "`api_key_env`"),
        (
            Act::Refuse(307, "Location: http://elsewhere/\r\n", ""),
            "set `url` to that one",
        ),
        (
            Act::Refuse(404, "", "{\"detail\": \"Not Found\"}"),
            "mostly ends with /v1",
        ),
    ];
    for (act, advice) in cases {
        let served = served();
        served.always(act.clone());
        let error = ask(&endpoint(&served), &question("say it"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(advice), "{error}");
        assert_eq!(served.seen().len(), 1, "{act:?}");
    }
}

#[test]
fn nobody_there_is_said_so() {
    let mut nobody = server(&served());
    nobody.address = "http://127.0.0.1:1/v1".parse().unwrap();
    let error = check(&Endpoint::new(nobody, None, limits())).unwrap_err();
    assert!(
        matches!(error, EndpointError::Unreachable { .. }),
        "{error:?}"
    );
    let error = error.to_string();
    assert!(
        error.contains("refused") && error.contains("http://HOST:8000/v1"),
        "{error}"
    );
}

#[test]
fn a_server_that_loads_its_model_is_waited_for() {
    let served = served();
    served.loads_for(2);
    check(&endpoint(&served)).unwrap();
    assert_eq!(served.seen().len(), 3);
    served.loads_for(usize::MAX);
    let error = check(&endpoint(&served)).unwrap_err().to_string();
    assert_eq!(served.seen().len(), 3);
    assert!(
        error.contains("status 503: Loading model, after 3 tries"),
        "{error}"
    );
}

#[test]
fn an_address_without_its_end_is_corrected() {
    let served = served();
    let mut above = server(&served);
    above.address = served.url.trim_end_matches("/v1").parse().unwrap();
    let error = check(&Endpoint::new(above, None, limits()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&format!("set `url` to {}", served.url)),
        "{error}"
    );
}

#[test]
fn another_model_is_named() {
    let served = served();
    let mut other = server(&served);
    other.model = "stub-70b".to_owned();
    let other = Endpoint::new(other, None, limits());
    let error = check(&other).unwrap_err().to_string();
    assert!(error.contains("It serves stub-7b"), "{error}");
    // A server without a list tells when it is asked.
    let error = ask(&other, &question("say it")).unwrap_err().to_string();
    assert!(error.contains("does not exist"), "{error}");
}

#[test]
fn a_key_is_sent_and_never_shown() {
    // Set by cargo for every test, so that nothing needs to be changed in the environment.
    let variable = "CARGO_PKG_NAME";
    let key = std::env::var(variable).unwrap();
    let served = served();
    served.asks_for(&key);
    let right = with_key(&served, variable);
    assert!(check(&right).is_ok() && ask(&right, &question("say it")).is_ok());
    served.asks_for("another");
    // The stub repeats the key in its refusal, as some servers do.
    let error = ask(&right, &question("say it")).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("Incorrect API key provided: Bearer [key]"),
        "{shown}"
    );
    assert!(!shown.contains(&key), "{shown}");
    served.asks_for(&key);
    served.always(Act::Say(format!("not JSON but {key}")));
    let error = ask(&right, &question("say it")).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        shown.contains("not JSON but [key]") && !shown.contains(&key),
        "{shown}"
    );
}

#[test]
fn a_server_that_starts_late_is_waited_for_by_questions() {
    let served = Served::start(MODEL, |_| "yes".to_owned());
    served.next([Act::Refuse(502, "", "<html>Bad Gateway</html>")]);
    assert!(ask(&endpoint(&served), &question("say it")).is_ok());
}
