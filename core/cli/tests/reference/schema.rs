//! `docs/reference/manifest.schema.json`: JSON Schema of the manifest for editors, from the page.

use crate::manifest::{Key, keys};
use serde_json::{Map, Value, json};

#[test]
fn the_schema_of_the_manifest_is_up_to_date() {
    let text = serde_json::to_string_pretty(&schema()).expect("JSON");
    crate::check("manifest.schema.json", &format!("{text}\n"));
}

#[test]
fn the_schema_knows_types() {
    let schema = schema();
    let at = |path: &str| schema.pointer(path).unwrap_or_else(|| panic!("no {path}"));
    assert_eq!(at("/properties/seed/type"), "integer");
    assert_eq!(at("/required"), &json!(["name", "base", "tasks"]));
    let recipe = "/properties/recipes/additionalProperties";
    assert_eq!(at(&format!("{recipe}/properties/warmup/maximum")), 1.0);
    assert_eq!(at(&format!("{recipe}/additionalProperties")), false);
    let merge = "/properties/merges/items";
    assert_eq!(at(&format!("{merge}/additionalProperties")), true);
    assert_eq!(at(&format!("{merge}/required")), &json!(["method"]));
    assert_eq!(
        at("/properties/base/properties/pretrain/required"),
        &json!(["dataset", "languages", "recipe"])
    );
    assert_eq!(
        at("/properties/statistics/properties/margin/additionalProperties/type"),
        "number"
    );
    assert_eq!(
        at("/properties/tasks/items/properties/metrics/type"),
        "array"
    );
}

fn schema() -> Value {
    let keys = keys();
    let mut root = table(&keys, "");
    let mut put = |path: &[&str], value: Value| {
        let mut place = &mut root;
        for part in path {
            place = &mut place["properties"][*part];
        }
        // What the key's row says stays as its description.
        let said = place["description"].take();
        *place = value;
        if said.is_string() {
            place["description"] = said;
        }
    };
    put(&["base"], table(&keys, "base"));
    put(&["base", "instruct"], table(&keys, "base.instruct"));
    put(&["base", "pretrain"], table(&keys, "base.pretrain"));
    put(
        &["recipes"],
        json!({"type": "object", "additionalProperties": table(&keys, "recipes.NAME")}),
    );
    for name in ["tasks", "experts", "merges"] {
        let items = table(&keys, &format!("[{name}]"));
        put(&[name], json!({"type": "array", "items": items}));
    }
    for name in [
        "combined",
        "sequential",
        "selection",
        "evaluation",
        "statistics",
    ] {
        put(&[name], table(&keys, name));
    }
    put(
        &["statistics", "margin"],
        json!({"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}}),
    );
    let mut whole = Map::new();
    whole.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    whole.insert(
        "title".to_owned(),
        json!("Manifest of a mergelab experiment"),
    );
    whole.extend(root.as_object().expect("an object").clone());
    Value::Object(whole)
}

/// A table of the manifest as an object.
fn table(keys: &[Key], name: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    let mut open = false;
    for key in keys.iter().filter(|key| key.table == name) {
        if key.name == "any other" {
            open = true;
            continue;
        }
        let plain = key.name.trim_matches(['[', ']']);
        let plain = plain
            .rsplit('.')
            .find(|part| *part != "NAME")
            .unwrap_or(plain);
        let mut property = kind(&key.kind);
        property["description"] = json!(plain_text(&key.meaning));
        properties.insert(plain.to_owned(), property);
        // "required, or `languages`" is one of two.
        if key.default == "required" || key.default == "at least one" {
            required.push(plain.to_owned());
        }
    }
    // Tables without rows of their own in the page's table of this one.
    if name == "base" {
        for inner in ["instruct", "pretrain"] {
            properties.entry(inner).or_insert(json!({}));
        }
    }
    if name == "[merges]" {
        open = true;
    }
    let mut object = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": open,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// A type of the page's as JSON Schema.
fn kind(words: &str) -> Value {
    let texts = json!({"anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]});
    let whole = json!({"type": "integer", "minimum": 0});
    match words {
        "text" => json!({"type": "string"}),
        "text…" => texts,
        "whole number" => whole,
        "list of whole numbers" => json!({"type": "array", "items": whole, "minItems": 2}),
        "whole number or list" => json!({"anyOf": [whole, {"type": "array", "items": whole}]}),
        "true or false" => json!({"type": "boolean"}),
        "table" => json!({"type": "object"}),
        "tables" => json!({}),
        "list" => json!({"type": "array", "items": {"anyOf": [
            {"type": "string"},
            {"type": "object", "required": ["metric"]},
        ]}}),
        "text or table" => json!({"type": ["string", "object"]}),
        "true, false or table" => json!({"type": ["boolean", "object"]}),
        other => ranged(other),
    }
}

/// `number`, with its range behind it.
fn ranged(words: &str) -> Value {
    if let Some(least) = words.strip_prefix("whole number from ") {
        let least: u64 = least.parse().expect("a whole number");
        return json!({"type": "integer", "minimum": least});
    }
    let rest = words
        .strip_prefix("number")
        .unwrap_or_else(|| panic!("the page has a type that is not known here: {words}"));
    let numbers: Vec<f64> = rest
        .split(|c: char| !(c.is_ascii_digit() || "e.-".contains(c)))
        .filter_map(|part| part.parse().ok())
        .collect();
    match (numbers[..].first(), numbers.get(1)) {
        (Some(least), Some(most)) if rest.contains("between") => {
            json!({"type": "number", "exclusiveMinimum": least, "exclusiveMaximum": most})
        }
        (Some(least), Some(most)) => json!({"type": "number", "minimum": least, "maximum": most}),
        _ => json!({"type": "number"}),
    }
}

/// Markdown without links and code marks.
fn plain_text(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let (start, name) = before.rsplit_once('[').unwrap_or((before, ""));
        plain.push_str(start);
        plain.push_str(name);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain.replace('`', "")
}
