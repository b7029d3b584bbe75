//! Models that tie their output head to the embeddings, merged with models that do not.

use crate::inputs::Input;
use mergelab_checkpoint::{CheckpointError, LowRankUpdate, TensorInfo, TensorSource};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Names of output heads that a tied model does not store.
pub(crate) const HEADS: [&str; 2] = ["lm_head.weight", "embed_out.weight"];

/// How names of token embeddings end.
const EMBEDDINGS: [&str; 5] = [
    "embed_tokens.weight",
    "wte.weight",
    "embed_in.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
];

/// A source with one tensor more, which is another one of it under a second name.
struct Untied {
    inner: Arc<dyn TensorSource>,
    names: Vec<String>,
    head: &'static str,
    embedding: String,
}

/// Gives tied models an output head where other inputs store one. Notes say so.
pub(crate) fn untie<'a>(inputs: impl Iterator<Item = &'a mut Input>) -> Vec<String> {
    let mut inputs: Vec<&mut Input> = inputs.collect();
    let mut notes = Vec::new();
    for head in HEADS {
        let stores = |input: &&mut Input| input.source.info(head).is_ok();
        if !inputs.iter().any(stores) || inputs.iter().all(stores) {
            continue;
        }
        for input in inputs.iter_mut().filter(|i| i.source.info(head).is_err()) {
            let Some(embedding) = tied(input) else {
                continue;
            };
            notes.push(format!(
                "{} has no `{head}` of its own: its embeddings, `{embedding}`, take part as its \
                 output head, and the result is not tied",
                input.role
            ));
            let mut names = input.source.names().to_vec();
            names.push(head.to_owned());
            names.sort();
            input.source = Arc::new(Untied {
                inner: Arc::clone(&input.source),
                names,
                head,
                embedding,
            });
        }
    }
    notes
}

/// The embeddings of a model that has no output head and does not say that it should have one.
fn tied(input: &Input) -> Option<String> {
    let config = input.checkpoint.config();
    let says = config.and_then(|c| c.get("tie_word_embeddings"));
    if says.and_then(serde_json::Value::as_bool) == Some(false) {
        return None;
    }
    let mut found = input
        .source
        .names()
        .iter()
        .filter(|name| EMBEDDINGS.iter().any(|end| name.ends_with(end)));
    let first = found.next()?;
    found.next().is_none().then(|| first.clone())
}

impl Untied {
    fn name<'n>(&'n self, name: &'n str) -> &'n str {
        if name == self.head {
            &self.embedding
        } else {
            name
        }
    }
}

impl TensorSource for Untied {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn info(&self, name: &str) -> Result<TensorInfo, CheckpointError> {
        self.inner.info(self.name(name))
    }

    fn read_f32(
        &self,
        name: &str,
        range: Range<usize>,
        out: &mut [f32],
    ) -> Result<(), CheckpointError> {
        self.inner.read_f32(self.name(name), range, out)
    }

    fn raw_bytes(&self, name: &str) -> Result<&[u8], CheckpointError> {
        self.inner.raw_bytes(self.name(name))
    }

    fn low_rank(&self, name: &str) -> Option<LowRankUpdate<'_>> {
        self.inner.low_rank(self.name(name))
    }
}
