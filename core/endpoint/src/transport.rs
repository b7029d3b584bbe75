//! The network, which tests replace.

use crate::address::Address;
use crate::key::Key;
use std::io::{ErrorKind, Read as _};
use std::time::Duration;
use ureq::{Agent, http::HeaderMap};

/// Bytes of an answer, after which something is wrong.
const LONGEST: u64 = 256 << 20;

/// A call of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// What follows the address, such as `completions`.
    pub name: &'a str,
    /// The body, as JSON. A call without one is a GET.
    pub body: Option<&'a str>,
}

/// What a server said, whatever the status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The header `retry-after-ms`.
    pub retry_after_ms: Option<String>,
    /// The body, without the key.
    pub text: String,
}

/// What carries calls to a server.
pub trait Transport: Send + Sync {
    /// Makes a call.
    ///
    /// # Errors
    /// There is no answer, or not all of it; says why.
    fn send(&self, call: &Call<'_>) -> Result<Reply, String>;
}

/// HTTP and HTTPS.
#[derive(Debug)]
pub struct Http {
    agent: Agent,
    address: Address,
    key: Option<Key>,
    timeout: Duration,
}

impl Http {
    /// A client of one server. Proxies are those of the environment, but for servers on this
    /// machine.
    pub fn new(address: Address, key: Option<Key>, timeout: Duration, connections: usize) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would take the key elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections_per_host(connections)
            .timeout_global(Some(timeout))
            .user_agent(concat!("mergelab/", env!("CARGO_PKG_VERSION")));
        if address.is_local() {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().into(),
            address,
            key,
            timeout,
        }
    }

    fn reason(&self, error: &ureq::Error) -> String {
        let late = || format!("no whole answer within {} s", self.timeout.as_secs_f64());
        let text = match error {
            ureq::Error::Timeout(_) => late(),
            ureq::Error::HostNotFound => "the host is not known".to_owned(),
            ureq::Error::Io(e) => self.io(e),
            other => other.to_string(),
        };
        self.hidden(&text)
    }

    fn io(&self, error: &std::io::Error) -> String {
        match error.kind() {
            ErrorKind::ConnectionRefused => "the connection was refused".to_owned(),
            ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
            ErrorKind::UnexpectedEof => "the connection was closed within the answer".to_owned(),
            // Of the body, a time limit comes as an error of reading.
            ErrorKind::TimedOut => {
                format!("no whole answer within {} s", self.timeout.as_secs_f64())
            }
            _ => error.to_string(),
        }
    }

    fn hidden(&self, text: &str) -> String {
        match &self.key {
            Some(key) => key.hide(text),
            None => text.to_owned(),
        }
    }
}

impl Transport for Http {
    fn send(&self, call: &Call<'_>) -> Result<Reply, String> {
        let url = format!("{}/{}", self.address, call.name);
        let authorization = self.key.as_ref().map(Key::header);
        let result = match call.body {
            Some(body) => {
                let mut request = self
                    .agent
                    .post(&url)
                    .header("Content-Type", "application/json");
                if let Some(key) = &authorization {
                    request = request.header("Authorization", key);
                }
                request.send(body)
            }
            None => {
                let mut request = self.agent.get(&url);
                if let Some(key) = &authorization {
                    request = request.header("Authorization", key);
                }
                request.call()
            }
        };
        let response = result.map_err(|e| self.reason(&e))?;
        let status = response.status().as_u16();
        let header = |name: &str| header(response.headers(), name);
        let (retry_after, retry_after_ms) = (header("retry-after"), header("retry-after-ms"));
        let mut body = Vec::new();
        let mut reader = response.into_body().into_reader().take(LONGEST + 1);
        reader
            .read_to_end(&mut body)
            .map_err(|e| self.hidden(&self.io(&e)))?;
        if body.len() as u64 > LONGEST {
            return Err(format!("the answer has more than {} MiB", LONGEST >> 20));
        }
        Ok(Reply {
            status,
            retry_after,
            retry_after_ms,
            text: self.hidden(&String::from_utf8_lossy(&body)),
        })
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
