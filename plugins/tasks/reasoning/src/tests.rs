use super::*;
use mergelab_sdk::Value;

mergelab_sdk::conformance!(super::Reasoning);

fn task(mode: Mode, normalise: Normalise) -> Reasoning {
    Reasoning {
        mode,
        normalise,
        prompt: None,
        max_new_tokens: 32,
        stop: vec!["\n".to_owned()],
    }
}

fn choosing() -> Reasoning {
    task(Mode::Choice, Normalise::None)
}

fn generating() -> Reasoning {
    task(Mode::Generate, Normalise::None)
}

fn context(language: &str) -> TaskContext {
    TaskContext {
        language: language.to_owned(),
        labels: Vec::new(),
    }
}

fn row(choices: Value, answer: Value) -> Row {
    let fields = [
        ("question", json!("Which is a tree?")),
        ("choices", choices),
        ("answer", answer),
    ];
    Row::from_iter(fields.map(|(name, value)| (name.to_owned(), value)))
}

fn trees() -> Row {
    row(json!(["an oak", "ivy", "moss"]), json!(0))
}

#[test]
fn choices_continue_the_prompt() {
    let request = choosing().request(&trees(), &context("en"));
    assert_eq!(
        request,
        Ok(Request::Choose {
            prompt: "Which is a tree?\nAnswer:".to_owned(),
            choices: [" an oak", " ivy", " moss"].map(str::to_owned).to_vec(),
        })
    );
    let zh = row(json!(["橡树", "苔藓"]), json!(1));
    let request = choosing().request(&zh, &context("zh")).expect("a request");
    let Request::Choose { choices, .. } = request else {
        panic!("choices")
    };
    assert_eq!(choices, ["橡树", "苔藓"]);
}

#[test]
fn choices_are_shown_where_the_prompt_says_so() {
    let task = Reasoning {
        prompt: Some([("*".to_owned(), "{question}\n{choices}\nA:".to_owned())].into()),
        ..generating()
    };
    task.check(&context("en")).expect("a good prompt");
    let request = task.request(&trees(), &context("en")).expect("a request");
    assert_eq!(
        request.prompt(),
        "Which is a tree?\n- an oak\n- ivy\n- moss\nA:"
    );
}

#[test]
fn normalisation_decides_between_long_and_short_choices() {
    let response = Response::Scored {
        log_likelihoods: vec![-6.0, -4.0, -9.0],
        tokens: vec![2, 1, 4],
    };
    let chosen = |normalise| {
        task(Mode::Choice, normalise)
            .read(&trees(), &response, &context("en"))
            .expect("a prediction")
            .label
    };
    // -6, -4, -9
    assert_eq!(chosen(Normalise::None).as_deref(), Some("ivy"));
    // -6/2, -4/1, -9/4
    assert_eq!(chosen(Normalise::Tokens).as_deref(), Some("moss"));
    // -6/6, -4/3, -9/4
    assert_eq!(chosen(Normalise::Bytes).as_deref(), Some("an oak"));
}

#[test]
fn generated_answers_are_matched_with_the_choices() {
    let label = |text: &str| {
        let response = Response::Generated {
            text: text.to_owned(),
        };
        generating()
            .read(&trees(), &response, &context("en"))
            .expect("a prediction")
            .label
    };
    assert_eq!(label(" An oak.\nBecause").as_deref(), Some("an oak"));
    assert_eq!(label("IVY!").as_deref(), Some("ivy"));
    assert_eq!(label("oak"), None);
    assert_eq!(label(""), None);
}

#[test]
fn answers_without_choices_are_free() {
    let read = |answer| {
        generating()
            .reference(&row(Value::Null, answer), &context("en"))
            .expect("a reference")
    };
    assert_eq!(read(json!(18)).texts, ["18"]);
    assert_eq!(read(json!(["oak ", "an oak"])).texts, ["oak", "an oak"]);
    assert_eq!(read(json!("oak")).label, None);
    let answer = generating().answer(&row(Value::Null, json!("oak")), &context("de"));
    assert_eq!(answer, Ok(" oak".to_owned()));
}

#[test]
fn an_answer_may_be_the_choice_itself() {
    let reference = choosing().reference(&row(json!(["a", "b"]), json!("b")), &context("en"));
    assert_eq!(reference.expect("a reference").label.as_deref(), Some("b"));
    // A number among the choices is a text, an index is a number.
    let reference = choosing().reference(&row(json!([7, 1]), json!(1)), &context("en"));
    assert_eq!(reference.expect("a reference").label.as_deref(), Some("1"));
}

#[test]
fn refusals_name_the_field() {
    let message = |task: &Reasoning, choices, answer| {
        task.request(&row(choices, answer), &context("en"))
            .expect_err("refused")
            .to_string()
    };
    let task = choosing();
    let duplicate = message(&task, json!(["a", "b", "a "]), json!(0));
    assert!(duplicate.contains("`choices`") && duplicate.contains("index 0 and 2"));
    let range = message(&task, json!(["a", "b"]), json!(2));
    assert!(range.contains("`answer` is 2") && range.contains("0 to 1"));
    assert!(message(&task, json!(["a", "b"]), json!("2")).contains("none of the choices"));
    assert!(message(&task, json!(["a", "b"]), json!(-1)).contains("`answer`"));
    assert!(message(&task, json!(["a"]), json!(0)).contains("two or more"));
    assert!(message(&task, json!(["a", " "]), json!(0)).contains("empty"));
    assert!(message(&task, Value::Null, json!(0)).contains("`choices` is missing"));
    assert!(message(&generating(), json!(["A", "a."]), json!(0)).contains("twice"));
    assert!(message(&generating(), Value::Null, json!(" ")).contains("`answer`"));
}

#[test]
fn parameters_that_do_nothing_are_refused() {
    let task = task(Mode::Generate, Normalise::Bytes);
    assert!(task.check(&context("en")).is_err());
    for (language, _) in prompts::SHIPPED {
        choosing().check(&context(language)).expect("a good prompt");
    }
}

#[test]
fn trivial_outputs_read_as_choices_in_either_mode() {
    let row = row(json!(["Ash", "ash", "a birch"]), json!(2));
    let task = choosing();
    let trivial = task.trivial(&row, &context("en")).expect("outputs");
    let label = |name: &str| {
        let response = Response::Generated {
            text: trivial[name].clone(),
        };
        let read = task.read(&row, &response, &context("en"));
        read.expect("a prediction").label
    };
    assert_eq!(label("first_choice").as_deref(), Some("Ash"));
    assert_eq!(label("longest_choice").as_deref(), Some("a birch"));
    let free = super::tests::row(Value::Null, json!("oak"));
    assert_eq!(
        generating().trivial(&free, &context("en")),
        Ok(BTreeMap::new())
    );
}
