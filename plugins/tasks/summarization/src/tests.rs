use super::*;
use mergelab_sdk::Value;

mergelab_sdk::conformance!(super::Summarization);

fn task() -> Summarization {
    Summarization {
        prompt: None,
        max_new_tokens: 64,
        stop: vec!["\n".to_owned()],
    }
}

fn context(language: &str) -> TaskContext {
    TaskContext {
        language: language.to_owned(),
        labels: Vec::new(),
    }
}

fn row(document: &str, summary: Value) -> Row {
    Row::from_iter([
        ("document".to_owned(), json!(document)),
        ("summary".to_owned(), summary),
    ])
}

#[test]
fn prompt_and_answer_join_in_the_rows_language() {
    let joined = |language, document, summary: &str| {
        let row = row(document, json!(summary));
        let request = task().request(&row, &context(language)).expect("a request");
        let answer = task().answer(&row, &context(language)).expect("an answer");
        format!("{}|{answer}", request.prompt())
    };
    assert_eq!(
        joined("de", "Der Zug fährt nicht. ", "Kein Zug."),
        "Der Zug fährt nicht.\nZusammenfassung:| Kein Zug."
    );
    assert_eq!(
        joined("ja", "列車は運休です。", "列車運休"),
        "列車は運休です。\n要約：|列車運休"
    );
    assert_eq!(
        joined("fi", "Juna ei kulje.", "Ei junaa."),
        "Juna ei kulje.\nSummary:| Ei junaa."
    );
}

#[test]
fn every_shipped_prompt_passes_the_check() {
    for (language, _) in prompts::SHIPPED {
        task().check(&context(language)).expect("a good prompt");
    }
}

#[test]
fn a_summary_is_taught_in_one_line_and_scored_as_it_is() {
    let row = row("Text.", json!(["First.\n\n Second. ", "Other."]));
    let en = context("en");
    assert_eq!(task().answer(&row, &en), Ok(" First. Second.".to_owned()));
    let reference = task().reference(&row, &en).expect("a reference");
    assert_eq!(reference.texts, ["First.\n\n Second.", "Other."]);
    let free = Summarization {
        stop: Vec::new(),
        ..task()
    };
    assert_eq!(free.answer(&row, &en), Ok(" First.\n\n Second.".to_owned()));
}

#[test]
fn refusals_name_the_parameter_or_the_field() {
    let with_prompt = |text: &str| Summarization {
        prompt: Some([("de".to_owned(), text.to_owned())].into()),
        ..task()
    };
    // A prompt for a language that this instance does not run is checked too.
    for wrong in ["TL;DR:", "{dokument}\nTL;DR:", "{document}\nTL;DR: "] {
        assert!(with_prompt(wrong).check(&context("en")).is_err(), "{wrong}");
    }
    let no_stop = Summarization {
        stop: vec![String::new()],
        ..task()
    };
    assert!(no_stop.check(&context("en")).is_err());
    let error = |row: Row| {
        task()
            .request(&row, &context("en"))
            .and(task().reference(&row, &context("en")).map(|_| ()))
            .expect_err("refused")
            .to_string()
    };
    assert!(error(row(" ", json!("S."))).contains("`document` is empty"));
    assert!(error(row("D.", json!(" "))).contains("`summary` is empty"));
    assert!(error(row("D.", json!([]))).contains("`summary`"));
}

#[test]
fn the_lead_is_a_trivial_output() {
    let row = row("Der Zug fällt aus. Es schneit.", json!("Kein Zug."));
    let trivial = task().trivial(&row, &context("de")).expect("outputs");
    assert_eq!(trivial["lead"], "Der Zug fällt aus.");
}
