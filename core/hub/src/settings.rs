//! Which hub, who asks, and where the cache is.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{HubError, Result};

/// What a [`Hub`](crate::Hub) needs to know.
#[derive(Clone)]
pub struct Settings {
    /// Address of the hub, without a slash at its end.
    pub endpoint: String,
    /// Sent to the hub, and to no other host.
    pub token: Option<String>,
    /// Folder of the cache.
    pub cache: PathBuf,
    /// Whether to use the cache alone.
    pub offline: bool,
    /// Times that a request is made again after the network or the hub failed.
    pub retries: u32,
    /// Wait before the first of them; each next one waits twice as long.
    pub wait: Duration,
}

impl Settings {
    /// The settings that `huggingface_hub` has too: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE`,
    /// and `HF_HUB_CACHE`, or `HF_HOME` with `hub` in it, for the cache.
    ///
    /// # Errors
    /// If `HF_ENDPOINT` is not an address, or no folder for the cache is known.
    pub fn from_env() -> Result<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let endpoint = given("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".into());
        let endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(HubError::Setting {
                variable: "HF_ENDPOINT",
                reason: format!(
                    "\"{endpoint}\" is not an address; it begins with https:// or http://"
                ),
            });
        }
        let in_home = || {
            let cache = given("XDG_CACHE_HOME").map(PathBuf::from);
            cache.or_else(|| Some(PathBuf::from(given("HOME")?).join(".cache")))
        };
        let cache = given("HF_HUB_CACHE")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(given("HF_HOME")?).join("hub")))
            .or_else(|| Some(in_home()?.join("huggingface").join("hub")))
            .ok_or_else(|| HubError::Setting {
                variable: "HF_HOME",
                reason: "neither it nor HOME is set; name a folder for the cache".into(),
            })?;
        let offline = given("HF_HUB_OFFLINE").is_some_and(|value| {
            !matches!(value.to_lowercase().as_str(), "0" | "false" | "no" | "off")
        });
        Ok(Self {
            endpoint,
            token: given("HF_TOKEN").map(|token| token.trim().to_owned()),
            cache,
            offline,
            retries: 4,
            wait: Duration::from_secs(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings> {
        Settings::from_variables(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_where_huggingface_hub_has_it() {
        let cache = |variables: &[(&str, &str)]| read(variables).unwrap().cache;
        let home = ("HOME", "/home/a");
        assert_eq!(
            cache(&[home]),
            PathBuf::from("/home/a/.cache/huggingface/hub")
        );
        assert_eq!(cache(&[home, ("HF_HOME", "/hf")]), PathBuf::from("/hf/hub"));
        let exact = ("HF_HUB_CACHE", "/c");
        assert_eq!(
            cache(&[home, ("HF_HOME", "/hf"), exact]),
            PathBuf::from("/c")
        );
        assert!(read(&[]).is_err());
    }

    #[test]
    fn an_endpoint_is_an_address() {
        let settings = read(&[("HF_ENDPOINT", "http://localhost:1/"), ("HOME", "/")]).unwrap();
        assert_eq!(settings.endpoint, "http://localhost:1");
        assert!(!settings.offline && settings.token.is_none());
        assert!(read(&[("HF_ENDPOINT", "localhost"), ("HOME", "/")]).is_err());
        assert!(
            read(&[("HF_HUB_OFFLINE", "1"), ("HOME", "/")])
                .unwrap()
                .offline
        );
    }
}
