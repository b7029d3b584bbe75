//! One vocabulary for all inputs.
//!
//! The rules are mergekit's: a model that has a token keeps its own row. For a token that it
//! lacks, the row is the one that the recipe gives; else that of the only model that has it; else
//! the base's; else the plain mean over the models that have it; else zeros. Padding rows are the
//! mean of all others.

use crate::error::MergeError;
use crate::inputs::Input;
use crate::layers::{Layers, Side};
use crate::recipe::{InputPath, Recipe, RecipeError, Rules, TokenRow, TokenizerSource};
use mergelab_abi::suggest::nearest;
use mergelab_checkpoint::{Aligned, Row, TensorInfo, TensorSource, Tokenizer};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The vocabulary of the result.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) tokenizer: Tokenizer,
    /// That of the model that gives the configuration.
    pub(crate) donor: Tokenizer,
    /// Where the other files of the tokenizer come from.
    pub(crate) folder: PathBuf,
    /// Whether tokens were added to the folder's tokenizer.
    pub(crate) grown: bool,
    /// Rows of the result's embeddings.
    pub(crate) rows: usize,
}

/// Parts of names that tensors with a row per token have.
const PER_TOKEN: [&str; 10] = [
    "embed_tokens",
    "lm_head",
    "wte",
    "embed_in",
    "embed_out",
    "word_embeddings",
    "tok_embeddings",
    "predictions.decoder",
    "predictions.bias",
    "shared.weight",
];

/// An input with its vocabulary.
struct Owner {
    path: InputPath,
    role: String,
    source: Arc<dyn TensorSource>,
    tokenizer: Arc<Tokenizer>,
    /// Tensors with a row per token.
    tensors: BTreeSet<String>,
    /// Their number of rows.
    rows: usize,
}

/// Brings the embeddings of all inputs, the base first if there is one, into the order of one
/// vocabulary. Nothing where the recipe does not ask for it.
pub(super) fn align(
    recipe: &Recipe,
    inputs: &mut [&mut Input],
) -> Result<Option<Vocabulary>, MergeError> {
    let wanted = &recipe.tokenizer;
    if wanted.source == TokenizerSource::Default {
        return Ok(None);
    }
    let mut open = Open::default();
    let owners = inputs
        .iter()
        .map(|input| Owner::new(recipe, input, &mut open))
        .collect::<Result<Vec<_>, MergeError>>()?;
    let Some(donor) = owners.first() else {
        return Ok(None);
    };
    let (start, folder) = match &wanted.source {
        TokenizerSource::Path(path) => {
            let folder = recipe.root.join(path);
            (open.tokenizer(&folder, "`tokenizer_source`")?, folder)
        }
        _ => {
            let folder = inputs.first().map(|i| i.checkpoint.dir().to_owned());
            (Arc::clone(&donor.tokenizer), folder.unwrap_or_default())
        }
    };
    let more: Vec<&str> = wanted.tokens.iter().map(|t| t.token.as_str()).collect();
    let others: Vec<&Tokenizer> = match wanted.source {
        TokenizerSource::Union => owners[1..].iter().map(|o| &*o.tokenizer).collect(),
        _ => Vec::new(),
    };
    let tokenizer = start.union(&others, &more);
    let multiple = wanted.pad_to_multiple_of.unwrap_or(1);
    let mut vocabulary = Vocabulary {
        rows: tokenizer.len().next_multiple_of(multiple),
        grown: tokenizer.len() > start.len(),
        donor: (*donor.tokenizer).clone(),
        tokenizer,
        folder,
    };
    let unchanged = wanted.tokens.iter().all(|t| t.row.is_none())
        && wanted.pad_to_multiple_of.is_none()
        && owners
            .iter()
            .all(|o| o.rows == donor.rows && o.tokenizer.same_vocabulary(&vocabulary.tokenizer));
    if recipe.rules == Rules::Own && unchanged {
        vocabulary.rows = donor.rows;
        return Ok(Some(vocabulary));
    }
    let rows = Rows::new(recipe, &owners, &vocabulary)?;
    for (own, input) in inputs.iter_mut().enumerate() {
        let rows = rows.of(own);
        let same = |(id, row): (usize, &Row)| {
            *row == Row::Of {
                source: own,
                row: id,
            }
        };
        if owners[own].rows == rows.len() && rows.iter().enumerate().all(same) {
            continue;
        }
        let sources: Vec<_> = owners.iter().map(|o| Arc::clone(&o.source)).collect();
        let aligned = Aligned::new(own, sources, rows.into(), &owners[own].tensors);
        input.source = Arc::new(aligned.map_err(|source| MergeError::Align {
            role: owners[own].role.clone(),
            source,
        })?);
    }
    Ok(Some(vocabulary))
}

/// What is suspicious about merging rows by number where the recipe asks for no common vocabulary.
///
/// # Errors
/// Under our own rules: a token that has another number in another model.
pub(super) fn compare(recipe: &Recipe, inputs: &[&Input]) -> Result<Vec<String>, RecipeError> {
    let mut notes = Vec::new();
    if recipe.tokenizer.source != TokenizerSource::Default {
        return Ok(notes);
    }
    let read = |input: &Input| std::fs::read(input.checkpoint.dir().join("tokenizer.json")).ok();
    let Some((first, first_bytes)) = inputs.first().and_then(|i| Some((i, read(i)?))) else {
        return Ok(notes);
    };
    let parse = |bytes: &[u8], input: &Input| Tokenizer::parse(bytes, input.checkpoint.dir()).ok();
    let mut parsed = None;
    let mut seen: BTreeSet<&Path> = BTreeSet::from([first.checkpoint.dir()]);
    for input in &inputs[1..] {
        if !seen.insert(input.checkpoint.dir()) {
            continue;
        }
        let Some(bytes) = read(input).filter(|bytes| *bytes != first_bytes) else {
            continue;
        };
        if parsed.is_none() {
            parsed = parse(&first_bytes, first);
        }
        let (Some(ours), Some(theirs)) = (&parsed, parse(&bytes, input)) else {
            continue;
        };
        let differ = ours.differs_from(&theirs);
        let Some(example) = differ.first() else {
            continue;
        };
        let write = how_to_align(recipe);
        let moved = differ.iter().find(|token| theirs.id(token).is_some());
        if let (Some(moved), Rules::Own) = (moved, recipe.rules) {
            let message = format!(
                "the token {moved:?} is number {} in {} and number {} in {}, so their embeddings \
                 cannot be merged row by row: write {write}",
                ours.id(moved).unwrap_or_default(),
                first.role,
                theirs.id(moved).unwrap_or_default(),
                input.role,
            );
            return Err(recipe.error(recipe.method_at, message));
        }
        notes.push(format!(
            "the vocabularies of {} and {} differ in {} tokens ({example:?}, for one), and their \
             rows were merged by number: {write} merges them by token",
            first.role,
            input.role,
            differ.len(),
        ));
    }
    Ok(notes)
}

/// What to write for a common vocabulary, in the words of the recipe's format.
pub(super) fn how_to_align(recipe: &Recipe) -> &'static str {
    match recipe.rules {
        Rules::Own => "`tokenizer_source = \"union\"` (or \"base\")",
        Rules::Mergekit => "`tokenizer_source: union` (or `base`)",
    }
}

/// Tokenizers, each read once.
#[derive(Default)]
struct Open {
    known: HashMap<PathBuf, Arc<Tokenizer>>,
}

impl Open {
    fn tokenizer(&mut self, folder: &Path, role: &str) -> Result<Arc<Tokenizer>, MergeError> {
        if let Some(known) = self.known.get(folder) {
            return Ok(Arc::clone(known));
        }
        let read = Tokenizer::open(folder).map_err(|source| MergeError::Tokenizer {
            role: role.to_owned(),
            source: Box::new(source),
        })?;
        let read = Arc::new(read);
        self.known.insert(folder.to_owned(), Arc::clone(&read));
        Ok(read)
    }
}

impl Owner {
    fn new(recipe: &Recipe, input: &Input, open: &mut Open) -> Result<Self, MergeError> {
        let tokenizer = open.tokenizer(input.checkpoint.dir(), &input.role)?;
        let layers = Layers::of(input.source.names().iter().map(String::as_str));
        let candidates: Vec<(&String, TensorInfo)> = input
            .source
            .names()
            .iter()
            .filter(|name| layers.is_outside(name) && per_token(name))
            .filter_map(|name| Some((name, input.source.info(name).ok()?)))
            .filter(|(_, info)| info.dtype.is_float() && !info.shape.is_empty())
            .collect();
        let embedding = candidates
            .iter()
            .filter(|(_, info)| info.shape.len() == 2)
            .min_by_key(|(name, _)| Side::of(name) == Side::After);
        let Some(rows) = embedding.map(|(_, info)| info.shape[0]) else {
            let message = format!(
                "{} has no token embeddings that could be brought into another vocabulary (looked \
                 for names with {})",
                input.role,
                PER_TOKEN.join(", ")
            );
            return Err(recipe.error(recipe.tokenizer.at, message).into());
        };
        let tensors = candidates
            .iter()
            .filter(|(_, info)| info.shape[0] == rows)
            .map(|(name, _)| (*name).clone())
            .collect();
        Ok(Self {
            path: input.written.clone(),
            role: input.role.clone(),
            source: Arc::clone(&input.source),
            tokenizer,
            tensors,
            rows,
        })
    }

    /// The row of a token, where the model has both.
    fn row(&self, token: &str) -> Option<usize> {
        self.tokenizer.id(token).filter(|id| *id < self.rows)
    }
}

fn per_token(name: &str) -> bool {
    let other = ["norm", "dense", "position", "token_type"];
    PER_TOKEN.iter().any(|part| name.contains(part)) && !other.iter().any(|p| name.contains(p))
}

/// Where the rows of the result's vocabulary come from.
struct Rows<'a> {
    owners: &'a [Owner],
    len: usize,
    /// By id: the token, if one has it, the row for models that lack it, and whether all take it.
    tokens: Vec<(Option<String>, Row, bool)>,
    /// The rows of each model that a token has.
    named: Vec<BTreeSet<usize>>,
}

impl<'a> Rows<'a> {
    fn new(
        recipe: &Recipe,
        owners: &'a [Owner],
        vocabulary: &Vocabulary,
    ) -> Result<Self, MergeError> {
        let mut given: HashMap<&str, (Row, bool)> = HashMap::new();
        for rule in &recipe.tokenizer.tokens {
            if let Some(row) = &rule.row {
                let row = resolve(owners, &rule.token, row)
                    .map_err(|message| recipe.error(rule.at, message))?;
                given.insert(&rule.token, (row, rule.force));
            }
        }
        let mut tokens = vec![(None, Row::Padding, false); vocabulary.rows];
        for (id, token) in vocabulary.tokenizer.tokens() {
            let (row, force) = match given.get(token) {
                Some((row, force)) => (row.clone(), *force),
                None => (common(owners, token, recipe.base.is_some()), false),
            };
            tokens[id] = (Some(token.to_owned()), row, force);
        }
        let named = owners.iter().map(|owner| {
            let ids = owner.tokenizer.tokens().into_iter().map(|(id, _)| id);
            ids.collect()
        });
        Ok(Self {
            owners,
            len: vocabulary.tokenizer.len(),
            tokens,
            named: named.collect(),
        })
    }

    fn of(&self, own: usize) -> Vec<Row> {
        let owner = &self.owners[own];
        let rows = self
            .tokens
            .iter()
            .enumerate()
            .map(|(id, (token, row, force))| {
                let own_row = match token {
                    Some(_) if *force => None,
                    Some(token) => owner.row(token),
                    // Rows between the tokens are kept where the model has no token there either.
                    None => (id < self.len.min(owner.rows) && !self.named[own].contains(&id))
                        .then_some(id),
                };
                match own_row {
                    Some(row) => Row::Of { source: own, row },
                    None => row.clone(),
                }
            });
        rows.collect()
    }
}

/// The row of a token for models that lack it.
fn common(owners: &[Owner], token: &str, base: bool) -> Row {
    let mut rows: Vec<(usize, usize)> = Vec::new();
    for (i, owner) in owners.iter().enumerate() {
        // A model that is listed twice, or is the base, has one voice.
        let again = owners[..i].iter().any(|other| other.path == owner.path);
        if !again && let Some(row) = owner.row(token) {
            rows.push((i, row));
        }
    }
    match rows[..] {
        [] => Row::Zero,
        [(source, row)] => Row::Of { source, row },
        [(0, row), ..] if base => Row::Of { source: 0, row },
        _ => Row::Mean(rows),
    }
}

/// The row that a recipe asks for.
fn resolve(owners: &[Owner], token: &str, row: &TokenRow) -> Result<Row, String> {
    let find = |path: &InputPath| {
        let found = owners.iter().position(|owner| owner.path == *path);
        found.ok_or_else(|| {
            let known: Vec<String> = owners.iter().map(|o| o.path.to_string()).collect();
            let hint = nearest(&path.to_string(), known.iter().map(String::as_str))
                .map(|near| format!(" Did you mean `{near}`?"))
                .unwrap_or_default();
            format!("the row of {token:?} is to come from `{path}`, which is no model of this merge.{hint}")
        })
    };
    let of_token = |path: &InputPath, token: &str| {
        let source = find(path)?;
        let row = owners[source].row(token);
        let row = row.ok_or_else(|| format!("{} has no token {token:?}", owners[source].role))?;
        Ok(Row::Of { source, row })
    };
    match row {
        TokenRow::Zero => Ok(Row::Zero),
        TokenRow::Model(path) => of_token(path, token),
        TokenRow::Token { model, token } => of_token(model, token),
        TokenRow::Id { model, id } => {
            let source = find(model)?;
            if *id >= owners[source].rows {
                return Err(format!(
                    "{} has no row {id}, it has {}",
                    owners[source].role, owners[source].rows
                ));
            }
            Ok(Row::Of { source, row: *id })
        }
    }
}
