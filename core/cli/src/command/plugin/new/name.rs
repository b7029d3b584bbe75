//! The name of a new plugin, in each form that a crate needs.

use mergelab_abi::Kind;

/// A valid id.
pub(super) struct Name(String);

/// A name that cannot be an id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is no id for a plugin: it takes lower-case letters, digits and `_`, and starts with \
     a letter.{hint}"
)]
pub(super) struct InvalidName {
    name: String,
    hint: String,
}

fn is_id(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

impl Name {
    /// Reads a name. Dashes, which names of crates have, count as `_`.
    pub(super) fn parse(name: &str) -> Result<Self, InvalidName> {
        let id = name.replace('-', "_");
        if is_id(&id) {
            return Ok(Self(id));
        }
        let near: String = snake_case(&id);
        Err(InvalidName {
            name: name.to_owned(),
            hint: if is_id(&near) {
                format!(" Did you mean `{near}`?")
            } else {
                String::new()
            },
        })
    }

    /// As manifests write it: `my_method`.
    pub(super) fn id(&self) -> &str {
        &self.0
    }

    /// Name of the crate: `mergelab-method-my-method`.
    pub(super) fn package(&self, kind: Kind) -> String {
        format!("mergelab-{kind}-{}", self.0.replace('_', "-"))
    }

    /// Name of the Rust type: `MyMethod`, or `MyMethodPlugin` where `taken` has `MyMethod`.
    pub(super) fn type_name(&self, taken: &str) -> String {
        let camel: String = self
            .0
            .split('_')
            .flat_map(|word| {
                let mut chars = word.chars();
                chars
                    .next()
                    .map(|c| c.to_ascii_uppercase())
                    .into_iter()
                    .chain(chars)
            })
            .collect();
        let words = |c: char| !(c.is_alphanumeric() || c == '_');
        if camel == "Self" || taken.split(words).any(|word| word == camel) {
            format!("{camel}Plugin")
        } else {
            camel
        }
    }
}

/// `MyMethod` and `my method` as `my_method`.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    let mut after_small = false;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && after_small {
                out.push('_');
            }
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        after_small = c.is_ascii_lowercase();
    }
    out.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_name(name: &str) -> String {
        Name::parse(name)
            .map(|n| n.type_name("use sdk; fn merge(group: &Group) -> Result<Tensor>"))
            .unwrap_or_else(|e| e.to_string())
    }

    #[test]
    fn forms_of_a_name() {
        let name = Name::parse("my-method_2").expect("a valid name");
        assert_eq!(name.id(), "my_method_2");
        assert_eq!(name.package(Kind::Method), "mergelab-method-my-method-2");
        assert_eq!(type_name("my_method_2"), "MyMethod2");
    }

    #[test]
    fn a_type_does_not_hide_one_that_the_template_uses() {
        assert_eq!(type_name("tensor"), "TensorPlugin");
        assert_eq!(type_name("group"), "GroupPlugin");
        assert_eq!(type_name("self"), "SelfPlugin");
        assert_eq!(type_name("groups"), "Groups");
    }

    #[test]
    fn a_bad_name_is_refused_with_a_good_one() {
        let message = |name| {
            Name::parse(name)
                .map(|_| ())
                .expect_err("refused")
                .to_string()
        };
        for (name, near) in [("MyMethod", "my_method"), ("my method!", "my_method")] {
            let message = message(name);
            assert!(
                message.ends_with(&format!("Did you mean `{near}`?")),
                "{message}"
            );
        }
        assert_eq!(
            message("7"),
            "`7` is no id for a plugin: it takes lower-case letters, digits and `_`, and starts \
             with a letter."
        );
        for name in ["", "../x", "a/b", "_x", "é"] {
            assert!(Name::parse(name).is_err(), "{name}");
        }
    }
}
