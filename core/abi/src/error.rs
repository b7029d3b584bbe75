//! The error that crosses the boundary.

use serde::{Deserialize, Serialize};

/// What went wrong inside a plugin or inside a host operation that a plugin called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PluginError {
    /// A parameter is unknown, has the wrong type, or is out of range.
    #[error("{message}")]
    Parameter {
        /// Name of the parameter.
        parameter: String,
        /// What is wrong with it and what to write instead.
        message: String,
    },
    /// The input does not fit: a missing base, a row without a field, shapes that differ.
    #[error("{message}")]
    Input {
        /// What is wrong with it.
        message: String,
    },
    /// The plugin panicked. The panic was caught at the boundary.
    #[error("the plugin panicked: {message}")]
    Panic {
        /// The panic's message.
        message: String,
    },
    /// Anything else, in the plugin's words.
    #[error("{message}")]
    Failed {
        /// What happened.
        message: String,
    },
}

impl PluginError {
    /// An error about input that does not fit.
    pub fn input(message: impl Into<String>) -> Self {
        Self::Input {
            message: message.into(),
        }
    }

    /// An error about one parameter.
    pub fn parameter(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Parameter {
            parameter: parameter.into(),
            message: message.into(),
        }
    }

    /// An error that fits no other kind.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed {
            message: message.into(),
        }
    }

    /// The error for a caught panic.
    pub fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Self::Panic { message }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_else(|_| {
            Self::failed(format!(
                "the plugin returned an error that cannot be read: {}",
                String::from_utf8_lossy(bytes)
            ))
        })
    }
}
