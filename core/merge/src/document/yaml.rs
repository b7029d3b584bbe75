//! YAML as a tree with positions.

use super::{Entry, Node, Raw};
use crate::recipe::{Position, RecipeError};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{Location, Spanned};
use std::fmt;
use std::path::Path;

/// Reads a YAML document.
///
/// # Errors
/// What is no YAML, a key given twice, a number that is not finite.
pub(crate) fn read_yaml(text: &str, file: &Path) -> Result<Node, RecipeError> {
    match serde_saphyr::from_str::<Spanned<Tree>>(text) {
        Ok(tree) => Ok(node(tree)),
        Err(error) => {
            let at = error.location().map_or(Position::default(), position);
            let text = error.without_snippet().to_string();
            // Their message ends with the position, which ours starts with.
            let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
            Err(RecipeError {
                file: Some(file.to_owned()),
                at,
                message,
            })
        }
    }
}

fn position(location: Location) -> Position {
    Position {
        line: location.line() as usize,
        column: location.column() as usize,
    }
}

fn node(tree: Spanned<Tree>) -> Node {
    let raw = match tree.value {
        Tree::Scalar(value) => Raw::Scalar(value),
        Tree::List(items) => Raw::List(items.into_iter().map(node).collect()),
        Tree::Table(entries) => Raw::Table(
            entries
                .into_iter()
                .map(|(key, value)| Entry {
                    key: key.value,
                    at: position(key.referenced),
                    value: node(value),
                })
                .collect(),
        ),
    };
    Node {
        raw,
        at: position(tree.referenced),
    }
}

/// What serde is asked for: [`Spanned`] at every level, and tables in the order of the file.
enum Tree {
    Scalar(Value),
    List(Vec<Spanned<Tree>>),
    Table(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a table")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::from(value)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        Number::from_f64(value)
            .map(|number| Tree::Scalar(Value::Number(number)))
            .ok_or_else(|| E::custom(format!("{value} is no finite number")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Scalar(Value::from(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut table = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            table.push(entry);
        }
        Ok(Tree::Table(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_order_are_those_of_the_file() {
        let text = "zeta: 1\nalpha:\n  - 0.5\n  - k: true\n    j: null\nt: [1e-3, yes please]\n";
        let node = read_yaml(text, Path::new("a.yml")).unwrap();
        let Raw::Table(entries) = &node.raw else {
            panic!("a table");
        };
        let keys: Vec<_> = entries
            .iter()
            .map(|e| (e.key.as_str(), e.at.line))
            .collect();
        assert_eq!(keys, [("zeta", 1), ("alpha", 2), ("t", 6)]);
        let Raw::List(items) = &entries[1].value.raw else {
            panic!("a list");
        };
        assert_eq!(items[1].at.line, 4);
        let json = serde_json::json!({
            "zeta": 1, "alpha": [0.5, {"k": true, "j": null}], "t": [0.001, "yes please"]
        });
        assert_eq!(node.to_json(), json);
    }

    #[test]
    fn faults_name_their_line() {
        for text in ["a: 1\nb: [\n", "a: 1\na: 2\n", "a: 1\nb: .nan\n"] {
            let error = read_yaml(text, Path::new("a.yml")).unwrap_err().to_string();
            assert!(error.starts_with("a.yml:"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
