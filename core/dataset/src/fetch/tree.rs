//! The list of a hub's files.

use super::{Fetch, FetchError, Listed, Source, source::encoded};
use mergelab_transfer::Request;
use serde::{Deserialize, de::DeserializeOwned};
use std::{collections::BTreeMap, io::Read as _};

/// Pages of a list, after which something is wrong.
const PAGES: usize = 1000;
/// Bytes of a page, after which something is wrong.
const PAGE: u64 = 64 << 20;

/// One entry of a list. Its other keys do not matter here.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

/// A state of a dataset.
#[derive(Deserialize)]
struct State {
    sha: String,
}

/// Large files are stored by their SHA-256.
#[derive(Deserialize)]
struct Lfs {
    oid: String,
}

impl Fetch<'_> {
    /// The source with its revision as a commit, so that all files are of one state of the set.
    pub(super) fn resolved(
        &self,
        source: Source,
        gated: bool,
    ) -> Result<(Source, Option<String>), FetchError> {
        let Source::Hub {
            repository,
            revision,
        } = &source
        else {
            return Ok((source, None));
        };
        let hex = |c: char| c.is_ascii_hexdigit();
        if revision.len() == 40 && revision.chars().all(hex) {
            let commit = revision.clone();
            return Ok((source, Some(commit)));
        }
        let url = format!(
            "{}/api/datasets/{repository}/revision/{}",
            self.endpoint,
            encoded(revision, "")
        );
        let (state, _): (State, _) = self.json(&source, gated, &url)?;
        let resolved = Source::Hub {
            repository: repository.clone(),
            revision: state.sha.clone(),
        };
        Ok((resolved, Some(state.sha)))
    }

    /// All files of a hub's dataset, by name.
    pub(super) fn tree(
        &self,
        source: &Source,
        gated: bool,
    ) -> Result<BTreeMap<String, Listed>, FetchError> {
        let Source::Hub {
            repository,
            revision,
        } = source
        else {
            return Err(FetchError::Source(format!(
                "{source} has no list of files: name each file under [splits], without `*`"
            )));
        };
        let mut url = Some(format!(
            "{}/api/datasets/{repository}/tree/{}?recursive=true",
            self.endpoint,
            encoded(revision, "")
        ));
        let mut files = BTreeMap::new();
        for _ in 0..PAGES {
            let Some(page) = url.take() else { break };
            let (entries, next): (Vec<Entry>, _) = self.json(source, gated, &page)?;
            for entry in entries.into_iter().filter(|e| e.kind == "file") {
                let listed = Listed {
                    bytes: entry.size,
                    sha256: entry.lfs.map(|lfs| lfs.oid),
                };
                files.insert(entry.path, listed);
            }
            // The token goes to the hub alone, and so does the next question.
            url = next.filter(|next| next.starts_with(&self.endpoint));
        }
        Ok(files)
    }

    /// JSON at an address of the hub, and the address of the next page.
    fn json<T: DeserializeOwned>(
        &self,
        source: &Source,
        gated: bool,
        url: &str,
    ) -> Result<(T, Option<String>), FetchError> {
        let request = Request {
            url,
            token: self.token.as_deref(),
            from: 0,
        };
        let response = self.client.persist(|| self.client.get(request), || false);
        let response = response.map_err(|e| self.refusal(e, source, gated, url))?;
        let link = response.headers().get("link").cloned();
        let list = |message: String| FetchError::List {
            url: url.to_owned(),
            message,
        };
        let mut content = Vec::new();
        response
            .into_body()
            .into_reader()
            .take(PAGE)
            .read_to_end(&mut content)
            .map_err(|e| list(e.to_string()))?;
        let value = serde_json::from_slice(&content).map_err(|e| list(e.to_string()))?;
        let link = link.as_ref().and_then(|link| link.to_str().ok());
        Ok((value, link.and_then(next)))
    }
}

/// The address of the next page in a `Link` header.
fn next(link: &str) -> Option<String> {
    let mut parts = link.split(',').map(str::trim);
    let part = parts.find(|part| part.contains("rel=\"next\""))?;
    let (address, _) = part.strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_next_page_is_found() {
        let link = r#"<https://a/b?cursor=x>; rel="next", <https://a/b>; rel="first""#;
        assert_eq!(super::next(link).as_deref(), Some("https://a/b?cursor=x"));
        assert_eq!(super::next(r#"<https://a/b>; rel="first""#), None);
    }
}
