//! Names of models: `hf://org/name@revision`.

use std::fmt;
use std::str::FromStr;

use crate::error::{HubError, Result};

/// The scheme of names.
const SCHEME: &str = "hf://";

/// Whether a text is meant as the name of a model of a hub, and not as a path.
pub fn is_hub(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// A model of a hub at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubModel {
    /// `org/name`.
    pub repository: String,
    /// A branch, a tag or a commit.
    pub revision: String,
}

impl HubModel {
    /// Whether the revision is a commit, which never moves.
    pub fn is_pinned(&self) -> bool {
        self.revision.len() == 40 && self.revision.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

impl FromStr for HubModel {
    type Err = HubError;

    /// Reads `hf://org/name` (revision `main`) or `hf://org/name@revision`.
    fn from_str(text: &str) -> Result<Self> {
        let refuse = |reason| HubError::Name {
            text: text.to_owned(),
            reason,
        };
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| refuse("it does not begin with hf://"))?;
        let (repository, revision) = match rest.split_once('@') {
            Some((_, "")) => return Err(refuse("there is nothing after @")),
            Some((repository, revision)) => (repository, revision),
            None => (rest, "main"),
        };
        let parts: Vec<&str> = repository.split('/').collect();
        if parts.len() != 2 {
            return Err(refuse("it has not the two parts org/name"));
        }
        // These become parts of addresses and of paths.
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if !parts.iter().all(|part| plain(part)) {
            return Err(refuse("org and name have letters, digits, - _ and . alone"));
        }
        if !revision.split('/').all(plain) {
            return Err(refuse(
                "a revision has letters, digits, - _ . and / alone, and no part that begins with .",
            ));
        }
        Ok(Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
        })
    }
}

impl fmt::Display for HubModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}@{}", self.repository, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_with_and_without_a_revision() {
        let model: HubModel = "hf://Qwen/Qwen2.5-0.5B".parse().unwrap();
        assert_eq!(model.to_string(), "hf://Qwen/Qwen2.5-0.5B@main");
        assert!(!model.is_pinned());
        let model: HubModel = "hf://a/b@refs/pr/1".parse().unwrap();
        assert_eq!(model.revision, "refs/pr/1");
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert!(
            format!("hf://a/b@{commit}")
                .parse::<HubModel>()
                .unwrap()
                .is_pinned()
        );
    }

    #[test]
    fn refuses_what_would_leave_the_cache_or_the_address() {
        for text in [
            "a/b",
            "hf://a",
            "hf://a/b/c",
            "hf://a/b@",
            "hf://../b",
            "hf://a/b@../../x",
            "hf://a/b?x",
            "hf://a b/c",
        ] {
            let error = text.parse::<HubModel>().unwrap_err().to_string();
            assert!(error.contains("hf://org/name@revision"), "{error}");
        }
    }
}
