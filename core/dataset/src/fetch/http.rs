//! The network itself.

use super::{Request, Response, Transport};
use std::time::Duration;
use ureq::{Agent, http::header};

/// How long a server may take to answer, and to send the next bytes.
const PATIENCE: Duration = Duration::from_secs(60);

/// HTTP and HTTPS.
pub struct Http {
    agent: Agent,
}

impl Http {
    /// A client. Proxies are those of the environment (`HTTPS_PROXY`).
    pub fn new() -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .user_agent(concat!("mergelab/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Transport for Http {
    fn get(&self, request: &Request) -> Result<Response, String> {
        let mut call = self.agent.get(&request.url);
        if let Some(token) = &request.token {
            // Not sent on to other hosts: the agent drops it where it follows a redirect.
            call = call.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if request.from > 0 {
            call = call.header(header::RANGE, format!("bytes={}-", request.from));
        }
        let response = call.call().map_err(|e| e.to_string())?;
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Ok(Response {
            status: response.status().as_u16(),
            length: header("content-length").and_then(|length| length.parse().ok()),
            link: header("link"),
            body: Box::new(response.into_body().into_reader()),
        })
    }
}
