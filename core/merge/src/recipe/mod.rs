//! What to merge and how.
//!
//! A recipe is our TOML ([`Recipe::parse_toml`]) or a mergekit YAML ([`Recipe::parse_mergekit`]);
//! both become the same [`Recipe`]. In TOML:
//!
//! ```
//! # let text = r#"
//! method = "ties@mergekit"         # a merge method, with a preset or without
//! base = "models/base"             # a folder, a safetensors file, or "base+adapter"
//! seed = 7                         # for methods that draw random numbers; 0 if absent
//! out_dtype = "bfloat16"           # float32, bfloat16, float16; as the base stores it if absent
//!
//! [[models]]
//! path = "models/german"
//! weight = 0.5                     # any parameter of the method that is per model
//!
//! [[models]]
//! id = "french"                    # the folder's name if absent
//! adapter = "adapters/french"      # a PEFT folder; on the base unless `path` is given
//! weight = [{ filter = "mlp", value = 0.3 }, 0.5]
//!
//! [params]                         # for all models, and parameters of the whole merge
//! density = [0.2, 0.8]             # a gradient over the layers
//! lambda = 1.0
//! # "#;
//! # let recipe = mergelab_merge::Recipe::parse_toml(text, "merge.toml".as_ref())?;
//! # assert_eq!(recipe.models[1].id, "french");
//! # Ok::<(), mergelab_merge::RecipeError>(())
//! ```
//!
//! Further keys:
//!
//! | key | meaning |
//! |---|---|
//! | `compute` | `float32`, the default, `bfloat16`, `float16`, or `storage` for one that holds the values of all inputs as they are stored: theirs if it is the same, else `float32` |
//! | `tokenizer_source` | `base`, `union`, or a path: the vocabulary that embeddings are brought into before they are merged ([`TokenizerSource`]) |
//! | `tokenizer` | a table with `source` (as `tokenizer_source`), `pad_to_multiple_of`, and `tokens`, rules for single tokens ([`TokenRule`]) |
//! | `chat_template` | `auto`, `chatml`, `llama3`, `mistral`, `alpaca`, `exaone`, or a Jinja template |
//! | `slices` | a result of other layers than the models have, see below |
//! | `modules` | components of the models, each merged in its own way, see below |
//! | `max_shard` | bytes of a file, such as `"5GB"` |
//! | `rules` | `mergekit` for what [`Rules::Mergekit`] says |
//!
//! Paths are relative to the recipe's folder. Parameters of a model may also stand in a table
//! `params` of that model.
//!
//! # Slices
//!
//! ```
//! # let text = r#"
//! method = "linear"
//!
//! [[models]]
//! path = "models/a"
//!
//! [[models]]
//! path = "models/b"
//!
//! [[slices]]                       # layers 0 to 7 of a
//! sources = [{ model = "a", layers = [0, 8] }]
//!
//! [[slices]]                       # then layers 4 to 11 of both, merged one by one
//! sources = [{ model = "a", layers = [4, 12], weight = 0.7 }, { model = "b", layers = [4, 12] }]
//! params.weight = [0.0, 0.3]
//! # "#;
//! # let recipe = mergelab_merge::Recipe::parse_toml(text, "merge.toml".as_ref())?;
//! # assert_eq!(recipe.slices[1].layers(), 8);
//! # Ok::<(), mergelab_merge::RecipeError>(())
//! ```
//!
//! The result has the layers of all slices, in their order. What comes before the layers
//! (embeddings) is merged with the sources and parameters of the first slice, what comes after
//! them (the last norm, the output head) with those of the last one. `model` is the id of a model,
//! or `base`. A gradient runs over the layers of its slice. A slice that does not name the base is
//! compared with the base's layers of the same numbers, if all its sources have the same.
//!
//! # Modules
//!
//! Models of several components, such as a text decoder and a vision tower, may say for each what it
//! is merged from:
//!
//! ```
//! # let text = r#"
//! method = "linear"
//!
//! [[models]]
//! path = "models/a"
//!
//! [[models]]
//! path = "models/b"
//!
//! [[modules]]
//! name = "text_decoder"            # all layers of both
//! models = [{ model = "a", weight = 0.7 }, { model = "b", weight = [0.0, 0.3] }]
//!
//! [[modules]]
//! name = "vision_tower"            # that of a; `slices` may stand here too
//! models = [{ model = "a" }]
//! params.weight = 1.0
//! # "#;
//! # let recipe = mergelab_merge::Recipe::parse_toml(text, "merge.toml".as_ref())?;
//! # assert_eq!(recipe.modules.len(), 2);
//! # Ok::<(), mergelab_merge::RecipeError>(())
//! ```
//!
//! The names are mergekit's for the architectures that it knows with several components (Gemma 3,
//! Llama 4, Mistral 3, Qwen2-VL, Qwen2.5-VL, Qwen3-VL, T5, Whisper). For others a component is what
//! stands before the numbers of its layers, such as `model.visual.blocks`, and `default` is
//! everything else. Components that are not listed are refused, or left out with
//! `rules = "mergekit"`.
//!
//! # Parameter values
//!
//! A parameter's value may be
//! - a plain value,
//! - a list of numbers, a *gradient*: piecewise linear over the layers, from the first layer (the
//!   first number) to the last one (the last number). Tensors before the layers, such as
//!   embeddings, take the first number, tensors after them, such as the last norm and the output
//!   head, the last number;
//! - a list of alternatives `{ filter = "mlp", value = 0.3 }`, the first of which counts whose
//!   filter is a part of the tensor's name. A plain number (or one without `filter`, or with the
//!   filter `*`) fits every tensor.
//!
//! A value is looked for in the source of a slice, the model, the slice, the module, `[params]`, the
//! preset and the method's default, in this order. One that has no alternative for a tensor is passed over.

mod chat_template;
mod error;
mod mergekit;
mod modules;
mod read;
mod setting;
mod slices;
mod tokenizer;
mod write;

use mergelab_abi::working::Working;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

pub use chat_template::ChatTemplate;
pub use error::{Position, RecipeError};
pub use modules::Module;
pub(crate) use read::MODEL_KEYS;
pub use setting::{Alternative, Setting, SettingValue};
pub use slices::{Slice, SliceSource};
pub use tokenizer::{TokenRow, TokenRule, TokenizerRecipe, TokenizerSource};

/// Parameter values as given, by name.
pub type Settings = BTreeMap<String, Setting>;

/// What to merge and how.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The file that it was read from, for messages.
    pub file: Option<PathBuf>,
    /// Where relative paths start. Empty means the working folder.
    pub root: PathBuf,
    /// Id of the merge method.
    pub method: String,
    /// Preset whose values are used where the recipe gives none.
    pub preset: Option<String>,
    /// Whether a preset that the method does not have is passed over. Set for mergekit's files:
    /// a method without the preset `mergekit` computes what mergekit does.
    pub preset_may_lack: bool,
    /// Where the method stands.
    pub method_at: Position,
    /// The base model.
    pub base: Option<InputPath>,
    /// The models to merge, in order.
    pub models: Vec<Model>,
    /// The layers of the result; those of the models where there are no slices.
    pub slices: Vec<Slice>,
    /// Components of the models that the slices are of; none where every tensor is merged alike.
    pub modules: Vec<Module>,
    /// Parameters for all models, and of the whole merge.
    pub params: Settings,
    /// Seed for methods that draw random numbers.
    pub seed: u64,
    /// Precision of the arithmetic.
    pub compute: Compute,
    /// Format that floating-point tensors are stored in; that of the base, or of the first model
    /// where there is no base, if absent.
    pub out_dtype: Option<Working>,
    /// Which vocabulary the result has.
    pub tokenizer: TokenizerRecipe,
    /// The chat template; that of the tokenizer if absent.
    pub chat_template: Option<ChatTemplate>,
    /// Whose rules decide where tools differ.
    pub rules: Rules,
    /// Bytes after which a new shard begins.
    pub max_shard: u64,
    /// What was passed over on purpose while reading, in sentences.
    pub notes: Vec<String>,
    /// Folders of inputs that are given by names which are no paths, such as those of a hub.
    pub places: BTreeMap<PathBuf, PathBuf>,
}

/// One model to merge.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name in messages and results. Random masks depend on it.
    pub id: String,
    /// Where it is.
    pub input: InputPath,
    /// Its own parameter values.
    pub params: Settings,
    /// Where it stands in the recipe.
    pub at: Position,
}

impl Model {
    /// A model without parameters of its own.
    pub fn new(id: impl Into<String>, input: InputPath) -> Self {
        Self {
            id: id.into(),
            input,
            params: Settings::new(),
            at: Position::default(),
        }
    }
}

/// A checkpoint, and an adapter that is added to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InputPath {
    /// A Hugging Face folder or a safetensors file.
    pub path: PathBuf,
    /// A PEFT folder with a LoRA adapter.
    pub adapter: Option<PathBuf>,
}

impl InputPath {
    /// A checkpoint as it is.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            adapter: None,
        }
    }

    /// A checkpoint with an adapter.
    pub fn with_adapter(path: impl Into<PathBuf>, adapter: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            adapter: Some(adapter.into()),
        }
    }

    /// Reads `path` or `path+adapter`. A name of a hub, `hf://org/name@revision`, has no `+`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('+') {
            Some((path, adapter)) if !path.is_empty() && !adapter.is_empty() => {
                Self::with_adapter(path, adapter)
            }
            _ => Self::new(text),
        }
    }

    /// Name of the folder, the adapter's if there is one.
    pub fn name(&self) -> String {
        let path = self.adapter.as_ref().unwrap_or(&self.path);
        let last = path.file_name().unwrap_or(path.as_os_str());
        last.to_string_lossy().into_owned()
    }
}

/// `path`, or `path+adapter`.
impl fmt::Display for InputPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match &self.adapter {
            Some(adapter) => write!(f, "+{}", adapter.display()),
            None => Ok(()),
        }
    }
}

/// Precision of the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compute {
    /// One precision for all tensors.
    In(Working),
    /// One that holds the values of all inputs of a tensor: theirs where it is the same, else f32,
    /// as mergekit has it without `dtype`. F64 is computed in f32.
    Storage,
}

/// Whose rules decide where tools differ in what no parameter says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rules {
    /// Ours: whatever is not clear is refused.
    #[default]
    Own,
    /// mergekit's:
    ///
    /// - a gradient gives everything outside the layers its first number;
    /// - a tensor that only some models have is merged from those, or copied from the base, or
    ///   left out, where neither is possible;
    /// - with a tokenizer source, rows without a token are dropped even where all vocabularies are
    ///   the same.
    Mergekit,
}

/// 5 GB, as transformers has it.
pub(crate) const MAX_SHARD: u64 = 5_000_000_000;

impl Recipe {
    /// A recipe without models. `method` may name a preset: `ties@mergekit`.
    pub fn new(method: &str) -> Self {
        let (method, preset) = match method.split_once('@') {
            Some((method, preset)) => (method, Some(preset.to_owned())),
            None => (method, None),
        };
        Self {
            file: None,
            root: PathBuf::new(),
            method: method.to_owned(),
            preset,
            preset_may_lack: false,
            method_at: Position::default(),
            base: None,
            models: Vec::new(),
            slices: Vec::new(),
            modules: Vec::new(),
            params: Settings::new(),
            seed: 0,
            compute: Compute::In(Working::F32),
            out_dtype: None,
            tokenizer: TokenizerRecipe::default(),
            chat_template: None,
            rules: Rules::Own,
            max_shard: MAX_SHARD,
            notes: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// Reads a recipe file: mergekit's where it ends in `.yml` or `.yaml`, else ours.
    ///
    /// # Errors
    /// What is wrong, with file, line and column.
    pub fn read(file: &Path) -> Result<Self, RecipeError> {
        let text = std::fs::read_to_string(file).map_err(|error| RecipeError {
            file: Some(file.to_owned()),
            at: Position::default(),
            message: format!("cannot be read: {error}"),
        })?;
        let extension = file.extension().unwrap_or_default();
        if extension == "yml" || extension == "yaml" {
            Self::parse_mergekit(&text, file)
        } else {
            Self::parse_toml(&text, file)
        }
    }

    /// The method with its preset, as a recipe names it.
    pub fn method_name(&self) -> String {
        match &self.preset {
            Some(preset) => format!("{}@{preset}", self.method),
            None => self.method.clone(),
        }
    }

    /// Refuses two models of one id: masks and records could not tell them apart.
    pub(crate) fn check_ids(&self) -> Result<(), RecipeError> {
        let mut seen: BTreeMap<&str, Position> = BTreeMap::new();
        for model in &self.models {
            if let Some(first) = seen.insert(&model.id, model.at) {
                let place = match first.line {
                    0 => String::new(),
                    line => format!(" (the other one is in line {line})"),
                };
                let id = &model.id;
                return Err(self.error(
                    model.at,
                    format!("two models are called `{id}`{place}: give each an `id`"),
                ));
            }
        }
        Ok(())
    }

    /// Whether a value is meant for some tensors only.
    pub(crate) fn has_filters(&self) -> bool {
        let models = self.models.iter().map(|m| &m.params);
        let slices = self.slices.iter().flat_map(|slice| {
            let sources = slice.sources.iter().map(|s| &s.params);
            std::iter::once(&slice.params).chain(sources)
        });
        std::iter::once(&self.params)
            .chain(models)
            .chain(slices)
            .chain(self.modules.iter().map(|module| &module.params))
            .flat_map(Settings::values)
            .flat_map(|setting| &setting.alternatives)
            .any(|a| a.filter.is_some())
    }

    pub(crate) fn error(&self, at: Position, message: impl Into<String>) -> RecipeError {
        RecipeError {
            file: self.file.clone(),
            at,
            message: message.into(),
        }
    }
}
