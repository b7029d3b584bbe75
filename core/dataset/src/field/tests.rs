use super::*;
use mergelab_toml::source::read_toml;
use serde_json::json;

fn field(toml: &str) -> Result<Field, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("field.toml");
    std::fs::write(&file, format!("field = {toml}\n")).expect("writes");
    read_toml(&file, |reader| Field::read(reader, "field"))
        .map(|field| field.expect("it is there"))
        .map_err(|e| e.to_string())
}

const PLACE: Place<'_> = Place {
    split: "test",
    row: 7,
    language: "de",
    code: "deu",
};

fn value(toml: &str, row: &Value) -> Result<Option<Value>, String> {
    let field = field(toml).expect("a field");
    field.value(row.as_object().expect("an object"), &PLACE)
}

#[test]
fn paths_go_into_tables_and_lists() {
    let row = json!({"choices": {"text": ["a", "b"]}, "a.b": 1, "many": [{"t": "x"}, {"t": "y"}]});
    assert_eq!(
        value(r#""choices.text""#, &row),
        Ok(Some(json!(["a", "b"])))
    );
    assert_eq!(value(r#""a.b""#, &row), Ok(Some(json!(1))));
    assert_eq!(value(r#""many.t""#, &row), Ok(Some(json!(["x", "y"]))));
    assert_eq!(value(r#""many.u""#, &row), Ok(None));
    assert_eq!(value(r#""@split""#, &row), Ok(Some(json!("test"))));
    assert_eq!(value(r#""@row""#, &row), Ok(Some(json!(7))));
    assert!(
        field(r#""@place""#)
            .expect_err("refused")
            .contains("@split")
    );
}

#[test]
fn labels_go_by_name_whatever_the_order_of_integers() {
    let names = r#"{ path = "label", names = { 0 = "positive", 1 = "negative", 2 = "neutral" } }"#;
    assert_eq!(
        value(names, &json!({"label": 1})),
        Ok(Some(json!("negative")))
    );
    assert_eq!(
        value(names, &json!({"label": "0"})),
        Ok(Some(json!("positive")))
    );
    let error = value(names, &json!({"label": -1})).expect_err("refused");
    assert!(error.contains("`label` is `-1`"), "{error}");
    assert_eq!(value(names, &json!({"label": null})), Ok(Some(json!(null))));
    let by_language = r#"{ path = "q", names = { cause = { de = "weil", "*" = "because" } } }"#;
    assert_eq!(
        value(by_language, &json!({"q": "cause"})),
        Ok(Some(json!("weil")))
    );
}

#[test]
fn answers_become_positions() {
    let row = json!({"key": "B", "choices": {"label": ["A", "B"], "text": ["x", "y"]}, "n": "4"});
    let of_list = r#"{ path = "key", among = "choices.label" }"#;
    assert_eq!(value(of_list, &row), Ok(Some(json!(1))));
    let of_texts = r#"{ path = "n", among = ["1", "2", "3", "4"] }"#;
    assert_eq!(value(of_texts, &row), Ok(Some(json!(3))));
    assert_eq!(value(of_texts, &json!({"n": 2})), Ok(Some(json!(1))));
    let error = value(of_texts, &json!({"n": "5"})).expect_err("refused");
    assert_eq!(error, "`n` is `5`, which is none of: 1, 2, 3, 4");
    let error = value(of_list, &json!({"key": "A"})).expect_err("refused");
    assert!(
        error.contains("`choices.label` should be a list"),
        "{error}"
    );
}

#[test]
fn several_fields_become_one() {
    let row = json!({"a": "Es regnet.", "b": "Es ist nass.", "n": 3, "empty": ""});
    assert_eq!(
        value(r#"{ list = ["a", "b"] }"#, &row),
        Ok(Some(json!(["Es regnet.", "Es ist nass."])))
    );
    assert_eq!(
        value(
            r#"{ join = [{ path = "a", trim_end = "." }, "n"], with = " - " }"#,
            &row
        ),
        Ok(Some(json!("Es regnet - 3")))
    );
    assert_eq!(
        value(r#"{ first = ["none", "empty", "b"] }"#, &row),
        Ok(Some(json!("Es ist nass.")))
    );
    assert_eq!(value(r#"{ first = ["none"] }"#, &row), Ok(None));
    let error = value(r#"{ list = ["a", "none"] }"#, &row).expect_err("refused");
    assert_eq!(error, "`none` is missing");
}

#[test]
fn numbers_and_texts_are_converted_on_request() {
    let row = json!({"n": "1,018", "f": "2.5", "w": "two", "i": 4});
    let number = |key: &str| value(&format!(r#"{{ path = "{key}", as = "number" }}"#), &row);
    assert_eq!(number("n"), Ok(Some(json!(1018))));
    assert_eq!(number("f"), Ok(Some(json!(2.5))));
    assert_eq!(number("i"), Ok(Some(json!(4))));
    assert!(number("w").expect_err("refused").contains("`two`"));
    assert_eq!(
        value(r#"{ path = "i", as = "text" }"#, &row),
        Ok(Some(json!("4")))
    );
}

#[test]
fn what_is_written_wrong_is_refused_with_its_line() {
    for (toml, part) in [
        (r#"{ path = "a", list = ["b"] }"#, "one of `path`"),
        (r#"{ names = { 0 = "x" } }"#, "one of `path`"),
        (r#"{ path = "a", with = "x" }"#, "`with` is for `join`"),
        (r#"{ path = "a", as = "list" }"#, "not `list`"),
        (r#"{ list = [] }"#, "empty list"),
        (r#"{ path = "a", amnog = ["1"] }"#, "Did you mean `among`?"),
        ("3", "a text or a table"),
    ] {
        let error = field(toml).expect_err("refused");
        assert!(error.contains("field.toml:1:"), "{error}");
        assert!(error.contains(part), "{error}");
    }
}
