//! JSON Schema of a table's rows.

use super::catalogue::Described;
use crate::tables::schema::{Kind, VERSION};
use serde_json::{Map, Value, json};

/// JSON Schema of a row of a table with this header, read as an object of typed values.
pub fn row_schema(table: &Described, header: &[String]) -> Value {
    let mut properties = Map::new();
    for name in header {
        let Some(column) = table.column(name) else {
            continue;
        };
        let mut property = Map::new();
        if let Some(word) = word(column.kind) {
            let kinds = match table.always(name) {
                true => json!(word),
                false => json!([word, "null"]),
            };
            property.insert("type".to_owned(), kinds);
        }
        property.insert("description".to_owned(), json!(column.meaning));
        if name == "schema" {
            property.insert("const".to_owned(), json!(VERSION));
        }
        properties.insert(name.clone(), Value::Object(property));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("A row of {}", table.file),
        "description": format!(
            "One row per {}. An empty field is null; text that begins with =, +, - or @ has an \
             apostrophe before it.",
            table.row
        ),
        "type": "object",
        "properties": properties,
        "required": header,
        "additionalProperties": false,
    })
}

/// The word of JSON Schema for a kind of field; none where it may be anything.
fn word(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text | Kind::Names => Some("string"),
        Kind::Json => Some("object"),
        Kind::Integer => Some("integer"),
        Kind::Float => Some("number"),
        Kind::Boolean => Some("boolean"),
        Kind::Any => None,
    }
}
