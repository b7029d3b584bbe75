//! The data package: what each file is, with its hash, types and relations.

use super::catalogue::Described;
use crate::{
    dataset::card::Record,
    tables::schema::{Kind, VERSION},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// One table as a resource. `bytes` are those of its file.
pub(super) fn resource(table: &Described, header: &[String], bytes: &[u8]) -> Value {
    let fields: Vec<Value> = header
        .iter()
        .filter_map(|name| Some(field(table, name, table.column(name)?)))
        .collect();
    let mut schema = Map::new();
    schema.insert("fields".to_owned(), json!(fields));
    schema.insert("missingValues".to_owned(), json!([""]));
    if !table.key.is_empty() {
        schema.insert("primaryKey".to_owned(), json!(table.key));
    }
    let foreign: Vec<Value> = table
        .references
        .iter()
        .map(|reference| {
            json!({
                "fields": [reference.column],
                "reference": {
                    "resource": reference.table.trim_end_matches(".csv"),
                    "fields": [reference.there],
                },
            })
        })
        .collect();
    if !foreign.is_empty() {
        schema.insert("foreignKeys".to_owned(), json!(foreign));
    }
    json!({
        "name": table.name(),
        "path": table.file,
        "profile": "tabular-data-resource",
        "description": format!("One row per {}.", table.row),
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": bytes.len(),
        "hash": format!("sha256:{}", hex(&Sha256::digest(bytes))),
        "dialect": {
            "delimiter": ",",
            "lineTerminator": "\n",
            "quoteChar": "\"",
            "doubleQuote": true,
            "header": true,
        },
        "schema": schema,
    })
}

/// All tables of a run.
pub(super) fn package(experiment: &str, resources: Vec<Value>, sources: &[Record]) -> Value {
    let name: String = experiment
        .to_lowercase()
        .chars()
        .map(|c| match c {
            c if c.is_ascii_alphanumeric() || "-_.".contains(c) => c,
            _ => '-',
        })
        .collect();
    let sources: Vec<Value> = sources.iter().map(source).collect();
    let mut package = json!({
        "name": name,
        "title": format!("Tables of the experiment {experiment}"),
        "profile": "tabular-data-package",
        "version": format!("{VERSION}"),
        "resources": resources,
    });
    if !sources.is_empty() {
        package["sources"] = json!(sources);
    }
    package
}

fn source(record: &Record) -> Value {
    let mut title = record.name.clone();
    if let Some(version) = &record.version {
        title.push_str(&format!(", version {version}"));
    }
    if let Some(licence) = &record.licence {
        title.push_str(&format!(", licence {licence}"));
    }
    let mut source = json!({ "title": title });
    if let Some(from) = record
        .source
        .as_deref()
        .filter(|from| from.starts_with("http"))
    {
        source["path"] = json!(from);
    }
    source
}

fn field(table: &Described, name: &str, column: &crate::tables::schema::Column) -> Value {
    let kind = match column.kind {
        Kind::Text | Kind::Names => "string",
        Kind::Json => "object",
        Kind::Integer => "integer",
        Kind::Float => "number",
        Kind::Boolean => "boolean",
        Kind::Any => "any",
    };
    let mut field = json!({
        "name": name,
        "type": kind,
        "description": column.meaning,
    });
    if column.kind == Kind::Boolean {
        field["trueValues"] = json!(["true"]);
        field["falseValues"] = json!(["false"]);
    }
    if table.always(name) {
        field["constraints"] = json!({ "required": true });
    }
    field
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
