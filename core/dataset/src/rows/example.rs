//! From a file's row to an example.

use crate::{
    card::Card,
    field::{Field, Place, at, text},
};
use mergelab_abi::task::Row;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Its id: the card's `id` field, or the row's number. Rows that were one row of
    /// the file have its id and their position in it, as `17.0`.
    pub id: String,
    /// Which examples it belongs together with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Its fields, under the names that tasks ask for.
    pub row: Row,
}

impl Card {
    /// Our code of the language of a row, and the set's own. `code` is the file's, where each
    /// language has files of its own.
    pub(super) fn row_language(
        &self,
        raw: &Row,
        code: Option<&str>,
        split: &str,
        row: u64,
    ) -> Result<(String, String), String> {
        if let Some(code) = code {
            return Ok((self.language(code).to_owned(), code.to_owned()));
        }
        let found = match self.fields.get("language") {
            Some(field) => field.value(
                raw,
                &Place {
                    split,
                    row,
                    language: "",
                    code: "",
                },
            )?,
            None => raw.get("language").cloned(),
        };
        match (found, &self.languages[..]) {
            (Some(Value::String(own)), _) => Ok((self.language(&own).to_owned(), own)),
            (Some(other), _) => Err(format!("the language should be a text, not {other}")),
            (None, [only]) => Ok((only.clone(), only.clone())),
            (None, _) => Err(
                "has no language, and the card lists several languages: map the field that has \
                 it under [fields], or put {code} into the names of the files"
                    .to_owned(),
            ),
        }
    }

    /// The example that a row makes, or `None` for one that the card leaves out.
    pub(super) fn example(
        &self,
        raw: &Row,
        place: &Place<'_>,
        position: Option<usize>,
    ) -> Result<Option<Example>, String> {
        let id = match self.fields.get("id") {
            Some(field) => field.value(raw, place)?,
            None => raw.get("id").cloned(),
        };
        let mut id = id.map_or_else(|| place.row.to_string(), |id| text(&id).into_owned());
        if let Some(position) = position {
            id = format!("{id}.{position}");
        }
        if self.skip_ids.contains(&id) {
            return Ok(None);
        }
        let cluster = self.cluster.as_ref().map(|c| c.value(raw, place));
        let cluster = cluster.transpose()?.flatten();
        let cluster = cluster.map(|cluster| text(&cluster).into_owned());
        let row = match self.fields.is_empty() {
            // A card without a mapping means that the file already has the tasks' names.
            true => raw.clone(),
            false => self.mapped(raw, place)?,
        };
        let empty = |name: &String| match row.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(_) => false,
        };
        if self.skip_empty.iter().any(empty) {
            return Ok(None);
        }
        Ok(Some(Example { id, cluster, row }))
    }

    fn mapped(&self, raw: &Row, place: &Place<'_>) -> Result<Row, String> {
        let mut row = Row::new();
        for (name, field) in &self.fields {
            if let Some(mut value) = field.value(raw, place)? {
                if name == "language" {
                    value = Value::from(place.language);
                }
                row.insert(name.clone(), value);
            }
        }
        Ok(row)
    }

    /// What the row shares with others of its group, in splits that are made.
    pub(super) fn group(
        &self,
        by: Option<&Field>,
        raw: &Row,
        place: &Place<'_>,
    ) -> Result<String, String> {
        let found = match by {
            Some(field) => field.value(raw, place)?,
            None => match self.fields.get("id") {
                Some(field) => field.value(raw, place)?,
                None => at(raw, "id").map(|v| v.into_owned()),
            },
        };
        match found.filter(|v| !v.is_null()) {
            Some(value) => Ok(text(&value).into_owned()),
            None if by.is_some() => Err(
                "lacks the field that splits are made by (`by` in [splits.made], or else \
                 `cluster`)"
                    .to_owned(),
            ),
            None => Ok(format!("{}:{}", place.code, place.row)),
        }
    }
}
