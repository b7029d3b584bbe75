//! From a name to a folder.

use std::path::PathBuf;

use crate::cache::ModelCache;
use crate::error::{HubError, Result};
use crate::name::HubModel;
use crate::request::Server;
use crate::settings::Settings;
use crate::transfer::Transfer;

/// Files besides the weights that mergelab reads or keeps.
const SIDE_FILES: [&str; 12] = [
    "config.json",
    "generation_config.json",
    "adapter_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "model.safetensors.index.json",
];

/// How far a file is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The file.
    pub file: &'a str,
    /// Bytes that are here.
    pub received: u64,
    /// Bytes in all.
    pub size: u64,
}

/// A hub and its cache.
///
/// ```no_run
/// use mergelab_hub::Hub;
/// let hub = Hub::from_env()?;
/// let folder = hub.fetch(&"hf://Qwen/Qwen2.5-0.5B@main".parse()?, |_| {})?.folder;
/// # Ok::<(), mergelab_hub::HubError>(())
/// ```
pub struct Hub {
    server: Server,
}

/// A model at a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The commit, which never moves.
    pub commit: String,
    /// Where the cache has its files, once they are fetched.
    pub folder: PathBuf,
    /// `hf://org/name@commit`: what names the model in results.
    pub name: String,
}

impl Hub {
    /// A hub as the environment describes it: see [`Settings::from_env`].
    ///
    /// # Errors
    /// As of [`Settings::from_env`].
    pub fn from_env() -> Result<Self> {
        Settings::from_env().map(Self::new)
    }

    /// A hub by its settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            server: Server::new(settings),
        }
    }

    /// The commit that a model's revision is now. A revision that is a commit needs no network; of
    /// another, the commit it was last is taken where the network is off or fails.
    ///
    /// # Errors
    /// If the hub has no such revision or refuses, or it cannot be reached and the revision is
    /// not in the cache.
    pub fn resolve(&self, model: &HubModel) -> Result<Resolved> {
        if model.is_pinned() {
            return Ok(self.resolved(model, &model.revision));
        }
        let cache = self.cache(model);
        let cached = cache.commit(&model.revision);
        if self.server.settings.offline {
            let commit = cached.ok_or_else(|| self.offline(model))?;
            return Ok(self.resolved(model, &commit));
        }
        // What is cached is better than a wait.
        let asked = self
            .server
            .describe(model, &model.revision, cached.is_none());
        match (asked, cached) {
            (Ok(answer), _) => {
                let commit = self.commit(model, &answer)?;
                cache.set_commit(&model.revision, &commit)?;
                Ok(self.resolved(model, &commit))
            }
            (Err(HubError::Unreachable { .. }), Some(commit)) => Ok(self.resolved(model, &commit)),
            (Err(error), _) => Err(error),
        }
    }

    /// Brings the files of a model into the cache, those that are not there yet, and says where
    /// they are.
    ///
    /// # Errors
    /// As [`resolve`](Hub::resolve); if a transfer breaks off too often or brings other content
    /// than the hub says; or if the disk refuses. What has arrived stays in the cache.
    pub fn fetch(
        &self,
        model: &HubModel,
        mut report: impl FnMut(Progress<'_>),
    ) -> Result<Resolved> {
        let resolved = self.resolve(model)?;
        let cache = self.cache(model);
        if cache.is_complete(&resolved.commit) {
            return Ok(resolved);
        }
        if self.server.settings.offline {
            return Err(self.offline(model));
        }
        let answer = self.server.describe(model, &resolved.commit, true)?;
        let all = answer["siblings"].as_array().into_iter().flatten();
        let names = all.filter_map(|file| file["rfilename"].as_str());
        let files: Vec<String> = names.filter(|n| is_wanted(n)).map(str::to_owned).collect();
        if !files.iter().any(|name| name.ends_with(".safetensors")) {
            return Err(HubError::NoWeights {
                model: model.to_string(),
                commit: resolved.commit,
            });
        }
        for file in &files {
            let transfer = Transfer {
                server: &self.server,
                cache: &cache,
                model,
                commit: &resolved.commit,
                file,
            };
            transfer.run(&mut report)?;
        }
        cache.set_complete(&resolved.commit, &files)?;
        Ok(resolved)
    }

    /// Whether the cache has all files of a model whose revision is a commit. Needs no network.
    pub fn is_here(&self, model: &HubModel) -> bool {
        self.cache(model).is_complete(&model.revision)
    }

    fn cache(&self, model: &HubModel) -> ModelCache {
        ModelCache::new(&self.server.settings.cache, model)
    }

    fn resolved(&self, model: &HubModel, commit: &str) -> Resolved {
        Resolved {
            commit: commit.to_owned(),
            folder: self.cache(model).snapshot(commit),
            name: format!("hf://{}@{commit}", model.repository),
        }
    }

    fn offline(&self, model: &HubModel) -> HubError {
        HubError::Unreachable {
            model: model.to_string(),
            reason: "HF_HUB_OFFLINE is set".into(),
            cache: self.server.settings.cache.clone(),
        }
    }

    fn commit(&self, model: &HubModel, answer: &serde_json::Value) -> Result<String> {
        let commit = answer["sha"].as_str().unwrap_or_default();
        let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_commit {
            return Err(HubError::Answer {
                model: model.to_string(),
                url: self.server.settings.endpoint.clone(),
                reason: format!("the hub gives \"{commit}\" for a commit; is HF_ENDPOINT a hub?"),
            });
        }
        Ok(commit.to_owned())
    }
}

/// Whether a file of a model is one that mergelab reads.
fn is_wanted(name: &str) -> bool {
    // Mistral's own format is beside Hugging Face's.
    let weights = name.ends_with(".safetensors") && !name.starts_with("consolidated");
    // A name becomes part of a path and of an address.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    name.bytes().all(plain) && !name.starts_with('.') && (weights || SIDE_FILES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_are_read_are_wanted() {
        for name in [
            "config.json",
            "model-00001-of-00002.safetensors",
            "adapter_model.safetensors",
        ] {
            assert!(is_wanted(name), "{name}");
        }
        for name in [
            "pytorch_model.bin",
            "consolidated.safetensors",
            "onnx/model.safetensors",
            "../x.safetensors",
            "README.md",
        ] {
            assert!(!is_wanted(name), "{name}");
        }
    }
}
