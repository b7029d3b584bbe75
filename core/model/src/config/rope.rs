//! How `config.json` describes the rotary angles.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The base of the rotary angles and how they are stretched.
#[derive(Clone, Debug, PartialEq)]
pub struct RopeConfig {
    /// The base.
    pub theta: f64,
    /// How the angles are stretched for long contexts.
    pub scaling: Option<RopeScaling>,
}

/// A stretching of the rotary angles for long contexts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rope_type", rename_all = "lowercase")]
pub enum RopeScaling {
    /// All angles are divided by `factor` (Chen et al., 2023, "Extending context window of large
    /// language models via positional interpolation").
    Linear {
        /// The divisor.
        factor: f64,
    },
    /// Llama 3's: low frequencies are divided by `factor`, high ones kept.
    Llama3 {
        /// Low frequencies are divided by this.
        factor: f64,
        /// Wavelengths above `original_max_position_embeddings / low_freq_factor` are stretched
        /// whole.
        low_freq_factor: f64,
        /// Wavelengths below `original_max_position_embeddings / high_freq_factor` are left alone.
        high_freq_factor: f64,
        /// The context length that the model was trained with first.
        original_max_position_embeddings: usize,
    },
}

impl RopeConfig {
    /// Angles that are not stretched.
    pub fn plain(theta: f64) -> Self {
        Self {
            theta,
            scaling: None,
        }
    }

    /// Reads an object such as `rope_scaling`: `rope_type` (`type` in old files), what that type
    /// needs, and perhaps `rope_theta`, for which `theta` stands where it is absent.
    pub(super) fn read(key: &str, object: &Value, theta: f64) -> Result<Self, String> {
        let number = |name: &str| object.get(name).and_then(Value::as_f64);
        let theta = number("rope_theta").unwrap_or(theta);
        if let Some(share) = number("partial_rotary_factor").filter(|share| *share != 1.0) {
            return Err(format!(
                "`{key}.partial_rotary_factor` is {share}; only whole heads are rotated"
            ));
        }
        let kind = object.get("rope_type").or(object.get("type"));
        let kind = kind.and_then(Value::as_str).unwrap_or("default");
        let scaling = match kind {
            "default" => None,
            "linear" | "llama3" => {
                let mut object = object.clone();
                object["rope_type"] = kind.into();
                let read = serde_json::from_value(object)
                    .map_err(|error| format!("`{key}` of `rope_type` \"{kind}\": {error}"))?;
                Some(check(key, read)?)
            }
            other => {
                return Err(format!(
                    "`{key}.rope_type` is \"{other}\", which is not supported; supported: \
                     default, linear, llama3"
                ));
            }
        };
        Ok(Self { theta, scaling })
    }

    /// The `rope_scaling` of `config.json`: null if nothing is stretched.
    pub(super) fn scaling_json(&self) -> Value {
        serde_json::to_value(&self.scaling).unwrap_or(Value::Null)
    }
}

fn check(key: &str, scaling: RopeScaling) -> Result<RopeScaling, String> {
    let (factor, bands_fit) = match &scaling {
        RopeScaling::Linear { factor } => (*factor, true),
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => (
            *factor,
            *low_freq_factor > 0.0
                && high_freq_factor > low_freq_factor
                && *original_max_position_embeddings > 0,
        ),
    };
    if !(factor >= 1.0 && factor.is_finite() && bands_fit) {
        return Err(format!(
            "`{key}`: `factor` must be at least 1 and `high_freq_factor` above `low_freq_factor`, \
             which is above 0"
        ));
    }
    Ok(scaling)
}
