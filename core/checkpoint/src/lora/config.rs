//! `adapter_config.json`.

use std::path::Path;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::AdapterError;

/// Which modules an adapter changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetModules {
    /// Names, or endings of names, of modules.
    Names(Vec<String>),
    /// A regular expression on whole names, or `all-linear`.
    Pattern(String),
}

/// The part of PEFT's LoRA configuration that says what the numbers mean.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraConfig {
    /// Rank of the updates.
    pub r: usize,
    /// Numerator of the scaling.
    pub lora_alpha: f64,
    /// Dropout while training; has no effect on the weights.
    pub lora_dropout: f64,
    /// Rank-stabilised scaling: alpha / sqrt(r) in the place of alpha / r (Kalajdzievski 2023,
    /// <https://arxiv.org/abs/2312.03732>).
    pub use_rslora: bool,
    /// Whether the base stores its weights transposed, (inputs, outputs), as GPT-2 does.
    pub fan_in_fan_out: bool,
    /// The modules changed.
    pub target_modules: TargetModules,
    /// Other ranks for some modules: regular expressions on the end of a name, the first that
    /// matches counts.
    pub rank_pattern: Vec<(String, usize)>,
    /// Other alphas for some modules, likewise.
    pub alpha_pattern: Vec<(String, f64)>,
    /// Modules stored whole.
    pub modules_to_save: Vec<String>,
    /// PEFT's task, such as `CAUSAL_LM`.
    pub task_type: Option<String>,
    /// The base's name or path.
    pub base_model: Option<String>,
}

/// Keys that change the meaning of the weights when set, and why they are refused.
const UNSUPPORTED: [(&str, &str); 15] = [
    (
        "use_dora",
        "DoRA rescales the merged weights by a learned magnitude",
    ),
    ("lora_bias", "biases on the low-rank matrices are not read"),
    (
        "layer_replication",
        "the adapted model has other layers than its base",
    ),
    (
        "trainable_token_indices",
        "trained tokens are stored apart from the low-rank matrices",
    ),
    (
        "target_parameters",
        "updates of parameters outside modules are not read",
    ),
    (
        "alora_invocation_tokens",
        "the adapter is active only after some tokens",
    ),
    ("use_qalora", "the low-rank matrices act on grouped inputs"),
    ("use_bdlora", "the low-rank matrices are block-diagonal"),
    ("arrow_config", "it routes among several adapters"),
    ("monteclora_config", "its weights are random variables"),
    (
        "kasa_config",
        "it adds a learned diagonal between the matrices",
    ),
    ("velora_config", "it is not plain LoRA"),
    (
        "lora_ga_config",
        "the base's weights were changed when training began",
    ),
    (
        "corda_config",
        "the base's weights were changed when training began",
    ),
    ("megatron_config", "the weights are split for Megatron"),
];

/// Beginnings of `init_lora_weights` that subtract from the base when training begins.
const CHANGES_BASE: [&str; 5] = ["pissa", "olora", "corda", "loftq", "lora_ga"];

impl LoraConfig {
    /// Rank `r` and scaling `lora_alpha / r` for whatever modules are written.
    pub fn new(r: usize, lora_alpha: f64) -> LoraConfig {
        LoraConfig {
            r,
            lora_alpha,
            lora_dropout: 0.0,
            use_rslora: false,
            fan_in_fan_out: false,
            target_modules: TargetModules::Names(Vec::new()),
            rank_pattern: Vec::new(),
            alpha_pattern: Vec::new(),
            modules_to_save: Vec::new(),
            task_type: Some("CAUSAL_LM".to_owned()),
            base_model: None,
        }
    }

    /// Reads `adapter_config.json`; keys that do not change what the weights mean are ignored.
    pub(super) fn read(path: &Path) -> Result<LoraConfig, AdapterError> {
        let text = std::fs::read(path).map_err(AdapterError::io("read", path))?;
        let json: Value =
            serde_json::from_slice(&text).map_err(|error| AdapterError::BadConfig {
                path: path.to_owned(),
                reason: format!("not JSON: {error}"),
            })?;
        let Value::Object(map) = json else {
            return Err(AdapterError::BadConfig {
                path: path.to_owned(),
                reason: "not a JSON object".to_owned(),
            });
        };
        refuse_unsupported(path, &map)?;
        let keys = Keys { path, map: &map };
        let r = keys.required("r", "a positive integer", Value::as_u64)?;
        if r == 0 {
            return Err(keys.bad("r", "a positive integer"));
        }
        let strings = |value: &Value| -> Option<Vec<String>> {
            value
                .as_array()?
                .iter()
                .map(|v| v.as_str().map(str::to_owned))
                .collect()
        };
        let targets = |value: &Value| match value.as_str() {
            Some(pattern) => Some(TargetModules::Pattern(pattern.to_owned())),
            None => strings(value).map(TargetModules::Names),
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(LoraConfig {
            r: r as usize,
            lora_alpha: keys.required("lora_alpha", "a number", Value::as_f64)?,
            lora_dropout: keys
                .optional("lora_dropout", "a number", Value::as_f64)?
                .unwrap_or(0.0),
            use_rslora: keys.flag("use_rslora")?,
            fan_in_fan_out: keys.flag("fan_in_fan_out")?,
            target_modules: keys
                .optional("target_modules", "a list of names or a pattern", targets)?
                .unwrap_or(TargetModules::Names(Vec::new())),
            rank_pattern: keys.pattern("rank_pattern", "positive integers", |value| {
                value.as_u64().filter(|r| *r > 0).map(|r| r as usize)
            })?,
            alpha_pattern: keys.pattern("alpha_pattern", "numbers", Value::as_f64)?,
            modules_to_save: keys
                .optional("modules_to_save", "a list of names", strings)?
                .unwrap_or_default(),
            task_type: keys.optional("task_type", "a text", text)?,
            base_model: keys.optional("base_model_name_or_path", "a text", text)?,
        })
    }

    /// The content of `adapter_config.json`.
    pub(super) fn to_json(&self) -> Value {
        // Python tells integers and floats apart; PEFT's alpha is an integer by default.
        let number = |value: f64| match value {
            v if v.fract() == 0.0 && v.abs() < 2f64.powi(53) => json!(v as i64),
            v => json!(v),
        };
        let targets = match &self.target_modules {
            TargetModules::Names(names) => json!(names),
            TargetModules::Pattern(pattern) => json!(pattern),
        };
        let ranks: Map<_, _> = self
            .rank_pattern
            .iter()
            .map(|(key, r)| (key.clone(), json!(r)))
            .collect();
        let alphas: Map<_, _> = self
            .alpha_pattern
            .iter()
            .map(|(key, a)| (key.clone(), number(*a)))
            .collect();
        let saved = (!self.modules_to_save.is_empty()).then_some(&self.modules_to_save);
        json!({
            "peft_type": "LORA",
            "task_type": self.task_type,
            "base_model_name_or_path": self.base_model,
            "inference_mode": true,
            "r": self.r,
            "lora_alpha": number(self.lora_alpha),
            "lora_dropout": self.lora_dropout,
            "use_rslora": self.use_rslora,
            "fan_in_fan_out": self.fan_in_fan_out,
            "bias": "none",
            "target_modules": targets,
            "modules_to_save": saved,
            "rank_pattern": ranks,
            "alpha_pattern": alphas,
            "init_lora_weights": true,
        })
    }
}

fn refuse_unsupported(path: &Path, map: &Map<String, Value>) -> Result<(), AdapterError> {
    let refuse = |key: &str, value: &Value, reason| {
        Err(AdapterError::Unsupported {
            path: path.to_owned(),
            key: key.to_owned(),
            value: value.to_string(),
            reason,
        })
    };
    if let Some(kind) = map.get("peft_type")
        && kind != "LORA"
    {
        return refuse("peft_type", kind, "only LoRA adapters are read");
    }
    if let Some(bias) = map.get("bias")
        && bias != "none"
    {
        return refuse("bias", bias, "trained biases are not read");
    }
    for (key, reason) in UNSUPPORTED {
        if let Some(value) = map.get(key)
            && is_set(value)
        {
            return refuse(key, value, reason);
        }
    }
    if let Some(Value::String(init)) = map.get("init_lora_weights")
        && CHANGES_BASE.iter().any(|prefix| init.starts_with(prefix))
    {
        let value = Value::String(init.clone());
        return refuse(
            "init_lora_weights",
            &value,
            "the base's weights were changed when training began",
        );
    }
    Ok(())
}

/// What Python calls a true value.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(set) => *set,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// Reads typed keys; null counts as absent, as PEFT writes it.
struct Keys<'a> {
    path: &'a Path,
    map: &'a Map<String, Value>,
}

impl Keys<'_> {
    fn bad(&self, key: &str, kind: &str) -> AdapterError {
        let found = self
            .map
            .get(key)
            .map_or("missing".to_owned(), |value| value.to_string());
        AdapterError::BadConfig {
            path: self.path.to_owned(),
            reason: format!("`{key}` should be {kind}, is {found}"),
        }
    }

    fn optional<T>(
        &self,
        key: &str,
        kind: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, AdapterError> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.bad(key, kind)),
        }
    }

    fn required<T>(
        &self,
        key: &str,
        kind: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<T, AdapterError> {
        self.optional(key, kind, read)?
            .ok_or_else(|| self.bad(key, kind))
    }

    fn flag(&self, key: &str) -> Result<bool, AdapterError> {
        Ok(self
            .optional(key, "true or false", Value::as_bool)?
            .unwrap_or(false))
    }

    fn pattern<T>(
        &self,
        key: &str,
        kind: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<(String, T)>, AdapterError> {
        let kind = format!("an object of {kind}");
        let entries = self.optional(key, &kind, |value| {
            let map = value.as_object()?;
            map.iter()
                .map(|(name, value)| Some((name.clone(), read(value)?)))
                .collect()
        })?;
        Ok(entries.unwrap_or_default())
    }
}

/// Ranks and scalings by module, with the patterns compiled.
#[derive(Debug)]
pub(super) struct Scaling<'a> {
    config: &'a LoraConfig,
    ranks: Vec<(Regex, usize)>,
    alphas: Vec<(Regex, f64)>,
}

impl<'a> Scaling<'a> {
    /// `path` is the configuration file, for messages.
    pub(super) fn new(config: &'a LoraConfig, path: &Path) -> Result<Self, AdapterError> {
        Ok(Scaling {
            config,
            ranks: compile(&config.rank_pattern, "rank_pattern", path)?,
            alphas: compile(&config.alpha_pattern, "alpha_pattern", path)?,
        })
    }

    pub(super) fn rank(&self, module: &str) -> usize {
        first_match(&self.ranks, module).unwrap_or(self.config.r)
    }

    /// alpha / r, or alpha / sqrt(r) where rank-stabilised.
    pub(super) fn scaling(&self, module: &str) -> f64 {
        let rank = self.rank(module) as f64;
        let alpha = first_match(&self.alphas, module).unwrap_or(self.config.lora_alpha);
        alpha
            / if self.config.use_rslora {
                rank.sqrt()
            } else {
                rank
            }
    }
}

/// A key matches whole names and, after a dot, ends of names.
fn compile<T: Copy>(
    pattern: &[(String, T)],
    name: &str,
    path: &Path,
) -> Result<Vec<(Regex, T)>, AdapterError> {
    let compiled = pattern.iter().map(|(key, value)| {
        let regex = Regex::new(&format!(r"^(?:.*\.)?(?:{key})$"));
        let regex = regex.map_err(|error| AdapterError::BadConfig {
            path: path.to_owned(),
            reason: format!("`{name}`: {key:?} is not a regular expression: {error}"),
        })?;
        Ok((regex, *value))
    });
    compiled.collect()
}

fn first_match<T: Copy>(pattern: &[(Regex, T)], module: &str) -> Option<T> {
    pattern
        .iter()
        .find(|(regex, _)| regex.is_match(module))
        .map(|(_, value)| *value)
}
