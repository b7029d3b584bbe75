//! Requests, made again where the network or the server fails for a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ureq::http::{Response, header};
use ureq::{Agent, Body, RequestBuilder, config::RedirectAuthHeaders, typestate::WithoutBody};

use crate::error::{Result, TransferError};

/// A server that sends nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest pause is the first one times two to this power.
const DOUBLINGS: u32 = 5;

/// Asks for files over HTTP and HTTPS. Proxies are those of the environment (`HTTPS_PROXY`).
pub struct Client {
    agent: Agent,
    retries: u32,
    pause: Duration,
    interrupt: Arc<AtomicBool>,
}

/// A question for what is at an address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The address.
    pub url: &'a str,
    /// Sent to the address's host, and to no other that it redirects to.
    pub token: Option<&'a str>,
    /// First byte that is wanted.
    pub from: u64,
}

impl Client {
    /// A client that asks as many times more as `retries` says, after `pause` at first and twice as
    /// long each time, unless `interrupt` is set.
    pub fn new(retries: u32, pause: Duration, interrupt: Arc<AtomicBool>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .user_agent(concat!("mergelab/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self {
            agent,
            retries,
            pause,
            interrupt,
        }
    }

    /// Does `attempt` until it succeeds, fails for good, or has failed for the moment more often
    /// than is allowed since it last got anywhere, which `progress` tells.
    ///
    /// # Errors
    /// The attempt's last, or that it was interrupted.
    pub fn persist<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T>,
        mut progress: impl FnMut() -> bool,
    ) -> Result<T> {
        let mut failures = 0;
        loop {
            let error = match attempt() {
                Err(error @ TransferError::Passing { .. }) => error,
                other => return other,
            };
            failures = if progress() { 1 } else { failures + 1 };
            if failures > self.retries {
                return Err(error);
            }
            self.check_interrupt()?;
            std::thread::sleep(self.pause * (1 << (failures - 1).min(DOUBLINGS)));
        }
    }

    /// Asks once. The answer has a status of success.
    ///
    /// # Errors
    /// Another status, or no answer.
    pub fn get(&self, request: Request<'_>) -> Result<Response<Body>> {
        let mut call = with_token(self.agent.get(request.url), request.token);
        if request.from > 0 {
            call = call.header(header::RANGE, format!("bytes={}-", request.from));
        }
        let response = call.call().map_err(TransferError::passing)?;
        check(response.status().as_u16())?;
        Ok(response)
    }

    /// Asks once for the headers alone, of the address itself where it redirects. Redirects are
    /// answers too.
    ///
    /// # Errors
    /// A status that is neither success nor redirect, or no answer.
    pub fn head(&self, url: &str, token: Option<&str>) -> Result<Response<Body>> {
        let call = self.agent.head(url).config().max_redirects(0).build();
        let response = with_token(call, token)
            .call()
            .map_err(TransferError::passing)?;
        if !response.status().is_redirection() {
            check(response.status().as_u16())?;
        }
        Ok(response)
    }

    /// Whether it was told to stop.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    pub(crate) fn check_interrupt(&self) -> Result<()> {
        match self.is_interrupted() {
            true => Err(TransferError::Interrupted),
            false => Ok(()),
        }
    }
}

fn with_token(
    call: RequestBuilder<WithoutBody>,
    token: Option<&str>,
) -> RequestBuilder<WithoutBody> {
    // Compressed on the way, a body's bytes would not be those that a range counts.
    let call = call.header(header::ACCEPT_ENCODING, "identity");
    match token {
        Some(token) => call.header(header::AUTHORIZATION, format!("Bearer {token}")),
        None => call,
    }
}

fn check(status: u16) -> Result<()> {
    match status {
        200..=299 => Ok(()),
        408 | 429 | 500..=599 => Err(TransferError::Passing {
            status: Some(status),
            reason: format!("the server answers {status}"),
        }),
        _ => Err(TransferError::Status(status)),
    }
}
