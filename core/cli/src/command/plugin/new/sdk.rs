//! Where a new plugin gets mergelab-sdk from.

use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// Where mergelab-sdk comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sdk {
    /// The crate joins mergelab's own workspace, whose root this is.
    Workspace {
        /// The folder with the workspace's `Cargo.toml`.
        root: PathBuf,
    },
    /// A folder, as the crate's `Cargo.toml` names it.
    Path(PathBuf),
    /// The registry, in this program's version.
    Published,
}

impl Sdk {
    /// `given` is what the user asked for, `parent` the folder that the crate's folder is made in.
    pub(super) fn choose(given: Option<&Path>, parent: &Path) -> Result<Self, Failure> {
        if let Some(given) = given {
            let folder = [given.to_owned(), given.join("core/sdk")]
                .into_iter()
                .find(|folder| is_sdk(folder))
                .ok_or_else(|| {
                    Failure::refused(format!("{} is not mergelab-sdk", given.display())).help(
                        "give mergelab's source folder, or the folder core/sdk in it, to --sdk-path",
                    )
                })?;
            return Ok(Self::Path(absolute(&folder)?));
        }
        let parent = absolute(parent)?;
        if let Some(root) = source_root(&parent) {
            let below = parent.strip_prefix(root).unwrap_or(Path::new(""));
            if below.starts_with("plugins") && below.components().count() == 2 {
                return Ok(Self::Workspace {
                    root: root.to_owned(),
                });
            }
            // Relative, so that the source can be moved: up from the crate's folder to the root.
            let up: PathBuf = below.components().map(|_| "..").chain([".."]).collect();
            return Ok(Self::Path(up.join("core/sdk")));
        }
        if let Some(root) = source_root(&absolute(Path::new("."))?) {
            return Ok(Self::Path(root.join("core/sdk")));
        }
        Ok(Self::Published)
    }

    /// The value of `mergelab-sdk` under `[dependencies]`.
    pub(super) fn dependency(&self) -> String {
        match self {
            Sdk::Workspace { .. } => "{ workspace = true }".to_owned(),
            Sdk::Path(path) => {
                // A TOML string has the escapes of a JSON string.
                let path = serde_json::Value::from(path.to_string_lossy());
                format!("{{ path = {path} }}")
            }
            Sdk::Published => format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    path.canonicalize()
        .map_err(|e| Failure::refused(format!("{} cannot be found: {e}", path.display())))
}

fn is_sdk(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("Cargo.toml"))
        .is_ok_and(|text| text.lines().any(|l| l.trim() == "name = \"mergelab-sdk\""))
}

/// The folder of mergelab's source that holds `folder`.
fn source_root(folder: &Path) -> Option<&Path> {
    folder
        .ancestors()
        .find(|root| is_sdk(&root.join("core/sdk")))
}
