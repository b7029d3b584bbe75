//! How byte-level BPE cuts a text into words, by llama.cpp's names.
//!
//! The patterns are those of the models' own `tokenizer.json`.

use serde_json::{Value, json};

use super::sequence;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const PUNCTUATION: &str = r"[\p{P}\$\+<=>\^~\|]+";

/// A way of cutting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PreTokenizer {
    /// GPT-2's words.
    Gpt2,
    /// Each digit alone, then GPT-2's words.
    DigitsThenGpt2,
    /// Llama 3's words: up to three digits together.
    Llama3,
    /// Qwen 2's words: each digit alone; the text is in NFC.
    Qwen2,
    /// As Qwen 2, without normalisation.
    StableLm2,
    /// GPT-4o's words: capitals begin one.
    Gpt4o,
    /// Mistral's Tekken: as GPT-4o's, without contractions, each digit alone.
    Tekken,
    /// What llama.cpp does where the name is "default" or not there.
    Default,
}

/// Names in use.
const NAMES: [(&str, PreTokenizer); 33] = [
    ("gpt-2", PreTokenizer::Gpt2),
    ("phi-2", PreTokenizer::Gpt2),
    ("olmo", PreTokenizer::Gpt2),
    ("mpt", PreTokenizer::Gpt2),
    ("jais", PreTokenizer::Gpt2),
    ("jina-es", PreTokenizer::Gpt2),
    ("jina-de", PreTokenizer::Gpt2),
    ("jina-v2-es", PreTokenizer::Gpt2),
    ("jina-v2-de", PreTokenizer::Gpt2),
    ("gigachat", PreTokenizer::Gpt2),
    ("smollm", PreTokenizer::DigitsThenGpt2),
    ("starcoder", PreTokenizer::DigitsThenGpt2),
    ("refact", PreTokenizer::DigitsThenGpt2),
    ("command-r", PreTokenizer::DigitsThenGpt2),
    ("codeshell", PreTokenizer::DigitsThenGpt2),
    ("exaone", PreTokenizer::DigitsThenGpt2),
    ("minerva-7b", PreTokenizer::DigitsThenGpt2),
    ("llama-bpe", PreTokenizer::Llama3),
    ("llama3", PreTokenizer::Llama3),
    ("llama-v3", PreTokenizer::Llama3),
    ("falcon3", PreTokenizer::Llama3),
    ("pixtral", PreTokenizer::Llama3),
    ("dbrx", PreTokenizer::Llama3),
    ("smaug-bpe", PreTokenizer::Llama3),
    ("qwen2", PreTokenizer::Qwen2),
    ("deepseek-r1-qwen", PreTokenizer::Qwen2),
    ("megrez", PreTokenizer::Qwen2),
    ("stablelm2", PreTokenizer::StableLm2),
    ("hunyuan", PreTokenizer::StableLm2),
    ("gpt-4o", PreTokenizer::Gpt4o),
    ("llama4", PreTokenizer::Gpt4o),
    ("tekken", PreTokenizer::Tekken),
    ("default", PreTokenizer::Default),
];

impl PreTokenizer {
    pub(super) const DEFAULT: PreTokenizer = PreTokenizer::Default;

    /// By the value of `tokenizer.ggml.pre`.
    pub(super) fn named(name: &str) -> Option<PreTokenizer> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, pre_tokenizer)| *pre_tokenizer)
    }

    pub(super) fn names() -> Vec<&'static str> {
        NAMES.iter().map(|(name, _)| *name).collect()
    }

    /// Whether a word that is a token is taken whole, whatever its merges would give.
    pub(super) fn ignores_merges(self) -> bool {
        matches!(self, PreTokenizer::Llama3 | PreTokenizer::Tekken)
    }

    /// Whether a text begins with the BOS token where the file does not say so.
    pub(super) fn adds_bos(self) -> bool {
        matches!(self, PreTokenizer::Llama3 | PreTokenizer::Tekken)
    }

    /// `normalizer` of `tokenizer.json`.
    pub(super) fn normalizer(self) -> Value {
        match self {
            PreTokenizer::Qwen2 => json!({ "type": "NFC" }),
            _ => Value::Null,
        }
    }

    /// `pre_tokenizer` of `tokenizer.json`.
    pub(super) fn json(self) -> Value {
        let byte_level = |use_regex: bool| {
            json!({
                "type": "ByteLevel",
                "add_prefix_space": false, "trim_offsets": true, "use_regex": use_regex,
            })
        };
        let split = |pattern: &str| {
            json!({
                "type": "Split",
                "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false,
            })
        };
        let parts = match self {
            PreTokenizer::Gpt2 => return byte_level(true),
            PreTokenizer::DigitsThenGpt2 => vec![
                json!({ "type": "Digits", "individual_digits": true }),
                byte_level(true),
            ],
            PreTokenizer::Llama3 => vec![split(LLAMA3), byte_level(false)],
            PreTokenizer::Qwen2 | PreTokenizer::StableLm2 => vec![split(QWEN2), byte_level(false)],
            PreTokenizer::Gpt4o => vec![split(GPT4O), byte_level(false)],
            PreTokenizer::Tekken => vec![split(TEKKEN), byte_level(false)],
            PreTokenizer::Default => vec![
                split(PUNCTUATION),
                split(GPT2),
                split(r"\p{N}+"),
                split("[0-9][0-9][0-9]"),
                byte_level(false),
            ],
        };
        sequence("pretokenizers", &parts)
    }
}
