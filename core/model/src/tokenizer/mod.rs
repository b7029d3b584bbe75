//! Text to tokens and back.

mod bpe;
mod chat;
mod wrapping;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use mergelab_checkpoint::ExtraFile;
use serde_json::Value;

use crate::error::{ModelError, Result};

pub use bpe::train_bpe;
pub use chat::ChatMessage;

use wrapping::Wrapping;

/// Files of a tokenizer in a Hugging Face folder that are kept as they are.
const FILES: [&str; 5] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
];

/// The tokenizer of a model: `tokenizer.json`, and the special tokens that
/// `tokenizer_config.json` names.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    bos: Option<u32>,
    eos: Option<u32>,
    pad: Option<u32>,
    files: Vec<ExtraFile>,
    /// Source of the chat template.
    template: Option<String>,
    /// `bos_token` and its like, which templates write.
    special_tokens: BTreeMap<String, String>,
    /// How prompts are wrapped as chat, if they are.
    wrapping: Option<Wrapping>,
    /// Prompts and answers that come before every prompt.
    examples: Vec<(String, String)>,
}

/// A prompt and what is to follow it, as tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenPair {
    /// The prompt, with the tokens that the tokenizer or the chat template begins texts with.
    pub prompt: Vec<u32>,
    /// What follows; no end token.
    pub answer: Vec<u32>,
}

impl Tokenizer {
    /// Reads the tokenizer in a model's folder.
    ///
    /// # Errors
    /// If `tokenizer.json` is missing or damaged, or `tokenizer_config.json` names a token that
    /// `tokenizer.json` lacks.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for name in FILES {
            let path = folder.join(name);
            if path.is_file() {
                let bytes = std::fs::read(&path).map_err(ModelError::io(&path))?;
                files.push(ExtraFile::new(name, bytes));
            }
        }
        Self::from_files(files).map_err(|error| match error {
            ModelError::Tokenizer(reason) => {
                ModelError::Tokenizer(format!("{}: {reason}", folder.display()))
            }
            other => other,
        })
    }

    pub(crate) fn from_files(files: Vec<ExtraFile>) -> Result<Self> {
        let fail = |name: &str, reason: String| ModelError::Tokenizer(format!("{name}: {reason}"));
        let file = |name: &str| files.iter().find(|file| file.name == name);
        let Some(json) = file("tokenizer.json") else {
            return Err(ModelError::Tokenizer(
                "there is no tokenizer.json; save the tokenizer with transformers' fast classes"
                    .into(),
            ));
        };
        let mut inner = tokenizers::Tokenizer::from_bytes(&json.bytes)
            .map_err(|error| fail("tokenizer.json", error.to_string()))?;
        // Lengths are this crate's business; settings left over from training would cut texts.
        inner.with_padding(None);
        inner
            .with_truncation(None)
            .map_err(|error| fail("tokenizer.json", error.to_string()))?;
        let config: Value = match file("tokenizer_config.json") {
            Some(file) => serde_json::from_slice(&file.bytes)
                .map_err(|error| fail(&file.name, format!("is not JSON: {error}")))?,
            None => Value::Null,
        };
        let content = |value: &Value| {
            let content = value.as_str().or(value["content"].as_str());
            content.map(str::to_owned)
        };
        let special_tokens: BTreeMap<String, String> = config
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.ends_with("_token") && !key.starts_with("add_"))
            .filter_map(|(key, value)| Some((key.clone(), content(value)?)))
            .collect();
        let special = |key: &str| -> Result<Option<u32>> {
            let Some(token) = special_tokens.get(key) else {
                return Ok(None);
            };
            let id = inner.token_to_id(token).ok_or_else(|| {
                let reason = format!("`{key}` is \"{token}\", which tokenizer.json lacks");
                fail("tokenizer_config.json", reason)
            })?;
            Ok(Some(id))
        };
        let template = match file("chat_template.jinja") {
            Some(file) => Some(String::from_utf8_lossy(&file.bytes).into_owned()),
            None => chat::template_in(&config["chat_template"]),
        };
        Ok(Self {
            bos: special("bos_token")?,
            eos: special("eos_token")?,
            pad: special("pad_token")?,
            inner,
            files,
            template,
            special_tokens,
            wrapping: None,
            examples: Vec::new(),
        })
    }

    /// The files that make up the tokenizer, to be put beside a model's weights.
    pub(crate) fn files(&self) -> &[ExtraFile] {
        &self.files
    }

    /// Writes the tokenizer's files into an existing folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        for file in &self.files {
            crate::atomic::write(&folder.join(&file.name), &file.bytes)?;
        }
        Ok(())
    }

    /// The tokens of a text, with the special tokens that the tokenizer puts around texts.
    ///
    /// # Errors
    /// If the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.run(text, true)
    }

    /// The tokens of a text alone.
    ///
    /// # Errors
    /// If the tokenizer refuses the text.
    pub fn encode_plain(&self, text: &str) -> Result<Vec<u32>> {
        self.run(text, false)
    }

    fn run(&self, text: &str, special: bool) -> Result<Vec<u32>> {
        let encoding = self
            .inner
            .encode_fast(text, special)
            .map_err(|error| ModelError::Tokenizer(format!("cannot encode a text: {error}")))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The tokens of a prompt that a model is to continue.
    ///
    /// Spaces at the end of the prompt are left to the model: most vocabularies hold words with
    /// the space before them, so a model has hardly ever seen a word after a lone space. An end
    /// token that the tokenizer puts after texts is left out.
    ///
    /// Where [prompts are wrapped as chat](Tokenizer::wrap_prompts_as_chat), these are the tokens of the
    /// user's turn up to where the assistant's begins. [Examples](Tokenizer::show_examples) come
    /// before the prompt.
    ///
    /// # Errors
    /// If the tokenizer or the chat template refuses the text.
    pub fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>> {
        self.encode_prompt_after(&self.examples, prompt)
    }

    /// As [`encode_prompt`](Tokenizer::encode_prompt), after these examples.
    pub(crate) fn encode_prompt_after(
        &self,
        examples: &[(String, String)],
        prompt: &str,
    ) -> Result<Vec<u32>> {
        if let Some(wrapping) = &self.wrapping {
            return self.encode_plain(&wrapping.prompt(examples, prompt)?);
        }
        self.encode_start(&after_examples(examples, prompt.trim_end_matches(' ')))
    }

    /// The tokens of a text that goes on.
    fn encode_start(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = self.encode(text)?;
        if self.eos.is_some() && ids.last() == self.eos.as_ref() && ids.len() > 1 {
            ids.pop();
        }
        Ok(ids)
    }

    /// The tokens of a prompt and of what follows it.
    ///
    /// The prompt's tokens are those of [`encode_prompt`](Tokenizer::encode_prompt), the same in
    /// training, scoring and generation; the spaces at its end go to the answer. The answer's
    /// tokens are those it has after the prompt where the boundary between the two is one between
    /// tokens, else those it has alone.
    ///
    /// Where [prompts are wrapped as chat](Tokenizer::wrap_prompts_as_chat), the answer follows the
    /// beginning of the assistant's turn, without spaces before it.
    ///
    /// # Errors
    /// If the tokenizer or the chat template refuses a text.
    pub fn encode_pair(&self, prompt: &str, answer: &str) -> Result<TokenPair> {
        let mut pairs = self.encode_pairs_after(&self.examples, prompt, &[answer])?;
        Ok(pairs.pop().unwrap_or_default())
    }

    /// As [`encode_pair`](Tokenizer::encode_pair), of several answers to one prompt after these
    /// examples.
    pub(crate) fn encode_pairs_after(
        &self,
        examples: &[(String, String)],
        prompt: &str,
        answers: &[&str],
    ) -> Result<Vec<TokenPair>> {
        if let Some(wrapping) = &self.wrapping {
            let before = wrapping.prompt(examples, prompt)?;
            let prompt = self.encode_plain(&before)?;
            let pair = |answer: &&str| {
                let answer = answer.trim_start_matches(' ');
                let whole = self.encode_plain(&format!("{before}{answer}"))?;
                let answer = self.following(&prompt, &whole, answer)?;
                let prompt = prompt.clone();
                Ok(TokenPair { prompt, answer })
            };
            return answers.iter().map(pair).collect();
        }
        let trimmed = prompt.trim_end_matches(' ');
        let spaces = &prompt[trimmed.len()..];
        let before = after_examples(examples, trimmed);
        let prompt = self.encode_start(&before)?;
        let pair = |answer: &&str| {
            let answer = format!("{spaces}{answer}");
            let mut whole = self.encode(&format!("{before}{answer}"))?;
            if self.eos.is_some() && whole.last() == self.eos.as_ref() {
                whole.pop();
            }
            let answer = self.following(&prompt, &whole, &answer)?;
            let prompt = prompt.clone();
            Ok(TokenPair { prompt, answer })
        };
        answers.iter().map(pair).collect()
    }

    /// From now on, these prompts with their answers come before every prompt: as turns of the
    /// conversation where prompts are wrapped as chat, else as texts with an empty line after each.
    pub fn show_examples(&mut self, examples: Vec<(String, String)>) {
        self.examples = examples;
    }

    /// The examples that come before every prompt.
    pub fn examples(&self) -> &[(String, String)] {
        &self.examples
    }

    /// The tokens of an answer: those after the prompt's where the whole begins with them.
    fn following(&self, prompt: &[u32], whole: &[u32], answer: &str) -> Result<Vec<u32>> {
        match whole.strip_prefix(prompt) {
            Some(rest) if !rest.is_empty() => Ok(rest.to_vec()),
            _ => self.encode_plain(answer),
        }
    }

    /// The text of tokens, special tokens left out.
    ///
    /// # Errors
    /// If the tokenizer refuses the tokens.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.inner
            .decode(ids, true)
            .map_err(|error| ModelError::Tokenizer(format!("cannot decode tokens: {error}")))
    }

    /// The token that begins texts.
    pub fn bos(&self) -> Option<u32> {
        self.bos
    }

    /// The token that ends texts.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// The token that fills up batches.
    pub fn pad(&self) -> Option<u32> {
        self.pad
    }

    /// Tokens, special ones included.
    pub fn vocab_size(&self) -> usize {
        // Ids may leave gaps; a model needs a row for each id up to the greatest.
        let greatest = self.inner.get_vocab(true).into_values().max();
        greatest.map_or(0, |id| id as usize + 1)
    }
}

/// A prompt after examples, with an empty line after each.
pub fn after_examples(examples: &[(String, String)], prompt: &str) -> String {
    let mut text = String::new();
    for (prompt, answer) in examples {
        text.extend([prompt, answer, "\n\n"].map(|part: &str| part));
    }
    text.push_str(prompt);
    text
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer")
            .field("vocab_size", &self.vocab_size())
            .field("bos", &self.bos)
            .field("eos", &self.eos)
            .field("pad", &self.pad)
            .finish_non_exhaustive()
    }
}
