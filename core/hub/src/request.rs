//! Requests to the hub, made again where the network or the hub fails for a moment.

use std::time::Duration;

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body, config::RedirectAuthHeaders};

use crate::error::{HubError, Result};
use crate::name::HubModel;
use crate::settings::Settings;

/// A server that sends nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Redirects from one address of the hub to another that are followed, as of renamed models.
const REDIRECTS: usize = 5;

/// What a hub answers to.
pub(crate) struct Client {
    pub(crate) settings: Settings,
    agent: Agent,
}

/// Size and name of a file's content.
pub(crate) struct Metadata {
    pub(crate) size: u64,
    pub(crate) etag: String,
}

/// Why a request brought nothing.
pub(crate) enum Trouble {
    /// It can be made again.
    Passing(String),
    /// It cannot.
    Lasting(HubError),
}

impl Client {
    pub(crate) fn new(settings: Settings) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::SameHost)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .user_agent(concat!("mergelab/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Self { settings, agent }
    }

    /// Does `attempt` until it succeeds, fails for good, or has failed `retries` times more than
    /// it got anywhere, which `progress` tells.
    pub(crate) fn persist<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, Trouble>,
        mut progress: impl FnMut() -> bool,
        give_up: impl FnOnce(String) -> HubError,
    ) -> Result<T> {
        let mut failures = 0;
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Passing(reason)) => {
                    failures = if progress() { 1 } else { failures + 1 };
                    if failures > self.settings.retries {
                        return Err(give_up(reason));
                    }
                    std::thread::sleep(self.settings.wait * (1 << (failures - 1).min(5)));
                }
            }
        }
    }

    /// What the hub says of a model at a revision: JSON.
    pub(crate) fn describe(
        &self,
        model: &HubModel,
        revision: &str,
    ) -> Result<serde_json::Value, Trouble> {
        let url = format!(
            "{}/api/models/{}/revision/{revision}",
            self.settings.endpoint, model.repository
        );
        let what = format!("model {} at revision {revision}", model.repository);
        let mut response = self.get(model, &url, None, &what)?;
        let text = response
            .body_mut()
            .read_to_string()
            .map_err(|error| Trouble::Passing(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| {
            Trouble::Lasting(HubError::Answer {
                model: model.to_string(),
                url,
                reason: format!("the hub's answer is not JSON: {error}"),
            })
        })
    }

    /// Address of a file at a commit.
    pub(crate) fn address(&self, model: &HubModel, commit: &str, file: &str) -> String {
        format!(
            "{}/{}/resolve/{commit}/{file}",
            self.settings.endpoint, model.repository
        )
    }

    /// Size and name of the content of a file.
    pub(crate) fn metadata(
        &self,
        model: &HubModel,
        commit: &str,
        file: &str,
    ) -> Result<Metadata, Trouble> {
        let mut url = self.address(model, commit, file);
        for _ in 0..REDIRECTS {
            // Large files are redirected to another host, whose own headers are not what is asked.
            let request = self
                .agent
                .head(&url)
                .config()
                .max_redirects(0)
                .build()
                .header("Accept-Encoding", "identity");
            let request = match &self.settings.token {
                Some(token) => request.header("Authorization", format!("Bearer {token}")),
                None => request,
            };
            let response = request.call().map_err(passing)?;
            let headers = response.headers();
            let header = |name: &str| text(headers, name);
            let etag = header("x-linked-etag").or_else(|| header("etag"));
            if response.status().is_redirection() && header("x-linked-etag").is_none() {
                match header("location") {
                    Some(location) if location.starts_with('/') => {
                        url = format!("{}{location}", self.settings.endpoint);
                        continue;
                    }
                    Some(location) if location.starts_with(&self.settings.endpoint) => {
                        url = location;
                        continue;
                    }
                    _ => {}
                }
            } else {
                self.check(model, response.status().as_u16(), &format!("file {file}"))?;
            }
            let size = header("x-linked-size").or_else(|| header("content-length"));
            let size = size.and_then(|size| size.parse().ok());
            let (Some(size), Some(etag)) = (size, etag) else {
                break;
            };
            return Ok(Metadata {
                size,
                etag: content_name(&etag).ok_or_else(|| self.senseless(model, &url))?,
            });
        }
        Err(self.senseless(model, &url))
    }

    fn senseless(&self, model: &HubModel, url: &str) -> Trouble {
        Trouble::Lasting(HubError::Answer {
            model: model.to_string(),
            url: url.to_owned(),
            reason: "the hub does not say what the file's size and etag are; is HF_ENDPOINT a hub?"
                .into(),
        })
    }

    /// Asks for a file, from a byte on.
    pub(crate) fn get(
        &self,
        model: &HubModel,
        url: &str,
        from: Option<u64>,
        what: &str,
    ) -> Result<Response<Body>, Trouble> {
        let mut request = self.agent.get(url).header("Accept-Encoding", "identity");
        if let Some(token) = &self.settings.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if let Some(from) = from {
            request = request.header("Range", format!("bytes={from}-"));
        }
        let response = request.call().map_err(passing)?;
        let status = response.status().as_u16();
        if status != 416 {
            self.check(model, status, what)?;
        }
        Ok(response)
    }

    fn check(&self, model: &HubModel, status: u16, what: &str) -> Result<(), Trouble> {
        match status {
            200..=399 => Ok(()),
            401 | 403 => Err(Trouble::Lasting(HubError::Refused {
                model: model.to_string(),
                status,
                with_token: self.settings.token.is_some(),
            })),
            404 => Err(Trouble::Lasting(HubError::Missing {
                model: model.to_string(),
                endpoint: self.settings.endpoint.clone(),
                what: what.to_owned(),
            })),
            408 | 429 | 500..=599 => Err(Trouble::Passing(format!("the hub answers {status}"))),
            _ => Err(Trouble::Lasting(HubError::Answer {
                model: model.to_string(),
                url: self.settings.endpoint.clone(),
                reason: format!("the hub answers {status} when asked for {what}"),
            })),
        }
    }
}

fn passing(error: ureq::Error) -> Trouble {
    Trouble::Passing(error.to_string())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// An etag without its quotes, if it can name a file.
fn content_name(etag: &str) -> Option<String> {
    let name = etag.trim().trim_start_matches("W/").trim_matches('"');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (!name.is_empty() && name.len() < 200 && name.bytes().all(plain)).then(|| name.to_owned())
}
