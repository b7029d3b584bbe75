use super::*;
use mergelab_sdk::Value;

mergelab_sdk::conformance!(super::Sentiment);

fn task(mode: Mode) -> Sentiment {
    Sentiment {
        mode,
        verbalizers: None,
        prompt: None,
        max_new_tokens: 8,
        stop: vec!["\n".to_owned()],
    }
}

fn with_verbalizers(pairs: &[(&str, &str)]) -> Sentiment {
    let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
    Sentiment {
        verbalizers: Some(pairs.iter().map(owned).collect()),
        ..task(Mode::Generate)
    }
}

fn context(language: &str) -> TaskContext {
    TaskContext {
        language: language.to_owned(),
        labels: ["negative", "neutral", "positive"]
            .map(str::to_owned)
            .to_vec(),
    }
}

fn row(text: &str, label: Value) -> Row {
    Row::from_iter([
        ("text".to_owned(), json!(text)),
        ("label".to_owned(), label),
    ])
}

fn label(task: &Sentiment, language: &str, output: &str) -> Option<String> {
    let response = Response::Generated {
        text: output.to_owned(),
    };
    task.read(&Row::new(), &response, &context(language))
        .expect("a prediction")
        .label
}

#[test]
fn the_label_is_taught_in_the_rows_language() {
    let answer = |language, label: &str| {
        task(Mode::Generate)
            .answer(&row("Text.", json!(label)), &context(language))
            .expect("an answer")
    };
    assert_eq!(answer("fr", "negative"), " négatif");
    assert_eq!(answer("zh-Hant", "negative"), "負面");
    assert_eq!(answer("zh", "negative"), "负面");
    assert_eq!(answer("fi", "neutral"), " neutral");
}

#[test]
fn every_language_reads_back_what_it_teaches() {
    for (language, _) in prompts::SHIPPED {
        let context = context(language);
        task(Mode::Generate).check(&context).expect("good defaults");
        for wanted in &context.labels {
            let answer = task(Mode::Generate).answer(&row("Text.", json!(wanted)), &context);
            let read = label(&task(Mode::Generate), language, &answer.expect("an answer"));
            assert_eq!(read.as_ref(), Some(wanted), "{language}");
        }
    }
}

#[test]
fn outputs_are_read_by_their_first_words() {
    let read = |language, output| label(&task(Mode::Generate), language, output);
    let positive = Some("positive".to_owned());
    assert_eq!(read("en", " Positive. I liked it"), positive);
    assert_eq!(read("en", "**positive**"), positive);
    assert_eq!(read("ja", "肯定的です"), positive);
    // Another form of the word, another language, no word of the set, nothing.
    assert_eq!(read("en", "positively"), None);
    assert_eq!(read("de", "positive"), None);
    assert_eq!(read("en", "I think it is positive"), None);
    assert_eq!(read("en", ""), None);
}

#[test]
fn the_longest_word_wins_and_own_words_count() {
    let task = with_verbalizers(&[
        ("positive", "good"),
        ("neutral", "good enough"),
        ("de.positive", "gut"),
    ]);
    task.check(&context("en")).expect("good words");
    assert_eq!(label(&task, "en", "good enough!"), Some("neutral".into()));
    assert_eq!(label(&task, "en", "good food"), Some("positive".into()));
    assert_eq!(label(&task, "de-CH", "Gut"), Some("positive".into()));
    assert_eq!(label(&task, "de", "good"), None);
    assert_eq!(label(&task, "en", "negative"), Some("negative".into()));
}

#[test]
fn choices_are_scored_in_the_order_of_the_labels() {
    let task = task(Mode::Choice);
    let request = task.request(&row("Bien.", json!("positive")), &context("fr"));
    let Ok(Request::Choose { prompt, choices }) = request else {
        panic!("choices, not {request:?}")
    };
    assert_eq!(prompt, "Bien.\nSentiment :");
    assert_eq!(choices, [" négatif", " neutre", " positif"]);
    let response = Response::Scored {
        log_likelihoods: vec![-3.0, -1.0, -2.0],
        tokens: vec![2, 1, 1],
    };
    let read = task.read(&Row::new(), &response, &context("fr"));
    let read = read.expect("a prediction");
    assert_eq!(read.output, "neutre");
    assert_eq!(read.label.as_deref(), Some("neutral"));
    let first = &read.choices[0];
    assert_eq!(first.label, "negative");
    assert_eq!(first.likelihood, Likelihood::of("négatif", -3.0, 2));
    assert_eq!(read.choices.len(), 3);
}

#[test]
fn labels_may_be_numbers() {
    let context = TaskContext {
        language: "en".to_owned(),
        labels: vec!["0".to_owned(), "1".to_owned()],
    };
    let task = with_verbalizers(&[("0", "bad"), ("1", "good")]);
    task.check(&context).expect("good words");
    assert_eq!(
        task.answer(&row("Text.", json!(1)), &context),
        Ok(" good".to_owned())
    );
}

#[test]
fn refusals_say_what_is_wrong() {
    let message = |task: &Sentiment| task.check(&context("en")).expect_err("refused").to_string();
    let unknown = message(&with_verbalizers(&[("de.positve", "gut")]));
    assert!(unknown.contains("Did you mean `positive`?"), "{unknown}");
    let same = message(&with_verbalizers(&[("positive", "Neutral")]));
    assert!(same.contains("`neutral` and `positive`"), "{same}");
    assert!(message(&with_verbalizers(&[("positive", " ")])).contains("empty"));
    let prompt = Sentiment {
        prompt: Some([("ja".to_owned(), "感情：".to_owned())].into()),
        ..task(Mode::Generate)
    };
    assert!(message(&prompt).contains("{text}"));
    let outside = task(Mode::Generate)
        .reference(&row("Text.", json!("mixed")), &context("en"))
        .expect_err("refused")
        .to_string();
    assert!(outside.contains("`mixed`") && outside.contains("negative, neutral, positive"));
}

#[test]
fn the_first_label_is_a_trivial_output() {
    let task = task(Mode::Choice);
    let trivial = task.trivial(&Row::new(), &context("zh")).expect("outputs");
    assert_eq!(trivial["first_label"], "负面");
    assert_eq!(label(&task, "zh", "负面").as_deref(), Some("negative"));
}
