//! `config.json` to a description of the computation.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::family::{AttentionBias, Traits, Windows};
use super::{ARCHITECTURES, Activation, Family, ModelConfig, RopeConfig};
use crate::error::{ModelError, Result};

/// What `config.json` may hold, as far as it bears on the computation.
#[derive(Deserialize)]
struct File {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    max_position_embeddings: Option<usize>,
    rms_norm_eps: Option<f64>,
    rope_theta: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    rope_local_base_freq: Option<f64>,
    query_pre_attn_scalar: Option<f64>,
    use_sliding_window: Option<bool>,
    max_window_layers: Option<usize>,
    sliding_window_pattern: Option<usize>,
    #[serde(rename = "_sliding_window_pattern")]
    private_pattern: Option<usize>,
    layer_types: Option<Vec<String>>,
    tie_word_embeddings: Option<bool>,
    bos_token_id: Option<u32>,
    eos_token_id: Option<Value>,
    initializer_range: Option<f64>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
}

/// The window that transformers fills in where `sliding_window` is absent (null means none).
const DEFAULT_WINDOW: usize = 4096;

/// Keys that change the computation in a way that is not supported, with the values that change
/// nothing besides null, and what to say of others.
const UNSUPPORTED: [(&str, &[f64], &str); 6] = [
    (
        "quantization_config",
        &[],
        "only plain weights are supported; save the model dequantised",
    ),
    (
        "attn_logit_softcapping",
        &[],
        "soft-capped attention is not supported",
    ),
    (
        "final_logit_softcapping",
        &[],
        "soft-capped logits are not supported",
    ),
    (
        "use_bidirectional_attention",
        &[0.0],
        "only attention to what comes before is supported",
    ),
    (
        "add_cross_attention",
        &[0.0],
        "attention to an encoder is not supported",
    ),
    (
        "partial_rotary_factor",
        &[1.0],
        "only whole heads are rotated",
    ),
];

impl ModelConfig {
    /// Reads `config.json` in `folder`.
    ///
    /// # Errors
    /// If the file cannot be read, lacks a key, or describes a model that this crate does not
    /// compute; the message names the key and its value.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("config.json");
        let text = std::fs::read_to_string(&path).map_err(ModelError::io(&path))?;
        let value = serde_json::from_str(&text).map_err(|error| ModelError::Config {
            path: path.clone(),
            reason: format!("is not JSON: {error}"),
        })?;
        Self::from_json(&value, &path)
    }

    /// As [`read`](ModelConfig::read), from parsed JSON; `path` is for messages.
    ///
    /// # Errors
    /// As [`read`](ModelConfig::read).
    pub fn from_json(value: &Value, path: &Path) -> Result<Self> {
        describe(value).map_err(|reason| ModelError::Config {
            path: path.to_path_buf(),
            reason,
        })
    }
}

fn describe(value: &Value) -> Result<ModelConfig, String> {
    // Before the keys: another architecture's config lacks some of them, which is not the point.
    let architecture = value["architectures"][0].as_str();
    let model_type = value["model_type"].as_str();
    let Some(family) = Family::named(architecture, model_type) else {
        let name = architecture.or(model_type).unwrap_or("none given");
        return Err(format!(
            "architecture \"{name}\" is not supported; supported: {}",
            ARCHITECTURES.join(", ")
        ));
    };
    let traits = family.traits();
    for (key, neutral, what) in UNSUPPORTED {
        let found = &value[key];
        let number = found.as_f64().or(found.as_bool().map(f64::from));
        if !found.is_null() && !number.is_some_and(|number| neutral.contains(&number)) {
            return Err(format!("`{key}` is {found}; {what}"));
        }
    }
    let file: File = serde_json::from_value(value.clone())
        .map_err(|error| format!("{error} (for {})", traits.architecture))?;
    let biases = biases(&file, traits)?;
    let (rope, window_rope) = ropes(&file, traits)?;
    let (sliding_window, window_layers) = windows(value, &file, traits)?;
    let heads = file.num_attention_heads;
    let head_dim = file.head_dim.or(traits.head_dim);
    let head_dim = head_dim.unwrap_or(file.hidden_size / heads.max(1));
    let query_scalar = match traits.query_scalar {
        Some(default) => file.query_pre_attn_scalar.unwrap_or(default),
        None => head_dim as f64,
    };
    let config = ModelConfig {
        family,
        vocab_size: file.vocab_size,
        hidden_size: file.hidden_size,
        intermediate_size: file.intermediate_size,
        num_hidden_layers: file.num_hidden_layers,
        num_attention_heads: heads,
        num_key_value_heads: file
            .num_key_value_heads
            .or(traits.key_value_heads)
            .unwrap_or(heads),
        head_dim,
        max_position_embeddings: file.max_position_embeddings.unwrap_or(traits.positions),
        rms_norm_eps: file.rms_norm_eps.unwrap_or(1e-6),
        norm_offset: traits.norm_offset,
        head_norms: traits.head_norms,
        branch_norms: traits.branch_norms,
        activation: activation(value, traits)?,
        embedding_scale: if traits.scales_embedding {
            (file.hidden_size as f64).sqrt()
        } else {
            1.0
        },
        attention_scale: query_scalar.powf(-0.5),
        query_key_value_bias: biases.inputs,
        attention_output_bias: biases.output,
        feed_forward_bias: biases.feed_forward,
        rope,
        window_rope,
        sliding_window,
        window_layers,
        tie_word_embeddings: file.tie_word_embeddings.unwrap_or(traits.tied),
        bos_token_id: file.bos_token_id,
        eos_token_ids: token_ids(file.eos_token_id.as_ref()),
        initializer_range: file.initializer_range.unwrap_or(0.02),
    };
    config.check()?;
    Ok(config)
}

fn activation(value: &Value, traits: &Traits) -> Result<Activation, String> {
    let (key, default) = traits.activation;
    match &value[key] {
        Value::Null => Ok(default),
        name => match name.as_str() {
            Some("silu" | "swish") => Ok(Activation::Silu),
            Some("gelu_pytorch_tanh" | "gelu_new") => Ok(Activation::GeluTanh),
            _ => Err(format!(
                "`{key}` is {name}, which is not supported; supported: silu, gelu_pytorch_tanh"
            )),
        },
    }
}

/// Which matrices have biases.
struct Biases {
    inputs: bool,
    output: bool,
    feed_forward: bool,
}

fn biases(file: &File, traits: &Traits) -> Result<Biases, String> {
    let asked = file.attention_bias.unwrap_or(false);
    let (inputs, output) = match traits.attention_bias {
        AttentionBias::None => (false, false),
        AttentionBias::Inputs => (true, false),
        AttentionBias::Key => (asked, asked),
    };
    let feed_forward = file.mlp_bias.unwrap_or(false);
    for (key, set, read) in [
        ("attention_bias", asked, inputs),
        ("mlp_bias", feed_forward, traits.feed_forward_bias),
    ] {
        if set && !read {
            return Err(format!(
                "`{key}` is true, but {} has no such biases",
                traits.architecture
            ));
        }
    }
    Ok(Biases {
        inputs,
        output,
        feed_forward,
    })
}

/// The rotations of layers that see the whole text and of those with a window: from `rope_theta`,
/// `rope_scaling` and `rope_local_base_freq`, or from the `rope_parameters` that newer files have
/// in their place.
fn ropes(file: &File, traits: &Traits) -> Result<(RopeConfig, RopeConfig), String> {
    let theta = file.rope_theta.unwrap_or(traits.theta);
    let window_theta = traits
        .window_theta
        .map(|default| file.rope_local_base_freq.unwrap_or(default));
    let given = |value: &Option<Value>| value.clone().filter(|value| !value.is_null());
    let (key, object) = match (given(&file.rope_parameters), given(&file.rope_scaling)) {
        (Some(parameters), _) => ("rope_parameters", parameters),
        (None, Some(scaling)) => ("rope_scaling", scaling),
        (None, None) => ("rope_scaling", serde_json::json!({})),
    };
    let by_layer_type = object.get("full_attention").is_some();
    let whole = match object.get("full_attention") {
        Some(part) => RopeConfig::read(&format!("{key}.full_attention"), part, theta)?,
        None => RopeConfig::read(key, &object, theta)?,
    };
    let windowed = match (window_theta, object.get("sliding_attention")) {
        (theta, Some(part)) => {
            let theta = theta.unwrap_or(whole.theta);
            RopeConfig::read(&format!("{key}.sliding_attention"), part, theta)?
        }
        (Some(theta), None) => RopeConfig::plain(theta),
        (None, None) if by_layer_type => RopeConfig::plain(whole.theta),
        (None, None) => whole.clone(),
    };
    Ok((whole, windowed))
}

/// The window, and the layers that have it.
fn windows(
    value: &Value,
    file: &File,
    traits: &Traits,
) -> Result<(Option<usize>, Vec<bool>), String> {
    let layers = file.num_hidden_layers;
    let window = match value.get("sliding_window") {
        None => Some(DEFAULT_WINDOW),
        Some(Value::Null) => None,
        Some(given) => match given.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(window) => Some(window),
            None => return Err(format!("`sliding_window` is {given}, not a whole number")),
        },
    };
    let off = match traits.windows {
        Windows::None => true,
        Windows::Later => !file.use_sliding_window.unwrap_or(false),
        Windows::All | Windows::Pattern => false,
    };
    let named = match &file.layer_types {
        Some(names) => Some(layer_types(names, layers)?),
        None => None,
    };
    if off || window.is_none() || layers > 1 << 24 {
        return Ok((None, Vec::new()));
    }
    let has_window: Vec<bool> = match (traits.windows, named) {
        (Windows::All, _) => vec![true; layers],
        (_, Some(named)) => named,
        (Windows::Later, None) => {
            let first = file.max_window_layers.unwrap_or(28);
            (0..layers).map(|layer| layer >= first).collect()
        }
        (_, None) => {
            let period = file.sliding_window_pattern.or(file.private_pattern);
            let period = period.unwrap_or(6).max(1);
            (1..=layers).map(|n| !n.is_multiple_of(period)).collect()
        }
    };
    Ok((window, has_window))
}

fn layer_types(names: &[String], layers: usize) -> Result<Vec<bool>, String> {
    if names.len() != layers {
        return Err(format!(
            "`layer_types` has {} entries, but there are {layers} layers",
            names.len()
        ));
    }
    names
        .iter()
        .enumerate()
        .map(|(layer, name)| match name.as_str() {
            "sliding_attention" => Ok(true),
            "full_attention" => Ok(false),
            other => Err(format!(
                "`layer_types[{layer}]` is \"{other}\", which is not supported; supported: \
                 full_attention, sliding_attention"
            )),
        })
        .collect()
}

/// The tokens of a key such as `eos_token_id`: a number, a list of them, or null.
pub(crate) fn token_ids(value: Option<&Value>) -> Vec<u32> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(ids)) => ids.iter().filter_map(id).collect(),
        Some(single) => id(single).into_iter().collect(),
    }
}
