//! Which vocabulary the result has, and where the rows of its tokens come from.

use super::{InputPath, Position, RecipeError};
use crate::document::{Document, Entry, Node, Raw, get};
use serde_json::Value;
use std::path::PathBuf;

/// The tokenizer of the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenizerRecipe {
    /// Where the vocabulary comes from.
    pub source: TokenizerSource,
    /// Tokens with a rule of their own.
    pub tokens: Vec<TokenRule>,
    /// Rows of embeddings are padded to a multiple of this.
    pub pad_to_multiple_of: Option<usize>,
    /// Where it stands in the recipe.
    pub at: Position,
}

/// Where the tokenizer of the result comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TokenizerSource {
    /// The base model, or the first model where there is no base. Rows of embeddings stay as they
    /// are, so all models must have the same number.
    #[default]
    Default,
    /// The same, with the rows of every model brought into its order.
    Base,
    /// The base's vocabulary with the tokens of all models after it.
    Union,
    /// A folder; usually, but not necessarily, one of the models.
    Path(PathBuf),
}

/// A token and where its row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRule {
    /// The token. It is added to the vocabulary where it is not there.
    pub token: String,
    /// The row; that of the models that have it where absent.
    pub row: Option<TokenRow>,
    /// Whether models that have the token take this row too.
    pub force: bool,
    /// Where it stands in the recipe.
    pub at: Position,
}

/// Where a row comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRow {
    /// The row of the same token in a model.
    Model(InputPath),
    /// The row of another token in a model.
    Token {
        /// The model.
        model: InputPath,
        /// The token.
        token: String,
    },
    /// A row of a model.
    Id {
        /// The model.
        model: InputPath,
        /// The row.
        id: usize,
    },
    /// Zeros.
    Zero,
}

/// Finds the model that a text or table names.
pub(super) type Named<'a> = &'a dyn Fn(&Node) -> Result<InputPath, RecipeError>;

/// Reads the value of `tokenizer_source`.
pub(super) fn source(
    document: Document<'_>,
    name: &str,
    node: &Node,
) -> Result<TokenizerSource, RecipeError> {
    Ok(match document.text(name, node)? {
        "union" => TokenizerSource::Union,
        "base" => TokenizerSource::Base,
        path => TokenizerSource::Path(PathBuf::from(path)),
    })
}

/// Reads a table `tokenizer`.
pub(super) fn read(
    document: Document<'_>,
    node: &Node,
    model: Named<'_>,
) -> Result<TokenizerRecipe, RecipeError> {
    let entries = document.table("tokenizer", node)?;
    let keys = ["source", "tokens", "pad_to_multiple_of"];
    document.check_keys("`tokenizer`", entries, &keys)?;
    let mut tokens = Vec::new();
    if let Some(node) = given(entries, "tokens") {
        for entry in document.table("tokens", node)? {
            tokens.push(rule(document, entry, model)?);
        }
    }
    let pad_to_multiple_of = given(entries, "pad_to_multiple_of")
        .map(|node| {
            let number = node
                .to_json()
                .as_u64()
                .and_then(|n| usize::try_from(n).ok());
            number.filter(|n| (1..=1 << 20).contains(n)).ok_or_else(|| {
                let message = "`pad_to_multiple_of` takes a whole number from 1 to 1048576";
                document.error(node.at, message)
            })
        })
        .transpose()?;
    Ok(TokenizerRecipe {
        source: match given(entries, "source") {
            Some(node) => source(document, "source", node)?,
            None => TokenizerSource::Union,
        },
        tokens,
        pad_to_multiple_of,
        at: node.at,
    })
}

fn given<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Node> {
    get(entries, key).filter(|n| !matches!(n.raw, Raw::Scalar(Value::Null)))
}

fn rule(document: Document<'_>, entry: &Entry, model: Named<'_>) -> Result<TokenRule, RecipeError> {
    let name = format!("the token `{}`", entry.key);
    let table = document.table(&name, &entry.value)?;
    document.check_keys(&name, table, &["source", "force"])?;
    let row = given(table, "source")
        .map(|node| row(document, node, model))
        .transpose()?;
    let force = match given(table, "force").map(|node| (node, node.to_json())) {
        None => false,
        Some((_, Value::Bool(force))) => force,
        Some((node, _)) => return Err(document.error(node.at, "`force` takes true or false")),
    };
    if force && row.is_none() {
        let message = format!("{name} has `force` and no `source`: say which row to use");
        return Err(document.error(entry.at, message));
    }
    Ok(TokenRule {
        token: entry.key.clone(),
        row,
        force,
        at: entry.at,
    })
}

fn row(document: Document<'_>, node: &Node, model: Named<'_>) -> Result<TokenRow, RecipeError> {
    let Raw::Table(entries) = &node.raw else {
        return Ok(TokenRow::Model(model(node)?));
    };
    let Some(kind) = given(entries, "kind") else {
        // A model in its long form.
        return Ok(TokenRow::Model(model(node)?));
    };
    match document.text("kind", kind)? {
        "zero" => {
            document.check_keys("a source of zeros", entries, &["kind"])?;
            Ok(TokenRow::Zero)
        }
        "model_token" => {
            let keys = ["kind", "model", "token", "token_id"];
            document.check_keys("a token of a model", entries, &keys)?;
            let named = given(entries, "model")
                .ok_or_else(|| document.error(node.at, "this source has no `model`"))?;
            let model = model(named)?;
            match (given(entries, "token"), given(entries, "token_id")) {
                (Some(token), None) => Ok(TokenRow::Token {
                    model,
                    token: document.text("token", token)?.to_owned(),
                }),
                (None, Some(id)) => {
                    let number = id.to_json().as_u64().and_then(|n| usize::try_from(n).ok());
                    let id = number.ok_or_else(|| {
                        document.error(id.at, "`token_id` takes a whole number from 0 up")
                    })?;
                    Ok(TokenRow::Id { model, id })
                }
                _ => Err(document.error(
                    node.at,
                    "a token of a model has either a `token` or a `token_id`",
                )),
            }
        }
        other => Err(document.error(
            kind.at,
            format!(
                "`kind` = \"{other}\" is not one of model_token, zero.{}",
                mergelab_abi::suggest::nearest(other, ["model_token", "zero"])
                    .map(|near| format!(" Did you mean `{near}`?"))
                    .unwrap_or_default()
            ),
        )),
    }
}
