//! The description of a run's tables for programs.

use crate::setting::{MANIFEST, Setting, bytes, rows};
use serde_json::Value;
use std::{collections::BTreeSet, fs};

#[test]
fn a_run_describes_its_tables() {
    let setting = Setting::new(MANIFEST);
    setting.complete(&[]);
    let out = setting.path("runs/small");
    let read =
        |name: &str| -> Value { serde_json::from_slice(&bytes(&out.join(name))).expect("JSON") };
    let package = read("datapackage.json");
    assert_eq!(package["profile"], "tabular-data-package");
    let resources = package["resources"].as_array().expect("a list");
    let files: BTreeSet<&str> = resources
        .iter()
        .filter_map(|r| r["path"].as_str())
        .collect();
    let there: BTreeSet<String> = fs::read_dir(&out)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .filter(|name| name.ends_with(".csv"))
        .collect();
    assert_eq!(files, there.iter().map(String::as_str).collect());
    for resource in resources {
        let file = resource["path"].as_str().expect("a path");
        let name = resource["name"].as_str().expect("a name");
        let content = bytes(&out.join(file));
        assert_eq!(resource["bytes"], content.len());
        assert!(
            resource["hash"]
                .as_str()
                .is_some_and(|h| h.starts_with("sha256:"))
        );
        let mut reader = csv::Reader::from_reader(&content[..]);
        let header = reader.headers().expect("a header").clone();
        let fields = resource["schema"]["fields"].as_array().expect("fields");
        let named: Vec<&str> = fields.iter().filter_map(|f| f["name"].as_str()).collect();
        assert_eq!(named, header.iter().collect::<Vec<_>>(), "{file}");
        let schema = read(&format!("schemas/{name}.json"));
        let properties = schema["properties"].as_object().expect("an object");
        let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(keys, named, "{file}");

        // What is said of the fields holds.
        let table = rows(&out.join(file));
        for row in &table {
            for field in fields {
                let name = field["name"].as_str().expect("a name");
                let text = row[name].as_str();
                let fits = match (field["type"].as_str().expect("a type"), text) {
                    (_, "") => field["constraints"]["required"] != true,
                    ("integer", text) => text.parse::<u64>().is_ok(),
                    ("number", text) => text.parse::<f64>().is_ok(),
                    ("boolean", text) => ["true", "false"].contains(&text),
                    ("object", text) => {
                        serde_json::from_str::<Value>(text).is_ok_and(|v| v.is_object())
                    }
                    _ => true,
                };
                assert!(fits, "{file}: {name} = {text:?}");
            }
        }
        if let Some(key) = resource["schema"]["primaryKey"].as_array() {
            let keys: BTreeSet<Vec<&str>> = table
                .iter()
                .map(|row| {
                    key.iter()
                        .map(|k| &*row[k.as_str().expect("a name")])
                        .collect()
                })
                .collect();
            assert_eq!(keys.len(), table.len(), "{file}: rows share a key");
        }
        for foreign in resource["schema"]["foreignKeys"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let text = |value: &Value| value.as_str().expect("a name").to_owned();
            let there = rows(&out.join(format!("{}.csv", text(&foreign["reference"]["resource"]))));
            let (own, other) = (
                text(&foreign["fields"][0]),
                text(&foreign["reference"]["fields"][0]),
            );
            let known: BTreeSet<&str> = there.iter().map(|row| row[&other].as_str()).collect();
            for row in table.iter().filter(|row| !row[&own].is_empty()) {
                assert!(
                    known.contains(row[&own].as_str()),
                    "{file}: {own} = {}",
                    row[&own]
                );
            }
        }
    }
    let sources = package["sources"].as_array().expect("sources");
    assert!(sources.iter().any(|s| {
        s["title"]
            .as_str()
            .is_some_and(|t| t.starts_with("generated-sentiment"))
    }));

    // A table that the next run has not is described no more.
    fs::write(out.join("schemas/selection.json"), "{}").expect("writable");
    setting.complete(&[]);
    assert!(!out.join("schemas/selection.json").exists());
}
