//! Log-likelihoods of choices.

use crate::setting::{Lie, endpoint, served};
use mergelab_endpoint::{Content, Endpoint, EndpointError, Likelihoods, Question};
use mergelab_tests::served::{Act, Tells, log_probability};
use serde_json::{Value, json};
use std::sync::atomic::AtomicBool;

fn question(prompt: &str, choices: &[&str]) -> Question {
    Question::Choose {
        prompt: prompt.to_owned(),
        choices: choices.iter().map(|c| (*c).to_owned()).collect(),
    }
}

fn probe(endpoint: &Endpoint) -> Result<Likelihoods, EndpointError> {
    endpoint.probe(&AtomicBool::new(false))
}

fn ask(endpoint: &Endpoint, how: Likelihoods, question: &Question) -> Result<Content, String> {
    let answer = endpoint.ask(0, question, Some(how), &AtomicBool::new(false));
    answer.map(|a| a.content).map_err(|e| e.to_string())
}

#[test]
fn each_way_gives_the_same() {
    let expected = |choice: &[&str]| choice.iter().map(|t| log_probability(t)).sum::<f64>();
    let ways = [
        (Tells::Echo, Likelihoods::Echo, 1),
        (Tells::EchoAndOne, Likelihoods::EchoAndOne, 2),
        (Tells::PromptLogprobs, Likelihoods::PromptLogprobs, 3),
    ];
    for (tells, way, requests) in ways {
        let served = served();
        served.tells(tells);
        let endpoint = endpoint(&served);
        assert_eq!(probe(&endpoint), Ok(way));
        assert_eq!(served.seen().len(), requests);
        let question = question("The sky is ", &["blue", "green and red"]);
        let content = ask(&endpoint, way, &question).unwrap();
        let Content::Scored {
            log_likelihoods,
            tokens,
        } = content
        else {
            panic!("{content:?}");
        };
        assert_eq!(tokens, [1, 3], "{tells:?}");
        assert_eq!(
            log_likelihoods,
            [expected(&[" blue"]), expected(&[" green", " and", " red"])]
        );
        // One request has the prompt alone and with each choice.
        let seen = served.seen();
        assert_eq!(seen.len(), 1);
        assert_eq!(
            seen[0].body["prompt"],
            json!(["The sky is", "The sky is blue", "The sky is green and red"])
        );
    }
}

#[test]
fn a_token_across_the_boundary_counts_for_every_choice() {
    let served = served();
    let endpoint = endpoint(&served);
    // The stub's tokens end at spaces: "is" and "isn't" part within the prompt's last word.
    let content = ask(
        &endpoint,
        Likelihoods::Echo,
        &question("The sky is", &["n't", " blue"]),
    );
    let expected = Content::Scored {
        log_likelihoods: vec![
            log_probability(" isn't"),
            log_probability(" is") + log_probability(" blue"),
        ],
        tokens: vec![1, 2],
    };
    assert_eq!(content, Ok(expected));
}

#[test]
fn a_server_that_cannot_is_told_what_to_do() {
    let served = served();
    served.tells(Tells::Nothing);
    let error = probe(&endpoint(&served)).unwrap_err();
    assert!(
        matches!(error, EndpointError::NoLikelihoods { .. }),
        "{error:?}"
    );
    let error = error.to_string();
    for part in [
        "Only no echo is supported",
        "no `prompt_logprobs`",
        "mode = \"generate\"",
    ] {
        assert!(error.contains(part), "{error}");
    }
    // Each way was tried once.
    assert_eq!(served.seen().len(), 3);
}

#[test]
fn a_busy_server_is_not_one_that_cannot() {
    let served = served();
    served.next([Act::Refuse(503, "", "")]);
    assert_eq!(probe(&endpoint(&served)), Ok(Likelihoods::Echo));
    served.always(Act::Refuse(503, "", ""));
    let error = probe(&endpoint(&served)).unwrap_err();
    assert!(matches!(error, EndpointError::Failed { .. }), "{error:?}");
}

#[test]
fn choices_may_come_in_any_order_but_must_be_the_right_ones() {
    let served = served();
    let endpoint = endpoint(&served);
    let question = question("The sky is", &[" blue", " green and red"]);
    let honest = ask(&endpoint, Likelihoods::Echo, &question);
    served.next([Act::Lie(|a| {
        let choices = a["choices"].as_array_mut();
        choices.unwrap().reverse();
    })]);
    assert_eq!(ask(&endpoint, Likelihoods::Echo, &question), honest);
}

#[test]
fn every_lie_is_told_for_what_it_is() {
    let cases: &[Lie] = &[
        (
            // The texts of two choices change places, and the indices stay.
            |a| {
                let (one, two) = (a["choices"][1].clone(), a["choices"][2].clone());
                a["choices"][1] = two;
                a["choices"][2] = one;
                a["choices"][1]["index"] = json!(1);
                a["choices"][2]["index"] = json!(2);
            },
            "of text 1, the text is not the one that was asked about",
        ),
        (
            |a| a["choices"][2]["index"] = json!(1),
            "not 0 to 2: 0, 1, 1",
        ),
        (
            |a| a["choices"][1]["logprobs"] = Value::Null,
            "of text 1, there are no `logprobs`",
        ),
        (
            |a| {
                let tokens = a["choices"][1]["logprobs"]["tokens"].as_array_mut();
                tokens.unwrap().pop();
            },
            "3 tokens and 4 log-probabilities",
        ),
        (
            |a| {
                for list in ["tokens", "token_logprobs"] {
                    let list = a["choices"][1]["logprobs"][list].as_array_mut();
                    list.unwrap().pop();
                }
            },
            "of text 1, the tokens do not make up the text",
        ),
        (
            |a| a["choices"][1]["logprobs"]["token_logprobs"][3] = Value::Null,
            "the token \" blue\" has no log-probability",
        ),
        (
            |a| a["choices"][1]["logprobs"]["token_logprobs"][3] = json!(0.5),
            "a log-probability is 0.5, which none can be",
        ),
        (
            |a| a["choices"][1]["logprobs"]["token_logprobs"][3] = json!("NaN"),
            "no number",
        ),
    ];
    for (lie, told) in cases {
        let served = served();
        served.always(Act::Lie(*lie));
        let question = question("The sky is", &[" blue", " green and red"]);
        let error = ask(&endpoint(&served), Likelihoods::Echo, &question).unwrap_err();
        assert!(error.contains(told), "{told}: {error}");
        assert_eq!(served.seen().len(), 3);
    }
}
