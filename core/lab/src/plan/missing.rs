//! What a plan speaks of and does not find on this machine: data, the base, a device.
//!
//! A plan is made all the same. In place of a content hash that is not known yet it has a
//! provisional one, and so have the keys of all stages that follow from it.

use super::spec::{Answerer, ExpertRef, SliceRef, TaskRows, What};
use serde::Serialize;
use std::{collections::BTreeSet, fmt, path::PathBuf};

/// Content hashes and keys are hex, so nothing that begins like this can equal one.
const PROVISIONAL: &str = "unknown-";

/// What stands for a content hash that is not known: as distinct as `what`.
pub(super) fn provisional(what: &str) -> String {
    let hash = blake3::hash(what.as_bytes()).to_hex();
    format!("{PROVISIONAL}{}", &hash[..32])
}

/// Whether a content hash or key stands for one that is not known.
pub fn is_provisional(key: &str) -> bool {
    key.starts_with(PROVISIONAL)
}

/// Whether a stage computes from something whose content is not known.
pub(super) fn waits(what: &What) -> bool {
    let slices = |slices: &[SliceRef]| slices.iter().any(|slice| is_provisional(&slice.hash));
    let rows = |rows: &TaskRows| slices(&rows.train) || slices(&rows.validation);
    let experts = |experts: &[ExpertRef]| experts.iter().any(|e| is_provisional(&e.key));
    match what {
        What::Pretrain(what) => slices(&what.train) || slices(&what.validation),
        What::Train(what) => is_provisional(&what.base) || what.rows.iter().any(rows),
        What::Merge(what) => is_provisional(&what.base) || experts(&what.experts),
        What::Vectors(what) => is_provisional(&what.base) || experts(&what.experts),
        What::Generate(what) => {
            let unknown = match &what.answerer {
                Answerer::Model { key, .. } => is_provisional(key),
                Answerer::Served(_) | Answerer::Trivial { .. } => false,
            };
            let shots = what.shots.as_ref().map(|shots| &shots.rows.hash);
            unknown
                || is_provisional(&what.rows.hash)
                || shots.is_some_and(|hash| is_provisional(hash))
        }
        What::Score(what) => is_provisional(&what.responses) || is_provisional(&what.rows.hash),
    }
}

/// Something that an experiment needs and that is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "missing", rename_all = "snake_case")]
pub enum Missing {
    /// Files of a data set. Their rows were not tried.
    Dataset {
        /// Its name.
        name: String,
        /// The first file that was looked for; may hold `*`.
        file: PathBuf,
        /// The splits that are needed and not there.
        splits: BTreeSet<String>,
        /// The languages that are needed and not there.
        languages: BTreeSet<String>,
        /// What brings the files.
        command: String,
    },
    /// The base, a model of a hub.
    Base {
        /// `hf://org/name@revision`.
        model: String,
        /// Its commit. `None` where the hub could not be asked, and was not asked before.
        commit: Option<String>,
    },
    /// The key of a server.
    Key {
        /// Name of the endpoint.
        endpoint: String,
        /// The environment variable that should hold it.
        variable: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The device, which this build has no code for.
    Device {
        /// Its name.
        name: String,
        /// The cargo feature that a build needs for it.
        feature: String,
    },
}

impl Missing {
    /// Whether a run can begin all the same: it fetches a base whose commit is known.
    pub fn is_fetched_by_run(&self) -> bool {
        matches!(
            self,
            Self::Base {
                commit: Some(_),
                ..
            }
        )
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dataset {
                name,
                file,
                splits,
                languages,
                command,
            } => {
                let list =
                    |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
                write!(
                    f,
                    "data set {name} ({}; {}): there is no file {}. Run `{command}`.",
                    list(splits),
                    list(languages),
                    file.display()
                )
            }
            Self::Base {
                model,
                commit: Some(commit),
            } => write!(
                f,
                "base {model}: its commit {commit} is not in the cache. `mergelab run` fetches it."
            ),
            Self::Base {
                model,
                commit: None,
            } => write!(
                f,
                "base {model}: its commit is unknown, as the hub cannot be asked. `mergelab run` \
                 fetches it when the hub can be reached."
            ),
            Self::Key {
                endpoint, reason, ..
            } => write!(f, "key of the endpoint {endpoint}: {reason}."),
            Self::Device { name, feature } => write!(
                f,
                "device {name}: this build does not support it. Build with `--features {feature}`."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provisional_hash_is_none_of_any_content() {
        let one = provisional("a");
        assert!(is_provisional(&one) && one != provisional("b"));
        assert_eq!(one, provisional("a"));
        assert!(!one.bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(!is_provisional(&blake3::hash(b"a").to_hex()));
    }
}
