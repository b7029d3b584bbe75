//! The shared base: `[base]`.

use super::{
    reader::Reader,
    source::{Located, ManifestError},
};
use mergelab_hub::{HubModel, is_hub};
use std::path::PathBuf;

/// The shared base.
#[derive(Debug, Clone)]
pub struct Base {
    /// Where it comes from.
    pub origin: Origin,
    /// A fine-tuning on every task and language before any expert.
    pub instruct: Option<Instruct>,
}

/// `[base.instruct]`: a short fine-tuning on a little of every task in every language. A base that
/// follows the tasks' prompts keeps experts near each other, which merging needs.
#[derive(Debug, Clone)]
pub struct Instruct {
    /// Name of the recipe, whose `rows` says how little.
    pub recipe: Located<String>,
    /// Seed of its training.
    pub seed: Option<u64>,
}

/// Where the shared base comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A Hugging Face folder.
    Path(Located<PathBuf>),
    /// A model of a hub, given as `path = "hf://org/name@revision"`.
    Hub(Located<HubModel>),
    /// Trained from scratch.
    Pretrain(Box<Pretrain>),
}

/// A small decoder trained from scratch on plain text.
#[derive(Debug, Clone)]
pub struct Pretrain {
    /// Card of the dataset.
    pub dataset: Located<PathBuf>,
    /// The field that holds the text.
    pub field: String,
    /// Languages, in any order.
    pub languages: Vec<Located<String>>,
    /// Tokens of the vocabulary, which is trained on the same text.
    pub vocabulary: usize,
    /// Width of the model.
    pub hidden_size: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// Decoder layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Key and value heads.
    pub key_value_heads: usize,
    /// Longest text in tokens.
    pub context: usize,
    /// Name of the recipe.
    pub recipe: Located<String>,
    /// Seed of the weights and of the order of the texts.
    pub seed: Option<u64>,
}

impl Base {
    pub(super) fn read(root: &Reader<'_>) -> Result<Self, ManifestError> {
        let reader = root.table("base")?.ok_or_else(|| root.missing("base"))?;
        let path = reader.text("path")?;
        let pretrain = reader.table("pretrain")?;
        let instruct = match reader.table("instruct")? {
            None => None,
            Some(table) => {
                let instruct = Instruct {
                    recipe: table.required_text("recipe")?,
                    seed: table.whole("seed")?,
                };
                table.finish()?;
                Some(instruct)
            }
        };
        let origin = match (path, pretrain) {
            (Some(path), None) if is_hub(&path.value) => Origin::Hub(Located {
                value: path
                    .value
                    .parse()
                    .map_err(|e| reader.error(path.span.clone(), format!("{e}")))?,
                span: path.span,
            }),
            (Some(path), None) => Origin::Path(Located {
                value: root.file().resolve(&path.value),
                span: path.span,
            }),
            (None, Some(pretrain)) => Origin::Pretrain(Box::new(Pretrain::read(&pretrain)?)),
            _ => {
                return Err(reader.error(
                    reader.span(),
                    "[base] takes either `path` (a Hugging Face folder, or hf://org/name@revision) or \
                     [base.pretrain].",
                ));
            }
        };
        reader.finish()?;
        Ok(Self { origin, instruct })
    }
}

impl Pretrain {
    fn read(reader: &Reader<'_>) -> Result<Self, ManifestError> {
        let dataset = reader.required_text("dataset")?;
        let size = |key: &str, default: usize| -> Result<usize, ManifestError> {
            match reader.whole(key)? {
                Some(0) => Err(reader.error(reader.span_of(key), format!("`{key}` cannot be 0."))),
                Some(n) => Ok(n as usize),
                None => Ok(default),
            }
        };
        let heads = size("heads", 4)?;
        let pretrain = Self {
            dataset: Located {
                value: reader.file().resolve(&dataset.value),
                span: dataset.span,
            },
            field: reader.text("field")?.map_or("text".to_owned(), |f| f.value),
            languages: reader
                .texts("languages")?
                .ok_or_else(|| reader.missing("languages"))?,
            vocabulary: size("vocabulary", 2048)?,
            hidden_size: size("hidden_size", 128)?,
            intermediate_size: size("intermediate_size", 384)?,
            layers: size("layers", 4)?,
            heads,
            key_value_heads: size("key_value_heads", heads)?,
            context: size("context", 256)?,
            recipe: reader.required_text("recipe")?,
            seed: reader.whole("seed")?,
        };
        reader.finish()?;
        Ok(pretrain)
    }
}
