//! Where files are downloaded from.

use std::fmt;

/// Where files are downloaded from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A dataset of a hub: `hf://datasets/org/name@revision`.
    Hub {
        /// `org/name`.
        repository: String,
        /// Branch, tag, commit or ref; `main` where none is named.
        revision: String,
    },
    /// The start of an address, with a slash at its end.
    Web(String),
}

impl Source {
    /// Reads a source.
    ///
    /// # Errors
    /// What is wrong with it, and how it is written.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("hf://") {
            let named = rest.strip_prefix("datasets/").unwrap_or("");
            let (repository, revision) = named.split_once('@').unwrap_or((named, "main"));
            let fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let names: Vec<&str> = repository.split('/').collect();
            let right = names.len() <= 2
                && names
                    .iter()
                    .all(|n| !n.is_empty() && !n.starts_with('.') && n.chars().all(fine));
            if !right || revision.is_empty() {
                return Err(format!(
                    "`{text}` should be hf://datasets/org/name, or with a revision \
                     hf://datasets/org/name@revision."
                ));
            }
            return Ok(Self::Hub {
                repository: repository.to_owned(),
                revision: revision.to_owned(),
            });
        }
        let local = ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"];
        let safe = text.starts_with("https://") || local.iter().any(|l| text.starts_with(l));
        match safe && text.ends_with('/') {
            true => Ok(Self::Web(text.to_owned())),
            false => Err(format!(
                "`{text}` should be hf://datasets/org/name@revision, or an https:// address with \
                 a slash at its end that the names of the files follow."
            )),
        }
    }

    /// Address of a file.
    pub(super) fn file(&self, endpoint: &str, name: &str) -> String {
        match self {
            Self::Hub {
                repository,
                revision,
            } => format!(
                "{endpoint}/datasets/{repository}/resolve/{}/{}",
                encoded(revision, ""),
                encoded(name, "/")
            ),
            Self::Web(base) => format!("{base}{}", encoded(name, "/")),
        }
    }

    /// Page about the set for people, where terms are accepted.
    pub(super) fn page(&self, endpoint: &str) -> String {
        match self {
            Self::Hub { repository, .. } => format!("{endpoint}/datasets/{repository}"),
            Self::Web(base) => base.clone(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub {
                repository,
                revision,
            } => write!(f, "hf://datasets/{repository}@{revision}"),
            Self::Web(base) => f.write_str(base),
        }
    }
}

/// Percent-encoding of all but letters, digits, `-`, `.`, `_`, `~` and what is `kept`.
pub(super) fn encoded(text: &str, kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let sign = char::from(byte);
        if sign.is_ascii_alphanumeric() || "-._~".contains(sign) || kept.contains(sign) {
            encoded.push(sign);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_read_and_become_addresses() {
        let hub = Source::parse("hf://datasets/org/a-set@refs/convert/parquet").expect("a source");
        assert_eq!(
            hub.file("https://hub.test", "de/train 1.parquet"),
            "https://hub.test/datasets/org/a-set/resolve/refs%2Fconvert%2Fparquet/de/train%201.parquet"
        );
        assert_eq!(
            hub.page("https://hub.test"),
            "https://hub.test/datasets/org/a-set"
        );
        let main = Source::parse("hf://datasets/set").expect("a source");
        assert_eq!(main.to_string(), "hf://datasets/set@main");
        let web = Source::parse("https://example.org/data/").expect("a source");
        assert_eq!(web.file("", "a/b.tsv"), "https://example.org/data/a/b.tsv");
    }

    #[test]
    fn what_is_no_source_is_refused() {
        for wrong in [
            "hf://models/org/name",
            "hf://datasets/",
            "hf://datasets/a/b/c",
            "hf://datasets/../b",
            "hf://datasets/a/b@",
            "http://example.org/data/",
            "https://example.org/data",
            "org/name",
        ] {
            let error = Source::parse(wrong).expect_err("refused");
            assert!(error.contains("hf://datasets/org/name"), "{error}");
        }
    }
}
