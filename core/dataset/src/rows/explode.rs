//! A row with parallel lists, as one row each.

use mergelab_abi::task::Row;
use serde_json::{Map, Value};

/// The rows that a row stands for. `field` has a table of lists of equal length (values that are no
/// list are the same for all), or a list of tables. Each row has one table there.
pub(super) fn exploded(raw: &Row, field: &str) -> Result<Vec<Row>, String> {
    let items: Vec<Value> = match raw.get(field) {
        None => return Err(format!("lacks `{field}`, which the card explodes")),
        Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(Value::Object(table)) => transposed(table, field)?,
        Some(other) => {
            return Err(format!(
                "`{field}` should be a table of lists or a list of tables, not {other}"
            ));
        }
    };
    let rows = items.into_iter().map(|item| {
        let mut row: Row = raw
            .iter()
            .filter(|(name, _)| *name != field)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        row.insert(field.to_owned(), item);
        row
    });
    Ok(rows.collect())
}

fn transposed(table: &Map<String, Value>, field: &str) -> Result<Vec<Value>, String> {
    let mut length: Option<(&str, usize)> = None;
    for (name, value) in table {
        let Value::Array(list) = value else { continue };
        match length {
            None => length = Some((name, list.len())),
            Some((first, known)) if known != list.len() => {
                return Err(format!(
                    "`{field}.{first}` has {known} items and `{field}.{name}` has {}: lists that \
                     are exploded have equal lengths",
                    list.len()
                ));
            }
            Some(_) => {}
        }
    }
    let Some((_, length)) = length else {
        return Err(format!("`{field}` has no list to explode"));
    };
    let item = |i: usize| {
        let values = table.iter().map(|(name, value)| {
            let value = match value {
                Value::Array(list) => list.get(i).cloned().unwrap_or_default(),
                other => other.clone(),
            };
            (name.clone(), value)
        });
        Value::Object(values.collect())
    };
    Ok((0..length).map(item).collect())
}

#[cfg(test)]
mod tests {
    use super::exploded;
    use serde_json::json;

    fn rows(raw: &serde_json::Value) -> Result<serde_json::Value, String> {
        let rows = exploded(raw.as_object().expect("an object"), "a")?;
        Ok(json!(rows))
    }

    #[test]
    fn lists_and_tables_become_rows() {
        let expected = json!([
            {"url": "u", "a": {"d": 1, "s": "x", "same": true}},
            {"url": "u", "a": {"d": 2, "s": "y", "same": true}},
        ]);
        let lists = json!({"url": "u", "a": {"d": [1, 2], "s": ["x", "y"], "same": true}});
        assert_eq!(rows(&lists), Ok(expected));
        let tables = json!({"url": "u", "a": [{"d": 1}, {"d": 2}]});
        let expected = json!([{"url": "u", "a": {"d": 1}}, {"url": "u", "a": {"d": 2}}]);
        assert_eq!(rows(&tables), Ok(expected));
        assert_eq!(rows(&json!({"a": null})), Ok(json!([])));
    }

    #[test]
    fn lists_of_unequal_length_are_refused() {
        let error = rows(&json!({"a": {"d": [1, 2], "s": ["x"]}})).expect_err("refused");
        assert!(
            error.contains("`a.d` has 2 items and `a.s` has 1"),
            "{error}"
        );
        let error = rows(&json!({"b": 1})).expect_err("refused");
        assert!(error.contains("lacks `a`"), "{error}");
        let error = rows(&json!({"a": {"d": 1}})).expect_err("refused");
        assert!(error.contains("no list"), "{error}");
    }
}
