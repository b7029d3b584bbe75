//! A vocabulary with the tokens of several.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::Tokenizer;

impl Tokenizer {
    /// This vocabulary with the tokens that only others have, and then those of `more`.
    ///
    /// New tokens get the next ids, in the order of `others` and of their ids there, so every id of
    /// this one stays. How they come to be found in a text:
    ///
    /// - Tokens that are added tokens where they come from (`<|im_start|>`) become added tokens, as
    ///   do those of `more`.
    /// - Between two BPE vocabularies a piece goes into the vocabulary, with the merges that make
    ///   it, after all merges that are there already.
    /// - Any other piece becomes an added token: scores of two Unigram vocabularies are not
    ///   comparable. Such a piece is found only where the text holds it literally.
    pub fn union(&self, others: &[&Tokenizer], more: &[&str]) -> Tokenizer {
        let mut union = self.clone();
        let mut pieces = Vec::new();
        let mut added = Vec::new();
        for other in others {
            let entries = other.json["added_tokens"].as_array();
            let entry = |id: usize, token: &str| {
                let mut entries = entries.into_iter().flatten();
                entries.find(|e| e["content"] == token && e["id"] == id)
            };
            let grows = union.is_bpe() && other.is_bpe();
            let mut new = HashSet::new();
            for (id, token) in other.tokens() {
                if union.ids.contains_key(token) {
                    continue;
                }
                let place = union.append(token);
                match entry(id, token) {
                    Some(entry) => {
                        let mut entry = entry.clone();
                        entry["id"] = json!(place);
                        added.push(entry);
                    }
                    None if grows => {
                        new.insert(token);
                        pieces.push((token.to_owned(), place));
                    }
                    None => added.push(plain(token, place)),
                }
            }
            if !new.is_empty() {
                union.add_merges(other, &new);
            }
        }
        for token in more {
            if !union.ids.contains_key(*token) {
                let place = union.append(token);
                added.push(plain(token, place));
            }
        }
        union.write(pieces, added);
        union
    }

    /// Gives a token the next id.
    fn append(&mut self, token: &str) -> usize {
        let place = self.len;
        self.ids.insert(token.to_owned(), place);
        self.len += 1;
        place
    }

    fn is_bpe(&self) -> bool {
        let model = &self.json["model"];
        // Older files do not name the type; only BPE has merges.
        model["vocab"].is_object() && model["merges"].is_array()
    }

    fn write(&mut self, pieces: Vec<(String, usize)>, added: Vec<Value>) {
        let Value::Object(root) = &mut self.json else {
            return;
        };
        let list = root
            .entry("added_tokens")
            .or_insert_with(|| Value::Array(Vec::new()));
        if !list.is_array() {
            *list = Value::Array(Vec::new());
        }
        let mut reserved: Vec<(String, usize)> = Vec::new();
        if let Value::Array(list) = list {
            list.extend(added);
            // A reader of the file numbers added tokens that are not in the vocabulary from its
            // size on. When the vocabulary grows, their ids hold only if it has them too.
            if !pieces.is_empty() {
                reserved = list
                    .iter()
                    .filter_map(|entry| {
                        let token = entry["content"].as_str()?;
                        Some((token.to_owned(), *self.ids.get(token)?))
                    })
                    .collect();
            }
        }
        if let Some(Value::Object(vocab)) = self.json.pointer_mut("/model/vocab") {
            let mut entries: Vec<(String, usize)> = pieces.into_iter().chain(reserved).collect();
            entries.sort_by_key(|(_, id)| *id);
            let missing: Map<String, Value> = entries
                .into_iter()
                .filter(|(token, _)| !vocab.contains_key(token))
                .map(|(token, id)| (token, json!(id)))
                .collect();
            vocab.extend(missing);
        }
    }

    /// Takes over the merges that make `new` pieces.
    fn add_merges(&mut self, other: &Tokenizer, new: &HashSet<&str>) {
        let prefix = other.json["model"]["continuing_subword_prefix"].as_str();
        let prefix = prefix.unwrap_or("").to_owned();
        let pairs = self.json["model"]["merges"]
            .as_array()
            .is_some_and(|merges| merges.first().is_none_or(Value::is_array));
        let merges = other.json["model"]["merges"].as_array();
        let mut taken = Vec::new();
        for merge in merges.into_iter().flatten() {
            let Some((left, right)) = parts(merge) else {
                continue;
            };
            let joined = format!("{left}{}", right.strip_prefix(&prefix).unwrap_or(right));
            let known = self.ids.contains_key(left) && self.ids.contains_key(right);
            if !known || !new.contains(joined.as_str()) {
                continue;
            }
            if pairs {
                taken.push(json!([left, right]));
            } else if !left.contains(' ') && !right.contains(' ') {
                taken.push(json!(format!("{left} {right}")));
            }
        }
        if let Some(Value::Array(merges)) = self.json.pointer_mut("/model/merges") {
            merges.extend(taken);
        }
    }
}

/// The two halves of a merge, which is `"a b"` in older files and `["a", "b"]` in newer ones.
fn parts(merge: &Value) -> Option<(&str, &str)> {
    match merge {
        Value::String(text) => text.split_once(' '),
        Value::Array(_) => Some((merge.get(0)?.as_str()?, merge.get(1)?.as_str()?)),
        _ => None,
    }
}

/// An added token that is no control token.
fn plain(token: &str, id: usize) -> Value {
    json!({
        "id": id,
        "content": token,
        "single_word": false,
        "lstrip": false,
        "rstrip": false,
        "normalized": true,
        "special": false,
    })
}
