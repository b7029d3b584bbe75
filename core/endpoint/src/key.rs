//! The secret that a server asks for.

use crate::error::{EndpointError, Result};
use std::fmt;

/// What stands where the key would be.
const HIDDEN: &str = "[key]";

/// A key from an environment variable. It is sent to the server and shown nowhere.
#[derive(Clone)]
pub struct Key(String);

impl Key {
    /// Reads the key from an environment variable.
    ///
    /// # Errors
    /// The variable is not set, empty, or holds what cannot be sent.
    pub fn from_variable(name: &str) -> Result<Self> {
        Self::read(name, std::env::var(name).ok())
    }

    fn read(name: &str, value: Option<String>) -> Result<Self> {
        let refuse = |reason: &'static str| {
            Err(EndpointError::Key {
                variable: name.to_owned(),
                reason,
            })
        };
        let value = value.unwrap_or_default();
        let key = value.trim();
        if key.is_empty() {
            return refuse("is not set: set it to the key of the server");
        }
        if !key.bytes().all(|b| b.is_ascii_graphic()) {
            return refuse("holds white space or signs that no key has: set it to the key alone");
        }
        Ok(Self(key.to_owned()))
    }

    /// What is sent.
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A text with every trace of the key taken out: a server may send it back.
    pub(crate) fn hide(&self, text: &str) -> String {
        text.replace(&self.0, HIDDEN)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let key = Key::read("SECRET", Some(" sk-12 \n".into())).expect("a key");
        assert_eq!(format!("{key:?}"), "[key]");
        assert_eq!(key.hide("wrong key sk-12."), "wrong key [key].");
        assert_eq!(key.header(), "Bearer sk-12");
    }

    #[test]
    fn a_variable_that_holds_no_key_is_an_error_that_names_it() {
        for value in [None, Some("  ".to_owned()), Some("sk 12".to_owned())] {
            let error = Key::read("SECRET", value).expect_err("refused").to_string();
            assert!(error.contains("SECRET") && !error.contains("sk"), "{error}");
        }
    }
}
