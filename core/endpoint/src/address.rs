//! Where a server is.

use crate::error::{EndpointError, Result};
use std::fmt;
use std::str::FromStr;

/// The address that the names of the interface follow, such as `http://127.0.0.1:8000/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// The address as text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the server is on this machine.
    pub fn is_local(&self) -> bool {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host == "::1" || host.starts_with("127.")
    }
}

impl FromStr for Address {
    type Err = EndpointError;

    /// Reads an address. One that holds a secret is refused, as it is part of tables.
    fn from_str(text: &str) -> Result<Self> {
        let address = text.trim().trim_end_matches('/');
        let refuse = |shown: &str, reason: &str| {
            Err(EndpointError::Address {
                address: shown.to_owned(),
                reason: reason.to_owned(),
            })
        };
        let schemes = ["http://", "https://"];
        let rest = schemes
            .iter()
            .find_map(|scheme| text.trim().strip_prefix(scheme))
            .map(|rest| rest.trim_end_matches('/'));
        let Some(rest) = rest else {
            return refuse(text, "it begins with http:// or https://");
        };
        let host = rest.split('/').next().unwrap_or_default();
        if let Some((_, host)) = host.rsplit_once('@') {
            let reason = "it holds a name or password, which would be in every table: name an \
                          environment variable with the key instead";
            return refuse(&format!("…@{host}"), reason);
        }
        if rest.contains(['?', '#']) {
            let shown = address.split(['?', '#']).next().unwrap_or_default();
            return refuse(
                &format!("{shown}?…"),
                "what follows ? or # is not part of it",
            );
        }
        if host.is_empty() || text.contains(char::is_whitespace) {
            return refuse(text, "it has no host, or white space in it");
        }
        for call in ["/chat/completions", "/completions", "/models"] {
            if let Some(before) = address.strip_suffix(call) {
                return refuse(text, &format!("write what comes before {call}: {before}"));
            }
        }
        Ok(Self(address.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| text.parse::<Address>().map(|a| a.to_string());
        assert_eq!(
            read("http://127.0.0.1:8000/v1/").ok().as_deref(),
            Some("http://127.0.0.1:8000/v1")
        );
        assert!(read("https://api.example.org/v1").is_ok());
        for (text, word) in [
            ("127.0.0.1:8000", "begins with http"),
            ("http://", "no host"),
            ("http://a b/v1", "white space"),
            ("http://host/v1/chat/completions", "http://host/v1"),
            ("http://host/v1?key=a", "not part of it"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_secret_in_an_address_is_refused_and_not_shown() {
        for text in ["https://me:hunter2@host/v1", "https://host/v1?key=hunter2"] {
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        let local = |text: &str| text.parse::<Address>().is_ok_and(|a| a.is_local());
        assert!(
            local("http://localhost:1/v1") && local("http://[::1]:1") && local("http://127.0.0.1")
        );
        assert!(!local("http://127x.example.org") && !local("https://host/localhost"));
    }
}
